"""The copy of a repository that is under judgement: what is in it, and which files are its own code.

A repository is never run in place. ``export`` copies it without version control, virtual
environments and caches, and ``with_changes`` makes another copy in which some files differ.
Nothing is hard-linked: what runs in one copy must not be able to write into another.
"""

import fcntl
import functools
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from perfbot.profiling.project import import_roots

MOST_BYTES = 4 << 30
MOST_FILES = 200_000
NOT_COPIED = frozenset(
    (
        ".git .hg .svn __pycache__ .tox .nox node_modules .mypy_cache .pytest_cache .ruff_cache "
        ".hypothesis .eggs .benchmarks"
    ).split()
)
_NO_FOLDER = "{path} is not a folder: give the folder of a repository"
_EMPTY = "{path} is empty: give the folder of a repository"
_NO_PYTHON = "{path} has no Python file: perfbot works on repositories with Python code"
_UNREADABLE = "{path} cannot be read ({why}): give perfbot's user the right to read the repository"
_TOO_LARGE = (
    "{path} has more than {files:,} files or {gigabytes} GiB outside of version control, virtual "
    "environments and caches: give the folder of one project, or move its data out of the way"
)
_TESTS = frozenset(("tests", "test"))
_VENDORED = frozenset(
    "_vendor vendor vendored _vendored third_party site-packages node_modules".split()
)
_BESIDE_THE_CODE = frozenset(
    (
        "doc docs example examples sample samples demo demos benchmark benchmarks bench build dist"
    ).split()
)
_HELPER_FILES = frozenset(
    "setup.py conftest.py noxfile.py tests.py test.py versioneer.py fabfile.py".split()
)
_FICLONE = 0x40049409  # linux/fs.h: share the blocks of a file, copy-on-write


class UnusableRepository(Exception):  # noqa: N818 - it says what the repository is
    """The repository cannot be worked on; the message says why, and what to do (exit code 3)."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A copy of a repository.

    Paths are POSIX paths relative to ``root``, sorted. ``roots`` are the import roots, ``links``
    pairs of a symbolic link and its target, ``dropped`` what was left out because it is a link
    to the outside, a socket or a device.
    """

    root: Path
    roots: tuple[str, ...]
    files: tuple[str, ...]
    links: tuple[tuple[str, str], ...] = ()
    dropped: tuple[str, ...] = ()


def export(repository: Path, to: Path, added: Mapping[str, bytes] | None = None) -> Tree:
    """Copy the working tree of ``repository`` into the new folder ``to``.

    ``added`` are files that go into the copy where the repository lacks them.

    Left out are version control, virtual environments (folders with a ``pyvenv.cfg`` or
    ``conda-meta``) and caches; ignored files are copied, for what was built in place (extension
    modules, generated versions) is needed to run. A symbolic link is kept, relative, where it
    points at something that is copied too.

    Raises:
        UnusableRepository: no folder, empty, without Python, unreadable or absurdly large.
    """
    source = repository.resolve()
    if not source.is_dir():
        raise UnusableRepository(_NO_FOLDER.format(path=repository))
    try:
        found = _Found.of(source, (to.resolve(),))
        if not (found.files or found.links):
            raise UnusableRepository(_EMPTY.format(path=repository))
        if not any(name.endswith(".py") for name in found.files):
            raise UnusableRepository(_NO_PYTHON.format(path=repository))
        tree = Tree(to, import_roots(source), found.files, found.links, found.dropped)
        _copy(source, tree)
    except PermissionError as problem:
        path = problem.filename or repository
        raise UnusableRepository(_UNREADABLE.format(path=path, why=problem.strerror)) from problem
    there = set(tree.files)
    lacking = [name for name in added or {} if name not in there and _is_inside(tree, name)]
    return _added(tree, {name: data for name, data in (added or {}).items() if name in lacking})


def files_of(repository: Path) -> tuple[str, ...]:
    """Return the paths that ``export`` would copy, without the links; raises as it does."""
    return _Found.of(repository.resolve(), ()).files


