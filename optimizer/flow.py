"""Where values go: blocks, loops, what a loop leaves behind, and what may change while it runs.

Like :mod:`perfbot.optimizer.syntax`, everything is conservative: when a question cannot be
answered, the answer is the one that stops a rewrite.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import libcst as cst

from perfbot.optimizer import certainty, syntax
from perfbot.optimizer.scene import Scene

# Functions that see or change local variables behind the source's back.
_SPIES = frozenset({"locals", "vars", "eval", "exec", "dir", "_getframe", "currentframe"})
_QUIET_BUILTINS = frozenset(
    (
        "abs bool bytes chr dict divmod enumerate float frozenset int isinstance len list max min "
        "ord pow range repr reversed round set sorted str sum tuple zip any all"
    ).split()
)
_FRESH = (cst.List, cst.ListComp, cst.Dict, cst.DictComp, cst.Set, cst.SetComp)
_CONTAINER_CALLS = frozenset({"list", "dict", "set", "sorted", "bytearray"})


def is_plain(scene: Scene) -> bool:
    """Say whether variables are what they seem: no ``global``, ``nonlocal``, ``del``, ``match``, spies."""
    return _is_plain(scene.function)


@lru_cache(maxsize=256)
def _is_plain(function: cst.FunctionDef) -> bool:
    for node in syntax.walk(function):
        match node:
            case cst.Global() | cst.Nonlocal() | cst.Del() | cst.Match():
                return False
            case cst.Name(value=name) if name in _SPIES:
                return False
    return True


def own_nodes(scene: Scene) -> Iterator[cst.CSTNode]:
    """Yield the nodes of the function's body outside nested functions and classes; none if it is not plain."""
    if is_plain(scene):
        yield from syntax.walk_own(scene.function.body)


def for_loops(scene: Scene) -> Iterator[cst.For]:
    """Yield the plain ``for`` statements of the function, without ``async``."""
    for node in own_nodes(scene):
        if isinstance(node, cst.For) and node.asynchronous is None:
            yield node


def captured(scene: Scene, name: str) -> bool:
    """Say whether a nested function, lambda, class or generator could see the variable at another time."""
    return name in _inner_names(scene.function)


@lru_cache(maxsize=256)
def _inner_names(function: cst.FunctionDef) -> frozenset[str]:
    inner = (cst.FunctionDef, cst.Lambda, cst.ClassDef, cst.GeneratorExp)
    nodes = [node for node in syntax.walk(function.body) if isinstance(node, inner)]
    return frozenset().union(*(_mentioned(node) for node in nodes))


def is_own(scene: Scene, name: str) -> bool:
    """Say whether ``name`` is a variable of this function that no nested scope shares."""
    return name in scene.local_names and not captured(scene, name)


def in_try(scene: Scene, node: cst.CSTNode) -> bool:
    """Say whether somebody in the function sees the state that an exception at ``node`` leaves behind."""
    return any(isinstance(each, cst.Try | cst.TryStar | cst.With) for each in scene.above(node))


def block_of(scene: Scene, line: cst.CSTNode) -> list[cst.BaseStatement]:
    """Return the statements of the block that ``line`` stands in."""
    parent = scene.parent(line)
    return list(parent.body) if isinstance(parent, cst.IndentedBlock) else []


def before(scene: Scene, line: cst.CSTNode) -> list[cst.BaseStatement]:
    """Return the statements that precede ``line`` in its block, nearest first."""
    block = block_of(scene, line)
    place = next((n for n, each in enumerate(block) if each is line), 0)
    return block[:place][::-1]


def following(scene: Scene, line: cst.CSTNode) -> cst.BaseStatement | None:
    """Return the next statement of the block."""
    block = block_of(scene, line)
    place = next((n for n, each in enumerate(block) if each is line), len(block))
    return block[place + 1] if place + 1 < len(block) else None


@dataclass(frozen=True, slots=True)
class Start:
    """The line ``name = value`` that a variable starts with, right before a loop."""

    line: cst.BaseStatement
    value: cst.BaseExpression


