"""Which names may mean something else after a file has changed, so that not every way is led anew.

A way goes through a file only by steps that are names there, its own steps or those of the imports,
values and bases that it follows. So the names whose meaning in the file changed, and the names of
whatever leads to one of them, are in every way that may end elsewhere now. Taking too many is
harmless.
"""

import re
import sqlite3
from collections.abc import Iterator, Set

from perfbot.optimizer.indexing.names import FileNames

_MOST = 25  # names; with more, all ways are led anew
_LEADING_TO = (
    "SELECT local FROM import WHERE name = ?1"
    " UNION SELECT name FROM symbol WHERE instr(value, ?1)"
    " UNION SELECT s.name FROM base b JOIN way w ON w.id = b.way JOIN symbol s ON s.id = b.symbol"
    " WHERE instr(w.way, ?1)"
)


def changed_names(before: FileNames, after: FileNames) -> frozenset[str] | None:
    """Return the names that mean something else in a file than before; ``None``: any may."""
    if list(before.stars) != list(after.stars):
        return None
    old, new = dict(_meanings(before)), dict(_meanings(after))
    differ = {place for place in old.keys() | new.keys() if old.get(place) != new.get(place)}
    return frozenset(re.split(r"[. ]", place)[-1] for place in differ)


def _meanings(names: FileNames) -> Iterator[tuple[str, object]]:
    for qualname, symbol in names.symbols.items():
        yield qualname, (symbol.kind, symbol.value, tuple(names.bases.get(symbol.id, ())))
    for local, way in names.aliases.items():
        yield f"import {local}", way


def touched_names(cursor: sqlite3.Cursor, names: Set[str]) -> frozenset[str] | None:
    """Return names with those of all that leads to them; ``None`` where they are too many."""
    found = set[str]()
    waiting = set(names)
    while waiting:
        if len(found | waiting) > _MOST:
            return None
        name = waiting.pop()
        found.add(name)
        waiting |= {each.partition(".")[0] for (each,) in cursor.execute(_LEADING_TO, [name])}
        waiting -= found
    return frozenset(found)
