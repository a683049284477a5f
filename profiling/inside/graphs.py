"""Graphs as programs hold them, larger and smaller: every neighbour stays a node."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from _perfbot_inside import places
from _perfbot_inside.twins import Twins

_ROWS: tuple[Any, ...] = (list, tuple, set, frozenset, dict, collections.deque)
_KNOWN_SHARE = 0.5  # of the neighbours have neighbours of their own, at least


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes with their neighbours: a list, tuple or set of them, or a mapping from them to weights.

    ``weighted``: neighbours stand at the head of tuples. Changes are made in ``rows``, in place.
    """

    rows: dict[Any, Any]
    weighted: bool

    @classmethod
    def of(cls, value: Any) -> Graph | None:
        """Return a mapping, or a list of neighbours by number, as a graph; ``None`` if it is none."""
        rows = value if type(value) in places.MAPPINGS else _numbered(value)
        if len(rows) < 2 or not all(type(row) in _ROWS for row in rows.values()):
            return None
        entry = next((next(iter(row)) for row in rows.values() if row), None)
        found = cls(rows, type(entry) is tuple and type(next(iter(rows))) is not tuple)
        return found if found._is_consistent() else None

    def _is_consistent(self) -> bool:
        try:
            known = [node in self.rows for node in self._all_neighbours()]
        except (TypeError, IndexError):  # cannot be hashed, or an empty tuple: no node
            return False
        return sum(known) > 0 and sum(known) >= _KNOWN_SHARE * len(known)

    def _all_neighbours(self) -> Iterator[Any]:
        return (node for row in self.rows.values() for node in self._neighbours(row))

    def _neighbours(self, row: Any) -> Iterator[Any]:
        return (entry[0] for entry in row) if self.weighted else iter(row)

    def has(self, value: Any) -> bool:
        """Say whether a value is one of the nodes."""
        try:
            return value in self.rows
        except TypeError:  # cannot be hashed
            return False

    def enlarge(self, factor: int, twins: Twins, start: Any) -> None:
        """Add ``factor - 1`` copies of the graph, each reached from an earlier one.

        ``start`` is the node from which the graph is walked: that of each copy becomes a neighbour
        of that of an earlier copy (and the other way round where all edges have two directions), as
        in a heap, so that paths get longer by the logarithm of ``factor`` only.
        """
        both_ways = self._is_symmetric()
        sample = next(row for row in self.rows.values() if row)
        last = list(sample.items() if type(sample) is dict else sample)[-1]
        rows = list(self.rows.items())
        for step in range(1, factor):
            for node, row in rows:
                self.rows[twins.of(node, step)] = self._twin(row, twins, step)
        for step in range(1, factor):
            one, other = twins.of(start, (step - 1) // 2), twins.of(start, step)
            self._connect(one, other, last)
            if both_ways:
                self._connect(other, one, last)

    def _is_symmetric(self) -> bool:
        edges = {(one, other) for one, row in self.rows.items() for other in self._neighbours(row)}
        return all((other, one) in edges for one, other in edges)

    def _twin(self, row: Any, twins: Twins, step: int) -> Any:
        if type(row) is dict:
            return {twins.of(node, step): weight for node, weight in row.items()}
        if self.weighted:
            return type(row)((twins.of(node, step), *weight) for node, *weight in row)
        return type(row)(twins.of(node, step) for node in row)

    def _connect(self, one: Any, other: Any, like: Any) -> None:
        """Make a node the last neighbour of another, with the weight of an entry that there is."""
        row = self.rows[one]
        if type(row) is dict:
            row[other] = like[1]
        else:
            self.rows[one] = type(row)([*row, (other, *like[1:]) if self.weighted else other])

    def reached(self, start: Any, count: int) -> list[Any]:
        """Return ``count`` nodes: those reached first from ``start``, breadth first, then others."""
        found = dict.fromkeys([start])
        waiting = collections.deque([start])
        while waiting and len(found) < count:
            for node in self._neighbours(self.rows[waiting.popleft()]):
                if node in self.rows and node not in found:
                    found[node] = None
                    waiting.append(node)
        return list({**found, **dict.fromkeys(self.rows)})[:count]

    def cut(self, kept: list[Any]) -> None:
        """Leave only some of the nodes."""
        gone = self.rows.keys() - set(kept)
        for node in list(self.rows):
            if node in gone:
                del self.rows[node]
                continue
            row = self.rows[node]
            pairs = list(row.items() if type(row) is dict else row)
            left = [
                entry
                for entry, other in zip(pairs, self._neighbours(row), strict=True)
                if other not in gone
            ]
            self.rows[node] = type(row)(left)


def _numbered(value: Any) -> dict[Any, Any]:
    """Return the neighbours by the node's number; rows of one length are a table and no graph."""
    if type(value) is not list or len({len(row) for row in value if type(row) in _ROWS}) < 2:
        return {}
    return dict(enumerate(value))
