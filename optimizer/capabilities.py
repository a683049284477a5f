"""What code reaches for beyond computing: the list of things that a patch may not newly do.

A use is forbidden when it is *new to the file*: neither a capability nor more of one that was there
(docs/judging.md); a repository may allow capabilities by name. Names are followed through imports,
through modules that hold other modules, and through constant names in ``getattr``; where a name is
computed, or something dangerous is used as a value, the use itself counts.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field

from perfbot.optimizer.powers import (
    BY_ANY_ATTRIBUTE,
    BY_BUILTIN,
    GUARDED,
    PATH_METHODS,
    opens,
    power_of,
    resolved,
)

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_GETTERS = frozenset({"operator.attrgetter", "operator.methodcaller"})
_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_SCOPES = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.Lambda,
    ast.ClassDef,
    *_COMPREHENSIONS.__args__,
)
_SHOWN = 80  # characters of a place


@dataclass(frozen=True, slots=True)
class Use:
    """One place that reaches for something: ``what`` by its dotted name, in which outermost function.

    ``function`` is empty at the level of the module.
    """

    capability: str
    what: str
    function: str = field(compare=False)
    place: str = field(compare=False)


def new_uses(before: ast.Module, after: ast.Module) -> Iterator[Use]:
    """Yield what a module uses in more functions than it did before; moving a use is no news."""
    had, has = _by_use(before), _by_use(after)
    for use, places in has.items():
        known = {each.function for each in had.get(use, [])}
        if len({each.function for each in places}) > len(known):
            yield next(each for each in places if each.function not in known)


def _by_use(module: ast.Module) -> dict[Use, list[Use]]:
    found: dict[Use, list[Use]] = {}
    for use in uses(module):
        found.setdefault(use, []).append(use)
    return found


def uses(module: ast.Module) -> Iterator[Use]:
    """Yield everything that a module reaches for, place by place."""
    reader = _Reader(_origins(module))
    for function, node in _parts(module):
        for node_, local in _with_locals(node, frozenset()):
            for capability, what in reader.of(node_, local):
                place = ast.unparse(node_).split("\n", maxsplit=1)[0][:_SHOWN]
                yield Use(capability, what, function, place)


def imported_packages(module: ast.Module) -> frozenset[str]:
    """Return the top-level names of all absolute imports."""
    return frozenset(
        name.split(".")[0]
        for node in ast.walk(module)
        for name in _origins_of(node).values()
        if not name.startswith(".")
    )


def _parts(node: ast.AST, inside: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Yield statements with the outermost function around them, classes and functions taken apart."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from _parts(child, f"{inside}{child.name}.")
        else:
            yield (inside + child.name if isinstance(child, _Function) else ""), child


def _with_locals(node: ast.AST, local: frozenset[str]) -> Iterator[tuple[ast.AST, frozenset[str]]]:
    """Yield all nodes with the names that are local where they stand, and no builtins therefore."""
    yield node, local
    inner: list[ast.AST] = []
    if isinstance(node, _Function | ast.Lambda):
        inner = [*node.body] if isinstance(node.body, list) else [node.body]
    elif isinstance(node, _COMPREHENSIONS):
        inner = list(ast.iter_child_nodes(node))
    for each in ast.iter_child_nodes(node):
        yield from _with_locals(each, local | _bound_in(node) if each in inner else local)


def _bound_in(scope: ast.AST) -> frozenset[str]:
    """Return the names that a function or comprehension binds itself; what it declares global is not."""
    names = {
        each.arg for each in ast.walk(getattr(scope, "args", scope)) if isinstance(each, ast.arg)
    }
    outer: set[str] = set()
    waiting = [*ast.iter_child_nodes(scope)]
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.FunctionDef(name=name):
                names.add(name)
            case ast.Global(names=declared):
                outer.update(declared)
        if not isinstance(node, _SCOPES):
            waiting.extend(ast.iter_child_nodes(node))
    return frozenset(names - outer)


def _origins(module: ast.Module) -> dict[str, str]:
    """Return where imported names come from: ``{"p": "os.path"}`` for ``import os.path as p``."""
    found: dict[str, str] = {}
    for node in ast.walk(module):
        found.update(_origins_of(node))
    return found


def _origins_of(node: ast.AST) -> dict[str, str]:
    match node:
        case ast.Import(names=names):
            return {
                alias.asname or alias.name.split(".")[0]: alias.name
                if alias.asname
                else alias.name.split(".")[0]
                for alias in names
            }
        case ast.ImportFrom(names=names, module=module, level=level):
            start = "." * level + (f"{module}." if module else "")
            return {alias.asname or alias.name: start + alias.name for alias in names}
    return {}


class _Reader:
    """Reads single nodes of a module whose imported names are known."""

    def __init__(self, origins: Mapping[str, str]) -> None:
        self._origins = origins
        self._has_paths = any(name.split(".")[0] == "pathlib" for name in origins.values())
        self._read: set[int] = set()  # nodes that are part of something read already

    def of(self, node: ast.AST, local: Set[str]) -> Iterator[tuple[str, str]]:
        """Yield the capability and the dotted name of everything that this node itself reaches for."""
        match node:
            case ast.Import() | ast.ImportFrom():
                yield from self._imports(node)
            case ast.Call():
                yield from self._call(node, local)
            case ast.keyword(arg="file", value=ast.Attribute() as stream):
                if self._dotted(stream) in ("sys.stdout", "sys.stderr"):
                    self._note(stream)
            case ast.Attribute() if id(node) not in self._read:
                yield from self._attribute(node)
            case ast.Subscript(value=ast.Attribute() as changed, ctx=ast.Store() | ast.Del()):
                if dotted := self._dotted(changed):
                    yield power_of(dotted) or "builtins", f"{dotted} changed"
            case ast.Name(ctx=ast.Load()) if id(node) not in self._read:
                yield from self._name(node.id, local)
            case ast.MatchClass() | ast.Constant():
                yield from _named_in(node)

    def _imports(self, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
        names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            start = "." * node.level + (f"{node.module}." if node.module else "")
            names = [start + name for name in names]
        for name in names:
            found = resolved(name)
            capability = power_of(found)
            if name.endswith(".*") or (found in GUARDED and "." in name):
                capability = "builtins"
            if capability is not None:
                yield capability, found

    def _call(self, node: ast.Call, local: Set[str]) -> Iterator[tuple[str, str]]:
        called = self._dotted(node.func)
        is_name = isinstance(node.func, ast.Name) and node.func.id not in local
        if is_name and ast.unparse(node.func) in ("getattr", "hasattr"):
            yield from self._named_attribute(node)
        elif called in _GETTERS:
            self._note(node.func)
            yield from _getter(node, called)
        elif _may_open(node, called, is_name):
            self._note(node.func)
            place = 0 if isinstance(node.func, ast.Attribute) and not called else 1
            capability = "file-writes" if _may_write(node, place) else "file-reads"
            yield capability, called or "open"

    def _named_attribute(self, node: ast.Call) -> Iterator[tuple[str, str]]:
        """Read ``getattr(x, "name")`` as ``x.name``; a computed name may be any."""
        match node.args:
            case [value, ast.Constant(value=str(name)), *_]:
                self._note(node.func)
                attribute = ast.Attribute(value, name, ast.Load())
                if not self._dotted(value):
                    yield from self._attribute(attribute)
                elif found := self._dotted(attribute):
                    self._note(value)
                    yield from _power(found)
            case _ if ast.unparse(node.func) == "hasattr":
                self._note(node.func)

    def _attribute(self, node: ast.Attribute) -> Iterator[tuple[str, str]]:
        if dotted := self._dotted(node):
            self._note(node)
            if not isinstance(node.ctx, ast.Load):
                yield "builtins", f"{dotted} changed"
            yield from _power(dotted)
        for each in _chain(node):
            if each.attr in BY_ANY_ATTRIBUTE:
                yield BY_ANY_ATTRIBUTE[each.attr], each.attr
            elif each.attr in PATH_METHODS and self._has_paths:
                yield "file-reads", each.attr
            elif _is_reflection(each):
                yield "reflection", each.attr

    def _name(self, name: str, local: Set[str]) -> Iterator[tuple[str, str]]:
        if name in self._origins:
            dotted = resolved(self._origins[name])
            if dotted in GUARDED:  # as in ``o = os``
                yield "builtins", f"{dotted} passed on"
            elif "." in dotted:
                yield from _power(dotted)
        elif name in BY_BUILTIN and name not in local:
            yield BY_BUILTIN[name], name

    def _dotted(self, node: ast.AST) -> str:
        """Return the resolved dotted name of an expression that starts from an import, else ``""``."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self._origins:
            return ""
        return resolved(".".join([self._origins[node.id], *reversed(parts)]))

    def _note(self, node: ast.AST) -> None:
        """Leave out what an expression consists of, for it was read as a whole."""
        self._read.update(id(each) for each in ast.walk(node))


