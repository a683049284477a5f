"""What the trials came to, as the tables of judge.md."""

import math
import os
import platform
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from judge_end_to_end import Outcome
from judge_kinds import GAINS, KINDS
from judge_pool import Row
from judge_trials import ASKED, CONFIDENCE, ELSEWHERE, FAMILY, Pool, Trial, family_accepts, trial
from scipy.stats import binomtest

from perfbot.bot.findings import cpu_model
from perfbot.profiling.measure import interval
from perfbot.profiling.noise import PAIRS

FILE = Path(__file__).parent / "judge.md"
TRIALS = {1.0: 200, 1.10: 200, 1.25: 100, 1.5: 100}  # of each kind of function
FAMILIES = 100  # of each kind
POWER = {1.10: 0.95, 1.25: 0.99}
AT_MOST_S = {1.10: 120, 1.25: 40, 1.5: 15}
COVERED = 0.985

INTRODUCTION = """\
# The judge, judged

How often perfbot's comparison errs, how often it sees a true gain, and how long it takes. Written
by `python benchmarks/judge.py --write` from judge_pool.csv.gz (pairs of fresh sandboxed processes,
measured by `--collect`) and judge_end_to_end.csv (complete trials, `--end-to-end 60`).

Each function does a number of equal units of work, so the true gain is known: 22 units against 20
are 1.10×. A *trial* takes a run of pairs from the pool as they were measured one after the other,
from a random place on, and twelve pairs of the unchanged code against itself from another place as
the machine's noise; the comparison of `profiling/measure.py` then stops when it would have stopped.
A change is accepted when the lower end of the 99 % interval is above 1.03× and above the noise.
Every second block of pairs without a gain is against a copy with renamed variables; every second
trial without a gain exchanges old and new.

Trials overlap: there are many more of them than the pool has pairs for. *Independent* is how many
would have had pairs of their own; the exact bounds (Clopper & Pearson, 95 %) are for that number.
"""


@dataclass(frozen=True, slots=True)
class Results:
    """All trials by kind and gain, and how many families of candidates were wrongly accepted."""

    rows: Sequence[Row]
    pools: Mapping[tuple[str, float], Pool]
    trials: Mapping[tuple[str, float], Sequence[Trial]]
    families: Mapping[str, int]
    complete: Sequence[Outcome]

    @property
    def gains(self) -> list[float]:
        return sorted({gain for _, gain in self.trials})

    def of(self, gain: float) -> list[Trial]:
        return [each for (_, of), trials in self.trials.items() if of == gain for each in trials]

    def independent(self, gain: float) -> int:
        """Return how many trials of one gain the pool has pairs for."""
        return sum(
            int(len(self.pools[kind, gain].rows) / statistics.fmean(_used(trials)))
            for (kind, of), trials in self.trials.items()
            if of == gain
        )


def _used(trials: Iterable[Trial]) -> list[int]:
    return [len(each.comparison.pairs) for each in trials]


def results(
    rows: Sequence[Row], pools: Mapping[tuple[str, float], Pool], complete: Sequence[Outcome]
) -> Results:
    """Draw and decide all trials; the same pool gives the same results."""
    trials = {
        (kind, gain): [
            trial(pools[kind, gain], pools[kind, 1.0], seed) for seed in range(TRIALS[gain])
        ]
        for gain in GAINS
        for kind in KINDS
        if (kind, gain) in pools
    }
    families = {
        kind: sum(family_accepts(pools[kind, 1.0], seed) for seed in range(FAMILIES))
        for kind in KINDS
        if (kind, 1.0) in pools
    }
    return Results(rows, pools, trials, families, complete)


