"""Replaying recorded calls, and mutations of them, on the version of the code that lies in the tree.

For a recorded call more is told than for a mutation of it: whether it changed its arguments, which
variables of its module it changed, and what a second call does (a list that is remembered is one
object for both callers). Two versions behave alike when their texts are equal; the parent compares.
"""

from __future__ import annotations

import base64
import itertools
import pickle
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from _perfbot_inside import canonical, library, mutate, record, tap
from _perfbot_inside.behaviour import Call, Function, behave, sha256

if TYPE_CHECKING:
    from _perfbot_inside.results import Results

_SHOWN = 300  # characters of an error's text
_AT_MOST_VARIABLE = 100_000  # characters of a module variable's text: larger ones are not followed
_MOST_HOPELESS = 4
_AGAIN_NS = 1_000_000_000  # calls that take longer are not made a second time

_now_ns = time.perf_counter_ns


def run(job: dict[str, Any], results: Results) -> None:
    """Do a ``replay`` job: one ``behaviour`` line per recorded call and per variant of it."""
    sys.setrecursionlimit(job.get("recursion_limit", sys.getrecursionlimit()))
    as_it_was = library.callables()
    path, _, qualname = job["function"].rpartition("::")
    function = tap.reach(job["tree"], job["roots"], path, qualname, job["modules"])
    player = _Player(function, job, results)
    results.send("variables", names=sorted(player.variables()))
    for number, recorded in enumerate(job["calls"]):
        if player.is_impatient():
            break
        player.replay(number, base64.b64decode(recorded))
    results.send("exchanged", names=library.exchanged(as_it_was))


