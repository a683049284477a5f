"""What can be decided by reading a change: it parses, keeps its interface, reaches for nothing new.

Each check returns a :class:`Refusal` or ``None``; the judge runs them before anything is executed.
"""

import ast
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import PurePosixPath

from perfbot.optimizer.altered import (
    Definition,
    altered_functions,
    hidden_alterations,
    members,
    module_bindings,
    outermost,
)
from perfbot.optimizer.capabilities import imported_packages, new_uses
from perfbot.optimizer.verdict import Refusal, Why

TOUCHES_NO_CODE = "the change touches {path}, which is no Python source of the project"
TOUCHES_TESTS = (
    "the change alters {path}: tests, benchmarks, conftest and build files judge a change and stay "
    "as they are"
)
CHANGES_NOTHING = "the change alters no function"
NEW_CAPABILITY = "{path} newly reaches for {capability}: {place}"
NEW_DEPENDENCY = "{path} newly imports {package}, which the project does not depend on"
SHADOWS = "{path} would be imported in the place of {name}"
HIDDEN = (
    "{path}: {name} is defined more than once, and the change alters another definition than the "
    "last, which cannot be replayed"
)
_TOOLS = frozenset("pytest _pytest pluggy pytest_benchmark sitecustomize usercustomize".split())
ADDED = "{path}: {name} is new, and changes what others see of what was there"
REMOVED = "{path}: {name} is gone"
CHANGED = "{path}: {what} of {name} changed from {before} to {after}"


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
        hiding = _newly_hiding(_parsed(change.before), _parsed(change.after))
        if hiding is not None:
            detail = ADDED.format(path=change.path, name=hiding)
            return Refusal(Why.CHANGES_INTERFACE, detail)
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
        for use in new_uses(before, after):
            if use.capability not in allowed:
                detail = NEW_CAPABILITY.format(
                    path=change.path, capability=use.capability, place=use.place
                )
                return Refusal(Why.FORBIDDEN, detail)
        if "dependency" in allowed:
            continue
        known = imported_packages(before) | dependencies | sys.stdlib_module_names
        for package in sorted(imported_packages(after) - known):
            return Refusal(Why.FORBIDDEN, NEW_DEPENDENCY.format(path=change.path, package=package))
    return None


def changed_functions(change: FileChange) -> Iterator[str]:
    """Yield the qualified names of functions and methods that a change alters, outermost ones only."""
    yield from altered_functions(_parsed(change.before or b""), _parsed(change.after))


def out_of_reach(changes: Sequence[FileChange]) -> str | None:
    """Return why not everything that a change alters can be judged, ``None`` if it can."""
    for change in changes:
        before, after = _parsed(change.before or b""), _parsed(change.after)
        for name in sorted(hidden_alterations(before, after)):
            return HIDDEN.format(path=change.path, name=name)
    return None


def stands_in_nobodys_way(
    changes: Sequence[FileChange],
    *,
    roots: Sequence[str],
    taken: Set[str],
    exists: Callable[[str], bool],
) -> Refusal | None:
    """Refuse a new file that is imported in the place of something else.

    ``taken`` are the names of the modules that are installed, ``exists`` says whether the project
    has a file or folder of that path.
    """
    for change in changes:
        if change.before is None:
            for name, place in _imported_as(change.path, roots):
                is_new = not exists(place) and not exists(f"{place}.py")
                if is_new and name in taken | sys.stdlib_module_names | _TOOLS:
                    return Refusal(Why.FORBIDDEN, SHADOWS.format(path=change.path, name=name))
            module = change.path.removesuffix("/__init__.py") + ".py"
            if change.path.endswith("/__init__.py") and exists(module):
                return Refusal(Why.FORBIDDEN, SHADOWS.format(path=change.path, name=module))
    return None


def _imported_as(path: str, roots: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield under which top-level names a file may be imported, and where those lie, without ``.py``."""
    for root in roots:
        place = PurePosixPath(path)
        if place.is_relative_to(root):
            name = place.relative_to(root).parts[0].removesuffix(".py")
            yield name, (PurePosixPath(root) / name).as_posix()


def _parsed(source: bytes) -> ast.Module:
    return ast.parse(source)


def _interface(source: bytes) -> dict[str, dict[str, str]]:
    """Return what callers can see of each function, class and module-level name."""
    module = _parsed(source)
    bound = [*module_bindings(module)]
    found = {name: {"kind": "name"} for name in bound}
    for name, node in outermost(module):
        found[name] = {
            "kind": kind_of(node),
            "number of other bindings": str(bound.count(name)),
            "parameters": parameters_of(node.args),
            "decorators": ", ".join(ast.unparse(each) for each in node.decorator_list),
        }
    for each in ast.walk(module):
        if isinstance(each, ast.ClassDef):
            arguments = [*each.bases, *(keyword.value for keyword in each.keywords)]
            found[f"class {each.name}"] = {
                "bases": ", ".join(map(ast.unparse, arguments)),
                "decorators": ", ".join(map(ast.unparse, each.decorator_list)),
                "number of other bindings": str(bound.count(each.name)),
            }
    return found


def _newly_hiding(before: ast.Module, after: ast.Module) -> str | None:
    """Return a new name that changes what others see: one that Python asks for, or an attribute's."""
    attributes = {each.attr for each in ast.walk(before) if isinstance(each, ast.Attribute)}
    old, new = members(before), members(after)
    for of, names in new.items():
        for name in sorted(names - old.get(of, names)):
            is_asked_for = name.startswith("__") and name.endswith("__") and name != "__slots__"
            if is_asked_for or (of and name in attributes):
                return f"{of}.{name}" if of else name
    return None


def parameters_of(arguments: ast.arguments) -> str:
    """Return parameters as callers see them: without annotations."""
    bare = ast.parse(f"def f({ast.unparse(arguments)}): pass").body[0]
    assert isinstance(bare, ast.FunctionDef)
    for each in ast.walk(bare.args):
        if isinstance(each, ast.arg):
            each.annotation = None
    return f"({ast.unparse(bare.args)})"


def kind_of(node: Definition) -> str:
    """Return how a function runs: ``async generator``, say."""
    yields = any(isinstance(each, ast.Yield | ast.YieldFrom) for each in _own_nodes(node))
    kind = "generator" if yields else "function"
    return f"async {kind}" if isinstance(node, ast.AsyncFunctionDef) else kind


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Definition | ast.Lambda):
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
