"""Rewards say what the papers say, whatever came of a version."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.optimizer.verdict import Why
from perfbot.training.outcome import BRANCHES, Branch, Outcome, perfcoder, two_stage

BAD = [Branch.WRONG, Branch.CHEAT, Branch.NO_FUNCTION, Branch.NO_FORMAT]
ratios = st.floats(min_value=1e-3, max_value=1e3)


def right(ratio: float) -> Outcome:
    return Outcome(Branch.RIGHT, ratio)


@given(ratios)
def test_perfcoders_reward_is_the_square_of_a_gain_and_minus_one_for_a_loss(ratio: float) -> None:
    assert perfcoder(right(ratio)) == (ratio * ratio if ratio >= 1 else -1)


@pytest.mark.parametrize("branch", BAD)
def test_whatever_does_not_hold_earns_omega(branch: Branch) -> None:
    assert perfcoder(Outcome(branch, ratio=50.0)) == -100
    assert perfcoder(Outcome(branch), omega=7.0) == -7


@given(ratios, st.sampled_from(BAD))
def test_a_right_program_is_worth_more_than_any_wrong_one(ratio: float, branch: Branch) -> None:
    for reward in (perfcoder, two_stage):
        assert reward(right(ratio)) > reward(Outcome(branch))


def test_what_is_missing_is_told_by_different_penalties() -> None:
    penalties = [two_stage(Outcome(each)) for each in (Branch.WRONG, *BAD[2:])]
    assert penalties == sorted(penalties, reverse=True)
    assert len(set(penalties)) == 3


@given(ratios, ratios)
def test_a_cheaper_program_never_earns_less(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert two_stage(right(low)) <= two_stage(right(high))
    assert perfcoder(right(low)) <= perfcoder(right(high))


def test_each_halving_of_the_cost_is_worth_one_more() -> None:
    assert [two_stage(right(ratio)) for ratio in (1, 2, 8)] == [1, 2, 4]


def test_what_cannot_be_judged_has_no_reward() -> None:
    unknown = Outcome(Branch.UNKNOWN)
    assert perfcoder(unknown) is None
    assert two_stage(unknown) is None


def test_a_failure_counts_as_no_speedup() -> None:
    assert [Outcome(each, 9.0).speedup for each in BAD] == [1.0] * 4
    assert right(0.5).speedup == 0.5
    assert math.isclose(right(3.0).speedup, 3.0)


def test_every_refusal_of_the_judge_has_a_branch() -> None:
    """The others come from the clock, which rewards do not ask, or from limits that they do not set."""
    clock = {Why.FASTER, Why.NOT_FASTER, Why.USES_MORE_MEMORY, Why.LESS_READABLE}
    assert set(Why) - set(BRANCHES) == clock
