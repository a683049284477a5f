"""Algorithm Design: trial divisions that go further than the square root."""

from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import effects, kinds, ranges, syntax
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Import, Rewrite, Scene, exchanged
from perfbot.optimizer.strategies import Category


def divided(test: cst.BaseExpression, divisor: str) -> cst.BaseExpression | None:
    """Return ``n`` of ``n % divisor == 0`` or ``not n % divisor``."""
    match test:
        case cst.Comparison(
            left=cst.BinaryOperation(left=number, operator=cst.Modulo(), right=right),
            comparisons=[cst.ComparisonTarget(operator=cst.Equal(), comparator=zero)],
        ) if syntax.constant(zero) == 0:
            pass
        case cst.UnaryOperation(
            operator=cst.Not(),
            expression=cst.BinaryOperation(left=number, operator=cst.Modulo(), right=right),
        ):
            pass
        case _:
            return None
    same = isinstance(right, cst.Name) and right.value == divisor
    usable = isinstance(number, cst.Name) or syntax.called_name(number) == "len"
    return number if same and usable and divisor not in syntax.names_read(number) else None


def _ends_at(number: cst.BaseExpression, stop: cst.BaseExpression, *templates: str) -> bool:
    return syntax.same_as(stop, *templates, n=number)


def _only_asks(scene: Scene, loop: cst.For | cst.While, test: cst.If, divisor: str) -> bool:
    """Say whether the first divisor that is found is as good as any other, and as good as all."""
    body = syntax.body_of(test)
    return (
        test.orelse is None
        and divisor not in syntax.names_read(test.body)
        and all(map(_same_each_time, body))
        and not effects.read_after(scene, loop, divisor)
    )


def _same_each_time(statement: cst.BaseStatement) -> bool:
    found = syntax.assignment(statement)
    if found is not None:
        return syntax.is_pure(found[1]) and found[0] not in syntax.names_read(found[1])
    match syntax.only_small(statement):
        case cst.Break() | cst.Pass() | cst.Return(value=None):
            return True
        case cst.Return(value=cst.BaseExpression() as value):
            return syntax.is_pure(value)
    return False


def _existence(scene: Scene) -> Iterator[tuple[cst.Call, cst.BaseExpression, ranges.Range]]:
    """Yield ranges in which a loop, ``any`` or ``all`` asks for a divisor, and the number."""
    for loop in syntax.find(scene.function.body, cst.For):
        body = syntax.body_of(loop)
        if len(body) != 1 or not isinstance(loop.target, cst.Name):
            continue
        if not isinstance(body[0], cst.If) or not isinstance(loop.iter, cst.Call):
            continue
        number = divided(body[0].test, loop.target.value)
        span = ranges.range_of(scene, loop.iter)
        if (
            number is None
            or span is None
            or not _only_asks(scene, loop, body[0], loop.target.value)
        ):
            continue
        if not syntax.names_read(number) & syntax.names_written(body[0]):
            yield loop.iter, number, span
    yield from _existence_in_calls(scene)


def _existence_in_calls(
    scene: Scene,
) -> Iterator[tuple[cst.Call, cst.BaseExpression, ranges.Range]]:
    for call in syntax.find(scene.function.body, cst.Call):
        match call.args:
            case [
                cst.Arg(
                    value=cst.GeneratorExp(elt=test, for_in=clause)
                    | cst.ListComp(elt=test, for_in=clause)
                )
            ]:
                pass
            case _:
                continue
        name = syntax.called_name(call)
        if name not in ("any", "all") or not scene.is_builtin(name):
            continue
        if not isinstance(clause.target, cst.Name) or not isinstance(clause.iter, cst.Call):
            continue
        asked = test if name == "any" else _negated(test)
        number = divided(asked, clause.target.value) if asked is not None else None
        span = ranges.range_of(scene, clause.iter)
        if number is not None and span is not None and not clause.ifs and not clause.inner_for_in:
            yield clause.iter, number, span


