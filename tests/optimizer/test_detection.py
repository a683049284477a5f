"""Do recorded calls and tests notice the faults seeded into a function?"""

import pytest

from perfbot.optimizer.case import Case
from perfbot.optimizer.detection import detected
from perfbot.optimizer.faults import Caught
from perfbot.profiling.functions import FunctionName

PATH = "shop.py"
SOURCE = '''\
RATE = 1


def missing(wanted, known):
    """Return what is wanted and not known, each once, in order."""
    found = []
    for one in wanted:
        if one not in known and one not in found:
            found.append(one)
    return found


def rate(value):
    return "high" if value > 54321 else "low"


def queue(work, place):
    place.found = []
    while work:
        place.found.append(work.pop())
    return place.found


def price(count):
    return count if RATE == 1 else count * 3


def countdown(left):
    while left:
        left -= 1
    return left
'''
TESTS = """\
import threading

import pytest

import shop


def test_missing():
    assert shop.missing([], []) == []
    assert shop.missing([1, 2, 2, 3, 1], [3]) == [1, 2]
    assert shop.missing(list(range(60)), list(range(0, 60, 2))) == list(range(1, 60, 2))
    assert shop.missing("abcab", "b") == ["a", "c"]


def test_rate():
    assert shop.rate(5).islower()


def test_queue():
    assert shop.queue([1, 2], threading.local()) == [2, 1]


def test_that_calls_nothing():
    assert True


def test_price():
    assert shop.price(7) == 7


def test_price_with_another_rate(monkeypatch):
    monkeypatch.setattr(shop, "RATE", 3)
    assert shop.price(5) == 15


def test_countdown():
    assert shop.countdown(3) == 0
"""
FILES = {PATH: SOURCE, "test_shop.py": TESTS}
NAMES = ("missing", "rate", "queue", "price", "countdown")


@pytest.fixture(scope="module")
def case(prepare) -> Case:
    return prepare(FILES, *(f"{PATH}::{name}" for name in NAMES))


def of(case: Case, *names: str, tests_s: float = 1e6) -> list[Caught]:
    changes = {PATH: SOURCE.encode()}
    functions = [FunctionName(PATH, name) for name in names]
    with case.lent(changes) as new:
        found = detected(case, changes, new, functions, replay_s=1e6, tests_s=tests_s)
    return [found[function] for function in functions]


def test_thorough_tests_catch_nearly_all_faults(case):
    (found,) = of(case, "missing")
    assert found.tried == found.planted >= 8
    assert len(found.survivors) <= 1
    assert found.rate is not None
    assert found.rate >= 0.85


def test_a_weak_test_with_few_calls_leaves_survivors_that_are_named(case):
    """No call and no mutation of it is at the limit, and nothing says what is returned there."""
    (found,) = of(case, "rate")
    assert found.unasked == 0
    assert found.caught == found.tried - len(found.survivors) > 0
    line = 'return "high" if value > 54321 else "low"'
    survivors = [(each.line, each.before, each.after) for each in found.survivors]
    assert (14, line, line.replace(">", ">=")) in survivors


def test_tests_notice_what_recorded_calls_cannot_show(case):
    """Outside its test, which patches a variable of the module, the call does something else."""
    ((found,), (replayed,)) = of(case, "price"), of(case, "price", tests_s=0.0)
    wrong = "return count if RATE == 1 else count * 4"
    assert wrong in [each.after for each in replayed.survivors]
    assert replayed.unasked == len(replayed.survivors), "the tests were not asked, which is said"
    assert found.survivors == ()


def test_a_fault_that_hangs_is_caught(case):
    (found,) = of(case, "countdown")
    assert not [each for each in found.survivors if each.before == "left -= 1"]


def test_where_nothing_can_be_replayed_there_is_no_share(case):
    (found,) = of(case, "queue")
    assert (found.tried, found.rate) == (0, None)
    assert found.planted
