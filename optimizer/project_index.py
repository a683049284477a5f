"""What a project defines, and who uses it: symbols, references, imports and bases in SQLite.

The index holds what the files' own text tells for certain (``indexing/scopes.py``); it is made of
the sources alone, nothing of the project is imported or run, and a file that cannot be read is
named instead. Source: CoCoGen's project context by structural queries (its section on
syntax-directed program analysis).
"""

import sqlite3
import threading
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from perfbot.optimizer.indexing import database, questions
from perfbot.optimizer.indexing.database import IndexUnavailable
from perfbot.optimizer.indexing.facts import Kind, Manner
from perfbot.optimizer.indexing.files import Unread, Wanted, import_places, module_name
from perfbot.optimizer.indexing.proposed_sql import QueryRefused, Rows, run_proposed
from perfbot.optimizer.indexing.schema import SCHEMA_TEXT
from perfbot.optimizer.indexing.updating import Updated, bring_up_to_date
from perfbot.optimizer.indexing.words import nearest, words

__all__ = [
    "SCHEMA_TEXT",
    "ImportedName",
    "IndexUnavailable",
    "Kind",
    "Link",
    "Manner",
    "ProjectIndex",
    "QueryRefused",
    "Reference",
    "Rows",
    "Symbol",
    "Unread",
    "Updated",
]

_T = TypeVar("_T")
_MOST_WORDS = 200  # of a query
_BUSY = (
    "the project index {path} cannot be written ({why}): try again, or give another cache folder"
)


@dataclass(frozen=True, slots=True)
class Symbol:
    """Something that the project defines; lines count from 1 and include decorators.

    ``docstring`` is its first line; ``parent`` the qualname of what it stands in, ``""`` for a module.
    """

    path: str
    qualname: str
    name: str
    kind: Kind
    first_line: int
    end_line: int
    signature: str
    docstring: str
    decorators: str
    parent: str
    is_public: bool


@dataclass(frozen=True, slots=True)
class Link:
    """A symbol at the other end of a call, with the lines of the caller's file where it is called.

    Where ``certain`` is false, the called thing is an attribute of something unknown, and this is
    the only one in the project that has such a name.
    """

    symbol: Symbol
    lines: tuple[int, ...]
    certain: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """A use of a name; ``target`` is what it means, where that is certain and of the project."""

    path: str
    line: int
    inside: str
    manner: Manner
    name: str
    target: Symbol | None


@dataclass(frozen=True, slots=True)
class ImportedName:
    """``from module import name as local``; ``name`` is ``""`` for a module itself, ``"*"`` for all.

    ``inside`` is the qualname of the function that imports, ``<module>`` at the top level.
    """

    line: int
    inside: str
    module: str
    name: str
    local: str


