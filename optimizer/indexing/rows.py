"""Writes what was read of files as rows, and leads their ways to symbols."""

import sqlite3
from collections.abc import Iterable

from perfbot.optimizer.indexing.facts import FileFacts, Kind
from perfbot.optimizer.indexing.files import Known, Unread
from perfbot.optimizer.indexing.ways import Named, Names, Ways
from perfbot.optimizer.indexing.words import words
from perfbot.profiling.tree import is_test_file


def known_files(cursor: sqlite3.Cursor) -> dict[str, Known]:
    """Return what the index has, by path."""
    rows = cursor.execute("SELECT path, module, digest FROM file")
    return {path: Known(module, digest) for path, module, digest in rows}


def note_unread(
    cursor: sqlite3.Cursor, unread: Iterable[Unread], asked: Iterable[str], *, whole: bool
) -> None:
    """Remember which of the files asked for could not be read, and why; ``whole``: forget others."""
    if whole:
        cursor.execute("DELETE FROM unread")
    cursor.executemany("DELETE FROM unread WHERE path = ?", ([_storable(each)] for each in asked))
    cursor.executemany(
        "INSERT OR REPLACE INTO unread VALUES (?, ?)",
        ((_storable(each.path), _storable(each.why)) for each in unread),
    )


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


class FileRows:
    """Rows of files within one transaction; :meth:`lead` comes last."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor
        self._file = self._highest("file")
        self._symbol = self._highest("symbol")
        self._ways: dict[tuple[str, str], int] = {}
        self._given_up: set[int] = set()

    def _highest(self, table: str) -> int:
        return int(self._cursor.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0])  # noqa: S608

    def remove(self, path: str) -> None:
        """Delete all rows of a file."""
        row = self._cursor.execute("SELECT id FROM file WHERE path = ?", [path]).fetchone()
        if row is None:
            return
        ways = "SELECT way FROM use WHERE file = ?1 UNION SELECT way FROM base WHERE file = ?1"
        self._given_up.update(way for (way,) in self._cursor.execute(ways, row))
        self._cursor.execute(
            "DELETE FROM word WHERE rowid IN (SELECT id FROM symbol WHERE file = ?)", row
        )
        self._cursor.execute("DELETE FROM file WHERE id = ?", row)  # the other tables follow it

    def add(self, facts: FileFacts) -> None:
        """Insert all rows of a file."""
        self._file += 1
        first = self._symbol + 1
        self._symbol += len(facts.symbols)
        file = (self._file, facts.path, facts.module, facts.digest, facts.lines)
        self._cursor.execute(
            "INSERT INTO file VALUES (?, ?, ?, ?, ?, ?)", (*file, is_test_file(facts.path))
        )
        self._cursor.execute("INSERT INTO source VALUES (?, ?)", (self._file, facts.source))
        self._add_symbols(facts, first)
        self._cursor.executemany(
            "INSERT INTO import VALUES (?, ?, ?, ?, ?, ?)",
            ((self._file, each[0], first + each[1], *each[2:]) for each in facts.imports),
        )
        self._cursor.executemany(
            "INSERT OR IGNORE INTO use VALUES (?, ?, ?, ?, ?)",
            [
                (self._file, line, self._way(name, way), manner, first + inside)
                for line, inside, manner, name, way in facts.uses
            ],
        )
        self._cursor.executemany(
            "INSERT INTO base VALUES (?, ?, ?, ?, ?)",
            [
                (self._file, first + symbol, place, name, self._way(name, way))
                for symbol, place, name, way in facts.bases
            ],
        )

    def _add_symbols(self, facts: FileFacts, first: int) -> None:
        self._cursor.executemany(
            "INSERT INTO symbol VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    first + number,
                    self._file,
                    *each[:8],
                    None if each.parent is None else first + each.parent,
                    each.is_public,
                    each.value,
                )
                for number, each in enumerate(facts.symbols)
            ),
        )
        self._cursor.executemany(
            "INSERT INTO word (rowid, name, signature, docstring) VALUES (?, ?, ?, ?)",
            (
                (first + number, *(" ".join(words(text)) for text in texts))
                for number, each in enumerate(facts.symbols)
                for texts in [(each.name, each.signature, each.docstring)]
            ),
        )

    def _way(self, name: str, way: str | None) -> int:
        key = (name, way or "")
        number = self._ways.get(key)
        if number is None:
            found = self._cursor.execute("SELECT id FROM way WHERE name = ? AND way = ?", key)
            row = found.fetchone()
            number = self._ways[key] = int(row[0]) if row is not None else self._new_way(key)
        return number

    def _new_way(self, key: tuple[str, str]) -> int:
        self._cursor.execute("INSERT INTO way (name, way) VALUES (?, ?)", key)
        return int(self._cursor.lastrowid or 0)

    def lead(self) -> None:
        """Lead every way to its symbol: a file that changed may be where another's ways end."""
        self._cursor.executemany(
            "DELETE FROM way WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM use WHERE way = ?1)"
            " AND NOT EXISTS (SELECT 1 FROM base WHERE way = ?1)",
            ([way] for way in self._given_up),
        )
        ways = Ways(_names(self._cursor))
        rows = self._cursor.execute("SELECT id, way, symbol FROM way WHERE way <> ''").fetchall()
        led = ((ways.symbol(way), number, old) for number, way, old in rows)
        self._cursor.executemany(
            "UPDATE way SET symbol = ? WHERE id = ?",
            [(new, number) for new, number, old in led if new != old],
        )


