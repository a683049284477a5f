"""The inputs and the event of the Action: what is taken, and what is refused in one sentence."""

import json
from collections.abc import Mapping
from pathlib import Path
from string import printable

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from perfbot.bot import action_event, action_inputs
from perfbot.bot.action_event import BranchEvent, CommentEvent, PullRequestEvent, RunEvent
from perfbot.bot.action_inputs import Inputs, Mode
from perfbot.bot.config import Backend, Config, Models, Paths
from perfbot.bot.exits import Exit, RunError

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = {step["id"]: step for step in ACTION["runs"]["steps"] if "id" in step}
SHA = "0123456789abcdef0123456789abcdef01234567"
PULL = {"number": 7, "head": {"sha": SHA, "ref": "`x`"}, "base": {"sha": "f" * 40}}


def inputs(folder: Path, **variables: str) -> Inputs:
    given = {f"PERFBOT_{name.upper()}": text for name, text in variables.items()}
    return action_inputs.read({"GITHUB_WORKSPACE": str(folder), **given})


def event(folder: Path, name: str, payload: object, **variables: str) -> action_event.Event:
    path = folder / "event.json"
    path.write_text(payload if isinstance(payload, str) else json.dumps(payload))
    names = {"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(path)}
    return action_event.read({**names, **variables})


def test_expressions_never_stand_in_a_script() -> None:
    """An expression is pasted into the script before bash reads it: a title could run commands."""
    scripts = [step["run"] for step in ACTION["runs"]["steps"]]
    assert scripts
    assert not any("${{" in script for script in scripts)


def test_every_input_reaches_the_step_that_needs_it_and_the_token_only_one() -> None:
    passed = {name: set(step["env"].values()) for name, step in STEPS.items()}
    given = {f"${{{{ inputs.{name} }}}}" for name in ACTION["inputs"]}
    secret, whose = "${{ inputs.token }}", "${{ inputs.token-login }}"
    assert passed["run"] == given - {secret, whose} | {"${{ inputs.token != '' }}"}
    assert {secret, whose} <= passed["publish"] <= given
    assert "${{ inputs.model-key }}" not in passed["publish"]


def test_every_choice_is_documented() -> None:
    for name, kind in (("mode", Mode), ("fail-on", action_inputs.FailOn)):
        for each in kind:
            assert each.value in ACTION["inputs"][name]["description"]


def test_defaults_are_the_workspace(tmp_path: Path) -> None:
    chosen = inputs(tmp_path, repository=".")
    assert (chosen.mode, chosen.repository) == (Mode.PROPOSE, tmp_path)
    assert chosen.report == tmp_path / "perfbot-report"
    assert (chosen.functions, chosen.time_budget_s, chosen.trust_repository) == ((), None, False)


def test_the_default_of_every_input_is_what_is_read_without_it(tmp_path: Path) -> None:
    defaults = {
        name.replace("-", "_"): one["default"]
        for name, one in ACTION["inputs"].items()
        if name not in {"token", "token-login", "model-key"}
    }
    assert inputs(tmp_path, **defaults) == inputs(tmp_path)


def test_inputs_are_read(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    chosen = inputs(
        tmp_path,
        mode="verify",
        repository="sub",
        functions="a.py::f\n\n ./b.py::C.m \n",
        time_budget="90s",
        min_speedup="1.5",
        min_share="0.1",
        trust_repository="True",
        report="out",
        head=SHA,
    )
    assert chosen.mode is Mode.VERIFY
    assert chosen.functions == ("a.py::f", "b.py::C.m")
    assert (chosen.time_budget_s, chosen.min_speedup, chosen.min_share) == (90, 1.5, 0.1)
    assert chosen.trust_repository
    assert chosen.report == tmp_path / "out"
    assert chosen.head == SHA


def test_inputs_stand_above_the_repositorys_file(tmp_path: Path) -> None:
    chosen = inputs(tmp_path, paths="src/**\n", min_speedup="1.5", min_share="0.1", model="m")
    config = chosen.adjusted(Config(paths=Paths(exclude=("src/old/**",))))
    assert config.paths == Paths(("src/**",), ("src/old/**",))
    assert (config.accept.min_speedup, config.hotspots.min_share) == (1.5, 0.1)
    assert config.models.optimizers == (Backend.EMBEDDED, Backend.OPENAI)


def test_a_repository_that_chose_its_models_keeps_them(tmp_path: Path) -> None:
    own = Config(models=Models(optimizers=(Backend.VLLM,)))
    assert inputs(tmp_path, model="m").adjusted(own) == own


def test_a_mode_that_runs_nothing_needs_no_checkout(tmp_path: Path) -> None:
    assert inputs(tmp_path, mode="publish", repository="sub").folder == "sub"
    with pytest.raises(RunError, match="it names no folder"):
        inputs(tmp_path, mode="review", repository="sub")


@pytest.mark.parametrize("mode", ["publish", "propose"])
def test_no_mode_leaves_the_workspace(tmp_path: Path, mode: str) -> None:
    with pytest.raises(RunError, match="leads out of the workspace") as caught:
        inputs(tmp_path, mode=mode, repository="..")
    assert caught.value.code is Exit.USAGE


@given(st.sampled_from(sorted(ACTION["inputs"])), st.text(alphabet=printable))
def test_any_input_is_read_or_refused_in_one_sentence(name: str, text: str) -> None:
    environ = {"GITHUB_WORKSPACE": str(ROOT), f"PERFBOT_{name.upper().replace('-', '_')}": text}
    said = refusal(environ)
    assert said is None or said.startswith(f"the input '{name}' of the action is wrong: ")


def refusal(environ: Mapping[str, str]) -> str | None:
    try:
        action_inputs.read(environ)
    except RunError as error:
        return str(error)
    return None


def test_events_are_read(tmp_path: Path) -> None:
    pull = event(tmp_path, "pull_request", {"pull_request": PULL, "action": "opened"})
    assert pull == PullRequestEvent(7, "f" * 40, SHA)
    assert event(tmp_path, "workflow_run", {"workflow_run": {"id": 5}}) == RunEvent(5)
    on = {"GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "next"}
    assert event(tmp_path, "schedule", {}, **on) == BranchEvent("next")
    tag = {"GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1"}
    assert event(tmp_path, "push", {}, **tag) == BranchEvent(None)


def comment(**changed: object) -> Mapping[str, object]:
    ada = {"login": "ada", "id": 3, "type": "User"}
    said = {"id": 9, "user": ada, "body": "/optimize"}
    issue = {"number": 7, "pull_request": {"url": "x"}}
    return {"action": "created", "issue": issue, "comment": said, "sender": ada, **changed}


def test_a_comment_is_read(tmp_path: Path) -> None:
    found = event(tmp_path, "issue_comment", comment())
    assert found == CommentEvent(7, True, 9, "ada", "/optimize", new=True, person=True)


@pytest.mark.parametrize(
    "changed",
    [
        {"sender": {"login": "eve", "id": 4, "type": "User"}},
        {"comment": {"id": 9, "user": {"login": "b", "id": 3, "type": "Bot"}, "body": ""}},
    ],
)
def test_what_another_one_sends_is_nobodys_command(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    found = event(tmp_path, "issue_comment", comment(**changed))
    assert isinstance(found, CommentEvent)
    assert not found.person


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("pull_request", {}),
        ("pull_request", {"pull_request": {**PULL, "number": "7; rm -rf"}}),
        ("pull_request", {"pull_request": {**PULL, "head": {"sha": "main"}}}),
        ("pull_request", {"pull_request": {**PULL, "number": True}}),
        ("workflow_run", {"workflow_run": {"id": -1}}),
        ("workflow_run", {"workflow_run": {"id": 10**30}}),
        ("issue_comment", comment(comment={"id": 1})),
        ("issue_comment", "[" * 100_000),
        ("pull_request", "\xff"),
        ("pull_request", ""),
        ("pull_request", "null"),
    ],
)
def test_an_event_that_github_does_not_send_is_refused_and_not_quoted(
    tmp_path: Path, name: str, payload: object
) -> None:
    with pytest.raises(RunError, match="the event of this workflow cannot be read") as caught:
        event(tmp_path, name, payload)
    assert caught.value.code is Exit.USAGE
    assert "rm -rf" not in str(caught.value)


def test_a_missing_event_is_told() -> None:
    with pytest.raises(RunError, match="GITHUB_EVENT_PATH"):
        action_event.read({"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": "/nowhere"})


def test_what_runs_strangers_code_with_rights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="does not run on pull_request_target"):
        event(tmp_path, "pull_request_target", {"pull_request": PULL})
