"""Git, asked carefully: which revision lies here, who changed these lines, does this patch fit.

A repository's own Git configuration can name programs that Git runs (file system monitors, filters,
external diffs, hooks). So nothing that looks at file contents is ever run with it: ``revision`` and
``commits_of_lines`` ask from a throw-away Git directory that borrows only the objects and the index,
and patches are tried in a throw-away folder. Git gets an environment of its own, without network protocols.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from perfbot.bot.exits import Exit, RunError
from perfbot.bot.files import write_together

_LIMIT_S = 60
_LARGEST_PATCH_BYTES = 4 * 1024 * 1024
_ENVIRONMENT = {
    "PATH": os.defpath,
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_OPTIONAL_LOCKS": "0",
}
_SAFE = (
    "-c",
    "core.fsmonitor=false",
    "-c",
    f"core.hooksPath={os.devnull}",
    "-c",
    "safe.directory=*",
)
_MOST_COMMITS = 200
_COMMIT_FORMAT = "%H%x00%cs%x00%s%x00%b%x00"  # no commit's message can hold a NUL
_REGULAR_MODES = {"100644", "100755"}


class GitError(RunError):
    """Git is missing, or did not answer in time."""

    def __init__(self, message: str) -> None:
        super().__init__(Exit.REPOSITORY, message)


class ChangedError(RunError):
    """A file is not any more what it was when the change was made; nothing was written."""

    def __init__(self, path: str) -> None:
        message = f"{path} has changed since it was read, so nothing was applied; run perfbot again"
        super().__init__(Exit.REPOSITORY, message)


@dataclass(frozen=True, slots=True)
class Revision:
    """The commit that a folder stands on, None outside of Git or before the first commit.

    ``dirty`` says that files Git tracks differ from it; files it does not track are not looked at.
    """

    commit: str | None
    dirty: bool


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as its author described it; ``day`` is ``YYYY-MM-DD``."""

    name: str
    day: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What a patch makes of the files it touches: the new content by path."""

    contents: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a patch cannot be used; ``fits`` is False when it does not match the files."""

    reason: str
    fits: bool


def revision(folder: Path) -> Revision:
    """Return what is checked out in ``folder``; no program that its Git configuration names is run.

    Raises GitError when Git is missing or does not end.
    """
    asked = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    commit = asked.stdout.decode("ascii", "replace").strip()
    if asked.returncode != 0 or not _is_object_name(commit):
        return Revision(None, dirty=False)
    names = ("--git-path", "objects", "--git-path", "index", "--show-toplevel")
    places = _git(folder, "rev-parse", "--path-format=absolute", *names)
    lines = os.fsdecode(places.stdout).splitlines()
    if places.returncode != 0 or len(lines) != 3:
        return Revision(commit, dirty=False)  # a bare repository has no files that could differ
    objects, index, top = map(Path, lines)
    return Revision(commit, _differs(folder, commit, objects, index, top))


def _differs(folder: Path, commit: str, objects: Path, index: Path, top: Path) -> bool:
    with _borrowing(commit, objects) as scratch:
        for part in [index, *index.parent.glob("sharedindex.*")]:
            if part.is_file():
                # With its time: Git compares contents where a file is not older than the index.
                shutil.copy2(part, scratch / part.name)
        where = (f"--git-dir={scratch}", f"--work-tree={top}")
        options = ("--porcelain", "--untracked-files=no", "--ignore-submodules=all")
        status = _git(folder, *where, "status", *options, "--", ".")
    return status.returncode != 0 or bool(status.stdout.strip())


@contextmanager
def _borrowing(commit: str, objects: Path) -> Iterator[Path]:
    """Make a throw-away Git directory: the repository's filters and monitors do not exist in it."""
    with _scratch() as scratch:
        (scratch / "refs").mkdir()
        (scratch / "objects" / "info").mkdir(parents=True)
        (scratch / "objects" / "info" / "alternates").write_bytes(os.fsencode(objects) + b"\n")
        (scratch / "HEAD").write_text(commit + "\n")
        (scratch / "config").write_text(_configuration(commit))
        yield scratch


def _configuration(commit: str) -> str:
    if len(commit) == 40:
        return "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
    return (
        "[core]\n\trepositoryformatversion = 1\n\tbare = false\n"
        "[extensions]\n\tobjectFormat = sha256\n"
    )


def _is_object_name(text: str) -> bool:
    return len(text) in {40, 64} and set(text) <= set("0123456789abcdef")


