"""``perfbot doctor`` says what it tried, for people and for programs."""

from pathlib import Path
from typing import Any

import pytest
from home import SHOP, Ended, Home, repository, snapshot

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repository(tmp_path_factory.mktemp("shop") / "repository", SHOP)


@pytest.fixture(scope="module")
def ended(module_home: Home, folder: Path) -> Ended:
    before = snapshot(folder)
    ended = module_home.run("doctor", folder, "--json")
    assert snapshot(folder) == before
    assert module_home.leftovers() == []
    return ended


@pytest.fixture(scope="module")
def found(ended: Ended) -> dict[str, Any]:
    assert ended.err == ""
    return ended.report


def test_the_exit_code_is_whether_the_sandbox_holds(ended: Ended, found: dict[str, Any]) -> None:
    promises = found["sandbox"]["promises"]
    holds = found["sandbox"]["level"] is not None and all(each["held"] for each in promises)
    assert ended.code == (0 if holds else 4)


def test_the_level_is_proven_by_attacks(found: dict[str, Any]) -> None:
    if found["sandbox"]["level"] is None:
        pytest.skip("no sandbox works here")
    names = {each["name"] for each in found["sandbox"]["promises"]}
    assert {"no connection over TCP", "no reading outside", "no writing outside"} <= names


def test_a_stronger_level_that_does_not_work_has_its_reason(found: dict[str, Any]) -> None:
    if found["sandbox"]["level"] == "bubblewrap":
        assert found["sandbox"]["not_available"] == {}
    else:
        assert found["sandbox"]["not_available"]["bubblewrap"]


def test_noise_is_an_interval_with_its_pairs(found: dict[str, Any]) -> None:
    assert found["noise"]["low"] < found["noise"]["high"]
    assert found["noise"]["pairs"] >= 5


def test_what_counts_instructions_is_named_or_why_nothing_does(found: dict[str, Any]) -> None:
    counters = found["counters"]
    assert counters["name"] == "instructions"
    named = "counted by perf", "counted by cachegrind"
    assert counters["detail"].startswith(named if counters["usable"] else "not counted: ")


def test_tools_target_and_room_are_named(found: dict[str, Any], folder: Path) -> None:
    assert {each["name"] for each in found["tools"]} == {"git", "uv", "valgrind", "perf"}
    assert all(each["detail"] for each in found["tools"])
    assert found["target"]["name"] == str(folder)
    assert found["target"]["detail"].startswith("none found in the repository: one is built")
    assert all(each["free_bytes"] > 0 for each in found["folders"])


def test_a_person_reads_lines(home: Home, tmp_path: Path) -> None:
    broken = {**SHOP, ".perfbot.yml": "nonsense: 1\n"}
    ended = home.run("doctor", repository(tmp_path / "repository", broken))
    for said in ("sandbox", "target Python", ".perfbot.yml:1: nonsense: unknown key", "GiB free"):
        assert said in ended.out
    assert "Traceback" not in ended.err
