"""The file that transcripts are kept in: its schema, who may read it, and what if it is broken.

The schema only grows: a migration adds tables or columns, it drops and rewrites nothing.
"""

import errno
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from perfbot.optimizer.recorded import TranscriptError

FILE_NAME = "transcripts.sqlite"
NEWER = (
    "{file} was written by a newer perfbot (its schema is {found}, this one knows {known}): "
    "nothing is recorded; update perfbot or move the file away"
)
LOCKED = "another perfbot does not let go of it"

BUSY_S = 5.0
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

# Each entry leads from one version to the next. Published ones are never changed.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE texts (sha256 TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE salt (salt TEXT NOT NULL)",
        "INSERT INTO salt VALUES (hex(randomblob(16)))",
        """CREATE TABLE runs (
            run TEXT PRIMARY KEY, repository TEXT NOT NULL, revision TEXT, dirty INTEGER NOT NULL,
            licence TEXT, perfbot TEXT NOT NULL, keeps TEXT NOT NULL, settings TEXT NOT NULL,
            started_s REAL NOT NULL, ended_s REAL)""",
        "CREATE INDEX runs_by_repository ON runs (repository, started_s)",
        """CREATE TABLE functions (
            id INTEGER PRIMARY KEY, run TEXT NOT NULL REFERENCES runs, path TEXT NOT NULL,
            qualname TEXT NOT NULL, line INTEGER, file TEXT NOT NULL, code TEXT NOT NULL)""",
        "CREATE INDEX functions_by_run ON functions (run)",
        """CREATE TABLE calls (
            id INTEGER PRIMARY KEY, function INTEGER NOT NULL REFERENCES functions,
            at_s REAL NOT NULL, purpose TEXT NOT NULL, model TEXT NOT NULL, prompts TEXT NOT NULL,
            messages TEXT NOT NULL, sampling TEXT NOT NULL, reply TEXT, finish TEXT,
            tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, usd REAL NOT NULL,
            latency_s REAL NOT NULL, certainty TEXT, error TEXT NOT NULL)""",
        "CREATE INDEX calls_by_function ON calls (function)",
        """CREATE TABLE trials (
            id INTEGER PRIMARY KEY, function INTEGER NOT NULL REFERENCES functions,
            at_s REAL NOT NULL, planner TEXT NOT NULL, optimizer TEXT NOT NULL,
            suggestions TEXT NOT NULL, version TEXT NOT NULL, edits TEXT NOT NULL,
            code TEXT NOT NULL, why TEXT NOT NULL, ratio REAL)""",
        "CREATE INDEX trials_by_function ON trials (function)",
        """CREATE TABLE decisions (
            id INTEGER PRIMARY KEY, function INTEGER NOT NULL REFERENCES functions,
            at_s REAL NOT NULL, planner TEXT NOT NULL, optimizer TEXT NOT NULL,
            suggestions TEXT NOT NULL, version TEXT NOT NULL, code TEXT NOT NULL,
            patch TEXT NOT NULL, judgement TEXT NOT NULL, why TEXT NOT NULL, detail TEXT NOT NULL,
            gain TEXT, gates TEXT NOT NULL)""",
        "CREATE INDEX decisions_by_function ON decisions (function)",
        "CREATE INDEX decisions_by_patch ON decisions (patch)",
        """CREATE TABLE outcomes (
            id INTEGER PRIMARY KEY, repository TEXT NOT NULL, event TEXT NOT NULL,
            at_s REAL NOT NULL, patch TEXT NOT NULL, branch TEXT NOT NULL, who TEXT NOT NULL,
            edited TEXT NOT NULL)""",
        "CREATE INDEX outcomes_by_repository ON outcomes (repository, patch, branch)",
    ),
)


def connected(file: Path) -> sqlite3.Connection:
    """Open the file, made for its owner alone, and bring its schema up to date."""
    _owned(file)
    connection = sqlite3.connect(
        file, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        _migrate(connection, file)
    except BaseException:
        connection.close()
        raise
    return connection


def _owned(file: Path) -> None:
    """Let nobody but the owner read it.

    A file that is there is not opened for that: closing it would end SQLite's own locks.
    """
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    for place, mode in ((file, 0o600), (file.parent, 0o700)):
        if place.stat().st_mode & 0o077:
            place.chmod(mode)


def _migrate(connection: sqlite3.Connection, file: Path) -> None:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    known = len(MIGRATIONS)
    if found > known:
        raise TranscriptError(NEWER.format(file=file, found=found, known=known))
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # a broken one says so here
    for version in range(found, known):
        connection.execute("BEGIN IMMEDIATE")
        for statement in MIGRATIONS[version]:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version + 1}")
        connection.execute("COMMIT")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let no other perfbot open or move the file meanwhile; raises TimeoutError when that takes long."""
    handle = os.open(folder / "transcripts.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        ends_s = time.monotonic() + BUSY_S
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > ends_s:
                    raise TimeoutError(errno.ETIMEDOUT, LOCKED) from None
                time.sleep(0.01)
        yield
    finally:
        os.close(handle)


def move_aside(file: Path) -> Path:
    """Give a broken file, with what SQLite put beside it, another name; return that."""
    aside = file.with_name(f"{file.name}.broken-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
    for end in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{file}{end}").rename(f"{aside}{end}")
    return aside


def is_broken(error: sqlite3.Error) -> bool:
    """Say whether an error means that the file is no good, not that this was a bad moment."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in _BROKEN  # without what extends it
