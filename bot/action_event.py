"""The event that started the workflow: the few fields of it that matter, each checked.

The runner writes the file that GITHUB_EVENT_PATH names. Its shape is GitHub's, but titles, branch names
and comments in it are strangers' text; field names are those of "Webhook events and payloads"
(docs.github.com/en/webhooks/webhook-events-and-payloads).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct

from perfbot.bot.exits import Exit, RunError
from perfbot.bot.forge import CommitSha, commit_sha

UNREADABLE = (
    "the event of this workflow cannot be read: {why}; GITHUB_EVENT_PATH names {path}, which the runner "
    "writes"
)
DANGEROUS = (
    "perfbot does not run on pull_request_target: it would run a stranger's code with this repository's "
    "rights. Use pull_request, and for forks the pair of workflows in docs/action.md"
)
_LARGEST_BYTES = 32 * 1024 * 1024  # GitHub's own limit for a payload is 25 MiB
_Sha = Annotated[str, Meta(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
_Number = Annotated[int, Meta(gt=0, le=2**63 - 1)]


@dataclass(frozen=True, slots=True)
class PullRequestEvent:
    """A pull request was opened or got new commits."""

    number: int
    base: CommitSha
    head: CommitSha


@dataclass(frozen=True, slots=True)
class RunEvent:
    """Another workflow ended; ``run`` is the number of its run, of which GitHub is asked the rest."""

    run: int


@dataclass(frozen=True, slots=True)
class CommentEvent:
    """Somebody wrote a comment; ``new`` says that it is no edit, ``person`` that no program wrote it."""

    number: int
    on_pull_request: bool
    comment: int
    author: str
    text: str
    new: bool
    person: bool


@dataclass(frozen=True, slots=True)
class BranchEvent:
    """Anything else, such as a schedule: ``branch`` is what the workflow runs on, None for a tag."""

    branch: str | None


Event: TypeAlias = PullRequestEvent | RunEvent | CommentEvent | BranchEvent


def read(environ: Mapping[str, str]) -> Event:
    """Return the event; raises RunError where it is not as GitHub describes it, quoting nothing of it."""
    match environ.get("GITHUB_EVENT_NAME", ""):
        case "pull_request":
            pull = _payload(environ, _PullRequestPayload).pull_request
            return PullRequestEvent(
                pull.number, commit_sha(pull.base.sha), commit_sha(pull.head.sha)
            )
        case "pull_request_target":
            raise RunError(Exit.USAGE, DANGEROUS)
        case "workflow_run":
            return RunEvent(_payload(environ, _RunPayload).workflow_run.id)
        case "issue_comment":
            return _comment(_payload(environ, _CommentPayload))
    on_branch = environ.get("GITHUB_REF_TYPE") == "branch"
    return BranchEvent(environ.get("GITHUB_REF_NAME") or None if on_branch else None)


class _Commit(Struct):
    sha: _Sha


class _PullRequest(Struct):
    number: _Number
    base: _Commit
    head: _Commit


class _PullRequestPayload(Struct):
    pull_request: _PullRequest


class _Run(Struct):
    id: _Number


class _RunPayload(Struct):
    workflow_run: _Run


class _User(Struct):
    login: Annotated[str, Meta(max_length=100)]
    id: _Number
    type: str


class _Comment(Struct):
    id: _Number
    user: _User
    body: str


class _Issue(Struct):
    number: _Number
    pull_request: dict[str, object] | None = None


class _CommentPayload(Struct):
    action: str
    issue: _Issue
    comment: _Comment
    sender: _User


Kind = TypeVar("Kind", _PullRequestPayload, _RunPayload, _CommentPayload)


def _payload(environ: Mapping[str, str], kind: type[Kind]) -> Kind:
    path = Path(environ.get("GITHUB_EVENT_PATH") or "event.json")
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_BYTES)
        return msgspec.json.decode(content, type=kind)
    except OSError as error:
        why = error.strerror or "it is not there"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        why = f"it is not as GitHub describes it ({error})"
    raise RunError(Exit.USAGE, UNREADABLE.format(why=why, path=path))


def _comment(found: _CommentPayload) -> CommentEvent:
    """Read a comment; what one person wrote and another one sends is nobody's command."""
    author = found.comment.user
    return CommentEvent(
        number=found.issue.number,
        on_pull_request=found.issue.pull_request is not None,
        comment=found.comment.id,
        author=author.login,
        text=found.comment.body,
        new=found.action == "created",
        person=author.type == "User" and author.id == found.sender.id,
    )
