"""Names of functions, and where in a source text each of them stands.

A function is named as users and reports name it: ``FILE::QUALNAME``, where QUALNAME is Python's
``__qualname__``. Text is parsed with the ``ast`` of the Python that runs perfbot, so syntax newer
than that is not understood and such a module counts as one without functions.
"""

import ast
import difflib
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal, Self, TypeAlias

Kind: TypeAlias = Literal[
    "function", "method", "generator", "coroutine", "async generator", "property"
]
_Def: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_WRONG_NAME = (
    "{text!r} is not the name of a function: write FILE::QUALNAME, "
    "for example src/shop/prices.py::Basket.total"
)
_PROPERTIES = {"property", "cached_property", "setter", "getter", "deleter"}
_NAMELESS: Mapping[type[ast.AST], str] = {
    ast.Lambda: "<lambda>",
    ast.GeneratorExp: "<genexpr>",
    ast.ListComp: "<listcomp>",
    ast.SetComp: "<setcomp>",
    ast.DictComp: "<dictcomp>",
}


@dataclass(frozen=True, slots=True, order=True)
class FunctionName:
    """``path::qualname``; ``line`` (of ``def`` or first decorator) tells namesakes apart."""

    path: str
    qualname: str
    line: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``FILE::QUALNAME`` or ``FILE::QUALNAME@LINE``, split at the last ``::``.

        Raises:
            ValueError: the text is not of that form.
        """
        path, separator, rest = text.rpartition("::")
        qualname, at, line = rest.partition("@")
        if not (separator and path and qualname) or (at and not re.fullmatch("[0-9]+", line)):
            raise ValueError(_WRONG_NAME.format(text=text))
        return cls(PurePosixPath(path).as_posix(), qualname, int(line) if at else None)

    def __str__(self) -> str:
        return f"{self.path}::{self.qualname}" + ("" if self.line is None else f"@{self.line}")


@dataclass(frozen=True, slots=True)
class FunctionSpan:
    """One ``def``; lines count from 1.

    ``first_line`` is that of the first decorator where there is one, as ``co_firstlineno`` of
    CPython 3.8 and newer; ``def_line`` that of ``def`` itself. A property wins over the other
    kinds, then how the function runs (generator, coroutine); a plain function in a class is a
    method, and ``in_class`` tells of the others.
    """

    qualname: str
    name: str
    first_line: int
    def_line: int
    end_line: int
    kind: Kind
    in_class: bool


def functions(text: str) -> tuple[FunctionSpan, ...]:
    """Return every ``def`` in source order, namesakes included; none where the text does not parse."""
    return tuple(place.span for place in _survey(text).defs)


def function_index(text: str) -> Mapping[str, FunctionSpan]:
    """Map each ``__qualname__`` to its definition, the last one of namesakes."""
    return {span.qualname: span for span in functions(text)}


def find_function(text: str, name: FunctionName) -> FunctionSpan | None:
    """Return the definition that a user means: ``<locals>`` may be left out, the last one wins."""
    wanted = _without_locals(name.qualname)
    found = [
        span
        for span in functions(text)
        if _without_locals(span.qualname) == wanted
        and name.line in (None, span.first_line, span.def_line)
    ]
    exact = [span for span in found if span.qualname == name.qualname]
    chosen = exact or found
    return chosen[-1] if chosen else None


def function_at(text: str, firstlineno: int, name: str) -> str | None:
    """Return the qualname of the ``def`` that a code object's time is counted to.

    ``firstlineno`` and ``name`` are its ``co_firstlineno`` and ``co_name``. A lambda, a
    comprehension and a class body count to the ``def`` around them; ``None`` is module level.
    """
    survey = _survey(text)
    if (firstlineno, name) in survey.owners:
        return survey.owners[firstlineno, name]
    around = [place for place in survey.defs if place.encloses(firstlineno)]
    return around[-1].span.qualname if around else None


def near_names(wanted: FunctionName, names: Iterable[FunctionName]) -> tuple[FunctionName, ...]:
    """Return up to five of ``names`` that somebody who wrote ``wanted`` may have meant, best first."""
    by_text = {str(name): name for name in names}
    by_end: dict[str, list[str]] = {}
    for text, name in by_text.items():
        by_end.setdefault(name.qualname.rpartition(".")[2], []).append(text)
    ends = difflib.get_close_matches(wanted.qualname.rpartition(".")[2], by_end, n=5, cutoff=0.7)
    close = difflib.get_close_matches(str(wanted), by_text, n=5, cutoff=0.7)
    likely = dict.fromkeys([*close, *(text for end in ends for text in by_end[end])])
    ranked = sorted(likely, key=lambda text: -_likeness(text, str(wanted)))
    return tuple(by_text[text] for text in ranked[:5])


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def _without_locals(qualname: str) -> str:
    return qualname.replace(".<locals>", "")


@dataclass(frozen=True, slots=True)
class _Place:
    span: FunctionSpan
    body_line: int

    def encloses(self, line: int) -> bool:
        return self.body_line <= line <= self.span.end_line


@dataclass(frozen=True, slots=True)
class _Survey:
    """All definitions in source order, and which of them each code object counts to."""

    defs: list[_Place]
    owners: dict[tuple[int, str], str | None]


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where the walk is: the qualname of what is defined here starts with ``prefix``."""

    prefix: str = ""
    owner: str | None = None  # the def that nameless code counts to
    in_class: bool = False
    global_names: frozenset[str] = frozenset()

    def qualname(self, name: str) -> str:
        return name if name in self.global_names else self.prefix + name


