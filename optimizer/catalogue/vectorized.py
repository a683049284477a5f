"""Loops over the elements of NumPy arrays, where the project uses NumPy already.

Only what gives the same values and the same types: no sums of floats (NumPy adds them in another
order), no results that were Python numbers and would become NumPy's.
"""

from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import flow, kinds, shapes, syntax, writing
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Import, Rewrite, Scene
from perfbot.optimizer.strategies import Category

_ARRAY = "numpy.ndarray"
_SCALARS = ("int", "float", "bool", "numpy.float64", "numpy.int64")
_EXACT = (cst.Add, cst.Subtract, cst.Multiply, cst.Divide)
_ORDERINGS = (
    cst.LessThan,
    cst.LessThanEqual,
    cst.GreaterThan,
    cst.GreaterThanEqual,
    cst.Equal,
    cst.NotEqual,
)


def numpy_name(scene: Scene) -> str | None:
    """Return the name by which the module knows NumPy, if the project depends on it."""
    if "numpy" not in scene.dependencies:
        return None
    names = (name for name in ("np", "numpy") if scene.imported_as(name) == Import("numpy"))
    return next(names, None)


@rule(Category.NUMERICAL, "array count by NumPy")
def array_count(scene: Scene) -> Iterator[Rewrite]:
    """``sum(1 for v in array if v > limit)`` and ``len([…])``: one comparison of the whole array."""
    numpy = numpy_name(scene)
    if numpy is None or not scene.is_builtin("int"):
        return
    for call in syntax.find(scene.function.body, cst.Call):
        parts = _over_array(scene, call, "sum", "len")
        if parts is None or len(parts.tests) != 1:
            continue
        one = syntax.code(parts.element) == "1" or syntax.called_name(call) == "len"
        test = _whole(scene, parts.tests[0], parts)
        if test is not None and one and syntax.is_pure(parts.element):
            new = cst.parse_expression(f"int({numpy}.count_nonzero({syntax.code(test)}))")
            yield scene.rewrite({call: new}, _why(call, parts))


@rule(Category.NUMERICAL, "array test by NumPy")
def array_test(scene: Scene) -> Iterator[Rewrite]:
    """``any(v > limit for v in array)`` and ``all(…)``: one comparison of the whole array."""
    if numpy_name(scene) is None or not scene.is_builtin("bool"):
        return
    for call in syntax.find(scene.function.body, cst.Call):
        parts = _over_array(scene, call, "any", "all")
        if parts is None or parts.tests:
            continue
        test = _whole(scene, parts.element, parts)
        if test is not None:
            new = syntax.expression(f"bool({{t}}.{syntax.called_name(call)}())", t=test)
            yield scene.rewrite({call: new}, _why(call, parts))


@rule(Category.NUMERICAL, "array arithmetic by NumPy")
def array_arithmetic(scene: Scene) -> Iterator[Rewrite]:
    """``np.array([v * scale + shift for v in array])``: the same arithmetic on the whole array."""
    numpy = numpy_name(scene)
    for call in syntax.find(scene.function.body, cst.Call):
        if numpy is None or syntax.code(call.func) not in {f"{numpy}.array", f"{numpy}.asarray"}:
            continue
        made = shapes.sole_argument(call)
        parts = shapes.comprehension(made) if isinstance(made, cst.ListComp) else None
        if parts is None or parts.tests or not _is_array(scene, parts):
            continue
        if not isinstance(parts.element, cst.Name) and _is_arithmetic(scene, parts.element, parts):
            new = _replaced(parts.element, parts)
            yield scene.rewrite({call: shapes.parenthesized(new)}, _why(call, parts))


def _why(call: cst.Call, parts: shapes.Comprehension) -> str:
    return (
        f"`{shapes.shown(call)}` makes a Python object of each element of "
        f"`{syntax.code(parts.iterable)}`; NumPy works on the whole array in C."
    )


def _over_array(scene: Scene, call: cst.Call, *names: str) -> shapes.Comprehension | None:
    """Return the comprehension over an array that is the only argument of one of these builtins."""
    name, argument = syntax.called_name(call), shapes.sole_argument(call)
    parts = shapes.comprehension(argument) if argument is not None else None
    if parts is None or name not in names or not scene.is_builtin(name):
        return None
    return parts if _is_array(scene, parts) else None


def _is_array(scene: Scene, parts: shapes.Comprehension) -> bool:
    array = isinstance(parts.iterable, cst.Name) and parts.iterable.value != parts.name
    return array and parts.name is not None and scene.is_kind(parts.iterable, _ARRAY)


def _whole(
    scene: Scene, test: cst.BaseExpression, parts: shapes.Comprehension
) -> cst.BaseExpression | None:
    """Return a comparison of one element with a number, as a comparison of the whole array."""
    match test:
        case cst.Comparison(
            left=left, comparisons=[cst.ComparisonTarget(operator=operator, comparator=limit)]
        ) if isinstance(operator, _ORDERINGS):
            if syntax.same(left, parts.target) and _is_scalar(scene, limit, parts):
                return _replaced(test, parts)
    return None


