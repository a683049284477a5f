"""The ranking answers what could be won where, and believes no report that it cannot read."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.profiling.hotspots import (
    Frame,
    FunctionName,
    Hotspot,
    Profile,
    ProfileError,
    Stack,
    profile_from_json,
    rank,
    with_calls,
)

SOURCE = """\
import functools

def outer(items):
    def inner(x):
        return [y * x for y in items]
    return [inner(x) for x in items]

class Basket:
    @functools.cached_property
    def total(self):
        return sum(map(lambda item: item.price, self.items))

    def helper(self):
        class Local:
            size = 3
        return Local

def total(basket): return basket.total

first = lambda x: x
"""
FILES = {"shop/cart.py": SOURCE, "tests/test_cart.py": "def test_cart():\n    pass\n"}


def ours(path: str) -> bool:
    return not path.startswith("tests/")


def ranked(*stacks: Stack, by_owner: bool = True) -> dict[str, Hotspot]:
    spots = rank([Profile(stacks)], FILES.get, ours, by_owner=by_owner)
    return {spot.function.qualname: spot for spot in spots}


def cart(line: int, name: str) -> Frame:
    return Frame("shop/cart.py", line, name)


TEST = Frame("tests/test_cart.py", 1, "test_cart")
OUTER, INNER, TOTAL = cart(3, "outer"), cart(4, "inner"), cart(9, "total")


def test_share_is_own_time_and_that_of_foreign_callees() -> None:
    spots = ranked(
        Stack((TEST, OUTER), leaf_is_own=True, python_s=1.0),
        Stack((TEST, OUTER), leaf_is_own=False, python_s=2.0),
        Stack((TEST, OUTER, TOTAL), leaf_is_own=True, python_s=4.0),
        Stack((TEST,), leaf_is_own=True, python_s=3.0),
    )
    assert spots["outer"].share == pytest.approx(0.3)
    assert spots["outer"].self_share == pytest.approx(0.1)
    assert spots["outer"].inclusive_share == pytest.approx(0.7)
    assert list(spots) == ["Basket.total", "outer"]


def test_time_of_test_files_counts_in_the_total_only() -> None:
    spots = ranked(Stack((TEST,), True, 9.0), Stack((TEST, OUTER), True, 1.0))
    assert list(spots) == ["outer"]
    assert spots["outer"].share == pytest.approx(0.1)


def test_a_test_helper_called_back_by_the_source_is_won_by_the_source() -> None:
    spots = ranked(Stack((OUTER, TEST), leaf_is_own=True, python_s=1.0))
    assert spots["outer"].share == 1.0
    assert spots["outer"].self_share == 0.0


def test_a_recursive_function_is_counted_once_per_stack() -> None:
    spots = ranked(Stack((OUTER, cart(6, "outer"), OUTER), True, 1.0))
    assert spots["outer"].inclusive_share == 1.0


def test_the_native_share_is_the_part_of_the_functions_share() -> None:
    spots = ranked(Stack((OUTER,), False, 0.5, 1.5), Stack((TEST,), True, 8.0))
    assert spots["outer"].share == pytest.approx(0.2)
    assert spots["outer"].native_share == pytest.approx(0.75)


def test_the_ceiling_is_amdahls_and_finite() -> None:
    half = ranked(Stack((OUTER,), True, 1.0), Stack((TEST,), True, 1.0))
    assert half["outer"].ceiling == pytest.approx(2.0)
    assert ranked(Stack((OUTER,), True, 1.0))["outer"].ceiling == 1000.0


@pytest.mark.parametrize(
    ("frame", "owner", "qualname"),
    [
        (INNER, "outer", "outer.<locals>.inner"),
        (cart(5, "<listcomp>"), "outer", "outer.<locals>.inner"),
        (cart(6, "<listcomp>"), "outer", "outer"),
        (cart(9, "total"), "Basket.total", "Basket.total"),  # the line of its decorator
        (cart(10, "total"), "Basket.total", "Basket.total"),
        (cart(11, "<lambda>"), "Basket.total", "Basket.total"),
        (cart(14, "Local"), "Basket.helper", "Basket.helper"),
        (cart(18, "total"), "total", "total"),
    ],
)
def test_frames_are_named_as_python_names_functions(
    frame: Frame, owner: str, qualname: str
) -> None:
    stack = Stack((frame,), True, 1.0)
    assert list(ranked(stack)) == [owner]
    assert list(ranked(stack, by_owner=False)) == [qualname]


@pytest.mark.parametrize(
    "frame",
    [
        cart(1, "<module>"),
        cart(20, "<lambda>"),
        cart(3, "somebody_else"),
        cart(999, "outer"),
        Frame("shop/gone.py", 3, "outer"),
        cart(8, "Basket"),
    ],
)
def test_what_is_no_function_of_the_source_is_no_hotspot(frame: Frame) -> None:
    assert ranked(Stack((frame,), True, 1.0)) == {}


def test_a_file_that_does_not_parse_has_no_hotspot() -> None:
    assert rank([Profile((Stack((OUTER,), True, 1.0),))], lambda _: "def outer(:\n", ours) == ()


def test_profiles_of_several_runs_are_pooled() -> None:
    one, other = Profile((Stack((OUTER,), True, 1.0),)), Profile((Stack((TOTAL,), True, 3.0),))
    spots = rank([one, other], FILES.get, ours)
    assert [(spot.function.qualname, spot.share) for spot in spots] == [
        ("Basket.total", 0.75),
        ("outer", 0.25),
    ]


def test_calls_are_those_of_the_function_itself_or_unknown() -> None:
    stacks = (Stack((OUTER,), True, 1.0), Stack((TOTAL,), True, 1.0))
    profile = Profile(stacks, calls={OUTER: 7, INNER: 1000})
    spots = {spot.function.qualname: spot for spot in rank([profile], FILES.get, ours)}
    assert (spots["outer"].calls, spots["Basket.total"].calls) == (7, None)
    name = FunctionName("shop/cart.py", "Basket.total")
    exact = {spot.function: spot.calls for spot in with_calls(spots.values(), {name: 3})}
    assert exact == {name: 3, FunctionName("shop/cart.py", "outer"): 7}


GOOD = {"frames": [["shop/cart.py", 3, "outer"]], "leaf_is_own": True, "python_s": 1, "native_s": 0}


def test_a_report_is_read_as_it_was_written() -> None:
    profile = profile_from_json({"stacks": [GOOD], "disturbed": True})
    assert profile == Profile((Stack((OUTER,), True, 1.0, 0.0),), disturbed=True)
    assert profile.total_s == 1.0


@pytest.mark.parametrize(
    "change",
    [
        lambda item: item | {"frames": [["/etc/passwd", 1, "x"]]},
        lambda item: item | {"frames": [["../elsewhere.py", 1, "x"]]},
        lambda item: item | {"frames": [["shop/cart.py", True, "x"]]},
        lambda item: item | {"frames": "shop/cart.py"},
        lambda item: item | {"python_s": math.nan},
        lambda item: item | {"python_s": math.inf},
        lambda item: item | {"native_s": -1.0},
        lambda item: item | {"python_s": 10**400},
        lambda item: item | {"python_s": 0},
        lambda item: None,
    ],
)
def test_a_malformed_stack_is_dropped(change: Callable[[dict[str, object]], object]) -> None:
    profile = profile_from_json({"stacks": [change(dict(GOOD)), GOOD]})
    assert len(profile.stacks) == 1


def test_an_empty_profile_says_why() -> None:
    with pytest.raises(ProfileError, match="handles SIGPROF itself"):
        profile_from_json({"stacks": [], "reason": "the program handles SIGPROF itself"})
    with pytest.raises(ProfileError, match="too short"):
        profile_from_json({"stacks": []})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["frames", "leaf_is_own", "python_s", "native_s", "stacks", "reason"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)
frames = st.tuples(st.sampled_from([*FILES, "x.py"]), st.integers(), st.text(max_size=4)).map(list)
stacks = st.fixed_dictionaries(
    {
        "frames": st.lists(frames, max_size=4),
        "leaf_is_own": st.booleans(),
        "python_s": st.floats(),
        "native_s": st.floats(0, 1),
    }
)


@given(json_values | st.fixed_dictionaries({"stacks": st.lists(stacks | json_values, max_size=5)}))
def test_no_report_breaks_the_ranking(report: object) -> None:
    try:
        profile = profile_from_json(report)
    except ProfileError:
        return
    for spot in rank([profile], FILES.get, ours):
        assert 0 <= spot.self_share <= spot.share <= spot.inclusive_share + 1e-9 <= 1 + 2e-9
        assert 0 <= spot.native_share <= 1
        assert 1 <= spot.ceiling <= 1000