def start_of(scene: Scene, loop: cst.CSTNode, name: str) -> Start | None:
    """Return the assignment before a loop in the same block, if nothing between the two uses the name."""
    for line in before(scene, loop):
        found = syntax.assignment(line)
        if found is not None and found[0] == name:
            return Start(line, found[1]) if name not in syntax.names_read(found[1]) else None
        if not isinstance(line, cst.SimpleStatementLine) or name in _mentioned(line):
            return None
    return None


def _mentioned(node: cst.CSTNode) -> frozenset[str]:
    return syntax.names_read(node) | syntax.names_written(node)


def mentions(node: cst.CSTNode, *names: str) -> bool:
    """Say whether any of the variables occurs at or below ``node``."""
    return not _mentioned(node).isdisjoint(names)


def target_names(target: cst.BaseAssignTargetExpression) -> list[str] | None:
    """Return the names of a loop target made of plain names, else ``None``."""
    match target:
        case cst.Name(value=name):
            return [name]
        case cst.Tuple(elements=elements):
            parts = [each.value.value for each in elements if isinstance(each.value, cst.Name)]
            return parts if len(parts) == len(elements) else None
    return None


def ends_with_loop(scene: Scene, loop: cst.For | cst.While, names: Iterable[str]) -> bool:
    """Say whether nobody outside the loop can see what it leaves in these variables.

    Other uses are fine where another loop or comprehension, not around this one, binds the name first.
    """
    return all(_ends_with(scene, loop, name) for name in names)


def _ends_with(scene: Scene, loop: cst.For | cst.While, name: str) -> bool:
    if not is_own(scene, name) or name in scene.parameters:
        return False
    around = {id(each) for each in scene.above(loop)}
    inside = {id(each) for each in syntax.walk(loop)}
    if isinstance(loop, cst.For):
        inside -= {id(each) for each in syntax.walk(loop.iter)}
    return all(
        id(use) in inside or _bound_by_another(scene, use, around) for use in scene.uses(name)
    )


def _bound_by_another(scene: Scene, use: cst.Name, around: set[int]) -> bool:
    below: cst.CSTNode = use
    for node in scene.above(use):
        match node:
            case cst.For(target=target) if id(node) not in around:
                bound = any(each.value == use.value for each in syntax.find(target, cst.Name))
                if bound and below is not node.iter and below is not node.orelse:
                    return True
            case cst.ListComp() | cst.SetComp() | cst.DictComp():
                return _binds(node.for_in, use.value)
        below = node
    return False


def _binds(clause: cst.CompFor, name: str) -> bool:
    if any(each.value == name for each in syntax.find(clause.target, cst.Name)):
        return name not in syntax.names_read(clause.iter)
    return False


def leaves(node: cst.CSTNode) -> bool:
    """Say whether a loop body may be left early or suspended: break, continue, return, yield, await, raise."""
    exits = (cst.Break, cst.Continue, cst.Return, cst.Yield, cst.Await, cst.Raise)
    return any(isinstance(each, exits) for each in syntax.walk(node))


def has_comments(loop: cst.For | cst.While | cst.If) -> bool:
    """Say whether a comment stands inside the statement (above it does not count)."""
    return any(
        isinstance(each, cst.Comment) for each in syntax.walk(loop.with_changes(leading_lines=[]))
    )


def built(scene: Scene, name: str) -> str | None:
    """Return the type of a local container that the function itself makes anew wherever it binds the name."""
    if name in scene.parameters or name not in scene.local_names:
        return None
    values = [
        found[1]
        for line in syntax.find(scene.function.body, cst.SimpleStatementLine)
        if (found := syntax.assignment(line)) and found[0] == name
    ]
    stores = sum(store.value == name for store in syntax.stores(scene.function))
    if not values or stores != len(values) or not all(_is_fresh(scene, each) for each in values):
        return None
    types = {next(iter(kind.types)) for each in values if (kind := scene.kind(each))}
    return types.pop() if len(types) == 1 else None


