"""One function in its module as a rule of the catalogue sees it, and what a rule may answer."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import libcst as cst
from libcst.codemod import CodemodContext
from libcst.codemod.visitors import AddImportsVisitor

from perfbot.optimizer import syntax
from perfbot.optimizer.tables import dict_attributes
from perfbot.profiling.facts import Seen

_Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
Change = cst.CSTNode | cst.RemovalSentinel | cst.FlattenSentinel[cst.CSTNode]
_LITERAL_TYPES = {
    cst.Integer: "int",
    cst.Float: "float",
    cst.FormattedString: "str",
    cst.List: "list",
}
_LITERAL_TYPES |= {cst.ListComp: "list", cst.Dict: "dict", cst.DictComp: "dict", cst.Set: "set"}
_LITERAL_TYPES |= {cst.SetComp: "set", cst.Tuple: "tuple", cst.Comparison: "bool"}
_CONSTRUCTORS = frozenset(
    [
        "list",
        "dict",
        "set",
        "frozenset",
        "tuple",
        "str",
        "int",
        "float",
        "bool",
        "bytes",
        "bytearray",
    ]
)
_RESULTS = {
    "len": "int",
    "ord": "int",
    "chr": "str",
    "sorted": "list",
    "repr": "str",
    "input": "str",
}
_METHOD_RESULTS = dict.fromkeys(
    [
        "lower",
        "upper",
        "strip",
        "lstrip",
        "rstrip",
        "replace",
        "title",
        "join",
        "capitalize",
        "casefold",
        "swapcase",
        "zfill",
    ],
    "str",
) | dict.fromkeys(["split", "rsplit", "splitlines"], "list")


@dataclass(frozen=True)
class Import:
    """``from module import name``, or ``import module`` when ``name`` is ``None``."""

    module: str
    name: str | None = None

    @property
    def binds(self) -> str:
        """The local name that the import binds."""
        return self.name or self.module.split(".", maxsplit=1)[0]


@dataclass(frozen=True)
class Rewrite:
    """A rule's answer: the whole module as it would be, and why that is faster here."""

    module: cst.Module
    why: str


class SceneError(ValueError):
    """The function that was asked for is not in the module."""


