"""What stays the same while a loop runs, and where a statement can be put: questions about one scene.

Like ``syntax``, everything here is conservative: in doubt an object changes and a type is unknown.
"""

from collections.abc import Iterable, Iterator

import libcst as cst

from perfbot.optimizer import syntax
from perfbot.optimizer.scene import Import, Scene

Loop = cst.For | cst.While
_FRESH_CALLS = frozenset({"list", "dict", "set", "sorted", "deque", "defaultdict", "Counter"})
_FRESH = (cst.List, cst.ListComp, cst.Dict, cst.DictComp, cst.Set, cst.SetComp)
# Methods that put their argument somewhere: that alone does not change the argument.
_KEEPING = frozenset(
    "append appendleft add insert extend setdefault update discard remove pop".split()
)
_CONSUMERS = frozenset("all any dict frozenset list max min set sorted sum tuple Counter".split())
_UNCHANGEABLE = frozenset({"int", "float", "bool", "str", "bytes", "tuple", "NoneType"})


def alters(node: cst.CSTNode, name: str) -> bool:
    """Say whether ``node`` may change the object that ``name`` holds (binding the name anew is no change).

    Putting the object into another container does not count, nor does returning it.
    """
    return any(alters_directly(each, name) for each in syntax.walk(node))


def alters_directly(node: cst.CSTNode, name: str) -> bool:
    """Say whether this node itself, nodes below it aside, may change the object that ``name`` holds."""
    match node:
        case cst.Call(func=cst.Attribute(value=receiver, attr=cst.Name(value=method))):
            if syntax.root(receiver) == name and method not in syntax.PURE_METHODS:
                return True
            return method not in syntax.PURE_METHODS | _KEEPING and _given(node, name)
        case cst.Call(func=cst.Name(value=function)):
            return function not in syntax.PURE_BUILTINS and _given(node, name)
        case cst.Call():
            return _given(node, name)
        case (
            cst.AssignTarget(target=cst.Attribute() | cst.Subscript() as target)
            | cst.AugAssign(target=cst.Attribute() | cst.Subscript() as target)
            | cst.Del(target=cst.Attribute() | cst.Subscript() as target)
        ):
            return syntax.root(target) == name
        case cst.AssignTarget(target=cst.Tuple(elements=elements)):
            return any(_stored_through(element.value, name) for element in elements)
        case cst.AugAssign(target=cst.Name(value=target)):
            return target == name
    return False


def _stored_through(target: cst.BaseExpression, name: str) -> bool:
    """Say whether a target of ``a[i], a[j] = …`` is part of the object."""
    return isinstance(target, cst.Subscript | cst.Attribute) and syntax.root(target) == name


def _given(call: cst.Call, name: str) -> bool:
    return any(name in syntax.names_read(arg.value) for arg in call.args)


def altered_names(node: cst.CSTNode) -> frozenset[str]:
    """Return the names whose object ``node`` may change."""
    names = {each.value for each in syntax.find(node, cst.Name)}
    return frozenset(name for name in names if alters(node, name))


def is_fresh(scene: Scene, name: str) -> bool:
    """Say whether a local name only ever holds containers that this function makes itself."""
    if name in scene.parameters or name not in scene.local_names or is_declared(scene, name):
        return False
    values = [found[1] for found in _assignments(scene) if found[0] == name]
    stores = scene.times_bound(name)
    return bool(values) and stores == len(values) and all(map(_makes_container, values))


def _assignments(scene: Scene) -> Iterator[tuple[str, cst.BaseExpression]]:
    for line in syntax.find(scene.function, cst.SimpleStatementLine):
        if (found := syntax.assignment(line)) is not None:
            yield found
        match syntax.only_small(line):
            case cst.Assign(
                targets=[cst.AssignTarget(target=cst.Tuple(elements=names))],
                value=cst.Tuple(elements=values),
            ) if len(names) == len(values):
                for name, value in zip(names, values, strict=True):
                    if isinstance(name.value, cst.Name):
                        yield name.value.value, value.value


def _makes_container(value: cst.BaseExpression) -> bool:
    return isinstance(value, _FRESH) or syntax.called_name(value) in _FRESH_CALLS


