"""The code under judgement and what is asked of a change to it."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from perfbot.optimizer.gates import FileChange
from perfbot.optimizer.house_style import HouseStyle, house_style
from perfbot.optimizer.objective import Objective
from perfbot.optimizer.readability import Limits
from perfbot.profiling import replay
from perfbot.profiling.capture import Recording
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.measure import Interval
from perfbot.profiling.replay import Reference
from perfbot.profiling.suite import Baseline
from perfbot.profiling.target import Target
from perfbot.profiling.tree import Tree, module_names, with_changes
from perfbot.profiling.workload import Workload


@dataclass(frozen=True, slots=True)
class Terms:
    """What a change must reach; ratios are new/old for memory and old/new for speed.

    ``min_speedup`` is asked of whatever is to be made smaller: 1.10 is a time, or a peak of memory,
    that the old version has 1.10 times.
    """

    min_speedup: float = 1.10
    confidence: float = 0.99
    max_memory_ratio: float = 1.10
    readability: Limits | None = None  # None: it is only remarked on
    allowed: frozenset[str] = frozenset()
    objective: Objective = Objective.TIME
    min_kill_rate: float = 0.0  # the share of seeded faults that should be caught
    tolerance: float | None = None  # of floats in results, relative to the larger; None: exact


@dataclass
class Case:
    """The code under judgement as it is now, and everything known of it.

    References (what the unchanged code does on the recorded calls) are made when first asked for.
    """

    target: Target
    tree: Tree
    workload: Workload
    baseline: Baseline
    scratch: Path
    noise: Interval | None = None
    dependencies: frozenset[str] = frozenset()
    recordings: dict[FunctionName, Recording] = field(default_factory=dict)
    _references: dict[FunctionName, Reference] = field(default_factory=dict)
    _styles: dict[str, HouseStyle] = field(default_factory=dict)
    _copies: int = 0

    def own_packages(self, changes: Mapping[str, bytes]) -> frozenset[str]:
        """Return the top-level names of the project's own modules, those of a change included."""
        paths = (*self.tree.files, *changes)
        names = (name for path in paths for name in module_names(self.tree, path))
        return frozenset(name.split(".")[0] for name in names)

    def reference(self, function: FunctionName) -> Reference:
        """Return what the unchanged function does on its recorded calls and their mutations."""
        if function not in self._references:
            recording = self.recordings[function]
            self._references[function] = replay.reference(self.target, self.tree, recording)
        return self._references[function]

    def copy(self, changes: Mapping[str, bytes]) -> Tree:
        """Return a new copy of the tree with files changed."""
        self._copies += 1
        return with_changes(self.tree, changes, self.scratch / f"copy-{self._copies:05d}")

    @contextmanager
    def lent(self, changes: Mapping[str, bytes]) -> Iterator[Tree]:
        """Lend a copy of the tree with files changed, which is removed afterwards."""
        copy = self.copy(changes)
        try:
            yield copy
        finally:
            shutil.rmtree(copy.root, ignore_errors=True)

    def file_changes(self, changes: Mapping[str, bytes]) -> list[FileChange]:
        """Return the changes with what the files hold now."""
        return [
            FileChange(path, self.content(path), after) for path, after in sorted(changes.items())
        ]

    def content(self, path: str) -> bytes | None:
        """Return a file's bytes, ``None`` where there is none."""
        file = self.tree.root / path
        return file.read_bytes() if file.is_file() and not file.is_symlink() else None

    def house_style(self, path: str) -> HouseStyle:
        """Return how the project wants a file to look."""
        if path not in self._styles:
            self._styles[path] = house_style(self.content, path)
        return self._styles[path]

    def adopt(self, changes: Mapping[str, bytes]) -> None:
        """Take an accepted change over, so that the next one is judged on top of it."""
        self.tree = self.copy(changes)
        self._references.clear()
