"""Who is asked, what that costs and what comes of it; part of ``benchmarks/routing.py``.

Policies replay what was measured of each record; the routed ones through the product's ``Switching``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import routing_models
from routing_models import SHARES, between

from perfbot.optimizer.diagnosis import Stage, refused
from perfbot.optimizer.plan import Subject
from perfbot.optimizer.proposing import EMBEDDED, Proposal, Tried
from perfbot.optimizer.routing import Evidence, Outcome, Rule, Switching, Watched
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.source import SourceFile

GAIN = 1.1  # times fewer instructions, for a function to count as improved
_FUNCTION = FunctionName("solution.py", "f")


@dataclass(frozen=True, slots=True)
class Version:
    """What one asker came to: ``gain`` is how many times fewer instructions its best version takes.

    ``stands`` says what the gates said, ``right`` what the hidden inputs say of what stands.
    """

    stands: bool
    right: bool
    gain: float
    why: str = ""
    confidence: float | None = None
    replies: int = 0
    tokens: int = 0
    usd: float = 0.0

    @property
    def worth(self) -> float:
        """What it is worth if it is shipped: a version that is wrong, or no better, is worth 1."""
        return max(1.0, self.gain) if self.stands and self.right else 1.0


@dataclass(frozen=True, slots=True)
class Record:
    """One task, with what each of the three makes of it."""

    name: str
    catalogue: Version
    small: Version
    large: Version

    @property
    def share(self) -> float:
        return between(self.name, "share", SHARES)


NOTHING = Version(stands=False, right=True, gain=1.0, why="nothing proposed")


def stands(version: Version) -> bool:
    """Say whether the search keeps a version: nothing against it, and it gains a little."""
    return version.stands and version.gain >= 1.05


@dataclass(frozen=True, slots=True)
class Result:
    """What a policy did with one record."""

    small: bool
    large: bool
    usd: float
    worth: float
    right: bool


@dataclass
class Replayed:
    """Proposes what was measured, and notes that it was asked."""

    optimizer: str
    version: Version
    planner: str = EMBEDDED
    was_asked: bool = False

    def proposals(
        self, subject: Subject, text: str, dropped: Sequence[Tried]
    ) -> Iterator[Proposal]:
        self.was_asked = True
        if self.version.replies or self.version.stands:
            yield Proposal((), self.optimizer, self.version.confidence)


def routed(record: Record, rule: Rule) -> Result:
    """Let the product's own switching decide, over what was measured."""
    catalogue = Watched(Replayed(EMBEDDED, record.catalogue))
    small, large = Replayed("small", record.small), Replayed("large", record.large)
    switching = Switching([Watched(small)], large, catalogue, record.share, rule)
    versions = {EMBEDDED: record.catalogue, "small": record.small, "large": record.large}
    source = SourceFile(Path(), "", "utf-8", "\n", bom=False)
    subject = Subject(_FUNCTION, source, {}, frozenset(), 0)
    dropped: list[Tried] = []
    for proposer in (catalogue, switching):
        for proposal in proposer.proposals(subject, "", dropped):
            if not stands(versions[proposal.text]):
                why = refused(versions[proposal.text].why, Stage.REPLAY)
                dropped.append(Tried((), why, proposer.optimizer))
    return result(record, small=small.was_asked, large=large.was_asked)


def result(record: Record, *, small: bool, large: bool) -> Result:
    """Return what comes of asking these: the best version that stands is shipped, right or not."""
    asked = [record.catalogue, *[record.small] * small, *[record.large] * large]
    usd = record.small.usd * small + record.large.usd * large
    standing = [each for each in asked if stands(each)]
    best = max(standing, key=lambda each: each.gain, default=NOTHING)
    return Result(small, large, usd, best.worth, best.right)


def oracle(record: Record) -> Result:
    """Return the cheapest way to (almost) the best result, which only hindsight knows."""
    ways = [
        result(record, small=small, large=large)
        for small in (False, True)
        for large in (False, True)
    ]
    best = max(each.worth for each in ways)
    return min((each for each in ways if each.worth >= best / 1.05), key=lambda each: each.usd)


def evidence(record: Record) -> Evidence:
    """Return what is known before the large model would be asked."""
    small, stood = record.small, int(stands(record.small))
    return Evidence(small.confidence, stood, 1 - stood, stands(record.catalogue))


def learned(record: Record, records: Sequence[Record]) -> Rule:
    """Return the rule learned from all other records: did the cheap ones come to something right?"""
    return Rule(
        [
            Outcome(evidence(each), result(each, small=True, large=False).worth >= GAIN)
            for each in records
            if each.name != record.name
        ]
    )


def uninformed(record: Record) -> Record:
    """Return the record with a small model whose confidence says nothing."""
    confidence = between(record.name, "confidence", routing_models.ALWAYS)
    return replace(record, small=replace(record.small, confidence=confidence))
