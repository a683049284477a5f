"""Brings an index up to date with the files of a project."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from perfbot.optimizer.indexing.files import Unread, Wanted, changed, read_all
from perfbot.optimizer.indexing.names import FileNames, Names
from perfbot.optimizer.indexing.rows import FileRows, known_files, note_unread
from perfbot.optimizer.indexing.touched import changed_names, touched_names

_FEW = 20  # changed files, for which it is worth to look which ways they touch


@dataclass(frozen=True, slots=True)
class Updated:
    """Paths by what became of them; ``unread`` are those asked for that are not in the index."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unread: tuple[Unread, ...]


def bring_up_to_date(
    cursor: sqlite3.Cursor, root: Path, wanted: Sequence[Wanted], *, whole: bool
) -> Updated:
    """Read what has changed of these files within a transaction; ``whole``: there are no others."""
    known = known_files(cursor)
    due = changed(root, wanted, known)
    listed = {each.path for each in wanted}
    gone = {path for path in known if whole and path not in listed}
    places = [each.path for each in due]
    before = _file_names(cursor, places) if not gone else {}
    files = FileRows(cursor)
    for path in (*gone, *(each for each in places if each in known)):
        files.remove(path)
    unread, read = [], set[str]()
    for result in read_all(root, due):
        if isinstance(result, Unread):
            unread.append(result)
        else:
            files.add(result)
            read.add(result.path)
    note_unread(cursor, unread, listed, whole=whole)
    if due or gone:
        is_same_set = not gone and read == before.keys() == known.keys() & read
        files.lead(_touched(cursor, before) if is_same_set else None)
    lost = {each.path for each in unread if each.path in known}
    return Updated(
        added=tuple(sorted(read - known.keys())),
        changed=tuple(sorted(read & known.keys())),
        removed=tuple(sorted(gone | lost)),
        unread=tuple(unread),
    )


def _file_names(cursor: sqlite3.Cursor, paths: Sequence[str]) -> dict[str, FileNames]:
    """Return what a few files define; for many it is not worth it."""
    names = Names(cursor)
    return {path: names.file(path) for path in paths} if len(paths) <= _FEW else {}


def _touched(cursor: sqlite3.Cursor, before: Mapping[str, FileNames]) -> frozenset[str] | None:
    """Return the names by which ways may end elsewhere now; ``None``: any."""
    names = Names(cursor)
    differing: set[str] = set()
    for path, old in before.items():
        found = changed_names(old, names.file(path))
        if found is None:
            return None
        differing |= found
    return touched_names(cursor, differing)
