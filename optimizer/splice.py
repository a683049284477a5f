"""The syntax stage: from the code that a model wrote to the file with that function in it.

Exact where it can be, and never guessing: the answer has to parse and to define the one function
that was asked for. Imports, constants and helpers that are new come along; whatever else the answer
repeats of the file is left as the file has it.
"""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from perfbot.optimizer import syntax
from perfbot.optimizer.scene import Import, Scene

DOES_NOT_PARSE = "the code does not parse: {why}"
NO_FUNCTION = "the code does not define {name}; it defines {others}"
NOTHING = "nothing"

DEDENTED = "the code was indented as a whole"
LEFT_OUT = "{count} statement(s) beside the function were left out"
OTHER_IMPORT = "import {what} was left out, since it cannot be added at the top of the file"


class SpliceError(Exception):
    """The code is no version of the function; the message tells a model what to do otherwise."""


@dataclass(frozen=True, slots=True)
class Spliced:
    """The file with the function exchanged, and the repairs that this took."""

    text: str
    repairs: tuple[str, ...]


def spliced(text: str, qualname: str, code: str) -> Spliced:
    """Return a file's ``text`` in which the function ``qualname`` is the one that ``code`` defines.

    The function keeps its decorators and the comments above it.

    Raises:
        SpliceError: the code does not parse or does not define that function.
        SceneError: the file has no such function.
    """
    repairs: list[str] = []
    answer = _parsed(code, repairs)
    scene = Scene(cst.parse_module(text), qualname)
    parts = _Parts.of(answer, scene, qualname.split("."))
    new = parts.function.with_changes(
        decorators=scene.function.decorators,
        leading_lines=scene.function.leading_lines,
        lines_after_decorators=scene.function.lines_after_decorators,
    )
    repairs.extend(parts.repairs)
    rewrite = scene.rewrite({scene.function: new}, "", imports=parts.imports, before=parts.before)
    return Spliced(rewrite.module.code, tuple(repairs))


def _parsed(code: str, repairs: list[str]) -> cst.Module:
    plain = textwrap.dedent(code)
    if plain != code and code[:1].isspace():
        repairs.append(DEDENTED)
    try:
        return cst.parse_module(plain.strip("\n") + "\n")
    except cst.ParserSyntaxError as error:
        why = f"line {error.raw_line}: {error.message}"
        raise SpliceError(DOES_NOT_PARSE.format(why=why)) from None
    except (RecursionError, ValueError) as error:
        raise SpliceError(DOES_NOT_PARSE.format(why=error)) from None


@dataclass(frozen=True, slots=True)
class _Parts:
    """What of an answer goes where."""

    function: cst.FunctionDef
    imports: tuple[Import, ...]
    before: tuple[cst.BaseStatement, ...]
    repairs: tuple[str, ...]

    @classmethod
    def of(cls, answer: cst.Module, scene: Scene, names: Sequence[str]) -> "_Parts":
        function = _wanted(answer, names)
        imports: list[Import] = []
        before: list[cst.BaseStatement] = []
        repairs: list[str] = []
        for statement in answer.body:
            found = list(_imports(statement))
            imports.extend(each for each in found if scene.can_import(each))
            repairs.extend(
                OTHER_IMPORT.format(what=each.binds) for each in found if not scene.can_import(each)
            )
            if _is_new(statement, scene, names[0]):
                before.append(statement)
        count = len(answer.body) - len(before) - 1
        count -= sum(any(_imports(each)) for each in answer.body)
        if count:
            repairs.append(LEFT_OUT.format(count=count))
        return cls(function, tuple(imports), tuple(before), tuple(repairs))


def _wanted(answer: cst.Module, names: Sequence[str]) -> cst.FunctionDef:
    """Return the function as the answer has it: inside its class, or alone."""
    for path in (list(names), [names[-1]]):
        body: Sequence[cst.CSTNode] = answer.body
        for name in path[:-1]:
            body = next((_body(each) for each in body if _is_class(each, name)), ())
        defined = [each for each in body if isinstance(each, cst.FunctionDef)]
        found = [each for each in defined if each.name.value == path[-1]]
        if found:
            return found[-1]
    others = ", ".join(_defined(answer)) or NOTHING
    raise SpliceError(NO_FUNCTION.format(name=".".join(names), others=others))


def _is_class(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.ClassDef) and node.name.value == name


def _body(node: cst.CSTNode) -> Sequence[cst.CSTNode]:
    return node.body.body if isinstance(node, cst.ClassDef) else ()


def _defined(answer: cst.Module) -> Iterator[str]:
    for each in answer.body:
        if isinstance(each, cst.FunctionDef | cst.ClassDef):
            yield each.name.value


def _is_new(statement: cst.CSTNode, scene: Scene, outermost: str) -> bool:
    """Say whether a statement defines names that the file does not have: a helper or a constant."""
    match statement:
        case cst.FunctionDef(name=cst.Name(value=name)) | cst.ClassDef(name=cst.Name(value=name)):
            return name not in scene.module_names and name != scene.function.name.value
        case cst.SimpleStatementLine(body=[cst.Assign() | cst.AnnAssign()]):
            names = syntax.names_written(statement)
            return bool(names) and names.isdisjoint({*scene.module_names, outermost})
    return False


def _imports(statement: cst.CSTNode) -> Iterator[Import]:
    """Yield the absolute imports of a statement that do not rename."""
    for node in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
        match node:
            case cst.Import(names=names):
                yield from (Import(syntax.code(each.name)) for each in names if not each.asname)
            case cst.ImportFrom(module=cst.BaseExpression() as module, names=[*names], relative=[]):
                for each in names:
                    if isinstance(each.name, cst.Name) and not each.asname:
                        yield Import(syntax.code(module), each.name.value)
