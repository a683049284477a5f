"""Two versions on growing inputs: how each grows, where they differ, and what cannot grow."""

import json
import math

import pytest

from perfbot.optimizer.case import Case
from perfbot.profiling import growth, messages
from perfbot.profiling.behaviours import SHARES
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.growth import CONTRADICTION, NO_CALL, NOTHING_TOLD, Curve, Growth
from perfbot.profiling.sandbox import Completed, Ending
from perfbot.profiling.target import Reply

PATH = "m.py"
PAIRS = """\
def pairs(items):
    found = 0
    for one in items:
        for other in items:
            if one == other:
                found += 1
    return found
"""
FAST_PAIRS = """\
def pairs(items):
    counts = {}
    for one in items:
        counts[one] = counts.get(one, 0) + 1
    return sum([count * count for count in counts.values()])
"""
SOURCE = (
    PAIRS
    + """

def shaky(items):
    return len(items) if len(items) < 60 else id(object()) + _now()


def _now():
    import time

    return time.perf_counter_ns()


def listed(rows):
    found = []
    for row in rows:
        found = found + [row]
    return found


def flag(on):
    return not on


def keyed(text):
    return {"abc def": 1}[text]


def refused(text):
    raise ValueError(text)
"""
)
TESTS = """\
import pytest

import m


def test_all():
    assert m.pairs(list(range(40))) == 40
    assert m.shaky([1, 2, 3]) == 3
    assert m.listed(list(range(20))) == list(range(20))
    assert m.flag(False)
    assert m.keyed("abc def") == 1
    with pytest.raises(ValueError):
        m.refused("no")
"""


@pytest.fixture(scope="module")
def case(prepare) -> Case:
    files = {PATH: SOURCE, "tests/test_m.py": TESTS}
    names = "pairs shaky listed flag keyed refused".split()
    return prepare(files, *(f"{PATH}::{name}" for name in names))


def grown(case: Case, function: str, old: str = "", new: str = "") -> Growth:
    changed = SOURCE.replace(old, new)
    assert not old or changed != SOURCE
    copy = case.copy({PATH: changed.encode()})
    reference = case.reference(FunctionName(PATH, function))
    return growth.measure(case.target, reference, case.tree, copy)


def test_a_quadratic_function_made_linear_has_an_exponent_less_and_the_same_results(case):
    found = grown(case, "pairs", PAIRS, FAST_PAIRS)
    assert found.old.exponent is not None, found.old.why
    assert found.new.exponent is not None, found.new.why
    assert found.old.exponent.value - found.new.exponent.value > 0.5
    assert found.what == "argument 1"
    assert found.compared > 4
    assert found.differences == ()


def test_what_is_right_on_the_recorded_sizes_and_wrong_on_large_ones_differs(case):
    cut = "    if len(items) > 90:\n        return -len(items)\n    counts = {}"
    wrong = FAST_PAIRS.replace("    counts = {}", cut)
    first = grown(case, "pairs", PAIRS, wrong).differences[0]
    assert (first.what, first.ending) == ("made 3 times as large", "returned")
    assert (first.before, first.after) == ("returned 120", "returned -120")


def test_what_runs_out_of_stack_on_large_inputs_differs(case):
    deep = "def listed(rows):\n    return rows[:1] + listed(rows[1:]) if rows else []\n"
    old = SOURCE[SOURCE.index("def listed") : SOURCE.index("\n\ndef flag")]
    first = grown(case, "listed", old, deep).differences[0]
    assert "RecursionError" in first.after


def test_what_the_old_version_does_not_do_twice_is_no_difference(case):
    found = grown(case, "shaky")
    assert found.compared > 0
    assert found.differences == ()


@pytest.mark.parametrize(
    ("function", "why"),
    [
        ("flag", "nothing in its recorded calls can grow"),
        ("keyed", "made twice as large raised KeyError"),
        ("refused", NO_CALL),
    ],
)
def test_a_function_that_cannot_be_grown_says_so(case, function, why):
    found = grown(case, function)
    assert why in found.old.why
    assert found.old.exponent is found.new.exponent is None
    assert found.compared == 0


def test_one_version_alone_has_a_curve(case):
    reference = case.reference(FunctionName(PATH, "pairs"))
    curve, what = growth.measure_one(case.target, reference, case.tree)
    assert curve.exponent is not None, curve.why
    assert curve.exponent.value > 1.2
    assert what == "argument 1"


def test_one_version_alone_that_cannot_be_grown_says_so(case):
    reference = case.reference(FunctionName(PATH, "refused"))
    assert growth.measure_one(case.target, reference, case.tree) == (Curve(why=NO_CALL), "")


# -- what a process tells is not trusted -------------------------------------------------------

DONE = {"kind": "done"}


def size(number: int, ns: object = 1000, items: object = 8) -> dict[str, object]:
    return {"kind": "size", "size": number, "ns": ns, "items": items}


def behaviour(number: int, digest: str = "a", shown: str = "returned 1") -> dict[str, object]:
    told = {"ending": "returned", "digest": digest, "shown": shown}
    return {"kind": "behaviour", "size": number, **told}


def read(*lines: dict[str, object], returncode: int = 0) -> growth._Grown:
    results = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    completed = Completed(returncode, b"", b"", results, Ending.EXITED, 1.0, 1.0)
    return growth._read(Reply(completed, tuple(messages.read(results))))


@pytest.mark.parametrize(
    "lines",
    [
        (size(3), size(3), DONE),
        (size(3), size(2), DONE),
        (size(3, ns=-1), DONE),
        (size(3, ns=math.nan), DONE),
        (size(3, items=0), DONE),
        (size(3, items=10**400), DONE),
        ({"kind": "grows", "call": 10**9}, DONE),
        (size(10**6), DONE),
        (size(3, ns=2e9), DONE),
        (size(3), {"kind": "grows", "call": 1}, DONE),
        (behaviour(3), behaviour(3), DONE),
        ({"kind": "timed"}, DONE),
    ],
)
def test_messages_that_contradict_each_other_are_not_believed_at_all(lines):
    found = read(*lines)
    assert (found.trouble, found.times_ns, found.behaviours) == (CONTRADICTION, {}, {})


def test_a_new_version_that_dies_on_the_way_differs_where_it_died():
    before = read(size(3), behaviour(3), size(4), behaviour(4), DONE)
    after = read(size(3), behaviour(3), size(4), returncode=1)
    (found,) = growth._differences(before, after, None).values()
    assert found.ending == ""
    assert found.after == NOTHING_TOLD.format(trouble="ended with status 1")


def test_the_powers_of_both_versions_are_those_of_the_sizes_that_both_reached():
    before = read(*(size(number, 20_000 * 4**number, 8 * 2**number) for number in range(7)), DONE)
    bent = [10_000 * 2**number * (4 if number > 6 else 1) for number in range(14)]
    after = read(*(size(number, ns, 8 * 2**number) for number, ns in enumerate(bent)), DONE)
    both = growth._curve([after], before, up_to=8 * 2**6).exponent
    every = growth._curve([after], before).exponent
    assert both is not None
    assert both.low <= 1 <= both.high
    assert every is None or every.value > 1.02


def test_the_same_in_words_and_not_the_same_is_told_apart():
    before, after = read(behaviour(3), DONE), read(behaviour(3, digest="b"), DONE)
    (found,) = growth._differences(before, after, None).values()
    assert found.after == SHARES.format(before="returned 1")
