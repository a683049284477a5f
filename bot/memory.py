"""What the bot remembers of repositories beside its jobs: requests, what is left alone, and scans.

GitHub itself holds the rest (pull requests and comments say what they are, see ``marker``). Tables in
the database that the jobs use; one of the doors to SQL. Texts of people are stored and never obeyed.
"""

import json
import time
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from perfbot.bot.database import connect, create, told
from perfbot.bot.deliveries import Json

_TABLES = sa.MetaData()
_REQUESTS = sa.Table(
    "perfbot_requests",
    _TABLES,
    sa.Column("job", sa.Text, primary_key=True),
    sa.Column("repository", sa.BigInteger, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("asked", sa.Text, nullable=False),
    sa.Column("head", sa.Text, nullable=False),
    sa.Column("began_s", sa.Float, nullable=False),
    sa.Column("stage", sa.Text, nullable=False, default=""),
    sa.Column("ended_s", sa.Float),
    sa.Column("result", sa.Text, nullable=False, default="null"),
    sa.Index("perfbot_requests_by_place", "repository", "number", "began_s"),
)
_IGNORED = sa.Table(
    "perfbot_ignored",
    _TABLES,
    sa.Column("repository", sa.BigInteger, primary_key=True),
    sa.Column("what", sa.Text, primary_key=True),
    sa.Column("why", sa.Text, nullable=False),
)
_SCANS = sa.Table(
    "perfbot_scans",
    _TABLES,
    sa.Column("repository", sa.BigInteger, primary_key=True),
    sa.Column("commit", sa.Text, nullable=False),
    sa.Column("at_s", sa.Float, nullable=False),
    sa.Column("found", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asked for under an issue or pull request, and what came of it.

    ``asked`` is the command as it was understood, ``head`` the commit it is about, ``stage`` what it
    is at. ``result`` is null until it ended, or where it ended without any.
    """

    job: str
    repository: int
    number: int
    asked: str
    head: str
    began_s: float
    stage: str = ""
    ended_s: float | None = None
    result: Json = None


@dataclass(frozen=True, slots=True)
class Scan:
    """The last scan of a repository's default branch; times count from 1970."""

    commit: str
    at_s: float
    found: Json


class Memory:
    """Safe for threads and several processes at once.

    Raises:
        DatabaseError: the database cannot be reached, here and in every method.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine = connect(url)
        self._insert = sqlite.insert if self._engine.dialect.name == "sqlite" else postgresql.insert
        create(self._engine, url, _TABLES)

    def begin(self, request: Request) -> None:
        """Note a request; one that is known is left as it is."""
        row = {
            "job": request.job,
            "repository": request.repository,
            "number": request.number,
            "asked": request.asked,
            "head": request.head,
            "began_s": request.began_s,
        }
        self._do(self._insert(_REQUESTS).values(row).on_conflict_do_nothing())

    def reach(self, job: str, stage: str) -> None:
        """Note what a request is at."""
        change = sa.update(_REQUESTS).where(_REQUESTS.c.job == job)
        self._do(change.values(stage=stage))

    def end(self, job: str, result: Json) -> None:
        """Note what came of a request."""
        change = sa.update(_REQUESTS).where(_REQUESTS.c.job == job)
        self._do(change.values(ended_s=time.time(), result=json.dumps(result)))

    def request(self, job: str) -> Request | None:
        """Return a request."""
        return next(iter(self._requests(_REQUESTS.c.job == job)), None)

    def requests(self, repository: int, number: int) -> tuple[Request, ...]:
        """Return what was asked for under an issue or pull request, newest first."""
        return self._requests(_REQUESTS.c.repository == repository, _REQUESTS.c.number == number)

    def unfinished(self, repository: int) -> tuple[Request, ...]:
        """Return what was asked for in a repository and has not ended, newest first."""
        return self._requests(_REQUESTS.c.repository == repository, _REQUESTS.c.ended_s.is_(None))

    def ignore(self, repository: int, what: str, why: str) -> None:
        """Leave a function (``FILE::QUALNAME``) or a file alone from now on; ``why`` says who wanted it."""
        row = {"repository": repository, "what": what, "why": why}
        new = self._insert(_IGNORED).values(row)
        self._do(
            new.on_conflict_do_update(index_elements=["repository", "what"], set_={"why": why})
        )

    def look_again(self, repository: int, what: str) -> None:
        """Take ``ignore`` back."""
        place = _IGNORED.c.repository == repository, _IGNORED.c.what == what
        self._do(sa.delete(_IGNORED).where(*place))

    def ignored(self, repository: int) -> dict[str, str]:
        """Return what is left alone, and why."""
        asked = sa.select(_IGNORED.c.what, _IGNORED.c.why).where(
            _IGNORED.c.repository == repository
        )
        with told(self._url), self._engine.connect() as connection:
            rows = connection.execute(asked.order_by(_IGNORED.c.what))
            return {row.what: row.why for row in rows}

    def keep_scan(self, repository: int, scan: Scan) -> None:
        """Note a scan in place of the one before."""
        row = {"commit": scan.commit, "at_s": scan.at_s, "found": json.dumps(scan.found)}
        new = self._insert(_SCANS).values({"repository": repository, **row})
        self._do(new.on_conflict_do_update(index_elements=["repository"], set_=row))

    def scan(self, repository: int) -> Scan | None:
        """Return the last scan, None where there was none."""
        columns = _SCANS.c.commit, _SCANS.c.at_s, _SCANS.c.found
        asked = sa.select(*columns).where(_SCANS.c.repository == repository)
        with told(self._url), self._engine.connect() as connection:
            found = connection.execute(asked).one_or_none()
        return Scan(found[0], found[1], json.loads(found[2])) if found else None

    def forget(self, repository: int) -> None:
        """Delete all that is known of a repository, because perfbot was removed from it."""
        for table in (_REQUESTS, _IGNORED, _SCANS):
            self._do(sa.delete(table).where(table.c.repository == repository))

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def _requests(self, *where: sa.ColumnElement[bool]) -> tuple[Request, ...]:
        asked = sa.select(_REQUESTS).where(*where).order_by(_REQUESTS.c.began_s.desc())
        with told(self._url), self._engine.connect() as connection:
            rows = [dict(row._mapping) for row in connection.execute(asked)]
        return tuple(Request(**{**row, "result": json.loads(row["result"])}) for row in rows)

    def _do(self, statement: sa.Executable) -> None:
        with told(self._url), self._engine.begin() as connection:
            connection.execute(statement)