def with_changes(tree: Tree, changes: Mapping[str, bytes], to: Path) -> Tree:
    """Copy a tree into the new folder ``to`` with some files changed or added.

    Raises:
        ValueError: a path leaves the tree or goes through a symbolic link.
    """
    kept = tuple(name for name in tree.files if name not in changes)
    copy = Tree(to, tree.roots, kept, tree.links, tree.dropped)
    if outside := [name for name in changes if not _is_inside(copy, name)]:
        raise ValueError(f"{outside[0]!r} is no path of a file inside the tree")
    _copy(tree.root, copy)
    changed = _added(copy, changes)
    for name in set(tree.files) & set(changes):
        shutil.copymode(tree.root / name, to / name)
    return changed


def _is_inside(tree: Tree, name: str) -> bool:
    links = {link for link, _ in tree.links}
    path = PurePosixPath(name)
    through = {path.as_posix(), *(parent.as_posix() for parent in path.parents)}
    return bool(path.parts) and not (path.is_absolute() or ".." in path.parts or through & links)


def _added(tree: Tree, files: Mapping[str, bytes]) -> Tree:
    for name, data in files.items():
        path = tree.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return replace(tree, files=tuple(sorted({*tree.files, *files})))


def module_names(tree: Tree, path: str) -> tuple[str, ...]:
    """Return the names under which a file may be imported, most likely first (longest import root)."""
    file = PurePosixPath(path).with_suffix("")
    names = []
    for root in sorted(tree.roots, key=len, reverse=True):
        if file.is_relative_to(root):
            parts = file.relative_to(root).parts
            parts = parts[:-1] if parts[-1:] == ("__init__",) else parts
            if parts and all(part.isidentifier() for part in parts):
                names.append(".".join(parts))
    return tuple(dict.fromkeys(names))


def content_hash(tree: Tree) -> str:
    """Return a SHA-256 over the names, execute bits and bytes of all files as they are now."""
    total = hashlib.sha256()
    for name in tree.files:
        path = tree.root / name
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            executable = bool(os.fstat(stream.fileno()).st_mode & stat.S_IXUSR)
        total.update(os.fsencode(f"{name}\0{executable:d}\0{digest}\n"))
    for name, target in tree.links:
        total.update(os.fsencode(f"{name}\0->\0{target}\n"))
    return total.hexdigest()