class ProjectIndex:
    """One project's index, in a file of its own or in memory; may be used from several threads.

    Answers are sorted by path and line. Names are exact; a qualname is Python's, in which
    ``<locals>.`` may be left out, and of namesakes the last one counts.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._address = database.address_of(path)
        self._connection = database.open_database(self._address, path)

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open the index in this file, or a new one in memory (``":memory:"``).

        A file that is older, newer, damaged or no index at all is begun anew.

        Raises:
            IndexUnavailable: the file cannot be written, or another process keeps it.
        """
        return cls(None if str(path) == ":memory:" else Path(path))

    def close(self) -> None:
        """Close the index; nothing may be asked any more."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # Bringing it up to date

    def update(self, root: Path, paths: Iterable[str]) -> Updated:
        """Make the index that of exactly these files (POSIX, relative to ``root``; ``.py`` only).

        Raises:
            IndexUnavailable: the index cannot be written.
        """
        return self._update(root, paths, whole=True)

    def refresh(self, root: Path, paths: Iterable[str]) -> Updated:
        """Bring these files up to date and leave all others; one that is gone is removed.

        Raises:
            IndexUnavailable: the index cannot be written.
        """
        return self._update(root, paths, whole=False)

    def _update(self, root: Path, paths: Iterable[str], *, whole: bool) -> Updated:
        top = root.resolve()
        places = import_places(top)
        wanted = [
            Wanted(path, module_name(path, places))
            for path in sorted(set(paths))
            if path.endswith(".py")
        ]
        try:
            return self._transaction(
                lambda cursor: bring_up_to_date(cursor, top, wanted, whole=whole)
            )
        except sqlite3.OperationalError as problem:
            raise IndexUnavailable(_BUSY.format(path=self._path, why=problem)) from problem

    def _transaction(self, work: Callable[[sqlite3.Cursor], _T]) -> _T:
        def whole() -> _T:
            with closing(self._connection.cursor()) as cursor:
                return _committed(cursor, work)

        return self._guarded(whole)

    def _guarded(self, work: Callable[[], _T]) -> _T:
        """Do something with the connection; a damaged file is begun anew, and it is done once more."""
        with self._lock:
            try:
                return work()
            except sqlite3.DatabaseError as problem:
                if self._path is None or not database.is_damaged(problem):
                    raise
                self._connection.close()
                database.discard(self._path)
                self._connection = database.open_database(self._address, self._path)
                return work()

    # Asking

    def definition(self, path: str, qualname: str) -> Symbol | None:
        """Return what has this name in the file; ``<module>`` is the module itself."""
        numbers = self._numbers(path, qualname)
        found = self._symbols("WHERE s.id = ?", numbers[-1:]) if numbers else ()
        return found[0] if found else None

    def symbols(self, name: str) -> tuple[Symbol, ...]:
        """Return all symbols with this name, or with this qualname if it has a dot."""
        column = "qualname" if "." in name else "name"
        return self._symbols(f"WHERE s.{column} = ?", [name])

    def symbols_of(self, path: str) -> tuple[Symbol, ...]:
        """Return all symbols of a file but the module itself."""
        return self._symbols("WHERE f.path = ? AND s.kind <> 'module'", [path])

    def symbols_of_kinds(self, kinds: Sequence[Kind]) -> tuple[Symbol, ...]:
        """Return all symbols of these kinds."""
        marks = ", ".join("?" * len(kinds))
        return self._symbols(f"WHERE s.kind IN ({marks})", kinds)

    def members(self, path: str, qualname: str) -> tuple[Symbol, ...]:
        """Return what stands right inside a class (or another symbol), its bases' members apart."""
        numbers = self._numbers(path, qualname)
        return self._symbols("WHERE s.parent = ?", numbers[-1:]) if numbers else ()

    def callers(self, path: str, qualname: str) -> tuple[Link, ...]:
        """Return who calls this, the certain ones first; for ``__init__`` who calls the class."""
        numbers = self._numbers(path, qualname)
        name = qualname.rpartition(".")[2]
        if name == "__init__":
            numbers += self._numbers(path, qualname.removesuffix(".__init__"))
        known = [row for number in numbers for row in self._rows(questions.CALLERS, [number])]
        is_only = len(numbers) == 1 and self._methods_named(name) == numbers
        guessed = self._rows(questions.CALLERS_BY_NAME, [name]) if is_only else []
        return self._links(known, guessed)

    def callees(self, path: str, qualname: str) -> tuple[Link, ...]:
        """Return what this and the functions inside it call of the project, the certain ones first."""
        number = self._numbers(path, qualname)[-1:]
        if not number:
            return ()
        return self._links(
            self._rows(questions.CALLEES, number), self._rows(questions.CALLEES_BY_NAME, number)
        )

    def used(self, path: str, qualname: str) -> tuple[Link, ...]:
        """Return what this and the functions inside it certainly use of the project, called or not."""
        number = self._numbers(path, qualname)[-1:]
        return self._links(self._rows(questions.USED, number), ()) if number else ()

    def references(self, name: str) -> tuple[Reference, ...]:
        """Return all uses of a name, whatever it means there."""
        found = self._rows(questions.REFERENCES, [name])
        targets = self._by_number({row[-1] for row in found if row[-1] is not None})
        return tuple(
            Reference(path, line, inside, Manner(manner), name, targets.get(number))
            for path, line, inside, manner, number in found
        )

    def imports_of(self, path: str) -> tuple[ImportedName, ...]:
        """Return a file's imports in the order of its text."""
        return tuple(ImportedName(*row) for row in self._rows(questions.IMPORTS, [path]))

    def subclasses(self, path: str, qualname: str) -> tuple[Symbol, ...]:
        """Return the classes that name this one as a base."""
        inherit = "SELECT b.symbol FROM base b JOIN way w ON w.id = b.way WHERE w.symbol = ?"
        number = self._numbers(path, qualname)[-1:]
        return self._symbols(f"WHERE s.id IN ({inherit})", number) if number else ()

    def tests_naming(self, path: str, qualname: str) -> tuple[Symbol, ...]:
        """Return what uses this in files of tests, certainly or as an attribute of that name."""
        number = self._numbers(path, qualname)[-1:]
        name = qualname.rpartition(".")[2]
        return (
            self._symbols(f"WHERE s.id IN ({questions.TESTS})", [*number, name]) if number else ()
        )

    def nearest_names(self, name: str, at_most: int = 5) -> tuple[Symbol, ...]:
        """Return the symbols whose names are like one that is not defined, best first."""
        known = self._rows("SELECT DISTINCT name FROM symbol WHERE kind <> 'module'", [])
        near = nearest(name, (known_name for (known_name,) in known), at_most)
        found = [symbol for each in near for symbol in self.symbols(each)]
        return tuple(found[:at_most])

    def with_words(self, text: str, at_most: int) -> tuple[tuple[Symbol, float], ...]:
        """Return the symbols that share words with a text and their BM25 scores, best first."""
        asked = list(dict.fromkeys(words(text)))[:_MOST_WORDS]
        if not asked:
            return ()
        match = " OR ".join(f'"{word}"' for word in asked)
        found = self._rows(questions.WITH_WORDS, [match, at_most])
        symbols = self._by_number([number for number, _ in found])
        return tuple((symbols[number], -score) for number, score in found)

    def source(self, symbol: Symbol) -> str:
        """Return the text of a symbol as it was indexed, with decorators and indentation."""
        row = self._rows(questions.SOURCE, [symbol.path])
        lines = zlib.decompress(row[0][0]).decode("utf-8").split("\n") if row else []
        return "\n".join(lines[symbol.first_line - 1 : symbol.end_line])

    def unread(self) -> tuple[Unread, ...]:
        """Return the files that are not in the index, and why."""
        return tuple(Unread(*row) for row in self._rows("SELECT * FROM unread ORDER BY path", []))

    def vectors(self, model: str) -> dict[bytes, bytes]:
        """Return the embeddings of a model that are kept, by the hash of their text."""
        return dict(self._rows(questions.VECTORS, [model]))

    def keep_vectors(self, model: str, vectors: Mapping[bytes, bytes]) -> None:
        """Keep embeddings beside those that there are."""
        rows = [(model, digest, vector) for digest, vector in vectors.items()]
        self._transaction(lambda cursor: cursor.executemany(questions.KEEP_VECTOR, rows))

    def query(self, sql: str) -> Rows:
        """Run a query over :data:`SCHEMA_TEXT` that a model proposed, reading only.

        Raises:
            QueryRefused: it is no SELECT, asks for what it may not, is wrong, or takes too long.
        """
        return run_proposed(self._address, sql)

    # Rows

    def _rows(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        return self._guarded(lambda: self._connection.execute(sql, values).fetchall())

    def _symbols(self, which: str, values: Sequence[object]) -> tuple[Symbol, ...]:
        rows = self._rows(f"{questions.SYMBOL} {which} ORDER BY f.path, s.first_line, s.id", values)
        return tuple(_symbol(row) for row in rows)

    def _by_number(self, numbers: Collection[int]) -> dict[int, Symbol]:
        return {
            number: _symbol(row)
            for number in numbers
            for row in self._rows(f"{questions.SYMBOL} WHERE s.id = ?", [number])
        }

    def _numbers(self, path: str, qualname: str) -> list[int]:
        """Return the rows of a file's symbols of this qualname, the last one last."""
        exact = self._rows(f"{questions.PLACE} s.qualname = ? ORDER BY s.id", [path, qualname])
        without = f"{questions.PLACE} replace(s.qualname, '.<locals>', '') = ? ORDER BY s.id"
        found = exact or self._rows(without, [path, qualname.replace(".<locals>", "")])
        return [number for (number,) in found]

    def _methods_named(self, name: str) -> list[int]:
        found = self._rows("SELECT id FROM symbol WHERE name = ? AND kind = 'method'", [name])
        return [number for (number,) in found]

    def _links(
        self, known: Iterable[tuple[int, int]], guessed: Iterable[tuple[int, int]]
    ) -> tuple[Link, ...]:
        """Group lines by symbol; a symbol that is certain somewhere is not guessed elsewhere."""
        certain, possible = _grouped(known), _grouped(guessed)
        symbols = self._by_number({*certain, *possible})
        links = [Link(symbols[each], lines, True) for each, lines in certain.items()]
        links += [
            Link(symbols[each], lines, False)
            for each, lines in possible.items()
            if each not in certain
        ]
        return tuple(sorted(links, key=_order))


def _committed(cursor: sqlite3.Cursor, work: Callable[[sqlite3.Cursor], _T]) -> _T:
    cursor.execute("BEGIN IMMEDIATE")
    try:
        done = work(cursor)
        cursor.execute("COMMIT")
    except BaseException:
        if cursor.connection.in_transaction:
            cursor.execute("ROLLBACK")
        raise
    return done


def _symbol(row: tuple[Any, ...]) -> Symbol:
    values = dict(zip(Symbol.__slots__, row, strict=True))
    return Symbol(
        **{**values, "kind": Kind(values["kind"]), "is_public": bool(values["is_public"])}
    )


def _grouped(pairs: Iterable[tuple[int, int]]) -> dict[int, tuple[int, ...]]:
    lines: dict[int, set[int]] = {}
    for symbol, line in pairs:
        lines.setdefault(symbol, set()).add(line)
    return {symbol: tuple(sorted(each)) for symbol, each in lines.items()}


def _order(link: Link) -> tuple[bool, str, int]:
    return not link.certain, link.symbol.path, link.symbol.first_line
