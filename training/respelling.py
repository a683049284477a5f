"""The same program in other names, so that what was judged once is known for all its spellings.

:func:`pattern` gives one text for all spellings of a program; :func:`renaming` says how one of them
becomes another, and :class:`Renaming` does that to versions of it as well. Only names that the
function binds are exchanged, so what a program does stays as it is.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from perfbot.optimizer.normal_form import normal_form

TAKEN = "the name {name} is taken in this version"

_Function = ast.FunctionDef | ast.AsyncFunctionDef


class RespellingError(ValueError):
    """A version cannot be written in other names without meaning something else."""


def pattern(program: str, function: str) -> str:
    """Return what all spellings of a program have in common; of what does not parse the text."""
    names = _outer_names(program, function)
    numbered = {name: f"perfbot_{number}" for number, name in enumerate(names)}
    return normal_form(Renaming(function, numbered).applied(program)) if names else program


def renaming(program: str, function: str, other: str, other_function: str) -> "Renaming":
    """Return how a program becomes another spelling of it; both have one :func:`pattern`."""
    before, after = _outer_names(program, function), _outer_names(other, other_function)
    pairs = zip(before, after, strict=True)
    return Renaming(function, {old: new for old, new in pairs if old != new})


@dataclass(frozen=True, slots=True)
class Renaming:
    """New names for a function and its parameters."""

    function: str
    names: Mapping[str, str]

    def applied(self, program: str) -> str:
        """Return a version in the new names; one that does not parse stays as it is.

        Raises:
            RespellingError: one of the new names means something else in it.
        """
        if not self.names:
            return program
        try:
            module = ast.parse(program)
        except (SyntaxError, ValueError, RecursionError):
            return program
        bound, used = set(_bound(module)), _used(module)
        taken = (set(self.names.values()) - set(self.names)) & used
        for name in taken - bound:
            raise RespellingError(TAKEN.format(name=name))
        others = {name: _free(f"{name}_", used) for name in taken}
        renamed = _Renamer(self.function, {**others, **self.names}).visit(module)
        return ast.unparse(renamed) + "\n"


def _outer_names(program: str, function: str) -> list[str]:
    """Return the names of a function and its parameters, in order; none where it is not there."""
    try:
        body = ast.parse(program).body
    except (SyntaxError, ValueError, RecursionError):
        return []
    found = [node for node in body if isinstance(node, _Function) and node.name == function]
    return [function, *_parameters(found[-1])] if found else []


def _parameters(function: _Function) -> Iterator[str]:
    of = function.args
    for each in (*of.posonlyargs, *of.args, of.vararg, *of.kwonlyargs, of.kwarg):
        if each is not None:
            yield each.arg


def _bound(module: ast.Module) -> Iterator[str]:
    """Yield the names that functions bind, which nobody outside sees."""
    for function in ast.walk(module):
        if isinstance(function, _Function | ast.Lambda):
            yield from _parameters(function)  # type: ignore[arg-type] # a lambda has them, too
            for node in ast.walk(function):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id


def _used(module: ast.Module) -> set[str]:
    found = set(_bound(module))
    for node in ast.walk(module):
        match node:
            case ast.Name(id=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.alias(name=name, asname=local):
                found.add(local or name.split(".")[0])
    return found


def _free(wanted: str, used: set[str]) -> str:
    while wanted in used:
        wanted += "_"
    return wanted


class _Renamer(ast.NodeTransformer):
    def __init__(self, function: str, names: Mapping[str, str]) -> None:
        self._function = function
        self._names = names

    def _other(self, name: str) -> str:
        return self._names.get(name, name)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._other(node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self._other(node.arg)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if node.name == self._function:
            node.name = self._other(node.name)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id == self._function:
            for each in node.keywords:
                each.arg = self._other(each.arg) if each.arg else None
        return self.generic_visit(node)
