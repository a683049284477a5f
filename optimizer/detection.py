"""How good is the evidence for a change? Faults seeded into it are put before all that judged it.

Recorded calls and their mutations come first, since they cost little, then the project's tests for
the faults that survived. What a fault may cost is bounded: the accepted version is watched first,
and only calls that it makes in a fraction of the time that a fault gets are made on faults, so that
one which takes too long is one that hangs.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from perfbot.optimizer.case import Case
from perfbot.optimizer.faults import Caught, Fault, seeded
from perfbot.profiling import replay
from perfbot.profiling.behaviours import Key, Played
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.replay import Reference
from perfbot.profiling.source import UnreadableSource, decode_source
from perfbot.profiling.suite import Baseline, SuiteRun, callers, run_suite
from perfbot.profiling.tree import Tree

_CALL_S = 1.0  # for one call of a fault
_LONG_CALL_S = 8.0  # where the recorded calls themselves are long
_SLACK = 4  # a call counts that the accepted version makes in this part of a fault's time
_WATCHED_S = 20.0  # for watching the accepted version
_STARTING_S = 3.0  # for a process to start on a busy machine
_REPLAYED_NS = 3_000_000_000  # of the old version's time, for all calls on one fault
_FIRST_LOOK_NS = 200_000_000  # of recorded calls, the short ones first


@dataclass(frozen=True, slots=True)
class _Calls:
    """The recorded calls of a function that its faults are tried with: a few first, then all."""

    reference: Reference
    first: tuple[Key, ...]
    every: tuple[Key, ...]
    call_s: float
    wall_s: float  # for all calls on one fault


@dataclass(frozen=True, slots=True)
class _Tests:
    """The tests that reach a function, as far as they count, and how long they take together."""

    baseline: Baseline
    only: frozenset[str] | None
    seconds: float


def detected(
    case: Case,
    changes: Mapping[str, bytes],
    new: Tree,
    functions: Sequence[FunctionName],
    *,
    replay_s: float,
    tests_s: float,
) -> Mapping[FunctionName, Caught]:
    """Seed faults into the functions of an accepted change and try whether anything notices them.

    ``new`` is the copy with the change. No replay begins later than ``replay_s`` from now, and no
    test that is not expected to end within ``tests_s``.
    """
    started_s = time.monotonic()
    trial = _Trial(case, changes, started_s + replay_s, started_s + tests_s)
    replayed = {
        each: trial.replayed(_faults(case, new, each), _calls(case, new, each))
        for each in functions
    }
    return {each: trial.tested(each, replayed[each]) for each in functions}


def _faults(case: Case, new: Tree, function: FunctionName) -> tuple[Fault, ...]:
    path = new.root / function.path
    try:
        source = decode_source(path.read_bytes(), path)
        before = decode_source(case.content(function.path) or b"", path)
    except UnreadableSource:
        return ()
    return seeded(function, before.text, source)


def _calls(case: Case, new: Tree, function: FunctionName) -> _Calls:
    """Watch the accepted version and choose the calls that it makes quickly and as expected."""
    reference = case.reference(function)
    longest_s = max((each.ns for each in reference.behaviours.values()), default=0) / 1e9
    call_s = min(_LONG_CALL_S, max(_CALL_S, 2 * _SLACK * longest_s))
    keys = _affordable(reference)
    started_s = time.monotonic()
    played = replay.play(
        case.target,
        new,
        reference.recording,
        limits_s=(call_s / _SLACK, _CALL_S / _SLACK, _CALL_S / _SLACK),
        keys=keys,
        wall_s=_WATCHED_S,
    )
    every = replay.agreeing(reference, played, keys)
    wall_s = _SLACK * (time.monotonic() - started_s) + _STARTING_S
    return _Calls(reference, _first_look(every, played), every, call_s, wall_s)


def _affordable(reference: Reference) -> list[Key]:
    """Return recorded calls with their mutations, the short ones first, that take a few seconds at most."""
    mutations = Counter(number for number, _ in reference.behaviours)
    chosen: set[int] = set()
    left_ns = _REPLAYED_NS
    for number in sorted(reference.real, key=lambda each: reference.behaviours[each, 0].ns):
        left_ns -= reference.behaviours[number, 0].ns * mutations[number]
        if left_ns < 0 and chosen:
            break
        chosen.add(number)
    return [key for key in reference.behaviours if key[0] in chosen]


def _first_look(keys: Sequence[Key], played: Played) -> tuple[Key, ...]:
    """Return the shortest recorded calls, for most faults show at once."""
    chosen: list[Key] = []
    left_ns = _FIRST_LOOK_NS
    for key in sorted(keys, key=lambda each: played.behaviours[each].ns):
        left_ns -= played.behaviours[key].ns
        if key[1] == 0 and left_ns >= 0:
            chosen.append(key)
    return tuple(sorted(chosen))


@dataclass(frozen=True, slots=True)
class _Trial:
    case: Case
    changes: Mapping[str, bytes]
    replay_until_s: float  # of time.monotonic, as the next one
    tests_until_s: float

    def replayed(self, faults: Sequence[Fault], calls: _Calls) -> Caught:
        """Try faults on the recorded calls until time is up."""
        survivors: list[Fault] = []
        tried = 0
        for fault in faults if calls.every else ():
            if time.monotonic() >= self.replay_until_s:
                break
            tried += 1
            with self.case.lent({**self.changes, fault.path: fault.content}) as copy:
                if not self._differs(copy, calls):
                    survivors.append(fault)
        return Caught(len(faults), tried, tuple(survivors), unasked=len(survivors))

    def _differs(self, copy: Tree, calls: _Calls) -> bool:
        """Say whether a call does something else, taking the most telling ones for their price first."""
        looks = [(calls.first, _CALL_S), (calls.every, calls.call_s)]
        for keys, call_s in looks:
            played = replay.play(
                self.case.target,
                copy,
                calls.reference.recording,
                limits_s=(call_s, _CALL_S, _CALL_S),
                keys=keys,
                patience=0,
                wall_s=calls.wall_s,
            )
            if replay.agreeing(calls.reference, played, keys) != keys:
                return True
        return False

    def tested(self, function: FunctionName, replayed: Caught) -> Caught:
        """Put the survivors of the replay before the tests that reach the function."""
        tests = self._tests(function) if replayed.survivors else None
        if tests is None:
            return replayed
        survivors: list[Fault] = []
        unasked = 0
        for fault in replayed.survivors:
            in_time = time.monotonic() + tests.seconds < self.tests_until_s
            unasked += not in_time
            if not (in_time and self._fails(fault, tests)):
                survivors.append(fault)
        return replace(replayed, survivors=tuple(survivors), unasked=unasked)

    def _tests(self, function: FunctionName) -> _Tests | None:
        """Return the tests that reach the function, all where that cannot be told; ``None``: no time."""
        case = self.case
        left_s = self.tests_until_s - time.monotonic()
        if left_s < 2 * case.baseline.seconds:
            return None
        with case.lent(self.changes) as copy:
            found = callers(case.target, copy, case.workload, function, wall_s=left_s)
        chosen = None if found is None or found.elsewhere else self._alone(found.tests)
        return chosen or _Tests(case.baseline, None, case.baseline.seconds)

    def _alone(self, names: Sequence[str]) -> _Tests | None:
        """Return these tests if they do without the others what they do with them."""
        baseline = self.case.baseline.of_tests(names)
        only = frozenset(baseline.counted)
        run = self._run({}, only, max(1.0, self.tests_until_s - time.monotonic()))
        return None if baseline.lost(run) else _Tests(baseline, only, run.seconds)

    def _fails(self, fault: Fault, tests: _Tests) -> bool:
        if not (tests.baseline.counted or tests.baseline.commands):
            return False
        wall_s = _SLACK * tests.seconds + _STARTING_S
        run = self._run({fault.path: fault.content}, tests.only, wall_s)
        return bool(tests.baseline.lost(run))

    def _run(
        self, more: Mapping[str, bytes], only: frozenset[str] | None, wall_s: float
    ) -> SuiteRun:
        case = self.case
        with case.lent({**self.changes, **more}) as copy:
            return run_suite(case.target, copy, case.workload, wall_s=wall_s, only=only)
