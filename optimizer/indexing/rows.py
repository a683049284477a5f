"""Writes what was read of files as rows, and leads their ways to symbols."""

import sqlite3
from collections.abc import Iterable, Set

from perfbot.optimizer.indexing.facts import FileFacts
from perfbot.optimizer.indexing.files import Known, Unread
from perfbot.optimizer.indexing.names import Names
from perfbot.optimizer.indexing.ways import Ways, has_step
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
        self._given_up: set[int] = set()  # ways that a removed file used
        self._stale: set[int] = set()  # ways that are new, or led to a removed file

    def _highest(self, table: str) -> int:
        return int(self._cursor.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0])  # noqa: S608

    def remove(self, path: str) -> None:
        """Delete all rows of a file."""
        row = self._cursor.execute("SELECT id FROM file WHERE path = ?", [path]).fetchone()
        if row is None:
            return
        ways = "SELECT way FROM use WHERE file = ?1 UNION SELECT way FROM base WHERE file = ?1"
        self._given_up.update(way for (way,) in self._cursor.execute(ways, row))
        led = "SELECT id FROM way WHERE symbol IN (SELECT id FROM symbol WHERE file = ?)"
        self._stale.update(way for (way,) in self._cursor.execute(led, row))
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
            "INSERT INTO word (rowid, text) VALUES (?, ?)",
            enumerate(facts.words, first),
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
        number = int(self._cursor.lastrowid or 0)
        self._stale.add(number)
        return number

    def lead(self, names: Set[str] | None = None) -> None:
        """Lead ways to their symbols: a file that changed may be where another's ways end.

        Those that are new or led to what is gone, and those with one of ``names`` in them; ``None``: all.
        """
        self._cursor.executemany(
            "DELETE FROM way WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM use WHERE way = ?1)"
            " AND NOT EXISTS (SELECT 1 FROM base WHERE way = ?1)",
            ([way] for way in self._given_up),
        )
        ways = Ways(Names(self._cursor))
        rows = self._cursor.execute("SELECT id, way, symbol FROM way WHERE way <> ''").fetchall()
        if names is not None:
            rows = [row for row in rows if row[0] in self._stale or has_step(row[1], names)]
        led = ((ways.symbol(way), number, old) for number, way, old in rows)
        self._cursor.executemany(
            "UPDATE way SET symbol = ? WHERE id = ?",
            [(new, number) for new, number, old in led if new != old],
        )
