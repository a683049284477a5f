"""The only judge: is a change right, and is it faster?

Gates stand in order of cost, what can be read before what must be run. The measurement here is
made on fresh runs that took no part in choosing the change, and its interval is what is claimed.
docs/judging.md says for people what each gate decides.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from perfbot.optimizer import gates
from perfbot.optimizer.gates import FileChange, Refusal
from perfbot.optimizer.verdict import (
    Accepted,
    Gate,
    Inconclusive,
    Measured,
    Rejected,
    Verdict,
    Why,
)
from perfbot.profiling import replay
from perfbot.profiling.benchmark import CallBenchmark, MeasurementError, Timing, choose_calls
from perfbot.profiling.capture import Recording
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.measure import Comparison, Decision, Interval, compare, interval
from perfbot.profiling.replay import Difference, Reference
from perfbot.profiling.suite import Baseline, Lost, run_suite
from perfbot.profiling.target import Target
from perfbot.profiling.tree import Tree, sources, with_changes
from perfbot.profiling.workload import Workload

DIFFERS = "{function}({arguments}) {before} before the change, and {after} after it{what}"
VARIED = " (a recorded call, {what})"
TESTS_FAIL = "{test} {before} before the change and {now} after it: {why}"
TEST_MISSING = "{test} {before} before the change and has no result after it: {why}"
AND_MORE = " (and {count} more)"
NOT_EXERCISED = "nothing that ran calls {function}, so nothing shows that a change to it is right"
NOT_COMPARABLE = (
    "only {share:.0%} of the recorded calls of {function} can be compared ({why}); "
    "at least {least:.0%} are needed"
)
NOT_FASTER = (
    "{function} is {estimate:.2f}× as fast ({low:.2f}–{high:.2f}×), {least:.2f}× is asked for"
)
SLOWER = "{function} became slower: {estimate:.2f}× ({low:.2f}–{high:.2f}×)"
TOO_NOISY = (
    "{function} measures {estimate:.2f}× ({low:.2f}–{high:.2f}×) after {pairs} pairs, too wide to say whether it "
    "is above {least:.2f}×"
)
IMPORT_SLOWER = (
    "importing {path} takes {after_ms:.1f} ms instead of {before_ms:.1f} ms: work was moved there"
)
MORE_MEMORY = (
    "{function} needs {ratio:.2f}× the memory ({before} → {after} bytes at the peak), {most:.2f}× is "
    "allowed"
)
LESS_READABLE = (
    "cyclomatic complexity of {function} rises from {before} to {after}, by more than {most}"
)

GATES = 10  # how many there are
_LEAST_COMPARABLE_SHARE = 0.5
_MOST_IMPORT_GAIN_NS = 5_000_000
_IMPORT_RATIO = 0.85  # old/new time of importing the module
_MEMORY_FLOOR_BYTES = 1 << 20  # less than this is the noise of the allocator
_COLD_RATIO = 4.0
_SLOWER = 0.97


@dataclass(frozen=True, slots=True)
class Terms:
    """What a change must reach; ratios are new/old for memory and old/new for speed."""

    min_speedup: float = 1.10
    confidence: float = 0.99
    max_memory_ratio: float = 1.10
    max_complexity_increase: int | None = None  # None: readability is only remarked on
    allowed: frozenset[str] = frozenset()


@dataclass
class Case:
    """The code under judgement as it is now, and everything known of it.

    References (what the unchanged code does on the recorded calls) are made when first asked for.
    """

    target: Target
    tree: Tree
    workload: Workload
    baseline: Baseline
    scratch: Path
    noise: Interval | None = None
    dependencies: frozenset[str] = frozenset()
    recordings: dict[FunctionName, Recording] = field(default_factory=dict)
    _references: dict[FunctionName, Reference] = field(default_factory=dict)
    _copies: int = 0

    def reference(self, function: FunctionName) -> Reference:
        """Return what the unchanged function does on its recorded calls and their mutations."""
        if function not in self._references:
            recording = self.recordings[function]
            self._references[function] = replay.reference(self.target, self.tree, recording)
        return self._references[function]

    def copy(self, changes: Mapping[str, bytes]) -> Tree:
        """Return a new copy of the tree with files changed."""
        self._copies += 1
        return with_changes(self.tree, changes, self.scratch / f"copy-{self._copies:05d}")

    def file_changes(self, changes: Mapping[str, bytes]) -> list[FileChange]:
        """Return the changes with what the files hold now."""
        return [
            FileChange(path, self.content(path), after) for path, after in sorted(changes.items())
        ]

    def content(self, path: str) -> bytes | None:
        """Return a file's bytes, ``None`` where there is none."""
        file = self.tree.root / path
        return file.read_bytes() if file.is_file() and not file.is_symlink() else None

    def adopt(self, changes: Mapping[str, bytes]) -> None:
        """Take an accepted change over, so that the next one is judged on top of it."""
        self.tree = self.copy(changes)
        self._references.clear()


