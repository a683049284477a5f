"""Function Call Overhead Reduction: the same values with fewer calls, generators and frames."""

from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import certainty, flow, syntax, writing
from perfbot.optimizer.catalogue import questions, rule
from perfbot.optimizer.scene import Change, Rewrite, Scene
from perfbot.optimizer.strategies import Category

_WHOLE = (cst.Arg, cst.Assign, cst.AnnAssign, cst.AugAssign, cst.Return)


def is_simple(expr: cst.BaseExpression) -> bool:
    """Say whether evaluating twice is the same as once, and cheap: a plain name or a literal."""
    if isinstance(expr, cst.UnaryOperation):
        return isinstance(expr.expression, cst.Integer | cst.Float)
    return isinstance(expr, cst.Name | cst.Integer | cst.Float | cst.SimpleString)


def _in_parentheses(expr: cst.BaseExpression) -> cst.BaseExpression:
    if expr.lpar or isinstance(expr, cst.Name | cst.Call):
        return expr
    return expr.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _lone_argument(call: cst.Call) -> cst.BaseExpression | None:
    arguments = syntax.arguments(call)
    return arguments[0] if arguments is not None and len(arguments) == 1 else None


@rule(Category.CALL_OVERHEAD, "two-argument max or min to comparison")
def extreme_of_two_to_comparison(scene: Scene) -> Iterator[Rewrite]:
    """``max(a, b)`` and ``min(a, b)`` of plain names or numbers inside a loop."""
    for call in flow.own_nodes(scene):
        match call:
            case cst.Call(func=cst.Name(value="max" | "min" as function)):
                arguments = syntax.arguments(call) or []
                usable = len(arguments) == 2 and all(is_simple(each) for each in arguments)
                if usable and scene.is_builtin(function) and scene.loops_around(call):
                    yield _compared(scene, call, function, arguments)


def _compared(
    scene: Scene, call: cst.Call, function: str, arguments: list[cst.BaseExpression]
) -> Rewrite:
    """Both builtins keep the first argument unless the second one wins, which is what is written here."""
    first, second = (syntax.code(each) for each in arguments)
    operator = ">" if function == "max" else "<"
    why = f"A call of `{function}` costs several times as much as the comparison `{second} {operator} {first}`."
    line = scene.parent(call)
    statement = scene.parent(line) if line is not None else None
    assigned = syntax.assignment(statement) if statement is not None else None
    if statement is not None and assigned == (first, call):
        text = f"if {second} {operator} {first}:\n    {first} = {second}\n"
        return scene.rewrite({statement: writing.line(text, statement)}, why)
    chosen = cst.parse_expression(f"{second} if {second} {operator} {first} else {first}")
    whole = isinstance(line, _WHOLE)
    return scene.rewrite({call: chosen if whole else _in_parentheses(chosen)}, why)


@rule(Category.CALL_OVERHEAD, "sorted, tuple or join of a generator")
def generator_to_comprehension(scene: Scene) -> Iterator[Rewrite]:
    """A generator that ``sorted``, ``tuple``, ``frozenset`` or a text's ``join`` uses up at once."""
    for call in flow.own_nodes(scene):
        match call:
            case cst.Call(args=[cst.Arg(value=cst.GeneratorExp() as made, star=""), *rest]):
                new = _at_once(scene, call, made, bool(rest))
                if new is not None and not questions.stops_generators(made):
                    why = (
                        f"`{syntax.code(call.func)}` takes every item at once; a comprehension makes them "
                        "without resuming a generator for each."
                    )
                    yield scene.rewrite({call: new}, why)


def _at_once(
    scene: Scene, call: cst.Call, made: cst.GeneratorExp, more: bool
) -> cst.BaseExpression | None:
    listed = cst.ListComp(made.elt, made.for_in)
    first = call.args[0].with_changes(value=listed)
    match call.func:
        case cst.Name(value="sorted") if scene.is_builtin("sorted"):
            if not all(isinstance(arg.value, cst.Lambda | cst.Name) for arg in call.args[1:]):
                return None  # would be evaluated after the items instead of before
            return call.with_changes(args=[first, *call.args[1:]])
        case cst.Name(value="tuple" | "frozenset" as name) if not more and scene.is_builtin(name):
            return call.with_changes(args=[first])
        case cst.Attribute(value=text, attr=cst.Name(value="join")) if not more:
            known = certainty.is_sure(scene, text, "str", "bytes")
            return call.with_changes(args=[first]) if known else None
    return None


