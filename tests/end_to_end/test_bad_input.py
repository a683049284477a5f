"""Whatever is wrong with a repository or a command line: one clear sentence and the right code."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from home import FAST, SHOP, SLOW, Ended, Home, processes_with, repository, snapshot

Files = dict[str, str | bytes]


def told(ended: Ended) -> str:
    """Return the one sentence, having checked that nothing else was said."""
    assert ended.out == ""
    assert "Traceback" not in ended.err, ended.err
    last = ended.sentence
    assert last.startswith("perfbot: "), ended.err
    return last


@pytest.mark.parametrize(
    ("files", "code", "said"),
    [
        ({}, 3, "is empty: give the folder of a repository"),
        ({"README": "x"}, 3, "has no Python file"),
        ({"shop.py": SLOW}, 3, "nothing that runs was found in the repository: no tests"),
        ({**SHOP, ".perfbot.yml": "a: [\n"}, 2, ".perfbot.yml:2: this is no valid YAML"),
        (
            {**SHOP, ".perfbot.yml": "version: 1\nworkload: {test: x}\n"},
            2,
            ".perfbot.yml:2: workload.test: unknown key; did you mean 'tests'? (allowed: python,",
        ),
        (
            {**SHOP, ".perfbot.yml": "accept:\n  min_speedup: fast\n"},
            2,
            ".perfbot.yml:2: accept.min_speedup: expected a number from 1 to 1000, found",
        ),
        (
            {**SHOP, ".perfbot.yml": "telemetry: everywhere\n"},
            2,
            ".perfbot.yml:1: telemetry: expected one of local, redacted, none",
        ),
        (
            {**SHOP, ".perfbot.yml": "workload: {python: no/such/python}\n"},
            3,
            "the interpreter 'no/such/python' of .perfbot.yml (workload: python) was not found",
        ),
        (
            {**SHOP, ".perfbot.yml": "workload: {commands: ['make it']}\n"},
            3,
            "the command 'make it' under workload.commands cannot be profiled",
        ),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(
    home: Home, tmp_path: Path, files: Files, code: int, said: str
) -> None:
    folder = repository(tmp_path / "repository", files)
    before = snapshot(folder)
    ended = home.run("optimize", folder)
    assert said in told(ended)
    assert ended.code == code
    assert snapshot(folder) == before
    assert home.leftovers() == []


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"shop.py": SLOW, "test_shop.py": "def test_it():\n    assert 1 == 2\n"},
            "no test passes before any change (1 collected), and perfbot needs tests that pass; "
            "the first that does not is test_shop.py::test_it (assert 1 == 2)",
        ),
        (
            {"shop.py": SLOW, "test_shop.py": "import nothing_like_it\n"},
            "no test can be run, as test_shop.py cannot be imported (ModuleNotFoundError: No "
            "module named 'nothing_like_it')",
        ),
        (
            {"shop.py": SLOW, "test_shop.py": "def (\n"},
            "test_shop.py cannot be imported (SyntaxError: invalid syntax)",
        ),
        (
            {"shop.py": SLOW, "test_shop.py": "import os\n\ndef test_it():\n    os.abort()\n"},
            "did not come to their end: their process was killed by SIGABRT while "
            "test_shop.py::test_it ran",
        ),
        (
            {**SHOP, "conftest.py": "import os\nos._exit(3)\n"},
            "did not come to their end: their process ended with status 3",
        ),
    ],
)
def test_tests_that_cannot_judge_anything_are_named(
    home: Home, tmp_path: Path, files: Files, said: str
) -> None:
    ended = home.run("profile", repository(tmp_path / "repository", files))
    assert said in told(ended)
    assert ended.code == 3
    assert home.leftovers() == []


@pytest.mark.slow
def test_a_suite_that_hangs_is_ended_and_named(home: Home, tmp_path: Path) -> None:
    """The limit is the time budget, though never less than half a minute."""
    hanging = "import time\n\ndef test_quick(): pass\n\ndef test_it():\n    time.sleep(10_000)\n"
    folder = repository(tmp_path / "repository", {"shop.py": SLOW, "test_shop.py": hanging})
    ended = home.run("optimize", folder, "--time-budget", "1s")
    assert "did not end within 30 seconds while test_shop.py::test_it ran" in told(ended)
    assert "--deselect test_shop.py::test_it" in told(ended)
    assert ended.code == 3
    assert home.leftovers() == []
    assert processes_with([str(home.folder)]) == []


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("shop.py::mising", "did you mean shop.py::missing?"),
        ("shoop.py::missing", "did you mean shop.py::missing?"),
        ("shop.py::zzz", "there is no function shop.py::zzz in the repository"),
    ],
)
@pytest.mark.parametrize("verb", ["optimize", "plan"])
def test_an_unknown_function_is_said_before_anything_runs(
    home: Home, tmp_path: Path, verb: str, name: str, near: str
) -> None:
    folder = repository(tmp_path / "repository", SHOP)
    ended = home.run(verb, folder, "--function", name)
    assert near in told(ended)
    assert ended.code == 2
    assert "running the tests" not in ended.err


def test_verify_knows_unknown_functions_too(home: Home, tmp_path: Path) -> None:
    folder = repository(tmp_path / "repository", SHOP, git=True)
    (folder / "shop.py").write_text(FAST)
    patch = subprocess.run(["git", "diff"], cwd=folder, check=True, capture_output=True).stdout
    (folder / "shop.py").write_text(SLOW)
    (tmp_path / "x.patch").write_bytes(patch)
    ended = home.run(
        "verify", folder, "--patch", tmp_path / "x.patch", "--function", "shop.py::nope"
    )
    assert "there is no function shop.py::nope" in told(ended)
    assert ended.code == 2


def test_a_folder_that_is_not_there_and_a_file(home: Home, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "nowhere", tmp_path / "file"):
        ended = home.run("optimize", path)
        assert f"there is no folder '{path}'" in told(ended)
        assert ended.code == 2


def test_no_interpreter_and_no_network(home: Home, tmp_path: Path) -> None:
    """The project needs what is not there and cannot be fetched."""
    needs = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["no-such-thing-at-all>=9"]\n'
    folder = repository(tmp_path / "repository", {**SHOP, "pyproject.toml": needs})
    ended = home.run(
        *("optimize", folder),
        PIP_NO_INDEX="1",
        PIP_INDEX_URL="http://127.0.0.1:9/simple",
        UV_OFFLINE="1",
        UV_INDEX_URL="http://127.0.0.1:9/simple",
    )
    assert ended.code == 3, ended.err
    assert "installing what the project needs failed" in ended.err
    assert "make a virtual environment that its tests pass in and name it" in ended.sentence
    assert "Traceback" not in ended.err
    assert home.leftovers() == []


MIXED: Files = {
    **SHOP,
    "broken.py": "def broken(:\n",
    "tests/test_lost.py": "import nothing_like_it\n",
    "tests/test_mixed.py": """\
