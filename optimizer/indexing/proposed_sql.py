"""Runs a query that a model proposed, which may be anything that can be typed.

What is allowed is listed: one SELECT over the views of the index, with functions from a list that
neither reach outside nor make long values. What that may cost is limited: time, rows, the length
of cells, of the query and of every value. The connection cannot write in any case.
"""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass

from perfbot.optimizer.indexing.database import read_only
from perfbot.optimizer.indexing.schema import VIEWS

MOST_ROWS = 50
MOST_CELL_CHARACTERS = 300
MOST_S = 0.5
MOST_SQL_CHARACTERS = 4000

_REFUSED = "this query was refused: {why}"
_NOT_SELECT = "it has to be one SELECT over {views}"
_TOO_LONG = "it has more than {most:,} characters"
_TOO_SLOW = "it took more than {most} s; ask for less, or compare whole names with ="
_NOT_ALLOWED = "it may only read {views}, with SQLite's usual functions on text and numbers ({why})"
_CUT = "… (more rows are left out)"
_EMPTY = "no rows"

_FUNCTIONS = frozenset(
    (
        "abs avg coalesce count group_concat glob ifnull iif instr length like lower ltrim max min "
        "nullif round rtrim substr substring sum total trim upper"
    ).split()
)
_ALLOWED = frozenset((sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION))
_READABLE = VIEWS | {"file", "symbol", "import", "way", "use", "base"}
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 1_000_000,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 4 * MOST_SQL_CHARACTERS,
    sqlite3.SQLITE_LIMIT_COLUMN: 100,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 60,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 8,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 8,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 100,
    sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}


class QueryRefused(ValueError):  # noqa: N818 - it says what became of the query
    """A query was not answered; the message says why, in a sentence that a model can act on."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The answer to a query: cells are text, at most so many and so long; ``truncated``: there are more."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    truncated: bool

    def as_text(self, limit: int = 4000) -> str:
        """Return a table of at most about ``limit`` characters, whole rows only."""
        if not self.rows:
            return _EMPTY
        lines = [" | ".join(self.columns)]
        left = limit - len(lines[0])
        for row in self.rows:
            line = " | ".join(row)
            left -= len(line) + 1
            if left < 0:
                return "\n".join([*lines, _CUT])
            lines.append(line)
        return "\n".join([*lines, _CUT] if self.truncated else lines)


def run_proposed(address: str, sql: str) -> Rows:
    """Run a proposed query on a connection of its own.

    Raises:
        QueryRefused: it is no SELECT, asks for what it may not, is wrong, or takes too long.
    """
    if len(sql) > MOST_SQL_CHARACTERS:
        raise _refused(_TOO_LONG.format(most=MOST_SQL_CHARACTERS))
    if sql.split(None, 1)[:1] and sql.split(None, 1)[0].upper() not in ("SELECT", "WITH"):
        raise _refused(_NOT_SELECT.format(views=_views()))
    with closing(read_only(address)) as connection:
        guard = _Guard(time.monotonic() + MOST_S)
        guard.stand_before(connection)
        try:
            return _answer(connection, sql)
        except (sqlite3.Error, sqlite3.Warning, UnicodeError, OverflowError) as problem:
            raise _refused(guard.reason(problem)) from problem


def _answer(connection: sqlite3.Connection, sql: str) -> Rows:
    with closing(connection.execute(sql)) as cursor:
        if cursor.description is None:
            raise _refused(_NOT_SELECT.format(views=_views()))
        found = cursor.fetchmany(MOST_ROWS + 1)
        columns = tuple(_cell(each[0]) for each in cursor.description)
    cells = tuple(tuple(map(_cell, row)) for row in found[:MOST_ROWS])
    return Rows(columns, cells, len(found) > MOST_ROWS)


class _Guard:
    """Says no on behalf of SQLite, and remembers why."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._refusal = ""
        self._late = False

    def stand_before(self, connection: sqlite3.Connection) -> None:
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        for limit, value in _LIMITS.items():
            connection.setlimit(limit, value)
        connection.set_progress_handler(self._out_of_time, 1000)
        connection.set_authorizer(self._authorize)

    def _out_of_time(self) -> int:
        self._late = time.monotonic() > self._deadline_s
        return self._late

    def _authorize(self, action: int, one: str | None, two: str | None, *_: str | None) -> int:
        refusal = _objection(action, one, two)
        if refusal:
            self._refusal = refusal
        return sqlite3.SQLITE_DENY if refusal else sqlite3.SQLITE_OK

    def reason(self, problem: Exception) -> str:
        if self._late:
            return _TOO_SLOW.format(most=MOST_S)
        if self._refusal:
            return _NOT_ALLOWED.format(views=_views(), why=self._refusal)
        return str(problem)


def _objection(action: int, one: str | None, two: str | None) -> str:
    """Say what is wrong with one access, ``""`` if nothing.

    For SQLITE_READ ``one`` is the table, for SQLITE_FUNCTION ``two`` is the function
    (https://www.sqlite.org/c3ref/c_alter_table.html). The tables below the views are allowed by
    name: which view reads them cannot be asked, as a query may call a part of itself like a view.
    """
    if action not in _ALLOWED:
        return "SELECT alone is allowed"
    if action == sqlite3.SQLITE_READ and one not in _READABLE:
        return f"{one} is none of them"
    if action == sqlite3.SQLITE_FUNCTION and (two or "").lower() not in _FUNCTIONS:
        return f"{two}() is none of them"
    return ""


def _cell(value: object) -> str:
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    text = "NULL" if value is None else " ".join(str(value).split())
    most = MOST_CELL_CHARACTERS
    return text if len(text) <= most else text[: most - 1] + "…"


def _views() -> str:
    return ", ".join(sorted(VIEWS))


def _refused(why: str) -> QueryRefused:
    return QueryRefused(_REFUSED.format(why=why))