@dataclass(frozen=True)
class Scene:
    """A function under optimization.

    Args:
        module: the parsed file.
        qualname: ``f``, ``Class.method``; the last definition of that name counts.
        facts: what each parameter and local variable was seen to hold, by name.
        dependencies: import names of third-party packages that the project itself depends on.
        calls: how often the workload called the function, 0 if unknown.
        dict_attributes: names of attributes that the project only binds to dicts it writes out;
            ``None`` if nothing but the module is known.
    """

    module: cst.Module
    qualname: str
    facts: Mapping[str, Seen] = field(default_factory=dict)
    dependencies: frozenset[str] = frozenset()
    calls: int = 0
    dict_attributes: frozenset[str] | None = None

    @cached_property
    def text(self) -> str:
        """The module's source; LibCST puts it together anew each time it is asked for."""
        return self.module.code

    @cached_property
    def _path(self) -> tuple[cst.CSTNode, ...]:
        """The nodes from the module's top-level statement down to the function."""
        found = _locate(self.module.body, self.qualname.split("."))
        if found is None:
            raise SceneError(f"there is no function {self.qualname}")
        return found

    @cached_property
    def function(self) -> cst.FunctionDef:
        """The function's definition, a node of ``module``."""
        node = self._path[-1]
        assert isinstance(node, cst.FunctionDef)
        return node

    @cached_property
    def owner(self) -> cst.ClassDef | None:
        """The class whose method this is."""
        owners = [node for node in self._path[:-1] if isinstance(node, cst.ClassDef)]
        return owners[-1] if owners else None

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Names of all parameters, ``self`` included, in order, without stars."""
        params = self.function.params
        groups = [*params.posonly_params, *params.params, *params.kwonly_params]
        stars = [
            star for star in (params.star_arg, params.star_kwarg) if isinstance(star, cst.Param)
        ]
        return tuple(param.name.value for param in [*groups, *stars])

    @cached_property
    def _parents(self) -> dict[int, cst.CSTNode]:
        return {
            id(child): node for node in syntax.walk(self.module) for child in syntax.children(node)
        }

    @cached_property
    def sure_names(self) -> dict[str, Seen | None]:
        """What ``certainty`` has worked out about variables of this scene so far."""
        return {}

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """Return the node directly above."""
        return self._parents.get(id(node))

    def above(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield the nodes above ``node``, nearest first, up to the function itself."""
        while node is not self.function and (parent := self.parent(node)) is not None:
            yield parent
            node = parent

    def loops_around(self, node: cst.CSTNode) -> list[cst.CSTNode]:
        """Return the loops and comprehensions whose body repeats ``node``, innermost first.

        The iterable of a ``for`` and of a comprehension's first ``for`` runs once and is not repeated.
        """
        loops: list[cst.CSTNode] = []
        below = node
        for parent in self.above(node):
            match parent:
                case cst.For() if below is not parent.iter and below is not parent.orelse:
                    loops.append(parent)
                case cst.While() if below is not parent.orelse:
                    loops.append(parent)
                case cst.ListComp() | cst.SetComp() | cst.DictComp() | cst.GeneratorExp():
                    if not _is_first_iterable(parent, node):
                        loops.append(parent)
            below = parent
        return loops

    def uses(self, name: str) -> list[cst.Name]:
        """Return every occurrence of a local variable in the function, stores included."""
        return [node for node in syntax.variables(self.function) if node.value == name]

    @cached_property
    def stored(self) -> tuple[cst.Name, ...]:
        """Every occurrence of a name, anywhere in the function, that binds it."""
        return tuple(syntax.stores(self.function))

    def times_bound(self, name: str) -> int:
        """Return at how many places the function binds a name."""
        return sum(store.value == name for store in self.stored)

    @cached_property
    def local_names(self) -> frozenset[str]:
        """Names bound anywhere inside the function, its parameters included."""
        return syntax.names_written(self.function.body) | frozenset(self.parameters)

    @cached_property
    def module_names(self) -> frozenset[str]:
        """Names bound at the module's top level (also inside top-level ``if`` and ``try``)."""
        return frozenset(_bound_at_top(self.module.body))

    def keeps_dict(self, attribute: str) -> bool:
        """Say whether an attribute of that name holds a plain dict wherever the project's code sets it."""
        return attribute in self._dict_attributes

    @cached_property
    def _dict_attributes(self) -> frozenset[str]:
        known = self.dict_attributes
        return dict_attributes([self.text]) if known is None else known

    def is_builtin(self, name: str) -> bool:
        """Say whether ``name`` means the builtin of that name inside the function."""
        return name not in self.local_names and name not in self.module_names

    @cached_property
    def _imports(self) -> dict[str, Import]:
        """The module's top-level imports by the name that they bind."""
        found: dict[str, Import] = {}
        for line in self.module.body:
            for node in line.body if isinstance(line, cst.SimpleStatementLine) else ():
                for item in _imports_of(node):
                    found[item[0]] = item[1]
        return found

    def imported_as(self, name: str) -> Import | None:
        """Return what a name was imported from at the top of the module, if it was."""
        return None if name in self.local_names else self._imports.get(name)

    def can_import(self, item: Import) -> bool:
        """Say whether an import may be added (or is there) without taking a name that means something else."""
        if item.binds in self.local_names:
            return False
        return item.binds not in self.module_names or self._imports.get(item.binds) == item

    def fresh(self, wanted: str) -> str:
        """Return ``wanted``, with a number if the name is taken anywhere in the module."""
        taken = {name.value for name in syntax.find(self.module, cst.Name)}
        candidates = (wanted if n == 1 else f"{wanted}_{n}" for n in range(1, 1000))
        return next(name for name in candidates if name not in taken)

    def kind(self, expr: cst.BaseExpression) -> Seen | None:
        """Return what is known of an expression's type: literals, annotations, facts seen at run time."""
        match expr:
            case cst.Name(value="True" | "False"):
                return Seen(frozenset({"bool"}))
            case cst.Name(value="None"):
                return Seen(frozenset({"NoneType"}))
            case cst.Name(value=name):
                return self._kind_of_name(name)
            case cst.SimpleString() | cst.ConcatenatedString():
                return Seen(frozenset({type(syntax.constant(expr)).__name__}))
            case cst.Call(func=cst.Name(value=name)) if self.is_builtin(name):
                result = name if name in _CONSTRUCTORS else _RESULTS.get(name)
                return Seen(frozenset({result})) if result else None
            case cst.Call(func=cst.Attribute(value=receiver, attr=cst.Name(value=method))):
                return self._kind_of_method(receiver, method)
            case cst.Subscript(value=value, slice=[cst.SubscriptElement(slice=cst.Index())]):
                return self._kind_of_item(value)
            case cst.Subscript(value=value):
                return self.kind(value)
            case cst.Attribute(value=cst.Name() as owner, attr=cst.Name(value=name)):
                seen = self.kind(owner)
                return seen.attributes.get(name) if seen is not None else None
        literal = _LITERAL_TYPES.get(type(expr))
        return Seen(frozenset({literal})) if literal else None

    def is_kind(self, expr: cst.BaseExpression, *types: str) -> bool:
        """Say whether an expression is known to be of one of these types and of no other."""
        seen = self.kind(expr)
        return seen is not None and seen.only(*types)

    def _kind_of_name(self, name: str) -> Seen | None:
        if name in self.facts:
            return self.facts[name]
        values = [
            found[1]
            for line in syntax.find(self.function, cst.SimpleStatementLine)
            if (found := syntax.assignment(line)) and found[0] == name
        ]
        if len(values) != 1 or isinstance(values[0], cst.Name) or name in self.parameters:
            return None
        stored = self.times_bound(name)
        return (
            self.kind(values[0])
            if stored == 1 and name not in syntax.names_read(values[0])
            else None
        )

    def _kind_of_method(self, receiver: cst.BaseExpression, method: str) -> Seen | None:
        result = _METHOD_RESULTS.get(method)
        if result is None or not self.is_kind(receiver, "str"):
            return None
        return Seen(frozenset({result}), Seen(frozenset({"str"})) if result == "list" else None)

    def _kind_of_item(self, container: cst.BaseExpression) -> Seen | None:
        seen = self.kind(container)
        if seen is None:
            return None
        if seen.only("str"):
            return seen
        if seen.only("list", "tuple"):
            return seen.elements
        return (
            seen.values
            if seen.only("dict", "collections.defaultdict", "collections.Counter")
            else None
        )

    def rewrite(
        self,
        changes: Mapping[cst.CSTNode, Change],
        why: str,
        *,
        imports: Iterable[Import] = (),
        before: Iterable[cst.BaseStatement] = (),
    ) -> Rewrite:
        """Return the module with nodes exchanged, imports added and statements put before the function.

        ``changes`` maps nodes of ``module`` (by identity) to their replacement; use
        ``cst.FlattenSentinel`` for several statements and ``cst.RemoveFromParent()`` for none.
        ``before`` holds top-level statements (constants, helpers) that go right above the
        top-level statement which contains the function.
        """
        replacements: dict[int, Change] = {id(node): new for node, new in changes.items()}
        statements = tuple(before)
        if statements:
            top = self._path[0]
            changed = top.visit(_Exchange(replacements))
            assert isinstance(changed, cst.BaseStatement)
            replacements[id(top)] = cst.FlattenSentinel([*_spaced(statements, changed)])
        module = self.module.visit(_Exchange(replacements, self._way(replacements)))
        return Rewrite(_with_imports(module, imports), why)

    def _way(self, replacements: Mapping[int, Change]) -> frozenset[int]:
        """Return the nodes that lead to all that is replaced, none where it lies elsewhere as well."""
        near = {id(node) for node in (*self._path, *syntax.walk(self.function))}
        return frozenset(map(id, self._path)) if replacements.keys() <= near else frozenset()

    def moved_to(self, module: cst.Module) -> "Scene":
        """Return the same function in another version of the module."""
        return replace(self, module=module)


