"""What a session found, as the report that people and programs read."""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import chain, count
from pathlib import Path

from perfbot.bot import report as rows
from perfbot.bot import words
from perfbot.bot.git import revision
from perfbot.bot.patch import unified_patch
from perfbot.bot.report import Report, Samples
from perfbot.bot.report_folder import patch_name
from perfbot.optimizer import readability
from perfbot.optimizer.effect import Effect
from perfbot.optimizer.metrics import Metrics
from perfbot.optimizer.preparation import Prepared
from perfbot.optimizer.session import Judged, Outcome
from perfbot.optimizer.survey import Survey, Unchanged
from perfbot.optimizer.verdict import Accepted, Inconclusive, Measured, Rejected, Verdict, Why
from perfbot.optimizer.verify import OTHER_TYPES, SAME_RESULTS
from perfbot.profiling.benchmark_file import FOLDER
from perfbot.profiling.concurrency import Compared
from perfbot.profiling.counters import counter
from perfbot.profiling.effect import BenchmarkEffect
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.growth import Curve
from perfbot.profiling.hotspots import Hotspot
from perfbot.profiling.measure import Interval

HARDER_TO_READ = "harder to read: {what}"
_BESIDE = OTHER_TYPES.partition("{")[0]
_CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Findings:
    """A report with the files that go beside it: patches and benchmarks by name, samples by function."""

    report: Report
    patches: Mapping[str, bytes]
    samples: Mapping[str, Samples]
    benchmarks: Mapping[str, bytes]


def findings(outcome: Outcome, repository: Path) -> Findings:
    """Return the report of a session."""
    names = {
        id(judged): patch_name(number, str(judged.function))
        for number, judged in enumerate(_accepted(outcome.judged), start=1)
    }
    written = _benchmark_files(outcome.judged)
    results = [
        _result(judged, names.get(id(judged)), written.get(id(judged))) for judged in outcome.judged
    ]
    report = Report(
        perfbot=version("perfbot"),
        repository=_repository(repository),
        environment=environment(outcome.prepared),
        noise=_noise(outcome.noise),
        workload=workload(outcome.prepared),
        hotspots=tuple(map(hotspot_row, outcome.hotspots)),
        results=tuple(results),
        unchanged=tuple(map(_unchanged, outcome.unchanged)),
        cost=rows.Cost(
            outcome.seconds, outcome.cost.tokens_in, outcome.cost.tokens_out, outcome.cost.usd
        ),
    )
    patches = {
        names[id(judged)]: unified_patch(judged.changes) for judged in _accepted(outcome.judged)
    }
    samples = {str(judged.function): _samples(judged) for judged in outcome.judged}
    benchmarks = {
        written[id(judged)]: judged.effect.generated.content
        for judged in outcome.judged
        if judged.effect and judged.effect.generated
    }
    found = {name: each for name, each in samples.items() if each}
    return Findings(report, patches, found, benchmarks)


def _benchmark_files(judged: Sequence[Judged]) -> dict[int, str]:
    """Return the path of each benchmark that was written; functions of one name get numbers."""
    paths: dict[int, str] = {}
    for each in judged:
        if each.effect and each.effect.generated:
            stem = each.effect.generated.file.removesuffix(".py")
            ends = chain([""], (f"_{number}" for number in count(2)))
            names = (f"{FOLDER}/{stem}{end}.py" for end in ends)
            paths[id(each)] = next(name for name in names if name not in paths.values())
    return paths


def profile_report(prepared: Prepared, hotspots: Sequence[Hotspot], repository: Path) -> Report:
    """Return the report of a run that only looked for hotspots."""
    return Report(
        perfbot=version("perfbot"),
        repository=_repository(repository),
        environment=environment(prepared),
        noise=None,
        workload=workload(prepared),
        hotspots=tuple(map(hotspot_row, hotspots)),
        results=(),
        unchanged=(),
        cost=rows.Cost(prepared.seconds),
    )


def survey_report(found: Survey, repository: Path) -> Report:
    """Return the report of a run that looked for hotspots and for what is worth a search."""
    ranked = profile_report(found.prepared, found.found.ranked, repository)
    unchanged = tuple(map(_unchanged, found.found.unchanged))
    return replace(ranked, unchanged=unchanged, cost=rows.Cost(found.seconds))


