"""Functions that stand by themselves, out of the standard library and permissively licensed packages.

A function is taken with everything of its module that it needs: helpers, constants, imports of the
standard library. What touches the world, or needs more than that, is left.
"""

import ast
import builtins
import re
import sys
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

STANDARD_LIBRARY_LICENCE = "PSF-2.0"

MOST_LINES = 120
MOST_PARAMETERS = 3

_PERMISSIVE = re.compile(
    r"\b(?:MIT|BSD|Apache|ISC|PSF|Python Software Foundation|0BSD|Zlib)\b", re.I
)
_RESTRICTIVE = re.compile(r"GPL|MPL|EPL|CDDL|proprietary|commercial", re.I)
_TOUCHES = frozenset(
    "open input exec eval compile __import__ globals locals vars exit quit breakpoint print id hash".split()
)
_WORLD = frozenset(
    "os sys subprocess socket threading multiprocessing asyncio time datetime random uuid secrets tempfile "
    "shutil pathlib signal ctypes gc inspect importlib pkgutil platform logging warnings weakref".split()
)
_SKIPPED = frozenset("test tests idlelib lib2to3 turtledemo site-packages __pycache__".split())
_LIBRARY = frozenset(sys.stdlib_module_names) - _WORLD
_BUILTINS = frozenset(dir(builtins)) - _TOUCHES


@dataclass(frozen=True, slots=True)
class Origin:
    """Files that may be used, what they are called, and their licence."""

    name: str
    licence: str
    files: tuple[tuple[str, Path], ...]


@dataclass(frozen=True, slots=True)
class Harvested:
    """A function in a module that has nothing but what it needs."""

    origin: str
    licence: str
    function: str
    parameters: int
    module: ast.Module


def standard_library() -> Origin:
    """Return the standard library of the running Python, without its tests."""
    root = Path(sysconfig.get_path("stdlib"))
    files = tuple(
        (path.relative_to(root).as_posix(), path)
        for path in sorted(root.rglob("*.py"))
        if not _SKIPPED & set(path.relative_to(root).parts)
    )
    version = ".".join(map(str, sys.version_info[:3]))
    return Origin(f"CPython {version}", STANDARD_LIBRARY_LICENCE, files)


def package(name: str) -> Origin | None:
    """Return an installed package, ``None`` where its metadata do not name a permissive licence.

    Raises:
        PackageNotFoundError: it is not installed.
    """
    found = metadata.distribution(name)
    licence = _licence(found.metadata)
    if licence is None:
        return None
    files = tuple(
        (str(each), Path(str(each.locate())))
        for each in found.files or ()
        if each.suffix == ".py" and not _SKIPPED & set(each.parts)
    )
    return Origin(f"{name} {found.version}", licence, tuple(sorted(files)))


def _licence(about: metadata.PackageMetadata) -> str | None:
    """Return the licence that a package's metadata name: an expression, else its classifiers."""
    classifiers = [each for each in about.get_all("Classifier") or () if "License ::" in each]
    stated = [about["License-Expression"]] if "License-Expression" in about else []
    told = stated or [each.rpartition("::")[2].strip() for each in classifiers]
    if not told or any(_RESTRICTIVE.search(each) for each in told):
        return None
    return " AND ".join(told) if all(map(_PERMISSIVE.search, told)) else None


def harvested(origin: Origin) -> Iterator[Harvested]:
    """Yield every function of the files that stands by itself."""
    for name, path in origin.files:
        try:
            text = path.read_text(encoding="utf-8")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module = ast.parse(text)
        except (OSError, ValueError, SyntaxError, RecursionError):
            continue  # a file in another encoding, or one that tests the parser
        bound = _bound(module)
        for node in module.body:
            if isinstance(node, ast.FunctionDef) and _is_usable(node):
                needed = _needed(node, bound)
                if needed is not None:
                    place = f"{origin.name}, {name}: {node.name}"
                    count = len(node.args.args)
                    yield Harvested(
                        place, origin.licence, node.name, count, _module(module, needed)
                    )


def _is_usable(node: ast.FunctionDef) -> bool:
    """Say whether a function can be called by its position only, and computes something."""
    given = node.args
    if given.vararg or given.kwarg or given.kwonlyargs or given.posonlyargs or node.decorator_list:
        return False
    if not 1 <= len(given.args) <= MOST_PARAMETERS or given.args[0].arg in ("self", "cls"):
        return False
    return not any(
        isinstance(each, ast.Yield | ast.YieldFrom | ast.Await | ast.Global | ast.Nonlocal)
        for each in ast.walk(node)
    )


def _bound(module: ast.Module) -> dict[str, ast.stmt]:
    """Return which top-level statement binds each name; names bound twice are not there."""
    found: dict[str, list[ast.stmt]] = {}
    for node in module.body:
        for name in _names_of(node):
            found.setdefault(name, []).append(node)
    return {name: nodes[0] for name, nodes in found.items() if len(nodes) == 1}


def _names_of(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name):
            yield name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names, level=0):
            yield from (each.asname or each.name.split(".")[0] for each in names)


def _needed(function: ast.FunctionDef, bound: dict[str, ast.stmt]) -> list[ast.stmt] | None:
    """Return the statements that a function needs, itself last; ``None`` where that is too much."""
    needed: list[ast.stmt] = []
    waiting: list[ast.stmt] = [function]
    while waiting:
        node = waiting.pop()
        if node in needed:
            continue
        needed.append(node)
        if not _is_harmless(node):
            return None
        for name in _read(node):
            if name in bound:
                waiting.append(bound[name])
            elif name not in _BUILTINS:
                return None
    lines = sum((each.end_lineno or 0) - each.lineno + 1 for each in needed)
    return needed if lines <= MOST_LINES else None


def _is_harmless(node: ast.stmt) -> bool:
    match node:
        case ast.Import(names=names):
            return all(each.name.split(".")[0] in _LIBRARY for each in names)
        case ast.ImportFrom(module=str(module)):
            return module.split(".")[0] in _LIBRARY
    imports = (each for each in ast.walk(node) if isinstance(each, ast.Import | ast.ImportFrom))
    return not any(imports)


def _read(node: ast.stmt) -> Sequence[str]:
    """Return the names that a statement reads and does not bind itself."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return []
    own = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and _stores(each)}
    own |= {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
    own |= {each.name for each in ast.walk(node) if isinstance(each, ast.FunctionDef)}
    own |= {
        each.name for each in ast.walk(node) if isinstance(each, ast.ExceptHandler) and each.name
    }
    names = (each.id for each in ast.walk(node) if isinstance(each, ast.Name))
    return sorted({each for each in names if each not in own})


def _stores(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store | ast.Del)


def _module(module: ast.Module, needed: Sequence[ast.stmt]) -> ast.Module:
    """Return a module of these statements in their order, imports first."""
    chosen = [each for each in module.body if each in needed]
    imports = [each for each in chosen if isinstance(each, ast.Import | ast.ImportFrom)]
    others = [each for each in chosen if each not in imports]
    return ast.Module([*imports, *others], [])
