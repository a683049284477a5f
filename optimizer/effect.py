"""What an accepted change does beyond its function: to the project's benchmarks and its workload.

Nothing here decides anything; a figure that cannot be had is left out, and why is said.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from perfbot.optimizer.case import Case
from perfbot.optimizer.progress import Listener, Phase
from perfbot.profiling.benchmark_file import GeneratedBenchmark, generated
from perfbot.profiling.effect import (
    BenchmarkEffect,
    NotMeasured,
    Versions,
    of_benchmarks,
    of_workload,
)
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.measure import Interval
from perfbot.profiling.own_benchmarks import BenchmarksFailed, callers
from perfbot.profiling.pytest_options import neutral_arguments
from perfbot.profiling.replay import Reference
from perfbot.profiling.spelling import NotSpelled
from perfbot.profiling.tree import Tree

NO_WORKLOAD = "the effect on the whole workload is not known: {why}"
NO_BENCHMARKS = "the project's own benchmarks could not be measured: {why}"
WITHOUT = "the benchmark {name} could not be measured: {why}"
AND_MORE = "benchmarks that could not be measured besides these: {count}"
NOT_WRITTEN = "no benchmark calls {function}, and none was written for it: {why}"

_TOLD = 5  # benchmarks without a time that are named
_BENCHMARKS_SHARE = 0.5  # of the time for one change; what they leave is the workload's
_LEAST_RUN_S = 60.0


@dataclass(frozen=True, slots=True)
class Effect:
    """The project's benchmarks before and after, the workload's time old/new, and what is missing.

    ``remarks`` says in sentences what could not be measured; ``generated`` is a benchmark for a
    function that had none.
    """

    benchmarks: tuple[BenchmarkEffect, ...] = ()
    workload: Interval | None = None
    remarks: tuple[str, ...] = ()
    generated: GeneratedBenchmark | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """An accepted change: the tree before it and with it, and the functions that were judged."""

    old: Tree
    new: Tree
    functions: tuple[FunctionName, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Adopted:
    """An accepted change to one function, and what was known of the function before it."""

    change: Change
    reference: Reference


def effects(
    case: Case, adopted: Sequence[Adopted], kept_s: float, ends_s: float, listener: Listener
) -> Iterator[Effect]:
    """Measure what each of several changes does, one after the other.

    Each gets its part of the time until ``ends_s`` (of ``time.monotonic``), or of the ``kept_s``
    seconds that are kept for all of them where that is more.
    """
    for number, (change, reference) in enumerate((each.change, each.reference) for each in adopted):
        listener.phase(Phase.EFFECT, str(reference.recording.function))
        now_s = time.monotonic()
        part_s = max(kept_s / len(adopted), (ends_s - now_s) / (len(adopted) - number))
        yield effect(case, change, deadline_s=now_s + part_s, unbenchmarked=reference)


def effect(
    case: Case, change: Change, *, deadline_s: float, unbenchmarked: Reference | None = None
) -> Effect:
    """Measure what a change does to everything that the project runs.

    ``deadline_s`` is a time of ``time.monotonic``. ``unbenchmarked`` are the recorded calls from
    which a benchmark is written if the project has none that calls the function.
    """
    versions = Versions(case.target, change.old, change.new, case.scratch)
    now_s = time.monotonic()
    halfway_s = now_s + _BENCHMARKS_SHARE * max(0.0, deadline_s - now_s)
    has_one, found = _of_benchmarks(case, versions, change, halfway_s)
    if unbenchmarked is not None and not has_one:
        found = _with_benchmark(case, versions, unbenchmarked, found)
    return _with_workload(case, versions, change.confidence, deadline_s, found)


def _of_benchmarks(
    case: Case, versions: Versions, change: Change, deadline_s: float
) -> tuple[bool, Effect]:
    """Measure the benchmarks that call the functions; say whether there are any."""
    arguments = case.workload.benchmark_arguments()
    if arguments is None:
        return False, Effect()
    try:
        with versions.lent(change.old) as copy:
            wall_s = _run_s(case)
            known = callers(case.target, copy, arguments, change.functions, wall_s=wall_s)
    except BenchmarksFailed as error:
        return False, Effect(remarks=(NO_BENCHMARKS.format(why=error),))
    if not known.calling:
        return False, Effect(remarks=_without(known.broken))
    try:
        rows, without = of_benchmarks(
            versions,
            arguments,
            known.calling,
            confidence=change.confidence,
            deadline_s=deadline_s,
        )
    except (BenchmarksFailed, NotMeasured) as error:
        why = NO_BENCHMARKS.format(why=error)
        return True, Effect(remarks=(why, *_without(known.broken)))
    return True, Effect(rows, remarks=_without({**known.broken, **without}))


def _without(whys: Mapping[str, str]) -> tuple[str, ...]:
    told = [WITHOUT.format(name=name, why=why) for name, why in list(whys.items())[:_TOLD]]
    more = len(whys) - _TOLD
    return (*told, AND_MORE.format(count=more)) if more > 0 else tuple(told)


def _with_benchmark(case: Case, versions: Versions, reference: Reference, found: Effect) -> Effect:
    options = case.workload.tests.options if case.workload.tests else neutral_arguments((), {})
    try:
        made = generated(versions, options, reference, wall_s=_run_s(case))
    except NotSpelled as error:
        function = reference.recording.function.qualname
        remark = NOT_WRITTEN.format(function=function, why=error)
        return replace(found, remarks=(*found.remarks, remark))
    return replace(found, generated=made)


def _with_workload(
    case: Case, versions: Versions, confidence: float, deadline_s: float, found: Effect
) -> Effect:
    try:
        ratio = of_workload(
            versions, case.workload, case.baseline, confidence=confidence, deadline_s=deadline_s
        )
    except NotMeasured as error:
        return replace(found, remarks=(NO_WORKLOAD.format(why=error), *found.remarks))
    return replace(found, workload=ratio)


def _run_s(case: Case) -> float:
    """Return how long one run of benchmarks may take, each made once or a few times."""
    return max(_LEAST_RUN_S, 10 * case.baseline.seconds)
