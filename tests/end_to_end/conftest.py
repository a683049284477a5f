"""One home for each test, with a cache that all tests share: environments are built once."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
# The bot's processes, and a GitHub on loopback.
sys.path.extend(str(Path(__file__).parent.parent / beside) for beside in ("bot", "forge"))

from home import Home, a_home


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def module_home(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> Home:
    return a_home(tmp_path_factory.mktemp("home"), shared_cache)


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> Home:
    return a_home(tmp_path_factory.mktemp("home"), shared_cache)
