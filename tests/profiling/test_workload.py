"""What exercises a repository is found where its own people put it."""

from pathlib import Path

import pytest

from perfbot.profiling.tree import Tree, UnusableRepository, export
from perfbot.profiling.workload import (
    Workload,
    WorkloadSettings,
    discover,
    files_with_tests,
)

TEST = "def test_it(): pass\n"
CASE = "import unittest\nclass Prices(unittest.TestCase):\n    def test_it(self): pass\n"
BENCHMARK = "def test_speed(benchmark): benchmark(sum, [1])\n"


def tree(tmp_path: Path, files: dict[str, str]) -> Tree:
    root = tmp_path / "repository"
    for name, text in ({"shop.py": "x = 1\n"} | files).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return export(root, tmp_path / "copy")


def found(tmp_path: Path, files: dict[str, str], **configured: str) -> Workload:
    return discover(tree(tmp_path, files), WorkloadSettings(**configured))


def paths(workload: Workload) -> tuple[str, ...]:
    assert workload.tests is not None
    return workload.tests.paths


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"tests/test_a.py": TEST, "tests/deep/test_b.py": TEST}, ("tests",)),
        ({"test/a_test.py": TEST}, ("test",)),
        ({"test_a.py": TEST, "a_test.py": TEST}, ("a_test.py", "test_a.py")),
        ({"src/shop/tests/test_a.py": TEST, "tests/test_b.py": TEST}, ("src/shop/tests", "tests")),
        ({"src/shop/prices_test.py": TEST}, ("src/shop/prices_test.py",)),
        ({"tests/test_a.py": TEST, "examples/test_x.py": TEST, "docs/test_y.py": TEST}, ("tests",)),
        ({"tests.py": CASE}, ("tests.py",)),
        ({"tests/testprices.py": CASE, "tests/testdata.py": "x = 1"}, ("tests/testprices.py",)),
        ({"test_broken.py": "def broken(:"}, ("test_broken.py",)),
        (
            {
                "pytest.ini": "[pytest]\npython_files = check_*.py",
                "check_a.py": TEST,
                "test_b.py": "",
            },
            ("check_a.py",),
        ),
    ],
)
def test_tests_are_found_without_settings(
    tmp_path: Path, files: dict[str, str], expected: tuple[str, ...]
) -> None:
    assert paths(found(tmp_path, files)) == expected


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", '[tool.pytest.ini_options]\ntestpaths = ["checks", "gone"]'),
        ("pytest.ini", "[pytest]\ntestpaths = checks /etc ../x"),
        ("tox.ini", "[pytest]\ntestpaths =\n    checks\n"),
        ("setup.cfg", "[tool:pytest]\ntestpaths = che*"),
    ],
)
def test_testpaths_count_before_folder_names(tmp_path: Path, file: str, text: str) -> None:
    workload = found(tmp_path, {file: text, "checks/test_a.py": TEST, "tests/test_b.py": TEST})
    assert paths(workload) == ("checks",)
    assert workload.reasons == (f"tests: testpaths of {file}",)


def test_testpaths_that_are_all_gone_do_not_hide_the_tests(tmp_path: Path) -> None:
    files = {"pytest.ini": "[pytest]\ntestpaths = gone", "tests/test_a.py": TEST}
    assert paths(found(tmp_path, files)) == ("tests",)


def test_addopts_are_neutralized_and_kept_otherwise(tmp_path: Path) -> None:
    ini = """[tool.pytest.ini_options]\naddopts = "-n auto --cov='my shop' -m 'not slow' -ra" """
    workload = found(tmp_path, {"pyproject.toml": ini, "tests/test_a.py": TEST})
    assert workload.tests is not None
    assert workload.tests.options[-2:] == ("-m", "not slow")
    assert "addopts=" in workload.tests.options
    assert not {"-n", "auto", "-ra"} & set(workload.tests.options)


@pytest.mark.parametrize(
    "text",
    [
        "pytest -q 'tests/unit a'",
        "python -m pytest -x 'tests/unit a'",
        "python3.12 -m pytest 'tests/unit a'",
        ".venv/bin/python -m pytest 'tests/unit a'",
        "py.test -n auto 'tests/unit a'",
        "'tests/unit a'",
    ],
)
def test_a_configured_command_line_is_pytests_arguments(tmp_path: Path, text: str) -> None:
    workload = found(tmp_path, {"tests/unit a/test_a.py": TEST}, tests=text)
    assert workload.tests is not None
    assert workload.tests.argv[-1] == "tests/unit a"
    assert not {"-q", "-x", "-n", "auto"} & set(workload.tests.argv)


@pytest.mark.parametrize(
    ("text", "words"),
    [("make test", "no pytest command line"), ("pytest 'tests", "check its quotes")],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UnusableRepository, match=words):
        found(tmp_path, {"tests/test_a.py": TEST}, tests=text)


@pytest.mark.parametrize(
    "name",
    ["benchmarks/test_speed.py", "benchmarks/prices.py", "bench_prices.py", "tests/test_speed.py"],
)
def test_benchmarks_are_files_that_use_the_fixture(tmp_path: Path, name: str) -> None:
    files = {name: BENCHMARK, "benchmarks/plot.py": "x = 1", "benchmarks/bad.py": "def ("}
    workload = found(tmp_path, files)
    assert workload.benchmarks == (name,)
    arguments = workload.benchmark_arguments()
    assert arguments is not None
    assert arguments.argv[-1] == name


def test_configured_benchmarks_are_taken_instead(tmp_path: Path) -> None:
    files = {"speed/a.py": BENCHMARK, "benchmarks/b.py": BENCHMARK}
    assert found(tmp_path, files, benchmarks="speed/").benchmarks == ("speed/a.py",)
    with pytest.raises(UnusableRepository, match="benchmark fixture"):
        found(tmp_path / "second", files, benchmarks="shop.py")


def test_commands_are_a_workload(tmp_path: Path) -> None:
    settings = WorkloadSettings(commands=("python -m shop 'big data.csv'",))
    workload = discover(tree(tmp_path, {}), settings)
    assert workload.tests is None
    assert workload.commands == (("python", "-m", "shop", "big data.csv"),)
    assert workload.benchmark_arguments() is None


def test_nothing_that_runs_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnusableRepository, match=r"nothing that runs .* \.perfbot\.yml"):
        found(tmp_path, {"examples/test_x.py": TEST})


def test_files_with_tests_are_listed(tmp_path: Path) -> None:
    files = {"tests/test_a.py": TEST, "tests/helpers.py": "", "tests/testb.py": CASE}
    assert files_with_tests(tree(tmp_path, files)) == ("tests/test_a.py", "tests/testb.py")
