"""Walks the tree of one Python file in the order of its text, and notes what it says.

The walk does not recurse, for a hostile file nests deeper than Python's stack.
"""

import ast
import builtins
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from perfbot.optimizer.indexing.facts import Base, Definition, FileFacts, Import, Kind, Manner, Use
from perfbot.optimizer.indexing.scopes import (
    NOWHERE,
    Assignment,
    Chain,
    Scope,
    bind_parameters,
    chain_of,
    class_named,
    held_by,
)
from perfbot.optimizer.indexing.signatures import (
    Function,
    docstring_line,
    exported,
    last_name,
    short,
    signature,
    unparsed,
)
from perfbot.optimizer.indexing.words import words

_BUILTINS = frozenset(dir(builtins))
_PROPERTIES = frozenset(("property", "cached_property", "setter", "getter", "deleter"))
_EMPTY = (ast.expr_context, ast.operator, ast.unaryop, ast.Constant)  # nothing below them


class _Step(NamedTuple):
    """A node to visit; ``is_owner`` says that an attribute of it is used."""

    node: ast.AST
    scope: Scope
    manner: Manner = Manner.READ
    is_owner: bool = False


class _Seen(NamedTuple):
    """A use before all names of the file are bound."""

    step: _Step
    line: int
    name: str
    chain: Chain | None


