"""What the statistics of a comparison promise; time itself is never measured here.

Where a promise is one of chance, it is tried on many simulated comparisons with fixed seeds.
"""

import itertools
import math
import random
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from perfbot.profiling.looks import level
from perfbot.profiling.measure import (
    LOOKS,
    Comparison,
    Decision,
    Interval,
    Pair,
    Threshold,
    compare,
    interval,
)

ratios = st.lists(st.floats(0.01, 100), min_size=2, max_size=60)
many_ratios = st.lists(st.floats(0.01, 100), min_size=20, max_size=60)


# What one process's time may be off by, in units of its usual deviation.
def normal(draw: random.Random) -> float:
    return draw.gauss(0, 1)


def heavy_tailed(draw: random.Random) -> float:
    """Student's t with three degrees of freedom: now and then far off."""
    return draw.gauss(0, 1) / math.sqrt(draw.gammavariate(1.5, 2))


def preempted(draw: random.Random) -> float:
    """Mostly quiet, and in one process of ten another task takes its turn."""
    return draw.gauss(0, 0.3) + (draw.expovariate(0.3) if draw.random() < 0.1 else 0)


def in_two_modes(draw: random.Random) -> float:
    """A layout in memory that one process of five is unlucky with."""
    return draw.gauss(0, 0.2) + 2 * (draw.random() < 0.2)


NOISES = (normal, heavy_tailed, preempted, in_two_modes)
Noise = Callable[[random.Random], float]


def noisy(
    true_ratio: float, spread: float, seed: int, noise: Noise = normal
) -> Callable[[bool], Pair]:
    """Return a measure function of pairs; both processes of each are off by ``noise``."""
    draw = random.Random(seed)

    def process_ns(ns: float) -> float:
        return ns * math.exp(spread / math.sqrt(2) * noise(draw))

    return lambda old_first: Pair(process_ns(1e6 * true_ratio), process_ns(1e6), old_first)


def compare_quietly(
    measure: Callable[[bool], Pair],
    asked: float = 1.1,
    noise: Interval | None = None,
    late_s: float = 0.0,
    seed: int = 0,
) -> Comparison:
    return compare(
        measure,
        threshold=Threshold(asked, noise),
        confidence=0.99,
        deadline_s=1.0,
        clock=lambda: late_s,
        seed=seed,
    )


@given(ratios)
def test_the_estimate_lies_in_its_interval(values: list[float]) -> None:
    found = interval(values, 0.99)
    assert found.low <= found.estimate * 1.000001
    assert found.estimate <= found.high * 1.000001
    assert found.pairs == len(values)


@given(ratios)
def test_exchanging_old_and_new_inverts_the_interval(values: list[float]) -> None:
    one, other = interval(values, 0.99), interval([1 / value for value in values], 0.99)
    assert math.isclose(one.estimate * other.estimate, 1, rel_tol=1e-9)
    if one.low > 1e-200:
        assert math.isclose(one.low * other.high, 1, rel_tol=1e-6)


@given(many_ratios)
def test_more_confidence_never_makes_the_interval_narrower(values: list[float]) -> None:
    assert interval(values, 0.999).low <= interval(values, 0.9).low * 1.000001


@given(st.lists(st.integers(-300, 300).filter(bool), min_size=12, max_size=30, unique_by=abs))
def test_the_interval_holds_the_ratios_that_wilcoxons_test_does_not_reject(
    thousandths: list[int],
) -> None:
    logs = [each / 1000 for each in thousandths]
    found = interval([math.exp(each) for each in logs], 0.99)
    p = stats.wilcoxon(logs, method="exact").pvalue
    assume(abs(p - 0.01) > 1e-9)
    assert (found.low < 1 < found.high) == (p > 0.01)


@given(many_ratios, st.floats(0.001, 1000), st.integers(0, 59))
def test_one_wild_pair_among_many_hardly_moves_the_interval(
    values: list[float], wild: float, at: int
) -> None:
    disturbed = [*values[: at % len(values)], wild, *values[at % len(values) + 1 :]]
    assert min(values) * 0.999999 <= interval(disturbed, 0.99).low
    assert interval(disturbed, 0.99).high <= max(values) * 1.000001


def test_a_clear_gain_is_decided_at_the_first_look() -> None:
    comparison = compare_quietly(noisy(3.0, 0.01, seed=1))
    assert comparison.decision is Decision.FASTER
    assert len(comparison.pairs) == LOOKS[0]
    assert 1.1 < comparison.interval.low < 3.0 < comparison.interval.high < 9


def test_a_large_gain_is_told_precisely_where_a_few_pairs_more_are_enough() -> None:
    comparison = compare_quietly(noisy(30.0, 0.1, seed=1))
    assert comparison.decision is Decision.FASTER
    assert LOOKS[0] < len(comparison.pairs) <= 10


def test_a_clear_loss_is_given_up_at_the_first_look() -> None:
    comparison = compare_quietly(noisy(0.5, 0.05, seed=1))
    assert comparison.decision is Decision.NOT_FASTER
    assert len(comparison.pairs) == LOOKS[0]


def test_code_that_is_as_fast_as_before_is_given_up_early() -> None:
    found = [compare_quietly(noisy(1.0, 0.1, seed), asked=1.03) for seed in range(100)]
    counts = sorted(len(each.pairs) for each in found)
    assert counts[50] <= 36
    assert counts[90] <= 72


