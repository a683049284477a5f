"""One recorded call made larger and larger: how long it takes at each size, and what it does.

At each size the call is timed once in the life of the process, so that code which remembers results
cannot look as if it did not grow. Once must do, so other work of the machine is left out: a thread
that never waits takes as long as it is on the processor. What a call does is compared by the parent;
as with mutations, only sizes count at which the old version returns.
"""

from __future__ import annotations

import base64
import collections
import gc
import pickle
import resource
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from _perfbot_inside import behaviour, clock, grow, record, samples
from _perfbot_inside.behaviour import Call, Function

if TYPE_CHECKING:
    from _perfbot_inside.results import Results

_LEAST_ITEMS = 4
_LEAST_LIMIT_S = 0.05
_TRIAL_S = 1.0  # for a call of twice the size, when ways to grow are tried
_WARM_NS = 20_000_000
_WARM_CALLS = 50
_WALL_SHARE = 0.1
_LONG_NS = (
    1_000_000  # shorter spans are seldom interrupted, and the processor's clock costs too much
)
_OF_THREAD: int | None = getattr(resource, "RUSAGE_THREAD", None)
_NOTHING_GROWS = "nothing in its recorded calls can grow"
_LARGER_FAILS = "a recorded call made twice as large {shown}"

_now_ns = time.perf_counter_ns
_used_ns = time.thread_time_ns
_used = resource.getrusage
_unpickled = pickle.loads


def run(job: dict[str, Any], results: Results) -> None:
    """Do a ``growth`` job: size after size, a ``size`` line with the time and a ``behaviour`` line.

    ``sizes`` are pairs ``times, of`` from small to large. ``budget_s`` is for growing and timing,
    ``compare_s`` for comparing, but the first ``compare_first`` sizes are compared in any case, each
    within ``limit_s``. Where no ``way`` to grow the first of ``calls`` is given, a call and a way are
    looked for that work, and named (``grows``, or ``stuck``: there is none).
    """
    growing = _Growing(clock.imported(job), job, results)
    with clock.quiet():
        if job["way"] or growing.choose(job["calls"]):
            growing.go_through(job["sizes"])


class _Watch:
    """Tells the time since it was made, of this thread."""

    def __init__(self) -> None:
        self._waits = _waits()
        self._on_processor_ns = _used_ns()
        self._wall_ns = _now_ns()  # last: this clock alone costs next to nothing

    def ns(self) -> int:
        """Return the time; of a longer span in which the thread never waited, that on the processor."""
        wall_ns = _now_ns() - self._wall_ns
        on_processor_ns = _used_ns() - self._on_processor_ns
        waited = self._waits is None or _waits() != self._waits
        return wall_ns if waited or wall_ns < _LONG_NS else on_processor_ns

    def spent_ns(self) -> float:
        """Return the time to be counted against a budget: waiting and other work count little."""
        return max(_used_ns() - self._on_processor_ns, _WALL_SHARE * (_now_ns() - self._wall_ns))


def _waits() -> int | None:
    """Return how often this thread has waited for something, ``None`` where the system does not tell."""
    return None if _OF_THREAD is None else _used(_OF_THREAD).ru_nvcsw


