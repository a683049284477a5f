"""Data Locality and Cache Awareness: what the inner loop works on is kept at hand, in a local variable."""

from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import certainty, flow, syntax, writing
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Rewrite, Scene
from perfbot.optimizer.strategies import Category


def is_plain_object(scene: Scene, attribute: str) -> bool:
    """Say whether ``self`` was only seen to be of the method's own class, which keeps the attribute as plain data."""
    owner = scene.owner
    if owner is None or not scene.parameters or scene.function.decorators:
        return False
    seen = scene.facts.get(scene.parameters[0])
    names = {name.rsplit(".", maxsplit=1)[-1] for name in seen.types} if seen else set()
    bases = {syntax.code(base.value) for base in owner.bases} | {
        syntax.code(each.value) for each in owner.keywords
    }
    hooks = {"__setattr__", "__getattribute__", "__getattr__", attribute}
    return (
        names == {owner.name.value}
        and bases <= {"object"}
        and not owner.decorators
        and hooks.isdisjoint(
            syntax.names_written(owner.body.with_changes(body=_class_level(owner)))
        )
    )


def _class_level(owner: cst.ClassDef) -> list[cst.CSTNode]:
    """The class body with the insides of its methods cut out."""
    empty = cst.SimpleStatementSuite([cst.Pass()])
    return [
        each.with_changes(body=empty, params=cst.Parameters())
        if isinstance(each, cst.FunctionDef)
        else each
        for each in owner.body.body
    ]


@rule(Category.LOCALITY, "attribute total kept in a local")
def attribute_total_to_local(scene: Scene) -> Iterator[Rewrite]:
    """``self.total = 0`` and a loop of ``self.total += value`` that cannot stop half-way."""
    for loop in flow.for_loops(scene):
        for target in {syntax.code(each): each for each in _augmented_attributes(loop)}.values():
            rewrite = _with_local(scene, loop, target)
            if rewrite is not None:
                yield rewrite


def _augmented_attributes(loop: cst.For) -> Iterator[cst.Attribute]:
    for node in syntax.find(loop.body, cst.AugAssign):
        if isinstance(node.target, cst.Attribute) and isinstance(node.target.value, cst.Name):
            yield node.target


def _with_local(scene: Scene, loop: cst.For, target: cst.Attribute) -> Rewrite | None:
    text, attribute = syntax.code(target), target.attr.value
    above = flow.before(scene, loop)
    start = syntax.code(above[0]).split(" = ", maxsplit=1) if above else []
    own = scene.parameters[:1] == (syntax.code(target.value),)
    if len(start) != 2 or start[0] != text or not own or loop.orelse is not None:
        return None
    uses = [each for each in syntax.find(loop, cst.Attribute) if syntax.code(each) == text]
    others = sum(name.value == scene.parameters[0] for name in syntax.variables(loop))
    if others != len(uses) or not is_plain_object(scene, attribute):
        return None
    local = writing.fresh_local(scene, attribute.lstrip("_") or "value")
    new_loop = writing.exchanged(loop, {use: cst.Name(local) for use in uses})
    changes: dict[cst.CSTNode, Change] = {
        above[0]: writing.line(f"{local} = {start[1]}", above[0]),
        loop: cst.FlattenSentinel([new_loop, cst.parse_statement(f"{text} = {local}")]),
    }
    why = f"`{text}` is read and stored in every pass; a local variable is stored to it once, at the end."
    rewrite = scene.rewrite(changes, why)
    return rewrite if _runs_through(scene.moved_to(rewrite.module), local) else None


def _runs_through(scene: Scene, local: str) -> bool:
    """Say whether the loops over the new local cannot fail: else the attribute would miss its partial total."""
    loops = [each for each in flow.for_loops(scene) if flow.mentions(each.body, local)]
    return bool(loops) and flow.cannot_fail(scene, loops)


@rule(Category.LOCALITY, "item total kept in a local")
def item_total_to_local(scene: Scene) -> Iterator[Rewrite]:
    """``table[i][j] += value`` in an inner loop that moves neither index, in a table of the function's own."""
    for loop in flow.for_loops(scene):
        targets = [
            each.target
            for each in syntax.find(loop.body, cst.AugAssign)
            if isinstance(each.target, cst.Subscript)
        ]
        if len({syntax.code(each) for each in targets}) == 1 and _is_one_item(scene, loop, targets):
            local = writing.fresh_local(scene, "total")
            text = syntax.code(targets[0])
            changes: dict[cst.CSTNode, Change] = {each: cst.Name(local) for each in targets}
            lines = [
                writing.line(f"{local} = {text}", loop),
                writing.exchanged(loop.with_changes(leading_lines=[]), changes),
                cst.parse_statement(f"{text} = {local}"),
            ]
            why = f"`{text}` is looked up twice in every pass though it stays the same item; a local is not."
            yield scene.rewrite({loop: cst.FlattenSentinel(lines)}, why)


