"""What was seen of a function's values at run time, on perfbot's side of the sandbox."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seen:
    """The kinds of values that one name held: see ``profiling/inside/facts.py`` for the format.

    ``elements`` are a container's items (a mapping's keys), ``values`` a mapping's values;
    ``longest`` is the greatest length seen, in items or characters.
    """

    types: frozenset[str]
    elements: "Seen | None" = None
    values: "Seen | None" = None
    longest: int = 0

    def only(self, *types: str) -> bool:
        """Say whether nothing but these types was seen."""
        return bool(self.types) and self.types <= frozenset(types)


def seen_from_json(fact: object) -> Seen | None:
    """Read one fact; anything malformed (the sandbox is not trusted) counts as nothing seen."""
    if not isinstance(fact, Mapping):
        return None
    types, longest = fact.get("types"), fact.get("longest")
    if not isinstance(types, list) or not isinstance(longest, int):
        return None
    names = frozenset(name for name in types if isinstance(name, str))
    return Seen(
        names, seen_from_json(fact.get("elements")), seen_from_json(fact.get("values")), longest
    )
