"""Reads the data part of the marshal format, of which pstats files are made.

``marshal.load`` warns that it is not secure against malformed data: it may crash the process. A
profile may come with a repository, so it is read by this reader instead, which knows numbers,
texts, tuples, lists and dictionaries, bounds depth and size by the data at hand, and runs nothing.
The format is that of CPython's Python/marshal.c, versions 2 to 5.
"""

import struct
from collections.abc import Callable, Hashable

_DEEPEST = 50
_REF_FLAG = 0x80
_CONSTANTS: dict[int, object] = {ord("N"): None, ord("T"): True, ord("F"): False}
_LONG_TEXTS = frozenset(b"utaA")  # a size of four bytes stands before the text
_SHORT_TEXTS = frozenset(b"zZ")  # of one byte
_END = object()


class MarshalError(ValueError):
    """The bytes are no marshalled data, or hold more than data."""


def read_marshal(data: bytes) -> object:
    """Return the first value in ``data``; raises MarshalError."""
    try:
        value = _Reader(data).value(0)
    except (struct.error, UnicodeDecodeError, IndexError, OverflowError) as error:
        raise MarshalError(f"damaged marshal data: {error}") from error
    if value is _END:
        raise MarshalError("damaged marshal data: an end without a beginning")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._known: list[object] = []
        self._readers: dict[int, Callable[[int], object]] = {
            ord("i"): lambda _: self._number("<i"),
            ord("g"): lambda _: self._unpack("<d"),
            ord("l"): lambda _: self._long(),
            ord("s"): lambda _: self._take(self._number("<i")),
            ord("("): lambda depth: tuple(self._items(self._number("<i"), depth)),
            ord(")"): lambda depth: tuple(self._items(self._number("<B"), depth)),
            ord("["): lambda depth: self._items(self._number("<i"), depth),
            ord("{"): self._dictionary,
        }

    def value(self, depth: int) -> object:
        if depth > _DEEPEST:
            raise MarshalError("marshal data is nested too deeply")
        code = self._number("<B")
        kind = code & ~_REF_FLAG
        if kind == ord("r"):
            return self._known[self._number("<I")]
        if kind == ord("0"):
            return _END
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        place = len(self._known)  # a container takes its number before its items take theirs
        if code & _REF_FLAG:
            self._known.append(None)
        value = self._payload(kind, depth)
        if code & _REF_FLAG:
            self._known[place] = value
        return value

    def _payload(self, kind: int, depth: int) -> object:
        if kind in _LONG_TEXTS:
            return self._take(self._number("<i")).decode("utf-8", "surrogatepass")
        if kind in _SHORT_TEXTS:
            return self._take(self._number("<B")).decode("latin-1")
        if kind not in self._readers:
            raise MarshalError(f"marshal data holds something other than data: {chr(kind)!r}")
        return self._readers[kind](depth)

    def _items(self, count: int, depth: int) -> list[object]:
        if not 0 <= count <= len(self._data) - self._at:  # an item takes a byte at least
            raise MarshalError("marshal data promises more items than it holds")
        return [self.value(depth + 1) for _ in range(count)]

    def _dictionary(self, depth: int) -> dict[Hashable, object]:
        found: dict[Hashable, object] = {}
        while (key := self.value(depth + 1)) is not _END:
            value = self.value(depth + 1)
            try:
                found[key] = value
            except TypeError as error:
                raise MarshalError("marshal data has a key that cannot be hashed") from error
        return found

    def _long(self) -> int:
        count = self._number("<i")
        digits = struct.unpack(f"<{abs(count)}H", self._take(2 * abs(count)))
        size = sum(int(digit) << (15 * place) for place, digit in enumerate(digits))
        return -size if count < 0 else size

    def _number(self, form: str) -> int:
        (value,) = struct.unpack(form, self._take(struct.calcsize(form)))
        return int(value)

    def _unpack(self, form: str) -> float:
        (value,) = struct.unpack(form, self._take(struct.calcsize(form)))
        return float(value)

    def _take(self, count: int) -> bytes:
        if not 0 <= count <= len(self._data) - self._at:
            raise MarshalError("marshal data ends too early")
        self._at += count
        return self._data[self._at - count : self._at]