class _Player:
    def __init__(self, function: Function, job: dict[str, Any], results: Results) -> None:
        self._function = function
        self._kind = record.kind_of(function)
        self._tree: str = job["tree"]
        self._variants: int = job["variants"]
        self._wanted: list[list[int]] | None = job["wanted"]
        self._limit_s, self._gentle_limit_s, self._wild_limit_s = job["limits_s"]
        self._patience: int | None = job["patience"]
        self._endless = 0
        self._hopeless = [0, 0]  # gentle and wild mutations that took too long
        self._results = results

    def is_impatient(self) -> bool:
        """Say whether more calls than the job allows have taken too long."""
        return self._patience is not None and self._endless > self._patience

    def replay(self, number: int, pickled: bytes) -> None:
        """Play one recorded call and its variants, as far as they are wanted.

        All versions must make the same ``variants``, since what the first ones are depends on how
        many there are. What cannot be unpickled is said so.
        """
        if self._wanted is not None and not self._wanted[number]:
            return
        try:
            call: Call = pickle.loads(pickled)
        except Exception as error:
            shown = repr(error)[:_SHOWN]
            self._start(number, 0)
            self._results.send(
                "behaviour", call=number, variant=0, ending="unreadable", shown=shown
            )
            return
        if self._is_wanted(number, 0):
            self._play_recorded(number, pickled, call)
        last = self._variants if self._wanted is None else max(self._wanted[number])
        if last:
            arguments, keywords = pickle.loads(pickled)
            made = mutate.variants(arguments, keywords, seed=number, count=self._variants)
            for index, variant in enumerate(itertools.islice(_safely(made), last), start=1):
                if self.is_impatient():
                    return
                if self._is_wanted(number, index) and not self._is_hopeless(variant):
                    self._play_variant(number, index, variant)

    def _is_wanted(self, number: int, index: int) -> bool:
        return self._wanted is None or index in self._wanted[number]

    def _is_hopeless(self, variant: mutate.Variant) -> bool:
        """Say whether mutations of this kind keep taking too long, where nobody asks for this one."""
        return self._wanted is None and self._hopeless[variant.wild] >= _MOST_HOPELESS

    def _start(self, number: int, index: int) -> None:
        self._results.send("starting", call=number, variant=index)

    def _play_variant(self, number: int, index: int, variant: mutate.Variant) -> None:
        call: Call = (variant.arguments, variant.keywords)
        shown = _shown(call)
        self._start(number, index)
        limit_s = self._wild_limit_s if variant.wild else self._gentle_limit_s
        behaviour = behave(self._function, self._kind, call, self._tree, limit_s)
        self._endless += behaviour["ending"] == "timeout"
        self._hopeless[variant.wild] += behaviour["ending"] == "timeout"
        about = {"what": variant.what, "wild": variant.wild, "arguments": shown}
        self._results.send("behaviour", call=number, variant=index, **about, **behaviour)

    def _play_recorded(self, number: int, pickled: bytes, call: Call) -> None:
        shown = _shown(call)
        self._start(number, 0)
        arguments, variables = _text(call, self._tree), self.variables()
        seen: list[Any] = []
        started_ns = _now_ns()
        behaviour = behave(self._function, self._kind, call, self._tree, self._limit_s, seen)
        ns = _now_ns() - started_ns
        self._endless += behaviour["ending"] == "timeout"
        changed = arguments is None or arguments != _text(call, self._tree)
        behaviour.update(ns=ns, changed=changed, variables=self._changed(variables))
        if ns < _AGAIN_NS and seen:
            behaviour["again"] = self._again(pickled, seen[0])
        self._results.send("behaviour", call=number, variant=0, arguments=shown, **behaviour)

    def _again(self, pickled: bytes, first: object) -> str:
        """Say what a second call with equal arguments does, and whether it gives the same object."""
        second: list[Any] = []
        call: Call = pickle.loads(pickled)
        behaviour = behave(self._function, self._kind, call, self._tree, self._limit_s, second)
        same = bool(second) and first is second[0] and _has_identity(first)
        return f"{behaviour['ending']} {behaviour.get('digest', '')} {same}"

    def variables(self) -> dict[str, str]:
        """Return the digests of the data among the variables of the function's module."""
        found = {
            name: _text(value, self._tree, _AT_MOST_VARIABLE)
            for name, value in _variables(getattr(self._function, "__globals__", {}))
            if type(value) in _DATA and not name.rpartition(".")[2].startswith("__")
        }
        return {name: sha256(text) for name, text in found.items() if text is not None}

    def _changed(self, before: dict[str, str]) -> dict[str, str]:
        after = self.variables()
        return {name: text for name, text in after.items() if before.get(name) != text}


def _variables(names: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the variables of a module and those of the classes that are written in it."""
    for name, value in list(names.items()):
        yield name, value
        if type(value) is type and value.__module__ == names.get("__name__"):
            yield from ((f"{name}.{each}", held) for each, held in list(vars(value).items()))


_CHANGEABLE = frozenset((list, dict, set, bytearray, deque, Counter))
_DATA = _CHANGEABLE | {int, float, str, bool, type(None)}
_PLAIN = frozenset((int, float, complex, str, bytes, bool, tuple, frozenset, range, type(None)))


def _has_identity(value: object) -> bool:
    """Say whether a caller could change the object, so that somebody else would see it."""
    kind = type(value)
    if kind in _PLAIN or isinstance(value, type):
        return False
    return kind in _CHANGEABLE or hasattr(value, "__dict__") or hasattr(value, "__next__")


def _shown(call: Call) -> str:
    return canonical.short(call[0]) + (canonical.short(call[1]) if call[1] else "")


def _text(value: object, tree: str, limit_bytes: int = 4_000_000) -> str | None:
    try:
        return canonical.describe(value, tree=tree, limit_bytes=limit_bytes).text
    except (canonical.TooLarge, canonical.NotComparable):
        return None


def _safely(variants: Iterator[mutate.Variant]) -> Iterator[mutate.Variant]:
    """End the iteration where the mutation itself fails on somebody's odd object."""
    try:
        yield from variants
    except Exception:
        return
