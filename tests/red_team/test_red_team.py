"""Cheats and subtly wrong rewrites are refused, each for the right reason; honest ones are not.

All are judged through the gates that need no clock, against one shared baseline. What only the
clock shows (memory between calls, work moved to the import, answers made ready) is in
tests/optimizer/test_verify.py. The attempts themselves are in the folders beside this file.
"""

import pytest
from attempt import SHOP, Attempt, attempts

from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.memory import remembers
from perfbot.optimizer.verify import changed_functions, judge_without_clock
from perfbot.profiling.functions import function_index

CHEATS, WRONG, HONEST = attempts("cheats"), attempts("wrong"), attempts("honest")


@pytest.fixture(scope="module")
def case(prepare) -> Case:
    """The shop, with the recorded calls of all that it has."""
    sources = [path for path in SHOP if path.startswith("shop/")]
    return prepare(
        SHOP, *(f"{path}::{name}" for path in sources for name in function_index(SHOP[path]))
    )


def judged(case: Case, attempt: Attempt):
    changes = attempt.changes()
    return judge_without_clock(case, changes, changed_functions(case, changes), Terms())


@pytest.mark.parametrize("attempt", CHEATS, ids=lambda each: each.title)
def test_a_cheat_is_refused(case, attempt):
    verdict = judged(case, attempt)
    assert verdict is not None
    assert verdict.why == attempt.why, verdict.detail
    assert all(word in verdict.detail for word in attempt.said), verdict.detail


@pytest.mark.parametrize("attempt", WRONG, ids=lambda each: each.title)
def test_a_wrong_rewrite_is_refused(case, attempt):
    verdict = judged(case, attempt)
    assert verdict is not None
    assert verdict.why == attempt.why, verdict.detail
    assert all(word in verdict.detail for word in attempt.said), verdict.detail


@pytest.mark.parametrize("attempt", HONEST, ids=lambda each: each.title)
def test_an_honest_rewrite_passes(case, attempt):
    """Also the tests run, and nothing in it is taken for a memory of former calls."""
    verdict = judged(case, attempt)
    assert verdict is None, verdict.detail
    assert not remembers(case.file_changes(attempt.changes()))


def test_there_are_enough_of_each():
    assert [len(set(map(str, each))) >= 40 for each in (CHEATS, WRONG, HONEST)] == [True] * 3