class Walk:
    """Walks one file's tree in the order of its text."""

    def __init__(self, path: str, module: str, text: str, tree: ast.Module) -> None:
        self._path = path
        self._module = module
        self._text = text
        self._lines = text.split("\n")
        self._exported = exported(tree)
        self._symbols: list[Definition] = []
        self._numbers: dict[str, int] = {}
        self._variables: dict[str, int] = {}
        self._values: list[tuple[Scope, Chain | None]] = []
        self._imports: list[Import] = []
        self._has_star = False
        self._seen: list[_Seen] = []
        self._bases: list[tuple[int, int, str, Scope, Chain | None]] = []
        self._waiting: list[_Step] = []
        self._read(tree)

    def _read(self, tree: ast.Module) -> None:
        scope = Scope(None, 0)
        module = Definition(
            "<module>", self._module or self._path, Kind.MODULE, 1, len(self._lines),
            "", docstring_line(tree), "", None, True,
        )  # fmt: skip
        self._add(module, scope)
        self._push(tree.body, scope)
        while self._waiting:
            step = self._waiting.pop()
            visit = _VISITS.get(type(step.node))
            if visit is None:
                self._push(_children(step.node), step.scope)
            else:
                visit(self, step.node, step)

    def facts(self, digest: bytes) -> FileFacts:
        """Return what was read, with the ways that the names of the whole file give."""
        uses = dict.fromkeys(use for seen in self._seen if (use := self._use(seen)))
        return FileFacts(
            self._path,
            self._module,
            digest,
            len(self._lines),
            zlib.compress(self._text.encode("utf-8", "replace"), 1),
            [
                each._replace(value=self._way(scope, chain)) if chain else each
                for each, (scope, chain) in zip(self._symbols, self._values, strict=True)
            ],
            [" ".join(words(f"{each.name} {each.signature}")) for each in self._symbols],
            self._imports,
            list(uses),
            [
                Base(number, place, name, self._way(scope, chain))
                for number, place, name, scope, chain in self._bases
            ],
        )

    def _use(self, seen: _Seen) -> Use | None:
        """Return what is kept of a use: nothing of local variables and of builtins themselves."""
        step, line, name, chain = seen
        way = self._way(step.scope, chain)
        if chain is not None and not chain.rest:
            if not self._is_worth(chain.root, way, step):
                return None
            way = way or NOWHERE
        if way is not None and way != NOWHERE:
            name = way.rpartition(":")[2].rpartition(".")[2]  # not that of ``as``
        return Use(line, step.scope.symbol, step.manner, name, way)

    def _is_worth(self, name: str, way: str | None, step: _Step) -> bool:
        if way is None:
            binding = step.scope.binding(name)
            return not binding.is_local if binding else name not in _BUILTINS
        if step.is_owner and not way.startswith(f"{self._path}::"):
            return False  # the module in ``module.name``, which is a use of its own
        return not way.endswith("()")  # ``self``

    def _way(self, scope: Scope, chain: Chain | None) -> str | None:
        if chain is None:
            return None
        if self._has_star and scope.binding(chain.root) is None and chain.root not in _BUILTINS:
            return f"{self._path}::{chain.root}{chain.rest}"
        return scope.way(chain)

    # Definitions

    def visit_function(self, node: Function, step: _Step) -> None:
        """Define a function; what stands in its head runs outside of it."""
        scope = step.scope
        decorators = {last_name(each) for each in node.decorator_list}
        kind = Kind.METHOD if scope.is_class else Kind.FUNCTION
        if scope.is_class and decorators & _PROPERTIES:
            kind = Kind.PROPERTY
        symbol = self._define(node, kind, signature(node), scope, class_named(node.returns))
        prefix = f"{self._symbols[symbol].qualname}.<locals>."
        inner = Scope(scope, symbol, prefix, scope.owner)
        bind_parameters(node.args, inner, scope.is_class and "staticmethod" not in decorators)
        self._push(node.body, inner)
        self._push([node.args, *filter(None, [node.returns])], scope)
        self._push(node.decorator_list, scope, Manner.DECORATE)

    def visit_class(self, node: ast.ClassDef, step: _Step) -> None:
        """Define a class and note its bases."""
        scope = step.scope
        heads = ", ".join(unparsed(each) for each in (*node.bases, *node.keywords))
        signature = f"class {node.name}({heads})" if heads else f"class {node.name}"
        symbol = self._define(node, Kind.CLASS, signature, scope, None)
        qualname = self._symbols[symbol].qualname
        for place, base in enumerate(node.bases):
            named = base.value if isinstance(base, ast.Subscript) else base
            self._bases.append((symbol, place, unparsed(base), scope, chain_of(named)))
        inner = Scope(scope, symbol, f"{qualname}.", f"{self._path}::{qualname}", is_class=True)
        self._push(node.body, inner)
        self._push(node.keywords, scope)
        self._push(node.bases, scope, Manner.INHERIT)
        self._push(node.decorator_list, scope, Manner.DECORATE)

    def visit_assignment(self, node: Assignment, step: _Step) -> None:
        """Define variables of the module, and attributes of a class or of ``self``."""
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        held = held_by(node) if len(targets) == 1 else None
        for target in _flat(targets):
            own = held if target is targets[0] else None
            if isinstance(target, ast.Name):
                self._assign_name(target.id, node, step.scope.named, own)
                continue
            if isinstance(target, ast.Attribute):
                self._assign_attribute(target, node, step.scope, own)
            self._push([target], step.scope)
        values = [node.value, getattr(node, "annotation", None)]
        self._push(filter(None, values), step.scope)

    def _assign_name(self, name: str, node: Assignment, scope: Scope, held: Chain | None) -> None:
        if scope.is_class or scope.outer is None:
            kind = Kind.ATTRIBUTE if scope.is_class else Kind.VARIABLE
            self._define_variable(scope.prefix + name, kind, node, scope, held)
        scope.assign(name, self._way_to_variable(name, scope), held)

    def _assign_attribute(
        self, target: ast.Attribute, node: Assignment, scope: Scope, held: Chain | None
    ) -> None:
        root = chain_of(target.value)
        if root and not root.rest and scope.owner and self._way(scope, root) == f"{scope.owner}()":
            qualname = f"{scope.owner.partition('::')[2]}.{target.attr}"
            self._define_variable(qualname, Kind.ATTRIBUTE, node, scope, held)

    def _define_variable(
        self, qualname: str, kind: Kind, node: Assignment, scope: Scope, held: Chain | None
    ) -> None:
        if qualname in self._variables:
            self._differ(self._variables[qualname], scope, held)
        else:
            line = short(self._lines[node.lineno - 1])
            parent = self._numbers.get(qualname.rpartition(".")[0], 0)
            symbol = self._described(qualname, kind, node, line, "", "", parent)
            self._variables[qualname] = self._add(symbol, scope, held)

    def _differ(self, number: int, scope: Scope, held: Chain | None) -> None:
        """Forget what a variable holds where two assignments do not agree."""
        if self._values[number][1] != held:
            self._values[number] = (scope, None)

    def _define(
        self,
        node: Function | ast.ClassDef,
        kind: Kind,
        signature: str,
        scope: Scope,
        held: Chain | None,
    ) -> int:
        is_global = node.name in scope.elsewhere
        qualname = node.name if is_global else scope.prefix + node.name
        decorators = short(" ".join(f"@{unparsed(each)}" for each in node.decorator_list))
        symbol = self._described(
            qualname, kind, node, signature, docstring_line(node), decorators, scope.symbol
        )
        (scope.module if is_global else scope).define(node.name, f"{self._path}::{qualname}")
        return self._add(symbol, scope, held)

    def _described(
        self,
        qualname: str,
        kind: Kind,
        node: Function | ast.ClassDef | Assignment,
        signature: str,
        docstring: str,
        decorators: str,
        parent: int,
    ) -> Definition:
        heads = getattr(node, "decorator_list", None) or [node]
        name = qualname.rpartition(".")[2]
        return Definition(
            qualname, name, kind, heads[0].lineno, node.end_lineno or node.lineno,
            signature, docstring, decorators, parent, self._is_public(qualname),
        )  # fmt: skip

    def _add(self, symbol: Definition, scope: Scope, held: Chain | None = None) -> int:
        self._numbers[symbol.qualname] = len(self._symbols)
        self._symbols.append(symbol)
        self._values.append((scope, held))
        return len(self._symbols) - 1

    def _is_public(self, qualname: str) -> bool:
        first, *rest = qualname.split(".")
        if self._exported is not None and first not in self._exported:
            return False
        return not any(
            each == "<locals>" or (each.startswith("_") and not each.endswith("__"))
            for each in (first, *rest)
        )

    def _way_to_variable(self, name: str, scope: Scope) -> str | None:
        if scope.outer is None or scope.is_class:
            return f"{self._path}::{scope.prefix}{name}"
        return None

    # Names

    def visit_name(self, node: ast.Name, step: _Step) -> None:
        """Note a use, or bind the name."""
        if isinstance(node.ctx, ast.Load):
            self._seen.append(_Seen(step, node.lineno, node.id, Chain(node.id, "")))
        else:
            self._bind(node.id, step.scope)

    def visit_attribute(self, node: ast.Attribute, step: _Step) -> None:
        """Note the use of an attribute; its line is that of the name."""
        is_read = isinstance(node.ctx, ast.Load)
        used = step if is_read else step._replace(manner=Manner.WRITE)
        line = node.end_lineno or node.lineno
        self._seen.append(_Seen(used, line, node.attr, chain_of(node)))
        self._waiting.append(_Step(node.value, step.scope, Manner.READ, True))

    def visit_call(self, node: ast.Call, step: _Step) -> None:
        """Pass on that what is called is called."""
        self._push([*node.args, *node.keywords], step.scope)
        manner = step.manner if step.manner is Manner.DECORATE else Manner.CALL
        self._waiting.append(_Step(node.func, step.scope, manner))

    def visit_import(self, node: ast.Import, step: _Step) -> None:
        """Note modules; ``import a.b`` binds ``a``."""
        for each in node.names:
            self._import(node, step.scope, each.name, "", each.asname or each.name)
            top = each.name.partition(".")[0]
            step.scope.define(each.asname or top, each.name if each.asname else top)

    def visit_import_from(self, node: ast.ImportFrom, step: _Step) -> None:
        """Note names of a module; a relative one is made absolute where the file is in a package."""
        module = self._absolute(node)
        for each in node.names:
            local = each.asname or each.name
            self._import(node, step.scope, module or "." * node.level, each.name, local)
            if each.name == "*":
                self._has_star = True
            else:
                step.scope.define(local, f"{module}.{each.name}" if module else None)

    def _import(
        self, node: ast.Import | ast.ImportFrom, scope: Scope, module: str, name: str, local: str
    ) -> None:
        self._imports.append(Import(node.lineno, scope.symbol, module, name, local))

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self._module.split(".") if self._module else []
        up = node.level - self._path.endswith("__init__.py")
        if not parts or up >= len(parts) + (not up):
            return ""
        return ".".join([*parts[: len(parts) - up], *filter(None, [node.module])])

    # Scopes

    def visit_nameless(self, node: ast.AST, step: _Step) -> None:
        """Open the scope of a comprehension or a lambda."""
        scope = step.scope
        inner = Scope(scope, scope.symbol, scope.prefix, scope.owner, is_nameless=True)
        if isinstance(node, ast.Lambda):
            bind_parameters(node.args, inner, False)
        self._push(_children(node), inner)

    def visit_elsewhere(self, node: ast.Global | ast.Nonlocal, step: _Step) -> None:
        """Remember names that belong to a scope further out."""
        step.scope.named.elsewhere.update(node.names)

    def visit_binding(self, node: ast.AST, step: _Step) -> None:
        """Bind the name of an exception or of a pattern."""
        name = getattr(node, "name", None) or getattr(node, "rest", None)
        if name is not None:
            self._bind(name, step.scope)
        self._push(_children(node), step.scope)

    def _bind(self, name: str, scope: Scope) -> None:
        """Bind a name to a value that nothing is known of."""
        if name not in scope.elsewhere:
            scope.assign(name, self._way_to_variable(name, scope))

    def _push(self, nodes: Iterable[ast.AST], scope: Scope, manner: Manner = Manner.READ) -> None:
        self._waiting.extend([_Step(node, scope, manner) for node in nodes][::-1])


