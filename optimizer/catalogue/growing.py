"""Data Structure Selection: lists, texts and dicts that are taken or rebuilt from their slow end."""

from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import effects, kinds, syntax
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Import, Rewrite, Scene, exchanged
from perfbot.optimizer.strategies import Category


def _fresh_lists(scene: Scene) -> Iterator[tuple[cst.SimpleStatementLine, str, cst.BaseExpression]]:
    """Yield assignments that make a list which stays this function's own, under one name."""
    for line in syntax.find(scene.function.body, cst.SimpleStatementLine):
        found = syntax.assignment(line)
        if found is None or not _is_list(scene, found[1]):
            continue
        if not effects.is_fresh(scene, found[0]):
            continue
        stores = scene.times_bound(found[0])
        shared = effects.is_aliased(scene, found[0]) or effects.in_nested_function(scene, found[0])
        if stores == 1 and not shared:
            yield line, *found


@rule(Category.DATA_STRUCTURE, "queue to deque")
def queue_to_deque(scene: Scene) -> Iterator[Rewrite]:
    """``while queue: x = queue.pop(0)`` on a list that is used as a queue and nothing else."""
    deque = Import("collections", "deque")
    for _, name, value in _fresh_lists(scene):
        pops = [call for call in _method_calls(scene, name, "pop") if _takes_first(call)]
        if not pops or not scene.can_import(deque):
            continue
        if not all(
            _is_queue_use(scene, use) for use in scene.uses(name) if not _is_store(scene, use)
        ):
            continue
        if not all(_is_guarded(scene, call, name) for call in pops):
            continue
        changes: dict[cst.CSTNode, Change] = {
            value: cst.parse_expression(f"deque({_items_of(value)})")
        }
        changes |= {call: cst.parse_expression(f"{name}.popleft()") for call in pops}
        why = (
            f"`{name}.pop(0)` moves every item that is left by one place; a deque takes the first item "
            "off without touching the others."
        )
        yield scene.rewrite(changes, why, imports=[deque])


def _is_list(scene: Scene, value: cst.BaseExpression) -> bool:
    made = isinstance(value, cst.List | cst.ListComp)
    return made or (syntax.called_name(value) in ("list", "sorted"))


def _items_of(value: cst.BaseExpression) -> str:
    """Return what the deque is filled with: ``list(xs)`` need not be copied twice, ``[]`` is nothing."""
    if syntax.same_as(value, "[]", "list()"):
        return ""
    if isinstance(value, cst.Call) and syntax.called_name(value) == "list" and len(value.args) == 1:
        return syntax.code(value.args[0].value)
    return syntax.code(value)


def _method_calls(scene: Scene, name: str, method: str) -> list[cst.Call]:
    return [
        call
        for call in syntax.find(scene.function.body, cst.Call)
        if syntax.same_shape(call.func, f"{name}.{method}")
    ]


def _takes_first(call: cst.Call) -> bool:
    parts = syntax.arguments(call)
    return parts is not None and len(parts) == 1 and syntax.constant(parts[0]) == 0


def _is_store(scene: Scene, use: cst.Name) -> bool:
    return any(use is each for each in scene.stored)


def _is_queue_use(scene: Scene, use: cst.Name) -> bool:
    """Say whether a use means the same for a deque: append, extend, pop, truth, len, in, iteration."""
    parent = scene.parent(use)
    match parent:
        case cst.Attribute(attr=cst.Name(value="append" | "extend" | "clear")):
            return isinstance(scene.parent(parent), cst.Call)
        case cst.Attribute(attr=cst.Name(value="pop")):
            call = scene.parent(parent)
            return isinstance(call, cst.Call) and _takes_first(call)
        case cst.While(test=test) | cst.If(test=test):
            return test is use
        case (
            cst.UnaryOperation(operator=cst.Not()) | cst.BooleanOperation() | cst.ComparisonTarget()
        ):
            return True
        case cst.Arg():
            call = scene.parent(parent)
            return call is not None and syntax.called_name(call) in ("len", "any", "all", "sum")
        case cst.CompFor():
            return True
    return _is_truth(scene, use)


def _is_truth(scene: Scene, node: cst.CSTNode) -> bool:
    """Say whether only the truth of a value is asked."""
    parent = scene.parent(node)
    if isinstance(parent, cst.While | cst.If):
        return parent.test is node
    if isinstance(parent, cst.UnaryOperation):
        return isinstance(parent.operator, cst.Not)
    return isinstance(parent, cst.BooleanOperation) and _is_truth(scene, parent)


