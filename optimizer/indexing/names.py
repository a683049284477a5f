"""What the files of an index define and import, asked for file by file."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from perfbot.optimizer.indexing.facts import Kind

_SYMBOLS = "SELECT id, qualname, kind, value FROM symbol WHERE file = ? ORDER BY id"
_ALIASES = (
    "SELECT i.local, i.module, i.name FROM import i JOIN symbol s ON s.id = i.symbol"
    " WHERE i.file = ? AND s.kind = 'module' AND i.name <> '*'"
)
_STARS = "SELECT module FROM import WHERE file = ? AND name = '*' ORDER BY line DESC"
_BASES = (
    "SELECT b.symbol, w.way FROM base b JOIN way w ON w.id = b.way WHERE b.file = ?"
    " ORDER BY b.symbol, b.place"
)


class Named(NamedTuple):
    """A symbol as ways see it; ``value`` leads to the class of what it holds or returns."""

    id: int
    path: str
    qualname: str
    kind: Kind
    value: str | None


@dataclass(frozen=True, slots=True)
class FileNames:
    """One file: symbols by qualname, ways of imported names, modules imported whole, bases by class."""

    symbols: Mapping[str, Named]
    aliases: Mapping[str, str]
    stars: Sequence[str]
    bases: Mapping[int, Sequence[str]]


_NONE = FileNames({}, {}, (), {})


class Names:
    """Answers from the index as it is within one transaction; each file is read once."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor
        files = cursor.execute("SELECT id, path, module FROM file ORDER BY path DESC").fetchall()
        self._numbers = {path: number for number, path, _ in files}
        self._modules = {path: module for _, path, module in files}
        self._paths = {module: path for _, path, module in files if module}
        self._read: dict[str, FileNames] = {}

    def file(self, path: str) -> FileNames:
        """Return what a file defines; nothing for a file that is not in the index."""
        if path not in self._numbers:
            return _NONE
        if path not in self._read:
            self._read[path] = self._file(path, self._numbers[path])
        return self._read[path]

    def path_of(self, module: str) -> str | None:
        """Return the file of a module of the project."""
        return self._paths.get(module)

    def below(self, path: str, name: str) -> str | None:
        """Return the file of a module right inside the package that this file is."""
        return self._paths.get(f"{self._modules.get(path)}.{name}")

    def _file(self, path: str, number: int) -> FileNames:
        symbols = self._cursor.execute(_SYMBOLS, [number]).fetchall()
        bases: dict[int, list[str]] = {}
        for symbol, way in self._cursor.execute(_BASES, [number]):
            bases.setdefault(symbol, []).append(way)
        return FileNames(
            {  # of namesakes the last one counts, as it does in Python
                qualname: Named(each, path, qualname, Kind(kind), value)
                for each, qualname, kind, value in symbols
            },
            _aliases(self._cursor.execute(_ALIASES, [number]).fetchall()),
            [module for (module,) in self._cursor.execute(_STARS, [number])],
            bases,
        )


def _aliases(imports: Sequence[tuple[str, str, str]]) -> dict[str, str]:
    """Return what imported names lead to; a name of two different imports is not certain."""
    aliases: dict[str, str] = {}
    for local, module, name in imports:
        top = local.partition(".")[0]  # ``import a.b`` binds ``a``
        way = f"{module}.{name}" if name else (module if top == local else top)
        aliases[top] = way if aliases.get(top, way) == way else ""
    return {local: way for local, way in aliases.items() if way}
