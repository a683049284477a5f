"""A small repository made of held-out exercises, for perfbot to be run on with a trained planner."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from perfbot.training.records import Split, TrainingPair

_TEST = """\
import copy

import pytest

from practice.{module} import {function}

CALLS = {calls!r}


@pytest.mark.parametrize("call", CALLS)
def test_it_does_the_same_each_time(call):
    arguments = eval(call)
    assert {function}(*copy.deepcopy(arguments)) == {function}(*copy.deepcopy(arguments))
"""
_CONFIGURATION = """\
# Written by perfbot.training.exercises.
version: 1
workload: {tests: pytest -q tests}
models: {planner: {backend: transformers}}
"""


def write(folder: Path, pairs: Sequence[TrainingPair]) -> None:
    """Write the repository: of each shape one held-out spelling, its tests and a configuration."""
    for path, text in _files(pairs):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def _files(pairs: Sequence[TrainingPair]) -> Iterator[tuple[str, str]]:
    yield ".perfbot.yml", _CONFIGURATION
    yield "practice/__init__.py", ""
    shapes = {pair.problem.rpartition(" ")[0]: pair for pair in pairs if pair.split is Split.TEST}
    for name, pair in shapes.items():
        module = name.replace(" ", "_")
        calls = [case.stdin for case in pair.cases]
        test = _TEST.format(module=module, function=pair.entry_point, calls=calls)
        yield f"practice/{module}.py", pair.slow
        yield f"tests/test_{module}.py", test
