"""What a call changes outside its arguments is told by name, whatever module or class it lies in."""

import os
import random
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from perfbot.profiling.inside.state import PROCESS, State

SOURCE = """\
import other

COUNT = 0
SEEN = []

class Base:
    made = 0

class Shop(Base):
    names = {}

    def __init__(self):
        self.open = True

shop = Shop()

def f(x, known=[]):
    return x

f.calls = 0
"""


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Any]:
    texts = {"other": "BOOKED = []\nLARGE = ['x' * 60_000]\n", "m": SOURCE}
    for name, text in texts.items():
        file = tmp_path / f"{name}.py"
        file.write_text(text)
        made: Any = types.ModuleType(name)
        made.__file__ = str(file)
        sys.modules[name] = made
        exec(compile(text, str(file), "exec"), vars(made))
    made.tree = str(tmp_path)
    yield made
    for name in texts:
        del sys.modules[name]


CHANGES: dict[str, Callable[[Any], object]] = {
    "COUNT": lambda m: setattr(m, "COUNT", 1),
    "SEEN": lambda m: m.SEEN.append(1),
    "Base.made": lambda m: setattr(m.Base, "made", False),
    "Shop.names": lambda m: m.Shop.names.update(a=1),
    "shop": lambda m: setattr(m.shop, "open", 1),
    "f.calls": lambda m: setattr(m.f, "calls", 1.0),
    "the defaults of f": lambda m: m.f.__defaults__[0].append(1),
    "other.BOOKED": lambda m: m.other.BOOKED.append(1),
    "the state of random": lambda m: random.random(),
    "the environment variables": lambda m: os.environ.update(PERFBOT_TEST="1"),
    "the working directory": lambda m: os.chdir(m.tree),
    "the recursion limit": lambda m: sys.setrecursionlimit(sys.getrecursionlimit() + 1),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_shows_under_its_name_and_no_other(
    module: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERFBOT_TEST", "0")
    monkeypatch.chdir("/")
    limit = sys.getrecursionlimit()
    state = State(module.f, module.tree)
    before = state.digests()
    assert state.digests() == before
    CHANGES[name](module)
    after = state.digests()
    sys.setrecursionlimit(limit)
    assert {each for each in after if after[each] != before[each]} == {name}
    assert name in {*PROCESS, *state.names}


def test_data_too_large_to_be_asked_for_at_each_call_are_not_followed(module: Any) -> None:
    names = State(module.f, module.tree).names
    assert "other.BOOKED" in names
    assert "other.LARGE" not in names
