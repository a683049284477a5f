"""What a rewritten function brings along: the imports, constants, helpers and methods that it needs.

Only what is new to the file comes, and only if the new code reads it. What would change the meaning of
other code is refused: a name that the file takes for something else, a builtin, a definition that the
file has already.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import libcst as cst

from perfbot.optimizer import syntax
from perfbot.optimizer.answer import CodeAnswer, bound_by, is_noise, is_stub, needs
from perfbot.optimizer.free_names import free_names
from perfbot.optimizer.new_imports import NewImport, imports_of
from perfbot.optimizer.normal_form import normal_form
from perfbot.optimizer.repair import SpliceError
from perfbot.optimizer.scene import Scene

CHANGES_OTHER = (
    "the code needs {name} otherwise than the file has it, but that is not to be changed: leave it, "
    "or give what is new another name"
)
TAKEN = "{what} takes the name {name}, which means something else in the file: choose another"
FILLED = (
    "the code fills {name} by a statement at the top of the file ({statement}): let one assignment "
    "or a function do it"
)

LEFT_OUT = "{count} statement(s) beside the function were left out"
WHOLE_FILE = "{what} was left out, since it would concern the whole file"


@dataclass(frozen=True, slots=True)
class Companions:
    """Statements that go above the function, methods that go before it, imports, and what was left out."""

    helpers: tuple[cst.BaseStatement, ...]
    methods: tuple[cst.BaseStatement, ...]
    imports: tuple[NewImport, ...]
    repairs: tuple[str, ...]


def companions(
    scene: Scene, answer: CodeAnswer, functions: Sequence[cst.FunctionDef], rest: cst.Module
) -> Companions:
    """Return what ``functions``, the new versions, need of the answer beside themselves.

    ``rest`` is the file without the functions that are exchanged.

    Raises:
        SpliceError: they need something that would change the meaning of other code.
    """
    known = {each.name.value for each in functions}
    named = {
        name: each
        for each in answer.module.body
        if bound_by(each) and known.isdisjoint(bound_by(each))
        for name in bound_by(each)
    }
    members = {
        name: each
        for each in answer.members(scene.qualname.split(".")[:-1])
        if scene.owner is not None and known.isdisjoint(bound_by(each))
        for name in bound_by(each) - _members_of(scene.owner)
    }
    taken = _closure(functions, named, members, scene)
    helpers = [each for each in answer.module.body if _is_any(each, taken) and _is_new(each, scene)]
    methods = [each for each in members.values() if _is_any(each, taken)]
    imports = list(_imports(answer, scene, _needed([*functions, *helpers, *methods])))
    _refuse_other_meaning(helpers, imports, rest)
    repairs = _left_out(answer, scene, known, [*helpers, *methods])
    unique = tuple(dict.fromkeys(methods))
    return Companions(tuple(helpers), unique, tuple(imports), tuple(repairs))


def _closure(
    functions: Sequence[cst.FunctionDef],
    named: Mapping[str, cst.BaseStatement],
    members: Mapping[str, cst.BaseStatement],
    scene: Scene,
) -> list[cst.CSTNode]:
    """Return the statements of the answer that the functions need, and those that these need."""
    taken: list[cst.CSTNode] = []
    waiting: list[cst.CSTNode] = list(functions)
    while waiting:
        each = waiting.pop()
        read = {name: named[name] for name in sorted(needs(each) & named.keys())}
        asked = [members[name] for name in sorted(_attributes(each) & members.keys())]
        for name, statement in read.items():
            _refuse_otherwise(name, statement, scene)
        fresh = [one for one in (*read.values(), *asked) if not _is_any(one, taken)]
        taken.extend(fresh)
        waiting.extend(one for one in fresh if not is_stub(one))
    return taken


def _refuse_otherwise(name: str, statement: cst.BaseStatement, scene: Scene) -> None:
    """Refuse a definition that the file has, but with another meaning."""
    if name not in scene.module_names or is_stub(statement):
        return
    meaning = normal_form(syntax.code(statement))
    there = (each for each in scene.module.body if name in bound_by(each))
    if not any(normal_form(syntax.code(each)) == meaning for each in there):
        raise SpliceError(CHANGES_OTHER.format(name=name))


def _is_any(statement: cst.CSTNode, among: Iterable[cst.CSTNode]) -> bool:
    return any(each is statement for each in among)


def _is_new(statement: cst.CSTNode, scene: Scene) -> bool:
    return bound_by(statement).isdisjoint(scene.module_names)


def _needed(statements: Iterable[cst.CSTNode]) -> frozenset[str]:
    return frozenset().union(*map(needs, statements))


def _attributes(node: cst.CSTNode) -> frozenset[str]:
    return frozenset(each.attr.value for each in syntax.find(node, cst.Attribute))


def _members_of(owner: cst.ClassDef) -> frozenset[str]:
    return syntax.names_written(owner.body)


def _imports(answer: CodeAnswer, scene: Scene, needed: frozenset[str]) -> Iterator[NewImport]:
    """Yield what has to be imported anew."""
    there = {each.binds: each for line in scene.module.body for each in imports_of(line)}
    for each in dict.fromkeys(answer.imports()):
        if each.binds not in needed:
            continue
        known = there.get(each.binds)
        if known is not None and _gives(known, each):
            continue
        if each.binds in scene.module_names and not (known is not None and _joins(known, each)):
            raise SpliceError(TAKEN.format(what=each, name=each.binds))
        yield each


def _gives(known: NewImport, wanted: NewImport) -> bool:
    same = (known.module, known.name, known.level) == (wanted.module, wanted.name, wanted.level)
    return same and (wanted.for_types or not known.for_types)


def _joins(known: NewImport, wanted: NewImport) -> bool:
    """Say whether both give one package (``import a.b``, ``import a``), or one thing for types and at run time."""
    packages = known.name is None and wanted.name is None and not (known.alias or wanted.alias)
    return packages or _gives(NewImport(known.module, known.name, None, known.level), wanted)


def _refuse_other_meaning(
    helpers: Sequence[cst.BaseStatement], imports: Sequence[NewImport], rest: cst.Module
) -> None:
    """Refuse names that code elsewhere in the file takes from outside of it: builtins, above all."""
    outside = free_names(rest.code)
    for each in imports:
        if each.binds in outside:
            raise SpliceError(TAKEN.format(what=each, name=each.binds))
    for helper in helpers:
        for name in sorted(bound_by(helper) & outside):
            raise SpliceError(TAKEN.format(what="the code", name=name))


def _left_out(
    answer: CodeAnswer, scene: Scene, known: Set[str], taken: Sequence[cst.CSTNode]
) -> Iterator[str]:
    """Yield what is told of statements that stay behind; those that the file has do so silently."""
    behind = [*_behind(answer, scene, known, taken)]
    if not behind:
        return  # as nearly always; the meanings of a whole file take long
    fresh = {name for each in taken for name in bound_by(each)}
    there = _meanings([*scene.module.body, *(scene.owner.body.body if scene.owner else ())])
    count = 0
    for statement in behind:
        if normal_form(syntax.code(statement)) in there:
            continue
        if _concerns_the_file(statement):
            yield WHOLE_FILE.format(what=syntax.code(statement))
        elif not is_noise(statement):
            _refuse_filling(statement, fresh)
            count += 1
    if count:
        yield LEFT_OUT.format(count=count)


def _behind(
    answer: CodeAnswer, scene: Scene, known: Set[str], taken: Sequence[cst.CSTNode]
) -> Iterator[cst.BaseStatement]:
    """Yield what of the answer, and of the function's class in it, does not come along."""
    owner = scene.qualname.split(".")[:-1]
    for each in answer.module.body:
        if bound_by(each).isdisjoint({*known, *owner[:1]}) and not _is_any(each, taken):
            yield each
    for member in answer.members(owner) if owner else ():
        if bound_by(member).isdisjoint(known) and not (_is_any(member, taken) or is_stub(member)):
            yield member


def _meanings(body: Iterable[cst.CSTNode]) -> set[str]:
    return {normal_form(syntax.code(each)) for each in body}


def _refuse_filling(statement: cst.BaseStatement, fresh: set[str]) -> None:
    if bound_by(statement) or _is_main(statement):
        return
    for name in sorted(syntax.names_read(statement) & fresh):
        shown = syntax.code(statement).splitlines()[0][:60]
        raise SpliceError(FILLED.format(name=name, statement=shown))


def _is_main(statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.If) and "__name__" in syntax.names_read(statement.test)


def _concerns_the_file(statement: cst.CSTNode) -> bool:
    match syntax.only_small(statement):
        case (
            cst.ImportFrom(names=cst.ImportStar())
            | cst.ImportFrom(module=cst.Name(value="__future__"))
        ):
            return True
    return False
