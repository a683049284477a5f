"""The main job on functions of every kind: found, made faster, applied, and then left alone."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from home import SCHEMA, SHOP, Ended, Home, repository, snapshot

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

KINDS = '''\
"""One slow function of each kind."""

import functools


def generated(wanted, stock):
    names = list(stock)
    for item in wanted:
        if item not in names:
            yield item


async def awaited(wanted, stock):
    found = []
    for item in wanted:
        if item not in stock:
            found.append(item)
    return found


class Basket:
    def __init__(self, wanted, stock):
        self.wanted = wanted
        self.stock = stock

    def missing(self, wanted, stock):
        found = []
        for item in wanted:
            if item not in stock:
                found.append(item)
        return found

    @property
    def lacking(self):
        stock = list(self.stock)
        found = []
        for item in self.wanted:
            if item not in stock:
                found.append(item)
        return found


def outer(wanted, stock):
    def inner(names):
        found = []
        for item in names:
            if item not in stock:
                found.append(item)
        return found

    return inner(wanted)


def logged(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)

    return wrapper


@logged
def decorated(wanted, stock):
    found = []
    for item in wanted:
        if item not in stock:
            found.append(item)
    return found


def compiled(numbers):
    return sorted(numbers * 40)
'''
TESTS = """\
import asyncio

import pytest
from kinds import Basket, awaited, compiled, decorated, generated, outer

STOCK = [f"item {n}" for n in range(400)]
WANTED = [f"item {n}" for n in range(200, 600)]
WAYS = [
    lambda: list(generated(WANTED, STOCK)),
    lambda: asyncio.run(awaited(WANTED, STOCK)),
    lambda: Basket([], []).missing(WANTED, STOCK),
    lambda: Basket(WANTED, STOCK).lacking,
    lambda: outer(WANTED, STOCK),
    lambda: decorated(WANTED, STOCK),
]


@pytest.mark.parametrize("way", WAYS)
def test_missing(way):
    for _ in range(3):
        assert way() == WANTED[200:]


def test_compiled():
    assert len(compiled([n * 7919 % 10007 for n in range(2000)])) == 80_000
