"""Data too long to write down, described by its form: how many rows, what they have in common.

``[f"item {n}" for n in range(400)]`` is exactly a value; ``RANDOM.choices(range(0, 90), k=3000)``
is one like it: as many, from the same range, in the same order or in none. Rows may be numbers,
texts with numbers in them, a few different values, and tuples, lists and dictionaries of these.
``RANDOM`` is seeded where the text is used, so that the data are the same each time.
"""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

_FEW_ROWS = 8  # fewer are written one by one
_FEW_CHOICES = 20
_FEW_CHARACTERS = 64
_MOST_COLUMNS = 8
_WIDE = 6  # longer inner lists are described in turn
_NAMES = "nabcdefghij"
_NUMBER = re.compile("([0-9]+)")
_SIMPLE = frozenset((int, float, str, bool, type(None)))


class Speller(Protocol):
    """Spells values that are written as they are."""

    def text(self, value: Any) -> str:
        """Return a value's own spelling; raises ``CannotSpell`` or ``TooLong``."""

    def made_of(self, value: Any) -> tuple[str, Mapping[str, Any]]:
        """Return an instance's class as it is written, and what it is made of; raises ``CannotSpell``."""


class CannotSpell(Exception):  # noqa: N818
    """A value cannot be written down; the message says why."""


class TooLong(Exception):  # noqa: N818
    """A value could only be written down at a length that nobody wants to read."""


def rows(value: Any, speller: Speller, *, draws: bool) -> str | None:
    """Describe a collection by the form of its items; ``None`` where it has no such form.

    Without ``draws`` only forms count that say exactly what is there.
    """
    if len(value) < _FEW_ROWS:
        return None
    kind = type(value)
    items = in_order(value)
    if not draws and kind in (list, tuple) and (text := _periodic(value, speller)):
        return text
    form = _Form(len(items), speller, draws)
    try:
        if kind is dict:
            keys = form.template(list(value))
            return f"{{{keys}: {form.template(list(value.values()))} for {form.loop()}}}"
        return form.wrapped(kind, form.template(items))
    except CannotSpell:
        return None


def in_order(value: Any) -> list[Any]:
    """Return the items of a collection, those of a set in their natural order where they have one."""
    kinds = {type(each) for each in value}
    sortable = isinstance(value, (set, frozenset)) and len(kinds) == 1 and kinds <= _SIMPLE
    return sorted(value) if sortable else list(value)


def text(value: str | bytes, speller: Speller) -> str:
    """Describe a long text: by its lines, its words or its characters.

    Raises:
        CannotSpell: it has too many different ones.
    """
    if isinstance(value, bytes):
        return f"bytes(RANDOM.choices(range({min(value)}, {max(value) + 1}), k={len(value)}))"
    for separator in ("\n", " "):
        parts = value.split(separator)
        described = rows(parts, speller, draws=True)
        if described is not None:
            return f"{separator!r}.join({described})"
    characters = "".join(sorted(set(value)))
    if len(characters) > _FEW_CHARACTERS:
        raise CannotSpell("a text has too many different characters to be described")
    return f'"".join(RANDOM.choices({characters!r}, k={len(value)}))'


def repeated(value: str | bytes) -> str | None:
    """Write a text that says the same again and again as such; ``None`` where it does not."""
    period = (value + value).find(value, 1)  # type: ignore[arg-type, operator]
    if not 0 < period <= len(value) // 2:
        return None
    return f"{value[:period]!r} * {len(value) // period}"


def range_text(start: int, stop: int, step: int) -> str:
    """Write a range as people do."""
    if step != 1:
        return f"range({start}, {stop}, {step})"
    return f"range({start}, {stop})" if start else f"range({stop})"


