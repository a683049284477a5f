"""Differences that somebody could see are found; what cannot be compared is said to be so."""

import json

import pytest

from perfbot.profiling import messages, replay
from perfbot.profiling.behaviours import Behaviour
from perfbot.profiling.capture import Recorded, Recording
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.replay import CONTRADICTION, variants_of
from perfbot.profiling.sandbox import Completed, Ending
from perfbot.profiling.target import Reply

PATH = "m.py"
SOURCE = """\
import logging
import random
import time

log = logging.getLogger(__name__)

RATE = 2
SEEN = []


def doubled(x):
    if x < 0:
        raise ValueError("negative", x)
    return [x, x]


def patched(x):
    return RATE * x


def clocked(x):
    return time.time_ns() + x


def drawn(x):
    return random.random() + x


def deep(n):
    return 0 if n == 0 else 1 + deep(n - 1)


def noted(x):
    SEEN.append(x)
    return len(SEEN)


def looked_up(table, key):
    return table[key]


def copied(rows):
    return [dict(row) for row in rows]


def summed(n):
    return sum(range(n))


def chatty(x):
    log.debug("%s in %s", object(), __file__)
    print(object())
    return x
"""
TESTS = """\
import pytest

import m


def test_doubled():
    assert m.doubled(1) == [1, 1]
    with pytest.raises(ValueError):
        m.doubled(-1)


def test_patched(monkeypatch):
    assert m.patched(1) == 2
    monkeypatch.setattr(m, "RATE", 5)
    assert m.patched(2) == 10


def test_rest():
    m.clocked(1)
    m.drawn(1)
    assert m.deep(50) == 50
    m.noted(1)
    m.chatty(1)
    assert [m.summed(n) for n in (3, 4, 5)] == [3, 6, 10]
    assert m.looked_up({"a": 1, "b": 2}, "a") == 1
    assert m.copied([{"a": 1}, {"b": 2}]) == [{"a": 1}, {"b": 2}]
"""
NAMES = "doubled patched clocked drawn deep noted looked_up copied chatty summed".split()


@pytest.fixture(scope="module")
def case(prepare):
    files = {PATH: SOURCE, "tests/test_m.py": TESTS}
    return prepare(files, *(f"{PATH}::{name}" for name in NAMES))


def differences(case, name: str, old: str = "", new: str = ""):
    function = FunctionName(PATH, name)
    changed = SOURCE.replace(old, new) if old else SOURCE
    assert not old or changed != SOURCE
    copy = case.copy({PATH: changed.encode()})
    return replay.differences(case.reference(function), case.target, copy)


@pytest.mark.parametrize("name", ["doubled", "deep", "noted", "looked_up", "copied", "chatty"])
def test_the_unchanged_code_does_not_differ_from_itself(case, name):
    assert case.reference(FunctionName(PATH, name)).comparable_share == 1
    assert differences(case, name) == ()


def test_a_mutation_that_only_the_kernel_can_end_costs_no_recorded_call(case):
    """``sum`` of a huge range hears no signal, and its process ends with it."""
    assert case.reference(FunctionName(PATH, "summed")).comparable_share == 1
    assert differences(case, "summed", "sum(range(n))", "max(n, 0) * (n - 1) // 2") == ()


def test_calls_under_a_monkeypatch_are_dropped_and_counted(case):
    reference = case.reference(FunctionName(PATH, "patched"))
    assert reference.real == (0,)
    assert reference.dropped == {"outside its test, the call does something else": 1}
    assert reference.comparable_share == 0.5


def test_what_is_drawn_by_lot_is_not_what_the_workload_saw(case):
    assert case.reference(FunctionName(PATH, "drawn")).comparable_share == 0


def test_what_is_never_the_same_twice_is_not_comparable(case):
    reference = case.reference(FunctionName(PATH, "clocked"))
    assert reference.comparable_share == 0
    assert "the unchanged code does not do the same twice" in reference.dropped


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("doubled", "return [x, x]", "return [x, x + 1]"),
        ("doubled", "return [x, x]", "return (x, x)"),
        ("doubled", '("negative", x)', '("negative",)'),
        ("doubled", "raise ValueError", "raise TypeError"),
        ("doubled", "return [x, x]", "print(x)\n    return [x, x]"),
        ("doubled", "return [x, x]", "import warnings; warnings.warn('x')\n    return [x, x]"),
        ("noted", "SEEN.append(x)", "pass"),
        ("copied", "[dict(row) for row in rows]", "list(rows)"),
        ("looked_up", "return table[key]", "return table.pop(key)"),
        ("looked_up", "return table[key]", "return table.get(key)"),
    ],
)
def test_a_difference_is_found(case, name, old, new):
    found = differences(case, name, old, new)
    assert found
    assert found[0].before != found[0].after


def test_real_calls_are_told_before_mutations(case):
    found = differences(case, "doubled", "return [x, x]", "return [x]")
    assert found[0].what == ""
    assert found[0].arguments == "(1,)"


def test_an_exception_of_pythons_own_may_become_another_on_mutations(case):
    """``table[key]`` on a missing key: nobody relies on what comes out of the depths for odd inputs."""
    kept = (
        "try:\n        return table[key]\n    except KeyError:\n        raise LookupError from None"
    )
    assert differences(case, "looked_up", "return table[key]", kept) == ()


