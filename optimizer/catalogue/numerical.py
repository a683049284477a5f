"""Sums, products and runs of numbers, worked out by a builtin or a formula instead of one by one.

Only whole numbers: a sum of floats depends on the order, and since CPython 3.12 ``sum`` rounds
floats less than a loop does.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from perfbot.optimizer import flow, kinds, shapes, syntax
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Import, Rewrite, Scene
from perfbot.optimizer.strategies import Category

_COLLECTIONS = ("list", "tuple", "set", "frozenset", "dict")
_INT_FUNCTIONS = frozenset({"len", "ord", "int"})


@dataclass(frozen=True, slots=True)
class _Gathering:
    """A line ``total += item`` (or ``*=``) in a loop over a collection that nothing changes."""

    loop: cst.For
    line: cst.SimpleStatementLine
    total: cst.Name
    items: cst.BaseExpression  # what to sum up: the collection, or a map over it
    alone: bool


@rule(Category.LOOP, "sum taken out of a loop")
def sum_out_of_loop(scene: Scene) -> Iterator[Rewrite]:
    """``total += x`` beside other statements of ``for x in xs``, over whole numbers: they stay, ``sum`` adds."""
    for found in _gatherings(scene, cst.AddAssign, cst.Add):
        if scene.is_builtin("sum") and not found.alone:
            value = syntax.expression("sum({items})", items=found.items)
            why = (
                f"`{shapes.shown(found.line)}` runs in bytecode for each item of "
                f"`{shapes.shown(found.loop.iter)}`; `sum` adds whole numbers in C."
            )
            yield _gathered(scene, found, "0", value, "{t} += {v}", why, ())


@rule(Category.LIBRARY, "multiplying loop to product")
def multiplying_loop_to_product(scene: Scene) -> Iterator[Rewrite]:
    """``for x in xs: product *= x`` over whole numbers of a collection."""
    if not scene.can_import(Import("math")):
        return
    for found in _gatherings(scene, cst.MultiplyAssign, cst.Multiply):
        if shapes.range_bounds(found.loop.iter) is not None:
            continue  # a factorial
        value = syntax.expression("math.prod({items})", items=found.items)
        why = (
            f"`{shapes.shown(found.line)}` runs in bytecode for each item of "
            f"`{shapes.shown(found.loop.iter)}`; `{shapes.shown(value)}` multiplies in C."
        )
        yield _gathered(scene, found, "1", value, "{t} *= {v}", why, (Import("math"),))


def _gatherings(
    scene: Scene, augmented: type[cst.BaseAugOp], plain: type[cst.BaseBinaryOp]
) -> Iterator[_Gathering]:
    for loop in syntax.find(scene.function.body, cst.For):
        if not _is_plain(scene, loop) or not isinstance(loop.target, cst.Name):
            continue
        lines = syntax.body_of(loop)
        for line in lines:
            step = _step(line, augmented, plain)
            if step is None or not isinstance(line, cst.SimpleStatementLine):
                continue
            total, value = step
            items = _items(scene, loop, value)
            alone = len(lines) == 1
            others = [other for other in lines if other is not line]
            forgotten = not alone or _forgotten(scene, loop)
            if items is not None and forgotten and _independent(scene, loop, total, others):
                yield _Gathering(loop, line, total, items, alone)


def _is_plain(scene: Scene, loop: cst.For) -> bool:
    """Say whether a loop runs over all of an unchanged collection, without a jump or a handler around."""
    jumps = (cst.Break, cst.Continue, cst.Return, cst.Raise, cst.Try, cst.Yield, cst.Await)
    if loop.orelse is not None or loop.asynchronous is not None:
        return False
    if any(isinstance(node, jumps) for node in syntax.walk(loop)):
        return False
    if flow.in_try(scene, loop):
        return False
    if shapes.range_bounds(loop.iter) is not None and scene.is_builtin("range"):
        written = syntax.names_written(loop)
        return syntax.is_pure(loop.iter) and not written & syntax.names_read(loop.iter)
    if not isinstance(loop.iter, cst.Name) or not scene.is_kind(loop.iter, *_COLLECTIONS):
        return False
    return not syntax.mutates(loop.body, loop.iter.value)


def _step(
    line: cst.BaseStatement, augmented: type[cst.BaseAugOp], plain: type[cst.BaseBinaryOp]
) -> tuple[cst.Name, cst.BaseExpression] | None:
    """Return ``(total, value)`` of ``total += value`` and ``total = total + value``."""
    match syntax.only_small(line):
        case cst.AugAssign(target=cst.Name() as total, operator=operator, value=value):
            return (total, value) if isinstance(operator, augmented) else None
        case cst.Assign(
            targets=[cst.AssignTarget(target=cst.Name() as total)],
            value=cst.BinaryOperation(left=left, operator=operator, right=value),
        ):
            fits = isinstance(operator, plain) and syntax.same(left, total)
            return (total, value) if fits else None
    return None


def _items(scene: Scene, loop: cst.For, value: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return what is gathered: the collection itself, or ``map(len, collection)``."""
    if syntax.same(value, loop.target):
        seen = kinds.elements_of(scene, loop.iter)
        return loop.iter if seen is not None and seen.only("int") else None
    name, argument = syntax.called_name(value), shapes.sole_argument(value)
    fits = name in _INT_FUNCTIONS and argument is not None and syntax.same(argument, loop.target)
    if name is None or not fits or not scene.is_builtin(name) or not scene.is_builtin("map"):
        return None
    return syntax.expression(f"map({name}, {{items}})", items=loop.iter)


