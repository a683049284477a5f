"""The report on a terminal: what was found, what is proven, what to type next."""

from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from perfbot.bot import words
from perfbot.bot.report import HotspotRow, Report, Result, Verdict
from perfbot.bot.words import visible

THE_PATCH = "the patch"  # where no function of it is known
_STYLES = {Verdict.ACCEPTED: "green", Verdict.REJECTED: "red", Verdict.INCONCLUSIVE: "yellow"}
_MARKS = {Verdict.ACCEPTED: "✓", Verdict.REJECTED: "✗", Verdict.INCONCLUSIVE: "?"}
_BAR_CELLS = 12
_WIDE_COLUMNS = 100


def print_report(report: Report, console: Console, folder: Path | None = None) -> None:
    """Print the report for a person; ``folder`` is where its files lie, if they were written.

    What came from the repository is printed as text only: no markup, no terminal escapes.
    """
    console.print()
    console.print(Text(words.headline(report), style="bold"))
    console.print(Text(_where(report), style="dim"), soft_wrap=True)
    print_hotspots(report, console)
    for result in sorted(report.results, key=lambda one: one.verdict is not Verdict.ACCEPTED):
        console.print()
        _print_result(result, console)
    _print_unchanged(report, console)
    if folder is not None:
        console.print()
        console.print(Text(f"Report: {visible(str(folder / 'report.html'))}"), soft_wrap=True)


def print_hotspots(report: Report, console: Console) -> None:
    """Print the table of hotspots, nothing where there are none."""
    if report.hotspots:
        console.print()
        console.print(_hotspots(report, bars=console.width >= _WIDE_COLUMNS))


def _where(report: Report) -> str:
    commit = report.repository.commit
    at = f" at {commit[:12]}{' with changes' if report.repository.dirty else ''}" if commit else ""
    place = visible(report.repository.path)
    return f"{place}{at} · {report.environment.python} · tests: {words.tests(report)}"


def _hotspots(report: Report, *, bars: bool) -> Table:
    """Return the table; on a narrow terminal the names need the room that bars would take."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("hotspot", overflow="fold")
    table.add_column("share", justify="right", no_wrap=True)
    if bars:
        table.add_column("", no_wrap=True)
    table.add_column("calls", justify="right", no_wrap=True)
    table.add_column("outcome", overflow="fold")
    for row in report.hotspots:
        calls = f"{row.calls:,}" if row.calls is not None else "–"
        cells = (visible(row.function), words.percent(row.share))
        outcome = words.outcome(report, row)
        drawn = [_bar(row)] if bars else []
        table.add_row(*map(Text, cells), *drawn, Text(calls), Text(outcome))
    return table


def _bar(row: HotspotRow) -> Text:
    """Draw the share; the full part is time in the function itself."""
    whole = min(_BAR_CELLS, round(row.share * _BAR_CELLS))
    full = min(whole, round(row.self_share * _BAR_CELLS))
    return Text("█" * full + "▒" * (whole - full), style="cyan")


def _print_result(result: Result, console: Console) -> None:
    style = _STYLES[result.verdict]
    mark = (f"{_MARKS[result.verdict]} ", f"bold {style}")
    line = Text.assemble(mark, (visible(result.function) or THE_PATCH, "bold"))
    console.print(line, soft_wrap=True)
    _print_indented(_claim(result), console, style)
    if result.growth:
        _print_indented(f"time grows as {words.growth(result.growth)}", console)
    if result.instructions_ratio is not None:
        _print_indented(words.instructions(result.instructions_ratio), console, "dim")
    if result.detail:
        _print_indented(visible(result.detail), console)
    for survivor in result.survivors:
        _print_indented(words.survivor(survivor), console, "dim")
    for strategy in result.strategies:
        _print_indented(f"• {strategy.name}: {strategy.why}", console)
    _print_effect(result, console)
    if told := words.rounds(result):
        _print_indented(told, console, "dim")
    if result.patch and result.verdict is Verdict.ACCEPTED:
        command = Text(f"    git apply {words.quoted(visible(result.patch))}", style="cyan")
        console.print(command, soft_wrap=True)


def _print_effect(result: Result, console: Console) -> None:
    """Print what the change does to benchmarks and workload, and what else a reader should know."""
    if result.speedup and (told := words.workload(result.speedup)):
        _print_indented(told, console)
    for row in result.benchmarks:
        _print_indented(words.benchmark(row), console)
    for remark in result.remarks:
        _print_indented(remark, console, "dim")
    if result.benchmark_file:
        place = visible(result.benchmark_file)
        console.print(Text(f"    {words.NEW_BENCHMARK} {place}"), soft_wrap=True)


def _claim(result: Result) -> str:
    if result.verdict is Verdict.ACCEPTED and result.speedup:
        return f"{words.at_least(result.speedup)} ({words.interval(result.speedup)})"
    if result.speedup:
        return f"{words.claim(result)} ({words.interval(result.speedup)})"
    return words.claim(result)


def _print_indented(text: str, console: Console, style: str = "") -> None:
    console.print(Padding(Text(visible(text), style=style), (0, 0, 0, 4)))


def _print_unchanged(report: Report, console: Console) -> None:
    shown = {row.function for row in report.hotspots}
    others = [one for one in report.unchanged if one.detail or one.function not in shown]
    if not others:
        return
    console.print()
    console.print(Text("Nothing proposed for", style="dim"))
    for one in others:
        detail = f" ({one.detail})" if one.detail else ""
        _print_indented(f"{one.function}: {words.REASON[one.reason]}{detail}", console)
