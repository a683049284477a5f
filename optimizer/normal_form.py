"""One text for all spellings of a version, so that nothing is tried and measured twice.

Two texts of one normal form differ in nothing that Python executes: comments and layout, docstrings,
annotations in functions, and names of local variables. Names that may be seen from outside stay
(parameters, functions, imports, names of the module and builtins), as does everything in a function
that asks for its own variables by name.
"""

import ast
import builtins
from collections.abc import Iterator, Set

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_ASKS_FOR_NAMES = frozenset({"locals", "vars", "dir", "eval", "exec", "globals"})
_BUILTINS = frozenset(dir(builtins))


def normal_form(text: str) -> str:
    """Return the normal form of a module's text; of what cannot be parsed the text itself."""
    try:
        module = ast.parse(text)
        kept = _module_names(module) | _BUILTINS
        return ast.dump(_Normalizer(kept).visit(module))
    except (SyntaxError, ValueError, RecursionError):
        return text


def _module_names(module: ast.Module) -> set[str]:
    """Return every name that is bound outside of functions, or inside of one for the module."""
    found = {
        name for each in ast.walk(module) if isinstance(each, ast.Global) for name in each.names
    }
    waiting: list[ast.AST] = list(module.body)
    while waiting:
        node = waiting.pop()
        found.update(_bound_here(node))
        if not isinstance(node, (_Function, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(node))
    return found


def _bound_here(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.alias(name=name, asname=local):
            yield local or name.split(".")[0]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            yield name
        case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            yield name


class _Normalizer(ast.NodeTransformer):
    """Normalizes each function that is not inside another one."""

    def __init__(self, kept: Set[str]) -> None:
        self._kept = kept

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return _normal(node, self._kept)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return _normal(node, self._kept)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Module | ast.ClassDef):
            _drop_docstring(node)
        return super().generic_visit(node)


def _normal(function: _Function, kept: Set[str]) -> ast.AST:
    for node in ast.walk(function):
        if isinstance(node, _Function):
            _drop_docstring(node)
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    plain = _WithoutAnnotations().visit(function)
    return _Renamer(_local_names(plain, kept)).visit(plain)  # type: ignore[no-any-return]


def _drop_docstring(node: ast.Module | ast.ClassDef | _Function) -> None:
    if ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:] or [ast.Pass()]


class _WithoutAnnotations(ast.NodeTransformer):
    """Takes annotations of local variables away; a bare one still makes its name local."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None or not isinstance(node.target, ast.Name):
            return node
        return ast.Assign([node.target], node.value, lineno=node.lineno)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return node  # annotations of a class can be asked for


def _local_names(function: ast.AST, kept: Set[str]) -> dict[str, str]:
    """Number the local names in the order in which they come; empty where the code asks for names."""
    nodes = list(ast.walk(function))
    named = {node.id for node in nodes if isinstance(node, ast.Name)}
    if named & _ASKS_FOR_NAMES:
        return {}
    taken = set(kept)
    for node in nodes:
        match node:
            case ast.arg(arg=name) | ast.keyword(arg=str(name)):
                taken.add(name)
            case ast.Global(names=names):
                taken.update(names)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                taken.add(name)  # which the function shows
            case (
                ast.Import() | ast.ImportFrom()
            ):  # "import a.b" binds a, "import a.b as a" does not
                taken.update(name for each in node.names for name in _bound_here(each))
    taken |= {name for node in nodes if isinstance(node, ast.ClassDef) for name in _members(node)}
    local = {name for node in nodes for name in _bound_here(node)} - taken
    ordered = dict.fromkeys(name for name in _in_order(function) if name in local)
    return {name: f"·{number}" for number, name in enumerate(ordered)}


def _members(node: ast.ClassDef) -> Iterator[str]:
    yield node.name  # which its instances show
    for inner in ast.walk(node):
        yield from _bound_here(inner)


def _in_order(node: ast.AST) -> Iterator[str]:
    """Yield names as they come in the tree, which is the same for two spellings of one function."""
    if isinstance(node, ast.Name):
        yield node.id
    else:
        yield from _bound_here(node)
    for child in ast.iter_child_nodes(node):
        yield from _in_order(child)


class _Renamer(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def _other(self, name: str) -> str:
        return self._names.get(name, name)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._other(node.id)
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        node.names = sorted(map(self._other, node.names))
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        match node:
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                node.name = self._other(name)
            case ast.MatchStar(name=str(name)):
                node.name = self._other(name)
            case ast.MatchMapping(rest=str(name)):
                node.rest = self._other(name)
        return node
