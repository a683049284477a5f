"""What a project's index tells of a function's surroundings: what it uses, who calls it, what is like it.

Texts are cut here and cleaned where they are shown (``context.py``).
"""

import ast
import textwrap
from collections.abc import Container, Iterator

from perfbot.optimizer.excerpts import Excerpt, excerpt
from perfbot.optimizer.project_index import Kind, Link, ProjectIndex, Symbol
from perfbot.optimizer.retrieval import Lexical
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.tree import is_test_file

_MOST = 12  # definitions, and callers
_LONGEST_VARIABLE = 12  # lines
_RELATED = 8
_HELPERS = (Kind.FUNCTION, Kind.METHOD, Kind.CLASS)
_CALLS = 3  # of one caller
_GAP = "    …"


def used_elsewhere(index: ProjectIndex, function: FunctionName) -> tuple[Excerpt, ...]:
    """Return the definitions in the project's other files that a function uses, first used first.

    What it only touches through an attribute of something unknown comes last.

    Raises:
        IndexUnavailable: the index cannot be read.
    """
    certain = index.used(function.path, function.qualname)
    guessed = [link for link in index.callees(function.path, function.qualname) if not link.certain]
    links = [*sorted(certain, key=lambda link: link.lines[0]), *guessed]
    symbols = dict.fromkeys(link.symbol for link in links if link.symbol.path != function.path)
    places = {(each.path, each.qualname) for each in symbols}
    shown = [each for each in symbols if _tells_more(each, places)][:_MOST]
    return tuple(Excerpt(each.path, _cut(index, each)) for each in shown)


def related(index: ProjectIndex, function: FunctionName) -> tuple[Excerpt, ...]:
    """Return what of the project sounds like the function and is not used by it, the nearest first.

    A helper that does already what a function does anew is found by its name and signature (BM25, see
    benchmarks/retrieval.md for why); tests are left out.

    Raises:
        IndexUnavailable: the index cannot be read.
    """
    own = index.definition(function.path, function.qualname)
    if own is None:
        return ()
    known = {own, *(link.symbol for link in index.used(function.path, function.qualname))}
    query = f"{own.name} {own.signature} {own.docstring}"
    hits = (hit.symbol for hit in Lexical(index).search(query, 2 * _RELATED))
    found = (each for each in hits if each not in known and each.kind in _HELPERS)
    shown = [each for each in found if not is_test_file(each.path)][:_RELATED]
    return tuple(Excerpt(each.path, _cut(index, each)) for each in shown)


def _tells_more(symbol: Symbol, places: Container[tuple[str, str]]) -> bool:
    """Say whether a definition is shown for itself: the attributes of a class are shown with it."""
    if symbol.kind is Kind.ATTRIBUTE:
        return (symbol.path, symbol.parent) not in places
    return symbol.kind is not Kind.MODULE


def callers(index: ProjectIndex, function: FunctionName) -> tuple[Excerpt, ...]:
    """Return who calls a function, tests left out: each head with the lines that make the calls.

    Raises:
        IndexUnavailable: the index cannot be read.
    """
    links = index.callers(function.path, function.qualname)
    shown = [link for link in links if not is_test_file(link.symbol.path)][:_MOST]
    return tuple(Excerpt(link.symbol.path, "\n".join(_calling(index, link))) for link in shown)


def _cut(index: ProjectIndex, symbol: Symbol) -> str:
    """Return a definition as far as it matters; of what stands in a class, the class is named."""
    source = textwrap.dedent(index.source(symbol))
    try:
        (node, *_) = ast.parse(source).body
        lines = excerpt(source.split("\n"), node)[: _limit(symbol)]
    except (SyntaxError, ValueError, RecursionError):
        return symbol.signature or symbol.qualname
    owner = symbol.qualname.rpartition(".")[0]
    return "\n".join([*([f"# in {owner}"] if owner else []), *lines])


def _limit(symbol: Symbol) -> int | None:
    return _LONGEST_VARIABLE if symbol.kind in (Kind.VARIABLE, Kind.ATTRIBUTE) else None


def _calling(index: ProjectIndex, link: Link) -> Iterator[str]:
    symbol = link.symbol
    if symbol.kind is not Kind.MODULE:
        owner = symbol.qualname.rpartition(".")[0]
        if owner:
            yield f"# in {owner}"
        yield f"{symbol.signature or symbol.qualname}:"
        yield _GAP
    lines = index.source(symbol).split("\n")
    for line in link.lines[:_CALLS]:
        if symbol.first_line <= line <= symbol.end_line:
            yield lines[line - symbol.first_line]
