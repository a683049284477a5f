"""Branching Efficiency: attributes that are often missing, asked for without an exception."""

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from perfbot.optimizer import flow, syntax, writing
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Import, Rewrite, Scene
from perfbot.optimizer.strategies import Category


@dataclass(frozen=True, slots=True)
class _Tried:
    """``try: name = owner.attribute`` / ``except AttributeError: …``; ``name`` is ``None`` in a ``return``."""

    node: cst.Try
    line: cst.SimpleStatementLine
    owner: str
    attribute: str
    name: str | None
    handler: list[cst.BaseStatement]


def _tried(scene: Scene, node: cst.CSTNode) -> _Tried | None:
    match node:
        case cst.Try(
            body=cst.IndentedBlock(body=[cst.SimpleStatementLine() as line]),
            handlers=[
                cst.ExceptHandler(
                    type=cst.Name(value="AttributeError"),
                    name=None,
                    body=cst.IndentedBlock(body=[*handler]),
                )
            ],
            finalbody=None,
        ) if scene.is_builtin("AttributeError") and scene.is_builtin("getattr"):
            named = syntax.assignment(line)
            match syntax.only_small(line):
                case cst.Return(value=cst.BaseExpression() as value):
                    name = None
                case _ if named is not None:
                    name, value = named
                case _:
                    return None
            match value:
                case cst.Attribute(value=cst.Name(value=owner), attr=cst.Name(value=attribute)):
                    if _is_plain_name(scene, attribute) and owner in scene.local_names:
                        return _Tried(node, line, owner, attribute, name, handler)
    return None


def _is_plain_name(scene: Scene, attribute: str) -> bool:
    """Inside a class the compiler changes ``__name``, but not the text ``"__name"``."""
    private = attribute.startswith("__") and not attribute.endswith("__")
    return not private or scene.owner is None


@rule(Category.BRANCHING, "missing attribute by exception to getattr")
def missing_attribute_to_getattr(scene: Scene) -> Iterator[Rewrite]:
    """``try: x = thing.name`` / ``except AttributeError:`` a constant, or something else."""
    for node in flow.own_nodes(scene):
        tried = _tried(scene, node)
        if tried is None or not _is_bound(scene, tried):
            continue
        default = _same_with_constant(tried)
        if default is not None and tried.node.orelse is None:
            yield scene.rewrite({tried.node: _with_default(tried, default)}, _why(tried))
        elif tried.name is not None and _may_hold_marker(scene, tried):
            yield _with_marker(scene, tried)


def _is_bound(scene: Scene, tried: _Tried) -> bool:
    """An unbound variable raises a NameError, which passes both; nothing has to be asked."""
    return tried.owner != tried.name and not flow.captured_for_writing(scene, tried.owner)


def _why(tried: _Tried) -> str:
    return (
        f"Raising and catching an exception for each `{tried.owner}` without `{tried.attribute}` "
        "costs many times as much as `getattr` with a default."
    )


def _same_with_constant(tried: _Tried) -> str | None:
    """The constant that the handler stores or returns in the same way, as code."""
    if len(tried.handler) != 1:
        return None
    line = tried.handler[0]
    named = syntax.assignment(line)
    match syntax.only_small(line):
        case cst.Return(value=cst.BaseExpression() as value) if tried.name is None:
            pass
        case cst.Assign() if named is not None and named[0] == tried.name:
            value = named[1]
        case _:
            return None
    constant = isinstance(value, cst.Integer | cst.Float | cst.SimpleString) or (
        isinstance(value, cst.Name) and value.value in {"None", "True", "False"}
    )
    return syntax.code(value) if constant else None


def _asked(tried: _Tried, default: str) -> cst.BaseExpression:
    return cst.parse_expression(f'getattr({tried.owner}, "{tried.attribute}", {default})')


def _with_default(tried: _Tried, default: str) -> cst.BaseStatement:
    return _line(tried, default).with_changes(leading_lines=tried.node.leading_lines)


def _line(tried: _Tried, default: str) -> cst.BaseStatement:
    """The statement that was tried, with ``getattr``; an annotation stays."""
    (small,) = tried.line.body
    assert isinstance(small, cst.Assign | cst.AnnAssign | cst.Return)
    return tried.line.with_changes(body=[small.with_changes(value=_asked(tried, default))])


