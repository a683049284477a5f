"""The main job: a repository goes in, proven changes come out.

One session prepares the target once and lets every function share it. All that is slow is told to
a listener. The repository itself is only read.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.catalogue import rules
from perfbot.optimizer.diagnosis import Stage, of_verdict
from perfbot.optimizer.effect import Adopted, Change, Effect, effect, effects
from perfbot.optimizer.ensemble import Ensemble
from perfbot.optimizer.journal import Decision
from perfbot.optimizer.models import Usage
from perfbot.optimizer.plan import Subject, steps
from perfbot.optimizer.preparation import Prepared, Request, existing, prepared
from perfbot.optimizer.progress import Listener, Phase
from perfbot.optimizer.proposing import Proposer, Tried
from perfbot.optimizer.replaying import ReplayError
from perfbot.optimizer.rounds import Attempt, Rounds
from perfbot.optimizer.search import Candidate, Found, search
from perfbot.optimizer.spending import Spending
from perfbot.optimizer.strategies import Suggestion
from perfbot.optimizer.survey import Surveyor, Unchanged
from perfbot.optimizer.verdict import Accepted, Inconclusive, Verdict, Why
from perfbot.optimizer.verify import (
    GATES,
    changed_functions,
    judge,
    judge_by_reading,
    not_comparable,
)
from perfbot.profiling.benchmark import BUDGET_S, CallBenchmark, MeasurementError, choose_calls
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.hotspots import Hotspot
from perfbot.profiling.measure import Interval
from perfbot.profiling.noise import against_itself
from perfbot.profiling.source import decode_source, read_source

NOBODY = "none"  # planner and optimizer of a change that was brought along
NONE_HELPED = "{tries} versions were tried, none was right and clearly faster: {why}"
NOT_FASTER = "not faster"
OUT_OF_TIME = "the time budget was used up before; --time-budget gives more"

_JUDGED_AT_MOST = 3
_MEASURED = (Why.NOT_FASTER, Why.TOO_NOISY)
_EFFECT_SHARE = 0.15  # of the time budget is kept for the effects of all accepted changes


@dataclass(frozen=True, slots=True)
class Judged:
    """A change and its verdict; ``changes`` holds each file before and after.

    ``effect`` is what an accepted change does to the rest of the project, measured on the tree that
    the changes accepted before it left. ``rounds`` counts the replies with code that models gave for
    the function, ``attempts`` are those of their versions that failed, and ``routes`` says why a
    larger model was asked, or was not.
    """

    function: FunctionName
    verdict: Verdict
    candidate: Candidate | None
    changes: Mapping[str, tuple[bytes | None, bytes]]
    effect: Effect | None = None
    rounds: int = 0
    attempts: tuple[Attempt, ...] = ()
    routes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that a session found."""

    prepared: Prepared
    hotspots: tuple[Hotspot, ...]
    noise: Interval | None
    judged: tuple[Judged, ...]
    unchanged: tuple[Unchanged, ...]
    seconds: float
    cost: Usage = field(default_factory=Usage)


def optimize(request: Request, listener: Listener) -> Outcome:
    """Do the whole job.

    Raises:
        UnknownFunction: a function that was asked for does not exist.
        and what :func:`prepared` raises.
    """
    started = time.monotonic()
    with prepared(request, listener) as ready:
        return _Session(request, ready, listener).outcome(started)


