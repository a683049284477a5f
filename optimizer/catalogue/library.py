"""The standard library's own loops: collections, itertools and methods that take all items at once."""

from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import flow, shapes, syntax
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Import, Rewrite, Scene
from perfbot.optimizer.strategies import Category

_SEQUENCES = ("list", "tuple", "str")
_ITERABLES = (*_SEQUENCES, "set", "frozenset", "range")


@rule(Category.LIBRARY, "counting loop to Counter")
def counting_loop_to_counter(scene: Scene) -> Iterator[Rewrite]:
    """``counts = {}`` and a loop that only does ``counts[x] += 1``: ``dict(Counter(xs))`` counts in C."""
    if not scene.is_builtin("dict") or not scene.can_import(Import("collections", "Counter")):
        return
    for start, loop, name in _filled_by_loop(scene, "{}", "dict()"):
        if not isinstance(loop.target, cst.Name) or not _counts(loop, name, loop.target):
            continue
        if not scene.is_kind(loop.iter, *_ITERABLES):
            continue  # Counter would take a mapping for finished counts
        new = _start_with(start, loop, syntax.expression("dict(Counter({xs}))", xs=loop.iter))
        why = (
            f"`{name}` is counted up in bytecode for each item of `{shapes.shown(loop.iter)}`; "
            "`Counter` does it in C and keeps the same order."
        )
        changes: dict[cst.CSTNode, Change] = {start: cst.RemoveFromParent(), loop: new}
        yield scene.rewrite(changes, why, imports=[Import("collections", "Counter")])


def _filled_by_loop(scene: Scene, *starts: str) -> Iterator[tuple[cst.BaseStatement, cst.For, str]]:
    """Yield ``(start line, loop, name)`` of ``name = {}`` right before a plain loop whose variable is forgotten."""
    for block in syntax.find(scene.function.body, cst.IndentedBlock):
        for start, loop in zip(block.body, block.body[1:], strict=False):
            found = syntax.assignment(start)
            if found is None or not isinstance(loop, cst.For) or loop.orelse is not None:
                continue
            plain = loop.asynchronous is None and _forgotten(scene, loop)
            plain = plain and not flow.in_try(scene, loop)
            apart = found[0] not in syntax.names_read(loop.iter)
            if plain and apart and syntax.code(found[1]) in starts:
                yield start, loop, found[0]


def _start_with(
    start: cst.BaseStatement, loop: cst.For, value: cst.BaseExpression
) -> cst.BaseStatement:
    """Return the line ``name = {}`` with another value, and the comments of both."""
    small = syntax.only_small(start)
    assert isinstance(small, cst.Assign | cst.AnnAssign)
    line = start.with_deep_changes(small, value=value)
    assert isinstance(line, cst.SimpleStatementLine)
    return line.with_changes(leading_lines=[*line.leading_lines, *loop.leading_lines])


def _forgotten(scene: Scene, loop: cst.For) -> bool:
    inside = {id(name) for name in syntax.variables(loop)}
    names = {node.value for node in syntax.variables(loop.target)}
    return all(id(use) in inside for name in names for use in scene.uses(name))


def _counts(loop: cst.For, name: str, item: cst.Name) -> bool:
    """Say whether the body is one of the ways to write ``name[item] += 1`` for a plain dictionary."""
    x = item.value
    body = "".join(syntax.code(line) + "\n" for line in syntax.body_of(loop))
    ways = (
        f"{name}[{x}] = {name}.get({x}, 0) + 1",
        f"{name}[{x}] = 1 + {name}.get({x}, 0)",
        f"if {x} in {name}:\n    {name}[{x}] += 1\nelse:\n    {name}[{x}] = 1",
        f"if {x} not in {name}:\n    {name}[{x}] = 1\nelse:\n    {name}[{x}] += 1",
        f"if {x} not in {name}:\n    {name}[{x}] = 0\n{name}[{x}] += 1",
        f"{name}.setdefault({x}, 0)\n{name}[{x}] += 1",
        f"try:\n    {name}[{x}] += 1\nexcept KeyError:\n    {name}[{x}] = 1",
    )
    return any(_same_code(body, way) for way in ways)


