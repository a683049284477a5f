"""Throughput and latency of coroutine functions: recorded calls one after the other and many at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from perfbot.profiling.messages import Message
from perfbot.profiling.replay import Reference
from perfbot.profiling.sandbox import Limits
from perfbot.profiling.target import Target
from perfbot.profiling.tree import Tree, module_names

LEVELS = (1, 16)  # calls at the same time
_PAIRS = 3
_BUDGET_S = 0.5  # for each level
_WALL_S = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """How many calls a second are answered when ``at_once`` begin together, and how long one takes.

    ``p50_s`` and ``p99_s`` are the median and the 99th percentile of the time until a call is done.
    """

    at_once: int
    calls_per_s: float
    p50_s: float
    p99_s: float


@dataclass(frozen=True, slots=True)
class Compared:
    """The same load on the old and on the new version."""

    before: Load
    after: Load


def compared(
    target: Target, old: Tree, new: Tree, reference: Reference, chosen: Sequence[int]
) -> tuple[Compared, ...]:
    """Put both versions of a coroutine function under load, each three times in turn; one per level.

    Each figure is the median over the processes. Empty for other kinds of functions, and where a
    process does not end or says what cannot be.
    """
    if reference.recording.kind != "coroutine" or not chosen:
        return ()
    runs = [
        (_loads(target, old, reference, chosen), _loads(target, new, reference, chosen))
        for _ in range(_PAIRS)
    ]
    if not all(before and after for before, after in runs):
        return ()
    return tuple(
        Compared(
            _median([before[level] for before, _ in runs]),
            _median([after[level] for _, after in runs]),
        )
        for level in range(len(LEVELS))
    )


def _loads(
    target: Target, tree: Tree, reference: Reference, chosen: Sequence[int]
) -> tuple[Load, ...]:
    """Measure one version in a fresh process."""
    recording = reference.recording
    job = {
        "do": "concurrency",
        "function": str(recording.function),
        "modules": list(module_names(tree, recording.function.path)),
        "path": list(recording.path),
        "calls": [recording.calls[number].arguments for number in chosen],
        "levels": list(LEVELS),
        "budget_s": _BUDGET_S,
    }
    reply = target.run(job, tree, limits=Limits(wall_s=_WALL_S, cpu_s=int(_WALL_S) + 30))
    if not reply.finished or [each.kind for each in reply.messages] != ["concurrency", "done"]:
        return ()
    if reply.contradicts(reply.messages[0].number("total_ns") / 1e9):
        return ()
    loads = tuple(map(_load, reply.messages[0].objects("levels")))
    sound = all(0 < each.p50_s <= each.p99_s and each.calls_per_s > 0 for each in loads)
    return loads if sound and [each.at_once for each in loads] == list(LEVELS) else ()


def _load(message: Message) -> Load:
    elapsed_s = max(message.number("elapsed_ns"), 1.0) / 1e9
    return Load(
        message.whole("at_once"),
        message.whole("calls") / elapsed_s,
        message.number("p50_ns") / 1e9,
        message.number("p99_ns") / 1e9,
    )


def _median(loads: Sequence[Load]) -> Load:
    return Load(
        loads[0].at_once,
        median(each.calls_per_s for each in loads),
        median(each.p50_s for each in loads),
        median(each.p99_s for each in loads),
    )
