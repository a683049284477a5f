"""Is B faster than A, and by how much at least?

Old and new run in fresh processes, one after the other, the order drawn anew for every two pairs;
each pair gives one ratio old/new, and the statistics are made on its logarithm. Between-process
variation dominates on real machines, so only pairs of fresh processes count as observations.

Where neither version has an advantage but its speed, the logarithm lies as probably above the true
one as below it by the same amount, whatever the noise is like. This symmetry is all that the
interval of Wilcoxon's signed ranks needs (Hodges & Lehmann, "Estimates of location based on rank
tests", Annals of Mathematical Statistics 34, 1963): it is exact for every sample, and a disturbed
pair counts for no more than any other. Below some fourteen pairs ranks cannot reach the
confidence that is asked; there it is Student's t, so that a large gain of a slow function is seen early.

The data are looked at many times while they grow; ``looks.py`` says at what cost, and why the
interval of whichever look comes last holds with the stated confidence.
"""

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

from perfbot.profiling.looks import level

# Numbers of pairs after which the data are looked at. Even: both orders as often.
LOOKS = (
    *(6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 36, 40, 48, 56, 64, 72, 80, 90, 100),
    *(112, 124, 136, 150, 164, 180, 200),
)
_PRECISE = 0.1  # half an interval, as a logarithm: a gain is told that precisely,
_ENOUGH = 10  # unless it takes more pairs than these
_HARDLY = 0.005  # with a smaller chance than this to reach the threshold, measuring is given up
_NOTHING = 1e-12  # no spread to come is this, so that it can be divided by


@dataclass(frozen=True, slots=True)
class Interval:
    """A ratio old/new (2.0: the new version takes half the time) and where it lies with ``confidence``."""

    estimate: float
    low: float
    high: float
    confidence: float
    pairs: int

    @property
    def half_width(self) -> float:
        """Half the interval's width on a logarithmic scale."""
        return (math.log(self.high) - math.log(self.low)) / 2


@dataclass(frozen=True, slots=True)
class Pair:
    """What one process of each version took, in nanoseconds for one pass over the same calls."""

    old_ns: float
    new_ns: float
    old_first: bool

    @property
    def ratio(self) -> float:
        """Old over new."""
        return self.old_ns / self.new_ns


@dataclass(frozen=True, slots=True)
class Threshold:
    """What the lower end of an interval must be above: ``asked``, or what noise alone may look like.

    ``noise`` is the interval of the unchanged code against itself. Scaled to as many pairs as a
    comparison has (its width shrinks with the square root of their number), it says up to which
    ratio the same estimate may come out where there is no gain at all. The comparison's own
    interval already holds the chance of its own pairs; this guards against what it cannot see: that
    these pairs happened to scatter less than pairs of this machine do, and that one of two copies
    of the same code is faster for reasons of its place or its turn (then the noise lies aside of
    1.0, by what does not shrink). It does not guard against a difference that comes with the change
    itself, such as another layout in memory.
    """

    asked: float
    noise: Interval | None = None

    def after(self, pairs: int) -> float:
        """Return the threshold for a comparison of so many pairs."""
        if self.noise is None:
            return self.asked
        aside = max(0.0, math.log(self.noise.low), -math.log(self.noise.high))
        half = self.noise.half_width * math.sqrt(self.noise.pairs / pairs)
        return max(self.asked, _exp(aside + half))