def _same_code(one: str, other: str) -> bool:
    return syntax.same(cst.parse_module(one), cst.parse_module(other))


@rule(Category.LIBRARY, "loop of items to dict.update")
def item_loop_to_update(scene: Scene) -> Iterator[Rewrite]:
    """``for key, value in source.items(): target[key] = value`` between two dictionaries."""
    for loop in syntax.find(scene.function.body, cst.For):
        found = _copied_items(scene, loop)
        if found is not None and _forgotten(scene, loop) and loop.orelse is None:
            target, source = found
            new = syntax.statement("{t}.update({s})", t=target, s=source)
            yield scene.rewrite(
                {loop: new.with_changes(leading_lines=loop.leading_lines)},
                f"`{shapes.shown(loop)}` copies entry by entry; `update` copies all of "
                f"`{syntax.code(source)}` in C.",
            )


def _copied_items(scene: Scene, loop: cst.For) -> tuple[cst.Name, cst.BaseExpression] | None:
    method, lines = syntax.method_call(loop.iter), syntax.body_of(loop)
    if method is None or method[1] != "items" or len(lines) != 1:
        return None
    match loop.target, syntax.only_small(lines[0]):
        case (
            cst.Tuple(
                elements=[cst.Element(value=cst.Name() as k), cst.Element(value=cst.Name() as v)]
            ),
            cst.Assign(
                targets=[
                    cst.AssignTarget(target=cst.Subscript(value=cst.Name() as target) as place)
                ],
                value=cst.Name(value=value),
            ),
        ):
            keyed = _same_code(syntax.code(place), f"{target.value}[{k.value}]")
            plain = scene.is_kind(target, "dict") and scene.is_kind(method[0], "dict")
            distinct = len({k.value, v.value, target.value, syntax.root(method[0])}) == 4
            if keyed and plain and distinct and value == v.value:
                return target, method[0]
    return None


@rule(Category.LIBRARY, "running total to accumulate")
def running_total_to_accumulate(scene: Scene) -> Iterator[Rewrite]:
    """``sums = [0]`` and ``sums.append(sums[-1] + x)`` for each ``x``: ``itertools.accumulate``."""
    imported = Import("itertools", "accumulate")
    if not scene.is_builtin("list") or not scene.can_import(imported):
        return
    for start, loop, name in _filled_by_loop(scene, "[0]"):
        match loop.target, syntax.body_of(loop):
            case cst.Name(value=x), [line]:
                ways = (f"{name}.append({name}[-1] + {x})", f"{name} += [{name}[-1] + {x}]")
                if not any(_same_code(syntax.code(line), way) for way in ways) or x == name:
                    continue
                total = syntax.expression("list(accumulate({xs}, initial=0))", xs=loop.iter)
                new = _start_with(start, loop, total)
                changes: dict[cst.CSTNode, Change] = {start: cst.RemoveFromParent(), loop: new}
                why = (
                    f"`{shapes.shown(line)}` makes three steps of bytecode for each item of "
                    f"`{shapes.shown(loop.iter)}`; `accumulate` adds in the same order in C."
                )
                yield scene.rewrite(changes, why, imports=[imported])


@rule(Category.LIBRARY, "two indices to combinations")
def two_indices_to_combinations(scene: Scene) -> Iterator[Rewrite]:
    """``for i in range(len(xs)): for j in range(i + 1, len(xs))`` where only ``xs[i]`` and ``xs[j]`` are used."""
    imported = Import("itertools", "combinations")
    if not scene.can_import(imported):
        return
    for outer in syntax.find(scene.function.body, cst.For):
        found = _index_pair(scene, outer)
        if found is None:
            continue
        inner, items, first, second = found
        one, other = scene.fresh(f"{items}_{first}"), scene.fresh(f"{items}_{second}")
        if _may_change(scene, inner, items):
            continue
        body = inner.body.visit(_Items({f"{items}[{first}]": one, f"{items}[{second}]": other}))
        assert isinstance(body, cst.BaseSuite)
        left = set(syntax.names_read(body)) & {first, second}
        if left or items in syntax.names_read(body) | syntax.names_written(body):
            continue
        target = cst.Tuple([cst.Element(cst.Name(one)), cst.Element(cst.Name(other))], [], [])
        pairs = cst.parse_expression(f"combinations({items}, 2)")
        new = outer.with_changes(target=target, iter=pairs, body=body)
        why = (
            f"Two loops look up `{items}[{first}]` and `{items}[{second}]` for each pair; "
            "`combinations` hands out the pairs in the same order."
        )
        yield scene.rewrite({outer: new}, why, imports=[imported])


