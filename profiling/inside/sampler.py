"""Where a process spends its CPU time, by stacks of the project's own functions.

Every ``interval_s`` of CPU time the kernel sends SIGPROF (``setitimer(ITIMER_PROF)``), and a handler
credits the CPU time since its last run to the stack that it finds (a delayed signal thus weighs
more). Two things about CPython are allowed for:

- Handlers run at *safe points* only: at the entry of a function, after a call and when a loop jumps
  back. A handler that runs at the entry of a function was called for by what happened before it,
  so the sample belongs to the caller.
- How late a handler runs says what was running: byte code never takes longer than some
  microseconds, so a late handler waited for native code. That is the published principle of
  Scalene (Berger, Stern, Altmayer Pizzorno: "Triangulating Python Performance Issues with Scalene",
  OSDI 2023, section 2.1), sharpened: the kernel stamps the byte which Python's C-level handler
  sends to ``signal.set_wakeup_fd`` (socket(7), SO_TIMESTAMP), so that delays far below the interval
  are seen too. Without stamps, time beyond the interval counts as native, as there.

With several threads, time is credited by each thread's own CPU clock (pthread_getcpuclockid(3)), so
one that waits gets nothing; nothing counts as native then, as the handler may have waited for the
interpreter lock. A native call shorter than about 100 microseconds counts mostly as Python.

``faulthandler.register`` would give stacks free of safe points, but reading frames that are just
being pushed crashes CPython 3.11 to 3.13 about once in some thousand samples (tried).
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dis import opmap
from itertools import islice
from types import CodeType, FrameType
from typing import TypedDict

Key = tuple[str, int, str]  # path relative to the tree, co_firstlineno, co_name
Own = tuple[tuple[Key, ...], bool]
SplitAt = Callable[[FrameType, bool], Sequence[tuple[Sequence[CodeType], int]]]
Handler = Callable[[int, FrameType | None], object] | int


class Stack(TypedDict):
    """CPU time of one stack: own frames, outermost first; a recursive one at its innermost place."""

    frames: list[list[str | int]]
    leaf_is_own: bool
    python_s: float
    native_s: float
    samples: int


class Report(TypedDict):
    """What was sampled. ``reason`` says why nothing could be, ``disturbed`` that the target took
    SIGPROF or its timer for itself, so that the profile ends there."""

    interval_s: float
    samples: int
    cpu_s: float
    disturbed: bool
    reason: str | None
    stacks: list[Stack]


_NOT_OWN = frozenset(
    ".venv venv .env env site-packages dist-packages .git .tox .nox .eggs node_modules "
    "__pypackages__ __pycache__".split()
)
_DISTINCT_STACKS = 20_000  # what comes later is lumped together, so memory stays bounded
_CACHED_CODES = 50_000
_DEPTH = 2_000  # frames looked at per sample
_SLACK_NS = 60_000  # a handler later than this waited for native code (seen without: up to 40 us)
_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; the socket module has no name for it
_ALONE = 0.9  # share of the CPU time from which on the main thread counts as the only one running
_TICK_CLOCK = 6  # CLOCK_MONOTONIC_COARSE of Linux, whose resolution is the kernel's tick
_ENTRY = opmap.get("RESUME", -1)  # 3.11+; where a function starts and a generator goes on
_STARTERS = ("_start_new_thread", "_start_joinable_thread")  # how threading starts a thread


class Stamps:
    """When signals reached the process, in wall-clock nanoseconds as the kernel took them."""

    def __init__(self) -> None:
        self._near, self._far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._near.setblocking(False)
        self._far.setblocking(False)
        self._far.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._receive = self._far.recvmsg
        self._before = signal.set_wakeup_fd(self._near.fileno(), warn_on_full_buffer=False)
        if self._before != -1:  # the target's: an event loop needs it more than we do
            signal.set_wakeup_fd(self._before)

    def drain(self) -> list[int]:
        """Return the times of the signals since the last drain, oldest first (ten at most)."""
        times = []
        with contextlib.suppress(BlockingIOError):
            while True:
                byte, stamps, _, _ = self._receive(1, 64)
                if byte[0] == signal.SIGPROF and stamps and len(stamps[0][2]) == 16:
                    seconds, nanoseconds = struct.unpack("qq", stamps[0][2])
                    times.append(seconds * 1_000_000_000 + nanoseconds)
        return times

    def close(self) -> None:
        """Give the sockets and the wake-up descriptor back, unless the target took the latter."""
        if self._before == -1 and (now := signal.set_wakeup_fd(-1)) != self._near.fileno():
            signal.set_wakeup_fd(now)
        self._near.close()
        self._far.close()


class OwnFrames:
    """Which frames are functions of the tree; remembered per code object."""

    def __init__(self, tree: str) -> None:
        self._tree = os.path.realpath(tree) + os.sep
        self._here = os.getcwd()
        self._realpath = os.path.realpath  # bound: fake file systems replace the names in modules
        # By identity: code objects of different files compare equal when their code is.
        self._keys: dict[int, tuple[CodeType, Key | None]] = {}

    def stack(self, leaf: FrameType) -> Own:
        """Return the own functions, outermost first, and whether the leaf is one of them."""
        keys = [self._key(frame.f_code) for frame in islice(_outwards(leaf), _DEPTH)]
        own = dict.fromkeys(key for key in keys if key is not None)
        return tuple(reversed(own)), bool(keys) and keys[0] is not None

    def above(self, stack: Own, callees: Sequence[CodeType]) -> Own:
        """Return that stack with ``callees`` on top, outermost first."""
        if not callees:
            return stack
        keys = [self._key(code) for code in callees]
        own = dict.fromkeys(key for key in keys if key is not None)
        return (*(key for key in stack[0] if key not in own), *own), keys[-1] is not None

    def _key(self, code: CodeType) -> Key | None:
        known = self._keys.get(id(code))
        if known is None:
            if len(self._keys) >= _CACHED_CODES:
                self._keys.clear()
            path = self._relative(code.co_filename)
            key = None if path is None else (path, code.co_firstlineno, code.co_name)
            known = self._keys[id(code)] = (code, key)
        return known[1]

    def _relative(self, file: str) -> str | None:
        if file.startswith("<"):
            return None
        real = self._realpath(os.path.join(self._here, file))
        if not real.startswith(self._tree):
            return None
        parts = real[len(self._tree) :].split(os.sep)
        return None if _NOT_OWN.intersection(parts) else "/".join(parts)


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _sampled(frame: FrameType) -> tuple[FrameType, bool]:
    """Return the frame that was running before the safe point at which ``frame`` stands.

    And whether that safe point is the entry of a function which it calls.
    """
    at = frame.f_lasti
    entering = at < 0 or frame.f_code.co_code[at] == _ENTRY
    return (frame.f_back, True) if entering and frame.f_back is not None else (frame, False)


class ThreadClocks:
    """CPU time of the threads beside the main one, by their own clocks."""

    def __init__(self) -> None:
        self._main = threading.get_ident()
        self._frames = sys._current_frames
        self._clock_of = getattr(time, "pthread_getcpuclockid", None)
        self._read_ns = time.clock_gettime_ns
        self._marks: dict[int, int] = {}

    def spent(self) -> list[tuple[int, FrameType]]:
        """Return what each thread spent since the last call, in nanoseconds, with its frame."""
        if self._clock_of is None:
            return []
        # A thread that has a frame is alive while we hold the interpreter lock, as its clock needs.
        now = {
            ident: (self._read_ns(self._clock_of(ident)), frame)
            for ident, frame in self._frames().items()
            if ident != self._main
        }
        spent = [(ns - self._marks.get(ident, 0), frame) for ident, (ns, frame) in now.items()]
        self._marks = {ident: ns for ident, (ns, _) in now.items()}
        return [(ns, frame) for ns, frame in spent if ns > 0]


class ThreadMasks:
    """Makes new threads leave SIGPROF to the main thread, where Python's handlers run.

    The kernel sends SIGPROF to the running thread, which would not wake a main thread that waits
    for its workers. A new thread inherits its creator's signal mask.
    """

    def __init__(self) -> None:
        self._originals = {
            name: vars(threading)[name] for name in _STARTERS if name in vars(threading)
        }
        self._ours = {name: _masked(start) for name, start in self._originals.items()}
        for name, start in self._ours.items():
            setattr(threading, name, start)

    def close(self) -> None:
        """Undo it, except where somebody else has replaced ours meanwhile."""
        for name, start in self._originals.items():
            if vars(threading)[name] is self._ours[name]:
                setattr(threading, name, start)


def _masked(start: Callable[..., object]) -> Callable[..., object]:
    def start_without_sigprof(*args: object, **options: object) -> object:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPROF})
        try:
            return start(*args, **options)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    return start_without_sigprof


def _whole_sample(frame: FrameType, entering: bool) -> list[tuple[tuple[CodeType, ...], int]]:
    return [((), 1)]


class Sampler:
    """Samples this process between ``start`` and ``stop``; call it from the main thread.

    ``tree`` is the folder of the project. CPU time between ``pause`` and ``resume`` is left out;
    the timer keeps running then, so that many short stretches are sampled as fairly as a long one.
    ``split_at`` divides a sample between a frame and callees without safe points: see
    ``safe_points.SafePoints.split``. Never raises: where sampling is impossible, ``report()["reason"]`` says why.
    """

    def __init__(
        self, tree: str, interval_s: float = 0.002, split_at: SplitAt = _whole_sample
    ) -> None:
        self._interval_s = interval_s
        self._split_at = split_at
        self._own = OwnFrames(tree)
        self._handler = self._on_signal  # one object, to be recognized later
        # Clocks are bound once: libraries that freeze time replace the names in modules.
        self._wall_ns, self._process_ns = time.time_ns, time.process_time_ns
        self._main_ns, self._threads = time.thread_time_ns, sys.modules["_thread"]._count
        self._reason: str | None = None
        self._disturbed = self._running = self._sampling = self._busy = False
        self._before: Handler = signal.SIG_DFL
        self._ticks_s = 0.0
        self._stamps: Stamps | None = None
        self._slack_ns, self._delay_ns = _SLACK_NS, 0
        self._process_mark_ns = self._main_mark_ns = 0
        self._owed_ns = self._owed_to_main_ns = 0  # sampled CPU time that no stack has got yet
        self._stacks: dict[Own, list[int]] = {}

    def start(self) -> None:
        """Begin to sample."""
        if self._running:
            return
        self._reason = _why_impossible()
        if self._reason is None:
            self._before = signal.signal(signal.SIGPROF, self._handler) or signal.SIG_DFL
            self._running = True
            with contextlib.suppress(OSError, ValueError):  # see the module's docstring
                self._stamps = Stamps()
            self._masks, self._clocks = ThreadMasks(), ThreadClocks()
            self._calibrate()
            signal.setitimer(signal.ITIMER_PROF, self._interval_s, self._interval_s)
            self._ticks_s = signal.getitimer(signal.ITIMER_PROF)[1]  # as the kernel rounds it
            self.resume()

    def stop(self) -> None:
        """End sampling and give the signal back."""
        if not self._running:
            return
        self.pause()
        if self._ticks_as_set():
            signal.setitimer(signal.ITIMER_PROF, 0)
        if signal.getsignal(signal.SIGPROF) is self._handler:
            # A last signal may be on its way; SIG_DFL would end the process.
            ignoring = self._before == signal.SIG_DFL
            signal.signal(signal.SIGPROF, signal.SIG_IGN if ignoring else self._before)
        if self._stamps is not None:
            self._stamps.close()
        self._masks.close()
        self._stamps, self._running = None, False

    def pause(self) -> None:
        """Leave out what runs from now on."""
        if self._running and self._sampling:
            self._advance()
            self._sampling = False
            handled = signal.getsignal(signal.SIGPROF) is self._handler
            self._disturbed = self._disturbed or not (handled and self._ticks_as_set())

    def resume(self) -> None:
        """Count again what runs from now on."""
        if self._running and not self._sampling:
            self._clocks.spent()
            self._advance()
            self._sampling = True

    def report(self) -> Report:
        """Return what was sampled so far, as plain JSON, costliest stack first."""
        stacks = sorted(self._stacks.items(), key=lambda item: -item[1][0] - item[1][1])
        return {
            "interval_s": self._interval_s,
            "samples": sum(spent[2] for _, spent in stacks),
            "cpu_s": sum(spent[0] + spent[1] for _, spent in stacks) / 1e9,
            "disturbed": self._disturbed,
            "reason": self._reason,
            "stacks": [
                {
                    "frames": [list(key) for key in frames],
                    "leaf_is_own": leaf_is_own,
                    "python_s": spent[0] / 1e9,
                    "native_s": spent[1] / 1e9,
                    "samples": spent[2],
                }
                for (frames, leaf_is_own), spent in stacks
            ],
        }

    def _calibrate(self) -> None:
        """Learn how soon after a signal the handler can run here."""
        delays = []
        for _ in range(5):
            signal.raise_signal(signal.SIGPROF)
            delays.append(self._delay_ns)
        self._slack_ns = _SLACK_NS + min(delays)

    def _ticks_as_set(self) -> bool:
        return signal.getitimer(signal.ITIMER_PROF)[1] == self._ticks_s

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if self._busy or frame is None:
            return
        self._busy = True
        try:
            self._take(frame)
        except (RecursionError, OSError):  # the target stands at the limit or closed our socket:
            pass  # this sample's time goes to the next one
        finally:
            self._busy = False

    def _take(self, frame: FrameType) -> None:
        """Credit the CPU time since the last sample."""
        now_ns = self._wall_ns()
        stamps = self._stamps.drain() if self._stamps is not None else []
        self._advance()
        self._delay_ns = now_ns - stamps[0] if stamps else 0
        if self._sampling:
            # Time after the last signal belongs to the next one.
            rest_ns = max(now_ns - stamps[-1], 0) if 0 < len(stamps) < 10 else 0
            rest_ns = min(rest_ns, self._owed_ns, int(self._interval_s * 1e9))
            left_ns = self._share_out(frame, self._owed_ns - rest_ns, signals=len(stamps))
            self._owed_to_main_ns = min(rest_ns, self._owed_to_main_ns)
            self._owed_ns = rest_ns + left_ns
        self._mark()  # what the handler itself cost is nobody's

    def _share_out(self, frame: FrameType, spent_ns: int, signals: int) -> int:
        """Credit a sample to the threads that ran; return what is left for the next one."""
        others = self._clocks.spent() if self._threads() else []
        if self._owed_to_main_ns >= _ALONE * self._owed_ns:
            self._split(frame, spent_ns, self._python_part(spent_ns, signals))
            return 0
        main_ns = spent_ns * self._owed_to_main_ns // self._owed_ns
        self._credit(self._own.stack(_sampled(frame)[0]), main_ns, 0)
        to_others = sum(ns for ns, _ in others)
        if not to_others:  # who ran has ended; the next sample will find one of its kind
            return spent_ns - main_ns
        for ns, leaf in others:
            self._credit(self._own.stack(leaf), (spent_ns - main_ns) * ns // to_others, 0)
        return 0

    def _split(self, frame: FrameType, spent_ns: int, python_ns: int) -> None:
        """Credit a sample of the main thread to the sampled frame and its callees."""
        leaf, entering = _sampled(frame)
        stack = self._own.stack(leaf)  # first: splitting may begin to time calls, ours too
        parts = self._split_at(leaf, entering)
        whole = sum([weight for _, weight in parts])
        for callees, weight in parts:
            key = self._own.above(stack, callees)
            self._credit(key, python_ns * weight // whole, (spent_ns - python_ns) * weight // whole)

    def _python_part(self, spent_ns: int, signals: int) -> int:
        """Return how much of a sample is Python; the rest is native (see the module)."""
        if signals:
            believable = self._delay_ns <= self._owed_ns + 1_000_000  # else it did not run at all
            late = signals > 1 or (believable and self._delay_ns > self._slack_ns)
            return 0 if late else spent_ns
        return min(spent_ns, 2 * _effective_ns(self._interval_s))

    def _credit(self, key: Own, python_ns: int, native_ns: int) -> None:
        if python_ns <= 0 and native_ns <= 0:
            return
        if key not in self._stacks and len(self._stacks) >= _DISTINCT_STACKS:
            key = ((), False)
        spent = self._stacks.setdefault(key, [0, 0, 0])
        spent[0] += python_ns
        spent[1] += native_ns
        spent[2] += 1

    def _advance(self) -> None:
        process_ns, main_ns = self._process_mark_ns, self._main_mark_ns
        self._mark()
        if self._sampling:
            self._owed_ns += self._process_mark_ns - process_ns
            self._owed_to_main_ns += self._main_mark_ns - main_ns

    def _mark(self) -> None:
        self._process_mark_ns, self._main_mark_ns = self._process_ns(), self._main_ns()


def _effective_ns(interval_s: float) -> int:
    """Return the interval that the kernel keeps: its tick (1 to 10 ms) where that is longer."""
    with contextlib.suppress(OSError):
        interval_s = max(interval_s, time.clock_getres(_TICK_CLOCK))
    return int(interval_s * 1e9)


def _why_impossible() -> str | None:
    """Say why this process cannot be sampled; None if it can."""
    if not hasattr(signal, "setitimer"):
        return "this platform has no profiling timer"
    if threading.current_thread() is not threading.main_thread():
        return "signals can be handled in the main thread only"
    if signal.getitimer(signal.ITIMER_PROF)[0] > 0:
        return "the program uses the profiling timer itself"
    if signal.getsignal(signal.SIGPROF) not in (signal.SIG_DFL, signal.SIG_IGN):
        return "the program handles SIGPROF itself"
    return None
