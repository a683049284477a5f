"""What a change does to everything that the project runs: its benchmarks and its whole workload.

Both are measured, never computed from a function's share. Old and new run in fresh processes, one
after the other, twice in opposite order (ABBA), each time in a new copy; each pair gives one ratio
old/new. How many pairs there are is for the clock to say, never for what they show, so the plain t
interval of their logarithms holds.
"""

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, geometric_mean
from typing import TypeVar

from perfbot.profiling.measure import Interval, interval
from perfbot.profiling.own_benchmarks import BenchmarkTimes, timed
from perfbot.profiling.suite import Baseline, SuiteRun, run_suite
from perfbot.profiling.target import Target
from perfbot.profiling.tree import Tree, with_changes
from perfbot.profiling.workload import PytestArguments, Workload

NO_TIME = (
    "{what} takes {once_s:.3g} s, and the least that tells something, {pairs} pairs of runs, would "
    "take longer than the {left_s:.3g} s that are left for it (--time-budget gives more)"
)
NONE_LEFT = "the time budget was used up before (--time-budget gives more)"
LOST = "{test} had another outcome while the workload was timed ({why})"
MOVED = "as much time as the tests save was spent outside of them"
IMPOSSIBLE = "the tests claim more time than their process lived"
NO_TESTS = "no test and no command of it takes a time that could be measured"

LEAST_PAIRS = 4
MOST_PAIRS = 8
_OUTSIDE_S = 0.25  # of start-up and collection: what is added must be more to count
_SURE = 0.999
_Run = TypeVar("_Run")


