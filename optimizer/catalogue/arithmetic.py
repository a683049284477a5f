"""Algorithm Design: loops over numbers that have a closed form or a builtin of their own."""

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from perfbot.optimizer import effects, kinds, ranges, syntax
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.catalogue.divisors import divided
from perfbot.optimizer.scene import Change, Import, Rewrite, Scene
from perfbot.optimizer.strategies import Category


@dataclass(frozen=True)
class _Fold:
    """A loop over a range whose only statement is ``total op= value`` or ``total = …``."""

    loop: cst.For
    span: ranges.Range
    variable: str
    total: str
    step: cst.AugAssign | cst.Assign


def _folds(scene: Scene) -> Iterator[_Fold]:
    for loop in syntax.find(scene.function.body, cst.For):
        body = syntax.body_of(loop)
        span = ranges.range_of(scene, loop.iter)
        if span is None or loop.orelse is not None or len(body) != 1:
            continue
        if not isinstance(loop.target, cst.Name):
            continue
        match syntax.only_small(body[0]):
            case cst.AugAssign(target=cst.Name(value=total)) as step:
                pass
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=total))]) as step:
                pass
            case _:
                continue
        variable = loop.target.value
        needed = syntax.names_read(loop.iter)
        if total == variable or total in needed or effects.read_after(scene, loop, variable):
            continue
        if kinds.is_int(scene, cst.Name(total), loop) and effects.block_of(scene, loop):
            yield _Fold(loop, span, variable, total, step)


def _added(fold: _Fold, operator: type[cst.CSTNode]) -> cst.BaseExpression | None:
    """Return ``value`` of ``total op= value`` or ``total = total op value``."""
    match fold.step:
        case cst.AugAssign(operator=op, value=value):
            kinds = {cst.AddAssign: cst.Add, cst.MultiplyAssign: cst.Multiply}
            return value if kinds.get(type(op)) is operator else None
        case cst.Assign(value=cst.BinaryOperation(left=left, operator=op, right=right)):
            if isinstance(op, operator):
                for one, other in ((left, right), (right, left)):
                    if syntax.same_shape(one, fold.total):
                        return other
    return None


def _replaced(
    scene: Scene, fold: _Fold, result: str, neutral: int, sign: str, why: str, imports: list[Import]
) -> Rewrite:
    """Put ``total op= result`` in place of the loop, or ``total = result`` if it starts there at the neutral."""
    where = effects.block_of(scene, fold.loop)
    before = where[0][where[1] - 1] if where is not None and where[1] else None
    found = syntax.assignment(before) if before is not None else None
    changes: dict[cst.CSTNode, Change] = {}
    starts = found is not None and found[0] == fold.total
    if before is not None and starts and found is not None and syntax.constant(found[1]) == neutral:
        changes[before] = effects.in_place_of(
            before, cst.parse_statement(f"{fold.total} = {result}\n")
        )
        changes[fold.loop] = cst.RemoveFromParent()
    else:
        new = cst.parse_statement(f"{fold.total} {sign}= {result}\n")
        changes[fold.loop] = effects.in_place_of(fold.loop, new)
    return scene.rewrite(changes, why, imports=imports)


def _sum_of_range(scene: Scene, span: ranges.Range) -> str | None:
    """Return the closed form of the sum of ``range(start, stop)``; an empty range gives 0."""
    if span.step != 1 or not _is_simple(scene, span.start) or not _is_simple(scene, span.stop):
        return None
    start, stop = span.start, span.stop
    first = syntax.constant(start)
    match stop:
        case cst.BinaryOperation(left=last, operator=cst.Add(), right=one) if (
            first in (0, 1) and syntax.constant(one) == 1
        ):
            top = syntax.code(_closed(last))
            return f"max({top}, 0) * ({top} + 1) // 2"
    high, low = syntax.code(_closed(stop)), syntax.code(_closed(start))
    if first == 0 and first is not False:
        return f"max({high}, 0) * ({high} - 1) // 2"
    return f"max({high} - {low}, 0) * ({low} + {high} - 1) // 2"


def _is_simple(scene: Scene, expr: cst.BaseExpression) -> bool:
    return syntax.is_pure(expr) and kinds.is_int(scene, expr)


def _closed(expr: cst.BaseExpression) -> cst.BaseExpression:
    if isinstance(expr, cst.Name | cst.Integer | cst.Call | cst.Subscript) or expr.lpar:
        return expr
    return expr.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


@rule(Category.ALGORITHM, "arithmetic series in closed form")
def series_loop(scene: Scene) -> Iterator[Rewrite]:
    """``for i in range(a, b): total += i`` on ``int``."""
    for fold in _folds(scene):
        value = _added(fold, cst.Add)
        result = _sum_of_range(scene, fold.span)
        if value is None or result is None or not syntax.same_shape(value, fold.variable):
            continue
        if scene.is_builtin("max"):
            why = (
                f"The loop adds every number of `{syntax.code(fold.loop.iter)}` to `{fold.total}`; "
                "Gauss's formula gives their sum at once."
            )
            yield _replaced(scene, fold, result, 0, "+", why, [])


