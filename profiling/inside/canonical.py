"""One text for one behaviour: the strict canonical form of any Python value.

Two values with the same text behave the same for everything a caller can ask of them, as far
as it can be known: types, exact numbers, order, aliasing, attributes, what an iterator yields.
The text is the same in every process: it has no addresses, no hash order, and the folder of the
tree under judgement is written ``<tree>``. No code of the target is run (no ``__repr__``,
``__eq__``, ``__iter__``, property), except when an iterator is consumed on purpose.

Objects that have an identity (lists, dictionaries, instances, ...) are numbered by their first
occurrence; a further occurrence is written ``#number``. Objects that are mere values (numbers,
strings, tuples, frozen dataclasses, dates, ...) are written out each time, so that interning is
not taken for behaviour. The attributes of an instance are sorted by name. What cannot be looked
into (locks, files, ``object()``, ...) is described by its type alone and counted as *opaque*.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from _perfbot_inside import kinds
from _perfbot_inside.contents import Handler, Part

_DEEPEST_SETS = 50  # sets in sets: the only nesting that costs interpreter stack
_BLOB = 65_536  # characters or bytes: anything longer is written as its SHA-256
_EXACT = 2**2000  # below the shortest limit that sys.set_int_max_str_digits can be set to

_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,16}(?=[>,:])")


class TooLarge(Exception):  # noqa: N818
    """The text would be longer than the caller's limit."""


class NotComparable(Exception):  # noqa: N818
    """There is no canonical form of this value; the message says why."""


@dataclass(frozen=True, slots=True)
class Description:
    """The canonical text of a value, and how many of its parts are known by their type only."""

    text: str
    opaque: int


def canonical(
    value: object, *, tree: str = "", limit_bytes: int = 4_000_000, consume: bool = False
) -> str:
    """Return the canonical text of ``value``; see :func:`describe`."""
    return describe(value, tree=tree, limit_bytes=limit_bytes, consume=consume).text


def describe(
    value: object, *, tree: str = "", limit_bytes: int = 4_000_000, consume: bool = False
) -> Description:
    """Describe ``value``, where ``tree`` is the folder to be written as ``<tree>``.

    With ``consume``, iterators of built-in kinds (generators, ``map``, ...) are advanced, up to
    10,000 items, and described by what they yield and how they end; otherwise they are opaque.
    Raises :class:`TooLarge` when the text gets longer than ``limit_bytes`` (it is ASCII), and
    :class:`NotComparable` when there is none.
    """
    writer = _Writer(tree.rstrip("/"), limit_bytes, consume)
    try:
        writer.run(value)
    except (TooLarge, NotComparable):
        raise
    except Exception as error:  # a foreign object that breaks the rules of its own class
        raise NotComparable(f"looking into it raised {type(error).__name__}") from error
    return Description("".join(writer.out), writer.opaque)


def _int(value: int) -> str:
    return int.__repr__(value) if -_EXACT < value < _EXACT else f"int {int.__format__(value, 'x')}"


def _complex(value: complex) -> str:
    return f"complex({value.real.hex()},{value.imag.hex()})"


