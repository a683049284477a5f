"""The queue of model calls of all perfbot processes on a machine, in a file that they share.

For endpoints that do not go by priority themselves: a person's run and a nightly scan, each with its
own process, share the slots as the threads of one process do (``call_queue.py`` has the order and
ageing). Whoever holds the file's lock admits whose turn it is; everybody looks again a few times a
second. A process that has died holds no place: calls are kept with the process that they belong to.
"""

import fcntl
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

from perfbot.optimizer.call_queue import PATIENCE, CancelledError, Line, Ticket, Turn

_POLL_S = 0.05
_STARTED = 19  # of the fields after the name in /proc/PID/stat (proc_pid_stat(5))

Told = TypeVar("Told")


@dataclass(slots=True)
class _Call:
    """One call, waiting or running; ``process`` and when that began tell whether it is still there.

    ``key`` is its own for ever; ``number`` is the order of arrival.
    """

    key: str
    number: int
    priority: int
    process: int
    began: str
    running: bool = False
    lifted: bool = False


@dataclass(slots=True)
class _State:
    """What the file holds."""

    arrived: int = 0
    passed_over: int = 0
    calls: list[_Call] = field(default_factory=list)

    def join(self, key: str, priority: int) -> _Call:
        """Return this process's call of that key, which joins the line where it is not there."""
        for call in self.calls:
            if call.key == key:
                return call
        own = os.getpid()
        self.calls.append(_Call(key, self.arrived, priority, own, _began(own)))
        self.arrived += 1
        return self.calls[-1]

    def leave(self, key: str) -> None:
        self.calls = [each for each in self.calls if each.key != key]

    def settle(self, slots: int, patience: int) -> None:
        """Forget who died, and admit whose turn it is while there are slots."""
        self.calls = [each for each in self.calls if _began(each.process) == each.began]
        waiting = [each for each in self.calls if not each.running]
        tickets = [Ticket(each.priority, each.number) for each in waiting]
        line = Line(patience, tickets, self.passed_over)
        for _ in range(slots - (len(self.calls) - len(waiting))):
            following = line.pop()
            if following is None:
                break
            call = next(each for each in waiting if each.number == following.ticket.number)
            call.running, call.lifted = True, following.lifted
        self.passed_over = line.passed_over


class MachineQueue:
    """So many calls at a time on this machine, as far as they share the file; see ``Turns``.

    The file may be lost at any time: calls that run go on, and the line begins anew.
    """

    def __init__(
        self,
        file: Path,
        slots: int,
        patience: int = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if slots < 1:
            raise ValueError(f"there must be at least one slot, not {slots}")
        self._file = file
        self._slots = slots
        self._patience = patience
        self._clock = clock

    @property
    def waiting(self) -> int:
        """How many calls wait, of all processes."""
        return self._changed(lambda state: sum(not each.running for each in state.calls))

    @contextmanager
    def turn(self, priority: int, cancelled: threading.Event | None = None) -> Iterator[Turn]:
        """Wait for a slot and hold it; see ``Turns``."""
        given_up = cancelled or threading.Event()
        if given_up.is_set():
            raise CancelledError
        key = secrets.token_hex(8)
        try:
            yield self._admitted(key, priority, given_up)
        finally:
            with suppress(OSError):
                self._changed(lambda state: state.leave(key))

    def _admitted(self, key: str, priority: int, given_up: threading.Event) -> Turn:
        """Wait for the call's turn; where the file cannot be written, it is everybody's at once."""
        came = self._clock()
        try:
            while not (call := self._changed(lambda state: state.join(key, priority))).running:
                if given_up.wait(_POLL_S):
                    raise CancelledError
        except OSError:
            return Turn(self._clock() - came, lifted=False)
        return Turn(self._clock() - came, call.lifted)

    def wake(self) -> None:
        """Do nothing: every waiting call looks by itself."""

    def _changed(self, change: Callable[[_State], Told]) -> Told:
        """Change what the file holds while nobody else does; return what the change returns."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = _read(self._file)
            told = change(state)
            state.settle(self._slots, self._patience)
            part = self._file.with_suffix(".part")
            part.write_text(json.dumps(asdict(state)))
            part.replace(self._file)
        return told


def _read(file: Path) -> _State:
    """Return what a file holds; an empty state where it holds nothing of use."""
    try:
        held = json.loads(file.read_text())
        calls = [_Call(**each) for each in held.pop("calls")]
        return _State(calls=calls, **held)
    except (OSError, ValueError, TypeError, LookupError, AttributeError):
        return _State()


def _began(process: int) -> str:
    """Return when a process began, in ticks since the machine did; ``""`` where it is gone."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[_STARTED]