def _is_one_item(scene: Scene, loop: cst.For, targets: list[cst.Subscript]) -> bool:
    table, indices = _path(targets[0])
    if table is None or flow.built(scene, table) not in {"list", "dict"} or loop.orelse:
        return False
    moved = syntax.names_written(loop)
    uses = sum(name.value == table for name in syntax.variables(loop))
    unseen = not flow.captured(scene, table) and not flow.in_try(scene, loop)
    kept = uses == len(targets) and moved.isdisjoint({*indices, table})
    return unseen and kept and _only_indexed(scene, table) and _exists(scene, loop, targets[0])


def _path(target: cst.Subscript) -> tuple[str | None, list[str]]:
    """``("table", ["i", "j"])`` of ``table[i][j]``; no name where an index is more than a name or literal."""
    indices: list[str] = []
    node: cst.BaseExpression = target
    while isinstance(node, cst.Subscript):
        match node.slice:
            case [cst.SubscriptElement(slice=cst.Index(value=cst.Name() as index))]:
                indices.insert(0, index.value)
            case [cst.SubscriptElement(slice=cst.Index(value=cst.Integer() | cst.SimpleString()))]:
                pass
            case _:
                return None, []
        node = node.value
    return (node.value if isinstance(node, cst.Name) else None), indices


def _only_indexed(scene: Scene, table: str) -> bool:
    """Say whether nobody else can know the table before it is returned."""
    own = (cst.Subscript, cst.AssignTarget, cst.Return)
    return all(isinstance(scene.parent(use), own) for use in scene.uses(table))


def _exists(scene: Scene, loop: cst.For, target: cst.Subscript) -> bool:
    """Say whether the item is there even if the loop makes no pass: just stored, or in range by construction."""
    above = flow.before(scene, loop)
    if above and syntax.code(above[0]).startswith(f"{syntax.code(target)} = "):
        return True
    table, indices = _path(target)
    shape = _shape(scene, table) if table is not None else None
    if shape is None or len(indices) != len(shape):
        return False
    ranges = {
        syntax.code(each.target): syntax.code(each.iter)
        for each in scene.above(loop)
        if isinstance(each, cst.For)
    }
    return all(
        ranges.get(index) == f"range({size})" for index, size in zip(indices, shape, strict=True)
    )


def _shape(scene: Scene, table: str) -> list[str] | None:
    """``["rows", "columns"]`` of ``[[0] * columns for _ in range(rows)]``, sizes that never change."""
    values = [
        found[1]
        for line in syntax.find(scene.function.body, cst.SimpleStatementLine)
        if (found := syntax.assignment(line)) and found[0] == table
    ]
    match values:
        case [
            cst.ListComp(
                elt=cst.BinaryOperation(
                    left=cst.List(elements=[cst.Element()]),
                    operator=cst.Multiply(),
                    right=cst.Name(value=columns),
                ),
                for_in=cst.CompFor(
                    iter=cst.Call(
                        func=cst.Name(value="range"), args=[cst.Arg(value=cst.Name(value=rows))]
                    ),
                    ifs=[],
                    inner_for_in=None,
                ),
            )
        ] if _is_fixed(scene, rows) and _is_fixed(scene, columns):
            return [rows, columns]
    return None


def _is_fixed(scene: Scene, name: str) -> bool:
    """Say whether a variable has one value throughout: bound once, and not inside a loop."""
    stores = [each for each in syntax.stores(scene.function) if each.value == name]
    once = len(stores) + (name in scene.parameters) == 1
    return once and not any(scene.loops_around(store) for store in stores)


@rule(Category.LOCALITY, "row look-up out of the inner loop")
def row_out_of_inner_loop(scene: Scene) -> Iterator[Rewrite]:
    """``table[i][j]`` in a loop over ``j``: look up the row ``table[i]`` once per row."""
    for loop in flow.for_loops(scene):
        rows = {syntax.code(each): each for each in _row_reads(loop)}
        for text, row in rows.items():
            table, indices = _path(row)
            if table is None or len(indices) != 1 or not _is_steady(scene, loop, table, indices[0]):
                continue
            reads = [each for each in _row_reads(loop) if syntax.code(each) == text]
            local = writing.fresh_local(scene, "row")
            new = writing.exchanged(
                loop.with_changes(leading_lines=[]), {read: cst.Name(local) for read in reads}
            )
            change = cst.FlattenSentinel([writing.line(f"{local} = {text}", loop), new])
            why = f"The row `{text}` is the same in all passes of the inner loop; it is looked up once."
            yield scene.rewrite({loop: change}, why)


