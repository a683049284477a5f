"""Reaching exactly the function that stands in the source.

``module.f`` may be a decorated wrapper, ``Class.x`` a property, and a nested function has no name
at all. So an import hook adds a private *innermost* decorator to the definition while the module
is compiled. What the decorator does (nothing but take note, or wrap) is the caller's choice.

The hook also makes sure that the copy under judgement is what is imported: top-level names are
looked up in the copy's import roots before anything else, editable installs included.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, ModuleType

Function = Callable[..., object]
Wrap = Callable[[str, Function], Function]

_wrap: Wrap | None = None


def install(
    tree: str, roots: Sequence[str], functions: Mapping[str, Sequence[str]], wrap: Wrap
) -> None:
    """Let ``wrap(key, function)`` replace each named function as its module is imported.

    ``functions`` maps paths relative to ``tree`` to qualified names (``Class.method``, optionally
    ``@LINE`` of the ``def``); a key is ``path::qualname`` as given.
    """
    global _wrap
    _wrap = wrap
    wanted = {
        os.path.realpath(os.path.join(tree, path)): (path, names)
        for path, names in functions.items()
    }
    # Normal paths: pytest compares a module's ``__file__`` with the path that it found by itself.
    paths = [os.path.normpath(os.path.join(tree, root)) for root in roots]
    sys.meta_path.insert(0, _Finder(paths, wanted))


def taken(key: str) -> Callable[[Function], Function]:
    """Return the decorator that the import hook adds to a definition."""

    def decorate(function: Function) -> Function:
        assert _wrap is not None
        return _wrap(key, function)

    return decorate


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, roots: list[str], wanted: Mapping[str, tuple[str, Sequence[str]]]) -> None:
        self._roots = roots
        self._wanted = wanted

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        spec = importlib.machinery.PathFinder.find_spec(
            fullname, self._roots if path is None else path
        )
        if (
            spec is None
            or spec.origin is None
            or not isinstance(spec.loader, importlib.machinery.SourceFileLoader)
        ):
            return None
        found = self._wanted.get(os.path.realpath(spec.origin))
        if found is not None:
            spec.loader = _Loader(fullname, spec.origin, *found)
        elif path is not None:
            return None  # a submodule without a function of ours: the ordinary finders do it
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, origin: str, path: str, qualnames: Sequence[str]) -> None:
        super().__init__(name, origin)
        self._relative = path
        self._qualnames = qualnames

    def get_code(self, fullname: str) -> CodeType:
        """Compile from source always: a cached bytecode file has no taps."""
        origin = self.get_filename(fullname)
        return tapped(self.get_data(origin), origin, self._relative, self._qualnames)


def tapped(source: bytes, origin: str, path: str, qualnames: Sequence[str]) -> CodeType:
    """Compile a module with the private decorator on each named definition."""
    tree = ast.parse(source, origin)
    for qualname in qualnames:
        name, _, line = qualname.partition("@")
        found = list(_definitions(tree, name.replace(".<locals>", "").split(".")))
        found = [node for node in found if not line or node.lineno == int(line)]
        if found:
            found[-1].decorator_list.append(_decorator(f"{path}::{qualname}", found[-1]))
    return compile(tree, origin, "exec", dont_inherit=True)


Definition = ast.FunctionDef | ast.AsyncFunctionDef


def _definitions(node: ast.AST, names: list[str]) -> Iterator[Definition]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if child.name != names[0]:
                continue
            if len(names) > 1:
                yield from _definitions(child, names[1:])
            elif not isinstance(child, ast.ClassDef):
                yield child
        elif not isinstance(child, (ast.expr, ast.expr_context)):
            yield from _definitions(child, names)


def _decorator(key: str, definition: Definition) -> ast.expr:
    text = f"__import__('_perfbot_inside.tap', fromlist=['tap']).taken({key!r})"
    expression = ast.parse(text, mode="eval").body
    for node in ast.walk(expression):
        if isinstance(node, ast.expr):  # the definition keeps its first line number
            node.lineno = node.end_lineno = definition.lineno
            node.col_offset = node.end_col_offset = definition.col_offset
    return expression


def reach(
    tree: str, roots: Sequence[str], path: str, qualname: str, modules: Sequence[str]
) -> Function:
    """Import one of ``modules`` and return the function as it stands in the source of ``path``.

    Raises:
        LookupError: no module of these names executed a definition of the function.
    """
    found: dict[str, Function] = {}

    def note(key: str, function: Function) -> Function:
        found[key] = function
        return function

    install(tree, roots, {path: [qualname]}, note)
    for name in modules:
        importlib.import_module(name)
        if found:
            return found[f"{path}::{qualname}"]
    raise LookupError(f"{path}::{qualname} was not defined while importing {', '.join(modules)}")