def _negated(test: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return the opposite of ``n % i`` or ``n % i != 0``."""
    match test:
        case cst.BinaryOperation(operator=cst.Modulo()):
            return syntax.expression("{n} == 0", n=test)
        case cst.Comparison(
            left=left, comparisons=[cst.ComparisonTarget(operator=cst.NotEqual(), comparator=right)]
        ):
            return syntax.expression("{left} == {right}", left=left, right=right)
    return None


@rule(Category.ALGORITHM, "trial division to the square root")
def trial_division_to_root(scene: Scene) -> Iterator[Rewrite]:
    """``for i in range(2, n): if n % i == 0: return False``: a divisor has a partner below the root."""
    isqrt = effects.math_function(scene, "isqrt")
    for call, number, span in _existence(scene):
        if isqrt is None or syntax.constant(span.start) != 2 or span.step != 1:
            continue
        if not _ends_at(number, span.stop, "{n}", "{n} - 1", "{n} // 2 + 1", "int({n} / 2) + 1"):
            continue
        text = syntax.code(number)
        above = text if _is_not_negative(scene, call, number) else f"max({text}, 0)"
        new = cst.parse_expression(f"range(2, {isqrt[0]}({above}) + 1)")
        why = (
            f"If `{text}` has a divisor, it has one up to its square root: √n instead of n trials "
            f"up to `{syntax.code(span.stop)}`."
        )
        yield scene.rewrite({call: new}, why, imports=isqrt[1])


def _is_not_negative(scene: Scene, at: cst.CSTNode, number: cst.BaseExpression) -> bool:
    """Say whether a length, or an earlier ``if n < 2: return …`` of the same block, shows ``n >= 0``."""
    if syntax.called_name(number) == "len":
        return True
    for above in [*scene.above(at)]:
        where = effects.block_of(scene, above)
        for earlier in where[0][: where[1]] if where is not None else ():
            if isinstance(earlier, cst.If) and _shuts_out_negatives(earlier, number):
                between = where[0][: where[1]] if where is not None else []
                return not any(
                    syntax.names_read(number) & syntax.names_written(each) for each in between
                )
    return False


def _shuts_out_negatives(guard: cst.If, number: cst.BaseExpression) -> bool:
    leaves = isinstance(syntax.only_small(syntax.body_of(guard)[-1]), cst.Return | cst.Raise)
    match guard.test:
        case cst.Comparison(
            left=left,
            comparisons=[
                cst.ComparisonTarget(
                    operator=cst.LessThan() | cst.LessThanEqual(), comparator=cst.Integer()
                )
            ],
        ):
            return leaves and syntax.same(left, number)
    return False


@rule(Category.ALGORITHM, "skip even divisors")
def skip_even_divisors(scene: Scene) -> Iterator[Rewrite]:
    """A search for any divisor from 2 on: after 2 itself, even numbers cannot be the first."""
    chain = Import("itertools", "chain")
    for call, number, span in _existence(scene):
        if syntax.constant(span.start) != 2 or span.step != 1:
            continue
        if not scene.can_import(chain) or not _is_near_root(span.stop):
            continue
        stop = syntax.code(span.stop)
        new = cst.parse_expression(f"chain(range(2, {stop})[:1], range(3, {stop}, 2))")
        why = (
            f"An even divisor of `{syntax.code(number)}` means that 2 divides it too: after 2 only odd "
            "numbers need a trial, half as many."
        )
        yield scene.rewrite({call: new}, why, imports=[chain])
    yield from _while_loops(scene)


def _is_near_root(stop: cst.BaseExpression) -> bool:
    """Say whether a bound is a square root, and nothing is called but what computes it."""
    calls = [syntax.code(each.func) for each in syntax.find(stop, cst.Call)]
    known = (
        "int",
        "max",
        "min",
        "len",
        "math.sqrt",
        "math.isqrt",
        "math.floor",
        "sqrt",
        "isqrt",
        "round",
    )
    return all(each in known for each in calls) and any(
        sign in syntax.code(stop) for sign in ("sqrt", "** 0.5", "**0.5", "** .5", "**.5")
    )


def _while_loops(scene: Scene) -> Iterator[Rewrite]:
    """``i = 2; while i * i <= n:`` with ``i += 1`` only where ``n`` is not (or no longer) divisible."""
    for loop in syntax.find(scene.function.body, cst.While):
        where = effects.block_of(scene, loop)
        if loop.orelse is not None or where is None or where[1] == 0:
            continue
        divisor = _starts_at_two(where[0][: where[1]], loop)
        if divisor is None or effects.read_after(scene, loop, divisor):
            continue
        step = _step(scene, loop, divisor)
        if step is None or not _is_bound_from_above(loop.test, divisor):
            continue
        new = cst.parse_statement(f"{divisor} += 1 if {divisor} == 2 else 2\n")
        why = (
            f"Once 2 no longer divides, no even `{divisor}` does: after 2 only odd numbers need a "
            "trial, half as many."
        )
        yield scene.rewrite({step: new}, why)


def _starts_at_two(before: list[cst.BaseStatement], loop: cst.While) -> str | None:
    for statement in reversed(before):
        found = syntax.assignment(statement)
        if found is None:
            return None
        if syntax.constant(found[1]) == 2 and found[0] in syntax.names_read(loop.test):
            return found[0]
    return None


def _is_bound_from_above(test: cst.BaseExpression, divisor: str) -> bool:
    """Say whether the loop's test is ``f(divisor) <= g``, so that it fails for all greater divisors."""
    match test:
        case cst.Comparison(
            left=left,
            comparisons=[
                cst.ComparisonTarget(
                    operator=cst.LessThan() | cst.LessThanEqual(), comparator=right
                )
            ],
        ):
            grows = (divisor, f"{divisor} * {divisor}", f"{divisor} ** 2")
            return syntax.same_as(left, *grows) and divisor not in syntax.names_read(right)
    return False


def _step(scene: Scene, loop: cst.While, divisor: str) -> cst.BaseStatement | None:
    """Return the one ``divisor += 1`` of a loop that only divides or asks."""
    body = syntax.body_of(loop)
    plus_one = cst.parse_statement(f"{divisor} += 1\n")
    match body:
        case [cst.If(orelse=cst.Else() as other) as test]:
            number = divided(test.test, divisor)
            rest = syntax.body_of(other)
            if number is not None and len(rest) == 1 and syntax.same(rest[0], plus_one):
                return rest[0] if _divides_away(scene, test, number, divisor) else None
        case [cst.While(orelse=None) as inner, last] if syntax.same(last, plus_one):
            number = divided(inner.test, divisor)
            if number is not None and _divides_away(scene, inner, number, divisor):
                return last
        case [cst.If(orelse=None) as test, last] if syntax.same(last, plus_one):
            number = divided(test.test, divisor)
            if number is not None and _only_asks(scene, loop, test, divisor):
                written = syntax.names_written(test) & syntax.names_read(loop.test)
                return None if written or _is_local_name(number, test) else last
    return None


def _is_local_name(number: cst.BaseExpression, node: cst.CSTNode) -> bool:
    return bool(syntax.names_read(number) & syntax.names_written(node))


def _divides_away(
    scene: Scene, block: cst.If | cst.While, number: cst.BaseExpression, divisor: str
) -> bool:
    """Say whether a match changes nothing of the search but ``n //= divisor``."""
    text = syntax.code(number)
    divisions = [
        each
        for each in syntax.body_of(block)
        if syntax.same(each, cst.parse_statement(f"{text} //= {divisor}\n"))
        or syntax.same(each, cst.parse_statement(f"{text} = {text} // {divisor}\n"))
    ]
    stores = [n.value for n in syntax.stores(block.body) if n.value in (text, divisor)]
    return len(divisions) == 1 and stores == [text] and kinds.is_int(scene, number)


@rule(Category.ALGORITHM, "divisors in pairs")
def divisors_in_pairs(scene: Scene) -> Iterator[Rewrite]:
    """``for i in range(1, n + 1): if n % i == 0: …``: divisors up to the root give the others."""
    isqrt = effects.math_function(scene, "isqrt")
    if isqrt is None:
        return
    asked = {id(call) for call, _, _ in _existence(scene)}
    for clause, test, place in _enumerations(scene):
        if id(clause.iter) in asked or not isinstance(clause.target, cst.Name):
            continue
        number = divided(_first_part(test), clause.target.value)
        if not isinstance(number, cst.Name) or not kinds.is_int(scene, number):
            continue
        chosen = _chosen(scene, clause.iter, number)
        inner = clause.body if isinstance(clause, cst.For) else clause
        if chosen is None or number.value in syntax.names_written(inner):
            continue
        yield _paired(scene, clause, number.value, chosen, place, isqrt)


def _enumerations(
    scene: Scene,
) -> Iterator[tuple[cst.For | cst.CompFor, cst.BaseExpression, cst.BaseStatement]]:
    for loop in syntax.find(scene.function.body, cst.For):
        body = syntax.body_of(loop)
        if len(body) != 1 or not isinstance(body[0], cst.If) or body[0].orelse is not None:
            continue
        unused = not effects.read_after(scene, loop, syntax.code(loop.target))
        if loop.orelse is None and unused and effects.block_of(scene, loop) is not None:
            yield loop, body[0].test, loop
    for clause in syntax.find(scene.function.body, cst.CompFor):
        place = effects.statement_of(scene, clause)
        if isinstance(place, cst.SimpleStatementLine) and len(clause.ifs) == 1:
            within = [above for above in scene.above(clause) if isinstance(above, cst.Lambda)]
            nested = [above for above in scene.above(clause) if isinstance(above, cst.CompFor)]
            if not within and not nested and clause.inner_for_in is None:
                yield clause, clause.ifs[0].test, place


def _first_part(test: cst.BaseExpression) -> cst.BaseExpression:
    while isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And):
        test = test.left
    return test


