"""How a coroutine function does under load: recorded calls made one after the other, and many at once.

One event loop makes all calls. So many of them begin together, and when all are done, the next ones.
What is timed of each is the time from their common beginning to its own end: a call that blocks the
loop shows in the others' times.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import pickle
import statistics
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from _perfbot_inside import behaviour, clock

if TYPE_CHECKING:
    from _perfbot_inside.results import Results

_LEAST_ROUNDS = 3
_MOST_CALLS = 20_000

_now_ns = time.perf_counter_ns
_unpickled = pickle.loads


def run(job: dict[str, Any], results: Results) -> None:
    """Do a ``concurrency`` job: for each of its ``levels`` send calls per second and latencies."""
    started_ns = _now_ns()
    function = clock.imported(job)
    pickled = [base64.b64decode(call) for call in job["calls"]]
    found = []
    with clock.quiet():
        for at_once in job["levels"]:
            load = _Load(function, pickled, job["budget_s"])
            asyncio.run(load.made(at_once))
            found.append({"at_once": at_once, **load.told()})
    results.send("concurrency", levels=found, total_ns=_now_ns() - started_ns)


class _Load:
    def __init__(self, function: clock.Function, pickled: list[bytes], budget_s: float) -> None:
        self._function = function
        self._calls = self._copies(pickled)
        self._budget_ns = int(budget_s * 1e9)
        self._latencies_ns: list[int] = []
        self._elapsed_ns = 0

    def _copies(self, pickled: list[bytes]) -> Iterator[behaviour.Call]:
        """Yield the calls in turn, with arguments of their own: what runs at the same time shares none."""
        return (_unpickled(each) for each in itertools.cycle(pickled))

    async def made(self, at_once: int) -> None:
        """Make rounds of calls until the budget is used up; the first one warms up."""
        behaviour.seed()
        await self._round(at_once)
        self._latencies_ns.clear()
        started_ns = _now_ns()
        rounds = 0
        while rounds < _LEAST_ROUNDS or (
            _now_ns() - started_ns < self._budget_ns and len(self._latencies_ns) < _MOST_CALLS
        ):
            await self._round(at_once)
            rounds += 1
        self._elapsed_ns = _now_ns() - started_ns

    async def _round(self, at_once: int) -> None:
        calls = list(itertools.islice(self._calls, at_once))
        started_ns = _now_ns()
        await asyncio.gather(*(self._made(call, started_ns) for call in calls))

    async def _made(self, call: behaviour.Call, started_ns: int) -> None:
        arguments, keywords = call
        with contextlib.suppress(Exception):  # a recorded call that ends with one counts, too
            await self._function(*arguments, **keywords)
        self._latencies_ns.append(_now_ns() - started_ns)

    def told(self) -> dict[str, Any]:
        """Return the number of calls, their time together and the percentiles of one call's time."""
        percentiles_ns = statistics.quantiles(self._latencies_ns, n=100, method="inclusive")
        return {
            "calls": len(self._latencies_ns),
            "elapsed_ns": self._elapsed_ns,
            "p50_ns": percentiles_ns[49],
            "p99_ns": percentiles_ns[98],
        }