def _row_reads(loop: cst.For) -> Iterator[cst.Subscript]:
    for node in syntax.find(loop.body, cst.Subscript):
        if isinstance(node.value, cst.Subscript) and isinstance(node.value.value, cst.Name):
            yield node.value


def _is_steady(scene: Scene, loop: cst.For, table: str, index: str) -> bool:
    if not {table, index}.isdisjoint(syntax.names_written(loop)):
        return False
    if not flow.holds(scene, table, "list", "tuple") or syntax.mutates(scene.function.body, table):
        return False
    known = certainty.sure_name(scene, table)
    nested = (
        known is not None and known.elements is not None and known.elements.only("list", "tuple")
    )
    return nested and flow.is_quiet(scene, loop) and _in_range(scene, loop, table, index)


def _in_range(scene: Scene, loop: cst.For, table: str, index: str) -> bool:
    """Say whether the row exists for certain: its index comes from the table's length, or it is used anyway."""
    if f"{table}[{index}]" in {syntax.code(each) for each in syntax.find(loop.iter, cst.Subscript)}:
        return True
    for each in scene.above(loop):
        plain = scene.is_builtin("len") and scene.is_builtin("range")
        if plain and isinstance(each, cst.For) and syntax.code(each.target) == index:
            stop = syntax.code(each.iter).removeprefix("range(").removesuffix(")")
            return stop == f"len({table})" or _is_length(scene, stop, table)
    return False


def _is_length(scene: Scene, name: str, table: str) -> bool:
    return _is_fixed(scene, name) and any(
        syntax.code(line) == f"{name} = len({table})"
        for line in syntax.find(scene.function.body, cst.SimpleStatementLine)
    )


@rule(Category.LOCALITY, "attribute container kept in a local")
def attribute_container_to_local(scene: Scene) -> Iterator[Rewrite]:
    """``self.items`` in a loop that never binds it anew, where ``__init__`` makes it a plain container."""
    for loop in flow.for_loops(scene):
        for text in {syntax.code(each): None for each in _attributes_of_self(scene, loop)}:
            attribute = text.partition(".")[2]
            if is_plain_object(scene, attribute) and _is_made_by_init(scene, attribute):
                rewrite = _with_container(scene, loop, text)
                if rewrite is not None:
                    yield rewrite


def _attributes_of_self(scene: Scene, loop: cst.For) -> Iterator[cst.Attribute]:
    for node in syntax.find(loop.body, cst.Attribute):
        if isinstance(node.value, cst.Name) and scene.parameters[:1] == (node.value.value,):
            yield node


def _is_made_by_init(scene: Scene, attribute: str) -> bool:
    """Say whether every object has the attribute, a list, dict or set of its own, and no method binds it anew."""
    owner = scene.owner
    assert owner is not None
    stores = [
        each
        for each in syntax.find(owner, cst.AssignTarget)
        if isinstance(each.target, cst.Attribute) and each.target.attr.value == attribute
    ]
    made = [
        line
        for method in owner.body.body
        if isinstance(method, cst.FunctionDef) and method.name.value == "__init__"
        for line in syntax.body_of(method)
        if syntax.code(line) in {f"self.{attribute} = {empty}" for empty in _EMPTY}
    ]
    deleted = any(isinstance(each, cst.Del) for each in syntax.walk(owner))
    return len(made) == len(stores) == 1 and not deleted


_EMPTY = ("[]", "{}", "set()", "dict()", "list()")


def _with_container(scene: Scene, loop: cst.For, text: str) -> Rewrite | None:
    uses = [each for each in _attributes_of_self(scene, loop) if syntax.code(each) == text]
    local = writing.fresh_local(scene, text.partition(".")[2].lstrip("_") or "items")
    bare = loop.with_changes(leading_lines=[])
    new = writing.exchanged(bare, {use: cst.Name(local) for use in uses})
    first = writing.line(f"{local} = {text}", loop)
    why = (
        f"`{text}` is the same container in every pass; it is looked up once instead of each time."
    )
    # With an empty list in its place, what is known of the loop is known without the attribute.
    trial = scene.rewrite(
        {loop: cst.FlattenSentinel([writing.line(f"{local} = []", loop), new])}, why
    )
    moved = scene.moved_to(trial.module)
    again = [each for each in flow.for_loops(moved) if flow.mentions(each, local)]
    if not again or flow.mentions(new, scene.parameters[0]) or not flow.is_quiet(moved, again[0]):
        return None
    return scene.rewrite({loop: cst.FlattenSentinel([first, new])}, why)
