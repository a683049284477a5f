"""The main job: a repository goes in, proven changes come out.

One session prepares the target once and lets every function share it. All that is slow is told to
a listener. The repository itself is only read.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.catalogue import rules
from perfbot.optimizer.plan import Subject, steps
from perfbot.optimizer.preparation import Prepared, Request, existing, prepared, text_of
from perfbot.optimizer.progress import Listener, Phase
from perfbot.optimizer.search import Candidate, Found, search
from perfbot.optimizer.strategies import Suggestion
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

NATIVE = (
    "{share:.0%} of its time is spent in native code, which a rewrite in Python cannot make faster"
)
NO_STRATEGY = "no strategy of the catalogue applies"
NONE_HELPED = "{tries} versions were tried, none was right and clearly faster: {why}"
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
_LOOKED_AT_PER_SEARCHED = 4


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A hotspot for which nothing was proposed; ``reason`` is of the report's closed list."""

    function: FunctionName
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A change and its verdict; ``changes`` holds each file before and after."""

    function: FunctionName
    verdict: Verdict
    candidate: Candidate | None
    changes: Mapping[str, tuple[bytes | None, bytes]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that a session found."""

    prepared: Prepared
    hotspots: tuple[Hotspot, ...]
    noise: Interval | None
    judged: tuple[Judged, ...]
    unchanged: tuple[Unchanged, ...]
    seconds: float


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
        self._deadline_s = time.monotonic() + request.time_s
        self._judged: list[Judged] = []
        self._unchanged: list[Unchanged] = []

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
        seconds = time.monotonic() - started
        counted = {function: found.count for function, found in self._case.recordings.items()}
        ranked = hotspots.with_calls(ranked, counted)
        return Outcome(
            self._ready, ranked, noise, tuple(self._judged), tuple(self._unchanged), seconds
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
            why = found.dropped[0].why if found.dropped else "not faster"
            self._leave(
                function, "no-strategy", NONE_HELPED.format(tries=found.tries, why=why[:300])
            )

    def _search(self, function: FunctionName) -> Found:
        return search(
            self._case,
            self.subject(function, self._case.recordings[function]),
            rules(),
            self._request.terms(function.path),
            deadline_s=self._deadline_s,
            on_try=self._listener.candidate,
        )

    def subject(self, function: FunctionName, recording: Recording) -> Subject:
        """Return the function as the catalogue's rules take it."""
        return Subject(
            function,
            read_source(self._case.tree.root / function.path),
            dict(recording.facts),
            self._case.dependencies,
            recording.count,
        )

    def _judge(self, function: FunctionName, found: Found) -> None:
        """Judge the best versions in turn until one is accepted; the first verdict is kept otherwise."""
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
            verdicts.append(
                Judged(function, verdict, candidate, before_after(self._case, candidate.changes))
            )
            if isinstance(verdict, Accepted):
                self._judged.append(verdicts[-1])
                self._case.adopt(candidate.changes)
                return
        self._judged.append(verdicts[0])

    def _leave(self, function: FunctionName, reason: str, detail: str) -> None:
        self._unchanged.append(Unchanged(function, reason, detail))


def before_after(case: Case, changes: Mapping[str, bytes]) -> dict[str, tuple[bytes | None, bytes]]:
    """Return each changed file's content before (``None``: it is new) and after."""
    return {path: (case.content(path), after) for path, after in changes.items()}


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
        judged = [Judged(function, verdict, None, both) for function in subjects]
        judged = judged or [Judged(FunctionName(next(iter(changes)), ""), verdict, None, both)]
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
