"""The same number or answer by fewer or cheaper instructions."""

from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import kinds, ranges, shapes, syntax
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Rewrite, Scene
from perfbot.optimizer.strategies import Category

_MOST_DIGITS = 30


@rule(Category.INSTRUCTION, "square to multiplication")
def square_to_multiplication(scene: Scene) -> Iterator[Rewrite]:
    """``x ** 2`` of a variable that holds a whole number (floats may overflow differently)."""
    changes: dict[cst.CSTNode, Change] = {}
    for power in syntax.find(scene.function.body, cst.BinaryOperation):
        match power:
            case cst.BinaryOperation(
                left=cst.Name() as base, operator=cst.Power(), right=cst.Integer(value="2")
            ) if kinds.is_known(scene, base, "int"):
                product = cst.BinaryOperation(base, cst.Multiply(), base)
                changes[power] = _enclosed_as(power, product, scene)
    if changes:
        first = next(iter(changes))
        why = f"`{syntax.code(first)}` goes through the general power routine; a product is one multiplication."
        yield scene.rewrite(changes, why)


def _enclosed_as(
    old: cst.BaseExpression, new: cst.BaseExpression, scene: Scene
) -> cst.BaseExpression:
    """Keep the parentheses of ``old``; add some where an operation stands around it."""
    if old.lpar:
        return new.with_changes(lpar=old.lpar, rpar=old.rpar)
    around = scene.parent(old)
    operation = (cst.BinaryOperation, cst.UnaryOperation, cst.Attribute, cst.Subscript, cst.Await)
    return shapes.parenthesized(new) if isinstance(around, operation) else new


@rule(Category.INSTRUCTION, "number of digits to comparison")
def digits_to_comparison(scene: Scene) -> Iterator[Rewrite]:
    """``len(str(n)) <= 3`` of a whole number: the sign counts as a character, as before."""
    for test in syntax.find(scene.function.body, cst.Comparison):
        match test:
            case cst.Comparison(
                left=cst.Call(func=cst.Name(value="len")) as length,
                comparisons=[cst.ComparisonTarget(operator=operator, comparator=limit)],
            ):
                new = _within_digits(scene, length, operator, syntax.constant(limit))
                if new is not None:
                    yield scene.rewrite(
                        {test: _enclosed_as(test, new, scene)},
                        f"`{shapes.shown(test)}` writes the number "
                        "out to see how long it is; comparing it with powers of ten needs no text.",
                    )


def _within_digits(
    scene: Scene, length: cst.Call, operator: cst.BaseCompOp, limit: object
) -> cst.BaseExpression | None:
    text = shapes.sole_argument(length)
    number = shapes.sole_argument(text) if text is not None else None
    if text is None or not isinstance(number, cst.Name) or syntax.called_name(text) != "str":
        return None
    known = kinds.is_known(scene, number, "int")
    if not known or type(limit) is not int or not all(map(scene.is_builtin, ("len", "str"))):
        return None
    within = isinstance(operator, cst.LessThan | cst.LessThanEqual)
    if not within and not isinstance(operator, cst.GreaterThan | cst.GreaterThanEqual):
        return None
    most = limit - isinstance(operator, cst.LessThan | cst.GreaterThanEqual)
    if not 1 <= most <= _MOST_DIGITS:
        return None
    inside = syntax.expression(f"-{10 ** (most - 1)} < {{n}} < {10**most}", n=number)
    return inside if within else syntax.expression("not {inside}", inside=inside)


@rule(Category.INSTRUCTION, "power of minus one to parity")
def power_of_minus_one(scene: Scene) -> Iterator[Rewrite]:
    """``(-1) ** i`` where ``i`` counts up from zero or more, or is a length."""
    for power in syntax.find(scene.function.body, cst.BinaryOperation):
        match power:
            case cst.BinaryOperation(
                left=cst.UnaryOperation(operator=cst.Minus(), expression=cst.Integer(value="1")),
                operator=cst.Power(),
                right=exponent,
            ) if power.left.lpar and _never_negative(scene, exponent):
                new = syntax.expression("-1 if {n} % 2 else 1", n=exponent)
                yield scene.rewrite(
                    {power: shapes.parenthesized(new)},
                    f"`{shapes.shown(power)}` goes through the general power routine; only whether "
                    f"`{shapes.shown(exponent)}` is odd matters.",
                )


def _never_negative(scene: Scene, expr: cst.BaseExpression) -> bool:
    if syntax.called_name(expr) == "len":
        return scene.is_builtin("len") and syntax.is_pure(expr)
    return ranges.counts_up(scene, expr)


@rule(Category.INSTRUCTION, "bits counted by bit_count")
def bits_by_bit_count(scene: Scene) -> Iterator[Rewrite]:
    """``bin(n).count("1")``, ``bin(n)[2:].count("1")`` and ``format(n, "b").count("1")`` of a whole number."""
    for call in syntax.find(scene.function.body, cst.Call):
        method = syntax.method_call(call)
        argument = shapes.sole_argument(call)
        if method is None or method[1] != "count" or argument is None:
            continue
        number = _written_in_bits(scene, method[0])
        if number is None or syntax.constant(argument) != "1":
            continue
        if isinstance(number, cst.Name) and kinds.is_known(scene, number, "int"):
            new = syntax.expression("{n}.bit_count()", n=number)
            yield scene.rewrite(
                {call: new},
                f"`{shapes.shown(call)}` writes `{number.value}` out as text to count its ones; "
                "`int.bit_count` counts the bits.",
            )


