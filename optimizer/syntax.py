"""Questions about LibCST nodes that the rules of the catalogue ask: names, effects, shapes.

Everything here is conservative: when a question cannot be answered, the answer is the one that
stops a rewrite.
"""

import ast
from collections.abc import Iterator
from functools import lru_cache
from typing import TypeVar

import libcst as cst
from libcst import PartialParserConfig
from libcst.helpers import parse_template_expression, parse_template_statement

Node = TypeVar("Node", bound=cst.CSTNode)

# Builtins that have no effect of their own on values of builtin types.
PURE_BUILTINS = frozenset(
    (
        "abs all any ascii bin bool bytes callable chr complex dict divmod enumerate filter float "
        "format frozenset hash hex int isinstance issubclass len list map max min oct ord pow "
        "range repr reversed round set slice sorted str sum tuple type zip"
    ).split()
)
# Methods of builtin values that change nothing.
PURE_METHODS = frozenset(
    (
        "capitalize casefold center copy count decode difference encode endswith expandtabs find "
        "format get hex index intersection isalnum isalpha isascii isdecimal isdigit isdisjoint "
        "isidentifier islower isnumeric isprintable isspace issubset issuperset istitle isupper "
        "items join keys ljust lower lstrip partition removeprefix removesuffix replace rfind "
        "rindex rjust rpartition rsplit rstrip split splitlines startswith strip swapcase "
        "symmetric_difference title translate union upper values zfill bit_length bit_count "
        "is_integer"
    ).split()
)
# Methods of list, dict, set, deque, bytearray and files that change their object.
MUTATING_METHODS = frozenset(
    (
        "append appendleft extend extendleft insert pop popleft popitem remove clear sort reverse "
        "add discard update setdefault difference_update intersection_update "
        "symmetric_difference_update rotate move_to_end subtract write writelines send close "
        "__setitem__ __delitem__"
    ).split()
)
_ATOMS = (
    *(cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.Integer, cst.Float, cst.SimpleString),
    *(cst.List, cst.Dict, cst.Set, cst.ListComp, cst.SetComp, cst.DictComp),
)
# What two equal pieces of code may differ in.
_LAYOUT = (
    *(cst.BaseParenthesizableWhitespace, cst.TrailingWhitespace, cst.EmptyLine, cst.Newline),
    *(cst.Comment, cst.LeftParen, cst.RightParen, cst.Comma, cst.Semicolon),
)
_SCOPES = (cst.FunctionDef, cst.Lambda, cst.ClassDef)


def code(node: cst.CSTNode) -> str:
    """Return the source text of a node, without surrounding whitespace."""
    return cst.Module(body=[]).code_for_node(node).strip()


def same(one: cst.CSTNode, other: cst.CSTNode) -> bool:
    """Say whether two nodes are the same code, comments, whitespace and parentheses aside."""
    if isinstance(one, cst.BaseExpression) and isinstance(other, cst.BaseExpression):
        return _match(one, other)
    if isinstance(one, cst.BaseStatement) and type(one) is not type(other):
        return False
    return _skeleton(one) == _skeleton(other)


def _match(one: cst.CSTNode, other: cst.CSTNode) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, cst.SimpleString):
        return constant(one) == constant(other) if isinstance(other, cst.SimpleString) else False
    for field in ("value", "star"):
        text = getattr(one, field, None)
        if isinstance(text, str) and text != getattr(other, field):
            return False
    ours, theirs = _meaningful(one), _meaningful(other)
    return len(ours) == len(theirs) and all(map(_match, ours, theirs))


def _meaningful(node: cst.CSTNode) -> list[cst.CSTNode]:
    return [child for child in children(node) if not isinstance(child, _LAYOUT)]


def _skeleton(node: cst.CSTNode) -> str:
    text = code(node)
    try:
        return ast.dump(ast.parse(text))
    except SyntaxError:
        return " ".join(text.split())


def expression(template: str, **parts: cst.BaseExpression) -> cst.BaseExpression:
    """Build an expression from text with ``{name}`` holes, parenthesizing parts where needed."""
    enclosed = {name: _enclosed(part) for name, part in parts.items()}
    return parse_template_expression(template, PartialParserConfig(), **enclosed)


def statement(template: str, **parts: cst.BaseExpression) -> cst.BaseStatement:
    """Build one statement (simple line or compound) from text with ``{name}`` expression holes."""
    return parse_template_statement(template, PartialParserConfig(), **parts)


def _enclosed(part: cst.BaseExpression) -> cst.BaseExpression:
    if isinstance(part, _ATOMS) or part.lpar:
        return part
    return part.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


@lru_cache(maxsize=100_000)
def children(node: cst.CSTNode) -> tuple[cst.CSTNode, ...]:
    """Return a node's children; LibCST collects them anew, with a visitor, each time it is asked."""
    return tuple(node.children)


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield the node and all nodes below it in source order, nested functions included."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        yield each
        waiting.extend(reversed(children(each)))


