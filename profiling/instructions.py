"""How many instructions recorded calls execute on two versions: a witness that no noise reaches.

Forked children of one warm process differ by one round of calls; the difference of their counts is
that round's, with neither the interpreter's start nor the imports in it. With Cachegrind the counts of
single-threaded code are the same to the last digit, run after run: what could shift them (hash seed,
random numbers, environment, and under Valgrind also addresses) is the same for every process.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

from perfbot.profiling.benchmark import affordable, choose_calls
from perfbot.profiling.counters import Counter, last_line
from perfbot.profiling.replay import Reference
from perfbot.profiling.sandbox import Limits
from perfbot.profiling.target import Reply, Target
from perfbot.profiling.tree import Tree, module_names

TOO_LONG = "its shortest call takes {seconds:.1f} s, too long to be counted"
NO_CALLS = "none of its calls can be made again"
NO_COUNT = "{name} gave no count: {why}"
NO_MORE = "one more round of its calls executes no more instructions"
UNDONE = "the counting process {how} ({said})"

_ROUND_S = {"perf": 0.2, "cachegrind": 0.02}  # of the old version's plain time, as far as possible
_AT_MOST_ROUND_S = 0.3
_WARM_UP = 2  # rounds that come before, unless first calls count
_COPIED_BYTES = 2 << 20  # of arguments in a round that need a fresh copy for each call
_AT_MOST_REAL_REPEATS = 50  # as where the clock times the first pass only
_LOOKS = 3  # at the plain speed, each with two processes of each version
_PLAIN_S, _AT_MOST_PLAIN_ROUNDS = 1.0, 50
_LIMITS = Limits(wall_s=240, cpu_s=90)


class NotCountedError(Exception):
    """No count could be made; the message is a clause that says why."""


class OnlyNewNotCountedError(NotCountedError):
    """The old version was counted, the new one was not."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """Which recorded calls make one round, and how often each.

    As for the clock, calls count by how often the workload makes them, and code that remembers
    (``once``) is looked at when it is asked for the first time. ``round_s`` is what a round takes
    the old version; ``share`` is the part of its time with the clock's calls that these make up.
    """

    reference: Reference
    chosen: tuple[int, ...]
    repeats: tuple[int, ...]
    once: bool
    round_s: float
    share: float


def rounds(reference: Reference, *, once: bool, aim_s: float) -> Rounds:
    """Choose calls for a round of about ``aim_s`` seconds, as the old version takes them.

    Raises:
        NotCountedError: there is no call that is short enough.
    """
    calls, ns = reference.recording.calls, _call_ns(reference)
    weights = {each: ns[each] * calls[each].times for each in choose_calls(reference)}
    if not weights:
        raise NotCountedError(NO_CALLS)
    dearest = sorted(weights, key=lambda number: -weights[number])
    counted = tuple(sorted(affordable(reference, dearest, _AT_MOST_ROUND_S)))
    shortest_s = min(ns[number] for number in counted) / 1e9
    if shortest_s > _AT_MOST_ROUND_S:
        raise NotCountedError(TOO_LONG.format(seconds=shortest_s))
    repeats = _repeats(reference, counted, aim_s, once)
    round_s = sum(ns[each] * count for each, count in zip(counted, repeats, strict=True)) / 1e9
    share = sum(weights[number] for number in counted) / sum(weights.values())
    return Rounds(reference, counted, repeats, once, round_s, share)


def _call_ns(reference: Reference) -> dict[int, int]:
    return {number: max(1, reference.behaviours[number, 0].ns) for number in reference.real}


def _repeats(
    reference: Reference, counted: Sequence[int], aim_s: float, once: bool
) -> tuple[int, ...]:
    """Say how often each call is made, in proportion to the workload's, within time and memory."""
    calls, ns = reference.recording.calls, _call_ns(reference)
    if once:
        return tuple(min(calls[each].times, _AT_MOST_REAL_REPEATS) for each in counted)
    fresh = [each for each in counted if reference.fresh[each]]
    copied_bytes = sum(calls[each].times * len(calls[each].arguments) for each in fresh)
    round_s = sum(calls[each].times * ns[each] for each in counted) / 1e9
    scale = min(aim_s / round_s, _COPIED_BYTES / max(copied_bytes, 1))
    return tuple(max(1, round(calls[each].times * scale)) for each in counted)


def aim_s(counter: Counter) -> float:
    """Return how long a round should plainly take: long against noise, short for who is slow."""
    return _ROUND_S[counter.name]


def ratio(counter: Counter, target: Target, made: Rounds, old: Tree, new: Tree) -> float:
    """Return the instructions of a round on the new version over those on the old one.

    Raises:
        NotCountedError: a process did not come to its end, or its count makes no sense.
        OnlyNewNotCountedError: it was one of the new version only.
    """
    with ThreadPoolExecutor(2) as pool:  # counting asks for no quiet
        before, after = (pool.submit(count, counter, target, made, tree) for tree in (old, new))
        counted = before.result()
        try:
            return after.result() / counted
        except NotCountedError as error:
            raise OnlyNewNotCountedError(str(error)) from error


