"""perfbot's own queue of model calls: people first, scans between them, and nobody starves.

A machine, an endpoint or a purse answers only so many calls at a time. Calls share its slots through
one :class:`CallQueue`: the lowest priority number goes first, and within one number who came first.
A long scan makes one call after the other and joins the line again for each, so a person's call gets
the next slot that comes free: preemption between calls, which throws no work away.

**Ageing.** The call that has waited longest is passed over at most ``patience`` times in a row; then it
goes, whatever its priority. So of any ``patience + 1`` calls that start while others wait, one is the
oldest, and a call with ``k`` older ones before it is passed by at most ``(k + 1) * patience`` later
ones. People keep ``patience / (patience + 1)`` of the slots however long a scan's line is, which
lifting every call by its age would not grant. A lifted call tells a server that schedules by priority
to treat it as a person's.

    queue = CallQueue(slots=4)           # or MachineQueue(file, slots=4), for several processes
    model = Queued(endpoint, queue)      # is a Model; several may share the queue
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

from perfbot.optimizer.models import (
    Message,
    Model,
    ModelError,
    Priced,
    Priority,
    Reply,
    Sampling,
)

CANCELLED = "{name} was not asked: its run was ended while the question waited for its turn"
PATIENCE = 8


@dataclass(frozen=True, slots=True)
class Ticket:
    """One waiting call; ``number`` is the order of arrival."""

    priority: int
    number: int


@dataclass(frozen=True, slots=True)
class Next:
    """Whose turn it is; ``lifted``: by age, before others of a lower number."""

    ticket: Ticket
    lifted: bool


class Line:
    """The order of waiting calls, without threads or clocks; not for several threads at once.

    ``waiting`` and ``passed_over`` continue a line that was written down.
    """

    def __init__(
        self, patience: int = PATIENCE, waiting: Iterable[Ticket] = (), passed_over: int = 0
    ) -> None:
        if patience < 1:
            raise ValueError(f"patience must be at least 1, not {patience}")
        self._patience = patience
        self._waiting: dict[int, deque[Ticket]] = {}  # by priority, in order of arrival
        for ticket in waiting:
            self._waiting.setdefault(ticket.priority, deque()).append(ticket)
        self._arrived = 0
        self._passed_over = passed_over

    @property
    def passed_over(self) -> int:
        """How often in a row the oldest was passed over."""
        return self._passed_over

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def join(self, priority: int) -> Ticket:
        """Take a place in the line."""
        ticket = Ticket(priority, self._arrived)
        self._arrived += 1
        self._waiting.setdefault(priority, deque()).append(ticket)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Give up a place; nothing happens where its turn has come already."""
        waiting = self._waiting.get(ticket.priority, deque())
        if ticket in waiting:
            self._remove(ticket)

    def pop(self) -> Next | None:
        """Return whose turn it is, who then waits no longer; ``None`` when nobody waits."""
        if not self._waiting:
            return None
        first = self._waiting[min(self._waiting)][0]
        oldest = min((each[0] for each in self._waiting.values()), key=lambda each: each.number)
        chosen = oldest if self._passed_over >= self._patience else first
        self._passed_over = 0 if chosen is oldest else self._passed_over + 1
        self._remove(chosen)
        return Next(chosen, lifted=chosen is not first)

    def _remove(self, ticket: Ticket) -> None:
        waiting = self._waiting[ticket.priority]
        waiting.remove(ticket)
        if not waiting:
            del self._waiting[ticket.priority]


@dataclass(frozen=True, slots=True)
class Turn:
    """A slot that a call has; how long it waited for it, and whether its age brought it there."""

    waited_s: float
    lifted: bool


class CancelledError(Exception):
    """A call was given up while it waited."""


class Turns(Protocol):
    """Grants slots to calls: within this process, or on this machine (``machine_queue.py``)."""

    def turn(
        self, priority: int, cancelled: threading.Event | None = None
    ) -> AbstractContextManager[Turn]:
        """Wait for a slot and hold it.

        Whoever is interrupted while waiting leaves the line.

        Raises:
            CancelledError: the event was set before a slot came free; :meth:`wake` makes it seen.
        """

    def wake(self) -> None:
        """Let every waiting call of this process look whether it was cancelled."""


