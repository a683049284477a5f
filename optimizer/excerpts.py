"""Definitions cut down to what somebody who uses them has to know: short functions whole, else the head."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from perfbot.optimizer.containment import visible

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

_SHORT = 15  # lines of a function that is shown in full


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Code of a file: a definition as far as it matters, or lines of it."""

    path: str
    text: str


def first_line(node: Definition) -> int:
    """Return the line of ``def`` or ``class``, or of the first decorator."""
    return min([node.lineno, *(each.lineno for each in node.decorator_list)])


def excerpt(lines: Sequence[str], node: ast.stmt) -> list[str]:
    """Return the lines of a statement, as far as they matter, of the ``lines`` that a model may see.

    Of a class, and of a function that is not short, these are the head and the first line of the
    docstring; of a class its attributes and the signatures of its methods as well.
    """
    if not isinstance(node, Definition):
        return list(between(lines, node.lineno, node.end_lineno))
    first = first_line(node)
    if not isinstance(node, ast.ClassDef) and (node.end_lineno or first) - first < _SHORT:
        return list(between(lines, first, node.end_lineno))
    return [*_head(lines, node, first), *_docstring(node), *_inside(lines, node)]


def between(lines: Sequence[str], first: int, last: int | None) -> Sequence[str]:
    """Return the lines from ``first`` to ``last``, which count from 1."""
    return lines[first - 1 : last]


def _head(lines: Sequence[str], node: Definition, first: int) -> Sequence[str]:
    return between(lines, first, max(node.lineno, node.body[0].lineno - 1))


def _docstring(node: Definition) -> Iterator[str]:
    docstring = ast.get_docstring(node)
    if docstring:
        first, _, _ = visible(docstring).partition("\n")
        yield f'{" " * (node.col_offset + 4)}"""{first}"""'


def _inside(lines: Sequence[str], node: Definition) -> Iterator[str]:
    for each in node.body if isinstance(node, ast.ClassDef) else ():
        if isinstance(each, ast.Assign | ast.AnnAssign):
            yield from between(lines, each.lineno, each.end_lineno)
        elif isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _head(lines, each, each.lineno)
