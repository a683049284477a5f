"""A program in other names is the same program, and is known as such."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.training.exercises import _named, _names, kept
from perfbot.training.respelling import Renaming, RespellingError, pattern, renaming
from perfbot.training.shapes import SHAPES

PROGRAM = "def f(items, key):\n    return [item for item in items if item != key]\n"


@given(st.sampled_from(SHAPES), st.integers(), st.integers())
def test_all_spellings_of_a_shape_have_one_pattern(shape, one: int, other: int) -> None:
    texts = []
    for seed in (one, other):
        names = _names(random.Random(seed))
        texts.append((_named(kept(shape).program, names), names["f"]))
    (first, f), (second, g) = texts
    assert pattern(first, f) == pattern(second, g)
    assert pattern(renaming(first, f, second, g).applied(first), g) == pattern(second, g)


def test_different_shapes_have_different_patterns() -> None:
    tasks = [kept(shape) for shape in SHAPES]
    assert len({pattern(task.program, task.function) for task in tasks}) == len(SHAPES)


def test_a_version_is_renamed_like_its_program() -> None:
    other = "def g(rows, name):\n    return [x for x in rows if x != name]\n"
    version = "def f(items, key):\n    return list(filter(key.__ne__, items))\n"
    renamed = renaming(PROGRAM, "f", other, "g").applied(version)
    assert renamed == "def g(rows, name):\n    return list(filter(name.__ne__, rows))\n"


def test_a_local_name_that_is_in_the_way_gives_way() -> None:
    version = (
        "def f(items, key):\n    rows = set(items)\n    return [x for x in items if x in rows]\n"
    )
    renamed = Renaming("f", {"items": "rows"}).applied(version)
    assert "rows_ = set(rows)" in renamed
    assert "for x in rows if x in rows_" in renamed


def test_a_name_of_outside_that_is_in_the_way_is_an_error() -> None:
    with pytest.raises(RespellingError, match="len is taken"):
        Renaming("f", {"items": "len"}).applied("def f(items):\n    return len(items)\n")


def test_calls_of_itself_by_keyword_are_renamed_and_others_are_not() -> None:
    version = "def f(n, key):\n    return f(n=1, key=2) + sorted(n, key=key)\n"
    renamed = Renaming("f", {"n": "m", "key": "by"}).applied(version)
    assert "f(m=1, by=2) + sorted(m, key=by)" in renamed


def test_what_is_no_python_stays_as_it_is() -> None:
    assert Renaming("f", {"f": "g"}).applied("def f(:\n") == "def f(:\n"
    assert pattern("def f(:\n", "f") == "def f(:\n"
