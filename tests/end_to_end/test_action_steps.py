"""action.yml as a runner runs it: every mode on a real repository, with the local GitHub behind it."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from home import FAST, SHOP, SLOW, Home

from action_runner import ACTION, Runner, installed
from hosted import Hosted, PullPart, Run
from local_github import LocalGitHub

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FUNCTION = "shop.py::missing"
MAY_PROPOSE = {"contents": "write", "pull_requests": "write", "issues": "read"}
MAY_REVIEW = {"contents": "read", "pull_requests": "write"}
MAY_CHECK = {"contents": "read", "pull_requests": "read", "checks": "write"}
SPY = """\
import os


def test_nothing_of_the_operator_is_here():
    assert not {"PERFBOT_TOKEN", "OPENAI_API_KEY", "GITHUB_TOKEN"} & set(os.environ)
    try:
        processes = os.listdir("/proc")
    except OSError:
        processes = []
    for process in filter(str.isdigit, processes):
        try:
            told = open(f"/proc/{process}/environ", "rb").read()
        except OSError:
            continue
        assert b"sk-secret" not in told
"""


@dataclass
class Scene:
    """A shop on the local GitHub, checked out as actions/checkout does it, and a job there."""

    github: LocalGitHub
    hosted: Hosted
    runner: Runner

    def token(self, permissions: Mapping[str, str]) -> str:
        """Return what a job's GITHUB_TOKEN is with these ``permissions:``."""
        app = self.github.register("github-actions", {**permissions}, [self.hosted])
        return self.github.world.mint(app.installation, [self.hosted.id], permissions).value

    def pull_request(self, files: Mapping[str, str], fork: str = "") -> int:
        """Open a pull request of a person, check its head out, and start a job for it."""
        world = self.github.world
        head = world.fork(self.hosted, fork) if fork else self.hosted
        owner = fork or "ada"
        sha = head.bare.commit(files, "work", onto="main")
        part = PullPart(head, owner, "work", sha, "main", draft=False)
        made = world.pull(self.hosted, world.person(owner), "Twenty `code`", "", part)
        self.check_out(sha)
        pull = {"number": made.number, "head": {"sha": sha}, "base": {"sha": self.main}}
        self.runner.event("pull_request", {"pull_request": pull})
        return made.number

    @property
    def main(self) -> str:
        return self.hosted.bare.branch("main") or ""

    def check_out(self, commit: str) -> None:
        git = ("git", "-C", str(self.runner.work))
        bare = str(self.hosted.bare.path)
        refs = ("+refs/heads/*:refs/remotes/origin/*", "+refs/pull/*:refs/remotes/pull/*")
        subprocess.run([*git, "init", "--quiet"], check=True)
        subprocess.run([*git, "fetch", "--quiet", bare, *refs], check=True)
        subprocess.run([*git, "checkout", "--quiet", "--detach", commit], check=True)


@pytest.fixture
def github(tmp_path: Path) -> Iterator[LocalGitHub]:
    with LocalGitHub(tmp_path / "hosted") as served:
        yield served
    assert not served.violations


@pytest.fixture
def runner(home: Home, tmp_path: Path) -> Runner:
    """A workflow's job just before the action, on a schedule; the workspace is still empty."""
    installed(home)
    work = tmp_path / "workspace"
    work.mkdir()
    made = Runner(home, work, {"time-budget": "5m"})
    made.event("schedule", GITHUB_REF_TYPE="branch", GITHUB_REF_NAME="main")
    return made


@pytest.fixture
def scene(github: LocalGitHub, runner: Runner) -> Scene:
    hosted = github.world.repository("ada/shop", SHOP)
    runner.variables["GITHUB_API_URL"] = github.api
    made = Scene(github, hosted, runner)
    made.check_out(made.main)
    return made