def is_declared(scene: Scene, name: str) -> bool:
    """Say whether ``global`` or ``nonlocal`` makes the name known to other functions."""
    return any(
        item.name.value == name
        for each in syntax.walk(scene.function)
        if isinstance(each, cst.Global | cst.Nonlocal)
        for item in each.names
    )


def contents_unchanged(scene: Scene, node: cst.CSTNode, *parts: cst.CSTNode) -> bool:
    """Say whether no object that ``parts`` look into (``user["id"]``) may change while ``node`` runs.

    Storing under a literal key that the parts do not use is no such change, nor is changing a
    container that the function made itself.
    """
    used = {syntax.code(each) for part in parts for each in syntax.find(part, cst.Index)}
    if not any(
        isinstance(each, cst.Subscript | cst.Attribute) for p in parts for each in syntax.walk(p)
    ):
        return True
    return all(_leaves_contents(scene, each, used) for each in syntax.walk(node))


def _leaves_contents(scene: Scene, node: cst.CSTNode, used: set[str]) -> bool:
    names = {each.value for each in syntax.find(node, cst.Name)}
    if not any(alters_directly(node, name) for name in names):
        return True
    match node:
        case (
            cst.AssignTarget(
                target=cst.Subscript(
                    value=cst.Name(value=name),
                    slice=[cst.SubscriptElement(slice=cst.Index() as key)],
                )
            )
            | cst.AugAssign(
                target=cst.Subscript(
                    value=cst.Name(value=name),
                    slice=[cst.SubscriptElement(slice=cst.Index() as key)],
                )
            )
        ):
            literal = isinstance(key.value, cst.SimpleString | cst.Integer)
            return is_fresh(scene, name) or (literal and syntax.code(key) not in used)
        case cst.AugAssign(target=cst.Name(value=name)):
            return is_fresh(scene, name) or _is_safe(scene, name)
        case cst.Call(func=cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value=method))):
            return is_fresh(scene, name) and method in syntax.MUTATING_METHODS
        case cst.Call(func=cst.Name()):
            return all(
                _is_safe(scene, name) for arg in node.args for name in syntax.names_read(arg)
            )
    return False


def is_aliased(scene: Scene, name: str) -> bool:
    """Say whether another variable, container or closure of the function may hold the object of ``name``."""
    for use in scene.uses(name):
        parent = scene.parent(use)
        if isinstance(parent, cst.Assign | cst.AnnAssign | cst.NamedExpr) and parent.value is use:
            return True
        if isinstance(parent, cst.Element | cst.DictElement | cst.Yield | cst.IfExp):
            return True
        if any(isinstance(above, cst.FunctionDef | cst.Lambda) for above in _inside(scene, use)):
            return True
        if isinstance(parent, cst.Arg):
            call = scene.parent(parent)
            if isinstance(call, cst.Call) and not _only_reads(call):
                return True
    return False


def _inside(scene: Scene, node: cst.CSTNode) -> list[cst.CSTNode]:
    return [above for above in scene.above(node) if above is not scene.function]


def _only_reads(call: cst.Call) -> bool:
    method = syntax.method_call(call)
    if method is not None:
        return method[1] in syntax.PURE_METHODS | {"extend", "update"}
    return syntax.called_name(call) in syntax.PURE_BUILTINS


def unchanged(scene: Scene, node: cst.CSTNode, names: Iterable[str]) -> bool:
    """Say whether no name is bound anew and no object changed while ``node`` runs.

    Other names count too, unless they hold something that the function made itself and shares
    with nobody, or something that cannot be the same object.
    """
    wanted = frozenset(names)
    if wanted & syntax.names_written(node):
        return False
    changing = altered_names(node)
    if wanted & changing:
        return False
    if _runs_unknown_code(node):
        return all(_is_safe(scene, name) for name in wanted)
    return all(_cannot_be(scene, other, wanted) for other in changing)


def _runs_unknown_code(node: cst.CSTNode) -> bool:
    """Say whether a generator hands control away, so that anybody may change anything."""
    return any(isinstance(each, cst.Yield | cst.Await) for each in syntax.walk(node))


