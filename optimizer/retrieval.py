"""Finds symbols by what somebody writes about them: by words (BM25), or by meaning (embeddings).

Source: CoCoGen's retrieval of project context; which ranking is the default, and over which texts,
was decided by measurement (benchmarks/retrieval.md).
"""

from dataclasses import dataclass
from typing import Protocol

from perfbot.optimizer.project_index import ProjectIndex, Symbol


@dataclass(frozen=True, slots=True)
class Hit:
    """A symbol that answers a query; a higher score is a better answer to the same query."""

    symbol: Symbol
    score: float


class Retriever(Protocol):
    """Searches an index. Equal scores are ordered by path and line, so that answers repeat."""

    def search(self, query: str, at_most: int) -> tuple[Hit, ...]:
        """Return the best hits for a name, a sentence or code, best first."""


@dataclass(frozen=True, slots=True)
class Lexical:
    """BM25 over the words of names and signatures."""

    index: ProjectIndex

    def search(self, query: str, at_most: int) -> tuple[Hit, ...]:
        """Return the symbols that share the query's rarest words."""
        return tuple(Hit(*found) for found in self.index.with_words(query, at_most))