def count(counter: Counter, target: Target, made: Rounds, tree: Tree) -> int:
    """Return the instructions of one round on one version.

    Raises:
        NotCountedError: a process did not come to its end, or its count makes no sense.
    """
    return counted(counter, target, made, tree).one_round


@dataclass(frozen=True, slots=True)
class Counted:
    """Instructions of one round, and of what comes before any: the interpreter's start, imports, warm-up."""

    one_round: int
    before: int


def counted(counter: Counter, target: Target, made: Rounds, tree: Tree) -> Counted:
    """Count one version.

    Raises:
        NotCountedError: a process did not come to its end, or its count makes no sense.
    """
    if counter.outside:  # counts all processes together
        (without,), (with_it,) = (_counts(counter, target, made, tree, (n,)) for n in (0, 1))
        before, found = without, with_it - without
    else:  # each has the forking itself in it, which two that do nothing show; the first is dearer
        before, one, other, full, _ = _counts(counter, target, made, tree, (0, 0, 0, 1))
        found = full - other - (other - one)
    if found <= 0:
        raise NotCountedError(NO_MORE)
    return Counted(found, before)


def _counts(
    counter: Counter, target: Target, made: Rounds, tree: Tree, numbers: Sequence[int]
) -> list[int]:
    """Return all counts of one process and its forked ones."""
    command = counter.command
    if counter.outside:
        reply = repeated(target, made, tree, numbers, watched_by=command)
    else:
        reply = repeated(target, made, tree, numbers, under=command)
    said = reply.completed.stderr.decode(errors="replace")
    found = counter.read(said)
    if len(found) != (1 if counter.outside else len(numbers) + 1):
        raise NotCountedError(NO_COUNT.format(name=counter.name, why=last_line(said)))
    return found


def repeated(
    target: Target,
    made: Rounds,
    tree: Tree,
    numbers: Sequence[int],
    *,
    under: Sequence[str] = (),
    watched_by: Sequence[str] = (),
) -> Reply:
    """Make these numbers of rounds, each in a forked process of one fresh process.

    Raises:
        NotCountedError: the process did not come to its end.
    """
    recording = made.reference.recording
    job = {
        "do": "repeat",
        "function": str(recording.function),
        "modules": list(module_names(tree, recording.function.path)),
        "path": list(recording.path),
        "calls": [recording.calls[each].arguments for each in made.chosen],
        "fresh": [made.reference.fresh[each] for each in made.chosen],
        "repeats": list(made.repeats),
        "warm_up": 0 if made.once else _WARM_UP,
        "rounds": list(numbers),
    }
    reply = target.run(job, tree, limits=_LIMITS, under=under, watched_by=watched_by)
    if not reply.finished or [each.kind for each in reply.messages] != ["repeated", "done"]:
        how, _, said = reply.trouble.partition(": ")
        raise NotCountedError(UNDONE.format(how=how, said=last_line(said)))
    return reply


@dataclass(frozen=True, slots=True)
class Use:
    """What some rounds take, by the clocks of the sandbox and without what comes before them.

    By the process's own word, good for an explanation only: ``system_s`` (in the kernel), ``waits``
    (how often it gave the processor away) and ``native`` (packages with compiled code that the
    function's module uses).
    """

    wall_s: float
    cpu_s: float
    system_s: float
    waits: float
    native: tuple[str, ...]


def uses(target: Target, made: Rounds, old: Tree, new: Tree) -> tuple[Use, Use]:
    """Return what the same rounds take on both versions, at their plain speed.

    Raises:
        NotCountedError: a process did not come to its end.
    """
    most = max(1, min(_AT_MOST_PLAIN_ROUNDS, round(_PLAIN_S / made.round_s)))
    work, nothing = ([1] * most, [0] * most) if made.once else ([most], [0])
    seen: tuple[list[Use], list[Use]] = ([], [])
    for _ in range(_LOOKS):
        for tree, found in zip((old, new), seen, strict=True):
            replies = [repeated(target, made, tree, numbers) for numbers in (work, nothing)]
            found.append(_use(*replies))
    return _middle(seen[0]), _middle(seen[1])


def _use(with_them: Reply, without: Reply) -> Use:
    done, idle = with_them.messages[0], without.messages[0]
    return Use(
        with_them.completed.wall_s - without.completed.wall_s,
        with_them.completed.cpu_s - without.completed.cpu_s,
        done.number("system_s") - idle.number("system_s"),
        done.number("waits") - idle.number("waits"),
        done.texts("native"),
    )


def _middle(found: Sequence[Use]) -> Use:
    return Use(
        max(1e-6, median(each.wall_s for each in found)),
        max(1e-6, median(each.cpu_s for each in found)),
        median(each.system_s for each in found),
        median(each.waits for each in found),
        found[0].native,
    )
