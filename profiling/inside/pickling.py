"""Pickling a call's arguments, with the values that people pass and that pickle refuses.

Functions without a name of their own (lambdas, inner functions) go by their code, as both versions
run in the same interpreter; matches of regular expressions are matched again; instances that do
not let their attributes be set (frozen, with slots) get them below their ``__setattr__``. Whatever
is pickled here is read by plain ``pickle.loads``.
"""

from __future__ import annotations

import copyreg
import importlib
import io
import marshal
import pickle
import re
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from _perfbot_inside import canonical, contents, places, streams, structures

_PROTOCOL = 4
_AT_MOST_CHECKED = 200_000  # characters: longer values are believed to come back as they were
_VIEWS: Mapping[type, Callable[[dict[Any, Any]], object]] = {
    type({}.keys()): dict.keys,
    type({}.values()): dict.values,
    type({}.items()): dict.items,
}
Reduced = tuple[Any, ...]


class TooMuch(Exception):  # noqa: N818
    """The pickle would be longer than the caller's limit."""


def dumps(value: object, at_most_bytes: int = 1 << 40) -> bytes:
    """Return a value's pickle.

    A value that does not come back as it was, or not at all, when it is pickled in its own way is
    taken apart instead (structures.py). Raises :class:`TooMuch` as soon as the pickle gets longer
    than ``at_most_bytes``, and whatever pickle and the value's own methods raise.
    """
    try:
        pickled, has_own_ways = _dumped(value, at_most_bytes, apart=False)
        if not has_own_ways or _is_faithful(value, pickled):
            return pickled
    except TooMuch:
        raise
    except Exception as error:  # any class may refuse in its own way
        return _taken_apart(value, at_most_bytes, error)
    try:
        return _taken_apart(value, at_most_bytes, None)
    except TooMuch:
        raise
    except Exception:
        return pickled  # it can be read, and replaying shows whether it does


def _taken_apart(value: object, at_most_bytes: int, error: Exception | None) -> bytes:
    try:
        pickled, _ = _dumped(value, at_most_bytes, apart=True)
        pickle.loads(pickled)
    except TooMuch:
        raise
    except Exception:
        if error is None:
            raise
        raise error from None  # what pickle itself said tells more
    return pickled


def _is_faithful(value: object, pickled: bytes) -> bool:
    """Say whether what is unpickled is what was pickled, as far as that can be said."""
    again = pickle.loads(pickled)
    try:
        before = canonical.canonical(value, limit_bytes=_AT_MOST_CHECKED)
        return before == canonical.canonical(again, limit_bytes=_AT_MOST_CHECKED)
    except (canonical.TooLarge, canonical.NotComparable):
        return True


def _dumped(value: object, at_most_bytes: int, *, apart: bool) -> tuple[bytes, bool]:
    """Return a pickle, and whether a class written in Python had its own way of pickling its objects."""
    stream = _Bounded(at_most_bytes)
    pickler = _Pickler(stream, at_most_bytes, apart)
    pickler.dump(value)
    return stream.getvalue(), pickler.has_own_ways


class _Bounded(io.BytesIO):
    """Takes bytes up to a limit."""

    def __init__(self, at_most_bytes: int) -> None:
        super().__init__()
        self._at_most_bytes = at_most_bytes

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > self._at_most_bytes:
            raise TooMuch(f"more than {self._at_most_bytes} bytes")
        return super().write(data)


class _Pickler(pickle.Pickler):
    def __init__(self, stream: io.BytesIO, at_most_bytes: int, apart: bool) -> None:
        super().__init__(stream, _PROTOCOL)
        self._at_most_bytes = at_most_bytes
        self._apart = apart
        self.has_own_ways = False
        self._ways: dict[int, tuple[type, bool, bool]] = {}

    def _ways_of(self, kind: type) -> tuple[bool, bool]:
        """Return whether a class pickles its objects itself, and whether its ``__init__`` makes them."""
        known = self._ways.get(id(kind))  # not every class can be hashed
        if known is None:
            own, by_init = structures.pickles_itself(kind), structures.is_built_by_init(kind)
            known = self._ways[id(kind)] = kind, own, by_init
        return known[1:]

    def reducer_override(self, value: object) -> Any:
        """Return how to make a value again where pickle does not know or does it wrongly."""
        kind = type(value)
        # An array is copied before it is written, so its size is asked first.
        if kind.__name__ == "ndarray" and getattr(value, "nbytes", 0) > self._at_most_bytes:
            raise TooMuch(f"an array of more than {self._at_most_bytes} bytes")
        if isinstance(value, type):
            reachable = structures.is_reachable(value) or not value.__flags__ & contents.HEAP_TYPE
            return NotImplemented if reachable else structures.of_class(value)
        own_way, by_init = self._ways_of(kind)
        self.has_own_ways = self.has_own_ways or own_way
        if (own_way and self._apart) or by_init:
            return structures.of_instance(value)
        reduce = _REDUCERS.get(kind)
        if reduce is not None:
            return reduce(value)
        if kind in _VIEWS:
            return _VIEWS[kind], (dict(value.mapping),)  # type: ignore[attr-defined]
        return _of_frozen(value) if _is_frozen(kind) else NotImplemented