def test_propose_opens_a_pull_request_with_what_was_proven(scene: Scene) -> None:
    ended = scene.runner.run(functions=FUNCTION, token=scene.token(MAY_PROPOSE))
    assert ended.code == 0, ended.err
    assert ended.outputs["accepted"] == "1"
    assert float(ended.outputs["best-speedup"]) > 1.1
    (number,) = json.loads(ended.outputs["pull-requests"])
    pull = scene.hosted.threads[number]
    assert pull.title.startswith("Speed up missing by at least ")
    assert pull.pull
    assert pull.pull.draft
    assert pull.labels == ["performance"]
    written = scene.hosted.bare.git("show", f"{pull.pull.head_ref}:shop.py")
    assert written != SLOW.strip()
    assert "def missing(wanted, stock):" in written
    assert f"[#{number}]" in ended.summary


def test_propose_without_a_token_writes_the_report_and_asks_github_nothing(scene: Scene) -> None:
    ended = scene.runner.run(functions=FUNCTION)
    assert ended.code == 0, ended.err
    assert ended.steps["publish"].skipped
    assert ended.outputs["pull-requests"] == "[]"
    assert Path(ended.outputs["report"]) == scene.runner.work / "perfbot-report"
    assert {"report.json", "report.html"} <= set(os.listdir(ended.outputs["report"]))
    assert "1 function proven faster" in ended.summary
    assert "```diff" in ended.summary
    assert "xychart" in ended.summary
    assert scene.github.requests == []
    assert scene.runner.home.leftovers() == []


def test_a_token_without_rights_is_told_in_one_sentence(scene: Scene) -> None:
    token = scene.token({"contents": "read"})
    ended = scene.runner.run(functions=FUNCTION, token=token)
    assert ended.steps["run"].code == 0
    assert ended.code == 2
    assert "perfbot: GitHub did not " in ended.err
    assert token not in ended.log + ended.summary
    assert ended.conclusion() == "failure"
    assert ended.conclusion(continue_on_error=True) == "success"
    assert scene.hosted.threads == {}


def test_review_suggests_on_the_lines_that_the_pull_request_changes(scene: Scene) -> None:
    number = scene.pull_request({"shop.py": SLOW.replace("found", "lacking")})
    ended = scene.runner.run(mode="review", token=scene.token(MAY_REVIEW))
    assert ended.code == 0, ended.err
    assert ended.outputs["accepted"] == "1", ended.summary
    (said,) = scene.hosted.review_comments.values()
    assert said.number == number
    assert "```suggestion" in said.body
    (comment,) = scene.hosted.comments.values()
    assert "It stands as a suggestion" in comment.body


def test_review_of_a_pull_request_without_functions_looks_at_nothing(scene: Scene) -> None:
    scene.pull_request({"README.md": "More words"})
    ended = scene.runner.run(mode="review", token=scene.token(MAY_REVIEW))
    assert ended.code == 0, ended.err
    assert "nothing to look at" in ended.summary
    assert ended.outputs["report"] == ""
    assert ended.steps["publish"].skipped


def test_verify_finds_that_a_change_is_faster(scene: Scene) -> None:
    scene.pull_request({"shop.py": FAST, "NEWS.md": "Faster"})
    ended = scene.runner.run(mode="verify", token=scene.token(MAY_CHECK))
    assert ended.code == 0, ended.err
    assert ended.outputs["verdict"] == "accepted"
    assert "The claim holds" in ended.summary
    assert "xychart" in ended.summary
    (check,) = scene.hosted.checks.values()
    assert check.known["conclusion"] == "success"
    assert (scene.runner.work / "shop.py").read_text() == FAST


def test_verify_fails_on_a_proven_regression_and_reports_it_nevertheless(scene: Scene) -> None:
    scene.hosted.bare.commit({"shop.py": FAST})
    scene.pull_request({"shop.py": SLOW})
    ended = scene.runner.run(mode="verify", token=scene.token(MAY_CHECK))
    assert ended.outputs["verdict"] == "regression", ended.summary
    assert ended.code == 10
    assert "A regression" in ended.summary
    (check,) = scene.hosted.checks.values()
    assert check.known["conclusion"] == "failure"


