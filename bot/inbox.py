"""The inbox: every delivery is written down before GitHub is told that it arrived.

GitHub never sends a delivery again by itself, so what is answered with success must survive a crash.
One table, in SQLite or PostgreSQL; one of the doors to SQL.
"""

import time
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from perfbot.bot.database import connect, create, told
from perfbot.bot.deliveries import Delivery

_TABLES = sa.MetaData()
_DELIVERIES = sa.Table(
    "perfbot_deliveries",
    _TABLES,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("received_s", sa.Float, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False, default=""),
    sa.Index("perfbot_deliveries_by_state", "state", "received_s"),
)


class State(StrEnum):
    """How far a delivery has come."""

    RECEIVED = "received"
    HELD = "held"
    """It asks for a scan, which begins when nothing else waits."""
    QUEUED = "queued"
    """Its job stands in the queue; the note is the job's id."""
    NOTHING = "nothing"
    """It asks for nothing."""
    UNREADABLE = "unreadable"
    """It is not as GitHub describes it; the note says where."""


_UNSETTLED = (State.RECEIVED, State.HELD)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many deliveries wait for the sweeper, and for how long the oldest does."""

    deliveries: int
    oldest_s: float


class Inbox:
    """Deliveries on disk; safe for threads and for several processes at once.

    Raises:
        DatabaseError: the database cannot be reached, here and in every method.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine = connect(url)
        create(self._engine, url, _TABLES)

    def keep(self, delivery: Delivery) -> bool:
        """Write it down durably, unless its id is known; say whether it is new."""
        insert = sqlite.insert if self._engine.dialect.name == "sqlite" else postgresql.insert
        row = {
            "id": delivery.id,
            "event": delivery.event,
            "body": delivery.body,
            "received_s": time.time(),
            "state": State.RECEIVED,
        }
        kept = insert(_DELIVERIES).values(row).on_conflict_do_nothing().returning(_DELIVERIES.c.id)
        with told(self._url), self._engine.begin() as connection:
            return connection.execute(kept).first() is not None

    def waiting(self) -> Waiting:
        """Count what the sweeper has not looked at."""
        columns = sa.func.count(), sa.func.min(_DELIVERIES.c.received_s)
        asked = sa.select(*columns).where(_DELIVERIES.c.state == State.RECEIVED)
        with told(self._url), self._engine.connect() as connection:
            count, oldest = connection.execute(asked).one()
        return Waiting(count, max(0.0, time.time() - oldest) if count else 0.0)

    def oldest(self, at_most: int, state: State = State.RECEIVED) -> tuple[Delivery, ...]:
        """Return the oldest deliveries that have come so far and no further."""
        columns = _DELIVERIES.c.id, _DELIVERIES.c.event, _DELIVERIES.c.body
        asked = (
            sa.select(*columns)
            .where(_DELIVERIES.c.state == state)
            .order_by(_DELIVERIES.c.received_s)
            .limit(at_most)
        )
        with told(self._url), self._engine.connect() as connection:
            return tuple(Delivery(*row) for row in connection.execute(asked))

    def settle(self, delivery_id: str, state: State, note: str = "") -> None:
        """Record what became of a delivery."""
        change = sa.update(_DELIVERIES).where(_DELIVERIES.c.id == delivery_id)
        with told(self._url), self._engine.begin() as connection:
            connection.execute(change.values(state=state, note=note))

    def state(self, delivery_id: str) -> tuple[State, str] | None:
        """Return how far a delivery has come, and the note; None where it never arrived."""
        columns = _DELIVERIES.c.state, _DELIVERIES.c.note
        asked = sa.select(*columns).where(_DELIVERIES.c.id == delivery_id)
        with told(self._url), self._engine.connect() as connection:
            found = connection.execute(asked).one_or_none()
        return (State(found[0]), found[1]) if found else None

    def forget(self, older_than_s: float) -> int:
        """Delete settled deliveries that came more than so many seconds ago; return how many."""
        old = _DELIVERIES.c.received_s < time.time() - older_than_s
        unwanted = sa.delete(_DELIVERIES).where(old, _DELIVERIES.c.state.not_in(_UNSETTLED))
        with told(self._url), self._engine.begin() as connection:
            return connection.execute(unwanted).rowcount

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()
