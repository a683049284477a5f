"""What kinds of values were seen: types, element types and lengths, as plain JSON.

A *fact* is ``{"types": [...], "elements": fact | None, "values": fact | None, "longest": int,
"attributes": {name: fact}, "plain": bool}``; ``elements`` describes the items of a sequence or set,
or the keys of a mapping, whose values are described by ``values``; ``attributes`` are what a
variable's object keeps in its ``__dict__``; ``plain`` says that ``copy.copy`` makes an object of the
same class with the same ``__dict__``, and nothing else. Types are named ``module.qualname``, those
of builtins by ``qualname``.
"""

from __future__ import annotations

import copyreg
import operator
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from types import CodeType, FrameType
from typing import TypedDict


class Fact(TypedDict):
    """The kinds of values that one name held."""

    types: list[str]
    elements: Fact | None
    values: Fact | None
    longest: int
    attributes: dict[str, Fact]
    plain: bool


_LOOKED_AT = 50  # items per container: enough to see a mixed type, cheap for a million items
_DEPTH = 3
_ATTRIBUTES = 60  # per object
# Whatever a class says with these about copies of its objects.
_COPYING = (
    *("__copy__", "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__"),
    *("__getnewargs__", "__getnewargs_ex__"),
)


def type_name(kind: type) -> str:
    """Return ``qualname`` of a builtin type, ``module.qualname`` of any other."""
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def describe(value: object, depth: int = _DEPTH) -> Fact:
    """Return the fact of one value; iterators are never advanced and no user code is run."""
    fact: Fact = {
        "types": [type_name(type(value))],
        "elements": None,
        "values": None,
        "longest": 0,
        "attributes": {},
        "plain": _is_plain(type(value)),
    }
    if isinstance(value, (str, bytes, bytearray)):
        fact["longest"] = len(value)
    elif isinstance(value, dict):
        fact["longest"] = dict.__len__(value)
        if depth:
            fact["elements"] = _describe_all(dict.keys(value), depth - 1)
            fact["values"] = _describe_all(dict.values(value), depth - 1)
    elif (items := _builtin_items(value)) is not None:
        fact["longest"] = operator.length_hint(items)
        fact["elements"] = _describe_all(items, depth - 1) if depth else None
    return fact


def merge(one: Fact | None, other: Fact | None) -> Fact | None:
    """Return the fact of "either of the two"; ``None`` stands for nothing seen yet."""
    if one is None or other is None:
        return one or other
    return {
        "types": sorted(set(one["types"]) | set(other["types"])),
        "elements": merge(one["elements"], other["elements"]),
        "values": merge(one["values"], other["values"]),
        "longest": max(one["longest"], other["longest"]),
        "attributes": {
            name: fact
            for name in {**one["attributes"], **other["attributes"]}
            if (fact := merge(one["attributes"].get(name), other["attributes"].get(name)))
        },
        "plain": one["plain"] and other["plain"],
    }


def described(value: object) -> Fact:
    """Return the fact of a variable's value, with the attributes that the object keeps itself."""
    fact = describe(value)
    if not type(value).__flags__ & _HEAP_TYPE or isinstance(value, type):
        return fact
    try:
        kept = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return fact
    if type(kept) is dict:
        fact["attributes"] = {
            name: describe(each, 1)
            for name, each in islice(kept.items(), _ATTRIBUTES)
            if type(name) is str and not _is_computed(type(value), name)
        }
    return fact


_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement


def _is_computed(kind: type, name: str) -> bool:
    """Say whether a property of the class comes before what the object keeps under that name."""
    for each in kind.__mro__:
        if name in _class_dict(each):
            return any("__set__" in _class_dict(k) for k in type(_class_dict(each)[name]).__mro__)
    return False


def _class_dict(kind: type) -> Mapping[str, object]:
    found: Mapping[str, object] = type.__dict__["__dict__"].__get__(kind)
    return found


def _is_plain(kind: type) -> bool:
    """Say whether objects of a class have nothing but their ``__dict__``, and are copied by default."""
    if not kind.__flags__ & _HEAP_TYPE or kind in copyreg.dispatch_table or issubclass(kind, type):
        return False
    for each in map(_class_dict, kind.__mro__[:-1]):
        if any(name in each for name in _COPYING) or each.get("__slots__", ()) != ():
            return False
    return all(each.__flags__ & _HEAP_TYPE for each in kind.__mro__[:-1])


def _builtin_items(value: object) -> Iterator[object] | None:
    """Iterate over a container without running an ``__iter__`` that a subclass defines."""
    if isinstance(value, list):
        return list.__iter__(value)
    if isinstance(value, tuple):
        return tuple.__iter__(value)
    if isinstance(value, set):
        return set.__iter__(value)
    return frozenset.__iter__(value) if isinstance(value, frozenset) else None


def _describe_all(values: Iterable[object], depth: int) -> Fact | None:
    fact: Fact | None = None
    for value in islice(values, _LOOKED_AT):
        fact = merge(fact, describe(value, depth))
    return fact


def observed(
    function: Callable[..., object],
    code: CodeType,
    arguments: Iterable[object],
    keywords: Mapping[str, object],
) -> tuple[dict[str, Fact | None], Callable[[], object]]:
    """Call ``function`` and return ``(facts by variable name, call)`` of the code object's first frame.

    ``code`` is the code object whose parameters and locals are described: parameters when it is
    entered, everything else when it returns. The call's result or exception is passed on through
    ``call``, a function without arguments that returns or raises it.
    """
    seen: dict[str, Fact | None] = {}
    frames: list[FrameType] = []

    def on_event(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and not frames and frame.f_code is code:
            frames.append(frame)
            _note(seen, frame.f_locals)
        elif event == "return" and frames and frame is frames[0]:
            _note(
                seen,
                {
                    name: value
                    for name, value in frame.f_locals.items()
                    if name not in entered(code)
                },
            )

    previous = sys.getprofile()
    sys.setprofile(on_event)
    try:
        result = function(*arguments, **keywords)
    except BaseException as error:
        sys.setprofile(previous)
        caught: BaseException = error
    else:
        sys.setprofile(previous)
        return seen, lambda: result

    def fail() -> object:
        raise caught

    return seen, fail


def entered(code: CodeType) -> tuple[str, ...]:
    """Return the names of a code object's parameters, stars included."""
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)  # *args, **kwargs
    return code.co_varnames[:count]


def _note(seen: dict[str, Fact | None], variables: Mapping[str, object]) -> None:
    for name, value in variables.items():
        if name.isidentifier():  # comprehensions' hidden ".0" is no variable of the source
            seen[name] = merge(seen.get(name), described(value))
