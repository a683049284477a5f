"""What of the standard library is exchanged while code of the target runs.

Who holds a module or a class of the library under another name can put functions of his own in it,
which no reader sees. The harness, the tests and everybody's code would call them from then on.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

Callables = dict[str, Any]


def callables() -> Callables:
    """Return what can be called of the modules of the standard library and their classes, by name."""
    return {
        f"{name}.{key}": value
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in sys.stdlib_module_names and type(module) is ModuleType
        for key, value in _named(name, vars(module))
    }


def exchanged(before: Callables) -> list[str]:
    """Return the names that stand for something else than before."""
    now = callables()
    return sorted(name for name, value in before.items() if now.get(name, value) is not value)


def _named(module: str, names: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in list(names.items()):
        if callable(value):
            yield key, value
        if isinstance(value, type) and value.__module__ == module:
            members = list(vars(value).items())
            yield from ((f"{key}.{name}", each) for name, each in members if callable(each))
