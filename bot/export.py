"""``perfbot export``: what this machine's transcripts hold, as training data or as a list of runs."""

from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from perfbot.bot.config import Operator
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.files import write_together
from perfbot.bot.options import ExportOptions
from perfbot.bot.transcripts import opened
from perfbot.bot.words import visible
from perfbot.optimizer.judged_pairs import judged_pairs
from perfbot.optimizer.recorded import Keep, Run, TranscriptError
from perfbot.optimizer.transcript import Store

WRITTEN = "{count} pairs of {runs} runs were written to {file}."
WITHOUT_SOURCE = "{count} runs were kept without source text and give none."
CANNOT_WRITE = "{file} cannot be written: {why}"


def run(options: ExportOptions) -> Exit:
    """Write the pairs or list the runs.

    Raises:
        RunError: nothing is kept on this machine, or the file cannot be written.
    """
    try:
        with opened(Operator.from_environment()) as store:
            runs = [each for each in store.runs() if each.started_s >= options.since_s]
            if options.pairs is None:
                _list(runs)
            else:
                _export(store, runs, options.pairs, options)
    except TranscriptError as error:
        raise RunError(Exit.USAGE, str(error)) from error
    return Exit.DONE


def _export(store: Store, runs: list[Run], file: Path, options: ExportOptions) -> None:
    pairs = judged_pairs(
        (store.transcript(each.run) for each in runs),
        store.outcomes(),
        everything=options.everything,
        prompts=options.prompts,
    )
    lines = [msgspec.json.encode(pair) for pair in pairs]
    try:
        write_together({file: b"".join(line + b"\n" for line in lines)})
    except OSError as error:
        told = CANNOT_WRITE.format(file=file, why=error.strerror)
        raise RunError(Exit.USAGE, told) from error
    console = Console(stderr=True)
    console.print(
        WRITTEN.format(count=len(lines), runs=len(runs), file=file),
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    redacted = sum(each.keeps is Keep.REDACTED for each in runs)
    if redacted:
        console.print(WITHOUT_SOURCE.format(count=redacted), markup=False, highlight=False)


def _list(runs: list[Run]) -> None:
    table = Table("run", "repository", "commit", "kept", box=None, pad_edge=False)
    for each in runs:
        whole = "" if each.ended_s is not None else ", did not end"
        table.add_row(
            each.run, visible(each.repository), (each.revision or "")[:12], f"{each.keeps}{whole}"
        )
    Console().print(table)
