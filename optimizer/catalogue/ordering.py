"""Algorithm Design: sorting everything, or again and again, where less is asked."""

from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import effects, kinds, syntax
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Import, Rewrite, Scene, exchanged
from perfbot.optimizer.strategies import Category

_FEW = 32  # with so few wanted, a heap of the best beats sorting whatever the length


def _sorted_call(
    scene: Scene, value: cst.BaseExpression
) -> tuple[cst.BaseExpression, cst.BaseExpression | None, bool] | None:
    """Return what ``sorted(items, key=…, reverse=…)`` sorts, its key, and whether it is reversed."""
    if not isinstance(value, cst.Call) or syntax.called_name(value) != "sorted":
        return None
    if not scene.is_builtin("sorted") or not value.args or value.args[0].keyword:
        return None
    named = {arg.keyword.value: arg.value for arg in value.args[1:] if arg.keyword is not None}
    if len(named) != len(value.args) - 1 or not named.keys() <= {"key", "reverse"}:
        return None
    backwards = syntax.constant(named["reverse"]) if "reverse" in named else False
    if not isinstance(backwards, bool) or any(arg.star for arg in value.args):
        return None
    return value.args[0].value, named.get("key"), backwards


def _has_order(scene: Scene, items: cst.BaseExpression, key: cst.BaseExpression | None) -> bool:
    """Say whether what is compared is known to be numbers or texts of one type, without NaN."""
    elements = kinds.elements_at(scene, items)
    if elements is None or not elements.types:
        return False
    match key:
        case None:
            return kinds.has_total_order(elements)
        case cst.Name(value="len" | "ord" | "str" | "repr" | "hash"):
            return scene.is_builtin(key.value)
        case cst.Attribute(
            value=cst.Name(value="str"), attr=cst.Name(value="lower" | "upper" | "casefold")
        ):
            return elements.only("str")
        case cst.Lambda(
            params=cst.Parameters(params=[cst.Param(name=cst.Name(value=name))]), body=body
        ):
            return _is_ordered(kinds.with_facts(scene, {name: elements}), body)
    return False


def _is_ordered(scene: Scene, expr: cst.BaseExpression) -> bool:
    match expr:
        case cst.UnaryOperation(operator=cst.Minus(), expression=inner):
            return _is_ordered(scene, inner)
        case cst.Tuple(elements=elements):
            return all(_is_ordered(scene, element.value) for element in elements)
    seen = scene.kind(expr)
    return seen is not None and kinds.has_total_order(seen)


def _is_in_try(scene: Scene, node: cst.CSTNode) -> bool:
    return any(isinstance(above, cst.Try) for above in scene.above(node))


def _index_of(node: cst.Subscript) -> object:
    match node.slice:
        case [cst.SubscriptElement(slice=cst.Index(value=value))]:
            return syntax.constant(value)
    return ...


@rule(Category.ALGORITHM, "first of sorted to min or max")
def first_of_sorted(scene: Scene) -> Iterator[Rewrite]:
    """``sorted(items)[0]`` and ``sorted(items)[-1]``: one pass finds the least or greatest item.

    Of equal items, ``min`` and ``max`` give the first: with a key, only the form that does so too
    is rewritten.
    """
    for node in syntax.find(scene.function.body, cst.Subscript):
        found = _sorted_call(scene, node.value)
        place = _index_of(node)
        if (
            found is None
            or place not in (0, -1)
            or isinstance(place, bool)
            or _is_in_try(scene, node)
        ):
            continue
        items, key, backwards = found
        if not _has_order(scene, items, key) or (key is not None and place == -1):
            continue
        name = "min" if (place == 0) != backwards else "max"
        by = f", key={syntax.code(key)}" if key is not None else ""
        new = cst.parse_expression(f"{name}({syntax.code(items)}{by})")
        why = (
            f"Sorting `{syntax.code(items)}` to take one item costs n log n; `{name}` finds it in one "
            "pass."
        )
        if scene.is_builtin(name):
            yield scene.rewrite({node: new}, why)


@rule(Category.ALGORITHM, "few of sorted by heap")
def few_of_sorted(scene: Scene) -> Iterator[Rewrite]:
    """``sorted(items)[:3]`` with a small literal: ``heapq.nsmallest`` keeps only the best."""
    whole = Import("heapq")
    if not scene.can_import(whole):
        return
    for node in syntax.find(scene.function.body, cst.Subscript):
        found = _sorted_call(scene, node.value)
        few = _few(node)
        if found is None or few is None:
            continue
        items, key, backwards = found
        if not _has_order(scene, items, key):
            continue
        name = "nlargest" if backwards else "nsmallest"
        by = f", key={syntax.code(key)}" if key is not None else ""
        new = cst.parse_expression(f"heapq.{name}({few}, {syntax.code(items)}{by})")
        why = (
            f"Only {few} of `{syntax.code(items)}` are wanted; `heapq.{name}` keeps the best {few} while "
            "it walks once, in the order that sorting gives."
        )
        yield scene.rewrite({node: new}, why, imports=[whole])


