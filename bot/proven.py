"""Proven changes on their way to a pull request: as a job stores them, and opened.

What is stored are perfbot's own bytes and texts; it comes back from the database unchanged and is
never made of anything that judged code could reach.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from perfbot.bot import pull_request, words
from perfbot.bot.config import Paths, PullRequests
from perfbot.bot.deliveries import Json
from perfbot.bot.forge import (
    Change,
    CommitSha,
    Forge,
    PullRequest,
    PullRequestText,
    commit_sha,
    own_branch,
)
from perfbot.bot.marker import Text
from perfbot.bot.patch import unified_patch
from perfbot.bot.pull_request import Proposal, PullRequestDraft
from perfbot.bot.report import Result
from perfbot.bot.runs import Found

NOT_STORED_BY_US = "a stored change cannot be read: it is none of this version"
_NOBODY = 0


class ProvenError(ValueError):
    """What is stored is no proven change of this version."""


@dataclass(frozen=True, slots=True)
class Proven:
    """Changes that are proposed together, proven on the commit ``base``.

    ``share`` is the hottest function's of the workload's time, ``claim`` a few words, ``files`` are
    contents after the change.
    """

    functions: tuple[str, ...]
    share: float
    claim: str
    base: CommitSha
    patch: bytes
    files: Mapping[str, bytes]
    draft: PullRequestDraft


def proven(
    found: Found,
    base: CommitSha,
    settings: PullRequests,
    share: float = 0.0,
    head: str | None = None,
) -> Proven | None:
    """Return the accepted changes of a run as one proposal, None where it accepted none.

    ``head`` is the name of its branch where that is not the functions' first.
    Raises ValueError for more than a pull request may hold, see ``Proposal``.
    """
    results = found.report.accepted
    if not results or not found.changes:
        return None
    patch = unified_patch(found.changes)
    proposal = Proposal(found.report, results, patch, found.samples, base)
    return Proven(
        functions=tuple(each.function for each in results),
        share=share,
        claim=_claim(results),
        base=base,
        patch=patch,
        files={path: after for path, (_, after) in found.changes.items()},
        draft=pull_request.pull_request(proposal, settings, head=head),
    )


def _claim(results: Sequence[Result]) -> str:
    """Return what holds for all of them."""
    return words.claim(min(results, key=lambda one: one.speedup.low if one.speedup else 0.0))


def within(one: Proven, paths: Paths) -> bool:
    """Say whether every file that is changed is one that the repository lets perfbot change."""
    return all(paths.covers(path) for path in one.files)


def opened(forge: Forge, one: Proven, onto: str) -> PullRequest:
    """Open the pull request, or return the one that its branch has; raises ForgeError.

    Safe to repeat. The body remembers the commit, so that commits of people are seen later.
    """
    draft, branch = one.draft, own_branch(one.draft.branch)
    change = Change(one.base, draft.commit_message, one.files)
    commit = forge.publish(branch, change, None)
    body = pull_request.noting(Text(draft.body, _NOBODY), _NOBODY, head=commit)
    made = forge.open_pull_request(PullRequestText(branch, onto, draft.title, body, draft.draft))
    if draft.labels:
        forge.label(made.number, draft.labels)
    return made


def renewed(forge: Forge, one: Proven, pull: PullRequest) -> None:
    """Bring an open pull request's branch, title and body up to date; raises ForgeError.

    Safe to repeat; REFUSED when the branch has moved since ``pull`` was asked for.
    """
    draft, branch = one.draft, own_branch(pull.head.branch)
    change = Change(one.base, draft.commit_message, one.files)
    commit = forge.publish(branch, change, pull.head.commit)
    body = pull_request.noting(Text(draft.body, _NOBODY), _NOBODY, head=commit)
    if (pull.title, pull.body) != (draft.title, body):
        forge.edit_pull_request(pull.number, draft.title, body)


def to_json(one: Proven) -> Json:
    """Return a JSON object that ``from_json`` reads back."""
    files: dict[str, Json] = {path: _text(content) for path, content in one.files.items()}
    draft: dict[str, Json] = asdict(one.draft)
    return {
        "functions": list(one.functions),
        "share": one.share,
        "claim": one.claim,
        "base": one.base,
        "patch": _text(one.patch),
        "files": files,
        "draft": {**draft, "labels": list(one.draft.labels)},
    }


def from_json(stored: Json) -> Proven:
    """Return what ``to_json`` wrote; raises ProvenError when it is something else."""
    match stored:
        case {
            "functions": list(functions),
            "share": int() | float() as share,
            "claim": str(claim),
            "base": str(base),
            "patch": str(patch),
            "files": dict(files),
            "draft": dict(draft),
        }:
            return Proven(
                tuple(map(str, functions)),
                float(share),
                claim,
                commit_sha(base),
                b64decode(patch),
                {path: b64decode(str(content)) for path, content in files.items()},
                _draft(draft),
            )
    raise ProvenError(NOT_STORED_BY_US)


def _draft(stored: Mapping[str, Json]) -> PullRequestDraft:
    match stored:
        case {
            "title": str(title),
            "body": str(body),
            "labels": list(labels),
            "branch": str(branch),
            "commit_message": str(message),
            "draft": bool(draft),
        }:
            return PullRequestDraft(title, body, tuple(map(str, labels)), branch, message, draft)
    raise ProvenError(NOT_STORED_BY_US)


def _text(content: bytes) -> str:
    return b64encode(content).decode()
