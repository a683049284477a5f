"""Path patterns in which ``**`` crosses folders; no pattern can make matching slow."""

from collections.abc import Iterable
from fnmatch import fnmatchcase


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Say whether a POSIX path matches one of the patterns, in which ``**`` stands for any folders.

    A pattern that names a folder (``migrations/``) matches everything below it.
    """
    return any(_matches(path.split("/"), _parts(pattern)) for pattern in patterns)


def _parts(pattern: str) -> list[str]:
    return (pattern + "**" if pattern.endswith("/") else pattern).removeprefix("./").split("/")


def _matches(names: list[str], parts: list[str]) -> bool:
    """Walk both once, keeping the set of places in ``parts``: no pattern can make this slow."""
    places = _past_stars({0}, parts)
    for name in names:
        moved = {
            place if parts[place] == "**" else place + 1
            for place in places
            if place < len(parts) and (parts[place] == "**" or fnmatchcase(name, parts[place]))
        }
        places = _past_stars(moved, parts)
    return len(parts) in places


def _past_stars(places: set[int], parts: list[str]) -> set[int]:
    """Return the places and those reached by letting a ``**`` stand for no folder at all."""
    reached = set(places)
    for place, part in enumerate(parts):
        if part == "**" and place in reached:
            reached.add(place + 1)
    return reached
