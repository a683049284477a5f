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

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from _perfbot_inside import contents, kinds
from _perfbot_inside.contents import Handler, Part

_DEEPEST_SETS = 50  # sets in sets: the only nesting that costs interpreter stack
_BLOB = 65_536  # characters or bytes: anything longer is written as its SHA-256
_PIECE = 1 << 20  # characters that are encoded at a time
_EXACT = 2**2000  # below the shortest limit that sys.set_int_max_str_digits can be set to

_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,16}(?=[>,:])")


class TooLarge(Exception):  # noqa: N818
    """The text would be longer than the caller's limit."""


class NotComparable(Exception):  # noqa: N818
    """There is no canonical form of this value; the message says why."""


@dataclass(frozen=True, slots=True)
class Description:
    """The canonical text of a value, and how many of its parts are known by their type only.

    ``first_opaque`` names the first of them; ``failures`` are the iterators that ended with an
    exception. Where floats are told apart, ``rough`` is the text without them, and they are ``floats``.
    """

    text: str
    opaque: int
    first_opaque: str = ""
    rough: str = ""
    floats: tuple[str, ...] = ()
    failures: tuple[tuple[object, Exception], ...] = ()


def canonical(
    value: object, *, tree: str = "", limit_bytes: int = 4_000_000, consume: bool = False
) -> str:
    """Return the canonical text of ``value``; see :func:`describe`."""
    return describe(value, tree=tree, limit_bytes=limit_bytes, consume=consume).text


def describe(
    value: object,
    *,
    tree: str = "",
    limit_bytes: int = 4_000_000,
    consume: bool = False,
    progress: Callable[[], str] | None = None,
    apart: bool = False,
) -> Description:
    """Describe ``value``, where ``tree`` is the folder to be written as ``<tree>``.

    With ``consume``, iterators of built-in kinds (generators, ``map``, ...) are advanced, up to
    10,000 items, and described by what they yield and how they end; otherwise they are opaque.
    ``progress`` is asked before and after the first item of each what has been done so far, which
    tells lazy work from eager. ``apart`` tells floats apart from the rest, where they are no keys
    and in no set.
    Raises :class:`TooLarge` when the text gets longer than ``limit_bytes`` (it is ASCII), and
    :class:`NotComparable` when there is none.
    """
    writer = _Writer(tree.rstrip("/"), limit_bytes, consume, progress, apart)
    try:
        writer.run(value)
    except (TooLarge, NotComparable):
        raise
    except Exception as error:  # a foreign object that breaks the rules of its own class
        raise NotComparable(f"looking into it raised {type(error).__name__}") from error
    text = "".join(writer.out)
    failures = tuple(writer.failures)
    if not apart:
        return Description(text, writer.opaque, writer.first_opaque, failures=failures)
    rough = _ONLY_EXACT.sub("", text)
    exact = _ONLY_ROUGH.sub("", text).translate(_NO_MARKS)
    told = _FLOAT.sub("~", rough), tuple(_FLOAT.findall(rough))
    return Description(exact, writer.opaque, writer.first_opaque, *told, failures)


def identities(value: object, limit_bytes: int = 1_000_000) -> list[object]:
    """Return the parts of a value that can be told from their equals, in the order of the text.

    Of large values only those that the first ``limit_bytes`` of the text tell of.
    """
    writer = _Writer("", limit_bytes, False, None, False)
    with contextlib.suppress(Exception):  # a part that cannot be described: those before it count
        writer.run(value)
    return [part for _, part in writer.memo.values()]


# Marks in a text in which floats are told apart; no value writes such characters.
_FLOAT = re.compile("\0([^\0]*)\0")
_ONLY_EXACT = re.compile(f"{contents.ONLY_EXACT}[^{contents.ONLY_EXACT}]*{contents.ONLY_EXACT}")
_ONLY_ROUGH = re.compile(f"{contents.ONLY_ROUGH}[^{contents.ONLY_ROUGH}]*{contents.ONLY_ROUGH}")
_NO_MARKS = dict.fromkeys(map(ord, f"\0{contents.ONLY_EXACT}{contents.ONLY_ROUGH}"))


def _marked_float(value: float) -> str:
    return f"\0{value.hex()}\0"


def _marked_complex(value: complex) -> str:
    return f"complex({_marked_float(value.real)},{_marked_float(value.imag)})"


_MARKED: dict[type, Callable[[Any], str]] = {float: _marked_float, complex: _marked_complex}


def _int(value: int) -> str:
    return int.__repr__(value) if -_EXACT < value < _EXACT else f"int {int.__format__(value, 'x')}"


def _complex(value: complex) -> str:
    return f"complex({value.real.hex()},{value.imag.hex()})"


class _Writer:
    """The state of one description: the text so far and the objects met so far."""

    def __init__(
        self,
        tree: str,
        limit_bytes: int,
        consume: bool,
        progress: Callable[[], str] | None,
        apart: bool,
    ) -> None:
        self.tree = tree
        self.tree_bytes = os.fsencode(tree)
        self.limit = limit_bytes
        self.consume = consume
        self.progress = progress
        self.apart = apart
        self.out: list[str] = []
        self.size = 0
        self.opaque = 0
        self.first_opaque = ""
        self.failures: list[tuple[object, Exception]] = []
        self.depth = 0
        self.memo: dict[int, tuple[int, object]] = {}  # keeps its objects alive: ids stay unique
        self.owners: dict[int, tuple[int, object]] = {}  # of arrays' memory
        self.handlers: dict[type, tuple[Handler, kinds.Identity]] = {}
        self.exact: dict[type, Callable[[Any], str]] = {
            **_SCALARS,
            str: self.string,
            bytes: self.data,
        }
        self.scalars = {**self.exact, **(_MARKED if apart else {})}

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
        return f"str[{len(value)}]{value[:80]!a}…{_hash_of(value)}"

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
        with self.exactly():
            key_texts = self.bulk(keys)
        value_texts = self.bulk(values)
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
        with self.exactly():
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

    @contextlib.contextmanager
    def exactly(self) -> Iterator[None]:
        """Mark no floats inside the block: a key or a member of a set is another one if it differs."""
        scalars, self.scalars = self.scalars, self.exact
        try:
            yield
        finally:
            self.scalars = scalars

    def numbered(self, value: object) -> str | None:
        """Return the number of an object that was met before; else number it."""
        known = self.memo.get(id(value))
        if known is not None:
            return f"#{known[0]}"
        self.memo[id(value)] = len(self.memo), value
        return None

    def hide(self, value: object) -> None:
        """Count a value that cannot be looked into."""
        self.opaque += 1
        self.first_opaque = self.first_opaque or contents.type_name(type(value))

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


def _hash_of(text: str) -> str:
    """Return the hash of a text that may be very long and hold lone surrogates."""
    digest = hashlib.sha256()
    for start in range(0, len(text), _PIECE):
        digest.update(text[start : start + _PIECE].encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


_SCALARS: dict[type, Callable[[Any], str]] = {
    type(None): repr,
    bool: repr,
    int: _int,
    float: float.hex,
    complex: _complex,
    type(...): repr,
    type(NotImplemented): repr,
}
