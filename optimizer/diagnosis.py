"""What is wrong with a version, in the classes by which CoCoGen refines code (Bi et al. 2024).

Findings come from many sides: the reader of replies, the compiler, ruff, a type checker, replayed
calls, tests, the clock. A :class:`Diagnosis` says all of them in one form: the class decides what is
looked up before the next try, the text is what the model is told, the stage how far the version came.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from perfbot.optimizer.verdict import Inconclusive, Rejected, Why
from perfbot.profiling.behaviours import Difference
from perfbot.profiling.line_times import LineTimes
from perfbot.profiling.suite import Lost

DIFFERS = "{arguments} {before} before the change, and now {after}{more}"
MORE = "; {count} more calls of {of} differ as well"
TEST_FAILS = "the test {test} passed before the change; now it {now}{why}{more}"
MORE_TESTS = "; {count} more tests fail as well"
NOT_BETTER = "it costs more than the version it was made from ({ratio:.2f}×)"
SLOW = ". Its time goes to {lines}"
SLOW_LINE = "{share:.0%} line {line}, {source!r}, which runs {runs:,.3g} times in a call"
SEEN = "it means the same as a version that was tried before"
SAID_BEFORE = "{seen}, of which was found: {why}"

_MOST_TEST_OUTPUT = 1200  # characters
_SLOW_LINES = 4


class ErrorClass(StrEnum):
    """CoCoGen's classes of errors."""

    UNDEF = "UNDEF"  # a name, module or member of a module that does not exist
    API = "API"  # something is called in another way than it can be
    OBJECT = "OBJECT"  # an object is used as if it were of another type
    FUNC = "FUNC"  # it runs and does something else
    OTHER = "OTHER"