def _function(value: types.FunctionType) -> Any:
    if _is_reachable(value):
        return NotImplemented
    code = marshal.dumps(value.__code__)
    closure = value.__closure__ or ()
    state = (
        value.__defaults__,
        value.__kwdefaults__,
        value.__dict__ or None,
        tuple(map(_contents, closure)),
        value.__annotations__,
        value.__module__,
    )
    home = value.__globals__.get("__name__", "")  # a wrapper says that it is from elsewhere
    made = (code, home, value.__name__, value.__qualname__, len(closure))
    return make_function, made, state, None, None, fill_function


def _is_reachable(value: types.FunctionType) -> bool:
    """Say whether pickle finds the function under its own name."""
    found: object = sys.modules.get(value.__module__)
    for name in value.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is value


def _contents(cell: types.CellType) -> tuple[object, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:  # a variable that has no value yet
        return ()


def make_function(
    code: bytes, module: str, name: str, qualname: str, cells: int
) -> types.FunctionType:
    """Make a function whose defaults and closure are still empty, in the module that it is from."""
    names = vars(importlib.import_module(module))
    closure = tuple(types.CellType() for _ in range(cells))
    function = types.FunctionType(marshal.loads(code), names, name, None, closure)
    function.__qualname__ = qualname
    return function


def fill_function(function: types.FunctionType, state: Reduced) -> None:
    """Give a function what it may itself be a part of: defaults, attributes, closure."""
    function.__defaults__, function.__kwdefaults__, attributes, cells, *named = state
    function.__annotations__, function.__module__ = named
    function.__dict__.update(attributes or {})
    for cell, content in zip(function.__closure__ or (), cells, strict=True):
        if content:
            cell.cell_contents = content[0]


def _match(value: re.Match[Any]) -> Any:
    """Find out how to match again so that the same comes out."""
    for way in ("search", "match", "fullmatch"):
        for start in (value.pos, value.start()):
            made = (value.re, value.string, way, start, value.endpos)
            again = make_match(*made)
            if again is not None and (again.regs, again.lastindex) == (value.regs, value.lastindex):
                return make_match, made
    return NotImplemented


def make_match(
    pattern: re.Pattern[Any], text: Any, way: str, start: int, end: int
) -> re.Match[Any] | None:
    """Match a pattern in a text in one of three ways."""
    found: re.Match[Any] | None = getattr(pattern, way)(text, start, end)
    return found


def _module(value: types.ModuleType) -> Any:
    name = value.__name__
    return (importlib.import_module, (name,)) if sys.modules.get(name) is value else NotImplemented


def _lock(value: Any) -> Any:
    return make_lock, (value.locked(),)


def make_lock(locked: bool) -> object:
    """Make a lock, locked or not."""
    made = threading.Lock()
    if locked:
        made.acquire()
    return made


def _counting_lock(_value: object) -> Any:
    return threading.RLock, ()


def _reference(value: weakref.ref[Any]) -> Any:
    return weakref.ref, (value(),)


def _descriptor(value: Any) -> Any:
    return make_descriptor, (value.__objclass__, value.__name__)


def make_descriptor(kind: type, name: str) -> object:
    """Find what a C class, or a class with slots, keeps under a name."""
    return contents.vars_of(kind)[name]


def _property(value: property) -> Any:
    return property, (value.fget, value.fset, value.fdel, value.__doc__)


def _wrapped(value: Any) -> Any:
    return type(value), (value.__func__,)


def _proxy(value: Mapping[Any, Any]) -> Any:
    return make_proxy, (dict(value),)


def make_proxy(items: dict[Any, Any]) -> Mapping[Any, Any]:
    """Make a read-only view, whose type pickle does not find under the name that it has."""
    return types.MappingProxyType(items)


_REDUCERS: Mapping[type, Callable[[Any], Any]] = {
    contents.LOCK: _lock,
    contents.COUNTING_LOCK: _counting_lock,
    weakref.ref: _reference,
    types.ClassMethodDescriptorType: _descriptor,
    types.GetSetDescriptorType: _descriptor,
    types.MemberDescriptorType: _descriptor,
    property: _property,
    staticmethod: _wrapped,
    classmethod: _wrapped,
    types.FunctionType: _function,
    types.ModuleType: _module,
    types.MappingProxyType: _proxy,
    re.Match: _match,
    types.GeneratorType: streams.of_generator,
    **streams.FILES,
}


def _is_frozen(kind: type) -> bool:
    """Say whether instances refuse to have their slots set, and leave pickling to ``object``."""
    if issubclass(kind, (type, BaseException)) or kind.__setattr__ is object.__setattr__:
        return False
    own = any("__slots__" in vars(base) for base in kind.__mro__[:-1])
    custom = (
        kind.__reduce_ex__ is not object.__reduce_ex__
        or kind.__reduce__ is not object.__reduce__
        or hasattr(kind, "__setstate__")
        or kind in copyreg.dispatch_table
    )
    return own and not custom


def _of_frozen(value: object) -> Any:
    reduced = value.__reduce_ex__(_PROTOCOL)
    if not isinstance(reduced, tuple) or len(reduced) < 3 or reduced[2] is None:
        return NotImplemented
    state = reduced[2]
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    together = {**(attributes or {}), **(slots or {})}
    rest = (*reduced[3:5], None, None)[:2]
    return reduced[0], reduced[1], tuple(together.items()), *rest, set_attributes


def set_attributes(value: object, attributes: Iterable[tuple[str, object]]) -> None:
    """Set attributes below whatever the class does when one is set."""
    for name, attribute in attributes:
        places.set_attribute(value, name, attribute)