def walk_own(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield all nodes below that run as part of it: the bodies of nested scopes are left out."""
    for child in children(node):
        yield child
        if not isinstance(child, _SCOPES):
            yield from walk_own(child)


def find(node: cst.CSTNode, kind: type[Node]) -> Iterator[Node]:
    """Yield the nodes of one type at or below ``node``, in source order."""
    return (each for each in walk(node) if isinstance(each, kind))


def variables(node: cst.CSTNode) -> Iterator[cst.Name]:
    """Yield each ``Name`` that stands for a variable: no attributes, keywords or imported names."""
    if isinstance(node, cst.Name):
        yield node
        return
    skipped: cst.CSTNode | None = None
    match node:
        case cst.Attribute(attr=skipped) | cst.Arg(keyword=skipped) | cst.Param(name=skipped):
            pass
        case cst.FunctionDef(name=skipped) | cst.ClassDef(name=skipped):
            pass
        case cst.Import() | cst.ImportFrom() | cst.Global() | cst.Nonlocal():
            return
    for child in children(node):
        if child is not skipped:
            yield from variables(child)


def stores(node: cst.CSTNode) -> Iterator[cst.Name]:
    """Yield the ``Name`` nodes that assignments, loops, ``with``, ``del`` and ``:=`` bind below ``node``."""
    for each in walk(node):
        match each:
            case (
                cst.AssignTarget(target=target)
                | cst.AnnAssign(target=target)
                | cst.AugAssign(target=target)
                | cst.NamedExpr(target=target)
                | cst.For(target=target)
                | cst.CompFor(target=target)
                | cst.AsName(name=target)
                | cst.Del(target=target)
            ):
                yield from _target_names(target)


def _target_names(target: cst.CSTNode) -> Iterator[cst.Name]:
    match target:
        case cst.Name():
            yield target
        case cst.Tuple(elements=elements) | cst.List(elements=elements):
            for element in elements:
                yield from _target_names(element.value)


def stores_of(target: cst.CSTNode) -> list[cst.Name]:
    """Return the names that one target binds."""
    return list(_target_names(target))


def names_read(node: cst.CSTNode) -> frozenset[str]:
    """Return the names whose value is used at or below ``node``; ``x += 1`` reads ``x``."""
    plain = {id(name) for name in stores(node)}
    augmented = {
        each.target.value for each in find(node, cst.AugAssign) if isinstance(each.target, cst.Name)
    }
    return frozenset(augmented) | {name.value for name in variables(node) if id(name) not in plain}


def names_written(node: cst.CSTNode) -> frozenset[str]:
    """Return every name that is bound or declared ``global``/``nonlocal`` at or below ``node``."""
    names = {name.value for name in stores(node)}
    for each in walk(node):
        match each:
            case cst.FunctionDef(name=name) | cst.ClassDef(name=name) | cst.Param(name=name):
                names.add(name.value)
            case cst.ImportAlias():
                names.add(imported_name(each))
            case cst.Global(names=items) | cst.Nonlocal(names=items):
                names.update(item.name.value for item in items)
    return frozenset(names)


def imported_name(alias: cst.ImportAlias) -> str:
    """Return the local name that one imported item binds."""
    if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
        return alias.asname.name.value
    return code(alias.name).split(".", maxsplit=1)[0]


def root(expr: cst.BaseExpression) -> str | None:
    """Return ``a`` for ``a``, ``a.b``, ``a[i].c``; ``None`` where no name stands at the root."""
    while isinstance(expr, cst.Attribute | cst.Subscript):
        expr = expr.value
    return expr.value if isinstance(expr, cst.Name) else None


def method_call(node: cst.CSTNode) -> tuple[cst.BaseExpression, str] | None:
    """Return ``(receiver, method name)`` of a call such as ``receiver.method(...)``."""
    match node:
        case cst.Call(func=cst.Attribute(value=receiver, attr=cst.Name(value=name))):
            return receiver, name
    return None


def called_name(node: cst.CSTNode) -> str | None:
    """Return ``f`` for a call ``f(...)`` of a plain name."""
    match node:
        case cst.Call(func=cst.Name(value=name)):
            return name
    return None


def arguments(call: cst.Call) -> list[cst.BaseExpression] | None:
    """Return the positional arguments, or ``None`` when a keyword or star occurs."""
    if any(arg.keyword is not None or arg.star for arg in call.args):
        return None
    return [arg.value for arg in call.args]


def is_pure(expr: cst.CSTNode) -> bool:
    """Say whether evaluating has no effect: only names, literals, operators, pure builtins and methods.

    Attribute access, subscripts and operators count as pure: a class that changes the world in
    them is left to the judge.
    """
    for node in walk(expr):
        match node:
            case cst.Call(func=cst.Name(value=name)) if name in PURE_BUILTINS:
                continue
            case cst.Call(func=cst.Attribute(attr=cst.Name(value=name))) if name in PURE_METHODS:
                continue
            case cst.Call() | cst.Await() | cst.Yield() | cst.NamedExpr():
                return False
    return True


def mutates(node: cst.CSTNode, name: str) -> bool:
    """Say whether ``node`` may rebind ``name`` or change the object it holds, directly or by a call.

    Calls of unknown functions with the object as an argument, storing it elsewhere, returning and
    yielding it all count: after them, somebody else may change it.
    """
    return name in names_written(node) or changes(node, name)


def changes(node: cst.CSTNode, name: str) -> bool:
    """Like :func:`mutates`, for the object alone: binding the name anew does not count."""
    return any(_may_change(each, name) for each in walk(node))


def _may_change(node: cst.CSTNode, name: str) -> bool:
    match node:
        case cst.Call(func=cst.Attribute(value=receiver, attr=cst.Name(value=method))):
            if root(receiver) == name and method not in PURE_METHODS:
                return True
            return method not in PURE_METHODS and _passes(node, name)
        case cst.Call(func=cst.Name(value=function)):
            return function not in PURE_BUILTINS and _passes(node, name)
        case cst.Call():
            return _passes(node, name)
        case (
            cst.AssignTarget(target=target)
            | cst.AnnAssign(target=target)
            | cst.AugAssign(target=target)
            | cst.Del(target=target)
        ) if _stores_into(target, name):
            return True
        case cst.For(target=target, iter=value) | cst.CompFor(target=target, iter=value):
            shared = isinstance(value, cst.List | cst.Tuple | cst.Set) and _may_be(value, name)
            return shared or _stores_into(target, name)
    match node:
        case (
            cst.Assign(value=cst.BaseExpression() as value)
            | cst.AnnAssign(value=cst.BaseExpression() as value)
            | cst.NamedExpr(value=value)
            | cst.Yield(value=cst.BaseExpression() as value)
        ):
            return _may_be(value, name)
        case cst.Return(value=cst.Name(value=returned)):
            return returned == name
    return False


def _stores_into(target: cst.BaseExpression, name: str) -> bool:
    """Say whether storing to ``target`` changes a part of the object, also in ``a[i], a[j] = …``."""
    match target:
        case cst.Attribute() | cst.Subscript():
            return root(target) == name
        case cst.Tuple(elements=elements) | cst.List(elements=elements):
            return any(_stores_into(element.value, name) for element in elements)
    return False


def _may_be(value: cst.BaseExpression, name: str) -> bool:
    """Say whether a value is the object, or a display that holds it: somebody else knows it then."""
    match value:
        case cst.Name():
            return value.value == name
        case cst.IfExp(body=one, orelse=other) | cst.BooleanOperation(left=one, right=other):
            return _may_be(one, name) or _may_be(other, name)
        case cst.List() | cst.Tuple() | cst.Set() | cst.Dict():
            return any(_may_be(element.value, name) for element in value.elements)
    return False


def _passes(call: cst.Call, name: str) -> bool:
    return any(
        root(arg.value) == name or (isinstance(arg.value, cst.Name) and arg.value.value == name)
        for arg in call.args
    )


def body_of(
    node: cst.FunctionDef | cst.For | cst.While | cst.If | cst.Else | cst.With,
) -> list[cst.BaseStatement]:
    """Return the statements of a block; a one-line suite gives its small statements as lines."""
    match node.body:
        case cst.IndentedBlock(body=statements):
            return list(statements)
        case cst.SimpleStatementSuite(body=small):
            return [cst.SimpleStatementLine(body=[each]) for each in small]
    return []


def only_small(node: cst.CSTNode) -> cst.BaseSmallStatement | None:
    """Return the small statement of a line that holds exactly one."""
    match node:
        case cst.SimpleStatementLine(body=[small]):
            return small
    return None


def assignment(node: cst.CSTNode) -> tuple[str, cst.BaseExpression] | None:
    """Return ``(name, value)`` of a line ``name = value`` (or annotated), else ``None``."""
    match only_small(node):
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=value):
            return name, value
        case cst.AnnAssign(target=cst.Name(value=name), value=cst.BaseExpression() as value):
            return name, value
    return None


def constant(expr: cst.BaseExpression) -> object:
    """Return the value of a literal (number, string, bytes, tuple of them, ±), or ``...`` if it is none."""
    try:
        return ast.literal_eval(code(expr))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return ...


def same_as(expr: cst.BaseExpression, *templates: str, **parts: cst.BaseExpression) -> bool:
    """Say whether an expression is one of these templates, filled with the parts."""
    return any(same(expr, expression(each, **parts)) for each in templates)


def same_shape(expr: cst.CSTNode, text: str) -> bool:
    """Say whether an expression is this code, parentheses and whitespace aside."""
    return same(expr, _parsed(text))


@lru_cache(maxsize=4096)
def _parsed(text: str) -> cst.BaseExpression:
    return cst.parse_expression(text)
