"""Loops over ranges: their bounds, and what is known of the variables that count through them."""

from dataclasses import dataclass

import libcst as cst

from perfbot.optimizer import syntax
from perfbot.optimizer.scene import Scene


@dataclass(frozen=True)
class Range:
    """``range(start, stop, step)``; a start or step that is left out is the literal it stands for."""

    start: cst.BaseExpression
    stop: cst.BaseExpression
    step: int


def range_of(scene: Scene, expr: cst.BaseExpression) -> Range | None:
    """Read a call of the builtin ``range`` whose step is a literal."""
    if not isinstance(expr, cst.Call) or syntax.called_name(expr) != "range":
        return None
    parts = syntax.arguments(expr)
    if not scene.is_builtin("range") or not parts:
        return None
    if len(parts) == 1:
        return Range(cst.Integer("0"), parts[0], 1)
    step = syntax.constant(parts[2]) if len(parts) > 2 else 1
    return Range(parts[0], parts[1], step) if isinstance(step, int) and step else None


def counts_up(scene: Scene, name: cst.BaseExpression) -> bool:
    """Say whether a name is only ever the variable of loops over ranges and enumerations from 0 or more."""
    return isinstance(name, cst.Name) and _counts_up(scene, name.value, frozenset())


def _counts_up(scene: Scene, name: str, within: frozenset[str]) -> bool:
    if name in scene.parameters or name in within:
        return False
    found = loops_over(scene, name)
    return bool(found) and all(
        iterable is not None
        and (
            syntax.called_name(iterable) == "enumerate" or _rises(scene, iterable, within | {name})
        )
        for iterable in found
    )


def _rises(scene: Scene, iterable: cst.BaseExpression, within: frozenset[str]) -> bool:
    span = range_of(scene, iterable)
    return span is not None and span.step > 0 and _is_positive(scene, span.start, within)


def loops_over(scene: Scene, name: str) -> list[cst.BaseExpression | None]:
    """Return, for each binding of a name, the iterable whose loop binds it, or ``None`` for other bindings.

    The place in ``enumerate(items)`` counts, with that call as its iterable.
    """
    stores = [each for each in scene.stored if each.value == name]
    return [_iterable_of(scene, store) for store in stores]


def _iterable_of(scene: Scene, store: cst.Name) -> cst.BaseExpression | None:
    parent = scene.parent(store)
    if isinstance(parent, cst.For | cst.CompFor):
        return parent.iter if range_of(scene, parent.iter) is not None else None
    pair = scene.parent(parent) if isinstance(parent, cst.Element) else None
    if not isinstance(pair, cst.Tuple) or pair.elements[0].value is not store:
        return None
    match scene.parent(pair):
        case (
            cst.For(iter=cst.Call(args=[_]) as call) | cst.CompFor(iter=cst.Call(args=[_]) as call)
        ):
            known = syntax.called_name(call) == "enumerate" and scene.is_builtin("enumerate")
            return call if known else None
    return None


def _is_positive(scene: Scene, start: cst.BaseExpression, within: frozenset[str]) -> bool:
    match start:
        case cst.Integer():
            return True
        case cst.Name(value=name):
            return _counts_up(scene, name, within)
        case cst.BinaryOperation(left=left, operator=cst.Add(), right=right):
            return all(_is_positive(scene, each, within) for each in (left, right))
    return False


def stays_inside(scene: Scene, name: str, items: str, within: cst.CSTNode) -> bool:
    """Say whether a loop variable is always a valid place in ``items``.

    All its loops must stand in ``within``, a statement that leaves the items unchanged.
    """
    below = {id(each) for each in syntax.walk(within)}
    return counts_up(scene, cst.Name(name)) and all(
        iterable is not None and id(iterable) in below and _ends_with(scene, iterable, items)
        for iterable in loops_over(scene, name)
    )


def _ends_with(scene: Scene, iterable: cst.BaseExpression, items: str) -> bool:
    span = range_of(scene, iterable)
    if span is None:
        return syntax.same_shape(iterable, f"enumerate({items})")
    match span.stop:
        case cst.BinaryOperation(left=stop, operator=cst.Subtract(), right=cst.Integer()):
            return syntax.same_shape(stop, f"len({items})")
    return syntax.same_shape(span.stop, f"len({items})")