def test_verify_fails_on_what_is_not_proven_only_where_that_is_asked_for(scene: Scene) -> None:
    scene.pull_request({"shop.py": SLOW.replace("wanted, stock", "wanted, stock, more=()")})
    ended = scene.runner.run(mode="verify")
    assert (ended.code, ended.outputs["verdict"]) == (0, "rejected"), ended.err
    assert scene.runner.run(mode="verify", fail_on="not-proven").code == 10


def test_profile_lists_the_hotspots(scene: Scene) -> None:
    ended = scene.runner.run(mode="profile", token=scene.token(MAY_PROPOSE))
    assert ended.code == 0, ended.err
    assert "where the time goes" in ended.summary
    assert "missing" in ended.summary
    assert ended.steps["publish"].skipped
    assert "report.html" in os.listdir(ended.outputs["report"])


def test_the_code_that_is_measured_sees_neither_key_nor_token(scene: Scene) -> None:
    scene.hosted.bare.commit({"tests/test_spy.py": SPY})
    scene.check_out(scene.main)
    ended = scene.runner.run(
        mode="profile", model="m", model_endpoint="http://127.0.0.1:9/v1", model_key="sk-secret"
    )
    assert ended.code == 0, ended.err
    assert "2 passed" in ended.summary
    assert "sk-secret" not in ended.log + ended.summary


def test_a_project_in_a_folder_is_proposed_with_whole_paths(
    github: LocalGitHub, runner: Runner
) -> None:
    hosted = github.world.repository("ada/shop", {f"project/{name}": SHOP[name] for name in SHOP})
    runner.variables["GITHUB_API_URL"] = github.api
    scene = Scene(github, hosted, runner)
    scene.check_out(scene.main)
    ended = runner.run(repository="project", functions=FUNCTION, token=scene.token(MAY_PROPOSE))
    assert ended.code == 0, ended.err
    (number,) = json.loads(ended.outputs["pull-requests"])
    part = hosted.threads[number].pull
    assert part
    changed = hosted.bare.git("diff", "--name-only", "main", part.head_ref)
    assert changed == "project/shop.py"