def _few(node: cst.Subscript) -> int | None:
    """Return the literal of ``[:few]``."""
    match node.slice:
        case [
            cst.SubscriptElement(
                slice=cst.Slice(lower=None, upper=cst.Integer() as upper, step=None)
            )
        ]:
            few = syntax.constant(upper)
            return few if isinstance(few, int) and 0 < few <= _FEW else None
    return None


@rule(Category.ALGORITHM, "sort after append to insort")
def sort_after_append(scene: Scene) -> Iterator[Rewrite]:
    """``items.append(x)`` and ``items.sort()`` in a loop, on a list that is sorted all the time."""
    whole = Import("bisect")
    for line in syntax.find(scene.function.body, cst.SimpleStatementLine):
        name = _sorted_name(line)
        where = effects.block_of(scene, line) if name is not None else None
        if name is None or where is None or where[1] == 0 or not scene.loops_around(line):
            continue
        appended = _appended(where[0][where[1] - 1], name)
        elements = kinds.kind_at(scene, cst.Name(name), line)
        if appended is None or elements is None or not kinds.has_total_order(elements.elements):
            continue
        if not elements.only("list") or not _is_sorted_always(
            scene, name, where[0][where[1] - 1], line
        ):
            continue
        new = cst.parse_statement(f"bisect.insort({name}, {syntax.code(appended)})\n")
        changes: dict[cst.CSTNode, Change] = {
            where[0][where[1] - 1]: effects.in_place_of(where[0][where[1] - 1], new),
            line: cst.RemoveFromParent(),
        }
        why = (
            f"`{name}` is sorted but for its last item: `bisect.insort` finds that item's place by "
            "halving instead of going over the whole list."
        )
        if scene.can_import(whole):
            yield scene.rewrite(changes, why, imports=[whole])


def _sorted_name(line: cst.SimpleStatementLine) -> str | None:
    match syntax.only_small(line):
        case cst.Expr(
            value=cst.Call(
                func=cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value="sort")), args=[]
            )
        ):
            return name
    return None


def _appended(line: cst.BaseStatement, name: str) -> cst.BaseExpression | None:
    match syntax.only_small(line):
        case cst.Expr(value=cst.Call(args=[cst.Arg(value=value, keyword=None, star="")]) as call):
            return value if syntax.same_shape(call.func, f"{name}.append") else None
    return None


def _is_sorted_always(scene: Scene, name: str, *own: cst.BaseStatement) -> bool:
    """Say whether the list starts empty or sorted, is nobody else's, and otherwise only loses items."""
    if not effects.is_fresh(scene, name) or effects.is_aliased(scene, name):
        return False
    starts = [
        found[1]
        for line in syntax.find(scene.function.body, cst.SimpleStatementLine)
        if (found := syntax.assignment(line)) is not None and found[0] == name
    ]
    if not all(_starts_sorted(scene, value) for value in starts):
        return False
    inside = {id(each) for statement in own for each in syntax.walk(statement)}
    return not any(
        effects.alters_directly(node, name) and not _only_removes(node, name)
        for node in syntax.walk(scene.function.body)
        if id(node) not in inside
    ) and not effects.in_nested_function(scene, name)


def _starts_sorted(scene: Scene, value: cst.BaseExpression) -> bool:
    found = _sorted_call(scene, value)
    return syntax.same_as(value, "[]", "list()") or (
        found is not None and found[1:] == (None, False)
    )


def _only_removes(node: cst.CSTNode, name: str) -> bool:
    method = syntax.method_call(node)
    return method is not None and method[1] in ("pop", "remove", "clear")


@rule(Category.ALGORITHM, "min and max of a shrinking list")
def shrinking_list(scene: Scene) -> Iterator[Rewrite]:
    """``while items: x = min(items); items.remove(x)``: sorted once, the ends are the least and greatest."""
    for loop in syntax.find(scene.function.body, cst.While):
        if not isinstance(loop.test, cst.Name) or loop.orelse is not None:
            continue
        name = loop.test.value
        seen = kinds.kind_at(scene, loop.test)
        if seen is None or not seen.only("list") or not kinds.has_total_order(seen.elements):
            continue
        ends = [call for call in syntax.find(loop.body, cst.Call) if _end_of(scene, call, name)]
        if (
            not ends
            or not _runs_until_empty(scene, loop)
            or not _only_shrinks(scene, loop, name, ends)
        ):
            continue
        if effects.block_of(scene, loop) is None or not _sort_once(scene, loop, name):
            continue
        changes: dict[cst.CSTNode, Change] = {
            call: cst.parse_expression(f"{name}[{_end_of(scene, call, name)}]") for call in ends
        }
        new = exchanged(loop, changes)
        first = cst.parse_statement(f"{name}.sort()\n")
        why = (
            f"Every round walks all of `{name}` for its least or greatest item; once sorted, these are "
            "its ends, and taking items away keeps it sorted."
        )
        yield scene.rewrite({loop: effects.with_before(new, first)}, why)