def _is_fresh(scene: Scene, value: cst.BaseExpression) -> bool:
    name, method = syntax.called_name(value), syntax.method_call(value)
    if name is not None:
        return name in _CONTAINER_CALLS and scene.is_builtin(name)
    if method is not None:
        return method[1] in {"split", "splitlines"} and scene.is_kind(value, "list")
    return isinstance(value, _FRESH)


def is_private(scene: Scene, name: str) -> bool:
    """Say whether a container made by the function stays unknown to everybody else while it runs."""
    if built(scene, name) is None or captured(scene, name):
        return False
    return all(_keeps_private(scene, use) for use in scene.uses(name))


def _keeps_private(scene: Scene, use: cst.Name) -> bool:
    parent = scene.parent(use)
    above = scene.parent(parent) if parent is not None else None
    match parent:
        case cst.AssignTarget() | cst.AnnAssign() | cst.Return() | cst.ComparisonTarget():
            return True
        case cst.Subscript(value=value) | cst.Attribute(value=value) if value is use:
            return isinstance(parent, cst.Subscript) or isinstance(above, cst.Call)
        case cst.For(iter=iterable) | cst.CompFor(iter=iterable):
            return iterable is use
        case cst.Arg() if above is not None:
            function = syntax.called_name(above)
            return function in {"len", "sum", "min", "max"} and scene.is_builtin(function)
    return False


def holds(scene: Scene, name: str, *types: str) -> bool:
    """Say whether a variable certainly holds one of these builtin types wherever it is read."""
    return built(scene, name) in types or certainty.is_sure(scene, cst.Name(name), *types)


def is_quiet(scene: Scene, node: cst.CSTNode) -> bool:
    """Say whether running ``node`` changes nothing but local variables and containers made by the function.

    No unknown code is called then, so that no object which came from outside can change meanwhile.
    """
    return all(_is_quiet(scene, each) for each in syntax.walk(node))


def _is_quiet(scene: Scene, node: cst.CSTNode) -> bool:
    match node:
        case cst.Call():
            return _is_quiet_call(scene, node)
        case cst.Await() | cst.Yield() | cst.With() | cst.Import() | cst.ImportFrom() | cst.Del():
            return False
        case cst.FunctionDef() | cst.ClassDef() | cst.Lambda() | cst.Match() | cst.GeneratorExp():
            return False
        case cst.AugAssign(target=cst.Name(value=name)):
            return _starts_as_atom(scene, name)
        case cst.AssignTarget(target=target) | cst.AugAssign(target=target):
            return _is_local_store(scene, target)
    return True


def _starts_as_atom(scene: Scene, name: str) -> bool:
    """Say whether ``name += …`` cannot change an object in place: it started as a number or text."""
    starts = [
        found[1]
        for line in syntax.find(scene.function.body, cst.SimpleStatementLine)
        if (found := syntax.assignment(line)) and found[0] == name
    ]
    if name in scene.parameters:
        return certainty.is_sure(scene, cst.Name(name), *certainty.ATOMS)
    return bool(starts) and all(certainty.is_sure(scene, each, *certainty.ATOMS) for each in starts)


def _is_local_store(scene: Scene, target: cst.BaseExpression) -> bool:
    match target:
        case cst.Name():
            return True
        case cst.Tuple(elements=elements):
            return all(_is_local_store(scene, each.value) for each in elements)
        case cst.Subscript(value=cst.Name(value=name)):
            return built(scene, name) is not None
        case cst.Subscript(value=cst.Subscript(value=cst.Name(value=name))):
            return holds_own_rows(scene, name)
    return False


def holds_own_rows(scene: Scene, name: str) -> bool:
    """Say whether a local list was made by the function together with each of the lists in it."""
    if built(scene, name) != "list":
        return False
    values = [
        found[1]
        for line in syntax.find(scene.function.body, cst.SimpleStatementLine)
        if (found := syntax.assignment(line)) and found[0] == name
    ]
    return all(isinstance(each, cst.ListComp) and _is_row(each.elt) for each in values)


