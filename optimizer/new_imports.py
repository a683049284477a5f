"""Imports that a rewritten function brings along, and their place at the top of its file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import libcst as cst
from libcst.codemod import CodemodContext
from libcst.codemod.visitors import AddImportsVisitor

from perfbot.optimizer import syntax
from perfbot.optimizer.scene import set_apart

TYPE_CHECKING = "TYPE_CHECKING"


@dataclass(frozen=True, slots=True)
class NewImport:
    """One imported name: ``from module import name as alias`` with ``level`` dots before ``module``.

    Without a ``name`` it is ``import module as alias``. ``for_types`` says that it stands under
    ``if TYPE_CHECKING:``.
    """

    module: str
    name: str | None = None
    alias: str | None = None
    level: int = 0
    for_types: bool = False

    @property
    def binds(self) -> str:
        """The name that it gives to the module."""
        return self.alias or self.name or self.module.split(".", maxsplit=1)[0]

    def __str__(self) -> str:
        alias = f" as {self.alias}" if self.alias else ""
        if self.name is None:
            return f"import {self.module}{alias}"
        return f"from {'.' * self.level}{self.module} import {self.name}{alias}"


def imports_of(statement: cst.CSTNode) -> Iterator[NewImport]:
    """Yield what a statement at the top of a module imports, those for type checkers included.

    What imports everything, and the compiler's instructions from ``__future__``, are left out.
    """
    match statement:
        case cst.SimpleStatementLine(body=small):
            for each in small:
                yield from _of_line(each)
        case cst.If(test=test, body=cst.IndentedBlock(body=body), orelse=None) if _is_for_types(
            test
        ):
            for line in body:
                yield from (replace(found, for_types=True) for found in imports_of(line))


def is_import(statement: cst.CSTNode) -> bool:
    """Say whether a statement imports and does nothing else."""
    match statement:
        case cst.SimpleStatementLine(body=small):
            return all(isinstance(each, cst.Import | cst.ImportFrom) for each in small)
        case cst.If(test=test, body=cst.IndentedBlock(body=body), orelse=None):
            return _is_for_types(test) and all(map(is_import, body))
    return False


def with_imports(module: cst.Module, imports: Sequence[NewImport]) -> cst.Module:
    """Return a module with imports added at its top, joined with those that are there."""
    plain = [each for each in imports if not each.for_types]
    for_types = [each for each in imports if each.for_types]
    if for_types and not _type_blocks(module):
        plain.append(NewImport("typing", TYPE_CHECKING))
    if plain:
        end = _end_of_imports(module) + 1  # with the statement below, which is set apart from them
        head = _added(module.with_changes(body=module.body[:end]), plain)
        module = module.with_changes(body=[*head.body, *module.body[end:]])
    return _with_imports_for_types(module, for_types) if for_types else module


def _added(head: cst.Module, imports: Sequence[NewImport]) -> cst.Module:
    """Return the beginning of a module with imports added; LibCST's visitor looks at all it is given."""
    context = CodemodContext()
    for each in imports:
        AddImportsVisitor.add_needed_import(
            context, "." * each.level + each.module, each.name, each.alias
        )
    added = AddImportsVisitor(context).transform_module(head)
    return set_apart(added, len(head.body)) if len(added.body) > len(head.body) else added


def _of_line(node: cst.BaseSmallStatement) -> Iterator[NewImport]:
    match node:
        case cst.Import(names=names):
            for each in names:
                yield NewImport(syntax.code(each.name), None, _alias(each))
        case cst.ImportFrom(module=module, names=[*names], relative=dots):
            name = syntax.code(module) if module is not None else ""
            if name != "__future__":
                for each in names:
                    yield NewImport(name, syntax.code(each.name), _alias(each), len(dots))


def _alias(item: cst.ImportAlias) -> str | None:
    if item.asname is None:
        return None
    return syntax.code(item.asname.name)


def _is_for_types(test: cst.BaseExpression) -> bool:
    return syntax.code(test) in {TYPE_CHECKING, f"typing.{TYPE_CHECKING}"}


def _type_blocks(module: cst.Module) -> list[cst.If]:
    return [
        each
        for each in module.body
        if isinstance(each, cst.If)
        and _is_for_types(each.test)
        and isinstance(each.body, cst.IndentedBlock)
    ]


def _with_imports_for_types(module: cst.Module, imports: Sequence[NewImport]) -> cst.Module:
    lines = [cst.parse_statement(str(each)) for each in imports]
    for block in _type_blocks(module)[:1]:
        assert isinstance(block.body, cst.IndentedBlock)
        body = block.body.with_changes(body=[*block.body.body, *lines])
        changed = module.deep_replace(block, block.with_changes(body=body))
        assert isinstance(changed, cst.Module)
        return changed
    number = _end_of_imports(module)
    block = cst.If(
        cst.Name(TYPE_CHECKING),
        cst.IndentedBlock(lines),
        leading_lines=[cst.EmptyLine(indent=False)],
    )
    return module.with_changes(body=[*module.body[:number], block, *module.body[number:]])


def _end_of_imports(module: cst.Module) -> int:
    """Return where the imports at the top of a module end, or its docstring where there are none."""
    number = int(module.get_docstring() is not None)
    while number < len(module.body) and is_import(module.body[number]):
        number += 1
    return number
