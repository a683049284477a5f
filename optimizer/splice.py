"""From the code that a model wrote to the file with that function in it.

Exact where it can be, and never guessing: the answer has to parse and to define the one function
that was asked for, with the same header. Imports, constants and helpers that it needs come along;
whatever else the answer repeats of the file is left as the file has it.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import libcst as cst

from perfbot.optimizer.answer import CodeAnswer
from perfbot.optimizer.companions import Companions, companions
from perfbot.optimizer.free_names import only_as_module, unresolved
from perfbot.optimizer.header import headed
from perfbot.optimizer.new_imports import NewImport, with_imports
from perfbot.optimizer.normal_form import normal_form
from perfbot.optimizer.repair import DOES_NOT_PARSE, repaired
from perfbot.optimizer.repair import SpliceError as SpliceError
from perfbot.optimizer.scene import Change, Scene, SceneError

SAME_CODE = "the code is the same as before: {name} does what it did, in the same way"
UNREADABLE = "the file cannot be read: {why}"
UNDEFINED = "these names are defined nowhere, neither in the file nor in the code: {names}"

IMPORTED = "import {name} was missing and was added"

_BLANK = cst.EmptyLine(indent=False)
_EMPTY = cst.SimpleStatementSuite([cst.Pass()])


@dataclass(frozen=True, slots=True)
class Spliced:
    """The file with the function exchanged, and the repairs that this took."""

    text: str
    repairs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Exchange:
    """A function of the file and its new version."""

    old: cst.FunctionDef
    new: cst.FunctionDef


def spliced(
    text: str, qualname: str, code: str, *, group: frozenset[str] = frozenset(), cut: bool = False
) -> Spliced:
    """Return a file's ``text`` in which the function ``qualname`` is the one that ``code`` defines.

    ``group`` names functions and methods of the file that may change as well; then any of them may be
    missing from the code. Each keeps its header, decorators and the comments above it. ``cut`` says
    that the reply reached its limit, so that the code may be unfinished.

    Raises:
        SpliceError: the code is no version of the function.
        SceneError: the file has no such function, or cannot be read itself.
    """
    module = _file(text)
    scenes = {name: Scene(module, name) for name in (qualname, *sorted(group))}
    names = frozenset(each.function.name.value for each in scenes.values())
    column = qualname.count(".") * len(module.default_indent)
    plain = repaired(code, names, column=column, cut=cut)
    repairs = [*plain.repairs]
    answer = CodeAnswer.parsed(plain.code)
    exchanges = dict(_exchanges(scenes, answer, repairs))
    if not exchanges or (not group and qualname not in exchanges):
        raise answer.refused_without(qualname)
    scene = scenes[qualname]
    along = companions(scene, answer, *_functions_and_rest(scene, exchanges))
    changed = _with_imports(_assembled(scene, exchanges, along), text, along.imports, repairs)
    if normal_form(changed) == normal_form(text):
        raise SpliceError("; ".join([SAME_CODE.format(name=qualname), *repairs]))
    return Spliced(changed, tuple(dict.fromkeys((*repairs, *along.repairs))))


@lru_cache(maxsize=4)  # many versions are made of one text, and no node of it ever changes
def _file(text: str) -> cst.Module:
    try:
        return cst.parse_module(text)
    except (cst.ParserSyntaxError, RecursionError) as error:
        raise SceneError(UNREADABLE.format(why=error)) from None


def _exchanges(
    scenes: Mapping[str, Scene], answer: CodeAnswer, repairs: list[str]
) -> Iterator[tuple[str, _Exchange]]:
    """Yield the functions that the answer has, with the headers of the file."""
    last = [name.rpartition(".")[2] for name in scenes]
    for name, scene in scenes.items():
        old = scene.function
        new = answer.function(name, old, alone=last.count(old.name.value) == 1)
        if new is not None:
            found = headed(new, old)
            repairs.extend(found.repairs)
            yield name, _Exchange(old, found.function)


def _functions_and_rest(
    scene: Scene, exchanges: Mapping[str, _Exchange]
) -> tuple[list[cst.FunctionDef], cst.Module]:
    """Return the new functions, and the file with nothing in the place of the old ones' bodies."""
    hollow: dict[cst.CSTNode, Change] = {
        each.old: each.old.with_changes(body=_EMPTY) for each in exchanges.values()
    }
    return [each.new for each in exchanges.values()], scene.rewrite(hollow, "").module


def _assembled(scene: Scene, exchanges: Mapping[str, _Exchange], along: Companions) -> cst.Module:
    changes: dict[cst.CSTNode, Change] = {each.old: each.new for each in exchanges.values()}
    if along.methods:
        function = changes.get(scene.function, scene.function)
        assert isinstance(function, cst.FunctionDef)
        changes[scene.function] = cst.FlattenSentinel(_with_methods(function, along))
    return scene.rewrite(changes, "", before=along.helpers).module


def _with_methods(function: cst.FunctionDef, along: Companions) -> Iterator[cst.BaseStatement]:
    """Yield new methods and the function, a blank line between them."""
    first, *others = along.methods
    yield first.with_changes(
        leading_lines=[each for each in function.leading_lines if not each.comment]
    )
    for each in others:
        yield each.with_changes(leading_lines=[_BLANK])
    comments = [each for each in function.leading_lines if each.comment]
    yield function.with_changes(leading_lines=[_BLANK, *comments])


def _with_imports(
    module: cst.Module, before: str, imports: tuple[NewImport, ...], repairs: list[str]
) -> str:
    """Return the text with its imports; a module of the standard library that is missing is added.

    Raises:
        SpliceError: another name is defined nowhere.
    """
    text = with_imports(module, imports).code
    missing = _unresolved(text) - _unresolved(before)
    modules = sorted(
        name for name in missing if name in sys.stdlib_module_names and only_as_module(text, name)
    )
    if missing - set(modules):
        names = tuple(sorted(missing - set(modules)))
        raise SpliceError(UNDEFINED.format(names=", ".join(names)), names)
    if not modules:
        return text
    repairs.extend(IMPORTED.format(name=name) for name in modules)
    return with_imports(module, [*imports, *map(NewImport, modules)]).code


def _unresolved(text: str) -> frozenset[str]:
    try:
        return unresolved(text)
    except SyntaxError as error:
        raise SpliceError(DOES_NOT_PARSE.format(why=error.msg)) from None
