"""What can be decided by reading a change: it parses, keeps its interface, reaches for nothing new.

Each check returns a :class:`Refusal` or ``None``; the judge runs them before anything is executed.
"""

import ast
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from perfbot.optimizer.capabilities import capabilities, imported_packages
from perfbot.optimizer.verdict import Refusal, Why

TOUCHES_NO_CODE = "the change touches {path}, which is no Python source of the project"
TOUCHES_TESTS = (
    "the change alters {path}: tests, benchmarks, conftest and build files judge a change and stay "
    "as they are"
)
CHANGES_NOTHING = "the change alters no function"
NEW_CAPABILITY = "{path} newly reaches for {capability}: {place}"
NEW_DEPENDENCY = "{path} newly imports {package}, which the project does not depend on"
REMOVED = "{path}: {name} is gone"
CHANGED = "{path}: {what} of {name} changed from {before} to {after}"

_Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file before (``None``: it is new) and after, as it would lie on disk."""

    path: str
    before: bytes | None
    after: bytes


def parses(changes: Sequence[FileChange]) -> Refusal | None:
    """Refuse a file that Python cannot compile."""
    for change in changes:
        try:
            compile(change.after, change.path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return Refusal(Why.DOES_NOT_PARSE, f"{change.path}: {error}")
    return None


def keeps_interface(changes: Sequence[FileChange]) -> Refusal | None:
    """Refuse what callers could notice: names, kinds, parameters, defaults, decorators, bases."""
    for change in changes:
        if change.before is None:
            continue
        before, after = _interface(change.before), _interface(change.after)
        for name, was in before.items():
            if name not in after:
                return Refusal(Why.CHANGES_INTERFACE, REMOVED.format(path=change.path, name=name))
            for what, value in was.items():
                if value != after[name].get(what):
                    detail = CHANGED.format(
                        path=change.path,
                        what=what,
                        name=name,
                        before=value,
                        after=after[name].get(what),
                    )
                    return Refusal(Why.CHANGES_INTERFACE, detail)
    return None


def reaches_for_nothing_new(
    changes: Sequence[FileChange], *, dependencies: frozenset[str], allowed: frozenset[str]
) -> Refusal | None:
    """Refuse capabilities and third-party packages that are new to a file and not allowed by name."""
    for change in changes:
        before, after = _parsed(change.before or b""), _parsed(change.after)
        had = capabilities(before)
        for capability, place in capabilities(after).items():
            if capability not in had and capability not in allowed:
                detail = NEW_CAPABILITY.format(path=change.path, capability=capability, place=place)
                return Refusal(Why.FORBIDDEN, detail)
        if "dependency" in allowed:
            continue
        known = imported_packages(before) | dependencies | sys.stdlib_module_names
        for package in sorted(imported_packages(after) - known):
            return Refusal(Why.FORBIDDEN, NEW_DEPENDENCY.format(path=change.path, package=package))
    return None


def changed_functions(change: FileChange) -> Iterator[str]:
    """Yield the qualified names of functions and methods whose code differs, outermost functions only."""
    before = dict(_outermost(_parsed(change.before or b"")))
    for name, node in _outermost(_parsed(change.after)):
        old = before.get(name)
        if old is not None and ast.dump(old) != ast.dump(node):
            yield name


def _parsed(source: bytes) -> ast.Module:
    return ast.parse(source)


def _outermost(module: ast.Module) -> Iterator[tuple[str, _Definition]]:
    """Yield functions and methods by qualified name; the last definition of a name comes last."""
    yield from _definitions(module, "")


def _definitions(node: ast.AST, prefix: str) -> Iterator[tuple[str, _Definition]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _Definition):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from _definitions(child, f"{prefix}{child.name}.")
        elif not isinstance(child, ast.expr):
            yield from _definitions(child, prefix)


def _interface(source: bytes) -> dict[str, dict[str, str]]:
    """Return what callers can see of each function, class and module-level name."""
    module = _parsed(source)
    names = list(_top_names(module))
    found = {name: {"kind": "name"} for name in names}
    for name, node in _outermost(module):
        found[name] = {
            "kind": _kind(node),
            "number of other bindings": str(names.count(name)),
            "parameters": _parameters(node.args),
            "decorators": ", ".join(ast.unparse(each) for each in node.decorator_list),
        }
    for each in ast.walk(module):
        if isinstance(each, ast.ClassDef):
            arguments = [*each.bases, *(keyword.value for keyword in each.keywords)]
            found[f"class {each.name}"] = {
                "bases": ", ".join(map(ast.unparse, arguments)),
                "decorators": ", ".join(map(ast.unparse, each.decorator_list)),
            }
    return found


def _top_names(module: ast.Module) -> Iterator[str]:
    for node in module.body:
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def _parameters(arguments: ast.arguments) -> str:
    bare = ast.parse(f"def f({ast.unparse(arguments)}): pass").body[0]
    assert isinstance(bare, ast.FunctionDef)
    for each in ast.walk(bare.args):
        if isinstance(each, ast.arg):
            each.annotation = None
    return f"({ast.unparse(bare.args)})"


def _kind(node: _Definition) -> str:
    yields = any(isinstance(each, ast.Yield | ast.YieldFrom) for each in _own_nodes(node))
    kind = "generator" if yields else "function"
    return f"async {kind}" if isinstance(node, ast.AsyncFunctionDef) else kind


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _Definition | ast.Lambda):
            yield child
            yield from _own_nodes(child)


def paths_are_sources(
    paths: Mapping[str, bool], is_source: Callable[[str], bool], is_test: Callable[[str], bool]
) -> Refusal | None:
    """Refuse paths that are no sources of the project; ``paths`` says for each whether it existed before.

    New test files are allowed: they are shipped with the change but do not judge it.
    """
    for path, existed in paths.items():
        if is_test(path) and not existed:
            continue
        if is_test(path):
            return Refusal(Why.FORBIDDEN, TOUCHES_TESTS.format(path=path))
        if not is_source(path):
            return Refusal(Why.FORBIDDEN, TOUCHES_NO_CODE.format(path=path))
    return None