class Stage(IntEnum):
    """How far a version came before something was found against it."""

    READING = 0  # no version could be made of the reply
    KNOWN = 1  # it was tried before
    COMPILING = 2
    CHECKING = 3  # of names, interface, capabilities, readability
    REPLAY = 4
    TESTS = 5
    COST = 6
    JUDGE = 7


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found against a version; ``symbols`` are the names that it has wrong.

    A symbol is as the finding names it: ``reduce_noise``, ``shop.stock.find_items``, ``Item.cost``.
    """

    kind: ErrorClass
    stage: Stage
    text: str
    symbols: tuple[str, ...] = ()

    def __str__(self) -> str:
        """What is told: errors with their class, anything else as it is."""
        return self.text if self.kind is ErrorClass.OTHER else f"{self.kind}: {self.text}"


def seen_before(earlier: Diagnosis | None) -> Diagnosis:
    """Return the diagnosis of a version that was tried before, with what was found of it then."""
    if earlier is None:
        return Diagnosis(ErrorClass.OTHER, Stage.KNOWN, SEEN)
    text = SAID_BEFORE.format(seen=SEEN, why=earlier.text)
    return Diagnosis(earlier.kind, Stage.KNOWN, text, earlier.symbols)


def not_better(ratio: float, slow: Sequence[str] = ()) -> Diagnosis:
    """Return the diagnosis of a version that is right and dearer; ``ratio`` is old/new cost.

    ``slow`` are the lines in which its time goes, in words.
    """
    told = NOT_BETTER.format(ratio=ratio) + (SLOW.format(lines="; ".join(slow)) if slow else "")
    return Diagnosis(ErrorClass.OTHER, Stage.COST, told)


def slow_lines(heat: LineTimes, text: str) -> tuple[str, ...]:
    """Return the hottest lines of a version in words, the hottest first."""
    lines = text.splitlines()
    hottest = sorted(heat.lines, key=lambda each: -each.share)[:_SLOW_LINES]
    return tuple(
        SLOW_LINE.format(
            share=each.share, line=each.line, source=lines[each.line - 1].strip(), runs=each.runs
        )
        for each in hottest
        if each.line <= len(lines)
    )


def of_difference(smallest: Difference, count: int, of: str) -> Diagnosis:
    """Return what ``count`` differing calls of the function ``of`` come to, told by the smallest.

    An exception that the old version does not raise says which class it is.
    """
    more = MORE.format(count=count - 1, of=of) if count > 1 else ""
    text = DIFFERS.format(
        arguments=of + _LAST_COMMA.sub(")", smallest.arguments),
        before=smallest.before,
        after=smallest.after,
        more=more,
    )
    kind, symbols = _of_exception(smallest)
    return Diagnosis(kind, Stage.REPLAY, text, symbols)


_LAST_COMMA = re.compile(r",\)\Z")  # of a tuple with one item
_RAISED = re.compile(r"raised (\w+)\((.*)", re.DOTALL)
_NAMED = re.compile(r"(?:name|variable) '(\w+)'")
_MODULE = re.compile(r"No module named '([\w.]+)'")
_FROM = re.compile(r"cannot import name '(\w+)' from (?:partially initialized module )?'([\w.]+)'")
_OF_MODULE = re.compile(r"module '([\w.]+)' has no attribute '(\w+)'")
_OF_OBJECT = re.compile(r"(?:type object )?'(\w+)'(?: object)? has no attribute '(\w+)'")
_CALLED = re.compile(
    r"([\w.]+)\(\) (?:takes|missing|got|does not take|argument|expected|got multiple)"
)
_CALL = re.compile(r"takes (?:no|at (?:most|least)|exactly|from)? ?[\w ]*argument|keyword argument")


def _of_exception(found: Difference) -> tuple[ErrorClass, tuple[str, ...]]:
    raised, before = _RAISED.match(found.after), _RAISED.match(found.before)
    if raised is None or (before is not None and before.group(1) == raised.group(1)):
        return ErrorClass.FUNC, ()
    name, told = raised.groups()
    match name:
        case "NameError" | "UnboundLocalError":
            return ErrorClass.UNDEF, _symbols(_NAMED, told)
        case "ImportError" | "ModuleNotFoundError":
            return ErrorClass.UNDEF, _symbols(_FROM, told, swap=True) or _symbols(_MODULE, told)
        case "AttributeError" if _OF_MODULE.search(told):
            return ErrorClass.UNDEF, _symbols(_OF_MODULE, told)
        case "AttributeError":
            return ErrorClass.OBJECT, _symbols(_OF_OBJECT, told)
        case "TypeError" if _CALLED.search(told) or _CALL.search(told):
            return ErrorClass.API, _symbols(_CALLED, told)
        case "TypeError":
            return ErrorClass.OBJECT, ()
    return ErrorClass.FUNC, ()


def _symbols(pattern: re.Pattern[str], told: str, *, swap: bool = False) -> tuple[str, ...]:
    found = pattern.search(told)
    if found is None:
        return ()
    parts = found.groups()[::-1] if swap else found.groups()
    return (".".join(parts),)


def of_tests(lost: Sequence[Lost]) -> Diagnosis:
    """Return what tests say that passed before the change; there is at least one."""
    first = lost[0]
    why = first.why.strip()[-_MOST_TEST_OUTPUT:]
    text = TEST_FAILS.format(
        test=first.test,
        now=first.now or "does not end",
        why=f": {why}" if why else "",
        more=MORE_TESTS.format(count=len(lost) - 1) if len(lost) > 1 else "",
    )
    return Diagnosis(ErrorClass.FUNC, Stage.TESTS, text)


_FUNC = frozenset(
    {
        Why.TESTS_FAIL,
        Why.TESTS_MISSING,
        Why.RESULTS_DIFFER,
        Why.CRASHED,
        Why.TIMED_OUT,
        Why.CHEATS,
    }
)


def of_verdict(verdict: Rejected | Inconclusive) -> Diagnosis:
    """Return what the judge found against a version."""
    kind = ErrorClass.FUNC if verdict.why in _FUNC else ErrorClass.OTHER
    return Diagnosis(kind, Stage.JUDGE, verdict.detail)


def refused(detail: str, stage: Stage) -> Diagnosis:
    """Return what a gate that only reads says."""
    return Diagnosis(ErrorClass.OTHER, stage, detail)
