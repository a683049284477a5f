"""Timing the lines of a function while recorded calls of it are made.

Every line is timed by ``sys.settrace`` and not sampled: CPython runs signal handlers at safe points
only (``sampler.py``), so that samples of a loop pile up at its end and none falls on the line
between that took the time. A trace sees each line begin. What an event itself costs is
measured on a function whose lines do nothing, and taken off.

What a line calls belongs to the line, unless it is another line of the same function (recursion,
an inner function).
"""

from __future__ import annotations

import base64
import sys
import time
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from _perfbot_inside import behaviour, clock, record

if TYPE_CHECKING:
    from _perfbot_inside.results import Results

_EMPTY_ROUNDS = 500
_EMPTY_REPEATS = 5

_now_ns = time.perf_counter_ns

Trace = Callable[[FrameType, str, Any], Any]


def run(job: dict[str, Any], results: Results) -> None:
    """Do a ``lines`` job: send the nanoseconds and the number of runs of each line.

    Each of the job's calls is made once, and counts as often as its ``times`` says; calls that would
    begin after ``budget_s`` are not made, and ``calls`` says how many there were.
    """
    function = clock.imported(job)
    kind = record.kind_of(function)
    behaviour.prepare(kind)
    event_ns = _event_ns()
    lines: dict[int, list[float]] = {}
    ends_ns = _now_ns() + job["budget_s"] * 1e9
    made = 0
    with clock.quiet():
        for pickled, times in zip(job["calls"], job["times"], strict=True):
            if made and _now_ns() >= ends_ns:
                break
            call = clock.Timed(function, kind, base64.b64decode(pickled), fresh=True)
            tracer = Tracer(function, ends_ns)
            tracer.trace(lambda call=call: call.span_ns(1))  # type: ignore[misc]
            made += times
            for line, ns, runs in tracer.found(event_ns):
                known = lines.setdefault(line, [0.0, 0.0])
                known[0] += ns * times
                known[1] += runs * times
    told = [{"line": line, "ns": ns, "runs": runs} for line, (ns, runs) in sorted(lines.items())]
    results.send("lines", lines=told, calls=made)


class Tracer:
    """Times the lines of one function, in the thread that calls :meth:`trace`."""

    def __init__(self, function: Callable[..., Any], ends_ns: float) -> None:
        code = getattr(function, "__code__", None)
        self._codes = {id(each) for each in _codes(code)} if code is not None else set()
        self._ends_ns = ends_ns
        self._spent_ns: dict[int, int] = {}
        self._events: dict[int, int] = {}
        self._runs: dict[int, int] = {}
        self._running: list[int] = []  # the line that each frame of the function has come to
        self._since_ns = 0

    def trace(self, work: Callable[[], object]) -> None:
        """Do something and time the lines of the function that it runs."""
        sys.settrace(self._on_call)
        try:
            work()
        finally:
            sys.settrace(None)

    def found(self, event_ns: float) -> Iterator[tuple[int, float, int]]:
        """Yield each line with its nanoseconds, less what the events cost, and its runs."""
        for line, runs in self._runs.items():
            spent_ns = self._spent_ns.get(line, 0) - event_ns * self._events.get(line, 0)
            yield line, max(0.0, spent_ns), runs

    def _on_call(self, frame: FrameType, event: str, _argument: Any) -> Trace | None:
        """Hear of a new frame, or of a generator that goes on; what others call is not looked into."""
        if self._charge():
            return None
        ours = id(frame.f_code) in self._codes
        if ours:
            self._running.append(frame.f_lineno)
        self._since_ns = _now_ns()
        return self._on_event if ours else None

    def _on_event(self, frame: FrameType, event: str, _argument: Any) -> Trace | None:
        if self._charge():
            return None
        if event == "line":
            line = self._running[-1] = frame.f_lineno
            self._runs[line] = self._runs.get(line, 0) + 1
        elif event == "return":
            self._running.pop()
        self._since_ns = _now_ns()
        return self._on_event

    def _charge(self) -> bool:
        """Give the time since the last event to the line that was running; say whether time is up."""
        now_ns = _now_ns()
        if self._running:
            line = self._running[-1]
            self._spent_ns[line] = self._spent_ns.get(line, 0) + now_ns - self._since_ns
            self._events[line] = self._events.get(line, 0) + 1
        if now_ns < self._ends_ns:
            return False
        sys.settrace(None)
        return True


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a function's code object and those of all that is defined inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _event_ns() -> float:
    """Return what one event costs a line that does nothing."""
    costs = []
    for _ in range(_EMPTY_REPEATS):
        tracer = Tracer(_nothing, float("inf"))
        tracer.trace(_nothing)
        costs.append(sum(tracer._spent_ns.values()) / sum(tracer._events.values()))
    return min(costs)


def _nothing() -> None:
    for each in range(_EMPTY_ROUNDS):
        each  # noqa: B018 - nothing is what it does
