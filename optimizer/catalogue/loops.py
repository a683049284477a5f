"""Loop Efficiency Techniques: the same passes with less work in each, or no loop in Python at all."""

import builtins
import keyword
from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import certainty, flow, syntax, writing
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Rewrite, Scene
from perfbot.optimizer.strategies import Category


def item_name(scene: Scene, container: str) -> str:
    """Return an unused name for one item of ``container``: ``price`` for ``prices``."""
    single = container[:-1] if container.endswith("s") and len(container) > 1 else "item"
    usable = not keyword.iskeyword(single) and not hasattr(builtins, single)
    return writing.fresh_local(scene, single if usable else "item")


def _range_argument(scene: Scene, loop: cst.For) -> cst.BaseExpression | None:
    """The ``n`` of ``for i in range(n)``."""
    match loop:
        case cst.For(iter=cst.Call(func=cst.Name(value="range"), args=[cst.Arg(value=stop)])):
            return stop if scene.is_builtin("range") else None
    return None


def _length_of(scene: Scene, expr: cst.BaseExpression) -> str | None:
    """The ``xs`` of ``len(xs)``."""
    match expr:
        case cst.Call(func=cst.Name(value="len"), args=[cst.Arg(value=cst.Name(value=name))]):
            return name if scene.is_builtin("len") else None
    return None


def _index_reads(loop: cst.For, index: str, container: str) -> list[cst.Subscript]:
    """Every ``container[index]`` in the body."""
    return [
        node
        for node in syntax.find(loop.body, cst.Subscript)
        if syntax.code(node) == f"{container}[{index}]"
    ]


def _only_reads(loop: cst.For, index: str, reads: list[cst.Subscript]) -> bool:
    """Say whether the index is used for these look-ups alone."""
    uses = sum(name.value == index for name in syntax.variables(loop.body))
    return bool(reads) and uses == len(reads)


def _is_indexable(scene: Scene, loop: cst.For, name: str) -> bool:
    """Say whether ``name`` is a sequence that stays as it is while the loop runs."""
    if name in syntax.names_written(loop.body):
        return False
    if flow.holds(scene, name, "tuple", "str"):
        return True
    unchanged = (flow.is_private(scene, name) and _reads_items(scene, loop, name)) or (
        flow.is_quiet(scene, loop.body) and not syntax.mutates(loop.body, name)
    )
    return unchanged and flow.holds(scene, name, "list")


def _reads_items(scene: Scene, loop: cst.For, name: str) -> bool:
    """Say whether the body does nothing with a container but look up items and read its length."""
    for use in scene.uses(name):
        parent = scene.parent(use)
        above = scene.parent(parent) if parent is not None else None
        if loop not in scene.above(use):
            continue
        plain = isinstance(parent, cst.Subscript) and parent.value is use
        stored = isinstance(above, cst.Element) or getattr(above, "target", None) is parent
        if not (plain and not stored) and not (above and syntax.called_name(above) == "len"):
            return False
    return True


@rule(Category.LOOP, "index loop to direct iteration")
def index_loop_to_direct_iteration(scene: Scene) -> Iterator[Rewrite]:
    """``for i in range(len(xs))`` whose index serves for reading ``xs[i]`` alone."""
    for loop in flow.for_loops(scene):
        stop = _range_argument(scene, loop)
        name = _length_of(scene, stop) if stop is not None else None
        if name is None or loop.orelse or not isinstance(loop.target, cst.Name):
            continue
        index = loop.target.value
        reads = _index_reads(loop, index, name)
        if not _only_reads(loop, index, reads) or not flow.ends_with_loop(scene, loop, [index]):
            continue
        if _is_indexable(scene, loop, name):
            yield _direct(scene, loop, name, reads)


