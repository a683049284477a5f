"""What a call may change outside its arguments: the project's own data, and the process's settings.

The project's data are variables of its modules, attributes of its classes and functions, and the
changeable defaults of functions. They are told by name, each with a digest of its canonical text.
"""

from __future__ import annotations

import collections
import hashlib
import os
import random
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from _perfbot_inside import canonical, contents, kinds

_AT_MOST_ONE = 100_000  # characters of one text in the function's own module
_AT_MOST_OTHERS = 50_000  # of all texts in other modules together: each recorded call asks for them
_HASHES = "PYTHONHASHSEED"  # differs between replays on purpose
_DATA = frozenset(
    {
        list, dict, set, tuple, frozenset, bytearray, bytes, int, float, complex, str, bool,
        type(None), collections.deque, collections.Counter, collections.OrderedDict,
        collections.defaultdict,
    }
)  # fmt: skip
_CHANGEABLE = frozenset({list, dict, set, bytearray, collections.deque, collections.Counter})

Get = Callable[[], object]


class State:
    """The data that a function's calls might change, chosen once by what there is at the start."""

    def __init__(self, function: Callable[..., Any], tree: str) -> None:
        self._tree = tree
        names = getattr(function, "__globals__", {})
        own = names.get("__name__", "")
        self._known: dict[str, tuple[Get, int]] = {}
        self._add(names, own, "", _AT_MOST_ONE)
        room = _AT_MOST_OTHERS
        for name, module in _modules(tree):
            if name != own and room > 0:
                room -= self._add(vars(module), name, f"{name}.", room)

    @property
    def names(self) -> list[str]:
        """The names of the data."""
        return sorted(self._known)

    def digests(self) -> dict[str, str]:
        """Return the digest of each datum that has one, and of what the process itself carries."""
        found = _of_process()
        for name, (get, limit) in self._known.items():
            text = self._text(get, limit)
            if text is not None:
                found[name] = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return found

    def _add(self, names: Mapping[str, Any], module: str, prefix: str, limit: int) -> int:
        """Follow a module's data, as long as their texts are no longer than ``limit``; return the length."""
        length = 0
        for name, get in _data(names, module, self._tree):
            text = self._text(get, limit)
            if text is not None and (not prefix or length + len(text) <= limit):
                self._known[prefix + name] = get, limit
                length += len(text)
        return length

    def _text(self, get: Get, limit: int) -> str | None:
        try:
            return canonical.canonical(get(), tree=self._tree, limit_bytes=limit)
        except (canonical.TooLarge, canonical.NotComparable, LookupError):
            return None


PROCESS = (
    "the environment variables",
    "the working directory",
    "the state of random",
    "the recursion limit",
)


def _of_process() -> dict[str, str]:
    names = sorted((name, value) for name, value in os.environ.items() if name != _HASHES)
    environment = hashlib.sha256(repr(names).encode("utf-8", "replace"))
    # A hash of whole numbers is the same in every process.
    drawn = hash(random.getstate())
    values = environment.hexdigest(), _folder(), str(drawn), str(sys.getrecursionlimit())
    return dict(zip(PROCESS, values, strict=True))


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # somebody removed it
        return ""


def _modules(tree: str) -> list[tuple[str, types.ModuleType]]:
    """Return the modules of the tree, by name."""
    inside = os.path.realpath(tree) + os.sep
    found = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and os.path.realpath(file).startswith(inside):
            found.append((name, module))
    return sorted(found, key=lambda each: each[0])


def _data(names: Mapping[str, Any], module: str, tree: str) -> Iterator[tuple[str, Get]]:
    for name, value in list(names.items()):
        if name.startswith("__"):
            continue
        if type(value) in _DATA or _is_own(type(value), tree):
            yield name, _item(names, name)
        elif isinstance(value, type) and _module_of(value) == module:
            yield from _of_class(name, value)
        elif type(value) is types.FunctionType and value.__module__ == module:
            yield from _of_function(name, value)


def _of_class(name: str, value: type) -> Iterator[tuple[str, Get]]:
    for attribute, content in list(contents.vars_of(value).items()):
        if not attribute.startswith("__") and type(content) in _DATA:
            yield f"{name}.{attribute}", _item(contents.vars_of(value), attribute)
        elif type(content) is types.FunctionType:
            yield from _of_function(f"{name}.{attribute}", content)


def _of_function(name: str, value: types.FunctionType) -> Iterator[tuple[str, Get]]:
    for attribute in value.__dict__:
        if not attribute.startswith("__"):
            yield f"{name}.{attribute}", _item(value.__dict__, attribute)
    if any(type(each) in _CHANGEABLE for each in value.__defaults__ or ()):
        yield f"the defaults of {name}", lambda: value.__defaults__


def _item(names: Mapping[str, Any], name: str) -> Get:
    return lambda: names[name]


def _module_of(kind: type) -> str:
    return str(type.__dict__["__module__"].__get__(kind))


def _is_own(kind: type, tree: str) -> bool:
    """Say whether a class is of the tree's own code, and its objects are more than values."""
    if kinds.identity_of(kind) is kinds.Identity.NEVER:
        return False
    file = getattr(sys.modules.get(_module_of(kind)), "__file__", None)
    inside = os.path.realpath(tree) + os.sep
    return isinstance(file, str) and os.path.realpath(file).startswith(inside)
