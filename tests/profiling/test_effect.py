"""Benchmarks and workload before and after a change: what is measured, and what is said where it is not.

The changes are so large that no noise can hide them; no time is asserted.
"""

import time
from dataclasses import replace

import pytest

from perfbot.optimizer.case import Case
from perfbot.optimizer.effect import Change, Effect, effect
from perfbot.profiling import effect as measuring
from perfbot.profiling.effect import (
    NotMeasured,
    Versions,
    WorkloadTime,
    check_nothing_moved,
    interleaved,
    of_benchmarks,
    of_workload,
)
from perfbot.profiling.environment import query
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.overlay import overlay
from perfbot.profiling.own_benchmarks import DISAPPEARED, callers, timed
from perfbot.profiling.target import Target

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SLOW = """\
def squares(count):
    total = 0
    for n in range(count):
        for m in range(40):
            total += n * n
    return total


def other(count):
    return count
"""
FAST = SLOW.replace("range(40)", "range(2)").replace("n * n", "n * n * 20")
TESTS = """\
from work import squares


def test_squares():
    for _ in range(20):
        assert squares(1_000) == 13313340000
"""
BENCHMARKS = """\
import pytest
from work import other, squares


@pytest.mark.parametrize("count", [300, 600])
def test_squares(benchmark, count):
    assert benchmark(squares, count)


def test_other(benchmark):
    assert benchmark(other, 3) == 3


def test_broken(benchmark):
    assert benchmark(squares, 2) == 1


@pytest.mark.skip(reason="not today")
def test_skipped(benchmark):
    benchmark(squares, 2)


def test_no_benchmark():
    raise AssertionError("this is no benchmark and must not run here")
"""
PLACE = "benchmarks/test_speed.py"
FILES = {"work.py": SLOW, "tests/test_work.py": TESTS, PLACE: BENCHMARKS}
SQUARES = FunctionName("work.py", "squares")


@pytest.fixture(scope="module", autouse=True)
def few_pairs():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "LEAST_PAIRS", 2)
        patch.setattr(measuring, "MOST_PAIRS", 2)
        yield


@pytest.fixture(scope="module")
def case(prepare) -> Case:
    return prepare(FILES, str(SQUARES))


def changed(case: Case, seconds: float = 600.0) -> Effect:
    change = Change(case.tree, case.copy({"work.py": FAST.encode()}), (SQUARES,), 0.99)
    reference = case.reference(SQUARES)
    return effect(case, change, deadline_s=time.monotonic() + seconds, unbenchmarked=reference)


def versions(case: Case, after: str) -> Versions:
    return Versions(case.target, case.tree, case.copy({"work.py": after.encode()}), case.scratch)


@pytest.fixture(scope="module")
def measured(case) -> Effect:
    return changed(case)


def test_the_benchmarks_that_call_the_function_are_measured_on_both_versions(measured):
    names = [row.name for row in measured.benchmarks]
    assert names == [f"{PLACE}::test_squares[300]", f"{PLACE}::test_squares[600]"]
    for row in measured.benchmarks:
        assert row.before_s > row.after_s > 0
        assert 1 < row.ratio.estimate < row.ratio.high
        assert row.ratio.pairs == 2


def test_the_workload_is_measured_on_both_versions(measured):
    assert measured.workload is not None
    assert measured.workload.estimate > 1
    assert measured.workload.low < measured.workload.estimate < measured.workload.high


def test_no_benchmark_is_dropped_without_a_word(measured):
    told = " ".join(measured.remarks)
    assert "do not call" not in told
    assert f"{PLACE}::test_broken could not be measured: it failed: " in told
    assert f"{PLACE}::test_skipped could not be measured: it skipped" in told
    assert "test_no_benchmark" not in told


def test_where_there_is_a_benchmark_none_is_written(measured):
    assert measured.generated is None


def test_what_takes_longer_than_its_time_is_given_up_and_said(case):
    found = changed(case, seconds=0.0)
    assert found.workload is None
    assert found.benchmarks == ()
    assert "the effect on the whole workload is not known: the workload takes " in found.remarks[0]
    assert any("measured: the time budget was used up" in remark for remark in found.remarks)