def _direct(scene: Scene, loop: cst.For, name: str, reads: list[cst.Subscript]) -> Rewrite:
    item = item_name(scene, name)
    body = syntax.body_of(loop)
    named = syntax.assignment(body[0])
    if named and named[1] is reads[0] and len(reads) == 1 and len(body) > 1:
        item, body = named[0], body[1:]
    changes: dict[cst.CSTNode, Change] = {read: cst.Name(item) for read in reads}
    new = writing.with_body(loop, body).with_changes(target=cst.Name(item), iter=cst.Name(name))
    why = f"The loop only reads `{syntax.code(reads[0])}`; iterating over `{name}` needs no index and no look-up."
    return scene.rewrite({loop: writing.exchanged(new, changes)}, why)


@rule(Category.LOOP, "parallel indices to zip")
def parallel_indices_to_zip(scene: Scene) -> Iterator[Rewrite]:
    """``for i in range(min(len(xs), len(ys)))`` that only reads ``xs[i]`` and ``ys[i]``."""
    for loop in flow.for_loops(scene):
        names = _shorter_of(scene, _range_argument(scene, loop))
        if names is None or loop.orelse or not isinstance(loop.target, cst.Name):
            continue
        index = loop.target.value
        each = [_index_reads(loop, index, name) for name in names]
        if not all(each) or not scene.is_builtin("zip"):
            continue
        usable = _only_reads(loop, index, [*each[0], *each[1]]) and all(
            _is_indexable(scene, loop, name) for name in names
        )
        if usable and flow.ends_with_loop(scene, loop, [index]):
            yield _zipped(scene, loop, names, each)


def _shorter_of(scene: Scene, stop: cst.BaseExpression | None) -> list[str] | None:
    match stop:
        case cst.Call(func=cst.Name(value="min"), args=[cst.Arg(value=one), cst.Arg(value=other)]):
            names = [_length_of(scene, one), _length_of(scene, other)]
            found = [name for name in names if name is not None]
            return found if len(set(found)) == 2 and scene.is_builtin("min") else None
    return None


def _zipped(
    scene: Scene, loop: cst.For, names: list[str], reads: list[list[cst.Subscript]]
) -> Rewrite:
    items = [item_name(scene, name) for name in names]
    if items[0] == items[1]:
        items[1] = writing.fresh_local(scene, f"other_{items[0]}")
    changes: dict[cst.CSTNode, Change] = {
        read: cst.Name(item) for item, group in zip(items, reads, strict=True) for read in group
    }
    pairs = syntax.expression(
        "zip({one}, {other})", one=cst.Name(names[0]), other=cst.Name(names[1])
    )
    target = cst.Tuple([cst.Element(cst.Name(item)) for item in items], lpar=[], rpar=[])
    new = writing.exchanged(loop, changes).with_changes(target=target, iter=pairs)
    why = f"`zip({', '.join(names)})` gives both items at once, without an index and two look-ups per pass."
    return scene.rewrite({loop: new}, why)


@rule(Category.LOOP, "counting while to range")
def counting_while_to_range(scene: Scene) -> Iterator[Rewrite]:
    """``i = 0; while i < n: …; i += 1`` where nothing else moves ``i`` and ``n`` stays."""
    for loop in flow.own_nodes(scene):
        match loop:
            case cst.While(
                test=cst.Comparison(
                    left=cst.Name(value=index),
                    comparisons=[cst.ComparisonTarget(operator=cst.LessThan(), comparator=stop)],
                ),
                orelse=None,
            ):
                start = flow.start_of(scene, loop, index)
                if start is not None and _counts(scene, loop, index, start.value, stop):
                    yield _ranged(scene, loop, index, start, stop)


def _counts(
    scene: Scene,
    loop: cst.While,
    index: str,
    start: cst.BaseExpression,
    stop: cst.BaseExpression,
) -> bool:
    body = syntax.body_of(loop)
    steps = len(body) > 1 and syntax.code(body[-1]) == f"{index} += 1"
    if not steps or _continues(loop) or not scene.is_builtin("range"):
        return False
    bound = sum(store.value == index for store in syntax.stores(loop))
    integers = certainty.is_sure(scene, start, "int") and certainty.is_sure(scene, stop, "int")
    same = integers and flow.is_constant_in(scene, loop, stop)
    return bound == 1 and same and _ends_with_while(scene, loop, index)


