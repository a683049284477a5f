"""Who proposes versions of a function: the catalogue here, models in ``authors.py``.

A proposer is asked for versions of one text. What the search finds against a version is told to
whoever proposed it before the next one is taken: the list of dropped versions is shared and grows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from perfbot.optimizer import plan
from perfbot.optimizer.catalogue import Rule
from perfbot.optimizer.diagnosis import Diagnosis
from perfbot.optimizer.plan import Subject
from perfbot.optimizer.strategies import Suggestion

EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True)
class Tried:
    """A version that was dropped, why, who wrote it as the report names them, and the file with it."""

    suggestions: tuple[Suggestion, ...]
    why: Diagnosis
    optimizer: str = EMBEDDED
    text: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A version of the subject's file and what led to it.

    ``confidence`` is the mean probability (geometric) of the reply's tokens, ``None`` where it is not known.
    """

    suggestions: tuple[Suggestion, ...]
    text: str
    confidence: float | None = None


class Proposer(Protocol):
    """Proposes versions of a function."""

    @property
    def planner(self) -> str:
        """Who plans, as the report names it."""

    @property
    def optimizer(self) -> str:
        """Who writes, as the report names it."""

    def proposals(
        self, subject: Subject, text: str, dropped: Sequence[Tried]
    ) -> Iterator[Proposal]:
        """Yield versions of ``text``; each one's fate is in ``dropped`` before the next is made."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The embedded optimizer: each step that a rule sees."""

    rules: Sequence[Rule]
    planner: str = EMBEDDED
    optimizer: str = EMBEDDED

    def proposals(
        self, subject: Subject, text: str, dropped: Sequence[Tried]
    ) -> Iterator[Proposal]:
        """Yield one version for each step; a rule learns nothing from what was dropped."""
        for step in plan.steps(subject, text, self.rules):
            yield Proposal((step.suggestion,), step.text)
