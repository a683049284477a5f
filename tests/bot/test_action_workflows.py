"""The action, our own workflow and the example workflows: gated by zizmor and GitHub's own schemas."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
EXAMPLES = sorted((ROOT / "examples" / "workflows").glob("*.yml"))
WORKFLOWS = [*sorted((ROOT / ".github" / "workflows").glob("*.yml")), *EXAMPLES]
PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def tool(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name(name)
    return subprocess.run(
        [program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def steps(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def test_zizmor_finds_nothing(tmp_path: Path) -> None:
    done = tool("zizmor", "--offline", "--min-severity", "medium", ROOT / "action.yml", *WORKFLOWS)
    assert done.returncode == 0, done.stdout + done.stderr
    bad = tmp_path / "bad.yml"
    bad.write_text(
        "on: pull_request_target\njobs:\n  a:\n    runs-on: x\n    steps:\n"
        "      - run: echo ${{ github.event.pull_request.title }}\n"
    )
    assert tool("zizmor", "--offline", "--min-severity", "medium", bad).returncode != 0


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-actions", [ROOT / "action.yml"]),
        ("vendor.github-workflows", WORKFLOWS),
    ],
)
def test_githubs_schemas_are_met(schema: str, files: list[Path], tmp_path: Path) -> None:
    done = tool("check-jsonschema", "--builtin-schema", schema, *files)
    assert done.returncode == 0, done.stdout
    bad = tmp_path / "bad.yml"
    bad.write_text("jobs: []\n")
    assert tool("check-jsonschema", "--builtin-schema", schema, bad).returncode != 0


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_of_others_are_pinned_to_a_commit_with_its_version(path: Path) -> None:
    uses = [line.strip("- ") for line in path.read_text().splitlines() if "uses:" in line]
    assert uses
    for line in uses:
        own = line == "uses: perfbot/action@v1 # zizmor: ignore[unpinned-uses]"
        assert own or PINNED.search(line), line


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_give_only_inputs_and_take_only_outputs_that_there_are(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    ours = [one for one in steps(workflow) if one.get("uses", "").startswith("perfbot/")]
    assert ours
    for step in ours:
        assert step["with"].keys() <= ACTION["inputs"].keys()
    for name in re.findall(r"steps\.perfbot\.outputs\.([\w-]+)", path.read_text()):
        assert name in ACTION["outputs"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_have_no_rights_but_those_that_a_job_names(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"]
        assert job["timeout-minutes"] <= 180
        rights = set(job["permissions"].values())
        runs_code = any("checkout" in one.get("uses", "") for one in job["steps"])
        reads_strangers = "pull_request" in path.read_text() and "fork" in path.name
        assert not (runs_code and reads_strangers and "write" in rights)


@pytest.mark.parametrize("name", ["publish-fork.yml", "comment.yml"])
def test_a_job_that_may_write_beside_a_strangers_code_checks_nothing_out(name: str) -> None:
    workflow = yaml.safe_load((ROOT / "examples" / "workflows" / name).read_text())
    for job in workflow["jobs"].values():
        writes = "write" in job["permissions"].values()
        runs = any("checkout" in one.get("uses", "") or "run" in one for one in job["steps"])
        assert not (writes and runs)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_named_in_the_guide(path: Path) -> None:
    assert path.name in (ROOT / "docs" / "action.md").read_text()


def test_the_guide_lists_every_input_and_output() -> None:
    guide = (ROOT / "docs" / "action.md").read_text()
    for name in (*ACTION["inputs"], *ACTION["outputs"]):
        assert f"| `{name}` |" in guide
