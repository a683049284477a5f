"""What a model is shown of a function: the parts, their order, their budget, and where they are cut."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbot.optimizer import context
from perfbot.optimizer.context import sections
from perfbot.optimizer.excerpts import Excerpt
from perfbot.optimizer.knowledge import Exercise, Knowledge, Pair, PastCommit
from perfbot.optimizer.packing import budget, cost
from perfbot.optimizer.plan import Subject
from perfbot.profiling.facts import Seen
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.line_times import LineTime, LineTimes
from perfbot.profiling.source import decode_source

FILE = '''\
"""Baskets of the shop."""

import math
from decimal import (
    Decimal,
)

LIMIT: int = 9
UNUSED = 1
RATES = {"a": 1}


class Item:
    """One thing.

    More of it.
    """

    price: int = 0
    __slots__ = ("x",)

    def net(self, rate):
        """Net."""
        return self.price / rate


def short(x):
    """Say it."""
    return x


def long(x):
    """Do long things.

    Not shown.
    """
    a = 1
    a += 1
    a += 2
    a += 3
    a += 4
    a += 5
    a += 6
    a += 7
    a += 8
    a += 9
    return a + x


class Basket:
    discount = 2
    other = 3

    def _rate(self):
        return RATES["a"]

    # Called once for
    # each page.
    @property
    def total(self):
        """Total."""
        result = 0
        for item in self.items:
            result += long(item.price) * self.discount
            result += short(self._rate()) + LIMIT
        return result + Item().price + math.pi
'''
LINES = FILE.split("\n")
NAME = FunctionName("src/shop.py", "Basket.total")
FACTS = {
    "self": Seen(
        frozenset({"shop.Basket"}),
        attributes={"items": Seen(frozenset({"list"}), Seen(frozenset({"Item"})), longest=1200)},
    ),
    "result": Seen(frozenset({"int", "float"})),
}


def subject(file: str = FILE, name: FunctionName = NAME) -> Subject:
    source = decode_source(file.encode(), Path(name.path))
    return Subject(name, source, FACTS, frozenset({"attrs", "ruamel_yaml"}), 7)


def line(text: str) -> int:
    return next(number for number, each in enumerate(LINES, 1) if text in each)


HEAT = LineTimes(
    (
        LineTime(line("result = 0"), 0.001, 1),
        LineTime(line("for item"), 0.079, 1201),
        LineTime(line("result += long"), 0.9, 1200),
        LineTime(line("return result"), 0.02, 1),
    )
)
KNOWLEDGE = Knowledge(
    hint="The items are many.",
    heat=HEAT,
    growth="n^1.0 ± 0.1",
    definitions=(Excerpt("src/money.py", "def euro(x): ..."),),
    callers=(Excerpt("src/page.py", "def page(basket): ..."),),
    related=(Excerpt("src/page.py", "def page(basket): ..."),),
    tests=(
        Exercise("tests/test_shop.py::test_total", 3, "def test_total():\n    assert True"),
        Exercise("tests/test_shop.py::test_long", 1),
    ),
    history=(PastCommit("2026-01-02", "Faster totals", "One pass.\nNo copies."),),
    accepted=(Pair("def a(): 1", "def a(): 2", ("loop: unrolled",), "1.5× faster"),),
    rejected=(Pair("def b(): 1", "def b(): 3", ("cache: kept",), "results differ"),),
    versions={"attrs": "25.1", "ruamel-yaml": "0.18"},
)


def shown(knowledge: Knowledge = KNOWLEDGE, **settings: int) -> dict[str, str]:
    return {each.title: each.body for each in sections(subject(), FILE, knowledge, **settings)}


def test_the_function_stands_first_with_its_file_its_class_and_the_comments_above_it() -> None:
    first = sections(subject(), FILE)[0]
    assert first.title == context.FUNCTION
    lines = first.body.split("\n")
    assert lines[:5] == ["# src/shop.py", "class Basket:  # …", "    # Called once for",
                         "    # each page.", "    @property"]  # fmt: skip
    assert lines[-1] == "        return result + Item().price + math.pi"


def test_every_part_has_its_place_and_they_always_stand_in_the_same_order() -> None:
    titles = [title.format(calls=7) for title, _ in context._ORDER]
    assert list(shown()) == [context.FUNCTION, *titles]


def test_hot_lines_stand_beside_their_share_and_cold_ones_are_left_out() -> None:
    assert shown()[context.HEAT].split("\n") == [
        "   8%     ×1,201 │         for item in self.items:",
        "  90%     ×1,200 │             result += long(item.price) * self.discount",
        "                 ⋮",
        "   2%         ×1 │         return result + Item().price + math.pi",
    ]


def test_the_margin_is_no_python_so_that_a_copy_of_it_would_not_parse() -> None:
    with pytest.raises(SyntaxError):
        compile(shown()[context.HEAT], "margin", "exec")


def test_values_are_told_with_the_attributes_of_objects_and_their_sizes() -> None:
    assert shown()[context.VALUES.format(calls=7)].split("\n") == [
        "result: float or int",
        "self: shop.Basket",
        "self.items: list (up to 1,200) of Item",
    ]


def test_what_it_uses_is_shown_in_the_order_of_use_long_functions_and_classes_by_their_head() -> (
    None
):
    blocks = shown()[context.USES].split("\n\n")
    assert [block.strip().split("\n")[0] for block in blocks] == [
        "def long(x):", "discount = 2", "def short(x):", "def _rate(self):", "LIMIT: int = 9",
        "class Item:",
    ]  # fmt: skip
    long, item = blocks[0], blocks[-1]
    assert long == 'def long(x):\n    """Do long things."""'
    assert "    def net(self, rate):" in item
    assert "price: int = 0" in item
    assert "More of it." not in item
    assert "return self.price" not in item


def test_nothing_that_it_does_not_use_is_shown() -> None:
    assert "UNUSED" not in shown()[context.USES]
    assert "other" not in shown()[context.USES]


def test_imports_are_whole_statements() -> None:
    assert shown()[context.IMPORTS] == "import math\nfrom decimal import (\n    Decimal,\n)"


def test_what_was_looked_up_is_told_with_its_file() -> None:
    parts = shown()
    assert parts[context.PROJECT] == "# src/money.py\ndef euro(x): ..."
    assert parts[context.CALLERS] == "# src/page.py\ndef page(basket): ..."


def test_tests_are_named_and_the_short_ones_shown() -> None:
    assert shown()[context.TESTS].split("\n") == [
        "tests/test_shop.py::test_total", "tests/test_shop.py::test_long", "",
        "# tests/test_shop.py", "def test_total():", "    assert True",
    ]  # fmt: skip


def test_pairs_are_told_with_their_strategies_and_what_became_of_them() -> None:
    parts = shown()
    assert parts[context.ACCEPTED].split("\n") == [
        "# before", "def a(): 1", "# after: 1.5× faster", "# loop: unrolled", "def a(): 2",
    ]  # fmt: skip
    assert "# after: results differ" in parts[context.REJECTED]


def test_history_hint_growth_and_packages_are_told() -> None:
    parts = shown()
    assert parts[context.HISTORY] == "2026-01-02 Faster totals\nOne pass.\nNo copies."
    assert parts[context.HINT] == "The items are many."
    assert parts[context.GROWTH] == "n^1.0 ± 0.1"
    assert parts[context.DEPENDENCIES] == "attrs 25.1\nruamel_yaml 0.18"
    assert parts[context.DOCUMENTATION] == "Baskets of the shop."


def test_what_is_not_known_is_not_mentioned() -> None:
    titles = {context.HINT, context.HEAT, context.TESTS, context.ACCEPTED, context.HISTORY}
    assert not titles & shown(Knowledge()).keys()


def test_long_prose_is_cut_between_lines_and_not_left_out() -> None:
    long = Knowledge(hint="\n".join(f"line {number}" for number in range(2_000)))
    hint = shown(long, tokens=1_000)[context.HINT]
    assert hint.startswith("line 0\nline 1\n")
    assert hint.endswith("more left out")


def test_the_function_is_shown_however_small_the_budget() -> None:
    assert list(shown(tokens=1)) == [context.FUNCTION]


def test_heat_is_of_the_function_that_was_measured_whatever_the_version() -> None:
    other = FILE.replace("for item in self.items:", "for item in tuple(self.items):")
    found = {each.title: each.body for each in sections(subject(), other, KNOWLEDGE)}
    assert "tuple(self.items)" in found[context.FUNCTION]
    assert "for item in self.items:" in found[context.HEAT]


TEXTS = st.text(st.sampled_from("ab \n#<!->[]/é漢\u202e\u200b\"'\\"), max_size=80)
EXCERPTS = st.lists(st.builds(Excerpt, TEXTS, TEXTS), max_size=5).map(tuple)
PAIRS = st.lists(st.builds(Pair, TEXTS, TEXTS, st.just(("a: b",)), TEXTS), max_size=3).map(tuple)
ANY_KNOWLEDGE = st.builds(
    Knowledge,
    hint=TEXTS,
    heat=st.sampled_from([LineTimes(), HEAT, LineTimes((LineTime(10_000, 1.0, 1),))]),
    growth=TEXTS,
    definitions=EXCERPTS,
    callers=EXCERPTS,
    tests=st.lists(st.builds(Exercise, TEXTS, st.just(1), TEXTS), max_size=4).map(tuple),
    history=st.lists(st.builds(PastCommit, TEXTS, TEXTS, TEXTS), max_size=3).map(tuple),
    accepted=PAIRS,
    rejected=PAIRS,
)


@settings(max_examples=60)
@given(ANY_KNOWLEDGE, st.integers(0, 2_000))
def test_the_budget_is_kept_but_for_the_function_and_the_same_is_shown_again(known, tokens) -> None:
    found = sections(subject(), FILE, known, tokens=tokens)
    function, *others = found
    assert sum(map(cost, others)) <= max(0, budget(tokens) - cost(function))
    assert sections(subject(), FILE, known, tokens=tokens) == found
    assert not any(hidden in each.body for each in found for hidden in "\u202e\u200b")
    order = [title.format(calls=7) for title, _ in context._ORDER]
    titles = [each.title for each in others]
    assert titles == [title for title in order if title in titles]
