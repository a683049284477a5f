"""Names that code takes from outside: what it needs of its file, and what is defined nowhere.

The compiler's own symbol tables say it, so scopes of classes, comprehensions and nested functions are
exactly Python's.
"""

import ast
import builtins
import symtable
import warnings
from collections.abc import Iterator

_GIVEN = frozenset(dir(builtins)) | frozenset(
    "__name__ __file__ __doc__ __package__ __spec__ __loader__ __path__ __builtins__ "
    "__annotations__ __cached__ __debug__ __class__ __module__ __qualname__ __dict__ "
    "__static_attributes__ __firstlineno__ __classdict__ __conditional_annotations__".split()
)


def free_names(code: str) -> frozenset[str]:
    """Return the names that a piece of a module reads and does not bind, builtins included.

    Raises:
        SyntaxError: it cannot be compiled.
    """
    top = _table(code)
    return frozenset(_read(top)) - _bound(top)


def unresolved(text: str) -> frozenset[str]:
    """Return the names that a module reads and nothing gives; none where it imports everything of another.

    Raises:
        SyntaxError: it cannot be compiled.
    """
    read = free_names(text)
    stars = (
        node
        for node in ast.walk(_tree(text))
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    )
    return frozenset() if next(stars, None) else read - _GIVEN


def only_as_module(text: str, name: str) -> bool:
    """Say whether every use of a name reads an attribute of it, as of a module."""
    tree = _tree(text)
    owners = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    uses = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name]
    return bool(uses) and all(id(use) in owners for use in uses)


def _tree(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _table(code: str) -> symtable.SymbolTable:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(code, "answer", "exec", dont_inherit=True)  # which sees more than the tables do
            return symtable.symtable(code, "answer", "exec")
        except (ValueError, RecursionError, MemoryError) as error:
            raise SyntaxError(str(error) or type(error).__name__) from None


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)


def _read(top: symtable.SymbolTable) -> Iterator[str]:
    for scope in _scopes(top):
        for symbol in scope.get_symbols():
            if symbol.is_referenced() and (scope is top or symbol.is_global()):
                yield symbol.get_name()


def _bound(top: symtable.SymbolTable) -> frozenset[str]:
    """Return what the module binds: at its top, or anywhere below a ``global``."""
    return frozenset(
        symbol.get_name()
        for scope in _scopes(top)
        for symbol in scope.get_symbols()
        if (scope is top or symbol.is_declared_global())
        and (
            symbol.is_assigned()
            or symbol.is_imported()
            or symbol.is_namespace()
            or symbol.is_annotated()
        )
    )