def _may_hold_marker(scene: Scene, tried: _Tried) -> bool:
    """Say whether nobody can see that the variable holds the marker where the attribute is missing."""
    name = tried.name
    if name is None or name in scene.parameters or flow.captured_for_writing(scene, name):
        return False
    if flow.captured(scene, name) and scene.loops_around(tried.node):
        return False  # what is made in one round could look at the variable in the next
    if any(isinstance(each, cst.Raise) for line in tried.handler for each in syntax.walk(line)):
        return False  # the new exception would not name the AttributeError as its context
    parts = [
        tried.line,
        *([tried.node.orelse] if tried.node.orelse else []),
        *_only_after(scene, tried),
    ]
    seen = {id(each) for part in parts for each in syntax.walk(part)}
    return all(id(use) in seen for use in scene.uses(name))


def _only_after(scene: Scene, tried: _Tried) -> list[cst.BaseStatement]:
    """The statements that run only where the attribute was there: those below, if the handler leaves."""
    leaving = cst.Return | cst.Continue | cst.Break
    if not isinstance(syntax.only_small(tried.handler[-1]), leaving):
        return []
    block = flow.block_of(scene, tried.node)
    (place,) = [number for number, each in enumerate(block) if each is tried.node]
    return block[place + 1 :]


def _with_marker(scene: Scene, tried: _Tried) -> Rewrite:
    marker = "_MISSING" if _is_marker(scene, "_MISSING") else scene.fresh("_MISSING")
    made = [] if _is_marker(scene, marker) else [cst.parse_statement(f"{marker} = object()")]
    changes: dict[cst.CSTNode, Change] = {
        tried.node: cst.FlattenSentinel([_with_default(tried, marker), *_branches(tried, marker)])
    }
    return scene.rewrite(changes, _why(tried), before=made)


def _is_marker(scene: Scene, name: str) -> bool:
    """Say whether the module has a marker of this name above the function: ``name = object()``."""
    if sum(store.value == name for store in syntax.stores(scene.module)) != 1:
        return False
    for line in scene.module.body:
        found = syntax.assignment(line)
        if found is not None and found[0] == name:
            return syntax.code(found[1]) == "object()" and scene.is_builtin("object")
        if any(each is scene.function for each in syntax.walk(line)):
            return False
    return False


def _branches(tried: _Tried, marker: str) -> list[cst.BaseStatement]:
    nothing = len(tried.handler) == 1 and isinstance(syntax.only_small(tried.handler[0]), cst.Pass)
    orelse = syntax.body_of(tried.node.orelse) if tried.node.orelse is not None else []
    operator = "is" if not orelse else "is not"
    branch = writing.line(f"if {tried.name} {operator} {marker}:\n    pass\n")
    assert isinstance(branch, cst.If)
    if not orelse:
        return [] if nothing else [branch.with_changes(body=tried.node.handlers[0].body)]
    other = None if nothing else cst.Else(tried.node.handlers[0].body)
    return [branch.with_changes(body=cst.IndentedBlock(orelse), orelse=other)]


@rule(Category.BRANCHING, "suppress to try")
def suppress_to_try(scene: Scene) -> Iterator[Rewrite]:
    """``with contextlib.suppress(SomeError):`` whose errors are named: ``try`` and ``except``."""
    if scene.function.asynchronous is not None:
        return  # tasks end with groups of errors, of which newer versions suppress some
    for node in flow.own_nodes(scene):
        match node:
            case cst.With(
                items=[
                    cst.WithItem(item=cst.Call(func=function, args=[_, *_] as errors), asname=None)
                ],
                body=cst.IndentedBlock() as body,
                asynchronous=None,
            ) if _is_suppress(scene, function) and all(map(_is_error, errors)):
                named = [syntax.code(each.value) for each in errors]
                expected = named[0] if len(named) == 1 else f"({', '.join(named)})"
                text = f"try:\n    pass\nexcept {expected}:\n    pass\n"
                tried = writing.line(text, node)
                assert isinstance(tried, cst.Try)
                why = (
                    "`suppress` makes an object and calls two of its methods each time; "
                    "`try` costs nothing where no error is raised."
                )
                yield scene.rewrite({node: tried.with_changes(body=body)}, why)


def _is_suppress(scene: Scene, function: cst.BaseExpression) -> bool:
    match function:
        case cst.Name(value=name):
            return scene.imported_as(name) == Import("contextlib", "suppress")
        case cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value="suppress")):
            return scene.imported_as(name) == Import("contextlib")
    return False


