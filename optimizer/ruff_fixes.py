"""Ruff's own fixes as text edits: one process per module text, for all codes at once."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider
from ruff import find_ruff_bin  # type: ignore[import-untyped]

from perfbot.profiling.sandbox import run_tool

_TIMEOUT_S = 60.0
_TARGET = "py310"  # the oldest interpreter that a target may have
_LINE_END = re.compile(r"\r\n|\n|\r")  # what ruff counts; str.splitlines knows more of them


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replaces the characters from ``start`` up to ``end`` (offsets into the text)."""

    start: int
    end: int
    content: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A place that ruff objects to, as offsets into the text, and the edits that mend it."""

    code: str
    start: int
    end: int
    edits: tuple[Edit, ...]


@lru_cache(maxsize=8)
def findings(text: str, codes: tuple[str, ...]) -> tuple[Finding, ...]:
    """Return ruff's findings that it can fix, unsafe fixes included, in the order of the text.

    Raises:
        ToolError: ruff could not be run.
    """
    argv = [find_ruff_bin(), "check", "--isolated", "--no-cache", "--quiet", "--exit-zero"]
    argv += ["--preview", "--unsafe-fixes", "--ignore-noqa", "--output-format", "json"]
    argv += ["--target-version", _TARGET, "--select", ",".join(codes)]
    answer = run_tool([*argv, "--stdin-filename", "module.py", "-"], text.encode(), _TIMEOUT_S)
    starts = [0, *(end.end() for end in _LINE_END.finditer(text))]
    found = [_finding(each, starts) for each in json.loads(answer) if _can_be_fixed(each)]
    return tuple(sorted(found, key=lambda finding: (finding.start, -finding.end)))


# https://docs.astral.sh/ruff/settings/#output-format: what one diagnostic of the JSON output holds.
def _can_be_fixed(diagnostic: dict[str, dict[str, object]]) -> bool:
    fix = diagnostic["fix"]
    return bool(fix) and fix["applicability"] in {"safe", "unsafe"}


def _finding(diagnostic: dict[str, object], starts: list[int]) -> Finding:
    def offset(place: dict[str, int]) -> int:
        return starts[place["row"] - 1] + place["column"] - 1

    fix = diagnostic["fix"]
    assert isinstance(fix, dict)
    edits = [
        Edit(offset(edit["location"]), offset(edit["end_location"]), edit["content"])
        for edit in fix["edits"]
    ]
    place, end = diagnostic["location"], diagnostic["end_location"]
    assert isinstance(place, dict)
    assert isinstance(end, dict)
    return Finding(str(diagnostic["code"]), offset(place), offset(end), tuple(sorted(edits)))


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Return the text after the edits; of two equal ones (an import that both need) one is applied."""
    for edit in sorted(set(edits), reverse=True):
        text = text[: edit.start] + edit.content + text[edit.end :]
    return text


def compatible(found: Iterable[Finding]) -> Iterator[Finding]:
    """Leave out each finding whose edits touch those of one before it: it is found again next time."""
    taken: set[Edit] = set()
    for finding in found:
        new = set(finding.edits) - taken
        if not any(_touch(edit, other) for edit in new for other in taken):
            taken |= new
            yield finding


def _touch(one: Edit, other: Edit) -> bool:
    return one.start <= other.end and other.start <= one.end


class Places:
    """Where the nodes of a module stand in its text, as offsets."""

    def __init__(self, module: cst.Module, text: str) -> None:
        self._starts = [0, *(end.end() for end in _LINE_END.finditer(text))]
        wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
        self._ranges = wrapper.resolve(PositionProvider)

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return where a node starts and ends."""
        place = self._ranges[node]
        assert isinstance(place, CodeRange)
        return self._offset(place.start.line, place.start.column), self._offset(
            place.end.line, place.end.column
        )

    def _offset(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column
