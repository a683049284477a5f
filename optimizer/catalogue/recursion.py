"""Algorithm Design: recursion that solves the same part again and again, or copies what is left."""

from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import effects, kinds, syntax
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Rewrite, Scene, exchanged
from perfbot.optimizer.strategies import Category
from perfbot.profiling.facts import Seen

_PLAIN = ("int", "float", "str", "bool", "NoneType")


def _self_calls(scene: Scene) -> list[cst.Call] | None:
    """Return the calls of a plain module-level function to itself, with one positional argument per parameter.

    ``None`` when it is no such function, or its name is used in another way.
    """
    function, name = scene.function, scene.function.name.value
    plain = scene.owner is None and not function.decorators and function.asynchronous is None
    if not plain or scene.parent(function) is not scene.module or name in scene.local_names:
        return None
    if len(function.params.params) != len(scene.parameters):
        return None
    calls = [
        call for call in syntax.find(function.body, cst.Call) if syntax.called_name(call) == name
    ]
    if len(scene.uses(name)) != len(calls):
        return None
    given = [syntax.arguments(call) for call in calls]
    fits = all(parts is not None and len(parts) == len(scene.parameters) for parts in given)
    return calls if fits else None


def _has_own_scopes(scene: Scene) -> bool:
    kinds = (
        cst.FunctionDef | cst.Lambda | cst.ClassDef | cst.Yield | cst.Global | cst.Try | cst.With
    )
    return any(isinstance(each, kinds) for each in syntax.walk(scene.function.body))


@rule(Category.ALGORITHM, "recursion remembers its parts")
def recursion_with_memo(scene: Scene) -> Iterator[Rewrite]:
    """A pure recursive function of numbers and texts that calls itself more than once per call.

    What is remembered lives in a dict for one outer call and is gone afterwards.
    """
    calls = _self_calls(scene)
    if calls is None or (len(calls) < 2 and not any(map(scene.loops_around, calls))):
        return
    if _has_own_scopes(scene) or not _is_pure_recursion(scene) or not _gives_plain_values(scene):
        return
    keys = _keys(scene, calls)
    if keys is None or frozenset(scene.parameters) & syntax.names_written(scene.function.body):
        return
    yield _remembering(scene, calls, keys)


def _is_pure_recursion(scene: Scene) -> bool:
    """Say whether nothing is called but the function itself and pure builtins, and nothing is changed."""
    return all(_is_harmless(scene, node) for node in syntax.walk(scene.function.body))


def _is_harmless(scene: Scene, node: cst.CSTNode) -> bool:
    match node:
        case cst.Call(func=cst.Name(value=called)):
            known = called in syntax.PURE_BUILTINS and scene.is_builtin(called)
            return known or called == scene.function.name.value
        case cst.Call(func=cst.Attribute(attr=cst.Name(value=method))):
            return method in syntax.PURE_METHODS
        case cst.Call() | cst.Await() | cst.Raise() | cst.Del():
            return False
        case cst.AssignTarget(target=cst.Subscript() | cst.Attribute()):
            return False
        case cst.AugAssign(target=target):
            return isinstance(target, cst.Name) and scene.is_kind(target, *_PLAIN)
    return True


def _gives_plain_values(scene: Scene) -> bool:
    """Say whether every result is a number, text or truth value: a shared list might be changed."""
    returns = syntax.find(scene.function.body, cst.Return)
    return all(each.value is not None and _is_plain(scene, each.value) for each in returns)


