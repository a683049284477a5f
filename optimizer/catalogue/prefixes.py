"""Algorithm Design: values over a part of a list, or over a list that stays the same, computed once."""

from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import effects, kinds, ranges, syntax
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Import, Rewrite, Scene, exchanged
from perfbot.optimizer.strategies import Category

_ACCUMULATE = Import("itertools", "accumulate")


def _slice_calls(
    scene: Scene, *functions: str
) -> Iterator[tuple[cst.Call, str, cst.Slice, cst.BaseStatement]]:
    """Yield ``sum(xs[a:b])`` in a loop that leaves the list of ``int`` unchanged, and the place before it."""
    for call in syntax.find(scene.function.body, cst.Call):
        name = syntax.called_name(call)
        if name not in functions or not scene.is_builtin(name):
            continue
        match call.args:
            case [
                cst.Arg(
                    value=cst.Subscript(
                        value=cst.Name(value=items),
                        slice=[cst.SubscriptElement(slice=cst.Slice(step=None) as part)],
                    ),
                    keyword=None,
                    star="",
                )
            ]:
                pass
            case _:
                continue
        seen = kinds.kind_at(scene, cst.Name(items), call)
        if seen is None or not seen.only("list", "tuple"):
            continue
        place = effects.hoisting_place(scene, call, {items})
        if place is not None and seen.elements is not None and seen.elements.only("int"):
            yield call, items, part, place


@rule(Category.ALGORITHM, "sums of slices to prefix sums")
def prefix_sums(scene: Scene) -> Iterator[Rewrite]:
    """``sum(xs[i:j])`` in a loop over places of a list of ``int``."""
    for call, items, part, place in _slice_calls(scene, "sum"):
        low = _bound(scene, part.lower, items, place, "0")
        high = _bound(scene, part.upper, items, place, f"len({items})")
        if low is None or high is None or not scene.can_import(_ACCUMULATE):
            continue
        if not _in_order(scene, call, part):
            continue
        sums = scene.fresh("sums")
        build = cst.parse_statement(f"{sums} = [0, *accumulate({items})]\n")
        text = f"{sums}[{high}]" if low == "0" else f"{sums}[{high}] - {sums}[{low}]"
        new = effects.enclosed(scene, call, cst.parse_expression(text))
        why = (
            f"Every round adds up a part of `{items}` anew; the difference of two running sums in "
            f"`{sums}` gives each of them at once."
        )
        before = effects.with_before(exchanged(place, {call: new}), build)
        yield scene.rewrite({place: before}, why, imports=[_ACCUMULATE])


def _bound(
    scene: Scene,
    bound: cst.BaseExpression | None,
    items: str,
    place: cst.BaseStatement,
    missing: str,
) -> str | None:
    """Return a bound as a place in the running sums: it must not be negative, and not beyond the end."""
    match bound:
        case None:
            return missing
        case cst.Integer():
            return (
                "0" if syntax.constant(bound) == 0 else f"min({syntax.code(bound)}, len({items}))"
            )
        case cst.Name(value=name) if ranges.stays_inside(scene, name, items, place):
            return name
        case cst.BinaryOperation(
            left=cst.Name(value=name), operator=cst.Add(), right=cst.Integer()
        ):
            if not ranges.counts_up(scene, bound.left):
                return None
            one_more = syntax.constant(bound.right) == 1 and ranges.stays_inside(
                scene, name, items, place
            )
            text = syntax.code(bound)
            return text if one_more else f"min({text}, len({items}))"
        case cst.Name() if ranges.counts_up(scene, bound):
            return f"min({syntax.code(bound)}, len({items}))"
    return None


def _in_order(scene: Scene, call: cst.Call, part: cst.Slice) -> bool:
    """Say whether the lower bound is never above the upper one, where a slice is empty but the sums are not."""
    low, high = part.lower, part.upper
    if low is None or syntax.constant(low) == 0:
        return True
    if not isinstance(low, cst.Name):
        return False
    base = high.left if isinstance(high, cst.BinaryOperation) else high
    if base is None or syntax.same(base, low):
        return True
    return isinstance(base, cst.Name) and _starts_from(scene, call, base.value, low.value)


