"""What the objects of the built-in kinds consist of, in the order in which it is described.

A *handler* yields the pieces of one object: literal text, and values (wrapped in a tuple) that are
described in their turn. ``CONTENT`` has the handler of each kind, which serves subclasses as well.
"""

from __future__ import annotations

import array
import collections
import io
import logging
import pathlib
import re
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, Union

HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE
# They enclose what stands in the exact text only, and in the text without floats only.
ONLY_EXACT, ONLY_ROUGH = "\1", "\2"

Part = Union[str, "tuple[object]"]


class Writer(Protocol):
    """What a handler may ask of the description it is part of."""

    consume: bool
    apart: bool
    progress: Callable[[], str] | None
    failures: list[tuple[object, Exception]]

    def items(self, items: list[Any] | tuple[Any, ...]) -> Iterator[Part]:
        """Yield the pieces of a sequence."""

    def pairs(self, keys: list[Any], values: list[Any]) -> Iterator[Part]:
        """Yield the pieces of a mapping."""

    def members(self, members: list[Any]) -> Iterator[Part]:
        """Yield the pieces of a set, whose order is chance."""

    def bulk(self, items: list[Any]) -> Iterable[str] | None:
        """Return the texts of scalars; ``None`` when not all items are scalars."""

    def numbered(self, value: object) -> str | None:
        """Return the number of an object that was met before; else number it."""

    def hide(self, value: object) -> None:
        """Count a value that cannot be looked into."""

    def owner(self, owner: object) -> str:
        """Return the number of what owns an array's memory."""

    def isolated(self, value: object) -> tuple[str, bool]:
        """Return the text of ``value`` alone, and whether it holds no object with an identity."""


Handler = Callable[[Any, Any], Iterator[Part]]


def type_name(kind: type) -> str:
    """Return ``qualname`` of a builtin class, ``module.qualname`` of any other."""
    module = type.__dict__["__module__"].__get__(kind)
    qualname: str = type.__dict__["__qualname__"].__get__(kind)
    if not isinstance(module, str):  # a class whose instances have a module of their own
        return qualname
    return qualname if module == "builtins" else f"{module}.{qualname}"


def name_of_kind(kind: type) -> str:
    """Return :func:`type_name`, marked where another class, or none, is found under that name."""
    name = type_name(kind)
    return f"{name}~" if kind.__flags__ & HEAP_TYPE and not _is_reachable(kind) else name


def vars_of(kind: type) -> dict[str, Any]:
    """Return the class's own dictionary, whatever its metaclass says."""
    found: dict[str, Any] = type.__dict__["__dict__"].__get__(kind)
    return found


def mro_of(kind: type) -> tuple[type, ...]:
    """Return the classes a class derives from, itself first, whatever its metaclass says."""
    found: tuple[type, ...] = type.__dict__["__mro__"].__get__(kind)
    return found


def top_module(kind: type) -> str:
    """Return the first part of the name of the module that a class says it is from."""
    return str(type.__dict__["__module__"].__get__(kind)).partition(".")[0]


def of_stdlib(kind: type) -> bool:
    """Say whether a class is of the standard library, builtins included."""
    return top_module(kind) in sys.stdlib_module_names


# -- the content of the built-in kinds: called for them and for their subclasses ---------------


def _list(writer: Writer, value: list[object]) -> Iterator[Part]:
    yield "["
    yield from writer.items(list.__getitem__(value, slice(None)))
    yield "]"


def _tuple(writer: Writer, value: tuple[object, ...]) -> Iterator[Part]:
    yield "("
    yield from writer.items(tuple(tuple.__iter__(value)))
    yield ")"


def _dict(writer: Writer, value: dict[object, object]) -> Iterator[Part]:
    yield "{"
    yield from writer.pairs(list(dict.keys(value)), list(dict.values(value)))
    yield "}"


def _set(writer: Writer, value: set[object]) -> Iterator[Part]:
    yield "set{"
    yield from writer.members(list(set.__iter__(value)))
    yield "}"


def _frozenset(writer: Writer, value: frozenset[object]) -> Iterator[Part]:
    yield "frozenset{"
    yield from writer.members(list(frozenset.__iter__(value)))
    yield "}"


def _ordered(writer: Writer, value: collections.OrderedDict[object, object]) -> Iterator[Part]:
    kind = collections.OrderedDict
    yield from writer.pairs(list(kind.keys(value)), list(kind.values(value)))


def _defaulting(writer: Writer, value: collections.defaultdict[object, object]) -> Iterator[Part]:
    yield (member(collections.defaultdict, "default_factory", value),)
    yield from _dict(writer, value)


