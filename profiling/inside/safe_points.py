"""Gives callees the samples that CPython's safe points put on their callers.

Signal handlers run at safe points: at a function's entry, after a call, when a loop jumps back.
``def has(self, x): return x in self.items`` holds none after its entry, so all its time shows up at
the next one in its caller, and a profile would call the wrong function hot. For each function
sampled, some calls are therefore timed with ``sys.setprofile``, at most three times a hundred
events and five percent of the CPU time in all; a sample in it is then split between itself and the
callees that may have run since its previous safe point, in the proportion of those times.

Used in the main thread only, and not where the program has a profiler of its own.
"""

from __future__ import annotations

import dis
import sys
import time
from bisect import bisect_right
from dataclasses import dataclass
from types import CodeType, FrameType

Site = tuple[int, int]  # identity of a code object, its f_lasti while it calls
Part = tuple[tuple[CodeType, ...], int]  # callees above the sampled frame, outermost first; weight

_ATTEMPTS = 3
_EVENTS = 100
_FREE_NS = 10_000_000  # what learning may cost at once, and as a share of the process's CPU time
_COST_SHARE = 0.05
_EVENT_NS = 3_000  # what an event costs, roughly
_CHAIN = 5  # wrappers that return what another function returns
_LONGEST_CODE = 20_000  # bytes; generated code is not analysed
_CACHED = 20_000
_NO_WAY_ON = frozenset(
    "RETURN_VALUE RETURN_CONST RAISE_VARARGS RERAISE JUMP_FORWARD JUMP_ABSOLUTE JUMP_BACKWARD "
    "JUMP_BACKWARD_NO_INTERRUPT".split()
)
_JUMPS = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)


@dataclass
class Tail:
    """What runs from the last safe point in a callee to the next one in its caller."""

    code: CodeType
    inner: Site | None = None  # the callee's own last call, when no safe point came after it
    seen: int = 0
    callee_ns: int = 0
    caller_ns: int = 0


@dataclass
class _Call:
    """A call that is being timed."""

    code: CodeType
    site: Site
    since_ns: int
    inner: Site | None = None


class _Flow:
    """Which instructions may run between two safe points of one code object."""

    def __init__(self, code: CodeType) -> None:
        self._instructions = list(dis.get_instructions(code))
        self._offsets = [each.offset for each in self._instructions]
        self._before: list[list[int]] = [[] for _ in self._instructions]
        for index, each in enumerate(self._instructions):
            if each.opname not in _NO_WAY_ON and index + 1 < len(self._instructions):
                self._before[index + 1].append(index)
            if each.opcode in _JUMPS and isinstance(each.argval, int):
                self._before[self._index(each.argval)].append(index)
        self.loops = any(map(self._jumps_back, range(len(self._instructions))))

    def offset(self, at: int) -> int:
        """Return where the instruction at ``at`` begins; ``f_lasti`` may point into its caches."""
        return self._offsets[self._index(at)]

    def window(self, at: int) -> frozenset[int]:
        """Return the offsets that may have run since the safe point before ``at``."""
        start = self._index(at)
        seen: set[int] = set()
        # A loop that just jumped back may already point at its head.
        waiting = [(index, True) for index in self._before[start]]
        while waiting:
            index, at_start = waiting.pop()
            if index in seen:
                continue
            seen.add(index)
            jumps_back = self._jumps_back(index)
            if not (self._instructions[index].opname.startswith("CALL") or jumps_back) or (
                jumps_back and at_start
            ):
                waiting.extend((earlier, False) for earlier in self._before[index])
        return frozenset(self._offsets[index] for index in seen)

    def _jumps_back(self, index: int) -> bool:
        each = self._instructions[index]
        return each.opcode in _JUMPS and isinstance(each.argval, int) and each.argval <= each.offset

    def _index(self, at: int) -> int:
        return max(bisect_right(self._offsets, at) - 1, 0)


