"""How the report speaks to people: the sentences behind its closed lists, and numbers in words."""

import math
import shlex
from collections.abc import Mapping

from perfbot.bot.foreign_text import visible as visible
from perfbot.bot.report import (
    BenchmarkRow,
    Growth,
    HotspotRow,
    Reason,
    Report,
    Result,
    Speedup,
    Survivor,
    Verdict,
)
from perfbot.optimizer.verdict import Why

WHY: Mapping[Why, str] = {
    Why.FASTER: "proven faster, and right",
    Why.DOES_NOT_APPLY: "the patch does not fit the files",
    Why.DOES_NOT_PARSE: "the new code is not valid Python",
    Why.CHANGES_INTERFACE: "callers would see a different function",
    Why.FORBIDDEN: "it adds something that a speedup does not need",
    Why.TESTS_FAIL: "tests that passed before fail now",
    Why.TESTS_MISSING: "tests that ran before do not run any more",
    Why.RESULTS_DIFFER: "the new function returns or does something else",
    Why.NOT_FASTER: "it is not proven to be faster",
    Why.USES_MORE_MEMORY: "it needs more memory than is allowed",
    Why.LESS_READABLE: "it is harder to read than the gain is worth",
    Why.CHEATS: "it only looks faster in the benchmark",
    Why.CRASHED: "the process crashed",
    Why.TIMED_OUT: "it did not end in time",
    Why.TOO_NOISY: "this machine is too noisy to tell",
    Why.NOT_EXERCISED: "the workload never calls it",
    Why.NOT_COMPARABLE: "too few of its results can be compared",
}
REASON: Mapping[Reason, str] = {
    Reason.NATIVE: "its time is spent in compiled code",
    Reason.NO_STRATEGY: "no known strategy fits its code",
    Reason.BELOW_SHARE: "its share of the time is too small",
    Reason.NOT_EXERCISED: "the workload never calls it",
    Reason.IGNORED: "left out by the configuration",
    Reason.BUDGET: "its turn did not come in this run",
}
DECIDED = "same results, same tests, and even the lower end of the interval is above the threshold"
NEW_BENCHMARK = "No benchmark calls it; one was written from its recorded calls:"


def times(ratio: float) -> str:
    """Return a speedup as people write it: ``2.3×``, ``1.08×``, ``140×``."""
    digits = 0 if ratio >= 100 else 1 if ratio >= 10 else 2
    return f"{ratio:.{digits}f}×"


def at_least(speedup: Speedup) -> str:
    """Return the claim, which is the interval's lower end, rounded down and never up."""
    return at_least_times(speedup.low)


def at_least_times(low: float) -> str:
    """Return what ``at_least`` does of the lower end alone."""
    digits = 0 if low >= 100 else 1 if low >= 2 else 2
    return f"at least {_floored(low, digits)}× faster"


def _floored(ratio: float, digits: int) -> str:
    return f"{int(ratio * 10**digits) / 10**digits:.{digits}f}"


def interval(speedup: Speedup) -> str:
    """Return what stands behind the claim: ``2.31–2.55×, 99 % confidence, 24 pairs``."""
    digits = 0 if speedup.low >= 100 else 1 if speedup.low >= 10 else 2
    low, high = _floored(speedup.low, digits), times(speedup.high)
    return f"{low}–{high}, {percent(speedup.confidence)} confidence, {speedup.pairs} pairs"


def growth(found: Growth) -> str:
    """Return the exponents before and after: ``n^2.0 ± 0.1 → n^1.0 ± 0.1``, errors rounded up."""
    before = _power(found.before, found.before_error)
    return f"{before} → {_power(found.after, found.after_error)}"


def _power(exponent: float | None, error: float | None) -> str:
    if exponent is None or error is None:
        return "not known"
    return f"n^{round(exponent, 1) + 0.0:.1f} ± {math.ceil(error * 10) / 10:.1f}"  # no minus zero


def instructions(ratio: float) -> str:
    """Return what a count without noise says beside the clock."""
    return f"{ratio:.3g}× the instructions of before"


def workload(speedup: Speedup) -> str:
    """Return the effect on the whole workload, ``""`` where it was not measured."""
    if speedup.workload_estimate is None or speedup.workload_low is None:
        return ""
    least = _floored(speedup.workload_low, 2)
    if speedup.workload_low < 1:
        return f"no effect on the whole workload can be told from noise (at least {least}×)"
    return f"the whole workload {times(speedup.workload_estimate)} as fast, at least {least}×"


def benchmark(row: BenchmarkRow) -> str:
    """Return one benchmark before and after: ``test_total: 12.3 ms → 5.1 ms, 2.41× (2.29–2.53×)``."""
    before, after = seconds(row.before_s), seconds(row.after_s)
    low = times(row.low).removesuffix("×")
    return f"{row.name}: {before} → {after}, {times(row.ratio)} ({low}–{times(row.high)})"


def percent(share: float) -> str:
    """Return a share in per cent: ``41 %``, ``2.4 %``, ``< 0.1 %``."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    return (
        f"{share * 100:.1f}".removesuffix(".0") + " %"
        if share < 0.1 or share > 0.99
        else (f"{share * 100:.0f} %")
    )


def seconds(duration_s: float) -> str:
    """Return a measured time with a fitting unit: ``1.24 s``, ``310 ms``, ``4.2 µs``."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if duration_s >= size:
            return f"{duration_s / size:.3g} {unit}"
    return f"{duration_s / 1e-9:.3g} ns"


def headline(report: Report) -> str:
    """Return the whole report in one line."""
    count = len(report.accepted)
    if count:
        return f"{count} function{'s' if count > 1 else ''} proven faster"
    if report.results:
        return "Nothing was proven faster"
    return "Nothing to propose"


def outcome(report: Report, hotspot: HotspotRow) -> str:
    """Return what became of a hotspot, in a few words."""
    for result in report.results:
        if result.function == hotspot.function:
            return claim(result)
    for unchanged in report.unchanged:
        if unchanged.function == hotspot.function:
            return REASON[unchanged.reason]
    return ""


def claim(result: Result) -> str:
    """Return what is claimed about a result: the proven speedup, else why there is none."""
    if result.verdict is Verdict.ACCEPTED and result.speedup:
        return at_least(result.speedup)
    return f"{result.verdict}: {WHY[result.why]}"


def survivor(fault: Survivor) -> str:
    """Return a seeded fault that nothing noticed, on one line."""
    return f"not caught in line {fault.line}: {fault.before}  →  {fault.after}"


def tests(report: Report) -> str:
    """Return how the tests of the baseline went: ``210 passed, 3 skipped``."""
    work = report.workload
    if work is None:
        return "not run"
    counts = {
        "passed": work.passed,
        "failed": work.failed,
        "flaky": len(work.flaky),
        "skipped": work.skipped,
    }
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "none"


def quoted(word: str) -> str:
    """Return ``word`` as one argument of a POSIX shell."""
    return shlex.quote(word)


def rounds(result: Result) -> str:
    """Say how many versions models wrote on the way to a result, ``""`` where none did."""
    if not result.rounds:
        return ""
    replies = "1 version" if result.rounds == 1 else f"{result.rounds:,} versions"
    failed = len(result.attempts)
    return f"{replies} asked of models" + (f", {failed:,} of them dropped" if failed else "")
