"""Models are asked within the budget, one or several at once, and every question is told."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from perfbot.optimizer.endpoint import Endpoint, Price
from perfbot.optimizer.journal import Call, Decision, Purpose, Trial
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
from perfbot.optimizer.prompting import Conversation
from perfbot.optimizer.spending import (
    GIVEN_UP,
    OUT_OF_MONEY,
    OUT_OF_TIME,
    OUT_OF_TOKENS,
    Question,
    Spending,
)
from perfbot.profiling.functions import FunctionName


@dataclass
class Counting:
    """A model that answers with its seed, or fails on some of them, and costs."""

    usd: float = 0.0
    fails_on: tuple[int, ...] = ()
    together: int = 1  # questions that must be in flight at once before any is answered
    name: str = "counting"
    asked: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._gate = threading.Barrier(self.together)

    def ask(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        self._gate.wait(20)
        self.asked.append(sampling.seed)
        if sampling.seed in self.fails_on:
            raise ModelError(f"no reply to {sampling.seed}")
        return Reply(str(sampling.seed), Finish.STOP, Usage(100, 50, self.usd), 0.1)


@dataclass
class Told:
    calls: list[Call] = field(default_factory=list)

    def asked(self, call: Call) -> None:
        self.calls.append(call)

    def tried(self, trial: Trial) -> None:
        raise AssertionError

    def decided(self, decision: Decision) -> None:
        raise AssertionError


def question(seed: int = 0) -> Question:
    asked = Conversation((Message(Role.USER, "Faster?"),), ("function@1",))
    return Question(FunctionName("m.py", "f"), Purpose.WRITE, asked, Sampling(seed=seed))


def test_questions_carry_the_priority_of_their_run() -> None:
    journal = Told()
    Spending(1.0, journal, priority=Priority.SCAN).ask(Counting(), question())
    Spending(1.0, journal).ask(Counting(), question())
    assert [each.sampling.priority for each in journal.calls] == [Priority.SCAN, Priority.PERSON]


def test_several_questions_are_in_flight_at_once_and_told_in_order() -> None:
    journal = Told()
    replies = Spending(1.0, journal).ask_all(Counting(together=4), [question(n) for n in range(4)])
    assert [each.text for each in replies if isinstance(each, Reply)] == ["0", "1", "2", "3"]
    assert [each.sampling.seed for each in journal.calls] == [0, 1, 2, 3]


def test_of_several_questions_one_may_fail() -> None:
    spending = Spending(1.0, journal := Told())
    replies = spending.ask_all(Counting(fails_on=(1,)), [question(0), question(1)])
    assert [type(each) for each in replies] == [Reply, ModelError]
    assert [each.error for each in journal.calls] == ["", "no reply to 1"]
    assert spending.failures == ["no reply to 1"]


@pytest.mark.parametrize(
    ("spending", "asked", "why"),
    [
        (Spending(0.10), 2, OUT_OF_MONEY.format(usd=0.10)),
        (Spending(9.0, limit_tokens=300), 2, OUT_OF_TOKENS.format(tokens=300)),
        (Spending(9.0, limit_tokens=0), 0, OUT_OF_TOKENS.format(tokens=0)),
        (Spending(9.0, deadline_s=0.0), 0, OUT_OF_TIME),
    ],
)
def test_where_the_budget_ends_nothing_more_is_asked(
    spending: Spending, asked: int, why: str
) -> None:
    model = Counting(usd=0.06)
    for _ in range(asked):
        spending.ask(model, question())
    with pytest.raises(ModelError, match=why.replace(".", r"\.")):
        spending.ask(model, question())
    assert len(model.asked) == asked


def test_the_end_of_the_budget_is_said_once_and_that_of_time_not_here() -> None:
    spending = Spending(9.0, limit_tokens=0)
    for _ in range(2):
        with pytest.raises(ModelError):
            spending.ask(Counting(), question())
    assert spending.failures == [OUT_OF_TOKENS.format(tokens=0)]
    late = Spending(9.0, deadline_s=time.monotonic() - 1)
    with pytest.raises(ModelError):
        late.ask(Counting(), question())
    assert late.failures == []


def test_without_money_a_model_that_costs_some_is_not_asked_at_all() -> None:
    paid = Endpoint("http://127.0.0.1:9/v1", "paid", price=Price(1.0, 1.0))
    spending = Spending(0.0, journal := Told())
    with pytest.raises(ModelError, match=r"budget of 0\.00"):
        spending.ask(paid, question())
    assert journal.calls == []
    assert spending.ask(Counting(), question()).text == "0"  # one without a price is


def test_a_model_that_failed_twice_in_a_row_is_given_up() -> None:
    model, spending = Counting(fails_on=(1,)), Spending(1.0)
    for seed in (1, 0, 1, 1):
        spending.ask_all(model, [question(seed)])
    assert spending.ask_all(model, [question(0)])[0].args == (
        GIVEN_UP.format(name="counting", count=2),
    )
    assert model.asked == [1, 0, 1, 1]
    assert spending.ask(Counting(name="another"), question()).text == "0"


def test_what_is_spent_is_shown_while_it_runs() -> None:
    shown: list[tuple[Usage, float, int | None]] = []
    spending = Spending(1.0, limit_tokens=1000, on_spent=lambda *all_: shown.append(all_))
    spending.ask(Counting(usd=0.25), question())
    spending.ask(Counting(usd=0.25), question())
    assert shown == [(Usage(100, 50, 0.25), 1.0, 1000), (Usage(200, 100, 0.5), 1.0, 1000)]
