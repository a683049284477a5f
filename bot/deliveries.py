"""A webhook delivery as GitHub sends it: headers and raw bytes in, a checked delivery or a refusal out.

Nothing here reads or writes anything. The rules are GitHub's, "Validating webhook deliveries" and
"Webhook events and payloads" (docs.github.com/en/webhooks); the body counts as hostile until its
signature is right, and its fields stay hostile afterwards: people choose what stands in them.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

LARGEST_BYTES = 25 * 1024 * 1024  # GitHub sends no larger payload
SHORTEST_SECRET = 16
DEEPEST = 64  # GitHub's own payloads nest less than ten levels

NONE_GIVEN = (
    "no webhook secret: set PERFBOT_WEBHOOK_SECRET, or name a file with --secret-file. A secret has at "
    "least {least} characters, one a line; during a rotation write the new one first and the old one below"
)
TOO_SHORT = (
    "webhook secret {number} has {length} characters; use at least {least}, such as the output of "
    "`openssl rand -hex 32`"
)
NOT_JSON_TYPE = "Content-Type must be application/json: set it so in the webhook's settings."
TOO_LARGE = f"The body is larger than {LARGEST_BYTES} bytes."
NO_SIGNATURE = "The header X-Hub-Signature-256 is missing: set a secret in the webhook's settings."
WRONG_SIGNATURE = "X-Hub-Signature-256 does not match the body: the secrets differ."
WRONG_ID = "X-GitHub-Delivery must be a UUID."
WRONG_EVENT = "X-GitHub-Event must be the name of an event."
NOT_JSON = "The body is no JSON object in UTF-8."
TOO_DEEP = f"The body nests more than {DEEPEST} levels."

EVENTS = frozenset(
    {
        "installation",
        "installation_repositories",
        "issue_comment",
        "issues",
        "pull_request",
        "push",
    }
)
"""The events that can start work; all others are answered politely and forgotten."""

_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_EVENT = re.compile(r"[a-z][a-z0-9_]{0,63}")
_JSON_TYPE = re.compile(r"application/json\s*(;\s*charset=\"?utf-8\"?\s*)?", re.IGNORECASE)

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


class SecretError(ValueError):
    """A server without a proper secret would obey anybody, so it must not start."""


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """The webhook secrets that count now, newest first; never shown in a log or an error."""

    values: tuple[bytes, ...]

    @classmethod
    def read(cls, text: str) -> "Secrets":
        """Return the secrets in ``text``, one a line; raises SecretError when one is missing or short."""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines:
            raise SecretError(NONE_GIVEN.format(least=SHORTEST_SECRET))
        for number, line in enumerate(lines, 1):
            if len(line) < SHORTEST_SECRET:
                told = TOO_SHORT.format(number=number, length=len(line), least=SHORTEST_SECRET)
                raise SecretError(told)
        return cls(tuple(line.encode() for line in lines))

    def sign(self, body: bytes, algorithm: str = "sha256") -> str:
        """Return the header's value that GitHub would send with this body, by the newest secret."""
        return f"{algorithm}={hmac.new(self.values[0], body, algorithm).hexdigest()}"

    def signed(self, body: bytes, digest: bytes) -> bool:
        """Say whether any secret signs ``body`` so; takes as long whichever it is, and if none."""
        made = [hmac.new(secret, body, hashlib.sha256).digest() for secret in self.values]
        return sum(hmac.compare_digest(one, digest) for one in made) > 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """An authentic delivery of an event that perfbot listens to; ``body`` is a JSON object."""

    id: str
    event: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Ignored:
    """An authentic delivery of an event that starts nothing, such as ``ping``."""

    id: str
    event: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that is no delivery: the HTTP status (400 to 499) and one sentence that says why."""

    status: int
    sentence: str


def check(
    headers: Mapping[str, str], body: bytes, secrets: Secrets
) -> Delivery | Ignored | Refused:
    """Decide about one request; ``headers`` have lower-case names, ``body`` is as it came.

    The signature is judged before anything of the body is looked at.
    """
    if refused := _envelope(headers, body):
        return refused
    found = _SIGNATURE.fullmatch(headers["x-hub-signature-256"])
    if not found or not secrets.signed(body, bytes.fromhex(found[1])):
        return Refused(401, WRONG_SIGNATURE)
    id, event = headers.get("x-github-delivery", "").lower(), headers.get("x-github-event", "")
    if not _UUID.fullmatch(id):
        return Refused(400, WRONG_ID)
    if not _EVENT.fullmatch(event):
        return Refused(400, WRONG_EVENT)
    try:
        payload(body)
    except ValueError as error:
        return Refused(400, str(error))
    return Delivery(id, event, body) if event in EVENTS else Ignored(id, event)


def _envelope(headers: Mapping[str, str], body: bytes) -> Refused | None:
    if not _JSON_TYPE.fullmatch(headers.get("content-type", "")):
        return Refused(415, NOT_JSON_TYPE)
    if len(body) > LARGEST_BYTES:
        return Refused(413, TOO_LARGE)
    if "x-hub-signature-256" not in headers:
        return Refused(401, NO_SIGNATURE)
    return None


def payload(body: bytes) -> dict[str, Json]:
    """Return the JSON object in ``body``; raises ValueError, whose message is a sentence.

    Stricter than Python's own reader: UTF-8 only, no NaN, no numbers of thousands of digits, and no
    deeper than ``DEEPEST``, so that whoever reads it again cannot run out of stack.
    """
    try:
        value: Json = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    except ValueError:
        raise ValueError(NOT_JSON) from None
    if not isinstance(value, dict):
        raise ValueError(NOT_JSON)
    if _deeper_than(value, DEEPEST):
        raise ValueError(TOO_DEEP)
    return value


def _no_constant(name: str) -> Json:
    raise ValueError(name)


def _deeper_than(value: Json, levels: int) -> bool:
    here = [value]
    for _ in range(levels):
        here = [child for one in here for child in _children(one)]
    return bool(here)


def _children(value: Json) -> Iterator[Json]:
    """Yield what nests: scalars end here and are not carried along."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (one for one in inner if isinstance(one, dict | list))