def _is_row(value: cst.BaseExpression) -> bool:
    match value:
        case cst.List() | cst.ListComp():
            return True
        case cst.BinaryOperation(left=cst.List(), operator=cst.Multiply()):
            return True
    return False


def cannot_fail(scene: Scene, lines: Iterable[cst.BaseStatement]) -> bool:
    """Say whether statements run to their end: sure values for plain names, tests and loops of such."""
    return all(_cannot_fail(scene, each) for each in lines)


def _cannot_fail(scene: Scene, node: cst.BaseStatement) -> bool:
    match node:
        case cst.If(test=test, orelse=orelse):
            other = orelse is None or cannot_fail(
                scene, [orelse] if isinstance(orelse, cst.If) else syntax.body_of(orelse)
            )
            sure = certainty.sure(scene, test) is not None
            return sure and other and cannot_fail(scene, syntax.body_of(node))
        case cst.For(iter=iterable, orelse=None, asynchronous=None):
            known = certainty.items(scene, iterable) is not None and target_names(node.target)
            return bool(known) and cannot_fail(scene, syntax.body_of(node))
        case cst.SimpleStatementLine(body=[cst.AugAssign(target=cst.Name(value=name))]):
            return certainty.is_sure(scene, cst.Name(name), *certainty.ATOMS)
        case cst.SimpleStatementLine(body=[cst.Pass() | cst.Break() | cst.Continue()]):
            return True
    found = syntax.assignment(node)
    return found is not None and certainty.sure(scene, found[1]) is not None


def _is_quiet_call(scene: Scene, call: cst.Call) -> bool:
    match call.func:
        case cst.Name(value=name):
            plain = all(arg.keyword is None for arg in call.args)
            return name in _QUIET_BUILTINS and scene.is_builtin(name) and plain
        case cst.Attribute(value=receiver, attr=cst.Name(value=method)):
            if method in syntax.PURE_METHODS:
                kind = certainty.sure(scene, receiver)
                known = kind is not None and kind.only(*certainty.ATOMS, *certainty.CONTAINERS)
                return known or (
                    isinstance(receiver, cst.Name) and built(scene, receiver.value) is not None
                )
            mutating = method in syntax.MUTATING_METHODS and isinstance(receiver, cst.Name)
            return (
                mutating
                and isinstance(receiver, cst.Name)
                and built(scene, receiver.value) is not None
            )
    return False


def is_constant_in(scene: Scene, loop: cst.CSTNode, expr: cst.BaseExpression) -> bool:
    """Say whether a sure expression has the same value in each pass of ``loop``.

    Text and numbers only change when their variable is bound anew; the size and the items of a
    container also when anything that runs in the loop may change it.
    """
    for name in syntax.names_read(expr) & scene.local_names:
        if name in syntax.names_written(loop) or captured_for_writing(scene, name):
            return False
        if certainty.is_sure(
            scene, cst.Name(name), *certainty.ATOMS, "tuple", "frozenset", "range"
        ):
            continue
        outsider = name in scene.parameters or built(scene, name) is not None
        quiet = is_private(scene, name) or is_quiet(scene, loop)
        if not outsider or syntax.mutates(loop, name) or not quiet:
            return False
    return True


def captured_for_writing(scene: Scene, name: str) -> bool:
    """Say whether a nested scope could bind the variable (``nonlocal``)."""
    return any(
        name in syntax.names_written(node)
        for node in syntax.walk(scene.function.body)
        if isinstance(node, cst.FunctionDef | cst.ClassDef)
    )


def is_bound_before(scene: Scene, loop: cst.CSTNode, name: str) -> bool:
    """Say whether a local variable certainly has a value when ``loop`` is reached."""
    if name in scene.parameters:
        return True
    node = loop
    for _ in range(100):
        lines = before(scene, node)
        if any((found := syntax.assignment(line)) and found[0] == name for line in lines):
            return True
        parent = scene.parent(node)
        if parent is None or node is scene.function:
            return False
        match parent:
            case cst.For(target=target, body=body) if body is node:
                if name in (target_names(target) or ()):
                    return True
        node = parent
    return False
