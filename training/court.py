"""Versions of many small programs judged by the product's own gates, and their cost measured.

A court lays its tasks out as one repository, runs its tests twice, records the calls, and then asks
``optimizer/verify.py`` about each version, exactly as a run of perfbot does. Only the measuring
differs: instructions of the first pass over the recorded calls, which are the same to the digit each
time. A memo gains nothing by that, as no call comes twice; work that is moved to the import is found
by counting the import as well. What was judged is remembered by its normal form, in a file too.
"""

import hashlib
import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from perfbot.optimizer import verify
from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.normal_form import normal_form
from perfbot.optimizer.plan import Subject
from perfbot.profiling import environment
from perfbot.profiling.capture import capture
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.overlay import overlay
from perfbot.profiling.sandbox import strongest
from perfbot.profiling.source import read_source
from perfbot.profiling.suite import baseline, run_suite
from perfbot.profiling.target import Target
from perfbot.profiling.tree import export, with_changes
from perfbot.profiling.workload import WorkloadSettings, discover
from perfbot.training import respelling
from perfbot.training.costs import Costs, Gauge
from perfbot.training.outcome import BRANCHES, Branch, Outcome
from perfbot.training.respelling import Renaming, RespellingError

NOT_ENDED = "the tests of the tasks {trouble}: nothing can be judged"

UNCHANGED = Outcome(Branch.RIGHT, 1.0, "it is the program itself")

_TERMS = Terms()
_WALL_S = 120.0
_TEST = """\
\"\"\"The calls of a task, and that a version answers them as the program itself does.\"\"\"

import copy

import pytest

from originals.{module} import {function} as original
from tasks.{module} import {function}

CALLS = {calls!r}


@pytest.mark.parametrize("call", CALLS)
def test_it_answers_as_before(call):
    arguments = eval(call)
    assert {function}(*copy.deepcopy(arguments)) == original(*arguments)
"""


class CourtError(Exception):
    """No judging is possible here; the message says why."""


@dataclass(frozen=True, slots=True)
class Task:
    """A slow program to be made faster: a function, and expressions of its argument tuples."""

    program: str
    function: str
    calls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a court keeps a program; other spellings of it share the place."""

    task: Task
    name: FunctionName


class Court:
    """Judges versions of its tasks; ``memory`` is a file in which that outlives the court.

    Nothing is run before something has to be judged that the memory does not have.

    Raises:
        CourtError: the tests of the tasks do not come to their end.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        *,
        gauge: Gauge = Gauge.INSTRUCTIONS,
        memory: Path | None = None,
    ) -> None:
        self._places: dict[str, _Place] = {}
        for task in tasks:
            path = f"tasks/task_{len(self._places):04d}.py"
            place = _Place(task, FunctionName(path, task.function))
            self._places.setdefault(_key(task), place)
        self._gauge = gauge
        self._memory = memory
        self._known = dict(_remembered(memory)) if memory else {}
        self.judged = 0

    def outcome(self, task: Task, program: str) -> Outcome:
        """Return what comes of a version of a task's program, the whole of it as text."""
        place = self._places[_key(task)]
        try:
            version = self._spelled(task, place).applied(program)
        except RespellingError as error:
            return Outcome(Branch.UNKNOWN, why=str(error))
        if normal_form(version) == normal_form(place.task.program):
            return UNCHANGED
        form = self._form(place, version)
        if form not in self._known:
            self._known[form] = self._judged(place.name, version)
            self._remember(form)
        return self._known[form]

    def subject(self, task: Task) -> Subject:
        """Return a task as the catalogue's rules take it, in the spelling that the court keeps."""
        place, case = self._places[_key(task)], self._case
        source = read_source(case.tree.root / place.name.path)
        recording = case.recordings[place.name]
        facts = dict(recording.facts)
        return Subject(place.name, source, facts, case.dependencies, recording.count)

    def kept(self, task: Task) -> Task:
        """Return the spelling of a task that the court keeps."""
        return self._places[_key(task)].task

    def _spelled(self, task: Task, place: _Place) -> Renaming:
        kept = place.task
        return respelling.renaming(task.program, task.function, kept.program, kept.function)

    def _form(self, place: _Place, version: str) -> str:
        """Return what a version is remembered by: the task, the gauge, the Python, its normal form."""
        form = respelling.pattern(version, place.task.function)
        parts = (_key(place.task), self._gauge, sys.version, form)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()

    def _remember(self, form: str) -> None:
        self.judged += 1
        if self._memory is not None:
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            with self._memory.open("ab") as stream:
                stream.write(msgspec.json.encode(_Kept(form, self._known[form])) + b"\n")

    # --- the repository of all tasks --------------------------------------------------------------

    @cached_property
    def _case(self) -> Case:
        """The repository with all tasks, tested twice, its calls recorded."""
        folder = Path(tempfile.mkdtemp(prefix="perfbot-")).resolve()
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        target, repository = _target(folder), folder / "repository"
        for path, text in _files(self._places.values()):
            (repository / path).parent.mkdir(parents=True, exist_ok=True)
            (repository / path).write_text(text)
        tree = export(repository, folder / "base")
        workload = discover(tree, WorkloadSettings(tests="tests"))
        runs = [
            run_suite(target, with_changes(tree, {}, folder / each), workload, wall_s=_WALL_S)
            for each in ("first", "second")
        ]
        trouble = next((run.trouble for run in runs if run.trouble), "")
        if trouble:
            raise CourtError(NOT_ENDED.format(trouble=trouble))
        case = Case(target, tree, workload, baseline(*runs), folder)
        case.dependencies = frozenset(target.interpreter.import_names)
        names = [place.name for place in self._places.values()]
        case.recordings.update(capture(target, case.copy({}), workload, names, wall_s=_WALL_S))
        return case

    @cached_property
    def _costs(self) -> Costs:
        return Costs(self._case, self._gauge)

    # --- one version --------------------------------------------------------------------------------

    def _judged(self, name: FunctionName, version: str) -> Outcome:
        case = self._case
        try:
            changes = {name.path: version.encode()}
        except UnicodeEncodeError as error:
            return Outcome(Branch.NO_FORMAT, why=str(error))
        return judged(case, self._costs, changes, name)