"""
FUNCTIONS = {
    "generated",
    "awaited",
    "Basket.missing",
    "Basket.lacking",
    "outer",
    "decorated",
}

UNTOUCHED = {"generated", "outer"}  # a lazy loop, and one inside a nested function


@dataclass(frozen=True)
class Done:
    repository: Path
    reports: Path
    first: Ended
    second: Ended
    before: dict[str, tuple[int, str]]
    after: dict[str, tuple[int, str]]
    home: Home


@pytest.fixture(scope="module")
def done(module_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("kinds") / "repository"
    files: dict[str, str | bytes] = {
        "kinds.py": KINDS,
        "tests/test_kinds.py": TESTS,
        "data.txt": "kept",
        ".perfbot.yml": "hotspots: {at_most: 10, min_share: 0.001}\n",
    }
    repository(folder, files, git=True)
    before = snapshot(folder)
    reports = folder.parent / "report"
    first = module_home.run("optimize", folder, "--report", reports, "--json", "--apply")
    after = snapshot(folder)
    second = module_home.run("optimize", folder, "--json")
    return Done(folder, reports, first, second, before, after, module_home)


def outcome(report: dict[str, Any], function: str) -> str:
    """Return what became of a function: its verdict, or why nothing was proposed."""
    name = f"kinds.py::{function}"
    for each in report["results"]:
        if each["function"] == name:
            return f"{each['verdict']} {each['why']}"
    return next(each["reason"] for each in report["unchanged"] if each["function"] == name)


def test_it_ran_to_its_end(done: Done) -> None:
    assert (done.first.code, done.second.code) == (0, 0), done.first.err + done.second.err
    assert done.home.leftovers() == []


@pytest.mark.parametrize("which", ["first", "second"])
def test_standard_output_is_one_document_of_the_schema(
    done: Done, which: str, tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    path.write_text(done.first.out if which == "first" else done.second.out)
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(SCHEMA), str(path)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    assert json.loads((done.reports / "report.json").read_text()) == done.first.report


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_time_is_attributed_to_every_kind(done: Done, function: str) -> None:
    rows = {each["function"]: each for each in done.first.report["hotspots"]}
    assert rows[f"kinds.py::{function}"]["share"] > 0.01


@pytest.mark.parametrize("function", sorted(FUNCTIONS - UNTOUCHED))
def test_every_kind_is_made_faster(done: Done, function: str) -> None:
    assert outcome(done.first.report, function) == "accepted faster"


@pytest.mark.parametrize("function", sorted(UNTOUCHED))
def test_what_no_rule_dares_to_touch_is_left_with_its_reason(done: Done, function: str) -> None:
    assert outcome(done.first.report, function) in {"accepted faster", "no-strategy"}


def test_what_is_compiled_is_left_with_its_reason(done: Done) -> None:
    assert outcome(done.first.report, "compiled") in {"native", "no-strategy"}


def test_every_accepted_result_says_how_good_its_evidence_is(done: Done) -> None:
    accepted = [each for each in done.first.report["results"] if each["verdict"] == "accepted"]
    for result in accepted:
        assert 0.5 < result["kill_rate"] <= 1
        assert "seeded faults are caught" in result["detail"]
        assert "seeded faults" in [gate["name"] for gate in result["gates"]]


def test_a_coroutine_function_is_shown_under_load(done: Done) -> None:
    page = (done.reports / "report.html").read_text()
    assert page.count("<h3>Under load</h3>") == 1


def test_apply_writes_the_accepted_changes_and_nothing_else(done: Done) -> None:
    changed = {name for name in done.before if done.before[name] != done.after.get(name)}
    assert changed == {"kinds.py"}
    assert done.after.keys() == done.before.keys()
    copy = repository(done.reports / "copy", {"kinds.py": KINDS})
    for result in done.first.report["results"]:  # the patches stand on each other in this order
        if result["verdict"] == "accepted":
            subprocess.run(["git", "apply", result["patch"]], cwd=copy, check=True)
    assert (copy / "kinds.py").read_bytes() == (done.repository / "kinds.py").read_bytes()


def accepted(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in report["results"] if each["verdict"] == "accepted"]


def test_the_workload_is_measured_for_each_accepted_change_or_it_is_said_why_not(
    done: Done,
) -> None:
    for result in accepted(done.first.report):
        if result["speedup"]["workload_estimate"] is None:
            assert any("workload is not known: " in remark for remark in result["remarks"])


def test_a_benchmark_that_is_written_runs_in_the_repository(done: Done, tmp_path: Path) -> None:
    copy = repository(tmp_path / "copy", {"kinds.py": KINDS})
    written = [each["benchmark_file"] for each in accepted(done.first.report)]
    files = [Path(each) for each in written if each]
    assert "test_bench_basket_missing.py" in {file.name for file in files}
    argv = [sys.executable, "-m", "pytest", "-q", "--benchmark-disable", *map(str, files)]
    ran = subprocess.run(argv, cwd=copy, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_second_run_proposes_nothing(done: Done) -> None:
    assert accepted(done.second.report) == []
    assert snapshot(done.repository) == done.after


@pytest.mark.parametrize("verb", ["optimize", "profile", "doctor"])
def test_without_a_safe_sandbox_nothing_is_run(home: Home, tmp_path: Path, verb: str) -> None:
    """Simulated: both levels say that they do not work here."""
    off = "import perfbot.profiling.sandbox as s\ns._why_not = lambda level: level and 'off'\n"
    simulated = repository(tmp_path / "simulated", {"sitecustomize.py": off})
    folder = repository(tmp_path / "repository", SHOP)
    ended = home.run(verb, folder, PYTHONPATH=str(simulated))
    assert ended.code == 4, ended.err
    assert "off" in ended.out + ended.err
    assert "running the tests" not in ended.err
    if verb != "doctor":
        assert "pass --trust-repository" in ended.sentence
        assert ended.out == ""