def _power(dotted: str) -> Iterator[tuple[str, str]]:
    capability = power_of(dotted)
    if capability is not None:
        yield capability, dotted


def _named_in(node: ast.MatchClass | ast.Constant) -> Iterator[tuple[str, str]]:
    """Yield the attributes that a pattern asks for, or that a text names for others to look up."""
    names = node.kwd_attrs if isinstance(node, ast.MatchClass) else []
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        names = re.findall(r"__\w+__", node.value)
    yield from ((BY_ANY_ATTRIBUTE[name], name) for name in names if name in BY_ANY_ATTRIBUTE)


def _chain(node: ast.Attribute) -> Iterator[ast.Attribute]:
    """Yield an attribute and those that it is taken from, without a look into calls and the like."""
    inner: ast.AST = node
    while isinstance(inner, ast.Attribute):
        yield inner
        inner = inner.value


def _is_reflection(node: ast.Attribute) -> bool:
    """Say whether an attribute reads or changes any other by name, an object's own apart."""
    base = ast.unparse(node.value)
    if node.attr == "__dict__":
        return base != "self"
    if node.attr in ("__setattr__", "__delattr__"):
        return base not in ("object", "super()")
    return node.attr == "__class__" and not isinstance(node.ctx, ast.Load)


def _getter(node: ast.Call, called: str) -> Iterator[tuple[str, str]]:
    """Read ``attrgetter("name")`` as that name; names that are computed may be any."""
    names = [each.value if isinstance(each, ast.Constant) else None for each in node.args]
    names = names[:1] if called == "operator.methodcaller" else names
    if any(not isinstance(name, str) or "__" in name for name in names):
        yield "reflection", called


def _may_open(node: ast.Call, called: str, is_name: bool) -> bool:
    if called:
        return opens(called)
    if isinstance(node.func, ast.Attribute):
        return node.func.attr == "open"
    return is_name and ast.unparse(node.func) == "open"


def _may_write(call: ast.Call, place: int) -> bool:
    """Say whether ``open(path, mode)`` or ``path.open(mode)`` may write; a computed mode may."""
    modes = [
        *call.args[place : place + 1],
        *(word.value for word in call.keywords if word.arg == "mode"),
    ]
    return any(
        not isinstance(mode, ast.Constant) or set(str(mode.value)) & set("wax+") for mode in modes
    )