_VISITS: Mapping[type[ast.AST], Callable[..., None]] = {
    ast.FunctionDef: Walk.visit_function,
    ast.AsyncFunctionDef: Walk.visit_function,
    ast.ClassDef: Walk.visit_class,
    ast.Lambda: Walk.visit_nameless,
    ast.ListComp: Walk.visit_nameless,
    ast.SetComp: Walk.visit_nameless,
    ast.DictComp: Walk.visit_nameless,
    ast.GeneratorExp: Walk.visit_nameless,
    ast.Assign: Walk.visit_assignment,
    ast.AnnAssign: Walk.visit_assignment,
    ast.NamedExpr: Walk.visit_assignment,
    ast.Name: Walk.visit_name,
    ast.Attribute: Walk.visit_attribute,
    ast.Call: Walk.visit_call,
    ast.Import: Walk.visit_import,
    ast.ImportFrom: Walk.visit_import_from,
    ast.Global: Walk.visit_elsewhere,
    ast.Nonlocal: Walk.visit_elsewhere,
    ast.ExceptHandler: Walk.visit_binding,
    ast.MatchAs: Walk.visit_binding,
    ast.MatchStar: Walk.visit_binding,
    ast.MatchMapping: Walk.visit_binding,
}


def _children(node: ast.AST) -> list[ast.AST]:
    """Return the nodes right below a node that have something to say."""
    found: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, list):
            found.extend(each for each in value if isinstance(each, ast.AST))
        elif isinstance(value, ast.AST) and not isinstance(value, _EMPTY):
            found.append(value)
    return found


def _flat(targets: Sequence[ast.expr]) -> Iterator[ast.expr]:
    waiting = list(reversed(targets))
    while waiting:
        target = waiting.pop()
        if isinstance(target, ast.Tuple | ast.List):
            waiting.extend(reversed(target.elts))
        elif isinstance(target, ast.Starred):
            waiting.append(target.value)
        else:
            yield target