def _is_error(argument: cst.Arg) -> bool:
    """Say whether an argument is the name of one class: evaluated early or late, it is the same."""
    plain = argument.keyword is None and not argument.star
    return (
        plain
        and isinstance(argument.value, cst.Name)
        and argument.value.value.endswith(("Error", "Exception", "Iteration"))
    )


@rule(Category.BRANCHING, "missing key among other errors to test")
def missing_key_among_others(scene: Scene) -> Iterator[Rewrite]:
    """``try: x = place.table[key]`` with ``except KeyError:`` and, for the way to the table, ``IndexError``."""
    for node in flow.own_nodes(scene):
        match node:
            case cst.Try(
                body=cst.IndentedBlock(body=[line, *rest]),
                handlers=[missing, *others],
                orelse=None,
                finalbody=None,
            ) if len(rest) <= 1 and all(map(_leaves_loop, rest)) and len(others) == 1:
                table = _table_on_the_way(scene, line)
                if table is not None and _fits(scene, missing, others[0]):
                    yield _asked_first(scene, node, table, missing, others[0])


def _leaves_loop(line: cst.BaseStatement) -> bool:
    return isinstance(syntax.only_small(line), cst.Break | cst.Continue)


def _table_on_the_way(scene: Scene, line: cst.BaseStatement) -> cst.Subscript | None:
    """``place.table[key]`` of ``x = place.table[key]``, where the table is a plain dict, the key a variable."""
    named = syntax.assignment(line)
    match named:
        case (
            str() as name,
            cst.Subscript(
                value=cst.Attribute(value=way, attr=attribute),
                slice=[cst.SubscriptElement(slice=cst.Index(value=cst.Name(value=key)))],
            ) as value,
        ) if scene.keeps_dict(attribute.value) and key in scene.local_names and key != name:
            calls = any(isinstance(each, cst.Call | cst.Await) for each in syntax.walk(way))
            return None if calls else value
    return None


def _fits(scene: Scene, missing: cst.ExceptHandler, other: cst.ExceptHandler) -> bool:
    """Say whether one handler is for the key alone, and the other leaves and cannot be meant for it."""
    match missing, other:
        case (
            cst.ExceptHandler(type=cst.Name(value="KeyError"), name=None, body=cst.IndentedBlock()),
            cst.ExceptHandler(
                type=cst.Name(value="IndexError" | "AttributeError" as second),
                body=cst.IndentedBlock(body=[*_, last]),
            ),
        ):
            plain = scene.is_builtin("KeyError") and scene.is_builtin(second)
            raises = any(isinstance(each, cst.Raise) for each in syntax.walk(missing.body))
            leaving = cst.Return | cst.Raise | cst.Continue | cst.Break
            return plain and not raises and isinstance(syntax.only_small(last), leaving)
    return False


def _asked_first(
    scene: Scene,
    node: cst.Try,
    lookup: cst.Subscript,
    missing: cst.ExceptHandler,
    other: cst.ExceptHandler,
) -> Rewrite:
    table = lookup.value
    assert isinstance(table, cst.Attribute)
    assert isinstance(node.body, cst.IndentedBlock)
    local = writing.fresh_local(scene, table.attr.value.lstrip("_") or "table")
    key = syntax.code(lookup.slice[0].slice)
    way = cst.parse_statement(f"{local} = {syntax.code(table)}")
    tried = node.with_changes(body=cst.IndentedBlock([way]), handlers=[other])
    line, *rest = node.body.body
    taken = writing.exchanged(line, {table: cst.Name(local)})
    assert isinstance(taken, cst.BaseStatement)
    branch = cst.parse_statement(f"if {key} in {local}:\n    pass\n")
    assert isinstance(branch, cst.If)
    branch = branch.with_changes(body=cst.IndentedBlock([taken, *rest]))
    assert isinstance(missing.body, cst.IndentedBlock)
    handler = missing.body.body
    if rest:
        lines = [tried, branch, *handler]
    else:
        lines = [tried, branch.with_changes(orelse=cst.Else(cst.IndentedBlock(handler)))]
    why = (
        f"Asking whether `{syntax.code(table)}` has `{key}` costs far less than an exception "
        "for each key that it lacks."
    )
    return scene.rewrite({node: cst.FlattenSentinel(lines)}, why)