class _Session:
    def __init__(self, request: Request, ready: Prepared, listener: Listener) -> None:
        self._request = request
        self._ready = ready
        self._case = ready.case
        self._listener = listener
        self._surveyor = Surveyor(request, ready, listener)
        now_s = time.monotonic()
        self._ends_s = now_s + request.time_s
        self._deadline_s = now_s + (1 - _EFFECT_SHARE) * request.time_s
        self._adopted: dict[int, Adopted] = {}  # by place among the judged
        self._judged: list[Judged] = []
        self._unchanged: list[Unchanged] = []
        self._rounds = Rounds(request.journal)
        self._spending = Spending(
            request.models.most_usd if request.models else 0.0,
            self._rounds,
            request.models.most_tokens if request.models else None,
            self._deadline_s,
            listener.spent,
            request.priority,
        )
        self._ensemble = Ensemble(request, ready, self._spending, self._rounds, listener.note)

    def outcome(self, started: float) -> Outcome:
        """Profile, record, measure the noise floor, then search and judge function by function."""
        with self._ensemble:
            return self._outcome(started)

    def _outcome(self, started: float) -> Outcome:
        found = self._surveyor.surveyed(self._ensemble.grouped)
        self._unchanged.extend(found.unchanged)
        noise = self._case.noise = self.noise(found.worth)
        for function in found.worth:
            self._optimize(function)
        self._measure_effects()
        seconds = time.monotonic() - started
        for failure in dict.fromkeys(self._spending.failures):
            self._listener.note(failure)
        return Outcome(
            self._ready,
            found.ranked,
            noise,
            tuple(self._judged),
            tuple(self._unchanged),
            seconds,
            self._spending.used,
        )

    def noise(self, functions: Sequence[FunctionName]) -> Interval | None:
        """Measure the unchanged code against itself: what this machine calls a difference."""
        self._listener.phase(Phase.NOISE)
        for function in functions:
            if time.monotonic() >= self._deadline_s:  # there is no time to use it, either
                break
            reference = self._case.reference(function)
            chosen = choose_calls(reference)
            if not chosen:
                continue
            benchmark = CallBenchmark(self._case.target, reference, chosen, BUDGET_S)
            with suppress(MeasurementError):
                return against_itself(benchmark, self._case.tree, self._case.copy({}))
        return None

    def verdict(
        self, changes: Mapping[str, bytes], subjects: Sequence[FunctionName], terms: Terms
    ) -> Verdict:
        """Record the functions' calls, measure the noise and judge somebody else's change."""
        self._listener.phase(Phase.RECORDING)
        self._case.recordings.update(self._surveyor.recordings(subjects))
        self._case.noise = self.noise(subjects)
        self._listener.phase(Phase.JUDGING)
        return judge(
            self._case,
            changes,
            subjects,
            terms,
            deadline_s=time.monotonic() + self._request.time_s,
            on_gate=_Gates(self._listener),
        )

    def _optimize(self, function: FunctionName) -> None:
        if time.monotonic() >= self._deadline_s:
            self._leave(function, "budget", OUT_OF_TIME)
            return
        doubt = not_comparable(function, self._case.reference(function))
        if doubt is not None:
            verdict = Inconclusive(Why.NOT_COMPARABLE, doubt, ())
            self._judged.append(Judged(function, verdict, None, {}))
            return
        try:
            proposers = self._ensemble.proposers(function)
        except ReplayError as error:
            self._leave(function, "no-strategy", str(error))
            return
        self._rounds.begun(function, self._text(function))
        found = self._search(function, proposers)
        judged = self._judge(function, found)
        mends = self._request.replay is None and _can_be_mended(judged)
        if mends and time.monotonic() < self._deadline_s:
            again = self._search(function, proposers[1:], [*found.dropped, *map(_tried, judged)])
            judged += self._judge(function, again)
        for sentence in self._ensemble.routes(function):
            self._listener.note(f"{function}: {sentence}")
        if judged:
            self._keep(function, judged)
        else:
            self._leave_without_gain(function, found)

    def _text(self, function: FunctionName) -> str:
        return read_source(self._case.tree.root / function.path).text

    def _leave_without_gain(self, function: FunctionName, found: Found) -> None:
        if not found.tries and time.monotonic() >= self._deadline_s:
            self._leave(function, "budget", OUT_OF_TIME)
            return
        reasons = [each.why for each in found.dropped if each.why.stage is not Stage.KNOWN]
        why = str(reasons[0])[:300] if reasons else NOT_FASTER
        self._leave(function, "no-strategy", NONE_HELPED.format(tries=found.tries, why=why))

    def _search(
        self, function: FunctionName, proposers: Sequence[Proposer], dropped: Sequence[Tried] = ()
    ) -> Found:
        if not proposers:
            return Found((), (), 0)
        self._listener.phase(Phase.SEARCHING, str(function))
        return search(
            self._case,
            self._subject(function),
            proposers,
            self._request.terms(function.path),
            deadline_s=self._deadline_s,
            on_try=self._listener.candidate,
            journal=self._rounds,
            dropped=dropped,
        )

    def _subject(self, function: FunctionName) -> Subject:
        recording = self._case.recordings[function]
        return self._surveyor.subject(function, recording, self._ensemble.group(function))

    def _judge(self, function: FunctionName, found: Found) -> list[Judged]:
        """Judge the best versions in turn until one is accepted, and return what was judged.

        One that is right and was measured as not faster is the last: each further measurement would
        be one more chance to take noise for a gain.
        """
        judged: list[Judged] = []
        for candidate in found.candidates[: min(_JUDGED_AT_MOST, self._request.candidates)]:
            self._listener.phase(Phase.JUDGING, str(function))
            verdict = judge(
                self._case,
                candidate.changes,
                self._altered(function, candidate.changes),
                self._request.terms(function.path),
                deadline_s=self._deadline_s,
                on_gate=_Gates(self._listener),
            )
            both = before_after(self._case, candidate.changes)
            judged.append(Judged(function, verdict, candidate, both))
            self._request.journal.decided(_decision(judged[-1]))
            if isinstance(verdict, Accepted) or verdict.why in _MEASURED:
                break
        return judged

    def _altered(
        self, function: FunctionName, changes: Mapping[str, bytes]
    ) -> tuple[FunctionName, ...]:
        """Return the function, and those of its group that a change alters as well."""
        changed = set(changed_functions(self._case, changes))
        group = self._ensemble.group(function)
        return (function, *(each for each in group if each in changed))

    def _keep(self, function: FunctionName, judged: Sequence[Judged]) -> None:
        """Keep the accepted version of a function, or the first of those that were refused."""
        accepted = [each for each in judged if isinstance(each.verdict, Accepted)]
        kept = replace(
            (accepted or judged)[0],
            rounds=self._rounds.of(function),
            attempts=self._rounds.failed(function),
            routes=self._ensemble.routes(function),
        )
        if accepted and kept.candidate is not None:
            self._adopt(function, kept, kept.candidate.changes)
        else:
            self._judged.append(kept)

    def _adopt(self, function: FunctionName, judged: Judged, changes: Mapping[str, bytes]) -> None:
        old, reference = self._case.tree, self._case.reference(function)
        confidence = self._request.terms(function.path).confidence
        altered = self._altered(function, changes)
        self._case.adopt(changes)
        self._ensemble.adopted(list(changes))
        change = Change(old, self._case.tree, altered, confidence)
        self._adopted[len(self._judged)] = Adopted(change, reference)
        self._judged.append(judged)

    def _measure_effects(self) -> None:
        """Measure what the accepted changes do beyond their functions, when all else is done."""
        kept_s = _EFFECT_SHARE * self._request.time_s
        found = effects(
            self._case, list(self._adopted.values()), kept_s, self._ends_s, self._listener
        )
        for place, each in zip(self._adopted, found, strict=True):
            self._judged[place] = replace(self._judged[place], effect=each)

    def effect(
        self, changes: Mapping[str, bytes], subjects: Sequence[FunctionName], confidence: float
    ) -> Effect:
        """Measure what somebody else's accepted change does beyond its functions."""
        self._listener.phase(Phase.EFFECT)
        change = Change(self._case.tree, self._case.copy(changes), tuple(subjects), confidence)
        deadline_s = time.monotonic() + _EFFECT_SHARE * self._request.time_s
        return effect(self._case, change, deadline_s=deadline_s)

    def _leave(self, function: FunctionName, reason: str, detail: str) -> None:
        self._unchanged.append(Unchanged(function, reason, detail))