def _is_safe(scene: Scene, name: str) -> bool:
    seen = scene.kind(cst.Name(name))
    return seen is not None and seen.only(*_UNCHANGEABLE)


def _cannot_be(scene: Scene, other: str, wanted: frozenset[str]) -> bool:
    if is_fresh(scene, other) and not _bound_to(scene, other, wanted):
        return True
    seen = scene.kind(cst.Name(other))
    kinds = [scene.kind(cst.Name(name)) for name in wanted]
    return all(
        kind is not None
        and (kind.only(*_UNCHANGEABLE) or (seen is not None and not kind.types & seen.types))
        for kind in kinds
    )


def _bound_to(scene: Scene, name: str, wanted: frozenset[str]) -> bool:
    """Say whether ``wanted = name`` occurs."""
    return any(
        isinstance(value, cst.Name) and value.value == name and target in wanted
        for target, value in _assignments(scene)
    )


def enclosed(scene: Scene, old: cst.BaseExpression, new: cst.BaseExpression) -> cst.BaseExpression:
    """Return ``new``, in parentheses unless it stands in place of ``old`` where none are needed."""
    free = cst.Arg | cst.Assign | cst.AnnAssign | cst.AugAssign | cst.Return | cst.If | cst.While
    if isinstance(scene.parent(old), free | cst.Index | cst.Expr) or new.lpar:
        return new
    return new.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def appends_to(scene: Scene, name: str) -> list[tuple[cst.SimpleStatementLine, cst.BaseExpression]]:
    """Return the lines ``name.append(item)`` in loops and their items."""
    found = []
    for line in syntax.find(scene.function, cst.SimpleStatementLine):
        match syntax.only_small(line):
            case cst.Expr(value=cst.Call() as call) if syntax.method_call(call) is not None:
                parts = syntax.arguments(call)
                if syntax.same_shape(call.func, f"{name}.append") and parts and len(parts) == 1:
                    found.append((line, parts[0]))
    return found


def only_grows(
    scene: Scene,
    name: str,
    appends: list[tuple[cst.SimpleStatementLine, cst.BaseExpression]],
) -> bool:
    """Say whether nothing but these appends changes the list, and no other name can change it."""
    if not is_fresh(scene, name) or is_aliased(scene, name):
        return False
    stores = scene.times_bound(name)
    own = {id(each) for line, _ in appends for each in syntax.walk(line)}
    others = [
        node
        for node in syntax.walk(scene.function.body)
        if id(node) not in own and alters_directly(node, name)
    ]
    return stores == 1 and not others and not in_nested_function(scene, name)


def statement_of(scene: Scene, node: cst.CSTNode) -> cst.BaseStatement | None:
    """Return the statement, in an indented block, that ``node`` belongs to (``elif`` gives its ``if``)."""
    below = node
    for parent in [*scene.above(node)]:
        if isinstance(parent, cst.IndentedBlock):
            return below if isinstance(below, cst.BaseStatement) else None
        below = parent
    return None


def hoisting_place(
    scene: Scene, node: cst.CSTNode, names: Iterable[str]
) -> cst.BaseStatement | None:
    """Return the outermost statement that repeats ``node`` and leaves ``names`` unchanged.

    A value that depends on these names alone may be computed before it. ``None`` when nothing
    repeats the node, or the names change.
    """
    wanted = frozenset(names)
    place: cst.BaseStatement | None = None
    for loop in scene.loops_around(node):
        statement = loop if isinstance(loop, cst.BaseStatement) else statement_of(scene, loop)
        if statement is None or _in_nested_scope(scene, statement) or _is_lazy(scene, loop):
            return place
        if not unchanged(scene, statement, wanted) or not isinstance(
            scene.parent(statement), cst.IndentedBlock
        ):
            return place
        place = statement
    return place


def _is_lazy(scene: Scene, loop: cst.CSTNode) -> bool:
    """Say whether a generator expression may run later than where it stands."""
    if not isinstance(loop, cst.GeneratorExp):
        return False
    arg = scene.parent(loop)
    call = scene.parent(arg) if isinstance(arg, cst.Arg) else None
    method = syntax.method_call(call) if call is not None else None
    if method is not None:
        return method[1] not in ("join", "extend", "update")
    return call is None or syntax.called_name(call) not in _CONSUMERS


