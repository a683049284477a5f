"""How an object of any class is described: chosen once by its class, used for all its objects.

An object is the content of its built-in base, if it has one, and its attributes: those of its
``__dict__`` and its slots, sorted by name.
"""

from __future__ import annotations

import copyreg
import enum
import inspect
import logging
import operator
import pathlib
import re
import types
from collections.abc import Callable, Iterator
from typing import Any

from _perfbot_inside import contents, foreign
from _perfbot_inside.contents import Handler, Part, Writer

_CONSUMED = 10_000  # items taken from an iterator
# As it is before the target's code runs, which may register what it likes.
_REDUCERS = dict(copyreg.dispatch_table)
# What a class may pickle itself by, and the protocol it wants to be told.
_PICKLING = (("__reduce_ex__", (4,)), ("__reduce__", ()), ("__getstate__", ()))
_OPAQUE_MODULES = frozenset(
    "_asyncio _contextvars _io _multiprocessing _queue _socket _sqlite3 _ssl _thread _weakref"
    " asyncio concurrent contextvars io logging mmap multiprocessing select selectors socket"
    " sqlite3 ssl subprocess tempfile threading weakref".split()
)
_ITERATOR_MODULES = frozenset("builtins itertools _collections collections _csv _functools".split())
_VALUES_BY_NAME = foreign.VALUES | frozenset(
    "datetime.date datetime.time datetime.timedelta datetime.tzinfo decimal.Decimal"
    " fractions.Fraction uuid.UUID".split()
)

_VALUES = frozenset(
    {
        tuple, frozenset, str, bytes, int, float, complex, range, slice, type, pathlib.PurePath,
        re.Pattern, types.BuiltinFunctionType, types.ClassMethodDescriptorType, types.CodeType, types.GenericAlias,
        types.GetSetDescriptorType, types.MemberDescriptorType, types.MethodDescriptorType,
        types.MethodType, types.MethodWrapperType, types.ModuleType, types.WrapperDescriptorType,
    }
)  # fmt: skip


class Identity(enum.Enum):
    """Whether a class's objects can be told apart from their equals."""

    NEVER = 0
    ALWAYS = 1
    WITH_ATTRIBUTES = 2  # a subclass of a value type: only objects that carry attributes


def identity_of(kind: type) -> Identity:
    """Say which of a class's objects are numbered, so that a second occurrence shows."""
    mro = contents.mro_of(kind)
    for base in mro:
        parameters = contents.vars_of(base).get("__dataclass_params__")
        if parameters is not None:
            return Identity.NEVER if parameters.frozen else Identity.ALWAYS
    if kind in _VALUES or issubclass(kind, (enum.Enum, logging.Logger)):
        return Identity.NEVER
    if any(base in _VALUES or contents.type_name(base) in _VALUES_BY_NAME for base in mro):
        return Identity.WITH_ATTRIBUTES
    return Identity.ALWAYS


def _enum(_writer: Writer, value: enum.Enum) -> Iterator[Part]:
    own = dictionary_of(value, contents.mro_of(type(value))) or {}
    yield f"{contents.type_name(type(value))}.{own.get('_name_')}="
    yield (own.get("_value_"),)


def handler_of(kind: type) -> Handler:
    """Choose how the objects of a class are described."""
    mro = contents.mro_of(kind)
    if kind in contents.BARE:
        return contents.BARE[kind]
    if issubclass(kind, enum.Enum):
        return _enum
    if types.ModuleType in mro:
        return _module
    if logging.Logger in mro:
        return contents.logger
    if contents.top_module(kind) in _ITERATOR_MODULES and any(
        "__next__" in contents.vars_of(base) for base in mro
    ):
        return _iterator
    names = [contents.type_name(base) for base in mro]
    content = _foreign(names) or next(
        (contents.CONTENT[base] for base in mro if base in contents.CONTENT), None
    )
    if content is not None:
        return _object(content, kind)
    if any(contents.top_module(base) in _OPAQUE_MODULES for base in mro) or foreign.is_opaque(
        names
    ):
        return _opaque
    if _reducer(mro) is not None:
        return _object(_reduced, kind)
    has_attributes = any("__slots__" in contents.vars_of(base) for base in mro)
    has_attributes = has_attributes or _dictionary_descriptor(mro) is not None
    return _object(_plain if has_attributes else _unknown, kind)


