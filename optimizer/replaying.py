"""Proposes what a transcript holds: the same versions by the same names, with no model asked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from perfbot.optimizer.plan import Subject
from perfbot.optimizer.proposing import Proposal, Tried
from perfbot.optimizer.recorded import Keep, RecordedFunction, RecordedTrial, Transcript
from perfbot.optimizer.redaction import digest
from perfbot.optimizer.versions import VersionError, edited
from perfbot.profiling.functions import FunctionName

NOT_IN_IT = "the transcript has nothing about {function}"
NO_SOURCE = "the transcript was kept without source text, so nothing in it can be proposed again"
CHANGED = (
    "{path} is not the file that the transcript was made with, so nothing was proposed for {function}: "
    "replay on the commit {revision} of the recorded run"
)
INCOMPLETE = (
    "{count} of the recorded versions of {function} cannot be made again: a secret was taken out of "
    "them, or the transcript was changed"
)


class ReplayError(Exception):
    """A transcript has nothing that could be proposed for a function as it is; the message says why."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What one planner and one optimizer proposed, in the order in which it was tried."""

    planner: str
    optimizer: str
    versions: tuple[Proposal, ...]

    def proposals(
        self, subject: Subject, text: str, dropped: Sequence[Tried]
    ) -> Iterator[Proposal]:
        """Yield the recorded versions of the file; for a version of it there are none."""
        if text == subject.source.text:
            yield from self.versions


@dataclass(frozen=True, slots=True)
class Replay:
    """Who proposes in place of catalogue and models; ``note`` says what is missing, if anything."""

    proposers: tuple[Replayed, ...]
    note: str = ""


def replay(transcript: Transcript, function: FunctionName, text: str) -> Replay:
    """Return what was recorded for a function whose file has this text.

    The order of all versions is kept: where authors took turns, each has several proposers.

    Raises:
        ReplayError: nothing was recorded, or the file is another one.
    """
    found = transcript.of(function)
    if found is None:
        raise ReplayError(NOT_IN_IT.format(function=function))
    if transcript.run.keeps is Keep.REDACTED:
        raise ReplayError(NO_SOURCE)
    if found.file != digest(text):
        revision = (transcript.run.revision or "")[:12] or "(not known)"
        told = CHANGED.format(path=function.path, function=function, revision=revision)
        raise ReplayError(told)
    return _replay(found, text)


def _replay(found: RecordedFunction, text: str) -> Replay:
    first: dict[str, RecordedTrial] = {}
    for trial in found.trials:
        if trial.version:
            first.setdefault(trial.version, trial)
    made = [(trial, _version(trial, text)) for trial in first.values()]
    lost = sum(version is None for _, version in made)
    proposers = tuple(
        Replayed(*authors, tuple(version for _, version in group if version))
        for authors, group in groupby(made, key=lambda one: (one[0].planner, one[0].optimizer))
    )
    return Replay(proposers, INCOMPLETE.format(count=lost, function=found.name) if lost else "")


def _version(trial: RecordedTrial, text: str) -> Proposal | None:
    """Return the version, ``None`` where it is not the recorded one to the last character."""
    try:
        made = edited(text, trial.edits)
    except VersionError:
        return None
    return Proposal(trial.suggestions, made) if digest(made) == trial.version else None