def _is_guarded(scene: Scene, call: cst.Call, name: str) -> bool:
    """Say whether the queue cannot be empty: the first thing that a ``while queue:`` does is to pop."""
    filled = (name, f"len({name}) > 0", f"len({name})", f"len({name}) != 0", f"{name} != []")
    statement = effects.statement_of(scene, call)
    loop = next((each for each in scene.above(call) if isinstance(each, cst.For | cst.While)), None)
    if (
        statement is None
        or not isinstance(loop, cst.While)
        or scene.loops_around(call)[0] is not loop
    ):
        return False
    body = syntax.body_of(loop)
    before = body[: next((n for n, each in enumerate(body) if each is statement), 0)]
    if not any(each is statement for each in body):
        return False
    quiet = not any(_method_calls_in(each, name, "pop") for each in before)
    single = len(_method_calls_in(statement, name, "pop")) == 1
    return quiet and single and any(syntax.same_shape(loop.test, each) for each in filled)


def _method_calls_in(node: cst.CSTNode, name: str, method: str) -> list[cst.Call]:
    calls = syntax.find(node, cst.Call)
    methods = (f"{name}.{method}", f"{name}.clear")
    return [call for call in calls if any(syntax.same_shape(call.func, each) for each in methods)]


def _only_statement_loops(
    scene: Scene, line: cst.SimpleStatementLine, name: str
) -> cst.For | cst.While | None:
    """Return the loop, in the block of ``name = …``, outside of which nothing uses the name before its end."""
    where = effects.block_of(scene, line)
    if where is None:
        return None
    loops = [
        each
        for each in where[0][where[1] + 1 :]
        if any(name == used.value for used in syntax.variables(each))
    ]
    first = loops[0] if loops else None
    return first if isinstance(first, cst.For | cst.While) and first.orelse is None else None


def _uses_in(scene: Scene, loop: cst.CSTNode, name: str) -> list[cst.Name]:
    return [use for use in syntax.variables(loop) if use.value == name]


def _leaves_early(loop: cst.CSTNode) -> bool:
    """Say whether the loop may be left with the rest of the function undone, or suspended."""
    return any(
        isinstance(each, cst.Return | cst.Yield | cst.Try | cst.Await) for each in syntax.walk(loop)
    )


@rule(Category.DATA_STRUCTURE, "insert in front to append and reverse")
def insert_in_front(scene: Scene) -> Iterator[Rewrite]:
    """``out.insert(0, x)`` in a loop that does nothing else with the list ``out``."""
    for line, name, value in _fresh_lists(scene):
        loop = _only_statement_loops(scene, line, name)
        if loop is None or not syntax.same_as(value, "[]", "list()") or _leaves_early(loop):
            continue
        calls = [
            call
            for call in syntax.find(loop, cst.Call)
            if syntax.same_shape(call.func, f"{name}.insert")
        ]
        fits = [call for call in calls if _inserts_first(scene, call)]
        if not calls or len(fits) != len(calls) or len(_uses_in(scene, loop, name)) != len(calls):
            continue
        changes: dict[cst.CSTNode, Change] = {
            call: cst.parse_expression(f"{name}.append({syntax.code(call.args[1].value)})")
            for call in calls
        }
        why = (
            f"`{name}.insert(0, …)` moves all items by one place each time; appending and one reversal "
            "at the end give the same list."
        )
        yield scene.rewrite(_with_end(loop, changes, f"{name}.reverse()"), why)


def _inserts_first(scene: Scene, call: cst.Call) -> bool:
    parts = syntax.arguments(call)
    plain = parts is not None and len(parts) == 2 and syntax.constant(parts[0]) == 0
    return plain and isinstance(scene.parent(call), cst.Expr)


def _with_end(
    loop: cst.For | cst.While, changes: dict[cst.CSTNode, Change], end: str
) -> dict[cst.CSTNode, Change]:
    """Exchange nodes of a loop and put one statement behind it."""
    new = exchanged(loop, changes)
    return {loop: cst.FlattenSentinel([new, cst.parse_statement(f"{end}\n")])}


@rule(Category.DATA_STRUCTURE, "text built from its end")
def text_built_from_end(scene: Scene) -> Iterator[Rewrite]:
    """``s = x + s`` in a loop that does nothing else with the text ``s``."""
    for line in syntax.find(scene.function.body, cst.SimpleStatementLine):
        found = syntax.assignment(line)
        if found is None or not isinstance(syntax.constant(found[1]), str):
            continue
        name = found[0]
        if effects.is_declared(scene, name) or effects.in_nested_function(scene, name):
            continue
        loop = _only_statement_loops(scene, line, name)
        if loop is None or _leaves_early(loop) or len(_uses_in(scene, loop, name)) != 2:
            continue
        if not kinds.is_known(scene, cst.Name(name), "str") or not scene.is_builtin("reversed"):
            continue
        for step in syntax.find(loop, cst.SimpleStatementLine):
            part = _in_front(scene, step, name)
            if part is not None:
                yield _collected(scene, line, loop, step, part)


