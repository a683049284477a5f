"""What the last scan of a repository came to, kept beside the jobs (``memory``).

One repository's jobs run one at a time, so it is read, changed and written back without a lock.
"""

from dataclasses import dataclass, field, replace

from perfbot.bot import proven
from perfbot.bot.dashboard import Rejected
from perfbot.bot.deliveries import Json
from perfbot.bot.memory import Memory, Scan
from perfbot.bot.proven import Proven


@dataclass(frozen=True, slots=True)
class ScanRecord:
    """What was looked at, and what is to be remembered of it.

    ``commit`` is None where no scan has ended yet; ``shares`` are of the workload's time by
    function; ``dashboard`` is the issue's number once there was one.
    """

    commit: str | None = None
    at_s: float = 0.0
    waiting: tuple[Proven, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    shares: dict[str, float] = field(default_factory=dict)
    dashboard: int | None = None

    def without(self, functions: frozenset[str]) -> "ScanRecord":
        """Return the record in which nothing about these functions waits or is rejected."""
        waiting = tuple(one for one in self.waiting if not functions & set(one.functions))
        rejected = tuple(one for one in self.rejected if one.function not in functions)
        return replace(self, waiting=waiting, rejected=rejected)


def recall(memory: Memory, repository: int) -> ScanRecord:
    """Return what is remembered; raises DatabaseError."""
    found = memory.scan(repository)
    if found is None or not isinstance(found.found, dict):
        return ScanRecord()
    stored = found.found
    return ScanRecord(
        commit=found.commit or None,
        at_s=found.at_s,
        waiting=tuple(proven.from_json(one) for one in _list(stored.get("waiting"))),
        rejected=tuple(_rejected(one) for one in _list(stored.get("rejected"))),
        shares=shares_of(stored.get("shares")),
        dashboard=number if isinstance(number := stored.get("dashboard"), int) else None,
    )


def remember(memory: Memory, repository: int, record: ScanRecord) -> None:
    """Write a record in place of the one before; raises DatabaseError."""
    stored: dict[str, Json] = {
        "waiting": [proven.to_json(one) for one in record.waiting],
        "rejected": [[one.function, one.share, one.why] for one in record.rejected],
        "shares": dict(record.shares),
        "dashboard": record.dashboard,
    }
    memory.keep_scan(repository, Scan(record.commit or "", record.at_s, stored))


def _list(stored: Json) -> list[Json]:
    return stored if isinstance(stored, list) else []


def _rejected(stored: Json) -> Rejected:
    match stored:
        case [str(function), int() | float() as share, str(why)]:
            return Rejected(function, float(share), why)
    raise proven.ProvenError(proven.NOT_STORED_BY_US)


def shares_of(stored: Json) -> dict[str, float]:
    """Return stored shares by function; none where they are something else."""
    found = stored if isinstance(stored, dict) else {}
    return {name: float(share) for name, share in found.items() if isinstance(share, int | float)}
