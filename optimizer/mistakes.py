"""Single mistakes that could be made in a function's body, each as one edit of its text."""

import ast
import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

_COMPARISONS: Mapping[type[ast.cmpop], tuple[str, ...]] = {
    ast.Lt: ("<=", ">"),
    ast.LtE: ("<", ">="),
    ast.Gt: (">=", "<"),
    ast.GtE: (">", "<="),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
}
_ARITHMETIC: Mapping[type[ast.operator], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "+",
    ast.Div: "*",
    ast.FloorDiv: "/",
    ast.Mod: "//",
    ast.Pow: "*",
    ast.LShift: ">>",
    ast.RShift: "<<",
    ast.BitAnd: "|",
    ast.BitOr: "&",
    ast.BitXor: "&",
    ast.MatMult: "*",
}
_SISTERS = (
    *(("append", "extend"), ("add", "discard"), ("min", "max"), ("any", "all"), ("upper", "lower")),
    *(("startswith", "endswith"), ("lstrip", "rstrip"), ("find", "rfind"), ("split", "rsplit")),
    *(("partition", "rpartition"), ("keys", "values"), ("floor", "ceil"), ("ljust", "rjust")),
    *(("bisect_left", "bisect_right"), ("insort_left", "insort_right"), ("isalpha", "isalnum")),
    *(("intersection", "union"), ("issubset", "issuperset"), ("nlargest", "nsmallest")),
    *(("removeprefix", "removesuffix"), ("maximum", "minimum"), ("argmin", "argmax")),
)
_ONE_WAY = {
    "appendleft": "append",
    "popleft": "pop",
    "sorted": "list",
    "reversed": "iter",
    "set": "list",
    "frozenset": "tuple",
    "strip": "lstrip",
    "round": "int",
    "abs": "int",
    "setdefault": "get",
    "difference": "union",
    "sum": "max",
    "index": "count",
}
_OTHER_NAME: Mapping[str, str] = {
    **dict(_SISTERS),
    **{second: first for first, second in _SISTERS},
    **_ONE_WAY,
}
_WITH_DEFAULT: Mapping[str, int] = {"get": 2, "pop": 2, "next": 2, "getattr": 3}  # arguments
_SIMPLE = (ast.Name, ast.Attribute, ast.Call, ast.Subscript)  # needs no brackets before a sign
_EMPTY: tuple[tuple[type[ast.expr], str], ...] = (
    (ast.List, "[]"),
    (ast.ListComp, "[]"),
    (ast.Dict, "{}"),
    (ast.DictComp, "{}"),
    (ast.Set, "set()"),
    (ast.SetComp, "set()"),
    (ast.Tuple, "()"),
)
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_BRACKETS_AND_SPACE = " \t\r\n\f()"

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Edit:
    """The characters from ``start`` to ``end`` become ``text``; ``line`` counts from 1."""

    kind: str
    line: int
    start: int
    end: int
    text: str

    def applied(self, source: str) -> str:
        """Return the source with the edit."""
        return source[: self.start] + self.text + source[self.end :]


def line_starts(text: str) -> list[int]:
    """Return where each line begins, as Python counts lines."""
    return [0, *(found.end() for found in _LINE_BREAK.finditer(text))]


def edits(text: str, function: Definition) -> Iterator[Edit]:
    """Yield single mistakes in a function that was parsed from ``text``, in no useful order.

    Its name, parameters, decorators, annotations and docstring stay. Not every edit gives valid
    Python, and not every one changes what the function does.
    """
    return _Editor(text, function).edits()


