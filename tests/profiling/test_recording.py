"""What the recorder keeps of calls, and what it may cost."""

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
