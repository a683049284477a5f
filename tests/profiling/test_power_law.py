"""The exponent of time against size, on times that no clock took: laws, and counted steps."""

import copy
import math
import random
import sys
from collections import deque
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbot.profiling.growth import SIZES
from perfbot.profiling.inside.grow import resized
from perfbot.profiling.power_law import Exponent, exponent

STEPS = (1, 1.5)
LADDER = [8 * 2**doubled * step for doubled in range(8) for step in STEPS]  # 8 … 1536


def fitted(points: Sequence[tuple[float, float]]) -> Exponent:
    found = exponent(points)
    assert isinstance(found, Exponent), found
    return found


# -- laws --------------------------------------------------------------------------------------


@given(st.floats(0.5, 3.5), st.floats(1, 1e5), st.floats(0, 100), st.integers(8, len(LADDER)))
def test_a_power_with_a_fixed_cost_is_found_exactly(
    power: float, scale: float, fixed_share: float, count: int
) -> None:
    fixed = fixed_share * scale * LADDER[0] ** power
    found = fitted([(n, 1e5 + fixed + scale * 1e4 * n**power) for n in LADDER[:count]])
    assert found.low <= power <= found.high


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_time_that_does_not_grow_has_an_exponent_near_nothing(seed: int) -> None:
    draw = random.Random(seed)
    found = fitted([(n, 1e6 * math.exp(draw.gauss(0, 0.03))) for n in LADDER])
    assert abs(found.value) <= 0.1


@pytest.mark.parametrize("power", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("fixed", [0.0, 5e6])
def test_the_interval_has_the_true_exponent_as_often_as_it_says(power: float, fixed: float) -> None:
    draw = random.Random(7)
    hits = 0
    for _ in range(200):
        points = [(n, (fixed + 1e4 * n**power) * math.exp(draw.gauss(0, 0.05))) for n in LADDER]
        found = exponent(points)
        hits += isinstance(found, Exponent) and found.low <= power <= found.high
    assert hits >= 180


def test_what_is_no_power_has_a_wide_interval_or_none() -> None:
    found = fitted([(n, 1e4 * n * n + 5e5 * n) for n in LADDER])
    assert 1.8 < found.value < 2
    assert found.error > 0.05
    assert "no power" in str(exponent([(n, 1e5 * 2 ** (n / 50)) for n in LADDER[:13]]))


def test_a_pause_of_the_machine_does_not_pass_for_certainty() -> None:
    points = [(n, 1e4 * n) for n in LADDER]
    points[9] = (points[9][0], 30 * points[9][1])
    found = exponent(points)
    assert isinstance(found, str) or found.low <= 1 <= found.high


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ([], "only 0 sizes"),
        ([(n, 1e6 * n) for n in LADDER[:5]], "only 5 sizes"),
        ([(1000 + n, 1e6 * n) for n in LADDER], "a factor of"),
        ([(n, 5.0 * n) for n in LADDER], "less than 10 µs"),
    ],
)
def test_too_little_to_go_by_is_said_so(points: list[tuple[float, float]], why: str) -> None:
    assert why in str(exponent(points))


def test_calls_too_short_for_a_clock_do_not_count_where_longer_ones_do() -> None:
    points = [(n, 100.0 * n * n if n > 20 else 9_000.0) for n in LADDER]
    assert abs(fitted(points).value - 2) < 0.1


# -- counted steps -----------------------------------------------------------------------------


def total(numbers: list[int]) -> int:
    found = 0
    for number in numbers:
        found += number
    return found


def pairs(numbers: list[int]) -> int:
    found = 0
    for one in numbers:
        for other in numbers:
            found += one < other
    return found


def merge_sorted(numbers: list[int]) -> list[int]:
    if len(numbers) < 2:
        return numbers
    left = merge_sorted(numbers[::2])
    right = merge_sorted(numbers[1::2])
    found: list[int] = []
    while left and right:
        found.append((left if left[-1] > right[-1] else right).pop())
    return left + right + found[::-1]


def product(one: list[list[int]], other: list[list[int]]) -> list[list[int]]:
    found = [[0] * len(one) for _ in one]
    for row, numbers in enumerate(one):
        for column in range(len(one)):
            for place, number in enumerate(numbers):
                found[row][column] += number * other[place][column]
    return found


def vowels(text: str) -> int:
    found = 0
    for letter in text:
        found += letter in "aeiou"
    return found


def inverted(names: dict[str, int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for name, number in names.items():
        found.setdefault(number, name)
    return found


def breadth_first(graph: dict[int, list[int]], start: int) -> list[int]:
    seen, waiting = [start], deque([start])
    met = {start}
    while waiting:
        for node in graph[waiting.popleft()]:
            if node not in met:
                met.add(node)
                seen.append(node)
                waiting.append(node)
    return seen


def place_of(numbers: list[int], wanted: int) -> int:
    low, high = 0, len(numbers)
    while low < high:
        middle = (low + high) // 2
        if numbers[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


RING = {node: [(node + 1) % 9, (node - 1) % 9] for node in range(9)}
TABLE = [[row * column for column in range(5)] for row in range(5)]
MOST_STEPS = 120_000


def steps(function: Callable[..., object], arguments: Sequence[Any]) -> int:
    """Count the lines that run in a call."""
    count = 0

    def trace(_frame: FrameType, event: str, _value: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*arguments)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    ("function", "arguments", "least", "most"),
    [
        (total, ([5, 2, 9],), 1.0, 1.0),
        (merge_sorted, ([5, 2, 9, 1, 7],), 1.05, 1.3),
        (pairs, ([5, 2, 9],), 2.0, 2.0),
        (product, (TABLE, TABLE), 3.0, 3.0),
        (vowels, ("a text of some words, long enough to count",), 1.0, 1.0),
        (inverted, ({"a": 1, "b": 2},), 1.0, 1.0),
        (breadth_first, (RING, 4), 1.0, 1.0),
        (place_of, (list(range(20)), 12), 0.0, 0.3),
    ],
)
def test_the_growth_of_known_functions_lies_in_the_interval(
    function: Callable[..., object], arguments: tuple[Any, ...], least: float, most: float
) -> None:
    points: list[tuple[float, float]] = []
    for size in SIZES:
        call = resized((copy.deepcopy(arguments), {}), "all", *size)
        if call is None or (points and call.items <= points[-1][0]):
            continue
        count = steps(function, call.call[0])
        if count > MOST_STEPS or call.items > MOST_STEPS:
            break
        points.append((call.items, 10_000.0 * count))
    found = fitted(points)
    assert found.low <= most, found
    assert found.high >= least, found
    assert found.error <= 0.2
