"""What calls did, as a process under judgement tells it, and where two versions differ."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from perfbot.profiling.messages import Message

AGAIN = (
    "{before}; a second call with equal arguments then does something else than before the change"
)
CHANGES_ARGUMENTS = "{before}, and changes its arguments"
SHARES = (
    "{before}, but what it changes, shares with its arguments, takes from iterators, prints, logs "
    "or warns of is not the same"
)
VARIABLE = "{before}; it leaves {name} other than before the change"

Key = tuple[int, int]  # number of the recorded call, number of the variant (0: the call itself)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What one call did; ``digest`` covers result or exception, arguments afterwards, output, warnings.

    ``rough`` is the digest without the floats, which are ``floats``: told only where asked for, and
    not of values with very many. ``retyped`` tells of a mutation that gives a value a type which
    nothing shows. Of recorded calls only: ``changed`` (it leaves its arguments changed),
    ``variables`` (digests of the project's variables that it changed), ``again`` (what a second call
    did, ``""``: none was made) and ``ns``.
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
    failure: str = ""
    retyped: bool = False
    rough: str = ""
    floats: tuple[float, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether the call came to an end that can be compared."""
        return self.ending in ("returned", "raised")


@dataclass(frozen=True, slots=True)
class Played:
    """All behaviours of one version; ``trouble`` says why the process stopped early, ``""`` if it did not.

    ``variables`` are the names of the project's data, ``exchanged`` what it changed of the library.
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
    retyped: bool = False  # on a value of a type that nothing shows: no reason to refuse
    key: Key = (0, 0)


def difference(
    key: Key, before: Behaviour, played: Played, variables: frozenset[str]
) -> Difference | None:
    """Return how a call differs in what a new version ``played``, ``None`` where it does not.

    ``variables`` are the names of the project's data whose changes count.
    """
    after = played.behaviours.get(key)
    if after is None:
        why = played.trouble if played.stuck_at in (None, key) else f"not reached: {played.trouble}"
        return _told(key, before, why or "no result", "")
    if _alike(before, after, real=key[1] == 0):
        seen = _aftermath(before, after, variables)
    else:
        seen = _in_words(before, after)
    return _told(key, before, seen, after.ending) if seen else None


def same_twice(first: Behaviour, second: Behaviour) -> bool:
    """Say whether one version does the same in two processes."""
    if first.again and second.again and first.again != second.again:
        return False
    return (first.ending, first.digest, first.variables) == (
        second.ending,
        second.digest,
        second.variables,
    )


def near(before: Behaviour, after: Behaviour, tolerance: float) -> Behaviour | None:
    """Return ``after`` with the digests of ``before`` where only floats differ, and by little.

    Each float may differ by ``tolerance`` relative to the larger of the two; infinities and NaN
    must be the same, and so must everything that is no float.
    """
    if not before.rough or before.rough != after.rough or before.ending != after.ending:
        return None
    if len(before.floats) != len(after.floats):
        return None
    pairs = zip(before.floats, after.floats, strict=True)
    if not all(_is_near(one, other, tolerance) for one, other in pairs):
        return None
    return replace(after, digest=before.digest)


def _is_near(one: float, other: float, tolerance: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return math.isclose(one, other, rel_tol=tolerance)


def _told(key: Key, before: Behaviour, after: str, ending: str) -> Difference:
    about = before.what, ending, before.retyped, key
    return Difference(before.arguments, before.shown, after, *about)


def _in_words(before: Behaviour, after: Behaviour) -> str:
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


def behaviour(message: Message) -> Behaviour:
    """Return what a message says of a call, neutral values where it says nonsense."""
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
        message.text("failure"),
        message.truth("retyped"),
        message.text("rough"),
        tuple(map(_float, message.texts("floats"))),
    )


def _texts(mapping: Mapping[str, object]) -> Mapping[str, str]:
    return {name: value for name, value in mapping.items() if isinstance(value, str)}


def _float(text: str) -> float:
    try:
        return float.fromhex(text)
    except (ValueError, OverflowError):
        return math.nan
