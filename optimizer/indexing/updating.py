"""Brings an index up to date with the files of a project."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perfbot.optimizer.indexing.files import Unread, Wanted, changed, read_all
from perfbot.optimizer.indexing.rows import FileRows, known_files, note_unread


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
    files = FileRows(cursor)
    for path in (*gone, *(each.path for each in due)):
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
        files.lead()
    lost = {each.path for each in unread if each.path in known}
    return Updated(
        added=tuple(sorted(read - known.keys())),
        changed=tuple(sorted(read & known.keys())),
        removed=tuple(sorted(gone | lost)),
        unread=tuple(unread),
    )
