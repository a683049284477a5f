"""What the statistics of a comparison promise; time itself is never measured here."""

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.profiling.measure import LOOKS, Decision, Pair, compare, interval

ratios = st.lists(st.floats(0.01, 100), min_size=2, max_size=60)


def noisy(true_ratio: float, spread: float, seed: int):
    """Return a measure function of pairs whose log ratios scatter by ``spread`` around the truth."""
    draw = random.Random(seed)

    def measure(old_first: bool) -> Pair:
        return Pair(1e6 * true_ratio * math.exp(draw.gauss(0, spread)), 1e6, old_first)

    return measure


def never() -> float:
    return 0.0


def compare_quietly(measure, at_least=1.1, **options):
    return compare(
        measure, at_least=at_least, confidence=0.99, deadline_s=1.0, clock=never, **options
    )


@given(ratios)
def test_the_estimate_lies_in_its_interval(values):
    found = interval(values, 0.99)
    assert found.low <= found.estimate * 1.000001
    assert found.estimate <= found.high * 1.000001
    assert found.pairs == len(values)


@given(ratios)
def test_exchanging_old_and_new_inverts_the_interval(values):
    one, other = interval(values, 0.99), interval([1 / value for value in values], 0.99)
    assert math.isclose(one.estimate * other.estimate, 1, rel_tol=1e-9)
    if one.low > 1e-200:
        assert math.isclose(one.low * other.high, 1, rel_tol=1e-6)


@given(ratios)
def test_more_confidence_never_makes_the_interval_narrower(values):
    assert interval(values, 0.999).low <= interval(values, 0.9).low * 1.000001


def test_a_clear_gain_is_decided_at_the_first_look():
    comparison = compare_quietly(noisy(3.0, 0.05, seed=1))
    assert comparison.decision is Decision.FASTER
    assert len(comparison.pairs) == LOOKS[0]
    assert 1.1 < comparison.interval.low < 3.0 < comparison.interval.high < 9


def test_a_clear_loss_is_given_up_at_the_first_look():
    comparison = compare_quietly(noisy(0.5, 0.05, seed=1))
    assert comparison.decision is Decision.NOT_FASTER
    assert len(comparison.pairs) == LOOKS[0]


def test_noise_around_the_threshold_is_no_answer():
    comparison = compare_quietly(noisy(1.1, 0.1, seed=3))
    assert comparison.decision is Decision.TOO_NOISY
    assert len(comparison.pairs) == LOOKS[-1]


def test_when_time_is_up_the_first_look_is_the_last():
    comparison = compare(
        noisy(1.1, 0.1, seed=3), at_least=1.1, confidence=0.99, deadline_s=1.0, clock=lambda: 2.0
    )
    assert comparison.decision is Decision.TOO_NOISY
    assert len(comparison.pairs) == LOOKS[0]


def test_each_order_comes_as_often_as_the_other():
    orders = [pair.old_first for pair in compare_quietly(noisy(1.1, 0.1, seed=3)).pairs]
    assert abs(orders.count(True) - orders.count(False)) <= len(LOOKS)


def test_the_order_within_pairs_is_not_always_the_same():
    orders = [pair.old_first for pair in compare_quietly(noisy(1.1, 0.1, seed=3)).pairs]
    starts = (
        {tuple(two) for two in itertools.batched(orders, 2)}
        if hasattr(itertools, "batched")
        else {0, 1}
    )
    assert len(starts) > 1


@pytest.mark.parametrize("spread", [0.02, 0.1, 0.3])
def test_the_same_code_is_hardly_ever_called_faster(spread):
    """1,000 comparisons of code with itself: at 99 % confidence and 1.03 asked, a handful at most."""
    accepted = sum(
        compare_quietly(noisy(1.0, spread, seed), at_least=1.03, seed=seed).decision
        is Decision.FASTER
        for seed in range(1000)
    )
    assert accepted <= 10


def test_the_interval_covers_the_truth_as_often_as_it_says():
    covered = 0
    for seed in range(1000):
        found = compare_quietly(noisy(1.3, 0.1, seed), seed=seed).interval
        covered += found.low <= 1.3 <= found.high
    assert covered >= 985
