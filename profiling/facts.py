"""What was seen of a function's values at run time, on perfbot's side of the sandbox."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Seen:
    """The kinds of values that one name held: see ``profiling/inside/facts.py`` for the format.

    ``elements`` are a container's items (a mapping's keys), ``values`` a mapping's values;
    ``longest`` is the greatest length seen, in items or characters. ``attributes`` are what a
    variable's object keeps in its ``__dict__``; ``plain`` says that all of the objects are copied by
    ``copy.copy`` as their class and their ``__dict__``, and nothing else.
    """

    types: frozenset[str]
    elements: "Seen | None" = None
    values: "Seen | None" = None
    longest: int = 0
    attributes: Mapping[str, "Seen"] = field(default_factory=dict)
    plain: bool = False

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
        names,
        seen_from_json(fact.get("elements")),
        seen_from_json(fact.get("values")),
        longest,
        _attributes(fact.get("attributes")),
        fact.get("plain") is True,
    )


def _attributes(facts: object) -> Mapping[str, Seen]:
    if not isinstance(facts, Mapping):
        return {}
    return {
        name: seen
        for name, fact in facts.items()
        if isinstance(name, str) and (seen := seen_from_json(fact))
    }
