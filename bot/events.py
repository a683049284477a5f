"""What a delivery asks of perfbot: a typed trigger, or nothing, which is the commonest answer.

Pure functions over a stored delivery. Field names are GitHub's, "Webhook events and payloads"
(docs.github.com/en/webhooks/webhook-events-and-payloads).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from perfbot.bot.deliveries import Json, payload
from perfbot.bot.triggers import (
    CommentCreated,
    DashboardEdited,
    InstallationChanged,
    PullRequestChange,
    PullRequestChanged,
    Pushed,
    RepositoriesChanged,
    Repository,
    Trigger,
)

DASHBOARD_MARK = "<!-- perfbot:dashboard -->"
"""Stands in the body of the dashboard issue, so that it is known again."""

WRONG_FIELD = "{event}: {field} is {found}, expected {expected}"
_COMMAND_LINE = re.compile(r"^[ ]{0,3}/[a-z]", re.MULTILINE | re.IGNORECASE)
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NAME = re.compile(r"(?!\.)[\w.-]{1,100}/(?!\.{1,2}$)[\w.-]{1,100}", re.ASCII)


class EventError(ValueError):
    """A payload is not as GitHub describes it; the message names the field and quotes nothing."""


def trigger(event: str, body: bytes) -> Trigger | None:
    """Return what a delivery's event and body ask for, None when that is nothing.

    Raises:
        EventError: the event is one that matters, but its payload is not as GitHub describes it.
        ValueError: the body is no JSON object.
    """
    read = _READERS.get(event)
    return read(_Fields(event, "", payload(body))) if read else None


@dataclass(frozen=True, slots=True)
class _Fields:
    """An object of a payload, read field by field with its type checked.

    ``path`` is where it stands, such as ``comment.user``.
    """

    event: str
    path: str
    values: dict[str, Json]

    def has(self, name: str) -> bool:
        """Say whether the field is there and is not null."""
        return self.values.get(name) is not None

    def within(self, name: str) -> "_Fields":
        """Return the object in a field."""
        value = self.values.get(name)
        if isinstance(value, dict):
            return _Fields(self.event, self._place(name), value)
        raise self._wrong(name, "an object")

    def number(self, name: str) -> int:
        """Return GitHub's number of something: 1 to 2**63 - 1."""
        value = self.values.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63:
            return value
        raise self._wrong(name, "a positive number")

    def text(self, name: str) -> str:
        """Return text; null counts as empty, and half a surrogate pair as an unknown character."""
        value = self.values.get(name)
        if isinstance(value, str):
            whole = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            return whole.replace("\0", "\N{REPLACEMENT CHARACTER}")  # PostgreSQL stores no NUL
        if value is None and name in self.values:
            return ""
        raise self._wrong(name, "text")

    def name(self, name: str) -> str:
        """Return text that must not be empty: a login, a branch, a time."""
        text = self.text(name)
        if text and text.isprintable() and len(text) <= 1024:
            return text
        raise self._wrong(name, "one line of text")

    def sha(self, name: str) -> str:
        """Return the name of a commit in full."""
        return self._matching(name, _SHA, "a commit's full SHA")

    def flag(self, name: str) -> bool:
        """Return true or false."""
        value = self.values.get(name)
        if isinstance(value, bool):
            return value
        raise self._wrong(name, "true or false")

    def repositories(self, name: str) -> tuple[Repository, ...]:
        """Return a list of repositories; none where the field is missing."""
        value = self.values.get(name, [])
        if not isinstance(value, list):
            raise self._wrong(name, "a list")
        items = [_Fields(self.event, self._place(name), {"item": one}) for one in value]
        return tuple(_repository(one.within("item")) for one in items)

    def full_name(self) -> str:
        """Return ``owner/name``, made of the characters that GitHub allows."""
        return self._matching("full_name", _NAME, "owner/name")

    def _matching(self, name: str, pattern: re.Pattern[str], expected: str) -> str:
        text = self.text(name)
        if pattern.fullmatch(text):
            return text
        raise self._wrong(name, expected)

    def _wrong(self, name: str, expected: str) -> EventError:
        found = "missing" if name not in self.values else "something else"
        place = self._place(name)
        told = WRONG_FIELD.format(event=self.event, field=place, found=found, expected=expected)
        return EventError(told)

    def _place(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name


def _repository(found: _Fields) -> Repository:
    return Repository(found.number("id"), found.full_name())


def _installation(top: _Fields) -> int | None:
    """Return the installation; None for a repository's own webhook, which gives perfbot no rights."""
    return top.within("installation").number("id") if top.has("installation") else None


def _by_a_person(top: _Fields) -> bool:
    return top.within("sender").text("type") == "User"


def _comment(top: _Fields) -> CommentCreated | None:
    """Bots and perfbot itself are never listened to, nor is what somebody edits later."""
    installation = _installation(top)
    if installation is None or top.text("action") != "created" or not _by_a_person(top):
        return None
    comment, issue = top.within("comment"), top.within("issue")
    author, text = comment.within("user"), comment.text("body")
    if author.number("id") != top.within("sender").number("id") or not _COMMAND_LINE.search(text):
        return None
    return CommentCreated(
        installation_id=installation,
        repository=_repository(top.within("repository")),
        number=issue.number("number"),
        on_pull_request=issue.has("pull_request"),
        comment_id=comment.number("id"),
        author_id=author.number("id"),
        author=author.name("login"),
        text=text,
        created_at=comment.name("created_at"),
    )


def _pull_request(top: _Fields) -> PullRequestChanged | None:
    installation, change = _installation(top), _change(top)
    if installation is None or change is None:
        return None
    pull = top.within("pull_request")
    return PullRequestChanged(
        installation_id=installation,
        repository=_repository(top.within("repository")),
        number=pull.number("number"),
        change=change,
        head_sha=pull.within("head").sha("sha"),
        head_branch=pull.within("head").name("ref"),
        base_branch=pull.within("base").name("ref"),
    )


def _change(top: _Fields) -> PullRequestChange | None:
    action = top.text("action")
    if action == "closed":
        merged = top.within("pull_request").flag("merged")
        return PullRequestChange.MERGED if merged else PullRequestChange.CLOSED
    return {
        "opened": PullRequestChange.OPENED,
        "reopened": PullRequestChange.OPENED,
        "synchronize": PullRequestChange.SYNCHRONIZED,
    }.get(action)


def _push(top: _Fields) -> Pushed | None:
    installation, repository = _installation(top), top.within("repository")
    branch = repository.name("default_branch")
    if installation is None or top.text("ref") != f"refs/heads/{branch}" or top.flag("deleted"):
        return None
    return Pushed(installation, _repository(repository), branch, top.sha("after"))


def _installed(top: _Fields) -> InstallationChanged | None:
    added = {"created": True, "unsuspend": True, "deleted": False, "suspend": False}
    action = top.text("action")
    if action not in added:
        return None
    number = top.within("installation").number("id")
    return InstallationChanged(number, added[action], top.repositories("repositories"))


def _repositories(top: _Fields) -> RepositoriesChanged | None:
    if top.text("action") not in {"added", "removed"}:
        return None
    added, removed = (top.repositories(f"repositories_{way}") for way in ("added", "removed"))
    return RepositoriesChanged(top.within("installation").number("id"), added, removed)


def _dashboard(top: _Fields) -> DashboardEdited | None:
    installation, issue = _installation(top), top.within("issue")
    if installation is None or top.text("action") != "edited" or not _by_a_person(top):
        return None
    body = issue.text("body")
    if DASHBOARD_MARK not in body or not top.within("changes").has("body"):
        return None
    sender = top.within("sender")
    return DashboardEdited(
        installation_id=installation,
        repository=_repository(top.within("repository")),
        number=issue.number("number"),
        author_id=sender.number("id"),
        author=sender.name("login"),
        body=body,
    )


_READERS: dict[str, Callable[[_Fields], Trigger | None]] = {
    "installation": _installed,
    "installation_repositories": _repositories,
    "issue_comment": _comment,
    "issues": _dashboard,
    "pull_request": _pull_request,
    "push": _push,
}
