"""Is B faster than A, and by how much at least?

Old and new run in fresh processes, one after the other, the order drawn anew for each pair; each
pair gives one ratio old/new, and the statistics are made on its logarithm. Between-process
variation dominates on real machines, so only pairs of fresh processes count as observations.

The interval is Student's t on the log ratios. Looking several times at growing data would make it
too narrow, so the error probability is divided over the looks that are planned (Bonferroni; see
Wassmer & Brannath, *Group Sequential and Confirmatory Adaptive Designs in Clinical Trials*, 2016,
section 2, for sharper bounds): the interval of whichever look comes last holds with the stated
confidence.
"""

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

LOOKS = (5, 8, 12, 18, 26, 38)  # numbers of pairs after which the data are looked at


@dataclass(frozen=True, slots=True)
class Interval:
    """A ratio old/new (2.0: the new version takes half the time) and where it lies with ``confidence``."""

    estimate: float
    low: float
    high: float
    confidence: float
    pairs: int


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
    """Return the t interval of the geometric mean of ``ratios``, which must be positive and at least two."""
    logs = [math.log(ratio) for ratio in ratios]
    count = len(logs)
    mean = math.fsum(logs) / count
    variance = math.fsum((each - mean) ** 2 for each in logs) / (count - 1)
    half = _student(1 - (1 - confidence) / 2, count - 1) * math.sqrt(variance / count)
    return Interval(math.exp(mean), _exp(mean - half), _exp(mean + half), confidence, count)


def _exp(value: float) -> float:
    """Return e**value, kept finite: an interval of two wild pairs may be astronomically wide."""
    return math.exp(min(max(value, -700.0), 700.0))


def _student(probability: float, degrees: int) -> float:
    from scipy.special import stdtrit  # late: half of perfbot's start-up time

    return float(stdtrit(degrees, probability))


def compare(
    measure: Callable[[bool], Pair],
    *,
    at_least: float,
    confidence: float,
    deadline_s: float,
    looks: Sequence[int] = LOOKS,
    seed: int = 0,
    clock: Callable[[], float] = time.monotonic,
) -> Comparison:
    """Measure pairs until it is clear whether old/new is above ``at_least``, or the looks are used up.

    ``measure(old_first)`` measures one pair. ``deadline_s`` is a time of ``clock``; when it has
    passed, the next look is the last (at the first look at the earliest).
    """
    order = random.Random(seed)  # noqa: S311 - the order of runs needs no secret
    adjusted = 1 - (1 - confidence) / len(looks)
    pairs: list[Pair] = []
    for look in looks:
        while len(pairs) < look:
            pairs.extend(measure(old_first) for old_first in _both_orders(order, look - len(pairs)))
        found = interval([pair.ratio for pair in pairs], adjusted)
        decision = _decide(found, at_least)
        late = clock() >= deadline_s
        if decision is not None or late or look == looks[-1]:
            stated = Interval(found.estimate, found.low, found.high, confidence, len(pairs))
            return Comparison(decision or Decision.TOO_NOISY, stated, tuple(pairs))
    raise ValueError("no looks were planned")


def _both_orders(order: random.Random, at_most: int) -> list[bool]:
    """Return two measurements in opposite order (ABBA), so that drift falls on both sides alike."""
    first = order.random() < 0.5
    return [first, not first][:at_most]


def _decide(found: Interval, at_least: float) -> Decision | None:
    if found.low > at_least:
        return Decision.FASTER
    return Decision.NOT_FASTER if found.high < at_least else None
