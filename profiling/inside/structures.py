"""Making objects again from their structure: class, built-in content, attributes.

For values whose own way to be pickled fails, loses something, or runs code: instances in the middle
of their ``__init__``, exceptions whose ``__init__`` wants other arguments, classes made inside of
functions. No method of theirs runs, neither when they are taken apart nor when they are made again.
"""

from __future__ import annotations

import abc
import copyreg
import enum
import sys
import types
from collections.abc import Iterable
from typing import Any

from _perfbot_inside import contents, kinds, places

_IMMUTABLE: tuple[Any, ...] = (int, float, complex, str, bytes, tuple, frozenset)
_FILLED: tuple[Any, ...] = (list, dict, set, bytearray)
_PICKLING = (
    "__reduce_ex__", "__reduce__", "__getstate__", "__setstate__", "__getnewargs__",
    "__getnewargs_ex__",
)  # fmt: skip
# What a class gets from its metaclass, or what says where its objects keep their attributes.
_NOT_COPIED = frozenset("__dict__ __weakref__ _abc_impl".split())
_EARLY = ("__slots__", "__module__", "__qualname__", "__orig_bases__")
_CHAINED = ("__cause__", "__context__", "__suppress_context__")

Reduced = tuple[Any, ...]


def pickles_itself(kind: type) -> bool:
    """Say whether a class that is written in Python has its own idea of how to pickle its objects."""
    if kind in copyreg.dispatch_table:
        return True
    for base in contents.mro_of(kind):
        if contents.of_stdlib(base):
            continue
        if any(type(contents.vars_of(base).get(name)) in _WRITTEN for name in _PICKLING):
            return True
    return False


_WRITTEN = (types.FunctionType, classmethod, staticmethod)


def is_built_by_init(kind: type) -> bool:
    """Say whether unpickling an exception would run an ``__init__`` or ``__new__`` written in Python."""
    return issubclass(kind, BaseException) and any(
        type(contents.vars_of(base).get(name)) in _WRITTEN
        for base in contents.mro_of(kind)
        for name in ("__init__", "__new__")
    )


def of_instance(value: object) -> Reduced:
    """Return how to make an instance again.

    Raises:
        TypeError: it has a content of a C class that is not known here.
    """
    kind = type(value)
    attributes = tuple(kinds.attributes(value).items())
    if isinstance(value, BaseException):
        chained = tuple((name, getattr(value, name)) for name in _CHAINED)
        made = (kind, BaseException, contents.member(BaseException, "args", value))
        return make_instance, made, (attributes, (), chained), None, None, fill_instance
    base = next((base for base in kind.__mro__ if base in (*_IMMUTABLE, *_FILLED)), object)
    if base is object and not _is_plain(kind):
        raise TypeError(f"cannot take {contents.type_name(kind)} apart")
    content: Any = ()
    if base in _IMMUTABLE:
        content = (_plain(base, value),)
    items = tuple(_items(base, value)) if base in _FILLED else ()
    return make_instance, (kind, base, content), (attributes, items, ()), None, None, fill_instance


def _is_plain(kind: type) -> bool:
    """Say whether everything that an instance holds are attributes."""
    return all(
        base is object or (base.__flags__ & contents.HEAP_TYPE and not _is_of_c(base))
        for base in contents.mro_of(kind)
    )


def _is_of_c(base: type) -> bool:
    return contents.of_stdlib(base) and contents.top_module(base).startswith("_")


def _plain(base: Any, value: Any) -> Any:
    """Return an immutable object's content as an object of the built-in class itself."""
    if base in (tuple, frozenset):
        return base(base.__iter__(value))
    if base is str:
        return str.__str__(value)
    if base is bytes:
        return bytes.__getitem__(value, slice(None))
    return int.__add__(value, 0) if base is int else base.__pos__(value)


def _items(base: Any, value: Any) -> Iterable[Any]:
    return dict.items(value) if base is dict else base.__iter__(value)


def make_instance(kind: type, base: Any, content: tuple[Any, ...]) -> object:
    """Make an object without attributes, of a built-in class's content where it has one."""
    made: object = base.__new__(kind, *content)
    return made


def fill_instance(value: Any, state: tuple[Any, Any, Any]) -> None:
    """Give an object its items and attributes below whatever its class does then."""
    attributes, items, chained = state
    for base in _FILLED:
        if items and isinstance(value, base):
            (dict.update if base is dict else base.extend if base is not set else set.update)(
                value, items
            )
    for name, attribute in attributes:
        places.set_attribute(value, name, attribute)
    for name, each in chained:
        setattr(value, name, each)


def of_class(kind: type) -> Reduced:
    """Return how to make a class again that is not found under its name.

    Raises:
        TypeError: it is an enumeration, whose members are more than attributes.
    """
    metaclass = type(kind)
    if issubclass(metaclass, enum.EnumMeta):
        raise TypeError(f"cannot take the enumeration {contents.type_name(kind)} apart")
    names = {
        name: value
        for name, value in contents.vars_of(kind).items()
        if name not in _NOT_COPIED
        and type(value) not in (types.MemberDescriptorType, types.GetSetDescriptorType)
    }
    early = {name: names.pop(name) for name in _EARLY if name in names}
    early["__qualname__"] = kind.__qualname__
    made = (metaclass, kind.__name__, kind.__bases__, early)
    return make_class, made, names, None, None, fill_class


def make_class(metaclass: type, name: str, bases: tuple[type, ...], names: dict[str, Any]) -> type:
    """Make a class that has nothing in it yet, without its metaclass's own code."""
    made: type = type.__new__(metaclass, name, bases, dict(names))
    if issubclass(metaclass, abc.ABCMeta):
        vars(abc)["_abc_init"](made)  # what ABCMeta's own __new__ adds
    return made


def fill_class(kind: type, names: dict[str, Any]) -> None:
    """Give a class its attributes, which may speak of it."""
    for name, value in names.items():
        type.__setattr__(kind, name, value)


def is_reachable(kind: type) -> bool:
    """Say whether pickle finds the class under its name."""
    found: object = sys.modules.get(kind.__module__)
    for name in kind.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is kind