def _is_plain(scene: Scene, expr: cst.BaseExpression) -> bool:
    match expr:
        case (
            cst.BinaryOperation(left=left, right=right)
            | cst.BooleanOperation(left=left, right=right)
        ):
            return _is_plain(scene, left) and _is_plain(scene, right)
        case cst.UnaryOperation(expression=inner):
            return _is_plain(scene, inner)
        case cst.IfExp(body=one, orelse=other):
            return _is_plain(scene, one) and _is_plain(scene, other)
        case cst.Comparison() | cst.Integer() | cst.Float():
            return True
        case cst.Call(func=cst.Name(value=name)) if name == scene.function.name.value:
            return True  # by induction
        case cst.Call(func=cst.Name(value="max" | "min"), args=args) if len(args) > 1:
            return all(_is_plain(scene, arg.value) for arg in args)
        case cst.Call(
            func=cst.Name(
                value="len" | "int" | "str" | "abs" | "sum" | "ord" | "chr" | "bool" | "any" | "all"
            )
        ):
            return True
    return scene.is_kind(expr, *_PLAIN)


def _keys(scene: Scene, calls: list[cst.Call]) -> list[str] | None:
    """Return the parameters that tell calls apart: numbers or texts; all others are passed on as they are."""
    keys: list[str] = []
    for place, name in enumerate(scene.parameters):
        seen = scene.facts.get(name)
        passed_on = all(
            isinstance(call.args[place].value, cst.Name)
            and syntax.same_shape(call.args[place].value, name)
            for call in calls
        )
        if passed_on:
            continue
        given = [call.args[place].value for call in calls]
        if seen is None or not _keep_their_type(scene, seen, given):
            return None
        keys.append(name)
    return keys or None


def _keep_their_type(scene: Scene, seen: Seen, given: list[cst.BaseExpression]) -> bool:
    """Say whether inner calls get what the outer one gets: as keys, 2 and 2.0 would be the same."""
    if seen.only("int"):
        return all(kinds.is_int(scene, each) for each in given)
    return seen.only("str") and all(kinds.is_known(scene, each, "str") for each in given)


def _remembering(scene: Scene, calls: list[cst.Call], keys: list[str]) -> Rewrite:
    function = scene.function
    known, inner_name = scene.fresh("known"), scene.fresh(f"{function.name.value}_of")
    key = keys[0] if len(keys) == 1 else f"({', '.join(keys)})"
    place = f"{known}[{', '.join(keys)}]"
    renamed: dict[cst.CSTNode, Change] = {call.func: cst.Name(inner_name) for call in calls}
    changed = exchanged(function, {**renamed, **_stored_returns(function, calls, renamed, place)})
    assert isinstance(changed, cst.FunctionDef)
    has_docstring = function.get_docstring() is not None
    body = syntax.body_of(changed)
    look = cst.parse_statement(f"if {key} in {known}:\n    return {place}\n")
    inner = cst.FunctionDef(
        name=cst.Name(inner_name),
        params=cst.Parameters([cst.Param(cst.Name(name)) for name in scene.parameters]),
        body=cst.IndentedBlock([look, *body[has_docstring:]]),
        leading_lines=[cst.EmptyLine(indent=False)],
    )
    start = cst.parse_statement(f"return {inner_name}({', '.join(scene.parameters)})\n")
    outer = [
        *body[:has_docstring],
        cst.parse_statement(f"{known} = {{}}\n"),
        inner,
        start.with_changes(leading_lines=[cst.EmptyLine(indent=False)]),
    ]
    why = (
        f"`{function.name.value}` calls itself with parts that repeat; each is now solved once per "
        f"outer call and looked up in `{known}`, which lives no longer than that call."
    )
    new = function.with_changes(body=cst.IndentedBlock(outer))
    return scene.rewrite({function: new}, why)


