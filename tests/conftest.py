"""Settings of all tests, and small repositories made ready for judging."""

import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import settings

import perfbot.profiling.inside
from perfbot.optimizer.case import Case
from perfbot.profiling import environment
from perfbot.profiling.capture import capture
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.sandbox import strongest
from perfbot.profiling.suite import baseline, run_suite
from perfbot.profiling.target import Target
from perfbot.profiling.tree import Tree, export, with_changes
from perfbot.profiling.workload import WorkloadSettings, discover

# A shell lets the jobs that it starts in the background ignore SIGINT, which is inherited; perfbot
# would then rightly ignore it as well, and the tests of interrupts would test nothing.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The modules that run in a target find each other by the name that they have there.
sys.modules.setdefault("_perfbot_inside", perfbot.profiling.inside)

# How long an example takes says nothing on a busy machine; no test of perfbot asserts a time.
settings.register_profile("perfbot", deadline=None)
settings.load_profile("perfbot")

Plant = Callable[[Mapping[str, str]], Tree]
Prepare = Callable[..., Case]


@pytest.fixture(scope="session")
def target() -> Target:
    """The interpreter that runs the tests, which has pytest, in the strongest sandbox."""
    sandbox = strongest()
    return Target(sandbox, environment.query(Path(sys.executable), sandbox))


@pytest.fixture(scope="session")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    """Write files into a new repository and return a copy of it as a tree."""

    def planted(files: Mapping[str, str]) -> Tree:
        folder = tmp_path_factory.mktemp("repository")
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        return export(folder, tmp_path_factory.mktemp("trees") / "base")

    return planted


@pytest.fixture(scope="session")
def prepare(target: Target, plant: Plant, tmp_path_factory: pytest.TempPathFactory) -> Prepare:
    """Plant a repository, run its baseline twice and record the calls of the named functions."""

    def prepared(files: Mapping[str, str], *functions: str) -> Case:
        tree, scratch = plant(files), tmp_path_factory.mktemp("scratch")
        workload = discover(tree, WorkloadSettings())
        runs = [
            run_suite(target, with_changes(tree, {}, scratch / name), workload, wall_s=120)
            for name in ("first", "second")
        ]
        case = Case(target, tree, workload, baseline(*runs), scratch)
        names = [FunctionName.parse(each) for each in functions]
        case.recordings.update(capture(target, case.copy({}), workload, names, wall_s=120))
        return case

    return prepared
