"""A real OpenAI-compatible server with a real model: ``transformers serve``, started by perfbot."""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest
from tiny_model import ANSWER, NO_TORCH

sys.path.insert(0, str(Path(__file__).parents[1] / "end_to_end"))

from home import a_home, repository

from perfbot.optimizer.endpoint import Endpoint
from perfbot.optimizer.models import Finish, Message, ModelError, Role, Sampling
from perfbot.optimizer.serving import Server, ServerKind, Serving, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        any(find_spec(name) is None for name in ("torch", "transformers", "fastapi", "uvicorn")),
        reason=NO_TORCH,
    ),
]

ASKED = [Message(Role.SYSTEM, "Be fast."), Message(Role.USER, "Make the function digits faster.")]
SLOW = '''\
def digits(limit):
    """Count the digits of all numbers below a limit."""
    total = 0
    for number in range(limit):
        text = ""
        left = number
        while left:
            left, digit = divmod(left, 10)
            text = str(digit) + text
        total += len(text)
    return total
'''
TESTS = """\
from digits import digits


def test_digits():
    assert [digits(n) for n in (0, 1, 2, 11, 3000)] == [0, 0, 1, 11, 10889]
"""
CHOICE = "models: {planner: {backend: openai}, optimizer: {backend: transformers}}\n"


@pytest.fixture(scope="module")
def server(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("server") / "log"
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    with running(Serving(tiny_model, ServerKind.TRANSFORMERS), environ, log) as started:
        started.wait_until_healthy()
        yield started


@pytest.fixture
def endpoint(server: Server) -> Endpoint:
    return Endpoint(server.url, server.serving.model, timeout_s=300)


def test_it_answers(endpoint: Endpoint) -> None:
    reply = endpoint.ask(ASKED, Sampling(max_tokens=200))
    assert (reply.text, reply.finish) == (ANSWER, Finish.STOP)
    assert reply.latency_s > 0


def test_a_plan_ends_where_it_is_to_end(endpoint: Endpoint) -> None:
    reply = endpoint.ask(ASKED, Sampling(stop=("[/SUGG]",)))
    assert reply.text.strip() == ANSWER.partition("[/SUGG]")[0].strip()


def test_a_reply_that_is_cut_says_so(endpoint: Endpoint) -> None:
    reply = endpoint.ask(ASKED, Sampling(max_tokens=5))
    assert reply.finish is Finish.LENGTH
    assert ANSWER.startswith(reply.text)


def test_what_it_does_not_understand_is_left_out_from_then_on(server: Server) -> None:
    """It knows no priorities and says so; schemas and logarithms it passes over."""
    model = Endpoint(server.url, server.serving.model, timeout_s=300, priorities=True)
    wanted = Sampling(max_tokens=200, schema={"type": "object"}, logprobs=True)
    assert model.ask(ASKED, wanted).text == ANSWER
    assert "priority" in model.refused
    assert "max_tokens" not in model.refused


def test_several_may_ask_at_once(endpoint: Endpoint) -> None:
    with ThreadPoolExecutor(3) as threads:
        replies = list(
            threads.map(lambda _: endpoint.ask(ASKED, Sampling(max_tokens=200)), range(3))
        )
    assert [each.text for each in replies] == [ANSWER] * 3


def test_a_model_that_is_not_there_is_said(server: Server) -> None:
    model = Endpoint(server.url, "/nowhere/at-all", timeout_s=300)
    with pytest.raises(ModelError, match="openai:/nowhere/at-all at http"):
        model.ask(ASKED, Sampling(max_tokens=5))


def test_planner_behind_a_server_and_optimizer_in_process_make_a_proven_change(
    server: Server, tiny_model: Path, tmp_path: Path
) -> None:
    home = a_home(tmp_path, tmp_path)
    config = tmp_path / "config" / "perfbot"
    config.mkdir(parents=True)
    offer = f"planner: {{url: '{server.url}', model: {server.serving.model}, timeout: 5m}}\n"
    offer += f"optimizer: {{backend: transformers, directory: {tiny_model}}}\n"
    (config / "models.yml").write_text(offer)
    settings = f"version: 1\n{CHOICE}hotspots: {{at_most: 1}}\n"
    files = {"digits.py": SLOW, "tests/test_digits.py": TESTS, ".perfbot.yml": settings}
    folder = repository(tmp_path / "repository", files)
    ended = home.run("optimize", folder, "--json", "--function", "digits.py::digits",
                     XDG_CONFIG_HOME=str(tmp_path / "config"), OMP_NUM_THREADS="1")  # fmt: skip
    assert ended.code == 0, ended.err
    (result,) = ended.report["results"]
    assert result["verdict"] == "accepted", result
    assert result["planner"] == f"openai:{server.serving.model}"
    assert result["optimizer"] == "transformers:tiny"
    assert ended.report["cost"]["tokens_out"] > 0