def rendered(found: Results) -> str:
    parts = (
        INTRODUCTION,
        _conditions(found),
        _table(
            "## The numbers",
            ("", "wanted", "reached", "trials", "independent", "bounds"),
            _numbers(found),
        ),
        _table("## By kind of function", _KIND_COLUMNS, _by_kind(found)),
        _table(
            "## The same trials by the rules in use elsewhere",
            ("rule", *(f"{gain:.2f}× called faster" for gain in found.gains)),
            _rules(found),
        ),
        _table("## The pool", _POOL_COLUMNS, _pool(found)),
        _complete(found.complete),
    )
    return "\n".join(part for part in parts if part)


def _conditions(found: Results) -> str:
    first, last = (_when(end(row.at_s for row in found.rows)) for end in (min, max))
    load = statistics.median(row.load for row in found.rows)
    return (
        f"Measured on {cpu_model()}, {os.cpu_count()} cores, {platform.system()}, CPython "
        f"{platform.python_version()}, from {first} to {last} UTC, bound to one core while others' work kept the "
        f"other one busy: the median load average was {load:.1f}.\n"
    )


def _when(at_s: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(at_s))


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (columns, ["---"] * len(columns), *rows)]
    return "\n".join((title, "", *lines, ""))


def _numbers(found: Results) -> Iterator[Sequence[str]]:
    yield _share_row("the same code accepted", "0", found.of(1.0), found.independent(1.0))
    yield _family_row(found)
    for gain, wanted in POWER.items():
        text = f"a gain of {gain:.2f}× accepted"
        yield _share_row(text, f"≥ {wanted:.0%}", found.of(gain), found.independent(gain))
    yield _coverage_row(found)
    for gain, most_s in AT_MOST_S.items():
        taken = sorted(each.seconds for each in found.of(gain))
        if taken:
            text = f"median time to a decision, {gain:.2f}×"
            reached = f"{statistics.median(taken):.1f} s (nine of ten within {_ninth(taken):.1f} s)"
            yield text, f"≤ {most_s} s", reached, str(len(taken)), "", ""


def _ninth(values: Sequence[float]) -> float:
    return sorted(values)[int(0.9 * (len(values) - 1))]


def _share_row(text: str, wanted: str, trials: Sequence[Trial], independent: int) -> Sequence[str]:
    accepted = sum(each.accepted for each in trials)
    return _counted(text, wanted, accepted, len(trials), independent)


def _family_row(found: Results) -> Sequence[str]:
    total = FAMILIES * len(found.families)
    each = statistics.fmean(_used(found.of(1.0))) * 3
    independent = int(sum(len(found.pools[kind, 1.0].rows) for kind in found.families) / each)
    text = f"one of {FAMILY} candidates of the same speed accepted"
    return _counted(text, "0", sum(found.families.values()), total, independent)


def _coverage_row(found: Results) -> Sequence[str]:
    trials = [(gain, each) for (_, gain), some in found.trials.items() for each in some]
    held = sum(_holds(each, gain) for gain, each in trials)
    independent = sum(found.independent(gain) for gain in found.gains)
    text = f"the {CONFIDENCE:.0%} interval holds the true ratio"
    return _counted(text, f"≥ {COVERED:.1%}", held, len(trials), independent)


def _holds(each: Trial, gain: float) -> bool:
    """Say whether the interval holds the truth, which is the inverse where old and new were exchanged."""
    return each.comparison.interval.low <= gain <= each.comparison.interval.high


def _counted(text: str, wanted: str, count: int, total: int, independent: int) -> Sequence[str]:
    scaled = round(count * independent / total)
    bounds = binomtest(scaled, independent).proportion_ci(0.95, method="exact")
    return (
        text,
        wanted,
        f"{count} ({count / total:.1%})",
        str(total),
        str(independent),
        f"{bounds.low:.1%}–{bounds.high:.1%}",
    )


_KIND_COLUMNS = (
    "function", "one call", "same accepted", "1.10× accepted", "1.25× accepted", "1.5× accepted",
    "median pairs at 1.00 / 1.10 / 1.25 / 1.5×", "median seconds", "interval holds",
)  # fmt: skip