def refused(repository: Path, why: Why, detail: str) -> Report:
    """Return the report of a patch that was refused before anything ran."""
    result = rows.Result("", rows.Verdict.REJECTED, why, detail, planner="none", optimizer="none")
    here = rows.Environment("", cpu_model(), os.cpu_count() or 1, platform.platform(), "none", None)
    return Report(
        perfbot=version("perfbot"),
        repository=_repository(repository),
        environment=here,
        noise=None,
        workload=None,
        hotspots=(),
        results=(result,),
        unchanged=(),
        cost=rows.Cost(0.0),
    )


def _accepted(judged: Sequence[Judged]) -> Iterator[Judged]:
    return (each for each in judged if isinstance(each.verdict, Accepted))


def _repository(folder: Path) -> rows.Repository:
    found = revision(folder)
    return rows.Repository(str(folder.absolute()), found.commit, found.dirty)


def environment(prepared: Prepared) -> rows.Environment:
    """Return on what the session ran."""
    target = prepared.case.target
    used = counter(target.sandbox.level)
    return rows.Environment(
        python=target.interpreter.version_text,
        cpu=cpu_model(),
        cores=os.cpu_count() or 1,
        os=platform.platform(),
        sandbox=target.sandbox.level.value,
        counters=used.name if used else None,
    )


def cpu_model() -> str:
    """Return the processor's name as Linux tells it, else the machine's kind."""
    try:
        lines = _CPU_INFO.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _noise(noise: Interval | None) -> rows.Noise | None:
    return rows.Noise(noise.low, noise.high, noise.pairs) if noise else None


def workload(prepared: Prepared) -> rows.WorkloadSummary:
    """Return how the repository exercised itself before any change."""
    found, known = prepared.case.workload, prepared.case.baseline
    arguments = " ".join(("pytest", *found.tests.paths)) if found.tests else None
    return rows.WorkloadSummary(
        tests=arguments,
        benchmarks=", ".join(found.benchmarks) or None,
        collected=known.collected,
        passed=len(known.counted),
        failed=len(known.failing),
        skipped=len(known.skipped),
        flaky=known.flaky,
        seconds=known.seconds,
    )


def hotspot_row(hotspot: Hotspot) -> rows.HotspotRow:
    """Return one hotspot as the report has it."""
    return rows.HotspotRow(
        str(hotspot.function),
        hotspot.share,
        hotspot.self_share,
        hotspot.calls,
        hotspot.native_share,
        hotspot.ceiling,
    )


def _unchanged(each: Unchanged) -> rows.Unchanged:
    return rows.Unchanged(str(each.function), rows.Reason(each.reason), each.detail)


def _result(judged: Judged, patch: str | None, benchmark: str | None) -> rows.Result:
    function, verdict = judged.function, judged.verdict
    measured = _measured(judged)
    suggestions = judged.candidate.plan.suggestions if judged.candidate else ()
    before, after = judged.changes.get(function.path, (None, b""))
    accepted = verdict if isinstance(verdict, Accepted) else Accepted((), ())
    caught, metrics = accepted.caught.get(function), accepted.metrics.get(function, Metrics())
    return rows.Result(
        function=str(function) if function.qualname else "",
        verdict=_kind(verdict),
        why=Why.FASTER if isinstance(verdict, Accepted) else verdict.why,
        detail=_decided(verdict) if isinstance(verdict, Accepted) else verdict.detail,
        strategies=tuple(
            rows.StrategyRow(each.strategy.category, each.strategy.name, each.why)
            for each in suggestions
        ),
        planner=judged.candidate.planner if judged.candidate else "none",
        optimizer=judged.candidate.optimizer if judged.candidate else "none",
        speedup=_speedup(measured, judged.effect),
        benchmarks=tuple(map(_benchmark, judged.effect.benchmarks)) if judged.effect else (),
        cpu_ratio=measured.cpu_ratio if measured else None,
        memory_ratio=measured.memory_ratio if measured else None,
        instructions_ratio=measured.instructions_ratio if measured else None,
        complexity=_complexity(before or b"", after, function),
        growth=_growth(measured),
        size=rows.Change(_lines(before or b"", function), _lines(after, function)),
        kill_rate=caught.rate if caught else None,
        gates=tuple(
            rows.GateResult(gate.name, gate.passed, gate.detail, gate.seconds)
            for gate in verdict.gates
        ),
        patch=patch,
        survivors=tuple(
            rows.Survivor(each.line, each.before, each.after)
            for each in (caught.survivors if caught else ())
        ),
        energy_ratio=metrics.energy_ratio,
        loads=tuple(map(_load, metrics.loads)),
        remarks=(
            *_harder(accepted, function),
            *judged.routes,
            *(judged.effect.remarks if judged.effect else ()),
        ),
        benchmark_file=benchmark,
        rounds=judged.rounds,
        attempts=tuple(rows.AttemptRow(each.optimizer, each.why) for each in judged.attempts),
    )


