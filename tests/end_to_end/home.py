"""Small real repositories, and the installed ``perfbot`` command run on them as a user does."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PERFBOT = Path(sys.executable).with_name("perfbot")
SCHEMA = Path(__file__).parents[2] / "docs" / "report.schema.json"
LONGEST_S = 800  # below the time limit of one test, so that the output of a run that hangs is shown

SLOW = """\
def missing(wanted, stock):
    found = []
    for item in wanted:
        if item not in stock:
            found.append(item)
    return found
"""
FAST = """\
def missing(wanted, stock):
    known = set(stock)
    return [item for item in wanted if item not in known]
"""
TESTS = """\
from shop import missing


def test_missing():
    stock = [f"item {n}" for n in range(400)]
    wanted = [f"item {n}" for n in range(200, 600)]
    for _ in range(5):
        assert missing(wanted, stock) == wanted[200:]
    assert missing(["item 1", "a"], stock) == ["a"]
"""
SHOP = {"shop.py": SLOW, "tests/test_shop.py": TESTS}


@dataclass(frozen=True)
class Ended:
    """How a run ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The one JSON document on standard output."""
        return json.loads(self.out)

    @property
    def sentence(self) -> str:
        """The last line that a person reads."""
        return self.err.rstrip().rpartition("\n")[2]


@dataclass(frozen=True)
class Home:
    """A user's home: everything that perfbot may write outside of a repository lies here."""

    folder: Path
    temporary: Path

    def environ(self, **more: str) -> dict[str, str]:
        """Return the environment of a user who has activated nothing."""
        return {
            "HOME": str(self.folder),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "TMPDIR": str(self.temporary),
            "PATH": os.environ["PATH"],
            **more,
        }

    def start(self, *arguments: str | Path, **environ: str) -> subprocess.Popen[str]:
        """Start the console script without waiting for it."""
        return subprocess.Popen(
            [str(PERFBOT), *map(str, arguments)],
            env=self.environ(**environ),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, *arguments: str | Path, **environ: str) -> Ended:
        """Run the console script to its end."""
        process = self.start(*arguments, **environ)
        try:
            out, err = process.communicate(timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            process.terminate()
            raise AssertionError(f"perfbot hangs: {process.communicate()}") from None
        return Ended(process.returncode, out, err)

    def leftovers(self) -> list[str]:
        """Return what lies in the folder for temporary files."""
        return sorted(path.name for path in self.temporary.iterdir())


def a_home(folder: Path, cache: Path) -> Home:
    """Make a home whose cache is another folder, so that environments are built once."""
    (folder / "cache").symlink_to(cache)
    (folder / "tmp").mkdir()
    return Home(folder, folder / "tmp")


def repository(folder: Path, files: Mapping[str, str | bytes], *, git: bool = False) -> Path:
    """Write a repository's files; strings in UTF-8, with the line ends that they have."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    folder.mkdir(exist_ok=True)
    if git:
        commit(folder)
    return folder


def commit(folder: Path, message: str = "All") -> None:
    """Make the folder a Git repository with one commit of all that is there."""
    _git(folder, "init", "--quiet")
    _git(folder, "add", "--all")
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    _git(folder, *who, "commit", "--quiet", "--message", message)


def apply_patch(folder: Path, patch: Path) -> None:
    """Apply a patch as a user does; raises CalledProcessError when it does not fit."""
    _git(folder, "apply", str(patch))


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def snapshot(folder: Path) -> dict[str, tuple[int, str]]:
    """Return mode and hash of every file below a folder, ``.git`` included, caches too."""
    return {
        path.relative_to(folder).as_posix(): (
            path.lstat().st_mode,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in sorted(folder.rglob("*"))
    }


def processes_with(environ: Sequence[str]) -> list[str]:
    """Return the command lines of processes that have one of these settings or words in view."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            told = _told(folder)
            if any(each in told for each in environ):
                found.append(told.partition("\n")[0])
    return found


def _told(process: Path) -> str:
    """Return the command line, the working folder and the environment of a process."""
    parts = []
    for name in ("cmdline", "environ"):
        try:
            parts.append((process / name).read_bytes().decode(errors="replace"))
        except OSError:
            continue
    with suppress(OSError):
        parts.append(str((process / "cwd").readlink()))
    return "\n".join(parts)
