"""A difference is shown on the smallest input that still makes it."""

import time

import pytest

from perfbot.optimizer.case import Case
from perfbot.profiling import replay, shrinking
from perfbot.profiling.behaviours import Difference
from perfbot.profiling.functions import FunctionName

PATH = "m.py"
SOURCE = """\
def missing(wanted, known):
    found = []
    for item in wanted:
        if item not in known:
            found.append(item)
    return found


def lines(text, *, options=None):
    return [line.strip() for line in text.split("\\n")]


def first(rows):
    return rows[0]
"""
TESTS = """\
import m


def test_all():
    assert len(m.missing(list(range(300)) + [7, 7], [2, 4, 6])) == 299
    assert m.lines("a\\n b \\n\\n c" * 40, options={"x": [1, 2, 3]})
    assert m.first(([5, 6], (7, 8))) == [5, 6]
"""


@pytest.fixture(scope="module")
def case(prepare) -> Case:
    files = {PATH: SOURCE, "tests/test_m.py": TESTS}
    return prepare(files, *(f"{PATH}::{name}" for name in ("missing", "lines", "first")))


def shrunk(
    case: Case, name: str, old: str, new: str, *, seconds: float = 60
) -> tuple[str, Difference]:
    """Return what differs at first, and on the smallest input."""
    reference = case.reference(FunctionName(PATH, name))
    assert old in SOURCE
    tree = case.copy({PATH: SOURCE.replace(old, new).encode()})
    found = replay.differences(reference, case.target, tree)
    small = shrinking.smallest(
        reference, case.target, tree, found[0], deadline_s=time.monotonic() + seconds
    )
    return found[0].arguments, small


def test_of_a_long_list_the_items_that_matter_are_left(case: Case) -> None:
    """A set forgets that 7 was wanted more than once: two items are needed to see it."""
    _, small = shrunk(case, "missing", "return found", "return sorted(set(found), key=found.index)")
    assert small.arguments in ("([7, 7], [])", "([1, 1], [])", "([0, 0], [])")
    assert small.before != small.after


def test_texts_and_keywords_shrink_too(case: Case) -> None:
    _, small = shrunk(case, "lines", "line.strip()", "line")
    assert small.arguments.startswith("(' '")
    assert "1, 2, 3" not in small.arguments


def test_a_mutation_is_where_it_starts_when_that_is_what_differs(case: Case) -> None:
    reference = case.reference(FunctionName(PATH, "missing"))
    old, new = "not in known:", "not in known and len(wanted) == 302:"
    tree = case.copy({PATH: SOURCE.replace(old, new).encode()})
    found = replay.differences(reference, case.target, tree)
    assert found[0].key[1] > 0  # the one recorded call has 302 items
    small = shrinking.smallest(
        reference, case.target, tree, found[0], deadline_s=time.monotonic() + 60
    )
    assert small.after == "returned []"
    assert len(small.before) < len("returned [1000]")


def test_what_cannot_shrink_stays_as_it_is(case: Case) -> None:
    first, small = shrunk(case, "first", "rows[0]", "len(rows[0]) and rows[0][:1]")
    assert small.before != small.after
    assert len(small.arguments) <= len(first)


def test_without_time_the_first_difference_is_told(case: Case) -> None:
    first, small = shrunk(case, "missing", "return found", "return tuple(found)", seconds=-1)
    assert small.arguments == first


def test_a_version_that_does_not_end_is_not_made_to_run_again(case: Case) -> None:
    first, small = shrunk(case, "missing", "return found", "import os\n    os._exit(1)")
    assert (small.arguments, small.ending) == (first, "")
