"""The same call, larger or smaller: what a function's growth is measured on.

What belongs together stays together: equal items grow into equal ones in all arguments, the
neighbours in a graph stay nodes of it, a matrix stays a square, an integer that is the length of
what grows becomes the new length.
"""

from __future__ import annotations

import collections
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from _perfbot_inside import kinds, places
from _perfbot_inside.behaviour import Call
from _perfbot_inside.graphs import Graph
from _perfbot_inside.places import Place
from _perfbot_inside.twins import Twins, has_twins

# Which parts of a call grow; where the larger call fails, the next way may be better.
WAYS = ("all", "passed", "longest", "repeated", "numbers")

_LARGEST = 1_000_000  # items or characters that one part grows to, with all that its rows hold
_LARGEST_NUMBER = 10**15
_LONG_TEXT = 32  # characters: shorter ones beside containers are names and options
_LEAST_LENGTH = 3  # an integer that equals a smaller length does so by chance
_DEEPEST = 3
_TEXTS = (str, bytes)
_SERIES = (list, tuple, collections.deque, set, frozenset)


@dataclass(frozen=True, slots=True)
class Resized:
    """A call of another size: ``items`` are in the longest part that changed, named by ``what``.

    For a call that only has numbers to grow, ``items`` is the largest number.
    """

    call: Call
    items: int
    what: str


def resized(call: Call, way: str, times: int, of: int) -> Resized | None:
    """Make a call ``times / of`` as large, whose arguments are the caller's own copy to be changed.

    Either ``of`` is 1 or ``times`` is smaller. What is added is new where it can be (numbers from
    shifted ranges, texts with a suffix); what is left is the beginning. Returns ``None`` when
    nothing grows in this ``way`` of ``WAYS``, or it would get too large.
    """
    try:
        return _Resizing(call, way).made(times, of)
    except Exception:  # any class may refuse to be copied, compared or hashed in its own way
        return None