def _continues(loop: cst.While) -> bool:
    """Say whether a ``continue`` (perhaps of an inner loop) could skip the step."""
    return any(isinstance(node, cst.Continue) for node in syntax.walk(loop))


def _ends_with_while(scene: Scene, loop: cst.While, index: str) -> bool:
    """Say whether all other uses of the counter belong to loops of the same kind, which set it first."""
    start = flow.start_of(scene, loop, index)
    if start is None or not flow.is_own(scene, index) or index in scene.parameters:
        return False
    here = {id(node) for part in (loop, start.line) for node in syntax.walk(part)}
    return all(id(use) in here for use in scene.uses(index))


def _ranged(
    scene: Scene, loop: cst.While, index: str, start: flow.Start, stop: cst.BaseExpression
) -> Rewrite:
    first = "" if syntax.code(start.value) == "0" else f"{syntax.code(start.value)}, "
    text = f"for {index} in range({first}{syntax.code(stop)}):\n    pass\n"
    head = writing.line(text, start.line, loop)
    assert isinstance(head, cst.For)
    body = loop.body.with_changes(body=syntax.body_of(loop)[:-1])
    changes: dict[cst.CSTNode, Change] = {
        start.line: cst.RemoveFromParent(),
        loop: head.with_changes(body=body),
    }
    return scene.rewrite(
        changes, f"`range` counts `{index}` in C instead of a comparison and an addition per pass."
    )


@rule(Category.LOOP, "copying loop to extend")
def copying_loop_to_extend(scene: Scene) -> Iterator[Rewrite]:
    """A loop that only moves the items of a builtin container into a list, set or dict."""
    for loop in flow.for_loops(scene):
        names = flow.target_names(loop.target)
        found = _copies(loop)
        if names is None or found is None or loop.orelse or flow.has_comments(loop):
            continue
        receiver, kind, method = found
        source = _whole(scene, loop, kind)
        if source is None or not flow.holds(scene, receiver, kind) or receiver in names:
            continue
        if flow.ends_with_loop(scene, loop, names):
            new = writing.line(f"{receiver}.{method}({syntax.code(source)})", loop)
            why = f"One `{receiver}.{method}` moves all items in C; the loop pays for each item."
            yield scene.rewrite({loop: new}, why)


def _copies(loop: cst.For) -> tuple[str, str, str] | None:
    """``(receiver, its type, the method that takes all at once)``."""
    body = syntax.body_of(loop)
    if len(body) != 1 or not isinstance(body[0], cst.SimpleStatementLine):
        return None
    text, target = syntax.code(body[0]), syntax.code(loop.target)
    match syntax.only_small(body[0]):
        case cst.Expr(value=cst.Call(func=cst.Attribute(value=cst.Name(value=name)))):
            if text == f"{name}.append({target})" and isinstance(loop.target, cst.Name):
                return name, "list", "extend"
            if text == f"{name}.add({target})" and isinstance(loop.target, cst.Name):
                return name, "set", "update"
        case cst.Assign(
            targets=[cst.AssignTarget(target=cst.Subscript(value=cst.Name(value=name)))]
        ):
            names = flow.target_names(loop.target) or []
            if len(set(names)) == 2 and text == f"{name}[{names[0]}] = {names[1]}":
                return name, "dict", "update"
    return None


def _whole(scene: Scene, loop: cst.For, kind: str) -> cst.BaseExpression | None:
    """The iterable, if taking it in one go is the same: a builtin container, no iterator."""
    if kind == "dict":
        match loop.iter:
            case cst.Call(
                func=cst.Attribute(value=cst.Name(value=name), attr=cst.Name("items")), args=[]
            ):
                return cst.Name(name) if flow.holds(scene, name, "dict") else None
        return None
    known = certainty.items(scene, loop.iter)
    if isinstance(loop.iter, cst.Name):
        holds = flow.holds(scene, loop.iter.value, *certainty.CONTAINERS)
        return loop.iter if holds else None
    return loop.iter if known is not None else None


