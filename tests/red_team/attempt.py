"""Attempts on the shop: what somebody makes of its files, and what a judge must say to it.

An attempt is written as the code that it changes and nothing else::

    #: A clock that stands still | forbidden | clock
    import time
    time.perf_counter_ns = lambda: 0

    def unique(items):
        return list(dict.fromkeys(items))

The first line has its title, why it is refused, and words of the reason that a person reads. The
functions and methods that the shop has are replaced by those of their name; other statements go to
the top of the file as far as they stand before the first definition, else to its end.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SHOP = {
    "shop/__init__.py": "",
    "shop/work.py": (HERE / "shop" / "work.py").read_text(),
    "shop/grid.py": (HERE / "shop" / "grid.py").read_text(),
    "shop/odd.py": (HERE / "shop" / "odd.py").read_text(),
    "tests/test_work.py": (HERE / "shop" / "checks.py").read_text(),
}
_HEADER = "#: "
_AT_ONCE = 12  # attempts in one change
_Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Attempt:
    """A change of one file of the shop."""

    title: str
    why: str  # "": it must not be refused
    said: tuple[str, ...]
    code: str

    @property
    def path(self) -> str:
        """The file that the attempt changes."""
        return next(path for path in SHOP if any(_shared(SHOP[path], self.code)))

    @property
    def replaces(self) -> frozenset[str]:
        """The functions and classes of the shop that are written anew."""
        return frozenset(_shared(SHOP[self.path], self.code))

    def changes(self) -> dict[str, bytes]:
        """Return the changed file whole."""
        path = self.path
        first, _, rest = self.code.partition("\n")
        if "coding" in first:  # a file says on its first line how it is to be decoded
            encoding = first.rpartition(" ")[2]
            return {path: f"{first}\n{merged(SHOP[path], rest)}".encode(encoding)}
        return {path: merged(SHOP[path], self.code).encode()}


def _shared(source: str, code: str) -> Iterator[str]:
    """Yield the functions and classes of the code that the source has, too."""
    for node in ast.parse(code).body:
        if isinstance(node, _Definition | ast.ClassDef) and _place(source, (node.name,)):
            yield node.name


def attempts(folder: str) -> list[Attempt]:
    """Return all attempts that the files of a folder hold."""
    return [each for file in sorted((HERE / folder).glob("*.py")) for each in _of(file.read_text())]


def rounds(attempts: list[Attempt]) -> list[list[Attempt]]:
    """Put attempts together as long as no two of them replace the same."""
    found: list[list[Attempt]] = []
    for attempt in attempts:
        for each in found:
            if len(each) < _AT_ONCE and not any(attempt.replaces & one.replaces for one in each):
                each.append(attempt)
                break
        else:
            found.append([attempt])
    return found


def together(attempts: list[Attempt]) -> dict[str, bytes]:
    """Return the files that all these attempts make of the shop."""
    files = {each.path: SHOP[each.path] for each in attempts}
    for each in attempts:
        files[each.path] = merged(files[each.path], each.code)
    return {path: text.encode() for path, text in files.items()}


def _of(text: str) -> Iterator[Attempt]:
    for part in ("\n" + text).split("\n" + _HEADER)[1:]:
        header, _, code = part.partition("\n")
        title, why, *said = [each.strip() for each in (header + "||").split("|")]
        yield Attempt(title, why, tuple(filter(None, said)), code.strip("\n") + "\n")


def merged(source: str, code: str) -> str:
    """Return the source with the definitions in it replaced by those of the code, and the rest added."""
    top, end = [], []
    statements = top
    for node in ast.parse(code).body:
        text = _text_of(code, node)
        if isinstance(node, _Definition | ast.ClassDef) and _place(source, (node.name,)):
            for name, definition in _definitions(node):
                source = _replaced(source, name, _text_of(code, definition))
            statements = end
        else:
            statements = end if isinstance(node, _Definition | ast.ClassDef) else statements
            statements.append(text)
    return "".join([*top, source, *(f"\n\n{text}" for text in end)])


def _definitions(node: _Definition | ast.ClassDef) -> Iterator[tuple[tuple[str, ...], ast.stmt]]:
    if isinstance(node, _Definition):
        yield (node.name,), node
        return
    for each in node.body:
        name = each.name if isinstance(each, _Definition) else ""
        yield (node.name, name), each


def _replaced(source: str, name: tuple[str, ...], text: str) -> str:
    """Put a definition in the place of the one of its name, or at the end of its class."""
    place = _place(source, name)
    lines = source.splitlines(keepends=True)
    if place:
        return "".join([*lines[: place[0]], text, *lines[place[1] :]])
    _, end = _place(source, name[:1]) or (0, 0)
    return "".join([*lines[:end], "\n", text, *lines[end:]])


def _place(source: str, name: tuple[str, ...]) -> tuple[int, int] | None:
    """Return between which lines a function, a class or a method stands."""
    nodes: list[ast.stmt] = ast.parse(source).body
    found: tuple[int, int] | None = None
    for part in name:
        found = None
        for node in nodes:
            if isinstance(node, _Definition | ast.ClassDef) and node.name == part:
                found, inner = _lines(node), node.body
        nodes = inner if found else []
    return found


def _lines(node: ast.stmt) -> tuple[int, int]:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)]) - 1, node.end_lineno or 0


def _text_of(code: str, node: ast.stmt) -> str:
    start, end = _lines(node)
    return "".join(code.splitlines(keepends=True)[start:end])