def sources(
    tree: Tree, include: Sequence[str] = (), exclude: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return the project's own Python files that may be made faster.

    Tests, vendored code and hidden folders are left out at any depth, and documentation,
    examples, benchmarks and build folders at the top; ``include`` (globs, ``**`` for any number of
    folders; a pattern without ``/`` fits names anywhere) narrows the list, and what a pattern
    names outright (``examples/**``) is not left out.
    """
    wanted = [(_literal_folders(each), glob_pattern(each)) for each in include]
    unwanted = [glob_pattern(each) for each in exclude]
    return tuple(
        name
        for name in tree.files
        if name.endswith(".py")
        and _is_wanted(name, wanted)
        and not any(pattern.fullmatch(name) for pattern in unwanted)
    )


def is_test_file(name: str) -> bool:
    """Say whether a path is that of a test or belongs to tests (``conftest.py``, a ``tests`` folder)."""
    path = PurePosixPath(name)
    stem = path.stem
    return (
        path.name in ("conftest.py", "tests.py", "test.py")
        or stem.startswith("test_")
        or stem.endswith("_test")
        or any(part in _TESTS for part in path.parts[:-1])
    )


def is_vendored(name: str) -> bool:
    """Say whether a path lies in a folder of other people's code, or a hidden one."""
    folders = PurePosixPath(name).parts[:-1]
    return any(part in _VENDORED or part.startswith(".") for part in folders)


@functools.cache  # patterns come from one configuration file and are asked for every path
def glob_pattern(glob: str) -> re.Pattern[str]:
    """Compile a glob of ``.perfbot.yml``: ``**`` spans folders, a folder means all that is below it."""
    text = glob.removeprefix("./")
    if "/" not in text.rstrip("/"):
        text = "**/" + text
    pattern = "".join(map(_regex, re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", text.rstrip("/"))))
    return re.compile(pattern + "(?:/.*)?", re.DOTALL)


def _regex(part: str) -> str:
    wild = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return wild.get(part, re.escape(part))


def _literal_folders(glob: str) -> int:
    parts = glob.removeprefix("./").split("/")
    literal = [index for index, part in enumerate(parts) if re.search(r"[*?]", part)]
    return literal[0] if literal else len(parts)


def _is_wanted(name: str, wanted: list[tuple[int, re.Pattern[str]]]) -> bool:
    if not wanted:
        return _is_own_code(name, 0)
    return any(pattern.fullmatch(name) and _is_own_code(name, named) for named, pattern in wanted)


def _is_own_code(name: str, named: int) -> bool:
    """Say whether a path is no helper of the project; its first ``named`` parts are not looked at."""
    parts = name.split("/")
    rest = "/".join(parts[named:])
    if named == 0 and len(parts) > 1 and parts[0] in _BESIDE_THE_CODE:
        return False
    if named >= len(parts):
        return True
    return not (is_test_file(rest) or is_vendored(rest) or parts[-1] in _HELPER_FILES)


@dataclass(frozen=True, slots=True)
class _Found:
    """What there is to copy below a folder."""

    files: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    dropped: tuple[str, ...]

    @classmethod
    def of(cls, root: Path, apart: Sequence[Path]) -> "_Found":
        files: list[str] = []
        links: list[str] = []
        dropped: list[str] = []
        size = 0
        for entry, name in _walk(root, root, apart):
            if entry.is_symlink():
                links.append(name)
            elif entry.is_file(follow_symlinks=False):
                files.append(name)
                size += entry.stat(follow_symlinks=False).st_size
            else:
                dropped.append(name)
            if size > MOST_BYTES or len(files) > MOST_FILES:
                limits = {"files": MOST_FILES, "gigabytes": MOST_BYTES >> 30}
                raise UnusableRepository(_TOO_LARGE.format(path=root, **limits))
        known = set(files)
        known.update(parent.as_posix() for name in files for parent in PurePosixPath(name).parents)
        targets = {name: _target_inside(root, name, known) for name in links}
        kept = sorted((name, target) for name, target in targets.items() if target is not None)
        dropped += [name for name, target in targets.items() if target is None]
        return cls(tuple(sorted(files)), tuple(kept), tuple(sorted(dropped)))


def _walk(
    folder: Path, root: Path, apart: Sequence[Path]
) -> Iterator[tuple["os.DirEntry[str]", str]]:
    """Yield all that is no folder below ``folder``; links are not followed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            path = Path(entry.path)
            if entry.name in NOT_COPIED or path in apart:
                continue
            if not entry.is_dir(follow_symlinks=False):
                yield entry, path.relative_to(root).as_posix()
            elif not is_environment(path):
                yield from _walk(path, root, apart)


def is_environment(folder: Path) -> bool:
    """Say whether a folder is a virtual or conda environment."""
    return (folder / "pyvenv.cfg").is_file() or (folder / "conda-meta").is_dir()


def _target_inside(root: Path, name: str, known: set[str]) -> str | None:
    """Return the relative target of a link that points at something copied, else ``None``."""
    link = root / name
    try:
        real = link.resolve(strict=True)
        inside = real.relative_to(root).as_posix()
    except (OSError, ValueError, RuntimeError):  # dangling, outside, or a loop of links
        return None
    return os.path.relpath(real, link.parent) if inside in known else None


def _copy(source: Path, tree: Tree) -> None:
    made: set[Path] = set()
    for name in tree.files:
        target = tree.root / name
        if target.parent not in made:
            target.parent.mkdir(parents=True, exist_ok=True)
            made.add(target.parent)
        _copy_file(source / name, target)
    for name, points_at in tree.links:
        link = tree.root / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(points_at)


def _copy_file(source: Path, target: Path) -> None:
    """Copy bytes, mode and times; the blocks are shared where the file system can."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # it may have become a link or a pipe
    with (
        open(source, "rb", opener=lambda path, _: os.open(path, flags)) as old,
        target.open("xb") as new,
    ):
        try:
            fcntl.ioctl(new.fileno(), _FICLONE, old.fileno())
        except OSError:
            shutil.copyfileobj(old, new, 1 << 20)
        status = os.fstat(old.fileno())
        os.chmod(new.fileno(), stat.S_IMODE(status.st_mode) | stat.S_IRUSR | stat.S_IWUSR)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
