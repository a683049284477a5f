"""The only judge: is a change right, and is it faster?

Gates stand in order of cost, what can be read before what must be run. The measurement here is
made on fresh runs that took no part in choosing the change, and its interval is what is claimed.
docs/judging.md says for people what each gate decides.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from perfbot.optimizer import gates, growth, metrics, speed, witness
from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.detection import detected
from perfbot.optimizer.faults import Caught
from perfbot.optimizer.footprint import Footprint, footprint, weighed
from perfbot.optimizer.gates import FileChange
from perfbot.optimizer.legibility import Reading, read
from perfbot.optimizer.metrics import Metrics
from perfbot.optimizer.verdict import (
    Accepted,
    Doubt,
    Finding,
    Gate,
    Inconclusive,
    Measured,
    Refusal,
    Rejected,
    Verdict,
    Why,
)
from perfbot.profiling import replay
from perfbot.profiling.behaviours import Difference
from perfbot.profiling.benchmark import MeasurementError, WrongAnswerError
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.growth import measure as grown
from perfbot.profiling.replay import Compared, Reference
from perfbot.profiling.suite import Lost, run_suite
from perfbot.profiling.tree import Tree

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
LESS_READABLE = "{function} is harder to read: {what}"
NOT_CAUGHT = "; not caught: {survivors}"
SURVIVOR = "line {line} of {path}: {before} → {after}"

SAME_RESULTS = "same results"
COMPARED = "{count} calls compared"
TOLERANT = "floats may differ by {tolerance:g} of the larger (accept.tolerance), which {count} calls needed"
SET_ASIDE = "{count} set aside, as the unchanged code now does something else on them"
OTHER_TYPES = (
    "beside that, with a value of a type that nothing shows (which refuses nothing): {what}"
)
UNSTEADY = (
    "the unchanged code of {function} does not always do the same: on {count} calls it did something "
    "else when it was asked once more, and too few are left to compare"
)

_LEAST_COMPARABLE_SHARE = 0.5
_FAULTS_S = 60.0  # at most, for trying seeded faults
_SURVIVORS_SHOWN = 5
_FAULTS_SHARE = 0.2  # of the time that is left, for putting them before the tests


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
    against = trial.against((*_RIGHT, *_FASTER), on_gate)
    return against or replace(trial.accepted(), metrics=trial.metrics())


def judge_without_clock(
    case: Case,
    changes: Mapping[str, bytes],
    functions: Sequence[FunctionName],
    terms: Terms,
    *,
    on_gate: Callable[[str], None] = lambda _name: None,
) -> Rejected | Inconclusive | None:
    """Judge only whether a change is allowed and right; return ``None`` when nothing is against it."""
    return _Trial(case, changes, functions, terms, 0.0).against(_RIGHT, on_gate)


def judge_by_reading(
    case: Case, changes: Mapping[str, bytes], terms: Terms
) -> Rejected | Inconclusive | None:
    """Judge only what needs no run of the change; return ``None`` when nothing is against it."""
    return _Trial(case, changes, (), terms, 0.0).against(_ALLOWED, lambda _name: None)


@dataclass
class _Trial:
    """One change before the judge, with what the gates passed so far and measured."""

    case: Case
    changes: Mapping[str, bytes]
    functions: Sequence[FunctionName]
    terms: Terms
    deadline_s: float
    passed: list[Gate] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    footprints: dict[FunctionName, Footprint] = field(default_factory=dict)
    caught: Mapping[FunctionName, Caught] = field(default_factory=dict)
    harder_to_read: dict[FunctionName, tuple[str, ...]] = field(default_factory=dict)
    _new: Tree | None = None

    @property
    def files(self) -> list[FileChange]:
        """The changed files, before and after."""
        return self.case.file_changes(self.changes)

    @property
    def new(self) -> Tree:
        """The copy with the change, made when first asked for; nothing may write to it."""
        self._new = self._new or self.case.copy(self.changes)
        return self._new

    @property
    def bench(self) -> speed.Bench:
        """Both versions, ready to be measured."""
        return speed.Bench(self.case, self.new, self.files, self.terms, self.deadline_s)

    def accepted(self) -> Accepted:
        """Return the verdict on a change that passed every gate."""
        least = self.terms.min_kill_rate
        return Accepted(
            tuple(self.measured),
            tuple(self.passed),
            self.caught,
            least,
            harder_to_read=self.harder_to_read,
        )

    def metrics(self) -> Mapping[FunctionName, Metrics]:
        """Measure what is only read, of each function, where there is time left."""
        if time.monotonic() >= self.deadline_s:
            return {}
        case = self.case
        return {
            each: metrics.measured(case.target, case.tree, self.new, case.reference(each))
            for each in self.functions
        }

    def against(
        self, through: "Sequence[_Step]", on_gate: Callable[[str], None]
    ) -> Rejected | Inconclusive | None:
        """Go through gates in order and return the first no or doubt, ``None`` if all let it pass."""
        for name, gate in through:
            on_gate(name)
            started = time.monotonic()
            found = gate(self)
            seconds = time.monotonic() - started
            if isinstance(found, str):
                self.passed.append(Gate(name, True, found, seconds))
                continue
            self.passed.append(Gate(name, False, found.detail, seconds))
            kind = Rejected if isinstance(found, Refusal) else Inconclusive
            return kind(found.why, found.detail, tuple(self.passed), tuple(self.measured))
        return None


def _parses(trial: _Trial) -> Finding:
    return gates.parses(trial.files) or f"{len(trial.files)} file(s)"


def _interface(trial: _Trial) -> Finding:
    return (
        gates.keeps_interface(trial.files)
        or "names, kinds, parameters, defaults and decorators are kept"
    )


def _forbidden(trial: _Trial) -> Finding:
    case = trial.case
    found = gates.reaches_for_nothing_new(
        trial.files,
        dependencies=case.dependencies | case.own_packages(trial.changes),
        allowed=trial.terms.allowed,
    ) or gates.stands_in_nobodys_way(
        trial.files,
        roots=case.tree.roots,
        taken=case.dependencies,
        exists=lambda path: (case.tree.root / path).exists(),
    )
    return found or "no new capability, no new dependency"


def _readability(trial: _Trial) -> Finding:
    remarks = []
    limits = trial.terms.readability
    for function in trial.functions:
        found = reading(trial.case, trial.changes, function)
        if limits is not None and (beyond := found.beyond(limits)):
            detail = LESS_READABLE.format(function=function, what="; ".join(beyond))
            return Refusal(Why.LESS_READABLE, f"{detail} ({found.told})")
        trial.harder_to_read[function] = found.worse
        remarks.append("; ".join((found.told, *found.worse)))
    return "; ".join(remarks) or "no function"


def reading(case: Case, changes: Mapping[str, bytes], function: FunctionName) -> Reading:
    """Return a function before and after a change, as its readers see it."""
    before = case.content(function.path) or b""
    after = changes.get(function.path, before)
    return read(before, after, function.qualname, case.house_style(function.path))


def _exercised(trial: _Trial) -> Finding:
    if not trial.functions:
        return Refusal(Why.NOT_FASTER, gates.CHANGES_NOTHING)
    if hidden := gates.out_of_reach(trial.files):
        return Doubt(Why.NOT_COMPARABLE, hidden)
    counts = []
    for function in trial.functions:
        count = trial.case.recordings[function].count
        if not count:
            return Doubt(Why.NOT_EXERCISED, NOT_EXERCISED.format(function=function))
        doubt = not_comparable(function, trial.case.reference(function))
        if doubt is not None:
            return Doubt(Why.NOT_COMPARABLE, doubt)
        counts.append(f"{count} calls")
    return ", ".join(counts)


def not_comparable(function: FunctionName, reference: Reference) -> str | None:
    """Return why too few of a function's recorded calls can be compared, ``None`` if enough can."""
    if reference.real and reference.comparable_share >= _LEAST_COMPARABLE_SHARE:
        return None
    dropped = dict(reference.dropped)
    if reference.recording.unpicklable:
        why = f"cannot be pickled: {reference.recording.why_unpicklable}"
        dropped[why] = reference.recording.unpicklable
    return NOT_COMPARABLE.format(
        function=function,
        share=reference.comparable_share,
        why=max(dropped, key=lambda why: dropped[why], default="none was recorded"),
        least=_LEAST_COMPARABLE_SHARE,
    )