import pathlib

import pytest


def test_fails():
    assert 1 == 2


def test_changes():
    assert pathlib.Path.cwd().name == "first"  # the folder of the first run of the baseline


@pytest.mark.skip(reason="later")
def test_skipped():
    pass
""",
}


@pytest.mark.slow
def test_what_does_not_hold_still_is_set_aside_by_name(home: Home, tmp_path: Path) -> None:
    """The rest is used, a syntax error elsewhere or not."""
    folder = repository(tmp_path / "repository", MIXED)
    ended = home.run("profile", folder, "--json")
    assert ended.code == 0, ended.err
    work = ended.report["workload"]
    assert (work["passed"], work["failed"], work["skipped"]) == (1, 1, 1)
    assert work["flaky"] == ["tests/test_mixed.py::test_changes"]
    assert "set aside, as failing before any change: tests/test_mixed.py::test_fails" in ended.err
    assert "changing from run to run before any change: tests/test_mixed.py::test_ch" in ended.err
    assert (
        "set aside, as it cannot be imported: tests/test_lost.py (ModuleNotFoundError: No module "
        "named 'nothing_like_it')" in ended.err
    )
    assert ended.report["hotspots"][0]["function"] == "shop.py::missing"


@pytest.mark.slow
def test_a_read_only_repository_is_read(home: Home, tmp_path: Path) -> None:
    folder = repository(tmp_path / "repository", SHOP, git=True)
    before = snapshot(folder)
    for path in (*folder.rglob("*"), folder):
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        ended = home.run("profile", folder, "--json")
    finally:
        for path in (folder, *folder.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)
    assert ended.code == 0, ended.err
    assert {name: sha for name, (_, sha) in snapshot(folder).items()} == {
        name: sha for name, (_, sha) in before.items()
    }


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a tiny disk and fill all but a few kilobytes of it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=1777", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system can be mounted here, so no disk can be full")
    try:
        (disk / "filler").write_bytes(b"x" * (64 - 16) * 1024)
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_no_room_for_temporary_files(home: Home, tmp_path: Path, full_disk: Path) -> None:
    big = "X = " + repr("x" * 40_000) + "\n"
    folder = repository(tmp_path / "repository", {**SHOP, "big.py": big})
    ended = home.run("optimize", folder, TMPDIR=str(full_disk))
    sentence = told(ended)
    assert "No space left on device" in sentence
    assert "set TMPDIR to a folder that has some" in sentence
    assert ended.code == 3
    assert os.listdir(full_disk) == ["filler"]


@pytest.mark.slow
def test_no_room_for_the_report(home: Home, tmp_path: Path, full_disk: Path) -> None:
    folder = repository(tmp_path / "repository", SHOP)
    ended = home.run("optimize", folder, "--report", full_disk / "report", "--time-budget", "1s")
    sentence = told(ended)
    assert "the report could not be written to" in sentence
    assert "--report DIR" in sentence
    assert ended.code == 2
    assert [path.name for path in full_disk.rglob("*") if path.is_file()] == ["filler"]


def test_a_report_folder_that_cannot_be_written_is_said_before_the_work(
    home: Home, tmp_path: Path
) -> None:
    folder = repository(tmp_path / "repository", SHOP)
    (tmp_path / "file").write_text("")
    ended = home.run("optimize", folder, "--report", tmp_path / "file" / "report")
    assert "the report could not be written to" in told(ended)
    assert ended.code == 2
    assert "running the tests" not in ended.err
