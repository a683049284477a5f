"""Resource Lifetime and Scope Management: objects copied without the copying protocol."""

from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import flow, syntax, writing
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Import, Rewrite, Scene
from perfbot.optimizer.strategies import Category


@rule(Category.LIFETIME, "copy of a plain object by its attributes")
def copy_of_plain_object(scene: Scene) -> Iterator[Rewrite]:
    """``copy.copy(x)`` of objects whose classes say nothing of copies, pickles or slots."""
    for line in flow.own_nodes(scene):
        match line:
            case cst.SimpleStatementLine(body=[cst.Return(value=cst.Call() as call)]):
                target, last = writing.fresh_local(scene, "copied"), True
            case cst.SimpleStatementLine(
                body=[
                    cst.Assign(
                        targets=[cst.AssignTarget(target=cst.Name(value=target))],
                        value=cst.Call() as call,
                    )
                ]
            ):
                last = False
            case _:
                continue
        name = _plain_object(scene, call)
        if name is not None and (last or (target != name and not flow.in_try(scene, line))):
            yield _copied(scene, line, name, target, last)


def _plain_object(scene: Scene, call: cst.Call) -> str | None:
    """The parameter that is copied, where only plain objects were seen in it."""
    match syntax.arguments(call):
        case [cst.Name(value=name)] if _is_copy(scene, call.func) and scene.is_builtin("type"):
            seen = scene.facts.get(name) if name in scene.parameters else None
            unbound = scene.times_bound(name) == 0 and not flow.captured_for_writing(scene, name)
            return name if seen is not None and seen.plain and unbound else None
    return None


def _is_copy(scene: Scene, function: cst.BaseExpression) -> bool:
    match function:
        case cst.Name(value=name):
            return scene.imported_as(name) == Import("copy", "copy")
        case cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value="copy")):
            return scene.imported_as(name) == Import("copy")
    return False


def _copied(scene: Scene, line: cst.BaseStatement, name: str, target: str, last: bool) -> Rewrite:
    kind = writing.fresh_local(scene, "cls")
    lines = [
        writing.line(f"{kind} = type({name})", line),
        cst.parse_statement(f"{target} = {kind}.__new__({kind})"),
        cst.parse_statement(f"{target}.__dict__.update({name}.__dict__)"),
    ]
    if last:
        lines.append(cst.parse_statement(f"return {target}"))
    kinds = sorted(each.rpartition(".")[2] for each in scene.facts[name].types)
    shown = ", ".join(kinds[:3]) + ("" if len(kinds) <= 3 else f" and {len(kinds) - 3} more")
    why = (
        f"`copy` asks the pickling protocol how to copy `{name}`; all objects seen there ({shown}) "
        "are their `__dict__` and nothing else."
    )
    return scene.rewrite({line: cst.FlattenSentinel(lines)}, why)
