"""The parts of comprehensions and conditions, as the rules of the catalogue take them apart."""

import libcst as cst
import pytest

from perfbot.optimizer import shapes, syntax


@pytest.mark.parametrize("code", ["[a + 1 for a in b if c]", "(a + 1 for a in b if c)"])
def test_a_comprehension_with_one_for_is_taken_apart(code: str) -> None:
    parts = shapes.comprehension(cst.parse_expression(code))
    assert parts is not None
    assert parts.name == "a"
    assert syntax.code(parts.element) == "a + 1"
    assert syntax.code(parts.iterable) == "b"
    assert [syntax.code(test) for test in parts.tests] == ["c"]


@pytest.mark.parametrize(
    "code", ["[a for b in c for a in b]", "{a for a in b}", "[a async for a in b]", "[a, b]"]
)
def test_anything_else_is_not(code: str) -> None:
    assert shapes.comprehension(cst.parse_expression(code)) is None


@pytest.mark.parametrize(
    ("condition", "opposite"),
    [("a in b", "a not in b"), ("a not in b", "a in b"), ("not a", "a"), ("a < b", "not (a < b)")],
)
def test_a_condition_is_negated_as_people_write_it(condition: str, opposite: str) -> None:
    assert syntax.code(shapes.negated(cst.parse_expression(condition))) == opposite


def test_conditions_are_joined_with_parentheses_where_they_are_needed() -> None:
    tests = [cst.parse_expression(code) for code in ("a", "b or c")]
    joined = shapes.both(tests)
    assert joined is not None
    assert syntax.code(joined) == "a and (b or c)"
    assert shapes.both([]) is None


def test_what_is_shown_is_one_short_line() -> None:
    long = cst.parse_expression("[\n    aaaaaaaaaa,\n    bbbbbbbbbb,\n]")
    assert shapes.shown(long, 12) == "[ aaaaaaaaa…"
    assert shapes.sole_argument(cst.parse_expression("f(a, b)")) is None
