"""The real vLLM: in process, behind a server that perfbot starts, and by ``perfbot models serve``.

``make test-vllm`` installs it into an environment of its own and runs these there.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("vllm", reason="vLLM is not installed here: make test-vllm")

from perfbot.optimizer.engine import Engine
from perfbot.optimizer.models import (
    Finish,
    Message,
    Model,
    ModelError,
    Priority,
    Role,
    Sampling,
)
from perfbot.optimizer.serving import Served, Serving

# vLLM and what it brings warn of their own; nothing of that is ours.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.timeout(900), pytest.mark.slow]

BUILDER = Path(__file__).parent.parent.parent / "benchmarks" / "serving_model.py"
PYTHON = Path(sys.executable)
ASKED = [
    Message(Role.SYSTEM, "You make one Python function faster."),
    Message(Role.USER, "def f(items):\n    return [each for each in items]\n"),
]
SCHEMA = {
    "type": "object",
    "properties": {"safe": {"type": "boolean"}},
    "required": ["safe"],
    "additionalProperties": False,
}
AT_ONCE = 2
FEW = ("--enforce-eager", "--max-num-seqs", str(AT_ONCE))
ENVIRON = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1"}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model, always the same one."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    subprocess.run([PYTHON, BUILDER, folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def served(directory: Path) -> Iterator[Served]:
    model = Served(Serving(directory, python=PYTHON, options=FEW), ENVIRON)
    yield model
    model.close()


@pytest.fixture(scope="module")
def engine(directory: Path) -> Iterator[Engine]:
    settings = {"enforce_eager": True, "max_num_seqs": AT_ONCE, "kv_cache_memory_bytes": 1 << 28}
    there = set(children())
    model = Engine(directory, settings=settings)
    yield model
    started = set(children()) - there
    model.close()
    until(lambda: not started & all_processes().keys())


@pytest.fixture(params=["served", "engine"])
def model(request: pytest.FixtureRequest) -> Model:
    """Each of the two ways to vLLM in turn."""
    found: Model = request.getfixturevalue(request.param)
    return found


def all_processes() -> dict[int, tuple[int, str]]:
    """The parent and the command line of every process that has not ended, by its id."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True)
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()[1:]]
    return {int(pid): (int(parent), args) for pid, parent, args in rows if "<defunct>" not in args}


def children() -> list[int]:
    """The processes of vLLM that descend from this one."""
    there = all_processes()
    family = {os.getpid()}
    while more := {pid for pid, (parent, _) in there.items() if parent in family} - family:
        family |= more
    return [pid for pid in family if "VLLM::" in there[pid][1]]


def until(true: Callable[[], bool], within_s: float = 60) -> None:
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_question_is_answered(model: Model) -> None:
    assert model.name == "vllm:tiny"
    reply = model.ask(ASKED, Sampling(max_tokens=12, logprobs=True))
    assert reply.text
    assert reply.finish is Finish.LENGTH
    assert reply.usage.tokens_out == len(reply.logprobs) == 12
    assert all(each < 0 for each in reply.logprobs)


def test_a_reply_ends_before_a_stop(model: Model) -> None:
    varied = Sampling(max_tokens=40, temperature=1.0, seed=5)
    whole = model.ask(ASKED, varied).text
    stop = whole[len(whole) // 2 :][:8]
    reply = model.ask(ASKED, replace(varied, stop=(stop,)))
    assert (reply.text, reply.finish) == (whole.partition(stop)[0], Finish.STOP)


def test_a_seed_draws_the_same_reply_again(model: Model) -> None:
    first, again, other = (
        model.ask(ASKED, Sampling(max_tokens=16, temperature=1.0, seed=each)).text
        for each in (5, 5, 6)
    )
    assert first == again != other


def test_long_prompts_drawn_with_seeds_at_the_same_time_are_answered(model: Model) -> None:
    """Prompts that are read in parts would end a build for processors here."""
    long = [*ASKED, Message(Role.USER, "x = 1\n" * 400)]
    texts: list[str] = []

    def ask(seed: int) -> None:
        texts.append(model.ask(long, Sampling(max_tokens=8, temperature=1.0, seed=seed)).text)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 4


def test_a_reply_follows_a_schema(model: Model) -> None:
    reply = model.ask(ASKED, Sampling(max_tokens=40, schema=SCHEMA))
    assert json.loads(reply.text)["safe"] in (True, False)


def test_a_person_goes_before_a_scan_that_waits(model: Model) -> None:
    finished: list[str] = []

    def ask(name: str, priority: Priority) -> None:
        model.ask(ASKED, Sampling(max_tokens=300, temperature=1.0, priority=priority))
        finished.append(name)

    model.ask(ASKED, Sampling(max_tokens=1))
    scans = [
        threading.Thread(target=ask, args=(f"scan {number}", Priority.SCAN)) for number in range(10)
    ]
    for scan in scans:
        scan.start()
    time.sleep(0.5)  # all of them are there
    ask("person", Priority.PERSON)
    for scan in scans:
        scan.join()
    assert finished.index("person") < len(scans) - AT_ONCE


def test_a_question_that_is_too_long_is_said(engine: Engine) -> None:
    with pytest.raises(ModelError, match=r"the question has \d+ tokens, and the model takes 4096"):
        engine.ask([Message(Role.USER, "x = 1\n" * 4000)], Sampling())


def test_a_directory_that_is_no_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no config\.json"):
        Engine(tmp_path).ask(ASKED, Sampling())
    with pytest.raises(ModelError, match=r"no config\.json"):
        Served(Serving(tmp_path, python=PYTHON), ENVIRON).ask(ASKED, Sampling())


def test_weights_that_are_none_are_said(directory: Path, tmp_path: Path) -> None:
    for file in directory.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"\x08" * 100)
    broken = Served(Serving(tmp_path, python=PYTHON, options=FEW), ENVIRON)
    with pytest.raises(ModelError, match="ended before it could answer: "):
        broken.ask(ASKED, Sampling())


def test_models_serve_ends_with_everything_it_started(directory: Path) -> None:
    there = set(children())
    serve = [PYTHON.with_name("perfbot"), "models", "serve", directory, "--port", "0"]
    perfbot = subprocess.Popen(
        [*serve, "--engine-options", " ".join(FEW)],
        env=ENVIRON,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert perfbot.stdout
    assert perfbot.stdout.readline().startswith("planner: {backend: openai")
    started = set(children()) - there
    assert started
    perfbot.terminate()
    perfbot.communicate()
    assert perfbot.returncode == 130
    until(lambda: not started & all_processes().keys())
