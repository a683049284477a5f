"""The queue of model calls: who goes first, who is lifted, who leaves."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.optimizer.call_queue import (
    Asked,
    CallQueue,
    CancelledError,
    Line,
    Queued,
    Ticket,
    ask_all,
)
from perfbot.optimizer.models import (
    Finish,
    Message,
    ModelError,
    Priority,
    Reply,
    Role,
    Sampling,
    Usage,
)

PERSON, SCAN = Priority.PERSON, Priority.SCAN
ASKED = [Message(Role.USER, "?")]
PATIENCE = 60  # seconds until a test that waits in vain gives up


# --- the order, without threads -----------------------------------------------------------------


def order(line: Line) -> list[int]:
    """Whose turn it is until nobody waits, by the order of arrival."""
    return [turn.ticket.number for turn in iter(line.pop, None)]


def line_of(*priorities: int, patience: int = 8) -> Line:
    line = Line(patience)
    for priority in priorities:
        line.join(priority)
    return line


def test_a_person_goes_before_a_scan_that_came_first() -> None:
    assert order(line_of(SCAN, SCAN, PERSON)) == [2, 0, 1]


def test_within_a_priority_who_came_first_goes_first() -> None:
    assert order(line_of(PERSON, SCAN, PERSON, SCAN)) == [0, 2, 1, 3]


def test_nobody_waits_in_an_empty_line() -> None:
    assert Line().pop() is None


def test_who_leaves_has_no_turn() -> None:
    line = Line()
    tickets = [line.join(SCAN) for _ in range(3)]
    line.leave(tickets[0])
    line.leave(tickets[0])
    assert order(line) == [1, 2]
    line.leave(tickets[1])
    assert len(line) == 0


def test_the_oldest_goes_when_it_was_passed_over_often_enough() -> None:
    line = line_of(SCAN, SCAN, *[PERSON] * 7, patience=3)
    assert order(line) == [2, 3, 4, 0, 5, 6, 7, 1, 8]


def test_a_call_is_called_lifted_only_where_its_age_brought_it_there() -> None:
    line = line_of(SCAN, PERSON, PERSON, patience=1)
    turns = [line.pop() for _ in range(3)]
    assert [turn.lifted for turn in turns if turn] == [False, True, False]


@pytest.mark.parametrize("patience", [0, -1])
def test_patience_is_at_least_one(patience: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Line(patience)


JOIN, LEAVE, POP = "join", "leave", "pop"
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just(JOIN), st.sampled_from([0, 5, 10])),
        st.tuples(st.just(LEAVE), st.integers(0, 30)),
        st.tuples(st.just(POP), st.just(0)),
    ),
    max_size=120,
)


@dataclass
class Fate:
    """What became of a ticket: how many were older when it came, how many later ones passed it."""

    older: int
    passed_by: int = 0


def play(events: Sequence[tuple[str, int]], patience: int) -> Iterator[tuple[Ticket, Fate]]:
    """Yield every ticket whose turn came, with its fate, until the line is empty."""
    line = Line(patience)
    fates: dict[Ticket, Fate] = {}
    for event, value in (*events, *[(POP, 0)] * len(events)):
        if event == JOIN:
            fates[line.join(value)] = Fate(older=len(fates))
        elif event == LEAVE and value < len(fates):
            line.leave(left := list(fates)[value])
            del fates[left]
        elif event == POP and (turn := line.pop()):
            yield turn.ticket, fates.pop(turn.ticket)
            for ticket, fate in fates.items():
                fate.passed_by += ticket.number < turn.ticket.number
    assert len(line) == len(fates) == 0


@given(EVENTS, st.integers(1, 4))
def test_no_call_is_passed_by_more_later_ones_than_the_rule_says(
    events: list[tuple[str, int]], patience: int
) -> None:
    for _, fate in play(events, patience):
        assert fate.passed_by <= (fate.older + 1) * patience


@given(EVENTS, st.integers(1, 4))
def test_within_a_priority_nobody_passes(events: list[tuple[str, int]], patience: int) -> None:
    last: dict[int, int] = {}
    for ticket, _ in play(events, patience):
        assert last.get(ticket.priority, -1) < ticket.number
        last[ticket.priority] = ticket.number


@given(st.integers(1, 200), st.integers(1, 9))
def test_people_keep_their_share_however_long_the_line_of_a_scan_is(
    scans: int, patience: int
) -> None:
    line = line_of(*[SCAN] * scans, patience=patience)
    started = []
    for _ in range(10 * (patience + 1)):
        line.join(PERSON)
        turn = line.pop()
        assert turn
        started.append(turn.ticket.priority)
    assert started.count(SCAN) == min(scans, 10)


# --- slots and threads --------------------------------------------------------------------------


@dataclass
class Clock:
    """A clock that a test turns."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@contextmanager
