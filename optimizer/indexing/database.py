"""The file of an index: opened, brought up to date, or made anew where it is of no use.

An index holds nothing that cannot be read from the sources again. So whatever cannot be used,
because it is older than the first migration, newer than this perfbot, damaged or no database at
all, is put out of the way and begun anew.
"""

import sqlite3
import uuid
from contextlib import closing, suppress
from pathlib import Path

from perfbot.optimizer.indexing.schema import APPLICATION_ID, MIGRATIONS

_NOT_OPENED = "the project index {path} cannot be opened ({why}): give another cache folder"
_BUSY_S = 120.0  # somebody else reads a large project for the first time
_BESIDE = ("", "-journal", "-wal", "-shm")


class IndexUnavailable(Exception):  # noqa: N818 - it says what the index is
    """The index cannot be used; the message says why, and what to do."""


def read_only(address: str) -> sqlite3.Connection:
    """Open one more connection to the same database, which cannot write."""
    mode = "" if "mode=memory" in address else "?mode=ro"
    connection = sqlite3.connect(address + mode, uri=True, timeout=1, isolation_level=None)
    connection.execute("PRAGMA query_only = ON").close()
    return connection


def address_of(path: Path | None) -> str:
    """Return the URI of a database file, or of a new one in memory that this process shares."""
    if path is None:
        return f"file:perfbot-index-{uuid.uuid4().hex}?mode=memory&cache=shared"
    return path.absolute().as_uri()


def open_database(address: str, path: Path | None) -> sqlite3.Connection:
    """Open a database with the present schema.

    Raises:
        IndexUnavailable: the file can neither be used nor be made anew.
    """
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _opened(address)
        except sqlite3.DatabaseError as problem:
            if path is None or not is_damaged(problem):
                raise
            discard(path)
            return _opened(address)
    except (OSError, sqlite3.Error) as problem:
        raise IndexUnavailable(_NOT_OPENED.format(path=path, why=problem)) from problem


def discard(path: Path) -> None:
    """Delete a database's files."""
    for ending in _BESIDE:
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).unlink()


def is_damaged(problem: sqlite3.DatabaseError) -> bool:
    """Say whether the file itself is of no use, and not just kept by somebody or wrongly asked."""
    code = getattr(problem, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _opened(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        address, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(connection)
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    for setting in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        "cache_size = -65536",  # KiB
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {setting}").close()


def _migrate(connection: sqlite3.Connection) -> None:
    """Apply the migrations that the file lacks.

    Raises:
        sqlite3.DatabaseError: the file is of another program or a newer perfbot, or damaged.
    """
    with closing(connection.cursor()) as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        version = int(cursor.execute("PRAGMA user_version").fetchone()[0])
        owner = int(cursor.execute("PRAGMA application_id").fetchone()[0])
        is_new = not cursor.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not is_new and (owner != APPLICATION_ID or version > len(MIGRATIONS)):
            cursor.execute("ROLLBACK")
            raise sqlite3.DatabaseError("it is no index of this version")
        for step in MIGRATIONS[0 if is_new else version :]:
            for statement in step.split(";\n"):
                cursor.execute(statement)
        cursor.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        cursor.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        cursor.execute("COMMIT")
