"""One version of a function looked at: is it right as far as can be seen quickly, and what does it cost?

The cheap questions come first: has it been tried, does it compile, is it allowed, does it do the same
on a few calls, what does it cost, do the tests pass. Of versions that models wrote the answer is
looked for more closely, since it goes back to them. Nothing here accepts anything: the judge does.
"""

import time
from collections.abc import Iterator, Mapping, Sequence

from perfbot.optimizer import checking, diagnosis, formatting, gates
from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.checking import Change
from perfbot.optimizer.diagnosis import Diagnosis, ErrorClass, Stage, refused
from perfbot.optimizer.gates import FileChange
from perfbot.optimizer.normal_form import normal_form
from perfbot.optimizer.objective import Objective
from perfbot.optimizer.plan import Subject
from perfbot.optimizer.verify import reading
from perfbot.profiling import line_times, replay, shrinking
from perfbot.profiling.behaviours import Difference
from perfbot.profiling.benchmark import CallBenchmark, MeasurementError, choose_calls
from perfbot.profiling.line_times import LineTimes
from perfbot.profiling.replay import Reference
from perfbot.profiling.suite import run_suite
from perfbot.profiling.tree import Tree

TOO_HARD_TO_READ = "it is harder to read than the configuration allows: {why}"
NO_SUCH_CHARACTER = "the file's encoding has no such character: {why}"
ON_LINES = "{told}; the type checker says: {checked}"

_QUICK_S = 0.06
_FEW_VARIANTS = 3
_SHRINKING_S = 20.0  # at most; a second or two on a quiet machine
_TESTS_SHARE = 0.03  # of the time that is left, for the tests of one version
_LEAST_TESTS_S = 60.0  # before a run of the tests counts as endless