def _independent(
    scene: Scene, loop: cst.For, total: cst.Name, others: list[cst.BaseStatement]
) -> bool:
    """Say whether the total is a whole number of the function's own that the rest of the loop leaves alone."""
    name = total.value
    own = name in scene.local_names and name != syntax.code(loop.target)
    used = any(name in syntax.names_read(other) | syntax.names_written(other) for other in others)
    shared = any(
        name in syntax.names_written(node) | syntax.names_read(node)
        for node in syntax.walk(scene.function.body)
        if isinstance(node, cst.FunctionDef | cst.Lambda | cst.Global | cst.Nonlocal)
    )
    rebound = syntax.code(loop.target) in {
        store.value for other in others for store in syntax.stores(other)
    }
    return own and not used and not shared and not rebound and kinds.is_int(scene, total)


def _forgotten(scene: Scene, loop: cst.For) -> bool:
    """Say whether nobody reads the loop's variable outside the loop."""
    inside = {id(name) for name in syntax.variables(loop)}
    return all(id(use) in inside for use in scene.uses(syntax.code(loop.target)))


def _gathered(
    scene: Scene,
    found: _Gathering,
    neutral: str,
    value: cst.BaseExpression,
    template: str,
    why: str,
    imports: tuple[Import, ...],
) -> Rewrite:
    """Put the sum where the loop stood (or before what is left of it), merged with ``total = 0`` above."""
    changes: dict[cst.CSTNode, Change] = {}
    start = _line_before(scene, found.loop)
    assigned = syntax.assignment(start) if start is not None else None
    begins = (found.total.value, neutral)
    if start is not None and assigned and (assigned[0], syntax.code(assigned[1])) == begins:
        template = "{t} = {v}"
        changes[start] = cst.RemoveFromParent()
    new = syntax.statement(template, t=found.total, v=value)
    leading = found.loop.leading_lines if found.alone else ()
    new = new.with_changes(leading_lines=leading)
    if found.alone:
        changes[found.loop] = new
    else:
        left = found.loop.deep_remove(found.line)
        assert isinstance(left, cst.For)
        changes[found.loop] = cst.FlattenSentinel([new, left])
    return scene.rewrite(changes, why, imports=imports)


def _line_before(scene: Scene, node: cst.BaseStatement) -> cst.BaseStatement | None:
    block = scene.parent(node)
    body = list(block.body) if isinstance(block, cst.IndentedBlock) else []
    place = next((n for n, line in enumerate(body) if line is node), 0)
    return body[place - 1] if place else None


@rule(Category.NUMERICAL, "remainder test to stride")
def remainder_test_to_stride(scene: Scene) -> Iterator[Rewrite]:
    """``for i in range(a, b) if i % k == r``: a range with step ``k`` gives just those numbers."""
    for source in syntax.find(scene.function.body, cst.CompFor):
        tests = [test.test for test in source.ifs]
        found = _strided(scene, source.target, source.iter, tests)
        if found is not None and source.asynchronous is None:
            stride, left = found
            ifs = [cst.CompIf(test=test) for test in left]
            new = source.with_changes(iter=stride, ifs=ifs)
            yield scene.rewrite({source: new}, _why_stride(source.iter, stride))
    for loop in syntax.find(scene.function.body, cst.For):
        match syntax.body_of(loop):
            case [cst.If(orelse=None, body=cst.IndentedBlock() as block, test=test)]:
                found = _strided(scene, loop.target, loop.iter, [test])
                if found is not None and not found[1] and _stride_fits(scene, loop):
                    new_loop = loop.with_changes(iter=found[0], body=block)
                    yield scene.rewrite({loop: new_loop}, _why_stride(loop.iter, found[0]))


def _why_stride(old: cst.BaseExpression, new: cst.BaseExpression) -> str:
    return (
        f"All of `{shapes.shown(old)}` is tried and most of it thrown away by a remainder test; "
        f"`{shapes.shown(new)}` gives just the numbers that pass."
    )


def _stride_fits(scene: Scene, loop: cst.For) -> bool:
    """The loop's variable is neither read afterwards nor are the bounds changed meanwhile."""
    return loop.orelse is None and loop.asynchronous is None and _forgotten(scene, loop)


def _strided(
    scene: Scene,
    target: cst.BaseExpression,
    iterable: cst.BaseExpression,
    tests: list[cst.BaseExpression],
) -> tuple[cst.BaseExpression, list[cst.BaseExpression]] | None:
    """Return the range with a step and the conditions that are left, if the first one tests a remainder."""
    bounds = shapes.range_bounds(iterable)
    conditions = list(shapes.conjuncts(tests))
    if bounds is None or not conditions or not scene.is_builtin("range"):
        return None
    remainder = shapes.remainder_test(conditions[0], target)
    if remainder is None:
        return None
    step, rest = remainder
    start = syntax.constant(bounds[0])
    if isinstance(start, int):
        first: cst.BaseExpression = cst.Integer(str(start + (rest - start) % step))
        if start + (rest - start) % step < 0:
            return None
    elif kinds.is_int(scene, bounds[0]) and isinstance(bounds[0], cst.Name):
        first = syntax.expression(f"{{a}} + ({rest} - {{a}}) % {step}", a=bounds[0])
    else:
        return None
    stride = syntax.expression(f"range({{first}}, {{stop}}, {step})", first=first, stop=bounds[1])
    return _bare_arguments(stride, first, bounds[1], step), conditions[1:]


def _bare_arguments(
    call: cst.BaseExpression, first: cst.BaseExpression, stop: cst.BaseExpression, step: int
) -> cst.BaseExpression:
    """Write the arguments of a call without the parentheses that operators inside others need."""
    assert isinstance(call, cst.Call)
    values = (first, stop, cst.Integer(str(step)))
    args = [arg.with_changes(value=value) for arg, value in zip(call.args, values, strict=True)]
    return call.with_changes(args=args)
