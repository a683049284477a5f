"""What can start work: typed triggers, and what a job needs to know of one.

A trigger is stored as JSON between the moment it is understood and the moment it is worked on. Text
in it belongs to strangers and is carried along, never obeyed here.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import IntEnum, StrEnum
from typing import get_args, get_origin, get_type_hints

from perfbot.bot.deliveries import Json

NOT_STORED_BY_US = "a stored trigger cannot be read: {what}"


class TriggerError(ValueError):
    """What is stored is no trigger of this version."""


class Priority(IntEnum):
    """Who is waited on: the smaller number goes first."""

    CONTROL = 1
    """A person said something: hearing and answering never wait for what runs, and must be quick."""
    PERSON = 2
    CHANGE = 5
    SCAN = 10
    """Nobody asked for it; begins only while nothing else waits."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository by its number, which stays, and its ``owner/name``, which may change."""

    id: int
    full_name: str


@dataclass(frozen=True, slots=True)
class CommentCreated:
    """A person wrote a comment with a line that looks like a command.

    Whether the author may command is not known yet: that needs a look at live permissions.
    """

    installation_id: int
    repository: Repository
    number: int
    on_pull_request: bool
    comment_id: int
    author_id: int
    author: str
    text: str
    created_at: str


@dataclass(frozen=True, slots=True)
class CommandAccepted:
    """A command that takes time, of a person who may give it; what it is about stands from here on.

    ``text`` holds the command as ``commands.read`` understands it. ``head`` is the one commit that
    may be run for it: the default branch's where it was given under an issue.
    """

    installation_id: int
    repository: Repository
    number: int
    on_pull_request: bool
    comment_id: int
    author: str
    text: str
    head: str


class PullRequestChange(StrEnum):
    """What became of a pull request; merged is not closed."""

    OPENED = "opened"
    SYNCHRONIZED = "synchronized"
    CLOSED = "closed"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class PullRequestChanged:
    """A pull request was opened (or reopened), got new commits, was closed or merged."""

    installation_id: int
    repository: Repository
    number: int
    change: PullRequestChange
    head_sha: str
    head_branch: str
    base_branch: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """The default branch moved to ``commit``."""

    installation_id: int
    repository: Repository
    branch: str
    commit: str


@dataclass(frozen=True, slots=True)
class ScanDue:
    """It is time to look at a default branch; ``period`` is for which day, week or month, or why."""

    installation_id: int
    repository: Repository
    period: str


@dataclass(frozen=True, slots=True)
class InstallationChanged:
    """perfbot may now work in these repositories, or no longer in any of this installation."""

    installation_id: int
    added: bool
    repositories: tuple[Repository, ...]


@dataclass(frozen=True, slots=True)
class RepositoriesChanged:
    """An installation gained and lost repositories."""

    installation_id: int
    added: tuple[Repository, ...]
    removed: tuple[Repository, ...]


@dataclass(frozen=True, slots=True)
class DashboardEdited:
    """A person edited the dashboard issue: checkboxes in it are commands."""

    installation_id: int
    repository: Repository
    number: int
    author_id: int
    author: str
    body: str


Trigger = (
    CommentCreated
    | CommandAccepted
    | PullRequestChanged
    | Pushed
    | ScanDue
    | InstallationChanged
    | RepositoriesChanged
    | DashboardEdited
)
KINDS: dict[str, Callable[..., Trigger]] = {kind.__name__: kind for kind in get_args(Trigger)}


def job_id(asked: Trigger, delivery_id: str) -> str:
    """Return what makes two jobs the same: the comment, the scan of a period, else the delivery.

    Hearing a comment is one job, and what its command asks for another.
    """
    if isinstance(asked, CommentCreated):
        return f"comment-{asked.repository.id}-{asked.comment_id}"
    if isinstance(asked, CommandAccepted):
        return f"asked-{asked.repository.id}-{asked.comment_id}"
    if isinstance(asked, ScanDue):
        return f"scan-{asked.repository.id}-{asked.period}"
    return f"delivery-{delivery_id}"


def lane(asked: Trigger) -> str:
    """Return where jobs run one at a time: the repository, the installation, or beside what runs."""
    if isinstance(asked, InstallationChanged | RepositoriesChanged):
        return f"installation-{asked.installation_id}"
    if priority(asked) is Priority.CONTROL:
        return f"control-{asked.repository.id}"
    return repository_lane(asked.repository.id)


def repository_lane(repository: int) -> str:
    """Return the lane in which the work on a repository is done."""
    return f"repository-{repository}"


def priority(asked: Trigger) -> Priority:
    """Return how urgent it is: a person who waits comes before a scan that nobody asked for."""
    if isinstance(asked, CommentCreated):
        return Priority.CONTROL
    if isinstance(asked, CommandAccepted | DashboardEdited):
        return Priority.PERSON
    return Priority.SCAN if isinstance(asked, Pushed | ScanDue) else Priority.CHANGE


def to_json(asked: Trigger) -> dict[str, Json]:
    """Return the trigger as a JSON object that ``from_json`` reads back."""
    stored: dict[str, Json] = json.loads(json.dumps(asdict(asked)))
    return {"kind": type(asked).__name__, **stored}


def from_json(stored: dict[str, Json]) -> Trigger:
    """Return the trigger that ``to_json`` wrote; raises TriggerError when it is none."""
    kind = stored.get("kind")
    made = KINDS.get(kind) if isinstance(kind, str) else None
    if made is None:
        raise TriggerError(NOT_STORED_BY_US.format(what="its kind is unknown"))
    hints = get_type_hints(made)
    return made(**{name: _restored(stored.get(name), hint) for name, hint in hints.items()})


def _restored(value: Json, hint: object) -> object:
    """Return a field's value as its type: JSON knows no tuples, records or enumerations."""
    match value:
        case {"id": int(id), "full_name": str(name)} if hint is Repository:
            return Repository(id, name)
        case str() if hint is PullRequestChange and value in set(PullRequestChange):
            return PullRequestChange(value)
        case list() if get_origin(hint) is tuple:
            return tuple(_restored(one, get_args(hint)[0]) for one in value)
        case _ if type(value) is hint:
            return value
    raise TriggerError(NOT_STORED_BY_US.format(what=f"{hint} expected"))
