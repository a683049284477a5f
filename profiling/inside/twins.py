"""Items like those that are there, but others: what containers grow by."""

from __future__ import annotations

import collections
import copy
from collections.abc import Iterable, Iterator
from typing import Any

from _perfbot_inside import kinds, places

_SHIFTED = 1e15  # larger numbers say nothing about the range that the others are in
_AT_MOST_NUMBERS = 20_000  # are looked at to learn their range
_DEEPEST = 3
_CONTAINERS: tuple[Any, ...] = (list, tuple, set, frozenset, collections.deque)


class Twins:
    """Makes the twins of one call's items: numbers shifted, texts with a suffix, objects copied.

    The twins of one step belong together as the items do: equal items have equal twins wherever
    they stand in the call, and an object has one twin in all its places.
    """

    def __init__(self, span: int) -> None:
        self._span = span
        self._made: dict[tuple[int, int], Any] = {}
        self._kept: list[Any] = []  # ids stay unique as long as their objects live

    @classmethod
    def among(cls, values: Iterable[Any]) -> Twins:
        """Return twins whose numbers lie outside the range of all numbers in ``values``."""
        numbers = [number for value in values for number in _numbers(value, 0)]
        return cls(int(max(numbers) - min(numbers)) + 1 if numbers else 1)

    def of(self, item: Any, step: int) -> Any:
        """Return the twin of an item; step 0 is the item itself, each other step another twin."""
        if step == 0:
            return item
        kind = type(item)
        if kind is int or kind is float:
            return item + step * self._span
        if kind is str:
            return f"{item}{step}"
        if kind is bytes:
            return item + str(step).encode()
        key = (id(item), step)
        if key not in self._made:
            self._kept.append(item)
            self._made[key] = self._copied(item, step)
        return self._made[key]

    def _copied(self, item: Any, step: int) -> Any:
        kind = type(item)
        if kind in (list, set, collections.deque):
            made: Any = kind()
            self._made[id(item), step] = made  # first: it may hold itself
            parts = [self.of(part, step) for part in item]
            made.update(parts) if kind is set else made.extend(parts)
            return made
        if kind in (tuple, frozenset):
            return kind(self.of(part, step) for part in item)
        if kind is dict:
            return {key: self.of(part, step) for key, part in item.items()}
        return self._copied_object(item, step)

    def _copied_object(self, item: Any, step: int) -> Any:
        if isinstance(item, tuple):  # a named one
            return tuple.__new__(type(item), [self.of(part, step) for part in item])
        if not places.has_attributes(item):
            return copy.deepcopy(item)
        self._made[id(item), step] = made = copy.copy(item)
        for name, value in kinds.attributes(item).items():
            places.set_attribute(made, name, self.of(value, step))
        return made


def has_twins(item: Any) -> bool:
    """Say whether an item's twins differ from it, so that they can stand beside it as keys."""
    kind = type(item)
    if kind is tuple:
        return any(map(has_twins, item))
    return kind in (int, float, str, bytes) or places.has_attributes(item)


def _numbers(value: Any, depth: int) -> Iterator[float]:
    kind = type(value)
    if kind is int or kind is float:
        if abs(value) < _SHIFTED:
            yield value
        return
    parts: Iterable[Any] = ()
    if isinstance(value, dict):
        parts = (*value.keys(), *value.values())
    elif isinstance(value, _CONTAINERS):
        parts = value
    elif places.has_attributes(value):
        parts = kinds.attributes(value).values()
    if depth < _DEEPEST:
        for part in list(parts)[:_AT_MOST_NUMBERS]:
            yield from _numbers(part, depth + 1)
