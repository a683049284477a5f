"""The GitHub App about itself: who it is, where it is installed, and tokens that may do little.

A token is for one repository and one purpose, lives as long as the block that uses it, and is revoked
at its end. PyGithub can ask for permissions but not for one repository, so tokens are asked for by
hand: https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from functools import partial
from types import MappingProxyType

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from github import Auth, GithubIntegration
from github.HookDelivery import HookDeliverySummary
from github.PaginatedList import PaginatedList
from github.Repository import Repository
from jwt.algorithms import RSAAlgorithm

from perfbot.bot.forge import ForgeError, RepositoryName, Trouble
from perfbot.bot.github_session import Site, asking

_log = logging.getLogger(__name__)

NO_KEY = "the private key of the App cannot be read: it has to be the PEM file that GitHub gave out"
TOO_MUCH = (
    "GitHub's token for repository {repository} reaches further than was asked for, so it was not used; "
    "check the address of this GitHub"
)
NOT_REVOKED = "A token of installation %d was not revoked and ends by itself within an hour: %s"


class Rights(Enum):
    """What a token is for; each asks for no more than that."""

    CHECKOUT = MappingProxyType({"metadata": "read", "contents": "read", "pull_requests": "read"})
    """Fetch the code and look at pull requests; the only token in a process near foreign code."""
    TALK = MappingProxyType(
        {"metadata": "read", "contents": "read", "pull_requests": "write", "issues": "write", "checks": "write"}
    )  # fmt: skip
    """Answer, react and report; push nothing."""
    PUBLISH = MappingProxyType(
        {"metadata": "read", "contents": "write", "pull_requests": "write", "issues": "write", "checks": "write"}
    )  # fmt: skip
    """Push a branch that was judged, and open its pull request."""


@dataclass(frozen=True, slots=True)
class Token:
    """An installation's token; what is printed of it never shows the secret."""

    secret: str = field(repr=False)
    repository: int
    expires_at: datetime

    def __str__(self) -> str:
        return repr(self)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook delivery in the App's log; ``guid`` stays the same when it is delivered again.

    ``tries`` counts how often it was delivered so far.
    """

    id: int
    guid: str
    event: str
    delivered_at: datetime
    arrived: bool
    tries: int = 1


class GitHubApp:
    """An App with its private key (PEM). Raises ForgeError for a key that is none."""

    def __init__(self, site: Site, app_id: str, private_key: str) -> None:
        self._site = site
        try:
            key = RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(private_key)  # 0.1 s: once only
            assert isinstance(key, RSAPrivateKey)
            auth = Auth.AppAuth(app_id, sign_func=partial(jwt.encode, key=key, algorithm="RS256"))
            auth.create_jwt()
        except Exception:  # each library below has errors of its own for what is no key
            raise ForgeError(Trouble.DENIED, NO_KEY) from None
        self._app: GithubIntegration = site.as_app(auth)

    def login(self) -> str:
        """Return how GitHub signs what this App writes: ``slug[bot]``."""
        with asking("say who this App is"):
            return f"{self._app.get_app().slug}[bot]"

    def installation(self, name: RepositoryName) -> int:
        """Return the number of the installation that has a repository."""
        with asking(f"find the App's installation in {name}"):
            return self._app.get_repo_installation(name.owner, name.name).id

    def installations(self) -> tuple[int, ...]:
        """Return the numbers of all installations."""
        with asking("list the App's installations"):
            return tuple(one.id for one in self._app.get_installations())

    def repositories(self, installation: int) -> Mapping[int, RepositoryName]:
        """Return the names of all repositories of an installation by their numbers."""
        asked = {"permissions": {"metadata": "read"}}
        with self._opened(installation, asked) as answer:
            requester = self._site.with_token(str(answer["token"])).requester
            with asking(f"list the repositories of installation {installation}"):
                found = PaginatedList(
                    Repository,
                    requester,
                    "/installation/repositories",
                    None,
                    list_item="repositories",
                )
                return {one.id: RepositoryName.parsed(one.full_name) for one in found}

    @contextmanager
    def token(self, installation: int, repository: int, rights: Rights) -> Iterator[Token]:
        """Hand out a token for one repository and revoke it when the block ends.

        Raises ForgeError when GitHub gives none, or one that reaches further than was asked for.
        """
        asked = {"repository_ids": [repository], "permissions": dict(rights.value)}
        with self._opened(installation, asked) as answer:
            if not _within(answer, repository, rights):
                raise ForgeError(Trouble.REFUSED, TOO_MUCH.format(repository=repository))
            ends = datetime.fromisoformat(str(answer["expires_at"]))
            yield Token(str(answer["token"]), repository, ends)

    @contextmanager
    def _opened(
        self, installation: int, asked: Mapping[str, object]
    ) -> Iterator[Mapping[str, object]]:
        with asking(f"give out a token for installation {installation}"):
            address = f"/app/installations/{installation}/access_tokens"
            _, answer = self._app.requester.requestJsonAndCheck("POST", address, input=asked)
            secret = str(answer["token"])
        try:
            yield answer
        finally:
            self._revoke(secret, installation)

    def _revoke(self, secret: str, installation: int) -> None:
        """Revoke a token; where that fails, what was done with it still stands and is not undone."""
        try:
            with asking("revoke a token"):
                requester = self._site.with_token(secret).requester
                requester.requestJsonAndCheck("DELETE", "/installation/token")
        except ForgeError as error:
            _log.warning(NOT_REVOKED, installation, error)

    def undelivered(self, since: datetime) -> tuple[Delivery, ...]:
        """Return the newest try of each delivery since a moment that has never arrived, oldest first.

        GitHub's own filter knows only answers of 400 and more, not those that never came.
        """
        tries: dict[str, list[Delivery]] = {}
        with asking("list the App's webhook deliveries"):
            requester = self._app.requester
            for one in PaginatedList(HookDeliverySummary, requester, "/app/hook/deliveries", None):
                delivery = _delivery(one)
                if delivery.delivered_at < since:
                    break  # they come newest first
                tries.setdefault(delivery.guid, []).append(delivery)
        lost = [
            replace(each[0], tries=len(each))
            for each in tries.values()
            if not any(one.arrived for one in each)
        ]
        return tuple(reversed(lost))

    def deliver_again(self, delivery: Delivery) -> None:
        """Ask GitHub to send a delivery once more."""
        with asking(f"send the delivery {delivery.guid} again"):
            address = f"/app/hook/deliveries/{delivery.id}/attempts"
            self._app.requester.requestJsonAndCheck("POST", address)


def _delivery(one: HookDeliverySummary) -> Delivery:
    if one.id is None or one.guid is None or one.event is None or one.delivered_at is None:
        raise ValueError  # GitHub's description has them all
    return Delivery(one.id, one.guid, one.event, one.delivered_at, one.status == "OK")


def _within(answer: Mapping[str, object], repository: int, rights: Rights) -> bool:
    """Tell whether a token reaches one repository and no further than these rights."""
    given, reached = answer.get("permissions"), answer.get("repositories")
    if not isinstance(given, dict) or not isinstance(reached, list):
        return False
    numbers = [one.get("id") for one in reached if isinstance(one, dict)]
    modest = all(level in (rights.value.get(name), "read") for name, level in given.items())
    return modest and set(given) <= set(rights.value) and numbers == [repository]
