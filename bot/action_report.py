"""A report folder read back before anything of it is published.

The folder may be an artifact that a stranger's pull request made: of its files only plain ones with the
expected names are opened, none is followed anywhere, all are bounded, and what stands in them has to be
what a run of perfbot could have written. That says nothing of whether it is true.
"""

import math
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

from perfbot.bot.exits import Exit, RunError
from perfbot.bot.report import (
    HotspotRow,
    Report,
    ReportFileError,
    Result,
    Samples,
    Speedup,
    Unchanged,
    Verdict,
    from_json,
    samples_from_json,
)

Read = TypeVar("Read")

REFUSED = "the report in {folder} is not published: {why}"
NO_FOLDER = "there is no such folder"
NO_FILE = "{name} is missing or is no plain file"
TOO_LARGE = "{name} is larger than {most:,} bytes"
NO_JSON = "{name} is none of this version of perfbot"
IMPOSSIBLE = "it says of {what} what no run of perfbot says"
_LARGEST_REPORT_BYTES = 2 * 1024 * 1024
_LARGEST_SAMPLES_BYTES = 8 * 1024 * 1024
_LARGEST_PATCH_BYTES = 256 * 1024
_MOST_RESULTS = 100
_MOST_ROWS = 1000
_MOST_SAMPLES = 100_000
_LONGEST_TEXT = 20_000
_LONGEST_NAME = 500
_LARGEST = 10**15
_PATCH = re.compile(r"[0-9]{2}-[A-Za-z0-9_.-]{1,80}\.patch")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class HandedError(RunError):
    """A report folder cannot be published; the message says why and quotes nothing of it."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(Exit.USAGE, REFUSED.format(folder=folder, why=why))


@dataclass(frozen=True, slots=True)
class Handed:
    """A report with its patches by plain file name, and its samples by function."""

    report: Report
    patches: Mapping[str, bytes]
    samples: Mapping[str, Samples]

    def patch_of(self, result: Result) -> bytes:
        """Return the patch of an accepted result."""
        return self.patches[PurePosixPath(result.patch or "").name]


def read(folder: Path) -> Handed:
    """Read the folder; raises HandedError for whatever no run of perfbot leaves behind."""
    try:
        return _handed(folder)
    except _WrongError as wrong:
        raise HandedError(folder, str(wrong)) from None


class _WrongError(Exception):
    """What is wrong with a folder."""


def _handed(folder: Path) -> Handed:
    with _opened(folder) as place:
        content = _content(place, "report.json", _LARGEST_REPORT_BYTES)
        report = _decoded("report.json", lambda: from_json(content))
        _check(report)
        patches = {
            name: _content(place, name, _LARGEST_PATCH_BYTES)
            for name in map(_patch_name, report.accepted)
            if name
        }
        raw = _content(place, "samples.json", _LARGEST_SAMPLES_BYTES)
        samples = _decoded("samples.json", lambda: samples_from_json(raw))
    if sum(len(each.pairs) for each in samples.values()) > _MOST_SAMPLES:
        raise _WrongError(IMPOSSIBLE.format(what="its samples"))
    _check_numbers(samples, "its samples")
    return Handed(report, patches, samples)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    try:
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        raise _WrongError(NO_FOLDER) from None
    try:
        yield place
    finally:
        os.close(place)


def _content(folder: int, name: str, most: int) -> bytes:
    """Read a plain file of the open folder: no link is followed, no pipe waited for."""
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        raise _WrongError(NO_FILE.format(name=name)) from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _WrongError(NO_FILE.format(name=name))
    with open(handle, "rb") as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise _WrongError(TOO_LARGE.format(name=name, most=most))
    return content


def _decoded(name: str, read: Callable[[], Read]) -> Read:
    try:
        return read()
    except ReportFileError:  # whose text may quote the file
        raise _WrongError(NO_JSON.format(name=name)) from None


def _check(report: Report) -> None:
    rows = max(len(report.hotspots), len(report.unchanged))
    if len(report.results) > _MOST_RESULTS or rows > _MOST_ROWS:
        raise _WrongError(IMPOSSIBLE.format(what="how much it found"))
    if report.repository.commit is not None and not _COMMIT.fullmatch(report.repository.commit):
        raise _WrongError(IMPOSSIBLE.format(what="its commit"))
    for name in (*_names(report.hotspots), *_names(report.unchanged)):
        _check_function(name)
    for result in report.results:
        _check_result(result)
    _check_numbers(report, "a number")


def _names(rows: Sequence[HotspotRow | Unchanged]) -> list[str]:
    return [each.function for each in rows]


def _check_result(result: Result) -> None:
    """Check what a result claims; a refused patch may name no function at all."""
    if result.speedup is not None:
        _check_speedup(result.speedup)
    if result.verdict is not Verdict.ACCEPTED:
        if result.function:
            _check_function(result.function)
        return
    _check_function(result.function)
    if result.speedup is None:
        raise _WrongError(IMPOSSIBLE.format(what="a speedup"))


def _check_speedup(speed: Speedup) -> None:
    ordered = 0 < speed.low <= speed.estimate <= speed.high
    if not (ordered and 0.5 <= speed.confidence < 1 and speed.pairs > 0):
        raise _WrongError(IMPOSSIBLE.format(what="a speedup"))


def _check_function(name: str) -> None:
    path, _, qualname = name.rpartition("::")
    parts = PurePosixPath(path).parts
    inside = parts and parts[0] != "/" and ".." not in parts and path.endswith(".py")
    if not (inside and qualname and len(name) <= _LONGEST_NAME and name.isprintable()):
        raise _WrongError(IMPOSSIBLE.format(what="a function"))


def _patch_name(result: Result) -> str:
    """Return the plain name of a patch; ``verify`` writes none."""
    if result.patch is None:
        return ""
    name = PurePosixPath(result.patch).name
    if not _PATCH.fullmatch(name):
        raise _WrongError(IMPOSSIBLE.format(what="where a patch is"))
    return name


def _check_numbers(value: object, what: str) -> None:
    """Walk through records: JSON numbers have no end, and texts for people have one here."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case Speedup(high=math.inf) as speed:  # an interval may have an open end
                waiting.append(replace(speed, high=speed.low))
            case int() | float() as number if not -_LARGEST <= number <= _LARGEST:
                raise _WrongError(IMPOSSIBLE.format(what=what))
            case str() as text if len(text) > _LONGEST_TEXT:
                raise _WrongError(IMPOSSIBLE.format(what="a text"))
            case tuple() | list() as items:
                waiting.extend(items)
            case dict() as items:
                waiting.extend((*items.keys(), *items.values()))
            case record if is_dataclass(record):
                waiting.extend(getattr(record, each.name) for each in fields(record))
