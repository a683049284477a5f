"""The spelling of one value: the Python that makes it again.

Only literals, a few types of the standard library, enumerations, data classes, named tuples and
plain classes of the project are spelled, each by its exact type. No code of the target is asked
how: a ``__repr__`` of its own counts for nothing.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import inspect
import pathlib
import random
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from _perfbot_inside import canonical, drawn
from _perfbot_inside.drawn import CannotSpell

_DEEPEST = 12
_TOO_MUCH = "a {kind} holds too much to be written down, and its parts have no common form"


class Speller:
    """Spells values; ``imports`` are the names that the texts need, ``draws`` says if some are drawn."""

    def __init__(self, tree: str, brief: int) -> None:
        self._tree = tree
        self._brief = brief
        self._depth = 0
        self._drawing = False
        self.imports: dict[str, str] = {}
        self.names: dict[str, Any] = {"RANDOM": random.Random(0)}
        self.draws = False

    def argument(self, value: object) -> str:
        """Spell a whole argument, exactly where that is brief, else by a description of its data.

        Raises:
            CannotSpell: neither is possible.
        """
        self._drawing = False
        try:
            text = self.text(value)
            self._check(text, value)
        except (drawn.TooLong, RecursionError):
            self._drawing = True
            text = self._described(value)
        return text

    def _described(self, value: object) -> str:
        try:
            return self.text(value)
        except (drawn.TooLong, RecursionError) as error:
            raise CannotSpell(_TOO_MUCH.format(kind=type(value).__name__)) from error

    def _check(self, text: str, value: object) -> None:
        again = evaluated(text, self.names)
        try:
            known = canonical.describe(value, tree=self._tree)
            same = known.text == canonical.describe(again, tree=self._tree).text
        except (canonical.TooLarge, canonical.NotComparable) as error:
            raise CannotSpell(f"a {type(value).__name__} cannot be compared: {error}") from error
        if not same or known.opaque:
            raise CannotSpell(f"a {type(value).__name__} cannot be written down")

    def text(self, value: object) -> str:
        """Return the value's own spelling.

        Raises:
            CannotSpell: there is none.
            TooLong: it is not brief.
        """
        if self._depth >= _DEEPEST:
            raise CannotSpell("it is nested too deeply")
        self._depth += 1
        try:
            return self._brief_enough(self._text(value))
        finally:
            self._depth -= 1

    def _text(self, value: Any) -> str:
        kind = type(value)
        if kind in _LITERAL:
            return self._literal(value)
        if kind in (list, tuple, set, frozenset, dict):
            return self._contents(value)
        if kind is range:
            return drawn.range_text(value.start, value.stop, value.step)
        writer = _WRITERS.get(kind)
        if writer is not None:
            return self._call(kind.__name__, kind, *map(self.text, writer(value)))
        if isinstance(value, pathlib.PurePath) and kind in _PATHS:
            return self._call(_PATHS[kind].__name__, _PATHS[kind], repr(str(value)))
        return self._own(value, kind)

    def _call(self, name: str, kind: type, *arguments: str) -> str:
        self._import(name, kind)
        return f"{name}({', '.join(arguments)})"

    def _import(self, name: str, kind: Any) -> None:
        module = kind.__module__
        if module == "builtins":
            return
        module = _STANDARD.get(module, module)
        if self.imports.setdefault(name, module) != module:
            raise CannotSpell(f"two things are named {name}")
        self.names[name] = getattr(sys.modules[module], name)

    def _literal(self, value: Any) -> str:
        text = _literal(value)
        if len(text) <= self._brief:
            return text
        again = drawn.repeated(value) if type(value) in (str, bytes) else None
        if again is not None and len(again) <= self._brief:
            return again
        if not self._drawing or type(value) not in (str, bytes):
            raise drawn.TooLong
        self.draws = True
        return drawn.text(value, self)

    def _contents(self, value: Any) -> str:
        exact = drawn.rows(value, self, draws=False)
        if exact is not None:
            return exact
        try:
            return self._one_by_one(value)
        except drawn.TooLong:
            described = drawn.rows(value, self, draws=True) if self._drawing else None
            if described is None:
                raise
            self.draws = True
            return described

    def _one_by_one(self, value: Any) -> str:
        kind = type(value)
        if len(value) * 3 > self._brief:
            raise drawn.TooLong
        if kind is dict:
            items = [f"{self.text(key)}: {self.text(item)}" for key, item in value.items()]
            return self._brief_enough("{" + ", ".join(items) + "}")
        texts = ", ".join([self.text(item) for item in drawn.in_order(value)])
        if kind is tuple:
            return self._brief_enough(f"({texts},)" if len(value) == 1 else f"({texts})")
        if kind is list:
            return self._brief_enough(f"[{texts}]")
        made = f"{{{texts}}}" if value else ""
        return self._brief_enough(made if kind is set and made else f"{kind.__name__}({made})")

    def _brief_enough(self, text: str) -> str:
        if len(text) > self._brief:
            raise drawn.TooLong
        return text

    def _own(self, value: Any, kind: type) -> str:
        """Spell an instance of a class that can be imported by its name."""
        if isinstance(value, type) or kind is type(len):
            return self._reference(value)
        if isinstance(value, enum.Enum):
            return f"{self._reference(kind)}.{value._name_}"
        name, given = self.made_of(value)
        return f"{name}({', '.join(f'{key}={self.text(item)}' for key, item in given.items())})"

    def made_of(self, value: Any) -> tuple[str, Mapping[str, Any]]:
        """See ``drawn.Speller``."""
        kind = type(value)
        if isinstance(value, enum.Enum):
            raise CannotSpell("members of an enumeration are not made")
        name = self._reference(kind)
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            return name, dict(zip(kind._fields, value, strict=True))
        if dataclasses.is_dataclass(value):
            fields = [each.name for each in dataclasses.fields(value) if each.init]
            return name, {field: getattr(value, field) for field in fields}
        return name, _given_at_construction(value, kind)

    def _reference(self, thing: Any) -> str:
        """Return the name of a class or function, which must be found under it."""
        module = sys.modules.get(getattr(thing, "__module__", None) or "")
        qualname = getattr(thing, "__qualname__", "")
        if module is None or found(module, qualname) is not thing or not qualname.isidentifier():
            raise CannotSpell(f"a {type(thing).__name__} has no name of its own")
        if module.__name__ != "builtins":
            self._import(qualname, thing)
        return str(qualname)


def _given_at_construction(value: Any, kind: type) -> dict[str, Any]:
    """Return the attributes that the class takes under the same names when an instance is made."""
    if not hasattr(value, "__dict__") or getattr(kind, "__init__", None) is object.__init__:
        raise CannotSpell(f"a {kind.__name__} cannot be written down")
    parameters = list(inspect.signature(kind).parameters.values())
    attributes = vars(value)
    if any(each.kind not in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY) for each in parameters):
        raise CannotSpell(f"a {kind.__name__} takes any number of values when it is made")
    found: dict[str, Any] = {}
    for each in parameters:
        held = [name for name in (each.name, f"_{each.name}") if name in attributes]
        if not held:
            raise CannotSpell(f"a {kind.__name__} does not keep the {each.name} that it is made of")
        found[each.name] = attributes[held[0]]
    return found


_LITERAL = frozenset((type(None), bool, int, float, complex, str, bytes, type(...)))


def _literal(value: Any) -> str:
    if type(value) is float and (value != value or value in (float("inf"), float("-inf"))):
        return f'float("{value}")'
    if type(value) is complex:
        return f"complex({_literal(value.real)}, {_literal(value.imag)})"
    return "..." if value is ... else repr(value)


_WRITERS: Mapping[type, Callable[[Any], Sequence[Any]]] = {
    slice: lambda value: (value.start, value.stop, value.step),
    bytearray: lambda value: (bytes(value),),
    decimal.Decimal: lambda value: (str(value),),
    fractions.Fraction: lambda value: (value.numerator, value.denominator),
    datetime.date: lambda value: (value.year, value.month, value.day),
    datetime.timedelta: lambda value: (value.days, value.seconds, value.microseconds),
    datetime.datetime: lambda value: (*value.timetuple()[:6], value.microsecond),
    uuid.UUID: lambda value: (str(value),),
    collections.deque: lambda value: (list(value),),
    collections.Counter: lambda value: (dict(value),),
    collections.OrderedDict: lambda value: (list(value.items()),),
    collections.defaultdict: lambda value: (value.default_factory, dict(value)),
}
_PATHS = {
    type(pathlib.Path()): pathlib.Path,
    pathlib.PurePosixPath: pathlib.PurePosixPath,
    pathlib.PureWindowsPath: pathlib.PureWindowsPath,
}
_STANDARD = {"pathlib._local": "pathlib", "_decimal": "decimal", "_pydatetime": "datetime"}


def found(place: Any, dotted: str) -> Any:
    """Return what a dotted name leads to, ``None`` where it leads nowhere."""
    for name in dotted.split(".") if dotted else ():
        place = getattr(place, name, None)
    return place


def evaluated(text: str, names: dict[str, Any]) -> Any:
    """Return the value of a text; this runs code of the target with the target's rights only."""
    return eval(text, dict(names))
