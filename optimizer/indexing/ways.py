"""Follows ways (scopes.py) through imports, classes and what is known of values, to symbols."""

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from perfbot.optimizer.indexing.facts import Kind
from perfbot.optimizer.indexing.names import Named, Names

_STEPS = re.compile(r"\(\)|\^|[^.()^]+")
_DEEPEST = 24  # imports of imports, bases of bases; a circle ends here
_MOST_BASES = 100
_HOLDERS = frozenset((Kind.VARIABLE, Kind.ATTRIBUTE, Kind.PROPERTY))
_RUNNABLE = frozenset((Kind.FUNCTION, Kind.METHOD))


class _Form(Enum):
    ITSELF = "itself"
    INSTANCE = "instance"
    BASES = "bases"


class _Place(NamedTuple):
    """Where a way has led so far: a symbol, an instance of it, or its bases."""

    symbol: Named
    form: _Form = _Form.ITSELF


@dataclass(slots=True)
class Ways:
    """Finds the symbol at the end of a way. What is not certain, or outside, leads nowhere."""

    names: Names
    _followed: dict[str, _Place | None] = field(default_factory=dict)

    def symbol(self, way: str) -> int | None:
        """Return the number of the symbol that a way leads to."""
        place = self._follow(way, 0)
        return place.symbol.id if place is not None and place.form is _Form.ITSELF else None

    def _follow(self, way: str, depth: int) -> _Place | None:
        if way in self._followed:
            return self._followed[way]
        if depth > _DEEPEST:
            return None
        place, rest = self._start(way, depth)
        for step in rest:
            if place is None:
                break
            place = self._step(place, step, depth + 1)
        self._followed[way] = place
        return place

    def _start(self, way: str, depth: int) -> tuple[_Place | None, Sequence[str]]:
        path, inside, text = way.rpartition("::")
        steps = _STEPS.findall(text)
        if not inside:
            return self._module(steps)
        symbols = self.names.file(path).symbols
        for count in range(_leading_names(steps), 0, -1):
            named = symbols.get(".".join(steps[:count]))
            if named is not None:
                return _Place(named), steps[count:]
        return self._in_module(path, steps[0], depth + 1), steps[1:]

    def _module(self, steps: Sequence[str]) -> tuple[_Place | None, Sequence[str]]:
        for count in range(_leading_names(steps), 0, -1):
            path = self.names.path_of(".".join(steps[:count]))
            if path is not None:
                return self._itself(path), steps[count:]
        return None, ()

    def _itself(self, path: str) -> _Place:
        return _Place(self.names.file(path).symbols["<module>"])

    def _step(self, place: _Place, step: str, depth: int) -> _Place | None:
        symbol, form = place
        if step == "()":
            return self._called(symbol, depth) if form is _Form.ITSELF else None
        if step == "^":
            return _Place(symbol, _Form.BASES) if symbol.kind is Kind.CLASS else None
        if symbol.kind is Kind.MODULE:
            return self._in_module(symbol.path, step, depth)
        if symbol.kind is Kind.CLASS:
            found = self._in_class(symbol, step, form is _Form.BASES, depth)
            return _Place(found) if found is not None else None
        if symbol.kind in _HOLDERS:
            held = self._instance(symbol, depth)
            return self._step(held, step, depth + 1) if held is not None else None
        return None

    def _called(self, symbol: Named, depth: int) -> _Place | None:
        if symbol.kind is Kind.CLASS:
            return _Place(symbol, _Form.INSTANCE)
        return self._instance(symbol, depth) if symbol.kind in _RUNNABLE else None

    def _instance(self, symbol: Named, depth: int) -> _Place | None:
        if symbol.value is None or depth > _DEEPEST:
            return None
        held = self._follow(f"{symbol.value}()", depth + 1)
        return held if held is not None and held.form is _Form.INSTANCE else None

    def _in_module(self, path: str, name: str, depth: int) -> _Place | None:
        if depth > _DEEPEST:
            return None
        file = self.names.file(path)
        named, alias = file.symbols.get(name), file.aliases.get(name)
        if alias is not None and (named is None or named.kind is Kind.VARIABLE):
            return self._follow(alias, depth + 1)
        if named is not None:
            return _Place(named)
        below = self.names.below(path, name)
        return self._itself(below) if below is not None else self._by_star(path, name, depth)

    def _by_star(self, path: str, name: str, depth: int) -> _Place | None:
        if name.startswith("_"):
            return None
        for module in self.names.file(path).stars:
            origin = self.names.path_of(module)
            found = self._in_module(origin, name, depth + 4) if origin is not None else None
            if found is not None:
                return found
        return None

    def _in_class(self, owner: Named, name: str, above: bool, depth: int) -> Named | None:
        """Look through a class and its bases; a base from elsewhere may have the name, and ends it."""
        for each in self._lineage(owner, depth):
            if not (above and each.id == owner.id):
                named = self.names.file(each.path).symbols.get(f"{each.qualname}.{name}")
                if named is not None:
                    return named
        return None

    def _lineage(self, owner: Named, depth: int) -> Iterator[Named]:
        """Yield a class and its bases, depth first, up to the first base that is not known."""
        waiting: list[Named | None] = [owner]
        seen: set[int] = set()
        while waiting and len(seen) < _MOST_BASES:
            each = waiting.pop()
            if each is None:
                return
            if each.id not in seen:
                seen.add(each.id)
                yield each
                ways = self.names.file(each.path).bases.get(each.id, ())
                waiting += [self._class(way, depth + 1) for way in reversed(ways)]

    def _class(self, way: str, depth: int) -> Named | None:
        base = self._follow(way, depth) if way else None
        return base.symbol if base is not None and base.symbol.kind is Kind.CLASS else None


def _leading_names(steps: Sequence[str]) -> int:
    special = [place for place, step in enumerate(steps) if step in ("()", "^")]
    return special[0] if special else len(steps)


def has_step(way: str, names: Set[str]) -> bool:
    """Say whether one of the names is a step of a way."""
    steps = way.rpartition("::")[2]
    return any(name in steps for name in names) and not names.isdisjoint(_STEPS.findall(steps))
