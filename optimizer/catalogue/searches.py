"""Loop Efficiency Techniques: loops that look for something, count, or add up, and how far they must run."""

from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import certainty, flow, syntax, writing
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Rewrite, Scene
from perfbot.optimizer.strategies import Category


def _only_if(loop: cst.For) -> cst.If | None:
    """The ``if`` without ``else`` that is the whole body of a loop."""
    body = syntax.body_of(loop)
    match body:
        case [cst.If(orelse=None) as branch] if not loop.orelse and not flow.has_comments(loop):
            return branch
    return None


def _compared(scene: Scene, loop: cst.For, test: cst.BaseExpression) -> cst.BaseExpression | None:
    """The ``wanted`` of ``item == wanted``, where both have types for which equality is identity of value."""
    match test:
        case cst.Comparison(
            left=left, comparisons=[cst.ComparisonTarget(operator=cst.Equal(), comparator=right)]
        ):
            target = syntax.code(loop.target)
            pair = [left, right] if syntax.code(left) == target else [right, left]
            if syntax.code(pair[0]) != target or flow.mentions(pair[1], target):
                return None
            exact = certainty.is_sure(scene, pair[1], *certainty.EXACT) and _exact_items(
                scene, loop
            )
            return pair[1] if exact and flow.is_constant_in(scene, loop, pair[1]) else None
    return None


def _exact_items(scene: Scene, loop: cst.For) -> bool:
    found = certainty.items(scene, loop.iter)
    return found is not None and found.only(*certainty.EXACT)


def _listed(scene: Scene, loop: cst.For, *types: str) -> str | None:
    """The name of the container that the loop walks through."""
    match loop:
        case cst.For(target=cst.Name(), iter=cst.Name(value=name)):
            return name if certainty.is_sure(scene, loop.iter, *types) else None
    return None


@rule(Category.LOOP, "counting loop to count")
def counting_loop_to_count(scene: Scene) -> Iterator[Rewrite]:
    """``if item == wanted: n += 1`` as the whole body of a loop over a list or tuple."""
    for loop in flow.for_loops(scene):
        branch, name = _only_if(loop), _listed(scene, loop, "list", "tuple")
        wanted = _compared(scene, loop, branch.test) if branch and name else None
        if branch is None or wanted is None:
            continue
        match syntax.body_of(branch):
            case [
                cst.SimpleStatementLine(
                    body=[
                        cst.AugAssign(
                            target=cst.Name(value=total),
                            operator=cst.AddAssign(),
                            value=cst.Integer(value="1"),
                        )
                    ]
                )
            ] if _is_number(scene, total) and total not in syntax.names_read(branch.test):
                if flow.ends_with_loop(scene, loop, [syntax.code(loop.target)]):
                    new = writing.line(f"{total} += {name}.count({syntax.code(wanted)})", loop)
                    why = f"`{name}.count` compares all items in C; the loop does it one by one."
                    yield scene.rewrite({loop: new}, why)


def _is_number(scene: Scene, name: str) -> bool:
    return flow.is_own(scene, name) and certainty.is_sure(scene, cst.Name(name), "int")


@rule(Category.LOOP, "adding loop to sum")
def adding_loop_to_sum(scene: Scene) -> Iterator[Rewrite]:
    """``total += item`` as the whole body of a loop over integers (a sum of floats is rounded differently)."""
    for loop in flow.for_loops(scene):
        match syntax.body_of(loop):
            case [
                cst.SimpleStatementLine(
                    body=[
                        cst.AugAssign(
                            target=cst.Name(value=total),
                            operator=cst.AddAssign(),
                            value=cst.Name(value=item),
                        )
                    ]
                )
            ] if loop.orelse is None and item in (flow.target_names(loop.target) or ()):
                source = _integers(scene, loop, item)
                usable = source and _is_number(scene, total) and scene.is_builtin("sum")
                if usable and flow.ends_with_loop(scene, loop, _targets(loop)):
                    new = writing.line(f"{total} += sum({source})", loop)
                    why = f"`sum` adds the integers of `{source}` in C, without a pass of the loop for each."
                    yield scene.rewrite({loop: new}, why)


