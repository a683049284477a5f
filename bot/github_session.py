"""How perfbot speaks with GitHub: where it is, how long it waits, and what a failure means.

Reading is retried here, a few times and for half a minute at most. Writing is never simply repeated,
since a lost answer does not say whether it was done (``github.py`` looks first).
Sources: https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api,
https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypedDict
from urllib.parse import urlsplit

import requests
from github import Auth, Github, GithubIntegration, GithubRetry
from github.GithubException import (
    BadAttributeException,
    GithubException,
    RateLimitExceededExceedsMaxWait,
    RateLimitExceededException,
)
from urllib3 import BaseHTTPResponse
from urllib3.connectionpool import ConnectionPool
from urllib3.util import Retry

from perfbot.bot.forge import ForgeError, Trouble

API_VERSION = "2022-11-28"
USER_AGENT = "perfbot"
_TIMEOUT_S = 20
_PER_PAGE = 100
_TRIES = 3
_LONGEST_WAIT_S = 30.0
_SECONDARY_WAIT_S = 60.0  # what GitHub asks for when it names no time
_BACKOFF_S = 0.5
_LONGEST_REASON = 300
_PUBLIC_API = "https://api.github.com"
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
# What PyGithub raises for answers that are not GitHub's, or lead to another host than it was given.
_NONSENSE = (
    BadAttributeException, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError,
)  # fmt: skip

FAILED = "GitHub did not {what}: {why}. {advice}"
NO_ANSWER = "no answer came ({kind})"
BROKEN = "the answer makes no sense ({kind})"
INSECURE = (
    "{url!r} is no address of a GitHub: one begins with https:// and has no user, query or fragment"
)
ADVICE = {
    Trouble.DENIED: "Check that the App is installed there and was given the permissions it asks for",
    Trouble.MISSING: "Check the name, and that the App is installed in this repository",
    Trouble.REFUSED: "Trying again without a change will not help",
    Trouble.LIMITED: "Try again when the limit is over",
    Trouble.UNREACHABLE: "It may have been done all the same; trying again is safe",
}
_BY_STATUS = {
    401: Trouble.DENIED,
    403: Trouble.DENIED,
    404: Trouble.MISSING,
    410: Trouble.MISSING,
    429: Trouble.LIMITED,
}


class _Settings(TypedDict):
    base_url: str
    timeout: int
    user_agent: str
    per_page: int
    retry: GithubRetry
    seconds_between_requests: float | None
    seconds_between_writes: float | None
    api_version: str


@dataclass(frozen=True, slots=True)
class Site:
    """A GitHub: the public one, or a GitHub Enterprise Server (``https://HOST/api/v3``).

    The pauses between requests are GitHub's own advice. Raises ForgeError for an address that is not
    https, except on loopback, where tests run.
    """

    api: str = _PUBLIC_API
    between_requests_s: float = 0.25
    between_writes_s: float = 1.0

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.api)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise self._refused() from None
        safe = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
        if not (safe and host) or parts.username or parts.password or parts.query or parts.fragment:
            raise self._refused()

    def _refused(self) -> ForgeError:
        shown = self.api.rpartition("@")[2]  # a password may stand before it
        return ForgeError(Trouble.REFUSED, INSECURE.format(url=shown))

    @property
    def on_loopback(self) -> bool:
        """Whether this GitHub runs on this very machine."""
        return urlsplit(self.api).hostname in _LOOPBACK

    @property
    def web(self) -> str:
        """Where its repositories are cloned from: ``https://github.com`` for ``https://api.github.com``."""
        parts = urlsplit(self.api)
        # The public GitHub and https://SUBDOMAIN.ghe.com keep their API on a host of its own.
        return f"{parts.scheme}://{parts.netloc.removeprefix('api.')}"

    def as_app(self, auth: Auth.AppAuth) -> GithubIntegration:
        """Return a connection that speaks as the App itself."""
        return GithubIntegration(auth=auth, **self._settings())

    def anonymous(self) -> Github:
        """Return a connection that says nothing about who asks."""
        return self._connection(None)

    def with_token(self, token: str) -> Github:
        """Return a connection that speaks with an installation's token; nothing is asked yet."""
        return self._connection(Auth.Token(token))

    def _connection(self, auth: Auth.Token | None) -> Github:
        return Github(auth=auth, lazy=True, **self._settings())

    def _settings(self) -> "_Settings":
        """Return what both kinds of connections are made with."""
        return {
            "base_url": self.api,
            "timeout": _TIMEOUT_S,
            "user_agent": USER_AGENT,
            "per_page": _PER_PAGE,
            "retry": _Patience.new_one(),
            "seconds_between_requests": self.between_requests_s or None,
            "seconds_between_writes": self.between_writes_s or None,
            "api_version": API_VERSION,
        }


class _Patience(GithubRetry):
    """PyGithub's retries, for reading only, and with an end to what ``Retry-After`` may ask for."""

    @classmethod
    def new_one(cls) -> Self:
        return cls(
            total=_TRIES,
            secondary_rate_wait=_SECONDARY_WAIT_S,
            max_rate_limit_wait=_LONGEST_WAIT_S,
            backoff_factor=_BACKOFF_S,
            allowed_methods={"GET", "HEAD"},
        )

    def increment(  # type: ignore[override]
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Retry:
        """Refuse to sleep longer than half a minute, which PyGithub itself does for this header."""
        wait_s = self.get_retry_after(response) if response else None
        if response and wait_s is not None and wait_s > _LONGEST_WAIT_S:
            response.drain_conn()  # the connection can be used for the next request
            raise RateLimitExceededExceedsMaxWait(
                response.status, {"message": "Retry-After"}, dict(response.headers), wait=wait_s
            )
        return super().increment(method, url, response, error, _pool, _stacktrace)  # type: ignore[arg-type]


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Turn whatever goes wrong inside into a ForgeError that says ``what`` was not done.

    The cause is left out: its text may hold addresses and headers, and tokens have no business in logs.
    """
    try:
        yield
    except GithubException as error:
        raise _meant(what, error) from None
    except (requests.RequestException, OSError) as error:
        why = NO_ANSWER.format(kind=type(error).__name__)
        raise _failure(Trouble.UNREACHABLE, what, why) from None
    except _NONSENSE as error:
        why = BROKEN.format(kind=type(error).__name__)
        raise _failure(Trouble.UNREACHABLE, what, why) from None


def _meant(what: str, error: GithubException) -> ForgeError:
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    trouble = _trouble(error, headers)
    why = f"{_reason(error.data)} ({error.status})"
    wait_s = _wait_s(error, headers) if trouble is Trouble.LIMITED else None
    return _failure(trouble, what, why, wait_s)


def _failure(trouble: Trouble, what: str, why: str, wait_s: float | None = None) -> ForgeError:
    return ForgeError(trouble, FAILED.format(what=what, why=why, advice=ADVICE[trouble]), wait_s)


def _trouble(error: GithubException, headers: Mapping[str, str]) -> Trouble:
    if isinstance(error, RateLimitExceededException) or "retry-after" in headers:
        return Trouble.LIMITED
    if error.status >= 500:
        return Trouble.UNREACHABLE
    return _BY_STATUS.get(error.status, Trouble.REFUSED)


def _wait_s(error: GithubException, headers: Mapping[str, str]) -> float:
    if isinstance(error, RateLimitExceededExceedsMaxWait) and error.wait is not None:
        return error.wait
    after, reset = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
    if after.isdigit():
        return float(after)
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return max(float(reset) - time.time(), 0.0) + 1.0  # it resets somewhere in that second
    return _SECONDARY_WAIT_S


def _reason(data: object) -> str:
    """Return GitHub's own words, on one line."""
    said = [data.get("message")] if isinstance(data, dict) else [data]
    details = data.get("errors") if isinstance(data, dict) else None
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            words = (detail.get(name) for name in ("resource", "field", "code", "message"))
            detail = " ".join(word for word in words if isinstance(word, str))
        said.append(detail)
    text = "; ".join(" ".join(part.split()) for part in said if isinstance(part, str) and part)
    printable = "".join(letter for letter in text if letter.isprintable())
    return printable[:_LONGEST_REASON].rstrip(". ") or "it gave no reason"
