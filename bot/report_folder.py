"""The folder that a run leaves behind: report.json, report.html, patches, benchmarks, raw samples, the transcript."""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from errno import EACCES, ENOTDIR
from pathlib import Path

from perfbot.bot import html
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.files import write_together
from perfbot.bot.report import Report, Result, Samples, samples_to_json, to_json
from perfbot.optimizer.recorded import Transcript, to_lines

TRANSCRIPT_NAME = "transcript.jsonl"
_NAME_CHARACTERS = 60


class ReportError(RunError):
    """The report's folder cannot be written; nothing half-written was left there."""

    def __init__(self, folder: Path, error: OSError) -> None:
        message = (
            f"the report could not be written to {folder}: {error.strerror or error}. "
            "Make room or choose another folder with --report DIR."
        )
        super().__init__(Exit.USAGE, message)


def patch_name(position: int, function: str) -> str:
    """Return a file name for the patch of ``path.py::Qual.name``: short, plain, one per position."""
    path, _, qualname = function.rpartition("::")
    words = re.sub(r"[^A-Za-z0-9_.]+", "-", f"{Path(path).stem}.{qualname}").strip("-.")
    return f"{position:02d}-{words[:_NAME_CHARACTERS]}.patch"


def check(folder: Path) -> None:
    """Check that a folder can be made or written to, before hours are spent; nothing is made.

    Raises ReportError.
    """
    place = folder.absolute()
    there = next(each for each in (place, *place.parents) if each.exists())
    if not there.is_dir():
        raise ReportError(folder, NotADirectoryError(ENOTDIR, f"{there} is not a folder"))
    if not os.access(there, os.W_OK | os.X_OK):
        raise ReportError(folder, PermissionError(EACCES, f"{there} may not be written to"))


def write(
    report: Report,
    folder: Path,
    patches: Mapping[str, bytes],
    samples: Mapping[str, Samples],
    benchmarks: Mapping[str, bytes] = {},
    transcript: Transcript | None = None,
) -> Report:
    """Write the report's files and return the report as written, with absolute paths of its files.

    ``patches`` are the contents by plain file name, as in ``Result.patch``; ``samples`` the
    measurements by function; ``benchmarks`` are contents by path in the folder, as in
    ``Result.benchmark_file``; ``transcript`` is what models were asked and what was found.

    The folder is made when it is missing; other files in it are left alone. Raises ReportError.
    """
    assert all(Path(name).name == name for name in patches)
    assert all(len(Path(name).parts) == 2 and ".." not in name for name in benchmarks)
    folder = folder.absolute()
    located = replace(report, results=tuple(_located(one, folder) for one in report.results))
    contents = {folder / name: data for name, data in {**patches, **benchmarks}.items()}
    contents[folder / "samples.json"] = samples_to_json(samples).encode()
    if transcript is not None:
        contents[folder / TRANSCRIPT_NAME] = to_lines(transcript)
    contents[folder / "report.html"] = html.render(report, patches, samples, transcript).encode()
    contents[folder / "report.json"] = to_json(located).encode()
    try:
        for path in contents:
            path.parent.mkdir(parents=True, exist_ok=True)
        write_together(contents)
    except OSError as error:
        raise ReportError(folder, error) from error
    return located


def _located(result: Result, folder: Path) -> Result:
    return replace(
        result,
        patch=str(folder / result.patch) if result.patch else None,
        benchmark_file=str(folder / result.benchmark_file) if result.benchmark_file else None,
    )
