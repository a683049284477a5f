"""What can be changed in a value without changing its type: the vocabulary of mutations.

A change makes a new value, or a container's new items, out of the old; what it makes may equal the
old one where it has nothing to do. No change ever alters what it is given.
"""

from __future__ import annotations

import copy
import datetime
import decimal
import enum
import fractions
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

LARGEST = 10_000  # items a container grows to, at most
_ODD_LETTERS = "éßİı²½ǅΣςａ\u0301\u00a0\u2028\U0001f600"
_SCALARS = (bool, int, float, complex, str, bytes, type(None))


@dataclass(frozen=True, slots=True)
class Seen:
    """The scalars and lengths of one call, to draw from."""

    scalars: dict[type, list[Any]] = field(default_factory=dict)
    lengths: list[int] = field(default_factory=list)

    def like(self, kind: type) -> list[Any]:
        """Return the scalars of exactly this type."""
        return self.scalars.get(kind, [])


Make = Callable[[Random, Any, Seen], Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One way to change a value.

    ``wild`` changes may make a call run very long or leave what is usual; ``grows`` tells those
    that multiply a size.
    """

    what: str
    make: Make
    wild: bool = False
    grows: bool = False


def of_scalar(kind: type) -> tuple[Change, ...]:
    """Return the changes of a number, string or other value without items."""
    if issubclass(kind, enum.Enum):
        return _ENUM
    return _OF_SCALAR.get(kind, ())


def of_optional(value: object, siblings: tuple[Any, ...]) -> Change | None:
    """Return the exchange of ``None`` for what stands beside it, where both occur."""
    if value is None:
        others = [other for other in siblings if other is not None and type(other) in _SCALARS]
    else:
        others = [other for other in siblings if other is None and type(value) in _SCALARS]
    if not others:
        return None
    return Change("None or not", lambda rng, _value, _seen: rng.choice(others))


def of_items(kind: type) -> tuple[Change, ...]:
    """Return the changes of the items of a sequence, set or mapping, given and made as a list."""
    if kind in (set, frozenset):
        return _RESHAPES + _INSERTION
    if kind is str or kind is bytes:
        return _RESHAPES + _REORDERINGS
    return _RESHAPES + _REORDERINGS + _INSERTION


def of_pairs() -> tuple[Change, ...]:
    """Return the changes of a mapping's items, given and made as a list of pairs."""
    return _RESHAPES + _PAIRS


def of_array(kind: str) -> tuple[Change, ...]:
    """Return the changes of a NumPy array's values, by its ``dtype.kind``."""
    return _ARRAY if kind in "if" else ()


def _other(rng: Random, value: Any, seen: Seen) -> Any:
    return rng.choice(seen.like(type(value)) or [value])


def _near_a_length(rng: Random, value: int, seen: Seen) -> int:
    return rng.choice(seen.lengths or [value]) + rng.choice((-1, 0, 1))


def _with_letter(letters: str) -> Make:
    def make(rng: Random, value: str, _seen: Seen) -> str:
        place = rng.randint(0, len(value))
        return value[:place] + rng.choice(letters) + value[place + rng.randint(0, 1) :]

    return make


def _from_seen_letters(rng: Random, value: str, seen: Seen) -> str:
    letters = sorted(set("".join(seen.like(str)))) or [*value]
    return "".join(rng.choices(letters, k=max(1, len(value)))) if letters else value


def _spaced(rng: Random, value: str, _seen: Seen) -> str:
    place = rng.randint(0, len(value))
    return rng.choice((f" {value}", f"{value} ", f"{value[:place]}  {value[place:]}"))


def _always(what: str, constant: Any, wild: bool = False) -> Change:
    return Change(what, lambda _rng, _value, _seen: constant, wild)


def _plainly(what: str, make: Callable[[Any], Any], wild: bool = False) -> Change:
    return Change(what, lambda _rng, value, _seen: make(value), wild)


_INT = (
    _plainly("one more", lambda value: value + 1),
    _plainly("one less", lambda value: value - 1),
    _always("0", 0),
    _always("1", 1),
    _always("-1", -1),
    _plainly("negated", lambda value: -value),
    _plainly("doubled", lambda value: 2 * value),
    Change("another integer of the call", _other),
    Change("about the length of something in the call", _near_a_length),
    _always("2**31", 2**31, wild=True),
    _always("2**63", 2**63, wild=True),
    _always("-2**63", -(2**63), wild=True),
)
_FLOAT = (
    _plainly("negated", lambda value: -value),
    _plainly("one more", lambda value: value + 1.0),
    _plainly("halved", lambda value: value / 2),
    _plainly("rounded", lambda value: float(round(value, 1)) if abs(value) < 1e15 else value),
    _always("0.0", 0.0),
    _always("-0.0", -0.0),
    Change("another float of the call", _other),
    _always("tiny", 5e-324, wild=True),
    _always("huge", 1e308, wild=True),
    _always("infinite", float("inf"), wild=True),
    _always("minus infinite", float("-inf"), wild=True),
    _always("not a number", float("nan"), wild=True),
)
_TEXT = (
    _plainly("in upper case", str.upper),
    _plainly("in lower case", str.lower),
    Change("with spaces", _spaced),
    Change("with a letter that is not ASCII", _with_letter(_ODD_LETTERS)),
    Change("with a digit", _with_letter("0123456789")),
    Change("with an odd sign", _with_letter("\n\t-_.,:;/\\'\"(%{")),
    Change("another string of the call", _other),
    Change("made of letters of the call", _from_seen_letters),
)
_NUMBER = (
    _plainly("negated", lambda value: -value),
    _plainly("one more", lambda value: value + 1),
    _plainly("zero", lambda value: value - value),
)
_DAY = datetime.timedelta(days=1)
_DATE = (
    _plainly("a day later", lambda value: value + _DAY),
    _plainly("a day earlier", lambda value: value - _DAY),
    _plainly("30 days later", lambda value: value + 30 * _DAY),
)
_OF_SCALAR: dict[type, tuple[Change, ...]] = {
    bool: (_plainly("flipped", lambda value: not value),),
    int: _INT,
    float: _FLOAT,
    complex: (*_NUMBER, _plainly("conjugated", complex.conjugate)),
    str: _TEXT,
    bytes: (Change("other bytes of the call", _other),),
    decimal.Decimal: _NUMBER,
    fractions.Fraction: _NUMBER,
    datetime.timedelta: (_plainly("negated", lambda value: -value), *_DATE),
    datetime.date: _DATE,
    datetime.datetime: _DATE,
}
_ENUM = (
    Change(
        "another member", lambda rng, value, _seen: rng.choice([*type(value).__members__.values()])
    ),
)


# -- containers, as lists of their items -------------------------------------------------------


def _fresh(item: Any) -> Any:
    """Return the item for a second place: a copy, unless it is a scalar, so as not to make aliases."""
    return item if type(item) in _SCALARS else copy.deepcopy(item)


def _dropped(rng: Random, items: list[Any], _seen: Seen) -> list[Any]:
    place = rng.randrange(len(items)) if items else 0
    return items[:place] + items[place + 1 :]


def _larger(factor: int) -> Change:
    def make(rng: Random, items: list[Any], _seen: Seen) -> list[Any]:
        more = min(factor * len(items), LARGEST) - len(items)
        return items + [_fresh(rng.choice(items)) for _ in range(more)]

    return Change(f"{factor} times as long", make, wild=factor > 2, grows=True)


def _doubled(_rng: Random, items: list[Any], _seen: Seen) -> list[Any]:
    if 2 * len(items) > LARGEST:
        return items
    return [each for item in items for each in (item, _fresh(item))]


def _swapped(rng: Random, items: list[Any], _seen: Seen) -> list[Any]:
    made = list(items)
    if len(made) > 1:
        one, other = rng.sample(range(len(made)), 2)
        made[one], made[other] = made[other], made[one]
    return made


def _rotated(rng: Random, items: list[Any], _seen: Seen) -> list[Any]:
    place = rng.randrange(len(items)) if items else 0
    return items[place:] + items[:place]


def _sorted(_rng: Random, items: list[Any], _seen: Seen) -> list[Any]:
    kinds = set(map(type, items))
    return sorted(items) if len(kinds) == 1 and kinds <= {int, float, str, bytes} else items


def _shuffled(rng: Random, items: list[Any], _seen: Seen) -> list[Any]:
    return rng.sample(items, len(items))


def _tied(rng: Random, items: list[Any], _seen: Seen) -> list[Any]:
    if not items:
        return items
    same = rng.choice(items)
    return [_fresh(same) if rng.random() < 0.5 else item for item in items]


def _all_the_same(rng: Random, items: list[Any], _seen: Seen) -> list[Any]:
    same = rng.choice(items) if items else None
    return [_fresh(same) for _ in items]


def _inserted(rng: Random, items: list[Any], seen: Seen) -> list[Any]:
    if not items:
        return items
    kind = type(rng.choice(items))
    new = rng.choice(seen.like(kind) if rng.random() < 0.5 and seen.like(kind) else items)
    place = rng.randint(0, len(items))
    return [*items[:place], _fresh(new), *items[place:]]


_RESHAPES = (
    _plainly("empty", lambda items: []),
    Change("a single item", lambda rng, items, _seen: [rng.choice(items)] if items else items),
    _plainly("the first half", lambda items: items[: len(items) // 2]),
    Change("one item dropped", _dropped),
)
_REORDERINGS = (
    _plainly("reversed", lambda items: items[::-1]),
    Change("sorted", _sorted),
    Change("shuffled", _shuffled),
    Change("two items swapped", _swapped),
    Change("rotated", _rotated),
    Change("with ties", _tied),
    Change("all items the same", _all_the_same),
    Change("each item twice", _doubled, grows=True),
    _larger(2),
    _larger(3),
    _larger(4),
)
_INSERTION = (Change("one item inserted", _inserted),)


def _same_values(rng: Random, pairs: list[Any], _seen: Seen) -> list[Any]:
    same = rng.choice(pairs)[1] if pairs else None
    return [(key, _fresh(same) if rng.random() < 0.5 else value) for key, value in pairs]


def _values_swapped(rng: Random, pairs: list[Any], seen: Seen) -> list[Any]:
    values = _swapped(rng, [value for _, value in pairs], seen)
    return [(key, value) for (key, _), value in zip(pairs, values, strict=True)]


def _new_key(rng: Random, pairs: list[Any], seen: Seen) -> list[Any]:
    key, value = rng.choice(pairs) if pairs else (None, None)
    changes = of_scalar(type(key))
    if not changes:
        return pairs
    return [*pairs, (rng.choice(changes[:8]).make(rng, key, seen), _fresh(value))]


_PAIRS = (
    _plainly("in reverse order", lambda pairs: pairs[::-1]),
    Change("in another order", _shuffled),
    Change("with equal values", _same_values),
    Change("two values swapped", _values_swapped),
    Change("with another key", _new_key),
)
_ARRAY = (
    _plainly("reversed", lambda array: array[::-1]),
    _plainly("sorted", lambda array: sorted(array.ravel().tolist())),
    _plainly("zeros", lambda array: [0] * array.size),
    _plainly("negated", lambda array: -array),
    _plainly("one more", lambda array: array + 1),
    _plainly("all items the same", lambda array: array.ravel().tolist()[-1:] * array.size),
)
