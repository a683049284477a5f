"""What a version that the gates let pass costs beside the program that it is to replace.

Instructions are counted of the first pass over the recorded calls, by a process that has not made
any before: a memo gains nothing, as no call comes twice, and tables filled at the first call are paid
for. Work that was moved to the import shows when importing is counted as well. Such counts are the
same each time (``profiling/instructions.py``), so rewards made of them are.
"""

from enum import StrEnum

from perfbot.optimizer.case import Case
from perfbot.profiling import counters, instructions
from perfbot.profiling.benchmark import CallBenchmark, MeasurementError, choose_calls
from perfbot.profiling.counters import Counter
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.instructions import Counted, NotCountedError, Rounds
from perfbot.profiling.replay import Reference
from perfbot.profiling.sandbox import Level
from perfbot.profiling.tree import Tree
from perfbot.training.outcome import Branch, Outcome

NO_COUNTER = "no instructions can be counted: {why}; install valgrind, or set gauge: time"
NOT_COUNTED = "its instructions cannot be counted: {why}"
SETS_UP = "importing it executes {added:,} instructions more, while a pass saves {saved:,}"

_SET_UP_FLOOR = 5_000_000  # instructions, about a millisecond
_SET_UP_SHARE = 0.1  # of what a pass saves; both as the judge's clock has it (``speed.py``)
_DIGITS = 4  # of a ratio: nothing hangs on the counter's last digits
_QUICK_S = 0.06


class Gauge(StrEnum):
    """What a version's cost is measured in."""

    INSTRUCTIONS = "instructions"
    TIME = "time"


class NoCounterError(Exception):
    """This machine can count no instructions."""


class Costs:
    """Measures versions beside the program that each is to replace, which is counted once.

    Raises:
        NoCounterError: instructions are asked for and nothing counts them in this case's sandbox.
    """

    def __init__(self, case: Case, gauge: Gauge) -> None:
        self._case = case
        self._counter = None if gauge is Gauge.TIME else _counter(case.target.sandbox.level)
        self._of_program: dict[FunctionName, Counted] = {}

    def outcome(self, function: FunctionName, new: Tree) -> Outcome:
        """Return what a version costs that is right."""
        reference = self._case.reference(function)
        if self._counter is None:
            return _timed(self._case, reference, new)
        try:
            if function not in self._of_program:
                self._of_program[function] = self._count(self._counter, reference, self._case.tree)
            after = self._count(self._counter, reference, new)
        except NotCountedError as error:
            return Outcome(Branch.UNKNOWN, why=NOT_COUNTED.format(why=error))
        return _compared(self._of_program[function], after)

    def _count(self, counter: Counter, reference: Reference, tree: Tree) -> Counted:
        """Count a version; raises NotCountedError where its processes do not come to their end."""
        real, target = reference.real, self._case.target
        round_s = sum(reference.behaviours[each, 0].ns for each in real) / 1e9
        made = Rounds(reference, real, (1,) * len(real), True, round_s, share=1.0)
        return instructions.counted(counter, target, made, tree)


def _compared(before: Counted, after: Counted) -> Outcome:
    saved, added = before.one_round - after.one_round, after.before - before.before
    if saved > 0 and added > max(_SET_UP_FLOOR, _SET_UP_SHARE * saved):
        return Outcome(Branch.CHEAT, why=SETS_UP.format(added=added, saved=saved))
    ratio = before.one_round / after.one_round
    return Outcome(Branch.RIGHT, float(f"{ratio:.{_DIGITS}g}"))


def _timed(case: Case, reference: Reference, new: Tree) -> Outcome:
    benchmark = CallBenchmark(case.target, reference, choose_calls(reference), _QUICK_S, once=True)
    try:
        before, after = (benchmark.time(tree).pass_ns for tree in (case.tree, new))
    except MeasurementError as error:
        return Outcome(Branch.WRONG, why=str(error))
    return Outcome(Branch.RIGHT, before / after)


def _counter(level: Level) -> Counter:
    found = counters.counter(level)
    if found is None:
        raise NoCounterError(NO_COUNTER.format(why=counters.why_no_counter(level)))
    return found
