"""Recorded calls replayed on two versions of the code, and every difference that somebody could see.

Which inputs count (docs/judging.md): real calls must agree in full; on mutated ones an exception
that the project's own code does not raise need only stay an exception; where the old version takes
too long, runs out of stack or memory, there is nothing to compare.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from perfbot.profiling.behaviours import (
    Behaviour,
    Difference,
    Key,
    Played,
    behaviour,
    difference,
    near,
    same_twice,
)
from perfbot.profiling.capture import Recorded, Recording
from perfbot.profiling.facts import Seen
from perfbot.profiling.sandbox import Limits
from perfbot.profiling.target import Reply, Target
from perfbot.profiling.tree import Tree, module_names

# Seconds for one recorded call, one gentle and one wild mutation; the new version gets more.
_OLD_LIMITS_S = (10.0, 2.0, 0.5)
_NEW_LIMITS_S = (30.0, 6.0, 3.0)
_LEAST_NEW_LIMIT_S = 3.0  # twenty times what the old version took at most is enough, but never less
_PATIENCE = 2  # calls that the old version answers and the new one does not, then the process ends
_WALL_S = 180.0
_QUICK_LOOK_NS = 2_000_000_000  # of the old version's own time
_VARIANT_PLAYS = 400  # mutated calls per function, spread over the recorded ones
_RETYPED_PLAYS = 120
_VARIANT_TIME_NS = 4_000_000_000  # of the old version's own time

EXCHANGED = "puts something else in the place of {names} of the standard library"
CONTRADICTION = "its messages about the calls are out of order"


@dataclass(frozen=True, slots=True)
class Reference:
    """The old version's behaviour, where it is the same twice over and as it was in the workload."""

    recording: Recording
    tree: Tree
    behaviours: Mapping[Key, Behaviour]
    fresh: tuple[bool, ...]  # per recorded call: whether it needs fresh arguments each time
    real: tuple[int, ...]  # numbers of the recorded calls that can be compared
    dropped: Mapping[str, int]  # why calls cannot be compared, with how many
    variables: frozenset[str] = frozenset()  # the project's data, whose changes count
    exchanged: frozenset[str] = frozenset()  # what of the standard library it replaces itself
    near: dict[int, set[str]] = field(default_factory=dict)  # other results within the tolerance
    _third: dict[tuple[bool, int], Played] = field(default_factory=dict)

    def third(self, target: Target, keys: Sequence[Key], *, floats: bool) -> Played:
        """Play these calls on the old version once more, the first time that somebody asks.

        ``keys`` are all of the reference's or those of its quick look.
        """
        asked = (floats, len(keys))
        if asked not in self._third:
            played = play(
                target, self.tree, self.recording, limits_s=_NEW_LIMITS_S, keys=keys, floats=floats
            )
            self._third[asked] = played
        return self._third[asked]

    @property
    def recorded(self) -> int:
        """How many calls were looked at, those included that could not be kept."""
        return len(self.recording.calls) + self.recording.unpicklable

    @property
    def comparable_share(self) -> float:
        """The share of the recorded calls that can be compared."""
        return len(self.real) / self.recorded if self.recorded else 0.0


