"""On which lines a function spends its time, on its recorded calls.

The lines are timed in processes of their own (``inside/lines.py``), several, as one interruption of a
short call would make its line look dear. Timing makes short lines look somewhat dearer than they are;
nothing that is claimed of a change rests on it.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from perfbot.profiling.benchmark import choose_calls
from perfbot.profiling.messages import Message
from perfbot.profiling.replay import Reference
from perfbot.profiling.sandbox import Limits
from perfbot.profiling.target import Target
from perfbot.profiling.tree import Tree, module_names

NO_CALL = "none of its recorded calls can be made again"
NOTHING = "no line of it was seen to run"

_PROCESSES = 3
_BUDGET_S = 0.4  # in each
_WALL_S = 20.0
_MOST_LINES = 2_000
_LARGEST = 1e18  # nanoseconds or runs: what is more is no measurement


@dataclass(frozen=True, slots=True)
class LineTime:
    """One line of the file: its share (0 to 1) of the function's time, and its runs per call."""

    line: int
    share: float
    runs: float


@dataclass(frozen=True, slots=True)
class LineTimes:
    """The lines of a function that ran, in order; ``why`` says why there are none."""

    lines: tuple[LineTime, ...] = ()
    why: str = ""


def measure(target: Target, reference: Reference, tree: Tree) -> LineTimes:
    """Time the lines of a function as it stands in ``tree``, on its dearest recorded calls.

    Each call counts as often as the workload makes it. A process that fails leaves no lines.

    Raises:
        SandboxError: a process could not be started at all.
    """
    recording = reference.recording
    chosen = choose_calls(reference)
    if not chosen:
        return LineTimes(why=NO_CALL)
    job = {
        "do": "lines",
        "function": str(recording.function),
        "modules": list(module_names(tree, recording.function.path)),
        "path": list(recording.path),
        "calls": [recording.calls[number].arguments for number in chosen],
        "times": [recording.calls[number].times for number in chosen],
        "budget_s": _BUDGET_S,
    }
    found: list[LineTimes] = []
    for _ in range(_PROCESSES):
        found.append(_timed(target, job, tree))
        if found[-1].why:
            return found[-1]
    return _median(found)


def _timed(target: Target, job: Mapping[str, object], tree: Tree) -> LineTimes:
    reply = target.run(job, tree, limits=Limits(wall_s=_WALL_S, cpu_s=int(_WALL_S)))
    told = next(reply.of_kind("lines"), None)
    if told is None or not reply.finished:
        return LineTimes(why=reply.trouble)
    return _line_times(told)


def _median(found: Sequence[LineTimes]) -> LineTimes:
    """Return each line with the median of its shares, which then are made to come to one."""
    shares: dict[int, list[float]] = {}
    for times in found:
        for each in times.lines:
            shares.setdefault(each.line, []).append(each.share)
    medians = {line: median(several) for line, several in shares.items()}
    total = sum(medians.values())
    if total <= 0:
        return LineTimes(why=NOTHING)
    runs = {each.line: each.runs for times in found for each in times.lines}
    return LineTimes(
        tuple(LineTime(line, medians[line] / total, runs[line]) for line in sorted(medians))
    )


def _line_times(told: Message) -> LineTimes:
    """Believe lines that stand in order and times that can be."""
    seen = [
        (each.whole("line"), each.number("ns"), each.number("runs"))
        for each in told.objects("lines")[:_MOST_LINES]
    ]
    ordered = all(one[0] < other[0] for one, other in itertools.pairwise(seen))
    possible = all(line > 0 and 0 <= ns < _LARGEST and runs >= 0 for line, ns, runs in seen)
    total_ns, calls = sum(ns for _, ns, _ in seen), told.whole("calls")
    if not (ordered and possible and total_ns > 0 and calls > 0):
        return LineTimes(why=NOTHING)
    return LineTimes(tuple(LineTime(line, ns / total_ns, runs / calls) for line, ns, runs in seen))