def test_a_benchmark_that_the_change_breaks_is_said_to_have_no_time(case):
    after = FAST.replace("def squares(count):\n", "def squares(count):\n    assert count != 300\n")
    both = [f"{PLACE}::test_squares[300]", f"{PLACE}::test_squares[600]"]
    arguments = case.workload.benchmark_arguments()
    deadline_s = time.monotonic() + 600
    rows, without = of_benchmarks(
        versions(case, after), arguments, both, confidence=0.99, deadline_s=deadline_s
    )
    assert [row.name for row in rows] == both[1:]
    assert list(without) == both[:1]
    assert without[both[0]].startswith("it failed: ")


def test_a_benchmark_that_disappears_is_said_to(case):
    arguments = case.workload.benchmark_arguments()
    with case.lent({}) as copy:
        found = timed(case.target, copy, arguments, [f"{PLACE}::test_gone"], wall_s=120)
    assert found.without == {f"{PLACE}::test_gone": DISAPPEARED}


def test_a_test_that_changes_its_outcome_leaves_no_figure(case):
    """A test that fails early is fast."""
    after = SLOW.replace("return total", "return total + (count == 1_000)")
    with pytest.raises(NotMeasured, match=r"test_work\.py::test_squares had another outcome"):
        of_workload(
            versions(case, after),
            case.workload,
            case.baseline,
            confidence=0.99,
            deadline_s=time.monotonic() + 600,
        )


def test_without_benchmarks_one_is_written(prepare):
    case = prepare({key: text for key, text in FILES.items() if key != PLACE}, str(SQUARES))
    found = changed(case)
    assert found.benchmarks == ()
    assert found.generated is not None
    assert "benchmark(squares, count)" in found.generated.content.decode()


def test_a_target_without_pytest_benchmark_uses_the_overlay(case, tmp_path):
    import venv

    venv.create(tmp_path / "venv", symlinks=True)
    sandbox = case.target.sandbox
    bare = query(tmp_path / "venv" / "bin" / "python", sandbox)
    assert "pytest-benchmark" not in bare.packages
    target = Target(sandbox, bare, overlay(bare, tmp_path / "cache", sandbox, {}))
    arguments = case.workload.benchmark_arguments()
    with case.lent({}) as copy:
        known = callers(target, copy, arguments, [SQUARES], wall_s=120)
    with case.lent({}) as copy:
        found = timed(target, copy, arguments, known.calling, wall_s=120)
    assert set(found.median_s) == set(known.calling) != set()


def test_the_order_of_runs_is_turned_around_in_every_other_pair(case):
    runs = []
    both = Versions(case.target, case.tree, replace(case.tree, dropped=("new",)), case.scratch)
    pairs = interleaved(
        lambda tree: runs.append(bool(tree.dropped)) or bool(tree.dropped),
        both,
        "it",
        time.monotonic() + 60,
    )
    assert pairs == [(False, True)] * len(pairs)
    firsts = runs[::2]
    assert [a != b for a, b in zip(firsts[::2], firsts[1::2], strict=True)] == [True] * (
        len(pairs) // 2
    )


def test_work_moved_out_of_the_tests_is_no_gain():
    """Start-up takes 2 s longer in every run, and the tests save 1 s."""
    old = [WorkloadTime(1.5, 1.0 + 0.01 * n) for n in range(4)]
    new = [WorkloadTime(0.5, 3.0 - 0.01 * n) for n in range(4)]
    with pytest.raises(NotMeasured, match="as much time as the tests save was spent outside"):
        check_nothing_moved(list(zip(old, new, strict=True)))


def test_a_start_up_that_only_varies_is_not_held_against_a_gain():
    old = [WorkloadTime(1.5, seconds) for seconds in (1.0, 5.0, 1.0, 2.0)]
    new = [WorkloadTime(1.4, seconds) for seconds in (5.0, 1.0, 4.0, 3.0)]
    check_nothing_moved(list(zip(old, new, strict=True)))


def test_too_few_pairs_are_none(monkeypatch):
    def slow(_tree):
        time.sleep(0.05)

    monkeypatch.setattr(measuring, "LEAST_PAIRS", 4)
    with pytest.raises(NotMeasured, match=r"takes .* s, and the least that tells something"):
        interleaved(slow, Versions(None, None, None, None), "it", time.monotonic() + 0.1)  # type: ignore[arg-type]
