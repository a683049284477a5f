"""Project-level tasks for models, made from real libraries: write a function anew that others of its project serve.

A task is a function of a library whose body names things that only this project has: members of its
class, functions and constants of its file, things that other files of the project define. What the
model gets is the function without its body (and without the imports that only it needed); right is
what does on the recorded calls of the library's own tests what the original does.

Levels follow CoderEval's (arXiv 2302.00288, section 3): a task has the widest of *class*, *file* and
*project* that its names reach. ``read_codereval`` reads CoderEval's own published records.
"""

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from real_libraries import LIBRARIES, Library, _archive, _unpacked

from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.preparation import Request, prepared, text_of
from perfbot.optimizer.progress import Silence
from perfbot.profiling.capture import capture
from perfbot.profiling.functions import FunctionName, find_function, function_index
from perfbot.profiling.sandbox import strongest
from perfbot.profiling.tree import Tree, module_names

WANTED = ("tomlkit", "sqlparse", "mistune", "toolz", "boltons", "parso", "anytree", "marshmallow")
_LINES = range(3, 41)
_LEAST_CALLS = 3
_LEAST_COMPARABLE = 0.5
_PER_LIBRARY = 8
_LOOKED_AT = 24
_MOST_NEEDED = 5  # beyond, chance decides: one name that nobody told is enough to fail

Definition = ast.FunctionDef | ast.AsyncFunctionDef


class Level(StrEnum):
    """How far the names of a function reach, the widest counts."""

    CLASS = "class"
    FILE = "file"
    PROJECT = "project"


_WIDTH = list(Level)


@dataclass(frozen=True)
class Needed:
    """A name that a function cannot do without; ``module`` is where a project-level one comes from."""

    name: str
    level: Level
    module: str = ""


@dataclass(frozen=True)
class Task:
    """One function to be written anew; ``shown`` is its file without the body, as a model sees it."""

    library: str
    function: FunctionName
    needed: tuple[Needed, ...]
    original: str
    shown: str

    @property
    def level(self) -> Level:
        """The widest level that its names reach."""
        return max((each.level for each in self.needed), key=_WIDTH.index)


@dataclass(frozen=True)
class Bench:
    """A library made ready: its case, with recordings, and the tasks made of it."""

    library: str
    case: Case
    tasks: tuple[Task, ...]


def benches(stack: ExitStack, folder: Path, names: Sequence[str] = WANTED) -> Iterator[Bench]:
    """Yield one library after the other, prepared until the stack is closed."""
    known = {library.name: library for library in LIBRARIES}
    for name in names:
        yield _bench(stack, folder, known[name])


