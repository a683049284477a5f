"""Values that functions are really called with survive being pickled and read by plain pickle."""

import pickle
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy
import pytest
from hypothesis import given

from perfbot.profiling.inside import pickling
from perfbot.profiling.inside.canonical import canonical, describe
from tests.profiling.test_canonical import NESTED


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
    assert describe(again(add), tree=tree) == describe(add, tree=tree)


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
    descriptors = [vars(dict)["fromkeys"], vars(Event)["data"], vars(type)["__mro__"]]
    assert again(descriptors) == descriptors
    assert describe(descriptors).opaque == 0
    held = threading.Lock()
    held.acquire()
    assert again([held, threading.Lock()])[0].locked()


def test_what_cannot_be_made_again_is_refused() -> None:
    with pytest.raises(TypeError):
        pickling.dumps(number for number in range(3))


@given(NESTED)
def test_what_is_pickled_is_what_is_read_again(value: object) -> None:
    assert canonical(pickle.loads(pickling.dumps(value))) == canonical(value)


class Half(int):
    """In the middle of its ``__init__``: its own pickling needs what is not there yet."""

    def __init__(self, _value: int) -> None:
        self.kept = [1]

    def __reduce__(self) -> tuple[object, ...]:
        return Half, (self.original,)  # type: ignore[attr-defined]


class Forgets:
    def __init__(self) -> None:
        self.kept, self.cache = 1, [2]

    def __getstate__(self) -> dict[str, object]:
        return {"kept": self.kept}


class Odd(list[int]):
    def append(self, _item: object) -> None:
        raise ValueError

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("not to be pickled")


class Asks(Exception):  # noqa: N818
    def __init__(self, one: int, other: int) -> None:
        super().__init__(one)
        self.other = other


def of_a_test() -> type:
    class Local(Asks):
        table: ClassVar = {"a": 1}

        def __init__(self, one: int) -> None:
            super().__init__(one, one)

        @property
        def double(self) -> int:
            return 2 * self.other

        @staticmethod
        def zero() -> int:
            return 0

    return Local


def caused(error: Exception) -> Exception:
    error.__cause__ = ValueError(3)
    return error


@pytest.mark.parametrize(
    "value",
    [Half(3), Forgets(), Odd([1, 2]), Asks(1, 2), caused(Asks(1, 2)), of_a_test()(4), of_a_test()],
)
def test_what_pickle_refuses_or_bends_is_taken_apart(value: object) -> None:
    made = pickle.loads(pickling.dumps([value, value]))
    assert canonical(made) == canonical([value, value])


def test_a_class_that_was_made_again_works() -> None:
    made = pickle.loads(pickling.dumps(of_a_test()(4)))
    assert (made.double, made.zero(), made.table) == (8, 0, {"a": 1})
    assert isinstance(made, Asks)


def test_a_function_that_says_it_is_from_elsewhere_finds_its_own_module() -> None:
    def add(one: int) -> list[int]:
        return [one, len(MODULE)]

    add.__module__ = None  # type: ignore[assignment]
    made = pickle.loads(pickling.dumps(add))
    assert made(1) == [1, 6]
    assert canonical(made) == canonical(add)


MODULE = "module"


def test_a_pickle_that_gets_too_long_is_given_up() -> None:
    for value in ("x" * 1000, list(range(1000)), numpy.zeros(1000)):
        with pytest.raises(pickling.TooMuch):
            pickling.dumps([value], 900)
