"""Samples taken in real programs, in every interpreter found, name the functions that cost."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from perfbot.profiling.hotspots import Hotspot, Profile, profile_from_json, rank

INSIDE = Path(__file__).parents[2] / "profiling" / "inside"
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
HARNESS = """\
import importlib.util, json, sys, time
def load(name):
    spec = importlib.util.spec_from_file_location(name, {inside!r} + "/" + name + ".py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
sampler = load("sampler").Sampler({tree!r}, split_at=load("safe_points").SafePoints().split)
sys.path.insert(0, {tree!r})
import program
sampler.start()
end = time.process_time() + {seconds}
while time.process_time() < end:
    program.main()
sampler.stop()
print(json.dumps(sampler.report()))
"""


def interpreter(version: str) -> str:
    """Return a Python of that version; pyenv's are not on PATH when another is selected."""
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python3"))
    found = str(pyenv[-1]) if pyenv else shutil.which(f"python{version}")
    if found is None or subprocess.run([found, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"no CPython {version} on this machine")
    return found


@pytest.fixture(params=VERSIONS)
def python(request: pytest.FixtureRequest) -> str:
    return interpreter(request.param)


def sample(
    python: str, tree: Path, source: str, seconds: float = 0.3
) -> tuple[dict[str, object], Profile]:
    """Run ``program.main()`` of that source for some CPU time; return its report, also as read."""
    (tree / "program.py").write_text(source)
    script = HARNESS.format(inside=str(INSIDE), tree=str(tree), seconds=seconds)
    run = subprocess.run(
        [python, "-W", "error", "-c", script], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout.splitlines()[-1])
    return report, profile_from_json(report)


def spots(profile: Profile, source: str, ours: Callable[[str], bool] = bool) -> dict[str, Hotspot]:
    ranked = rank([profile], {"program.py": source}.get, ours, by_owner=False)
    return {spot.function.qualname: spot for spot in ranked}


KINDS = """\
import asyncio, functools
ITEMS = list(range(500))

def work(n):
    x = 0
    for i in range(n):
        x += i * i
    return x

def recursive(n):
    return work(2000) if n == 0 else recursive(n - 1)

def generator():
    for _ in range(10):
        x = 0
        for i in range(200):
            x += i
        yield x

async def coroutine():
    await asyncio.sleep(0)
    x = 0
    for i in range(2000):
        x += i
    return x

def decorated(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)
    return wrapper

class Thing:
    @property
    def prop(self):
        x = 0
        for i in range(2000):
            x += i
        return x

    @decorated
    def method(self):
        x = 0
        for i in range(2000):
            x += i
        return x

def outer():
    def nested():
        x = 0
        for i in range(2000):
            x += i
        return x
    return nested()

LOOP = asyncio.new_event_loop()

def main():
    recursive(20)
    list(generator())
    LOOP.run_until_complete(coroutine())
    thing = Thing()
    thing.prop
    thing.method()
    outer()
"""


def test_every_kind_of_function_is_named(python: str, tmp_path: Path) -> None:
    """Seven kinds share the time about equally; each gets a good part of its seventh."""
    report, profile = sample(python, tmp_path, KINDS, seconds=0.6)
    found = spots(profile, KINDS)
    kinds = "work generator coroutine Thing.prop Thing.method outer.<locals>.nested"
    for qualname in kinds.split():
        assert found[qualname].share > 0.02, qualname
    assert found["recursive"].inclusive_share > found["work"].share * 0.9
    assert found["main"].inclusive_share > 0.9
    assert found["main"].share < 0.3
    assert report["disturbed"] is False


NO_SAFE_POINT = """\
ITEMS = list(range(600))

def contains(item):
    return item in ITEMS

def also_contains(item):
    return contains(item)

class Basket:
    def __contains__(self, item):
        return item in ITEMS

def cheap(item):
    return item

def inline():
    for i in range(300):
        if -1 in ITEMS:
            pass
        cheap(i)
        cheap(i)

def main():
    basket = Basket()
    for i in range(300):
        also_contains(-1)
    for i in range(300):
        -1 in basket
    sorted(range(300), key=lambda item: -1 in ITEMS)
    inline()
"""


def test_a_function_without_a_loop_or_call_gets_its_own_time(python: str, tmp_path: Path) -> None:
    """Python's signal handlers run only later, in the caller."""
    _, profile = sample(python, tmp_path, NO_SAFE_POINT, seconds=1.5)
    found = spots(profile, NO_SAFE_POINT)
    assert found["contains"].share > 0.1
    assert found["Basket.__contains__"].share > 0.1
    assert found["inline"].share > 0.1
    assert found["inline"].share > found["inline"].inclusive_share / 2


NATIVE = """\
import re
TEXT = "ab" * 400_000
NUMBERS = [(i * 7919 % 100_003) / 3 for i in range(60_000)]

def native():
    return sorted(NUMBERS)

def native_callee():
    return re.search("bb", TEXT)

def interpreted():
    x = 0
    for i in range(100_000):
        x += i
    return x

def main():
    native()
    native_callee()
    interpreted()
"""


def test_native_time_is_told_from_python_time(python: str, tmp_path: Path) -> None:
    _, profile = sample(python, tmp_path, NATIVE, seconds=0.4)
    found = spots(profile, NATIVE)
    assert found["native"].native_share > 0.7
    assert found["native_callee"].native_share > 0.7
    assert found["native_callee"].self_share < found["native_callee"].share / 2
    assert found["interpreted"].native_share < 0.5


THREADS = """\
import threading

def busy():
    x = 0
    for i in range(300_000):
        x += i

def main():
    threads = [threading.Thread(target=busy) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_a_main_thread_that_waits_gets_nothing(python: str, tmp_path: Path) -> None:
    _, profile = sample(python, tmp_path, THREADS)
    assert spots(profile, THREADS)["busy"].share > 0.6


def test_time_outside_the_tree_belongs_to_no_function(python: str, tmp_path: Path) -> None:
    source = "def main():\n    x = 0\n    for i in range(100_000):\n        x += i\n"
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "installed.py").write_text(source)
    program = "import sys\nsys.path.insert(0, __file__[:-10] + '.venv')\nfrom installed import main"
    _, profile = sample(python, tmp_path, program, seconds=0.1)
    assert spots(profile, program) == {}
    assert profile.total_s > 0.03


@pytest.mark.parametrize(
    "taking",
    [
        "signal.signal(signal.SIGPROF, signal.SIG_IGN)",
        "signal.setitimer(signal.ITIMER_PROF, 50, 50)",
    ],
)
def test_a_program_that_takes_the_signal_is_found_out(taking: str, tmp_path: Path) -> None:
    source = f"import signal\ndef main():\n    for _ in range(400_000): pass\n    {taking}\n"
    script = HARNESS.format(inside=str(INSIDE), tree=str(tmp_path), seconds=0.2)
    (tmp_path / "program.py").write_text(source)
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["disturbed"] is True


UNUSUAL = {
    "it handles SIGPROF itself": "signal.signal(signal.SIGPROF, lambda *_: None); go()",
    "it uses the timer itself": "signal.setitimer(signal.ITIMER_PROF, 9, 9); go()",
    "it is not the main thread": "t = threading.Thread(target=go); t.start(); t.join()",
}


@pytest.mark.parametrize("start", UNUSUAL.values(), ids=list(UNUSUAL))
def test_where_sampling_is_impossible_the_report_says_why(start: str, tmp_path: Path) -> None:
    script = f"""
import json, signal, sys, threading
sys.path.insert(0, {str(INSIDE)!r})
from sampler import Sampler
def go():
    sampler = Sampler({str(tmp_path)!r})
    sampler.start(); sampler.pause(); sampler.resume(); sampler.stop()
    print(json.dumps(sampler.report()))
{start}
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["samples"] == 0
    assert report["reason"]


def test_what_runs_while_paused_does_not_count(python: str, tmp_path: Path) -> None:
    """Many stretches that are each shorter than the sampling interval are seen all the same."""
    (tmp_path / "program.py").write_text(
        "def spin(n):\n    for _ in range(n): pass\n"
        "def counted(): spin(20_000)\n"
        "def left_out(): spin(20_000)\n"
    )
    script = f"""
import json, sys
sys.path[:0] = [{str(INSIDE)!r}, {str(tmp_path)!r}]
from sampler import Sampler
from program import counted, left_out
sampler = Sampler({str(tmp_path)!r})
sampler.start(); sampler.pause()
for _ in range(700):
    left_out()
    sampler.resume(); counted(); sampler.pause()
sampler.stop()
print(json.dumps(sampler.report()))
"""
    run = subprocess.run([python, "-c", script], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    names = {frame[2] for stack in report["stacks"] for frame in stack["frames"]}
    assert "counted" in names
    assert "left_out" not in names


def test_after_stop_everything_is_as_before(tmp_path: Path) -> None:
    script = f"""
import signal, sys, threading
sys.path.insert(0, {str(INSIDE)!r})
from sampler import Sampler
start, descriptor = threading._start_new_thread, signal.set_wakeup_fd(-1)
sampler = Sampler({str(tmp_path)!r})
sampler.start()
sum(range(3_000_000))
sampler.stop()
assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
assert signal.set_wakeup_fd(-1) == -1
assert threading._start_new_thread is start
assert sys.getprofile() is None
"""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
