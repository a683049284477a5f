"""Recorded calls replayed on two versions of the code, and every difference that somebody could see.

Which inputs count (docs/judging.md): real calls must agree in full; on mutated ones an exception
that the project's own code does not raise need only stay an exception; where the old version takes
too long, runs out of stack or memory, there is nothing to compare.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from perfbot.profiling.capture import Recorded, Recording
from perfbot.profiling.messages import Message
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
_VARIANT_TIME_NS = 4_000_000_000  # of the old version's own time

AGAIN = (
    "{before}; a second call with equal arguments then does something else than before the change"
)
CHANGES_ARGUMENTS = "{before}, and changes its arguments"
SHARES = (
    "{before}, but what it changes, shares with its arguments, prints or warns of is not the same"
)
EXCHANGED = "puts something else in the place of {names} of the standard library"
VARIABLE = "{before}; it leaves the module's variable {name} other than before the change"
CONTRADICTION = "its messages about the calls are out of order"

Key = tuple[int, int]  # number of the recorded call, number of the variant (0: the call itself)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What one call did; ``digest`` covers result or exception, arguments afterwards, output, warnings.

    Of recorded calls only: ``changed`` (it leaves its arguments changed), ``variables`` (digests of
    the module's variables that it changed), ``again`` (what a second call did, ``""``: none was
    made) and ``ns``.
    """

    ending: str  # returned, raised, timeout, exhausted, incomparable, unreadable
    digest: str
    result: str | None
    error: str
    own: bool
    changed: bool
    arguments: str
    shown: str
    what: str
    wild: bool = False
    again: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    ns: int = 0

    @property
    def ended(self) -> bool:
        """Whether the call came to an end that can be compared."""
        return self.ending in ("returned", "raised")


@dataclass(frozen=True, slots=True)
class Played:
    """All behaviours of one version; ``trouble`` says why the process stopped early, ``""`` if it did not.

    ``variables`` are the names of the module's data, ``exchanged`` what it changed of the library.
    """

    behaviours: Mapping[Key, Behaviour]
    trouble: str
    stuck_at: Key | None
    variables: frozenset[str] = frozenset()
    exchanged: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Difference:
    """A call on which the versions differ, for people: ``f(arguments)``: before, after."""

    arguments: str
    before: str
    after: str
    what: str  # how the arguments were made from a recorded call, "" for a recorded call itself
    ending: str  # of the new version, as in Behaviour; "" where the process did not get so far


@dataclass(frozen=True, slots=True)
class Reference:
    """The old version's behaviour, where it is the same twice over and as it was in the workload."""

    recording: Recording
    behaviours: Mapping[Key, Behaviour]
    fresh: tuple[bool, ...]  # per recorded call: whether it needs fresh arguments each time
    real: tuple[int, ...]  # numbers of the recorded calls that can be compared
    dropped: Mapping[str, int]  # why calls cannot be compared, with how many
    variables: frozenset[str] = frozenset()  # the module's data, whose changes count
    exchanged: frozenset[str] = frozenset()  # what of the standard library it replaces itself

    @property
    def comparable_share(self) -> float:
        """The share of the recorded calls that can be compared."""
        total = len(self.recording.calls) + self.recording.unpicklable
        return len(self.real) / total if total else 0.0


