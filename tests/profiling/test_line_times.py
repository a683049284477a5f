"""Which lines of a function take its time: the line itself, not the end of the loop around it."""

import pytest

from perfbot.optimizer.case import Case
from perfbot.profiling import line_times
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.line_times import NOTHING, LineTime, LineTimes
from perfbot.profiling.messages import Message

PATH = "m.py"
SOURCE = """\
def missing(wanted, known):
    found = []
    for item in wanted:
        count = 0
        is_known = item in known
        count = 1
        if not is_known:
            found.append(item)
    return found


def nested(n):
    def inner(m):
        return sum(range(m))

    return [inner(n) for _ in range(5)]


def lazily(n):
    for each in range(n):
        yield sum(range(each))


async def later(n):
    return sum(range(n))


def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)


def printing(n):
    print("x" * n)
    raise ValueError(n)
"""
TESTS = """\
import asyncio

import pytest

import m


def test_all():
    known = list(range(2000))
    assert m.missing(known[1000:], known) == []
    assert m.missing([-1], known) == [-1]
    assert m.nested(2000)[0] == 1999000
    assert sum(m.lazily(50)) == 19600
    assert asyncio.run(m.later(3000)) == 4498500
    assert m.depth(30) == 30
    with pytest.raises(ValueError):
        m.printing(3)
"""


@pytest.fixture(scope="module")
def case(prepare) -> Case:
    files = {PATH: SOURCE, "tests/test_m.py": TESTS}
    names = "missing nested lazily later depth printing".split()
    return prepare(files, *(f"{PATH}::{name}" for name in names))


def lines(case: Case, function: str) -> dict[str, tuple[float, float]]:
    """Return share and runs per call by the text of the line."""
    found = line_times.measure(case.target, case.reference(FunctionName(PATH, function)), case.tree)
    assert found.why == ""
    texts = SOURCE.split("\n")
    return {texts[each.line - 1].strip(): (each.share, each.runs) for each in found.lines}


def test_the_line_that_searches_has_the_time_and_not_the_loop_around_it(case: Case) -> None:
    found = lines(case, "missing")
    assert found["is_known = item in known"][0] > 0.8
    assert sum(share for share, _ in found.values()) == pytest.approx(1)


def test_runs_are_counted_exactly_and_by_call(case: Case) -> None:
    found = lines(case, "missing")
    runs = found["is_known = item in known"][1]
    assert runs in (1000, 1001 / 2)  # with both recorded calls, or the dear one alone
    assert found["found = []"][1] == 1


def test_an_inner_function_and_a_recursion_belong_to_the_function(case: Case) -> None:
    assert lines(case, "nested")["return sum(range(m))"][0] > 0.5
    assert lines(case, "depth")["return 0 if n == 0 else 1 + depth(n - 1)"][1] == 31


@pytest.mark.parametrize(
    ("function", "line"),
    [("lazily", "yield sum(range(each))"), ("later", "return sum(range(n))")],
)
def test_generators_and_coroutines_are_run_to_their_end(case, function: str, line: str) -> None:
    assert lines(case, function)[line][0] > 0.5


def test_a_call_that_raises_is_timed_up_to_there(case: Case) -> None:
    assert set(lines(case, "printing")) == {'print("x" * n)', "raise ValueError(n)"}


def test_a_version_that_does_not_run_says_so(case: Case) -> None:
    broken = case.copy({PATH: SOURCE.replace("found = []", "import os; os._exit(3)").encode()})
    reference = case.reference(FunctionName(PATH, "missing"))
    found = line_times.measure(case.target, reference, broken)
    assert found.lines == ()
    assert "3" in found.why


def test_an_interruption_in_one_process_changes_nothing() -> None:
    quiet = LineTimes((LineTime(1, 0.2, 1), LineTime(2, 0.8, 9)))
    interrupted = LineTimes((LineTime(1, 0.99, 1), LineTime(2, 0.01, 9)))
    assert line_times._median([quiet, interrupted, quiet]) == quiet


def test_a_line_that_not_every_process_came_to_is_there_and_shares_come_to_one() -> None:
    one, other = LineTimes((LineTime(1, 1.0, 1),)), LineTimes((LineTime(2, 1.0, 2),))
    assert line_times._median([one, one, other]) == LineTimes(
        (LineTime(1, 0.5, 1), LineTime(2, 0.5, 2))
    )


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"lines": "no", "calls": 1},
        {"lines": [{"line": 1, "ns": 5, "runs": 1}], "calls": 0},
        {"lines": [{"line": 1, "ns": -5, "runs": 1}, {"line": 2, "ns": 9, "runs": 1}], "calls": 1},
        {"lines": [{"line": 2, "ns": 5, "runs": 1}, {"line": 1, "ns": 5, "runs": 1}], "calls": 1},
        {"lines": [{"line": 1, "ns": 1e200, "runs": 1}], "calls": 1},
        {"lines": [{"line": -1, "ns": 5, "runs": 1}], "calls": 1},
    ],
)
def test_what_cannot_be_is_not_believed(told: dict[str, object]) -> None:
    assert line_times._line_times(Message("lines", told)) == LineTimes(why=NOTHING)