@rule(Category.CALL_OVERHEAD, "filter of a lambda to comprehension")
def filter_of_lambda(scene: Scene) -> Iterator[Rewrite]:
    """``list(filter(lambda x: …, xs))``."""
    for call in flow.own_nodes(scene):
        match call:
            case cst.Call(func=cst.Name(value="list" | "set" as outer)) if scene.is_builtin(outer):
                text = _filtered(scene, _lone_argument(call))
                if text is not None:
                    new = cst.parse_expression(f"[{text}]" if outer == "list" else f"{{{text}}}")
                    why = "A comprehension evaluates the test in place; the lambda is called once per item."
                    yield scene.rewrite({call: new}, why)


def _filtered(scene: Scene, call: cst.BaseExpression | None) -> str | None:
    """The inside of the comprehension that ``filter(lambda …)`` is."""
    match call:
        case cst.Call(
            func=cst.Name(value="filter"),
            args=[
                cst.Arg(value=cst.Lambda(body=body) as applied, star=""),
                cst.Arg(value=source, star=""),
            ],
        ) if scene.is_builtin("filter"):
            name = lone_parameter(applied)
            if name is not None and _is_plain_body(body):
                return (
                    f"{name} for {name} in {writing.enclosed(source)} if {writing.enclosed(body)}"
                )
    return None


def _is_plain_body(body: cst.BaseExpression) -> bool:
    special = (cst.Lambda, cst.NamedExpr, cst.Yield, cst.Await, cst.GeneratorExp)
    return not any(isinstance(node, special) for node in syntax.walk(body))


def lone_parameter(applied: cst.Lambda) -> str | None:
    """Return the name of a lambda's only parameter, without default."""
    match applied.params:
        case cst.Parameters(
            params=[
                cst.Param(name=cst.Name(value=name), default=None, star="" | cst.MaybeSentinel())
            ],
            posonly_params=[],
            kwonly_params=[],
            star_kwarg=None,
        ) if not isinstance(applied.params.star_arg, cst.Param):
            return name
    return None


@rule(Category.CALL_OVERHEAD, "filter in a loop to test")
def filter_in_loop(scene: Scene) -> Iterator[Rewrite]:
    """``for target in filter(lambda x: …, xs):``, where a test in the loop needs no call for each item."""
    for loop in flow.for_loops(scene):
        match loop.iter:
            case cst.Call(
                func=cst.Name(value="filter"),
                args=[
                    cst.Arg(value=cst.Lambda(body=body) as applied, star="", keyword=None),
                    cst.Arg(value=source, star="", keyword=None),
                ],
            ) if scene.is_builtin("filter") and _is_plain_body(body):
                name = lone_parameter(applied)
                bound = {each.value for each in syntax.stores_of(loop.target)}
                apart = bound.isdisjoint(syntax.names_read(body) | syntax.names_written(body))
                if name is not None and apart and _is_free(scene, applied, name):
                    yield _tested_in_loop(scene, loop, name, body, source)


def _is_free(scene: Scene, applied: cst.Lambda, name: str) -> bool:
    """Say whether the function may have a variable of that name: other lambdas have their own."""
    inside = {id(each) for each in syntax.walk(applied)}
    return name not in scene.parameters and all(
        id(use) in inside or _is_parameter_of_lambda(scene, use) for use in scene.uses(name)
    )


def _is_parameter_of_lambda(scene: Scene, use: cst.Name) -> bool:
    return any(
        isinstance(above, cst.Lambda) and lone_parameter(above) == use.value
        for above in scene.above(use)
    )


def _tested_in_loop(
    scene: Scene,
    loop: cst.For,
    name: str,
    body: cst.BaseExpression,
    source: cst.BaseExpression,
) -> Rewrite:
    target = loop.target
    lines = list(syntax.body_of(loop))
    if isinstance(target, cst.Name):
        uses: dict[cst.CSTNode, Change] = {
            each: target for each in syntax.variables(body) if each.value == name
        }
        test = writing.exchanged(body, uses)
        assert isinstance(test, cst.BaseExpression)
    else:
        test = body
        lines.insert(0, cst.parse_statement(f"{syntax.code(target)} = {name}"))
        target = cst.Name(name)
    condition = f"({syntax.code(test)})" if "\n" in syntax.code(test) else syntax.code(test)
    branch = cst.parse_statement(f"if {condition}:\n    pass\n")
    assert isinstance(branch, cst.If)
    new = writing.with_body(loop, [branch.with_changes(body=cst.IndentedBlock(lines))])
    why = "The loop asks the lambda's question in place; `filter` calls the lambda once per item."
    return scene.rewrite({loop: new.with_changes(target=target, iter=source)}, why)


