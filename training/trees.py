"""Small pieces of syntax trees, from which slow idioms are put together."""

import ast
from typing import TypeGuard

ITEM, PLACE, MADE = "_item", "_place", "_made"  # names that code of others hardly has


def called(name: str, *arguments: ast.expr) -> ast.Call:
    """Return a call of a function by its name."""
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def read_name(identifier: str) -> ast.Name:
    """Return a name that is read."""
    return ast.Name(identifier, ast.Load())


def method_call(value: ast.expr, name: str, *arguments: ast.expr) -> ast.Call:
    """Return a call of a method."""
    return ast.Call(ast.Attribute(value, name, ast.Load()), list(arguments), [])


def for_loop(target: ast.expr, over: ast.expr, *body: ast.stmt) -> ast.For:
    """Return a loop."""
    return ast.For(target, over, list(body), [])


def stored(name: str) -> ast.Name:
    """Return a name that is bound."""
    return ast.Name(name, ast.Store())


def assigned(name: str, value: ast.expr) -> ast.Assign:
    """Return an assignment to a name."""
    return ast.Assign([stored(name)], value)


def is_plain_call(node: ast.expr, name: str) -> TypeGuard[ast.Call]:
    """Say whether a node calls a function of that name with one plain argument."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == name
        and len(node.args) == 1
        and not node.keywords
        and not any(isinstance(each, ast.Starred) for each in node.args)
    )


def is_simple(node: ast.expr) -> bool:
    """Say whether a node may be evaluated twice without anybody noticing."""
    match node:
        case ast.Name() | ast.Constant():
            return True
        case ast.Attribute(value=value):
            return is_simple(value)
    return False
