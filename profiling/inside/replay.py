"""Replaying recorded calls, and mutations of them, on the version of the code that lies in the tree.

For a recorded call more is told than for a mutation of it: whether it changed its arguments, what
it changed of the project's data (state.py), and what a second call does (a list that is remembered is one
object for both callers). Two versions behave alike when their texts are equal; the parent compares.
"""

from __future__ import annotations

import base64
import itertools
import pickle
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from _perfbot_inside import canonical, library, mutate, record, retype, samples, state, tap
from _perfbot_inside.behaviour import Call, Function, behave, seed, sha256

if TYPE_CHECKING:
    from _perfbot_inside.results import Results

_SHOWN = 300  # characters of an error's text
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
    results.send("variables", names=player.variables())
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
        self._retyped: int = job["retyped"]
        self._seen: dict[str, list[str]] = job["seen"]
        self._floats: bool = job["floats"]
        self._state = state.State(function, self._tree)
        self._results = results

    def variables(self) -> list[str]:
        """Return the names of everything outside the arguments whose changes are told."""
        return [*state.PROCESS, *self._state.names]

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
        if self._wanted is None or max(self._wanted[number]):
            self._play_variants(number, pickled)

    def _play_variants(self, number: int, pickled: bytes) -> None:
        """Play the mutations that are wanted; those that change types come after all others."""
        arguments, keywords = pickle.loads(pickled)
        last = self._variants if self._wanted is None else max(self._wanted[number])
        made = mutate.variants(arguments, keywords, seed=number, count=self._variants)
        numbered = enumerate(itertools.islice(_safely(made), last), start=1)
        others = retype.retyped(
            self._function, (arguments, keywords), self._seen, number, self._retyped
        )
        more = enumerate(_safely(others), start=self._variants + 1)
        for index, variant in itertools.chain(numbered, more if self._retyped else ()):
            if self.is_impatient():
                return
            if self._is_wanted(number, index) and not self._is_hopeless(variant):
                self._play_variant(number, index, variant)

    def _is_wanted(self, number: int, index: int) -> bool:
        return self._wanted is None or index in self._wanted[number]

    def _is_hopeless(self, variant: mutate.Variant) -> bool:
        """Say whether mutations of this kind keep taking too long, where nobody asks for this one."""
        return self._wanted is None and self._hopeless[variant.wild] >= _MOST_HOPELESS

    def _behave(self, call: Call, limit_s: float, seen: list[Any] | None) -> dict[str, Any]:
        return behave(
            self._function, self._kind, call, self._tree, limit_s, seen, floats=self._floats
        )

    def _digests(self) -> dict[str, str]:
        seed()
        return self._state.digests()

    def _changed(self, before: dict[str, str]) -> dict[str, str]:
        after = self._state.digests()
        return {name: text for name, text in after.items() if before.get(name) != text}

    def _start(self, number: int, index: int) -> None:
        self._results.send("starting", call=number, variant=index)

    def _play_variant(self, number: int, index: int, variant: mutate.Variant) -> None:
        call: Call = (variant.arguments, variant.keywords)
        shown = _shown(call)
        self._start(number, index)
        limit_s = self._wild_limit_s if variant.wild else self._gentle_limit_s
        behaviour = self._behave(call, limit_s, None)
        self._endless += behaviour["ending"] == "timeout"
        self._hopeless[variant.wild] += behaviour["ending"] == "timeout"
        about = {"what": variant.what, "wild": variant.wild, "arguments": shown}
        about["retyped"] = variant.retyped
        self._results.send("behaviour", call=number, variant=index, **about, **behaviour)

    def _play_recorded(self, number: int, pickled: bytes, call: Call) -> None:
        shown = _shown(call)
        self._start(number, 0)
        arguments, variables = _text(call, self._tree), self._digests()
        seen: list[Any] = []
        started_ns = _now_ns()
        behaviour = self._behave(call, self._limit_s, seen)
        ns = _now_ns() - started_ns
        self._endless += behaviour["ending"] == "timeout"
        changed = arguments is None or arguments != _text(call, self._tree)
        behaviour.update(ns=ns, changed=changed, variables=self._changed(variables))
        if ns < _AGAIN_NS and seen:
            behaviour["again"] = self._again(pickled, behaviour, seen[0])
        self._results.send("behaviour", call=number, variant=0, arguments=shown, **behaviour)

    def _again(self, pickled: bytes, first: dict[str, Any], result: object) -> str:
        """Say whether a second call with equal arguments does the same, and what both results share."""
        second: list[Any] = []
        call: Call = pickle.loads(pickled)
        behaviour = behave(self._function, self._kind, call, self._tree, self._limit_s, second)
        same = behaviour.get("digest") == first["digest"]
        does = "the same" if same else f"{behaviour['ending']} {behaviour.get('digest', '')}"
        return f"{does} {_shared(result, second[0]) if second else ''}"


def _shared(first: object, second: object) -> str:
    """Tell which changeable parts two results have in common, by their place in the order of all."""
    one, other = canonical.identities(first), canonical.identities(second)
    known = {id(part): number for number, part in enumerate(one)}
    return sha256(",".join(str(known[id(part)]) for part in other if id(part) in known))


def _shown(call: Call) -> str:
    return samples.short(call[0]) + (samples.short(call[1]) if call[1] else "")


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