def _bench(stack: ExitStack, folder: Path, library: Library) -> Bench:
    repository = _unpacked(library, _archive(library), folder)
    request = Request(
        repository=repository,
        sandbox=strongest(),
        cache=folder / "cache",
        environ={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
        terms=lambda _path: Terms(),
    )
    ready = stack.enter_context(prepared(request, Silence()))
    case = ready.case
    tasks = [task for path in ready.sources for task in _tasks(library.name, case.tree, path)]
    tasks = _spread(tasks, _LOOKED_AT)
    functions = [task.function for task in tasks]
    with case.lent({}) as copy:
        case.recordings.update(capture(case.target, copy, case.workload, functions, wall_s=600))
    usable = [task for task in tasks if _can_be_judged(case, task.function)]
    return Bench(library.name, case, tuple(_spread(usable, _PER_LIBRARY)))


def _can_be_judged(case: Case, function: FunctionName) -> bool:
    if case.recordings[function].count < _LEAST_CALLS:
        return False
    reference = case.reference(function)
    return len(reference.real) >= 1 and reference.comparable_share >= _LEAST_COMPARABLE


def _spread(tasks: Sequence[Task], most: int) -> list[Task]:
    """Return at most so many tasks, of each level in turn, in an order that does not change."""
    queues = {
        level: sorted(
            (task for task in tasks if task.level is level),
            key=lambda task: (-len(task.needed), str(task.function)),
        )
        for level in Level
    }
    taken: list[Task] = []
    while len(taken) < most and any(queues.values()):
        for queue in queues.values():
            if queue and len(taken) < most:
                taken.append(queue.pop(0))
    return taken


def _tasks(library: str, tree: Tree, path: str) -> Iterator[Task]:
    text = text_of(tree, path)
    if text is None:
        return
    module = ast.parse(text)
    names = _Names.of(tree, path, module)
    for qualname in function_index(text):
        if "<locals>" in qualname:
            continue
        function = FunctionName(path, qualname)
        found = _definition(module, text, function)
        if found is None or len(_body(found).splitlines()) not in _LINES:
            continue
        needed = names.needed(found, _owner(module, qualname))
        if 1 <= len(needed) <= _MOST_NEEDED:
            shown = _without_body(text, module, found, needed)
            yield Task(library, function, needed, text, shown)


def _definition(module: ast.Module, text: str, function: FunctionName) -> Definition | None:
    span = find_function(text, function)
    for node in ast.walk(module):
        if isinstance(node, Definition) and span and node.lineno == span.def_line:
            return node
    return None


def _owner(module: ast.Module, qualname: str) -> ast.ClassDef | None:
    name = qualname.rpartition(".")[0]
    for node in module.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node
    return None


def _body(function: Definition) -> str:
    return "\n".join(ast.unparse(each) for each in function.body)


@dataclass(frozen=True)
class _Names:
    """What a file's functions may name of their project."""

    file: frozenset[str]
    project: Mapping[str, str]  # bound name to the module that it comes from

    @classmethod
    def of(cls, tree: Tree, path: str, module: ast.Module) -> "_Names":
        own = {name for each in tree.files for name in module_names(tree, each)}
        here = min(module_names(tree, path), key=len, default="")
        package = here if path.endswith("/__init__.py") else here.rpartition(".")[0]
        project: dict[str, str] = {}
        file: set[str] = set()
        for node in module.body:
            match node:
                case ast.ImportFrom(names=names, level=level, module=named):
                    base = _absolute(package, level, named)
                    if base in own:
                        project.update({each.name: base for each in names if each.asname is None})
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                    file.add(name)
                case ast.Assign(targets=targets):
                    file |= {each.id for each in targets if isinstance(each, ast.Name)}
        return cls(frozenset(file), project)

    def needed(self, function: Definition, owner: ast.ClassDef | None) -> tuple[Needed, ...]:
        """Return what a function's body names of its class, its file and its project."""
        members = (
            {each.name for each in owner.body if isinstance(each, Definition)} if owner else set()
        )
        found: dict[str, Needed] = {}
        for statement in function.body:
            for node in ast.walk(statement):
                match node:
                    case ast.Name(id=name) if name in self.project:
                        found[name] = Needed(name, Level.PROJECT, self.project[name])
                    case ast.Name(id=name) if name in self.file and name != function.name:
                        found[name] = Needed(name, Level.FILE)
                    case ast.Attribute(value=ast.Name(id="self"), attr=name) if (
                        name in members and name != function.name
                    ):
                        found[name] = Needed(name, Level.CLASS)
        return tuple(sorted(found.values(), key=lambda each: each.name))


def _absolute(package: str, level: int, module: str | None) -> str:
    if not level:
        return module or ""
    parts = package.split(".")
    kept = parts[: len(parts) - level + 1]
    return ".".join([*kept, *([module] if module else [])])


def _without_body(
    text: str, module: ast.Module, function: Definition, needed: Sequence[Needed]
) -> str:
    """Return the file with the body taken out, and with it the imports that nothing else needs."""
    lines = text.splitlines(keepends=True)
    documented = ast.get_docstring(function, clean=False) is not None
    first, last = function.body[0], function.body[-1]
    start = (first.end_lineno or first.lineno) if documented else first.lineno - 1
    indent = " " * first.col_offset
    lines[start : last.end_lineno] = [f"{indent}raise NotImplementedError\n"]
    shorter = "".join(lines)
    names = {each.name for each in needed if each.level is Level.PROJECT}
    return _without_imports(shorter, names - _used_names(ast.parse(shorter)))


def _used_names(module: ast.Module) -> set[str]:
    return {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}


def _without_imports(text: str, names: set[str]) -> str:
    """Take names out of the file's ``from … import`` statements."""
    lines = text.splitlines(keepends=True)
    for node in reversed(ast.parse(text).body):
        if isinstance(node, ast.ImportFrom) and names & {each.name for each in node.names}:
            kept = [each for each in node.names if each.name not in names]
            smaller = ast.ImportFrom(node.module, kept, node.level)
            new = [ast.unparse(smaller) + "\n"] if kept else []
            lines[node.lineno - 1 : node.end_lineno] = new
    return "".join(lines)


@dataclass(frozen=True)
class CoderEvalTask:
    """One record of CoderEval's Python set; ``level`` is its own name of the dependence."""

    identifier: str
    name: str
    project: str
    path: str
    level: str
    prompt: str
    code: str


def read_codereval(file: Path) -> tuple[CoderEvalTask, ...]:
    """Read ``CoderEval4Python.json`` of a local checkout.

    Raises:
        ValueError: the file is not in that format; the message says which record lacks what.
    """
    document = json.loads(file.read_text("utf-8"))
    records = document.get("RECORDS") if isinstance(document, Mapping) else None
    if not isinstance(records, list):
        raise ValueError(f"{file}: expected an object with a list RECORDS")
    return tuple(_codereval(file, number, each) for number, each in enumerate(records))


def _codereval(file: Path, number: int, record: object) -> CoderEvalTask:
    names = ("_id", "name", "project", "file_path", "level", "human_label", "code")
    values = [record.get(name) if isinstance(record, Mapping) else None for name in names]
    for name, value in zip(names, values, strict=True):
        if not isinstance(value, str):
            raise ValueError(f"{file}: record {number} has no text {name}")
    return CoderEvalTask(*map(str, values))
