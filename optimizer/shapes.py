"""Shapes of code that rules of the catalogue take apart and put together: comprehensions, conditions, ranges."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import libcst as cst

from perfbot.optimizer import syntax


@dataclass(frozen=True, slots=True)
class Comprehension:
    """The parts of ``element for target in iterable if test …`` with one plain ``for``."""

    element: cst.BaseExpression
    target: cst.BaseAssignTargetExpression
    iterable: cst.BaseExpression
    tests: tuple[cst.BaseExpression, ...]

    @property
    def name(self) -> str | None:
        """The loop variable, when it is a single name."""
        return self.target.value if isinstance(self.target, cst.Name) else None


def comprehension(node: cst.CSTNode) -> Comprehension | None:
    """Return the parts of a list comprehension or generator expression with a single ``for``."""
    match node:
        case (
            cst.ListComp(elt=element, for_in=source) | cst.GeneratorExp(elt=element, for_in=source)
        ):
            if source.inner_for_in is not None or source.asynchronous is not None:
                return None
            tests = tuple(test.test for test in source.ifs)
            return Comprehension(element, source.target, source.iter, tests)
    return None


def sole_argument(call: cst.CSTNode) -> cst.BaseExpression | None:
    """Return the argument of a call that has exactly one, given by position."""
    match call:
        case cst.Call(args=[cst.Arg(keyword=None, star="", value=value)]):
            return value
    return None


def both(tests: Iterable[cst.BaseExpression]) -> cst.BaseExpression | None:
    """Join conditions by ``and``; ``None`` when there is none."""
    joined: cst.BaseExpression | None = None
    for test in tests:
        joined = test if joined is None else syntax.expression("{a} and {b}", a=joined, b=test)
    return joined


def negated(test: cst.BaseExpression) -> cst.BaseExpression:
    """Return the opposite of a condition, as people write it."""
    match test:
        case cst.UnaryOperation(operator=cst.Not(), expression=inner):
            return inner
        case cst.Comparison(comparisons=[cst.ComparisonTarget(operator=cst.In(), comparator=to)]):
            return syntax.expression("{a} not in {b}", a=test.left, b=to)
        case cst.Comparison(
            comparisons=[cst.ComparisonTarget(operator=cst.NotIn(), comparator=to)]
        ):
            return syntax.expression("{a} in {b}", a=test.left, b=to)
    return syntax.expression("not {a}", a=test)


def parenthesized(expr: cst.BaseExpression) -> cst.BaseExpression:
    """Put an operation in parentheses, so that it may stand where an atom stood."""
    return syntax.expression("{a}", a=expr)


def shown(node: cst.CSTNode, at_most: int = 80) -> str:
    """Return a node's code on one line for an explanation, cut to ``at_most`` characters."""
    text = " ".join(syntax.code(node).split())
    return text if len(text) <= at_most else f"{text[: at_most - 1]}…"


def binds(target: cst.BaseExpression, name: str) -> bool:
    """Say whether an assignment target, possibly a tuple of names, binds ``name``."""
    return any(found.value == name for found in syntax.stores_of(target))


def range_bounds(expr: cst.CSTNode) -> tuple[cst.BaseExpression, cst.BaseExpression] | None:
    """Return start and stop of ``range(stop)`` or ``range(start, stop)``; ``None`` with a step."""
    values = (
        syntax.arguments(expr)
        if isinstance(expr, cst.Call) and syntax.called_name(expr) == "range"
        else None
    )
    if values is None or not 1 <= len(values) <= 2:
        return None
    return (values[0], values[1]) if len(values) == 2 else (cst.Integer("0"), values[0])


def conjuncts(tests: Iterable[cst.BaseExpression]) -> Iterator[cst.BaseExpression]:
    """Yield the conditions that ``and`` joins, in order."""
    for test in tests:
        match test:
            case cst.BooleanOperation(operator=cst.And(), left=left, right=right):
                yield from conjuncts([left, right])
            case _:
                yield test


def equals(test: cst.CSTNode) -> tuple[cst.BaseExpression, cst.BaseExpression] | None:
    """Return both sides of ``a == b``."""
    match test:
        case cst.Comparison(
            left=left, comparisons=[cst.ComparisonTarget(operator=cst.Equal(), comparator=right)]
        ):
            return left, right
    return None


def remainder_test(test: cst.BaseExpression, target: cst.BaseExpression) -> tuple[int, int] | None:
    """Return ``(k, r)`` of ``target % k == r`` with constants ``0 <= r < k``, also of ``not target % k``."""
    sides = equals(test)
    match test:
        case cst.UnaryOperation(operator=cst.Not(), expression=inner):
            sides = (inner, cst.Integer("0"))
    if sides is None:
        return None
    match sides[0]:
        case cst.BinaryOperation(left=left, operator=cst.Modulo(), right=right):
            step, rest = syntax.constant(right), syntax.constant(sides[1])
            fits = type(step) is int and type(rest) is int and 0 <= rest < step and step > 1
            return (step, rest) if fits and syntax.same(left, target) else None  # type: ignore[return-value]
    return None
