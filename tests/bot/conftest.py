"""Makes the shared helpers importable: an example report, and a GitHub on loopback."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "forge"))

from bot_scene import Bot, bot_in

from github_scene import Scene, installed
from local_github import LocalGitHub
from shop_report import Example, example


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What jobs remember for training stays with the test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "own-state"))


@pytest.fixture
def shop() -> Example:
    return example()


@pytest.fixture
def github(tmp_path: Path) -> Iterator[LocalGitHub]:
    """A GitHub of its own for each test; what breaks its published description fails the test."""
    with LocalGitHub(tmp_path / "hosted") as served:
        yield served
    assert not served.violations


@pytest.fixture
def scene(github: LocalGitHub) -> Scene:
    return installed(github)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """perfbot's own state folder, of this test alone."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "own"))
    return tmp_path / "own" / "perfbot"


@pytest.fixture
def bot(github: LocalGitHub, tmp_path: Path, state: Path) -> Iterator[Bot]:
    """perfbot in a shop whose configuration has every default."""
    made = bot_in(github, tmp_path)
    yield made
    made.tools.memory.close()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses between the tries of reading."""
    monkeypatch.setattr("perfbot.bot.github_session._BACKOFF_S", 0.0)
