"""Cheap answers are taken where they will likely do; a larger model is asked where they will not."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_proposing import FAST, FILE, WORSE, Scripted, authors, subject

from perfbot.optimizer.diagnosis import Stage
from perfbot.optimizer.diagnosis import refused as refused_by
from perfbot.optimizer.models import Finish, Reply, Usage
from perfbot.optimizer.plan import Subject
from perfbot.optimizer.proposing import EMBEDDED, Proposal, Tried
from perfbot.optimizer.protocol import render
from perfbot.optimizer.routing import (
    EarlierVersion,
    Evidence,
    Outcome,
    Rule,
    Switching,
    Verdicts,
    Watched,
    outcomes,
)

WRONG = refused_by("wrong", Stage.REPLAY)


@dataclass
class Fixed:
    """Proposes versions with these confidences; remembers for what text it was asked."""

    confidences: list[float | None]
    optimizer: str
    planner: str = EMBEDDED
    asked: list[str] = field(default_factory=list)

    def proposals(
        self, subject: Subject, text: str, dropped: Sequence[Tried]
    ) -> Iterator[Proposal]:
        self.asked.append(text)
        for number, confidence in enumerate(self.confidences):
            yield Proposal((), f"{text}# {self.optimizer} {number}\n", confidence)


def search(
    switching: Switching,
    refused: Sequence[str] = (),
    text: str = FILE,
    judged: Sequence[Tried] = (),
) -> list[str]:
    """Do what the search does, the catalogue first; ``refused`` are those whose versions are dropped.

    ``judged`` are versions that the judge refused after an earlier search.
    """
    dropped: list[Tried] = list(judged)
    by: list[str] = []
    for proposer in (switching.catalogue, switching):
        for _ in proposer.proposals(subject(), text, dropped):
            by.append(proposer.optimizer)
            if proposer.optimizer in refused:
                dropped.append(Tried((), WRONG, proposer.optimizer))
    return by


def switching(
    small: Fixed, larger: Fixed, *, share: float = 0.1, found: int = 0, **more
) -> Switching:
    catalogue = Watched(Fixed([None] * found, EMBEDDED))
    return Switching([Watched(small)], larger, catalogue, share, **more)


def test_a_small_model_that_is_sure_and_right_is_enough() -> None:
    larger = Fixed([None], "large")
    by = switching(Fixed([0.9], "small"), larger)
    assert search(by) == ["small"]
    assert larger.asked == []
    assert by.decisions[0].sentence == (
        "did not ask large: small was 85% sure, and 54% are enough "
        "(mean token probability 90%, 1 of its versions stand)"
    )


def test_a_small_model_that_was_refused_is_not() -> None:
    by = switching(Fixed([0.9], "small"), Fixed([None], "large"))
    assert search(by, refused=["small"]) == ["small", "large"]
    assert by.decisions[0].sentence == (
        "asked large: small was 35% sure, below 54% (mean token probability 90%, 1 refused)"
    )


def test_where_the_catalogue_has_a_version_no_model_is_asked() -> None:
    small, larger = Fixed([0.9], "small"), Fixed([None], "large")
    by = switching(small, larger, found=1)
    assert search(by) == [EMBEDDED]
    assert (small.asked, larger.asked) == ([], [])


def test_a_version_of_the_catalogue_that_was_dropped_does_not_count() -> None:
    by = switching(Fixed([], "small"), Fixed([None], "large"), found=1)
    assert search(by, refused=[EMBEDDED]) == [EMBEDDED, "large"]


def test_a_larger_share_of_the_time_is_worth_a_larger_model() -> None:
    asked = [
        "large" in search(switching(Fixed([0.7], "small"), Fixed([None], "large"), share=share))
        for share in (0.0, 0.3, 0.6, 0.9)
    ]
    assert asked == sorted(asked)
    assert (asked[0], asked[-1]) == (False, True)


def test_verdicts_of_before_count() -> None:
    for past, expected in ((Verdicts(9, 10), False), (Verdicts(0, 10), True)):
        by = switching(Fixed([0.5], "small"), Fixed([None], "large"), share=0.6, past=past)
        assert ("large" in search(by)) is expected
        assert f"{past.right} of 10 such cases went well before" in by.decisions[0].sentence


def test_the_larger_model_is_asked_once_about_a_function() -> None:
    larger = Fixed([None], "large")
    by = switching(Fixed([None], "small"), larger, share=0.9)
    assert search(by, refused=["small"]) == ["small", "large"]
    assert search(by, refused=["small"], text=FILE + "# better\n") == ["small"]
    assert larger.asked == [FILE]


def test_a_version_that_the_judge_refused_does_not_stand_any_more() -> None:
    larger = Fixed([None], "large")
    by = switching(Fixed([0.9], "small"), larger)
    assert search(by) == ["small"]
    judged = [Tried((), refused_by("not faster", Stage.JUDGE), f"{EMBEDDED} + small")]
    assert search(by, judged=judged, refused=["small"]) == ["small", "large"]
    assert "2 refused" in by.decisions[-1].sentence


def test_without_a_smaller_model_the_catalogue_alone_is_weighed() -> None:
    by = Switching([], Fixed([None], "large"), Watched(Fixed([], EMBEDDED)), 0.2)
    assert search(by) == ["large"]
    assert by.decisions[0].sentence == (
        "asked large: embedded was 50% sure, below 58% (nothing is known yet)"
    )


def test_each_version_is_its_authors() -> None:
    by = switching(Fixed([0.2], "small"), Fixed([None], "large", "planner"), share=1.0)
    proposals = by.proposals(subject(), FILE, [])
    next(proposals)
    assert (by.optimizer, by.planner) == ("small", EMBEDDED)
    next(proposals)
    assert (by.optimizer, by.planner) == ("large", "planner")


def test_replies_with_token_probabilities_make_confident_versions() -> None:
    class Probable(Scripted):
        def ask(self, messages, sampling):
            assert sampling.logprobs
            reply = super().ask(messages, sampling)
            return Reply(reply.text, Finish.STOP, Usage(), 0.1, (math.log(0.5), math.log(0.08)))

    larger = Fixed([None], "large")
    small = authors(Probable([render(WORSE), render(FAST)], name="small"))
    by = Switching([Watched(small)], larger, Watched(Fixed([], EMBEDDED)), 0.5)
    assert search(by) == ["small", "large"]
    assert "69.8% sure, below 70.0% (mean token probability 29%" in by.decisions[0].sentence
    assert Reply("", Finish.STOP, Usage(), 0.1).confidence is None


EVIDENCE = st.builds(
    Evidence,
    st.none() | st.floats(0, 1),
    st.integers(0, 5),
    st.integers(0, 5),
    st.booleans(),
    st.integers(0, 20).map(lambda count: Verdicts(count // 2, count)),
)


@given(EVIDENCE, st.floats(0, 1), st.floats(0, 1))
def test_the_computed_rule_is_a_probability_and_never_falls_by_good_news(
    evidence: Evidence, share: float, other: float
) -> None:
    rule = Rule()
    assert 0 <= rule.sure(evidence) <= 1
    assert rule.needed(min(share, other)) <= rule.needed(max(share, other))
    worse = Evidence(evidence.confidence, evidence.standing, evidence.refused + 1)
    same = Evidence(evidence.confidence, evidence.standing, evidence.refused)
    stands = Evidence(
        evidence.confidence, evidence.standing, evidence.refused, catalogue_stands=True
    )
    assert rule.sure(worse) <= rule.sure(same) <= rule.sure(stands)


def cases(count: int) -> list[Outcome]:
    """Cases of a model whose confidence says nothing, while the catalogue's word says much."""
    draw = random.Random(5)
    found = []
    for _ in range(count):
        catalogue = draw.random() < 0.5
        evidence = Evidence(draw.random(), 1, 0, catalogue)
        found.append(Outcome(evidence, draw.random() < (0.9 if catalogue else 0.2)))
    return found