def judge(
    case: Case,
    changes: Mapping[str, bytes],
    functions: Sequence[FunctionName],
    terms: Terms,
    *,
    deadline_s: float,
    on_gate: Callable[[str], None] = lambda _name: None,
) -> Verdict:
    """Judge a change of whole files for its effect on ``functions``.

    ``deadline_s`` is a time of ``time.monotonic``: measuring ends there, the verdict may then be
    inconclusive. ``on_gate`` is told the name of each gate as it begins.
    """
    trial = _Trial(case, changes, functions, terms, deadline_s)
    passed: list[Gate] = []
    for name, check in trial.gates():
        on_gate(name)
        started = time.monotonic()
        found = check()
        seconds = time.monotonic() - started
        if isinstance(found, _Doubt):
            passed.append(Gate(name, False, found.detail, seconds))
            return Inconclusive(found.why, found.detail, tuple(passed), tuple(trial.measured))
        if isinstance(found, Refusal):
            passed.append(Gate(name, False, found.detail, seconds))
            return Rejected(found.why, found.detail, tuple(passed), tuple(trial.measured))
        passed.append(Gate(name, True, found, seconds))
    return Accepted(tuple(trial.measured), tuple(passed))


@dataclass(frozen=True, slots=True)
class _Doubt:
    why: Why
    detail: str


_Finding = str | Refusal | _Doubt  # a gate passes with a remark, refuses, or cannot tell


