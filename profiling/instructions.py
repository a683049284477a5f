"""How many instructions recorded calls execute on two versions: a witness that no noise reaches.

Two forked children of one warm process make the same calls, one of them for one round more; the
difference of their counts is that round's, with neither the interpreter's start nor the imports in
it. Counting is done by the
processor where it may be asked (perf-stat(1), from outside the sandbox), else by Valgrind's
Cachegrind (its manual, section "Cachegrind: a high-precision tracing profiler"), which executes the
process on a simulated processor, inside the sandbox: some twenty times slower, but its counts of
single-threaded code are the same to the last digit, run after run. Both count what the process
itself executes, and nothing of the kernel's.
"""

import os
import re
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from statistics import median

from perfbot.profiling.benchmark import affordable, choose_calls
from perfbot.profiling.replay import Reference
from perfbot.profiling.sandbox import Command, Level, Limits, SandboxError, at
from perfbot.profiling.target import Reply, Target
from perfbot.profiling.tree import Tree, module_names

NOT_INSTALLED = "neither perf nor valgrind is installed"
DOES_NOT_WORK = "{name} counts nothing here ({why})"
TOO_LONG = "its shortest call takes {seconds:.1f} s, too long to be counted"
NO_CALLS = "none of its calls can be made again"
NO_COUNT = "{name} gave no count: {why}"
NO_MORE = "one more round of its calls executes no more instructions"
UNDONE = "the counting process {trouble}"

PATH = "/usr/local/bin:/usr/bin:/bin"
_ROUND_S = {"perf": 0.2, "cachegrind": 0.02}  # of the old version's plain time, as far as possible
_AT_MOST_ROUND_S = 0.3
_WARM_UP = 2  # rounds that come before, unless first calls count
_COPIED_BYTES = 8 << 20  # of arguments that need a fresh copy for each call, all rounds together
_AT_MOST_REAL_REPEATS = 50  # as where the clock times the first pass only
_LOOKS = 3  # at the plain speed, each with two processes of each version
_PLAIN_S, _AT_MOST_PLAIN_ROUNDS = 1.0, 50
_LIMITS = Limits(wall_s=240, cpu_s=90)
_TRIAL_LIMITS = Limits(wall_s=60, cpu_s=20)
_CACHEGRIND_OPTIONS = (
    "--tool=cachegrind --cache-sim=no --branch-sim=no --cachegrind-out-file=/dev/null --vgdb=no"
).split()
_SIMULATIONS = ("--cache-sim=yes", "--branch-sim=yes")  # the last word on an option counts
_CYCLES = {
    "I refs": 1,
    "I1 misses": 10,
    "D1 misses": 10,
    "Mispredicts": 10,
    "LLi misses": 100,
    "LLd misses": 100,
}
# With a file named, perf begins a line of its own after whatever the target wrote.
_PERF_OPTIONS = "stat -x, -o /dev/stderr -e instructions:u --".split()


class NotCountedError(Exception):
    """No count could be made; the message is a clause that says why."""


class OnlyNewNotCountedError(NotCountedError):
    """The old version was counted, the new one was not."""


@dataclass(frozen=True, slots=True)
class Counter:
    """A way of counting instructions that works here; ``name`` is as in the report."""

    name: str
    command: tuple[str, ...]
    outside: bool  # it watches the sandbox, rather than running in it
    read: Callable[[str], list[int]]  # the counts in what it wrote


def read_perf(said: str) -> list[int]:
    """Return the sum of the counts in what ``perf stat -x,`` wrote, nothing where one is missing.

    A processor with two kinds of cores has a line for each. Counts that were extrapolated because
    the counter was shared are not believed, nor is an event that is told twice.
    """
    counts: dict[str, int] = {}
    for line in said.splitlines():
        value, *rest = line.split(",")
        if len(rest) < 4 or "instructions" not in rest[1]:
            continue
        if not re.fullmatch(r"[0-9]{1,18}", value) or rest[1] in counts or rest[3] != "100.00":
            return []
        counts[rest[1]] = int(value)
    return [sum(counts.values())] if counts else []


def read_cachegrind(said: str) -> list[int]:
    """Return the counts of all processes in the order of their ends, nothing where one is told twice.

    A forked process has what was counted before the fork in its count.
    """
    found = re.findall(r"^==(\d+)== I\s+refs:\s+(\d[\d,]{0,24})$", said, re.MULTILINE | re.ASCII)
    if len(found) != len({process for process, _ in found}):
        return []
    return [int(count.replace(",", "")) for _, count in found]


def read_cycles(said: str) -> list[int]:
    """Return each process's estimated cycles, from the closing words of Cachegrind with all simulations.

    The estimate is KCachegrind's: one for an instruction, ten for a miss of the first cache or of the
    branch predictor, a hundred for one of the last cache.
    """
    cycles: dict[str, int] = {}
    lines = re.findall(
        r"^==(\d+)== (\w+)\s+(\w+):\s+(\d[\d,]{0,24})\b", said, re.MULTILINE | re.ASCII
    )
    lines += re.findall(
        r"^==(\d+)== (Mispredicts)():\s+(\d[\d,]{0,24})\b", said, re.MULTILINE | re.ASCII
    )
    for process, *event, count in lines:
        weight = _CYCLES.get(" ".join(event).strip(), 0)
        cycles[process] = cycles.get(process, 0) + weight * int(count.replace(",", ""))
    return list(cycles.values())