def variants_of(recording: Recording) -> int:
    """Return how many mutations of each recorded call are affordable."""
    count = len(recording.calls)
    if not count:
        return 0
    mean_ns = sum(call.ns for call in recording.calls) / count
    by_time = int(_VARIANT_TIME_NS / max(mean_ns, 1) / count)
    return max(1, min(40, _VARIANT_PLAYS // count, by_time))


def retyped_of(recording: Recording) -> int:
    """Return how many mutations that change types are affordable for each recorded call."""
    variants = variants_of(recording)
    return min(variants, max(1, _RETYPED_PLAYS // len(recording.calls))) if variants else 0


def reference(target: Target, tree: Tree, recording: Recording) -> Reference:
    """Play the old version twice, with mutations of each recorded call, and keep what is reproducible.

    The second time strings have other hashes, so what hangs on the order of a set shows.
    """
    first = _played_old(target, tree, recording)
    ended = [key for key, each in first.behaviours.items() if each.ended]
    second = play(_with_other_hashes(target), tree, recording, limits_s=_OLD_LIMITS_S, keys=ended)
    dropped: dict[str, int] = {}
    kept: dict[Key, Behaviour] = {}
    for key, seen in first.behaviours.items():
        why = _why_not_comparable(key, seen, second.behaviours.get(key), recording.calls)
        if why is None:
            kept[key] = seen
        elif key[1] == 0:
            dropped[why] = dropped.get(why, 0) + 1
    real = tuple(number for number, variant in kept if variant == 0)
    fresh = tuple(
        _needs_fresh(first.behaviours.get((number, 0))) for number in range(len(recording.calls))
    )
    variables = first.variables & second.variables
    return Reference(recording, tree, kept, fresh, real, dropped, variables, first.exchanged)


def _played_old(target: Target, tree: Tree, recording: Recording) -> Played:
    """Play the old version; where a call ended its process, the recorded calls after it are made up for.

    A mutation may keep C code busy, which only the kernel can end, and the process with it.
    """
    played = play(target, tree, recording, limits_s=_OLD_LIMITS_S)
    numbers = range(len(recording.calls))
    missing = [
        (number, 0)
        for number in numbers
        if (number, 0) not in played.behaviours and (number, 0) != played.stuck_at
    ]
    if played.stuck_at is None or not missing:
        return played
    rest = play(target, tree, recording, limits_s=_OLD_LIMITS_S, keys=missing)
    return replace(played, behaviours={**played.behaviours, **rest.behaviours})


def _with_other_hashes(target: Target) -> Target:
    return replace(target, environment={**target.environment, "PYTHONHASHSEED": "1"})


def _needs_fresh(behaviour: Behaviour | None) -> bool:
    """Say whether the call leaves its arguments changed, so that repeating it needs new copies."""
    return behaviour is None or behaviour.changed


def _why_not_comparable(
    key: Key, first: Behaviour, second: Behaviour | None, calls: Sequence[Recorded]
) -> str | None:
    if not first.ended:
        return f"{first.ending}: {first.shown}"
    if second is None or not same_twice(first, second):
        return "the unchanged code does not do the same twice"
    if key[1] == 0 and not _as_recorded(first, calls[key[0]]):
        return "outside its test, the call does something else"
    return None


def _as_recorded(behaviour: Behaviour, recorded: Recorded) -> bool:
    """Say whether replaying gave what the workload saw, so that no fixture or global is missing.

    Of functions whose body runs later (generators, coroutines) the workload saw no outcome.
    """
    if recorded.result is None and recorded.raised is None:
        return True
    if recorded.raised is None:
        return behaviour.ending == "returned" and behaviour.result in (None, recorded.result)
    if behaviour.ending != "raised" or _last(behaviour.error) != _last(recorded.raised):
        return False
    return not recorded.failure or behaviour.failure in ("", recorded.failure)


def _last(name: str) -> str:
    return name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Compared:
    """What comparing another version came to.

    ``remarks`` are differences on values of types that nothing shows; ``real`` and ``calls`` count
    the recorded and all calls that were compared, ``near`` those that agree within the tolerance
    only, and ``unsteady`` those on which the old version itself did something else this time.
    """

    differences: tuple[Difference, ...]
    remarks: tuple[Difference, ...]
    real: int
    calls: int
    near: int = 0
    unsteady: int = 0


def differences(
    expected: Reference,
    target: Target,
    tree: Tree,
    *,
    at_most_variants: int | None = None,
    tolerance: float | None = None,
) -> tuple[Difference, ...]:
    """Return where another version differs, as :func:`compared` finds it; empty if nowhere.

    ``at_most_variants`` plays only the first mutations of each recorded call, for a quick look.
    """
    keys = list(expected.behaviours)
    if at_most_variants is not None:
        keys = _for_a_quick_look(expected, at_most_variants)
    return _compared(expected, target, tree, keys, tolerance).differences


def compared(
    expected: Reference, target: Target, tree: Tree, *, tolerance: float | None = None
) -> Compared:
    """Play another version on all calls of the reference and compare.

    Before a difference is believed, the old version does the same calls a third time: it must do
    what it did before. ``tolerance`` is how much floats in results may differ, relative to the
    larger; ``None``: not at all. Differences come real calls first.
    """
    return _compared(expected, target, tree, list(expected.behaviours), tolerance)


def _compared(
    expected: Reference, target: Target, tree: Tree, keys: Sequence[Key], tolerance: float | None
) -> Compared:
    played = _played_new(expected, target, tree, keys, floats=False)
    on_calls = _compared_calls(expected, target, tree, keys, tolerance, played)
    return replace(on_calls, differences=(*on_calls.differences, *_exchanged(expected, played)))


def _exchanged(expected: Reference, played: Played) -> Iterator[Difference]:
    """Tell what of the standard library a version replaced that the old one leaves alone."""
    if names := sorted(played.exchanged - expected.exchanged):
        told = EXCHANGED.format(names=", ".join(names[:3]))
        yield Difference("…", "leaves the library alone", told, "", "returned")


def _compared_calls(
    expected: Reference,
    target: Target,
    tree: Tree,
    keys: Sequence[Key],
    tolerance: float | None,
    played: Played,
) -> Compared:
    found = _differing(expected, keys, played)
    if not found:
        return _outcome(expected, keys, {}, set(), 0)
    floats = tolerance is not None
    old = expected.third(target, keys, floats=floats)
    unsteady = {key for key in keys if not _is_steady(expected, old, key)}
    close: dict[Key, Behaviour] = {}
    if tolerance is not None and any(key not in unsteady for key in found):
        new = _played_new(expected, target, tree, keys, floats=True)
        close = _near(old, new, tolerance)
        played = replace(played, behaviours={**played.behaviours, **close})
        found = _differing(expected, keys, played)
    _note_near(expected, close.keys() - found.keys(), close)
    return _outcome(expected, keys, found, unsteady, len(close.keys() - found.keys()))


def _played_new(
    expected: Reference, target: Target, tree: Tree, keys: Sequence[Key], *, floats: bool
) -> Played:
    """Play another version, as patiently as the old one was slow."""
    longest_s = max((each.ns for each in expected.behaviours.values()), default=0) / 1e9
    most_s, *for_mutations = _NEW_LIMITS_S
    limits_s = (min(most_s, max(_LEAST_NEW_LIMIT_S, 20 * longest_s)), *for_mutations)
    return play(
        target,
        tree,
        expected.recording,
        limits_s=limits_s,
        keys=keys,
        patience=_PATIENCE,
        floats=floats,
    )


def _differing(expected: Reference, keys: Sequence[Key], played: Played) -> dict[Key, Difference]:
    found = {
        key: difference(key, expected.behaviours[key], played, expected.variables) for key in keys
    }
    return {key: each for key, each in found.items() if each is not None}


def _is_steady(expected: Reference, old: Played, key: Key) -> bool:
    """Say whether the old version did again what it did before, as far as it got."""
    again = old.behaviours.get(key)
    return again is None or same_twice(expected.behaviours[key], again)


def _near(old: Played, new: Played, tolerance: float) -> dict[Key, Behaviour]:
    found = {
        key: near(old.behaviours[key], after, tolerance)
        for key, after in new.behaviours.items()
        if key in old.behaviours and old.behaviours[key].digest != after.digest
    }
    return {key: each for key, each in found.items() if each is not None}


def _note_near(expected: Reference, keys: Iterable[Key], close: Mapping[Key, Behaviour]) -> None:
    """Remember the results within the tolerance: a timed call may answer so, too."""
    for number, variant in keys:
        result = close[number, variant].result
        if variant == 0 and result is not None:
            expected.near.setdefault(number, set()).add(result)


def _outcome(
    expected: Reference,
    keys: Sequence[Key],
    found: Mapping[Key, Difference],
    unsteady: set[Key],
    near_calls: int,
) -> Compared:
    """Sort what was found: what was seen tells more than what was not reached, a real call more."""
    believed = sorted(
        (each for key, each in found.items() if key not in unsteady),
        key=lambda each: (each.ending == "", each.what != "", len(each.arguments)),
    )
    steady = [key for key in keys if key not in unsteady]
    return Compared(
        tuple(each for each in believed if not each.retyped),
        tuple(each for each in believed if each.retyped),
        real=sum(variant == 0 for _, variant in steady),
        calls=sum(not expected.behaviours[key].retyped for key in steady),
        near=near_calls,
        unsteady=len(unsteady),
    )


def agreeing(expected: Reference, played: Played, keys: Sequence[Key]) -> tuple[Key, ...]:
    """Return those of the calls on which a version that was played did what is expected."""
    return tuple(
        key
        for key in keys
        if difference(key, expected.behaviours[key], played, expected.variables) is None
    )


def _for_a_quick_look(expected: Reference, variants: int) -> list[Key]:
    """Return the calls with their first mutations, the short ones first, as far as there is time."""
    calls = sorted(expected.real, key=lambda number: expected.behaviours[number, 0].ns)
    chosen: set[int] = set()
    left_ns = _QUICK_LOOK_NS
    for number in calls:
        left_ns -= expected.behaviours[number, 0].ns * (1 + variants)
        if left_ns < 0 and chosen:
            break
        chosen.add(number)
    return [key for key in expected.behaviours if key[0] in chosen and key[1] <= variants]


def play(
    target: Target,
    tree: Tree,
    recording: Recording,
    *,
    limits_s: Sequence[float],
    keys: Sequence[Key] | None = None,
    patience: int | None = None,
    wall_s: float = _WALL_S,
    floats: bool = False,
) -> Played:
    """Replay recorded calls and variants of them in one fresh process on one version.

    ``limits_s`` are for a recorded call, a gentle and a wild mutation; ``keys`` says which calls,
    all where it is ``None``: then no more mutations are played of a kind that keeps taking too long.
    The process ends early once more than ``patience`` calls have taken too long, and after
    ``wall_s``. With ``floats``
    the floats of results are told apart from the rest.
    """
    wanted: list[list[int]] | None = None
    if keys is not None:
        wanted = [[] for _ in recording.calls]
        for number, variant in keys:
            wanted[number].append(variant)
    job = {
        "do": "replay",
        "function": str(recording.function),
        "modules": list(module_names(tree, recording.function.path)),
        "path": list(recording.path),
        "calls": [call.arguments for call in recording.calls],
        "variants": variants_of(recording),
        "retyped": retyped_of(recording),
        "seen": {name: _types_in(fact) for name, fact in recording.facts.items()},
        "floats": floats,
        "wanted": wanted,
        "limits_s": list(limits_s),
        "patience": patience,
    }
    reply = target.run(job, tree, limits=Limits(wall_s=wall_s, cpu_s=int(wall_s) + 60))
    return _played(reply)


def _types_in(fact: Seen) -> list[str]:
    """Return the names of the types that a variable and its items were seen to have."""
    inner = [each for each in (fact.elements, fact.values) if each is not None]
    names = (each.rpartition(".")[2] for each in fact.types)
    return [*names, *(name for each in inner for name in _types_in(each))]


def _played(reply: Reply) -> Played:
    """Believe behaviours as long as each was announced, comes once and stands in order."""
    behaviours: dict[Key, Behaviour] = {}
    announced: Key | None = None
    for message in reply.messages:
        key = (message.whole("call"), message.whole("variant"))
        if message.kind == "starting" and announced is None and key not in behaviours:
            announced = key
        elif message.kind == "behaviour" and key == announced:
            behaviours[key] = behaviour(message)
            announced = None
        elif message.kind not in ("variables", "exchanged", "done"):
            return Played({}, CONTRADICTION, None)
    names, exchanged = (
        frozenset(name for each in reply.of_kind(kind) for name in each.texts("names"))
        for kind in ("variables", "exchanged")
    )
    trouble = "" if reply.finished else reply.trouble
    return Played(behaviours, trouble, announced, names, exchanged)
