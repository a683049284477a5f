"""How a function's time grows with the size of its input, and whether two versions agree on large ones.

A recorded call is cut and grown to many sizes (``inside/grow.py``); old and new are timed on each of
them in fresh processes, and asked what they do, until a second or a limit is reached.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from perfbot.profiling.behaviours import SHARES, Behaviour, Difference, behaviour, near
from perfbot.profiling.messages import Message
from perfbot.profiling.power_law import Exponent, exponent
from perfbot.profiling.replay import Reference
from perfbot.profiling.sandbox import Limits
from perfbot.profiling.target import Reply, Target
from perfbot.profiling.tree import Tree, module_names

NO_CALL = "none of its recorded calls returns"
NOT_TIMED = "no size of its recorded calls could be timed"
FAILED = "a process that makes its calls larger {trouble}"
CONTRADICTION = "told sizes out of order, or times that cannot be"
GROWN = "made {times} times as large"
CUT = "cut to {times}/{of} of its size"
NOTHING_TOLD = "did not get so far: its process {trouble}"

SIZES = (
    *((times, 64) for times in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)),
    (1, 1),
    *((times << doubled, 1) for doubled in range(19) for times in (2, 3)),
)

_CALLS = 4  # are tried
_LONG_NS = 50_000_000  # a call that takes longer leaves little room to grow
_BUDGET_S = 0.5  # in each process, for growing and timing
_COMPARE_S = 0.5  # and in the first one for what the old version does
_OLD_LIMIT_S = 1.0  # for one call of the old version that is compared
_LEAST_LIMIT_S = 3.0  # for one of the new version, ...
_SLOWER = 20  # ... or so many times what the old one took
_WALL_S = 60.0
_MOST_ITEMS = 10**15  # of inside/grow.py
_SHOWN = 200  # characters of what a process says of its arguments


@dataclass(frozen=True, slots=True)
class Curve:
    """One version's times: nanoseconds by size, and ``why`` there is no exponent where there is none."""

    points: tuple[tuple[int, float], ...] = ()
    exponent: Exponent | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Growth:
    """Two versions on growing sizes of one call; ``what`` of it grew, in words.

    A size is the number of items in the longest part that grew. ``compared`` counts the sizes at
    which both were asked for the same, ``differences`` has those at which the new one did not do it.
    """

    old: Curve
    new: Curve
    what: str = ""
    compared: int = 0
    differences: tuple[Difference, ...] = ()


def measure(
    target: Target, reference: Reference, old: Tree, new: Tree, tolerance: float | None = None
) -> Growth:
    """Grow one recorded call of a function on two versions, in two processes of each.

    Where nothing can be said, the curves tell why. Floats in results may differ by ``tolerance``
    relative to the larger.

    Raises:
        SandboxError: a process could not be started at all.
    """
    calls = _calls(reference)
    if not calls:
        return _ungrown(NO_CALL)
    bench = _Bench(target, reference, tolerance)
    before = bench.play(old, calls, compare_s=_COMPARE_S)
    call = calls[before.call : before.call + 1]
    if before.why or before.trouble or not before.items or not call:
        return _ungrown(before.why or before.told or NOT_TIMED)
    return _on_both(bench, call, before, old, new)


def measure_one(target: Target, reference: Reference, tree: Tree) -> tuple[Curve, str]:
    """Grow one recorded call on one version, in one process; return its curve and what grew.

    Good enough to tell somebody how the function behaves, and for nothing that is claimed.

    Raises:
        SandboxError: the process could not be started at all.
    """
    calls = _calls(reference)
    if not calls:
        return Curve(why=NO_CALL), ""
    grown = _Bench(target, reference, None).play(tree, calls)
    if grown.why or grown.trouble or not grown.items:
        return Curve(why=grown.why or grown.told or NOT_TIMED), ""
    return _curve([grown], grown), grown.what


