"""What is known of the variables of loops over ranges."""

import libcst as cst
import pytest

from perfbot.optimizer import ranges, syntax
from perfbot.optimizer.scene import Scene


def scene_of(body: str, parameters: str = "xs, n") -> Scene:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    return Scene(cst.parse_module(f"def f({parameters}):\n{lines}"), "f")


@pytest.mark.parametrize(
    ("text", "start", "stop", "step"),
    [
        ("range(n)", "0", "n", 1),
        ("range(2, n + 1)", "2", "n + 1", 1),
        ("range(n, 0, -1)", "n", "0", -1),
    ],
)
def test_a_range_is_read(text: str, start: str, stop: str, step: int) -> None:
    span = ranges.range_of(scene_of("pass"), cst.parse_expression(text))
    assert span is not None
    assert (syntax.code(span.start), syntax.code(span.stop), span.step) == (start, stop, step)


@pytest.mark.parametrize("text", ["range(0, n, n)", "range(*n)", "range()", "ranges(n)"])
def test_other_iterables_are_no_ranges(text: str) -> None:
    assert ranges.range_of(scene_of("pass"), cst.parse_expression(text)) is None


def test_a_range_of_ones_own_is_no_range() -> None:
    scene = scene_of("range = list")
    assert ranges.range_of(scene, cst.parse_expression("range(n)")) is None


@pytest.mark.parametrize(
    ("body", "fits"),
    [
        ("for i in range(n):\n    pass", True),
        ("for i, x in enumerate(xs):\n    pass", True),
        ("for j in range(n):\n    for i in range(j + 1, n):\n        pass", True),
        ("for i in range(-1, n):\n    pass", False),
        ("for i in range(n, 0, -1):\n    pass", False),
        ("for i in range(n):\n    i -= 5", False),
        ("for i in xs:\n    pass", False),
        ("for i in range(i, n):\n    pass", False),
        ("i = 3", False),
    ],
)
def test_only_loops_from_zero_or_more_count_up(body: str, fits: bool) -> None:
    assert ranges.counts_up(scene_of(body), cst.Name("i")) is fits


def test_a_parameter_may_be_negative() -> None:
    assert not ranges.counts_up(scene_of("for n in range(3):\n    pass"), cst.Name("n"))


@pytest.mark.parametrize(
    ("loop", "fits"),
    [
        ("for i in range(len(xs)):", True),
        ("for i in range(len(xs) - 1):", True),
        ("for i, x in enumerate(xs):", True),
        ("for i in range(len(xs) + 1):", False),
        ("for i in range(n):", False),
    ],
)
def test_a_loop_over_the_places_of_a_list_stays_inside(loop: str, fits: bool) -> None:
    scene = scene_of(f"{loop}\n    pass")
    assert ranges.stays_inside(scene, "i", "xs", scene.function) is fits


def test_a_loop_that_ended_before_proves_nothing() -> None:
    scene = scene_of("for i in range(len(xs)):\n    pass\nfor j in range(n):\n    pass")
    later = list(syntax.find(scene.function.body, cst.For))[1]
    assert not ranges.stays_inside(scene, "i", "xs", later)
