"""Where something can be changed in a call: every place that holds a value, and how to refill it."""

from __future__ import annotations

import collections
import enum
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from _perfbot_inside import canonical, contents, kinds, samples
from _perfbot_inside.changes import Seen

MAPPINGS = (dict, collections.OrderedDict, collections.defaultdict, collections.Counter)
SEQUENCES = (list, tuple, collections.deque, bytearray, bytes, str, set, frozenset)
_SERIES: tuple[Any, ...] = (list, tuple, set, frozenset, collections.deque)
FIRST = "argument 1"
_AT_MOST_PLACES = 300  # in one call
_AT_MOST_CHILDREN = 10  # looked at in one container
_AT_MOST_OBJECTS = 100_000  # asked whether a copy shares them
_DEEPEST = 6


@dataclass(frozen=True, slots=True)
class Place:
    """A value in a call, and how to put another one there."""

    value: Any
    put: Callable[[Any], None]
    root: str  # the argument it is in, for people: "argument 1" or the keyword's name
    path: str
    depth: int
    siblings: tuple[Any, ...] = ()  # the items of the same list

    def child(self, step: str, value: Any, put: Callable[[Any], None], siblings: Any = ()) -> Place:
        """Return the place of a part of this place's value."""
        return Place(value, put, self.root, self.path + step, self.depth + 1, tuple(siblings))

    def items(self) -> list[Any]:
        """Return the items of a container, pairs for a mapping."""
        kind = type(self.value)
        if kind in (set, frozenset):
            return sorted(self.value, key=canonical.canonical)  # its own order is chance
        return list(self.value.items() if kind in MAPPINGS else self.value)

    def refill(self, items: list[Any]) -> None:
        """Replace the items: in place where that can be, so that aliases stay aliases."""
        kind, value = type(self.value), self.value
        if kind in MAPPINGS:
            value.clear()
            for key, item in items:
                value[key] = item
        elif kind in (set, list, collections.deque, bytearray):
            value.clear()
            value.update(items) if kind is set else value.extend(items)
        else:
            self.put("".join(items) if kind is str else kind(items))

    def is_array(self) -> bool:
        """Say whether the value is a NumPy array with something in it."""
        numpy: Any = sys.modules.get("numpy")
        return numpy is not None and type(self.value) is numpy.ndarray and self.value.size > 0

    def refill_array(self, items: Any) -> None:
        """Replace an array's values, in place where that can be."""
        numpy: Any = sys.modules["numpy"]
        array = self.value if self.value.flags.writeable else self.value.copy()
        array[...] = numpy.array(items, dtype=array.dtype).reshape(array.shape)
        if array is not self.value:
            self.put(array)


def places_of(
    arguments: list[Any], keywords: dict[str, Any], rng: Random, shared: frozenset[int]
) -> list[Place]:
    """Return the places of a call, a sample of them where there are very many.

    ``shared`` has the ids of the objects that are no copies, so nothing in them may be changed.
    """
    waiting = collections.deque(
        [
            *(Place(value, partial(arguments.__setitem__, number), f"argument {number + 1}", "", 0)
              for number, value in enumerate(arguments)),
            *(Place(value, partial(keywords.__setitem__, name), name, "", 0)
              for name, value in keywords.items()),
        ]
    )  # fmt: skip
    found: list[Place] = []
    met: set[int] = set()
    while waiting and len(found) < _AT_MOST_PLACES:
        place = waiting.popleft()
        if id(place.value) in shared:
            continue
        found.append(place)
        if id(place.value) not in met and place.depth < _DEEPEST:
            met.add(id(place.value))
            waiting.extend(_children(place, rng))
    return found


def changeable_ids(call: object) -> frozenset[int]:
    """Return the ids of the containers and own instances in a call, of the first 100,000."""
    changeable: set[int] = set()
    met: set[int] = set()
    waiting: list[Any] = [call]
    while waiting and len(met) < _AT_MOST_OBJECTS:
        value = waiting.pop()
        if id(value) in met:
            continue
        met.add(id(value))
        parts = _parts(value)
        waiting.extend(parts or ())
        if parts is not None and not isinstance(value, (tuple, frozenset)):
            changeable.add(id(value))
    return frozenset(changeable)