class NotMeasured(Exception):  # noqa: N818 - it says what is known
    """There is no figure; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class Versions:
    """The two versions of the project, and a folder for the copies that are run."""

    target: Target
    old: Tree
    new: Tree
    scratch: Path

    @contextmanager
    def lent(self, tree: Tree, added: Mapping[str, bytes] | None = None) -> Iterator[Tree]:
        """Lend a new copy of one version that is removed afterwards."""
        with tempfile.TemporaryDirectory(
            prefix="effect-", dir=self.scratch, ignore_cleanup_errors=True
        ) as folder:
            yield with_changes(tree, added or {}, Path(folder) / "tree")


@dataclass(frozen=True, slots=True)
class BenchmarkEffect:
    """One benchmark before and after (geometric means over the processes, seconds) and old/new."""

    name: str
    before_s: float
    after_s: float
    ratio: Interval


@dataclass(frozen=True, slots=True)
class WorkloadTime:
    """What the tests and commands of one run took, and how long its processes lived beside that."""

    inside_s: float
    outside_s: float


def of_workload(
    versions: Versions,
    workload: Workload,
    baseline: Baseline,
    *,
    confidence: float,
    deadline_s: float,
) -> Interval:
    """Measure the ratio old/new of the time of the whole workload, each benchmark once.

    What counts is the wall time of tests (with their fixtures) and commands as perfbot's plugin
    sees it: the same that a hotspot's share is a share of. Waiting is part of it, the start of the
    interpreter, imports and collection are not: for a short suite they would hide any effect. As
    the plugin runs beside the code under judgement, its word is held against the clock outside.
    Tests that failed or flaked before the change are left out. ``deadline_s`` is a time of
    ``time.monotonic``.

    Raises:
        NotMeasured: there is no time for enough pairs, or the runs do not bear comparison.
    """

    def run(tree: Tree) -> WorkloadTime:
        with versions.lent(tree) as copy:
            wall_s = max(60.0, 10 * baseline.seconds)
            return _taken(run_suite(versions.target, copy, workload, wall_s=wall_s), baseline)

    if time.monotonic() + 2 * LEAST_PAIRS * baseline.seconds > deadline_s:
        raise _no_time("the workload", baseline.seconds, deadline_s)
    pairs = interleaved(run, versions, "the workload", deadline_s)
    check_nothing_moved(pairs)
    return interval([old.inside_s / new.inside_s for old, new in pairs], confidence)


def _taken(run: SuiteRun, baseline: Baseline) -> WorkloadTime:
    for lost in baseline.lost(run):
        raise NotMeasured(LOST.format(test=lost.test, why=lost.why.strip()[-300:] or lost.now))
    aside = {*baseline.failing, *baseline.flaky}
    tests_s = sum(tested.seconds for name, tested in run.tests.items() if name not in aside)
    inside_s = tests_s + sum(run.commands_s[name] for name in baseline.commands)
    if inside_s <= 0:
        raise NotMeasured(NO_TESTS)
    if inside_s >= run.seconds:
        raise NotMeasured(IMPOSSIBLE)
    return WorkloadTime(inside_s, run.seconds - inside_s)


def check_nothing_moved(pairs: Sequence[tuple[WorkloadTime, WorkloadTime]]) -> None:
    """Raise ``NotMeasured`` where start-up and collection surely grew, and by more than tests save."""
    saved_s = fmean(old.inside_s - new.inside_s for old, new in pairs)
    added_s = fmean(new.outside_s - old.outside_s for old, new in pairs)
    surely = interval([old.outside_s / new.outside_s for old, new in pairs], _SURE).high < 1
    if surely and added_s > max(_OUTSIDE_S, saved_s):
        raise NotMeasured(MOVED)


def of_benchmarks(
    versions: Versions,
    arguments: PytestArguments,
    names: Sequence[str],
    *,
    confidence: float,
    deadline_s: float,
) -> tuple[tuple[BenchmarkEffect, ...], Mapping[str, str]]:
    """Measure these benchmarks on both versions; return the effects, and why others have none.

    Raises:
        NotMeasured: there is no time for enough pairs.
        BenchmarksFailed: a process did not come to its end.
    """

    def run(tree: Tree) -> BenchmarkTimes:
        with versions.lent(tree) as copy:
            wall_s = max(30.0, deadline_s - time.monotonic())
            return timed(versions.target, copy, arguments, names, wall_s=wall_s)

    pairs = interleaved(run, versions, "one run of the benchmarks", deadline_s)
    without: dict[str, str] = {}
    for each in (each for pair in pairs for each in pair):
        without.update(each.without)
    complete = (name for name in names if name not in without)
    return tuple(_effect(name, pairs, confidence) for name in complete), without


def _effect(
    name: str, pairs: Sequence[tuple[BenchmarkTimes, BenchmarkTimes]], confidence: float
) -> BenchmarkEffect:
    before = [old.median_s[name] for old, _ in pairs]
    after = [new.median_s[name] for _, new in pairs]
    ratios = [old / new for old, new in zip(before, after, strict=True)]
    return BenchmarkEffect(
        name, geometric_mean(before), geometric_mean(after), interval(ratios, confidence)
    )


def interleaved(
    run: Callable[[Tree], _Run], versions: Versions, what: str, deadline_s: float, seed: int = 0
) -> list[tuple[_Run, _Run]]:
    """Run old and new in turn, two pairs at a time in opposite order, while there is time.

    Raises:
        NotMeasured: what is left of the time is too short for ``LEAST_PAIRS``.
        and what ``run`` raises.
    """
    order = random.Random(seed)  # noqa: S311 - the order of runs needs no secret
    pairs: list[tuple[_Run, _Run]] = []
    started_s = time.monotonic()
    if started_s >= deadline_s:
        raise NotMeasured(NONE_LEFT)
    while len(pairs) < MOST_PAIRS:
        old_first = order.random() < 0.5
        pairs.extend(_pair(run, versions, first) for first in (old_first, not old_first))
        now_s = time.monotonic()
        each_s = (now_s - started_s) / len(pairs)
        missing = max(2, LEAST_PAIRS - len(pairs))
        if now_s + missing * each_s > deadline_s:
            break
    if len(pairs) < LEAST_PAIRS:
        raise _no_time(what, each_s / 2, deadline_s)
    return pairs


def _pair(run: Callable[[Tree], _Run], versions: Versions, old_first: bool) -> tuple[_Run, _Run]:
    if old_first:
        old = run(versions.old)
        return old, run(versions.new)
    new = run(versions.new)
    return run(versions.old), new


def _no_time(what: str, once_s: float, deadline_s: float) -> NotMeasured:
    left_s = max(0.0, deadline_s - time.monotonic())
    return NotMeasured(NO_TIME.format(what=what, once_s=once_s, pairs=LEAST_PAIRS, left_s=left_s))
