"""What the tests of training share: a runner in the real sandbox, and the line of stages, each run once."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from perfbot.profiling import counters
from perfbot.profiling.sandbox import strongest
from perfbot.training.execution import Bounds, Runner, runner

from training_line import made


@pytest.fixture(scope="module")
def programs() -> Iterator[Runner]:
    """One for all tests of a module: starting it asks the interpreter."""
    with runner(strongest(), Bounds(cpu_s=2)) as made_runner:
        yield made_runner


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Run a stage, and those before it, unless that was done; return its folder."""
    for name in ("torch", "trl", "datasets", "tensorboard"):
        pytest.importorskip(name, reason=f"{name} is not installed: make models")
    level = strongest().level
    if counters.counter(level) is None:
        pytest.skip(f"rewards count instructions: {counters.why_no_counter(level)}")
    folder = tmp_path_factory.mktemp("line")
    return lambda stage: made(folder, stage)