@rule(Category.CALL_OVERHEAD, "value kept in a range by comparison")
def clamped_by_comparison(scene: Scene) -> Iterator[Rewrite]:
    """``max(low, min(high, value))`` that is assigned or returned, with numbers as bounds."""
    for line in flow.own_nodes(scene):
        match line:
            case cst.SimpleStatementLine(body=[cst.Return(value=cst.Call() as call) as small]):
                pass
            case cst.SimpleStatementLine(
                body=[cst.Assign(targets=[_], value=cst.Call() as call) as small]
            ):
                pass
            case _:
                continue
        found = _clamp(scene, call)
        if found is not None:
            yield _clamped(scene, line, small, *found)


def _clamp(
    scene: Scene, call: cst.BaseExpression
) -> tuple[list[tuple[str, str]], cst.BaseExpression] | None:
    """``([(operator, bound), …], value)``, the innermost bound first."""
    match call:
        case cst.Call(
            func=cst.Name(value="max" | "min" as function),
            args=[
                cst.Arg(value=cst.Integer() | cst.Float() as bound, keyword=None, star=""),
                cst.Arg(value=value, keyword=None, star=""),
            ],
        ) if scene.is_builtin(function):
            inner = _clamp(scene, value)
            bounds, innermost = inner if inner is not None else ([], value)
            operator = ">" if function == "max" else "<"
            return [*bounds, (operator, syntax.code(bound))], innermost
    return None


def _clamped(
    scene: Scene,
    line: cst.BaseStatement,
    small: cst.Return | cst.Assign,
    bounds: list[tuple[str, str]],
    value: cst.BaseExpression,
) -> Rewrite:
    """The first argument is kept unless the second one wins: also for values that are equal, and NaN."""
    lines: list[cst.BaseStatement] = []
    name = syntax.code(value)
    if not isinstance(value, cst.Name) or len(bounds) > 1:
        name = writing.fresh_local(scene, "value")
        lines.append(writing.line(f"{name} = {syntax.code(value)}", line))
    for operator, bound in bounds[:-1]:
        lines.append(
            cst.parse_statement(f"if not {name} {operator} {bound}:\n    {name} = {bound}\n")
        )
    operator, bound = bounds[-1]
    chosen = cst.parse_expression(f"{name} if {name} {operator} {bound} else {bound}")
    last = cst.SimpleStatementLine([small.with_changes(value=chosen)])
    lines.append(
        last if lines else last.with_changes(leading_lines=getattr(line, "leading_lines", ()))
    )
    why = f"Comparing with {' and '.join(bound for _, bound in bounds)} costs a fraction of calling `max` and `min`."
    return scene.rewrite({line: cst.FlattenSentinel(lines)}, why)


@rule(Category.CALL_OVERHEAD, "reduce to sum")
def reduce_to_sum(scene: Scene) -> Iterator[Rewrite]:
    """``reduce(lambda a, b: a + b, xs, 0)`` over integers."""
    for call in flow.own_nodes(scene):
        if not isinstance(call, cst.Call) or not _is_reduce(scene, call):
            continue
        arguments = syntax.arguments(call)
        if arguments is None or len(arguments) != 3 or not _adds(scene, arguments[0]):
            continue
        source, start = syntax.code(arguments[1]), syntax.code(arguments[2])
        new = cst.parse_expression(f"sum({source}{'' if start == '0' else f', {start}'})")
        why = f"`sum` adds the integers of `{source}` in C; `reduce` calls a function for each of them."
        rewrite = scene.rewrite({call: new}, why)
        # `reduce` might do anything with its arguments; asked of the new code, they are known.
        found = certainty.items(scene.moved_to(rewrite.module), arguments[1])
        integers = found is not None and found.only("int", "bool")
        if integers and certainty.is_sure(scene, arguments[2], "int") and scene.is_builtin("sum"):
            yield rewrite


def _is_reduce(scene: Scene, call: cst.Call) -> bool:
    match call.func:
        case cst.Name(value=name):
            found = scene.imported_as(name)
            return found is not None and (found.module, found.name) == ("functools", "reduce")
        case cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value="reduce")):
            found = scene.imported_as(name)
            return found is not None and (found.module, found.name) == ("functools", None)
    return False


