"""Six kinds of functions whose true speedup is known by construction, ready to be timed.

Each function does a number of equal units of work and returns what the last of them gave, so that
11 units against 10 is a true gain of 1.10 with the same result. A call takes 5 µs to 40 ms.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perfbot.profiling.benchmark import CallBenchmark, choose_calls
from perfbot.profiling.capture import capture
from perfbot.profiling.environment import query
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.replay import Reference, reference
from perfbot.profiling.sandbox import strongest
from perfbot.profiling.target import Target
from perfbot.profiling.tree import Tree, export, with_changes
from perfbot.profiling.workload import Workload

UNITS = 20  # of the faster version
GAINS = (1.0, 1.10, 1.25, 1.5)

KINDS = {
    "strings": """\
def work(words):
    found = 0
    for _ in range({units}):
        found = ",".join(words).count("e")
    return found
""",
    "regular-expressions": """\
import re

NUMBER = re.compile(r"([a-z]+)=(\\d+)")


def work(line):
    found = []
    for _ in range({units}):
        found = NUMBER.findall(line)
    return found
""",
    "dictionaries": """\
def work(names):
    found = {{}}
    for _ in range({units}):
        found = {{}}
        for name in names:
            found[name] = found.get(name, 0) + 1
    return found
""",
    "sorting": """\
def work(rows):
    found = []
    for _ in range({units}):
        found = sorted(rows, key=lambda row: row[1])
    return found
""",
    "recursion": """\
def depth(tree):
    return 1 + max(map(depth, tree), default=0)


def work(tree):
    found = 0
    for _ in range({units}):
        found = depth(tree)
    return found
""",
    "loops": """\
def work(numbers):
    found = 0
    for _ in range({units}):
        found = 0
        for number in numbers:
            if number % 3:
                found += number * number
    return found
""",
}
ARGUMENTS = {
    "strings": '"the quick brown fox jumps over the lazy dog and runs".split() * 3',
    "regular-expressions": '"alpha=1 beta=22 gamma=333 " * 4',
    "dictionaries": '[f"name{n * n % 61}" for n in range(150)]',
    "sorting": "[(n, n * 7919 % 1009) for n in range(500)]",
    "recursion": "[[[[] for _ in range(5)] for _ in range(8)] for _ in range(8)]",
    "loops": "list(range(60000))",
}
RENAMED = {"found": "outcome", "name": "each", "number": "value", "row": "entry", "_": "turn"}


def path_of(kind: str) -> str:
    return kind.replace("-", "_") + ".py"


def source(kind: str, units: int, *, renamed: bool = False) -> str:
    """Return a kind's module; ``renamed`` gives other names to its variables."""
    text = KINDS[kind].format(units=units)
    if renamed:
        for before, after in RENAMED.items():
            text = re.sub(rf"\b{before}\b", after, text)
    return text


def old_units(gain: float) -> int:
    """Return how many units the slower version does; exact for every one of ``GAINS``."""
    units = round(UNITS * gain)
    assert abs(units / UNITS - gain) < 1e-9
    return units


def exercise() -> str:
    modules = {kind: path_of(kind).removesuffix(".py") for kind in KINDS}
    return "".join(
        f"import {module}\n{module}.work({ARGUMENTS[kind]})\n" for kind, module in modules.items()
    )


@dataclass(frozen=True, slots=True)
class Bench:
    """The functions as one repository: trees by gain for the old side, two for the new one."""

    target: Target
    references: Mapping[str, Reference]
    old: Mapping[float, Tree]
    same: Tree
    renamed: Tree

    def benchmark(self, kind: str, budget_s: float) -> CallBenchmark:
        known = self.references[kind]
        return CallBenchmark(self.target, known, choose_calls(known), budget_s)


def bench(scratch: Path) -> Bench:
    """Write the repository into an empty folder, record the functions' calls and copy the versions."""
    project = scratch / "project"
    project.mkdir()
    for kind in KINDS:
        (project / path_of(kind)).write_text(source(kind, UNITS))
    (project / "exercise.py").write_text(exercise())
    tree = export(project, scratch / "tree")
    sandbox = strongest()
    target = Target(sandbox, query(Path(sys.executable), sandbox))
    names = {kind: FunctionName(path_of(kind), "work") for kind in KINDS}
    workload = Workload(None, (), (("python", "exercise.py"),), ())
    run = with_changes(tree, {}, scratch / "run")
    recordings = capture(target, run, workload, list(names.values()), wall_s=120)
    return Bench(
        target,
        {kind: reference(target, tree, recordings[name]) for kind, name in names.items()},
        {gain: _version(tree, scratch / f"old-{gain}", old_units(gain)) for gain in GAINS},
        with_changes(tree, {}, scratch / "new-same"),
        _version(tree, scratch / "new-name", UNITS, renamed=True),
    )


def _version(tree: Tree, to: Path, units: int, *, renamed: bool = False) -> Tree:
    changes = {path_of(kind): source(kind, units, renamed=renamed).encode() for kind in KINDS}
    return with_changes(tree, changes, to)
