"""Options that distort a measurement are dropped in every form, all others are kept."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.profiling.pytest_options import kept_options, neutral_arguments

DROPPED = [
    *("-n auto", "-nauto", "-n4", "-n 4", "-n=4", "--numprocesses 4", "--numprocesses=auto"),
    *("--dist loadfile", "--dist=load", "--tx 2*popen", "-d", "-f", "--maxprocesses=2"),
    *("--cov", "--cov=pkg", "--cov pkg", "--cov 'my pkg'", "--cov --cov-branch", "--no-cov"),
    *("--cov-report term-missing", "--cov-report=html", "--cov-fail-under=90", "--cov-new=1"),
    *("--reruns 3", "--reruns=3 --reruns-delay 1", "--only-rerun 'A B'", "--flake-finder"),
    *("-p randomly", "-prandomly", "-p no:randomly", "-p xdist", "-p no:cacheprovider"),
    *("--randomly-seed=1", "--randomly-seed 1", "--random-order", "--random-order-bucket=module"),
    *("-x", "--exitfirst", "--maxfail=1", "--maxfail 1", "--pdb", "--pdbcls=a:b", "--trace"),
    *("--lf", "--ff", "--nf", "--sw", "--last-failed", "--stepwise-skip", "--cache-clear"),
    *("--durations=10", "--durations 10", "--junitxml=a.xml", "--junit-xml a.xml", "--html=r.html"),
    *("-v", "-q", "-vv", "-xvq", "-ra", "-rA", "-r fE", "--tb=short", "--tb short", "--color yes"),
    *("--benchmark-disable", "--benchmark-min-rounds=3", "--benchmark-sort mean", "--timeout 30"),
    *(
        "--benchmark-autosave",
        "--benchmark-histogram",
        "--benchmark-histogram a",
        "--strict-config",
    ),
    *("-o addopts=-x", "-qn2", "--basetemp=/tmp/x"),
]
KEPT = [
    *("--doctest-modules", "-W error", "-p pytester", "-p no:warnings", "-m 'not slow'", "-k fast"),
    *("--strict-markers", "--import-mode=importlib", "--ignore=tests/slow", "--ignore tests/slow"),
    *("-s", "-c other.ini", "--hypothesis-profile ci", "--deselect tests/a.py::test", "tests/unit"),
    *("-o xfail_strict=true", "--runxfail", "-- -x --cov", "--own-option", "--own-option value"),
]


@pytest.mark.parametrize("text", DROPPED)
def test_a_distorting_option_goes_with_its_value(text: str) -> None:
    assert kept_options(shlex.split(text)) == []
    around = ["--doctest-modules", *shlex.split(text), "--runxfail"]
    assert kept_options(around) == ["--doctest-modules", "--runxfail"]


@pytest.mark.parametrize("text", KEPT)
def test_what_decides_about_tests_stays(text: str) -> None:
    assert kept_options(shlex.split(text)) == shlex.split(text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("-xvs", "-s"),
        ("-svn4", "-s"),
        ("-sk fast", "-s -k fast"),
        ("-kfast", "-k fast"),
        ("-vWerror", "-W error"),
        ("--cov -s", "-s"),
        ("--strict", "--strict-markers"),
    ],
)
def test_clusters_are_taken_apart(text: str, kept: str) -> None:
    assert kept_options(shlex.split(text)) == shlex.split(kept)


@given(st.lists(st.sampled_from(DROPPED + KEPT[:-3]), max_size=6))
def test_options_do_not_touch_each_other(texts: list[str]) -> None:
    texts = [text for text in texts if text not in ("--cov", "--benchmark-histogram")]
    kept = [word for text in texts if text in KEPT for word in shlex.split(text)]
    assert kept_options([word for text in texts for word in shlex.split(text)]) == kept


INI = """\
[pytest]
addopts = -x --cov=shop -n auto --reruns 3 --strict-config --strict-markers -p no:warnings
required_plugins = pytest-xdist pytest-cov
cache_dir = .cache
timeout = 1
filterwarnings = error
markers = slow
"""
TESTS = """\
import pytest
def test_one(): assert 0
@pytest.mark.slow
def test_two(): pass
"""


def test_pytest_runs_a_project_whose_plugins_are_missing(tmp_path: Path) -> None:
    """The options of this project name three plugins that are not installed here."""
    (tmp_path / "pytest.ini").write_text(INI)
    (tmp_path / "test_all.py").write_text(TESTS)
    addopts = INI.splitlines()[1].partition(" = ")[2].split()
    settings = dict.fromkeys(["required_plugins", "cache_dir", "timeout"])
    argv = [sys.executable, "-m", "pytest", *neutral_arguments(addopts, settings)]
    run = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 failed, 1 passed" in run.stdout, run.stdout + run.stderr
    assert not (tmp_path / ".cache").exists()
