"""A gain that the instructions contradict: when it is looked into, explained, or refused."""

import time
from dataclasses import replace

import pytest

from perfbot.optimizer import witness
from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.speed import Bench
from perfbot.optimizer.verdict import Measured, Refusal, Why
from perfbot.optimizer.witness import asked, contradicts, explained
from perfbot.profiling import counters
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.instructions import Use
from perfbot.profiling.measure import Comparison, Decision, Interval

PATH = "m.py"
SOURCE = """\
import time


def polled(items):
    time.sleep(0.1)
    return total(items)


def total(items):
    result = 0
    for item in items:
        result += item * item
    return result
"""
TESTS = """\
import m


def test_all():
    assert m.polled(list(range(30_000))) == 8999550005000
    assert m.total(list(range(1000))) == 332833500
"""


@pytest.mark.parametrize(
    ("claimed", "ratio"),
    [(1.5, 0.6), (1.25, 0.84), (31.0, 0.045), (3.0, 0.45), (1.05, 1.0), (0.9, 3.0)],
)
def test_less_time_with_fewer_instructions_is_no_contradiction(claimed, ratio):
    """As measured for honest rewrites."""
    assert not contradicts(claimed, ratio)


@pytest.mark.parametrize(("claimed", "ratio"), [(1.1, 1.0), (1.3, 1.2), (2.0, 0.96), (40.0, 0.3)])
def test_less_time_with_as_many_instructions_is_a_contradiction(claimed, ratio):
    assert contradicts(claimed, ratio)


BUSY = Use(wall_s=2.0, cpu_s=2.0, system_s=0.0, waits=3, native=())


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (
            Use(wall_s=3.0, cpu_s=1.0, system_s=0.1, waits=50, native=()),
            Use(wall_s=1.0, cpu_s=1.0, system_s=0.1, waits=0, native=()),
            witness.WAITING,
        ),
        (replace(BUSY, system_s=1.2), replace(BUSY, wall_s=1.0, cpu_s=1.0), witness.KERNEL),
        (BUSY, replace(BUSY, wall_s=0.6), witness.THREADS),
        (
            replace(BUSY, native=("numpy",)),
            replace(BUSY, wall_s=1.0, cpu_s=1.0, native=("numpy",)),
            witness.COMPILED.format(packages="numpy"),
        ),
    ],
)
def test_time_that_instructions_do_not_show_is_explained(old, new, why):
    assert explained(old, new) == why


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (BUSY, replace(BUSY, wall_s=1.0, cpu_s=1.0)),
        # A machine with too much to do: time passes, but nobody waits.
        (replace(BUSY, wall_s=20.0), replace(BUSY, wall_s=10.0)),
        (BUSY, replace(BUSY, wall_s=1.0, cpu_s=1.0, native=("numpy",))),
        (BUSY, BUSY),
    ],
)
def test_what_only_the_new_version_or_the_machine_does_explains_nothing(old, new):
    assert explained(old, new) is None


# --- on real versions ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def case(prepare) -> Case:
    return prepare({PATH: SOURCE, "tests/test_m.py": TESTS}, f"{PATH}::polled", f"{PATH}::total")


@pytest.fixture
def counting(case):
    if counters.counter(case.target.sandbox.level) is None:
        pytest.skip(counters.why_no_counter(case.target.sandbox.level))


def heard(case: Case, function: str, source: str, claimed: float):
    """Ask the witness of a change of which the clock claims so much."""
    changes = {PATH: source.encode()}
    bench = Bench(case, case.copy(changes), case.file_changes(changes), Terms(), time.monotonic())
    speedup = Interval(claimed, claimed, claimed, 0.99, 5)
    comparison = Comparison(Decision.FASTER, speedup, ())
    return asked(bench, Measured(FunctionName(PATH, function), comparison, 1.1, None))


def test_a_real_gain_has_its_count(case, counting):
    faster = SOURCE.replace(
        "    result = 0\n    for item in items:\n        result += item * item\n    return result",
        "    return sum([item * item for item in items])",
    )
    ratio, found = heard(case, "total", faster, 1.5)
    assert ratio is not None
    assert 0.2 < ratio < 0.98
    assert "the instructions of before" in found


def test_a_gain_that_only_the_clock_of_the_process_shows_is_a_cheat(case, counting):
    ratio, found = heard(case, "total", SOURCE + "\n# a comment\n", 20.0)
    assert ratio == pytest.approx(1.0, rel=0.001)
    assert isinstance(found, Refusal)
    assert found.why is Why.CHEATS
    assert "the process says that it is 20.00× as fast, but seen from outside" in found.detail


def test_a_version_that_cannot_be_counted_must_be_faster_as_seen_from_outside(case, counting):
    """Or words like the counter's own would keep the witness away."""
    forging = SOURCE + '\nimport os\nos.write(2, b"==1== I   refs:  5\\n==2== I   refs:  6\\n")\n'
    ratio, found = heard(case, "total", forging, 20.0)
    assert ratio is None
    assert isinstance(found, Refusal)
    assert found.why is Why.CHEATS


def test_a_sleep_that_is_gone_explains_the_gain(case, counting):
    ratio, found = heard(case, "polled", SOURCE.replace("    time.sleep(0.1)\n", ""), 1.3)
    assert ratio == pytest.approx(1.0, abs=0.05)
    assert isinstance(found, str), found
    assert witness.WAITING in found


def test_without_a_counter_the_gate_passes_and_says_so(case, monkeypatch):
    monkeypatch.setattr(counters, "_installed", lambda _path: [])
    ratio, found = heard(case, "total", SOURCE, 1.5)
    assert ratio is None
    assert found == "no instructions are counted: neither perf nor valgrind is installed"
