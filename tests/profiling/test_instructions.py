"""Instructions are counted to the last digit, without what is not the calls' own, or not at all."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from perfbot.profiling import counters, instructions
from perfbot.profiling.counters import read_cachegrind, read_cycles, read_perf
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.instructions import NotCountedError
from perfbot.profiling.sandbox import Command, Level, SandboxError, at

PATH = "m.py"
SOURCE = """\
class Thing:
    pass


def squares(items):
    total = 0
    for item in items:
        total += item * item
    return total


def things(n):
    return len({Thing() for _ in range(n)})


def ordered(items):
    items.sort()
    return items


def upwards(n):
    for number in range(n):
        yield number + 1


async def later(n):
    return n + 1
"""
TESTS = """\
import asyncio

import m


def test_all():
    assert m.squares(list(range(1000))) == 332833500
    assert m.things(300) == 300
    assert m.ordered(list(range(500, 0, -1)))[0] == 1
    assert list(m.upwards(500))[-1] == 500
    assert asyncio.run(m.later(1)) == 2
"""
NAMES = ["squares", "things", "ordered", "upwards", "later"]
LOOP = SOURCE[SOURCE.index("    for item") : SOURCE.index("    return total")]

# As written by perf 6.1 and 6.8 (the last one on a processor with two kinds of cores).
COUNTED = "# started on Tue Dec  1 04:30:00 2026\n\n1234567,,instructions:u,575293,100.00,1.20,insn per cycle\n"
UNSUPPORTED = "<not supported>,,instructions:u,0,100.00,,\n"
NOT_COUNTED = "<not counted>,,instructions:u,0,0.00,,\n"
SHARED = "1234567,,instructions:u,575293,48.11,,\n"
HYBRID = (
    "<not counted>,,cpu_atom/instructions/u,0,0.00,,\n"
    "1234567,,cpu_core/instructions/u,575293,100.00,,\n"
)
BOTH_KINDS = HYBRID.replace("<not counted>", "33").replace("0,0.00", "12,100.00")

# As written by Valgrind 3.19: a forked process ends before the one that started it.
FORKED = """\
==16744== Command: /usr/bin/python3 -S forks.py
--16744-- warning: L3 cache found, using its data for the LL simulation.
a line of the program itself
==17152==
==17152== I   refs:      20,468,578
==17152== I1  misses:       176,796
==17152== LLi misses:        10,526
==17152== I1  miss rate:       0.86%
==17152== D   refs:       7,918,929  (5,275,211 rd   + 2,643,718 wr)
==17152== D1  misses:       194,708  (  161,781 rd   +    32,927 wr)
==17152== LLd misses:        37,412  (   15,886 rd   +    21,526 wr)
==17152== LL misses:         47,938  (   26,412 rd   +    21,526 wr)
==17152== Branches:       3,970,888  (3,821,372 cond +   149,516 ind)
==17152== Mispredicts:      318,742  (  273,617 cond +    45,125 ind)
==16744==
==16744== I   refs:      26,317,121
"""


def test_what_perf_counted_is_read():
    assert read_perf(COUNTED) == [1234567]


def test_both_kinds_of_cores_count():
    assert read_perf(BOTH_KINDS) == [1234600]


NO_COUNTS = [
    "",
    UNSUPPORTED,
    NOT_COUNTED,
    SHARED,
    HYBRID,
    COUNTED * 2,
    "1,2\n",
    "9" * 5000 + ",,instructions:u,5,100.00,,",
    "٣,,instructions:u,5,100.00,,",
]


@pytest.mark.parametrize("said", NO_COUNTS)
def test_what_perf_did_not_count_in_full_is_no_count(said):
    assert read_perf(said) == []


def test_each_process_of_cachegrind_has_its_count_in_order():
    assert read_cachegrind(FORKED) == [20_468_578, 26_317_121]


@pytest.mark.parametrize(
    "said", ["", "==1== I   refs:\n", f"==1== I refs: {'9' * 5000}\n", " ==1== I   refs:      5\n"]
)
def test_without_closing_words_there_is_no_count(said):
    assert read_cachegrind(said) == []


def test_a_process_that_tells_its_count_twice_is_not_believed():
    assert read_cachegrind(FORKED + "==16744== I   refs:      1\n") == []


def test_cycles_are_estimated_from_all_misses():
    misses = 10 * (176_796 + 194_708 + 318_742) + 100 * (10_526 + 37_412)
    assert read_cycles(FORKED) == [20_468_578 + misses, 26_317_121]


def test_without_a_tool_there_is_no_counter_and_that_is_said(tmp_path):
    assert counters.counter(Level.NONE, path=str(tmp_path)) is None
    why = counters.why_no_counter(Level.NONE, path=str(tmp_path))
    assert why == "neither perf nor valgrind is installed"


def test_a_tool_that_does_not_count_is_no_counter_and_says_why(tmp_path):
    """A perf that may not count is installed on many machines."""
    fake = tmp_path / "valgrind"
    fake.write_text("#!/bin/sh\necho 'cannot count here' >&2\n")
    fake.chmod(0o755)
    assert counters.counter(Level.NONE, path=str(tmp_path)) is None
    why = counters.why_no_counter(Level.NONE, path=str(tmp_path))
    assert why == "cachegrind counts nothing here (cannot count here)"


# --- with a real counter ------------------------------------------------------------------------

needs_valgrind = pytest.mark.skipif(
    shutil.which("valgrind", path=counters.PATH) is None,
    reason="valgrind is not installed, and only it counts the same everywhere",
)


@needs_valgrind
@pytest.mark.parametrize("level", list(Level))
def test_instructions_are_counted_at_every_level_of_the_sandbox(level):
    try:
        at(level)
    except SandboxError as error:
        pytest.skip(str(error))
    assert counters.counter(level) is not None, counters.why_no_counter(level)


@pytest.mark.parametrize("level", list(Level))
def test_a_program_that_watches_the_sandbox_from_outside_has_the_last_word(level):
    """As perf does; page faults are counted on every machine."""
    perf = shutil.which("perf", path=counters.PATH)
    if perf is None:
        pytest.skip("perf is not installed")
    try:
        sandbox = at(level)
    except SandboxError as error:
        pytest.skip(str(error))
    watching = (perf, "stat", "-x,", "-o", "/dev/stderr", "-e", "page-faults:u", "--")
    command = Command(("/bin/sh", "-c", "printf hello >&2"), Path("/usr"), watched_by=watching)
    said = sandbox.run(command).stderr.decode()
    if "page-faults:u" not in said:
        pytest.skip(f"perf may not count here: {said}")
    *_, last = said.strip().splitlines()
    assert said.startswith("hello")
    assert last.split(",")[0].isdigit()


@pytest.fixture(scope="module")
def case(prepare):
    return prepare({PATH: SOURCE, "tests/test_m.py": TESTS}, *(f"{PATH}::{each}" for each in NAMES))


@pytest.fixture(scope="module")
def cachegrind(case):
    found = counters.counter(case.target.sandbox.level)
    if found is None or found.name != "cachegrind":
        pytest.skip("cachegrind is not what counts here")
    return found


def made(case, name: str, *, once: bool = False):
    reference = case.reference(FunctionName(PATH, name))
    return instructions.rounds(reference, once=once, aim_s=0.002)


@pytest.mark.parametrize("name", ["squares", "things"])
def test_counts_are_the_same_to_the_last_digit(case, cachegrind, name):
    """Also where a set of objects is ordered by their addresses."""
    counts = {
        instructions.count(cachegrind, case.target, made(case, name), case.tree) for _ in range(2)
    }
    assert len(counts) == 1


def test_twice_the_work_is_twice_the_instructions(case, cachegrind):
    twice = case.copy({PATH: SOURCE.replace(LOOP, LOOP * 2).encode()})
    ratio = instructions.ratio(cachegrind, case.target, made(case, "squares"), case.tree, twice)
    assert ratio == pytest.approx(2.0, rel=0.01)


def test_cycles_are_estimated_of_the_same_calls(case, cachegrind):
    twice = case.copy({PATH: SOURCE.replace(LOOP, LOOP * 2).encode()})
    estimator = counters.estimator(cachegrind)
    ratio = instructions.ratio(estimator, case.target, made(case, "squares"), case.tree, twice)
    assert ratio == pytest.approx(2.0, rel=0.2)


def test_import_and_start_do_not_count(case, cachegrind):
    slow = case.copy({PATH: ("TABLE = sorted(range(100_000))\n" + SOURCE).encode()})
    ratio = instructions.ratio(cachegrind, case.target, made(case, "squares"), case.tree, slow)
    assert ratio == pytest.approx(1.0, rel=0.001)


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("name", ["ordered", "upwards", "later"])
def test_every_kind_of_function_is_counted(case, cachegrind, name, once):
    found = instructions.count(cachegrind, case.target, made(case, name, once=once), case.tree)
    assert found > 0


def test_arguments_copied_for_calls_that_change_them_do_not_count(case, cachegrind):
    """Sorting 500 ordered items takes a few thousand instructions, reading their pickle far more."""
    lazy = case.copy({PATH: SOURCE.replace("    items.sort()\n", "").encode()})
    chosen = made(case, "ordered")
    assert case.reference(FunctionName(PATH, "ordered")).fresh == (True,)
    per_call = instructions.count(cachegrind, case.target, chosen, lazy) / sum(chosen.repeats)
    assert per_call < 6000


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("raise RuntimeError", "RuntimeError"),
        ("import os; os._exit(0)", "ended with status 0"),
        (
            "import threading, time; threading.Thread(target=time.sleep, args=(5,)).start()",
            "threads",
        ),
    ],
)
def test_where_nothing_can_be_counted_there_is_a_reason(case, cachegrind, line, why):
    broken = case.copy({PATH: (line + "\n" + SOURCE).encode()})
    with pytest.raises(NotCountedError, match=why):
        instructions.count(cachegrind, case.target, made(case, "squares"), broken)


# --- which calls make a round -------------------------------------------------------------------


def slowed(case, ns: int):
    reference = case.reference(FunctionName(PATH, "squares"))
    behaviours = {key: replace(each, ns=ns) for key, each in reference.behaviours.items()}
    return replace(reference, behaviours=behaviours)


def test_short_calls_are_repeated_until_a_round_is_long_enough(case):
    found = instructions.rounds(slowed(case, 50_000), once=False, aim_s=0.02)
    assert found.repeats == (400,)
    assert found.round_s == pytest.approx(0.02)
    assert found.share == 1.0


def test_where_first_calls_count_each_is_made_as_often_as_in_the_workload(case):
    assert instructions.rounds(slowed(case, 50_000), once=True, aim_s=0.02).repeats == (1,)


def test_a_call_that_takes_too_long_is_not_counted(case):
    with pytest.raises(NotCountedError, match=r"takes 2\.0 s, too long"):
        instructions.rounds(slowed(case, 2_000_000_000), once=False, aim_s=0.02)
