"""Smaller calls made of a recorded one, or of a mutation of it: with parts of its containers left out.

Only what a call can do without is taken away (items, characters, the upper half of a number), so
each smaller call has the types of the one that it was made of. Which of them still tells two
versions apart is found by replaying, in the parent.
"""

from __future__ import annotations

import base64
import pickle
from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING, Any

from _perfbot_inside import mutate, pickling, places, samples

if TYPE_CHECKING:
    from _perfbot_inside.mutate import Call
    from _perfbot_inside.places import Place
    from _perfbot_inside.results import Results

_MOST_BYTES = 2_000_000  # of all smaller calls together
_PARTS = (2, 4, 8)
_MOST_SINGLE = 64  # items: of longer containers no single one is left out


def run(job: dict[str, Any], results: Results) -> None:
    """Do a ``shrink`` job: a ``smaller`` line for each of up to ``at_most`` smaller calls."""
    call = _chosen(job)
    if call is None:
        return
    size = len(pickling.dumps(call))
    left_bytes, told = _MOST_BYTES, 0
    for smaller in _safely(_smaller(call)):
        pickled = pickling.dumps(smaller)
        left_bytes -= len(pickled)
        if told >= job["at_most"] or left_bytes < 0:
            return
        if len(pickled) < size:
            told += 1
            shown = samples.short(smaller[0]) + (samples.short(smaller[1]) if smaller[1] else "")
            results.send(
                "smaller", arguments=base64.b64encode(pickled).decode("ascii"), shown=shown
            )


def _chosen(job: dict[str, Any]) -> Call | None:
    """Return the recorded call, or the mutation of it that replaying knows by that number."""
    call: Call = pickle.loads(base64.b64decode(job["call"]))
    if not job["variant"]:
        return call
    made = mutate.variants(*call, seed=job["seed"], count=job["variants"])
    for number, variant in enumerate(made, start=1):
        if number == job["variant"]:
            return variant.arguments, variant.keywords
    return None


def _smaller(call: Call) -> Iterator[Call]:
    """Yield smaller calls, those first in which least of a container is left, of the largest first."""
    copied = mutate.copier(call)
    if copied is None:
        return
    lengths = {
        number: len(place.items()) for number, place in _places(copied()) if _can_shrink(place)
    }
    cuts = [(number, left) for number, length in lengths.items() for left in _left(length)]
    cuts.sort(key=lambda cut: (len(cut[1]) / lengths[cut[0]], -lengths[cut[0]]))
    for number, left in cuts:
        smaller = copied()
        arguments, keywords = list(smaller[0]), dict(smaller[1])
        place = dict(_places_in(arguments, keywords))[number]
        items = place.items()
        place.refill([items[each] for each in left])
        yield tuple(arguments), keywords


def _left(length: int) -> Iterator[tuple[int, ...]]:
    """Yield what may be left of a container: nothing, a part of it, all but a part, all but an item."""
    if not length:
        return
    yield ()
    every = range(length)
    seen: set[tuple[int, ...]] = {(), tuple(every)}
    for parts in (*_PARTS, *([length] if length <= _MOST_SINGLE else [])):
        size = -(-length // parts)
        for start in every[::size]:
            part = every[start : start + size]
            for left in (tuple(part), (*every[:start], *every[start + size :])):
                if left not in seen:
                    seen.add(left)
                    yield left


def _can_shrink(place: Place) -> bool:
    return type(place.value) in (*places.MAPPINGS, *places.SEQUENCES)


def _places(call: Call) -> Iterator[tuple[int, Place]]:
    return _places_in(list(call[0]), dict(call[1]))


def _places_in(arguments: list[Any], keywords: dict[str, Any]) -> Iterator[tuple[int, Place]]:
    """Number the places of a call, always the same way."""
    return enumerate(places.places_of(arguments, keywords, Random(0), frozenset()))


def _safely(calls: Iterator[Call]) -> Iterator[Call]:
    """End the iteration where an odd object cannot be taken apart."""
    try:
        yield from calls
    except Exception:
        return