class CallQueue:
    """So many calls at a time, in the order of a :class:`Line`; for any number of threads.

    ``clock`` returns seconds.
    """

    def __init__(
        self,
        slots: int,
        patience: int = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if slots < 1:
            raise ValueError(f"there must be at least one slot, not {slots}")
        self._free = slots
        self._line = Line(patience)
        self._clock = clock
        self._changed = threading.Condition()
        self._admitted: dict[Ticket, Next] = {}

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        with self._changed:
            return len(self._line)

    @contextmanager
    def turn(self, priority: int, cancelled: threading.Event | None = None) -> Iterator[Turn]:
        """Wait for a slot and hold it; see :class:`Turns`."""
        came = self._clock()
        granted = self._wait(priority, cancelled or threading.Event())
        try:
            yield Turn(self._clock() - came, granted.lifted)
        finally:
            with self._changed:
                self._release()

    def wake(self) -> None:
        """Let every waiting call look whether it was cancelled; see :class:`Turns`."""
        with self._changed:
            self._changed.notify_all()

    def _wait(self, priority: int, cancelled: threading.Event) -> Next:
        with self._changed:
            if cancelled.is_set():
                raise CancelledError
            ticket = self._line.join(priority)
            try:
                self._admit()
                self._changed.wait_for(lambda: ticket in self._admitted or cancelled.is_set())
            except BaseException:
                self._give_up(ticket)
                raise
            if ticket not in self._admitted:
                self._give_up(ticket)
                raise CancelledError
            return self._admitted.pop(ticket)

    def _give_up(self, ticket: Ticket) -> None:
        self._line.leave(ticket)
        if self._admitted.pop(ticket, None) is not None:  # interrupted at the very moment
            self._release()

    def _release(self) -> None:
        self._free += 1
        self._admit()

    def _admit(self) -> None:
        while self._free and (following := self._line.pop()):
            self._free -= 1
            self._admitted[following.ticket] = following
        self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class Queued:
    """A model whose calls wait for their turn; the latency of a reply includes that."""

    model: Model
    queue: Turns
    _cancelled: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def name(self) -> str:
        """The model's own."""
        return self.model.name

    @property
    def costs_money(self) -> bool:
        """Whether the model has a price (``models.Priced``)."""
        return isinstance(self.model, Priced) and self.model.costs_money

    def ask(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """Return the reply to a conversation when it is its turn, by ``sampling.priority``.

        Raises:
            ModelError: there is none, or the question was cancelled.
        """
        try:
            with self.queue.turn(sampling.priority, self._cancelled) as turn:
                if turn.lifted:
                    sampling = replace(sampling, priority=Priority.PERSON)
                reply = self.model.ask(messages, sampling)
        except CancelledError:
            raise ModelError(CANCELLED.format(name=self.name)) from None
        return replace(reply, latency_s=reply.latency_s + turn.waited_s)

    def cancel(self) -> None:
        """Let all questions that wait leave the line, and later ones not join it."""
        self._cancelled.set()
        self.queue.wake()


@dataclass(frozen=True, slots=True)
class Asked:
    """A conversation and how its reply is drawn."""

    messages: Sequence[Message]
    sampling: Sampling


def ask_all(model: Model, questions: Sequence[Asked]) -> list[Reply | ModelError]:
    """Ask several questions at the same time; return the replies, or why there is none, in order.

    How many are really under way is the queue's business, see :class:`Queued`. An interrupt does not
    wait for replies that are still to come.
    """
    replies: dict[int, Reply | ModelError | BaseException] = {}

    def ask(number: int, question: Asked) -> None:
        try:
            replies[number] = model.ask(question.messages, question.sampling)
        except BaseException as error:
            replies[number] = error

    threads = [
        threading.Thread(target=ask, args=numbered, daemon=True)
        for numbered in enumerate(questions)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [_expected(replies[number]) for number in range(len(questions))]


def _expected(reply: Reply | ModelError | BaseException) -> Reply | ModelError:
    """Return what a model may answer; anything else is a bug, and is raised."""
    if isinstance(reply, Reply | ModelError):
        return reply
    raise reply
