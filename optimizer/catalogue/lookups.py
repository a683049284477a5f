"""Data Structure Selection: searches and counts over a whole list, answered by a dict or a set."""

from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import effects, kinds, syntax
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Import, Rewrite, Scene, exchanged
from perfbot.optimizer.strategies import Category

_SAME_EACH_TIME = frozenset({"add", "discard"})  # doing these twice is doing them once


@rule(Category.DATA_STRUCTURE, "search loop to membership")
def search_loop_to_membership(scene: Scene) -> Iterator[Rewrite]:
    """``for y in items: if y == x: found = True`` where a second match would change nothing."""
    for loop in syntax.find(scene.function.body, cst.For):
        body = syntax.body_of(loop)
        if loop.orelse is not None or len(body) != 1 or not isinstance(loop.target, cst.Name):
            continue
        test, item = body[0], loop.target.value
        if not isinstance(test, cst.If) or test.orelse is not None:
            continue
        wanted = _other_side(test.test, item)
        if wanted is None or not _compares_alike(scene, loop, wanted):
            continue
        rest = _once(test)
        if rest is None or item in syntax.names_read(test.body):
            continue
        if effects.read_after(scene, loop, item) or not _is_plain_list(scene, loop.iter):
            continue
        found = syntax.expression("{wanted} in {items}", wanted=wanted, items=loop.iter)
        new = cst.If(test=found, body=cst.IndentedBlock(rest))
        why = (
            f"The loop compares every item of `{syntax.code(loop.iter)}` in Python to learn whether "
            f"`{syntax.code(wanted)}` is among them; `in` does so at C speed and stops at the first."
        )
        yield scene.rewrite({loop: effects.in_place_of(loop, new)}, why)


def _other_side(test: cst.BaseExpression, item: str) -> cst.BaseExpression | None:
    """Return ``x`` of ``item == x`` or ``x == item``, where ``x`` is pure and does not use the item."""
    match test:
        case cst.Comparison(
            left=left, comparisons=[cst.ComparisonTarget(operator=cst.Equal(), comparator=right)]
        ):
            for one, other in ((left, right), (right, left)):
                if isinstance(one, cst.Name) and one.value == item:
                    usable = syntax.is_pure(other) and item not in syntax.names_read(other)
                    return other if usable else None
    return None


def _compares_alike(scene: Scene, at: cst.For, wanted: cst.BaseExpression) -> bool:
    """Say whether ``==`` and ``in`` agree: they differ for NaN and for classes of their own."""
    inner = kinds.elements_at(scene, at.iter)
    return (
        inner is not None
        and inner.only("int", "str", "bytes", "bool", "NoneType")
        and kinds.hashable(kinds.kind_at(scene, wanted))
    )


def _is_plain_list(scene: Scene, items: cst.BaseExpression) -> bool:
    return isinstance(items, cst.Name) and kinds.is_known(scene, items, "list", "tuple", "set")


def _once(test: cst.If) -> list[cst.BaseStatement] | None:
    """Return what is done on a match, when a second match does nothing more (without ``break``)."""
    body = syntax.body_of(test)
    last = syntax.only_small(body[-1])
    if isinstance(last, cst.Break) and len(body) > 1:
        return None if _leaves(body[:-1]) else body[:-1]
    if isinstance(last, cst.Return):
        return None if _leaves(body[:-1]) else body
    return body if all(map(_same_each_time, body)) else None


def _leaves(body: list[cst.BaseStatement]) -> bool:
    return any(
        isinstance(each, cst.Break | cst.Continue)
        for statement in body
        for each in syntax.walk(statement)
    )


def _same_each_time(statement: cst.BaseStatement) -> bool:
    found = syntax.assignment(statement)
    if found is not None:
        return syntax.is_pure(found[1]) and found[0] not in syntax.names_read(found[1])
    match syntax.only_small(statement):
        case cst.Expr(value=cst.Call() as call):
            method = syntax.method_call(call)
            known = method is not None and method[1] in _SAME_EACH_TIME
            return known and all(syntax.is_pure(arg) for arg in call.args)
    return False


@rule(Category.DATA_STRUCTURE, "any equality to membership")
def any_equality_to_membership(scene: Scene) -> Iterator[Rewrite]:
    """``any(y == x for y in items)`` over a list of numbers or texts: ``x in items``."""
    for call in syntax.find(scene.function.body, cst.Call):
        match call.args:
            case [cst.Arg(value=cst.GeneratorExp(elt=test, for_in=clause) as built)]:
                pass
            case _:
                continue
        if syntax.called_name(call) != "any" or not scene.is_builtin("any"):
            continue
        if clause.ifs or clause.inner_for_in or not isinstance(clause.target, cst.Name):
            continue
        wanted = _other_side(test, clause.target.value)
        elements = kinds.elements_at(scene, clause.iter)
        if wanted is None or elements is None or not elements.only("int", "str", "bytes", "bool"):
            continue
        if not kinds.hashable(kinds.kind_at(scene, wanted)):
            continue
        if _is_plain_list(scene, clause.iter):
            new = syntax.expression("{wanted} in {items}", wanted=wanted, items=clause.iter)
            why = (
                f"`{syntax.code(built)}` runs Python code per item of `{syntax.code(clause.iter)}`; "
                "`in` compares at C speed."
            )
            yield scene.rewrite({call: effects.enclosed(scene, call, new)}, why)


