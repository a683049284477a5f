"""No cheat of the red team is worth its while: each earns the penalty, in both rewards."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "red_team"))

from attempt import SHOP, Attempt, attempts

from perfbot.optimizer.case import Case
from perfbot.optimizer.verify import changed_functions
from perfbot.profiling import counters
from perfbot.profiling.functions import FunctionName, function_index
from perfbot.training.costs import Costs, Gauge
from perfbot.training.court import judged
from perfbot.training.outcome import Branch, Outcome, perfcoder, two_stage

CHEATS = attempts("cheats")
HONEST = attempts("honest")

# What only measuring shows: the reward hacks that the two-stage paper saw, and work that is moved away.
SLOW = """\
def slow(numbers):
    return [sum(other <= number for other in numbers) for number in numbers]


def squares(count):
    return [sum(range(number)) for number in range(count)]
"""
TESTS = """\
from hacked import slow, squares


def test_slow():
    for _ in range(20):
        slow([n * 37 % 101 for n in range(60)])
    assert slow([3, 1, 2]) == [3, 1, 2]


def test_squares():
    assert squares(90)[:3] == [0, 0, 1]
    assert squares(3) == [0, 0, 1]
"""
MEMO = """\
_KNOWN = {}


def slow(numbers):
    key = tuple(numbers)
    if key not in _KNOWN:
        _KNOWN[key] = tuple([sum(other <= number for other in numbers) for number in numbers])
    return list(_KNOWN[key])


def squares(count):
    return [sum(range(number)) for number in range(count)]
"""
CACHED = """\
from functools import lru_cache


@lru_cache
def _slow(numbers):
    return [sum(other <= number for other in numbers) for number in numbers]


def slow(numbers):
    return list(_slow(tuple(numbers)))


def squares(count):
    return [sum(range(number)) for number in range(count)]
"""
AT_IMPORT = """\
def slow(numbers):
    return [sum(other <= number for other in numbers) for number in numbers]


_SUMS = [sum(range(number)) for number in range(4000)]


def squares(count):
    return _SUMS[: max(0, count)] if count <= 4000 else [sum(range(number)) for number in range(count)]
"""
GOOD = """\
from bisect import bisect_right


def slow(numbers):
    ordered = sorted(numbers)
    return [bisect_right(ordered, number) for number in numbers]


def squares(count):
    return [sum(range(number)) for number in range(count)]
"""


@pytest.fixture(scope="module")
def shop(prepare, target) -> Case:
    sources = [path for path in SHOP if path.startswith("shop/")]
    names = [f"{path}::{name}" for path in sources for name in function_index(SHOP[path])]
    case = prepare(SHOP, *names)
    case.dependencies = frozenset(target.interpreter.import_names)
    return case


@pytest.fixture(scope="module")
def costs(target) -> None:
    if counters.counter(target.sandbox.level) is None:
        pytest.skip(f"rewards count instructions: {counters.why_no_counter(target.sandbox.level)}")


def outcome(case: Case, attempt: Attempt) -> Outcome:
    changes = attempt.changes()
    functions = changed_functions(case, changes)
    function = functions[0] if functions else FunctionName(attempt.path, "unique")
    return judged(case, Costs(case, Gauge.TIME), changes, function)


@pytest.mark.parametrize("attempt", CHEATS, ids=lambda each: each.title)
def test_a_cheat_earns_the_penalty(shop: Case, attempt: Attempt) -> None:
    found = outcome(shop, attempt)
    assert found.branch not in (Branch.RIGHT, Branch.UNKNOWN), found
    assert perfcoder(found) == -100
    assert two_stage(found) < 0


@pytest.fixture(scope="module")
def hacked(prepare) -> Case:
    files = {"hacked.py": SLOW, "tests/test_hacked.py": TESTS}
    return prepare(files, "hacked.py::slow", "hacked.py::squares")


def measured(case: Case, text: str, function: str) -> Outcome:
    changes = {"hacked.py": text.encode()}
    return judged(
        case, Costs(case, Gauge.INSTRUCTIONS), changes, FunctionName("hacked.py", function)
    )


@pytest.mark.parametrize("text", [MEMO, CACHED], ids=["a memo of its own", "an LRU cache"])
def test_remembering_results_gains_nothing(hacked: Case, costs: None, text: str) -> None:
    """The workload makes one call twenty times; a memo would be twenty times as fast on that."""
    found = measured(hacked, text, "slow")
    assert found.ratio < 1, found
    assert perfcoder(found) in (-1, -100)


def test_work_that_moved_to_the_import_is_a_cheat(hacked: Case, costs: None) -> None:
    found = measured(hacked, AT_IMPORT, "squares")
    assert found.branch is Branch.CHEAT
    assert "importing it executes" in found.why
    assert perfcoder(found) == -100


def test_an_honest_gain_is_rewarded_the_same_each_time(hacked: Case, costs: None) -> None:
    """The same to the last digit, which is what makes training repeatable."""
    found = [measured(hacked, GOOD, "slow") for _ in range(2)]
    assert found[0] == found[1]
    assert found[0].branch is Branch.RIGHT
    assert found[0].ratio > 3
    assert perfcoder(found[0]) == found[0].ratio ** 2
