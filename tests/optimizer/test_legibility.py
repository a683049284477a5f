"""A change that is harder to read says how, in words, and limits refuse what is beyond them."""

import pytest

from perfbot.optimizer.house_style import house_style
from perfbot.optimizer.legibility import Reading, read
from perfbot.optimizer.readability import Kept, Limits

STYLE = house_style(lambda _path: None, "m.py")
BEFORE = '''def f(orders: list) -> int:
    """Add them up."""
    total = 0
    for order in orders:
        total += order  # cents
    return total
'''


def reading(after: str, before: str = BEFORE) -> Reading:
    return read(before.encode(), after.encode(), "f", STYLE)


def beyond(after: str, limits: Limits) -> list[str]:
    return [each.rpartition(" (accept.")[2].rstrip(")") for each in reading(after).beyond(limits)]


NONE_KEPT = Limits(keep=frozenset())
DEEP = BEFORE.replace(
    "        total += order  # cents\n",
    "        if order:\n            while order:\n                total += order  # cents\n"
    "                break\n",
)


VAGUE = BEFORE.replace("total", "t").replace("order in", "k in").replace("+= order", "+= k")


@pytest.mark.parametrize(
    ("after", "limits", "key"),
    [
        (DEEP, Limits(max_complexity_increase=4), "max_complexity_increase: 4"),
        (DEEP, Limits(max_nesting_increase=1), "max_nesting_increase: 1"),
        (BEFORE + "\n\ndef g(a):\n" + "    a()\n" * 20, Limits(), "max_length_ratio: 2"),
        (BEFORE.replace("  # cents", ""), Limits(), "keep: comments"),
        (BEFORE.replace('    """Add them up."""\n', ""), Limits(), "keep: docstrings"),
        (BEFORE.replace("orders: list", "orders"), Limits(), "keep: annotations"),
        (VAGUE, Limits(), "keep: names"),
        (BEFORE.replace("total = 0", "total=0"), Limits(), "keep: style"),
    ],
)  # fmt: skip
def test_each_limit_refuses_what_is_beyond_it_and_names_its_key(
    after: str, limits: Limits, key: str
) -> None:
    assert beyond(after, limits) == [key]


def test_what_is_not_to_be_kept_may_go() -> None:
    bare = "def f(orders):\n    t=0\n    for o in orders:\n        t += o\n    return t\n"
    assert beyond(bare, NONE_KEPT) == []
    assert set(beyond(bare, Limits())) == {
        f"keep: {each}" for each in (Kept.DOCSTRINGS, Kept.ANNOTATIONS, Kept.NAMES, Kept.STYLE)
    }


def test_comprehensions_cannot_hide_complexity() -> None:
    before = "def f(a):\n    return a\n"
    crammed = "def f(a):\n    return [c for b in a if b for c in b if c]\n"
    nested = "def f(a):\n    for b in a:\n        for c in b:\n            return c\n"
    for after, added in ((crammed, 4), (nested, 3)):
        found = reading(after, before)
        assert f"its complexity rises by {added}" in found.worse
        assert found.beyond(Limits(max_complexity_increase=added)) == ()


def test_a_short_function_may_always_gain_ten_lines() -> None:
    before = "def f(a):\n    return a\n"
    longer = "def f(a):\n" + "    a()\n" * 10 + "    return a\n"
    assert reading(longer, before).beyond(Limits(max_length_ratio=1.0)) == ()
    assert (
        reading(longer.replace("    a()\n", "    a()\n    a()\n", 1), before).beyond(Limits()) != ()
    )


def test_the_numbers_are_always_told() -> None:
    assert reading(DEEP).told == (
        "cognitive complexity 1 → 6, cyclomatic 2 → 4, nesting 1 → 3, 6 → 9 lines, "
        "100% of its local names kept"
    )
    assert reading(DEEP).worse == (
        "its complexity rises by 5",
        "its blocks nest 3 deep instead of 1",
    )


def test_nothing_is_worse_where_nothing_changed() -> None:
    assert reading(BEFORE).worse == ()


def test_a_line_in_another_layout_is_shown() -> None:
    (told,) = reading(BEFORE.replace("total = 0", "total=0")).worse
    assert told == "line 3 is not laid out in the file's own style: 'total=0'"


def test_what_cannot_be_decoded_has_nothing_worse() -> None:
    assert read(b"# coding: nonsense\n", b"# coding: nonsense\n", "f", STYLE).worse == ()


def test_what_cannot_be_walked_is_less_readable_unless_it_was_so_before() -> None:
    before = "def f(a):\n    return a\n"
    deep = before.replace("return a", "return " + " + ".join(["a"] * 1500))
    found = reading(deep, before)
    assert [each.rpartition("(")[2] for each in found.beyond(Limits())] == [
        "accept.max_complexity_increase: 5)"
    ]
    assert reading(before, deep).worse == ()


def test_a_long_line_is_shown_shortly() -> None:
    (told,) = reading(BEFORE.replace("total = 0", "total= 0 +" + " 1 +" * 30 + " 1")).worse
    assert len(told) < 160