class _Exchange(cst.CSTTransformer):
    """Replaces nodes by identity; what stands below a replaced node is not visited.

    With ``way``, the nodes down to a function, statements beside that way are not visited either.
    """

    def __init__(
        self, replacements: Mapping[int, Change], way: frozenset[int] = frozenset()
    ) -> None:
        super().__init__()
        self._replacements = replacements
        self._way = way
        self._functions = 0  # of the way, that are being visited: below them everything is

    def on_visit(self, node: cst.CSTNode) -> bool:
        if id(node) in self._replacements:
            return False
        on_way = id(node) in self._way
        self._functions += on_way and isinstance(node, cst.FunctionDef)
        within = on_way or self._functions or not self._way
        return bool(within) or not isinstance(node, cst.BaseStatement)

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> Change:  # type: ignore[override]
        if id(original_node) in self._way and id(original_node) not in self._replacements:
            self._functions -= isinstance(original_node, cst.FunctionDef)
        return self._replacements.get(id(original_node), updated_node)


def exchanged(node: cst.BaseStatement, changes: Mapping[cst.CSTNode, Change]) -> cst.BaseStatement:
    """Return a statement in which nodes below it are exchanged by identity."""
    new = node.visit(_Exchange({id(old): change for old, change in changes.items()}))
    assert isinstance(new, cst.BaseStatement)
    return new