def _same_results(trial: _Trial) -> Finding:
    remarks = []
    for function in trial.functions:
        reference = trial.case.reference(function)
        tolerance = trial.terms.tolerance
        compared = replay.compared(reference, trial.case.target, trial.new, tolerance=tolerance)
        found = compared.differences
        if found:
            return Refusal(
                _WHY_BY_ENDING.get(found[0].ending, Why.RESULTS_DIFFER), _tell(function, found)
            )
        if compared.real < _LEAST_COMPARABLE_SHARE * reference.recorded:
            detail = UNSTEADY.format(function=function, count=compared.unsteady)
            return Doubt(Why.NOT_COMPARABLE, detail)
        remarks.append(_in_words(function, compared, tolerance))
    return "; ".join(remarks)


def _in_words(function: FunctionName, compared: Compared, tolerance: float | None) -> str:
    """Say what was compared, and all that a reader should know who trusts it."""
    said = [COMPARED.format(count=compared.calls)]
    if tolerance is not None:
        said.append(TOLERANT.format(tolerance=tolerance, count=compared.near))
    if compared.unsteady:
        said.append(SET_ASIDE.format(count=compared.unsteady))
    if compared.remarks:
        said.append(OTHER_TYPES.format(what=_tell(function, compared.remarks)))
    return ", ".join(said)


# What the new version's ending means; "": its process did not get so far.
_WHY_BY_ENDING = {"": Why.CRASHED, "timeout": Why.TIMED_OUT}


def _tell(function: FunctionName, found: Sequence[Difference]) -> str:
    first = found[0]
    text = DIFFERS.format(
        function=function.qualname,
        arguments=first.arguments,
        before=first.before,
        after=first.after,
        what=VARIED.format(what=first.what) if first.what else "",
    )
    return text + (AND_MORE.format(count=len(found) - 1) if len(found) > 1 else "")


