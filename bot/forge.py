"""What perfbot asks of the place where a repository lives: the seam between it and GitHub.

A :class:`Forge` is one repository, reached with one token. Reading gives frozen records; every write
looks first whether it stands already, so that a job which dies and runs again writes nothing twice.
Whatever fails is a :class:`ForgeError`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol

CommitSha = NewType("CommitSha", str)
OwnBranch = NewType("OwnBranch", str)
Marker = NewType("Marker", str)

OWN_PREFIX = "perfbot/"
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
_OWN = re.compile(r"perfbot/[a-z0-9]+(?:[-/][a-z0-9]+)*")
_KEY = re.compile(r"[A-Za-z0-9=:._/+]+(?:-[A-Za-z0-9=:._/+]+)*")  # "--" would end an HTML comment

NO_COMMIT = "{!r} is no commit: 40 (or 64) lower-case hexadecimal digits name one"
NO_REPOSITORY = "{!r} is no repository: a name looks like owner/name"
NO_BRANCH = "{!r} is no branch of perfbot: one looks like perfbot/lower-case-words"
NO_MARKER = "{!r} cannot mark a text: letters, digits and = : . _ / + - make a marker"


class Trouble(StrEnum):
    """Why a request to the forge was not done."""

    DENIED = "denied"  # the token may not
    MISSING = "missing"  # there is no such thing, or the token may not see it
    REFUSED = "refused"  # the request makes no sense to the forge as things stand
    LIMITED = "limited"  # too many requests; later it will do
    UNREACHABLE = "unreachable"  # no answer, or a broken one; it may have been done nevertheless


class ForgeError(Exception):
    """The forge did not do what was asked; the message says what, why, and what to do, and no token.

    ``wait_s``: seconds to wait before trying again helps, None where the forge did not say.
    """

    def __init__(self, trouble: Trouble, message: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.trouble = trouble
        self.wait_s = wait_s

    @property
    def passes(self) -> bool:
        """Whether the same request can succeed later with nobody doing anything."""
        return self.trouble in {Trouble.LIMITED, Trouble.UNREACHABLE}


def commit_sha(text: str) -> CommitSha:
    """Return a full object name; raises ForgeError for everything else, branch names included."""
    return CommitSha(_checked(_SHA, text, NO_COMMIT))


def own_branch(text: str) -> OwnBranch:
    """Return the name of a branch that perfbot may write; raises ForgeError for any other."""
    return OwnBranch(_checked(_OWN, text, NO_BRANCH))


def marker(key: str) -> Marker:
    """Return the hidden comment by which perfbot finds what it wrote; raises ForgeError for odd keys."""
    return Marker(f"<!-- perfbot:{_checked(_KEY, key, NO_MARKER)} -->")


def _checked(pattern: re.Pattern[str], text: str, complaint: str) -> str:
    if not pattern.fullmatch(text):
        raise ForgeError(Trouble.REFUSED, complaint.format(text[:100]))
    return text


@dataclass(frozen=True, slots=True)
class RepositoryName:
    """``owner/name``, safe to stand in an address; raises ForgeError where it would not be."""

    owner: str
    name: str

    def __post_init__(self) -> None:
        for part in (self.owner, self.name):
            _checked(_NAME, part, NO_REPOSITORY)

    @classmethod
    def parsed(cls, text: str) -> "RepositoryName":
        """Return the name that ``text`` spells."""
        owner, slash, name = text.partition("/")
        if not slash:
            raise ForgeError(Trouble.REFUSED, NO_REPOSITORY.format(text[:100]))
        return cls(owner, name)

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}"


class Permission(StrEnum):
    """What a person may do in a repository."""

    ADMIN = "admin"
    WRITE = "write"
    READ = "read"
    NONE = "none"

    @property
    def writes(self) -> bool:
        """Whether this person may change the code."""
        return self in {Permission.ADMIN, Permission.WRITE}


class State(StrEnum):
    """What became of a pull request or an issue."""

    OPEN = "open"
    CLOSED = "closed"
    MERGED = "merged"


class Reaction(StrEnum):
    """GitHub's reactions, as its API spells them."""

    UP = "+1"
    DOWN = "-1"
    LAUGH = "laugh"
    CONFUSED = "confused"
    HEART = "heart"
    HOORAY = "hooray"
    ROCKET = "rocket"
    EYES = "eyes"


class Conclusion(StrEnum):
    """How a check ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class Level(StrEnum):
    """How loud an annotation is."""

    NOTICE = "notice"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository; ``id`` stays when it is renamed or moved."""

    id: int
    name: RepositoryName
    default_branch: str
    private: bool


@dataclass(frozen=True, slots=True)
class Account:
    """Who did something; ``person`` is False for Apps and other programs."""

    id: int
    login: str
    person: bool