def _parts(value: Any) -> list[Any] | None:
    """Return what a container or an own instance holds; ``None`` for anything else."""
    parts: list[Any] | None = None
    if isinstance(value, dict):
        parts = list(dict.values(value))
    for base in _SERIES:
        if isinstance(value, base):
            parts = list(base.__iter__(value))
    if has_attributes(value):
        parts = [*(parts or ()), *kinds.attributes(value).values()]
    return parts


def has_attributes(value: object) -> bool:
    """Say whether a value's attributes are part of the input: not so for classes and enum members."""
    return is_own_instance(value) and not isinstance(value, (type, enum.Enum, BaseException))


def seen_in(places: list[Place]) -> Seen:
    """Return the scalars and lengths that occur in a call."""
    seen = Seen()
    for place in places:
        kind = type(place.value)
        if kind in (int, float, str, bytes, complex):
            seen.scalars.setdefault(kind, []).append(place.value)
        if kind in (list, tuple, set, frozenset, str, *MAPPINGS):
            seen.lengths.append(len(place.value))
    return seen


def is_own_instance(value: object) -> bool:
    """Say whether a value's class is the project's own: of no library, standard or installed."""
    kind = type(value)
    if contents.of_stdlib(kind):
        return False
    module = sys.modules.get(str(type.__dict__["__module__"].__get__(kind)))
    file = getattr(module, "__file__", None) or ""
    return "site-packages" not in file and "dist-packages" not in file


def _children(place: Place, rng: Random) -> Iterator[Place]:
    value = place.value
    if isinstance(value, list):
        numbers = _sample(list.__len__(value), rng)
        siblings = [list.__getitem__(value, number) for number in numbers]
        for number, item in zip(numbers, siblings, strict=True):
            yield place.child(
                f"[{number}]", item, partial(list.__setitem__, value, number), siblings
            )
    elif isinstance(value, tuple):
        yield from _tuple_children(place, rng)
    elif isinstance(value, dict):
        yield from _dict_children(place, rng)
    if has_attributes(value):
        for name, attribute in kinds.attributes(value).items():
            yield place.child(f".{name}", attribute, partial(set_attribute, value, name))


def _tuple_children(place: Place, rng: Random) -> Iterator[Place]:
    items = list(tuple.__iter__(place.value))
    kind = type(place.value)

    def put(number: int, new: Any) -> None:
        # Nothing checks a named tuple's items, so its own ``__new__`` need not run.
        place.put(tuple.__new__(kind, [*items[:number], new, *items[number + 1 :]]))

    for number in _sample(len(items), rng):
        yield place.child(f"[{number}]", items[number], partial(put, number))


def _dict_children(place: Place, rng: Random) -> Iterator[Place]:
    pairs = list(dict.items(place.value))
    chosen = [pairs[number] for number in _sample(len(pairs), rng)]
    for key, value in chosen:
        put = partial(dict.__setitem__, place.value, key)
        yield place.child(f"[{samples.short(key, 30)}]", value, put)


def _sample(length: int, rng: Random) -> list[int]:
    """Return all indices of a short sequence; of a long one the first, the last and some between."""
    if length <= _AT_MOST_CHILDREN:
        return list(range(length))
    return sorted({0, length - 1, *rng.sample(range(length), _AT_MOST_CHILDREN - 2)})


def set_attribute(value: object, name: str, new: object) -> None:
    """Set an attribute without running the class's ``__setattr__``."""
    mro = contents.mro_of(type(value))
    for base in mro:
        descriptor = contents.vars_of(base).get(name)
        if type(descriptor) is types.MemberDescriptorType:
            descriptor.__set__(value, new)
            return
    dictionary = kinds.dictionary_of(value, mro)
    if dictionary is not None:
        dictionary[name] = new
