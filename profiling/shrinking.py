"""The smallest input that tells two versions apart, as somebody who mends one wants to see it.

After Zeller and Hildebrandt's delta debugging (2002): parts of the differing call are left out for
as long as the versions still differ. The cuts are made where the call can be unpickled, in the
target (``inside/shrink.py``); here is only chosen among them by what both versions do.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from perfbot.profiling.behaviours import Difference, Key, difference
from perfbot.profiling.capture import Recorded, Recording
from perfbot.profiling.replay import Reference, play, variants_of
from perfbot.profiling.sandbox import Limits
from perfbot.profiling.target import Target
from perfbot.profiling.tree import Tree, module_names

_AT_MOST = 96  # smaller calls in a round
_ROUNDS = 12
_LIMITS_S = (2.0, 2.0, 0.5)
_WALL_S = 60.0


@dataclass(frozen=True, slots=True)
class _Smaller:
    arguments: str
    shown: str


def smallest(
    expected: Reference, target: Target, tree: Tree, found: Difference, *, deadline_s: float
) -> Difference:
    """Return a difference on the smallest input that is found by ``deadline_s`` (``time.monotonic``).

    It is ``found`` itself where nothing smaller tells the versions apart, or where the new version
    does not come to its end on it.
    """
    if found.ending not in ("returned", "raised"):
        return found
    recording = _only(expected, found.key)
    seed, variant = found.key
    for _ in range(_ROUNDS):
        if time.monotonic() >= deadline_s:
            break
        made = {"variant": variant, "seed": seed, "variants": variants_of(expected.recording)}
        smaller = _smaller(target, expected.tree, recording, made)
        better = _first_differing(expected, target, tree, _with(recording, smaller))
        if better is None:
            break
        found, number = better
        recording, variant = _with(recording, smaller[number : number + 1]), 0
    return found


def _only(expected: Reference, key: Key) -> Recording:
    return replace(expected.recording, calls=(expected.recording.calls[key[0]],))


def _with(recording: Recording, calls: tuple[_Smaller, ...]) -> Recording:
    made = tuple(Recorded(each.arguments, 1, 1_000_000, None, None) for each in calls)
    return replace(recording, calls=made)


def _smaller(
    target: Target, tree: Tree, recording: Recording, made: Mapping[str, int]
) -> tuple[_Smaller, ...]:
    job = {
        "do": "shrink",
        "function": str(recording.function),
        "modules": list(module_names(tree, recording.function.path)),
        "path": list(recording.path),
        "call": recording.calls[0].arguments,
        **made,
        "at_most": _AT_MOST,
    }
    reply = target.run(job, tree, limits=Limits(wall_s=_WALL_S, cpu_s=int(_WALL_S)))
    return tuple(
        _Smaller(each.text("arguments"), each.text("shown"))
        for each in reply.of_kind("smaller")
        if each.text("arguments")
    )


def _first_differing(
    expected: Reference, target: Target, tree: Tree, recording: Recording
) -> tuple[Difference, int] | None:
    """Return the smallest of the calls on which the versions differ, and its number."""
    if not recording.calls:
        return None
    keys: list[Key] = [(number, 0) for number in range(len(recording.calls))]
    old, new = (
        play(target, each, recording, limits_s=_LIMITS_S, keys=keys)
        for each in (expected.tree, tree)
    )
    sizes = [len(each.arguments) for each in recording.calls]
    for number in sorted(range(len(keys)), key=sizes.__getitem__):
        before = old.behaviours.get((number, 0))
        if before is None or not before.ended:
            continue
        differs = difference((number, 0), before, new, expected.variables)
        if differs is not None and differs.ending in ("returned", "raised"):
            return differs, number
    return None
