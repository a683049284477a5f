"""Environments kept between runs: whole or not at all, unchanged, shared by processes, bounded in size.

An entry is a folder, which cannot be moved once it is filled, as a virtual environment knows where it
lies. So it is filled in its place, under a lock, and a note beside it makes it an entry: the note is
written last, by an atomic rename, and says how the folder looked. A folder without its note, or that
looks different, was left half-written or half-removed, and is begun afresh. A process holds a shared
lock on what it uses until it ends, so that nobody else removes it.
"""

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 10 << 30
_PAUSE_S = 0.05
_used: dict[Path, int] = {}  # descriptors, each with a shared lock, until the process ends


@dataclass(frozen=True, slots=True)
class _Look:
    """How a folder looks from outside: a hash of names, modes, sizes and times; and its size."""

    digest: str
    size_bytes: int


def kept(folder: Path, fill: Callable[[Path], None], most_bytes: int = MOST_BYTES) -> Path:
    """Return ``folder``, filled by ``fill`` unless it is there already, and keep it from removal.

    One process fills it at a time; others wait. Of the other entries beside it those that were not
    used for the longest time are removed, as far as nobody uses them, until all together have
    ``most_bytes`` at most. Raises what ``fill`` raises, and OSError where the disk fails.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder in _used:
        if _note(folder).is_file():
            return folder
        os.close(
            _used.pop(folder)
        )  # somebody took the entry away; our own lock would be in the way
    lock = _opened_lock(folder)
    try:
        while not _shared(folder, lock, fill):
            time.sleep(_PAUSE_S)
    except BaseException:
        os.close(lock)
        raise
    _used[folder] = lock
    os.utime(_note(folder))
    _bound(folder.parent, most_bytes)
    return folder


def _opened_lock(folder: Path) -> int:
    return os.open(folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)


def _shared(folder: Path, lock: int, fill: Callable[[Path], None]) -> bool:
    """Hold a shared lock on a whole entry, filling it when nobody else does; False: try again."""
    if _locked(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
        if not _is_whole(folder):
            _note(folder).unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            fill(folder)
            _write_note(folder)
        fcntl.flock(lock, fcntl.LOCK_SH)  # may let others in between, who can but look or remove
        return _note(folder).is_file() and folder.is_dir()
    fcntl.flock(lock, fcntl.LOCK_SH)  # waits for who fills it
    if _note(folder).is_file() and folder.is_dir():
        return True
    fcntl.flock(lock, fcntl.LOCK_UN)
    return False


def _locked(lock: int, how: int) -> bool:
    try:
        fcntl.flock(lock, how)
    except BlockingIOError:
        return False
    return True


def _note(folder: Path) -> Path:
    return folder.with_suffix(".complete")  # beside the folder, which a build can write to


def _is_whole(folder: Path) -> bool:
    try:
        note = json.loads(_note(folder).read_text())
        return bool(note["digest"] == _look(folder).digest)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _write_note(folder: Path) -> None:
    look = _look(folder)
    draft = folder.with_suffix(".draft")
    draft.write_text(json.dumps({"digest": look.digest, "bytes": look.size_bytes}))
    draft.replace(_note(folder))


def _look(folder: Path) -> _Look:
    total, size = hashlib.sha256(), 0
    for entry in _entries(str(folder)):
        status = entry.stat(follow_symlinks=False)
        facts = (entry.path, status.st_mode, status.st_size, status.st_mtime_ns)
        total.update(repr(facts if not entry.is_dir(follow_symlinks=False) else facts[:2]).encode())
        size += status.st_blocks * 512
    return _Look(total.hexdigest(), size)


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        yield entry
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(entry.path)


def _bound(place: Path, most_bytes: int) -> None:
    """Remove what was not used for the longest time, until the rest is small enough."""
    entries = list(_by_use(place))
    total = sum(size for _, size, _ in entries)
    for _, size, note in entries:
        if total <= most_bytes:
            return
        if _removed(note.with_suffix("")):
            total -= size


def _by_use(place: Path) -> list[tuple[int, int, Path]]:
    found = []
    for note in place.glob("*.complete"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            used = note.stat().st_mtime_ns
            found.append((used, int(json.loads(note.read_text())["bytes"]), note))
    return sorted(found)


def _removed(folder: Path) -> bool:
    """Remove an entry that nobody uses, its note first; its lock stays, others may be waiting for it."""
    with _free(folder) as free:
        if free:
            _note(folder).unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
    return free


@contextmanager
def _free(folder: Path) -> Iterator[bool]:
    lock = _opened_lock(folder)
    try:
        yield _locked(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(lock)
