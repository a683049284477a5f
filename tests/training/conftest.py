"""The line of stages, each trained once for all tests of it."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from training_line import made


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Run a stage, and those before it, unless that was done; return its folder."""
    for name in ("torch", "trl", "datasets", "tensorboard"):
        pytest.importorskip(name, reason=f"{name} is not installed: make models")
    from perfbot.profiling import counters
    from perfbot.profiling.sandbox import strongest

    level = strongest().level
    if counters.counter(level) is None:
        pytest.skip(f"rewards count instructions: {counters.why_no_counter(level)}")
    folder = tmp_path_factory.mktemp("line")
    return lambda stage: made(folder, stage)
