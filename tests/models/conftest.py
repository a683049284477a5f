"""Where nothing listens, the scripted server, and a tiny real model for every test."""

import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tiny_model import ANSWER, NO_TORCH


@pytest.fixture
def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a model that was trained to say ``ANSWER`` (``tiny_model.py``)."""
    if find_spec("torch") is None or find_spec("transformers") is None:
        pytest.skip(NO_TORCH)
    folder = tmp_path_factory.mktemp("models")
    (folder / "answer.txt").write_text(ANSWER)
    program = Path(__file__).with_name("tiny_model.py")
    subprocess.run(
        [sys.executable, str(program), str(folder / "tiny"), str(folder / "answer.txt")],
        check=True,
        capture_output=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    )
    return folder / "tiny"