def _targets(loop: cst.For) -> list[str]:
    return flow.target_names(loop.target) or []


def _integers(scene: Scene, loop: cst.For, item: str) -> str | None:
    """The code of an iterable of the integers that the loop adds."""
    found = certainty.items(scene, loop.iter)
    if isinstance(loop.target, cst.Name) and found is not None and found.only("int", "bool"):
        return syntax.code(loop.iter)
    match loop.iter:
        case cst.Call(
            func=cst.Attribute(value=cst.Name(value=name), attr=cst.Name("items")), args=[]
        ):
            kind = certainty.sure_name(scene, name)
            values = kind.values if kind is not None and kind.only("dict") else None
            last = len(_targets(loop)) == 2 and _targets(loop)[1] == item
            return f"{name}.values()" if last and values and values.only("int", "bool") else None
    return None


@rule(Category.LOOP, "stop once decided")
def stop_once_decided(scene: Scene) -> Iterator[Rewrite]:
    """``if test: found = constant`` as the whole body of a loop: nothing can change after the first hit."""
    for loop in flow.for_loops(scene):
        branch = _only_if(loop)
        if branch is None or certainty.items(scene, loop.iter) is None:
            continue
        match syntax.body_of(branch):
            case [line] if (found := syntax.assignment(line)) and _is_constant(found[1]):
                quiet = (
                    flow.is_quiet(scene, loop) and certainty.sure(scene, branch.test) is not None
                )
                if (
                    quiet
                    and found[0] not in syntax.names_read(loop)
                    and flow.ends_with_loop(scene, loop, _targets(loop))
                ):
                    stop = cst.SimpleStatementLine([cst.Break()])
                    change = cst.FlattenSentinel([line, stop])
                    why = f"Once `{found[0]}` is set, the rest of the loop cannot change anything."
                    yield scene.rewrite({line: change}, why)


def _is_constant(value: cst.BaseExpression) -> bool:
    return syntax.code(value) in {"True", "False", "None"} or isinstance(
        value, cst.Integer | cst.SimpleString
    )


@rule(Category.LOOP, "look-ups by key to values")
def lookups_by_key_to_values(scene: Scene) -> Iterator[Rewrite]:
    """``for key in table`` that reads ``table[key]``: iterate over the values, or over both."""
    for loop in flow.for_loops(scene):
        match loop:
            case cst.For(target=cst.Name(value=key), iter=cst.Name(value=table), orelse=None):
                reads = [
                    node
                    for node in syntax.find(loop.body, cst.Subscript)
                    if syntax.code(node) == f"{table}[{key}]"
                ]
                if reads and _stays(scene, loop, table, key):
                    yield _by_value(scene, loop, (key, table), reads)


def _stays(scene: Scene, loop: cst.For, table: str, key: str) -> bool:
    unchanged = not syntax.mutates(loop.body, table) and flow.is_quiet(scene, loop.body)
    bound = key in syntax.names_written(loop.body)
    return unchanged and not bound and certainty.is_sure(scene, cst.Name(table), "dict")


def _by_value(
    scene: Scene, loop: cst.For, names: tuple[str, str], reads: list[cst.Subscript]
) -> Rewrite:
    key, table = names
    value = writing.fresh_local(scene, "value")
    uses = sum(name.value == key for name in syntax.variables(loop.body))
    alone = uses == len(reads) and flow.ends_with_loop(scene, loop, [key])
    view = "values" if alone else "items"
    target = cst.parse_statement(f"{value if alone else f'{key}, {value}'} = 0")
    assert isinstance(target, cst.SimpleStatementLine)
    assign = target.body[0]
    assert isinstance(assign, cst.Assign)
    body = writing.exchanged(loop.body, {read: cst.Name(value) for read in reads})
    new = loop.with_changes(
        target=assign.targets[0].target,
        iter=cst.parse_expression(f"{table}.{view}()"),
        body=body,
    )
    why = f"`{table}.{view}()` gives each value without hashing its key and looking it up again."
    return scene.rewrite({loop: new}, why)
