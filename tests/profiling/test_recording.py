"""What the recorder keeps of calls, and what it may cost."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfbot.profiling.inside import record


class Kept:
    """Stands for the pipe to perfbot."""

    def __init__(self) -> None:
        self.calls: dict[str, dict[str, Any]] = {}

    def send(self, _kind: str, **fields: Any) -> None:
        self.calls[fields["function"]] = fields


class Clock:
    """A clock that stands still but while something slow is pickled."""

    now_ns = 0


class Slow:
    """A value that takes a second to pickle, as a parser that holds a whole document may."""

    def __reduce__(self) -> tuple[Callable[[], object], tuple[()]]:
        Clock.now_ns += 1_000_000_000
        return Slow, ()


@pytest.fixture
def recorder(tmp_path: Path) -> tuple[record.Recorder, Kept]:
    kept = Kept()
    job = {"tree": str(tmp_path), "functions": {"a.py": ["f", "g"]}}
    recording = record.Recorder(job, kept)  # type: ignore[arg-type]
    Clock.now_ns = recording._expense._started_ns
    recording._expense.now_ns = lambda: Clock.now_ns
    return recording, kept


def test_calls_are_kept_with_what_they_did(recorder: tuple[record.Recorder, Kept]) -> None:
    recording, kept = recorder
    double = recording.wrap("a.py::f", lambda x: x * 2)
    assert [double(3), double(3), double("a")] == [6, 6, "aa"]
    with pytest.raises(TypeError):
        double(None)
    recording.finish()
    found = kept.calls["a.py::f"]
    assert found["count"] == 4
    assert [call["times"] for call in found["calls"]] == [2, 1, 1]
    assert found["calls"][2]["raised"] == "TypeError"
    assert all(call["ns"] > 0 for call in found["calls"])  # no call takes no time


def test_looking_at_calls_pauses_when_it_takes_too_much_of_the_run(
    recorder: tuple[record.Recorder, Kept],
) -> None:
    recording, kept = recorder
    slow = recording.wrap("a.py::f", lambda value, number: (type(value), number))
    for number in range(5):
        slow(Slow(), number)
    Clock.now_ns += 60_000_000_000
    slow(Slow(), 5)
    recording.finish()
    assert kept.calls["a.py::f"]["count"] == 6
    assert len(kept.calls["a.py::f"]["calls"]) == 2


def test_what_recording_an_inner_call_took_is_no_time_of_the_outer_one(
    recorder: tuple[record.Recorder, Kept],
) -> None:
    recording, kept = recorder
    inner = recording.wrap("a.py::g", lambda value: value is not None)
    outer = recording.wrap("a.py::f", lambda _number: inner(Slow()))
    assert outer(1) is True
    recording.finish()
    (call,) = kept.calls["a.py::f"]["calls"]
    assert recording._expense.total_ns == 1_000_000_000
    assert call["ns"] == 1


def test_many_functions_share_the_room_for_arguments() -> None:
    assert record._Expense(100).at_most_bytes < record._Expense(1).at_most_bytes


def test_ten_million_calls_leave_a_bounded_record_and_few_of_them_are_looked_at(
    recorder: tuple[record.Recorder, Kept],
) -> None:
    recording, kept = recorder
    looked_at = []

    class Watched:
        def __reduce__(self) -> tuple[Callable[[], object], tuple[()]]:
            looked_at.append(1)
            return object, ()

    double = recording.wrap("a.py::f", lambda number, _watched: number)
    for count in (0, 100_000, 9_990_000):
        recording._all[0]._count = count
        looked_at.clear()
        for number in range(count, count + 10_000):
            assert double(number, Watched()) == number
        assert len(looked_at) <= 2 * 10_000 * 2 * 1024 / (count + 1024)
    recording.finish()
    assert kept.calls["a.py::f"]["count"] == 10_000_000
    assert len(kept.calls["a.py::f"]["calls"]) <= record._AT_MOST_CALLS


@pytest.mark.parametrize(
    "make",
    [
        lambda: "x" * 100_000_000,
        lambda: b"x" * 100_000_000,
        lambda: [None] * 50_000_000,
        lambda: ["x" * 100_000_000],
    ],
)
def test_huge_arguments_and_results_are_not_copied(
    recorder: tuple[record.Recorder, Kept], make: Callable[[], Any]
) -> None:
    recording, kept = recorder
    value = make()
    same = recording.wrap("a.py::f", lambda given: given)
    tracemalloc.start()
    try:
        assert same(value) is value
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    recording.finish()
    assert peak_bytes < 120_000_000 if type(value) is list else peak_bytes < 10_000_000
    assert kept.calls["a.py::f"]["calls"] == []


def test_a_huge_result_is_hashed_without_a_copy() -> None:
    value = "x" * 100_000_000
    tracemalloc.start()
    try:
        assert record.digest(value, "")
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 20_000_000


def test_a_rare_ending_finds_its_place_among_many_common_ones(
    recorder: tuple[record.Recorder, Kept],
) -> None:
    recording, kept = recorder

    def reciprocal(number: int) -> float:
        return 1 / (number - 900)

    watched = recording.wrap("a.py::f", reciprocal)
    for number in range(1, 900):
        watched(number)
    with pytest.raises(ZeroDivisionError):
        watched(900)
    recording.finish()
    ended = [call.get("raised") for call in kept.calls["a.py::f"]["calls"]]
    assert ended.count("ZeroDivisionError") == 1
    assert all(call["failure"] for call in kept.calls["a.py::f"]["calls"] if call.get("raised"))


def test_what_pickling_calls_of_the_project_is_no_call(
    recorder: tuple[record.Recorder, Kept],
) -> None:
    recording, kept = recorder
    Failing.__init__ = recording.wrap("a.py::f", Failing.__init__)  # type: ignore[method-assign]
    error = Failing(1, 2)
    recording.wrap("a.py::g", lambda given: given.args)(error)
    recording.finish()
    assert kept.calls["a.py::f"]["count"] == 1
    assert kept.calls["a.py::g"]["unpicklable"] == kept.calls["a.py::f"]["unpicklable"] == 0


class Failing(Exception):  # noqa: N818
    def __init__(self, one: int, other: int) -> None:
        super().__init__(one)
        self.other = other