class _Growing:
    """One call on its way from small to large."""

    def __init__(self, function: Function, job: dict[str, Any], results: Results) -> None:
        self._function = function
        self._kind = record.kind_of(function)
        self._tree: str = job["tree"]
        self._budget_ns = job["budget_s"] * 1e9
        self._compare_ns = job["compare_s"] * 1e9
        self._compare_first: int = job["compare_first"]
        self._limit_s: float = job["limit_s"]
        self._floats: bool = job["floats"]
        self._results = results
        self._pickled = base64.b64decode(job["calls"][0])
        self._way: str = job["way"]
        self._warm = False
        self._items = 0

    def choose(self, calls: list[str]) -> bool:
        """Choose the first call and way in which a call of twice the size returns."""
        why = _NOTHING_GROWS
        for number, call in enumerate(calls):
            self._pickled = base64.b64decode(call)
            for self._way in grow.WAYS:
                larger = self._resized(2, 1) or self._resized(1, 1)  # large already: only cut
                if larger is None:
                    continue
                ending = self._behaviour(larger.call, _TRIAL_S)
                if ending["ending"] in ("returned", "incomparable"):
                    self._results.send("grows", call=number, way=self._way, what=larger.what)
                    return True
                why = _LARGER_FAILS.format(shown=ending["shown"])
        self._results.send("stuck", why=why)
        return False

    def go_through(self, sizes: list[list[int]]) -> None:
        """Time and compare the call at each size, until the limits or a larger call that fails."""
        for number, (times, of) in enumerate(sizes):
            watch = _Watch()
            made = self._resized(times, of)
            if made is None and times > of:
                return  # it would be too large
            if made is None or made.items < max(_LEAST_ITEMS, self._items + 1):
                continue
            if not self._warm:
                self._warm = self._warmed(times, of)
                continue
            self._items = made.items
            ns = self._timed_ns(made.call) if self._budget_ns > 0 else None
            self._budget_ns -= watch.spent_ns()
            if ns is not None:
                self._results.send("size", size=number, items=made.items, ns=ns)
            elif times > of and number >= self._compare_first:
                return
            if number < self._compare_first or self._compare_ns > 0:
                self._compare(number, times, of)

    def _resized(self, times: int, of: int) -> grow.Resized | None:
        return grow.resized(_unpickled(self._pickled), self._way, times, of)

    def _behaviour(self, call: Call, limit_s: float) -> dict[str, Any]:
        return behaviour.behave(
            self._function, self._kind, call, self._tree, limit_s, floats=self._floats
        )

    def _warmed(self, times: int, of: int) -> bool:
        """Make the smallest calls, whose times are not told; return whether the last one returned."""
        watch = _Watch()
        ns = None
        for _ in range(_WARM_CALLS):
            made = self._resized(times, of)
            ns = self._timed_ns(made.call) if made else None
            if ns is None or watch.spent_ns() > _WARM_NS:
                break
        return ns is not None

    def _timed_ns(self, call: Call) -> int | None:
        """Call once; return the time until all it prepared is done, ``None`` if it did not return."""
        behaviour.seed()
        gc.collect()
        gc.freeze()  # neither collecting during the call nor the next time looks at all this again
        try:
            with behaviour.time_limit(max(_LEAST_LIMIT_S, self._budget_ns / 1e9 / _WALL_SHARE)):
                watch = _Watch()
                result = self._function(*call[0], **call[1])
                _exhaust(self._kind, result)
                return watch.ns()
        except BaseException:  # the target may raise anything, and the limit is none of its kind
            return None

    def _compare(self, number: int, times: int, of: int) -> None:
        """Tell what the call does; there is no more to compare once a larger one does not return."""
        watch = _Watch()
        made = self._resized(times, of)
        if made is None:
            return
        shown = samples.short(made.call[0]) + (samples.short(made.call[1]) if made.call[1] else "")
        self._results.send("starting", size=number)
        ending = self._behaviour(made.call, self._limit_s)
        self._results.send("behaviour", size=number, arguments=shown, **ending)
        self._compare_ns -= watch.spent_ns()
        if ending["ending"] != "returned" and times >= of:
            self._compare_ns, self._compare_first = 0, 0


def _exhaust(kind: str, result: Any) -> None:
    """Do all that a call merely prepared, without keeping it."""
    if kind in ("coroutine", "async generator"):
        import asyncio  # late: it would be half of the start-up

        asyncio.run(result if kind == "coroutine" else _exhaust_async(result))
    elif kind == "generator" or hasattr(result, "__next__"):
        collections.deque(result, maxlen=0)


async def _exhaust_async(items: AsyncIterator[Any]) -> None:
    async for _ in items:
        pass
