"""Function Call Overhead Reduction: members that only pass a question on, asked where the answer is."""

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from perfbot.optimizer import flow, syntax, writing
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Rewrite, Scene
from perfbot.optimizer.strategies import Category

_NAMED = 3


@dataclass(frozen=True, slots=True)
class _Member:
    """``def name(self): return self.part.other``, as a property or (``called``) a method without arguments.

    ``answers`` is false for a method that only makes the call and returns nothing.
    """

    name: str
    self_name: str
    passed_on: cst.BaseExpression
    called: bool
    answers: bool


@rule(Category.CALL_OVERHEAD, "forwarding member asked directly")
def forwarding_member(scene: Scene) -> Iterator[Rewrite]:
    """``self.name`` or ``self.name()`` of the own class that is no more than ``self.part.other``."""
    if scene.owner is None or not _is_own_object(scene, scene.owner):
        return
    members = {each.name: each for each in _members(scene, scene.owner)}
    changes: dict[cst.CSTNode, Change] = {}
    found: dict[str, None] = {}
    for node in flow.own_nodes(scene):
        member = _asked(scene, node, members)
        if member is not None:
            changes[node] = _passed_on(member, scene.parameters[0])
            found[member.name] = None
    if changes:
        names = [f"`{scene.parameters[0]}.{name}`" for name in found]
        shown = ", ".join(names[:_NAMED]) + (" and others" if len(names) > _NAMED else "")
        why = (
            f"{shown} of the same class only pass on to a part of the object; "
            f"asking that part costs one call less at each of {len(changes)} places."
        )
        yield scene.rewrite(changes, why)


def _is_own_object(scene: Scene, owner: cst.ClassDef) -> bool:
    """Say whether ``self`` was only seen to be of exactly this class, whose attributes are looked up plainly."""
    if not scene.parameters or scene.function.decorators or owner.decorators:
        return False
    own = scene.parameters[0]
    seen = scene.facts.get(own)
    names = {name.rsplit(".", maxsplit=1)[-1] for name in seen.types} if seen else set()
    methods = {each.name.value for each in _methods(owner)}
    hooked = methods & {"__getattr__", "__getattribute__"}
    return names == {owner.name.value} and not hooked and scene.times_bound(own) == 0


def _methods(owner: cst.ClassDef) -> list[cst.FunctionDef]:
    return [each for each in owner.body.body if isinstance(each, cst.FunctionDef)]


def _members(scene: Scene, owner: cst.ClassDef) -> Iterator[_Member]:
    """The members that forward, and that nothing in the module replaces: no subclass, no assignment."""
    level = [each for each in owner.body.body if not isinstance(each, cst.FunctionDef)]
    assigned = frozenset().union(*(syntax.names_written(each) for each in level))
    methods = _methods(owner)
    names = [each.name.value for each in methods]
    elsewhere = _stored_attributes(scene) | _names_of_heirs(scene, owner) | assigned
    for method in methods:
        name = method.name.value
        if method is not scene.function and names.count(name) == 1 and name not in elsewhere:
            member = _member(method)
            if member is not None:
                yield member


def _stored_attributes(scene: Scene) -> frozenset[str]:
    """The attributes that anything in the module assigns or deletes."""
    targets = (
        each.target
        for each in syntax.walk(scene.module)
        if isinstance(each, cst.AssignTarget | cst.AugAssign | cst.AnnAssign | cst.Del | cst.For)
    )
    return frozenset(
        each.attr.value for target in targets for each in syntax.find(target, cst.Attribute)
    )


def _names_of_heirs(scene: Scene, owner: cst.ClassDef) -> frozenset[str]:
    """What classes of the module that derive from the owner define."""
    return frozenset().union(
        *(
            syntax.names_written(each.body)
            for each in syntax.find(scene.module, cst.ClassDef)
            if any(owner.name.value in syntax.names_read(base.value) for base in each.bases)
        )
    )


def _member(method: cst.FunctionDef) -> _Member | None:
    params = method.params
    others = [*params.posonly_params, *params.kwonly_params, *params.params[1:]]
    if others or params.star_kwarg or isinstance(params.star_arg, cst.Param):
        return None
    if len(params.params) != 1 or method.asynchronous is not None:
        return None
    decorators = [syntax.code(each.decorator) for each in method.decorators]
    if decorators not in ([], ["property"]):
        return None
    body = syntax.body_of(method)[method.get_docstring() is not None :]
    match body:
        case [cst.SimpleStatementLine(body=[cst.Return(value=cst.BaseExpression() as value)])]:
            answers = True
        case [cst.SimpleStatementLine(body=[cst.Expr(value=cst.Call() as value)])]:
            answers = False
        case _:
            return None
    own = params.params[0].name.value
    called = not decorators
    if not _is_passed_on(value, own, called=called):
        return None
    return _Member(method.name.value, own, value, called, answers)


def _is_passed_on(value: cst.BaseExpression, own: str, *, called: bool) -> bool:
    """Say whether an expression is ``self.part.other``, with a call without arguments for a method."""
    if called:
        match value:
            case cst.Call(func=inner, args=[]):
                value = inner
            case _:
                return False
    match value:
        case cst.Attribute(value=cst.Attribute(value=cst.Name(value=root), attr=part), attr=other):
            names = (part.value, other.value)
            return root == own and not any(name.startswith("__") for name in names)
    return False


def _asked(scene: Scene, node: cst.CSTNode, members: dict[str, _Member]) -> _Member | None:
    """The member that is read or called here, if what comes of it is the same."""
    parent = scene.parent(node)
    match node:
        case cst.Call(func=cst.Attribute() as function, args=[]):
            member = _of_self(scene, function, members)
            used = not isinstance(parent, cst.Expr)
            return member if member and member.called and (member.answers or not used) else None
        case cst.Attribute():
            member = _of_self(scene, node, members)
            return member if member is not None and not member.called else None
    return None


def _of_self(scene: Scene, attribute: cst.Attribute, members: dict[str, _Member]) -> _Member | None:
    match attribute:
        case cst.Attribute(value=cst.Name(value=owner), attr=cst.Name(value=name)):
            return members.get(name) if owner == scene.parameters[0] else None
    return None


def _passed_on(member: _Member, own: str) -> cst.BaseExpression:
    uses: dict[cst.CSTNode, Change] = {
        each: cst.Name(own)
        for each in syntax.variables(member.passed_on)
        if each.value == member.self_name
    }
    new = writing.exchanged(member.passed_on, uses)
    assert isinstance(new, cst.BaseExpression)
    return new
