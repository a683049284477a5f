"""Text rebuilt character by character in a loop: what each character becomes is a table."""

from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import flow, syntax
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.catalogue.text import gives_text, long_text
from perfbot.optimizer.scene import Change, Rewrite, Scene
from perfbot.optimizer.strategies import Category


@rule(Category.LIBRARY, "character loop to translate")
def character_loop_to_translate(scene: Scene) -> Iterator[Rewrite]:
    """A loop over text that only does ``out += …``, by way of ``if`` and ``else``, for each character."""
    for loop in flow.for_loops(scene):
        text = long_text(scene, loop.iter)
        name = _only_text_added_to(scene, loop)
        if text is None or name is None or name == text or loop.orelse is not None:
            continue
        becomes = _added(syntax.body_of(loop), name)
        assert isinstance(loop.target, cst.Name)
        character = loop.target.value
        if becomes is None or not _is_table(scene, becomes, character, name):
            continue
        table = (
            f"{{ord({character}): {syntax.code(becomes)} for {character} in dict.fromkeys({text})}}"
        )
        yield _translated(scene, loop, name, f"{text}.translate({table})", text)


def _only_text_added_to(scene: Scene, loop: cst.For) -> str | None:
    """Return the variable that a loop fills, if nobody else can see it or the loop's own variable."""
    names = syntax.names_written(loop.body)
    if len(names) != 1 or not isinstance(loop.target, cst.Name) or flow.in_try(scene, loop):
        return None
    (name,) = names
    inside = {id(each) for each in syntax.variables(loop)}
    forgotten = all(id(use) in inside for use in scene.uses(loop.target.value))
    own = flow.is_own(scene, name) and scene.is_kind(cst.Name(name), "str")
    return name if forgotten and own and name != loop.target.value else None


def _added(lines: list[cst.BaseStatement], name: str) -> cst.BaseExpression | None:
    """Return what a block adds to ``name``, as one expression; ``None`` if it does anything else."""
    match lines:
        case [cst.If(test=test, orelse=orelse) as branch]:
            yes = _added(syntax.body_of(branch), name)
            no: cst.BaseExpression | None = cst.SimpleString("''")
            if isinstance(orelse, cst.If):
                no = _added([orelse], name)
            elif orelse is not None:
                no = _added(syntax.body_of(orelse), name)
            if yes is None or no is None:
                return None
            return syntax.expression("{yes} if {test} else {no}", yes=yes, test=test, no=no)
        case [line]:
            match syntax.only_small(line):
                case cst.AugAssign(
                    target=cst.Name(value=to), operator=cst.AddAssign(), value=value
                ):
                    return value if to == name else None
    return None


def _is_table(scene: Scene, becomes: cst.BaseExpression, character: str, name: str) -> bool:
    """Say whether an expression is text that depends on the character alone."""
    pure = syntax.is_pure(becomes) and not flow.mentions(becomes, name)
    varied = not isinstance(becomes, cst.Name) and character in syntax.names_read(becomes)
    return pure and varied and gives_text(scene, becomes, character)


def _translated(scene: Scene, loop: cst.For, name: str, value: str, text: str) -> Rewrite:
    begun = flow.start_of(scene, loop, name)
    fresh = begun is not None and syntax.constant(begun.value) == ""
    new = cst.parse_statement(f"{name} {'=' if fresh else '+='} {value}\n")
    assert isinstance(new, cst.SimpleStatementLine)
    changes: dict[cst.CSTNode, Change] = {loop: new.with_changes(leading_lines=loop.leading_lines)}
    if begun is not None and fresh:
        changes[begun.line] = cst.RemoveFromParent()
    why = (
        f"`{name}` was rebuilt piece by piece for each character of `{text}`; what each distinct "
        f"character becomes is worked out once, and `translate` does the rest in C."
    )
    return scene.rewrite(changes, why)
