"""The main job: a repository goes in, proven changes come out.

One session prepares the target once and lets every function share it. All that is slow is told to
a listener. The repository itself is only read.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.catalogue import rules
from perfbot.optimizer.effect import Adopted, Change, Effect, effect, effects
from perfbot.optimizer.embedded import Guided
from perfbot.optimizer.journal import Decision
from perfbot.optimizer.knowledge import Knowledge, gathered
from perfbot.optimizer.models import Usage
from perfbot.optimizer.plan import Subject, steps
from perfbot.optimizer.preparation import Prepared, Request, existing, prepared, text_of
from perfbot.optimizer.progress import Listener, Phase
from perfbot.optimizer.proposing import Authors, Catalogue, Proposer, Spending
from perfbot.optimizer.search import SEEN, Candidate, Found, search
from perfbot.optimizer.strategies import Suggestion
from perfbot.optimizer.tables import dict_attributes
from perfbot.optimizer.verdict import Accepted, Inconclusive, Verdict, Why
from perfbot.optimizer.verify import (
    GATES,
    changed_functions,
    judge,
    judge_by_reading,
    not_comparable,
)
from perfbot.profiling import hotspots
from perfbot.profiling.benchmark import BUDGET_S, CallBenchmark, MeasurementError, choose_calls
from perfbot.profiling.capture import Recording, capture
from perfbot.profiling.external_profile import describe_unmatched, read_profile
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.hotspots import Hotspot, Profile, ProfileError
from perfbot.profiling.measure import Interval
from perfbot.profiling.noise import against_itself
from perfbot.profiling.sandbox import Limits
from perfbot.profiling.source import read_source
from perfbot.profiling.suite import activities

NOBODY = "none"  # planner and optimizer of a change that was brought along
NATIVE = (
    "{share:.0%} of its time is spent in native code, which a rewrite in Python cannot make faster"
)
NO_STRATEGY = "no strategy of the catalogue applies"
NONE_HELPED = "{tries} versions were tried, none was right and clearly faster: {why}"
NOT_FASTER = "not faster"
BELOW_SHARE = "it has {share:.1%} of the workload's time, less than {least:.1%}"
NOT_CALLED = "nothing that ran calls it"
ONLY_PROFILED = (
    "it ran while it was profiled, but its calls were not seen: another definition of the same name "
    "stands below it, or not every run calls it"
)
OUT_OF_TIME = "the time budget was used up before; --time-budget gives more"
OTHERS_FIRST = "{count} hotter functions came first; hotspots: at_most in .perfbot.yml allows more"
TOO_QUICK = (
    "what runs takes too little time to say which function is slow ({why}): name functions with "
    "--function, or give something that works longer in .perfbot.yml under workload: commands:"
)

_NATIVE_SHARE = 0.95
_PROFILE_RUNS = 5
_PROFILE_CPU_S = 1.0  # sampled: at 2 ms a sample some 500 samples
_JUDGED_AT_MOST = 3
_MEASURED = (Why.NOT_FASTER, Why.TOO_NOISY)
_LOOKED_AT_PER_SEARCHED = 4
_EFFECT_SHARE = 0.15  # of the time budget is kept for the effects of all accepted changes


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A hotspot for which nothing was proposed; ``reason`` is of the report's closed list."""

    function: FunctionName
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A change and its verdict; ``changes`` holds each file before and after.

    ``effect`` is what an accepted change does to the rest of the project, measured on the tree that
    the changes accepted before it left.
    """

    function: FunctionName
    verdict: Verdict
    candidate: Candidate | None
    changes: Mapping[str, tuple[bytes | None, bytes]]
    effect: Effect | None = None


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


def find_hotspots(request: Request, ready: Prepared, listener: Listener) -> tuple[Hotspot, ...]:
    """Profile the workload and rank the project's own functions by what could be won."""
    listener.phase(Phase.PROFILING)
    case = ready.case
    ours = frozenset(ready.sources)
    if request.profile is not None:
        external = read_profile(request.profile, case.tree.files)
        for line in describe_unmatched(external.unmatched):
            listener.note(line)
        profiles = [external.profile]
    else:
        profiles = _profiles(case, listener)
    return hotspots.rank(profiles, lambda path: text_of(case.tree, path), lambda path: path in ours)