class Decision(StrEnum):
    """What a comparison came to."""

    FASTER = "faster"
    NOT_FASTER = "not-faster"
    TOO_NOISY = "too-noisy"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A decision, the interval at the last look and every pair that was measured."""

    decision: Decision
    interval: Interval
    pairs: tuple[Pair, ...]


def interval(ratios: Sequence[float], confidence: float) -> Interval:
    """Return where the ratio lies, from ``ratios`` of pairs, which must be positive and at least two.

    The estimate is the pseudomedian (the median of all means of two) on a log scale, or of a few
    pairs the geometric mean.
    """
    logs = [math.log(ratio) for ratio in ratios]
    beyond = _rank_sums_beyond((1 - confidence) / 2, len(logs))
    if not beyond:
        return _student(logs, confidence)
    means = sorted((one + other) / 2 for at, one in enumerate(logs) for other in logs[at:])
    middle = (means[len(means) // 2] + means[(len(means) - 1) // 2]) / 2
    low, high = means[beyond - 1], means[-beyond]
    return Interval(_exp(middle), _exp(low), _exp(high), confidence, len(logs))


def _student(logs: Sequence[float], confidence: float) -> Interval:
    """Return the t interval of the geometric mean."""
    from scipy.special import stdtrit  # late: half of perfbot's start-up time

    count = len(logs)
    mean = math.fsum(logs) / count
    variance = math.fsum((each - mean) ** 2 for each in logs) / (count - 1)
    half = float(stdtrit(count - 1, (1 + confidence) / 2)) * math.sqrt(variance / count)
    return Interval(_exp(mean), _exp(mean - half), _exp(mean + half), confidence, count)


def _exp(value: float) -> float:
    """Return e**value, kept finite: an interval of two wild pairs may be astronomically wide."""
    return math.exp(min(max(value, -700.0), 700.0))


@cache
def _rank_sums_beyond(error: float, pairs: int) -> int:
    """Return how many of the smallest sums of positive ranks together are no likelier than ``error``.

    Without a gain each rank from 1 to ``pairs`` counts with a chance of one half.
    """
    import numpy as np

    chances = np.ones(1)
    for rank in range(1, pairs + 1):
        chances = (np.pad(chances, (0, rank)) + np.pad(chances, (rank, 0))) / 2
    return int(np.searchsorted(np.cumsum(chances), error, side="right"))


def compare(
    measure: Callable[[bool], Pair],
    *,
    threshold: Threshold,
    confidence: float,
    deadline_s: float,
    looks: Sequence[int] = LOOKS,
    seed: int = 0,
    clock: Callable[[], float] = time.monotonic,
) -> Comparison:
    """Measure pairs until it is clear whether old/new is above a threshold, or the looks are used up.

    It is given up early when the threshold will hardly be reached even with all the pairs.
    ``measure(old_first)`` measures one pair. ``deadline_s`` is a time of ``clock``; when it has
    passed, the data are looked at for the last time (at the first look at the earliest).
    """
    order = random.Random(seed)  # noqa: S311 - the order of runs needs no secret
    in_the_end = level(looks, looks[-1], 1 - confidence)
    pairs: list[Pair] = []
    looked: list[int] = []
    while True:
        pairs.extend(measure(old_first) for old_first in _both_orders(order))
        late = clock() >= deadline_s and len(pairs) >= looks[0]
        if len(pairs) not in looks and not late:
            continue
        looked.append(len(pairs))
        error = level(looked, looks[-1], 1 - confidence)
        found = interval([pair.ratio for pair in pairs], 1 - error)
        decision = _decided(found, threshold, looks[-1], in_the_end)
        if late or (decision is not None and not _is_vague(found, decision)):
            stated = replace(found, confidence=confidence)
            return Comparison(decision or Decision.TOO_NOISY, stated, tuple(pairs))


def _both_orders(order: random.Random) -> tuple[bool, bool]:
    """Return two measurements in opposite order (ABBA), so that drift falls on both sides alike."""
    first = order.random() < 0.5
    return first, not first


def _decided(
    found: Interval, threshold: Threshold, planned: int, last_error: float
) -> Decision | None:
    if found.low > threshold.after(found.pairs):
        return Decision.FASTER
    if found.high < threshold.asked:
        return Decision.NOT_FASTER
    if not _is_hopeless(found, threshold, planned, last_error):
        return None
    # Why it will not be reached: for lack of a gain, or for too much noise?
    return Decision.NOT_FASTER if found.estimate < threshold.asked else Decision.TOO_NOISY


def _is_vague(found: Interval, decision: Decision) -> bool:
    """Say whether a few pairs more would tell a gain more precisely: what is claimed is the lower end."""
    vague = found.pairs < _ENOUGH and found.half_width > _PRECISE
    return decision is Decision.FASTER and vague


def _is_hopeless(found: Interval, threshold: Threshold, planned: int, last_error: float) -> bool:
    """Say whether even all the planned pairs will hardly show that the ratio is above the threshold.

    ``last_error`` is what the interval after all pairs may have. This is the predictive power of
    Spiegelhalter, Freedman & Blackburn ("Monitoring clinical trials: conditional or predictive
    power?", Controlled Clinical Trials 7, 1986): the last estimate is normal around the present
    one. Giving up is never needed for the error probability; it only saves time.
    """
    from scipy.special import ndtr, ndtri

    if found.pairs >= planned:
        return True
    errors = -float(ndtri((1 - found.confidence) / 2))  # that half the interval is wide
    spread = found.half_width * math.sqrt(found.pairs) / errors
    last_half = -float(ndtri(last_error / 2)) * spread / math.sqrt(planned)
    missing = math.log(threshold.after(planned) / found.estimate) + last_half
    to_come = spread * math.sqrt(1 / found.pairs - 1 / planned)
    return float(ndtr(-missing / max(to_come, _NOTHING))) < _HARDLY
