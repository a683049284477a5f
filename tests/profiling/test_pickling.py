"""Values that functions are really called with survive being pickled and read by plain pickle."""

import pickle
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pytest

from perfbot.profiling.inside import canonical, pickling


@dataclass(frozen=True)
class Event:
    """As in h11: frozen, and its slots are written by hand."""

    __slots__ = ("data", "more")
    data: bytes
    more: list[int]


class Guarded:
    """Lets nobody set an attribute, as immutable containers do."""

    def __init__(self) -> None:
        self.__dict__["items"] = [1, 2]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


class Slots:
    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        object.__setattr__(self, "value", value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


class FrozenDict(dict[str, int]):
    __slots__ = ("name",)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


def again(value: Any) -> Any:
    return pickle.loads(pickling.dumps(value))


def adder(number: int) -> Callable[[int], int]:
    def add(other: int, twice: int = 2) -> int:
        return number + other * twice

    return add


def countdown() -> Callable[[int], list[int]]:
    def down(n: int) -> list[int]:
        return [n, *down(n - 1)] if n else []

    return down


def test_frozen_instances_with_slots_are_read_again() -> None:
    event = Event(b"x", [1])
    with pytest.raises((AttributeError, TypeError)):
        pickle.loads(pickle.dumps(event, 4))
    assert again(event) == event
    assert again(Slots(5)).value == 5
    assert again(Guarded()).items == [1, 2]


def test_a_frozen_container_keeps_its_items() -> None:
    frozen = FrozenDict(a=1)
    object.__setattr__(frozen, "name", "n")
    found = again(frozen)
    assert (found, found.name) == ({"a": 1}, "n")


def test_functions_without_a_name_of_their_own_go_by_their_code() -> None:
    assert again(adder(1))(2) == 5
    assert again(lambda x: x * 3)(2) == 6
    assert again(countdown())(3) == [3, 2, 1]
    assert again(adder) is adder


def test_functions_are_the_same_for_comparison() -> None:
    add = adder(1)
    tree = "/nowhere"
    assert canonical.describe(again(add), tree=tree) == canonical.describe(add, tree=tree)


@pytest.mark.parametrize(
    "match",
    [
        re.compile(r"(b)(c)?").search("abc"),
        re.compile(r"b").match("abc", 1),
        re.compile(r"a.*").fullmatch("abc"),
        list(re.finditer("b", "abcb"))[1],
    ],
)
def test_matches_are_matched_again(match: re.Match[str]) -> None:
    found = again(match)
    assert (found.re, found.string, found.regs) == (match.re, match.string, match.regs)


def test_other_values_that_pickle_refuses() -> None:
    mapping = {"a": 1}
    assert list(again(mapping.keys())) == ["a"]
    assert list(again(mapping.items())) == [("a", 1)]
    assert again(MappingProxyType(mapping)) == mapping
    assert again(re) is re
    assert again([threading.RLock()])[0].acquire()


def test_what_cannot_be_made_again_is_refused() -> None:
    with pytest.raises(TypeError):
        pickling.dumps(number for number in range(3))
