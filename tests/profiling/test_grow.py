"""Larger and smaller calls keep together what belongs together."""

import copy
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.profiling.inside.canonical import canonical
from perfbot.profiling.inside.grow import WAYS, Resized, resized


class Basket:
    def __init__(self, prices: list[int]) -> None:
        self.prices = prices
        self.count = len(prices)


@dataclass
class Node:
    name: str
    beside: list["Node"] = field(default_factory=list)


class Line(NamedTuple):
    code: str
    amount: int


def made(*arguments: Any, way: str = "all", times: int = 2, of: int = 1, **keywords: Any) -> Any:
    call = resized((copy.deepcopy(arguments), copy.deepcopy(keywords)), way, times, of)
    assert call is not None
    return call.call[1] or (call.call[0][0] if len(arguments) == 1 else call.call[0])


def resize(*arguments: Any, way: str = "all", times: int = 2, of: int = 1) -> Resized | None:
    return resized((arguments, {}), way, times, of)


# -- larger ------------------------------------------------------------------------------------


def test_a_larger_call_has_new_items_of_the_same_kind() -> None:
    numbers, mapping, members, pair = made([3, 1, 2], {"k": 1}, {5, 6}, (1, 4), times=4)
    assert numbers[:3] == [3, 1, 2]
    assert len(numbers) == len(set(numbers)) == 12
    assert len(mapping) == 4
    assert len(members) == 8
    assert pair[:2] == (1, 4)
    assert len(pair) == 8


def test_the_size_is_that_of_the_longest_part() -> None:
    found = resize([1, 2, 3], {4, 5}, times=8)
    assert found is not None
    assert (found.items, found.what) == (24, "argument 1, argument 2")


def test_equal_items_grow_into_equal_ones_in_all_arguments() -> None:
    known, orders = made({3: "a", 7: "b"}, [(3, 1.5), (7, 2.0)], times=3)
    assert {order[0] for order in orders} == set(known)


def test_names_and_options_beside_containers_stay() -> None:
    assert made([1, 2], "utf-8", times=3)[1] == "utf-8"


def test_a_text_alone_grows_whole_or_line_by_line() -> None:
    assert made("ab", times=3) == "abbccd"
    assert made("a,1\nb,2", way="repeated", times=2) == "a,1\nb,2\na,1\nb,2"


def test_a_length_given_beside_its_list_changes_with_it() -> None:
    assert made([4, 5, 6], 3, 2) == ([4, 5, 6, 7, 8, 9], 6, 2)
    assert made(items=[4, 5, 6, 7], n=4, times=1, of=2) == {"items": [4, 5], "n": 2}


def test_numbers_alone_grow_where_nothing_else_is_passed() -> None:
    assert made(10, 1.5, True, way="numbers", times=3) == (30, 1.5, True)


def test_a_square_stays_a_square() -> None:
    assert [len(row) for row in made([[1, 2], [3, 4]], times=3)] == [6] * 6
    assert made([[1, 2], [3, 4]], times=1, of=2) == [[1]]
    assert made(numpy.ones((3, 3))).shape == (6, 6)
    assert made(numpy.ones((4, 4)), times=1, of=2).shape == (2, 2)


def test_arrays_grow_along_their_first_axis() -> None:
    grown = made(numpy.arange(6).reshape(3, 2))
    assert grown.shape == (6, 2)
    assert len(numpy.unique(grown)) == 12


def test_arrays_keep_their_type_and_what_is_no_number() -> None:
    image = made(numpy.array([0, 255], dtype="uint8"), times=400)
    assert (image.dtype, image.shape) == ("uint8", (800,))
    measured = made(numpy.array([1.0, numpy.nan, -numpy.inf, 4.0]))
    assert list(measured[[0, 3, 4, 7]]) == [1, 4, 5, 8]
    assert list(numpy.isfinite(measured)) == [True, False, False, True] * 2


def test_records_grow_in_number_with_new_content() -> None:
    grown = made([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}])
    assert len({record["id"] for record in grown}) == 4
    assert len({record["name"] for record in grown}) == 4
    assert made([Line("x", 1), Line("y", 2)])[2] == Line("x1", 3)


def test_a_record_with_fields_grows_in_what_its_fields_hold() -> None:
    assert made({"id": 7, "lines": [1, 2]}) == {"id": 7, "lines": [1, 2, 3, 4]}


def test_an_instance_grows_in_its_attributes_and_its_twin_is_another_one() -> None:
    basket = made(Basket([1, 2, 3]))
    assert (len(basket.prices), basket.count) == (6, 6)
    one, other = made([Basket([1])])
    assert one.prices is not other.prices


def test_objects_that_know_each_other_have_twins_that_do() -> None:
    one, two = Node("a"), Node("b")
    one.beside, two.beside = [two], [one]
    nodes = made([one, two])
    assert nodes[2].beside == [nodes[3]]
    assert nodes[2].beside[0] is nodes[3]
    assert [node.name for node in nodes] == ["a", "b", "a1", "b1"]


def test_an_argument_passed_twice_is_one_argument() -> None:
    same = [1, 2]
    one, other = made(same, same, times=3)
    assert one is other
    assert len(one) == 6