class _Resizing:
    """One call being made larger or smaller."""

    def __init__(self, call: Call, way: str) -> None:
        self._arguments, self._keywords = list(call[0]), dict(call[1])
        self._places = list(_places(self._arguments, self._keywords))
        self._way = way
        growing = [place for place in self._places if _can_grow(place.value)]
        self._chosen = _numbers(self._places) if way == "numbers" else _chosen(growing, way)
        self._twins = Twins.among(place.value for place in growing)

    def made(self, times: int, of: int) -> Resized | None:
        """Resize what was chosen; ``None`` where that is nothing."""
        sizes: dict[int, int] = {}
        done: dict[int, Any] = {}
        for place in self._chosen:
            old = place.value
            if id(old) not in done:
                size = _size(old)
                if times > of and _is_too_large(old, times):
                    return None
                done[id(old)] = self._of_size(old, times, of)
                sizes[size] = _size(done[id(old)])
            place.put(done[id(old)])
        if not self._chosen:
            return None
        for place in self._places:
            if type(place.value) is int and place.value >= _LEAST_LENGTH:
                place.put(sizes.get(place.value, place.value))
        what = ", ".join(place.root + place.path for place in self._chosen[:3])
        return Resized((tuple(self._arguments), self._keywords), max(sizes.values()), what)

    def _of_size(self, value: Any, times: int, of: int) -> Any:
        if isinstance(value, int):
            return value * times // of
        graph = Graph.of(value)
        if graph is not None:
            return self._graph_of_size(value, graph, times, of)
        if times < of:
            return _smaller(value, max(1, len(value) * times // of))
        return self._larger(value, times // of)

    def _graph_of_size(self, value: Any, graph: Graph, times: int, of: int) -> Any:
        numbered = graph.rows is not value
        passed = [place for place in self._places if graph.has(place.value)]
        start = passed[0].value if passed else next(iter(graph.rows))
        if times < of:
            count = max(1, len(graph.rows) * times // of)
            graph.cut(list(range(count)) if numbered else graph.reached(start, count))
        else:
            twins = Twins(len(graph.rows)) if numbered else self._twins
            graph.enlarge(times // of, twins, start)
            for goal in passed[1:]:  # where a path ends lies in the last copy
                goal.put(twins.of(goal.value, times // of - 1))
        if numbered:
            value[:] = graph.rows.values()
        return value

    def _larger(self, value: Any, factor: int) -> Any:
        if factor == 1:
            return value
        if isinstance(value, _TEXTS):
            return _longer_text(value, factor, shifted=self._way != "repeated")
        if _is_array(value):
            return _larger_array(value, factor)
        if isinstance(value, dict):
            return self._larger_mapping(value, factor)
        if isinstance(value, (set, frozenset)):
            return type(value)(self._twins.of(item, s) for s in range(factor) for item in value)
        return self._longer_sequence(value, factor)

    def _larger_mapping(self, value: Any, factor: int) -> Any:
        pairs = list(value.items())
        for step in range(1, factor):
            for key, item in pairs:
                value[self._twins.of(key, step)] = self._twins.of(item, step)
        return value

    def _longer_sequence(self, value: Any, factor: int) -> Any:
        items = list(value)
        if _is_square(value):
            items = [self._longer_sequence(row, factor) for row in items]
        items = [self._twins.of(item, step) for step in range(factor) for item in items]
        return _refilled(value, items)


def _places(arguments: list[Any], keywords: dict[str, Any]) -> Iterator[Place]:
    """Yield the arguments, and what is inside records and instances of the project's classes."""
    waiting = collections.deque(
        Place(value, partial(arguments.__setitem__, number), f"argument {number + 1}", "", 0)
        for number, value in enumerate(arguments)
    )
    waiting.extend(
        Place(value, partial(keywords.__setitem__, name), name, "", 0)
        for name, value in keywords.items()
    )
    met: set[int] = set()
    while waiting:
        place = waiting.popleft()
        yield place
        value = place.value
        if id(value) in met or place.depth >= _DEEPEST:
            continue
        met.add(id(value))
        if _is_record(value):
            for name, item in value.items():
                waiting.append(place.child(f"[{name!r}]", item, partial(value.__setitem__, name)))
        elif places.has_attributes(value):
            for name, item in kinds.attributes(value).items():
                put = partial(places.set_attribute, value, name)
                waiting.append(place.child(f".{name}", item, put))


def _is_record(value: Any) -> bool:
    """Say whether a mapping has fields rather than entries: names, and values of several types."""
    if type(value) is not dict or not all(type(key) is str for key in value):
        return False
    return len({type(item) for item in value.values() if item is not None}) > 1


def _chosen(growing: list[Place], way: str) -> list[Place]:
    """Choose among the places that can grow: containers and long texts, else the longest texts."""
    longest = max((len(place.value) for place in growing), default=0)
    if way == "longest":
        return [place for place in growing if len(place.value) == longest][:1]
    if way == "repeated":
        texts = [place for place in growing if isinstance(place.value, _TEXTS)]
        return sorted(texts, key=lambda place: -len(place.value))[:1]
    if way == "passed":
        growing = [place for place in growing if place.depth == 0]
    least = longest / 2
    if any(not isinstance(place.value, _TEXTS) for place in growing):
        least = _LONG_TEXT
    return [
        place
        for place in growing
        if not isinstance(place.value, _TEXTS) or len(place.value) >= least
    ]


def _numbers(found: list[Place]) -> list[Place]:
    """Return the passed integers that can be meant as a size."""
    passed = [place for place in found if place.depth == 0 and type(place.value) is int]
    return [place for place in passed if 1 < place.value <= _LARGEST_NUMBER]


def _can_grow(value: Any) -> bool:
    if _is_array(value):
        return value.ndim > 0 and len(value) > 0
    kind = type(value)
    if kind in (set, frozenset, *places.MAPPINGS):
        return len(value) > 0 and not _is_record(value) and all(map(has_twins, value))
    if kind is tuple and len({type(item) for item in value}) > 1:
        return False  # a record without names
    return kind in (*_TEXTS, *_SERIES) and len(value) > 0


def _size(value: Any) -> int:
    return value if isinstance(value, int) else len(value)


def _is_too_large(value: Any, factor: int) -> bool:
    if isinstance(value, int):
        return value * factor > _LARGEST_NUMBER
    return _weight(value, factor) > _LARGEST


def _weight(value: Any, factor: int) -> int:
    """Return how many items a value has when it is grown, with those of its rows."""
    if _is_array(value):
        return int(value.size) * factor * (factor if _is_square_array(value) else 1)
    if isinstance(value, _TEXTS):
        return len(value) * factor
    rows = value.values() if isinstance(value, dict) else value
    held = sum(len(row) for row in rows if type(row) in (*_SERIES, *places.MAPPINGS))
    return (len(value) + held) * factor * (factor if _is_square(value) else 1)


def _is_square(rows: Any) -> bool:
    if (
        type(rows) is not list
        or len(rows) < 2
        or {type(row) for row in rows} not in ({list}, {tuple})
    ):
        return False
    return {len(row) for row in rows} == {len(rows)}


def _smaller(value: Any, count: int) -> Any:
    if isinstance(value, _TEXTS):
        return _shorter_text(value, count)
    if _is_array(value):
        return value[:count, :count].copy() if _is_square_array(value) else value[:count].copy()
    if isinstance(value, dict):
        for key in list(value)[count:]:
            del value[key]
        return value
    items = list(value)[:count]
    if _is_square(value):
        items = [_refilled(row, list(row)[:count]) for row in items]
    return _refilled(value, items)


def _refilled(value: Any, items: list[Any]) -> Any:
    """Give a series other items: in place where that can be, so that aliases stay aliases."""
    if type(value) in (tuple, frozenset):
        return type(value)(items)
    value.clear()
    value.update(items) if type(value) is set else value.extend(items)
    return value


def _longer_text(value: Any, factor: int, *, shifted: bool) -> Any:
    """Repeat a text, each time with its letters and digits shifted within their own kind."""
    lines = "\n" in value if isinstance(value, str) else False
    glue = "\n" if lines and not value.endswith("\n") else ""
    if isinstance(value, bytes) or not shifted:
        return (value + glue if glue else value) * (factor - 1) + value
    return glue.join(value.translate(_shift(step)) for step in range(factor))


def _shorter_text(value: Any, count: int) -> Any:
    """Return the beginning of a text, whole lines where there are some."""
    cut = value[:count]
    if isinstance(cut, str) and "\n" in cut:
        return cut[: cut.rindex("\n") + 1]
    return cut


def _shift(step: int) -> dict[int, str]:
    letters = ("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789")
    return {
        ord(letter): row[(number + step) % len(row)]
        for row in letters
        for number, letter in enumerate(row)
    }


def _is_array(value: object) -> bool:
    numpy: Any = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray


def _is_square_array(value: Any) -> bool:
    return bool(value.ndim == 2 and value.shape[0] == value.shape[1] > 1)


def _larger_array(value: Any, factor: int) -> Any:
    numpy: Any = sys.modules["numpy"]
    for axis in range(2 if _is_square_array(value) else 1):
        parts = [_shifted_array(value, step) for step in range(factor)]
        value = numpy.concatenate(parts, axis)
    return value


def _shifted_array(value: Any, step: int) -> Any:
    """Return a twin of an array of numbers: out of its range, or wrapped where its type ends."""
    numpy: Any = sys.modules["numpy"]
    if value.dtype.kind not in "iuf" or step == 0:
        return value
    known = value[numpy.isfinite(value)]
    span = int(known.max()) - int(known.min()) + 1 if known.size else 1
    wide = float if value.dtype.kind == "f" else "int64"
    return (value.astype(wide) + span * step).astype(value.dtype)