def counter(level: Level, path: str = PATH) -> Counter | None:
    """Return the best counter that works in a sandbox of this level, having tried it, if there is one."""
    return next((each for each in _installed(path) if _why_not(level, each) is None), None)


def why_no_counter(level: Level, path: str = PATH) -> str:
    """Say why there is no counter."""
    reasons = [_why_not(level, each) for each in _installed(path)]
    return "; ".join(filter(None, reasons)) or NOT_INSTALLED


def _installed(path: str) -> list[Counter]:
    known = (
        ("perf", "perf", _PERF_OPTIONS, True, read_perf),
        ("cachegrind", "valgrind", _CACHEGRIND_OPTIONS, False, read_cachegrind),
    )
    return [
        Counter(name, (program, *options), outside, read)
        for name, tool, options, outside, read in known
        if (program := shutil.which(tool, path=path)) is not None
    ]


def estimator(counter: Counter) -> Counter | None:
    """Return what estimates cycles, with caches and branches, where the counter is Cachegrind."""
    if counter.outside:
        return None
    return replace(counter, command=(*counter.command, *_SIMULATIONS), read=read_cycles)


@cache
def _why_not(level: Level, counter: Counter) -> str | None:
    """Count a program that does nothing; being installed is not being allowed."""
    program = shutil.which("true", path=PATH) or "/bin/true"
    argv = (program,) if counter.outside else (*counter.command, program)
    watch = counter.command if counter.outside else ()
    command = Command(argv, Path("/usr"), limits=_TRIAL_LIMITS, watched_by=watch)
    try:
        completed = at(level).run(command)
    except SandboxError as error:
        return DOES_NOT_WORK.format(name=counter.name, why=error)
    said = completed.stderr.decode(errors="replace")
    if completed.returncode == 0 and len(counter.read(said)) == 1:
        return None
    return DOES_NOT_WORK.format(name=counter.name, why=_last_line(said))


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
    chosen = choose_calls(reference)
    if not chosen:
        raise NotCountedError(NO_CALLS)
    calls, ns = reference.recording.calls, _call_ns(reference)
    weights = {number: ns[number] * calls[number].times for number in chosen}
    dearest = sorted(chosen, key=lambda number: -weights[number])
    counted = tuple(sorted(affordable(reference, dearest, _AT_MOST_ROUND_S)))
    shortest_s = min(ns[number] for number in counted) / 1e9
    if shortest_s > _AT_MOST_ROUND_S:
        raise NotCountedError(TOO_LONG.format(seconds=shortest_s))
    copied = 3 * sum(
        calls[number].times * len(calls[number].arguments)
        for number in counted
        if reference.fresh[number]
    )
    scale = aim_s * 1e9 / sum(weights[number] for number in counted)
    scale = min(scale, _COPIED_BYTES / max(copied, 1))
    times = [calls[number].times for number in counted]
    repeats = [
        min(each, _AT_MOST_REAL_REPEATS) if once else max(1, round(each * scale)) for each in times
    ]
    round_s = sum(ns[each] * count for each, count in zip(counted, repeats, strict=True)) / 1e9
    share = sum(weights[number] for number in counted) / sum(weights.values())
    return Rounds(reference, counted, tuple(repeats), once, round_s, share)


def _call_ns(reference: Reference) -> dict[int, int]:
    return {number: max(1, reference.behaviours[number, 0].ns) for number in reference.real}


def aim_s(counter: Counter) -> float:
    """Return how long a round should plainly take: long against noise, short for who is slow."""
    return _ROUND_S[counter.name]


def ratio(counter: Counter, target: Target, made: Rounds, old: Tree, new: Tree) -> float:
    """Return the instructions of a round on the new version over those on the old one.

    Raises:
        NotCountedError: a process did not come to its end, or its count makes no sense.
        OnlyNewNotCountedError: it was one of the new version only.
    """
    with ThreadPoolExecutor(_workers()) as pool:
        before, after = (pool.submit(count, counter, target, made, tree) for tree in (old, new))
        counted = before.result()
        try:
            return after.result() / counted
        except NotCountedError as error:
            raise OnlyNewNotCountedError(str(error)) from error


def _workers() -> int:
    """Counting asks for no quiet, so that both versions may be counted at once."""
    return min(2, len(os.sched_getaffinity(0)))


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


def count(counter: Counter, target: Target, made: Rounds, tree: Tree) -> int:
    """Return the instructions of one round on one version.

    Raises:
        NotCountedError: a process did not come to its end, or its count makes no sense.
    """
    if counter.outside:  # counts all processes together
        (without,), (with_it,) = (_counts(counter, target, made, tree, (n,)) for n in (0, 1))
        found = with_it - without
    else:  # each has the forking itself in it, which two that do nothing show; the first is dearer
        _, one, other, full, _ = _counts(counter, target, made, tree, (0, 0, 0, 1))
        found = full - other - (other - one)
    if found <= 0:
        raise NotCountedError(NO_MORE)
    return found


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
        raise NotCountedError(NO_COUNT.format(name=counter.name, why=_last_line(said)))
    return found


def _last_line(said: str) -> str:
    return next(iter(said.strip().splitlines()[-1:]), "it ended without a word")


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
        raise NotCountedError(UNDONE.format(trouble=reply.trouble))
    return reply
