"""A stage's configuration is read strictly, and its folder belongs to one configuration."""

import subprocess
import sys

import msgspec
import pytest

from perfbot.training.grpo import GrpoConfig
from perfbot.training.sft import SftConfig
from perfbot.training.stage import Run, StageConfig, StageError, read_config

GOOD = "out: made\nschedule: {steps: 3}\npairs: pairs.jsonl\n"


def read(tmp_path, text: str, kind: type = SftConfig) -> StageConfig:
    path = tmp_path / "stage.yml"
    path.write_text(text)
    return read_config(path, kind)


def test_a_configuration_is_a_frozen_record(tmp_path) -> None:
    config = read(tmp_path, GOOD)
    assert (config.schedule.steps, str(config.out)) == (3, "made")
    with pytest.raises(AttributeError):
        config.longest = 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD + "packin: true\n", "unknown field `packin`"),
        (GOOD.replace("steps: 3", "steps: 3, speed: 1"), "unknown field `speed`"),
        (GOOD.replace("steps: 3", "steps: many"), r"Expected `int`, got `str` - at `\$.schedule.steps`"),
        ("out: made\n", "missing required field `schedule`"),
        ("out: [\n", "cannot be read as a configuration"),
        ("- 1\n", "Expected `object`"),
        (GOOD + "modes: {sideways: 1}\n", "Invalid enum value 'sideways'"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_configuration_is_one_sentence(tmp_path, text: str, told: str) -> None:
    with pytest.raises(StageError, match=told) as raised:
        read(tmp_path, text)
    assert str(tmp_path / "stage.yml") in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_configuration_is_one_sentence_on_the_command_line(tmp_path) -> None:
    command = [sys.executable, "-m", "perfbot.training.grpo", "--config", str(tmp_path / "no.yml")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "cannot be read as a configuration" in ended.stderr


def test_a_folder_belongs_to_one_configuration(tmp_path) -> None:
    pytest.importorskip("torch", reason="torch is not installed: make models")
    pytest.importorskip("transformers", reason="transformers is not installed: make models")
    base = {"out": str(tmp_path / "made"), "base": "a", "pairs": "b", "memory": "c"}
    config = msgspec.convert(
        {**base, "schedule": {"steps": 1}}, GrpoConfig, dec_hook=lambda t, v: t(v)
    )
    Run("grpo", config)
    Run("grpo", config)
    other = msgspec.structs.replace(config, group=8)
    with pytest.raises(StageError, match="a run of another configuration"):
        Run("grpo", other)