def test_the_pair_for_forks_measures_without_a_token_and_publishes_without_code(
    scene: Scene, tmp_path: Path
) -> None:
    number = scene.pull_request({"shop.py": SLOW.replace("found", "lacking")}, fork="eve")
    measured = scene.runner.run(mode="review")
    assert measured.code == 0, measured.err
    artifact = tmp_path / "artifact"
    shutil.copytree(measured.outputs["report"], artifact)
    shutil.rmtree(scene.runner.work)
    scene.runner.work.mkdir()
    part = scene.hosted.threads[number].pull
    assert part
    scene.hosted.runs[77] = Run(77, "pull_request", part.head_sha, "work", part.head)
    scene.runner.event("workflow_run", {"workflow_run": {"id": 77}})
    token = scene.token({**MAY_REVIEW, "actions": "read"})
    ended = scene.runner.run(mode="publish", report=str(artifact), token=token)
    assert ended.code == 0, ended.err
    (said,) = scene.hosted.review_comments.values()
    assert said.number == number
    assert "Measured in a workflow run of the pull request itself" in said.body
    (comment,) = scene.hosted.comments.values()
    assert "Measured in a workflow run of the pull request itself" in comment.body


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"mode": "optimise"}, "the input 'mode' of the action is wrong: 'optimise' is none of"),
        (
            {"time-budget": "soon"},
            "the input 'time-budget' of the action is wrong: 'soon' is no dur",
        ),
        ({"time-budget": "0s"}, "it has to be at least 1s"),
        (
            {"functions": "f"},
            "the input 'functions' of the action is wrong: 'f' is no FILE::QUALNAME",
        ),
        ({"min-speedup": "0.5"}, "'0.5' is no number from 1 to 1000"),
        ({"min-share": "50%"}, "'50%' is no number from 0 to 1"),
        ({"fail-on": "always"}, "'always' is none of regression, not-proven, never"),
        (
            {"repository": "nowhere"},
            "the input 'repository' of the action is wrong: it names no fol",
        ),
        ({"repository": "../.."}, "it leads out of the workspace"),
        ({"trust-repository": "perhaps"}, "'perhaps' is neither true nor false"),
        ({"base": "main"}, "'main' is no commit"),
        ({"config": "no.yml"}, "no.yml:1: cannot be read"),
        ({"config": '"; touch owned; echo $(touch owned) "'}, "cannot be read"),
        ({"report": "shop.py"}, "is not a folder"),
        ({"model-endpoint": "http://127.0.0.1:9/v1"}, "the input 'model' names none"),
        ({"mode": "review"}, "mode review looks at a pull request"),
        ({"mode": "verify"}, "mode verify looks at a pull request"),
        ({"mode": "publish", "token": "t"}, "mode publish needs to know which pull request"),
        ({"mode": "command", "token": "t"}, "run it on issue_comment"),
    ],
)
def test_a_wrong_input_is_one_sentence_and_two(
    scene: Scene, inputs: dict[str, str], said: str
) -> None:
    scene.runner.inputs |= inputs
    ended = scene.runner.run()
    assert ended.code == 2, ended.log
    (sentence,) = [line for line in ended.err.splitlines() if line]
    assert sentence.startswith("perfbot: ")
    assert said in sentence
    assert "no result" in ended.summary
    assert not (scene.runner.work / "owned").exists()


def test_a_pull_request_target_is_refused(scene: Scene) -> None:
    scene.runner.event("pull_request_target")
    ended = scene.runner.run(mode="verify")
    assert ended.code == 2
    assert "does not run on pull_request_target" in ended.err


def test_a_shallow_checkout_is_told_what_is_missing(scene: Scene) -> None:
    scene.pull_request({"shop.py": FAST})
    (scene.runner.work / ".git" / "shallow").write_text("")
    payload = {"number": 1, "head": {"sha": "a" * 40}, "base": {"sha": scene.main}}
    scene.runner.event("pull_request", {"pull_request": payload})
    ended = scene.runner.run(mode="review")
    assert ended.code == 2
    assert "fetch-depth: 0" in ended.err


def test_the_first_step_installs_perfbot_apart_and_imports_nothing_of_the_workspace(
    scene: Scene,
) -> None:
    for name in ("venv.py", "pip.py", "ensurepip.py"):
        (scene.runner.work / name).write_text("open('owned', 'w')\n")
    folder = scene.runner.home.folder / "runner" / "perfbot"
    shutil.rmtree(folder)
    script = ACTION["runs"]["steps"][0]["run"]
    done = scene.runner.bash(script, {"PERFBOT_MODEL": ""})
    if done.returncode != 0 and "No matching distribution" in done.stderr:
        pytest.skip("no packages can be fetched here")
    assert done.returncode == 0, done.stderr
    assert not (scene.runner.work / "owned").exists()
    said = subprocess.run(
        [folder / "bin" / "perfbot", "action", "publish"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stderr.startswith("perfbot: mode propose needs the input 'token'")


def test_a_python_that_is_too_old_is_told(scene: Scene, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for name in ("python", "python3"):
        (old / name).write_text("#!/bin/sh\nexit 1\n")
        (old / name).chmod(0o755)
    script = ACTION["runs"]["steps"][0]["run"].replace("/usr/bin/python3", "/nonexistent")
    done = scene.runner.bash(script, {"PATH": f"{old}:/usr/bin:/bin"})
    assert done.returncode == 2
    assert "needs Python 3.11 or newer" in done.stderr
