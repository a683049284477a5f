"""The operator says for each model how it is asked and what it hands in."""

from pathlib import Path

import pytest

from perfbot.bot.config import Backend, Models, Operator
from perfbot.bot.marked_yaml import ConfigError
from perfbot.bot.operator_models import FILE_NAME, Offer, chosen, offered
from perfbot.optimizer.styles import PLAIN, Form, Manner, Style

URL = "http://localhost:8000/v1"


def offer(folder: Path, text: str) -> Offer:
    (folder / FILE_NAME).write_text(text)
    return offered(Operator(folder, folder, folder, None, None), {})


def test_each_model_is_asked_as_the_file_says(tmp_path: Path) -> None:
    text = f"""\
planner: {{url: '{URL}', model: small, style: trained}}
optimizer:
  - {{url: '{URL}', model: first, style: few-shot, answer: diff}}
  - {{url: '{URL}', model: second}}
larger: {{url: '{URL}', model: large, style: thinking, answer: json}}
"""
    wanted = Models(Backend.OPENAI, (Backend.OPENAI,), larger=Backend.OPENAI)
    roles = chosen(wanted, offer(tmp_path, text), 1.0)
    assert roles is not None
    assert roles.plan_style == Style(Manner.TRAINED)
    assert roles.styles == {
        "openai:first": Style(Manner.FEW_SHOT, Form.DIFF),
        "openai:second": PLAIN,
        "openai:large": Style(Manner.THINKING, Form.JSON),
    }


def test_a_local_model_has_a_style_as_well(tmp_path: Path) -> None:
    found = offer(tmp_path, "planner: {backend: transformers, directory: small, style: trained}\n")
    assert found.models[0].style == Style(Manner.TRAINED)


@pytest.mark.parametrize("setting", ["style: loud", "answer: essay"])
def test_another_word_is_an_error_that_names_those_that_are_known(
    tmp_path: Path, setting: str
) -> None:
    with pytest.raises(ConfigError, match=r"plain|function"):
        offer(tmp_path, f"optimizer: {{url: '{URL}', model: first, {setting}}}\n")
