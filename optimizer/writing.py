"""New code from old: nodes exchanged, names that are free, statements that keep their comments."""

import builtins
import keyword
from collections.abc import Iterator, Mapping

import libcst as cst

from perfbot.optimizer import syntax
from perfbot.optimizer.scene import Change, Scene


def exchanged(node: cst.CSTNode, changes: Mapping[cst.CSTNode, Change]) -> cst.CSTNode:
    """Return ``node`` with nodes below it replaced, by identity."""
    new = {id(old): _copied(each) for old, each in changes.items()}

    class Exchange(cst.CSTTransformer):
        def on_visit(self, node: cst.CSTNode) -> bool:
            return id(node) not in new

        def on_leave(  # type: ignore[override]
            self, original_node: cst.CSTNode, updated_node: cst.CSTNode
        ) -> Change:
            return new.get(id(original_node), updated_node)

    result = node.visit(Exchange())
    assert isinstance(result, cst.CSTNode)
    return result


def fresh_local(scene: Scene, wanted: str) -> str:
    """Return ``wanted``, with a number if the function uses that name or it is a keyword or builtin."""
    used = syntax.names_read(scene.function) | syntax.names_written(scene.function)
    taken = used | {*keyword.kwlist, *dir(builtins)}
    candidates = (wanted if n == 1 else f"{wanted}_{n}" for n in range(1, 1000))
    return next(name for name in candidates if name not in taken)


def _copied(change: Change) -> Change:
    """A node may stand in one place only, or nobody could say what is above it."""
    return change.deep_clone() if isinstance(change, cst.CSTNode) else change


def with_body(loop: cst.For, body: list[cst.BaseStatement]) -> cst.For:
    """Return the loop with other statements in its block."""
    block = loop.body if isinstance(loop.body, cst.IndentedBlock) else cst.IndentedBlock([])
    return loop.with_changes(body=block.with_changes(body=body))


def line(text: str, *replaced: cst.CSTNode) -> cst.BaseStatement:
    """Parse a statement that keeps the blank line and the comments above the statements it replaces."""
    leading = [each for old in replaced for each in _comment_lines(old)]
    kept = [each for n, each in enumerate(leading) if n == 0 or each.comment is not None]
    return cst.parse_statement(text).with_changes(leading_lines=kept)


def _comment_lines(old: cst.CSTNode) -> Iterator[cst.EmptyLine]:
    """The lines above a statement, and a comment behind it as a line of its own."""
    yield from getattr(old, "leading_lines", ())
    match old:
        case cst.SimpleStatementLine(
            trailing_whitespace=cst.TrailingWhitespace(comment=cst.Comment() as comment)
        ):
            yield cst.EmptyLine(comment=comment)


def enclosed(value: cst.BaseExpression) -> str:
    """Return the code of a part of a comprehension, in parentheses where it needs them."""
    text = syntax.code(value)
    loose = isinstance(value, cst.Tuple | cst.IfExp | cst.Lambda) and not value.lpar
    return f"({text})" if loose else text
