"""What a run tells while it works, to whoever listens."""

from enum import StrEnum
from typing import Protocol

from perfbot.optimizer.models import Usage


class Phase(StrEnum):
    """What is being done; the values are how people read it."""

    COPYING = "copying the repository"
    ENVIRONMENT = "preparing its Python"
    BASELINE = "running the tests as they are"
    PROFILING = "profiling"
    NOISE = "measuring this machine's noise"
    RECORDING = "recording calls"
    SEARCHING = "searching"
    JUDGING = "judging"
    EFFECT = "measuring benchmarks and workload"


class Listener(Protocol):
    """Follows a run. Methods return at once and never raise."""

    def phase(self, phase: Phase, subject: str = "") -> None:
        """A phase begins, and with it the one before ends; ``subject`` is a function or empty."""

    def step(self, done: int, total: int | None = None) -> None:
        """So many tests, pairs or calls of the phase are done; ``total`` is None while unknown."""

    def candidate(self, number: int, best: float | None) -> None:
        """The search looks at its ``number``-th candidate; ``best`` is the best speedup so far."""

    def spent(self, used: Usage, most_usd: float, most_tokens: int | None) -> None:
        """Models have cost so much in this run so far, of so much at most (tokens in and out)."""

    def note(self, text: str) -> None:
        """Something a person should know and that ends nothing, such as a test set aside."""


class Silence:
    """Listens without a word."""

    def phase(self, phase: Phase, subject: str = "") -> None:
        """Do nothing."""

    def step(self, done: int, total: int | None = None) -> None:
        """Do nothing."""

    def candidate(self, number: int, best: float | None) -> None:
        """Do nothing."""

    def spent(self, used: Usage, most_usd: float, most_tokens: int | None) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""