def started(*threads: threading.Thread) -> Iterator[None]:
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def until_waiting(queue: CallQueue, calls: int) -> None:
    for _ in range(PATIENCE * 1000):
        if queue.waiting == calls:
            return
        threading.Event().wait(0.001)
    raise AssertionError(f"{queue.waiting} wait, not {calls}")


def test_a_scan_yields_between_its_calls_to_the_person_who_came_meanwhile() -> None:
    queue, order = CallQueue(slots=1), []

    def person() -> None:
        with queue.turn(PERSON):
            order.append("person")

    def scan() -> None:
        for number in range(3):
            with queue.turn(SCAN):
                order.append(f"scan {number}")
                if number == 0:
                    came.start()
                    until_waiting(queue, 1)

    came = threading.Thread(target=person)
    with started(threading.Thread(target=scan)):
        pass
    came.join(PATIENCE)
    assert order == ["scan 0", "person", "scan 1", "scan 2"]


def test_no_more_calls_run_than_there_are_slots() -> None:
    queue, lock = CallQueue(slots=3), threading.Lock()
    now, most = 0, 0

    def call(priority: int) -> None:
        nonlocal now, most
        for _ in range(25):
            with queue.turn(priority):
                with lock:
                    now += 1
                    most = max(most, now)
                threading.Event().wait(0.0005)
                with lock:
                    now -= 1

    with started(*(threading.Thread(target=call, args=(each,)) for each in [PERSON, SCAN] * 4)):
        pass
    assert most == 3
    assert queue.waiting == 0


def test_the_wait_is_told_by_the_clock() -> None:
    clock = Clock()
    queue = CallQueue(1, clock=clock)
    told: list[float] = []

    def second() -> None:
        with queue.turn(SCAN) as turn:
            told.append(turn.waited_s)

    thread = threading.Thread(target=second)
    with queue.turn(SCAN) as turn:
        assert turn.waited_s == 0
        thread.start()
        until_waiting(queue, 1)
        clock.now_s = 7.5
    thread.join(PATIENCE)
    assert told == [7.5]


def test_a_call_that_fails_gives_its_slot_back() -> None:
    queue = CallQueue(1)
    for _ in range(3):
        with pytest.raises(OSError, match="gone"), queue.turn(SCAN):
            raise OSError("gone")


def test_a_cancelled_call_leaves_the_line_and_the_next_one_has_its_turn() -> None:
    queue, given_up, order = CallQueue(1), threading.Event(), []

    def impatient() -> None:
        with pytest.raises(CancelledError), queue.turn(PERSON, given_up):
            pass
        order.append("left")

    def patient() -> None:
        with queue.turn(SCAN):
            order.append("had its turn")

    waiting = [threading.Thread(target=each) for each in (impatient, patient)]
    with queue.turn(PERSON):
        for thread in waiting:
            thread.start()
        until_waiting(queue, 2)
        given_up.set()
        queue.wake()
        waiting[0].join(PATIENCE)
    waiting[1].join(PATIENCE)
    assert order == ["left", "had its turn"]


