"""The house rules that no linter knows: import directions, doors, packaging traps."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("bot", "optimizer", "profiling", "training")
MAY_IMPORT = {
    "profiling": {"profiling"},
    "optimizer": {"optimizer", "profiling"},
    "bot": {"bot", "optimizer", "profiling"},
    "training": {"training", "optimizer", "profiling"},
}
DOORS = {
    "subprocess": {
        "profiling/sandbox.py",
        "bot/child_runs.py",
        "bot/git.py",
        "optimizer/serving.py",
    },
    "git": {"bot/transport.py"},
    "github": {
        "bot/github.py",
        "bot/github_app.py",
        "bot/github_records.py",
        "bot/github_runs.py",
        "bot/github_session.py",
    },
    "dbos": {"bot/jobs.py"},
    "flask": {"bot/server.py"},
    "sqlalchemy": {"bot/database.py", "bot/heartbeats.py", "bot/inbox.py", "bot/memory.py"},
    "sqlite3": {
        "bot/database.py",
        "optimizer/transcript.py",
        "optimizer/transcript_file.py",
        "optimizer/project_index.py",
        "optimizer/indexing/database.py",
        "optimizer/indexing/names.py",
        "optimizer/indexing/proposed_sql.py",
        "optimizer/indexing/rows.py",
        "optimizer/indexing/touched.py",
        "optimizer/indexing/updating.py",
    },
}
ENVIRONMENT_DOOR = {
    "bot/config.py",
    "bot/action.py",
    "bot/transport.py",
    "optimizer/engine.py",  # sets what vLLM reads from nowhere else
}
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)} has a relative import"
            yield node.module or ""


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_imports_go_one_way(path: Path) -> None:
    folder = path.relative_to(ROOT).parts[0]
    inner = {name.split(".")[1] for name in imports(path) if name.startswith("perfbot.")}
    assert inner <= MAY_IMPORT[folder]


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_doors_are_used_by_their_keepers_only(path: Path) -> None:
    if "inside" in path.parts:
        return  # runs in the sandbox, where there is nothing to guard
    used = {name.split(".")[0] for name in imports(path)}
    for door, keepers in DOORS.items():
        assert door not in used or relative(path) in keepers, f"{door} belongs to {sorted(keepers)}"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_the_process_environment_is_read_at_the_edge_only(path: Path) -> None:
    if relative(path) in ENVIRONMENT_DOOR or "inside" in path.parts or "training" in path.parts:
        return
    tree = ast.parse(path.read_text())
    reads = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    }
    assert not reads & {"environ", "environb", "getenv"}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "profiling" / "inside").glob("*.py")), ids=lambda path: path.name
)
def test_what_runs_in_the_target_needs_the_standard_library_only(path: Path) -> None:
    import sys

    for name in imports(path):
        top = name.split(".")[0]
        assert top in sys.stdlib_module_names or top in {
            "_perfbot_inside",
            "pytest",
            "__future__",
        }, name


def test_profiling_is_no_regular_package_at_the_top() -> None:
    """Python 3.15's standard library has a package of that name, which would be hidden by ours."""
    assert not (ROOT / "profiling" / "__init__.py").exists()


def test_packages_listed_are_the_packages_present() -> None:
    listed = set(
        tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    )
    present = {
        "perfbot." + path.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for folder in FOLDERS
        for kind in ("*.py", "*.md")  # prompts are a folder of their own
        for path in (ROOT / folder).rglob(kind)
    }
    assert listed == present
