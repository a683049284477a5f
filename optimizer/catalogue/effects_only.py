"""Loop Optimization: iteration for its effects alone, without a container or a generator for nothing."""

import keyword
from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import effects, flow, syntax, writing
from perfbot.optimizer.catalogue import questions, rule
from perfbot.optimizer.scene import Import, Rewrite, Scene
from perfbot.optimizer.strategies import Category


@rule(Category.LOOP, "comprehension for its effects to loop")
def comprehension_for_effects(scene: Scene) -> Iterator[Rewrite]:
    """``[setattr(x, "name", value) for x in xs]`` as a statement: a loop with an assignment."""
    for line in flow.own_nodes(scene):
        match line:
            case cst.SimpleStatementLine(
                body=[cst.Expr(value=cst.ListComp(elt=elt, for_in=clause) as made)]
            ) if questions.can_be_loop(scene, made):
                text = _assignment(scene, elt)
                if text is None:
                    continue
                tests = "".join(f" if {syntax.code(each.test)}:" for each in clause.ifs[:1])
                if len(clause.ifs) > 1 or "\n" in syntax.code(made):
                    continue
                head = f"for {syntax.code(clause.target)} in {syntax.code(clause.iter)}:"
                body = f"    {tests.strip()}\n        {text}\n" if tests else f"    {text}\n"
                why = (
                    f"`{text}` stores without a call of `setattr` and "
                    "without a list of its results for each item."
                )
                yield scene.rewrite({line: writing.line(f"{head}\n{body}", line)}, why)


def _assignment(scene: Scene, elt: cst.BaseExpression) -> str | None:
    """``x.name = value`` for ``setattr(x, "name", value)``, all of them plain names."""
    match elt:
        case cst.Call(
            func=cst.Name(value="setattr"),
            args=[
                cst.Arg(value=cst.Name(value=owner), keyword=None, star=""),
                cst.Arg(value=cst.SimpleString() as name, keyword=None, star=""),
                cst.Arg(value=value, keyword=None, star=""),
            ],
        ) if scene.is_builtin("setattr"):
            attribute = syntax.constant(name)
            if not isinstance(attribute, str) or not attribute.isidentifier():
                return None
            plain = isinstance(value, cst.Name | cst.Integer | cst.SimpleString)
            if plain and not keyword.iskeyword(attribute) and not attribute.startswith("__"):
                return f"{owner}.{attribute} = {syntax.code(value)}"
    return None


@rule(Category.LIBRARY, "iterator advanced by next")
def iterator_advanced_by_next(scene: Scene) -> Iterator[Rewrite]:
    """``deque(islice(items, n), maxlen=0)`` as a statement: ``next`` of an empty slice that starts at ``n``."""
    for line in flow.own_nodes(scene):
        match line:
            case cst.SimpleStatementLine(
                body=[
                    cst.Expr(
                        value=cst.Call(
                            func=made,
                            args=[
                                cst.Arg(
                                    value=cst.Call(func=sliced, args=[items, count]), keyword=None
                                ),
                                cst.Arg(
                                    value=cst.Integer(value="0"), keyword=cst.Name(value="maxlen")
                                ),
                            ],
                        )
                    )
                ]
            ) if _means(scene, made, "collections", "deque") and _means(
                scene, sliced, "itertools", "islice"
            ):
                plain = all(
                    isinstance(arg.value, cst.Name | cst.Integer)
                    and not arg.keyword
                    and not arg.star
                    for arg in (items, count)
                )
                if plain and scene.is_builtin("next"):
                    yield _advanced(scene, line, made, sliced, items.value, count.value)


def _means(scene: Scene, function: cst.BaseExpression, module: str, name: str) -> bool:
    match function:
        case cst.Name(value=local):
            return scene.imported_as(local) == Import(module, name)
        case cst.Attribute(value=cst.Name(value=local), attr=cst.Name(value=attribute)):
            return attribute == name and scene.imported_as(local) == Import(module)
    return False


def _advanced(
    scene: Scene,
    line: cst.SimpleStatementLine,
    made: cst.BaseExpression,
    sliced: cst.BaseExpression,
    items: cst.BaseExpression,
    count: cst.BaseExpression,
) -> Rewrite:
    """``None`` for the count means all items, which only the ``deque`` takes."""
    number, source = syntax.code(count), syntax.code(items)
    text = f"next({syntax.code(sliced)}({source}, {number}, {number}), None)"
    if isinstance(count, cst.Name):
        whole = f"{syntax.code(made)}({source}, maxlen=0)"
        text = f"if {number} is None:\n    {whole}\nelse:\n    {text}\n"
    why = f"`next` takes `{number}` items without setting up a deque that keeps none of them."
    return scene.rewrite({line: writing.line(text, line)}, why)


@rule(Category.CALL_OVERHEAD, "extend by a generator to comprehension")
def extend_by_generator(scene: Scene) -> Iterator[Rewrite]:
    """``items.extend(value for x in xs)`` of a list that the function made itself."""
    for call in flow.own_nodes(scene):
        match call:
            case cst.Call(
                func=cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value="extend")),
                args=[cst.Arg(value=cst.GeneratorExp() as made, keyword=None, star="") as arg],
            ) if flow.built(scene, name) == "list" and not questions.stops_generators(made):
                shared = flow.captured(scene, name) or effects.is_aliased(scene, name)
                # A generator that looks at the list sees it grow.
                if shared or flow.mentions(made, name) or flow.in_try(scene, call):
                    continue
                new = call.with_changes(
                    args=[arg.with_changes(value=cst.ListComp(made.elt, made.for_in))]
                )
                why = (
                    f"`{name}.extend` takes every item at once; a comprehension makes them "
                    "without resuming a generator for each."
                )
                yield scene.rewrite({call: new}, why)