def _may_change(scene: Scene, loop: cst.For, name: str) -> bool:
    """Say whether a sequence may change during a loop, also through another name for it."""
    aliased = any(
        isinstance(node.value, cst.Name) and node.value.value == name
        for node in syntax.find(scene.function.body, cst.Assign)
    )
    return aliased or name not in scene.local_names or syntax.mutates(loop.body, name)


class _Items(cst.CSTTransformer):
    """Replaces ``xs[i]`` by a name."""

    def __init__(self, names: dict[str, str]) -> None:
        super().__init__()
        self._names = names

    def leave_Subscript(  # noqa: N802 -- the name that LibCST calls
        self, original_node: cst.Subscript, updated_node: cst.Subscript
    ) -> cst.BaseExpression:
        name = self._names.get(syntax.code(original_node))
        return cst.Name(name) if name is not None else updated_node


def _index_pair(scene: Scene, outer: cst.For) -> tuple[cst.For, str, str, str] | None:
    """Return ``(inner loop, sequence, i, j)``; a ``break`` would leave both loops afterwards."""
    match outer.target, syntax.body_of(outer):
        case cst.Name(value=first), [cst.For(target=cst.Name(value=second)) as inner]:
            pass
        case _:
            return None
    match outer.iter:
        case cst.Call(
            args=[
                cst.Arg(
                    value=cst.Call(
                        func=cst.Name(value="len"), args=[cst.Arg(value=cst.Name(value=items))]
                    )
                )
            ]
        ):
            pass
        case _:
            return None
    ranges = (f"range(len({items}))", f"range({first} + 1, len({items}))")
    fits = (
        _same_code(syntax.code(outer.iter), ranges[0])
        and _same_code(syntax.code(inner.iter), ranges[1])
        and scene.is_kind(cst.Name(items), *_SEQUENCES)
        and scene.is_builtin("range")
        and scene.is_builtin("len")
        and inner.orelse is None
        and outer.orelse is None
        and not any(isinstance(node, cst.Break | cst.Await) for node in syntax.walk(inner))
        and not {first, second} & syntax.names_written(inner.body)
        and _forgotten(scene, outer)
        and _forgotten(scene, inner)
    )
    return (inner, items, first, second) if fits else None


@rule(Category.LOOP, "enumerate remainder to slice")
def enumerate_remainder_to_slice(scene: Scene) -> Iterator[Rewrite]:
    """``x for i, x in enumerate(xs) if i % k == r``: the slice ``xs[r::k]`` holds just those items."""
    for source in syntax.find(scene.function.body, cst.CompFor):
        values = syntax.arguments(source.iter) if isinstance(source.iter, cst.Call) else None
        if syntax.called_name(source.iter) != "enumerate" or not scene.is_builtin("enumerate"):
            continue
        match source.target, values, list(shapes.conjuncts(test.test for test in source.ifs)):
            case (
                cst.Tuple(elements=[cst.Element(value=number), cst.Element(value=item)]),
                [cst.BaseExpression() as items],
                [first, *rest],
            ):
                remainder = shapes.remainder_test(first, number)
                around = scene.parent(source)
                counted = syntax.code(number)
                uses = [n for n in syntax.variables(around or source) if n.value == counted]
                if remainder is None or len(uses) != 2 or not scene.is_kind(items, *_SEQUENCES):
                    continue  # the target and the test are the only two uses
                step, start = remainder
                new = source.with_changes(
                    target=item,
                    iter=syntax.expression(f"{{xs}}[{start or ''}::{step}]", xs=items),
                    ifs=[cst.CompIf(test=test) for test in rest],
                )
                yield scene.rewrite(
                    {source: new},
                    f"All items of `{shapes.shown(items)}` are numbered to keep one in {step}; "
                    "a slice with that step takes only those.",
                )
