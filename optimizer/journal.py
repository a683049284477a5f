"""What a run does with models and candidates, told as it happens to whoever keeps it.

The transcript (``transcript.py``) keeps it for replay, export and the report; :class:`Unkept` does not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from perfbot.optimizer.models import Message, Reply, Sampling
from perfbot.optimizer.strategies import Suggestion
from perfbot.optimizer.verdict import Verdict
from perfbot.profiling.functions import FunctionName


class Purpose(StrEnum):
    """What a model was asked for."""

    PLAN = "plan"
    WRITE = "write"
    REPAIR = "repair"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class Call:
    """One question to a model; ``reply`` is ``None`` where none came, and ``error`` says why.

    ``prompts`` names the prompt files that it was made of, with their versions: ``system@2``.
    """

    function: FunctionName
    purpose: Purpose
    model: str
    prompts: tuple[str, ...]
    messages: tuple[Message, ...]
    sampling: Sampling
    reply: Reply | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """One version of a file that the search looked at.

    ``why`` says what was found against it, ``""`` where nothing was; ``ratio`` is the quick guess of
    old/new cost, ``None`` where it was not measured. ``last`` names who wrote its last step.
    """

    function: FunctionName
    planner: str
    optimizer: str
    suggestions: tuple[Suggestion, ...]
    text: str
    why: str
    ratio: float | None
    last: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the judge said of a change; ``changes`` has each file before (``None``: new) and after."""

    function: FunctionName
    planner: str
    optimizer: str
    suggestions: Sequence[Suggestion]
    changes: Mapping[str, tuple[bytes | None, bytes]]
    verdict: Verdict


class Journal(Protocol):
    """Follows a run. Methods return at once and raise nothing that belongs to the run."""

    def begun(self, function: FunctionName, text: str) -> None:
        """The search for a function began; ``text`` is its file's, which all its versions change."""

    def asked(self, call: Call) -> None:
        """A model was asked."""

    def tried(self, trial: Trial) -> None:
        """The search looked at a version."""

    def decided(self, decision: Decision) -> None:
        """The judge decided."""


class Unkept:
    """Keeps nothing."""

    def begun(self, function: FunctionName, text: str) -> None:
        """Do nothing."""

    def asked(self, call: Call) -> None:
        """Do nothing."""

    def tried(self, trial: Trial) -> None:
        """Do nothing."""

    def decided(self, decision: Decision) -> None:
        """Do nothing."""
