"""A small repository made of a pair; part of ``benchmarks/pairs.py``.

``solution.py`` is the slow version, ``tests/`` holds small inputs with what the slow version gives
for them, ``benchmarks/`` calls it with inputs of a middle level, so that perfbot sees calls that
matter. None of these inputs is used for scoring.
"""

from collections.abc import Sequence
from pathlib import Path

from pair_scoring import NotScored, Scorer

from perfbot.training.readers.reading import Source

EXAMPLE_LIMIT_S = 1.0  # a call that takes longer belongs in no test-suite
BENCHMARKED = 3  # inputs of the benchmark

PYPROJECT = """[project]
name = "solution"
version = "1.0"

[dependency-groups]
test = ["pytest", "pytest-benchmark"]

[tool.pytest.ini_options]
testpaths = ["tests", "benchmarks"]
pythonpath = ["."]
"""
CONFTEST = """import sys

if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)  # expected values may be long numbers
"""
TEST = """from pathlib import Path

import pytest

from solution import {name}

LINES = Path(__file__).with_name("cases.txt").read_text().splitlines()
CASES = [eval(line, {{"inf": float("inf"), "nan": float("nan")}}) for line in LINES]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_{name}({fixtures}):
    arguments, expected = CASES[number]
"""
RETURNED = """    assert {name}(*arguments) == expected
"""
PRINTED = """    {name}(*arguments)
    assert capsys.readouterr().out == expected
"""
BENCH = """from pathlib import Path

import pytest

from solution import {name}

LINES = Path(__file__).with_name("inputs.txt").read_text().splitlines()
INPUTS = [eval(line) for line in LINES]


@pytest.mark.parametrize("number", range(len(INPUTS)))
def test_{name}(benchmark, number):
    benchmark({name}, *INPUTS[number])
"""


def write(scorer: Scorer, folder: Path) -> None:
    """Write a record's repository into an empty folder.

    Raises:
        NotScored: the record's inputs cannot be generated, or the slow version ends on none.
    """
    pair = scorer.pair
    small = _ended(scorer, [0, 1])
    if not small:
        raise NotScored("the slow version ends on none of the small inputs")
    realistic = _realistic(scorer)
    cases = [f"({each['arguments']}, {each['result']})" for each in small]
    returns = pair.source is Source.ENAMEL
    test = TEST + (RETURNED if returns else PRINTED)
    fixtures = "number" if returns else "number, capsys"
    files = {
        "pyproject.toml": PYPROJECT,
        "solution.py": pair.slow,
        "tests/conftest.py": CONFTEST,
        "tests/test_solution.py": test.format(name=pair.entry_point, fixtures=fixtures),
        "tests/cases.txt": _lines(cases),
        "benchmarks/conftest.py": CONFTEST,
        "benchmarks/test_bench.py": BENCH.format(name=pair.entry_point),
        "benchmarks/inputs.txt": _lines([str(each["arguments"]) for each in realistic]),
    }
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def _lines(texts: Sequence[str]) -> str:
    return "".join(f"{text}\n" for text in texts)


def _realistic(scorer: Scorer) -> list[dict[str, object]]:
    """Return inputs of the largest level below the last one that the slow version copes with."""
    generator = scorer.pair.generator
    assert generator is not None
    for level in range(max(0, len(generator.sizes) - 2), -1, -1):
        found = _ended(scorer, [level])
        if found:
            return found[:BENCHMARKED]
    raise NotScored("the slow version ends on none of the inputs")


def _ended(scorer: Scorer, levels: Sequence[int]) -> list[dict[str, object]]:
    found = scorer.job(
        "examples",
        "examples",
        source=scorer.pair.slow,
        levels=list(levels),
        limit_s=EXAMPLE_LIMIT_S,
    )
    return [each for each in found if each["ending"] == "returned"]
