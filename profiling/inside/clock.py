"""Timing recorded calls in a fresh process.

The first pass over the calls is timed on its own (``first_ns``): it is what a call costs that the
process has not seen before, so a memo that is warm only because rounds repeat cannot hide. Calls
that change their arguments, or whose arguments cache something, get fresh copies each time, made
outside the timed span.
"""

from __future__ import annotations

import base64
import contextlib
import gc
import io
import pickle
import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from _perfbot_inside import record, replay, tap

if TYPE_CHECKING:
    from _perfbot_inside.results import Results

_SPAN_NS = 50_000  # a timed span is at least about this long: a thousand times the clock's own cost
_AT_MOST_REPEATS = 2_000
_AT_MOST_REAL_REPEATS = 50
_AT_LEAST_ROUNDS = 3

Function = Callable[..., Any]


def run(job: dict[str, Any], results: Results) -> None:
    """Do a ``time`` job: send ``first_ns`` and the median time per call of each call, and import time."""
    path, _, qualname = job["function"].rpartition("::")
    started_ns = time.perf_counter_ns()
    function = tap.reach(job["tree"], job["roots"], path, qualname, job["modules"])
    import_ns = time.perf_counter_ns() - started_ns
    kind = record.kind_of(function)
    with contextlib.redirect_stdout(_Nowhere()), contextlib.redirect_stderr(_Nowhere()):
        timed = [
            _Timed(function, kind, base64.b64decode(call), fresh)
            for call, fresh in zip(job["calls"], job["fresh"], strict=True)
        ]
        gc.collect()
        gc.freeze()
        # Where results are remembered, a call is repeated as often as the workload repeats it.
        repeats = [
            min(times, _AT_MOST_REAL_REPEATS) if job["once"] else 1 for times in job["times"]
        ]
        first_ns = [each.span_ns(count) for each, count in zip(timed, repeats, strict=True)]
        rounds = _rounds(timed, job["budget_s"], job["once"])
    per_call_ns = (
        [statistics.median(times) for times in zip(*rounds, strict=True)] if rounds else first_ns
    )
    results.send(
        "timed", first_ns=first_ns, per_call_ns=per_call_ns, rounds=len(rounds), import_ns=import_ns
    )


def run_memory(job: dict[str, Any], results: Results) -> None:
    """Do a ``memory`` job: send the greatest number of bytes that a call allocates at its peak."""
    path, _, qualname = job["function"].rpartition("::")
    function = tap.reach(job["tree"], job["roots"], path, qualname, job["modules"])
    kind = record.kind_of(function)
    peak_bytes = 0
    with contextlib.redirect_stdout(_Nowhere()), contextlib.redirect_stderr(_Nowhere()):
        for call in job["calls"]:
            timed = _Timed(function, kind, base64.b64decode(call), fresh=False)
            timed.span_ns(1)  # what is kept for good after a first call is no cost of a call
            timed.renew()
            tracemalloc.start()
            timed.span_ns(1)
            peak_bytes = max(peak_bytes, tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    results.send("memory", peak_bytes=peak_bytes)


def _rounds(timed: list[_Timed], budget_s: float, once: bool) -> list[list[float]]:
    """Time all calls in turn, round after round, until the budget is used up; the first round warms up."""
    rounds: list[list[float]] = []
    if once:
        return rounds
    end_ns = time.perf_counter_ns() + int(budget_s * 1e9)
    for each in timed:
        each.calibrate()
    while len(rounds) < _AT_LEAST_ROUNDS or time.perf_counter_ns() < end_ns:
        rounds.append([each.span_ns(each.repeats) for each in timed])
        if len(rounds) == 1 and time.perf_counter_ns() > end_ns:
            break  # one round is longer than the whole budget: it is precise enough
    return rounds


class _Timed:
    """One recorded call that can be made again and again."""

    def __init__(self, function: Function, kind: str, pickled: bytes, fresh: bool) -> None:
        self._function = function
        self._kind = kind
        self._pickled = pickled
        self._fresh = fresh
        self.repeats = 1
        self.renew()

    def renew(self) -> None:
        """Take a fresh copy of the arguments for the calls that may share one."""
        self._kept = pickle.loads(self._pickled)

    def calibrate(self) -> None:
        """Choose how many calls make one span long enough."""
        once_ns = max(1.0, min(self.span_ns(1), self.span_ns(1)))
        self.repeats = max(1, min(_AT_MOST_REPEATS, int(_SPAN_NS / once_ns)))

    def span_ns(self, repeats: int) -> float:
        """Make the call ``repeats`` times and return the mean nanoseconds per call."""
        function, kind = self._function, self._kind
        calls = (
            [pickle.loads(self._pickled) for _ in range(repeats)]
            if self._fresh
            else [self._kept] * repeats
        )
        clock = time.perf_counter_ns
        started_ns = clock()
        for arguments, keywords in calls:
            try:
                result = function(*arguments, **keywords)
                if kind != "function":
                    replay.drive(kind, result)
            except Exception:
                continue
        return (clock() - started_ns) / repeats


class _Nowhere(io.StringIO):
    def write(self, text: str) -> int:
        return len(text)
