"""Data Structure Selection: membership asked of a container that answers it faster."""

from collections.abc import Iterator, Mapping

import libcst as cst

from perfbot.optimizer import effects, kinds, syntax
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Rewrite, Scene, exchanged
from perfbot.optimizer.strategies import Category
from perfbot.profiling.facts import Seen

_COPIES = frozenset({"list", "tuple", "sorted", "set", "frozenset"})


@rule(Category.DATA_STRUCTURE, "list membership to set")
def list_membership_to_set(scene: Scene) -> Iterator[Rewrite]:
    """``x in items`` repeated by a loop that leaves the list or tuple ``items`` unchanged."""
    places: dict[tuple[str, int], tuple[cst.BaseStatement, list[cst.ComparisonTarget]]] = {}
    for test, left in _membership_tests(scene):
        if not isinstance(test.comparator, cst.Name) or not _may_be_hashed(scene, left):
            continue
        name = test.comparator.value
        seen = _constant_kind(scene, name) or kinds.kind_at(scene, test.comparator)
        if seen is None or not seen.only("list", "tuple") or not kinds.hashable(seen.elements):
            continue
        place = effects.hoisting_place(scene, test, {name})
        if place is not None:
            places.setdefault((name, id(place)), (place, []))[1].append(test)
    for (name, _), (place, tests) in places.items():
        yield _with_lookup_set(scene, name, place, tests)


def _membership_tests(scene: Scene) -> Iterator[tuple[cst.ComparisonTarget, cst.BaseExpression]]:
    """Yield ``in …`` and ``not in …`` of comparisons that consist of nothing else, and the left side."""
    for comparison in syntax.find(scene.function.body, cst.Comparison):
        match comparison.comparisons:
            case [cst.ComparisonTarget(operator=cst.In() | cst.NotIn()) as test]:
                yield test, comparison.left


def _may_be_hashed(scene: Scene, expr: cst.BaseExpression) -> bool:
    """Say that an expression was not seen to hold something that cannot be hashed."""
    seen = kinds.kind_at(scene, expr)
    return seen is None or kinds.hashable(seen)


def _constant_kind(scene: Scene, name: str) -> Seen | None:
    """Return the kind of a list or tuple of literals that the module binds once and never changes."""
    if name in scene.local_names or effects.alters(scene.module, name):
        return None
    bound = [store for store in syntax.stores(scene.module) if store.value == name]
    for line in scene.module.body:
        found = syntax.assignment(line)
        if found is not None and found[0] == name and len(bound) == 1:
            value = syntax.constant(found[1])
            if isinstance(value, list | tuple):
                types = frozenset(type(item).__name__ for item in value)
                return Seen(frozenset({type(value).__name__}), Seen(types), None, len(value))
    return None


def _with_lookup_set(
    scene: Scene, name: str, place: cst.BaseStatement, tests: list[cst.ComparisonTarget]
) -> Rewrite:
    lookup = scene.fresh(f"{name.lower()}_set")
    changes: dict[cst.CSTNode, Change] = {test.comparator: cst.Name(lookup) for test in tests}
    build = syntax.statement(
        "{target} = set({items})", target=cst.Name(lookup), items=cst.Name(name)
    )
    seen = scene.kind(cst.Name(name))
    size = f" (up to {seen.longest} items)" if seen is not None and seen.longest else ""
    why = (
        f"Each `in {name}` walks the list{size}; the set `{lookup}`, built once before the loop, "
        "answers by hash."
    )
    return _rewrite_before(scene, place, [build], changes, why)


def _rewrite_before(
    scene: Scene,
    place: cst.BaseStatement,
    build: list[cst.BaseStatement],
    changes: Mapping[cst.CSTNode, Change],
    why: str,
) -> Rewrite:
    return scene.rewrite({place: effects.with_before(exchanged(place, changes), *build)}, why)


@rule(Category.DATA_STRUCTURE, "set beside a growing list")
def set_beside_growing_list(scene: Scene) -> Iterator[Rewrite]:
    """``if x not in seen: … seen.append(x)`` in a loop, where ``seen`` is a list that starts empty."""
    for line in syntax.find(scene.function, cst.SimpleStatementLine):
        found = syntax.assignment(line)
        if found is None or not syntax.same_as(found[1], "[]", "list()"):
            continue
        name = found[0]
        seen = scene.kind(cst.Name(name))
        if seen is None or not seen.only("list") or not kinds.hashable(seen.elements):
            continue
        tests = [
            test
            for test, left in _membership_tests(scene)
            if syntax.same_shape(test.comparator, name)
            and scene.loops_around(test)
            and _may_be_hashed(scene, left)
        ]
        appends = effects.appends_to(scene, name)
        if tests and appends and effects.only_grows(scene, name, appends):
            yield _with_parallel_set(scene, name, line, tests, appends)


