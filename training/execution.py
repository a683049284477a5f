"""Programs run on inputs in the product's sandbox: what they print, and what that costs.

One :class:`Runner` compiles what is C++ (g++ -O3, as PIE measures), and makes all runs of a program
in one process of the sandbox (``inside/run.py``), so that the interpreter's start is in none of them.
Instructions are counted by Cachegrind where it works (``profiling/counters.py``): the same program and
input give the same count, whatever else the machine does.
"""

import hashlib
import json
import math
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import msgspec

from perfbot.profiling.counters import Counter, counter
from perfbot.profiling.environment import Interpreter, query
from perfbot.profiling.sandbox import Command, Completed, Ending, Limits, Sandbox
from perfbot.training.records import Language

DOES_NOT_COMPILE = "g++ refuses it: {why}"
DOES_NOT_PARSE = "it is no Python 3 that compiles"
NO_COMPILER = "there is no g++ here, so C++ pairs cannot be verified: install it, or leave them out"
CRASHED = "it ended with {code}{said}"
TIME_UP = "it took longer than {seconds:g} s"
TOO_MUCH = "it printed too much, or no text"
LOST = "the process that runs it ended: {how}"

COMPILER = "/usr/bin/g++"
COMPILE = ("-O3", "-std=gnu++17", "-w")
_HASH_SEED = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_EMPTY = {
    Language.PYTHON: "",
    Language.CPP: "#include <iostream>\nint main() { return 0; }\n",
}
_INSIDE = Path(__file__).parent / "inside"
_COMPILE_LIMITS = Limits(wall_s=120, cpu_s=60, memory_bytes=2 << 30)
_COUNTING_SLOWDOWN = 60  # of a run under Cachegrind, with room
_BASELINE_S = 60.0  # for everything around the runs, on a loaded machine


class ExecutionError(Exception):
    """A program cannot be compiled; the message says why."""


class Fate(StrEnum):
    """How a run ended."""

    DONE = "done"
    CRASHED = "crashed"
    TIME_UP = "time up"
    TOO_MUCH = "too much output"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one run may take."""

    cpu_s: int = 5
    wall_s: float = 30.0
    output_bytes: int = 1 << 20
    memory_bytes: int = 1 << 30


@dataclass(frozen=True, slots=True)
class Ran:
    """One run. ``stdout`` is whole where the fate is ``DONE``; costs are without the start's."""

    fate: Fate
    stdout: str = ""
    wall_s: float = math.nan
    cpu_s: float = math.nan
    rss_bytes: int = 0
    why: str = ""


