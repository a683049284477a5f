"""Variants of a recorded call: other arguments of the same types, to tell two versions apart.

Each leaf keeps its type (a bool stays a bool, ``None`` stays ``None`` unless others stood beside
it), a mutation reaches into containers and into the attributes of the project's own instances, and
arguments that are one object stay one object. The recorded call itself is never touched.
"""

from __future__ import annotations

import copy
import hashlib
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from _perfbot_inside import canonical, changes, pickling, places
from _perfbot_inside.changes import Change

_GENTLE_SHARE = 0.6  # of the variants come before the first wild one
_WILD_SHARE = 0.5  # of the changes are wild, once they may be
_ATTEMPTS = 8  # per variant: many a change makes nothing new
_SELF_SHARE = 0.1  # of the changes go to the instance that a method is called on

Call = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Variant:
    """A call to try. ``wild`` ones may run very long: give them a short limit."""

    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    wild: bool
    what: str  # what was changed, in words
    retyped: bool = False  # a value has a type that nothing shows


@dataclass(frozen=True, slots=True)
class _Intent:
    """What kind of variant is to be made next."""

    how_many: int  # changes
    wild: bool  # whether they may be
    self_share: float  # how often the instance that a method is called on is changed


def variants(
    arguments: tuple[Any, ...], keywords: dict[str, Any], seed: int, count: int
) -> Iterator[Variant]:
    """Yield up to ``count`` different variants of a call, the same ones for the same seed.

    Gentle ones come first. Yields nothing when the arguments cannot be copied.
    """
    copied = copier((arguments, keywords))
    if copied is None:
        return
    # What two copies have in common (singletons, say) is no copy and must be left alone.
    one, other = copied(), copied()
    shared = places.changeable_ids(one) & places.changeable_ids(other)
    rng = Random(seed)
    known = {_fingerprint((arguments, keywords))}
    made, self_share = 0, _SELF_SHARE
    for attempt in range(count * _ATTEMPTS):
        wild = made >= _GENTLE_SHARE * count or attempt >= count * _ATTEMPTS // 2
        intent = _Intent(_how_many(rng, made, count), wild, self_share)
        variant = _mutated(copied(), rng, shared, intent)
        digest = _fingerprint((variant.arguments, variant.keywords))
        self_share = 0.5 if digest in known else _SELF_SHARE  # when the rest has no more to give
        if digest in known:
            continue
        known.add(digest)
        made += 1
        yield variant
        if made >= count:
            return


def _how_many(rng: Random, made: int, count: int) -> int:
    """Return how many changes to make at once: one at first, combinations later."""
    return 1 if made < count // 3 else rng.choice((1, 1, 2, 3))


def copier(call: Call) -> Callable[[], Call] | None:
    """Return what makes a new deep copy at each call; ``None`` when the call cannot be copied."""
    try:
        pickled = pickling.dumps(call)
        pickle.loads(pickled)
    except Exception:  # any class may refuse in its own way
        return _deep_copier(call)
    return lambda: pickle.loads(pickled)


def _deep_copier(call: Call) -> Callable[[], Call] | None:
    try:
        copy.deepcopy(call)
    except Exception:
        return None
    return lambda: copy.deepcopy(call)


def _fingerprint(call: Call) -> bytes:
    try:
        text = canonical.canonical(call, limit_bytes=50_000_000)
    except (canonical.TooLarge, canonical.NotComparable) as error:
        text = str(error)  # such a call has one variant only
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _mutated(call: Call, rng: Random, shared: frozenset[int], intent: _Intent) -> Variant:
    """Change a call, which is a copy, and wrap it up."""
    arguments, keywords = list(call[0]), dict(call[1])
    made: list[tuple[str, Change]] = []
    for _ in range(intent.how_many):
        found = places.places_of(arguments, keywords, rng, shared)
        place = _chosen_place(found, arguments, rng, intent.self_share)
        if place is None:
            break
        grew = any(change.grows for _, change in made)
        change = _change(place, rng, intent.wild and not _is_in_self(place, arguments), grew, found)
        if change is not None:
            made.append((place.root + place.path, change))
    _keep_aliases(call, arguments, keywords)
    what = ", ".join(f"{where}: {change.what}" for where, change in made)
    return Variant(tuple(arguments), keywords, any(change.wild for _, change in made), what)


def _chosen_place(
    found: list[places.Place], arguments: list[Any], rng: Random, self_share: float
) -> places.Place | None:
    changeable = [place for place in found if _choices(place)]
    own = [place for place in changeable if _is_in_self(place, arguments)]
    others = [place for place in changeable if not _is_in_self(place, arguments)]
    if own and (not others or rng.random() < self_share):
        return rng.choice(own)
    if not others:
        return None
    root = rng.choice(sorted({place.root for place in others}))
    inside = [place for place in others if place.root == root]
    shallow = min(place.depth for place in inside)
    top = [place for place in inside if place.depth == shallow]
    return rng.choice(top if rng.random() < 0.5 else inside)


def _is_in_self(place: places.Place, arguments: list[Any]) -> bool:
    return place.root == places.FIRST and places.is_own_instance(arguments[0])


def _change(
    place: places.Place, rng: Random, wild: bool, grew: bool, found: list[places.Place]
) -> Change | None:
    """Make one change in a place; return it, or ``None`` when it could not be made."""
    choices = [
        (change, way)
        for change, way in _choices(place)
        if (wild or not change.wild) and not (grew and change.grows)
    ]
    if not choices:
        return None
    if wild and rng.random() < _WILD_SHARE:
        choices = [choice for choice in choices if choice[0].wild] or choices
    change, way = rng.choice(choices)
    try:
        way.put(place, change.make(rng, way.get(place), places.seen_in(found)))
    except Exception:  # an odd object that does not take part, a date out of range
        return None
    return change


@dataclass(frozen=True, slots=True)
class _Way:
    """What of a place a change is given, and what is done with the outcome."""

    get: Callable[[places.Place], Any]
    put: Callable[[places.Place, Any], None]


_AS_VALUE = _Way(lambda place: place.value, lambda place, new: place.put(new))
_AS_ITEMS = _Way(places.Place.items, places.Place.refill)
_AS_ARRAY = _Way(lambda place: place.value, places.Place.refill_array)


def _choices(place: places.Place) -> list[tuple[Change, _Way]]:
    kind = type(place.value)
    if place.is_array():
        return [(change, _AS_ARRAY) for change in changes.of_array(place.value.dtype.kind)]
    found = [(change, _AS_VALUE) for change in changes.of_scalar(kind)]
    if place.siblings and (beside := changes.of_optional(place.value, place.siblings)) is not None:
        found.append((beside, _AS_VALUE))
    if kind in places.MAPPINGS and place.value:
        found.extend((change, _AS_ITEMS) for change in changes.of_pairs())
    elif kind in places.SEQUENCES and place.value:
        found.extend((change, _AS_ITEMS) for change in changes.of_items(kind))
    return found


def _keep_aliases(before: Call, arguments: list[Any], keywords: dict[str, Any]) -> None:
    """Give tuples that were one object, passed twice, the same new value in both places."""
    holders: list[tuple[Any, Any]] = [(arguments, number) for number in range(len(arguments))]
    holders += [(keywords, name) for name in keywords]
    changed: dict[int, Any] = {}
    olds = [*before[0], *before[1].values()]
    for old, (holder, key) in zip(olds, holders, strict=True):
        if type(old) in (tuple, frozenset) and holder[key] is not old:
            changed[id(old)] = holder[key]
    for old, (holder, key) in zip(olds, holders, strict=True):
        if id(old) in changed:
            holder[key] = changed[id(old)]
