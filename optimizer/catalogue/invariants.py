"""Loop Efficiency Techniques: what is the same in every pass, or twice in one, is worked out once."""

from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import certainty, flow, syntax, writing
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Rewrite, Scene
from perfbot.optimizer.strategies import Category

_Loop = cst.For | cst.While


@rule(Category.LOOP, "invariant expression out of the loop")
def invariant_out_of_loop(scene: Scene) -> Iterator[Rewrite]:
    """A call or a calculation that cannot fail and has the same value in every pass."""
    for loop in flow.own_nodes(scene):
        if isinstance(loop, cst.For | cst.While):
            for text, places in _repeated(scene, loop).items():
                if _is_invariant(scene, loop, places[0]):
                    yield _hoisted(scene, loop, text, places)


def _repeated(scene: Scene, loop: _Loop) -> dict[str, list[cst.BaseExpression]]:
    """The largest sure calculations that the loop repeats, by their code."""
    places: dict[str, list[cst.BaseExpression]] = {}
    roots = [loop.body] if isinstance(loop, cst.For) else [loop.test, loop.body]
    for node in (each for root in roots for each in _largest(scene, loop, root)):
        places.setdefault(syntax.code(node), []).append(node)
    return places


def _largest(scene: Scene, loop: _Loop, node: cst.CSTNode) -> Iterator[cst.BaseExpression]:
    if isinstance(node, cst.FunctionDef | cst.Lambda | cst.ClassDef | cst.GeneratorExp):
        return
    if isinstance(node, cst.Call | cst.BinaryOperation) and _is_invariant(scene, loop, node):
        yield node
        return
    for child in syntax.children(node):
        yield from _largest(scene, loop, child)


def _is_invariant(scene: Scene, loop: _Loop, expr: cst.BaseExpression) -> bool:
    names = syntax.names_read(expr) & scene.local_names
    cheap = not names or not any(
        isinstance(each, cst.Call | cst.BinaryOperation) for each in syntax.walk(expr)
    )
    if cheap or not certainty.is_sure(scene, expr, *certainty.ATOMS):
        return False  # a list that is made in each pass is another one each time
    bound = all(flow.is_bound_before(scene, loop, name) for name in names)
    return bound and flow.is_constant_in(scene, loop, expr)


def _hoisted(scene: Scene, loop: _Loop, text: str, places: list[cst.BaseExpression]) -> Rewrite:
    local = writing.fresh_local(scene, _name_for(places[0]))
    changes: dict[cst.CSTNode, Change] = {place: cst.Name(local) for place in places}
    bare = writing.exchanged(loop.with_changes(leading_lines=[]), changes)
    new = cst.FlattenSentinel([writing.line(f"{local} = {text}", loop), bare])
    why = (
        f"`{text}` has the same value in every pass of the loop; it is worked out once, before it."
    )
    return scene.rewrite({loop: new}, why)


def _name_for(expr: cst.BaseExpression) -> str:
    """``words_length`` for ``len(words)``, ``name_lower`` for ``name.lower()``."""
    match expr:
        case cst.Call(func=cst.Name(value="len"), args=[cst.Arg(value=cst.Name(value=name))]):
            return f"{name}_length"
        case cst.Call(func=cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value=method))):
            return f"{name}_{method}"
        case cst.Call(func=cst.Name(value=function), args=[cst.Arg(value=cst.Name(value=name))]):
            return f"{name}_{function}"
    return "fixed"


@rule(Category.LOOP, "repeated call kept in a local")
def repeated_call_to_local(scene: Scene) -> Iterator[Rewrite]:
    """The same call that cannot fail, at least twice in one pass, of variables that the pass leaves alone."""
    for loop in flow.for_loops(scene):
        if not isinstance(loop.body, cst.IndentedBlock):
            continue
        calls: dict[str, list[cst.Call]] = {}
        for node in _calls(loop.body):
            calls.setdefault(syntax.code(node), []).append(node)
        for text, places in calls.items():
            if len(places) > 1 and _is_same_in_pass(scene, loop, places[0]):
                yield _kept(scene, loop, text, places)


def _calls(node: cst.CSTNode) -> Iterator[cst.Call]:
    """The calls that run in the pass itself, also in comprehensions."""
    for child in syntax.children(node):
        if isinstance(child, cst.FunctionDef | cst.Lambda | cst.ClassDef | cst.GeneratorExp):
            continue
        if isinstance(child, cst.Call):
            yield child
        yield from _calls(child)


def _is_same_in_pass(scene: Scene, loop: cst.For, call: cst.Call) -> bool:
    names = syntax.names_read(call) & scene.local_names
    targets = flow.target_names(loop.target) or []
    varies = not names.isdisjoint(targets)
    if not varies or not certainty.is_sure(scene, call, *certainty.ATOMS):
        return False
    bound = all(name in targets or flow.is_bound_before(scene, loop, name) for name in names)
    return bound and flow.is_constant_in(scene, loop.body, call)


def _kept(scene: Scene, loop: cst.For, text: str, places: list[cst.Call]) -> Rewrite:
    local = writing.fresh_local(scene, _name_for(places[0]))
    body = writing.exchanged(loop.body, {place: cst.Name(local) for place in places})
    assert isinstance(body, cst.IndentedBlock)
    first = cst.parse_statement(f"{local} = {text}")
    new = loop.with_changes(body=body.with_changes(body=[first, *body.body]))
    why = f"`{text}` is called {len(places)} times in one pass with the same result; it is called once."
    return scene.rewrite({loop: new}, why)
