"""Where a proven change goes: suggestions on the lines that a pull request shows, or one of its own.

A fork, in which perfbot has no rights, gets suggestions or a patch. Everything is safe to repeat:
suggestions and branches have names that the change decides, and GitHub is looked at first.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import PurePosixPath

from perfbot.bot import evidence, proven, pull_request, suggestions
from perfbot.bot.comment import Attached, Opened, Place, Suggested, Withheld
from perfbot.bot.deliveries import Json
from perfbot.bot.forge import (
    CommitSha,
    Forge,
    ForgeError,
    Marker,
    PullRequest,
    State,
    Suggestion,
    Trouble,
    marker,
)
from perfbot.bot.marker import Text
from perfbot.bot.publishable import publishable
from perfbot.bot.runs import Checkout, Found
from perfbot.bot.stored_runs import patches_in, report_in
from perfbot.bot.suggestions import Unsuitable

NO_RIGHTS = "perfbot may not write to the fork that it comes from, and {why}"
NOTHING = "nothing that was proven is to be published"
TOO_MANY = "it changes {count} functions at once"
NOT_STORED_BY_US = "a stored place is none of this version"
_MOST_FUNCTIONS = 8  # of one proposal


@dataclass(frozen=True, slots=True)
class Target:
    """What a change is proposed for: ``head`` is the commit that was measured.

    ``onto`` is the branch that it goes into; ``number`` is the pull request whose branch that is, None
    where it is the default branch; ``base`` the commit whose configuration counts, if not the head's.
    """

    head: CommitSha
    onto: str
    number: int | None = None
    fork: bool = False
    base: CommitSha | None = None


@dataclass(frozen=True, slots=True)
class Proposed:
    """A run's accepted changes, on their way; ``key`` tells it from others of the same job."""

    key: str
    found: Found
    target: Target
    checkout: Checkout

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions that were made faster."""
        return tuple(each.function for each in self.found.report.accepted)

    def everywhere(self, place: Place) -> dict[str, Place]:
        """Say of each function that its change is in this place."""
        return dict.fromkeys(self.functions, place)


def withheld(one: Proposed) -> str | None:
    """Return why a change must not be published, None where it may be."""
    links = [
        path for path in _within(one.found.changes) if (one.checkout.folder / path).is_symlink()
    ]
    refusal = publishable(one.found.changes, one.checkout.config.paths, links)
    if refusal is None and len(one.functions) > _MOST_FUNCTIONS:
        return TOO_MANY.format(count=len(one.functions))
    return str(refusal) if refusal else None


def _within(paths: Mapping[str, object]) -> set[str]:
    """Return the paths and the folders that they lie in."""
    every = (each for path in paths for each in (PurePosixPath(path), *PurePosixPath(path).parents))
    return {str(each) for each in every if each.name}


def suggested(forge: Forge, one: Proposed) -> dict[str, Place] | Unsuitable:
    """Make suggestions in the pull request, all or (where one cannot be made) none; raises ForgeError."""
    if one.target.number is None:
        return Unsuitable("there is no pull request")
    hunks = {file.path: file.hunks for file in forge.files(one.target.number)}
    blocks: list[suggestions.Suggestion] = []
    for path, (before, after) in one.found.changes.items():
        fits = suggestions.suggestions(path, before or b"", after, hunks.get(path))
        if isinstance(fits, Unsuitable):
            return fits
        blocks.extend(fits)
    try:
        _suggest(forge, one, one.target.number, blocks)
    except ForgeError as error:
        if error.trouble is not Trouble.REFUSED:
            raise
        return Unsuitable(suggestions.NOT_IN_DIFF)
    return one.everywhere(Suggested(len(blocks)))


def _suggest(
    forge: Forge, one: Proposed, number: int, blocks: list[suggestions.Suggestion]
) -> None:
    explanation = _explanation(one)
    for place, block in enumerate(blocks, start=1):
        text = suggestions.comment(block, explanation, place, len(blocks))
        said = Suggestion(one.target.head, block.path, block.first, block.last, text)
        forge.suggest(number, _mark(said, block), said)


def _mark(said: Suggestion, block: suggestions.Suggestion) -> Marker:
    """Return what is the same for the same suggestion on the same commit, whichever job makes it."""
    parts = (said.commit, said.path, str(said.first), str(said.last), *block.lines)
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace"))
    return marker(f"suggestion={digest.hexdigest()[:32]}")


def _explanation(one: Proposed) -> str:
    report = one.found.report
    told = (
        part
        for result in report.accepted
        for part in (evidence.opening(report, result), evidence.strategies(result))
    )
    return "\n\n".join(filter(None, told))


def attached(one: Proposed, why: str) -> dict[str, Place]:
    """Hand each change over as a patch, because perfbot has no rights where it belongs."""
    patches = one.found.patches
    return {
        result.function: Attached(patches[result.patch], NO_RIGHTS.format(why=why))
        for result in one.found.report.accepted
        if result.patch
    }


def attempt_for(forge: Forge, one: Proposed) -> int | Opened:
    """Return which branch a pull request is to have, or the one that proposes this already.

    The same functions measured on the same commit are proposed once, for as long as that is open.
    Raises ForgeError.
    """
    for attempt in count(1):
        name = pull_request.branch(one.functions, _onto(one.target), attempt)
        if forge.branch(name) is None:
            return attempt
        standing = (pull for pull in forge.own_pull_requests() if pull.head.branch == name)
        for pull in standing:
            if pull.state is State.OPEN and _is_same(pull, one):
                return Opened(pull.number)
    raise AssertionError


def _is_same(pull: PullRequest, one: Proposed) -> bool:
    known = pull_request.state(Text(pull.body, pull.author.id), pull.author.id)
    return known is not None and known.base == one.target.head and known.functions == one.functions


def opened(forge: Forge, one: Proposed, attempt: int) -> int:
    """Open the pull request, or find it; return its number. Raises ForgeError."""
    name = pull_request.branch(one.functions, _onto(one.target), attempt)
    settings = one.checkout.config.pull_requests
    made = proven.proven(one.found, one.target.head, settings, head=name)
    if made is None:
        raise ForgeError(Trouble.REFUSED, NOTHING)
    return proven.opened(forge, made, one.target.onto).number


def _onto(target: Target) -> str | None:
    """Return what makes a branch's name another one: a person's wish is about one commit."""
    return f"{target.onto}@{target.head[:12]}"


def to_json(places: Mapping[str, Place]) -> Json:
    """Return where changes are as JSON that ``from_json`` reads back; patches are left out."""
    return {function: _stored(place) for function, place in places.items()}


def _stored(place: Place) -> Json:
    match place:
        case Suggested(number):
            return {"suggested": number}
        case Opened(number):
            return {"opened": number}
        case Attached(_, why):
            return {"attached": why}
        case Withheld(why):
            return {"withheld": why}


def from_json(stored: Json, run: Json) -> dict[str, Place]:
    """Return where the changes of a stored run are; raises ValueError when that was not stored."""
    if not isinstance(stored, dict):
        raise ValueError(NOT_STORED_BY_US)
    patches = patches_in(run)
    files = {each.function: each.patch for each in report_in(run).accepted}
    return {
        function: _place(place, patches.get(files.get(function) or "", b""))
        for function, place in stored.items()
    }


def _place(stored: Json, patch: bytes) -> Place:
    match stored:
        case {"suggested": int(number)}:
            return Suggested(number)
        case {"opened": int(number)}:
            return Opened(number)
        case {"attached": str(why)}:
            return Attached(patch, why)
        case {"withheld": str(why)}:
            return Withheld(why)
    raise ValueError(NOT_STORED_BY_US)