class SafePoints:
    """Splits samples between a function and the callees that hold no safe point of their own."""

    def __init__(self) -> None:
        # Bound: libraries that freeze time replace the names in modules.
        self._now_ns, self._cpu_ns = time.perf_counter_ns, time.process_time_ns
        self._cost_ns, self._begin_ns = 0, time.process_time_ns()
        self._flows: dict[int, tuple[CodeType, _Flow | None]] = {}
        self._alive: dict[int, CodeType] = {}  # so that identities stay theirs
        self._windows: dict[Site, frozenset[int]] = {}
        self._tried: dict[int, int] = {}
        self._tails: dict[int, dict[int, Tail]] = {}  # by code object and f_lasti
        self._open: list[_Call] = []
        self._returned: Site | None = None
        self._last_ns = self._events = 0

    def split(self, frame: FrameType, entering: bool) -> list[Part]:
        """Return how to divide a sample at the safe point at which ``frame`` stands.

        ``entering``: the safe point is the entry of a function that ``frame`` calls.
        """
        code = frame.f_code
        if frame.f_lasti < 0 or not (id(code) in self._flows or self._is_affordable()):
            return [((), 1)]
        if (flow := self._flow(code)) is None:
            return [((), 1)]
        here = flow.offset(frame.f_lasti)
        if (id(code), here) not in self._windows:
            self._windows[id(code), here] = flow.window(here)
        window = self._windows[id(code), here]
        known = {
            flow.offset(at): tail
            for at, tail in self._tails.get(id(code), {}).items()
            if self._counts(tail)
        }
        tails = [tail for offset, tail in known.items() if offset in window]
        if here in known and not (entering and tails):
            tails.append(known[here])  # just left, or called again by native code like a sort's key
        if not tails:
            self._learn(code)
            return [((), 1)]
        return self._weigh(max(tails, key=lambda tail: tail.callee_ns / tail.seen), (), _CHAIN)

    def _counts(self, tail: Tail) -> bool:
        """Say whether the callee has a tail: a loop holds safe points, which take the samples."""
        if not tail.seen or tail.inner is not None:
            return bool(tail.seen)
        flow = self._flow(tail.code)
        return flow is not None and not flow.loops

    def _flow(self, code: CodeType) -> _Flow | None:
        known = self._flows.get(id(code))
        if known is None:
            if len(self._flows) >= _CACHED or len(self._windows) >= _CACHED:
                for cache in (self._flows, self._windows, self._tried, self._tails, self._alive):
                    cache.clear()
            begin_ns = self._cpu_ns()
            flow = _Flow(code) if len(code.co_code) <= _LONGEST_CODE else None
            known = self._flows[id(code)] = (code, flow)
            self._cost_ns += self._cpu_ns() - begin_ns
        return known[1]

    def _weigh(self, tail: Tail, above: tuple[CodeType, ...], chain: int) -> list[Part]:
        inner = self._tail(tail.inner) if tail.inner is not None and chain else None
        parts = [(above, tail.caller_ns // tail.seen)]
        here = (*above, tail.code)
        if inner is not None and self._counts(inner):
            return parts + self._weigh(inner, here, chain - 1)
        return [*parts, (here, tail.callee_ns // tail.seen + 1)]

    def _is_affordable(self) -> bool:
        lived_ns = self._cpu_ns() - self._begin_ns
        return self._cost_ns <= _FREE_NS + _COST_SHARE * lived_ns

    def _learn(self, code: CodeType) -> None:
        tried = self._tried.get(id(code), 0)
        if tried < _ATTEMPTS and self._is_affordable() and sys.getprofile() is None:
            self._tried[id(code)] = tried + 1
            self._open, self._returned, self._events = [], None, 0
            sys.setprofile(self._on_event)

    def _on_event(self, frame: FrameType, event: str, argument: object) -> None:
        now_ns = self._now_ns()
        self._events += 1
        if self._events > _EVENTS:
            sys.setprofile(None)
            return
        if self._returned is not None and (tail := self._tail(self._returned)) is not None:
            tail.caller_ns += now_ns - self._last_ns
        if event == "call":
            self._called(frame)
        elif event == "return":
            self._left(frame, now_ns)
        else:  # a native call is a safe point: what went before is no tail any more
            self._reach_safe_point()
        self._last_ns = self._now_ns()
        self._cost_ns += _EVENT_NS
        if self._open and event != "return":
            self._open[-1].since_ns = self._last_ns

    def _called(self, frame: FrameType) -> None:
        caller = frame.f_back
        self._reach_safe_point()
        if caller is None:
            return
        site = (id(caller.f_code), caller.f_lasti)
        self._alive[site[0]] = caller.f_code
        tail = self._tail(site)
        if tail is None or tail.code is not frame.f_code:
            self._tails.setdefault(site[0], {})[site[1]] = Tail(frame.f_code)
        self._open.append(_Call(frame.f_code, site, self._last_ns))

    def _left(self, frame: FrameType, now_ns: int) -> None:
        self._returned = None
        if not self._open or self._open[-1].code is not frame.f_code:
            self._open.clear()  # it was called before the timing began
            return
        call = self._open.pop()
        tail = self._tail(call.site)
        if tail is None:
            return
        tail.seen += 1
        tail.callee_ns += now_ns - call.since_ns
        tail.inner = call.inner
        self._returned = call.site
        if self._open:
            self._open[-1].inner = call.site
            self._open[-1].since_ns = now_ns

    def _tail(self, site: Site) -> Tail | None:
        return self._tails.get(site[0], {}).get(site[1])

    def _reach_safe_point(self) -> None:
        self._returned = None
        if self._open:
            self._open[-1].inner = None
