"""What is timed and weighed, and what of an answer is believed. No time is asserted."""

import json
from dataclasses import replace

import pytest

from perfbot.profiling import messages
from perfbot.profiling.benchmark import (
    CallBenchmark,
    MeasurementError,
    WrongAnswerError,
    choose_calls,
    choose_unseen,
)
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.sandbox import Completed, Ending
from perfbot.profiling.target import Reply

PATH = "m.py"
SOURCE = """\
def size(items):
    return sum(1 for _ in items)


def grow(items):
    items.append(len(items))
    return items


def squares(n):
    for number in range(n):
        yield number * number


async def later(n):
    return n + 1


def state():
    import gc
    return gc.isenabled(), gc.get_threshold()
"""
TESTS = """\
import asyncio

import m


def test_all():
    for _ in range(3):
        assert m.size([1] * 2000) == 2000
    assert m.size([1, 2]) == 2
    assert m.grow([5]) == [5, 1]
    assert list(m.squares(4)) == [0, 1, 4, 9]
    assert asyncio.run(m.later(1)) == 2
    assert m.state()
"""
NAMES = ["size", "grow", "squares", "later"]


@pytest.fixture(scope="module")
def case(prepare):
    names = [f"{PATH}::{each}" for each in (*NAMES, "state")]
    return prepare({PATH: SOURCE, "tests/test_m.py": TESTS}, *names)


def bench(case, name: str, **options) -> CallBenchmark:
    reference = case.reference(FunctionName(PATH, name))
    chosen = choose_calls(reference)
    unseen = choose_unseen(reference, chosen)
    return CallBenchmark(case.target, reference, chosen, 0.01, unseen=unseen, **options)


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_function_is_timed(case, name, once):
    benchmark = bench(case, name, once=once)
    timing = benchmark.time(case.tree)
    assert len(timing.per_call_ns) == len(timing.answers) == len(benchmark.chosen) > 0
    assert len(timing.unseen_ns) == sum(map(len, benchmark.unseen))
    assert min(timing.pass_ns, timing.first_ns, timing.import_ns, *timing.per_call_ns) > 0


def test_the_calls_that_cost_most_are_chosen(case):
    reference = case.reference(FunctionName(PATH, "size"))
    assert 0 in choose_calls(reference)


def test_a_call_that_changes_its_arguments_gets_fresh_ones(case):
    assert case.reference(FunctionName(PATH, "grow")).fresh == (True,)
    assert case.reference(FunctionName(PATH, "size")).fresh == (False, False)


def test_results_while_timed_are_those_of_replay(case):
    benchmark = bench(case, "size")
    (number, *_), (answer, *_) = benchmark.chosen, benchmark.time(case.tree).answers
    assert answer == benchmark.reference.behaviours[number, 0].result


def test_every_process_collects_garbage_alike_whatever_the_code_says(case):
    """``state`` answers with what could differ from process to process; both versions must agree."""
    meddling = case.copy(
        {PATH: ("import gc; gc.disable(); gc.set_threshold(1)\n" + SOURCE).encode()}
    )
    benchmark = bench(case, "state")
    number = benchmark.chosen[0]
    answers = {benchmark.time(tree).answers[0] for tree in (case.tree, case.tree, meddling)}
    assert answers == {benchmark.reference.behaviours[number, 0].result}


def test_processor_time_is_told_beside_the_clocks(case):
    timings = [bench(case, "size").time(case.tree) for _ in range(3)]
    assert sum(timing.cpu_ns for timing in timings) > 0


def test_later_pairs_do_without_unseen_calls(case):
    kept = []
    measure = bench(case, "size").pair(case.tree, case.tree, kept)
    for number in range(8):
        measure(number % 2 == 0)
    counts = [len(old.unseen_ns) for old, _ in kept]
    assert counts[0] > 0 == counts[-1]


def test_both_versions_are_measured_in_either_order(case):
    kept = []
    measure = bench(case, "size").pair(case.tree, case.copy({}), kept)
    for old_first in (True, False):
        pair = measure(old_first)
        old, new = kept[-1]
        assert (pair.old_ns, pair.new_ns) == (old.pass_ns, new.pass_ns)
        assert pair.old_first is old_first