def _benchmark(found: BenchmarkEffect) -> rows.BenchmarkRow:
    ratio = found.ratio
    return rows.BenchmarkRow(
        found.name, found.before_s, found.after_s, ratio.estimate, ratio.low, ratio.high
    )


def _load(compared: Compared) -> rows.LoadRow:
    before, after = compared.before, compared.after
    return rows.LoadRow(
        before.at_once,
        rows.Change(before.calls_per_s, after.calls_per_s),
        rows.Change(before.p50_s, after.p50_s),
        rows.Change(before.p99_s, after.p99_s),
    )


def _decided(verdict: Accepted) -> str:
    """Say on what it was accepted; a tolerance, or what was set aside, is never left out.

    What other types would do stands in the gate's own detail only: it decided nothing.
    """
    details = [gate.detail for gate in verdict.gates if gate.name == SAME_RESULTS]
    compared = [each.partition(f", {_BESIDE}")[0] for each in details]
    remarks = [more for each in compared if (more := each.partition(", ")[2])]
    return "; ".join((words.DECIDED, *remarks, *filter(None, [verdict.remark])))


def _harder(verdict: Accepted, function: FunctionName) -> tuple[str, ...]:
    worse = verdict.harder_to_read.get(function, ())
    return (HARDER_TO_READ.format(what="; ".join(worse)),) if worse else ()


def _kind(verdict: Verdict) -> rows.Verdict:
    match verdict:
        case Accepted():
            return rows.Verdict.ACCEPTED
        case Rejected():
            return rows.Verdict.REJECTED
        case Inconclusive():
            return rows.Verdict.INCONCLUSIVE


def _measured(judged: Judged) -> Measured | None:
    return next(
        (each for each in judged.verdict.measured if each.function == judged.function), None
    )


def _speedup(measured: Measured | None, effect: Effect | None) -> rows.Speedup | None:
    if measured is None:
        return None
    found, workload = measured.speedup, effect.workload if effect else None
    return rows.Speedup(
        found.estimate,
        found.low,
        found.high,
        found.confidence,
        found.pairs,
        workload_estimate=workload.estimate if workload else None,
        workload_low=workload.low if workload else None,
    )


def _growth(measured: Measured | None) -> rows.Growth | None:
    found = measured.growth if measured else None
    if found is None or (found.old.exponent is None and found.new.exponent is None):
        return None
    before, after = found.old.exponent, found.new.exponent
    return rows.Growth(
        before.value if before else None,
        after.value if after else None,
        before.error if before else None,
        after.error if after else None,
    )


def _complexity(before: bytes, after: bytes, function: FunctionName) -> rows.Change:
    return rows.Change(
        readability.cognitive(before, function.qualname),
        readability.cognitive(after, function.qualname),
    )


def _lines(source: bytes, function: FunctionName) -> int:
    return readability.length(source, function.qualname)


def _samples(judged: Judged) -> Samples | None:
    measured = _measured(judged)
    if measured is None:
        return None
    pairs = tuple((pair.old_ns / 1e9, pair.new_ns / 1e9) for pair in measured.comparison.pairs)
    grown = measured.growth
    before, after = (grown.old, grown.new) if grown else (Curve(), Curve())
    sizes = _seconds(before), _seconds(after)
    return Samples(pairs, measured.threshold, *sizes, measured.conditions)


def _seconds(curve: Curve) -> tuple[tuple[int, float], ...]:
    return tuple((items, ns / 1e9) for items, ns in curve.points)
