"""Fast expressions made slow; each gives what stands there instead, or ``None`` (see ``inverses.py``)."""

import ast
from collections.abc import Callable

from perfbot.training.trees import (
    ITEM,
    called,
    is_plain_call,
    is_simple,
    method_call,
    read_name,
    stored,
)

Expression = Callable[[ast.expr], ast.expr | None]


def set_of_list(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.SetComp(elt=item, generators=generators):
            return called("set", ast.ListComp(item, generators))
    return None


def set_of_generator(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.SetComp(elt=item, generators=generators):
            return called("set", ast.GeneratorExp(item, generators))
    return None


def dict_of(kind: type[ast.ListComp] | type[ast.GeneratorExp]) -> Expression:
    def made(node: ast.expr) -> ast.expr | None:
        match node:
            case ast.DictComp(key=key, value=value, generators=generators):
                return called("dict", kind(ast.Tuple([key, value], ast.Load()), generators))
        return None

    return made


def list_of_generator(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.ListComp(elt=item, generators=generators):
            return called("list", ast.GeneratorExp(item, generators))
    return None


def _one_generator(node: ast.expr) -> tuple[ast.expr, ast.Name, ast.comprehension] | None:
    match node:
        case ast.ListComp(
            elt=item, generators=[ast.comprehension(target=ast.Name() as target, is_async=0) as one]
        ):
            return item, target, one
    return None


def function_of(target: ast.Name, body: ast.expr) -> ast.Lambda:
    arguments = ast.arguments([], [ast.arg(target.id)], None, [], [], None, [])
    return ast.Lambda(arguments, body)


def map_of_lambda(node: ast.expr) -> ast.expr | None:
    found = _one_generator(node)
    if found is None or found[2].ifs:
        return None
    item, target, one = found
    return called("list", called("map", function_of(target, item), one.iter))


def filter_of_lambda(node: ast.expr) -> ast.expr | None:
    found = _one_generator(node)
    if found is None or len(found[2].ifs) != 1:
        return None
    item, target, one = found
    if not (isinstance(item, ast.Name) and item.id == target.id):
        return None
    return called("list", called("filter", function_of(target, one.ifs[0]), one.iter))


def item_by_item(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Call(func=ast.Name(id="map"), args=[ast.Name() | ast.Attribute() as f, over]):
            called = ast.Call(f, [read_name(ITEM)], [])
            return ast.GeneratorExp(called, [ast.comprehension(stored(ITEM), over, [], 0)])
    return None


def copied_list(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Call(func=ast.Name(id="list"), args=[over], keywords=[]) if not isinstance(
            over, ast.GeneratorExp | ast.Starred
        ):
            return ast.ListComp(read_name(ITEM), [ast.comprehension(stored(ITEM), over, [], 0)])
    return None


def literal_set_as_list(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Compare(
            left=left, ops=[ast.In() | ast.NotIn() as op], comparators=[ast.Set(elts=items)]
        ):
            return ast.Compare(left, [op], [ast.List(items, ast.Load())])
    return None


def in_keys(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Compare(
            left=left, ops=[ast.In() | ast.NotIn() as op], comparators=[ast.Name() as d]
        ):
            return ast.Compare(left, [op], [called("list", method_call(d, "keys"))])
    return None


def any_equal(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Compare(left=left, ops=[ast.In()], comparators=[ast.Name() as over]) if is_simple(
            left
        ):
            equal = ast.Compare(read_name(ITEM), [ast.Eq()], [left])
            return called(
                "any", ast.GeneratorExp(equal, [ast.comprehension(stored(ITEM), over, [], 0)])
            )
    return None


def copy_for_membership(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Compare(
            left=left, ops=[ast.In() | ast.NotIn() as op], comparators=[ast.Name() as over]
        ):
            return ast.Compare(left, [op], [called("list", over)])
    return None


def equalities(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Compare(
            left=left, ops=[ast.In()], comparators=[ast.Tuple(elts=items) | ast.Set(elts=items)]
        ) if len(items) > 1 and is_simple(left):
            return ast.BoolOp(ast.Or(), [ast.Compare(left, [ast.Eq()], [each]) for each in items])
    return None


def first_of_sorted(node: ast.expr) -> ast.expr | None:
    for extreme, place in (("min", 0), ("max", -1)):
        if is_plain_call(node, extreme):
            return ast.Subscript(called("sorted", node.args[0]), ast.Constant(place), ast.Load())
    return None


def list_around(outer: str) -> Expression:
    def made(node: ast.expr) -> ast.expr | None:
        if not is_plain_call(node, outer):
            return None
        (inner,) = node.args
        if isinstance(inner, ast.Call | ast.ListComp):
            return None
        return called(outer, called("list", inner))

    return made


def look_up_twice(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Call(func=ast.Attribute(value=d, attr="get"), args=[key, *rest], keywords=[]) if (
            is_simple(d) and is_simple(key) and len(rest) < 2
        ):
            found = ast.Subscript(d, key, ast.Load())
            test = ast.Compare(key, [ast.In()], [d])
            return ast.IfExp(test, found, rest[0] if rest else ast.Constant(None))
    return None


def set_call(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Set(elts=items):
            return called("set", ast.List(items, ast.Load()))
    return None


def tuple_call(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Tuple(elts=items, ctx=ast.Load()) if len(items) > 1:
            return called("tuple", ast.List(items, ast.Load()))
    return None


def _plain_parts(node: ast.expr) -> list[ast.expr] | None:
    """Return the parts of an f-string without conversions and formats."""
    if not isinstance(node, ast.JoinedStr) or len(node.values) < 2:
        return None
    parts: list[ast.expr] = []
    for each in node.values:
        match each:
            case ast.Constant():
                parts.append(each)
            case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
                parts.append(value)
            case _:
                return None
    return parts


def format_call(node: ast.expr) -> ast.expr | None:
    parts = _plain_parts(node)
    if parts is None:
        return None
    texts = [
        str(each.value).replace("{", "{{").replace("}", "}}")
        if isinstance(each, ast.Constant)
        else "{}"
        for each in parts
    ]
    values = [each for each in parts if not isinstance(each, ast.Constant)]
    return method_call(ast.Constant("".join(texts)), "format", *values)


def concatenation(node: ast.expr) -> ast.expr | None:
    parts = _plain_parts(node)
    if parts is None:
        return None
    first, *rest = [
        each if isinstance(each, ast.Constant) else called("str", each) for each in parts
    ]
    found: ast.expr = first
    for each in rest:
        found = ast.BinOp(found, ast.Add(), each)
    return found


def affix_by_affix(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Call(
            func=ast.Attribute(value=text, attr="startswith" | "endswith" as name),
            args=[ast.Tuple(elts=affixes)],
        ) if is_simple(text) and len(affixes) > 1:
            return ast.BoolOp(ast.Or(), [method_call(text, name, each) for each in affixes])
    return None


def isinstance_of_none(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Compare(left=left, ops=[ast.Is()], comparators=[ast.Constant(value=None)]):
            return called("isinstance", left, called("type", ast.Constant(None)))
    return None


def square(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.BinOp(left=ast.Name(id=one) as left, op=ast.Mult(), right=ast.Name(id=other)) if (
            one == other
        ):
            return ast.BinOp(left, ast.Pow(), ast.Constant(2))
    return None


def extreme_call(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.IfExp(
            test=ast.Compare(left=left, ops=[ast.Gt() | ast.Lt() as op], comparators=[right]),
            body=body,
            orelse=other,
        ) if ast.dump(left) == ast.dump(body) and ast.dump(right) == ast.dump(other):
            return called("max" if isinstance(op, ast.Gt) else "min", right, left)
    return None


def fill(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.BinOp(left=ast.List(elts=[ast.Constant() as item]), op=ast.Mult(), right=count):
            over = called("range", count)
            return ast.ListComp(item, [ast.comprehension(stored(ITEM), over, [], 0)])
    return None


def joined_reversal(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Subscript(
            value=text,
            slice=ast.Slice(
                lower=None, upper=None, step=ast.UnaryOp(ast.USub(), ast.Constant(value=1))
            ),
            ctx=ast.Load(),
        ):
            return method_call(ast.Constant(""), "join", called("reversed", text))
    return None


def power_then_modulo(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Call(func=ast.Name(id="pow"), args=[base, exponent, modulus], keywords=[]):
            return ast.BinOp(ast.BinOp(base, ast.Pow(), exponent), ast.Mod(), modulus)
    return None


def in_range(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Compare(
            left=low, ops=[ast.LtE(), ast.Lt()], comparators=[ast.Name() as number, high]
        ):
            return ast.Compare(number, [ast.In()], [called("range", low, high)])
    return None


def lambda_that_calls(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Call(keywords=[*others, ast.keyword(arg="key", value=ast.Name(id=name))]):
            key = ast.keyword("key", function_of(read_name(ITEM), called(name, read_name(ITEM))))
            return ast.Call(node.func, node.args, [*others, key])
    return None


def getattr_of_constant(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Attribute(value=ast.Name() as value, attr=name, ctx=ast.Load()):
            return called("getattr", value, ast.Constant(name))
    return None


def keys_to_values(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Name() as d, attr="values"), args=[], keywords=[]
        ):
            found = ast.Subscript(d, read_name(ITEM), ast.Load())
            return ast.ListComp(found, [ast.comprehension(stored(ITEM), d, [], 0)])
    return None
