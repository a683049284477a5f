"""Memory Usage and Allocation: results that are built once instead of copied for each item that is added."""

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from perfbot.optimizer import certainty, flow, syntax, writing
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Rewrite, Scene
from perfbot.optimizer.strategies import Category


@dataclass(frozen=True, slots=True)
class _Growth:
    """``name = name + added``, or ``name += added`` where ``augmented``; ``front``: ``name = added + name``."""

    name: str
    added: cst.BaseExpression
    augmented: bool
    front: bool = False


def _growth(line: cst.CSTNode) -> _Growth | None:
    match syntax.only_small(line):
        case cst.AugAssign(
            target=cst.Name(value=name),
            operator=cst.AddAssign(),
            value=cst.BaseExpression() as value,
        ):
            return _Growth(name, value, augmented=True)
        case cst.Assign(
            targets=[cst.AssignTarget(target=cst.Name(value=name))],
            value=cst.BinaryOperation(left=left, operator=cst.Add(), right=right),
        ):
            if syntax.code(left) == name:
                return _Growth(name, right, augmented=False)
            return (
                _Growth(name, left, augmented=False, front=True)
                if syntax.code(right) == name
                else None
            )
    return None


def _growths(scene: Scene) -> Iterator[tuple[cst.For, cst.SimpleStatementLine, _Growth]]:
    """Each line below a loop that makes a variable longer, with its outermost loop after the variable's start."""
    for loop in flow.for_loops(scene):
        for line in syntax.find(loop.body, cst.SimpleStatementLine):
            found = _growth(line)
            if found is not None and flow.is_own(scene, found.name):
                yield loop, line, found


def _lone(scene: Scene, loop: cst.For, found: _Growth) -> bool:
    """Say whether the loop does nothing else with the variable, and nobody else sees it meanwhile."""
    uses = sum(name.value == found.name for name in syntax.variables(loop))
    own = 1 if found.augmented else 2
    suspended = any(isinstance(node, cst.Yield | cst.Await) for node in syntax.walk(loop))
    returned = any(isinstance(node, cst.Return) for node in syntax.walk(loop))
    return (
        uses == own
        and not suspended
        and not returned
        and not flow.in_try(scene, loop)
        and not flow.mentions(found.added, found.name)
    )


def _starts_as(scene: Scene, loop: cst.For, name: str, *codes: str) -> flow.Start | None:
    start = flow.start_of(scene, loop, name)
    return start if start is not None and syntax.code(start.value) in codes else None


@rule(Category.MEMORY, "list rebuilt for each item to append")
def list_rebuilt_to_append(scene: Scene) -> Iterator[Rewrite]:
    """``found = found + [item]`` (or ``+=``) in a loop, where ``found`` starts as a new list."""
    for loop, line, found in _growths(scene):
        start = _starts_as(scene, loop, found.name, "[]", "list()")
        if start is None or found.front or not _lone(scene, loop, found):
            continue
        match found.added:
            case cst.List(elements=[cst.Element(value=item)]):
                new = writing.line(f"{found.name}.append({syntax.code(item)})", line)
            case cst.Name(value=other) if not found.augmented and flow.holds(scene, other, "list"):
                new = writing.line(f"{found.name} += {other}", line)
            case _:
                continue
        why = f"Each `{syntax.code(line)}` makes a new list; adding to `{found.name}` in place does not."
        yield scene.rewrite({line: new}, why)


@rule(Category.MEMORY, "tuple rebuilt for each item to list")
def tuple_rebuilt_to_list(scene: Scene) -> Iterator[Rewrite]:
    """``found += (item,)`` in a loop, where ``found`` starts as an empty tuple."""
    for loop, line, found in _growths(scene):
        start = _starts_as(scene, loop, found.name, "()", "tuple()")
        if start is None or found.front or not _lone(scene, loop, found):
            continue
        match found.added:
            case cst.Tuple(elements=[cst.Element(value=item)]):
                name = found.name
                changes: dict[cst.CSTNode, Change] = {
                    start.line: writing.line(f"{name} = []", start.line),
                    loop: _then(
                        loop,
                        {line: writing.line(f"{name}.append({syntax.code(item)})", line)},
                        f"{name} = tuple({name})",
                    ),
                }
                why = f"Each `{syntax.code(line)}` copies all that is in `{name}`; a list grows in place."
                if scene.is_builtin("tuple"):
                    yield scene.rewrite(changes, why)


def _then(
    loop: cst.For, inside: dict[cst.CSTNode, Change], after: str
) -> cst.FlattenSentinel[cst.CSTNode]:
    """The loop with changes inside, and a line after it."""
    return cst.FlattenSentinel([writing.exchanged(loop, inside), cst.parse_statement(after)])