def judged(
    case: Case, costs: Costs, changes: Mapping[str, bytes], function: FunctionName
) -> Outcome:
    """Return what comes of a change: the gates choose the branch, then its cost is measured."""
    against = verify.judge_without_clock(case, changes, [function], _TERMS)
    if against is not None:
        branch = BRANCHES.get(against.why, Branch.UNKNOWN)
        return Outcome(branch, why=f"{against.why}: {against.detail}")
    with case.lent(changes) as new:
        return costs.outcome(function, new)


def _key(task: Task) -> str:
    """Return what all spellings of a task share."""
    return "\0".join((respelling.pattern(task.program, task.function), *task.calls))


def _files(places: Iterable[_Place]) -> Iterator[tuple[str, str]]:
    """Yield the files of the repository: each program, an untouched copy of it, and its tests."""
    for place in places:
        module = Path(place.name.path).stem
        yield f"tasks/{module}.py", place.task.program
        yield f"originals/{module}.py", place.task.program
        names = {"module": module, "function": place.task.function}
        yield f"tests/test_{module}.py", _TEST.format(**names, calls=list(place.task.calls))
    yield from ((f"{folder}/__init__.py", "") for folder in ("tasks", "originals"))


def _target(folder: Path) -> Target:
    """Return this very Python in the strongest sandbox, with pytest beside it where it has none."""
    sandbox = strongest()
    interpreter = environment.query(Path(sys.executable), sandbox)
    return Target(sandbox, interpreter, overlay(interpreter, folder, sandbox, dict(os.environ)))


class _Kept(msgspec.Struct, frozen=True):
    """A line of the memory."""

    form: str
    outcome: Outcome


def _remembered(path: Path) -> Iterator[tuple[str, Outcome]]:
    """Yield what a memory holds; a last line that was cut off is judged again."""
    lines = path.read_bytes().splitlines() if path.is_file() else []
    for line in lines:
        with suppress(msgspec.DecodeError):
            kept = msgspec.json.decode(line, type=_Kept)
            yield kept.form, kept.outcome