def before_after(case: Case, changes: Mapping[str, bytes]) -> dict[str, tuple[bytes | None, bytes]]:
    """Return each changed file's content before (``None``: it is new) and after."""
    return {path: (case.content(path), after) for path, after in changes.items()}


def _can_be_mended(judged: Sequence[Judged]) -> bool:
    """Say whether all was refused for reasons that a model can do something about."""
    return bool(judged) and all(
        not isinstance(each.verdict, Accepted) and each.verdict.why not in _MEASURED
        for each in judged
    )


def _tried(judged: Judged) -> Tried:
    """Return a version that the judge refused as one that was dropped."""
    candidate, verdict = judged.candidate, judged.verdict
    assert candidate is not None
    assert not isinstance(verdict, Accepted)
    text = decode_source(candidate.content, Path(candidate.path)).text
    return Tried(candidate.plan.suggestions, of_verdict(verdict), candidate.optimizer, text)


def _decision(judged: Judged) -> Decision:
    """Return a verdict as a journal takes it; somebody else's change has neither planner nor optimizer."""
    candidate = judged.candidate
    return Decision(
        judged.function,
        candidate.planner if candidate else NOBODY,
        candidate.optimizer if candidate else NOBODY,
        candidate.plan.suggestions if candidate else (),
        judged.changes,
        judged.verdict,
    )


