"""A version of a file told apart from it: as a patch of lines, and as the code that is new in it."""

import ast
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from perfbot.profiling.functions import FunctionName, FunctionSpan, find_function

DOES_NOT_FIT = "the patch does not fit the file: it changes lines {first} to {last} of {count}"

_MOST_COMPARED = (
    4_000_000  # pairs of lines; beyond that all between the first and last change is one
)


class VersionError(ValueError):
    """A patch does not fit the text that it is applied to."""


@dataclass(frozen=True, slots=True)
class Edit:
    """``text`` stands for the lines from ``first`` up to and without ``last``, counted from 0."""

    first: int
    last: int
    text: str


def edits(before: str, after: str) -> tuple[Edit, ...]:
    """Return what makes ``after`` of ``before``, in the order of lines."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    start = _same(old, new)
    end = _same(old[start:][::-1], new[start:][::-1])
    middle_old, middle_new = old[start : len(old) - end], new[start : len(new) - end]
    if len(middle_old) * len(middle_new) > _MOST_COMPARED:
        return (Edit(start, len(old) - end, "".join(middle_new)),)
    matcher = SequenceMatcher(None, middle_old, middle_new)
    return tuple(
        Edit(start + i1, start + i2, "".join(middle_new[j1:j2]))
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    )


def _same(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many lines are the same from the beginning."""
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


def edited(before: str, changes: Sequence[Edit]) -> str:
    """Return the version that :func:`edits` took apart.

    Raises:
        VersionError: the edits overlap, are out of order or reach beyond the text.
    """
    lines = before.splitlines(keepends=True)
    made: list[str] = []
    done = 0
    for change in changes:
        if not done <= change.first <= change.last <= len(lines):
            told = DOES_NOT_FIT.format(first=change.first, last=change.last, count=len(lines))
            raise VersionError(told)
        made += [*lines[done : change.first], change.text]
        done = change.last
    return "".join([*made, *lines[done:]])


def definition(text: str, function: FunctionName) -> str:
    """Return a function's source with its decorators, moved to the left margin, ``""`` if not there."""
    span = find_function(text, function)
    return _source(text, span) if span else ""


def new_code(before: str, after: str, function: FunctionName) -> str:
    """Return what is new at the top level of a version, then the function.

    These are the imports, constants and helpers that the function needs beyond what there was.
    ``""`` where the version does not parse or lacks the function.
    """
    span = find_function(after, function)
    if span is None:
        return ""
    known = {source for _, source in _statements(before)}
    added = [
        source
        for lines, source in _statements(after)
        if source not in known and span.first_line not in lines
    ]
    return "\n".join([*added, _source(after, span)])


def _source(text: str, span: FunctionSpan) -> str:
    lines = text.split("\n")[span.first_line - 1 : span.end_line]
    return textwrap.dedent("\n".join(lines)) + "\n"


@lru_cache(maxsize=8)  # all versions of a file are compared with it
def _statements(text: str) -> tuple[tuple[range, str], ...]:
    """Return the lines, counted from 1, and the source of each statement of the top level."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    lines = text.split("\n")
    places = [range(_first(node), (node.end_lineno or node.lineno) + 1) for node in body]
    return tuple((place, "\n".join(lines[place.start - 1 : place.stop - 1])) for place in places)


def _first(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])