@rule(Category.ALGORITHM, "sum of a range in closed form")
def sum_of_range(scene: Scene) -> Iterator[Rewrite]:
    """``sum(range(a, b))``, also with a comprehension that only repeats the numbers."""
    for call in syntax.find(scene.function.body, cst.Call):
        if syntax.called_name(call) != "sum" or len(call.args) != 1 or call.args[0].keyword:
            continue
        match call.args[0].value:
            case (
                cst.ListComp(elt=cst.Name(value=one), for_in=clause)
                | cst.GeneratorExp(elt=cst.Name(value=one), for_in=clause)
            ):
                plain = not clause.ifs and clause.inner_for_in is None
                numbers = clause.iter if plain and syntax.same_shape(clause.target, one) else None
            case other:
                numbers = other
        span = ranges.range_of(scene, numbers) if numbers is not None else None
        result = _sum_of_range(scene, span) if span is not None else None
        if numbers is None or result is None or not scene.is_builtin("sum"):
            continue
        new = effects.enclosed(scene, call, cst.parse_expression(result))
        why = f"Gauss's formula gives the sum of `{syntax.code(numbers)}` without visiting its numbers."
        yield scene.rewrite({call: new}, why)


@rule(Category.ALGORITHM, "product of a range by factorial")
def product_loop(scene: Scene) -> Iterator[Rewrite]:
    """``for i in range(a, b): product *= i`` on ``int``."""
    for fold in _folds(scene):
        value = _added(fold, cst.Multiply)
        if value is None or not syntax.same_shape(value, fold.variable):
            continue
        top = _factorial_of(scene, fold.span)
        function = effects.math_function(scene, "factorial" if top is not None else "prod")
        if function is None or not scene.is_builtin("max"):
            continue
        numbers = syntax.code(fold.loop.iter)
        result = f"{function[0]}({f'max({top}, 0)' if top is not None else numbers})"
        why = (
            f"The loop multiplies the numbers of `{numbers}` one by one into an ever longer product; "
            f"`{function[0]}` does so in C."
        )
        yield _replaced(scene, fold, result, 1, "*", why, function[1])


def _factorial_of(scene: Scene, span: ranges.Range) -> str | None:
    """Return ``n`` of ``range(1, n + 1)`` or ``range(2, n + 1)``."""
    if syntax.constant(span.start) not in (1, 2) or span.step != 1:
        return None
    match span.stop:
        case cst.BinaryOperation(left=top, operator=cst.Add(), right=one) if syntax.constant(
            one
        ) == 1 and _is_simple(scene, top):
            return syntax.code(top)
    return None


@rule(Category.ALGORITHM, "power loop to pow")
def power_loop(scene: Scene) -> Iterator[Rewrite]:
    """``for i in range(n): r = r * b % m``, or ``r *= b``, on ``int`` with ``r`` 1 at first."""
    for fold in _folds(scene):
        rounds = fold.span.stop
        if syntax.constant(fold.span.start) != 0 or fold.span.step != 1:
            continue
        if not _is_simple(scene, rounds) or not _starts_at_one(scene, fold):
            continue
        found = _power_of(fold)
        if found is None or not all(_stays(scene, fold, part) for part in found):
            continue
        n, base = syntax.code(rounds), syntax.code(found[0])
        if len(found) == 2:
            result = f"pow({base}, {n}, {syntax.code(found[1])}) if {n} > 0 else 1"
        else:
            result = f"{syntax.code(_closed(found[0]))} ** max({n}, 0)"
        why = (
            f"`{n}` multiplications raise `{base}` to a power; `pow` squares and needs about log₂ as "
            "many."
        )
        if scene.is_builtin("pow") and scene.is_builtin("max"):
            yield _replaced(scene, fold, result, 1, "*", why, [])


def _starts_at_one(scene: Scene, fold: _Fold) -> bool:
    where = effects.block_of(scene, fold.loop)
    found = syntax.assignment(where[0][where[1] - 1]) if where is not None and where[1] else None
    return found is not None and found[0] == fold.total and syntax.constant(found[1]) == 1


def _stays(scene: Scene, fold: _Fold, part: cst.BaseExpression) -> bool:
    return not {fold.total, fold.variable} & syntax.names_read(part) and _is_simple(scene, part)