def _tests(trial: _Trial) -> Finding:
    """Run the whole workload on a new copy of exactly the bytes that are judged."""
    case = trial.case
    wall_s = max(60.0, 10 * case.baseline.seconds)
    with case.lent(trial.changes) as copy:
        run = run_suite(case.target, copy, case.workload, wall_s=wall_s)
    lost = case.baseline.lost(run)
    return _lost(lost) if lost else f"{len(case.baseline.counted)} tests as before, 0 lost"


def _lost(lost: Sequence[Lost]) -> Refusal:
    missing = [each for each in lost if each.now is None]
    first = (missing or lost)[0]
    text = TEST_MISSING if first.now is None else TESTS_FAIL
    detail = text.format(
        test=first.test, before=first.before, now=first.now, why=first.why.strip()[-600:]
    )
    more = AND_MORE.format(count=len(lost) - 1) if len(lost) > 1 else ""
    return Refusal(Why.TESTS_MISSING if missing else Why.TESTS_FAIL, detail + more)


def _memory(trial: _Trial) -> Finding:
    case = trial.case
    for function in trial.functions:
        benchmark = speed.benchmark_of(case, function)
        try:
            trial.footprints[function] = footprint(benchmark, case.tree, trial.new)
        except MeasurementError as error:
            return Refusal(Why.CRASHED, str(error))
    return weighed(trial.footprints, trial.terms)


def _speed(trial: _Trial) -> Finding:
    results = []
    for function in trial.functions:
        try:
            result = speed.timed(
                trial.bench,
                function,
                among=len(trial.functions),
                ratio=trial.footprints[function].ratio,
            )
        except WrongAnswerError as error:
            return Refusal(Why.CHEATS, str(error))
        except MeasurementError as error:
            return Refusal(Why.CRASHED, str(error))
        results.append(result)
        trial.measured.append(result.measured)
    return speed.decided(trial.bench, results)


def _instructions(trial: _Trial) -> Finding:
    remarks = []
    for number, measured in enumerate(trial.measured):
        ratio, found = witness.asked(trial.bench, measured)
        trial.measured[number] = replace(measured, instructions_ratio=ratio)
        if not isinstance(found, str):
            return found
        remarks.append(found)
    return "; ".join(dict.fromkeys(remarks))


def _growth(trial: _Trial) -> Finding:
    """Grow the inputs of a change that is right and faster so far: it must stay so."""
    remarks = []
    for number, measured in enumerate(trial.measured):
        function, case = measured.function, trial.case
        reference, tolerance = case.reference(function), trial.terms.tolerance
        found = grown(case.target, reference, case.tree, trial.new, tolerance)
        trial.measured[number] = replace(measured, growth=found)
        if found.differences:
            why = _WHY_BY_ENDING.get(found.differences[0].ending, Why.RESULTS_DIFFER)
            return Refusal(why, _tell(function, found.differences))
        remark = growth.decided(function, found)
        if not isinstance(remark, str):
            return remark
        remarks.append(remark)
    return "; ".join(remarks)


def _seeded_faults(trial: _Trial) -> Finding:
    """Try how good the evidence is; a change that passed everything else is right all the same."""
    left_s = trial.deadline_s - time.monotonic()
    trial.caught = detected(
        trial.case,
        trial.changes,
        trial.new,
        trial.functions,
        replay_s=_FAULTS_S,
        tests_s=min(_FAULTS_S, _FAULTS_SHARE * left_s),
    )
    survivors = [
        SURVIVOR.format(line=each.line, path=each.path, before=each.before, after=each.after)
        for caught in trial.caught.values()
        for each in caught.survivors
    ]
    told = NOT_CAUGHT.format(survivors="; ".join(survivors[:_SURVIVORS_SHOWN])) if survivors else ""
    more = AND_MORE.format(count=len(survivors) - _SURVIVORS_SHOWN)
    return trial.accepted().remark + told + (more if len(survivors) > _SURVIVORS_SHOWN else "")


_Step = tuple[str, Callable[[_Trial], Finding]]
_ALLOWED: tuple[_Step, ...] = (
    ("parses", _parses),
    ("interface", _interface),
    ("forbidden", _forbidden),
)
_RIGHT: tuple[_Step, ...] = (
    *_ALLOWED,
    ("readability", _readability),
    ("exercised", _exercised),
    (SAME_RESULTS, _same_results),
    ("tests", _tests),
)
_FASTER: tuple[_Step, ...] = (
    ("memory", _memory),
    ("speed", _speed),
    ("instructions", _instructions),
    ("growth", _growth),
    ("seeded faults", _seeded_faults),
    ("tests on the shipped bytes", _tests),
)
GATES = len(_RIGHT) + len(_FASTER)


def changed_functions(case: Case, changes: Mapping[str, bytes]) -> list[FunctionName]:
    """Return the functions and methods that a change alters."""
    return [
        FunctionName(change.path, qualname)
        for change in case.file_changes(changes)
        for qualname in gates.changed_functions(change)
    ]
