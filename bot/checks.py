"""The check run beside the commit that a job was about: what was measured, with notes on its lines."""

from pathlib import Path

from perfbot.bot import check_run
from perfbot.bot.check_run import Lines
from perfbot.bot.child_runs import original
from perfbot.bot.forge import Annotation, Check, CommitSha, Conclusion, Level
from perfbot.bot.report import Report
from perfbot.bot.runs import Checkout
from perfbot.profiling.functions import FunctionName, find_function
from perfbot.profiling.source import UnreadableSource, decode_source


def check_of(
    key: str, head: CommitSha, report: Report, checkout: Checkout, *, judged: bool = False
) -> Check:
    """Return the check of a report; ``judged``: the commit's own change was (see ``check_run``)."""
    run = check_run.check_run(report, lines_in(report, checkout), judged=judged)
    notes = (note for batch in run.annotations for note in batch)
    return Check(
        key,
        check_run.NAME,
        head,
        run.title,
        run.summary,
        Conclusion(run.conclusion),
        tuple(_annotation(note) for note in notes),
    )


def lines_in(report: Report, checkout: Checkout) -> dict[str, Lines]:
    """Return where the hotspots of a report stand in the code that it is about."""
    found = {}
    for row in report.hotspots:
        name = FunctionName.parse(row.function)
        span = find_function(text_in(checkout, name.path) or "", name)
        if span:
            found[row.function] = Lines(span.first_line, span.end_line)
    return found


def text_in(checkout: Checkout, path: str) -> str | None:
    """Return the text of a source file, None where it cannot be read as one."""
    content = original(checkout, path)
    try:
        return decode_source(content, Path(path)).text if content is not None else None
    except UnreadableSource:
        return None


def _annotation(note: check_run.Annotation) -> Annotation:
    first, last = note.lines.first, note.lines.last
    return Annotation(note.path, first, last, Level(note.level), note.title, note.message)