class _Trial:
    """One change before the judge."""

    def __init__(
        self,
        case: Case,
        changes: Mapping[str, bytes],
        functions: Sequence[FunctionName],
        terms: Terms,
        deadline_s: float,
    ) -> None:
        self._case = case
        self._changes = changes
        self._files = case.file_changes(changes)
        self._functions = functions
        self._terms = terms
        self._deadline_s = deadline_s
        self._new: Tree | None = None
        self._memory_ratios: dict[FunctionName, float] = {}
        self.measured: list[Measured] = []

    def gates(self) -> Iterator[tuple[str, Callable[[], _Finding]]]:
        """Yield the gates in order."""
        yield "parses", self._parses
        yield "interface", self._interface
        yield "forbidden", self._forbidden
        yield "readability", self._readability
        yield "exercised", self._exercised
        yield "same results", self._same_results
        yield "tests", self._tests
        yield "memory", self._memory
        yield "speed", self._speed
        yield "tests on the shipped bytes", self._tests

    @property
    def _copy(self) -> Tree:
        if self._new is None:
            self._new = self._case.copy(self._changes)
        return self._new

    def _parses(self) -> _Finding:
        return gates.parses(self._files) or f"{len(self._files)} file(s)"

    def _interface(self) -> _Finding:
        return (
            gates.keeps_interface(self._files)
            or "names, kinds, parameters, defaults and decorators are kept"
        )

    def _forbidden(self) -> _Finding:
        found = gates.reaches_for_nothing_new(
            self._files, dependencies=self._case.dependencies, allowed=self._terms.allowed
        )
        return found or "no new capability, no new dependency"

    def _readability(self) -> _Finding:
        remarks = []
        for function in self._functions:
            before, after = (self._complexity(function, when) for when in ("before", "after"))
            most = self._terms.max_complexity_increase
            if most is not None and after - before > most:
                detail = LESS_READABLE.format(
                    function=function, before=before, after=after, most=most
                )
                return Refusal(Why.LESS_READABLE, detail)
            remarks.append(f"complexity {before} → {after}")
        return ", ".join(remarks) or "no function"

    def _complexity(self, function: FunctionName, when: str) -> int:
        for change in self._files:
            if change.path == function.path:
                source = change.before if when == "before" else change.after
                return gates.complexity(source or b"", function.qualname)
        return gates.complexity(self._case.content(function.path) or b"", function.qualname)

    def _exercised(self) -> _Finding:
        if not self._functions:
            return Refusal(Why.NOT_FASTER, gates.CHANGES_NOTHING)
        for function in self._functions:
            recording = self._case.recordings[function]
            if not recording.count:
                return _Doubt(Why.NOT_EXERCISED, NOT_EXERCISED.format(function=function))
            doubt = not_comparable(function, self._case.reference(function))
            if doubt is not None:
                return _Doubt(Why.NOT_COMPARABLE, doubt)
        return ", ".join(f"{self._case.recordings[each].count} calls" for each in self._functions)

    def _same_results(self) -> _Finding:
        compared = 0
        for function in self._functions:
            reference = self._case.reference(function)
            found = replay.differences(reference, self._case.target, self._copy)
            if found:
                return Refusal(Why.RESULTS_DIFFER, _tell(function, found))
            compared += len(reference.behaviours)
        return f"{compared} calls compared"

    def _tests(self) -> _Finding:
        baseline = self._case.baseline
        wall_s = max(60.0, 10 * baseline.seconds)
        run = run_suite(
            self._case.target, self._case.copy(self._changes), self._case.workload, wall_s=wall_s
        )
        lost = baseline.lost(run)
        if lost:
            return _lost(lost)
        return f"{len(baseline.counted)} tests as before, 0 lost"

    def _memory(self) -> _Finding:
        remarks = []
        for function in self._functions:
            benchmark = self._benchmark(function, once=False)
            try:
                before, after = (
                    benchmark.peak_bytes(self._case.tree),
                    benchmark.peak_bytes(self._copy),
                )
            except MeasurementError as error:
                return Refusal(Why.CRASHED, str(error))
            ratio = self._memory_ratios[function] = after / max(before, 1)
            most = self._terms.max_memory_ratio
            if ratio > most and after - before > _MEMORY_FLOOR_BYTES:
                detail = MORE_MEMORY.format(
                    function=function, ratio=ratio, before=before, after=after, most=most
                )
                return Refusal(Why.USES_MORE_MEMORY, detail)
            remarks.append(f"{before} → {after} bytes at the peak")
        return ", ".join(remarks)

    def _speed(self) -> _Finding:
        remembers = gates.remembers(self._files)
        for function in self._functions:
            finding = self._speed_of(function, once=remembers)
            if isinstance(finding, Refusal | _Doubt):
                return finding
        if not any(each.speedup.low > self._at_least for each in self.measured):
            return Refusal(Why.NOT_FASTER, self._worst(NOT_FASTER))
        return self._worst("{function} is at least {low:.2f}× as fast")

    @property
    def _at_least(self) -> float:
        """The asked speedup, or what this machine says of code compared with itself if that is more."""
        noise = self._case.noise
        return max(self._terms.min_speedup, noise.high if noise else 1.0)

    def _speed_of(self, function: FunctionName, *, once: bool) -> _Finding:
        benchmark = self._benchmark(function, once=once)
        timings: list[tuple[Timing, Timing]] = []
        try:
            comparison = compare(
                benchmark.pair(self._case.tree, self._copy, timings),
                at_least=self._at_least,
                confidence=self._terms.confidence,
                deadline_s=self._deadline_s,
            )
        except MeasurementError as error:
            return Refusal(Why.CRASHED, str(error))
        if not once and _only_when_warm(timings):
            return self._speed_of(function, once=True)
        self.measured.append(
            Measured(function, comparison, self._at_least, self._memory_ratios.get(function))
        )
        return _moved_to_import(function, timings) or self._finding(function, comparison)

    def _finding(self, function: FunctionName, comparison: Comparison) -> _Finding:
        several = len(self._functions) > 1
        if comparison.decision is Decision.FASTER or (
            several and comparison.interval.low > _SLOWER
        ):
            return "faster"
        if several and comparison.interval.high < _SLOWER:
            return Refusal(Why.NOT_FASTER, self._worst(SLOWER))
        if comparison.decision is Decision.NOT_FASTER:
            return Refusal(Why.NOT_FASTER, self._worst(NOT_FASTER))
        return _Doubt(Why.TOO_NOISY, self._worst(TOO_NOISY))

    def _worst(self, text: str) -> str:
        last = self.measured[-1]
        found = last.speedup
        return text.format(
            function=last.function,
            estimate=found.estimate,
            low=found.low,
            high=found.high,
            pairs=found.pairs,
            least=self._at_least,
        )

    def _benchmark(self, function: FunctionName, *, once: bool) -> CallBenchmark:
        reference = self._case.reference(function)
        return CallBenchmark(self._case.target, reference, choose_calls(reference), 0.2, once)


