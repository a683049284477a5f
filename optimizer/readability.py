"""How hard a function is to read, in numbers: cognitive and cyclomatic complexity, nesting, length.

All take a file's bytes and a function's qualified name (the last definition of it counts) and are 0
where the file cannot be parsed or has no such function.
"""

import ast
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

from perfbot.profiling.functions import FunctionName, find_function
from perfbot.profiling.source import UnreadableSource, decode_source

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


class Kept(StrEnum):
    """What a change should leave to readers."""

    COMMENTS = "comments"
    DOCSTRINGS = "docstrings"
    ANNOTATIONS = "annotations"
    NAMES = "names"
    STYLE = "style"


@dataclass(frozen=True, slots=True)
class Limits:
    """By how much a change may be harder to read; of ``keep`` nothing may be lost at all."""

    max_complexity_increase: int = 5
    max_length_ratio: float = 2.0
    max_nesting_increase: int = 2
    keep: frozenset[Kept] = frozenset(Kept)


def cognitive(source: bytes, qualname: str) -> int:
    """Return the cognitive complexity of a function with what is nested in it.

    Each break in the linear flow costs one, and one more for each level at which it is nested.
    Source: G. A. Campbell, "Cognitive Complexity", SonarSource 2018 (version 1.4), appendix B; the
    ``else`` of a loop counts like that of an ``if``, comprehensions cost nothing by themselves.
    """
    function = _read(source, qualname)
    if function is None:
        return 0
    body = _wrapper(function) or function
    return _all(body.body, 0) + _calls_itself(function)


def cyclomatic(source: bytes, qualname: str) -> int:
    """Return McCabe's cyclomatic complexity of one function with what is nested in it.

    Source: T. J. McCabe, "A Complexity Measure", IEEE TSE 1976: decisions + 1.
    """
    function = _read(source, qualname)
    return 1 + sum(map(_decisions, ast.walk(function))) if function else 0


def length(source: bytes, qualname: str) -> int:
    """Return how many lines one function has, decorators aside."""
    function = _read(source, qualname)
    return (function.end_lineno or 0) - function.lineno + 1 if function else 0


def nesting(source: bytes, qualname: str) -> int:
    """Return how deep statements stand in others inside a function; ``elif`` goes no deeper."""
    function = _read(source, qualname)
    return _depth(function.body) if function else 0


def definition(text: str, qualname: str) -> Definition | None:
    """Return the syntax tree of a function, ``None`` where there is none or the text does not parse."""
    with suppress(SyntaxError, ValueError, RecursionError):
        span = find_function(text, FunctionName("", qualname))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, Definition) and span and node.lineno == span.def_line:
                return node
    return None


def _read(source: bytes, qualname: str) -> Definition | None:
    with suppress(UnreadableSource):
        return definition(decode_source(source, Path()).text, qualname)
    return None


def _depth(body: Sequence[ast.stmt]) -> int:
    return max((_depth_of(each) for each in body), default=0)


def _depth_of(node: ast.stmt) -> int:
    """Return how many levels a statement opens, itself included if it has a block."""
    match node:
        case ast.If(orelse=[ast.If(col_offset=column) as other]) if column == node.col_offset:
            return max(1 + _depth(node.body), _depth_of(other))  # elif
        case ast.Try() | ast.TryStar():
            handled = [_depth(handler.body) for handler in node.handlers]
            return 1 + max(*map(_depth, (node.body, node.orelse, node.finalbody)), *handled)
        case ast.Match():
            return 1 + max(_depth(case.body) for case in node.cases)
    blocks = [getattr(node, name, []) for name in ("body", "orelse")]
    return 1 + max(map(_depth, blocks)) if any(blocks) else 0


def _decisions(node: ast.AST) -> int:
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    if isinstance(node, ast.comprehension):
        return 1 + len(node.ifs)
    kinds = (ast.If, ast.IfExp, *_LOOPS, ast.ExceptHandler, ast.match_case, ast.Assert)
    return int(isinstance(node, kinds))


def _wrapper(function: Definition) -> Definition | None:
    """Return the inner function of a decorator, which is not nested by the exception for Python."""
    documented = ast.get_docstring(function, clean=False) is not None
    match function.body[documented:]:
        case [(ast.FunctionDef() | ast.AsyncFunctionDef()) as inner, ast.Return()]:
            return inner
    return None


def _all(nodes: Iterable[ast.AST], depth: int) -> int:
    return sum(_cost(node, depth) for node in nodes)


def _cost(node: ast.AST, depth: int) -> int:
    """Return what a node adds that stands inside ``depth`` structures."""
    match node:
        case ast.If():
            return 1 + depth + _branches(node, depth)
        case ast.For() | ast.AsyncFor() | ast.While():
            head = node.test if isinstance(node, ast.While) else node.iter
            inner = _all(node.body, depth + 1) + _otherwise(node.orelse, depth)
            return 1 + depth + _cost(head, depth) + inner
        case ast.IfExp():
            return 1 + depth + _cost(node.test, depth) + _all((node.body, node.orelse), depth + 1)
        case ast.Match() | ast.ExceptHandler():
            return 1 + depth + _all(ast.iter_child_nodes(node), depth + 1)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            return _all(ast.iter_child_nodes(node), depth + 1)
        case ast.BoolOp():
            return _sequences(node) + _all(_operands(node), depth)
    return _all(ast.iter_child_nodes(node), depth)


def _branches(node: ast.If, depth: int) -> int:
    """Return what is in the branches of an ``if``: each ``elif`` and ``else`` costs one, however deep."""
    own = _cost(node.test, depth) + _all(node.body, depth + 1)
    match node.orelse:
        case [ast.If(col_offset=column) as other] if column == node.col_offset:  # elif
            return own + 1 + _branches(other, depth)
    return own + _otherwise(node.orelse, depth)


def _otherwise(body: list[ast.stmt], depth: int) -> int:
    return 1 + _all(body, depth + 1) if body else 0


def _sequences(node: ast.BoolOp) -> int:
    """Return how many runs of the same operator are read: ``a or b and c or d`` has three."""
    return 1 + sum(one != other for one, other in pairwise(_operators(node)))


def _operators(node: ast.BoolOp) -> list[type[ast.boolop]]:
    found: list[type[ast.boolop]] = []
    for place, value in enumerate(node.values):
        found += [type(node.op)] if place else []
        found += _operators(value) if isinstance(value, ast.BoolOp) else []
    return found


def _operands(node: ast.BoolOp) -> Iterable[ast.expr]:
    for value in node.values:
        if isinstance(value, ast.BoolOp):
            yield from _operands(value)
        else:
            yield value


def _calls_itself(function: Definition) -> bool:
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(
        (isinstance(each, ast.Name) and each.id == function.name)
        or (
            isinstance(each, ast.Attribute)
            and each.attr == function.name
            and isinstance(each.value, ast.Name)
            and each.value.id in ("self", "cls")
        )
        for each in calls
    )