def _foreign(names: list[str]) -> Handler | None:
    found = next((foreign.HANDLERS[name] for name in names if name in foreign.HANDLERS), None)
    if found is None:
        return None

    def parts(writer: Writer, value: object) -> Iterator[Part]:
        owner = foreign.owner_of(value)
        if owner is not None:
            yield writer.owner(owner)
        floats = foreign.floats_of(value) if writer.apart else None
        if floats is None:
            yield from found(value)
            return
        yield contents.ONLY_EXACT
        yield from found(value)
        yield contents.ONLY_EXACT + contents.ONLY_ROUGH + floats[0]
        yield (tuple(floats[1]),)
        yield contents.ONLY_ROUGH

    return parts


def _object(content: Handler, kind: type) -> Handler:
    """Wrap a content into the name of the class and the object's attributes."""
    opening = f"{contents.name_of_kind(kind)}("
    fields = _field_names(kind)
    complete = content is _reduced and contents.of_stdlib(kind)
    complete = complete or foreign.is_complete(contents.type_name(kind))

    read = _reader(kind)

    def parts(writer: Writer, value: object) -> Iterator[Part]:
        yield opening
        if fields is not None:
            yield (fields,)
        yield from content(writer, value)
        if not complete:
            yield from _named(writer, sorted(read(value).items(), key=_by_name))
        yield ")"

    return parts


def _named(writer: Writer, named: list[tuple[str, object]]) -> Iterator[Part]:
    texts = writer.bulk([value for _, value in named])
    if texts is not None:
        yield "".join(f";{name}={text}" for (name, _), text in zip(named, texts, strict=True))
        return
    for name, value in named:
        yield f";{name}="
        yield (value,)


def _field_names(kind: type) -> tuple[object, ...] | None:
    """Return the names of a named tuple's fields."""
    if tuple in contents.mro_of(kind):
        for base in contents.mro_of(kind):
            if type(fields := contents.vars_of(base).get("_fields")) is tuple:
                return fields
    return None


def _module(_writer: Writer, value: types.ModuleType) -> Iterator[Part]:
    yield f"module {types.ModuleType.__getattribute__(value, '__name__')}"


def _by_name(attribute: tuple[str, object]) -> str:
    return attribute[0]


def _plain(_writer: Writer, _value: object) -> Iterator[Part]:
    """Describe the content of an object that has attributes only."""
    return iter(())


def _unknown(writer: Writer, value: object) -> Iterator[Part]:
    """Describe the content of an object that shows neither content nor attributes."""
    writer.hide(value)
    return iter(())


def _opaque(writer: Writer, value: object) -> Iterator[Part]:
    writer.hide(value)
    yield f"<{contents.type_name(type(value))}>"


def dictionary_of(value: object, mro: tuple[type, ...]) -> dict[str, object] | None:
    """Return the object's ``__dict__`` without asking its class's attribute look-up."""
    descriptor = _dictionary_descriptor(mro)
    attributes = None if descriptor is None else descriptor.__get__(value)
    return attributes if isinstance(attributes, dict) else None


def _dictionary_descriptor(mro: tuple[type, ...]) -> Any:
    for base in mro:
        found = contents.vars_of(base).get("__dict__")
        if type(found) in (types.GetSetDescriptorType, types.MemberDescriptorType):
            return found
    return None


def attributes(value: object) -> dict[str, object]:
    """Return what stands in ``__dict__`` and in the slots of classes written in Python."""
    return _reader(type(value))(value)


