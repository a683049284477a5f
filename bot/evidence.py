"""What was measured and proven about accepted changes, as pieces of Markdown for GitHub.

Pull requests, comments and check runs are put together from these. Every sentence is a template
around measured facts; text of the repository and of models passes through ``markdown``.
"""

import math
import re
from collections.abc import Iterator, Sequence

from perfbot.bot import words
from perfbot.bot.durations import format_duration
from perfbot.bot.markdown import code, fenced, plain, prose, shortened, table
from perfbot.bot.report import Report, Result, Samples, Verdict

NOT_MEASURED = "not measured"
OPENING = "{function} in {path} took {share} of the workload's time. It is now **{claim}**."
OPENING_WITHOUT_SHARE = "{function} in {path} is now **{claim}**."
SLOWER = "slower, at least {times:.2f}× the time of before"
LESS_MEMORY = "needs {ratio} of the memory it needed"
BY_A_MODEL = "Written by the model {model} and not checked, unlike the figures below:"
CHART = (
    "All {pairs} pairs, sorted by time: before in red, after in blue. "
    "The middle of a line is its median; the axis begins at zero."
)
_LOOKS = (  # colours that show on light and dark pages; Mermaid's first one hardly does
    '%%{init: {"xyChart": {"height": 280, "yAxis": {"labelFontSize": 11}}, "themeVariables": '
    '{"xyChart": {"plotColorPalette": "#d1242f, #0969da"}}}}%%'
)
TESTS = "The same {passed} tests pass before and after; 0 were lost ({all} before any change)."
NO_TESTS = "The repository has no tests that run; the recorded calls alone say that it is right."
KILLED = "Of the faults that were seeded into the new code, the recorded calls and the tests caught {rate}."
REMARK = "On {function}: {remark}."
COST = "This took {time}{tokens}."
COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
SHOWN_LINES = 16  # changed lines that still fit on a screen
_EMBEDDED = frozenset({"embedded", "none"})
_LONGEST_NAME = 160
_LONGEST_WHY = 300
_LONGEST_DETAIL = 400
_LONGEST_LINE = 160
_MOST_ATTEMPTS = 20
_MOST_BENCHMARKS = 20
_MOST_STRATEGIES = 6
_POINTS = 21
_UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))


def opening(report: Report, result: Result) -> str:
    """Return what was slow, how much of the workload it is, and what is claimed now."""
    path, _, name = result.function.rpartition("::")
    share = next((row.share for row in report.hotspots if row.function == result.function), None)
    return (OPENING if share is not None else OPENING_WITHOUT_SHARE).format(
        function=code(name, _LONGEST_NAME),
        path=code(path, _LONGEST_NAME),
        share=words.percent(share or 0),
        claim=claim(result),
    )


def claim(result: Result) -> str:
    """Return what is claimed of a result: what is proven of its speed or memory, else why nothing is."""
    speedup = result.speedup
    if speedup and slower(result):
        return SLOWER.format(times=math.floor(100 / speedup.high) / 100)
    if result.verdict is Verdict.ACCEPTED and not (speedup and speedup.low > 1):
        return LESS_MEMORY.format(ratio=words.percent(result.memory_ratio or 1))
    return words.claim(result)


def slower(result: Result) -> bool:
    """Say whether a result is proven to be slower: the whole interval lies below one."""
    return result.speedup is not None and result.speedup.high < 1


def commit(sha: str) -> str:
    """Return a SHA as it is, so that GitHub makes a link of it; anything else is shown as code."""
    return sha if COMMIT.fullmatch(sha) else code(sha, _LONGEST_NAME)


def strategies(result: Result) -> str:
    """Return what was done, a line for each strategy; what a model wrote is marked as such."""
    rows = [
        f"- **{plain(each.name, _LONGEST_NAME)}**: {prose(each.why, _LONGEST_WHY)}"
        for each in result.strategies[:_MOST_STRATEGIES]
    ]
    if result.planner not in _EMBEDDED and rows:
        rows.insert(0, BY_A_MODEL.format(model=code(result.planner, _LONGEST_NAME)) + "\n")
    return "\n".join(rows)


def idea(patch: bytes) -> str:
    """Return the changed lines alone where they are few; empty where the diff itself is clearer."""
    lines = patch.decode("utf-8", "replace").split("\n")
    changed = [
        shortened(line, _LONGEST_LINE)
        for line in lines
        if line[:1] in {"-", "+"} and line[1:].strip() and not line.startswith(("--- ", "+++ "))
    ]
    return fenced("\n".join(changed), "diff") if 0 < len(changed) <= SHOWN_LINES else ""


def measured(report: Report, results: Sequence[Result]) -> str:
    """Return the table of what was measured, a column for each result, and the machine itself."""
    names = [code(each.function.rpartition("::")[2], _LONGEST_NAME) for each in results]
    rows = [
        ["time of the function", *map(_time, results)],
        ["time of the whole workload", *map(_workload, results)],
        ["peak memory", *(_share(each.memory_ratio) for each in results)],
        ["growth with the input's size", *map(_growth, results)],
        ["instructions", *(_share(each.instructions_ratio) for each in results)],
    ]
    body = table(["", *names], "l" * (len(names) + 1), rows)
    return f"{body}\n\n{_noise(report)}"


def _time(result: Result) -> str:
    speedup = result.speedup
    if speedup is None:
        return NOT_MEASURED
    proven = slower(result) or (result.verdict is Verdict.ACCEPTED and speedup.low > 1)
    said = f"**{claim(result)}**" if proven else words.times(speedup.estimate)
    return f"{said} ({words.interval(speedup)})"