def _adds(scene: Scene, function: cst.BaseExpression) -> bool:
    match function:
        case cst.Lambda(
            params=cst.Parameters(
                params=[cst.Param(name=cst.Name(value=one)), cst.Param(name=cst.Name(value=other))]
            )
        ):
            return syntax.code(function.body) in {f"{one} + {other}", f"{other} + {one}"}
        case cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value="add")):
            found = scene.imported_as(name)
            return found is not None and (found.module, found.name) == ("operator", None)
    return False


@rule(Category.CALL_OVERHEAD, "private helper inlined into a loop")
def private_helper_inlined(scene: Scene) -> Iterator[Rewrite]:
    """``_helper(a, b)`` in a loop, where the helper of the same module is a single ``return`` expression."""
    for call in flow.own_nodes(scene):
        if not isinstance(call, cst.Call) or not scene.loops_around(call):
            continue
        name = syntax.called_name(call)
        helper = _helper(scene, name) if name is not None else None
        arguments = syntax.arguments(call)
        if helper is None or arguments is None:
            continue
        if not all(_stays_put(scene, each) for each in arguments):
            continue
        body = _inlined(scene, helper, arguments)
        if body is not None:
            whole = isinstance(scene.parent(call), _WHOLE) and not isinstance(body, cst.Tuple)
            new = body if whole else _in_parentheses(body)
            why = f"`{name}` only evaluates one expression; written in place, it costs no call in each pass."
            yield scene.rewrite({call: new}, why)


def _stays_put(scene: Scene, argument: cst.BaseExpression) -> bool:
    """Say whether an argument is the same wherever in the helper's expression it is evaluated."""
    local = not isinstance(argument, cst.Name) or argument.value in scene.local_names
    return local and is_simple(argument) and not isinstance(argument, cst.UnaryOperation)


def _helper(scene: Scene, name: str) -> cst.FunctionDef | None:
    """The module's only definition of a private function, which nothing else can have replaced."""
    if not name.startswith("_") or name in scene.local_names:
        return None
    found = [each for each in syntax.find(scene.module, cst.FunctionDef) if each.name.value == name]
    stored = any(store.value == name for store in syntax.stores(scene.module))
    imported = any(
        syntax.imported_name(each) == name for each in syntax.find(scene.module, cst.ImportAlias)
    )
    shared = any(
        name in (item.name.value for item in node.names)
        for node in syntax.find(scene.module, cst.Global)
    )
    if len(found) != 1 or stored or imported or shared or found[0] is scene.function:
        return None
    plain = (
        found[0] in scene.module.body and not found[0].decorators and found[0].asynchronous is None
    )
    return found[0] if plain else None


def _inlined(
    scene: Scene, helper: cst.FunctionDef, arguments: list[cst.BaseExpression]
) -> cst.BaseExpression | None:
    """The helper's expression with its parameters replaced, if every name means the same here."""
    params = [param.name.value for param in helper.params.params]
    match syntax.body_of(helper):
        case [cst.SimpleStatementLine(body=[cst.Return(value=cst.BaseExpression() as value)])]:
            pass
        case _:
            return None
    if not _takes_plainly(helper) or len(params) != len(arguments) or not _is_flat(value):
        return None
    free = syntax.names_read(value) - set(params)
    if not free.isdisjoint(scene.local_names) or helper.name.value in free:
        return None
    parts = dict(zip(params, arguments, strict=True))
    changes: dict[cst.CSTNode, Change] = {
        name: parts[name.value] for name in syntax.variables(value) if name.value in parts
    }
    new = writing.exchanged(value, changes)
    return new if isinstance(new, cst.BaseExpression) else None


def _takes_plainly(helper: cst.FunctionDef) -> bool:
    params = helper.params
    others = [*params.posonly_params, *params.kwonly_params]
    stars = isinstance(params.star_arg, cst.Param) or params.star_kwarg is not None
    return not others and not stars and all(param.default is None for param in params.params)


def _is_flat(value: cst.BaseExpression) -> bool:
    scopes = (cst.Lambda, cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp, cst.Yield)
    special = (*scopes, cst.Await, cst.NamedExpr, cst.FormattedString)
    return not any(isinstance(node, special) for node in syntax.walk(value))
