"""Input and output in few large pieces instead of many small ones; records read all at once."""

import struct
from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import flow, kinds, shapes, syntax
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Import, Rewrite, Scene
from perfbot.optimizer.strategies import Category

_PRINTED = ("str", "int", "float", "bool", "NoneType")
_CONTAINERS = ("list", "tuple", "set", "frozenset")


@rule(Category.INPUT_OUTPUT, "print per item to one print")
def print_per_item(scene: Scene) -> Iterator[Rewrite]:
    """``for x in xs: print(x)`` over a container of numbers and text: one call, one write."""
    if not all(map(scene.is_builtin, ("print", "map", "str"))):
        return
    for loop in flow.for_loops(scene):
        if flow.in_try(scene, loop) or not _is_lone_call(scene, loop, "print({x})"):
            continue
        seen = kinds.elements_of(scene, loop.iter)
        if isinstance(loop.iter, cst.Name) and seen is not None and seen.only(*_PRINTED):
            items = loop.iter.value
            new = cst.parse_statement(
                f'if {items}:\n    print("\\n".join(map(str, {items})))\n',
                scene.module.config_for_parsing,
            )
            assert isinstance(new, cst.If)
            yield scene.rewrite(
                {loop: new.with_changes(leading_lines=loop.leading_lines)},
                f"Each item of `{items}` costs a call of `print` and two writes; joined, they are "
                "written at once.",
            )


def _is_lone_call(scene: Scene, loop: cst.For, template: str) -> bool:
    """Say whether a loop over a builtin container does nothing but this call with its variable."""
    lines = syntax.body_of(loop)
    if loop.orelse is not None or len(lines) != 1 or not isinstance(loop.target, cst.Name):
        return False
    if not scene.is_kind(loop.iter, *_CONTAINERS):
        return False
    inside = {id(name) for name in syntax.variables(loop)}
    forgotten = all(id(use) in inside for use in scene.uses(loop.target.value))
    match syntax.only_small(lines[0]):
        case cst.Expr(value=value):
            return forgotten and syntax.same_as(value, template, x=loop.target)
    return False


@rule(Category.INPUT_OUTPUT, "record per unpack to iter_unpack")
def record_per_unpack(scene: Scene) -> Iterator[Rewrite]:
    """``struct.unpack("<i", data[i:i + 4])`` for each ``i`` in steps of a record's size."""
    if scene.imported_as("struct") != Import("struct"):
        return
    for made in syntax.find(scene.function.body, cst.ListComp):
        parts = shapes.comprehension(made)
        found = _unpacked(scene, parts) if parts is not None and not parts.tests else None
        if found is None:
            continue
        layout, data, fields, first_only = found
        records = syntax.expression("struct.iter_unpack({f}, {d})", f=layout, d=data)
        if not first_only:
            new = syntax.expression("list({records})", records=records)
        elif fields == 1:
            value = cst.Name(scene.fresh("value"))
            new = syntax.expression("[{v} for ({v},) in {records}]", v=value, records=records)
        else:
            continue
        yield scene.rewrite(
            {made: new},
            f"`{shapes.shown(parts.element) if parts else ''}` cuts out and unpacks record by "
            "record; `iter_unpack` walks over the buffer in C.",
        )


def _unpacked(
    scene: Scene, parts: shapes.Comprehension
) -> tuple[cst.BaseExpression, cst.Name, int, bool] | None:
    """Return ``(format, data, number of fields, whether only the first is taken)``."""
    call, first_only = parts.element, False
    match call:
        case cst.Subscript(value=cst.Call() as inner) if syntax.code(call).endswith("[0]"):
            call, first_only = inner, True
    arguments = syntax.arguments(call) if isinstance(call, cst.Call) else None
    if arguments is None or len(arguments) != 2 or parts.name is None:
        return None
    assert isinstance(call, cst.Call)
    layout, piece = syntax.constant(arguments[0]), arguments[1]
    if syntax.code(call.func) != "struct.unpack" or not isinstance(layout, str):
        return None
    try:
        size, fields = (
            struct.calcsize(layout),
            len(struct.unpack(layout, bytes(struct.calcsize(layout)))),
        )
    except struct.error:
        return None
    match piece:
        case cst.Subscript(value=cst.Name(value=data) as buffer):
            here = f"{data}[{parts.name}:{parts.name} + {size}]"
            everywhere = f"range(0, len({data}), {size})"
            fits = syntax.same_shape(piece, here) and syntax.same_shape(parts.iterable, everywhere)
            plain = all(map(scene.is_builtin, ("range", "len", "list")))
            if fits and plain and size and scene.is_kind(buffer, "bytes"):
                return arguments[0], buffer, fields, first_only
    return None