def test_whoever_is_interrupted_while_waiting_leaves_the_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(self: threading.Condition, *_: object) -> bool:
        raise KeyboardInterrupt

    queue = CallQueue(1)
    with queue.turn(SCAN):
        with monkeypatch.context() as patched:
            patched.setattr(threading.Condition, "wait_for", interrupted)
            with pytest.raises(KeyboardInterrupt), queue.turn(SCAN):
                pass
        assert queue.waiting == 0
    with monkeypatch.context() as patched:  # its turn had come: the slot is not lost
        patched.setattr(threading.Condition, "wait_for", interrupted)
        with pytest.raises(KeyboardInterrupt), queue.turn(SCAN):
            pass
    with queue.turn(SCAN):
        pass


@pytest.mark.parametrize("slots", [0, -3])
def test_there_is_at_least_one_slot(slots: int) -> None:
    with pytest.raises(ValueError, match="at least one slot"):
        CallQueue(slots)


# --- a model in the queue -----------------------------------------------------------------------


@dataclass
class Scripted:
    """A model that says what it was asked, and with which priority."""

    name: str = "scripted"
    fails: bool = False
    asked: list[int] = field(default_factory=list)

    def ask(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        self.asked.append(sampling.priority)
        if self.fails:
            raise ModelError("no reply")
        return Reply(messages[-1].text, Finish.STOP, Usage(1, 1), 2.0)


def test_a_queued_model_is_a_model_of_the_same_name_and_answers() -> None:
    queued = Queued(Scripted(), CallQueue(1))
    assert queued.name == "scripted"
    assert queued.ask(ASKED, Sampling()).text == "?"


def test_the_latency_of_a_reply_includes_the_wait() -> None:
    clock = Clock()
    queue = CallQueue(1, clock=clock)
    replies: list[Reply] = []
    asking = threading.Thread(
        target=lambda: replies.append(Queued(Scripted(), queue).ask(ASKED, Sampling()))
    )
    with queue.turn(SCAN):
        asking.start()
        until_waiting(queue, 1)
        clock.now_s = 5.0
    asking.join(PATIENCE)
    assert replies[0].latency_s == 7.0


def test_a_lifted_call_is_sent_as_a_persons() -> None:
    queue, model = CallQueue(1, patience=1), Scripted()
    queued = Queued(model, queue)
    calls = [
        threading.Thread(target=queued.ask, args=(ASKED, Sampling(priority=each)))
        for each in (SCAN, PERSON, PERSON)
    ]
    with queue.turn(PERSON):
        for waiting, call in enumerate(calls, 1):
            call.start()
            until_waiting(queue, waiting)
    for call in calls:
        call.join(PATIENCE)
    assert model.asked == [PERSON, PERSON, PERSON]


def test_questions_that_wait_when_a_run_ends_are_not_asked() -> None:
    queue, model = CallQueue(1), Scripted()
    queued = Queued(model, queue)
    told: list[Reply | ModelError] = []
    question = Asked(ASKED, Sampling())
    asking = threading.Thread(target=lambda: told.extend(ask_all(queued, [question] * 3)))
    with queue.turn(PERSON):
        asking.start()
        until_waiting(queue, 3)
        queued.cancel()
        asking.join(PATIENCE)
    assert [type(each) for each in told] == [ModelError] * 3
    assert "its run was ended" in str(told[0])
    assert model.asked == []
    with pytest.raises(ModelError, match="its run was ended"):
        queued.ask(ASKED, Sampling())


def test_several_questions_are_asked_together_and_answered_in_order() -> None:
    asked = threading.Barrier(4)

    class Together(Scripted):
        def ask(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
            asked.wait(PATIENCE)  # comes together, or the test fails
            return super().ask(messages, sampling)

    questions = [Asked([Message(Role.USER, str(each))], Sampling()) for each in range(4)]
    replies = ask_all(Queued(Together(), CallQueue(4)), questions)
    assert [each.text for each in replies if isinstance(each, Reply)] == ["0", "1", "2", "3"]


def test_a_question_that_fails_takes_no_other_with_it() -> None:
    replies = ask_all(Scripted(fails=True), [Asked(ASKED, Sampling())] * 2)
    assert [str(each) for each in replies] == ["no reply", "no reply"]


def test_a_bug_of_a_backend_is_raised() -> None:
    class Broken(Scripted):
        def ask(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
            raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError, match="a bug"):
        ask_all(Broken(), [Asked(ASKED, Sampling())])