class _Gates:
    """Tells a listener how far the judge has come."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._passed = 0

    def __call__(self, _name: str) -> None:
        self._passed += 1
        self._listener.step(self._passed, GATES)


def verify(
    request: Request,
    changes: Mapping[str, bytes],
    functions: Sequence[FunctionName],
    listener: Listener,
) -> Outcome:
    """Judge somebody else's change, for all functions that it alters where none is named.

    Readability is only remarked on. The outcome has one ``Judged`` per function, all with the same
    verdict, or one without a function where the change alters none.

    Raises:
        UnknownFunction: a named function does not exist.
        and what :func:`prepared` raises.
    """
    started = time.monotonic()
    terms = replace(request.terms(next(iter(changes))), readability=None)
    with prepared(request, listener) as ready:
        case = ready.case
        subjects = [existing(case.tree, ready.sources, name) for name in functions]
        refused = judge_by_reading(case, changes, terms)
        if refused is None or refused.why is not Why.DOES_NOT_PARSE:
            subjects = subjects or changed_functions(case, changes)
        session = _Session(request, ready, listener)
        verdict = refused or session.verdict(changes, subjects, terms)
        both = before_after(case, changes)
        found = None
        if isinstance(verdict, Accepted):
            found = session.effect(changes, subjects, terms.confidence)
        judged = [Judged(function, verdict, None, both, found) for function in subjects]
        judged = judged or [Judged(FunctionName(next(iter(changes)), ""), verdict, None, both)]
        for each in judged:
            request.journal.decided(_decision(each))
        return Outcome(ready, (), case.noise, tuple(judged), (), time.monotonic() - started)


def plan(request: Request, listener: Listener) -> tuple[FunctionName, tuple[Suggestion, ...]]:
    """Return what the catalogue suggests for the one function of the request, nothing measured.

    Raises:
        UnknownFunction: the function does not exist.
        and what :func:`prepared` raises.
    """
    with prepared(request, listener) as ready:
        surveyor = Surveyor(request, ready, listener)
        function = existing(ready.case.tree, ready.sources, request.functions[0])
        listener.phase(Phase.RECORDING)
        subject = surveyor.subject(function, surveyor.recordings([function])[function])
        found = steps(subject, subject.source.text, rules())
        return function, tuple(step.suggestion for step in found)
