"""The words of names and sentences, as retrieval compares them."""

import difflib
import re
from collections.abc import Iterable, Iterator

_IDENTIFIER = re.compile(r"\w+")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\dA-Za-z_]+")


def words(text: str) -> Iterator[str]:
    """Yield the lower-case words of a text: ``HTTPServer_v2`` is http, server, v, 2 and itself.

    The whole of a name comes along with its parts, so that an exact name counts for more than
    another of the same parts.
    """
    for identifier in _IDENTIFIER.findall(text):
        parts = _PARTS.findall(identifier)
        yield from (part.lower() for part in parts)
        if len(parts) > 1:
            yield identifier.lower()


def nearest(name: str, known: Iterable[str], at_most: int) -> list[str]:
    """Return the names that are spelled most like one, best first."""
    return difflib.get_close_matches(name, known, at_most, 0.6)