@dataclass(frozen=True, slots=True)
class Side:
    """The head or the base of a pull request; ``repository`` is None when the fork was deleted.

    ``pushed_at`` is when anything was pushed to that repository last.
    """

    repository: RepositoryName | None
    branch: str
    commit: CommitSha
    pushed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request as it stood when it was asked for; ``merged_as`` is what came onto its base."""

    number: int
    title: str
    body: str
    state: State
    draft: bool
    author: Account
    head: Side
    base: Side
    labels: tuple[str, ...]
    updated_at: datetime
    url: str
    merged_as: CommitSha | None = None

    @property
    def from_fork(self) -> bool:
        """Whether its branch lies in another repository, where perfbot has no rights."""
        return self.head.repository != self.base.repository


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that a pull request changes.

    ``previous`` is its path before a rename. ``hunks`` is empty for binary and for very large files.
    """

    path: str
    previous: str | None
    status: str
    added: int
    removed: int
    hunks: str


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody said under an issue or pull request."""

    id: int
    number: int
    author: Account
    body: str
    created_at: datetime
    updated_at: datetime
    url: str


@dataclass(frozen=True, slots=True)
class Reacted:
    """Who reacted to a comment, and how."""

    account: Account
    reaction: str


@dataclass(frozen=True, slots=True)
class Opinion:
    """A reaction to a pull request or to what perfbot ``said`` under it, as it stands with its mark."""

    said: str
    account: Account
    reaction: str


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue."""

    number: int
    title: str
    body: str
    state: State
    author: Account
    url: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many commits ``head`` has that ``base`` has not, and the other way round."""

    merge_base: CommitSha
    ahead: int
    behind: int


@dataclass(frozen=True, slots=True)
class Change:
    """One commit to be made: new contents by path on top of ``parent``; files keep their modes."""

    parent: CommitSha
    message: str
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class PullRequestText:
    """A pull request to be opened from a branch of perfbot in the same repository."""

    branch: OwnBranch
    base: str
    title: str
    body: str
    draft: bool = True


@dataclass(frozen=True, slots=True)
class Suggestion:
    """New text for lines ``first`` to ``last`` (from 1, both included) of a file in a pull request.

    ``text`` is what is said; a suggestion block in it is what GitHub offers to apply.
    """

    commit: CommitSha
    path: str
    first: int
    last: int
    text: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """A remark at lines ``first`` to ``last`` of a file."""

    path: str
    first: int
    last: int
    level: Level
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Check:
    """What a check run shows; without a conclusion it is still running.

    ``key`` tells perfbot's checks on one commit apart: a second report with it updates the first.
    """

    key: str
    name: str
    commit: CommitSha
    title: str
    summary: str
    conclusion: Conclusion | None = None
    annotations: tuple[Annotation, ...] = ()


class Forge(Protocol):
    """One repository, reached with one token; every method raises ForgeError when it fails."""

    @property
    def name(self) -> RepositoryName:
        """Which repository this is."""

    def repository(self) -> Repository:
        """Return what the forge says of the repository itself."""

    def permission(self, login: str) -> Permission:
        """Return what a person may do here now; NONE for somebody unknown."""

    def file(self, path: str, commit: CommitSha) -> bytes | None:
        """Return the content of a small file in a commit, None where there is none.

        REFUSED for anything else than a regular file of less than a megabyte.
        """

    def branch(self, name: str) -> CommitSha | None:
        """Return where a branch stands, None where there is none."""

    def compare(self, base: str, head: str) -> Comparison:
        """Compare two commits or branches."""

    def parent(self, commit: CommitSha) -> CommitSha | None:
        """Return the first parent of a commit, None for one that has none."""

    def pull_request(self, number: int) -> PullRequest:
        """Return a pull request."""

    def own_pull_requests(self) -> tuple[PullRequest, ...]:
        """Return every pull request that perfbot opened here, closed ones too, newest first."""

    def files(self, number: int) -> tuple[FileChange, ...]:
        """Return the files that a pull request changes."""

    def commits(self, number: int) -> tuple[CommitSha, ...]:
        """Return the commits of a pull request, oldest first."""

    def comments(self, number: int) -> tuple[Comment, ...]:
        """Return what was said under an issue or pull request, oldest first."""

    def comment(self, number: int, comment: int) -> Comment | None:
        """Return a comment as it stands now, None where it was deleted."""

    def comments_since(self, moment: datetime) -> tuple[Comment, ...]:
        """Return what was said or edited anywhere in the repository since a moment with a time zone."""

    def reactions(self, number: int, comment: int) -> tuple[Reacted, ...]:
        """Return the reactions to a comment."""

    def opinions(self, number: int) -> tuple[Opinion, ...]:
        """Return the reactions to a pull request, and to perfbot's comments and suggestions in it."""

    def react(self, number: int, comment: int, reaction: Reaction) -> None:
        """React to a comment; once, however often this is called."""

    def say(self, number: int, mark: Marker, text: str) -> Comment:
        """Write the comment with this mark, or bring it up to date if perfbot wrote it before."""

    def suggest(self, number: int, mark: Marker, suggestion: Suggestion) -> None:
        """Comment on lines of a pull request, unless perfbot has done so with this mark."""

    def publish(self, branch: OwnBranch, change: Change, was: CommitSha | None) -> CommitSha:
        """Put a commit on a branch of perfbot that stands at ``was`` (None: that does not exist yet).

        GitHub signs the commit for the App. A branch that already holds this very change is left
        as it is and its commit returned; one that stands anywhere else is REFUSED.
        """

    def delete_branch(self, branch: OwnBranch) -> None:
        """Delete a branch of perfbot; one that is gone is no error."""

    def open_pull_request(self, text: PullRequestText) -> PullRequest:
        """Open a pull request, or return the one, open or closed, that this branch already had.

        It is no draft, whatever ``text`` says, where the forge knows none.
        """

    def edit_pull_request(self, number: int, title: str, body: str) -> PullRequest:
        """Change what a pull request says."""

    def close_pull_request(self, number: int) -> PullRequest:
        """Close a pull request."""

    def label(self, number: int, labels: Sequence[str]) -> None:
        """Add labels to an issue or pull request; the forge makes those that do not exist."""

    def report(self, check: Check) -> None:
        """Create a check run, or bring the one with the same key on this commit up to date."""

    def issue(self, number: int) -> Issue:
        """Return an issue."""

    def keep_issue(self, mark: Marker, title: str, text: str, labels: Sequence[str]) -> Issue:
        """Open the issue with this mark, or bring the open one that perfbot wrote up to date."""
