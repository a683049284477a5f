"""Which functions belong to a hotspot, so that a model may change them with it."""

from collections.abc import Mapping

import pytest

from perfbot.optimizer.groups import GROUP, group_of, section
from perfbot.profiling.functions import FunctionName

TEXT = """\
import functools


def total(rows):
    return sum(_price(row) for row in rows) + tax(rows) + public(rows) + shared(rows) + cached(1)


def _price(row):
    return _rate(row) * len(row)


def _rate(row):
    return 1


def tax(rows):
    return _rate(rows)


def public(rows):
    return 0


def shared(rows):
    return 0


def other(rows):
    return shared(rows)


@functools.cache
def cached(n):
    return n


class Basket:
    def total(self):
        return self.price(1) + self._fee() + self.cheap()

    def price(self, n):
        return n

    def _fee(self):
        return 0

    def cheap(self):
        return 0

    @property
    def name(self):
        return ""
"""
SHARES = {
    **dict.fromkeys(("_price", "_rate", "tax", "public", "shared", "cached"), 0.3),
    "total": 0.9,
    "Basket.total": 0.5,
    "Basket.price": 0.3,
    "Basket._fee": 0.2,
    "Basket.cheap": 0.01,
}


def group(name: str, shares: Mapping[str, float] = SHARES, elsewhere: str = "public") -> list[str]:
    found = group_of(
        FunctionName("m.py", name),
        TEXT,
        lambda each: shares.get(each.qualname, 0.0),
        lambda word: word == elsewhere,
    )
    return [each.qualname for each in found]


def test_helpers_that_only_the_group_uses_belong_to_it() -> None:
    """``public`` is used in another file, ``shared`` by another function, ``cached`` is decorated."""
    assert sorted(group("total")) == ["_price", "_rate", "tax"]


def test_methods_of_its_class_belong_to_a_method_when_they_cost() -> None:
    assert group("Basket.total") == ["Basket.price", "Basket._fee"]


def test_what_costs_little_does_not_belong_to_it() -> None:
    assert group("total", {**SHARES, "_price": 0.1, "tax": 0.1}) == []


def test_without_a_profile_there_is_no_group() -> None:
    assert group("total", {}) == []


@pytest.mark.parametrize("name", ["nothing", "_rate", "Basket.nothing"])
def test_who_calls_nobody_is_alone(name: str) -> None:
    assert group(name) == []


def test_a_text_that_does_not_parse_has_no_group() -> None:
    assert group_of(FunctionName("m.py", "f"), "def f(:", lambda _: 1.0, lambda _: False) == ()


def test_a_group_is_shown_in_full() -> None:
    shown = section(TEXT, [FunctionName("m.py", "_price"), FunctionName("m.py", "Basket._fee")])
    assert shown is not None
    assert shown.title == GROUP
    assert "return _rate(row) * len(row)" in shown.body
    assert "def _fee(self):" in shown.body
    assert section(TEXT, []) is None