def _names(cursor: sqlite3.Cursor) -> Names:
    module_of = dict(cursor.execute("SELECT path, module FROM file WHERE module <> ''"))
    return Names(
        modules={module: path for path, module in sorted(module_of.items(), reverse=True)},
        module_of=module_of,
        symbols=_symbols(cursor),
        aliases=_aliases(cursor),
        stars=_stars(cursor),
        bases=_bases(cursor),
    )


def _symbols(cursor: sqlite3.Cursor) -> dict[tuple[str, str], Named]:
    """Return symbols by place; of namesakes the last one counts, as it does in Python."""
    rows = cursor.execute(
        "SELECT s.id, f.path, s.qualname, s.kind, s.value FROM symbol s JOIN file f ON f.id = s.file"
        " ORDER BY s.id"
    )
    return {
        (path, qualname): Named(number, path, qualname, Kind(kind), value)
        for number, path, qualname, kind, value in rows
    }


def _aliases(cursor: sqlite3.Cursor) -> dict[tuple[str, str], str]:
    """Return what modules import at their top level; a name of two imports is not certain."""
    rows = cursor.execute(
        "SELECT f.path, i.local, i.module, i.name FROM import i JOIN file f ON f.id = i.file"
        " JOIN symbol s ON s.id = i.symbol WHERE s.kind = 'module' AND i.name <> '*'"
    )
    aliases: dict[tuple[str, str], str] = {}
    for path, local, module, name in rows:
        top = local.partition(".")[0]  # ``import a.b`` binds ``a``
        way = f"{module}.{name}" if name else (module if top == local else top)
        key = (path, top)
        aliases[key] = way if aliases.get(key, way) == way else ""
    return {key: way for key, way in aliases.items() if way}


def _stars(cursor: sqlite3.Cursor) -> dict[str, list[str]]:
    rows = cursor.execute(
        "SELECT f.path, i.module FROM import i JOIN file f ON f.id = i.file WHERE i.name = '*'"
        " ORDER BY i.file, i.line DESC"  # the last import of a name counts
    )
    stars: dict[str, list[str]] = {}
    for path, module in rows:
        stars.setdefault(path, []).append(module)
    return stars


def _bases(cursor: sqlite3.Cursor) -> dict[int, list[str]]:
    rows = cursor.execute(
        "SELECT b.symbol, w.way FROM base b JOIN way w ON w.id = b.way ORDER BY b.symbol, b.place"
    )
    bases: dict[int, list[str]] = {}
    for symbol, way in rows:
        bases.setdefault(symbol, []).append(way)
    return bases
