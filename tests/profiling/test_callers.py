"""Which tests call a function, and running only those."""

import pytest

from perfbot.profiling.functions import FunctionName
from perfbot.profiling.suite import Outcome, callers, run_suite
from perfbot.profiling.target import Target
from perfbot.profiling.tree import Tree, with_changes
from perfbot.profiling.workload import WorkloadSettings, discover

SOURCE = """\
def inner(value):
    return value + 1


def outer(value):
    return inner(value) * 2


def items(count):
    yield from range(count)


async def later(value):
    return value


def prepared():
    return 3
"""
TESTS = """\
import asyncio

import pytest

import work


def test_outer():
    assert work.outer(1) == 4


@pytest.mark.parametrize("value", [1, 2])
def test_inner(value):
    assert work.inner(value) == value + 1


def test_items():
    assert list(work.items(2)) == [0, 1]


def test_later():
    assert asyncio.run(work.later(5)) == 5


@pytest.fixture
def three():
    return work.prepared()


def test_three(three):
    assert three == 3
"""


@pytest.fixture(scope="module")
def tree(plant) -> Tree:
    return plant({"work.py": SOURCE, "test_work.py": TESTS})


def found(target: Target, tree: Tree, tmp_path, name: str) -> tuple[set[str], bool]:
    workload = discover(tree, WorkloadSettings())
    copy = with_changes(tree, {}, tmp_path / name)
    seen = callers(target, copy, workload, FunctionName("work.py", name), wall_s=120)
    assert seen is not None
    return {test.partition("::")[2] for test in seen.tests}, seen.elsewhere


def test_tests_reach_a_function_by_themselves_and_through_others(target, tree, tmp_path):
    tests = {"test_outer", "test_inner[1]", "test_inner[2]"}
    assert found(target, tree, tmp_path, "inner") == (tests, False)


def test_generators_and_coroutines_are_reached_like_functions(target, tree, tmp_path):
    assert found(target, tree, tmp_path, "items") == ({"test_items"}, False)
    assert found(target, tree, tmp_path, "later") == ({"test_later"}, False)


def test_calls_of_a_fixture_belong_to_no_single_test(target, tree, tmp_path):
    assert found(target, tree, tmp_path, "prepared") == (set(), True)


def test_only_the_named_tests_run_and_none_after_a_failure(target, tree, tmp_path):
    wrong = {"work.py": SOURCE.replace("value + 1", "value").encode()}
    copy = with_changes(tree, wrong, tmp_path / "copy")
    names = [f"test_work.py::test_{name}" for name in ("inner[1]", "inner[2]", "items")]
    run = run_suite(target, copy, discover(tree, WorkloadSettings()), wall_s=120, only=names)
    assert {name: tested.outcome for name, tested in run.tests.items()} == {
        names[0]: Outcome.FAILED
    }