def _repeated_calls(scene: Scene, method: str) -> Iterator[tuple[cst.Call, str, cst.BaseStatement]]:
    """Yield ``items.method(x)``, ``items`` and the place before the loop that leaves it unchanged."""
    for call in syntax.find(scene.function.body, cst.Call):
        found = syntax.method_call(call)
        parts = syntax.arguments(call)
        if found is None or found[1] != method or not parts or len(parts) != 1:
            continue
        if isinstance(scene.parent(call), cst.IfExp):  # perhaps this rule's own result
            continue
        if isinstance(found[0], cst.Name) and syntax.is_pure(parts[0]):
            place = effects.hoisting_place(scene, call, {found[0].value})
            if place is not None:
                yield call, found[0].value, place


@rule(Category.DATA_STRUCTURE, "index in loop to positions")
def index_to_positions(scene: Scene) -> Iterator[Rewrite]:
    """``items.index(x)`` in a loop that leaves the list ``items`` unchanged."""
    for call, name, place in _repeated_calls(scene, "index"):
        seen = (
            kinds.kind_at(scene, call.func.value) if isinstance(call.func, cst.Attribute) else None
        )
        wanted = call.args[0].value
        if seen is None or not seen.only("list", "tuple") or not kinds.hashable(seen.elements):
            continue
        if not kinds.hashable(kinds.kind_at(scene, wanted)):
            continue
        positions = scene.fresh("positions")
        build = cst.parse_statement(
            f"{positions} = {{item: place for place, item in reversed(list(enumerate({name})))}}"
        )
        item = syntax.code(wanted)
        new = cst.parse_expression(
            f"{positions}[{item}] if {item} in {positions} else {name}.index({item})"
        )
        why = (
            f"`{name}.index(…)` walks up to {seen.longest} items in every round; `{positions}` holds "
            "each item's first place (a missing item still raises what it did)."
        )
        before = effects.with_before(
            exchanged(place, {call: effects.enclosed(scene, call, new)}), build
        )
        yield scene.rewrite({place: before}, why)


@rule(Category.DATA_STRUCTURE, "count in loop to Counter")
def count_to_counter(scene: Scene) -> Iterator[Rewrite]:
    """``items.count(x)`` in a loop that leaves the list ``items`` unchanged; also a text's own characters."""
    counter = Import("collections", "Counter")
    if not scene.can_import(counter):
        return
    places: dict[tuple[str, int], tuple[cst.BaseStatement, list[cst.Call]]] = {}
    for call, name, place in _repeated_calls(scene, "count"):
        seen = scene.kind(cst.Name(name))
        wanted = call.args[0].value
        if seen is None or name in _nested_parameters(scene, call):
            continue
        if seen.only("list", "tuple"):
            fits = kinds.hashable(seen.elements) and kinds.hashable(kinds.kind_at(scene, wanted))
        else:
            fits = seen.only("str") and _is_character_of(scene, call, wanted, name)
        if fits:
            places.setdefault((name, id(place)), (place, []))[1].append(call)
    for (name, _), (place, calls) in places.items():
        counts = scene.fresh(f"{name}_counts")
        changes: dict[cst.CSTNode, Change] = {
            call: cst.parse_expression(f"{counts}[{syntax.code(call.args[0])}]") for call in calls
        }
        build = syntax.statement(f"{counts} = Counter({name})")
        why = (
            f"`{name}.count(…)` walks all of `{name}` in every round; one pass counts everything "
            f"into `{counts}`."
        )
        before = effects.with_before(exchanged(place, changes), build)
        yield scene.rewrite({place: before}, why, imports=[counter])


def _nested_parameters(scene: Scene, node: cst.CSTNode) -> frozenset[str]:
    return frozenset().union(
        *(
            syntax.names_written(above)
            for above in scene.above(node)
            if isinstance(above, cst.FunctionDef | cst.Lambda) and above is not scene.function
        )
    )


def _is_character_of(scene: Scene, call: cst.Call, wanted: cst.BaseExpression, text: str) -> bool:
    """Say whether ``wanted`` is the variable of a loop over the text, or over a set of it."""
    if not isinstance(wanted, cst.Name):
        return False
    for loop in scene.loops_around(call):
        clause = loop if isinstance(loop, cst.For) else getattr(loop, "for_in", None)
        if isinstance(clause, cst.For | cst.CompFor) and syntax.same(clause.target, wanted):
            own = (text, f"set({text})", f"sorted({text})", f"sorted(set({text}))")
            binds = [store for store in scene.uses(wanted.value) if scene.parent(store) is clause]
            stored = [n for n in scene.stored if n.value == wanted.value]
            return len(stored) == len(binds) and syntax.same_as(clause.iter, *own)
    return False