def _power_of(fold: _Fold) -> tuple[cst.BaseExpression, ...] | None:
    """Return ``(base,)`` or ``(base, modulus)``."""
    match fold.step:
        case cst.Assign(
            value=cst.BinaryOperation(
                left=cst.BinaryOperation(left=left, operator=cst.Multiply(), right=right),
                operator=cst.Modulo(),
                right=modulus,
            )
        ):
            for one, other in ((left, right), (right, left)):
                if syntax.same_shape(one, fold.total):
                    return other, modulus
            return None
    base = _added(fold, cst.Multiply)
    return (base,) if base is not None else None


@rule(Category.ALGORITHM, "power modulo by pow")
def power_modulo(scene: Scene) -> Iterator[Rewrite]:
    """``b ** e % m`` on ``int``: the power need not be written out before it is reduced."""
    for node in syntax.find(scene.function.body, cst.BinaryOperation):
        match node:
            case cst.BinaryOperation(
                left=cst.BinaryOperation(left=base, operator=cst.Power(), right=exponent),
                operator=cst.Modulo(),
                right=modulus,
            ):
                pass
            case _:
                continue
        if not all(_is_simple(scene, part) for part in (base, exponent, modulus)):
            continue
        if isinstance(exponent, cst.Integer) or _is_fallback(scene, node):
            continue
        b, e, m = (syntax.code(part) for part in (base, exponent, modulus))
        new = cst.parse_expression(f"pow({b}, {e}, {m}) if {e} >= 0 else {syntax.code(node)}")
        why = (
            f"`{b} ** {e}` is written out with all its digits and then cut down by `% {m}`; "
            "three-argument `pow` reduces at every step."
        )
        if scene.is_builtin("pow"):
            yield scene.rewrite({node: effects.enclosed(scene, node, new)}, why)


def _is_fallback(scene: Scene, node: cst.CSTNode) -> bool:
    parent = scene.parent(node)
    return isinstance(parent, cst.IfExp) and syntax.called_name(parent.body) == "pow"


@rule(Category.ALGORITHM, "greatest common divisor by gcd")
def gcd_search(scene: Scene) -> Iterator[Rewrite]:
    """``for i in range(min(a, b), 0, -1): if a % i == 0 and b % i == 0: return i``, or upwards."""
    gcd = effects.math_function(scene, "gcd")
    for loop in syntax.find(scene.function.body, cst.For):
        body = syntax.body_of(loop)
        if gcd is None or loop.orelse is not None or len(body) != 1:
            continue
        if not isinstance(loop.target, cst.Name) or not isinstance(body[0], cst.If):
            continue
        numbers = _both(body[0], loop.target.value)
        if numbers is None or not all(kinds.is_int(scene, each) for each in numbers):
            continue
        one, other = (each.value for each in numbers)
        result = f"{gcd[0]}({one}, {other})"
        new = _gcd_result(scene, loop, body[0], result, (one, other))
        if new is None or effects.read_after(scene, loop, loop.target.value):
            continue
        guard = cst.parse_statement(f"if min({one}, {other}) > 0:\n    {new}\n")
        why = (
            f"The loop tries up to `min({one}, {other})` numbers; Euclid's algorithm (`math.gcd`) needs "
            "about as many steps as the number has digits."
        )
        yield scene.rewrite({loop: effects.in_place_of(loop, guard)}, why, imports=gcd[1])


def _both(test: cst.If, divisor: str) -> tuple[cst.Name, cst.Name] | None:
    match test:
        case cst.If(
            test=cst.BooleanOperation(left=left, operator=cst.And(), right=right), orelse=None
        ):
            one, other = divided(left, divisor), divided(right, divisor)
            if isinstance(one, cst.Name) and isinstance(other, cst.Name):
                return one, other
    return None


def _gcd_result(
    scene: Scene, loop: cst.For, test: cst.If, result: str, numbers: tuple[str, str]
) -> str | None:
    """Return the statement that gives what the loop gives: first match downwards, last match upwards."""
    one, other = numbers
    least = (f"min({one}, {other})", f"min({other}, {one})")
    span = ranges.range_of(scene, loop.iter)
    body = syntax.body_of(test)
    if span is None or not scene.is_builtin("min"):
        return None
    variable = syntax.code(loop.target)
    small = [syntax.only_small(each) for each in body]
    down = (
        span.step == -1 and syntax.constant(span.stop) == 0 and syntax.same_as(span.start, *least)
    )
    up = span.step == 1 and syntax.constant(span.start) == 1
    up = up and syntax.same_as(span.stop, *(f"{each} + 1" for each in least))
    match small:
        case [cst.Return(value=cst.Name(value=name))] if down and name == variable:
            return f"return {result}"
        case [cst.Assign()] | [cst.Assign(), cst.Break()]:
            found = syntax.assignment(body[0])
            keeps_first = len(small) == 2
            if found and syntax.code(found[1]) == variable and found[0] not in numbers:
                return (
                    f"{found[0]} = {result}"
                    if (down and keeps_first) or (up and not keeps_first)
                    else None
                )
    return None
