"""What of a model's code is a version of the functions asked for, and what else they need of it."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from perfbot.optimizer import syntax
from perfbot.optimizer.free_names import free_names
from perfbot.optimizer.new_imports import NewImport, imports_of, is_import
from perfbot.optimizer.repair import DOES_NOT_PARSE, SpliceError, parsed

NO_FUNCTION = "the code does not define {name}; it defines {others}"
NOTHING = "nothing"
TOOL_CALL = "the code is a call of a tool, but there are no tools: answer with the function itself"
CLASS_INSTEAD = "the code makes {name} a class, but it has to stay a function"
SEVERAL = "the code defines {name} {count} times, differently: answer with one version"

_ARGUMENTS = frozenset(
    {"arguments", "parameters", "args", "input", "tool", "function", "tool_name"}
)


@dataclass(frozen=True, slots=True)
class CodeAnswer:
    """Code that parses."""

    module: cst.Module

    @classmethod
    def parsed(cls, code: str) -> "CodeAnswer":
        """Take code apart.

        Raises:
            SpliceError: LibCST does not read it, or it is a call of a tool.
        """
        try:
            module = cst.parse_module(code)
        except cst.ParserSyntaxError as error:
            why = f"line {error.raw_line}: {error.message}"
            raise SpliceError(DOES_NOT_PARSE.format(why=why)) from None
        except (RecursionError, ValueError) as error:
            raise SpliceError(DOES_NOT_PARSE.format(why=error)) from None
        if _is_tool_call(module):
            raise SpliceError(TOOL_CALL)
        return cls(module)

    def function(self, name: str, old: cst.FunctionDef, *, alone: bool) -> cst.FunctionDef | None:
        """Return a version of a function: inside its class or, where it may be, ``alone``.

        Of several definitions, those for type checkers do not count, and of a property's parts the
        one does that the file's decorators name.

        Raises:
            SpliceError: there are several, and they differ.
        """
        names = name.split(".")
        found = list(_definitions(self.module, names))
        if not found and alone:
            found = list(_definitions(self.module, names[-1:]))
        return _one(name, found, old)

    def refused_without(self, name: str) -> SpliceError:
        """Return why the code is no version of the function ``name``."""
        last = name.rpartition(".")[2]
        if any(_is_class(each, last) for each in self.module.body):
            return SpliceError(CLASS_INSTEAD.format(name=name))
        others = ", ".join(dict.fromkeys(_defined(self.module))) or NOTHING
        return SpliceError(NO_FUNCTION.format(name=name, others=others[:200]))

    def members(self, owner: Sequence[str]) -> Iterator[cst.BaseStatement]:
        """Yield what the code has in a class."""
        yield from _class_body(self.module, owner)

    def imports(self) -> Iterator[NewImport]:
        """Yield what is imported at the top."""
        for statement in self.module.body:
            yield from imports_of(statement)


def bound_by(statement: cst.CSTNode) -> frozenset[str]:
    """Return the names that a definition or an assignment gives; none for any other statement."""
    match statement:
        case cst.FunctionDef(name=cst.Name(value=name)) | cst.ClassDef(name=cst.Name(value=name)):
            return frozenset({name})
        case cst.SimpleStatementLine(body=[cst.Assign() | cst.AnnAssign()]):
            return syntax.names_written(statement)
    return frozenset()


def needs(statement: cst.CSTNode) -> frozenset[str]:
    """Return the names that a statement takes from its module.

    Raises:
        SpliceError: Python cannot compile it.
    """
    try:
        return free_names(syntax.code(statement))
    except SyntaxError as error:
        raise SpliceError(DOES_NOT_PARSE.format(why=error.msg)) from None


def is_stub(statement: cst.CSTNode) -> bool:
    """Say whether a definition only names what the file has: its body, or value, is ``...``."""
    match statement:
        case cst.FunctionDef():
            body = [
                syntax.only_small(each) or each
                for each in syntax.body_of(statement)
                if not _is_text(each)
            ]
            return all(isinstance(each, cst.Pass) or _is_ellipsis(each) for each in body)
        case cst.SimpleStatementLine(
            body=[cst.Assign(value=cst.Ellipsis()) | cst.AnnAssign(value=cst.Ellipsis() | None)]
        ):
            return True
    return isinstance(statement, cst.ClassDef)


def is_noise(statement: cst.CSTNode) -> bool:
    """Say whether a statement is nothing to speak of: an import, a text, ``pass``, ``...``."""
    small = syntax.only_small(statement)
    return (
        is_import(statement)
        or _is_text(statement)
        or isinstance(small, cst.Pass)
        or (small is not None and _is_ellipsis(small))
    )


def _one(
    name: str, found: Sequence[cst.FunctionDef], old: cst.FunctionDef
) -> cst.FunctionDef | None:
    real = [each for each in found if "overload" not in _decorators(each)]
    different = {_meaning(each): each for each in real}
    if len(different) > 1:
        fitting = [each for each in different.values() if _decorators(each) == _decorators(old)]
        if len(fitting) != 1 or not _decorators(old):
            raise SpliceError(SEVERAL.format(name=name, count=len(real)))
        return fitting[0]
    return next(iter(different.values()), None)


def _meaning(node: cst.FunctionDef) -> str:
    tree = parsed(syntax.code(node))
    return ast.dump(tree) if isinstance(tree, ast.Module) else str(tree)


def _decorators(node: cst.FunctionDef) -> tuple[str, ...]:
    return tuple(syntax.code(each.decorator).removeprefix("typing.") for each in node.decorators)


def _definitions(module: cst.Module, names: Sequence[str]) -> Iterator[cst.FunctionDef]:
    for each in _class_body(module, names[:-1]):
        if isinstance(each, cst.FunctionDef) and each.name.value == names[-1]:
            yield each


def _class_body(module: cst.Module, owner: Sequence[str]) -> Iterator[cst.BaseStatement]:
    """Yield the statements of a class, in all places where it is written down; of the module itself."""
    bodies: list[Sequence[cst.CSTNode]] = [module.body]
    for name in owner:
        classes = [each for body in bodies for each in body if _is_class(each, name)]
        bodies = [each.body.body for each in classes if isinstance(each, cst.ClassDef)]
    yield from (each for body in bodies for each in body if isinstance(each, cst.BaseStatement))


def _is_class(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.ClassDef) and node.name.value == name


def _defined(module: cst.Module) -> Iterator[str]:
    for each in module.body:
        if isinstance(each, cst.FunctionDef | cst.ClassDef):
            yield each.name.value


def _is_text(statement: cst.CSTNode) -> bool:
    match syntax.only_small(statement):
        case cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString()):
            return True
    return False


def _is_ellipsis(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Expr) and isinstance(node.value, cst.Ellipsis)


def _is_tool_call(module: cst.Module) -> bool:
    """Say whether all there is is an object like ``{"name": …, "arguments": …}``."""
    match [syntax.only_small(each) for each in module.body]:
        case [cst.Expr(value=cst.Dict() as found)]:
            keys = (
                syntax.constant(each.key)
                for each in found.elements
                if isinstance(each, cst.DictElement)
            )
            return bool(_ARGUMENTS & {key for key in keys if isinstance(key, str)})
    return False
