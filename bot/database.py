"""How perfbot reaches a database: SQLite by default, PostgreSQL where one machine is not enough.

One of the doors to SQL; what is stored is said by ``inbox``, ``heartbeats`` and ``jobs``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from sqlite3 import Connection as SqliteConnection

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

UNREACHABLE = (
    "the database at {url} cannot be used: {why}. Check that it runs, that the address is right and "
    "that its folder can be written to"
)
NOT_AN_ADDRESS = (
    "{url} is no database address; write sqlite:////path/to/file or postgresql://user@host/name"
)
_BUSY_MS = 5000  # half of the time that GitHub waits for an answer


class DatabaseError(Exception):
    """A database cannot be reached or written; the message says what to do, and quotes no value."""


def connect(url: str) -> sa.Engine:
    """Return an engine whose commits survive a crash; errors that it raises hold no parameters.

    Raises DatabaseError where ``url`` is no address of SQLite or PostgreSQL.
    """
    try:
        address = sa.make_url(url)
        if address.get_backend_name() == "postgresql":
            address = address.set(drivername="postgresql+psycopg")
            patience = {"connect_timeout": _BUSY_MS // 1000}
            return sa.create_engine(
                address, hide_parameters=True, pool_pre_ping=True, connect_args=patience
            )
        if address.get_backend_name() == "sqlite":
            engine = sa.create_engine(address, hide_parameters=True)
            sa.event.listen(engine, "connect", _durable)
            return engine
    except (ArgumentError, NoSuchModuleError, ValueError):  # a port that is no number is the last
        pass
    raise DatabaseError(NOT_AN_ADDRESS.format(url=url.split("@")[-1]))


def create(engine: sa.Engine, url: str, tables: sa.MetaData) -> None:
    """Create the tables that are missing; raises DatabaseError where that cannot be done.

    Two processes that start together may both find one missing; the second look settles it.
    """
    with told(url):
        try:
            tables.create_all(engine)
        except SQLAlchemyError:
            tables.create_all(engine)


@contextmanager
def told(url: str) -> Iterator[None]:
    """Turn what goes wrong with a database inside the block into a DatabaseError."""
    try:
        yield
    except SQLAlchemyError as error:
        raise DatabaseError(_sentence(url, error)) from None


def _durable(connection: SqliteConnection, _record: object) -> None:
    """Let a commit wait for the disk, and readers not wait for writers (sqlite.org/wal.html)."""
    connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _sentence(url: str, error: SQLAlchemyError) -> str:
    """Say what is wrong without the statement, its values or the password."""
    shown = sa.make_url(url).render_as_string(hide_password=True)
    lines = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()
    return UNREACHABLE.format(url=shown, why=lines[0])
