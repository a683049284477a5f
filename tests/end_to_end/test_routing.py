"""The smaller model is asked first, the larger one where it did not do; the report says why."""

import math
import sys
from pathlib import Path

import pytest
from home import Home, repository
from test_models import FAST, FILES, KEY, WRONG, answer

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

from model_server import ModelServer, says, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CHOSEN = """\
version: 1
models: {optimizer: {backend: openai}, larger: {backend: openai}}
hotspots: {at_most: 1}
"""
PROBABLE = [math.log(0.9)] * 3


def offer(home: Home, small: ModelServer, large: ModelServer) -> None:
    folder = home.folder / "config" / "perfbot"
    folder.mkdir(parents=True)
    (folder / "models.yml").write_text(
        f"optimizer: {{url: {small.url}, model: small, key_env: MODEL_KEY}}\n"
        f"larger: {{url: {large.url}, model: large, key_env: MODEL_KEY}}\n"
    )


def test_a_larger_model_is_asked_where_the_smaller_one_was_wrong(
    home: Home, tmp_path: Path
) -> None:
    folder = repository(tmp_path / "repository", {**FILES, ".perfbot.yml": CHOSEN})
    wrong = [says(answer(WRONG), logprobs=PROBABLE) for _ in range(3)]
    with serving(*wrong) as small, serving(says(answer(FAST))) as large:
        offer(home, small, large)
        ended = home.run("optimize", folder, "--json", "--function", "digits.py::digits",
                         XDG_CONFIG_HOME=str(home.folder / "config"), MODEL_KEY=KEY)  # fmt: skip
    assert ended.code == 0, ended.err
    (result,) = ended.report["results"]
    assert (result["verdict"], result["optimizer"]) == ("accepted", "openai:large"), result
    (told,) = [each for each in result["remarks"] if each.startswith("asked openai:large")]
    assert "openai:small was" in told
    assert "mean token probability 90%" in told
    assert told in ended.err
    assert large.requests[0]["model"] == "large"