def _spaced(
    before: tuple[cst.BaseStatement, ...], top: cst.BaseStatement
) -> Iterator[cst.BaseStatement]:
    """Give the first new statement the blank lines above ``top``, and ``top`` two of its own."""
    leading = getattr(top, "leading_lines", ())
    blank = [line for line in leading if line.comment is None]
    kept = [line for line in leading if line.comment is not None]
    empty = cst.EmptyLine(indent=False)
    for number, each in enumerate(before):
        lines = (
            blank
            if number == 0
            else [empty, empty]
            if isinstance(each, cst.BaseCompoundStatement)
            else []
        )
        yield each.with_changes(leading_lines=lines)
    yield top.with_changes(leading_lines=[empty, empty, *kept])


def _with_imports(module: cst.Module, imports: Iterable[Import]) -> cst.Module:
    items = tuple(imports)
    if not items:
        return module  # the visitor would look at every node to find nothing to do
    context = CodemodContext()
    for item in items:
        AddImportsVisitor.add_needed_import(context, item.module, item.name)
    added = AddImportsVisitor(context).transform_module(module)
    return added if len(added.body) == len(module.body) else set_apart(added, len(module.body))


def set_apart(module: cst.Module, count_before: int) -> cst.Module:
    """Give added imports the blank lines around them that PEP 8 asks for, where they stand alone.

    That is between the module's docstring and what else there is; imports that join others need none.
    """
    has_docstring = module.get_docstring() is not None
    first = int(has_docstring)
    after = first + len(module.body) - count_before
    body = list(module.body)
    if has_docstring and first < len(body) and _is_import(body[first]):
        body[first] = _with_blank_lines(body[first], 1)
    if after < len(body) and isinstance(body[after], cst.FunctionDef | cst.ClassDef):
        body[after] = _with_blank_lines(body[after], 2)
    return module.with_changes(body=body)


def _is_import(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.SimpleStatementLine) and isinstance(
        node.body[0], cst.Import | cst.ImportFrom
    )


def _with_blank_lines(node: _Statement, least: int) -> _Statement:
    lines = list(getattr(node, "leading_lines", ()))
    blank = next((n for n, line in enumerate(lines) if line.comment is not None), len(lines))
    missing = [cst.EmptyLine(indent=False)] * max(0, least - blank)
    return node.with_changes(leading_lines=[*missing, *lines])


def _locate(body: Iterable[cst.CSTNode], names: list[str]) -> tuple[cst.CSTNode, ...] | None:
    """Find the path to the last definition of ``names``, through classes, ``if``, ``try`` and ``with``."""
    found: tuple[cst.CSTNode, ...] | None = None
    for node in body:
        match node:
            case cst.FunctionDef(name=cst.Name(value=name)) if [name] == names:
                found = (node,)
                continue
            case cst.ClassDef(name=cst.Name(value=name)) if name == names[0] and len(names) > 1:
                inner = _locate(node.body.body, names[1:])
            case cst.FunctionDef() | cst.ClassDef() | cst.SimpleStatementLine():
                continue
            case _:
                inner = _locate(node.children, names)
        if inner is not None:
            found = (node, *inner)
    return found


def _bound_at_top(body: Iterable[cst.CSTNode]) -> Iterator[str]:
    for node in body:
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            yield node.name.value
        elif isinstance(node, cst.SimpleStatementLine):
            yield from syntax.names_written(node)
        else:
            yield from (
                syntax.names_written(node) if not isinstance(node, cst.BaseExpression) else ()
            )


def _imports_of(node: cst.BaseSmallStatement) -> Iterator[tuple[str, Import]]:
    match node:
        case cst.Import(names=names):
            for alias in names:
                yield syntax.imported_name(alias), Import(syntax.code(alias.name))
        case cst.ImportFrom(module=cst.BaseExpression() as module, names=[*names], relative=[]):
            for alias in names:
                if isinstance(alias.name, cst.Name):
                    yield syntax.imported_name(alias), Import(syntax.code(module), alias.name.value)


def _is_first_iterable(comprehension: cst.CSTNode, node: cst.CSTNode) -> bool:
    first = getattr(comprehension, "for_in", None)
    return first is not None and any(each is node for each in syntax.walk(first.iter))