class _Told(msgspec.Struct):
    code: int
    whole: bool
    stdout: str
    wall_s: float = math.nan
    cpu_s: float = math.nan
    rss_bytes: int = 0
    said: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that can be run: a Python file, or what the compiler made of C++."""

    language: Language
    file: Path


@dataclass(frozen=True, slots=True)
class Task:
    """One run to make: a program, and the file with what it reads."""

    program: Program
    stdin: Path


@dataclass(frozen=True, slots=True)
class Runner:
    """Compiles and runs programs below one folder."""

    sandbox: Sandbox
    interpreter: Interpreter
    counter: Counter | None
    folder: Path
    bounds: Bounds = field(default_factory=Bounds)

    def prepared(self, language: Language, text: str) -> Program:
        """Return a program from its text; the same text is compiled once.

        Raises:
            ExecutionError: it does not compile, or there is no compiler.
        """
        name = hashlib.sha256(f"{language}\n{text}".encode(errors="surrogatepass")).hexdigest()[:24]
        if language is Language.PYTHON:
            return Program(language, self._python(self.folder / "sources" / f"{name}.py", text))
        return Program(language, self._compiled(name, text))

    def run(self, tasks: Sequence[Task]) -> list[Ran]:
        """Make each run, in their order, in one process that is warm."""
        limits = self._limits(len(tasks), 1)
        completed = self._made(tasks, counting=False, under=(), limits=limits)
        found = [self._ran(each) for each in _told(completed)]
        if len(found) < len(tasks):  # one took the whole process with it
            found += [self._lost(completed)] * (len(tasks) - len(found))
        return found

    def instructions(self, tasks: Sequence[Task]) -> list[int | None]:
        """Return how many instructions each run executes beyond those of an empty program.

        ``None`` is what could not be counted: nothing counts here, or the run did not end well.
        """
        if self.counter is None:
            return [None] * len(tasks)
        if tasks and tasks[0].program.language is Language.CPP:
            return [self._native_count(each) for each in tasks]
        empty = Task(self.prepared(Language.PYTHON, _EMPTY[Language.PYTHON]), self.input_file(""))
        first, *rest = self._counted([empty, *tasks], self.counter)
        return [None if None in (first, each) else max(1, each - first) for each in rest]  # type: ignore[operator]

    def _counted(self, tasks: Sequence[Task], counter: Counter) -> list[int | None]:
        limits = self._limits(len(tasks), _COUNTING_SLOWDOWN)
        completed = self._made(tasks, counting=True, under=counter.command, limits=limits)
        counts = counter.read(completed.stderr.decode(errors="replace"))
        told = _told(completed)
        if len(told) != len(tasks) or len(counts) != 2 * len(tasks) + 1:
            return [None] * len(tasks)
        pairs = zip(counts[:-1:2], counts[1:-1:2], told, strict=True)
        return [run - idle if each.code == 0 else None for idle, run, each in pairs]

    def _python(self, file: Path, text: str) -> Path:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of people's programs, such as on their escapes
                compile(text, file.name, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise ExecutionError(DOES_NOT_PARSE) from None
        return _written(file, text)

    def _compiled(self, name: str, text: str) -> Path:
        if not Path(COMPILER).is_file():
            raise ExecutionError(NO_COMPILER)
        source = _written(self.folder / "sources" / f"{name}.cpp", text)
        built = self.folder / "built" / name
        program = built / "program"
        if program.is_file():
            return program
        built.mkdir(parents=True, exist_ok=True)
        argv = (COMPILER, *COMPILE, "-o", str(program), str(source))
        completed = self.sandbox.run(
            Command(
                argv,
                source.parent,
                readable=(source.parent,),
                writable=(built,),
                limits=_COMPILE_LIMITS,
            )
        )
        if completed.returncode != 0 or not program.is_file():
            raise ExecutionError(DOES_NOT_COMPILE.format(why=_first_error(completed)))
        return program

    def _made(
        self,
        tasks: Sequence[Task],
        *,
        counting: bool,
        under: Sequence[str],
        limits: Limits,
    ) -> Completed:
        slower = _COUNTING_SLOWDOWN if counting else 1
        job = {
            "runs": [
                {
                    "program": str(each.program.file),
                    "stdin": str(each.stdin),
                    "native": each.program.language is Language.CPP,
                }
                for each in tasks
            ],
            "counting": counting,
            "cpu_s": self.bounds.cpu_s * slower,
            "wall_s": self.bounds.wall_s * slower,
            "output_bytes": self.bounds.output_bytes,
        }
        command = (*under, str(self.interpreter.executable), "-s", "-B", str(_INSIDE / "run.py"))
        return self._sandboxed(command, json.dumps(job).encode(), limits)

    def _sandboxed(self, argv: tuple[str, ...], stdin: bytes, limits: Limits) -> Completed:
        return self.sandbox.run(
            Command(
                argv,
                self.folder,
                readable=(*self.interpreter.readable, _INSIDE, self.folder),
                environment=_HASH_SEED,
                stdin=stdin,
                limits=limits,
            )
        )

    def _native_count(self, task: Task) -> int | None:
        empty = self.prepared(Language.CPP, _EMPTY[Language.CPP])
        base = self._executed(Task(empty, self.input_file("")))
        found = self._executed(task)
        return None if base is None or found is None else max(1, found - base)

    def _executed(self, task: Task) -> int | None:
        assert self.counter is not None
        completed = self._sandboxed(
            (*self.counter.command, str(task.program.file)),
            task.stdin.read_bytes(),
            self._limits(1, _COUNTING_SLOWDOWN),
        )
        counts = self.counter.read(completed.stderr.decode(errors="replace"))
        return counts[0] if completed.returncode == 0 and len(counts) == 1 else None

    def generated(self, job: dict[str, object]) -> list[str]:
        """Return the inputs that generators make (see ``inside/generate.py``), without the failed."""
        argv = (str(self.interpreter.executable), "-s", "-B", str(_INSIDE / "generate.py"))
        limits = Limits(wall_s=120, cpu_s=60, memory_bytes=self.bounds.memory_bytes)
        completed = self._sandboxed(argv, json.dumps(job).encode(), limits)
        found = []
        for line in completed.results.splitlines():
            try:
                told = msgspec.json.decode(line, type=dict[str, str])
            except msgspec.DecodeError:
                continue  # the line at which its process ended
            if "stdin" in told:
                found.append(told["stdin"])
        return found

    def input_file(self, text: str) -> Path:
        """Write an input where programs can read it."""
        name = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:24]
        return _written(self.folder / "inputs" / f"{name}.txt", text)

    def _limits(self, runs: int, slower: int) -> Limits:
        return Limits(
            wall_s=_BASELINE_S + self.bounds.wall_s * runs * slower,
            cpu_s=int(_BASELINE_S + self.bounds.cpu_s * runs * slower),
            memory_bytes=self.bounds.memory_bytes,
            processes=16,
        )

    def _ran(self, told: _Told) -> Ran:
        cost = (told.wall_s, told.cpu_s, told.rss_bytes)
        if told.code in _TIME_SIGNALS:
            return Ran(
                Fate.TIME_UP, "", *cost, why=TIME_UP.format(seconds=float(self.bounds.cpu_s))
            )
        said = f" ({told.said})" if told.said else ""
        if told.code != 0:
            return Ran(Fate.CRASHED, "", *cost, why=CRASHED.format(code=told.code, said=said))
        if not told.whole:
            return Ran(Fate.TOO_MUCH, "", *cost, why=TOO_MUCH)
        return Ran(Fate.DONE, told.stdout, *cost)

    def _lost(self, completed: Completed) -> Ran:
        if completed.ending is Ending.TIMED_OUT:
            return Ran(Fate.TIME_UP, why=TIME_UP.format(seconds=self.bounds.wall_s))
        how = completed.ending if completed.ending is not Ending.EXITED else completed.returncode
        return Ran(Fate.CRASHED, why=LOST.format(how=how))


_TIME_SIGNALS = (-14, -24)  # SIGALRM, SIGXCPU


@contextmanager
def runner(sandbox: Sandbox, bounds: Bounds | None = None) -> Iterator[Runner]:
    """Give a runner with a folder that is removed afterwards, in this process's own Python."""
    folder = Path(tempfile.mkdtemp(prefix="perfbot-programs-")).resolve()
    folder.chmod(0o755)  # read by the sandbox's user
    try:
        interpreter = query(Path(sys.executable), sandbox)
        found = counter(sandbox.level, inside=True)
        yield Runner(sandbox, interpreter, found, folder, bounds or Bounds())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _written(path: Path, text: str) -> Path:
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(errors="surrogatepass"))
    return path


def _told(completed: Completed) -> list[_Told]:
    """Return the runs that were told of whole lines; the target wrote them, so they may be anything."""
    found = []
    for line in completed.results.splitlines():
        try:
            found.append(msgspec.json.decode(line, type=_Told))
        except msgspec.DecodeError:
            break
    return found


def _first_error(completed: Completed) -> str:
    said = completed.stderr.decode(errors="replace").splitlines()
    line = next((each for each in said if "error" in each), f"it ended: {completed.ending}")
    return line.partition("error: ")[2][:200] or line[:200]
