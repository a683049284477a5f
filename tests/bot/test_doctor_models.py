"""``perfbot doctor`` asks each model of the operator, and never shows a key."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

from model_server import fails, says, serving

from perfbot.bot.config import Operator
from perfbot.bot.doctor import Found, _models
from perfbot.bot.operator_models import FILE_NAME

SECRET = "sk-of-the-operator"


def found(tmp_path: Path, text: str) -> list[Found]:
    (tmp_path / FILE_NAME).write_text(text)
    return list(_models(Operator(tmp_path, tmp_path, tmp_path, None, None)))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_KEY", SECRET)
    for name in ("PERFBOT_PLANNER_MODEL", "PERFBOT_OPTIMIZER_MODEL", "PERFBOT_LARGER_MODEL"):
        monkeypatch.delenv(name, raising=False)


def test_a_model_that_answers_is_listed_with_its_latency(tmp_path: Path) -> None:
    with serving(says("ready")) as server:
        text = f"optimizer: {{url: '{server.url}', model: tiny, key_env: MODEL_KEY}}\n"
        (model,) = found(tmp_path, text)
    assert (model.name, model.usable) == ("optimizer", True)
    assert model.detail.startswith("openai:tiny answered in ")
    assert server.keys == [f"Bearer {SECRET}"]


def test_what_does_not_answer_is_said_and_the_others_are_asked_all_the_same(tmp_path: Path) -> None:
    with serving(fails(401, f'{{"error": {{"message": "wrong key {SECRET}"}}}}')) as server:
        text = f"""\
planner: {{backend: transformers, directory: nowhere}}
optimizer:
  - {{url: "{server.url}", model: tiny, key_env: MODEL_KEY}}
  - {{url: "{server.url}", model: other, key_env: NOT_SET}}
"""
        models = found(tmp_path, text)
    assert [each.usable for each in models] == [False] * 3
    assert "there is no such folder" in models[0].detail
    assert "401" in models[1].detail
    assert "key_env names NOT_SET" in models[2].detail
    assert SECRET not in str(models)


def test_a_wrong_file_is_said_with_its_place(tmp_path: Path) -> None:
    (model,) = found(tmp_path, "planner: {backend: magic}\n")
    assert not model.usable
    assert f"{tmp_path / FILE_NAME}:1: planner.backend" in model.detail


def test_without_a_model_the_catalogue_is_named(tmp_path: Path) -> None:
    (model,) = found(tmp_path, "")
    assert model.usable
    assert "the embedded catalogue plans and writes" in model.detail
