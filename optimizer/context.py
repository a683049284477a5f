"""What a model is shown of a function: the code, what it works on, and what it uses.

Everything here is text of a repository, which may be hostile: it is stripped of what a person
reading it would not see, and the prompt marks it as data.
"""

import ast
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perfbot.optimizer.plan import Subject
from perfbot.profiling.facts import Seen

FUNCTION = "The function, from {path}"
VALUES = "What its variables held while the workload ran ({calls} calls)"
USES = "What it uses of the same file"
IMPORTS = "The file's imports"
DEPENDENCIES = "Third-party packages that may be imported"
HINT = "A maintainer's hint"

_CHARACTERS_PER_TOKEN = 3.4  # measured on Python sources with a byte-level BPE of 8,192 pieces
_HTML_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_UNSEEN = {"Cf", "Co", "Cs", "Cn"}  # formatting (bidirectional, zero width), private, unassigned


@dataclass(frozen=True, slots=True)
class Section:
    """One thing that a model is shown."""

    title: str
    body: str


def sections(subject: Subject, text: str, *, hint: str = "", tokens: int = 6000) -> list[Section]:
    """Return what to show of the subject's version ``text``, most useful first.

    At most about ``tokens``: what does not fit any more is left out, but for the function itself.
    """
    shown: list[Section] = []
    left = tokens * _CHARACTERS_PER_TOKEN
    for title, body in _parts(subject, text, hint):
        clean = visible(body).strip("\n")
        if not shown or (clean and len(clean) <= left):
            shown.append(Section(title, clean))
            left -= len(clean)
    return shown


def visible(text: str) -> str:
    """Return a text without the characters and comments that a reader of it would not see."""
    kept = (
        each
        for each in text
        if each in "\n\t" or unicodedata.category(each) not in {"Cc", *_UNSEEN}
    )
    return _HTML_COMMENT.sub("", "".join(kept))


def _parts(subject: Subject, text: str, hint: str) -> Iterator[tuple[str, str]]:
    module = ast.parse(text)
    lines = text.splitlines()
    path = _path_to(module, subject.function.qualname.replace(".<locals>", "").split("."))
    function = path[-1]
    outer = [f"class {each.name}:  # …" for each in path[:-1] if isinstance(each, ast.ClassDef)]
    yield (
        FUNCTION.format(path=subject.function.path),
        "\n".join([*outer, *_lines_of(lines, function)]),
    )
    if hint:
        yield HINT, hint
    facts = [f"{name}: {described(seen)}" for name, seen in sorted(subject.facts.items())]
    yield VALUES.format(calls=subject.calls or "no"), "\n".join(facts)
    yield USES, "\n".join(_used(module, lines, path))
    yield IMPORTS, "\n".join(_imports(module, lines))
    yield DEPENDENCIES, ", ".join(sorted(subject.dependencies))


_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _path_to(module: ast.Module, names: Sequence[str]) -> list[_Definition]:
    """Return the definitions from the outermost to the function; the last one of a name counts."""
    path: list[_Definition] = []
    inside: ast.AST = module
    for name in names:
        inside = [
            each
            for each in ast.walk(inside)
            if isinstance(each, _Definition) and each.name == name and each is not inside
        ][-1]
        path.append(inside)
    return path


def _lines_of(lines: Sequence[str], node: _Definition) -> Sequence[str]:
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return lines[first - 1 : node.end_lineno]


def _used(module: ast.Module, lines: Sequence[str], path: Sequence[_Definition]) -> Iterator[str]:
    """Yield constants in full, and of functions and classes the head, where the function names them."""
    named = {node.id for node in ast.walk(path[-1]) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(path[-1]) if isinstance(node, ast.Attribute)}
    for node in module.body:
        if isinstance(node, _Definition) and node.name in named and node is not path[0]:
            yield from _head(lines, node)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and _targets(node) & named:
            yield from lines[node.lineno - 1 : node.end_lineno]
    for owner in path[:-1]:
        for each in owner.body:
            if isinstance(each, _Definition) and each.name in attributes and each is not path[-1]:
                yield from _head(lines, each)


def _head(lines: Sequence[str], node: _Definition) -> list[str]:
    """Return the signature and the first line of the docstring."""
    shown = list(lines[node.lineno - 1 : max(node.lineno, node.body[0].lineno - 1)])
    docstring = ast.get_docstring(node)
    if docstring:
        shown.append(f'{" " * (node.col_offset + 4)}"""{docstring.splitlines()[0]}"""')
    return shown


def _targets(node: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {each.id for each in targets if isinstance(each, ast.Name)}


def _imports(module: ast.Module, lines: Sequence[str]) -> Iterator[str]:
    for node in module.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from lines[node.lineno - 1 : node.end_lineno]


def described(seen: Seen) -> str:
    """Return a fact in words: ``list of int, at most 600 long``."""
    text = " or ".join(sorted(seen.types)) or "unknown"
    if seen.elements and seen.values:
        text += f" of {described(seen.elements)} to {described(seen.values)}"
    elif seen.elements:
        text += f" of {described(seen.elements)}"
    return f"{text}, at most {seen.longest} long" if seen.longest else text
