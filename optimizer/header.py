"""The header of a rewritten function: what callers see of it stays as the file has it."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from perfbot.optimizer import gates, syntax
from perfbot.optimizer.altered import Definition
from perfbot.optimizer.repair import SpliceError, parsed

CHANGED = "{what} of {name} changed from {before} to {after}; keep it as it was"
DECORATORS_KEPT = "the decorators of {name} stay as the file has them"
ANNOTATIONS_KEPT = "the annotations in the header of {name} stay as the file has them"
DOCSTRING_KEPT = "the docstring of {name}, which was missing, stays"


@dataclass(frozen=True, slots=True)
class Headed:
    """A function with the header of another, and what that kept."""

    function: cst.FunctionDef
    repairs: tuple[str, ...]


def headed(new: cst.FunctionDef, old: cst.FunctionDef) -> Headed:
    """Return the new function under the old one's header, decorators, docstring and comments above.

    Raises:
        SpliceError: it has other parameters, or is of another kind (coroutine, generator).
    """
    name = old.name.value
    ours, theirs = _definition(old), _definition(new)
    _refuse_change("the kind", name, gates.kind_of(ours), gates.kind_of(theirs))
    _refuse_change(
        "the parameter list", name, gates.parameters_of(ours.args), gates.parameters_of(theirs.args)
    )
    repairs = []
    if theirs.decorator_list and _dump(ours.decorator_list) != _dump(theirs.decorator_list):
        repairs.append(DECORATORS_KEPT.format(name=name))
    if _header(ours) != _header(theirs):
        repairs.append(ANNOTATIONS_KEPT.format(name=name))
    body = _below(new.body, old.body)
    if old.get_docstring() is not None and new.get_docstring() is None:
        repairs.append(DOCSTRING_KEPT.format(name=name))
        body = _with_docstring(body, old.body)
    return Headed(old.with_changes(body=body), tuple(repairs))


def _definition(node: cst.FunctionDef) -> Definition:
    tree = parsed(syntax.code(node))
    assert isinstance(tree, ast.Module)
    (definition,) = tree.body
    assert isinstance(definition, Definition)
    return definition


def _refuse_change(what: str, name: str, before: str, after: str) -> None:
    if before != after:
        told = CHANGED.format(what=what, name=name, before=before, after=after)
        raise SpliceError(told)


def _dump(nodes: Sequence[ast.AST]) -> list[str]:
    return [ast.dump(each) for each in nodes]


def _header(node: Definition) -> list[str]:
    returns = [node.returns] if node.returns is not None else []
    return _dump([node.args, *returns, *getattr(node, "type_params", ())])


def _below(new: cst.BaseSuite, old: cst.BaseSuite) -> cst.BaseSuite:
    """Return the new body; a comment behind the header's colon stays."""
    if isinstance(new, cst.IndentedBlock) and isinstance(old, cst.IndentedBlock):
        return new.with_changes(header=old.header)
    return new


def _with_docstring(new: cst.BaseSuite, old: cst.BaseSuite) -> cst.BaseSuite:
    if isinstance(new, cst.SimpleStatementSuite):
        new = cst.IndentedBlock([cst.SimpleStatementLine(new.body)])
    if not isinstance(old, cst.IndentedBlock):
        return new
    return new.with_changes(body=[old.body[0], *new.body])
