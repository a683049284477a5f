"""Training data from transcripts: slow and fast versions that the judge compared, and those it refused.

One record for each function of a run. ``training/readers/functions.py`` reads them back.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from perfbot.optimizer.diagnosis import SEEN
from perfbot.optimizer.outcomes import Event, Outcome
from perfbot.optimizer.recorded import (
    Gain,
    Judgement,
    Keep,
    RecordedCall,
    RecordedDecision,
    RecordedFunction,
    Run,
    Transcript,
)
from perfbot.optimizer.strategies import Suggestion
from perfbot.optimizer.verdict import Why

SLOWER = "it costs more than the function as it was"

_FATES = (Event.MERGED, Event.EDITED, Event.CLOSED)


class Stage(StrEnum):
    """Who refused a version: the search, by what it found on the way, or the judge."""

    SEARCH = "search"
    JUDGE = "judge"


@dataclass(frozen=True, slots=True)
class Refused:
    """A version that was not taken, and why; ``ratio`` is the quick guess of old/new cost."""

    code: str
    strategies: tuple[Suggestion, ...]
    stage: Stage
    why: str
    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Preference:
    """What people made of a proposal.

    ``fate`` is ``merged``, ``edited`` (before it was merged, to ``edited``) or ``closed``, ``None``
    while it is open.
    """

    fate: Event | None
    edited: str = ""
    likes: int = 0
    dislikes: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a pair comes from; ``licence`` is in the words of the repository's metadata."""

    repository: str
    revision: str | None
    licence: str | None
    run: str
    perfbot: str


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """A function before and after, with everything that is known of both.

    ``slow`` is the function's source, ``fast`` what is new beside it and the function, ``None``
    where nothing was accepted; the verdict is then the first one, if any was given. ``gain`` is the
    measured interval of old/new. ``calls`` is filled on request only.
    """

    record: str
    origin: Origin
    path: str
    qualname: str
    slow: str
    fast: str | None
    judgement: Judgement | None
    why: Why | None
    strategies: tuple[Suggestion, ...]
    planner: str
    optimizer: str
    gain: Gain | None
    preference: Preference | None
    refused: tuple[Refused, ...]
    calls: tuple[RecordedCall, ...] = ()


def judged_pairs(
    transcripts: Iterable[Transcript],
    outcomes: Sequence[Outcome] = (),
    *,
    everything: bool = False,
    prompts: bool = False,
) -> Iterator[JudgedPair]:
    """Yield the pairs of runs, given the newest first; what was kept without source gives none.

    Only accepted ones, unless ``everything`` is wanted: then also functions for which nothing was
    accepted. A pair that an earlier run found again, to the last character, comes once.
    """
    seen = set()
    for transcript in transcripts:
        if transcript.run.keeps is Keep.REDACTED:
            continue
        for function in transcript.functions:
            pair = _pair(transcript.run, function, outcomes, prompts=prompts)
            same = pair.origin.repository, pair.path, pair.qualname, pair.slow, pair.fast
            if pair.slow and (everything or pair.fast is not None) and same not in seen:
                seen.add(same)
                yield pair


def _pair(
    run: Run, function: RecordedFunction, outcomes: Sequence[Outcome], *, prompts: bool
) -> JudgedPair:
    accepted = [each for each in function.decisions if each.judgement is Judgement.ACCEPTED]
    decided = next(iter((*accepted, *function.decisions)), None)
    return JudgedPair(
        f"{run.run}:{function.name}",
        Origin(run.repository, run.revision, run.licence, run.run, run.perfbot),
        function.path,
        function.qualname,
        function.code,
        accepted[0].code if accepted else None,
        decided.judgement if decided else None,
        decided.why if decided else None,
        decided.suggestions if decided else (),
        decided.planner if decided else "",
        decided.optimizer if decided else "",
        decided.gain if decided else None,
        preference(run.repository, accepted[0].patch, outcomes) if accepted else None,
        tuple(_refused(function, accepted)),
        function.calls if prompts else (),
    )


def _refused(function: RecordedFunction, accepted: Sequence[RecordedDecision]) -> Iterator[Refused]:
    """Yield each version once, with the judge's word before the search's."""
    told = {each.version for each in accepted}
    for decision in function.decisions:
        if decision.version not in told:
            told.add(decision.version)
            why = f"{decision.why}: {decision.detail}"
            yield Refused(decision.code, decision.suggestions, Stage.JUDGE, why)
    for trial in function.trials:
        slower = trial.ratio is not None and trial.ratio < 1
        why = trial.why or (SLOWER if slower else "")
        if trial.code and why and SEEN not in why and trial.version not in told:
            told.add(trial.version)
            yield Refused(trial.code, trial.suggestions, Stage.SEARCH, why, trial.ratio)


def preference(repository: str, patch: str, outcomes: Sequence[Outcome]) -> Preference | None:
    """Return what people made of a patch, ``None`` where nothing was told of it.

    An outcome belongs to it by its patch, or by a branch that was proposed with that patch.
    """
    ours = [each for each in outcomes if each.repository == repository]
    branches = {each.branch for each in ours if each.patch == patch and each.branch}
    about = [
        each for each in ours if each.patch == patch or (not each.patch and each.branch in branches)
    ]
    if not about:
        return None
    fates = [each for each in about if each.event in _FATES]
    edited = [each.edited for each in about if each.edited]
    likes, dislikes = (
        len({each.who for each in about if each.event is event})
        for event in (Event.LIKED, Event.DISLIKED)
    )
    fate = fates[-1].event if fates else None
    return Preference(fate, edited[-1] if edited else "", likes, dislikes)