def _ungrown(why: str) -> Growth:
    return Growth(Curve(why=why), Curve(why=why))


def _on_both(
    bench: "_Bench", call: Sequence[int], before: "_Grown", old: Tree, new: Tree
) -> Growth:
    way, first, limit_s = before.way, before.compared, before.limit_s
    after = bench.play(new, call, way, compare_first=first, limit_s=limit_s)
    found = _differences(before, after, bench.tolerance)
    # What the old version itself does not do twice is no difference.
    again = bench.play(old, call, way, compare_first=first if found else 0, limit_s=limit_s)
    found = {number: each for number, each in found.items() if before.agrees(again, number)}
    news = [after] if found else [after, bench.play(new, call, way)]
    curve = _curve([before, again], before)
    return Growth(
        curve,
        _curve(news, before, up_to=max((size for size, _ in curve.points), default=0)),
        before.what,
        len(before.returned),
        tuple(found.values()),
    )


def _calls(reference: Reference) -> list[int]:
    """Choose recorded calls that return: the dearest that leave room to grow, then the shortest."""

    def order(number: int) -> tuple[bool, int]:
        ns, times = reference.behaviours[number, 0].ns, reference.recording.calls[number].times
        return (True, ns) if ns > _LONG_NS else (False, -ns * times)

    returned = [
        number for number in reference.real if reference.behaviours[number, 0].ending == "returned"
    ]
    return sorted(returned, key=order)[:_CALLS]


@dataclass(frozen=True, slots=True)
class _Bench:
    """Where processes go through the sizes of a function's calls."""

    target: Target
    reference: Reference
    tolerance: float | None

    def play(
        self,
        tree: Tree,
        calls: Sequence[int],
        way: str = "",
        *,
        compare_s: float = 0.0,
        compare_first: int = 0,
        limit_s: float = _OLD_LIMIT_S,
    ) -> "_Grown":
        """Let one fresh process go through the sizes; the parameters are the fields of its job."""
        recording = self.reference.recording
        job = {
            "do": "growth",
            "function": str(recording.function),
            "modules": list(module_names(tree, recording.function.path)),
            "path": list(recording.path),
            "calls": [recording.calls[number].arguments for number in calls],
            "way": way,
            "sizes": [list(size) for size in SIZES],
            "budget_s": _BUDGET_S,
            "compare_s": compare_s,
            "compare_first": compare_first,
            "limit_s": limit_s,
            "floats": self.tolerance is not None,
        }
        return _read(self.target.run(job, tree, limits=Limits(wall_s=_WALL_S, cpu_s=int(_WALL_S))))


