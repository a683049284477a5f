"""Coroutine functions under load: what waits is done side by side, what blocks is not."""

import pytest

from perfbot.optimizer.case import Case
from perfbot.profiling.benchmark import choose_calls
from perfbot.profiling.concurrency import Compared, compared
from perfbot.profiling.functions import FunctionName

SOURCE = """\
import asyncio
import time


async def waits(value):
    time.sleep(0.02)
    return value


def plain(value):
    return value
"""
TESTS = """\
import asyncio

import work


def test_waits():
    assert asyncio.run(work.waits(1)) == 1


def test_plain():
    assert work.plain(1) == 1
"""


@pytest.fixture(scope="module")
def case(prepare) -> Case:
    files = {"work.py": SOURCE, "test_work.py": TESTS}
    return prepare(files, "work.py::waits", "work.py::plain")


def of(case: Case, name: str, changed: str) -> tuple[Compared, ...]:
    reference = case.reference(FunctionName("work.py", name))
    chosen = choose_calls(reference)
    with case.lent({"work.py": changed.encode()}) as new:
        return compared(case.target, case.tree, new, reference, chosen)


def test_calls_that_wait_side_by_side_raise_the_throughput(case):
    one, many = of(case, "waits", SOURCE.replace("time.sleep", "await asyncio.sleep"))
    assert [one.before.at_once, many.before.at_once] == [1, 16]
    assert many.after.calls_per_s > 4 * many.before.calls_per_s
    assert many.before.p50_s > 4 * many.after.p50_s
    for each in (one.before, one.after, many.before, many.after):
        assert 0 < each.p50_s <= each.p99_s


def test_other_functions_and_processes_that_fail_say_nothing(case):
    assert of(case, "plain", SOURCE) == ()
    assert of(case, "waits", SOURCE.replace("return value", "raise SystemExit", 1)) == ()
