"""A value of another type counts where something shows that type, and is only told of elsewhere."""

from collections.abc import Iterable
from typing import Any

import pytest

from perfbot.profiling.inside.retype import retyped

Number = int | float


def plain(x, y=None):
    return x


def annotated(x: float, y: int | None = None) -> float:
    return x


def aliased(x: Number) -> Number:
    return x


def in_words(x: "int | float") -> None:
    pass


def iterable(x: Iterable[int]) -> None:
    pass


def sphinx(x):
    """Do it.

    :param x: a number, may be a float
    """


def google(x):
    """Do it.

    Args:
        x (float): how many
    """


def numpy_style(x):
    """Do it.

    Parameters
    ----------
    x : int or float
        how many
    """


def types_of(function: Any, *arguments: Any, seen: Any = (), **keywords: Any) -> dict[Any, bool]:
    """Return the new types of the first argument, and whether each is shown."""
    known = {"x": list(seen)}
    made = retyped(function, (arguments, keywords), known, seed=1, count=50)
    return {type(each.arguments[0]).__name__: not each.retyped for each in made}


@pytest.mark.parametrize("function", [annotated, aliased, in_words, sphinx, google, numpy_style])
def test_a_type_is_shown_by_annotations_and_docstrings(function: Any) -> None:
    assert types_of(function, 3)["float"] is True
    assert types_of(function, 3)["bool"] is False


def test_a_type_is_shown_by_any_test_or_caller_that_passes_it() -> None:
    assert types_of(plain, 3)["float"] is False
    assert types_of(plain, 3, seen=["int", "float"])["float"] is True


def test_a_default_shows_its_type() -> None:
    made = list(retyped(plain, ((1, 2), {}), {}, seed=1, count=50))
    assert {each.retyped for each in made if each.arguments[1] is None} == {False}


def test_an_iterable_may_be_a_tuple_or_an_iterator() -> None:
    assert types_of(iterable, [1, 2]) == {
        "list": False,  # an item of another type
        "tuple": True,
        "list_iterator": True,
        "NoneType": False,
    }


def test_types_that_are_shown_come_first_and_the_call_is_not_touched() -> None:
    rows = [1, 2, 3]
    made = list(retyped(annotated, ((rows,), {}), {"x": ["tuple"]}, seed=1, count=50))
    assert rows == [1, 2, 3]
    assert [each.retyped for each in made] == sorted(each.retyped for each in made)
    assert all(each.wild and each.what for each in made)


def test_the_same_seed_makes_the_same_variants() -> None:
    made = [
        [each.what for each in retyped(plain, (([1.5, 2.5],), {"y": {"a": 1}}), {}, 7, 4)]
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert len(made[0]) == 4