def test_a_version_with_other_results_is_not_measured(case):
    wrong = case.copy({PATH: SOURCE.replace("sum(1", "sum(2").encode()})
    with pytest.raises(WrongAnswerError, match="while it is timed"):
        bench(case, "size").pair(case.tree, wrong)(True)


@pytest.mark.parametrize(
    "line", ["import os; os._exit(0)", "raise RuntimeError", "while True: exit()"]
)
def test_a_process_that_does_not_come_to_its_end_has_no_time(case, line):
    broken = case.copy({PATH: (line + "\n" + SOURCE).encode()})
    with pytest.raises(MeasurementError):
        bench(case, "size").time(broken)


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_function_is_weighed(case, name):
    weight = bench(case, name).weigh(case.tree)
    assert weight.peak_bytes >= 0
    assert weight.kept_bytes > 0


def test_what_the_import_and_the_calls_leave_behind_is_weighed(case):
    greedy = case.copy({PATH: (SOURCE + "\nREST = bytearray(30_000_000)\n").encode()})
    benchmark = bench(case, "size")
    assert benchmark.weigh(greedy).kept_bytes - benchmark.weigh(case.tree).kept_bytes > 29_000_000


class Answering:
    """A sandbox whose processes write fixed messages, each with the password of their job."""

    level = None

    def __init__(self, *lines: dict, wall_s: float = 9.0, cpu_s: float = 1.0):
        self._lines = lines
        self._took_s = wall_s, cpu_s

    def run(self, command) -> Completed:
        password = json.loads(command.stdin)["password"]
        text = "".join(f"{password}{json.dumps(line)}\n" for line in self._lines)
        return Completed(0, b"", b"", text.encode(), Ending.EXITED, *self._took_s)


HONEST = {
    "kind": "timed", "first_ns": [5.0], "repeated": [{"spans_ns": [3.0, 4.0, 9.0], "worked_ns": [2.0, 2.5, 3.0]}],
    "unseen_ns": [], "import_ns": 3.0,
    "total_ns": 1e9, "answers": [""],
}  # fmt: skip
DONE = {"kind": "done"}


def timed(case, *lines: dict, **options):
    reference = case.reference(FunctionName(PATH, "grow"))
    target = replace(case.target, sandbox=Answering(*lines, **options))
    return CallBenchmark(target, reference, (0,), 0.01).time(case.tree)


def test_an_honest_answer_is_believed(case):
    assert timed(case, HONEST, DONE).per_call_ns == (3.0,)


def test_the_work_of_other_threads_is_counted(case):
    alone = {"thread_ns": 2e7, "process_ns": 2.4e7}  # what two ticks may come to
    helped = {"thread_ns": 2e7, "process_ns": 8e7}
    assert timed(case, {**HONEST, **alone}, DONE).cpu_ns == 2.0
    assert timed(case, {**HONEST, **helped}, DONE).cpu_ns == 8.0


@pytest.mark.parametrize(
    "lines",
    [
        (HONEST,),
        (DONE, HONEST),
        (HONEST, HONEST, DONE),
        (HONEST, {"kind": "memory"}, DONE),
        ({**HONEST, "repeated": []}, DONE),
        ({**HONEST, "repeated": [{"spans_ns": [4.0, 0.0]}]}, DONE),
        ({**HONEST, "repeated": [{"spans_ns": []}]}, DONE),
        ({**HONEST, "repeated": [{"spans_ns": ["1"]}]}, DONE),
        ({**HONEST, "answers": []}, DONE),
        ({**HONEST, "unseen_ns": [1.0]}, DONE),
        ({**HONEST, "total_ns": 60e9}, DONE),
    ],
)
def test_an_answer_that_cannot_be_is_not_believed(case, lines):
    with pytest.raises(MeasurementError):
        timed(case, *lines)


def test_a_slowed_clock_shows_by_the_processor_time(case):
    with pytest.raises(MeasurementError):
        timed(case, HONEST, DONE, wall_s=60.0, cpu_s=50.0)


def test_messages_are_read_as_the_target_reads_them():
    text = json.dumps(DONE).encode()
    completed = Completed(0, b"", b"", text, Ending.EXITED, 1.0, 1.0)
    assert Reply(completed, tuple(messages.read(text))).finished