_Step: TypeAlias = tuple[ast.AST, _Scope]


@functools.lru_cache(maxsize=256)  # asked once per code object of a module
def _survey(text: str) -> _Survey:
    survey = _Survey([], {})
    try:
        waiting: list[_Step] = [(ast.parse(text), _Scope())]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return survey
    while waiting:  # no recursion: generated code nests deeper than Python's stack
        node, scope = waiting.pop()
        waiting.extend(reversed(_visit(node, scope, survey)))
    return survey


def _visit(node: ast.AST, scope: _Scope, survey: _Survey) -> list[_Step]:
    """Note what a node defines; return the nodes below it, each with its scope."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return _visit_def(node, scope, survey)
        case ast.ClassDef():
            return _visit_class(node, scope, survey)
        case ast.Lambda() | ast.GeneratorExp() | ast.ListComp() | ast.SetComp() | ast.DictComp():
            _note(survey, node.lineno, _NAMELESS[type(node)], scope.owner)
    return [(child, scope) for child in ast.iter_child_nodes(node)]


def _visit_def(node: _Def, scope: _Scope, survey: _Survey) -> list[_Step]:
    span = _span(node, scope)
    survey.defs.append(_Place(span, node.body[0].lineno))
    _note(survey, span.first_line, node.name, span.qualname)
    inner = _Scope(f"{span.qualname}.<locals>.", span.qualname, False, _globals(node))
    return [(part, scope) for part in _header(node)] + [(each, inner) for each in node.body]


def _visit_class(node: ast.ClassDef, scope: _Scope, survey: _Survey) -> list[_Step]:
    _note(survey, _first_line(node), node.name, scope.owner)
    prefix = f"{scope.qualname(node.name)}."
    inner = replace(scope, prefix=prefix, in_class=True, global_names=frozenset())
    header = (*node.decorator_list, *node.bases, *node.keywords)
    return [(part, scope) for part in header] + [(each, inner) for each in node.body]


def _note(survey: _Survey, line: int, name: str, owner: str | None) -> None:
    survey.owners.setdefault((line, name), owner)


def _header(node: _Def) -> Iterator[ast.AST]:
    """Yield what runs around the function, not in it: decorators, defaults, annotations."""
    yield from node.decorator_list
    yield node.args
    if node.returns is not None:
        yield node.returns


def _span(node: _Def, scope: _Scope) -> FunctionSpan:
    return FunctionSpan(
        scope.qualname(node.name),
        node.name,
        _first_line(node),
        node.lineno,
        node.end_lineno or node.lineno,
        _kind(node, scope.in_class),
        scope.in_class,
    )


def _first_line(node: _Def | ast.ClassDef) -> int:
    return node.decorator_list[0].lineno if node.decorator_list else node.lineno


def _kind(node: _Def, in_class: bool) -> Kind:
    if in_class and any(_last_name(each) in _PROPERTIES for each in node.decorator_list):
        return "property"
    yields = any(isinstance(each, ast.Yield | ast.YieldFrom) for each in _own_nodes(node))
    if isinstance(node, ast.AsyncFunctionDef):
        return "async generator" if yields else "coroutine"
    if yields:
        return "generator"
    return "method" if in_class else "function"


def _last_name(decorator: ast.expr) -> str:
    match decorator:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=function):
            return _last_name(function)
    return ""


def _globals(node: _Def) -> frozenset[str]:
    return frozenset(
        name for each in _own_nodes(node) if isinstance(each, ast.Global) for name in each.names
    )


def _own_nodes(node: _Def) -> Iterator[ast.AST]:
    """Yield the nodes of the function's own scope: nested functions and classes are left out."""
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        each = waiting.pop()
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        yield each
        waiting.extend(ast.iter_child_nodes(each))