@pytest.mark.parametrize("arguments", [(), (True, None, 1.5), ([],), ((1, "x"),), ({None: 1},)])
def test_what_cannot_grow_is_said_so(arguments: tuple[object, ...]) -> None:
    assert all(resize(*arguments, way=way) is None for way in WAYS if way != "numbers")


def test_an_object_that_refuses_to_be_copied_stops_growing() -> None:
    assert resize([threading.Lock()]) is None


@pytest.mark.parametrize("way", WAYS)
def test_nothing_grows_without_bounds(way: str) -> None:
    assert resize([[0] * 100] * 100, 10**10, "x" * 40, way=way, times=1 << 20) is None


# -- smaller -----------------------------------------------------------------------------------


def test_a_smaller_call_has_the_beginning_of_everything() -> None:
    call = made([1, 2, 3, 4], {"a": 1, "b": 2}, deque([5, 6]), b"abcd" * 9, times=1, of=2)
    assert call == ([1, 2], {"a": 1}, deque([5]), b"abcd" * 4 + b"ab")


def test_a_smaller_text_ends_with_a_line() -> None:
    assert made("ab\ncd\nef\n", times=3, of=4) == "ab\ncd\n"


# -- graphs ------------------------------------------------------------------------------------

RING = {1: [2], 2: [3], 3: [1]}
GRAPHS = [
    RING,
    {"a": {"b"}, "b": {"a", "c"}, "c": {"b"}},
    {"a": {"b": 5}, "b": {"c": 7}, "c": {}},
    {"a": [("b", 5)], "b": [("c", 7)], "c": []},
    {(0, 0): ((0, 1),), (0, 1): ((0, 0),)},
    [[1, 2], [0], [0, 1]],
    [[(1, 0.5), (2, 0.5)], [], [(0, 0.25)]],
]


def neighbours(graph: Any) -> dict[Any, list[Any]]:
    rows = graph if isinstance(graph, dict) else dict(enumerate(graph))
    return {node: [_head(entry, rows) for entry in row] for node, row in rows.items()}


def _head(entry: Any, rows: Any) -> Any:
    return entry if entry in rows else entry[0]


def reached(graph: Any, start: Any) -> set[Any]:
    rows, found, waiting = neighbours(graph), {start}, [start]
    while waiting:
        for node in rows[waiting.pop()]:
            if node not in found:
                found.add(node)
                waiting.append(node)
    return found


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_larger_graph_has_neighbours_that_are_nodes_all_reached_from_the_start(
    graph: Any,
) -> None:
    start = next(iter(neighbours(graph)))
    grown = made(graph, start, times=6)[0]
    rows = neighbours(grown)
    assert len(rows) == 6 * len(graph)
    assert all(node in rows for row in rows.values() for node in row)
    assert len(reached(grown, start)) == 6 * len(reached(graph, start))


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_smaller_graph_has_neighbours_that_are_nodes(graph: Any) -> None:
    rows = neighbours(made(graph, times=2, of=3))
    assert len(rows) == len(graph) * 2 // 3
    assert all(node in rows for row in rows.values() for node in row)


def test_what_has_two_directions_keeps_them() -> None:
    rows = neighbours(made({"a": {"b"}, "b": {"a"}}, "a", times=5)[0])
    assert all(one in rows[other] for one, row in rows.items() for other in row)


def test_a_tree_stays_a_tree() -> None:
    rows = neighbours(made({"a": ["b", "c"], "b": [], "c": []}, "a", times=9)[0])
    heads = [node for row in rows.values() for node in row]
    assert len(heads) == len(set(heads)) == len(rows) - 1


def test_where_a_path_ends_moves_to_the_last_copy() -> None:
    graph, start, goal = made(RING, 1, 3, times=4)
    assert (start, goal) == (1, 12)
    assert goal in reached(graph, start)


def test_a_mapping_to_lists_of_something_else_is_no_graph() -> None:
    grown = made({"ann": ["tea", "milk"], "bob": ["tea"]}, times=2)
    assert list(grown) == ["ann", "bob", "ann1", "bob1"]
    assert grown["bob1"] == ["tea1"]


# -- always ------------------------------------------------------------------------------------

SCALARS = st.one_of(st.integers(), st.floats(), st.text(max_size=3), st.booleans(), st.none())
VALUES = st.recursive(
    SCALARS,
    lambda parts: st.one_of(
        st.lists(parts, max_size=4),
        st.lists(parts, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=2), parts, max_size=3),
        st.dictionaries(st.integers(0, 3), st.lists(st.integers(0, 3), max_size=3), max_size=4),
    ),
    max_leaves=12,
)


@given(
    st.lists(VALUES, max_size=3), st.sampled_from(WAYS), st.sampled_from([(3, 1), (1, 2), (1, 1)])
)
def test_arguments_keep_their_types_and_the_same_size_is_the_same_call(
    arguments: list[Any], way: str, size: tuple[int, int]
) -> None:
    found = resized((tuple(copy.deepcopy(arguments)), {}), way, *size)
    if found is None:
        return
    assert list(map(type, found.call[0])) == list(map(type, arguments))
    if size == (1, 1):
        assert canonical(found.call[0]) == canonical(tuple(arguments))