def _deque(writer: Writer, value: collections.deque[object]) -> Iterator[Part]:
    yield f"{member(collections.deque, 'maxlen', value)}:"
    yield from writer.items(list(collections.deque.__iter__(value)))


def _array(writer: Writer, value: array.array[Any]) -> Iterator[Part]:
    yield f"{member(array.array, 'typecode', value)}:"
    yield from writer.items(array.array.tolist(value))


def _memoryview(_writer: Writer, value: memoryview) -> Iterator[Part]:
    try:
        yield f"{value.format},{value.shape},{value.readonly},"
        yield (value.tobytes(),)
        yield (value.obj,)
    except ValueError:
        yield "released"


def _function(_writer: Writer, value: types.FunctionType) -> Iterator[Part]:
    yield f"{value.__module__}.{value.__qualname__}"
    code = value.__code__
    if value.__closure__ or "<" in value.__qualname__ or code.co_name != value.__name__:
        yield (code,)  # there may be several of this name: lambdas, inner functions, wrappers
    for name, cell in zip(code.co_freevars, value.__closure__ or (), strict=True):
        yield f";{name}="
        yield (cell,)
    yield (value.__defaults__,)
    yield (value.__kwdefaults__,)


def _cell(_writer: Writer, value: types.CellType) -> Iterator[Part]:
    try:
        yield (value.cell_contents,)
    except ValueError:
        yield "empty"


def _code(_writer: Writer, value: types.CodeType) -> Iterator[Part]:
    yield f"{value.co_argcount},{value.co_posonlyargcount},{value.co_kwonlyargcount},"
    yield f"{value.co_flags},{value.co_code.hex()}"
    yield (value.co_varnames[: value.co_argcount + value.co_kwonlyargcount],)
    yield (value.co_names,)
    yield (value.co_consts,)


def _builtin_function(_writer: Writer, value: types.BuiltinFunctionType) -> Iterator[Part]:
    yield value.__qualname__
    owner = value.__self__
    yield (
        f" of {value.__module__}" if owner is None or type(owner) is types.ModuleType else (owner,)
    )


def _class(writer: Writer, value: type) -> Iterator[Part]:
    name = type_name(value)
    yield f"class {name}"
    if not value.__flags__ & HEAP_TYPE or _is_reachable(value):
        return
    number = writer.numbered(value)  # made on the fly: its name says little
    if number is not None:
        yield number
        return
    yield (tuple(type.__dict__["__bases__"].__get__(value)),)
    for name in sorted(vars_of(value).keys() - _NOT_OF_CLASS):
        yield f";{name}="
        yield (vars_of(value)[name],)


# What a class has for its own use, or what tells of its place in the source.
_NOT_OF_CLASS = frozenset(
    "__dict__ __weakref__ _abc_impl __firstlineno__ __static_attributes__".split()
)


def _is_reachable(kind: type) -> bool:
    """Say whether a class is found under its own name."""
    module = sys.modules.get(str(type.__dict__["__module__"].__get__(kind)))
    names: dict[str, object] = vars(module) if module is not None else {}
    found: object = None
    for name in type.__dict__["__qualname__"].__get__(kind).split("."):
        found = names.get(name)
        names = vars_of(found) if isinstance(found, type) else {}
    return found is kind


def _exception(_writer: Writer, value: BaseException) -> Iterator[Part]:
    yield (member(BaseException, "args", value),)
    extras: tuple[object, ...] = ()
    if isinstance(value, OSError):
        extras = member(OSError, "filename", value), member(OSError, "filename2", value)
    elif isinstance(value, ImportError):
        extras = member(ImportError, "name", value), member(ImportError, "path", value)
    yield (extras,)
    yield f",{member(BaseException, '__suppress_context__', value)},cause="
    yield (member(BaseException, "__cause__", value),)


def _pattern(_writer: Writer, value: re.Pattern[str]) -> Iterator[Part]:
    yield (value.pattern,)
    yield f",{value.flags}"


def _match(_writer: Writer, value: re.Match[str]) -> Iterator[Part]:
    yield (value.re,)
    yield (value.string,)
    yield f"{value.regs},{value.pos},{value.endpos},{value.lastindex}"


def _binary_file(writer: Writer, value: Any) -> Iterator[Part]:
    """Describe a file in memory; any other is somebody else's, and is not read."""
    raw = None if value.closed else value.raw
    if not isinstance(raw, io.BytesIO):
        writer.hide(value)
        return
    if value.writable():
        value.flush()
    yield (io.BytesIO.getvalue(raw),)
    yield f",{value.tell()}"


