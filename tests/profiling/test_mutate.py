"""Variants keep what the judge relies on: types, aliases, the recorded call itself."""

import dataclasses
import datetime
import decimal
import enum
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.profiling.inside.canonical import canonical
from perfbot.profiling.inside.mutate import Variant, variants


class Basket:
    def __init__(self, prices: list[int], owner: str = "ann") -> None:
        self.prices = prices
        self.owner = owner


class Slotted:
    __slots__ = ("count",)

    def __init__(self, count: int) -> None:
        self.count = count


class Guarded:
    """Its own ``__setattr__`` must not run: it is code under judgement."""

    def __init__(self) -> None:
        self.__dict__["value"] = 1

    def __setattr__(self, name: str, value: object) -> None:
        raise AssertionError("code of the target was run")


class Alone:
    """A singleton, whose copies are itself."""

    state = "state"

    def __init__(self) -> None:
        self.state = "state"
        self.numbers = [1, 2, 3]

    def __reduce__(self) -> str:
        return "ALONE"


ALONE = Alone()


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: int


class Point(NamedTuple):
    x: int
    y: int


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


def of(*arguments: object, count: int = 60, seed: int = 1, **keywords: object) -> list[Variant]:
    return list(variants(arguments, keywords, seed, count))


def leaves(value: object) -> Iterator[object]:
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, dict):
        yield from leaves([*value.keys(), *value.values()])
    elif hasattr(value, "__dict__") and not isinstance(value, enum.Enum):
        yield from leaves(vars(value))
    else:
        yield value


SCALARS = (
    st.integers(-100, 100)
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=4)
    | st.none()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
        | st.sets(st.integers() | st.text(max_size=3), max_size=4)
        | st.builds(Basket, st.lists(st.integers(), max_size=3), st.text(max_size=3))
    ),
    max_leaves=8,
)
CALLS = st.lists(VALUES, max_size=3).map(tuple)


# -- promises about every variant --------------------------------------------------------------


@given(CALLS, st.integers(0, 5))
def test_the_recorded_call_is_never_touched(arguments: tuple[object, ...], seed: int) -> None:
    before = canonical(arguments)
    for variant in variants(arguments, {"key": [1, 2]}, seed, 15):
        for argument in variant.arguments:
            if isinstance(argument, list):
                argument.append("played with")
    assert canonical(arguments) == before


@given(CALLS)
def test_variants_are_different_from_each_other_and_from_the_call(
    arguments: tuple[object, ...],
) -> None:
    texts = [
        canonical((variant.arguments, variant.keywords)) for variant in of(*arguments, count=15)
    ]
    assert len(set(texts)) == len(texts)
    assert canonical((arguments, {})) not in texts


@given(CALLS, st.integers(0, 5))
def test_the_same_seed_makes_the_same_variants(arguments: tuple[object, ...], seed: int) -> None:
    one, other = (of(*arguments, seed=seed, count=10) for _ in range(2))
    assert [canonical(list(dataclasses.astuple(variant)[2:])) for variant in one] == [
        canonical(list(dataclasses.astuple(variant)[2:])) for variant in other
    ]
    assert canonical([variant.arguments for variant in one]) == canonical(
        [variant.arguments for variant in other]
    )


@given(CALLS)
def test_leaves_keep_the_types_that_were_seen(arguments: tuple[object, ...]) -> None:
    seen = {type(leaf) for leaf in leaves(arguments)}
    for variant in of(*arguments, count=15):
        assert {type(leaf) for leaf in leaves(variant.arguments)} <= seen
        assert list(map(type, variant.arguments)) == list(map(type, arguments))


@given(st.lists(st.integers(), min_size=1, max_size=50) | st.text(min_size=1, max_size=50))
def test_no_value_grows_beyond_four_times_its_size(value: Any) -> None:
    for variant in of(value, count=40):
        assert len(variant.arguments[0]) <= 4 * (len(value) + 3)


def test_no_value_grows_beyond_ten_thousand_items() -> None:
    sizes = [len(variant.arguments[0]) for variant in of(list(range(6000)), count=40)]
    assert max(sizes) <= 10_001


def test_gentle_variants_come_first_and_say_what_they_changed() -> None:
    made = of([5, 3, 4], 7, count=50)
    wild = [variant.wild for variant in made]
    assert len(made) == 50
    assert not any(wild[:25])
    assert any(wild[30:])
    assert all(variant.what.startswith("argument ") for variant in made)


def test_numbers_that_could_be_sizes_become_huge_in_wild_variants_only() -> None:
    made = of(7, count=200)
    assert all(variant.wild for variant in made if abs(variant.arguments[0]) > 1000)
    assert any(variant.wild for variant in made)


# -- what is reached ---------------------------------------------------------------------------


def test_the_shapes_that_break_careless_rewrites_are_tried() -> None:
    tried = [variant.arguments[0] for variant in of([3, 1, 2], count=150)]
    for shape in ([], [2, 1, 3], [1, 2, 3], [1, 3, 2], [3, 3, 1, 1, 2, 2]):
        assert shape in tried
    assert any(len(items) == 1 for items in tried)
    assert any(len(items) > len(set(items)) for items in tried)
    assert any(0 in items for items in tried)


def test_floats_meet_negative_zero_infinity_and_nan() -> None:
    texts = {canonical(variant.arguments[0]) for variant in of(1.5, count=60)}
    assert {canonical(value) for value in (0.0, -0.0, float("inf"), float("nan"))} <= texts


