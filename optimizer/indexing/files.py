"""From paths to what stands in them: what has changed since, safely read, by several processes.

A repository may hold anything under a name that ends in ``.py``: links that lead out of it, pipes,
gigabytes, other encodings. Each such file is named with the reason, and the rest is read.
"""

import gc
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeAlias

from perfbot.optimizer.indexing.facts import FileFacts
from perfbot.optimizer.indexing.reader import MOST_BYTES, Unindexable, digest_of, read_file
from perfbot.profiling.conditions import conditions_now
from perfbot.profiling.project import import_roots, read_toml, table_at

_OUTSIDE = "its path leads out of the project"
_LINK = "it is a link, or lies behind one"
_NO_FILE = "it is no regular file"
_NAME = "its name is no UTF-8"
_FEW = 64  # files that one process reads sooner than others can be started
_MOST_PROCESSES = 8


class Unread(NamedTuple):
    """A file that is not in the index, and why."""

    path: str
    why: str


class Wanted(NamedTuple):
    """A file to read, and the dotted name of the module that it is."""

    path: str
    module: str


class Known(NamedTuple):
    """What the index has of a file."""

    module: str
    digest: bytes


Result: TypeAlias = FileFacts | Unread


class Place(NamedTuple):
    """A folder, and the package that its files are imported as; ``""`` for an import root."""

    folder: str
    package: str


def import_places(root: Path) -> list[Place]:
    """Return where the project's modules are imported from, the most specific place first.

    Beside the import roots these are folders that setuptools installs under another name.
    """
    settings = read_toml(root / "pyproject.toml")
    renamed = table_at(settings, "tool", "setuptools", "package-dir")
    places = [Place(each, "") for each in import_roots(root)]
    places += [
        Place(PurePosixPath(folder).as_posix(), package)
        for package, folder in renamed.items()
        if package and isinstance(folder, str)
    ]
    return sorted(places, key=lambda each: (-len(PurePosixPath(each.folder).parts), -len(each[1])))


def module_name(path: str, places: Sequence[Place]) -> str:
    """Return the dotted name of the module that a file is; ``""`` where it cannot be imported."""
    file = path.removesuffix(".py").split("/")
    for folder, package in places:
        above = [] if folder == "." else folder.split("/")
        if file[: len(above)] == above:
            parts = [*filter(None, package.split(".")), *file[len(above) :]]
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            return ".".join(parts) if parts and all(map(str.isidentifier, parts)) else ""
    return ""


def changed(root: Path, wanted: Sequence[Wanted], known: Mapping[str, Known]) -> list[Wanted]:
    """Return those files that are not known as they are now."""
    real: set[str] = set()
    return [
        each
        for each in wanted
        if (old := known.get(each.path)) is None
        or old.module != each.module
        or old.digest != _digest(root, each.path, real)
    ]


def read_all(root: Path, wanted: Sequence[Wanted]) -> Iterator[Result]:
    """Read files in the order given, with as many processes as is worth it."""
    if len(wanted) <= _FEW:
        yield from (_read(root, each) for each in wanted)
        return
    done = 0
    try:
        for result in _by_processes(root, wanted):
            yield result
            done += 1
    except BrokenProcessPool:  # killed from outside, or this program cannot start others
        yield from (_read(root, each) for each in wanted[done:])


def _by_processes(root: Path, wanted: Sequence[Wanted]) -> Iterator[Result]:
    processes = min(len(conditions_now().cpus), _MOST_PROCESSES)
    context = get_context("spawn")  # a fork would take along the locks of other threads
    with ProcessPoolExecutor(processes, context, initializer=gc.disable) as pool:
        yield from pool.map(_read, [root] * len(wanted), wanted, chunksize=16)


def _read(root: Path, wanted: Wanted) -> Result:
    try:
        return read_file(_bytes_of(root, wanted.path, set()), wanted.path, wanted.module)
    except (Unindexable, OSError) as problem:
        return Unread(wanted.path, _reason(problem))


def _digest(root: Path, path: str, real: set[str]) -> bytes | None:
    try:
        return digest_of(_bytes_of(root, path, real))
    except (Unindexable, OSError):
        return None


def _reason(problem: Unindexable | OSError) -> str:
    return (problem.strerror or str(problem)) if isinstance(problem, OSError) else str(problem)


def _bytes_of(root: Path, path: str, real: set[str]) -> bytes:
    """Return the bytes of a regular file below the resolved root, one more than are indexed at most.

    ``real`` are folders that were looked at already.

    Raises:
        Unindexable: it is none.
        OSError: it cannot be read.
    """
    if not _is_utf8(path):
        raise Unindexable(_NAME)
    *above, name = path.split("/")
    if not {"", ".", ".."}.isdisjoint((*above, name)) or "::" in path:
        raise Unindexable(_OUTSIDE)
    folder = os.path.join(root, *above)
    if folder not in real and os.path.realpath(folder) != folder:
        raise Unindexable(_LINK)
    real.add(folder)
    with open(os.path.join(folder, name), "rb", opener=_open_unfollowed) as stream:
        return stream.read(MOST_BYTES + 1)


def _is_utf8(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _open_unfollowed(path: str, _: int) -> int:
    if stat.S_ISLNK(os.lstat(path).st_mode):
        raise Unindexable(_LINK)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Unindexable(_NO_FILE)
    return descriptor