def variants_of(recording: Recording) -> int:
    """Return how many mutations of each recorded call are affordable."""
    count = len(recording.calls)
    if not count:
        return 0
    mean_ns = sum(call.ns for call in recording.calls) / count
    by_time = int(_VARIANT_TIME_NS / max(mean_ns, 1) / count)
    return max(1, min(40, _VARIANT_PLAYS // count, by_time))


def reference(target: Target, tree: Tree, recording: Recording) -> Reference:
    """Play the old version twice, with mutations of each recorded call, and keep what is reproducible."""
    first = play(target, tree, recording, limits_s=_OLD_LIMITS_S)
    ended = [key for key, behaviour in first.behaviours.items() if behaviour.ended]
    second = play(target, tree, recording, limits_s=_OLD_LIMITS_S, keys=ended)
    dropped: dict[str, int] = {}
    kept: dict[Key, Behaviour] = {}
    for key, behaviour in first.behaviours.items():
        why = _why_not_comparable(key, behaviour, second.behaviours.get(key), recording.calls)
        if why is None:
            kept[key] = behaviour
        elif key[1] == 0:
            dropped[why] = dropped.get(why, 0) + 1
    real = tuple(number for number, variant in kept if variant == 0)
    fresh = tuple(
        _needs_fresh(first.behaviours.get((number, 0))) for number in range(len(recording.calls))
    )
    variables = first.variables & second.variables
    return Reference(recording, kept, fresh, real, dropped, variables, first.exchanged)


def _needs_fresh(behaviour: Behaviour | None) -> bool:
    """Say whether the call leaves its arguments changed, so that repeating it needs new copies."""
    return behaviour is None or behaviour.changed


def _why_not_comparable(
    key: Key, first: Behaviour, second: Behaviour | None, calls: Sequence[Recorded]
) -> str | None:
    if not first.ended:
        return f"{first.ending}: {first.shown}"
    if second is None or not _same_twice(first, second):
        return "the unchanged code does not do the same twice"
    if key[1] == 0 and not _as_recorded(first, calls[key[0]]):
        return "outside its test, the call does something else"
    return None


def _same_twice(first: Behaviour, second: Behaviour) -> bool:
    if first.again and second.again and first.again != second.again:
        return False
    return (first.ending, first.digest, first.variables) == (
        second.ending,
        second.digest,
        second.variables,
    )


def _as_recorded(behaviour: Behaviour, recorded: Recorded) -> bool:
    """Say whether replaying gave what the workload saw, so that no fixture or global is missing."""
    if recorded.raised is not None:
        return (
            behaviour.ending == "raised"
            and behaviour.error.split(".")[-1] == recorded.raised.split(".")[-1]
        )
    if behaviour.ending != "returned":
        return False
    return (
        recorded.result is None or behaviour.result is None or recorded.result == behaviour.result
    )


def differences(
    expected: Reference, target: Target, tree: Tree, *, at_most_variants: int | None = None
) -> list[Difference]:
    """Play another version and return where it differs, real calls first; empty if nowhere.

    ``at_most_variants`` plays only the first mutations of each recorded call, for a quick look.
    """
    keys = list(expected.behaviours)
    if at_most_variants is not None:
        keys = _for_a_quick_look(expected, at_most_variants)
    longest_s = max((each.ns for each in expected.behaviours.values()), default=0) / 1e9
    most_s, *for_mutations = _NEW_LIMITS_S
    played = play(
        target,
        tree,
        expected.recording,
        limits_s=(min(most_s, max(_LEAST_NEW_LIMIT_S, 20 * longest_s)), *for_mutations),
        keys=keys,
        patience=_PATIENCE,
    )
    found = [
        difference
        for key in keys
        if (difference := _difference(key, expected.behaviours[key], played, expected.variables))
        is not None
    ]
    if names := played.exchanged - expected.exchanged:
        told = EXCHANGED.format(names=", ".join(sorted(names)[:3]))
        found.append(Difference("…", "leaves the library alone", told, "", "returned"))
    # What was seen tells more than what was not reached, a real call more than a mutation.
    return sorted(found, key=lambda each: (each.ending == "", each.what != "", len(each.arguments)))


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


def _difference(
    key: Key, before: Behaviour, played: Played, variables: frozenset[str]
) -> Difference | None:
    after = played.behaviours.get(key)
    if after is None:
        why = played.trouble if played.stuck_at in (None, key) else f"not reached: {played.trouble}"
        return Difference(before.arguments, before.shown, why or "no result", before.what, "")
    seen = _told(before, after)
    if _alike(before, after, real=key[1] == 0):
        seen = _aftermath(before, after, variables)
    return (
        Difference(before.arguments, before.shown, seen, before.what, after.ending)
        if seen
        else None
    )


def _told(before: Behaviour, after: Behaviour) -> str:
    """Say what the new version did where it is not the same, also where it looks so."""
    if after.shown != before.shown:
        return after.shown
    text = CHANGES_ARGUMENTS if after.changed and not before.changed else SHARES
    return text.format(before=after.shown)


def _alike(before: Behaviour, after: Behaviour, *, real: bool) -> bool:
    if before.ending == after.ending and before.digest == after.digest:
        return True
    if real or before.ending != "raised" or after.ending != "raised":
        return False
    return not before.own


def _aftermath(before: Behaviour, after: Behaviour, variables: frozenset[str]) -> str:
    """Say what calls that look alike leave behind differently, ``""`` if nothing."""
    if before.again and after.again and before.again != after.again:
        return AGAIN.format(before=after.shown)
    for name in sorted(variables & (before.variables.keys() | after.variables.keys())):
        if before.variables.get(name) != after.variables.get(name):
            return VARIABLE.format(before=after.shown, name=name)
    return ""


def play(
    target: Target,
    tree: Tree,
    recording: Recording,
    *,
    limits_s: Sequence[float],
    keys: Sequence[Key] | None = None,
    patience: int | None = None,
) -> Played:
    """Replay recorded calls and variants of them in one fresh process on one version.

    ``limits_s`` are for a recorded call, a gentle and a wild mutation; ``keys`` says which calls,
    all where it is ``None``: then no more mutations are played of a kind that keeps taking too long.
    The process ends early once more than ``patience`` calls have taken too long.
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
        "wanted": wanted,
        "limits_s": list(limits_s),
        "patience": patience,
    }
    reply = target.run(job, tree, limits=Limits(wall_s=_WALL_S, cpu_s=int(_WALL_S) + 60))
    return _played(reply)


def _played(reply: Reply) -> Played:
    """Believe behaviours as long as each was announced, comes once and stands in order."""
    behaviours: dict[Key, Behaviour] = {}
    announced: Key | None = None
    for message in reply.messages:
        key = (message.whole("call"), message.whole("variant"))
        if message.kind == "starting" and announced is None and key not in behaviours:
            announced = key
        elif message.kind == "behaviour" and key == announced:
            behaviours[key] = _behaviour(message)
            announced = None
        elif message.kind not in ("variables", "exchanged", "done"):
            return Played({}, CONTRADICTION, None)
    names, exchanged = (
        frozenset(name for each in reply.of_kind(kind) for name in each.texts("names"))
        for kind in ("variables", "exchanged")
    )
    trouble = "" if reply.finished else reply.trouble
    return Played(behaviours, trouble, announced, names, exchanged)


def _behaviour(message: Message) -> Behaviour:
    return Behaviour(
        message.text("ending"),
        message.text("digest"),
        message.text("result") or None,
        message.text("error"),
        message.truth("own"),
        message.truth("changed"),
        message.text("arguments"),
        message.text("shown"),
        message.text("what"),
        message.truth("wild"),
        message.text("again"),
        _texts(message.mapping("variables")),
        message.whole("ns"),
    )


def _texts(mapping: Mapping[str, object]) -> Mapping[str, str]:
    return {name: value for name, value in mapping.items() if isinstance(value, str)}
