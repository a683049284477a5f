"""What can count executed instructions on this machine, and how its words are read.

The processor counts where it may be asked (perf-stat(1), from outside the sandbox); else Valgrind's
Cachegrind does (its manual, section "Cachegrind: a high-precision tracing profiler"), which executes
a process on a simulated processor, inside the sandbox: some twenty times slower, but to the last
digit. Both count what processes themselves execute, and nothing of the kernel's.
"""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from perfbot.profiling.sandbox import Command, Level, Limits, SandboxError, at

NOT_INSTALLED = "neither perf nor valgrind is installed"
DOES_NOT_WORK = "{name} counts nothing here ({why})"
SILENT = "it ended without a word"

PATH = "/usr/local/bin:/usr/bin:/bin"
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


def counter(level: Level, path: str = PATH, *, inside: bool = False) -> Counter | None:
    """Return the best counter that works in a sandbox of this level, having tried it, if there is one.

    With ``inside``, only those that run in the sandbox and count each process by itself.
    """
    fit = (each for each in _installed(path) if not (inside and each.outside))
    return next((each for each in fit if _why_not(level, each) is None), None)


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
    return DOES_NOT_WORK.format(name=counter.name, why=last_line(said))


def last_line(said: str) -> str:
    """Return the last line that a counted command wrote, of Valgrind's own words where it wrote none."""
    lines = [line for line in said.splitlines() if line.strip()]
    own = [line for line in lines if not re.match(r"(==|--)\d+", line)]
    return next(reversed(own or lines), SILENT)