def commits_of_lines(
    folder: Path, path: str, lines_of: Callable[[bytes], tuple[int, int] | None], limit_s: float
) -> list[Commit]:
    """Return the commits that changed lines of a file, newest first, merges left out.

    ``path`` is relative to ``folder``; ``lines_of`` finds the first and the last line in the content
    that the file has in the last commit, from which Git follows them back. Empty where there is no
    history of them: no repository, no such file, a clone without past commits. What is not found
    within ``limit_s`` is left out.

    Raises GitError when Git is missing or does not end.
    """
    place = _Past.of(folder)
    if place is None:
        return []
    with _borrowing(place.commit, place.objects) as scratch:
        if place.shallow.is_file():
            shutil.copy2(place.shallow, scratch / "shallow")
        file = f"{place.prefix}{path}"
        content = _git(scratch, f"--git-dir={scratch}", "cat-file", "blob", f"HEAD:{file}")
        span = lines_of(content.stdout) if content.returncode == 0 else None
        if span is None:
            return []
        found = _commits(_log(scratch, f"-L{span[0]},{span[1]}:{file}", limit_s))
    # Where a shallow clone ends, a commit seems to have made everything.
    ends = place.shallow.read_text().split() if place.shallow.is_file() else []
    return [each for each in found if each.name not in ends]


class Objects:
    """The objects of a folder's repository, asked for by name and in no other way.

    ``prefix`` leads from the repository's top to the folder (``""`` or ``sub/folder/``), ``commit`` is
    what is checked out.
    """

    def __init__(self, scratch: Path, past: "_Past") -> None:
        self._scratch = scratch
        self.prefix = past.prefix
        self.commit = past.commit

    def ask(self, *arguments: str) -> bytes | None:
        """Return what a Git command prints, None where it fails; raises GitError as ``revision`` does."""
        done = _git(self._scratch, f"--git-dir={self._scratch}", *arguments)
        return done.stdout if done.returncode == 0 else None


@contextmanager
def objects(folder: Path) -> Iterator[Objects | None]:
    """Yield the objects of the repository that a folder lies in, None outside of Git."""
    past = _Past.of(folder)
    if past is None:
        yield None
        return
    with _borrowing(past.commit, past.objects) as scratch:
        if past.shallow.is_file():
            shutil.copy2(past.shallow, scratch / "shallow")
        yield Objects(scratch, past)


@dataclass(frozen=True, slots=True)
class _Past:
    """Where a folder's commits lie; ``prefix`` leads from the repository's top to the folder."""

    commit: str
    objects: Path
    shallow: Path
    prefix: str

    @classmethod
    def of(cls, folder: Path) -> "_Past | None":
        """Find it; ``None`` outside of Git and before the first commit."""
        asked = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
        names = ("--git-path", "objects", "--git-path", "shallow", "--show-prefix")
        places = _git(folder, "rev-parse", "--path-format=absolute", *names)
        commit = asked.stdout.decode("ascii", "replace").strip()
        lines = os.fsdecode(places.stdout).split("\n")
        if places.returncode or not _is_object_name(commit) or len(lines) != 4:
            return None
        return cls(commit, Path(lines[0]), Path(lines[1]), lines[2])


def _log(scratch: Path, where: str, limit_s: float) -> bytes:
    """Follow lines back; what Git said until time was up counts."""
    options = ("--no-patch", f"--max-count={_MOST_COMMITS}", f"--format={_COMMIT_FORMAT}")
    try:
        return _git(scratch, f"--git-dir={scratch}", "log", *options, where, limit_s=limit_s).stdout
    except GitError as error:
        cause = error.__context__
        said = cause.stdout if isinstance(cause, subprocess.TimeoutExpired) else None
        return said if isinstance(said, bytes) else b""


def _commits(log: bytes) -> list[Commit]:
    """Read what ``_COMMIT_FORMAT`` makes of commits; one that was cut off in the middle is left out."""
    parts = log.decode("utf-8", "replace").split("\0")[:-1]
    whole = len(parts) - len(parts) % 4
    return [
        Commit(parts[at].strip(), parts[at + 1], parts[at + 2], parts[at + 3])
        for at in range(0, whole, 4)
    ]


def applied(patch: bytes, read: Callable[[str], bytes | None]) -> Applied | Refused:
    """Apply a unified patch to the files that ``read`` returns by path (None: there is none).

    The patch has to fit exactly (lines may have moved, but must be the same). Only changing and
    adding plain text files is accepted; deleting, renaming, linking, changing modes, binary data
    and paths out of the repository are refused with the reason. Raises GitError when Git is missing
    or does not end.
    """
    if len(patch) > _LARGEST_PATCH_BYTES:
        return Refused(f"the patch is larger than {_LARGEST_PATCH_BYTES:,} bytes", fits=True)
    outcomes = []
    for text, strip in _readings(patch):
        outcome = _applied_as(text, strip, read)
        if isinstance(outcome, Applied) or outcome.fits:
            return outcome
        outcomes.append(outcome)
    return outcomes[0]


