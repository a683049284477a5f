"""Fast statements made slow; each gives those that stand there instead, or ``None`` (see ``inverses.py``)."""

import ast
from collections.abc import Callable

from perfbot.training.trees import (
    ITEM,
    MADE,
    PLACE,
    assigned,
    called,
    for_loop,
    is_simple,
    method_call,
    read_name,
    stored,
)

Statement = Callable[[ast.stmt], list[ast.stmt] | None]


def _value_of(node: ast.stmt) -> tuple[ast.expr, Callable[[ast.expr], ast.stmt]] | None:
    """Return the value that a statement assigns or returns, and what makes the same with another."""
    match node:
        case ast.Assign(targets=[ast.Name()] as targets, value=value):
            return value, lambda new: ast.Assign(list(targets), new)
        case ast.Return(value=ast.expr() as value):
            return value, ast.Return
    return None


def append_loop(node: ast.stmt) -> list[ast.stmt] | None:
    match _value_of(node):
        case (ast.ListComp(elt=item, generators=generators), made) if not any(
            each.is_async for each in generators
        ):
            body: ast.stmt = ast.Expr(method_call(read_name(MADE), "append", item))
            return [
                assigned(MADE, ast.List([], ast.Load())),
                _nested(generators, body),
                made(read_name(MADE)),
            ]
    return None


def _nested(generators: list[ast.comprehension], body: ast.stmt) -> ast.stmt:
    for each in reversed(generators):
        for test in reversed(each.ifs):
            body = ast.If(test, [body], [])
        body = for_loop(each.target, each.iter, body)
    return body


def folding_loop(folds: str, start: ast.expr, op: ast.operator) -> Statement:
    def made(node: ast.stmt) -> list[ast.stmt] | None:
        match _value_of(node):
            case (
                ast.Call(
                    func=ast.Name(id=spelled) | ast.Attribute(attr=spelled),
                    args=[over],
                    keywords=[],
                ),
                again,
            ) if spelled == folds:
                return [assigned(MADE, start), _folded(over, op), again(read_name(MADE))]
        return None

    return made


def _folded(over: ast.expr, op: ast.operator) -> ast.stmt:
    if isinstance(over, ast.GeneratorExp):
        return _nested(over.generators, ast.AugAssign(stored(MADE), op, over.elt))
    return for_loop(stored(ITEM), over, ast.AugAssign(stored(MADE), op, read_name(ITEM)))


def rebuilt_text(node: ast.stmt) -> list[ast.stmt] | None:
    match _value_of(node):
        case (
            ast.Call(func=ast.Attribute(value=ast.Constant(value=""), attr="join"), args=[over]),
            made,
        ):
            longer = ast.BinOp(read_name(MADE), ast.Add(), read_name(ITEM))
            return [
                assigned(MADE, ast.Constant("")),
                for_loop(stored(ITEM), over, assigned(MADE, longer)),
                made(read_name(MADE)),
            ]
    return None


def dedupe_loop(node: ast.stmt) -> list[ast.stmt] | None:
    match _value_of(node):
        case (
            ast.Call(
                func=ast.Name(id="list"),
                args=[
                    ast.Call(
                        func=ast.Attribute(value=ast.Name(id="dict"), attr="fromkeys"), args=[over]
                    )
                ],
            ),
            made,
        ):
            new = ast.Compare(read_name(ITEM), [ast.NotIn()], [read_name(MADE)])
            append = ast.Expr(method_call(read_name(MADE), "append", read_name(ITEM)))
            return [
                assigned(MADE, ast.List([], ast.Load())),
                for_loop(stored(ITEM), over, ast.If(new, [append], [])),
                made(read_name(MADE)),
            ]
    return None


def search_loop(node: ast.stmt) -> list[ast.stmt] | None:
    match node:
        case ast.Return(
            value=ast.Compare(left=left, ops=[ast.In()], comparators=[ast.expr() as over])
        ) if is_simple(left):
            equal = ast.Compare(read_name(ITEM), [ast.Eq()], [left])
            return [
                for_loop(stored(ITEM), over, ast.If(equal, [ast.Return(ast.Constant(True))], [])),
                ast.Return(ast.Constant(False)),
            ]
    return None


def index_loop(node: ast.stmt) -> list[ast.stmt] | None:
    match node:
        case ast.For(
            target=ast.Name() as target, iter=ast.Name() as over, body=body, orelse=orelse
        ):
            item = ast.Assign([target], ast.Subscript(over, read_name(PLACE), ast.Load()))
            places = called("range", called("len", over))
            return [ast.For(stored(PLACE), places, [item, *body], orelse)]
    return None


def parallel_indices(node: ast.stmt) -> list[ast.stmt] | None:
    match node:
        case ast.For(
            target=ast.Tuple(elts=[ast.Name() as one, ast.Name() as other]),
            iter=ast.Call(
                func=ast.Name(id="zip"), args=[ast.Name() as left, ast.Name() as right], keywords=[]
            ),
            body=body,
            orelse=orelse,
        ):
            places = called("range", called("min", called("len", left), called("len", right)))
            items = [
                ast.Assign([target], ast.Subscript(over, read_name(PLACE), ast.Load()))
                for target, over in ((one, left), (other, right))
            ]
            return [ast.For(stored(PLACE), places, [*items, *body], orelse)]
    return None


def numbered(node: ast.stmt) -> list[ast.stmt] | None:
    match node:
        case ast.For(target=ast.Name() as target, iter=over, body=body, orelse=orelse):
            both = ast.Tuple([stored(PLACE), target], ast.Store())
            return [ast.For(both, called("enumerate", over), body, orelse)]
    return None


def one_by_one(method: str, single: str) -> Statement:
    def made(node: ast.stmt) -> list[ast.stmt] | None:
        match node:
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(value=value, attr=name), args=[over], keywords=[])
            ) if name == method and is_simple(value) and not isinstance(over, ast.Starred):
                body = ast.Expr(method_call(value, single, read_name(ITEM)))
                return [for_loop(stored(ITEM), over, body)]
        return None

    return made


def items_one_by_one(node: ast.stmt) -> list[ast.stmt] | None:
    match node:
        case ast.Expr(
            value=ast.Call(
                func=ast.Attribute(value=ast.Name() as d, attr="update"),
                args=[ast.Name() as other],
                keywords=[],
            )
        ):
            both = ast.Tuple([stored(PLACE), stored(ITEM)], ast.Store())
            put = ast.Assign([ast.Subscript(d, read_name(PLACE), ast.Store())], read_name(ITEM))
            return [for_loop(both, method_call(other, "items"), put)]
    return None


def suppressed(node: ast.stmt) -> list[ast.stmt] | None:
    match node:
        case ast.Try(
            body=body,
            handlers=[ast.ExceptHandler(type=ast.expr() as kind, name=None, body=[ast.Pass()])],
            orelse=[],
            finalbody=[],
        ):
            kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
            library = ast.Attribute(
                called("__import__", ast.Constant("contextlib")), "suppress", ast.Load()
            )
            return [ast.With([ast.withitem(ast.Call(library, list(kinds), []))], body)]
    return None


def growing_list(node: ast.stmt) -> list[ast.stmt] | None:
    match node:
        case ast.Expr(
            value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[item])
        ):
            longer = ast.BinOp(read_name(name), ast.Add(), ast.List([item], ast.Load()))
            return [assigned(name, longer)]
    return None
