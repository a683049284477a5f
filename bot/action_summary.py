"""What the runner gets back: the job's summary in Markdown and the step's outputs, in the files it names.

The files are described in GitHub's documentation, "Workflow commands for GitHub Actions". Text of the
repository can neither format nor mention in a summary, and no value can end its own output.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from perfbot.bot import check_run, evidence, markdown, words
from perfbot.bot.action_report import Handed
from perfbot.bot.markdown import code, plain
from perfbot.bot.report import Report, Result

NOTHING_CHANGED = (
    "## perfbot: nothing to look at\n\nThe pull request changes no function that perfbot could look "
    "at: {why}.\n"
)
NO_RESULT = "## perfbot: no result\n\n{message}\n"
PUBLISHED = "## perfbot: what was published\n\n{lines}\n"
REGRESSION = "regression"
_LARGEST_SUMMARY_BYTES = 1000 * 1024  # the runner takes 1 MiB for each step
_TOO_LONG = "\n\nThe summary was cut here; the whole report is in the report folder.\n"
_MOST_RESULTS = 50
_LONGEST_PATCH = 20_000


def write_summary(environ: Mapping[str, str], text: str) -> None:
    """Append to the job's summary, where the runner wants one."""
    if path := environ.get("GITHUB_STEP_SUMMARY"):
        _append(Path(path), _bounded(text))


def write_outputs(environ: Mapping[str, str], outputs: Mapping[str, str]) -> None:
    """Append to the step's outputs, where the runner wants them."""
    if path := environ.get("GITHUB_OUTPUT"):
        _append(Path(path), b"".join(map(_output, outputs.items())))


def outputs(report: Report, folder: Path, *, judged: bool = False) -> dict[str, str]:
    """Return what every measuring mode puts out; ``verdict`` is empty where nothing was ``judged``."""
    lows = [one.speedup.low for one in report.accepted if one.speedup]
    return {
        "accepted": str(len(report.accepted)),
        "best-speedup": f"{max(lows):.2f}" if lows else "",
        "report": str(folder),
        "verdict": verdict(report) if judged else "",
    }


def verdict(report: Report) -> str:
    """Return how a pull request's own change was judged; a proven regression goes by its name."""
    if any(map(evidence.slower, report.results)):
        return REGRESSION
    return report.results[0].verdict.value if report.results else ""


def optimized(handed: Handed) -> str:
    """Return the summary of a run that looked for faster versions."""
    report = handed.report
    return _joined(
        [
            f"## perfbot: {words.headline(report)}",
            _hotspots_with_outcomes(report),
            _measured(report, report.accepted),
            *(_result(handed, each) for each in report.results[:_MOST_RESULTS]),
            _unchanged(report),
            _footer(report),
        ]
    )


def judged(handed: Handed) -> str:
    """Return the summary of a run that judged a pull request's own change."""
    report = handed.report
    shown = check_run.check_run(report, {}, judged=True)
    return _joined(
        [
            f"## perfbot: {plain(shown.title)}",
            shown.summary,
            *(_picture(handed, each) for each in report.results[:_MOST_RESULTS]),
        ]
    )


def profiled(report: Report) -> str:
    """Return the summary of a run that looked for hotspots only."""
    rows = [
        [
            code(row.function),
            words.percent(row.share),
            words.percent(row.self_share),
            "" if row.calls is None else f"{row.calls:,}",
            words.percent(row.native_share),
            "" if row.ceiling is None else words.times(row.ceiling),
        ]
        for row in report.hotspots
    ]
    head = ["hotspot", "share", "self", "calls", "in compiled code", "whole workload at best"]
    table = markdown.table(head, "lrrrrr", rows) if rows else "No function of the project was hot."
    return _joined(["## perfbot: where the time goes", table, _footer(report)])


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(filter(None, parts)) + "\n"


def _hotspots_with_outcomes(report: Report) -> str:
    rows = [
        [code(row.function), words.percent(row.share), plain(words.outcome(report, row))]
        for row in report.hotspots
    ]
    return markdown.table(["hotspot", "share", "outcome"], "lrl", rows) if rows else ""


def _measured(report: Report, results: tuple[Result, ...]) -> str:
    return evidence.measured(report, results) if results else ""


def _result(handed: Handed, result: Result) -> str:
    return _joined(_about(handed, result)).rstrip("\n")


def _about(handed: Handed, result: Result) -> Iterator[str]:
    yield f"### {code(result.function)}"
    yield f"**{plain(evidence.claim(result))}**"
    if result.speedup:
        yield f"({words.interval(result.speedup)})"
    if result.detail:
        yield plain(result.detail)
    yield evidence.strategies(result)
    yield _picture(handed, result)
    if result in handed.report.accepted and result.patch and handed.patches:
        yield _patch(handed.patch_of(result))


def _picture(handed: Handed, result: Result) -> str:
    return evidence.chart(handed.samples.get(result.function))


def _patch(content: bytes) -> str:
    text = content.decode("utf-8", "replace")
    if len(text) > _LONGEST_PATCH:
        return "The patch is in the report folder."
    return markdown.folded("Patch", markdown.fenced(text, "diff"))


def _unchanged(report: Report) -> str:
    rows = [
        f"- {code(one.function)}: {words.REASON[one.reason]}"
        + (f" ({plain(one.detail)})" if one.detail else "")
        for one in report.unchanged
    ]
    return "\n".join(["### Where nothing was proposed", "", *rows]) if rows else ""


def _footer(report: Report) -> str:
    environment = markdown.folded("Environment", evidence.environment(report))
    told = f"Tests before any change: {plain(words.tests(report))}. {evidence.cost(report)}"
    return f"{told}\n\n{environment}"


def _bounded(text: str) -> bytes:
    content = text.encode("utf-8", "backslashreplace")
    if len(content) <= _LARGEST_SUMMARY_BYTES:
        return content
    kept = content[:_LARGEST_SUMMARY_BYTES].decode("utf-8", "ignore")
    return (kept + _TOO_LONG).encode()


def _output(item: tuple[str, str]) -> bytes:
    """Return one output; a random delimiter keeps a value from ending its own block."""
    name, value = item
    mark = secrets.token_hex(16)
    return f"{name}<<{mark}\n{value}\n{mark}\n".encode("utf-8", "backslashreplace")


def _append(path: Path, content: bytes) -> None:
    with path.open("ab") as stream:
        stream.write(content)
