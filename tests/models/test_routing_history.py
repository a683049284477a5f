"""Earlier runs teach when a larger model has to be asked; what nobody knows teaches nothing."""

import math
from pathlib import Path

from perfbot.bot.config import Operator
from perfbot.bot.transcripts import identified, learned
from perfbot.optimizer.journal import Purpose
from perfbot.optimizer.models import Finish, Priority
from perfbot.optimizer.proposing import EMBEDDED
from perfbot.optimizer.recorded import (
    Certainty,
    Drawn,
    Judgement,
    Keep,
    RecordedCall,
    RecordedDecision,
    RecordedFunction,
    RecordedTrial,
    Run,
)
from perfbot.optimizer.routing import Evidence, Outcome, Rule, Verdicts
from perfbot.optimizer.routing_history import Earlier, outcomes, versions
from perfbot.optimizer.transcript import Store
from perfbot.optimizer.verdict import Why


def call(
    at_s: float, model: str, probability: float, purpose: Purpose = Purpose.WRITE
) -> RecordedCall:
    drawn = Drawn(10, 0.0, (), 0, Priority.SCAN)
    sure = Certainty(3, math.log(probability), -9.0)
    return RecordedCall(
        at_s, purpose, model, (), (), drawn, "x", Finish.STOP, 1, 1, 0.0, 1.0, sure, ""
    )


def trial(at_s: float, optimizer: str, version: str, why: str = "") -> RecordedTrial:
    return RecordedTrial(at_s, EMBEDDED, optimizer, (), version, (), "", why, None)


def decision(optimizer: str, version: str, judgement: Judgement) -> RecordedDecision:
    return RecordedDecision(
        9.0, EMBEDDED, optimizer, (), version, "", "", judgement, Why.FASTER, "", None, ()
    )


def test_a_transcript_tells_who_wrote_what_how_sure_and_what_became_of_it() -> None:
    function = RecordedFunction(
        "a.py", "f", None, "", "",
        (call(1, "small", 0.5), call(2, "small", 0.7, Purpose.PLAN), call(4, "small", 0.9)),
        (trial(0, EMBEDDED, "a"), trial(3, "small", "b", "wrong"), trial(5, f"{EMBEDDED} + small", "c")),
        (decision(f"{EMBEDDED} + small", "c", Judgement.REJECTED),),
    )  # fmt: skip
    first, second, third = versions(function)
    assert first == Earlier(frozenset({EMBEDDED}), None, stands=True, accepted=None)
    assert (second.stands, second.accepted, round(second.confidence or 0, 3)) == (False, None, 0.5)
    assert third.optimizers == {EMBEDDED, "small"}
    assert (third.stands, third.accepted, round(third.confidence or 0, 3)) == (True, False, 0.9)


SMALL, LARGE, ALONE = frozenset({"small"}), frozenset({"large"}), frozenset({EMBEDDED})


def test_earlier_versions_become_outcomes_with_what_was_known_before_them() -> None:
    right = [Earlier(SMALL, 0.8, stands=True, accepted=True)]
    wrong = [
        Earlier(ALONE, None, stands=True, accepted=False),
        Earlier(SMALL, 0.6, stands=False, accepted=None),
        Earlier(LARGE, 0.9, stands=True, accepted=True),
    ]
    first, second = outcomes([right, wrong], "large")
    assert first == Outcome(Evidence(0.8, 1, 0), went_well=True)
    assert second == Outcome(Evidence(0.6, 0, 1, True, Verdicts(1, 1)), went_well=False)


def test_what_nobody_judged_teaches_nothing() -> None:
    unknown = [
        Earlier(SMALL, 0.6, stands=True, accepted=None),
        Earlier(LARGE, 0.9, stands=True, accepted=True),
    ]
    only_large = [Earlier(LARGE | ALONE, 0.9, stands=True, accepted=True)]
    assert list(outcomes([unknown, only_large, []], "large")) == []


def test_runs_on_the_repository_are_learned_from_and_no_others(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    for name, repository in (("mine", identified(tmp_path)), ("other", "elsewhere")):
        store.begin(Run(name, repository, None, False, None, "1", Keep.LOCAL, {}, 0.0))
        for number in range(60):
            function = store.add_function(
                name, RecordedFunction("a.py", f"f{number}", None, "", "")
            )
            store.add_call(function, call(1, "small", 0.9))
            store.add_trial(function, trial(2, "small", "v", "wrong" if number % 2 else ""))
            if number % 2 == 0:
                store.add_decision(function, decision("small", "v", Judgement.ACCEPTED))
    store.close()
    rule = learned(
        identified(tmp_path), Operator(tmp_path, tmp_path, tmp_path, None, None), "large"
    )
    assert rule.learned_from == 60
    assert rule.sure(Evidence(0.9, 1, 0)) > 0.8 > 0.2 > rule.sure(Evidence(0.9, 0, 1))


def test_where_no_run_is_kept_the_rule_is_computed(tmp_path: Path) -> None:
    operator = Operator(tmp_path, tmp_path, tmp_path, None, None)
    rule = learned(identified(tmp_path), operator, "large")
    assert rule.learned_from == 0
    assert rule.sure(Evidence(0.4)) == Rule().sure(Evidence(0.4))
