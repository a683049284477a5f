"""The same call, larger: what a function's growth is measured on."""

from __future__ import annotations

import collections
import copy
import sys
from typing import Any

from _perfbot_inside import kinds, places

_LARGEST = 2_000_000  # items or characters that one value grows to
_SHIFTED = 1e15  # larger numbers say nothing about the range the others are in

Call = tuple[tuple[Any, ...], dict[str, Any]]


def grown(arguments: tuple[Any, ...], keywords: dict[str, Any], factor: int) -> Call | None:
    """Return a copy of the call whose containers and strings are ``factor`` times as large.

    The added content is new where it can be (numbers from shifted ranges, strings with a suffix,
    unique keys). An integer that is the length of a grown container becomes the new length; if the
    call has no container, its integers themselves grow. Returns ``None`` when nothing can grow, it
    would get too large, or the call cannot be copied.
    """
    try:
        made, named = copy.deepcopy((arguments, keywords))
        return _grown(list(made), named, factor)
    except Exception:  # any class may refuse to be copied, compared or hashed in its own way
        return None


def _grown(arguments: list[Any], keywords: dict[str, Any], factor: int) -> Call | None:
    holders: list[tuple[Any, Any]] = [(arguments, number) for number in range(len(arguments))]
    holders += [(keywords, name) for name in keywords]
    sizes: dict[int, int] = {}
    done: dict[int, Any] = {}
    for holder, key in holders:
        old = holder[key]
        if id(old) not in done and _can_grow(old, factor):
            size = len(old)
            done[id(old)] = larger(old, factor)
            sizes[size] = len(done[id(old)])
    if not done:
        return _grown_otherwise(arguments, keywords, holders, factor)
    for holder, key in holders:
        old = holder[key]
        holder[key] = sizes.get(old, old) if type(old) is int else done.get(id(old), old)
    return tuple(arguments), keywords


def _grown_otherwise(
    arguments: list[Any], keywords: dict[str, Any], holders: list[tuple[Any, Any]], factor: int
) -> Call | None:
    """Grow what the instance holds that a method is called on, or else the integers."""
    if (
        arguments
        and places.is_own_instance(arguments[0])
        and _grow_attributes(arguments[0], factor)
    ):
        return tuple(arguments), keywords
    numbers = [(holder, key) for holder, key in holders if _is_size(holder[key], factor)]
    for holder, key in numbers:
        holder[key] *= factor
    return (tuple(arguments), keywords) if numbers else None


def _grow_attributes(instance: object, factor: int) -> bool:
    grew = False
    for name, value in kinds.attributes(instance).items():
        if _can_grow(value, factor):
            places.set_attribute(instance, name, larger(value, factor))
            grew = True
    return grew


def _is_size(value: object, factor: int) -> bool:
    return type(value) is int and value >= 2 and value * factor <= _LARGEST


def _can_grow(value: Any, factor: int) -> bool:
    known = type(value) in (
        list,
        tuple,
        collections.deque,
        str,
        bytes,
        set,
        frozenset,
        *places.MAPPINGS,
    )
    known = known or (_is_array(value) and value.ndim > 0)
    return known and len(value) > 0 and len(value) * factor <= _LARGEST


def _is_array(value: object) -> bool:
    numpy: Any = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray


def larger(value: Any, factor: int) -> Any:
    """Return a container or string ``factor`` times as long; lists and mappings grow in place."""
    if isinstance(value, (str, bytes)):
        return _longer_text(value, factor)
    if _is_array(value):
        parts = [value, *(_shifted_array(value, step) for step in range(1, factor))]
        return sys.modules["numpy"].concatenate(parts)
    if isinstance(value, dict):
        return _larger_mapping(value, factor)
    if isinstance(value, (set, frozenset)):
        span = _span(value)
        return type(value)(_fresh(item, step, span) for step in range(factor) for item in value)
    return _longer_sequence(value, factor)


def _longer_sequence(value: Any, factor: int) -> Any:
    items = list(value)
    if items and _is_square(items):
        items = [larger(row, factor) for row in items]  # a matrix stays a square
    span = _span(items)
    added = [_fresh(item, step, span) for step in range(1, factor) for item in items]
    if isinstance(value, tuple):
        return (*items, *added)
    value.clear()
    value.extend([*items, *added])
    return value


def _is_square(rows: list[Any]) -> bool:
    kinds_of_rows = {type(row) for row in rows}
    if kinds_of_rows not in ({list}, {tuple}) or len(rows) < 2 or not isinstance(rows, list):
        return False
    return {len(row) for row in rows} == {len(rows)}


def _larger_mapping(value: Any, factor: int) -> Any:
    pairs = list(value.items())
    key_span, value_span = _span(value.keys()), _span(value.values())
    for step in range(1, factor):
        for key, item in pairs:
            value[_fresh(key, step, key_span)] = _fresh(item, step, value_span)
    return value


def _longer_text(value: Any, factor: int) -> Any:
    """Repeat a text, each time with its letters and digits shifted within their own kind."""
    if isinstance(value, bytes):
        return value * factor
    return "".join(value.translate(_shift(step)) for step in range(factor))


def _shift(step: int) -> dict[int, str]:
    letters = ("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789")
    return {
        ord(letter): row[(number + step) % len(row)]
        for row in letters
        for number, letter in enumerate(row)
    }


def _span(items: Any) -> int:
    """Return by how much numbers have to be shifted to leave the range they are in."""
    numbers: list[float] = []
    for entry in items:
        if type(entry) in (int, float) and abs(entry) < _SHIFTED:
            numbers.append(entry)
        elif type(entry) in (tuple, list, dict):
            parts = entry.values() if type(entry) is dict else entry
            numbers.extend(
                part for part in parts if type(part) in (int, float) and abs(part) < _SHIFTED
            )
    return int(max(numbers) - min(numbers)) + 1 if numbers else 1


def _fresh(item: Any, step: int, span: int) -> Any:
    """Return an item of the same kind that is not among the others, where there can be one."""
    kind = type(item)
    if kind is int or kind is float:
        return item + step * span
    if kind is str or kind is bytes:
        suffix = f"{step}" if step else ""
        return item + (suffix if kind is str else suffix.encode())
    if kind is tuple or kind is list:
        return kind(_fresh(part, step, span) for part in item)
    if kind is dict:
        return {key: _fresh(part, step, span) for key, part in item.items()}
    return copy.deepcopy(item) if step else item


def _shifted_array(value: Any, step: int) -> Any:
    if value.dtype.kind not in "if":
        return value
    return value + (value.max() - value.min() + 1) * step