def _is_arithmetic(scene: Scene, expr: cst.BaseExpression, parts: shapes.Comprehension) -> bool:
    """Say whether an expression is ``+ - * /`` of the element and numbers, each step with the element in it."""
    match expr:
        case cst.Name() if syntax.same(expr, parts.target):
            return True
        case cst.UnaryOperation(operator=cst.Minus(), expression=inner):
            return _is_arithmetic(scene, inner, parts)
        case cst.BinaryOperation(left=left, operator=operator, right=right):
            if not isinstance(operator, _EXACT):
                return False
            sides = [_is_arithmetic(scene, side, parts) for side in (left, right)]
            numbers = [_is_scalar(scene, side, parts) for side in (left, right)]
            return any(sides) and all(map(bool.__or__, sides, numbers))
    return False


def _is_scalar(scene: Scene, expr: cst.BaseExpression, parts: shapes.Comprehension) -> bool:
    if type(syntax.constant(expr)) in {int, float}:
        return True
    own = isinstance(expr, cst.Name) and expr.value != parts.name
    return own and scene.is_kind(expr, "int", "float")


def _replaced(expr: cst.BaseExpression, parts: shapes.Comprehension) -> cst.BaseExpression:
    changes: dict[cst.CSTNode, Change] = {
        name: parts.iterable for name in syntax.variables(expr) if name.value == parts.name
    }
    changed = writing.exchanged(expr, changes)
    assert isinstance(changed, cst.BaseExpression)
    return changed


@rule(Category.NUMERICAL, "array grown by append to list")
def array_grown_by_append(scene: Scene) -> Iterator[Rewrite]:
    """``out = np.array([])`` and ``out = np.append(out, x)`` in a loop: collect in a list, make the array once."""
    numpy = numpy_name(scene)
    if numpy is None or not scene.is_builtin("float"):
        return
    for loop in flow.for_loops(scene):
        start = _line_before(scene, loop)
        begun = syntax.assignment(start) if start is not None else None
        if start is None or begun is None or flow.in_try(scene, loop) or loop.orelse is not None:
            continue
        name = begun[0]
        empty = (f"{numpy}.array([])", f"{numpy}.empty(0)", f"{numpy}.zeros(0)")
        appends = [line for line in _lines(loop) if _appended(line, numpy, name) is not None]
        if not any(syntax.same_shape(begun[1], way) for way in empty) or not appends:
            continue
        uses = sum(use.value == name for use in syntax.variables(loop))
        values = [value for line in appends if (value := _appended(line, numpy, name)) is not None]
        if uses != 2 * len(appends) or not all(_is_number(scene, value) for value in values):
            continue
        yield _collected(scene, start, loop, name, numpy, appends)


def _collected(
    scene: Scene,
    start: cst.BaseStatement,
    loop: cst.For,
    name: str,
    numpy: str,
    appends: list[cst.SimpleStatementLine],
) -> Rewrite:
    items = scene.fresh(f"{name}_items")
    changes: dict[cst.CSTNode, Change] = {}
    for line in appends:
        value = _appended(line, numpy, name)
        assert value is not None
        call = syntax.statement(f"{items}.append({{v}})", v=value)
        changes[line] = call.with_changes(leading_lines=line.leading_lines)
    changed = writing.exchanged(loop, changes)
    assert isinstance(changed, cst.For)
    done = syntax.statement(f"{name} = {numpy}.array({items}, dtype=float)")
    begin = syntax.statement(f"{items} = []")
    assert isinstance(start, cst.SimpleStatementLine)
    return scene.rewrite(
        {
            start: begin.with_changes(leading_lines=start.leading_lines),
            loop: cst.FlattenSentinel([changed, done]),
        },
        f"Each `append` copies all of the array `{name}`, so the loop takes quadratic time; a list "
        "grows in place and becomes an array once.",
    )


def _lines(loop: cst.For) -> Iterator[cst.SimpleStatementLine]:
    yield from syntax.find(loop.body, cst.SimpleStatementLine)


def _appended(line: cst.SimpleStatementLine, numpy: str, name: str) -> cst.BaseExpression | None:
    """Return ``x`` of ``name = np.append(name, x)``."""
    found = syntax.assignment(line)
    values = syntax.arguments(found[1]) if found and isinstance(found[1], cst.Call) else None
    if found is None or values is None or len(values) != 2 or found[0] != name:
        return None
    assert isinstance(found[1], cst.Call)
    fits = syntax.code(found[1].func) == f"{numpy}.append" and syntax.code(values[0]) == name
    return values[1] if fits else None


def _is_number(scene: Scene, expr: cst.BaseExpression) -> bool:
    match expr:
        case cst.BinaryOperation(left=left, operator=operator, right=right):
            plain = isinstance(operator, (*_EXACT, cst.FloorDivide, cst.Modulo))
            return plain and _is_number(scene, left) and _is_number(scene, right)
        case cst.UnaryOperation(operator=cst.Minus(), expression=inner):
            return _is_number(scene, inner)
    return kinds.is_known(scene, expr, *_SCALARS)


def _line_before(scene: Scene, node: cst.BaseStatement) -> cst.BaseStatement | None:
    block = flow.before(scene, node)
    return block[0] if block else None
