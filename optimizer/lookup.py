"""What a project's index says when a version got a name wrong, and when a model asks it."""

from collections.abc import Sequence
from typing import Protocol

from perfbot.optimizer.diagnosis import Diagnosis
from perfbot.optimizer.packing import Section
from perfbot.profiling.functions import FunctionName


class Lookup(Protocol):
    """Answers questions about the project."""

    @property
    def schema(self) -> str:
        """The tables that a model may ask by SQL, ``""`` where it may not."""

    def sections(self, why: Diagnosis, function: FunctionName) -> Sequence[Section]:
        """Return what helps to mend a version of ``function``; nothing where no symbol is wrong."""

    def rows(self, sql: str) -> str:
        """Return what a model's query found, or why it was not run."""


class NoLookup:
    """Knows nothing of the project."""

    schema = ""

    def sections(self, why: Diagnosis, function: FunctionName) -> Sequence[Section]:
        """Return nothing."""
        return ()

    def rows(self, sql: str) -> str:
        """Return nothing."""
        return ""


NOTHING_TO_ASK = NoLookup()
