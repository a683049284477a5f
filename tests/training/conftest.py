"""A runner in the real sandbox, one for all tests of a module: starting it asks the interpreter."""

from collections.abc import Iterator

import pytest

from perfbot.profiling.sandbox import strongest
from perfbot.training.execution import Bounds, Runner, runner


@pytest.fixture(scope="module")
def programs() -> Iterator[Runner]:
    with runner(strongest(), Bounds(cpu_s=2)) as made:
        yield made