def test_a_leftover_of_the_call_counts(case):
    found = differences(
        case, "noted", "    return len(SEEN)", "    SEEN[-1:] = [x, x]\n    return len(SEEN) - 1"
    )
    assert found


def test_one_list_for_two_callers_is_a_difference(case):
    shared = "_KNOWN = {}\n\n\ndef doubled(x):\n    if x in _KNOWN:\n        return _KNOWN[x]\n"
    remembered = SOURCE.replace("def doubled(x):\n", shared).replace(
        "return [x, x]", "_KNOWN[x] = [x, x]\n    return _KNOWN[x]"
    )
    copy = case.copy({PATH: remembered.encode()})
    found = replay.differences(case.reference(FunctionName(PATH, "doubled")), case.target, copy)
    assert "a second call" in found[0].after


@pytest.mark.parametrize(
    ("new", "ending"),
    [
        ("while True:\n        pass", "timeout"),
        ("import os; os._exit(0)", ""),
        ("import os; os.kill(os.getpid(), 11)", ""),
        ("raise SystemExit(0)", "raised"),
        ("return doubled(x)", "exhausted"),
    ],
)
def test_a_new_version_that_never_answers_is_told_by_its_ending(case, new, ending):
    found = differences(case, "doubled", "return [x, x]", new)
    assert found[0].ending == ending
    assert found[0].after


def test_the_recursion_limit_is_the_same_for_both(case):
    found = differences(case, "deep", "1 + deep(n - 1)", "1 + (lambda: deep(n - 1))()")
    assert all(each.what for each in found)  # at most on larger inputs than the recorded ones


def test_an_import_that_fails_differs_everywhere(case):
    found = differences(case, "doubled", "RATE = 2", "RATE = 1 / 0")
    assert "ZeroDivisionError" in found[0].after


def reply(*lines: dict, returncode: int = 0) -> Reply:
    text = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    completed = Completed(returncode, b"", b"", text, Ending.EXITED, 1.0, 1.0)
    return Reply(completed, tuple(messages.read(text)))


def starting(call: int) -> dict:
    return {"kind": "starting", "call": call, "variant": 0}


def behaviour(call: int, digest: str = "a") -> dict:
    return {"kind": "behaviour", "call": call, "variant": 0, "ending": "returned", "digest": digest}


DONE = {"kind": "done"}


def test_messages_in_order_are_believed():
    played = replay._played(reply(starting(0), behaviour(0), starting(1), behaviour(1), DONE))
    assert list(played.behaviours) == [(0, 0), (1, 0)]
    assert played.trouble == ""


@pytest.mark.parametrize(
    "lines",
    [
        (behaviour(0), DONE),
        (starting(0), behaviour(0), behaviour(0, "b"), DONE),
        (starting(0), behaviour(0), starting(0), behaviour(0, "b"), DONE),
        (starting(0), behaviour(1), DONE),
        (starting(0), {"kind": "timed"}, behaviour(0), DONE),
    ],
)
def test_messages_out_of_order_are_not_believed_at_all(lines):
    played = replay._played(reply(*lines))
    assert (played.behaviours, played.trouble) == ({}, CONTRADICTION)


@pytest.mark.parametrize(
    "ended",
    [
        reply(starting(0), behaviour(0)),
        reply(starting(0), behaviour(0), DONE, returncode=3),
        reply(DONE, starting(0), behaviour(0)),
        reply(starting(0), behaviour(0), DONE, DONE),
    ],
)
def test_a_process_is_done_once_at_the_end_and_exits_with_0(ended):
    assert not ended.finished


@pytest.mark.parametrize(("claimed_s", "lies"), [(0.5, False), (0.95, False), (1.5, True)])
def test_a_time_longer_than_the_process_lived_is_a_lie(claimed_s, lies):
    assert reply(DONE).contradicts(claimed_s) is lies


def test_much_processor_time_that_is_not_told_is_a_lie():
    completed = Completed(0, b"", b"", b"", Ending.EXITED, 60.0, 50.0)
    assert Reply(completed, ()).contradicts(0.5)


def test_slow_calls_get_fewer_mutations():
    def recording(ns: int) -> Recording:
        return Recording(FunctionName(PATH, "f"), calls=(Recorded("", 1, ns, None, None),))

    assert variants_of(recording(1000)) > variants_of(recording(3_000_000_000)) >= 1


def test_a_behaviour_that_timed_out_has_not_ended():
    assert not Behaviour("timeout", "", None, "", False, False, "", "", "").ended


def test_mutations_that_keep_hanging_are_given_up_and_not_asked_of_the_new_version(prepare) -> None:
    """An integer that a loop counts to hangs when it is mutated to something huge."""
    source = "def total(n):\n    found = 0\n    for i in range(n):\n        found += i\n    return found\n"
    test = "from counting import total\n\n\ndef test_total():\n    assert total(5) == 10\n"
    case = prepare({"counting.py": source, "test_counting.py": test}, "counting.py::total")
    function = FunctionName("counting.py", "total")
    reference = case.reference(function)
    assert (0, 0) in reference.behaviours
    assert all(behaviour.ended for behaviour in reference.behaviours.values())
    closed = source.replace(
        "    for i in range(n):\n        found += i\n",
        "    found = n * (n - 1) // 2 if n > 0 else 0\n",
    )
    new = case.copy({"counting.py": closed.encode()})
    assert replay.differences(reference, case.target, new) == ()
