"""Which definition a name means, as far as the file's own text tells for certain.

A *way* is a text that leads from a name to what it means, so that a file can be read without the
others; ``ways.py`` follows it:

- ``numpy.linalg.norm``: through an import;
- ``shop/prices.py::Basket.total``: to a definition of that file;
- ``…()``: to what calling the thing before gives, an instance for a class (``self`` is
  ``shop/prices.py::Basket()``);
- ``…^``: to the bases of the class before (``super()``);
- ``?``: nowhere, for a name that stands alone and whose meaning is not certain.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

Assignment: TypeAlias = ast.Assign | ast.AnnAssign | ast.NamedExpr
NOWHERE = "?"
_LONGEST = 16  # steps of a chain; what is longer is known by its last name alone
_LONGEST_WAY = 400  # characters
_DEEPEST = 8  # variables that are made of one another
_OPTIONAL = frozenset(("Optional", "Final", "ClassVar", "Annotated"))


class Chain(NamedTuple):
    """An expression made of names and calls: ``root`` and what follows, as ``np`` and ``.norm()``."""

    root: str
    rest: str


def chain_of(node: ast.AST | None) -> Chain | None:
    """Return an expression's chain; ``None`` where it is more than names, attributes and calls."""
    parts: list[str] = []
    while len(parts) < _LONGEST:
        match node:
            case ast.Name():
                return Chain(node.id, "".join(reversed(parts)))
            case ast.Attribute():
                parts.append(f".{node.attr}")
                node = node.value
            case ast.Call():
                parts.append("()")
                node = node.func
            case _:
                return None
    return None


def class_named(annotation: ast.AST | None) -> Chain | None:
    """Return the chain of the one class that an annotation names, ``None`` apart."""
    match annotation:
        case ast.Constant(value=str() as text) if len(text) < 100:
            return class_named(_parsed(text))
        case ast.BinOp(op=ast.BitOr(), left=left, right=ast.Constant(value=None)):
            return class_named(left)
        case ast.BinOp(op=ast.BitOr(), left=ast.Constant(value=None), right=right):
            return class_named(right)
        case ast.Subscript(value=outer, slice=inner):
            named = outer.attr if isinstance(outer, ast.Attribute) else getattr(outer, "id", "")
            inner = inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner
            return class_named(inner if named in _OPTIONAL else outer)
        case ast.Name() | ast.Attribute():
            return chain_of(annotation)
    return None


def _parsed(text: str) -> ast.AST | None:
    try:
        parsed = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return None if isinstance(parsed, ast.Constant) else parsed


@dataclass(slots=True, eq=False)
class Scope:
    """A block with names of its own, inside the symbol of that number.

    ``prefix`` is what the qualname of a definition here starts with. ``owner`` is the way to the
    class whose methods run here. ``is_nameless`` are comprehensions and lambdas.
    """

    outer: "Scope | None"
    symbol: int
    prefix: str = ""
    owner: str | None = None
    is_class: bool = False
    is_nameless: bool = False
    elsewhere: set[str] = field(default_factory=set)  # declared global or nonlocal
    _ways: dict[str, str | None] = field(default_factory=dict)
    _assigned: set[str] = field(default_factory=set)  # bound by assignment alone
    _held: dict[str, Chain | None] = field(default_factory=dict)

    @property
    def module(self) -> "Scope":
        """The outermost scope."""
        scope = self
        while scope.outer is not None:
            scope = scope.outer
        return scope

    @property
    def named(self) -> "Scope":
        """The innermost scope that is no comprehension or lambda."""
        scope = self
        while scope.is_nameless and scope.outer is not None:
            scope = scope.outer
        return scope

    def define(self, name: str, way: str | None) -> None:
        """Bind a name by import, ``def`` or ``class``; two that differ make it uncertain."""
        known = name in self._ways and name not in self._assigned
        self._ways[name] = None if known and self._ways[name] != way else way
        self._assigned.discard(name)

    def assign(self, name: str, way: str | None, held: Chain | None = None) -> None:
        """Bind a name to a value; ``held`` leads to its class. At module level definitions win."""
        if name not in self._ways:
            self._ways[name] = way
            self._assigned.add(name)
            self._held[name] = held
            return
        if self._held.get(name) != held:
            self._held[name] = None
        if self.outer is not None and self._ways[name] != way:
            self._ways[name] = None

    def receive(self, name: str) -> None:
        """Bind the first parameter of a method, an instance of its class (or the class itself)."""
        self._ways[name] = f"{self.owner}()"

    def way(self, chain: Chain, depth: int = 0) -> str | None:
        """Return the way to what a chain means, ``None`` where the file does not tell for certain."""
        root, rest = chain
        if root == "super" and rest.startswith("()") and self.owner is not None:
            return f"{self.owner}^{rest[2:]}"
        scope = self.binding(root)
        if scope is None:
            return None
        way = scope._ways[root]
        if way is None and rest and depth < _DEEPEST:
            way = scope._instance(root, depth + 1)
        return None if way is None or len(way + rest) > _LONGEST_WAY else way + rest

    def _instance(self, name: str, depth: int) -> str | None:
        held = self._held.get(name)
        way = self.way(held, depth) if held is not None else None
        return None if way is None else f"{way}()"

    def binding(self, name: str) -> "Scope | None":
        """Return the scope, from here outwards, that binds a name."""
        for scope in self._visible():
            if name in scope._ways and name not in scope.elsewhere:
                return scope
        return None

    @property
    def is_local(self) -> bool:
        """Whether names that are assigned here are local variables."""
        return not self.is_class and self.outer is not None

    def _visible(self) -> Iterator["Scope"]:
        """Yield this scope and those around it; a class is seen from its own block only."""
        scope: Scope | None = self
        own = self.named
        while scope is not None:
            if not scope.is_class or scope is own:
                yield scope
            scope = scope.outer


def bind_parameters(args: ast.arguments, scope: Scope, has_receiver: bool) -> None:
    """Bind the parameters of a function; ``has_receiver``: the first is an instance of the owner."""
    named = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    for each in named:
        scope.assign(each.arg, None, class_named(each.annotation))
    for star in filter(None, (args.vararg, args.kwarg)):
        scope.assign(star.arg, None)
    if has_receiver and scope.owner is not None and named:
        scope.receive(named[0].arg)


def held_by(node: Assignment) -> Chain | None:
    """Return the chain to the class of an assigned value: an annotation's, or what is called."""
    if isinstance(node, ast.AnnAssign):
        return class_named(node.annotation)
    chain = chain_of(node.value) if isinstance(node.value, ast.Call) else None
    return Chain(chain.root, chain.rest[:-2]) if chain else None
