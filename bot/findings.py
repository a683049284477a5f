"""What a session found, as the report that people and programs read."""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from perfbot.bot import report as rows
from perfbot.bot.git import revision
from perfbot.bot.patch import unified_patch
from perfbot.bot.report import Report, Samples
from perfbot.bot.report_folder import patch_name
from perfbot.optimizer import gates
from perfbot.optimizer.preparation import Prepared
from perfbot.optimizer.session import Judged, Outcome, Unchanged
from perfbot.optimizer.verdict import Accepted, Inconclusive, Measured, Rejected, Verdict, Why
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.hotspots import Hotspot
from perfbot.profiling.measure import Interval

DECIDED = "same results, same tests, and even the lower end of the interval is above the threshold"
_CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Findings:
    """A report with the files that go beside it: patches by file name, samples by function."""

    report: Report
    patches: Mapping[str, bytes]
    samples: Mapping[str, Samples]


def findings(outcome: Outcome, repository: Path) -> Findings:
    """Return the report of a session."""
    names = {
        id(judged): patch_name(number, str(judged.function))
        for number, judged in enumerate(_accepted(outcome.judged), start=1)
    }
    results = [_result(judged, names.get(id(judged))) for judged in outcome.judged]
    report = Report(
        perfbot=version("perfbot"),
        repository=_repository(repository),
        environment=environment(outcome.prepared),
        noise=_noise(outcome.noise),
        workload=workload(outcome.prepared),
        hotspots=tuple(map(hotspot_row, outcome.hotspots)),
        results=tuple(results),
        unchanged=tuple(map(_unchanged, outcome.unchanged)),
        cost=rows.Cost(outcome.seconds),
    )
    patches = {
        names[id(judged)]: unified_patch(judged.changes) for judged in _accepted(outcome.judged)
    }
    samples = {str(judged.function): _samples(judged) for judged in outcome.judged}
    return Findings(report, patches, {name: found for name, found in samples.items() if found})


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
    return rows.Environment(
        python=target.interpreter.version_text,
        cpu=cpu_model(),
        cores=os.cpu_count() or 1,
        os=platform.platform(),
        sandbox=target.sandbox.level.value,
        counters=None,
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


def _result(judged: Judged, patch: str | None) -> rows.Result:
    function, verdict = judged.function, judged.verdict
    measured = _measured(judged)
    suggestions = judged.candidate.plan.suggestions if judged.candidate else ()
    before, after = judged.changes.get(function.path, (None, b""))
    planner = "embedded" if judged.candidate else "none"
    return rows.Result(
        function=str(function) if function.qualname else "",
        verdict=_kind(verdict),
        why=Why.FASTER if isinstance(verdict, Accepted) else verdict.why,
        detail=DECIDED if isinstance(verdict, Accepted) else verdict.detail,
        strategies=tuple(
            rows.StrategyRow(each.strategy.category, each.strategy.name, each.why)
            for each in suggestions
        ),
        planner=planner,
        optimizer=planner,
        speedup=_speedup(measured),
        cpu_ratio=measured.cpu_ratio if measured else None,
        memory_ratio=measured.memory_ratio if measured else None,
        complexity=_complexity(before or b"", after, function),
        size=rows.Change(_lines(before or b"", function), _lines(after, function)),
        gates=tuple(
            rows.GateResult(gate.name, gate.passed, gate.detail, gate.seconds)
            for gate in verdict.gates
        ),
        patch=patch,
    )


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


def _speedup(measured: Measured | None) -> rows.Speedup | None:
    if measured is None:
        return None
    found = measured.speedup
    return rows.Speedup(
        found.estimate,
        found.low,
        found.high,
        found.confidence,
        found.pairs,
        workload_estimate=None,  # only ever stated when measured
        workload_low=None,
    )


def _complexity(before: bytes, after: bytes, function: FunctionName) -> rows.Change:
    return rows.Change(
        gates.complexity(before, function.qualname), gates.complexity(after, function.qualname)
    )


def _lines(source: bytes, function: FunctionName) -> int:
    return gates.length(source, function.qualname)


def _samples(judged: Judged) -> Samples | None:
    measured = _measured(judged)
    if measured is None:
        return None
    pairs = tuple((pair.old_ns / 1e9, pair.new_ns / 1e9) for pair in measured.comparison.pairs)
    return Samples(pairs, measured.threshold, measured.conditions)