def _only_when_warm(timings: Sequence[tuple[Timing, Timing]]) -> bool:
    """Say whether the new version's first call of each kind is out of proportion to the repeated ones.

    A memo shows so: repeated calls cost next to nothing, first ones what they always did. The old
    version's own proportion is the measure, since first calls are dearer for everybody.
    """
    old, new = (
        median(pair[side].first_ns / pair[side].pass_ns for pair in timings) for side in (0, 1)
    )
    return new > _COLD_RATIO * old


def _moved_to_import(
    function: FunctionName, timings: Sequence[tuple[Timing, Timing]]
) -> Refusal | None:
    """Refuse a change whose module takes clearly longer to import: work cannot be hidden there."""
    before_ns, after_ns = (median(pair[side].import_ns for pair in timings) for side in (0, 1))
    found = interval([old.import_ns / new.import_ns for old, new in timings], 0.99)
    if found.high > _IMPORT_RATIO or after_ns - before_ns < _MOST_IMPORT_GAIN_NS:
        return None
    detail = IMPORT_SLOWER.format(
        path=function.path, after_ms=after_ns / 1e6, before_ms=before_ns / 1e6
    )
    return Refusal(Why.CHEATS, detail)


def not_comparable(function: FunctionName, reference: Reference) -> str | None:
    """Return why too few of a function's recorded calls can be compared, ``None`` if enough can."""
    if reference.real and reference.comparable_share >= _LEAST_COMPARABLE_SHARE:
        return None
    dropped = dict(reference.dropped)
    if reference.recording.unpicklable:
        why = f"cannot be pickled: {reference.recording.why_unpicklable}"
        dropped[why] = reference.recording.unpicklable
    commonest = max(dropped, key=lambda why: dropped[why], default="none was recorded")
    return NOT_COMPARABLE.format(
        function=function,
        share=reference.comparable_share,
        why=commonest,
        least=_LEAST_COMPARABLE_SHARE,
    )


def _tell(function: FunctionName, found: Sequence[Difference]) -> str:
    first = found[0]
    what = VARIED.format(what=first.what) if first.what else ""
    text = DIFFERS.format(
        function=function.qualname,
        arguments=first.arguments,
        before=first.before,
        after=first.after,
        what=what,
    )
    return text + (AND_MORE.format(count=len(found) - 1) if len(found) > 1 else "")


def _lost(lost: Sequence[Lost]) -> Refusal:
    missing = [each for each in lost if each.now is None]
    first = (missing or lost)[0]
    text = TEST_MISSING if first.now is None else TESTS_FAIL
    detail = text.format(
        test=first.test, before=first.before, now=first.now, why=first.why.strip()[-600:]
    )
    more = AND_MORE.format(count=len(lost) - 1) if len(lost) > 1 else ""
    return Refusal(Why.TESTS_MISSING if missing else Why.TESTS_FAIL, detail + more)


def changed_functions(case: Case, changes: Mapping[str, bytes]) -> list[FunctionName]:
    """Return the functions and methods that a change alters."""
    return [
        FunctionName(change.path, qualname)
        for change in case.file_changes(changes)
        for qualname in gates.changed_functions(change)
    ]


def source_paths(case: Case) -> frozenset[str]:
    """Return the paths of the project's own sources."""
    return frozenset(sources(case.tree))
