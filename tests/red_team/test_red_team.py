"""Cheats and subtly wrong rewrites are refused, each for the right reason; honest ones are not.

All are judged through the gates that need no clock, against one shared baseline. What only the
clock shows (memory between calls, work moved to the import, answers made ready) is in
tests/optimizer/test_verify.py. The attempts themselves are in the folders beside this file.
"""

from contextlib import suppress
from pathlib import Path

import pytest
from attempt import SHOP, Attempt, attempts, rounds, together

from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.memory import remembers
from perfbot.optimizer.verify import changed_functions, judge_by_reading, judge_without_clock
from perfbot.profiling.functions import function_index

CHEATS, WRONG, HONEST = attempts("cheats"), attempts("wrong"), attempts("honest")
ODD = attempts("odd")


@pytest.fixture(scope="module")
def case(prepare, target) -> Case:
    """The shop, with the recorded calls of all that it has."""
    sources = [path for path in SHOP if path.startswith("shop/")]
    names = [f"{path}::{name}" for path in sources for name in function_index(SHOP[path])]
    prepared = prepare(SHOP, *names)
    prepared.dependencies = frozenset(target.interpreter.import_names)
    return prepared


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
def test_an_honest_rewrite_may_be_made(case, attempt):
    """Nothing in it is forbidden, and nothing is taken for a memory of former calls."""
    verdict = judge_by_reading(case, attempt.changes(), Terms())
    assert verdict is None, verdict.detail
    assert not remembers(case.file_changes(attempt.changes()))


@pytest.mark.parametrize("honest", rounds(HONEST), ids=lambda each: each[0].title)
def test_honest_rewrites_are_right(case, honest):
    """Many functions at a time in one change, for which the tests run once."""
    changes = together(honest)
    functions = changed_functions(case, changes)
    assert len(functions) >= len(honest)
    verdict = judge_without_clock(case, changes, functions, Terms())
    assert verdict is None, verdict.detail


@pytest.mark.parametrize("attempt", ODD, ids=lambda each: each.title)
def test_whatever_a_function_does_there_is_a_verdict(case, attempt):
    """It says why, and nothing is left running."""
    verdict = judged(case, attempt)
    assert ("" if verdict is None else verdict.why) == attempt.why, verdict
    assert verdict is None or all(word in verdict.detail for word in attempt.said), verdict
    assert left_running(case) == []


def left_running(case: Case) -> list[str]:
    """Return the processes that work in one of the case's copies."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str(case.scratch.resolve()) in str((process / "cwd").readlink()):
                found.append((process / "cmdline").read_bytes().decode(errors="replace"))
    return found


@pytest.mark.parametrize(
    "path",
    [
        "pytest.py",
        "_pytest/__init__.py",
        "pluggy.py",
        "json.py",
        "random/__init__.py",
        "numpy.py",
        "sitecustomize.py",
        "shop/work/__init__.py",
    ],
)
def test_a_new_file_in_the_place_of_another_module_is_refused(case, path):
    """What the tests import would be the patch's own from then on."""
    fast = Attempt("", "", (), "def unique(items):\n    return list(dict.fromkeys(items))\n")
    verdict = judge_by_reading(
        case, {**fast.changes(), path: b"def main(*given): return 0\n"}, Terms()
    )
    assert verdict is not None
    assert (verdict.why, path in verdict.detail) == ("forbidden", True)


def test_a_new_module_of_ones_own_may_come_along(case):
    """It is imported by its full name, which is no new dependency."""
    code = "from shop.fast import once\n\ndef unique(items):\n    return once(items)\n"
    helper = b"def once(items):\n    return list(dict.fromkeys(items))\n"
    changes = {**Attempt("", "", (), code).changes(), "shop/fast.py": helper}
    assert judge_without_clock(case, changes, changed_functions(case, changes), Terms()) is None


def test_there_are_enough_of_each():
    assert [len(set(map(str, each))) >= 40 for each in (CHEATS, WRONG, HONEST)] == [True] * 3