def _end_of(scene: Scene, call: cst.Call, name: str) -> str | None:
    for function, place in (("min", "0"), ("max", "-1")):
        if scene.is_builtin(function) and syntax.same_shape(call, f"{function}({name})"):
            return place
    return None


def _runs_until_empty(scene: Scene, loop: cst.While) -> bool:
    """Say whether nothing but an empty list ends the loop, so that its order is never seen."""
    leaving = cst.Return | cst.Break | cst.Raise | cst.Yield | cst.Try
    return not any(isinstance(each, leaving) for each in syntax.walk(loop.body))


def _only_shrinks(scene: Scene, loop: cst.While, name: str, ends: list[cst.Call]) -> bool:
    allowed = {id(each) for call in ends for each in syntax.walk(call)}
    for use in syntax.variables(loop.body):
        if use.value != name or id(use) in allowed:
            continue
        parent = scene.parent(use)
        match parent:
            case cst.Attribute(attr=cst.Name(value="remove")):
                continue
            case cst.Arg():
                call = scene.parent(parent)
                if call is not None and syntax.called_name(call) == "len":
                    continue
        return False
    return True


def _sort_once(scene: Scene, loop: cst.While, name: str) -> bool:
    """Say whether the loop is not itself repeated, and other calls in it cannot see the list."""
    others = effects.altered_names(loop) - {name}
    return not scene.loops_around(loop) and all(effects.is_fresh(scene, each) for each in others)


@rule(Category.ALGORITHM, "bubble sort to sort")
def bubble_sort(scene: Scene) -> Iterator[Rewrite]:
    """Two nested loops that swap neighbours in the wrong order: a stable sort, as ``list.sort`` is."""
    for outer in syntax.find(scene.function.body, cst.For):
        inner = syntax.body_of(outer)
        if len(inner) != 1 or not isinstance(inner[0], cst.For) or outer.orelse is not None:
            continue
        name = _bubbled(scene, outer, inner[0])
        seen = kinds.kind_at(scene, cst.Name(name), outer) if name else None
        if (
            name is None
            or seen is None
            or not seen.only("list")
            or not kinds.has_total_order(seen.elements)
        ):
            continue
        targets = (syntax.code(outer.target), syntax.code(inner[0].target))
        if any(effects.read_after(scene, outer, target) for target in targets):
            continue
        new = cst.parse_statement(f"{name}.sort()\n")
        why = (
            f"Swapping neighbours takes about n² / 2 comparisons of items of `{name}`; the built-in sort "
            "is stable too and takes n log n."
        )
        yield scene.rewrite({outer: effects.in_place_of(outer, new)}, why)


def _bubbled(scene: Scene, outer: cst.For, inner: cst.For) -> str | None:
    """Return the list that the loops ``range(n)`` and ``range(n - i - 1)`` sort, ``n`` being its length."""
    body = syntax.body_of(inner)
    if inner.orelse is not None or len(body) != 1 or not isinstance(body[0], cst.If):
        return None
    match body[0]:
        case cst.If(
            test=cst.Comparison(
                left=cst.Subscript(value=cst.Name(value=name)), comparisons=[cst.ComparisonTarget()]
            ),
            orelse=None,
        ):
            pass
        case _:
            return None
    i, j = syntax.code(outer.target), syntax.code(inner.target)
    swap = (
        f"if {name}[{j}] > {name}[{j} + 1]:\n"
        f"    {name}[{j}], {name}[{j} + 1] = {name}[{j} + 1], {name}[{j}]\n"
    )
    if not syntax.same(body[0], cst.parse_statement(swap)):
        return None
    for length in _lengths(scene, name):
        rounds = (f"range({length})", f"range({length} - 1)", f"range(0, {length})")
        ends = (
            f"{length} - {i} - 1",
            f"{length} - 1 - {i}",
            f"{length} - 1",
            f"{length} - ({i} + 1)",
        )
        spans = [span for end in ends for span in (f"range({end})", f"range(0, {end})")]
        if any(syntax.same_shape(outer.iter, each) for each in rounds) and any(
            syntax.same_shape(inner.iter, each) for each in spans
        ):
            return name if i != j else None
    return None


def _lengths(scene: Scene, name: str) -> list[str]:
    """Return ``len(items)`` and the variable that holds it for good."""
    found = [f"len({name})"]
    for line in syntax.find(scene.function.body, cst.SimpleStatementLine):
        pair = syntax.assignment(line)
        if pair is None or not syntax.same_shape(pair[1], f"len({name})"):
            continue
        once = scene.times_bound(pair[0]) == 1
        if once and not _changes_length(scene, name):
            found.append(pair[0])
    return found


def _changes_length(scene: Scene, name: str) -> bool:
    stores = scene.times_bound(name)
    bound_once = stores == (0 if name in scene.parameters else 1)
    calls = [
        call
        for call in syntax.find(scene.function.body, cst.Call)
        if effects.alters_directly(call, name)
    ]
    return bool(calls) or not bound_once or effects.is_aliased(scene, name)