def _written_in_bits(scene: Scene, text: cst.BaseExpression) -> cst.BaseExpression | None:
    match text:
        case cst.Subscript(value=cst.Call() as whole) if syntax.code(text).endswith("[2:]"):
            return _written_in_bits(scene, whole) if syntax.called_name(whole) == "bin" else None
        case cst.Call(func=cst.Name(value="bin")) if scene.is_builtin("bin"):
            return shapes.sole_argument(text)
        case cst.Call(func=cst.Name(value="format")) if scene.is_builtin("format"):
            values = syntax.arguments(text)
            bits = values is not None and len(values) == 2 and syntax.constant(values[1]) == "b"
            return values[0] if values is not None and bits else None
    return None


@rule(Category.INSTRUCTION, "bit loop to bit_count")
def bit_loop_to_bit_count(scene: Scene) -> Iterator[Rewrite]:
    """``while n: count += n & 1; n >>= 1`` and ``while n: n &= n - 1; count += 1`` of a whole number."""
    for loop in syntax.find(scene.function.body, cst.While):
        found = _bit_loop(loop)
        if found is None or not all(kinds.is_known(scene, name, "int") for name in found):
            continue
        number, count = found
        shared = {number.value, count.value} & _shared_names(scene)
        if loop.orelse is not None or shared:
            continue
        lines = (
            f"if {syntax.code(loop.test)}:\n"
            f"    {count.value} += {number.value}.bit_count()\n    {number.value} = 0\n"
        )
        new = cst.parse_statement(lines)
        assert isinstance(new, cst.If)
        yield scene.rewrite(
            {loop: new.with_changes(leading_lines=loop.leading_lines)},
            f"The loop looks at `{number.value}` bit by bit; `int.bit_count` counts all its ones at once.",
        )


def _bit_loop(loop: cst.While) -> tuple[cst.Name, cst.Name] | None:
    """Return ``(number, counter)`` of a loop that shifts a number out and adds up its ones."""
    names = sorted(syntax.names_written(loop.body))
    body = "".join(f"{syntax.code(line)}\n" for line in syntax.body_of(loop))
    for n, c in ((a, b) for a in names for b in names if a != b and len(names) == 2):
        ones = (f"{c} += {n} & 1\n", f"{c} += {n} % 2\n", f"if {n} & 1:\n    {c} += 1\n")
        shifts = (f"{n} >>= 1\n", f"{n} //= 2\n", f"{n} = {n} >> 1\n", f"{n} = {n} // 2\n")
        ways = [one + shift for one in ones for shift in shifts]
        ways += [f"{n} &= {n} - 1\n{c} += 1\n", f"{c} += 1\n{n} &= {n} - 1\n"]
        test = syntax.code(loop.test)
        if test in {n, f"{n} > 0", f"{n} != 0"} and any(_same(body, way) for way in ways):
            # Below zero, "while n" never ends by shifting, and "n &= n - 1" does not end either.
            return cst.Name(n), cst.Name(c)
    return None


def _same(one: str, other: str) -> bool:
    return syntax.same(cst.parse_module(one), cst.parse_module(other))


def _shared_names(scene: Scene) -> frozenset[str]:
    """Return the names that other scopes may see: declared global or nonlocal, or used in nested ones."""
    names: set[str] = set()
    for node in syntax.walk(scene.function.body):
        if isinstance(node, cst.Global | cst.Nonlocal):
            names |= {item.name.value for item in node.names}
        elif isinstance(node, cst.FunctionDef | cst.Lambda | cst.ClassDef):
            names |= syntax.names_read(node) | syntax.names_written(node)
    return frozenset(names)


@rule(Category.INSTRUCTION, "membership in a range to comparison")
def range_membership(scene: Scene) -> Iterator[Rewrite]:
    """``n in range(a, b)`` of a whole number: two comparisons instead of a new object and a call."""
    for test in syntax.find(scene.function.body, cst.Comparison):
        match test:
            case cst.Comparison(
                left=cst.Name() as number,
                comparisons=[cst.ComparisonTarget(operator=cst.In(), comparator=span)],
            ):
                bounds = shapes.range_bounds(span)
                if bounds is None or not scene.is_builtin("range"):
                    continue
                plain = all(isinstance(b, cst.Name | cst.Integer) for b in bounds)
                if plain and all(kinds.is_int(scene, each) for each in (number, *bounds)):
                    new = syntax.expression("{a} <= {n} < {b}", a=bounds[0], n=number, b=bounds[1])
                    yield scene.rewrite(
                        {test: _enclosed_as(test, new, scene)},
                        f"`{shapes.shown(test)}` makes a range for each test; comparing "
                        f"`{number.value}` with its ends needs none.",
                    )
