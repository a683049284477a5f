"""perfbot as a step of a GitHub workflow: inputs from the environment, a summary and outputs to files.

The composite action (action.yml) hands its inputs over as ``PERFBOT_*`` variables, because an
expression inside a ``run:`` script would let a branch name run commands. The files that the runner
reads back are described in GitHub's documentation, "Workflow commands for GitHub Actions".
"""

import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from perfbot.bot import markdown, words
from perfbot.bot.durations import parse_duration
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.markdown import code, plain, prose
from perfbot.bot.options import OptimizeOptions, function_name
from perfbot.bot.report import Report, Result, Verdict

_LARGEST_SUMMARY_BYTES = 1000 * 1024  # the runner takes 1 MiB for each step
_TOO_LONG = "\n\nThe summary was cut here; the whole report is in the report folder.\n"
_TRUE, _FALSE = {"true", "1", "yes"}, {"", "false", "0", "no"}


def options_from(environ: Mapping[str, str]) -> OptimizeOptions:
    """Return what the workflow's author asked for; raises RunError when an input is wrong."""
    work = Path(environ.get("GITHUB_WORKSPACE") or ".")
    repository = work / environ.get("PERFBOT_REPOSITORY", "")
    if not repository.is_dir():
        raise RunError(Exit.USAGE, f"the input 'repository' names no folder: {repository}")
    config = environ.get("PERFBOT_CONFIG")
    python = shutil.which("python", path=environ.get("PATH", os.defpath))
    try:
        budget = environ.get("PERFBOT_TIME_BUDGET")
        return OptimizeOptions(
            repository=repository,
            functions=tuple(map(function_name, _lines(environ.get("PERFBOT_FUNCTIONS", "")))),
            config=work / config if config else None,
            time_budget_s=parse_duration(budget) if budget else None,
            report=work / (environ.get("PERFBOT_REPORT") or ".perfbot-report"),
            trust_repository=_flag(environ, "PERFBOT_TRUST_REPOSITORY"),
            interpreter=Path(python) if python else None,
        )
    except ValueError as error:
        raise RunError(Exit.USAGE, f"an input of the action is wrong: {error}") from None


def run(
    optimize: Callable[[OptimizeOptions], tuple[Report, Path]],
    environ: Mapping[str, str] = os.environ,
) -> Exit:
    """Run the main job as the workflow asks for and hand its result to the runner.

    ``optimize`` returns the report as written and the folder that it lies in. Until it has
    returned, the runner is told to take nothing in the log for a command, as repository text may
    stand in it.
    """
    chosen = options_from(environ)
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}", flush=True)
    try:
        report, folder = optimize(chosen)
    finally:
        sys.stderr.flush()
        print(f"::{token}::", flush=True)
    publish(report, folder, environ)
    return Exit.DONE


def publish(report: Report, folder: Path, environ: Mapping[str, str]) -> None:
    """Append the summary and the outputs to the runner's files, where it gave any."""
    if path := environ.get("GITHUB_STEP_SUMMARY"):
        _append(Path(path), _bounded(summary(report, folder)))
    if path := environ.get("GITHUB_OUTPUT"):
        _append(Path(path), b"".join(map(_output, outputs(report, folder).items())))


def outputs(report: Report, folder: Path) -> dict[str, str]:
    """Return the step's outputs; ``best-speedup`` is a proven lower end, empty when there is none."""
    lows = [one.speedup.low for one in report.accepted if one.speedup]
    return {
        "accepted": str(len(report.accepted)),
        "best-speedup": f"{max(lows):.2f}" if lows else "",
        "report": str(folder),
    }


def summary(report: Report, folder: Path) -> str:
    """Return the job summary in Markdown; text from the repository can neither format nor mention."""
    parts = [f"## perfbot: {words.headline(report)}\n", *_table(report)]
    for result in report.results:
        parts.extend(_result(result, folder))
    if report.unchanged:
        parts.append("\n### Where nothing was proposed\n")
        parts.extend(
            f"- {code(one.function)}: {words.REASON[one.reason]}"
            + (f" ({plain(one.detail)})" if one.detail else "")
            for one in report.unchanged
        )
    parts.append(f"\nTests before any change: {plain(words.tests(report))}.")
    return "\n".join(parts) + "\n"


def _table(report: Report) -> Iterator[str]:
    if not report.hotspots:
        return
    yield "| hotspot | share | outcome |"
    yield "|---|---:|---|"
    for row in report.hotspots:
        outcome = plain(words.outcome(report, row))
        yield f"| {code(row.function)} | {words.percent(row.share)} | {outcome} |"


def _result(result: Result, folder: Path) -> Iterator[str]:
    yield f"\n### {code(result.function)}\n"
    yield f"**{plain(words.claim(result))}**"
    if result.speedup:
        yield f"({words.interval(result.speedup)})"
    if result.detail:
        yield f"\n{plain(result.detail)}"
    yield ""
    for strategy in result.strategies:
        yield f"- **{plain(strategy.name)}**: {prose(strategy.why)}"
    if result.patch and result.verdict is Verdict.ACCEPTED:
        yield _patch(folder / Path(result.patch).name)


def _patch(path: Path) -> str:
    text = path.read_bytes().decode("utf-8", "replace")
    return "\n" + markdown.folded("Patch", markdown.fenced(text, "diff"))


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


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _flag(environ: Mapping[str, str], name: str) -> bool:
    value = environ.get(name, "").strip().lower()
    if value in _TRUE | _FALSE:
        return value in _TRUE
    raise ValueError(f"{name} is {value!r}; write true or false")
