"""Writing recorded calls down as source, so that people can read and keep them.

A value is spelled exactly where that is brief: literals, a few types of the standard library,
enumerations, data classes, named tuples and plain classes of the project. What is spelled is
evaluated at once and must have the same canonical form as the value. Data too long for that is
described instead (``drawn.py``): in the same number, range and form; the call must then take about
as long as the recorded one.

Nothing of this is believed: the parent reads each text as a syntax tree with a short list of what
may be in it.
"""

from __future__ import annotations

import base64
import contextlib
import inspect
import pickle
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from _perfbot_inside import clock, record
from _perfbot_inside.behaviour import drive
from _perfbot_inside.drawn import CannotSpell
from _perfbot_inside.speller import Speller, evaluated, found

if TYPE_CHECKING:
    from _perfbot_inside.results import Results

_AS_LONG = 5.0  # drawn inputs take no more, and no less, than so many times what recorded ones take
_TIMES = 5
_LONG_NS = 300_000_000  # calls that have taken so long together are timed well enough
_CACHED = "its results are kept by a cache, so that calls made again and again say nothing"
_OTHER_TIME = (
    "with inputs of the same form it takes {ratio:.2g} times as long as with the recorded ones"
)
_NO_NAME = "it cannot be imported by a name: {why}"


def run(job: dict[str, Any], results: Results) -> None:
    """Do a ``spell`` job: say how the function is called, then spell one call after the other."""
    function = clock.imported(job)
    _, _, qualname = job["function"].rpartition("::")
    try:
        access = _access(function, qualname, job["modules"])
    except CannotSpell as error:
        results.send("nameless", why=str(error))
        return
    results.send("access", **access, function_kind=record.kind_of(function))
    spelling = _Spelling(function, access["way"], job)
    for number, pickled in zip(job["numbers"], job["calls"], strict=True):
        try:
            results.send("spelled", number=number, **spelling.call(base64.b64decode(pickled)))
        except CannotSpell as error:
            results.send("unspeakable", number=number, why=str(error))
        except Exception as error:  # somebody's odd object
            results.send("unspeakable", number=number, why=f"{type(error).__name__}: {error}"[:200])


def _access(function: Any, qualname: str, modules: Sequence[str]) -> dict[str, str]:
    """Return the shortest module that has the function under its name, and what kind of name it is.

    Raises:
        CannotSpell: the name leads to something else, or only to a cache.
    """
    if "<locals>" in qualname or "@" in qualname:
        raise CannotSpell(_NO_NAME.format(why="it stands inside another function"))
    module = next((name for name in modules if name in sys.modules), "")
    owner_name, _, name = qualname.rpartition(".")
    if not module or (name.startswith("__") and name.endswith("__")):
        raise CannotSpell(_NO_NAME.format(why="it is not called by name"))
    owner = found(sys.modules[module], owner_name)
    held = inspect.getattr_static(owner, name, None)
    if hasattr(held, "cache_clear") or type(held).__name__ == "cached_property":
        raise CannotSpell(_CACHED)
    if held is None or (not owner_name and not callable(held)):
        raise CannotSpell(_NO_NAME.format(why=f"{module} has no {qualname} that can be called"))
    first = qualname.partition(".")[0]
    return {"module": _public(module, first), "way": _way(held, bool(owner_name))}


def _way(held: object, in_class: bool) -> str:
    if not in_class:
        return "function"
    known = {staticmethod: "static method", classmethod: "class method", property: "property"}
    return known.get(type(held), "method")


def _public(module: str, name: str) -> str:
    """Return the outermost package that offers the same object under this name, else the module."""
    parts = module.split(".")
    thing = getattr(sys.modules[module], name, None)
    for count in range(1, len(parts)):
        outer = sys.modules.get(".".join(parts[:count]))
        if thing is not None and getattr(outer, name, None) is thing:
            return ".".join(parts[:count])
    return module


class _Spelling:
    """Spells the calls of one function; imports and drawings are counted per call."""

    def __init__(self, function: Any, way: str, job: Mapping[str, Any]) -> None:
        self._function = function
        self._way = way
        self._tree: str = job["tree"]
        self._brief: int = job["brief"]

    def call(self, pickled: bytes) -> dict[str, Any]:
        """Spell one call.

        Raises:
            CannotSpell: it cannot be written down briefly.
        """
        arguments, keywords = pickle.loads(pickled)
        if self._way == "class method":
            arguments = arguments[1:]
        speller = Speller(self._tree, self._brief)
        texts = [speller.argument(value) for value in arguments]
        named = {name: speller.argument(value) for name, value in keywords.items()}
        ns = self._least_ns(pickled)
        if speller.draws:
            self._check_it_takes_as_long(ns, pickled, texts, named, speller.names)
        return {
            "ns": ns,
            "arguments": texts,
            "keywords": named,
            "parameters": self._parameters(len(texts)),
            "sizes": [_size(value) for value in (*arguments, *keywords.values())],
            "imports": speller.imports,
            "draws": speller.draws,
        }

    def _parameters(self, count: int) -> list[str]:
        """Return the names of the first parameters, none where ``*args`` takes some of the values."""
        found = inspect.signature(self._function).parameters.values()
        names = [
            each.name
            for each in found
            if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
        ]
        names = names[1:] if self._way == "class method" else names
        return names[:count] if len(names) >= count else []

    def _least_ns(self, pickled: bytes) -> int:
        """Return how long the recorded call takes when nothing has to be set up any more."""
        taken_ns = [self._ns(*pickle.loads(pickled))]
        while len(taken_ns) < _TIMES and sum(taken_ns) < _LONG_NS:
            taken_ns.append(self._ns(*pickle.loads(pickled)))
        return min(taken_ns)

    def _check_it_takes_as_long(
        self,
        recorded_ns: int,
        pickled: bytes,
        texts: list[str],
        named: dict[str, str],
        names: dict[str, Any],
    ) -> None:
        arguments, _ = pickle.loads(pickled)
        first = arguments[:1] if self._way == "class method" else ()
        made = (*first, *(evaluated(text, names) for text in texts))
        made_named = {name: evaluated(text, names) for name, text in named.items()}
        ratio = self._ns(made, made_named) / recorded_ns
        if not 1 / _AS_LONG < ratio < _AS_LONG:
            raise CannotSpell(_OTHER_TIME.format(ratio=ratio))

    def _ns(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> int:
        started_ns = time.perf_counter_ns()
        with clock.quiet():
            drive(record.kind_of(self._function), self._function(*arguments, **keywords))
        return max(1, time.perf_counter_ns() - started_ns)


def _size(value: object) -> str:
    """Return what tells a value from others in the name of a benchmark: its length, or itself."""
    if value is None or type(value) in (int, float, bool):
        return repr(value)
    if type(value) is str and len(value) <= 12 and value.isalnum():
        return value
    with contextlib.suppress(Exception):
        return str(len(value))  # type: ignore[arg-type]
    return ""