def _by_kind(found: Results) -> Iterator[Sequence[str]]:
    for kind in KINDS:
        of = [(gain, found.trials[kind, gain]) for gain in GAINS if (kind, gain) in found.trials]
        if not of:
            continue
        held = [_holds(each, gain) for gain, some in of for each in some]
        new_ns = statistics.median(row.new_ns for row in found.pools[kind, 1.0].rows)
        yield (
            kind,
            _time(new_ns),
            *(f"{statistics.fmean(each.accepted for each in some):.1%}" for _, some in of),
            " / ".join(f"{statistics.median(_used(some)):.0f}" for _, some in of),
            " / ".join(f"{statistics.median(each.seconds for each in some):.1f}" for _, some in of),
            f"{statistics.fmean(held):.1%}",
        )


def _time(ns: float) -> str:
    return f"{ns / 1e3:.0f} µs" if ns < 1e6 else f"{ns / 1e6:.1f} ms"


def _rules(found: Results) -> Iterator[Sequence[str]]:
    ours = [statistics.fmean(each.accepted for each in found.of(gain)) for gain in found.gains]
    yield "**perfbot**", *(f"**{share:.1%}**" for share in ours)
    for name in ELSEWHERE:
        shares = [
            statistics.fmean(name in each.elsewhere for each in found.of(gain))
            for gain in found.gains
        ]
        yield name, *(f"{share:.1%}" for share in shares)


_POOL_COLUMNS = (
    "function",
    "true ratio",
    "pairs",
    "all pairs together, 99 %",
    "spread",
    "per pair",
)


def _pool(found: Results) -> Iterator[Sequence[str]]:
    """Tell what all pairs of one kind and gain say together, and how their log ratios scatter."""
    for (kind, gain), pool in sorted(found.pools.items()):
        ratios = [row.old_ns / row.new_ns for row in pool.rows]
        whole = interval(ratios, CONFIDENCE)
        spread = statistics.stdev(map(math.log, ratios))
        estimate = f"{whole.estimate:.3f} ({whole.low:.3f}–{whole.high:.3f})"
        yield (
            kind,
            f"{gain:.2f}",
            str(len(ratios)),
            estimate,
            f"{spread:.3f}",
            f"{pool.pair_s:.2f} s",
        )


_COMPLETE = """\
## Complete trials

A repository with its tests, a change, and `optimizer.verify.judge` with all its gates (asked:
{asked}×); the {pairs} pairs of noise are measured anew for each. "measuring" is the noise and the
gate *speed*; "in all" has the other gates too.
"""
_COMPLETE_COLUMNS = (
    "true ratio", "trials", "accepted", "verdicts", "interval holds", "median measuring",
    "median in all", "median CPU ratio",
)  # fmt: skip


def _complete(outcomes: Sequence[Outcome]) -> str:
    if not outcomes:
        return ""
    text = _COMPLETE.format(asked=ASKED, pairs=PAIRS)
    return _table(text, _COMPLETE_COLUMNS, _complete_rows(outcomes))


def _complete_rows(outcomes: Sequence[Outcome]) -> Iterator[Sequence[str]]:
    for gain in GAINS:
        some = [each for each in outcomes if each.gain == gain]
        if not some:
            continue
        reasons = sorted({each.why for each in some})
        measured = [each for each in some if each.pairs]
        yield (
            f"{gain:.2f}",
            str(len(some)),
            str(sum(each.verdict == "accepted" for each in some)),
            ", ".join(f"{why} {sum(each.why == why for each in some)}" for why in reasons),
            f"{sum(each.low <= gain <= each.high for each in measured)} of {len(measured)}",
            f"{statistics.median(each.speed_s for each in some):.1f} s",
            f"{statistics.median(each.seconds for each in some):.1f} s",
            f"{statistics.median(each.cpu_ratio for each in measured):.2f}",
        )
