"""How many replies a function took and which versions failed is followed while a run is kept."""

import pytest

from perfbot.optimizer.ensemble import _shares
from perfbot.optimizer.journal import Call, Decision, Purpose, Trial, Unkept
from perfbot.optimizer.models import Finish, Reply, Sampling, Usage
from perfbot.optimizer.rounds import Attempt, Rounds
from perfbot.profiling.functions import FunctionName

F, G = FunctionName("m.py", "f"), FunctionName("m.py", "g")
REPLY = Reply("x", Finish.STOP, Usage(), 0.1)


class Told(Unkept):
    """A journal that keeps the order of what it hears."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def asked(self, call: Call) -> None:
        self.heard.append(call)

    def tried(self, trial: Trial) -> None:
        self.heard.append(trial)

    def decided(self, decision: Decision) -> None:
        self.heard.append(decision)


def call(function: FunctionName, purpose: Purpose, reply: Reply | None = REPLY) -> Call:
    return Call(function, purpose, "tiny", (), (), Sampling(), reply)


def trial(function: FunctionName, by: str, why: str, last: str = "") -> Trial:
    return Trial(function, "embedded", by, (), "", why, None, last)


def test_replies_with_code_are_rounds_and_plans_queries_and_silence_are_none() -> None:
    rounds = Rounds(Unkept())
    for purpose in Purpose:
        rounds.asked(call(F, purpose))
    rounds.asked(call(F, Purpose.WRITE, None))
    rounds.asked(call(G, Purpose.WRITE))
    assert (rounds.of(F), rounds.of(G), rounds.of(FunctionName("m.py", "h"))) == (2, 1, 0)


def test_versions_that_failed_are_those_of_models() -> None:
    """A step of the catalogue on top of a model's version is no attempt of the model."""
    rounds = Rounds(Unkept())
    rounds.tried(trial(F, "tiny", "UNDEF: x"))
    rounds.tried(trial(F, "tiny", ""))
    rounds.tried(trial(F, "embedded", "it differs"))
    rounds.tried(trial(F, "tiny + embedded", "it differs", last="embedded"))
    rounds.tried(trial(F, "embedded + tiny", "it costs more", last="tiny"))
    assert rounds.failed(F) == (Attempt("tiny", "UNDEF: x"), Attempt("tiny", "it costs more"))
    assert rounds.failed(G) == ()


def test_another_journal_hears_everything_in_order() -> None:
    told = Told()
    rounds = Rounds(told)
    heard = [call(F, Purpose.PLAN), trial(F, "tiny", "no"), call(F, Purpose.REPAIR)]
    for each in heard:
        rounds.asked(each) if isinstance(each, Call) else rounds.tried(each)
    assert told.heard == heard


@pytest.mark.parametrize(
    ("candidates", "models", "shares"),
    [(8, 1, [8]), (8, 3, [3, 3, 2]), (1, 2, [1, 1]), (8, 0, [])],
)
def test_models_of_an_ensemble_share_the_candidates(
    candidates: int, models: int, shares: list[int]
) -> None:
    assert _shares(candidates, models) == shares
