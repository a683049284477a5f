"""Variants of a recorded call in which a value has another type, and whether anything shows that type.

A type is shown by the parameter's annotation or default, by the docstring's line on it, or by any
recorded call, that is by a test or a caller. What behaves differently on a shown type is another
behaviour; on a type that nothing shows it is worth a remark.
"""

from __future__ import annotations

import math
import re
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from _perfbot_inside import mutate, places
from _perfbot_inside.mutate import Variant

_LONGEST = 10_000  # items of a container that are looked at
_AS = "{where}: {old} as {new}"
_AN_ITEM = "{where}: an item that is {old} as {new}"

Function = Callable[..., Any]
Shown = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class _Retyping:
    """One way to give a value another type; ``names`` are what a signature calls that type."""

    old: type
    new: str
    make: Callable[[Any], Any]
    names: frozenset[str]
    applies: Callable[[Any], bool] = lambda _value: True


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MANY = "Sequence Iterable Collection Container Reversible"
_RETYPINGS = (
    _Retyping(int, "float", float, _names("float Real Number complex SupportsFloat"),
              lambda value: abs(value) < 2**53),
    _Retyping(int, "bool", bool, _names("bool")),
    _Retyping(float, "int", int, _names("int float Integral Real Number"), math.isfinite),
    _Retyping(bool, "int", int, _names("int Integral")),
    _Retyping(list, "tuple", tuple, _names(f"tuple Tuple {_MANY}")),
    _Retyping(tuple, "list", list, _names(f"list List MutableSequence {_MANY}")),
    _Retyping(list, "iterator", iter, _names("Iterable Iterator")),
    _Retyping(tuple, "iterator", iter, _names("Iterable Iterator")),
    _Retyping(set, "frozenset", frozenset, _names("frozenset FrozenSet AbstractSet Set Collection")),
    _Retyping(str, "None", lambda _value: None, _names("None NoneType Optional")),
    _Retyping(int, "None", lambda _value: None, _names("None NoneType Optional")),
    _Retyping(list, "None", lambda _value: None, _names("None NoneType Optional")),
    _Retyping(dict, "None", lambda _value: None, _names("None NoneType Optional")),
)  # fmt: skip
# What docstrings call types, lower case.
_IN_PROSE = {
    "float": "float", "floats": "float", "number": "Number", "numbers": "Number", "int": "int",
    "ints": "int", "integer": "int", "integers": "int", "bool": "bool", "boolean": "bool",
    "tuple": "tuple", "tuples": "tuple", "list": "list", "lists": "list", "sequence": "Sequence",
    "iterable": "Iterable", "iterator": "Iterator", "generator": "Iterator", "none": "None",
    "optional": "Optional", "frozenset": "frozenset",
}  # fmt: skip


def retyped(
    function: Function, call: mutate.Call, seen: Shown, seed: int, count: int
) -> Iterator[Variant]:
    """Yield up to ``count`` variants of a call in which one value, or one item, has another type.

    ``seen`` has the names of the types that recorded calls had, by parameter. The types that
    something shows come first. The variants are the same for the same seed.
    """
    copied = mutate.copier(call)
    if copied is None:
        return
    ways = [way for way in _ways(call) if way.retyping.applies(way.value)]
    Random(seed).shuffle(ways)
    shown = {name: _shown(function, name, seen) for name in {way.name(function) for way in ways}}
    ways.sort(key=lambda way: not way.retyping.names & shown[way.name(function)])
    for way in ways[:count]:
        arguments, keywords = copied()
        holder: Any = list(arguments) if isinstance(way.key, int) else dict(keywords)
        holder[way.key] = way.changed(holder[way.key])
        if isinstance(way.key, int):
            arguments = tuple(holder)
        else:
            keywords = holder
        unseen = not way.retyping.names & shown[way.name(function)]
        yield Variant(arguments, keywords, wild=True, what=way.what, retyped=unseen)


@dataclass(frozen=True, slots=True)
class _Way:
    """A value of a call, or an item of it, and what type it is to have."""

    key: int | str
    value: Any
    item: Any  # its index or key in the argument; None: it is the argument itself
    retyping: _Retyping

    def name(self, function: Function) -> str:
        """Return the name of the parameter, ``""`` where it has none."""
        if isinstance(self.key, str):
            return self.key
        code = getattr(function, "__code__", None)
        known = code.co_varnames[: code.co_argcount] if code is not None else ()
        return known[self.key] if self.key < len(known) else ""

    @property
    def what(self) -> str:
        """Say what is changed."""
        where = f"argument {self.key + 1}" if isinstance(self.key, int) else self.key
        text = _AS if self.item is None else _AN_ITEM
        return text.format(where=where, old=self.retyping.old.__name__, new=self.retyping.new)

    def changed(self, argument: Any) -> Any:
        """Return the argument of a copy with the value changed."""
        if self.item is None:
            return self.retyping.make(argument)
        items = list(argument) if isinstance(argument, tuple) else argument
        items[self.item] = self.retyping.make(items[self.item])
        return tuple(items) if isinstance(argument, tuple) else items


def _ways(call: mutate.Call) -> Iterator[_Way]:
    holders: list[tuple[int | str, Any]] = [*enumerate(call[0]), *call[1].items()]
    for key, argument in holders:
        if places.is_own_instance(argument) and not isinstance(argument, (list, dict)):
            continue
        places_in: list[tuple[Any, Any]] = [(None, argument)]
        if type(argument) in (list, tuple) and 0 < len(argument) <= _LONGEST:
            places_in += [(0, argument[0]), (len(argument) - 1, argument[-1])]
        elif type(argument) is dict and argument:
            places_in += list(argument.items())[:1]
        for item, value in places_in:
            for retyping in _RETYPINGS:
                if type(value) is retyping.old:
                    yield _Way(key, value, item, retyping)


def _shown(function: Function, name: str, seen: Shown) -> frozenset[str]:
    """Return the names of the types that something shows for a parameter."""
    annotation = getattr(function, "__annotations__", {}).get(name, "")
    found = set(_words(str(annotation)))
    for word in tuple(found):  # an alias says what it stands for
        alias = getattr(function, "__globals__", {}).get(word)
        if alias is not None and type(alias).__module__ in ("typing", "types"):
            found.update(_words(str(alias)))
    found.update(_default(function, name), _in_docstring(function.__doc__ or "", name))
    return frozenset(found | set(seen.get(name, ())))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def _default(function: Function, name: str) -> list[str]:
    if type(function) is not types.FunctionType:
        return []
    code, defaults = function.__code__, function.__defaults__ or ()
    positional = code.co_varnames[: code.co_argcount]
    known = dict(zip(positional[len(positional) - len(defaults) :], defaults, strict=True))
    known.update(function.__kwdefaults__ or {})
    return [type(known[name]).__name__] if name in known else []


def _in_docstring(text: str, name: str) -> list[str]:
    """Return the types that the docstring's lines on a parameter name, in any of the usual styles."""
    start = (
        rf"^[\s:@*`-]*(?:param|type|arg|argument)?\s*(?:[\w\[\], |]+\s)?[`*]*{re.escape(name)}\b"
    )
    lines = [line for line in text.splitlines() if name and re.match(start, line)]
    words = [word.lower() for line in lines for word in _words(line)]
    return [_IN_PROSE[word] for word in words if word in _IN_PROSE]
