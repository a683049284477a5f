"""action.yml as a runner runs it: its steps in bash, with the files and variables of a workflow."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from home import SHOP, Home, repository

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
_BASH = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail"]  # as the runner starts a step


@dataclass(frozen=True)
class Runner:
    """A job's folders and files."""

    home: Home
    work: Path
    inputs: dict[str, str]

    def step(self, step: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        """Run one step of the composite action, its expressions replaced as a runner does."""
        more = {name: self._filled(value) for name, value in step.get("env", {}).items()}
        script = self.home.folder / "step.sh"
        script.write_text(step["run"])
        return subprocess.run(
            [*_BASH, str(script)],
            env=self.home.environ(**self.variables(), **more),
            cwd=self.work,
            capture_output=True,
            text=True,
            check=False,
        )

    def variables(self) -> dict[str, str]:
        folder = self.home.folder
        passed = {name: os.environ[name] for name in os.environ if name.startswith("PIP_")}
        return {
            **passed,
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_WORKSPACE": str(self.work),
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
            "RUNNER_TEMP": str(folder / "runner"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def _filled(self, text: str) -> str:
        return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: self.inputs[found[1]], text)

    def read_outputs(self) -> dict[str, str]:
        text = (self.home.folder / "output").read_text()
        return {
            name: value
            for name, _, value in re.findall(r"^(\S+)<<(\w+)\n(.*)\n\2$", text, re.MULTILINE)
        }


@pytest.fixture
def runner(home: Home, tmp_path: Path) -> Runner:
    """A workflow's job just before the action; perfbot is installed already where step one puts it."""
    (home.folder / "runner" / "perfbot" / "bin").mkdir(parents=True)
    installed = home.folder / "runner" / "perfbot" / "bin" / "perfbot"
    installed.symlink_to(Path(sys.executable).with_name("perfbot"))
    work = repository(tmp_path / "workspace", {f"project/{name}": SHOP[name] for name in SHOP})
    inputs = {name: one["default"] for name, one in ACTION["inputs"].items()}
    return Runner(home, work, {**inputs, "repository": "project"})


def test_the_step_writes_summary_outputs_and_report(runner: Runner) -> None:
    runner.inputs["functions"] = "shop.py::missing\n"
    done = runner.step(ACTION["runs"]["steps"][1])
    assert done.returncode == 0, done.stderr
    outputs = runner.read_outputs()
    assert outputs.keys() == ACTION["outputs"].keys()
    assert outputs["accepted"] == "1"
    assert float(outputs["best-speedup"]) > 1.1
    assert Path(outputs["report"]) == runner.work / ".perfbot-report"
    assert {"report.json", "report.html"} <= set(os.listdir(outputs["report"]))
    summary = (runner.home.folder / "summary").read_text()
    assert "1 function proven faster" in summary
    assert "```diff" in summary
    assert runner.home.leftovers() == []


def test_a_wrong_input_fails_the_step_and_says_why(runner: Runner) -> None:
    runner.inputs["time-budget"] = "soon"
    done = runner.step(ACTION["runs"]["steps"][1])
    assert done.returncode == 2
    assert "an input of the action is wrong: 'soon' is no duration" in done.stderr


def test_what_an_input_says_is_never_run(runner: Runner) -> None:
    runner.inputs["config"] = '"; touch owned; echo $(touch owned) "'
    done = runner.step(ACTION["runs"]["steps"][1])
    assert done.returncode == 2
    assert not (runner.work / "owned").exists()


def test_the_first_step_installs_perfbot_apart(runner: Runner) -> None:
    shutil.rmtree(runner.home.folder / "runner" / "perfbot")
    done = runner.step(ACTION["runs"]["steps"][0])
    if done.returncode != 0 and "No matching distribution" in done.stderr:
        pytest.skip("no packages can be fetched here")
    assert done.returncode == 0, done.stderr
    perfbot = runner.home.folder / "runner" / "perfbot" / "bin" / "perfbot"
    said = subprocess.run([perfbot, "--help"], capture_output=True, text=True, check=True)
    assert "exit codes:" in said.stdout
