"""What is noted of a variable's object: what it keeps itself, and whether it is that and nothing else."""

import copyreg
import typing

import pytest

from perfbot.profiling.facts import Seen, seen_from_json
from perfbot.profiling.inside import facts

T = typing.TypeVar("T")


class Plain:
    def __init__(self) -> None:
        self.rows = [1, 2]


class Generic(Plain, typing.Generic[T]):
    pass


class Slotted(Plain):
    __slots__ = ("place",)


class Stated(Plain):
    def __getstate__(self) -> dict[str, object]:
        return {}


class Copied(Plain):
    def __copy__(self) -> Plain:
        return self


class Registered(Plain):
    pass


copyreg.pickle(Registered, lambda each: (Registered, ()))


class Listed(list[int]):
    pass


class Word(str):
    pass


class Computed(Plain):
    @property
    def rows(self) -> str:
        raise AssertionError("no code of the target runs while its objects are described")

    @rows.setter
    def rows(self, value: object) -> None:
        self.__dict__["rows"] = value


@pytest.mark.parametrize("kind", [Plain, Generic])
def test_objects_that_are_their_attributes_alone_are_plain(kind: type) -> None:
    assert facts.described(kind())["plain"]


@pytest.mark.parametrize("kind", [Slotted, Stated, Copied, Registered, Listed, Word, int, dict])
def test_objects_with_more_than_attributes_or_copies_of_their_own_are_not_plain(kind: type) -> None:
    assert not facts.described(kind())["plain"]


def test_a_class_is_no_plain_object() -> None:
    assert not facts.described(Plain)["plain"]


def test_of_several_objects_all_must_be_plain() -> None:
    merged = facts.merge(facts.described(Plain()), facts.described(Slotted()))
    assert merged is not None
    assert not merged["plain"]


def test_what_an_object_keeps_is_described_with_its_items() -> None:
    seen = seen_from_json(facts.described(Plain()))
    assert seen is not None
    assert seen.attributes["rows"] == Seen(frozenset({"list"}), Seen(frozenset({"int"})), None, 2)


def test_a_text_of_an_own_class_keeps_attributes_too() -> None:
    word = Word("A")
    word.lowered = "a"  # type: ignore[attr-defined]
    assert facts.described(word)["attributes"]["lowered"]["types"] == ["str"]


def test_a_property_comes_before_what_the_object_keeps_under_its_name() -> None:
    assert facts.described(Computed())["attributes"] == {}


@pytest.mark.parametrize("attributes", [None, [], {"rows": 3}, {3: {}}, {"rows": {"types": 1}}])
def test_malformed_attributes_count_as_nothing_seen(attributes: object) -> None:
    fact = {"types": ["A"], "longest": 0, "attributes": attributes, "plain": "yes"}
    assert seen_from_json(fact) == Seen(frozenset({"A"}))