@rule(Category.MEMORY, "bytes rebuilt for each piece to bytearray")
def bytes_rebuilt_to_bytearray(scene: Scene) -> Iterator[Rewrite]:
    """``data += piece`` of bytes in a loop, where ``data`` starts as empty bytes."""
    for loop, line, found in _growths(scene):
        start = _starts_as(scene, loop, found.name, "b''", 'b""', "bytes()")
        if start is None or found.front or not _lone(scene, loop, found):
            continue
        both = scene.is_builtin("bytearray") and scene.is_builtin("bytes")
        if both and certainty.is_sure(scene, found.added, "bytes"):
            name = found.name
            changes: dict[cst.CSTNode, Change] = {
                start.line: writing.line(f"{name} = bytearray()", start.line),
                loop: _then(
                    loop,
                    {line: writing.line(f"{name} += {syntax.code(found.added)}", line)},
                    f"{name} = bytes({name})",
                ),
            }
            why = f"Each `{syntax.code(line)}` copies all the bytes so far; a bytearray grows in place."
            yield scene.rewrite(changes, why)


@rule(Category.MEMORY, "text rebuilt for each piece to join")
def text_rebuilt_to_join(scene: Scene) -> Iterator[Rewrite]:
    """``text += piece`` as the only work of a loop, where ``text`` starts empty: join the pieces once."""
    for loop, line, found in _growths(scene):
        start = _starts_as(scene, loop, found.name, "''", '""', "str()")
        if start is None or not _lone(scene, loop, found) or flow.has_comments(loop):
            continue
        clauses = _clauses(loop, line)
        if clauses is None or not _is_comprehensible(scene, loop):
            continue
        if certainty.is_sure(scene, found.added, "str"):
            pieces = f"[{writing.enclosed(found.added)} {clauses}]"
            order = f"reversed({pieces})" if found.front else pieces
            new = writing.line(f'{found.name} = "".join({order})', start.line, loop)
            why = f"Adding to `{found.name}` piece by piece copies it or pays for each piece; `join` copies once."
            if not found.front or scene.is_builtin("reversed"):
                yield scene.rewrite({start.line: cst.RemoveFromParent(), loop: new}, why)


def _clauses(loop: cst.For, line: cst.SimpleStatementLine) -> str | None:
    """The clauses of a comprehension, if the loop consists of nothing but ``for``, ``if`` and the line."""
    clauses: list[str] = []
    node: cst.BaseStatement = loop
    while node is not line:
        if not isinstance(node, cst.For | cst.If) or node.orelse is not None:
            return None
        if getattr(node, "asynchronous", None) is not None:
            return None
        body = syntax.body_of(node)
        if len(body) != 1:
            return None
        if isinstance(node, cst.For):
            clauses.append(f"for {syntax.code(node.target)} in {writing.enclosed(node.iter)}")
        else:
            clauses.append(f"if {writing.enclosed(node.test)}")
        node = body[0]
    return " ".join(clauses)


def _is_comprehensible(scene: Scene, loop: cst.For) -> bool:
    special = (cst.NamedExpr, cst.Lambda, cst.GeneratorExp)
    if any(isinstance(node, special) for node in syntax.walk(loop)):
        return False
    targets = [flow.target_names(each.target) for each in syntax.find(loop, cst.For)]
    names = [name for target in targets if target is not None for name in target]
    flat = None not in targets and len(set(names)) == len(names)
    first = syntax.names_read(loop.iter).isdisjoint(names)
    hidden = not flow.mentions(loop, "super", "__class__")
    return flat and first and hidden and flow.ends_with_loop(scene, loop, names)


@rule(Category.MEMORY, "constant fill by multiplication")
def constant_fill(scene: Scene) -> Iterator[Rewrite]:
    """``[0 for _ in range(n)]``, or a loop that appends the same constant ``n`` times: ``[0] * n``."""
    for node in flow.own_nodes(scene):
        match node:
            case cst.ListComp(
                elt=value,
                for_in=cst.CompFor(
                    target=cst.Name(), iter=counted, ifs=[], inner_for_in=None, asynchronous=None
                ),
            ):
                times = _times(scene, counted)
                if times is not None and _is_unchanging(value):
                    new = cst.parse_expression(f"[{syntax.code(value)}] * {times}")
                    yield scene.rewrite({node: _whole(scene, node, new)}, _filled(value))
            case cst.For(target=cst.Name(value=name), iter=counted, orelse=None, asynchronous=None):
                times = _times(scene, counted)
                filled = _filled_by(scene, node, name) if times is not None else None
                if filled is not None:
                    start, target, value = filled
                    text = f"{target} = [{syntax.code(value)}] * {times}"
                    new_line = writing.line(text, start.line, node)
                    changes: dict[cst.CSTNode, Change] = {
                        start.line: cst.RemoveFromParent(),
                        node: new_line,
                    }
                    yield scene.rewrite(changes, _filled(value))


