"""What is recorded of real calls, while functions do what they always did."""

import asyncio
import base64
import pickle

import pytest

from perfbot.profiling.capture import capture
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.inside import record
from perfbot.profiling.workload import WorkloadSettings, discover

SOURCE = """\
class Box:
    def __init__(self, size):
        self.size = size

    def grown(self, by):
        return Box(self.size + by)

    @property
    def twice(self):
        return 2 * self.size


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def squares(numbers):
    for number in numbers:
        got = yield number * number
        if got:
            yield got


async def later(x):
    return x + 1


async def stream(n):
    for x in range(n):
        yield x


def fails(x):
    raise KeyError(x)


def held(lock):
    return 1


def never(x):
    return x


def many(n):
    return n
"""
TESTS = """\
import asyncio
import base64
import sys
import threading

import m


def test_all():
    assert m.Box(1).grown(2).size == 3
    assert m.Box(4).twice == 8
    assert m.fib(10) == 55
    assert list(m.squares([1, 2])) == [1, 4]
    sending = m.squares([3])
    assert next(sending) == 9
    assert sending.send(7) == 7
    assert asyncio.run(m.later(1)) == 2

    async def collected():
        return [x async for x in m.stream(3)]

    assert asyncio.run(collected()) == [0, 1, 2]
    for x in (1, 1, 2):
        try:
            m.fails(x)
        except KeyError:
            pass
    m.held(sys._getframe())
    for n in range(3000):
        m.many(n)


FIXED = m.fib(3)


def test_other():
    assert m.fib(2) == 1
"""
NAMES = "Box.grown Box.twice fib squares later stream fails held never many".split()


@pytest.fixture(scope="module")
def recorded(target, plant):
    tree = plant({"m.py": SOURCE, "tests/test_m.py": TESTS})
    workload = discover(tree, WorkloadSettings())
    names = [FunctionName("m.py", name) for name in NAMES]
    found = capture(target, tree, workload, names, wall_s=120)
    return {name.qualname: recording for name, recording in found.items()}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Box.grown", "function"),
        ("Box.twice", "function"),
        ("squares", "generator"),
        ("later", "coroutine"),
        ("stream", "async generator"),
    ],
)
def test_functions_of_every_kind_are_recorded_as_what_they_are(recorded, name, kind):
    assert recorded[name].kind == kind
    assert recorded[name].calls


def test_of_a_recursion_only_the_outermost_call_is_kept_but_all_are_counted(recorded):
    assert [call.times for call in recorded["fib"].calls] == [1, 1, 1]
    assert recorded["fib"].count == 177 + 5 + 3


def test_calls_are_counted_by_the_test_that_leads_to_them_and_those_of_no_test_are_not(recorded):
    tests = {"tests/test_m.py::test_all": 177, "tests/test_m.py::test_other": 3}
    assert recorded["fib"].tests == tests
    assert recorded["never"].tests == {}


def test_an_exception_is_recorded_by_its_type_and_equal_calls_are_one(recorded):
    assert [(call.raised, call.times) for call in recorded["fails"].calls] == [
        ("KeyError", 2),
        ("KeyError", 1),
    ]
    assert recorded["fails"].repeats


def test_a_result_is_recorded_by_its_digest(recorded):
    (call,) = recorded["Box.grown"].calls
    assert call.result
    assert call.raised is None


def test_arguments_that_cannot_be_copied_are_counted_with_the_reason(recorded):
    assert recorded["held"].unpicklable == 1
    assert "frame" in recorded["held"].why_unpicklable
    assert not recorded["held"].calls


def test_what_is_never_called_has_an_empty_recording(recorded):
    assert (recorded["never"].count, recorded["never"].calls) == (0, ())


def test_of_very_many_calls_a_bounded_number_is_kept(recorded):
    assert recorded["many"].count == 3000
    assert 100 <= len(recorded["many"].calls) <= 240


def test_the_kinds_of_arguments_are_known(recorded):
    assert recorded["squares"].facts["numbers"].types == frozenset({"list"}) or set(
        recorded["squares"].facts["numbers"].types
    ) == {"list"}


class Sent:
    """Takes what a recorder sends."""

    def __init__(self):
        self.messages = []

    def send(self, kind, **fields):
        self.messages.append({"kind": kind, **fields})


def recorder():
    return record.Recorder({"tree": "/nowhere", "functions": {"m.py": ["f"]}}, Sent())


def kept(recorder):
    recorder.finish()
    return recorder._results.messages[0]["calls"]


def test_large_calls_that_come_late_take_the_place_of_small_ones():
    watching = recorder()
    measured = watching.wrap("m.py::f", lambda rows: len(rows))
    for n in range(1000):
        measured([n])
    for n in range(3):
        measured([n] * 5000)
    sizes = [len(call["arguments"]) for call in kept(watching)]
    assert len(sizes) <= 240
    assert sum(size > 5000 for size in sizes) == 3


def test_calls_too_large_to_keep_are_counted_only():
    watching = recorder()
    watching.wrap("m.py::f", len)(b"x" * 5_000_000)
    assert kept(watching) == []
    assert watching._results.messages[0]["count"] == 1


def test_arguments_are_kept_as_they_were_before_the_call():
    watching = recorder()
    watching.wrap("m.py::f", lambda rows: rows.append(1))([])
    (call,) = kept(watching)
    assert pickle.loads(base64.b64decode(call["arguments"])) == (([],), {})


def test_wrapped_functions_pass_on_values_exceptions_and_what_is_sent():
    names: dict = {}
    exec(SOURCE, names)
    watching = recorder()
    squares = watching.wrap("m.py::squares", names["squares"])([3])
    assert (next(squares), squares.send(7)) == (9, 7)
    assert asyncio.run(watching.wrap("m.py::later", names["later"])(1)) == 2
    with pytest.raises(KeyError, match="x"):
        watching.wrap("m.py::fails", names["fails"])("x")