def _starts_from(scene: Scene, call: cst.Call, high: str, low: str) -> bool:
    """Say whether the loop around the call that binds ``high`` starts from ``low``, and keeps ``low``."""
    for loop in scene.loops_around(call):
        if isinstance(loop, cst.For) and syntax.same_shape(loop.target, high):
            span = ranges.range_of(scene, loop.iter)
            starts = span is not None and syntax.same_as(span.start, low, f"{low} + 1")
            once = len(ranges.loops_over(scene, high)) == 1
            return starts and once and low not in syntax.names_written(loop)
    return False


@rule(Category.ALGORITHM, "extremes of prefixes to a running value")
def prefix_extremes(scene: Scene) -> Iterator[Rewrite]:
    """``max(xs[:i + 1])`` or ``min(xs[:i + 1])`` in a loop over the places of a list of ``int``."""
    for call, items, part, place in _slice_calls(scene, "max", "min"):
        name = syntax.called_name(call)
        if part.lower is not None and syntax.constant(part.lower) != 0:
            continue
        match part.upper:
            case cst.BinaryOperation(left=cst.Name(value=index), operator=cst.Add(), right=one):
                pass
            case _:
                continue
        inside = ranges.stays_inside(scene, index, items, place)
        if syntax.constant(one) != 1 or not inside or not scene.can_import(_ACCUMULATE):
            continue
        running = scene.fresh("highest" if name == "max" else "lowest")
        build = cst.parse_statement(f"{running} = list(accumulate({items}, {name}))\n")
        new = cst.parse_expression(f"{running}[{index}]")
        why = (
            f"Every round walks `{items}` from its start for its `{name}` so far; one pass notes it for "
            f"every place in `{running}`."
        )
        before = effects.with_before(exchanged(place, {call: new}), build)
        yield scene.rewrite({place: before}, why, imports=[_ACCUMULATE])


@rule(Category.ALGORITHM, "sum of a growing list kept beside it")
def sum_of_growing_list(scene: Scene) -> Iterator[Rewrite]:
    """``sum(out)`` in the loop that appends to ``out``, a list of ``int`` that starts empty."""
    for line in syntax.find(scene.function.body, cst.SimpleStatementLine):
        found = syntax.assignment(line)
        if found is None or not syntax.same_as(found[1], "[]", "list()"):
            continue
        name = found[0]
        seen = scene.kind(cst.Name(name))
        if seen is None or not seen.only("list") or seen.elements is None:
            continue
        sums = [
            call
            for call in syntax.find(scene.function.body, cst.Call)
            if syntax.same_shape(call, f"sum({name})") and scene.loops_around(call)
        ]
        appends = effects.appends_to(scene, name)
        if not sums or not appends or not effects.only_grows(scene, name, appends):
            continue
        if seen.elements.only("int") and scene.is_builtin("sum"):
            yield _with_total(scene, name, line, sums, [each for each, _ in appends])


def _with_total(
    scene: Scene,
    name: str,
    start: cst.SimpleStatementLine,
    sums: list[cst.Call],
    appends: list[cst.SimpleStatementLine],
) -> Rewrite:
    total = scene.fresh(f"{name}_total")
    changes: dict[cst.CSTNode, Change] = {call: cst.Name(total) for call in sums}
    changes[start] = cst.FlattenSentinel([start, cst.parse_statement(f"{total} = 0\n")])
    for line in appends:
        add = cst.parse_statement(f"{total} += {name}[-1]\n")
        changes[line] = cst.FlattenSentinel([exchanged(line, changes), add])
    why = (
        f"`sum({name})` adds up the whole list in every round while it grows; `{total}`, kept beside it, "
        "only adds what is new."
    )
    return scene.rewrite(changes, why)