def _text_file(writer: Writer, value: io.TextIOWrapper) -> Iterator[Part]:
    buffer: Any = None if value.closed else value.buffer
    if not isinstance(getattr(buffer, "raw", None), io.BytesIO):
        writer.hide(value)
        return
    if writer.consume and value.readable():  # what is left to be read tells the position
        yield (value.read(),)
    elif value.writable():
        value.flush()
    yield from _binary_file(writer, buffer)


def _lock(_writer: Writer, value: Any) -> Iterator[Part]:
    yield f"locked {value.locked()}"


def _counting_lock(_writer: Writer, value: object) -> Iterator[Part]:
    yield "".join(re.findall(r"count=\d+", repr(value)))


def logger(_writer: Writer, value: logging.Logger) -> Iterator[Part]:
    """Describe a logger, whose handlers are nobody's behaviour, by its name and settings."""
    yield f"logger {value.name},{value.level},{value.disabled},{value.propagate}"


def _attributes_only(_writer: Writer, _value: object) -> Iterator[Part]:
    """Describe the content of an object of the standard library that has attributes only."""
    return iter(())


def _getting(*names: str) -> Handler:
    """Return the handler of a C class that is described by these members."""

    def parts(_writer: Writer, value: object) -> Iterator[Part]:
        for name in names:
            yield (getattr(value, name),)
            yield ","

    return parts


def _converted(convert: Callable[[Any], object]) -> Handler:
    """Return the handler of a class that is described by a plain value made from it."""

    def parts(_writer: Writer, value: object) -> Iterator[Part]:
        yield (convert(value),)

    return parts


def member(kind: type, name: str, value: object) -> object:
    """Return an attribute as the C class ``kind`` defines it, whatever subclasses say."""
    return vars_of(kind)[name].__get__(value)


LOCK: type = type(threading.Lock())
COUNTING_LOCK: type = type(threading.RLock())
BARE: dict[type, Handler] = {
    list: _list,
    tuple: _tuple,
    dict: _dict,
    set: _set,
    frozenset: _frozenset,
    type: _class,
}
CONTENT: dict[type, Handler] = {
    **BARE,
    int: _converted(lambda value: int.__add__(value, 0)),
    float: _converted(float.__pos__),
    complex: _converted(complex.__pos__),
    str: _converted(str.__str__),
    bytes: _converted(lambda value: bytes.__getitem__(value, slice(None))),
    bytearray: _converted(lambda value: bytes(memoryview(value))),
    range: _getting("start", "stop", "step"),
    slice: _getting("start", "stop", "step"),
    collections.OrderedDict: _ordered,
    collections.defaultdict: _defaulting,
    collections.deque: _deque,
    array.array: _array,
    memoryview: _memoryview,
    types.FunctionType: _function,
    types.CellType: _cell,
    types.CodeType: _code,
    types.BuiltinFunctionType: _builtin_function,
    types.MethodWrapperType: _getting("__qualname__", "__self__"),
    types.MethodDescriptorType: _getting("__qualname__", "__objclass__"),
    types.WrapperDescriptorType: _getting("__qualname__", "__objclass__"),
    types.ClassMethodDescriptorType: _getting("__qualname__", "__objclass__"),
    types.GetSetDescriptorType: _getting("__qualname__", "__objclass__"),
    types.MemberDescriptorType: _getting("__qualname__", "__objclass__"),
    types.MethodType: _getting("__func__", "__self__"),
    types.GenericAlias: _getting("__origin__", "__args__"),
    types.MappingProxyType: _converted(dict),
    property: _getting("fget", "fset", "fdel"),
    staticmethod: _getting("__func__"),
    classmethod: _getting("__func__"),
    type({}.keys()): _converted(list),
    type({}.values()): _converted(list),
    type({}.items()): _converted(list),
    io.StringIO: _converted(lambda value: (io.StringIO.getvalue(value), io.StringIO.tell(value))),
    io.BytesIO: _converted(lambda value: (io.BytesIO.getvalue(value), io.BytesIO.tell(value))),
    LOCK: _lock,
    COUNTING_LOCK: _counting_lock,
    threading.Event: _attributes_only,
    threading.Condition: _attributes_only,
    threading.Semaphore: _attributes_only,
    weakref.ref: _converted(lambda value: value()),
    io.TextIOWrapper: _text_file,
    io.BufferedReader: _binary_file,
    io.BufferedWriter: _binary_file,
    io.BufferedRandom: _binary_file,
    BaseException: _exception,
    re.Pattern: _pattern,
    re.Match: _match,
    pathlib.PurePath: _converted(pathlib.PurePath.__str__),
}