def test_a_gain_at_the_threshold_is_measured_to_the_end_and_is_no_answer() -> None:
    comparison = compare_quietly(noisy(1.1, 0.1, seed=3), asked=1.09)
    assert comparison.decision is Decision.TOO_NOISY
    assert len(comparison.pairs) == LOOKS[-1]


def test_when_time_is_up_the_first_look_is_the_last() -> None:
    comparison = compare_quietly(noisy(1.1, 0.1, seed=3), late_s=2.0)
    assert comparison.decision is Decision.TOO_NOISY
    assert len(comparison.pairs) == LOOKS[0]


def test_when_time_is_up_between_two_looks_the_data_are_looked_at_once_more() -> None:
    pairs = noisy(1.12, 0.1, seed=3)
    measured: list[Pair] = []

    def measure(old_first: bool) -> Pair:
        measured.append(pairs(old_first))
        return measured[-1]

    comparison = compare(
        measure,
        threshold=Threshold(1.05),
        confidence=0.99,
        deadline_s=22.0,
        clock=lambda: len(measured),
    )
    assert len(comparison.pairs) == 22 not in LOOKS
    assert comparison.decision is Decision.TOO_NOISY


def test_each_order_comes_as_often_as_the_other() -> None:
    orders = [pair.old_first for pair in compare_quietly(noisy(1.1, 0.1, seed=3), 1.09).pairs]
    assert orders.count(True) == orders.count(False)


def test_the_order_within_pairs_is_not_always_the_same() -> None:
    orders = [pair.old_first for pair in compare_quietly(noisy(1.1, 0.1, seed=3), 1.09).pairs]
    assert {*zip(orders[::2], orders[1::2], strict=True)} == {(True, False), (False, True)}


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("spread", [0.02, 0.2])
def test_the_same_code_is_hardly_ever_called_faster(noise: Noise, spread: float) -> None:
    """200 comparisons of code with itself, no noise floor to help: one of them may err."""
    accepted = sum(
        compare_quietly(noisy(1.0, spread, seed, noise), asked=1.0, seed=seed).decision
        is Decision.FASTER
        for seed in range(200)
    )
    assert accepted <= 4  # five of 200 have a chance of 0.4 % where one in 200 errs


@pytest.mark.parametrize("noise", NOISES)
def test_the_interval_covers_the_truth_as_often_as_it_says(noise: Noise) -> None:
    covered = 0
    for seed in range(300):
        found = compare_quietly(noisy(1.12, 0.1, seed, noise), asked=1.05, seed=seed).interval
        covered += found.low <= 1.12 <= found.high
    assert covered >= 300 * 0.985


@pytest.mark.parametrize("noise", NOISES)
def test_a_gain_of_a_tenth_is_seen_on_a_noisy_machine(noise: Noise) -> None:
    seen = sum(
        compare_quietly(noisy(1.1, 0.08, seed, noise), asked=1.03, seed=seed).decision
        is Decision.FASTER
        for seed in range(100)
    )
    assert seen >= 95


def test_all_looks_together_spend_the_error_and_no_more() -> None:
    """Sums of normal values cross the bounds of any look as often as they may, within chance."""
    draw, trials = random.Random(0), 20_000
    levels = [level(LOOKS[: at + 1], LOOKS[-1], 0.05) for at in range(len(LOOKS))]
    bounds = [
        -stats.norm.ppf(each / 2) * math.sqrt(look)
        for each, look in zip(levels, LOOKS, strict=True)
    ]
    steps = [math.sqrt(now - before) for before, now in itertools.pairwise((0, *LOOKS))]
    crossed = 0
    for _ in range(trials):
        total = 0.0
        for step, bound in zip(steps, bounds, strict=True):
            total += draw.gauss(0, step)
            if abs(total) > bound:
                crossed += 1
                break
    assert stats.binomtest(crossed, trials, 0.05).pvalue > 0.001


def test_a_single_look_at_the_end_is_the_usual_interval() -> None:
    assert level([100], 100, 0.01) == pytest.approx(0.01)


@given(st.integers(6, 100), st.integers(7, 100))
def test_looking_again_costs_something(first: int, last: int) -> None:
    assume(first < last)
    assert level([first, last], last, 0.01) < 0.01


NOISE = Interval(1.0, 0.95, 1 / 0.95, 0.99, 12)


def test_the_noise_of_the_machine_counts_less_the_more_pairs_there_are() -> None:
    threshold = Threshold(1.03, NOISE)
    assert threshold.after(12) == pytest.approx(NOISE.high)
    assert threshold.after(48) == pytest.approx(max(1.03, math.sqrt(NOISE.high)))
    assert threshold.after(100_000) == 1.03


def test_a_machine_that_prefers_one_of_two_copies_asks_for_more_with_any_number_of_pairs() -> None:
    for aside in (
        Interval(1.05, 1.04, 1.06, 0.99, 12),
        Interval(0.95, 1 / 1.06, 1 / 1.04, 0.99, 12),
    ):
        assert Threshold(1.03, aside).after(10**9) == pytest.approx(1.04, rel=1e-3)


def test_a_gain_below_the_noise_of_the_machine_is_too_noisy() -> None:
    wild = Interval(1.0, 1 / 50, 50.0, 0.99, 12)
    comparison = compare_quietly(noisy(1.5, 0.02, seed=1), noise=wild)
    assert comparison.decision is Decision.TOO_NOISY
    assert len(comparison.pairs) < LOOKS[-1]
