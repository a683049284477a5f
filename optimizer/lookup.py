"""What a project's index says when a version got a name wrong, and when a model asks it.

CoCoGen's loop: an error of the classes UNDEF, API or OBJECT names a symbol, the symbol is looked up
(itself, what stands in its module or class, names that are like it), and what is found goes with the
diagnosis into the next question. A model may ask for more by SQL of its own.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Protocol

from perfbot.optimizer.containment import visible_source
from perfbot.optimizer.diagnosis import Diagnosis, ErrorClass
from perfbot.optimizer.packing import Section
from perfbot.optimizer.project_index import (
    SCHEMA_TEXT,
    IndexUnavailable,
    Kind,
    ProjectIndex,
    QueryRefused,
    Symbol,
)
from perfbot.profiling.functions import FunctionName

FOUND = "What the project has of a name that is wrong"
LIKE = "A name that the project does not define, and names that are like it"
OF = "# {symbol}:"
NOT_ANSWERED = "the index could not be asked: {why}"

_LOOKED_UP = frozenset({ErrorClass.UNDEF, ErrorClass.API, ErrorClass.OBJECT})
_NAME = re.compile(r"[\w.]{1,200}")
_SYMBOLS = 3  # of one diagnosis
_SHOWN = 8  # definitions for one symbol
_IN_FULL = 15  # lines of a definition that is shown with its body


class Lookup(Protocol):
    """Answers questions about the project."""

    @property
    def schema(self) -> str:
        """The tables that a model may ask by SQL, ``""`` where it may not."""

    def sections(self, why: Diagnosis, function: FunctionName) -> Sequence[Section]:
        """Return what helps to mend a version of ``function``; nothing where no symbol is wrong."""

    def rows(self, sql: str) -> str:
        """Return what a model's query found, or why it was not run."""


class NoLookup:
    """Knows nothing of the project."""

    schema = ""

    def sections(self, why: Diagnosis, function: FunctionName) -> Sequence[Section]:
        """Return nothing."""
        return ()

    def rows(self, sql: str) -> str:
        """Return nothing."""
        return ""


NOTHING_TO_ASK = NoLookup()


@dataclass(frozen=True, slots=True)
class IndexLookup:
    """Looks into a project's index."""

    index: ProjectIndex
    schema: str = SCHEMA_TEXT

    def sections(self, why: Diagnosis, function: FunctionName) -> Sequence[Section]:
        """Return a section for each wrong symbol of which the index knows something."""
        if why.kind not in _LOOKED_UP:
            return ()
        names = [each for each in why.symbols if _NAME.fullmatch(each)][:_SYMBOLS]
        try:
            found = [self._section(name, function) for name in names]
        except IndexUnavailable:
            return ()
        return [each for each in found if each is not None]

    def rows(self, sql: str) -> str:
        """Return the rows as a table, or what was wrong with the query."""
        try:
            return self.index.query(sql).as_text()
        except (QueryRefused, IndexUnavailable) as error:
            return NOT_ANSWERED.format(why=error)

    def _section(self, symbol: str, function: FunctionName) -> Section | None:
        exact = list(self._exact(symbol))
        if exact:
            return Section(FOUND, self._shown(symbol, exact, full=True))
        near = [each for each in self._near(symbol) if each.qualname != function.qualname]
        return Section(LIKE, self._shown(symbol, near, full=False)) if near else None

    def _exact(self, symbol: str) -> Iterator[Symbol]:
        """Yield the symbol itself, then what its module or class has, names that are like it first."""
        owner, _, name = symbol.rpartition(".")
        yield from self.index.symbols(symbol)
        yield from self._of_module(symbol)
        if owner:
            classes = [each for each in self.index.symbols(owner) if each.kind is Kind.CLASS]
            inside = [*self._of_module(owner)]
            inside += [
                each for one in classes for each in self.index.members(one.path, one.qualname)
            ]
            yield from sorted(
                inside, key=lambda each: -SequenceMatcher(None, name, each.name).ratio()
            )

    def _of_module(self, name: str) -> Iterator[Symbol]:
        """Yield what a module of that name defines at its top."""
        query = f"SELECT path FROM files WHERE module = '{name}'"  # noqa: S608 - see _NAME
        for (path,) in self.index.query(query).rows:
            yield from self.index.members(path, "<module>")

    def _near(self, symbol: str) -> list[Symbol]:
        """Return symbols whose names are like it, then those that share words with it."""
        name = symbol.rpartition(".")[2]
        like = [*self.index.nearest_names(name)]
        like += [each for each, _ in self.index.with_words(name, _SHOWN)]
        return list(dict.fromkeys(like))

    def _shown(self, symbol: str, found: Sequence[Symbol], *, full: bool) -> str:
        texts = dict.fromkeys(self._text(each, full) for each in found[: 2 * _SHOWN])
        return "\n".join([OF.format(symbol=symbol), *list(texts)[:_SHOWN]])

    def _text(self, symbol: Symbol, full: bool) -> str:
        """Return a definition: short ones whole, others by their head and first line of docstring."""
        place = f"# {symbol.path}: {symbol.qualname}"
        if full and symbol.end_line - symbol.first_line < _IN_FULL:
            return visible_source(f"{place}\n{self.index.source(symbol)}")
        said = f"  # {symbol.docstring}" if symbol.docstring else ""
        return visible_source(f"{place}\n{symbol.signature}{said}")