@rule(Category.ALGORITHM, "unchanged aggregate out of the loop")
def aggregate_out_of_loop(scene: Scene) -> Iterator[Rewrite]:
    """``max(xs)``, ``sum(xs)``, ``len(set(xs))``, ``set(xs)``… in a loop that leaves ``xs`` unchanged."""
    groups: dict[tuple[str, int], tuple[cst.BaseStatement, list[cst.Call]]] = {}
    for call in syntax.find(scene.function.body, cst.Call):
        items = _aggregated(scene, call)
        place = effects.hoisting_place(scene, call, {items}) if items is not None else None
        if items is None or place is None or not _never_fails(scene, call, items, place):
            continue
        groups.setdefault((syntax.code(call), id(place)), (place, []))[1].append(call)
    for (text, _), (place, calls) in groups.items():
        value = scene.fresh(_called(text))
        changes: dict[cst.CSTNode, Change] = {call: cst.Name(value) for call in calls}
        why = (
            f"`{text}` gives the same in every round, and walks the whole container for it; once before "
            "the loop is enough."
        )
        empty = text[:-1] + ", default=None)"  # the loop over the items does not run then
        first = empty if text.startswith(("max", "min")) else text
        build = cst.parse_statement(f"{value} = {first}\n")
        yield scene.rewrite({place: effects.with_before(exchanged(place, changes), build)}, why)


def _aggregated(scene: Scene, call: cst.Call) -> str | None:
    """Return ``xs`` of an aggregate whose value is a number, or a copy that is only looked into."""
    match call:
        case cst.Call(
            func=cst.Name(value="len"),
            args=[
                cst.Arg(
                    value=cst.Call(
                        func=cst.Name(value="set"), args=[cst.Arg(value=cst.Name(value=items))]
                    )
                )
            ],
        ):
            return items if scene.is_builtin("len") and scene.is_builtin("set") else None
        case cst.Call(
            func=cst.Name(value=function),
            args=[cst.Arg(value=cst.Name(value=items), star="", keyword=None)],
        ) if scene.is_builtin(function):
            if function in ("max", "min", "sum"):
                return items
            if function in ("set", "sorted", "frozenset", "list"):
                return (
                    items if _is_looked_into(scene, call) and not _is_counted(scene, call) else None
                )
    return None


def _is_looked_into(scene: Scene, call: cst.Call) -> bool:
    parent = scene.parent(call)
    match parent:
        case cst.ComparisonTarget(operator=cst.In() | cst.NotIn()):
            return True
        case cst.Subscript(value=value):
            return value is call
    return False


def _is_counted(scene: Scene, call: cst.Call) -> bool:
    return syntax.called_name(call) == "list" and not isinstance(scene.parent(call), cst.Subscript)


def _never_fails(scene: Scene, call: cst.Call, items: str, place: cst.BaseStatement) -> bool:
    """Say whether computing it before the loop cannot fail where the loop would not have got to it."""
    seen = kinds.kind_at(scene, cst.Name(items), call)
    if seen is None or not seen.only("list", "tuple", "set", "frozenset", "str"):
        return False
    name = syntax.called_name(call)
    elements = seen if seen.only("str") else seen.elements
    if elements is None:
        return False
    if name in ("max", "min"):
        return kinds.has_total_order(elements) and _walks(scene, call, items, place)
    if name == "sum":
        return elements.only("int", "float")
    return kinds.has_total_order(elements) if name == "sorted" else kinds.hashable(elements)


def _walks(scene: Scene, call: cst.Call, items: str, place: cst.BaseStatement) -> bool:
    """Say whether a loop over the items themselves repeats the call: then they are not empty."""
    own = (
        items,
        f"enumerate({items})",
        f"range(len({items}))",
        f"set({items})",
        f"sorted({items})",
    )
    below = {id(each) for each in syntax.walk(place)}
    for loop in scene.loops_around(call):
        clause = loop if isinstance(loop, cst.For) else getattr(loop, "for_in", None)
        if id(loop) not in below or not isinstance(clause, cst.For | cst.CompFor):
            continue
        if any(syntax.same_shape(clause.iter, each) for each in own):
            return True
    return False


def _called(text: str) -> str:
    if text.startswith("len"):
        return "distinct_count"
    names = {
        "max": "greatest",
        "min": "least",
        "sum": "total",
        "set": "distinct",
        "sorted": "ordered",
    }
    return names.get(text.split("(", maxsplit=1)[0], "copied")