def _readings(patch: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield how a patch may be meant, likeliest first: names with ``a/`` or without, mailed with CRLF."""
    yield patch, "-p1"
    yield patch, "-p0"
    if patch.endswith(b"\r\n") and patch.count(b"\n") == patch.count(b"\r\n"):
        yield patch.replace(b"\r\n", b"\n"), "-p1"
        yield patch.replace(b"\r\n", b"\n"), "-p0"


def _applied_as(patch: bytes, strip: str, read: Callable[[str], bytes | None]) -> Applied | Refused:
    with _scratch() as scratch:
        file, tree = scratch / "patch", scratch / "tree"
        file.write_bytes(patch)
        tree.mkdir()
        paths = _touched(tree, file, strip)
        if isinstance(paths, Refused):
            return paths
        for path in paths:
            _lay_out(tree, path, read(path))
        done = _try_patch(tree, strip, "--whitespace=nowarn", str(file))
        if done.returncode != 0:
            return Refused(_said(done.stderr, file), fits=False)
        return _collected(tree, paths)


def _touched(tree: Path, file: Path, strip: str) -> list[str] | Refused:
    """Return the paths that a patch changes or adds, all inside the tree, each once."""
    counted = _try_patch(tree, strip, "--numstat", "-z", str(file))
    if counted.returncode != 0:
        return Refused(_said(counted.stderr, file), fits=False)
    records = [record.split(b"\t", 2) for record in counted.stdout.split(b"\0") if record]
    paths = [os.fsdecode(record[2]) for record in records]
    if odd := _oddity(_try_patch(tree, strip, "--summary", str(file)).stdout):
        return Refused(odd, fits=True)
    if any(record[0] == b"-" for record in records):
        return Refused("the patch holds binary data", fits=True)
    for path in paths:
        if path.startswith("/") or {"..", ".git"} & set(path.split("/")):
            return Refused(f"the patch reaches out of the repository: {path}", fits=True)
    once = list(dict.fromkeys(paths))  # the commits of one mail may change a file in turn
    return once or Refused("the patch changes nothing", fits=True)


def _oddity(summary: bytes) -> str | None:
    """Return the first thing in ``git apply --summary`` that is more than adding a plain file."""
    for line in summary.decode("utf-8", "replace").splitlines():
        words = line.split()
        if words and not (words[:2] == ["create", "mode"] and words[2] in _REGULAR_MODES):
            return f"the patch does more than change and add text files: {' '.join(words)}"
    return None


def _lay_out(tree: Path, path: str, content: bytes | None) -> None:
    if content is not None:
        place = tree / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def _collected(tree: Path, paths: list[str]) -> Applied | Refused:
    contents = {}
    for path in paths:
        place = tree / path
        if place.is_symlink() or not place.is_file():
            return Refused(f"{path} would not be a plain file any more", fits=True)
        contents[path] = place.read_bytes()
    return Applied(contents)


def _said(error: bytes, file: Path) -> str:
    text = error.decode("utf-8", "replace").replace(str(file), "the patch")
    lines = [line.removeprefix("error: ") for line in text.splitlines()]
    return "; ".join(lines[:3]) or "git apply refused the patch"


def apply(folder: Path, changes: Mapping[str, tuple[bytes | None, bytes]]) -> None:
    """Write (old, new) contents by path into ``folder``: all or nothing.

    ``old`` is None for a file that is added. Raises ChangedError, and writes nothing, when a file
    is not what it was or lies outside of the folder; OSError when writing fails.
    """
    root = folder.resolve()
    contents: dict[Path, bytes] = {}
    for path, (old, new) in changes.items():
        place = (root / path).resolve()
        current = place.read_bytes() if place.is_file() else None
        if not place.is_relative_to(root) or current != old:
            raise ChangedError(path)
        contents[place] = new
    for place in contents:
        place.parent.mkdir(parents=True, exist_ok=True)
    write_together(contents)


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="perfbot-git-") as name:
        yield Path(name).resolve()


def _try_patch(tree: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run ``git apply`` in a throw-away folder, never looking for a repository above it."""
    return _git(tree, "apply", *arguments, ceiling=tree.parent)


def _git(
    folder: Path, *arguments: str, ceiling: Path | str = "", limit_s: float = _LIMIT_S
) -> subprocess.CompletedProcess[bytes]:
    """Run Git in ``folder``; a failure is in the returned object."""
    program = shutil.which("git")
    if program is None:
        raise GitError("git was not found on this machine; install Git 2.31 or newer")
    try:
        return subprocess.run(
            [program, *_SAFE, *arguments],
            cwd=folder,
            env={**_ENVIRONMENT, "GIT_CEILING_DIRECTORIES": str(ceiling)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise GitError(f"git {arguments[0]} in {folder} took longer than {limit_s} s") from None
