"""What replay refuses, what it only remarks on, and what it knows that nobody may rely on."""

import pytest

from perfbot.profiling import replay
from perfbot.profiling.functions import FunctionName

PATH = "shop/prices.py"
SOURCE = """\
import time

from shop import ledger

_START = time.time()


class Till:
    opened = 0
    log = []

    def __init__(self):
        self.total = 0.0


def mean(values):
    return {"mean": sum(values) / len(values), "n": len(values)}


def opened(name):
    Till.opened += 1
    Till.log.append(name)
    return Till()


def booked(amount):
    ledger.BOOKED.append(amount)
    return amount


def letters(text):
    return list(set(text))


def tenth(x):
    return x // 10


def pairs(rows):
    for row in rows:
        yield row, len(row)


def taken(rows):
    return next(rows) + next(rows)


def first_line(file):
    return file.readline()


def early(x):
    return time.time() - _START < 1.5, x
"""
TESTS = """\
import io

import pytest

from shop import prices


def test_all(tmp_path):
    assert prices.mean([0.1, 0.2, 0.3])["n"] == 3
    assert prices.opened("one").total == 0
    assert prices.booked(3) == 3
    assert sorted(prices.letters("abcdefgh")) == list("abcdefgh")
    assert prices.tenth(12) == 1
    assert list(prices.pairs(["a", "bc"])) == [("a", 1), ("bc", 2)]
    with pytest.raises(TypeError):
        list(prices.pairs([1]))
    assert prices.taken(x for x in (1, 2, 3)) == 3
    (tmp_path / "text").write_text("one\\ntwo\\nthree\\n")
    with open(tmp_path / "text") as file:
        assert prices.first_line(file) == "one\\n"
"""
NAMES = "mean opened booked letters tenth pairs taken first_line".split()


@pytest.fixture(scope="module")
def case(prepare):
    files = {
        PATH: SOURCE,
        "shop/__init__.py": "",
        "shop/ledger.py": "BOOKED = []\n",
        "tests/test_prices.py": TESTS,
    }
    return prepare(files, *(f"{PATH}::{name}" for name in NAMES))


def compared(case, name: str, old: str, new: str, tolerance: float | None = None):
    function = FunctionName(PATH, name)
    assert SOURCE.count(old) >= 1
    copy = case.copy({PATH: SOURCE.replace(old, new).encode()})
    return replay.compared(case.reference(function), case.target, copy, tolerance=tolerance)


def test_every_recorded_call_can_be_compared_but_those_that_hang_on_the_order_of_a_set(case):
    shares = {
        name: case.reference(FunctionName(PATH, name)).comparable_share
        for name in NAMES
        if name != "letters"
    }
    assert shares == dict.fromkeys(shares, 1.0)
    letters = case.reference(FunctionName(PATH, "letters"))
    assert letters.comparable_share == 0
    assert letters.dropped == {"the unchanged code does not do the same twice": 1}


@pytest.mark.parametrize(
    ("name", "old", "new", "seen"),
    [
        ("opened", "Till.opened += 1", "pass", "Till.opened"),
        ("opened", "Till.log.append(name)", "pass", "Till.log"),
        ("booked", "ledger.BOOKED.append(amount)", "pass", "shop.ledger.BOOKED"),
    ],
)
def test_what_a_call_leaves_in_classes_and_other_modules_counts(case, name, old, new, seen):
    found = compared(case, name, old, new).differences
    assert seen in found[0].after


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("taken", "next(rows) + next(rows)", "sum(list(rows)[:2])"),
        ("first_line", "file.readline()", "file.read().splitlines(True)[0]"),
        (
            "pairs",
            "for row in rows:",
            "for row in list(rows):\n        len(row)\n    for row in rows:",
        ),
    ],
)
def test_how_far_generators_and_files_are_read_counts(case, name, old, new):
    assert compared(case, name, old, new).differences or name == "pairs"


CLOSE = ("sum(values) / len(values)", "sum(values) * (1 / len(values))")


def test_floats_are_compared_exactly_unless_a_tolerance_is_asked_for(case):
    assert compared(case, "mean", *CLOSE).differences
    found = compared(case, "mean", *CLOSE, tolerance=1e-9)
    assert found.differences == ()
    assert found.near > 0
    assert compared(case, "mean", *CLOSE, tolerance=1e-18).differences


def test_a_tolerance_is_for_floats_only(case):
    found = compared(case, "mean", '"n": len(values)', '"n": float(len(values))', tolerance=0.5)
    assert found.differences
    found = compared(case, "mean", '"n": len(values)', '"n": len(values) + 1', tolerance=0.5)
    assert found.differences


def test_a_value_of_a_type_that_nothing_shows_gives_a_remark_and_no_difference(case):
    found = compared(case, "tenth", "x // 10", "int(x // 10)")
    assert found.differences == ()
    assert any("float" in each.what for each in found.remarks)


def test_a_call_on_which_the_old_code_changes_its_mind_is_set_aside_and_counted(case):
    function = FunctionName(PATH, "mean")
    expected = case.reference(function)
    third = replay.play(case.target, case.tree, expected.recording, limits_s=(5, 5, 5))
    forgetful = {
        key: replay.replace(each, digest="other") for key, each in third.behaviours.items()
    }
    keys = list(expected.behaviours)
    expected._third[False, len(keys)] = replay.replace(third, behaviours=forgetful)
    found = compared(case, "mean", "sum(values)", "1 + sum(values)")
    expected._third.clear()
    assert found.differences == ()
    assert (found.unsteady, found.real) == (len(keys), 0)