def _in_nested_scope(scene: Scene, node: cst.CSTNode) -> bool:
    return any(
        isinstance(above, cst.FunctionDef | cst.Lambda | cst.ClassDef)
        for above in _inside(scene, node)
    )


def block_of(scene: Scene, statement: cst.CSTNode) -> tuple[list[cst.BaseStatement], int] | None:
    """Return the statements of the block around a statement, and its place among them."""
    block = scene.parent(statement)
    if not isinstance(block, cst.IndentedBlock):
        return None
    (place,) = [n for n, each in enumerate(block.body) if each is statement]
    return list(block.body), place


def read_after(scene: Scene, statement: cst.CSTNode, name: str) -> bool:
    """Say whether ``name`` may be read once ``statement`` is over, in a later round of a loop included."""
    inside = {id(each) for each in syntax.walk(statement)}
    scope: cst.CSTNode = next(
        each for each in scene.above(statement) if isinstance(each, cst.FunctionDef)
    )
    if _is_free_in_closure(scope, name):
        return True
    loops = [each for each in scene.above(statement) if isinstance(each, Loop)]
    own = [each for each in loops if any(above is scope for above in scene.above(each))]
    nodes = [*syntax.walk(own[-1] if own else scope)]
    after = nodes if own else nodes[[id(each) for each in nodes].index(id(statement)) :]
    reads = {id(use) for use in scene.uses(name)} - {id(use) for use in scene.stored}
    return any(
        id(each) in reads and id(each) not in inside and not _bound_again(scene, each, name)
        for each in after
    )


def _is_free_in_closure(scope: cst.CSTNode, name: str) -> bool:
    """Say whether a function inside reads the variable of this scope, at whatever time it is called."""
    return any(
        isinstance(each, cst.FunctionDef | cst.Lambda)
        and each is not scope
        and name in syntax.names_read(each.body)
        and name not in syntax.names_written(each)
        for each in syntax.walk(scope)
    )


def _bound_again(scene: Scene, use: cst.CSTNode, name: str) -> bool:
    """Say whether a loop that binds the name itself stands around this use of it."""
    below = use
    for above in scene.above(use):
        match above:
            case cst.For(target=target) if below is above.body:
                bound = {each.value for each in syntax.stores_of(target)}
            case cst.ListComp() | cst.SetComp() | cst.DictComp() | cst.GeneratorExp():
                bound = set(syntax.names_written(above))
            case _:
                bound = set()
        if name in bound:
            return True
        below = above
    return False


def with_before(
    statement: cst.BaseStatement, *new: cst.BaseStatement
) -> cst.FlattenSentinel[cst.CSTNode]:
    """Return a statement with new ones above it; its comments and blank lines stay above them all."""
    leading = getattr(statement, "leading_lines", ())
    first = new[0].with_changes(leading_lines=leading)
    return cst.FlattenSentinel([first, *new[1:], statement.with_changes(leading_lines=[])])


def in_nested_function(scene: Scene, name: str) -> bool:
    """Say whether a function or class inside the function mentions ``name``."""
    return any(
        isinstance(above, cst.FunctionDef | cst.Lambda | cst.ClassDef)
        for use in scene.uses(name)
        for above in _inside(scene, use)
    )


def in_place_of(
    statement: cst.BaseStatement, *new: cst.BaseStatement
) -> cst.FlattenSentinel[cst.CSTNode]:
    """Return new statements that take over the comments and blank lines above ``statement``."""
    leading = getattr(statement, "leading_lines", ())
    return cst.FlattenSentinel([new[0].with_changes(leading_lines=leading), *new[1:]])


def math_function(scene: Scene, name: str) -> tuple[str, list[Import]] | None:
    """Return how to call a function of ``math`` here, and the import that it needs."""
    whole, single = Import("math"), Import("math", name)
    if scene.can_import(whole):
        return f"math.{name}", [whole]
    return (name, [single]) if scene.can_import(single) else None