def _whole(scene: Scene, old: cst.BaseExpression, new: cst.BaseExpression) -> cst.BaseExpression:
    alone = (cst.Assign, cst.AnnAssign, cst.Return, cst.Arg, cst.Element)
    if isinstance(scene.parent(old), alone):
        return new
    in_clause = isinstance(scene.parent(old), cst.ListComp)
    return new if in_clause else new.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _filled(value: cst.BaseExpression) -> str:
    return (
        f"`[{syntax.code(value)}] * n` fills the list in C; here each item passes through bytecode."
    )


def _times(scene: Scene, counted: cst.BaseExpression) -> str | None:
    """The code of ``n`` in ``range(n)``, an integer for certain."""
    match counted:
        case cst.Call(func=cst.Name(value="range"), args=[cst.Arg(value=stop, star="")]):
            if scene.is_builtin("range") and certainty.is_sure(scene, stop, "int"):
                text = syntax.code(stop)
                return text if isinstance(stop, cst.Name | cst.Call | cst.Integer) else f"({text})"
    return None


def _is_unchanging(value: cst.BaseExpression) -> bool:
    return isinstance(syntax.constant(value), str | int | float | bytes | None)


def _filled_by(
    scene: Scene, loop: cst.For, name: str
) -> tuple[flow.Start, str, cst.BaseExpression] | None:
    """``(start, list, value)`` of a loop whose whole body appends a constant to a list that starts empty."""
    match syntax.body_of(loop):
        case [cst.SimpleStatementLine(body=[cst.Expr(value=cst.Call() as call)])]:
            receiver, arguments = syntax.method_call(call), syntax.arguments(call)
            if receiver is None or receiver[1] != "append" or not arguments:
                return None
            target = syntax.code(receiver[0])
            start = _starts_as(scene, loop, target, "[]", "list()")
            alone = flow.is_own(scene, target) and flow.ends_with_loop(scene, loop, [name])
            if start is not None and alone and _is_unchanging(arguments[0]):
                return start, target, arguments[0]
    return None


@rule(Category.MEMORY, "insertion at the front to reversal")
def insertion_at_front(scene: Scene) -> Iterator[Rewrite]:
    """``found.insert(0, item)`` in a loop over a new list: append, and reverse once at the end."""
    for loop in flow.for_loops(scene):
        for line in syntax.find(loop.body, cst.SimpleStatementLine):
            match line.body:
                case [
                    cst.Expr(
                        value=cst.Call(
                            func=cst.Attribute(value=cst.Name(value=name), attr=cst.Name("insert")),
                            args=[cst.Arg(value=cst.Integer(value="0")), cst.Arg(value=item)],
                        )
                    )
                ] if flow.is_own(scene, name):
                    found = _Growth(name, item, augmented=True)
                    start = _starts_as(scene, loop, name, "[]", "list()")
                    if start is not None and _lone(scene, loop, found):
                        append = writing.line(f"{name}.append({syntax.code(item)})", line)
                        new = _then(loop, {line: append}, f"{name}.reverse()")
                        why = f"Each insertion at the front moves all of `{name}`; reversing moves each item once."
                        yield scene.rewrite({loop: new}, why)


@rule(Category.MEMORY, "concatenation chain to f-string")
def concatenation_to_f_string(scene: Scene) -> Iterator[Rewrite]:
    """``"a" + x + "=" + y`` of at least four texts: one f-string makes no text in between."""
    for node in flow.own_nodes(scene):
        if not isinstance(node, cst.BinaryOperation):
            continue
        if isinstance(scene.parent(node), cst.BinaryOperation):
            continue
        if any(isinstance(each, cst.Comment) for each in syntax.walk(node)):
            continue
        parts = _concatenated(node.with_changes(lpar=[], rpar=[]))
        if len(parts) >= _PARTS and certainty.is_sure(scene, node, "str"):
            text = _f_string(parts)
            if text is not None:
                why = f"Each of the {len(parts) - 1} additions makes a text for nothing; an f-string makes one."
                yield scene.rewrite({node: cst.parse_expression(text)}, why)


_PARTS = 4


def _concatenated(node: cst.BaseExpression) -> list[cst.BaseExpression]:
    match node:
        case cst.BinaryOperation(left=left, operator=cst.Add(), right=right, lpar=[]):
            return [*_concatenated(left), right]
    return [node]


def _f_string(parts: list[cst.BaseExpression]) -> str | None:
    """The f-string's code, if every part is a literal without escapes, a name, or ``str(name)``."""
    pieces: list[str] = []
    for part in parts:
        match part:
            case cst.SimpleString(prefix="", quote='"' | "'", raw_value=text) if _is_plain(text):
                pieces.append(text)
            case cst.Name(value=name):
                pieces.append(f"{{{name}}}")
            case cst.Call(
                func=cst.Name(value="str"), args=[cst.Arg(value=cst.Name(value=name), keyword=None)]
            ):
                pieces.append(f"{{{name}!s}}")
            case _:
                return None
    return f'f"{"".join(pieces)}"' if any(piece.startswith("{") for piece in pieces) else None


def _is_plain(text: str) -> bool:
    return not any(character in text for character in '\\"{}\n')