def _chosen(scene: Scene, iterable: cst.BaseExpression, number: cst.Name) -> str | None:
    """Return which divisors a range holds, in its order; ``0``, where dividing fails, stays in it."""
    text = syntax.code(iterable)
    if syntax.called_name(iterable) == "reversed" and isinstance(iterable, cst.Call):
        span = ranges.range_of(scene, iterable.args[0].value) if len(iterable.args) == 1 else None
        text = syntax.code(iterable.args[0]) if span is not None else text
        backwards = True
    else:
        span = ranges.range_of(scene, iterable)
        backwards = span is not None and span.step == -1
    if span is None or span.step not in (1, -1):
        return None
    low, high = (span.start, span.stop) if span.step == 1 else (span.stop, span.start)
    first = syntax.constant(low)
    if not isinstance(first, int) or first < 0:
        return None
    ends = ("{n}", "{n} + 1", "{n} // 2", "{n} // 2 + 1", "{n} - 1")
    if not _ends_at(number, high, *ends):
        return None
    if span.step == 1 and first == 1 and not backwards and _ends_at(number, high, "{n} + 1"):
        return "{divisors}"
    source = "reversed({divisors})" if backwards else "{divisors}"
    zero = span.step == 1 and first == 0
    if zero:
        source = "(*reversed({divisors}), 0)" if backwards else "(0, *{divisors})"
    return f"[{{each}} for {{each}} in {source} if {{each}} in {text}]"


def _paired(
    scene: Scene,
    clause: cst.For | cst.CompFor,
    number: str,
    chosen: str,
    place: cst.BaseStatement,
    isqrt: tuple[str, list[Import]],
) -> Rewrite:
    divisors, each = scene.fresh("divisors"), scene.fresh("each")
    above = number if _is_not_negative(scene, place, cst.Name(number)) else f"max({number}, 0)"
    small = cst.parse_statement(
        f"{divisors} = [{each} for {each} in range(1, {isqrt[0]}({above}) + 1) if {number} % {each} == 0]\n"
    )
    large = cst.parse_statement(
        f"{divisors} += [{number} // {each} for {each} in reversed({divisors}) if {each} * {each} < {number}]\n"
    )
    new = cst.parse_expression(chosen.replace("{divisors}", divisors).replace("{each}", each))
    changes: dict[cst.CSTNode, Change] = {clause.iter: new}
    why = (
        f"Divisors come in pairs, of which one is at most the square root of `{number}`: √n trials "
        "find them all, in the same order."
    )
    before = effects.with_before(exchanged(place, changes), small, large)
    return scene.rewrite({place: before}, why, imports=isqrt[1])