@rule(Category.LOOP, "append loop to comprehension")
def append_loop_to_comprehension(scene: Scene) -> Iterator[Rewrite]:
    """``out = []`` and a loop whose only work is ``out.append(value)``, perhaps below ``if``s and more ``for``s."""
    for loop in flow.for_loops(scene):
        found = _appended(loop)
        if found is None:
            continue
        name, value, clauses = found
        start = flow.start_of(scene, loop, name)
        if start is None or syntax.code(start.value) not in {"[]", "list()"}:
            continue
        if _comprehensible(scene, loop, name) and not flow.in_try(scene, loop):
            new = writing.line(f"{name} = [{writing.enclosed(value)} {clauses}]", start.line, loop)
            why = f"A comprehension builds `{name}` without looking up and calling `append` for each item."
            yield scene.rewrite({start.line: cst.RemoveFromParent(), loop: new}, why)


def _appended(loop: cst.For) -> tuple[str, cst.BaseExpression, str] | None:
    """``(list, value, the clauses of the comprehension)`` of a loop that does nothing but append."""
    clauses: list[str] = []
    node: cst.BaseStatement = loop
    while isinstance(node, cst.For | cst.If):
        if node.orelse is not None or getattr(node, "asynchronous", None):
            return None
        clauses.append(_clause(node))
        body = syntax.body_of(node)
        if len(body) == 2 and (named := syntax.assignment(body[0])) is not None:
            return _named_first(named, body[1], clauses)
        if len(body) != 1:
            return None
        node = body[0]
    match syntax.only_small(node):
        case cst.Expr(
            value=cst.Call(
                func=cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value="append")),
                args=[cst.Arg(value=value, keyword=None, star="")],
            )
        ):
            return name, value, " ".join(clauses)
    return None


def _named_first(
    named: tuple[str, cst.BaseExpression], line: cst.BaseStatement, clauses: list[str]
) -> tuple[str, cst.BaseExpression, str] | None:
    """``row = value`` and ``out.append(row)``."""
    match syntax.only_small(line):
        case cst.Expr(value=cst.Call(func=cst.Attribute(value=cst.Name(value=name)))):
            if syntax.code(line) == f"{name}.append({named[0]})":
                return name, named[1], " ".join(clauses)
    return None


def _clause(node: cst.For | cst.If) -> str:
    if isinstance(node, cst.For):
        return f"for {syntax.code(node.target)} in {writing.enclosed(node.iter)}"
    return f"if {writing.enclosed(node.test)}"


def _comprehensible(scene: Scene, loop: cst.For, name: str) -> bool:
    """Say whether the loop may run in a scope of its own, with its list out of sight."""
    uses = sum(each.value == name for each in syntax.variables(loop))
    special = (cst.Yield, cst.Await, cst.NamedExpr, cst.Lambda, cst.GeneratorExp)
    if uses != 1 or any(isinstance(node, special) for node in syntax.walk(loop)):
        return False
    if flow.has_comments(loop) or mentions_super(loop) or not flow.is_own(scene, name):
        return False
    targets = [flow.target_names(each.target) for each in syntax.find(loop, cst.For)]
    names = [target for target in targets if target is not None]
    flat = [each for group in names for each in group]
    temporary = [
        found[0]
        for line in syntax.find(loop, cst.SimpleStatementLine)
        if (found := syntax.assignment(line)) is not None
    ]
    if not flow.ends_with_loop(scene, loop, temporary) or any(
        len(scene.uses(each)) != 2 for each in temporary
    ):
        return False
    distinct = len(names) == len(targets) and len(set(flat)) == len(flat) and name not in flat
    first = syntax.names_read(loop.iter).isdisjoint(flat)
    return distinct and first and flow.ends_with_loop(scene, loop, flat)


def mentions_super(node: cst.CSTNode) -> bool:
    """Say whether ``super`` or ``__class__`` is used, which a nested scope would not have."""
    return flow.mentions(node, "super", "__class__")
