"""Which functions does a change alter? Those whose code differs, and those that read what differs.

A constant, an import, a name that newly hides a builtin: whoever reads it may do something else now,
so it is judged as well (docs/judging.md). The answer is by reading and errs on the side of too many.
"""

import ast
import copy
from collections.abc import Iterator, Sequence, Set

Definition = ast.FunctionDef | ast.AsyncFunctionDef
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_BINDING = (ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom)


def altered_functions(before: ast.Module, after: ast.Module) -> Iterator[str]:
    """Yield the qualified names of the functions and methods of ``before`` that a change alters."""
    old, new = definitions_by_name(before), definitions_by_name(after)
    names = _different(_statements(before.body), _statements(after.body))
    names |= {name for name in new if name not in old}
    attributes = _different(_class_statements(before), _class_statements(after))
    for name, nodes in new.items():
        if name in old and (
            not _same(old[name], nodes) or _reads(nodes[-1], names) or _asks(nodes[-1], attributes)
        ):
            yield name


def hidden_alterations(before: ast.Module, after: ast.Module) -> Iterator[str]:
    """Yield names of functions of which another definition than the last one differs.

    Of a property with a setter, say: replaying reaches the last definition of a name.
    """
    old, new = definitions_by_name(before), definitions_by_name(after)
    return (name for name in old.keys() & new.keys() if not _same(old[name][:-1], new[name][:-1]))


def definitions_by_name(module: ast.Module) -> dict[str, list[Definition]]:
    """Return all definitions of each function and method, signatures for type checkers left out."""
    found: dict[str, list[Definition]] = {}
    for name, node in outermost(module):
        if not any("overload" in ast.unparse(each) for each in node.decorator_list):
            found.setdefault(name, []).append(node)
    return found


def outermost(module: ast.Module) -> Iterator[tuple[str, Definition]]:
    """Yield functions and methods by qualified name; the last definition of a name comes last."""
    yield from _definitions(module, "")


def _definitions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Definition]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Definition):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from _definitions(child, f"{prefix}{child.name}.")
        elif not isinstance(child, ast.expr):
            yield from _definitions(child, prefix)


def _same(old: Sequence[ast.AST], new: Sequence[ast.AST]) -> bool:
    return list(map(ast.dump, old)) == list(map(ast.dump, new))


def bindings(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement binds or deletes in its own scope, each as often as it does."""
    match node:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name.split(".")[0] for alias in names)
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            yield name
    if not isinstance(node, _SCOPES):
        for child in ast.iter_child_nodes(node):
            yield from bindings(child)


def module_bindings(module: ast.Module) -> Iterator[str]:
    """Yield the names that a module binds by other means than a definition, as often as it does."""
    for node in module.body:
        yield from bindings(node)
    for function in ast.walk(module):
        if isinstance(function, Definition):
            body = function.body
            declared = {
                name for each in body if isinstance(each, ast.Global) for name in each.names
            }
            yield from (name for each in body for name in bindings(each) if name in declared)


def members(module: ast.Module) -> dict[str, set[str]]:
    """Return what is bound in each class, by the class's name, and in the module (``""``)."""
    found: dict[str, set[str]] = {}
    waiting: list[tuple[str, ast.Module | ast.ClassDef]] = [("", module)]
    while waiting:
        of, scope = waiting.pop()
        names = found.setdefault(of, set())
        for node in scope.body:
            names.update(bindings(node))
            if isinstance(node, Definition | ast.ClassDef):
                names.add(node.name)
            if isinstance(node, ast.ClassDef):
                waiting.append((f"{of}.{node.name}".lstrip("."), node))
    return found


def _statements(body: Sequence[ast.stmt]) -> dict[str, list[str]]:
    """Return the texts of the statements that decide what a name stands for, definitions apart.

    An assignment and an import decide over the names that they bind, anything else over all names
    that it mentions.
    """
    plain = [_without_definitions(node) for node in body if not isinstance(node, _SCOPES)]
    every = {name for node in plain for name in bindings(node)}
    every |= {node.name for node in body if isinstance(node, Definition | ast.ClassDef)}
    found: dict[str, list[str]] = {}
    for node in plain:
        names = set(bindings(node))
        if not isinstance(node, _BINDING) or _sets_attributes(node):
            names |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} & every
        for name in names:
            found.setdefault(name, []).append(_text(node, name))
    return found


def _without_definitions(node: ast.stmt) -> ast.stmt:
    """Return a statement without the functions and classes that stand under its conditions."""
    if not any(isinstance(each, _SCOPES) for each in ast.walk(node)):
        return node
    bare: ast.stmt = _Bare().visit(copy.deepcopy(node))
    return bare


class _Bare(ast.NodeTransformer):
    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, Definition | ast.ClassDef):
            return ast.Pass()
        return super().generic_visit(node)


def _text(node: ast.stmt, name: str) -> str:
    """Return a text of a statement as far as it concerns one name: an import may bring others."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        of = f"{node.level}{node.module}" if isinstance(node, ast.ImportFrom) else ""
        names = (
            each.name for each in node.names if (each.asname or each.name.split(".")[0]) == name
        )
        return f"{of} {sorted(names)}"
    return ast.dump(node)


def _sets_attributes(node: ast.stmt) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(not isinstance(each, ast.Name) for each in targets)


def _class_statements(module: ast.Module) -> dict[str, list[str]]:
    """Return the same for the class variables of all classes, by the variable's bare name."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef):
            for name, texts in _statements(node.body).items():
                found.setdefault(name, []).extend(texts)
    return found


def _different(old: dict[str, list[str]], new: dict[str, list[str]]) -> set[str]:
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


def _reads(function: Definition, names: Set[str]) -> bool:
    return any(isinstance(each, ast.Name) and each.id in names for each in ast.walk(function))


def _asks(function: Definition, attributes: Set[str]) -> bool:
    return any(
        isinstance(each, ast.Attribute) and each.attr in attributes for each in ast.walk(function)
    )