class Trying:
    """Looks at versions of one function, each only once."""

    def __init__(self, case: Case, subject: Subject, terms: Terms, deadline_s: float) -> None:
        self._case = case
        self._subject = subject
        self._terms = terms
        self._deadline_s = deadline_s
        self._style = case.house_style(subject.function.path)
        self._reference = case.reference(subject.function)
        self._others = {each.qualname: case.reference(each) for each in subject.group}
        self._benchmark = CallBenchmark(
            case.target, self._reference, choose_calls(self._reference), _QUICK_S
        )
        self._known: dict[str, Diagnosis | None] = {normal_form(subject.source.text): None}
        self._heats: dict[str, LineTimes] = {}
        self.start_cost = self._cost_of(case.tree)

    def is_known(self, text: str) -> Diagnosis | None:
        """Return what is said of a version that was tried before, ``None`` where it is new."""
        form = normal_form(text)
        return diagnosis.seen_before(self._known[form]) if form in self._known else None

    def remember(self, text: str, why: Diagnosis) -> None:
        """Take over what an earlier search found against a version."""
        self._known[normal_form(text)] = why

    def in_style(self, text: str) -> str:
        """Return a version in the style of its file: what only looks different is no reason to refuse."""
        name, before = self._subject.function.qualname, self._subject.source.text
        return formatting.in_style(before, text, name, self._style)

    def look(self, text: str, *, closely: bool) -> Diagnosis | float:
        """Return what is wrong with a new version, or what it costs (nanoseconds, or bytes).

        ``closely`` takes some seconds more where something is wrong, and runs the tests where nothing is.
        """
        found = self._looked(text, closely)
        self._known[normal_form(text)] = found if isinstance(found, Diagnosis) else None
        return found

    def heat(self, text: str) -> LineTimes:
        """Return where the time of a version goes, line by line."""
        if text not in self._heats:
            with self._case.lent(self._changes(text)) as copy:
                found = line_times.measure(self._case.target, self._reference, copy)
            self._heats[text] = found
        return self._heats[text]

    def _changes(self, text: str) -> Mapping[str, bytes]:
        return {self._subject.function.path: self._subject.source.encode(text)}

    def _looked(self, text: str, closely: bool) -> Diagnosis | float:
        try:
            changes = self._changes(text)
        except UnicodeEncodeError as error:
            return refused(NO_SUCH_CHARACTER.format(why=error), Stage.COMPILING)
        change = Change(self._subject.function.path, self._subject.source.text, text)
        why = self._refused_by_reading(changes)
        if why is None and closely:
            why = checking.undefined_names(change)
        if why is not None:
            return why
        with self._case.lent(changes) as copy:
            return self._ran(change, copy, closely)

    def _refused_by_reading(self, changes: Mapping[str, bytes]) -> Diagnosis | None:
        case = self._case
        files = case.file_changes(changes)
        refusal = gates.parses(files)
        if refusal is not None:
            return refused(refusal.detail, Stage.COMPILING)
        refusal = gates.keeps_interface(files) or gates.reaches_for_nothing_new(
            files,
            dependencies=case.dependencies | case.own_packages(changes),
            allowed=self._terms.allowed,
        )
        if refusal is not None:
            return refused(refusal.detail, Stage.CHECKING)
        why = self._too_hard_to_read(changes)
        return refused(TOO_HARD_TO_READ.format(why=why), Stage.CHECKING) if why else None

    def _too_hard_to_read(self, changes: Mapping[str, bytes]) -> str:
        """Say why the judge would refuse a version as less readable, however fast it is."""
        limits = self._terms.readability
        if limits is None:
            return ""
        names = (self._subject.function, *self._subject.group)
        found = (reading(self._case, changes, each).beyond(limits) for each in names)
        return "; ".join(dict.fromkeys(why for each in found for why in each))

    def _ran(self, change: Change, copy: Tree, closely: bool) -> Diagnosis | float:
        for reference in (self._reference, *self._altered_others(change)):
            differences = self._differences(reference, copy)
            if differences:
                why = self._told(reference, copy, differences, closely)
                return self._explained(why, change, copy) if closely else why
        try:
            cost = self._cost_of(copy)
        except MeasurementError as error:
            return Diagnosis(ErrorClass.FUNC, Stage.COST, str(error))
        lost = self._lost_tests(change) if closely and cost < self.start_cost else None
        return lost or cost

    def _altered_others(self, change: Change) -> Iterator[Reference]:
        """Yield the references of those of the group that a version alters."""
        if not self._others:
            return
        encode = self._subject.source.encode
        both = FileChange(change.path, encode(change.before), encode(change.after))
        for name in gates.changed_functions(both):
            if name in self._others:
                yield self._others[name]

    def _differences(self, reference: Reference, copy: Tree) -> Sequence[Difference]:
        return replay.differences(
            reference,
            self._case.target,
            copy,
            at_most_variants=_FEW_VARIANTS,
            tolerance=self._terms.tolerance,
        )

    def _told(
        self, reference: Reference, copy: Tree, found: Sequence[Difference], closely: bool
    ) -> Diagnosis:
        """Return what differing calls come to, by the smallest input that can be found in time."""
        smallest = found[0]
        if closely:
            until_s = min(self._deadline_s, time.monotonic() + _SHRINKING_S)
            smallest = shrinking.smallest(
                reference, self._case.target, copy, smallest, deadline_s=until_s
            )
        name = reference.recording.function.qualname
        return diagnosis.of_difference(smallest, len(found), name)

    def _explained(self, why: Diagnosis, change: Change, copy: Tree) -> Diagnosis:
        """Add what the type checker says; where it names the error, its class and symbols count."""
        interpreter = self._case.target.interpreter
        checked = checking.types(change, self._case.tree, copy, interpreter, why.stage)
        if checked is None:
            return why
        text = ON_LINES.format(told=why.text, checked=checked.text)
        kind = checked.kind if why.kind is ErrorClass.FUNC else why.kind
        symbols = tuple(dict.fromkeys((*why.symbols, *checked.symbols)))
        return Diagnosis(kind, why.stage, text, symbols)

    def _lost_tests(self, change: Change) -> Diagnosis | None:
        """Run the tests on a version that seems to be worth it, where that is affordable."""
        case = self._case
        if case.baseline.seconds > _TESTS_SHARE * (self._deadline_s - time.monotonic()):
            return None
        wall_s = max(_LEAST_TESTS_S, 10 * case.baseline.seconds)
        with case.lent(self._changes(change.after)) as copy:
            lost = case.baseline.lost(run_suite(case.target, copy, case.workload, wall_s=wall_s))
        return diagnosis.of_tests(lost) if lost else None

    def _cost_of(self, tree: Tree) -> float:
        if self._terms.objective is Objective.MEMORY:
            return float(max(1, self._benchmark.weigh(tree).peak_bytes))
        return self._benchmark.time(tree).pass_ns
