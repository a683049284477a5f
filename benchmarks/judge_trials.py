"""Trials drawn from the pool, decided by perfbot's own comparison and by the rules in use elsewhere.

A trial takes a run of pairs as they were measured one after the other, so that drift stays in, and
hands them to ``perfbot.profiling.measure.compare`` as if they were measured now.
"""

import itertools
import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from judge_pool import Row

from perfbot.profiling.measure import Comparison, Decision, Pair, Threshold, compare, interval
from perfbot.profiling.noise import PAIRS

ASKED = 1.03
CONFIDENCE = 0.99
FAMILY = 10
JUDGED_OF_FAMILY = 3  # candidates that are judged in turn, as in a session
_TIMES = ("ns", "median_ns", "least_ns", "mean_ns", "cpu_ns")
_CHANGE = 1.05  # the rules elsewhere ask for 5 %


@dataclass(frozen=True, slots=True)
class Trial:
    """One comparison with what the rules elsewhere say of the same first pairs."""

    kind: str
    comparison: Comparison
    threshold: float
    seconds: float
    elsewhere: frozenset[str]

    @property
    def accepted(self) -> bool:
        return self.comparison.decision is Decision.FASTER


class Pool:
    """The rows of one kind and gain, in the order in which they were measured."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.pair_s = _pair_seconds(rows)

    def run(self, draw: random.Random) -> Iterator[Row]:
        """Yield the rows from a random place on, which is the start of two in opposite order."""
        start = 2 * draw.randrange(len(self.rows) // 2)
        return itertools.chain(self.rows[start:], self.rows[:start])


def _pair_seconds(rows: Sequence[Row]) -> float:
    """Return how long a pair took, from the starts of those measured one after the other."""
    lasted = [
        after.at_s - before.at_s
        for before, after in itertools.pairwise(rows)
        if before.block == after.block and after.at_s - before.at_s < 60
    ]
    return statistics.fmean(lasted)


def pools(rows: Sequence[Row]) -> dict[tuple[str, float], Pool]:
    found: dict[tuple[str, float], list[Row]] = {}
    for row in rows:
        found.setdefault((row.kind, row.gain), []).append(row)
    return {key: Pool(each) for key, each in found.items()}


def trial(pool: Pool, same: Pool, seed: int) -> Trial:
    """Judge one change: ``pool`` has its pairs, ``same`` those of the unchanged code against itself.

    Where both are the same pool, every second trial exchanges old and new.
    """
    draw = random.Random(seed)
    noise = interval([_ratio(row) for row in itertools.islice(same.run(draw), PAIRS)], CONFIDENCE)
    threshold = Threshold(ASKED, noise)
    exchanged = pool is same and seed % 2 == 1
    rows = [_exchanged(row) if exchanged else row for row in pool.run(draw)]
    comparison = _compared(rows, threshold)
    pairs = len(comparison.pairs)
    return Trial(
        rows[0].kind,
        comparison,
        threshold.after(pairs),
        (pairs + PAIRS) * pool.pair_s,
        frozenset(name for name, rule in ELSEWHERE.items() if rule(rows)),
    )


def _compared(rows: Sequence[Row], threshold: Threshold) -> Comparison:
    """Compare; when the pool has no more rows, time is up."""
    measured: list[Row] = []

    def measure(_old_first: bool) -> Pair:
        row = rows[len(measured)]
        measured.append(row)
        return Pair(row.old_ns, row.new_ns, bool(row.old_first))

    return compare(
        measure,
        threshold=threshold,
        confidence=CONFIDENCE,
        deadline_s=len(rows) - 1,
        clock=lambda: len(measured),
    )


def family_accepts(same: Pool, seed: int) -> bool:
    """Say whether one of ten candidates that are no faster is accepted.

    Each is timed once, quickly; the best of them are then judged on fresh runs, until one is accepted.
    """
    draw = random.Random(seed)
    tries = [next(same.run(draw)).new_ns for _ in range(FAMILY)]
    best = sorted(range(FAMILY), key=tries.__getitem__)[:JUDGED_OF_FAMILY]
    return any(trial(same, same, seed * FAMILY + each).accepted for each in best)


def _exchanged(row: Row) -> Row:
    return replace(
        row,
        old_first=1 - row.old_first,
        **{f"old_{name}": getattr(row, f"new_{name}") for name in _TIMES},
        **{f"new_{name}": getattr(row, f"old_{name}") for name in _TIMES},
    )


def _ratio(row: Row) -> float:
    return row.old_ns / row.new_ns


# --- the rules in use elsewhere -----------------------------------------------------------------


def _single(statistic: str) -> Callable[[Sequence[Row]], bool]:
    """One session of each version: is the new one's statistic at least 5 % better?"""

    def says_faster(rows: Sequence[Row]) -> bool:
        old, new = getattr(rows[0], f"old_{statistic}_ns"), getattr(rows[0], f"new_{statistic}_ns")
        return bool(old / new > _CHANGE)

    return says_faster


def _best_of(count: int) -> Callable[[Sequence[Row]], bool]:
    """The best of some sessions of each version, as with timeit's or hyperfine's minimum."""

    def says_faster(rows: Sequence[Row]) -> bool:
        first = rows[:count]
        old, new = min(row.old_least_ns for row in first), min(row.new_least_ns for row in first)
        return old / new > _CHANGE

    return says_faster


def _mean_of(count: int) -> Callable[[Sequence[Row]], bool]:
    def says_faster(rows: Sequence[Row]) -> bool:
        old = statistics.fmean(row.old_mean_ns for row in rows[:count])
        new = statistics.fmean(row.new_mean_ns for row in rows[:count])
        return old / new > _CHANGE

    return says_faster


def _t_test(count: int) -> Callable[[Sequence[Row]], bool]:
    """Student's two-sample t test at 95 %, as ``pyperf compare_to`` makes it of the processes' means."""

    def says_faster(rows: Sequence[Row]) -> bool:
        from scipy.stats import ttest_ind

        old = [row.old_mean_ns for row in rows[:count]]
        new = [row.new_mean_ns for row in rows[:count]]
        return bool(ttest_ind(old, new).pvalue < 0.05) and statistics.fmean(old) > statistics.fmean(
            new
        )

    return says_faster


ELSEWHERE: dict[str, Callable[[Sequence[Row]], bool]] = {
    "one session each, mean > 5 % (pytest-benchmark compare, mean)": _single("mean"),
    "one session each, median > 5 %": _single("median"),
    "one session each, min > 5 % (pytest-benchmark compare, min)": _single("least"),
    "best of 5 sessions each > 5 %": _best_of(5),
    "mean of 5 sessions each > 5 %": _mean_of(5),
    "t test over 20 sessions each, 95 % (pyperf compare_to)": _t_test(20),
}