def _collected(
    scene: Scene,
    line: cst.SimpleStatementLine,
    loop: cst.For | cst.While,
    step: cst.SimpleStatementLine,
    part: cst.BaseExpression,
) -> Rewrite:
    """Collect the parts in a list, and join them behind the loop in front of what the text held."""
    found = syntax.assignment(line)
    assert found is not None
    name, parts = found[0], scene.fresh("parts")
    append = cst.parse_statement(f"{parts}.append({syntax.code(part)})\n")
    first = cst.parse_statement(f"{parts} = []\n")
    end = f'{name} = "".join(reversed({parts}))'
    if syntax.constant(found[1]):
        whole = _with_end(loop, {step: effects.in_place_of(step, append)}, f"{end} + {name}")
        whole[line] = cst.FlattenSentinel([line, first])
    else:
        whole = _with_end(loop, {step: effects.in_place_of(step, append)}, end)
        whole[line] = effects.in_place_of(line, first)
    why = (
        f"`{name} = … + {name}` copies the whole text in every round; its parts are collected and "
        "joined once."
    )
    return scene.rewrite(whole, why)


def _in_front(scene: Scene, line: cst.SimpleStatementLine, name: str) -> cst.BaseExpression | None:
    """Return ``x`` of ``name = x + name``, which must be a text."""
    found = syntax.assignment(line)
    if found is None or found[0] != name:
        return None
    match found[1]:
        case cst.BinaryOperation(left=part, operator=cst.Add(), right=cst.Name(value=right)):
            usable = right == name and name not in syntax.names_read(part)
            return part if usable and _is_text(scene, part) else None
    return None


def _is_text(scene: Scene, part: cst.BaseExpression) -> bool:
    """Say whether a part is a text: what is added in front of a text can hardly be anything else."""
    if isinstance(part, cst.BinaryOperation):
        return (
            isinstance(part.operator, cst.Add)
            and _is_text(scene, part.left)
            and _is_text(scene, part.right)
        )
    if isinstance(part, cst.Call) and syntax.called_name(part) in (
        "str",
        "chr",
        "hex",
        "bin",
        "repr",
    ):
        return True
    return kinds.is_known(scene, part, "str")


@rule(Category.DATA_STRUCTURE, "list rebuilt by + to append")
def list_rebuilt(scene: Scene) -> Iterator[Rewrite]:
    """``out = out + [x]`` in a loop, on a list that this function alone holds."""
    for name in sorted(scene.local_names - frozenset(scene.parameters)):
        if effects.is_declared(scene, name):
            continue
        steps = {
            line: items
            for line in syntax.find(scene.function.body, cst.SimpleStatementLine)
            if (items := _added_items(line, name)) is not None and scene.loops_around(line)
        }
        if (
            not steps
            or effects.in_nested_function(scene, name)
            or not _holds_alone(scene, name, steps)
        ):
            continue
        changes: dict[cst.CSTNode, Change] = {
            line: effects.in_place_of(line, _grown(name, items)) for line, items in steps.items()
        }
        why = (
            f"`{name} = {name} + …` copies all of `{name}` in every round; appending to it in place "
            "copies nothing."
        )
        yield scene.rewrite(changes, why)


def _added_items(line: cst.SimpleStatementLine, name: str) -> cst.List | None:
    found = syntax.assignment(line)
    if found is None or found[0] != name:
        return None
    match found[1]:
        case cst.BinaryOperation(
            left=cst.Name(value=left), operator=cst.Add(), right=cst.List() as items
        ):
            return items if left == name and name not in syntax.names_read(items) else None
    return None


def _holds_alone(scene: Scene, name: str, steps: dict[cst.SimpleStatementLine, cst.List]) -> bool:
    """Say whether every other binding makes a new list, and no use but these keeps the list itself."""
    inside = {id(each) for line in steps for each in syntax.walk(line)}
    for line in syntax.find(scene.function.body, cst.SimpleStatementLine):
        found = syntax.assignment(line)
        if found is not None and found[0] == name and line not in steps:
            if not isinstance(found[1], cst.List | cst.ListComp) and not syntax.same_as(
                found[1], "list()"
            ):
                return False
            inside |= {id(each) for each in syntax.walk(line)}
    if any(each.value == name and id(each) not in inside for each in scene.stored):
        return False
    outer = [use for use in scene.uses(name) if id(use) not in inside]
    return not effects.is_aliased(scene, name) and all(_only_looks(scene, use) for use in outer)


def _only_looks(scene: Scene, use: cst.Name) -> bool:
    parent = scene.parent(use)
    match parent:
        case cst.Return() | cst.Subscript() | cst.ComparisonTarget() | cst.CompFor():
            return True
        case cst.Attribute(attr=cst.Name(value=method)):
            return method in syntax.PURE_METHODS | {"append", "extend", "pop", "sort", "reverse"}
        case cst.Arg():
            call = scene.parent(parent)
            return call is not None and syntax.called_name(call) in syntax.PURE_BUILTINS
    return _is_truth(scene, use)


def _grown(name: str, items: cst.List) -> cst.BaseStatement:
    if len(items.elements) == 1 and isinstance(items.elements[0], cst.Element):
        return cst.parse_statement(f"{name}.append({syntax.code(items.elements[0].value)})\n")
    return cst.parse_statement(f"{name} += {syntax.code(items)}\n")
