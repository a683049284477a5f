"""Shapes of real repositories that once went wrong: each is small here and as it was found there."""

import marshal
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import libcst as cst
import pytest

from perfbot.bot.findings import findings
from perfbot.optimizer.case import Terms
from perfbot.optimizer.catalogue import Rule, rules
from perfbot.optimizer.plan import Subject, steps
from perfbot.optimizer.preparation import Request, prepared
from perfbot.optimizer.progress import Silence
from perfbot.optimizer.scene import Rewrite, Scene
from perfbot.optimizer.session import optimize
from perfbot.optimizer.strategies import Category, Strategy
from perfbot.optimizer.verdict import Inconclusive, Why
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.sandbox import strongest
from perfbot.profiling.source import SourceFile
from perfbot.profiling.workload import WorkloadSettings

INVERTED = """
def shadowed(pairs):
    return pairs


if not __debug__:
    def shadowed(pairs):
        return None


def inverted(pairs):
    found = {}
    for key in pairs.keys():
        if key in found.keys():
            continue
        found[pairs[key]] = key
    return found


def plain(pairs):
    return pairs
"""
UNPICKLABLE = """
import threading
from code import inverted, plain, shadowed
def test_it():
    local = threading.local()
    assert inverted({1: local}) == {local: 1}
    assert plain(1) == shadowed(1) == 1
"""

MakeRequest = Callable[..., Request]


@pytest.fixture
def request_for(tmp_path: Path) -> MakeRequest:
    """Return a function that writes a repository and says what is wanted of it."""

    def make(files: Mapping[str, str], *functions: str) -> Request:
        repository = tmp_path / "repository"
        for name, text in files.items():
            path = repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Request(
            repository,
            strongest(),
            tmp_path / "cache",
            {"PATH": os.environ["PATH"]},
            lambda _path: Terms(),
            WorkloadSettings(python=sys.executable),
            functions=tuple(FunctionName.parse(each) for each in functions),
            time_s=600.0,
        )

    return make


def passed(request: Request) -> int:
    with prepared(request, Silence()) as ready:
        return len(ready.case.baseline.counted)


def test_a_test_package_is_imported_by_the_path_that_pytest_knows(
    request_for: MakeRequest,
) -> None:
    """tomlkit: with pytest 7, ``/copy/./tests/conftest.py`` was loaded a second time and refused."""
    test = "from . import conftest\ndef test_it(): assert '/./' not in conftest.__file__\n"
    request = request_for(
        {"tests/__init__.py": "", "tests/conftest.py": "", "tests/test_it.py": test}
    )
    assert passed(request) == 1


def test_a_test_that_passes_against_expectation_counts(request_for: MakeRequest) -> None:
    """sqlparse: pytest calls such a run a success, and perfbot called the test a failing one."""
    test = "import pytest\n@pytest.mark.xfail\ndef test_it(): pass\n"
    assert passed(request_for({"test_it.py": test})) == 1


def test_what_cannot_be_compared_is_said_and_what_has_no_strategy_takes_no_place(
    request_for: MakeRequest, tmp_path: Path
) -> None:
    """h11: both were reported as "no strategy", and five of the latter kind ended the search.

    toolz: the hottest function stands above one of its own name that only runs elsewhere.
    """
    files = {"inverting.py": INVERTED, "test_it.py": UNPICKLABLE.replace("code", "inverting")}
    profile = tmp_path / "real.pstats"
    spent = {"plain": (20, 3.0), "inverted": (11, 1.0), "shadowed": (2, 0.5)}
    profile.write_bytes(
        marshal.dumps(
            {
                ("inverting.py", line, name): (1, 1, seconds, seconds, {})
                for name, (line, seconds) in spent.items()
            }
        )
    )
    outcome = optimize(replace(request_for(files), profile=profile, at_most=1), Silence())
    (judged,) = outcome.judged
    assert isinstance(judged.verdict, Inconclusive)
    assert judged.verdict.why is Why.NOT_COMPARABLE
    assert "pickle" in judged.verdict.detail
    reasons = {each.function.qualname: each.reason for each in outcome.unchanged}
    assert reasons == {"plain": "no-strategy", "shadowed": "not-exercised"}
    assert "definition of the same name" in outcome.unchanged[-1].detail
    report = findings(outcome, tmp_path / "repository").report
    assert [result.why for result in report.results] == ["not-comparable"]


def test_a_condition_over_several_lines_keeps_its_parentheses() -> None:
    """toolz: outside the generator the line could not go on, and the parser's error ended the run."""
    text = "def f(xs):\n    return any(x is None\n               or x > 1\n               for x in xs)\n"
    (rule,) = [each for each in rules() if each.strategy.name == "any or all to loop"]
    (rewrite,) = rule.find(Scene(cst.parse_module(text), "f"))
    made: dict[str, Callable[[list[int | None]], bool]] = {}
    exec(rewrite.module.code, made)
    assert [made["f"](xs) for xs in ([], [0], [None], [2])] == [False, False, True, True]


def test_a_rule_that_writes_no_python_loses_its_step_only() -> None:
    def find(_scene: Scene) -> Iterator[Rewrite]:
        yield Rewrite(cst.parse_module("1 +"), "")

    broken = Rule(Strategy(Category.ALGORITHM, "broken"), find)
    source = SourceFile(Path("m.py"), "def f():\n    return 1\n", "utf-8", "\n", False)
    subject = Subject(FunctionName("m.py", "f"), source, {}, frozenset(), 1)
    assert list(steps(subject, source.text, [broken])) == []