def _periodic(value: Sequence[Any], speller: Speller) -> str | None:
    if not all(type(each) in _SIMPLE for each in value):
        return None  # the same list several times in a list would be one list
    keys = [(type(each), each) for each in value]
    for period in range(1, min(len(keys) // 2, _FEW_CHOICES) + 1):
        if len(keys) % period == 0 and all(map(operator.eq, keys, keys[period:])):
            return f"{speller.text(value[:period])} * {len(keys) // period}"
    return None


class _Form:
    """The common form of rows: a template with names in it, and a column of values for each name."""

    def __init__(
        self, count: int | str, speller: Speller, draws: bool, names: str = _NAMES
    ) -> None:
        self._count = count  # a number, or an expression that gives it
        self._speller = speller
        self._draws = draws
        self._names = names
        self._columns: list[str] = []

    def template(self, values: Sequence[Any]) -> str:
        """Return an expression for one of the values.

        Raises:
            CannotSpell: they have too little in common.
        """
        kinds = {type(each) for each in values}
        if len(kinds) == 1 and values:
            kind = kinds.pop()
            found = _TEMPLATES.get(kind)
            if kind in _SIMPLE and all(each == values[0] for each in values):
                return self._speller.text(values[0])
            if found is None and kind not in _SIMPLE:
                return self._instances(values)
            if found is not None and (made := found(self, values)) is not None:
                return made
        return self._choice(values)

    def wrapped(self, kind: type, template: str) -> str:
        """Return the list, tuple or set that the template makes of its columns."""
        bare = template == self._names[0] and len(self._columns) == 1
        column = self._columns[0] if bare else ""
        if kind is list and column:
            return column if column.startswith(("RANDOM.", "sorted(", "[")) else f"list({column})"
        inner = column or f"{template} for {self.loop()}"
        if kind is list:
            return f"[{inner}]"
        return f"{{{inner}}}" if kind is set and not bare else f"{kind.__name__}({inner})"

    def loop(self) -> str:
        """Return what stands behind ``for``: the names of the columns and the columns."""
        names = ", ".join(self._names[: len(self._columns)])
        if not self._columns:
            return f"_ in range({self._count})"
        if len(self._columns) == 1:
            return f"{names} in {self._columns[0]}"
        return f"{names} in zip({', '.join(self._columns)})"

    def _named(self, column: str) -> str:
        if column in self._columns and "RANDOM" not in column:
            return self._names[self._columns.index(column)]
        if len(self._columns) >= min(_MOST_COLUMNS, len(self._names)):
            raise CannotSpell("its rows have too many parts")
        self._columns.append(column)
        return self._names[len(self._columns) - 1]

    def _drawn(self, column: str) -> str:
        if not self._draws:
            raise CannotSpell("it would have to be drawn")
        return self._named(column)

    def _whole_numbers(self, values: Sequence[int]) -> str:
        step = values[1] - values[0] if len(values) > 1 else 0
        steady = step and all(b - a == step for a, b in itertools.pairwise(values))
        if steady and isinstance(self._count, int):
            return self._named(range_text(values[0], values[-1] + step, step))
        within = range_text(min(values), max(values) + 1, 1)
        distinct = isinstance(self._count, int) and len(set(values)) == len(values)
        column = (
            f"RANDOM.sample({within}, {self._count})"
            if distinct
            else f"RANDOM.choices({within}, k={self._count})"
        )
        in_order = isinstance(self._count, int) and sorted(values) == values
        return self._drawn(f"sorted({column})" if in_order else column)

    def _numbers(self, values: Sequence[float]) -> str:
        low, high = float(f"{min(values):.6g}"), float(f"{max(values):.6g}")
        if not all(abs(each) < 1e300 for each in values):
            raise CannotSpell("its numbers are not all finite")
        one = f"RANDOM.uniform({low}, {high})"
        digits = next((d for d in (1, 2, 3) if all(round(v, d) == v for v in values)), None)
        one = f"round({one}, {digits})" if digits else one
        return self._drawn(f"[{one} for _ in range({self._count})]")

    def _texts(self, values: Sequence[str]) -> str | None:
        parts = [_NUMBER.split(each) for each in values]
        if len({tuple(each[::2]) for each in parts}) != 1 or len(parts[0]) < 2:
            return None
        numbers = list(zip(*(each[1::2] for each in parts), strict=True))
        if any(_padding(digits) is None for digits in numbers):
            return None
        made = [_inside_quotes(parts[0][0])]
        for digits, text_after in zip(numbers, parts[0][2::2], strict=True):
            made.append(self._digits(digits) + _inside_quotes(text_after))
        return f"f'{''.join(made)}'"

    def _digits(self, digits: Sequence[str]) -> str:
        if len(set(digits)) == 1:
            return digits[0]
        return f"{{{self._whole_numbers([int(each) for each in digits])}{_padding(digits)}}}"

    def _tuples(self, values: Sequence[tuple[Any, ...]]) -> str | None:
        parts = self._parts(values)
        return None if parts is None else f"({', '.join(parts)}{',' * (len(parts) == 1)})"

    def _lists(self, values: Sequence[list[Any]]) -> str | None:
        parts = self._parts(values)
        if parts is not None:
            return f"[{', '.join(parts)}]"
        if not self._draws:
            return None
        count = self.template([len(each) for each in values])
        inner = _Form(count, self._speller, True, self._names[len(self._columns) + 1 :])
        return inner.wrapped(list, inner.template([item for each in values for item in each]))

    def _parts(self, values: Sequence[Sequence[Any]]) -> list[str] | None:
        lengths = {len(each) for each in values}
        if len(lengths) > 1 or not 0 < min(lengths) <= _WIDE:
            return None
        return [self.template([each[place] for each in values]) for place in range(min(lengths))]

    def _dictionaries(self, values: Sequence[dict[Any, Any]]) -> str | None:
        keys = list(values[0])
        if not keys or len(keys) > _MOST_COLUMNS or any(list(each) != keys for each in values):
            return None
        items = [self.template([each[key] for each in values]) for key in keys]
        made = (f"{self._speller.text(key)}: {item}" for key, item in zip(keys, items, strict=True))
        return "{" + ", ".join(made) + "}"

    def _instances(self, values: Sequence[Any]) -> str:
        made = [self._speller.made_of(each) for each in values]
        name, first = made[0]
        if len(first) > _MOST_COLUMNS or any(list(given) != list(first) for _, given in made):
            raise CannotSpell("its rows have no common form")
        items = [self.template([given[key] for _, given in made]) for key in first]
        return (
            f"{name}({', '.join(f'{key}={item}' for key, item in zip(first, items, strict=True))})"
        )

    def _choice(self, values: Sequence[Any]) -> str:
        """Draw from the few different values that there are."""
        if not all(type(each) in _SIMPLE for each in values):
            raise CannotSpell("its rows have no common form")
        different = list(_different(values))
        if not 0 < len(different) <= _FEW_CHOICES:
            raise CannotSpell("its rows have too little in common")
        choices = ", ".join(map(self._speller.text, different))
        return self._drawn(f"RANDOM.choices([{choices}], k={self._count})")


def _different(values: Iterable[Any]) -> Iterable[Any]:
    return {(type(each), each): each for each in values}.values()


_TEMPLATES: dict[type, Callable[[_Form, Any], str | None]] = {
    int: _Form._whole_numbers,
    float: _Form._numbers,
    str: _Form._texts,
    tuple: _Form._tuples,
    list: _Form._lists,
    dict: _Form._dictionaries,
}


def _padding(digits: Sequence[str]) -> str | None:
    """Return the format that writes these numbers with their leading zeros, ``None``: there is none."""
    padded = [len(each) for each in digits if len(each) > 1 and each[0] == "0"]
    padding = f"0{padded[0]}d" if padded else "d"
    if any(format(int(each), padding) != each for each in digits):
        return None
    return f":{padding}" if padded else ""


def _inside_quotes(part: str) -> str:
    """Return a text as it stands between single quotes in an f-string."""
    return repr('"' + part)[2:-1].replace("{", "{{").replace("}", "}}")
