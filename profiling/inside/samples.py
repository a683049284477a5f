"""Samples of values for people: one readable line, made without running any code of the target."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

_EXACT = 2**2000  # below the shortest limit that sys.set_int_max_str_digits can be set to


def short(value: object, width: int = 120) -> str:
    """Return one readable line of at most ``width`` characters, cut in the middle.

    Only built-in kinds are written out; any other object is shown as ``<Class>``, so that no
    ``__repr__`` of the target runs.
    """
    return _cut(_shown(value, width, _SHOWN_DEPTH), width)


def _cut(text: str, width: int) -> str:
    if len(text) <= width:
        return text
    left = width // 2
    return text[:left] + "…" + text[len(text) - (width - left - 1) :]


def _shown(value: object, width: int, depth: int) -> str:
    kind = type(value)
    if kind is str or kind is bytes:
        return _shown_text(value, width)  # type: ignore[arg-type]
    if kind is int:
        return repr(value) if -_EXACT < value < _EXACT else "<int>"  # type: ignore[operator]
    if kind in _SHOWN_AS_IS:
        return repr(value)
    if kind in _BRACKETS and depth:
        return _shown_items(value, width, depth)  # type: ignore[arg-type]
    name = type.__dict__["__name__"].__get__(kind)
    return f"<{''.join(letter if letter.isprintable() else '?' for letter in name)}>"


def _shown_text(value: str | bytes, width: int) -> str:
    if len(value) <= 2 * width:
        return repr(value)
    return f"{value[:width]!r}…{value[-width:]!r}"


def _shown_items(value: Collection[object], width: int, depth: int) -> str:
    opening, closing = _BRACKETS[type(value)]
    if not value:
        return (
            f"{type(value).__name__}()"
            if isinstance(value, (set, frozenset))
            else opening + closing
        )
    if isinstance(value, dict):
        texts = _shown_ends(value.items(), width, lambda pair: _shown_pair(pair, width, depth))
    else:
        texts = _shown_ends(value, width, lambda item: _shown(item, width, depth - 1))
    comma = "," if type(value) is tuple and len(texts) == 1 else ""
    return f"{opening}{', '.join(texts)}{comma}{closing}"


def _shown_pair(pair: tuple[object, object], width: int, depth: int) -> str:
    return ": ".join(_shown(part, width, depth - 1) for part in pair)


def _shown_ends(items: Any, width: int, show: Callable[[Any], str]) -> list[str]:
    """Return the items' texts; where they do not fit, those that fill the line from either end."""
    first = _filling(items, width, show)
    if isinstance(items, (set, frozenset)):
        return sorted(first)
    if len(first) == len(items):
        return first
    return [*first, "…", *reversed(_filling(reversed(items), width, show))]


def _filling(items: Iterable[Any], width: int, show: Callable[[Any], str]) -> list[str]:
    texts: list[str] = []
    room = width
    for item in items:
        if room < 0:
            break
        texts.append(show(item))
        room -= len(texts[-1]) + 2
    return texts


_SHOWN_DEPTH = 4
_SHOWN_AS_IS = frozenset({type(None), bool, float, complex, type(...), range})
_BRACKETS: dict[type, tuple[str, str]] = {
    dict: ("{", "}"),
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
}