def _profiles(case: Case, listener: Listener) -> list[Profile]:
    """Run the workload under the sampler until enough was sampled: a fast suite runs several times.

    A run may be over before the first sample; only when all are, nothing is known, and that is said.
    """
    found: list[Profile] = []
    why = ""
    limits = Limits(wall_s=max(60.0, 5 * case.baseline.seconds))
    for _ in range(_PROFILE_RUNS):
        for job in activities(case.workload):
            with case.lent({}) as copy:
                reply = case.target.run({**job, "sample": True}, copy, limits=limits, writable=True)
            try:
                found.extend(
                    hotspots.profile_from_json(each.fields) for each in reply.of_kind("profile")
                )
            except ProfileError as error:
                why = str(error)
        if sum(profile.total_s for profile in found) >= _PROFILE_CPU_S:
            break
    if not found:
        listener.note(TOO_QUICK.format(why=why or "the profiled run did not end"))
    return found


class _Session:
    def __init__(self, request: Request, ready: Prepared, listener: Listener) -> None:
        self._request = request
        self._ready = ready
        self._case = ready.case
        self._listener = listener
        now_s = time.monotonic()
        self._ends_s = now_s + request.time_s
        self._deadline_s = now_s + (1 - _EFFECT_SHARE) * request.time_s
        self._adopted: dict[int, Adopted] = {}  # by place among the judged
        self._judged: list[Judged] = []
        self._unchanged: list[Unchanged] = []
        most_usd = request.models.most_usd if request.models else 0.0
        self._spending = Spending(most_usd, request.journal)

    def outcome(self, started: float) -> Outcome:
        """Profile, record, measure the noise floor, then search and judge function by function."""
        wanted = [
            existing(self._case.tree, self._ready.sources, name) for name in self._request.functions
        ]
        ranked = find_hotspots(self._request, self._ready, self._listener)
        chosen = wanted or self._chosen(ranked)
        self._listener.phase(Phase.RECORDING)
        self._case.recordings.update(self.recordings(chosen))
        self._listener.phase(Phase.SEARCHING)
        worth = [function for function in chosen if self._is_worth_a_search(function, ranked)]
        searched = worth if wanted else worth[: self._request.at_most]
        for function in worth[len(searched) :]:
            self._leave(function, "budget", OTHERS_FIRST.format(count=len(searched)))
        noise = self._case.noise = self.noise(searched)
        for function in searched:
            self._optimize(function)
        self._measure_effects()
        seconds = time.monotonic() - started
        counted = {function: found.count for function, found in self._case.recordings.items()}
        ranked = hotspots.with_calls(ranked, counted)
        for failure in dict.fromkeys(self._spending.failures):
            self._listener.note(failure)
        return Outcome(
            self._ready,
            ranked,
            noise,
            tuple(self._judged),
            tuple(self._unchanged),
            seconds,
            self._spending.used,
        )

    def _chosen(self, ranked: Sequence[Hotspot]) -> list[FunctionName]:
        """Return the functions to look at: more than are searched, as most have nothing to try."""
        chosen: list[FunctionName] = []
        for hotspot in ranked:
            reason = self._passed_over(hotspot, len(chosen))
            if reason is None:
                chosen.append(hotspot.function)
            else:
                self._unchanged.append(reason)
        return chosen

    def _passed_over(self, hotspot: Hotspot, chosen: int) -> Unchanged | None:
        least = self._request.min_share
        if max(hotspot.share, hotspot.inclusive_share) < least:
            detail = BELOW_SHARE.format(share=hotspot.share, least=least)
            return Unchanged(hotspot.function, "below-share", detail)
        if chosen >= self._request.at_most * _LOOKED_AT_PER_SEARCHED:
            detail = OTHERS_FIRST.format(count=chosen)
            return Unchanged(hotspot.function, "budget", detail)
        return None

    def recordings(self, functions: Sequence[FunctionName]) -> Mapping[FunctionName, Recording]:
        """Run the workload once more and record the functions' calls."""
        wall_s = max(120.0, 10 * self._case.baseline.seconds)
        case = self._case
        with case.lent({}) as copy:
            return capture(case.target, copy, case.workload, functions, wall_s=wall_s)

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
        self._case.recordings.update(self.recordings(subjects))
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

    def _is_worth_a_search(self, function: FunctionName, ranked: Sequence[Hotspot]) -> bool:
        """Say whether there is anything to try, by reading alone; note why where there is not."""
        recording = self._case.recordings[function]
        if recording.count == 0:
            was_seen = any(each.function == function and each.share for each in ranked)
            detail = recording.trouble or (ONLY_PROFILED if was_seen else NOT_CALLED)
            self._leave(function, "not-exercised", detail)
            return False
        models = self._request.models
        if models is not None and (models.optimizers or models.larger):
            return True
        subject = self.subject(function, recording)
        if next(steps(subject, subject.source.text, rules()), None) is None:
            native = next((each.native_share for each in ranked if each.function == function), 0.0)
            self._leave_without_steps(function, native)
            return False
        return True

    def _leave_without_steps(self, function: FunctionName, native: float) -> None:
        if native >= _NATIVE_SHARE:
            self._leave(function, "native", NATIVE.format(share=native))
        else:
            self._leave(function, "no-strategy", NO_STRATEGY)

    def _optimize(self, function: FunctionName) -> None:
        if time.monotonic() >= self._deadline_s:
            self._leave(function, "budget", OUT_OF_TIME)
            return
        self._listener.phase(Phase.SEARCHING, str(function))
        doubt = not_comparable(function, self._case.reference(function))
        if doubt is not None:
            verdict = Inconclusive(Why.NOT_COMPARABLE, doubt, ())
            self._judged.append(Judged(function, verdict, None, {}))
            return
        found = self._search(function)
        if found.candidates:
            self._judge(function, found)
        elif not found.tries and time.monotonic() >= self._deadline_s:
            self._leave(function, "budget", OUT_OF_TIME)
        else:
            why = next((each.why for each in found.dropped if each.why != SEEN), NOT_FASTER)
            self._leave(
                function, "no-strategy", NONE_HELPED.format(tries=found.tries, why=why[:300])
            )

    def _search(self, function: FunctionName) -> Found:
        return search(
            self._case,
            self.subject(function, self._case.recordings[function]),
            self._proposers(function),
            self._request.terms(function.path),
            deadline_s=self._deadline_s,
            on_try=self._listener.candidate,
            journal=self._request.journal,
        )

    def _proposers(self, function: FunctionName) -> list[Proposer]:
        """Return who proposes versions of one function: always the catalogue, and models where there are.

        Where a model plans and none writes, the catalogue follows its plan.
        """
        catalogue: Proposer = Catalogue(rules())
        models = self._request.models
        if models is None:
            return [catalogue]
        candidates = self._request.candidates
        knowledge = cache(
            lambda: self._knowledge(function)
        )  # one for all, and only if one is asked
        authors = [
            Authors(model, models.planner, rules(), self._spending, candidates, knowledge)
            for model in models.optimizers
        ]
        if models.planner is not None and not authors:
            catalogue = Guided(models.planner, rules(), self._spending, knowledge)
        return [catalogue, *authors]

    def _knowledge(self, function: FunctionName) -> Knowledge:
        request = self._request
        return gathered(
            self._case,
            function,
            hint=request.hint,
            history=request.history(function),
            pairs=request.pairs,
        )

    def subject(self, function: FunctionName, recording: Recording) -> Subject:
        """Return the function as the catalogue's rules take it."""
        return Subject(
            function,
            read_source(self._case.tree.root / function.path),
            dict(recording.facts),
            self._case.dependencies,
            recording.count,
            self._dict_attributes,
        )

    @cached_property
    def _dict_attributes(self) -> frozenset[str]:
        texts = (text_of(self._case.tree, path) for path in self._ready.sources)
        return dict_attributes(text for text in texts if text is not None)

    def _judge(self, function: FunctionName, found: Found) -> None:
        """Judge the best versions in turn until one is accepted; the first verdict is kept otherwise.

        One that is right and was measured as not faster is the last: each further measurement would
        be one more chance to take noise for a gain.
        """
        verdicts: list[Judged] = []
        for candidate in found.candidates[: min(_JUDGED_AT_MOST, self._request.candidates)]:
            self._listener.phase(Phase.JUDGING, str(function))
            verdict = judge(
                self._case,
                candidate.changes,
                [function],
                self._request.terms(function.path),
                deadline_s=self._deadline_s,
                on_gate=_Gates(self._listener),
            )
            both = before_after(self._case, candidate.changes)
            verdicts.append(Judged(function, verdict, candidate, both))
            self._request.journal.decided(_decision(verdicts[-1]))
            if isinstance(verdict, Accepted):
                self._adopt(function, verdicts[-1], candidate.changes)
                return
            if verdict.why in _MEASURED:
                break
        self._judged.append(verdicts[0])

    def _adopt(self, function: FunctionName, judged: Judged, changes: Mapping[str, bytes]) -> None:
        old, reference = self._case.tree, self._case.reference(function)
        confidence = self._request.terms(function.path).confidence
        self._case.adopt(changes)
        change = Change(old, self._case.tree, (function,), confidence)
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
    terms = replace(request.terms(next(iter(changes))), max_complexity_increase=None)
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
        session = _Session(request, ready, listener)
        function = existing(ready.case.tree, ready.sources, request.functions[0])
        listener.phase(Phase.RECORDING)
        recording = session.recordings([function])[function]
        subject = session.subject(function, recording)
        found = steps(subject, subject.source.text, rules())
        return function, tuple(step.suggestion for step in found)