class _Writer:
    """The state of one description: the text so far and the objects met so far."""

    def __init__(self, tree: str, limit_bytes: int, consume: bool) -> None:
        self.tree = tree
        self.tree_bytes = os.fsencode(tree)
        self.limit = limit_bytes
        self.consume = consume
        self.out: list[str] = []
        self.size = 0
        self.opaque = 0
        self.depth = 0
        self.memo: dict[int, tuple[int, object]] = {}  # keeps its objects alive: ids stay unique
        self.owners: dict[int, tuple[int, object]] = {}  # of arrays' memory
        self.handlers: dict[type, tuple[Handler, kinds.Identity]] = {}
        self.scalars: dict[type, Callable[[Any], str]] = {
            **_SCALARS,
            str: self.string,
            bytes: self.data,
        }

    def run(self, value: object) -> None:
        """Append the text of ``value`` to ``out``; the nesting costs no interpreter stack."""
        stack: list[Iterator[Part]] = [iter([(value,)])]
        while stack:
            for part in stack[-1]:
                if isinstance(part, str):
                    self.write(part)
                elif (scalar := self.scalars.get(type(part[0]))) is not None:
                    self.write(scalar(part[0]))
                else:
                    stack.append(self.parts(part[0]))
                    break
            else:
                stack.pop()

    def write(self, text: str) -> None:
        self.out.append(text)
        self.size += len(text)
        if self.size > self.limit:
            raise TooLarge(f"the canonical form is longer than {self.limit} bytes")

    def parts(self, value: object) -> Iterator[Part]:
        """Return the pieces of a value that is no scalar."""
        kind = type(value)
        known = self.memo.get(id(value))
        if known is not None:
            return iter([f"#{known[0]}"])
        found = self.handlers.get(kind)
        if found is None:
            found = self.handlers[kind] = kinds.handler_of(kind), kinds.identity_of(kind)
        handler, identity = found
        if identity is kinds.Identity.ALWAYS or (
            identity is kinds.Identity.WITH_ATTRIBUTES and kinds.attributes(value)
        ):
            self.memo[id(value)] = len(self.memo), value
        return handler(self, value)

    def string(self, value: str) -> str:
        if self.tree and self.tree in value:
            value = value.replace(self.tree, "<tree>")
        if " 0x" in value:
            value = _ADDRESS.sub("at 0x…", value)
        if len(value) <= _BLOB:
            return ascii(value)
        digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
        return f"str[{len(value)}]{value[:80]!a}…{digest}"

    def data(self, value: bytes) -> str:
        if self.tree and self.tree_bytes in value:
            value = value.replace(self.tree_bytes, b"<tree>")
        if len(value) <= _BLOB:
            return repr(value)
        return f"bytes[{len(value)}]{value[:40]!r}…{hashlib.sha256(value).hexdigest()}"

    def bulk(self, items: list[Any] | tuple[Any, ...]) -> Iterable[str] | None:
        """Return the items' texts when all are scalars, in one go for the commonest kinds."""
        if len(items) > self.limit:
            raise TooLarge(f"{len(items)} items need more than {self.limit} bytes")
        kinds = set(map(type, items))
        if kinds == {int}:
            if min(items) > -_EXACT and max(items) < _EXACT:
                return map(int.__repr__, items)
        elif kinds == {str}:
            joined = "\n".join(items)
            if len(joined) <= _BLOB and " 0x" not in joined and not self._names_tree(joined):
                return map(ascii, items)
        if not kinds <= self.scalars.keys():
            return self.rows(items) if kinds == {tuple} else None
        if len(kinds) == 1:
            return map(self.scalars[kinds.pop()], items)
        scalars = self.scalars
        return [scalars[type(item)](item) for item in items]

    def rows(self, rows: list[tuple[Any, ...]] | tuple[tuple[Any, ...], ...]) -> list[str] | None:
        """Return the texts of tuples that hold scalars only, as :meth:`run` would write them."""
        scalars = self.scalars
        try:
            return [f"({','.join([scalars[type(item)](item) for item in row])})" for row in rows]
        except KeyError:
            return None

    def _names_tree(self, text: str) -> bool:
        return bool(self.tree) and self.tree in text

    def items(self, items: list[Any] | tuple[Any, ...]) -> Iterator[Part]:
        texts = self.bulk(items)
        if texts is not None:
            yield ",".join(texts)
            return
        for item in items:
            yield (item,)
            yield ","

    def pairs(self, keys: list[Any], values: list[Any]) -> Iterator[Part]:
        key_texts, value_texts = self.bulk(keys), self.bulk(values)
        if key_texts is not None and value_texts is not None:
            yield ",".join(map(":".join, zip(key_texts, value_texts, strict=True)))
            return
        for key, value in zip(keys, values, strict=True):
            yield (key,)
            yield ":"
            yield (value,)
            yield ","

    def members(self, members: list[Any]) -> Iterator[Part]:
        """Describe a set in the order of its members' texts, since its own order is chance.

        A member's text may depend on the objects numbered before it, so a member that holds
        objects with an identity is described twice: alone, to find its place, and in its place.
        """
        texts = self.bulk(members)
        if texts is not None:
            yield ",".join(sorted(texts))
            return
        alone = []
        for member in members:
            opaque = self.opaque
            text, final = self.isolated(member)
            self.opaque = self.opaque if final else opaque  # to be counted in its place
            alone.append((text, final, member))
        for text, final, member in sorted(alone, key=lambda entry: entry[0]):
            yield text if final else (member,)
            yield ","

    def owner(self, owner: object) -> str:
        """Return the number of what owns an array's memory: views of one memory show as such."""
        return f"@{self.owners.setdefault(id(owner), (len(self.owners), owner))[0]} "

    def isolated(self, value: object) -> tuple[str, bool]:
        """Return the text of ``value`` alone, and whether it holds no object with an identity."""
        if self.depth > _DEEPEST_SETS:
            raise NotComparable(f"sets within sets, more than {_DEEPEST_SETS} deep")
        outer, known, owned = self.out, len(self.memo), len(self.owners)
        self.out, self.depth = [], self.depth + 1
        self.run(value)
        text, final = "".join(self.out), len(self.memo) == known
        self.out, self.depth = outer, self.depth - 1
        for table, length in ((self.memo, known), (self.owners, owned)):
            while len(table) > length:
                table.popitem()
        return text, final


_SCALARS: dict[type, Callable[[Any], str]] = {
    type(None): repr,
    bool: repr,
    int: _int,
    float: float.hex,
    complex: _complex,
    type(...): repr,
    type(NotImplemented): repr,
}


# -- samples for people ------------------------------------------------------------------------


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