def _reader(kind: type) -> Callable[[object], dict[str, object]]:
    """Return the function that reads the attributes of a class's objects."""
    mro = contents.mro_of(kind)
    dictionary, slots = _dictionary_descriptor(mro), _slots(mro)

    def read(value: object) -> dict[str, object]:
        own = None if dictionary is None else dictionary.__get__(value)
        found = {}
        if isinstance(own, dict):
            found = {
                str.__str__(name): item for name, item in dict.items(own) if isinstance(name, str)
            }
        for name, descriptor in slots.items():
            try:
                found[name] = descriptor.__get__(value)
            except AttributeError:  # a slot that was never filled
                continue
        return found

    return read


def _slots(mro: tuple[type, ...]) -> dict[str, Any]:
    has_content = any(base in contents.CONTENT for base in mro)
    return {
        name: descriptor
        for base in mro
        if "__slots__" in contents.vars_of(base)
        if not (has_content and contents.of_stdlib(base))
        for name, descriptor in contents.vars_of(base).items()
        if type(descriptor) is types.MemberDescriptorType
    }


def _reducer(mro: tuple[type, ...]) -> Callable[[object], object] | None:
    """Return what pickles a class, if that is written in C or stands in the standard library."""
    if mro[0] in _REDUCERS:
        return _REDUCERS[mro[0]]
    for base in mro:
        for name, protocol in _PICKLING:
            method = None if base is object else contents.vars_of(base).get(name)
            if method is not None and _is_trusted(method, base, name):
                return lambda value, method=method, protocol=protocol: method(value, *protocol)  # type: ignore[misc]
    return None


def _is_trusted(method: object, base: type, name: str) -> bool:
    """Say whether a class's pickling is no code of the target, and tells the whole state."""
    if type(method) is not types.FunctionType:
        return True
    return contents.of_stdlib(base) and name != "__getstate__"


def _reduced(writer: Writer, value: object) -> Iterator[Part]:
    reducer = _reducer(contents.mro_of(type(value)))
    try:
        reduced = reducer(value) if reducer is not None else None
    except Exception as error:  # whatever a foreign class says when it cannot be pickled
        writer.hide(value)
        yield f"<{contents.type_name(type(error))}>"
        return
    if not isinstance(reduced, tuple):
        yield (reduced,)
        return
    yield from writer.items(reduced[:3])
    for items in reduced[3:5]:
        yield (None if items is None else list(items),)


def _iterator(writer: Writer, value: Iterator[object]) -> Iterator[Part]:
    """Describe an iterator: by what it yields if it may be consumed, else as something opaque."""
    kind = "generator" if type(value) is types.GeneratorType else "iterator"
    if not writer.consume:
        writer.hide(value)
        yield f"<{kind}{_position(value)}>"
        return
    yield f"{kind}["
    yielded: dict[int, tuple[int, object]] = {}
    for number in range(_CONSUMED):
        if writer.progress is not None and number < 2:
            yield f"so far {writer.progress()} "
        try:
            item = next(value)
        except StopIteration as stop:
            yield "]returns "
            yield (stop.value,)
            return
        except Exception as error:  # the code under judgement failing is part of its behaviour
            writer.failures.append((value, error))
            yield "]raises "
            yield (error,)
            return
        # Described at once and anew: the same list may be yielded again with other items.
        text, mere_value = writer.isolated(item)
        first, _ = yielded.setdefault(id(item), (number, item))
        yield f"{text}," if mere_value or first == number else f"={first} {text},"
    yield "]goes on"


def _position(value: Iterator[object]) -> str:
    """Say how far an iterator has come, as far as that can be seen without going on."""
    if type(value) is types.GeneratorType:
        return f" {inspect.getgeneratorstate(value)}"
    if type(value).__module__ == "builtins" and hasattr(type(value), "__length_hint__"):
        return f" with {operator.length_hint(value)} left"
    return ""