def test_a_rule_learns_what_counts_from_enough_outcomes() -> None:
    rule = Rule(cases(400))
    low, high = Evidence(0.1, 1, 0, True), Evidence(0.9, 1, 0, False)
    assert rule.sure(low) == pytest.approx(0.9, abs=0.1)
    assert rule.sure(high) == pytest.approx(0.2, abs=0.1)
    assert "by 400 earlier cases" in rule.because(low)


def test_few_outcomes_and_outcomes_of_one_kind_teach_nothing() -> None:
    computed = Rule()
    for known in (cases(49), [Outcome(Evidence(0.9), True)] * 200):
        rule = Rule(known)
        assert rule.learned_from == 0
        assert rule.sure(Evidence(0.3, 1)) == computed.sure(Evidence(0.3, 1))


def test_a_rule_is_the_same_each_time_it_is_learned() -> None:
    assert Rule(cases(60)).sure(Evidence(0.4)) == Rule(cases(60)).sure(Evidence(0.4))


def test_earlier_attempts_become_outcomes_with_what_was_known_before_them() -> None:
    right = [EarlierVersion("small", 0.8, stands=True, accepted=True)]
    wrong = [
        EarlierVersion(EMBEDDED, None, stands=True, accepted=False),
        EarlierVersion("small", 0.6, stands=False, accepted=None),
        EarlierVersion("large", 0.9, stands=True, accepted=True),
    ]
    first, second = outcomes([right, wrong], {"small"})
    assert first == Outcome(Evidence(0.8, 1, 0), went_well=True)
    assert second == Outcome(Evidence(0.6, 0, 1, True, Verdicts(1, 1)), went_well=False)


def test_what_nobody_judged_teaches_nothing() -> None:
    unknown = [
        EarlierVersion("small", 0.6, stands=True, accepted=None),
        EarlierVersion("large", 0.9, stands=True, accepted=True),
    ]
    alone = [EarlierVersion("large", 0.9, stands=True, accepted=True)]
    assert list(outcomes([unknown, alone, []], {"small"})) == []