def test_text_meets_letters_that_are_not_ascii() -> None:
    tried = "".join(variant.arguments[0] for variant in of("ab", count=200))
    assert not tried.isascii()
    assert any(letter.isdigit() for letter in tried)
    assert any(letter.isspace() for letter in tried)


def test_mappings_meet_other_orders_keys_and_equal_values() -> None:
    tried = [list(variant.arguments[0].items()) for variant in of({"a": 1, "b": 2}, count=150)]
    assert [("b", 2), ("a", 1)] in tried
    assert [("a", 1)] in tried
    assert [("a", 1), ("b", 1)] in tried
    assert [] in tried
    assert any(len(pairs) == 3 for pairs in tried)


def test_none_comes_and_goes_only_where_both_were_seen() -> None:
    assert any(None not in variant.arguments[0] for variant in of([None, 1], count=40))
    assert of(None, count=40) == []
    for variant in of([1, 2], None, count=40):
        assert None not in variant.arguments[0]
        assert variant.arguments[1] is None


def test_integers_meet_the_lengths_of_the_other_arguments() -> None:
    tried = {variant.arguments[1] for variant in of("abcdefgh" * 5, 1, count=200)}
    assert tried & {39, 40, 41}


def test_other_kinds_of_values_are_changed_within_their_kind() -> None:
    call = (Colour.RED, datetime.date(2024, 1, 31), decimal.Decimal("1.5"), True, 2j, b"ab")
    made = of(*call, count=120)
    for number, value in enumerate(call):
        others = {canonical(variant.arguments[number]) for variant in made}
        assert others - {canonical(value)}
        assert {type(variant.arguments[number]) for variant in made} == {type(value)}


@pytest.mark.parametrize(
    "value",
    [
        deque([1, 2, 3], maxlen=5),
        OrderedDict(a=1, b=2),
        defaultdict(list, a=[1], b=[2]),
        Counter("aab"),
        {1, 2, 3},
        frozenset("abc"),
        bytearray(b"abc"),
        (1, 2, 3),
        Point(1, 2),
        [[1, 2], [3, 4]],
        numpy.arange(5),
        numpy.linspace(0, 1, 5),
    ],
)
def test_every_kind_of_container_is_changed_and_keeps_its_kind(value: Any) -> None:
    made = of(value, count=10)
    assert len(made) >= 5
    assert {type(variant.arguments[0]) for variant in made} == {type(value)}
    assert getattr(made[0].arguments[0], "maxlen", None) == getattr(value, "maxlen", None)


def test_arrays_keep_their_shape_and_type() -> None:
    value = numpy.arange(6, dtype="i2").reshape(2, 3)
    for variant in of(value, count=10):
        assert (variant.arguments[0].dtype, variant.arguments[0].shape) == (value.dtype, (2, 3))
    assert value.tolist() == [[0, 1, 2], [3, 4, 5]]


# -- instances ---------------------------------------------------------------------------------


def test_mutation_reaches_into_the_attributes_of_instances() -> None:
    tried = [variant.arguments[1] for variant in of(1, Basket([5, 6]), count=60)]
    assert any(basket.prices != [5, 6] for basket in tried)
    assert any(basket.owner != "ann" for basket in tried)
    assert len({variant.arguments[1].count for variant in of(1, Slotted(3), count=60)}) > 3
    assert len({variant.arguments[0].x for variant in of(Frozen(3), count=20)}) > 3
    assert len({variant.arguments[0].value for variant in of(Guarded(), count=20)}) >= 3


def test_the_instance_a_method_is_called_on_is_changed_seldom_and_gently() -> None:
    made = of(Basket([5, 6]), [1, 2, 3], count=100)
    changed = [variant for variant in made if variant.arguments[0].prices != [5, 6]]
    assert 0 < len(changed) < 40
    assert of(Basket([5, 6]), count=10)
    assert not any(variant.wild for variant in of(Basket([5, 6]), count=40))


def test_what_is_no_copy_is_left_alone() -> None:
    before = canonical([ALONE, Colour.RED, Colour.BLUE])
    made = of([ALONE], Colour.RED, count=60)
    assert all(item is ALONE for variant in made for item in variant.arguments[0])
    assert canonical([ALONE, Colour.RED, Colour.BLUE]) == before


def test_a_call_that_cannot_be_copied_has_no_variants() -> None:
    assert of([1, 2], (number for number in ())) == []


def test_functions_are_passed_on_as_they_are() -> None:
    made = of([1, 2, 3], len, key=lambda x: x)
    assert len(made) > 20
    assert all(variant.arguments[1] is len for variant in made)


# -- aliases -----------------------------------------------------------------------------------


@pytest.mark.parametrize("same", [[1, 2, 3], (1, 2, 3), {1: 2, 3: 4}, Basket([1, 2])])
def test_arguments_that_were_one_object_stay_one_object(same: object) -> None:
    made = of(same, same, count=40)
    assert len(made) > 10
    for variant in made:
        assert variant.arguments[0] is variant.arguments[1]


def test_repeated_items_do_not_become_aliases() -> None:
    for variant in of([[1], [2], [3]], count=60):
        assert len({id(item) for item in variant.arguments[0]}) == len(variant.arguments[0])