@dataclass(slots=True)
class _Grown:
    """What one process told, by number of the size; after ``trouble`` no time of it is believed."""

    times_ns: dict[int, float] = field(default_factory=dict)
    items: dict[int, int] = field(default_factory=dict)
    behaviours: dict[int, Behaviour] = field(default_factory=dict)
    call: int = 0  # which of the calls it was given grows, ...
    way: str = ""  # ... how, ...
    what: str = ""  # ... and what of it
    why: str = ""  # none grows
    trouble: str = ""

    @property
    def told(self) -> str:
        """In words: the trouble, if there is any."""
        return FAILED.format(trouble=self.trouble) if self.trouble else ""

    @property
    def returned(self) -> list[int]:
        """The sizes at which it is known what the call does, and that it returns."""
        return [number for number, each in self.behaviours.items() if each.ending == "returned"]

    @property
    def compared(self) -> int:
        """How many sizes another version has to be asked for, from the first on."""
        return max(self.returned, default=-1) + 1

    @property
    def limit_s(self) -> float:
        """How long one call of another version may take."""
        return max(_LEAST_LIMIT_S, _SLOWER * max(self.times_ns.values(), default=0.0) / 1e9)

    def items_at(self, number: int) -> int:
        """Return the items at a size; where it was not reached, as many as it would have had."""
        if number in self.items:
            return self.items[number]
        last = max(self.items)
        return round(self.items[last] * _factor(number) / _factor(last))

    def agrees(self, other: "_Grown", number: int, tolerance: float | None = None) -> bool:
        """Say whether another process did the same at a size, up to a tolerance of floats."""
        one, two = self.behaviours.get(number), other.behaviours.get(number)
        if not one or not two:
            return False
        same = (one.ending, one.digest) == (two.ending, two.digest)
        return same or (tolerance is not None and near(one, two, tolerance) is not None)

    def hears(self, message: Message) -> bool:
        """Take what a message says; return whether it stands in order and is possible."""
        number, last = message.whole("size"), max(self.times_ns, default=-1)
        known = max(self.behaviours, default=-1)
        if message.kind == "grows":
            self.call, self.way = message.whole("call"), message.text("way")
            self.what = message.text("what")[:_SHOWN]
            return not self.times_ns and 0 <= self.call < _CALLS
        if message.kind == "size" and last < number < len(SIZES):
            self.times_ns[number], self.items[number] = message.number("ns"), message.whole("items")
            return self.times_ns[number] > 0 and 0 < self.items[number] <= _MOST_ITEMS
        if message.kind == "behaviour" and known < number < len(SIZES):
            self.behaviours[number] = behaviour(message)
            return True
        if message.kind == "stuck":
            self.why = message.text("why") or NOT_TIMED
        return message.kind in ("stuck", "starting", "done")


def _factor(number: int) -> float:
    times, of = SIZES[number]
    return times / of


def _read(reply: Reply) -> _Grown:
    """Believe a process that ended well, told its sizes in order and no longer times than it lived."""
    grown = _Grown()
    in_order = all(grown.hears(message) for message in reply.messages)
    lived_ns = reply.completed.wall_s * 1e9
    if not in_order or sum(grown.times_ns.values()) > lived_ns:
        return _Grown(trouble=CONTRADICTION)
    grown.trouble = "" if reply.finished else reply.trouble
    return grown


def _differences(before: _Grown, after: _Grown, tolerance: float | None) -> dict[int, Difference]:
    """Return the sizes at which the new version does not do what the old one does, up to where it ends."""
    found: dict[int, Difference] = {}
    for number in before.returned:
        if before.agrees(after, number, tolerance):
            continue
        if number not in after.behaviours and found:
            break  # it was not asked for more
        found[number] = _difference(number, before.behaviours[number], after)
    return found


def _difference(number: int, before: Behaviour, after: _Grown) -> Difference:
    times, of = SIZES[number]
    what = GROWN.format(times=times) if of == 1 else CUT.format(times=times, of=of)
    told = after.behaviours.get(number)
    if told is None:
        seen = NOTHING_TOLD.format(trouble=after.trouble or CONTRADICTION)
        return Difference(before.arguments, before.shown, seen, what, "")
    seen = SHARES.format(before=told.shown) if told.shown == before.shown else told.shown
    return Difference(before.arguments, before.shown, seen, what, told.ending)


def _curve(runs: Sequence[_Grown], before: _Grown, up_to: int = 0) -> Curve:
    """Join what the processes of one version told: the least time of each size.

    The exponent is that of the sizes ``up_to`` which the other version came, if they tell one:
    a processor's caches bend what lies far beyond.
    """
    times_ns: dict[int, float] = {}
    for run in runs:
        for number, ns in () if run.trouble else run.times_ns.items():
            times_ns[number] = min(ns, times_ns.get(number, ns))
    points = tuple((before.items_at(number), ns) for number, ns in sorted(times_ns.items()))
    found = exponent([point for point in points if point[0] <= up_to])
    if not isinstance(found, Exponent):
        found = exponent(points)
    if isinstance(found, Exponent):
        return Curve(points, found)
    return Curve(points, None, next((run.told for run in runs if run.trouble), found))