def _with_parallel_set(
    scene: Scene,
    name: str,
    start: cst.SimpleStatementLine,
    tests: list[cst.ComparisonTarget],
    appends: list[tuple[cst.SimpleStatementLine, cst.BaseExpression]],
) -> Rewrite:
    lookup = cst.Name(scene.fresh(f"{name}_set"))
    changes: dict[cst.CSTNode, Change] = {test.comparator: lookup for test in tests}
    changes[start] = cst.FlattenSentinel(
        [start, syntax.statement("{lookup} = set()", lookup=lookup)]
    )
    for line, item in appends:
        same = item if isinstance(item, cst.Name) else syntax.expression(f"{name}[-1]")
        add = syntax.statement("{lookup}.add({item})", lookup=lookup, item=same)
        changes[line] = cst.FlattenSentinel([line, add])
    why = (
        f"`{name}` grows while each round searches it from its start; the set `{lookup.value}`, kept "
        "beside it, answers by hash."
    )
    return scene.rewrite(changes, why)


@rule(Category.DATA_STRUCTURE, "membership without a copy")
def membership_without_copy(scene: Scene) -> Iterator[Rewrite]:
    """``x in list(d.keys())``, ``x in list(d)``, ``x in sorted(s)``: asked of the dict or set itself."""
    for test, left in _membership_tests(scene):
        original = _copied(scene, test.comparator)
        if original is None or not _may_be_hashed(scene, left):
            continue
        why = (
            f"`{syntax.code(test.comparator)}` copies all items to look for one; "
            f"`{syntax.code(original)}` itself answers by hash."
        )
        yield scene.rewrite({test.comparator: original}, why)


def _copied(scene: Scene, expr: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return the dict or set of which an expression is a copy."""
    if not isinstance(expr, cst.Call):
        return None
    parts = syntax.arguments(expr)
    name = syntax.called_name(expr)
    if name in _COPIES and scene.is_builtin(name) and parts is not None and len(parts) == 1:
        if isinstance(parts[0], cst.Call):
            return _copied(scene, parts[0])
        return parts[0] if _is_hashed(scene, parts[0]) else None
    method = syntax.method_call(expr)
    if method is not None and method[1] == "keys" and not expr.args:
        return method[0] if kinds.is_known(scene, method[0], "dict") else None
    return None


def _is_hashed(scene: Scene, expr: cst.BaseExpression) -> bool:
    return kinds.is_known(scene, expr, "dict", "set", "frozenset")


@rule(Category.DATA_STRUCTURE, "membership in a list built each time")
def membership_in_built_list(scene: Scene) -> Iterator[Rewrite]:
    """``x in [u["id"] for u in users]`` inside a loop that leaves ``users`` unchanged."""
    for test, left in _membership_tests(scene):
        built = test.comparator
        if not isinstance(built, cst.ListComp) or not syntax.is_pure(built):
            continue
        elements = kinds.kind_at(scene, built.elt, built.elt)
        names = syntax.names_read(built) - syntax.names_written(built)
        place = effects.hoisting_place(scene, test, names)
        if place is None or not effects.contents_unchanged(scene, place, built.elt):
            continue
        if not kinds.hashable(elements) or not _may_be_hashed(scene, left):
            continue
        lookup = scene.fresh("wanted")
        items = cst.SetComp(elt=built.elt, for_in=built.for_in)
        build = syntax.statement("{target} = {items}", target=cst.Name(lookup), items=items)
        why = (
            f"Every round builds the list `{syntax.code(built)}` anew to search it; the set "
            f"`{lookup}` is built once before the loop."
        )
        yield _rewrite_before(scene, place, [build], {built: cst.Name(lookup)}, why)


@rule(Category.DATA_STRUCTURE, "ordered dedupe by dict")
def ordered_dedupe(scene: Scene) -> Iterator[Rewrite]:
    """``for x in items: if x not in out: out.append(x)`` right after ``out = []``."""
    for loop in syntax.find(scene.function.body, cst.For):
        where = effects.block_of(scene, loop)
        if where is None or where[1] == 0 or loop.orelse is not None:
            continue
        start = where[0][where[1] - 1]
        found = syntax.assignment(start)
        if found is None or not syntax.same_as(found[1], "[]", "list()"):
            continue
        name, body = found[0], syntax.body_of(loop)
        item = loop.target
        if not isinstance(item, cst.Name) or effects.read_after(scene, loop, item.value):
            continue
        wanted = f"if {item.value} not in {name}:\n    {name}.append({item.value})\n"
        if len(body) != 1 or not syntax.same(body[0], cst.parse_statement(wanted)):
            continue
        elements = kinds.elements_at(scene, loop.iter)
        if not kinds.hashable(elements) or name in syntax.names_read(loop.iter):
            continue
        build = syntax.statement(
            "{out} = list(dict.fromkeys({items}))", out=cst.Name(name), items=loop.iter
        )
        why = (
            f"The loop searches all of `{name}` for every item; a dict keeps first occurrences in "
            "order and finds repeats by hash."
        )
        changes: dict[cst.CSTNode, Change] = {
            start: cst.RemoveFromParent(),
            loop: effects.in_place_of(start, build),
        }
        if scene.is_builtin("dict") and scene.is_builtin("list"):
            yield scene.rewrite(changes, why)
