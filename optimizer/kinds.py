"""What kind of value an expression has where it stands, from the facts that were seen at run time.

In doubt a kind is unknown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import libcst as cst

from perfbot.optimizer import ranges, syntax
from perfbot.optimizer.scene import Scene
from perfbot.profiling.facts import Seen

_SCALARS = frozenset({"str", "int", "bytes", "bool", "NoneType"})


def hashable(seen: Seen | None) -> bool:
    """Say whether values are known to be hashable builtins, so that sets and ``in`` agree on them."""
    if seen is None or not seen.types:
        return False
    rest = seen.types - _SCALARS - {"float"}
    return not rest or (rest <= {"tuple"} and (seen.elements is None or hashable(seen.elements)))


def has_plain_equality(seen: Seen | None) -> bool:
    """Say whether ``==`` is known to be that of builtin values without NaN: true for a value itself."""
    return seen is not None and seen.only("int", "str", "bytes", "bool", "NoneType")


def has_total_order(seen: Seen | None) -> bool:
    """Say whether values of one type, without NaN, are known: equal ones cannot be told apart."""
    if seen is None or len(seen.types) != 1:
        return False
    if seen.only("tuple"):
        return has_total_order(seen.elements)
    return seen.only("int", "str", "bytes")


def kind_at(scene: Scene, expr: cst.BaseExpression, at: cst.CSTNode | None = None) -> Seen | None:
    """Return the kind of an expression where it stands: inside nested functions and comprehensions too."""
    at = expr if at is None else at
    facts = dict(scene.facts)
    for above in reversed(scopes_around(scene, at)):
        match above:
            case cst.FunctionDef() | cst.Lambda():
                for name in syntax.names_written(above.params):
                    facts[name] = Seen(frozenset())
                if isinstance(above, cst.FunctionDef):
                    for name in syntax.names_written(above.body):
                        facts[name] = Seen(frozenset())
            case cst.ListComp() | cst.SetComp() | cst.DictComp() | cst.GeneratorExp():
                _bind(scene, facts, above.for_in)
            case cst.For(target=target, iter=iterable):
                # Facts hold a loop variable's last value only; the items say more.
                inner = replace(scene, facts=facts)
                facts |= {
                    name: seen
                    for name, seen in _bound_kinds(inner, target, iterable)
                    if seen is not None and scene.times_bound(name) == 1
                }
    inner = replace(scene, facts=facts)
    found = inner.kind(expr)
    return found if found is not None and found.types else None


def _bind(scene: Scene, facts: dict[str, Seen], clause: cst.CompFor | None) -> None:
    while clause is not None:
        for name in syntax.names_written(clause):
            facts[name] = Seen(frozenset())
        for name, seen in _bound_kinds(replace(scene, facts=facts), clause.target, clause.iter):
            facts[name] = seen or Seen(frozenset())
        clause = clause.inner_for_in


def _bound_kinds(
    scene: Scene, target: cst.BaseExpression, iterable: cst.BaseExpression
) -> Iterator[tuple[str, Seen | None]]:
    """Yield what a loop's variables hold."""
    match target, iterable:
        case cst.Name(value=name), _:
            yield name, elements_of(scene, iterable)
        case (
            cst.Tuple(elements=[cst.Element(value=cst.Name(value=place)), cst.Element(value=item)]),
            cst.Call(func=cst.Name(value="enumerate"), args=[cst.Arg(value=items)]),
        ):
            yield place, Seen(frozenset({"int"}))
            yield from _bound_kinds(scene, item, items)
        case cst.Tuple(elements=elements), _:
            seen = elements_of(scene, iterable)
            for element in elements:
                if isinstance(element.value, cst.Name):
                    known = seen is not None and seen.only("tuple", "list")
                    yield element.value.value, seen.elements if seen and known else None


def kind_within(scene: Scene, expr: cst.BaseExpression, clause: cst.CompFor) -> Seen | None:
    """Return the kind of an expression as the body of a comprehension would have it."""
    facts = dict(scene.facts)
    _bind(scene, facts, clause)
    found = replace(scene, facts=facts).kind(expr)
    return found if found is not None and found.types else None


def elements_of(scene: Scene, iterable: cst.BaseExpression) -> Seen | None:
    """Return the kind of what iterating gives."""
    if syntax.called_name(iterable) == "range" and scene.is_builtin("range"):
        return Seen(frozenset({"int"}))
    seen = scene.kind(iterable)
    if seen is None:
        return None
    return seen if seen.only("str") else seen.elements


def elements_at(scene: Scene, iterable: cst.BaseExpression) -> Seen | None:
    """Return the kind of what iterating gives, where the iterable stands."""
    if syntax.called_name(iterable) == "range" and scene.is_builtin("range"):
        return Seen(frozenset({"int"}))
    seen = kind_at(scene, iterable)
    if seen is None:
        return None
    return seen if seen.only("str") else seen.elements


def with_facts(scene: Scene, more: Mapping[str, Seen]) -> Scene:
    """Return the scene with further names whose kinds are known."""
    return replace(scene, facts={**scene.facts, **more})


def is_known(scene: Scene, expr: cst.BaseExpression, *types: str) -> bool:
    """Say whether an expression, where it stands, is known to be of one of these types and no other."""
    seen = kind_at(scene, expr)
    return seen is not None and seen.only(*types)


def is_int(scene: Scene, expr: cst.BaseExpression, at: cst.CSTNode | None = None) -> bool:
    """Say whether an expression is known to be an ``int``: also through arithmetic on such values."""
    at = expr if at is None else at
    match expr:
        case cst.Integer():
            return True
        case cst.Name() if ranges.counts_up(scene, expr):
            return True
        case cst.BinaryOperation(left=left, right=right, operator=operator):
            whole = cst.Add | cst.Subtract | cst.Multiply | cst.Modulo | cst.FloorDivide
            return (
                isinstance(operator, whole) and is_int(scene, left, at) and is_int(scene, right, at)
            )
        case cst.UnaryOperation(operator=cst.Minus(), expression=inner):
            return is_int(scene, inner, at)
        case cst.Call(
            func=cst.Name(value="abs" | "sum" | "max" | "min"), args=[cst.Arg(value=inner)]
        ):
            return is_int(scene, inner, at)
    seen = kind_at(scene, expr, at)
    return seen is not None and seen.only("int")


def scopes_around(scene: Scene, node: cst.CSTNode) -> list[cst.CSTNode]:
    """Return the nodes between a node and the function, nearest first."""
    return [above for above in scene.above(node) if above is not scene.function]
