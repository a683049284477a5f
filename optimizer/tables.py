"""Which attributes hold plain dicts, as far as the project's own code says."""

import ast
from collections.abc import Iterable, Iterator


def dict_attributes(texts: Iterable[str]) -> frozenset[str]:
    """Return names of attributes that a project's code binds to dicts which it writes out, and to nothing else.

    A name that a class defines (a method, a property, a variable), that is deleted, or that is
    bound together with others is not among them. Files that are no Python are passed over.
    """
    dicts: set[str] = set()
    others: set[str] = set()
    for text in texts:
        try:
            module = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            continue
        for node in ast.walk(module):
            for name, is_dict in _bound(node):
                (dicts if is_dict else others).add(name)
    return frozenset(dicts - others)


def _bound(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield the attributes that a node binds, and whether each then holds a dict."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _among(target, is_dict=isinstance(value, ast.Dict | ast.DictComp))
        case ast.AnnAssign(target=ast.Attribute(attr=name), value=value):
            yield name, value is None or isinstance(value, ast.Dict | ast.DictComp)
        case ast.For(target=target) | ast.AsyncFor(target=target) | ast.AugAssign(target=target):
            yield from _among(target)
        case ast.withitem(optional_vars=ast.expr() as target):
            yield from _among(target)
        case ast.Delete(targets=targets):
            for target in targets:
                yield from _among(target)
        case ast.ClassDef(body=body):
            for each in body:
                yield from ((name, False) for name in _defined(each))


def _among(target: ast.expr, *, is_dict: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield the attributes that stand in a target, outside of subscripts."""
    match target:
        case ast.Attribute(attr=name):
            yield name, is_dict
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            for element in elements:
                yield from _among(element)
        case ast.Starred(value=value):
            yield from _among(value)


def _defined(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a class body defines."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign() | ast.AnnAssign() | ast.If() | ast.Try() | ast.For() | ast.With():
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id