def _workload(result: Result) -> str:
    found = result.speedup
    if found is None or found.workload_estimate is None or found.workload_low is None:
        return NOT_MEASURED
    low = math.floor(found.workload_low * 100) / 100
    said = f"{words.times(found.workload_estimate)} as fast (at least {low:.2f}×)"
    return said if low >= 1 else f"{said}: no effect can be told from noise"


def _share(ratio: float | None) -> str:
    return NOT_MEASURED if ratio is None else f"{words.percent(ratio)} of before"


def _growth(result: Result) -> str:
    return plain(words.growth(result.growth)) if result.growth else NOT_MEASURED


def _noise(report: Report) -> str:
    noise = report.noise
    if noise is None:
        return "The noise of this machine was not measured."
    return (
        f"The unchanged code against itself on the same machine: {noise.low:.3f}–{noise.high:.3f}× "
        f"({noise.pairs} pairs)."
    )


def chart(samples: Samples | None) -> str:
    """Return a Mermaid picture of all pairs, empty where there are too few to draw a line."""
    pairs = samples.pairs if samples else ()
    if len(pairs) < 2:
        return ""
    before, after = (sorted(times) for times in zip(*pairs, strict=True))
    longest = max(before[-1], after[-1])
    unit, size = next((each for each in _UNITS if longest >= each[1]), _UNITS[-1])
    lines = "\n".join(
        f"  line [{', '.join(f'{time / size:.3f}' for time in _quantiles(times))}]"
        for times in (before, after)
    )
    drawing = (
        f'{_LOOKS}\nxychart-beta\n  x-axis "share of the pairs, %" 0 --> 100\n'
        f'  y-axis "{unit}" 0 --> {longest / size * 1.05:.3f}\n{lines}'
    )
    return f"{CHART.format(pairs=len(pairs))}\n\n{fenced(drawing, 'mermaid')}"


def _quantiles(times: Sequence[float]) -> Iterator[float]:
    """Yield evenly spread quantiles, interpolated between neighbours (Hyndman and Fan's type 7)."""
    for point in range(_POINTS):
        place = point * (len(times) - 1) / (_POINTS - 1)
        low = min(int(place), len(times) - 2)
        yield times[low] + (place - low) * (times[low + 1] - times[low])


def assurances(report: Report, results: Sequence[Result]) -> str:
    """Return why it is right and what it cost: tests, seeded faults, seconds and tokens."""
    work = report.workload
    said = [
        TESTS.format(passed=f"{work.passed:,}", all=words.tests(report))
        if work and work.passed
        else NO_TESTS
    ]
    rates = [each.kill_rate for each in results if each.kill_rate is not None]
    if rates:
        said.append(KILLED.format(rate=words.percent(min(rates))))
    said += [
        REMARK.format(
            function=code(each.function.rpartition("::")[2], _LONGEST_NAME), remark=remark
        )
        for each in results
        if (remark := plain(_remark(each), _LONGEST_DETAIL))
    ]
    said.append(cost(report))
    return "\n".join(f"- {sentence}" for sentence in said)


def _remark(result: Result) -> str:
    """Return what is said behind the sentence that all accepted results have, such as a tolerance."""
    return result.detail.removeprefix(words.DECIDED).removeprefix("; ")


def cost(report: Report) -> str:
    """Return what the run took."""
    spent = report.cost
    tokens = spent.tokens_in + spent.tokens_out
    said = f", {tokens:,} tokens and {spent.usd:.2f} US dollars" if tokens else " and no model"
    return COST.format(time=format_duration(spent.seconds), tokens=said)


def benchmarks(result: Result) -> str:
    """Return the project's own benchmarks before and after, and what could not be measured."""
    rows = [plain(words.benchmark(row), _LONGEST_DETAIL) for row in result.benchmarks]
    rows += [plain(each, _LONGEST_DETAIL) for each in result.remarks]
    return "\n".join(f"- {row}" for row in rows[:_MOST_BENCHMARKS])


def environment(report: Report) -> str:
    """Return on what it was measured, as a list."""
    here = report.environment
    rows = {
        "Python": here.python,
        "processor": f"{here.cpu}, {here.cores} cores",
        "system": here.os,
        "sandbox": here.sandbox,
        "instructions counted by": here.counters or "nothing",
        "perfbot": report.perfbot,
    }
    said = [f"- {name}: {plain(text, _LONGEST_NAME)}" for name, text in rows.items()]
    measured_on = report.repository.commit
    return "\n".join([*said, f"- commit: {commit(measured_on)}"] if measured_on else said)


def raw(samples: Samples) -> str:
    """Return every pair as it was measured, for those who want to calculate again."""
    rows = (f"{before:.6e}  {after:.6e}" for before, after in samples.pairs)
    return fenced("\n".join(("before, s     after, s", *rows)), "text")


def attempts(report: Report, functions: frozenset[str]) -> str:
    """Return what was tried for these functions, or all if there are none, and did not hold."""
    tried = [
        each
        for each in report.results
        if each.verdict is not Verdict.ACCEPTED and (not functions or each.function in functions)
    ]
    return "\n".join(map(_attempt, tried[:_MOST_ATTEMPTS]))


def _attempt(result: Result) -> str:
    names = ", ".join(each.name for each in result.strategies) or "no strategy was named"
    detail = f" ({plain(result.detail, _LONGEST_DETAIL)})" if result.detail else ""
    said = f"{plain(names, _LONGEST_NAME)}: {plain(words.WHY[result.why])}{detail}"
    return f"- {code(result.function, _LONGEST_NAME)}: {said}"
