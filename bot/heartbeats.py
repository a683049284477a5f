"""Which workers are alive: each says so in a table, so that another can take over a dead one's jobs.

A worker's name is never used twice, so nothing is ever run under a name whose owner may still live.
One of the doors to SQL.
"""

import time
from collections.abc import Sequence

import sqlalchemy as sa

from perfbot.bot.database import connect, create, told

_TABLES = sa.MetaData()
_WORKERS = sa.Table(
    "perfbot_workers",
    _TABLES,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("seen_s", sa.Float, nullable=False),
)


class Heartbeats:
    """The table of workers as one of them sees it; times are the database's own.

    A worker that was not seen for ``dead_after_s`` counts as dead.

    Raises:
        DatabaseError: the database cannot be reached, here and in every method.
    """

    def __init__(self, url: str, name: str, dead_after_s: float) -> None:
        self.name = name
        self.dead_after_s = dead_after_s
        self._url = url
        self._engine = connect(url)
        create(self._engine, url, _TABLES)

    def join(self) -> None:
        """Enter the table; a worker does so before it takes its first job."""
        with told(self._url), self._engine.begin() as connection:
            connection.execute(sa.insert(_WORKERS).values(name=self.name, seen_s=self._now()))

    def beat(self) -> bool:
        """Say that this worker lives; False: the others have taken it for dead."""
        change = sa.update(_WORKERS).where(_WORKERS.c.name == self.name)
        with told(self._url), self._engine.begin() as connection:
            return connection.execute(change.values(seen_s=self._now())).rowcount == 1

    def dead(self) -> tuple[str, ...]:
        """Return the workers that were not seen for too long."""
        asked = sa.select(_WORKERS.c.name).where(self._overdue())
        with told(self._url), self._engine.connect() as connection:
            return tuple(connection.execute(asked).scalars())

    def bury(self, names: Sequence[str]) -> None:
        """Remove dead workers, once their jobs are taken over; a late sign of life saves one."""
        unwanted = sa.delete(_WORKERS).where(_WORKERS.c.name.in_(names), self._overdue())
        with told(self._url), self._engine.begin() as connection:
            connection.execute(unwanted)

    def leave(self) -> None:
        """Count as dead from now on, so that unfinished jobs are taken over at once."""
        change = sa.update(_WORKERS).where(_WORKERS.c.name == self.name).values(seen_s=0.0)
        with told(self._url), self._engine.begin() as connection:
            connection.execute(change)
        self._engine.dispose()

    def _overdue(self) -> sa.ColumnElement[bool]:
        return _WORKERS.c.seen_s < self._now() - self.dead_after_s

    def _now(self) -> sa.ColumnElement[float]:
        """Return the time by the one clock that all workers share."""
        if self._engine.dialect.name == "postgresql":
            return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Float)
        return sa.literal(time.time())