def _stored_returns(
    function: cst.FunctionDef,
    calls: list[cst.Call],
    renamed: dict[cst.CSTNode, Change],
    place: str,
) -> dict[cst.CSTNode, Change]:
    """Store what is returned at or after the first call to itself; the cases before are quick as they are."""
    order = {id(node): number for number, node in enumerate(syntax.walk(function))}
    first = min(order[id(call)] for call in calls)
    changes: dict[cst.CSTNode, Change] = {}
    for line in syntax.walk(function):
        if not isinstance(line, cst.SimpleStatementLine | cst.SimpleStatementSuite):
            continue
        last = line.body[-1]
        if not isinstance(last, cst.Return) or last.value is None:
            continue
        if max(order[id(each)] for each in syntax.walk(line)) < first:
            continue
        value = exchanged(cst.SimpleStatementLine([cst.Expr(last.value)]), renamed)
        store = cst.parse_statement(f"{place} = {syntax.code(value)}\n")
        lines: list[cst.BaseStatement] = [
            cst.SimpleStatementLine([each]) for each in line.body[:-1]
        ]
        lines += [store, cst.parse_statement(f"return {place}\n")]
        if isinstance(line, cst.SimpleStatementSuite):
            changes[line] = cst.IndentedBlock(lines)
        else:
            changes[line] = effects.in_place_of(line, *lines)
    return changes


@rule(Category.ALGORITHM, "recursion over slices to a loop")
def slicing_recursion(scene: Scene) -> Iterator[Rewrite]:
    """``if not xs: return base`` and ``return … xs[0] … f(xs[1:])``: the rest is copied at every level."""
    calls = _self_calls(scene)
    body = syntax.body_of(scene.function)
    body = body[1:] if scene.function.get_docstring() is not None else body
    if calls is None or len(calls) != 1 or len(body) != 2 or _has_own_scopes(scene):
        return
    items = _sliced(scene, calls[0])
    base = _base_case(scene, body[0], items) if items is not None else None
    step = syntax.only_small(body[1])
    if items is None or base is None or not isinstance(step, cst.Return) or step.value is None:
        return
    seen = scene.facts.get(items)
    if seen is None or not seen.only("list", "tuple", "str") or not _is_pure_recursion(scene):
        return
    result, item = scene.fresh("result"), scene.fresh("item")
    changes: dict[cst.CSTNode, Change] = {calls[0]: cst.Name(result)}
    changes |= {
        each: cst.Name(item)
        for each in syntax.find(step.value, cst.Subscript)
        if syntax.same_shape(each, f"{items}[0]")
    }
    value = exchanged(cst.SimpleStatementLine([cst.Expr(step.value)]), changes)
    if items in syntax.names_read(value):
        return
    loop = cst.parse_statement(
        f"for {item} in reversed({items}):\n    {result} = {syntax.code(value)}\n"
    )
    why = (
        f"Every level copies what is left of `{items}`; one loop from its end does the same steps "
        "in the same order without copies."
    )
    new: dict[cst.CSTNode, Change] = {
        body[0]: effects.in_place_of(
            body[0], cst.parse_statement(f"{result} = {syntax.code(base)}\n"), loop
        ),
        body[1]: effects.in_place_of(body[1], cst.parse_statement(f"return {result}\n")),
    }
    if scene.is_builtin("reversed"):
        yield scene.rewrite(new, why)


def _sliced(scene: Scene, call: cst.Call) -> str | None:
    """Return the parameter of which the call passes on all but the first; the others stay the same."""
    found: list[str] = []
    for name, arg in zip(scene.parameters, call.args, strict=True):
        if syntax.same_shape(arg.value, f"{name}[1:]"):
            found.append(name)
        elif not syntax.same_shape(arg.value, name):
            return None
    return found[0] if len(found) == 1 else None


def _base_case(scene: Scene, statement: cst.BaseStatement, items: str) -> cst.BaseExpression | None:
    """Return what is returned for nothing: an expression that has no effect and makes no new object."""
    if not isinstance(statement, cst.If) or statement.orelse is not None:
        return None
    empty = (f"not {items}", f"len({items}) == 0", f"len({items}) < 1", f"{items} == ''")
    if not syntax.same_as(statement.test, *empty):
        return None
    body = [syntax.only_small(each) for each in syntax.body_of(statement)]
    match body:
        case [cst.Return(value=cst.BaseExpression() as value)] if syntax.is_pure(value):
            return None if items in syntax.names_read(value) else value
    return None