class _Editor:
    def __init__(self, text: str, function: Definition) -> None:
        self._text = text
        self._lines = line_starts(text)
        documented = ast.get_docstring(function, clean=False) is not None
        statements = function.body[documented:]
        self._nodes = [each for statement in statements for each in _nodes(statement)]
        stored = (each for each in self._nodes if isinstance(each, ast.Name))
        self._bindings = Counter(each.id for each in stored if isinstance(each.ctx, ast.Store))

    def edits(self) -> Iterator[Edit]:
        for node in self._nodes:
            if isinstance(node, ast.stmt):
                yield from self._of_statement(node)
                yield from self._of_block(node)
            elif isinstance(node, ast.comprehension):
                yield from self._never(node.iter)
                for condition in node.ifs:
                    yield from self._negated(condition)
            elif isinstance(node, ast.expr):
                yield from self._of_operator(node)
                yield from self._of_expression(node)

    def _of_statement(self, node: ast.stmt) -> Iterator[Edit]:
        match node:
            case ast.Return(value=ast.expr() as value):
                yield from self._returned(value)
            case ast.AugAssign():
                gap = self._between(node.target, node.value)
                yield self._edit("arithmetic", *gap, _ARITHMETIC[type(node.op)] + "=")
                yield self._replaced("removed statement", node, "pass")
            case ast.Assign(targets=[target, *_]) if self._is_rebinding(target):
                yield self._replaced("removed statement", node, "pass")
            case ast.Raise() | ast.Delete() | ast.Expr(value=ast.Call() | ast.Await()):
                yield self._replaced("removed statement", node, "pass")
            case ast.Break():
                yield self._replaced("loop control", node, "continue")
            case ast.Continue():
                yield self._replaced("loop control", node, "break")

    def _of_block(self, node: ast.stmt) -> Iterator[Edit]:
        match node:
            case ast.If() | ast.While():
                yield from self._negated(node.test)
            case ast.For() | ast.AsyncFor():
                yield from self._never(node.iter)

    def _is_rebinding(self, target: ast.expr) -> bool:
        """Say whether leaving an assignment out leaves another value there, not no value at all."""
        if isinstance(target, ast.Name):
            return self._bindings[target.id] > 1
        return isinstance(target, ast.Attribute | ast.Subscript)

    def _of_operator(self, node: ast.expr) -> Iterator[Edit]:
        match node:
            case ast.Compare():
                for left, right, operator in zip(
                    (node.left, *node.comparators), node.comparators, node.ops, strict=False
                ):
                    for other in _COMPARISONS[type(operator)]:
                        yield self._edit("comparison", *self._between(left, right), other)
            case ast.BinOp():
                gap = self._between(node.left, node.right)
                yield self._edit("arithmetic", *gap, _ARITHMETIC[type(node.op)])
            case ast.BoolOp():
                other = "or" if isinstance(node.op, ast.And) else "and"
                for left, right in pairwise(node.values):
                    yield self._edit("and/or", *self._between(left, right), other)
            case ast.UnaryOp(op=ast.Not()):
                yield self._without(node, "not", "condition")
            case ast.UnaryOp(op=ast.USub()):
                yield self._without(node, "-", "arithmetic")

    def _of_expression(self, node: ast.expr) -> Iterator[Edit]:
        match node:
            case ast.Constant():
                for text in _near(node.value):
                    yield self._replaced("constant", node, text)
            case ast.IfExp():
                yield from self._negated(node.test)
            case ast.Subscript(slice=ast.Slice() as ends):
                yield from self._moved(ends.lower, "slice end")
                yield from self._moved(ends.upper, "slice end")
            case ast.Yield(value=ast.expr() as value):
                yield self._replaced("result", value, "None")
            case ast.Lambda():
                yield self._replaced("result", node.body, "None")
            case ast.Call():
                yield from self._of_call(node)

    def _of_call(self, node: ast.Call) -> Iterator[Edit]:
        name = _name(node.func)
        end = self._span(node.func)[1]
        if name in _OTHER_NAME and not (name == "sorted" and node.keywords):
            yield self._edit("sister function", end - len(name), end, _OTHER_NAME[name])
        if name == "range" and node.args:
            yield from self._moved(node.args[min(1, len(node.args) - 1)], "range end")
        if len(node.args) == _WITH_DEFAULT.get(name):
            yield self._dropped(node.args[-1], "dropped argument")
        if len(node.args) > 1 and not any(isinstance(each, ast.Starred) for each in node.args[:2]):
            yield self._swapped(*node.args[:2])
        for keyword in node.keywords:
            if keyword.arg:
                yield self._dropped(keyword, "dropped argument")

    def _returned(self, value: ast.expr) -> Iterator[Edit]:
        text = next((empty for kind, empty in _EMPTY if isinstance(value, kind)), "None")
        yield self._replaced("result", value, text)

    def _negated(self, condition: ast.expr) -> Iterator[Edit]:
        """Yield the opposite of a condition, unless its own operator has one."""
        single = isinstance(condition, ast.Compare) and len(condition.ops) == 1
        if not single and not _is_not(condition):
            yield self._replaced("condition", condition, f"not {self._bracketed(condition)}")

    def _never(self, iterable: ast.expr) -> Iterator[Edit]:
        yield self._replaced("loop", iterable, "()")

    def _moved(self, end: ast.expr | None, kind: str) -> Iterator[Edit]:
        """Yield an end one further and one less far; a constant has its own edits."""
        if end is not None and not isinstance(end, ast.Constant | ast.UnaryOp):
            for step in (" + 1", " - 1"):
                yield self._replaced(kind, end, self._bracketed(end) + step)

    def _bracketed(self, node: ast.expr) -> str:
        start, end = self._span(node)
        code = self._text[start:end]
        return code if isinstance(node, _SIMPLE) else f"({code})"

    def _swapped(self, first: ast.expr, second: ast.expr) -> Edit:
        (start, middle), (later, end) = self._span(first), self._span(second)
        text = self._text
        swapped = text[later:end] + text[middle:later] + text[start:middle]
        return Edit("swapped arguments", first.lineno, start, end, swapped)

    def _dropped(self, argument: ast.expr | ast.keyword, kind: str) -> Edit:
        """Drop an argument with the comma after it, else the one before."""
        start, end = self._span(argument)
        after = re.compile(r"\s*,\s*").match(self._text, end)
        if after:
            return Edit(kind, argument.lineno, start, after.end(), "")
        before = re.search(r",\s*$", self._text[:start])
        return Edit(kind, argument.lineno, before.start() if before else start, end, "")

    def _without(self, node: ast.UnaryOp, operator: str, kind: str) -> Edit:
        start = self._span(node)[0]
        end = start + len(operator)
        end += len(self._text[end:]) - len(self._text[end:].lstrip(" "))
        return Edit(kind, node.lineno, start, end, "")

    def _replaced(self, kind: str, node: ast.expr | ast.stmt, text: str) -> Edit:
        return Edit(kind, node.lineno, *self._span(node), text)

    def _edit(self, kind: str, start: int, end: int, text: str) -> Edit:
        return Edit(kind, bisect_right(self._lines, start), start, end, text)

    def _between(self, left: ast.expr, right: ast.expr) -> tuple[int, int]:
        """Return where the operator between two operands stands."""
        start, end = self._span(left)[1], self._span(right)[0]
        gap = self._text[start:end]
        bare = gap.strip(_BRACKETS_AND_SPACE)
        return start + gap.index(bare), start + gap.index(bare) + len(bare)

    def _span(self, node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        first = self._at(node.lineno, node.col_offset)
        return first, self._at(node.end_lineno, node.end_col_offset)

    def _at(self, line: int, column: int) -> int:
        """Return the place in the text of a column that counts bytes."""
        start = self._lines[line - 1]
        return start + len(self._text[start : start + column].encode()[:column].decode())


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and what is in it, but no annotations and nothing whose place is not known."""
    yield node
    # Before Python 3.12 the parts of f-strings have no places of their own; t-strings are alike.
    if type(node).__name__ in ("JoinedStr", "TemplateStr"):
        return
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "format_spec"):
            continue
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.AST):
                yield from _nodes(each)


def _near(value: object) -> Iterator[str]:
    """Yield the text of other constants of the same type."""
    match value:
        case bool():
            yield repr(not value)
        case int():
            yield repr(value + 1)
            yield repr(value - 1)
        case float() if math.isfinite(value):
            yield repr(value + 1.0)
        case str() | bytes():
            yield repr(type(value)()) if value else ("'?'" if isinstance(value, str) else "b'?'")


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _is_not(condition: ast.expr) -> bool:
    return isinstance(condition, ast.UnaryOp) and isinstance(condition.op, ast.Not)
