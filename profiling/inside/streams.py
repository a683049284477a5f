"""Arguments that are used up by reading them: generators and files, remembered and made again.

A generator cannot be copied. It is passed on through another one, which takes note of what is
asked of it; the copy yields the same items, and fails where somebody asks for more than the workload
took. A file that is read is copied with its content and position.
"""

from __future__ import annotations

import inspect
import io
import os
import pickle
import types
from collections.abc import Callable, Generator
from typing import Any

_AT_MOST_ITEMS = 10_000
_AT_MOST_BYTES = 4_000_000  # of one generator's items, or of one file

MORE = "more items were asked of a generator than the workload took of it"

Dumps = Callable[[object, int], bytes]
Call = tuple[tuple[Any, ...], dict[str, Any]]


class Lost(Exception):  # noqa: N818
    """What a stream holds cannot be kept; the message says why."""


class Followed:
    """A generator that is passed on, with pickles of the items taken from it so far."""

    def __init__(self, source: Generator[Any, Any, Any], dumps: Dumps) -> None:
        self._source = source
        self._dumps = dumps
        self._items: list[bytes] = []
        self._ended = False
        self._lost = ""
        self._room_bytes = _AT_MOST_BYTES

    def passed_on(self) -> Generator[Any, Any, Any]:
        """Yield what the source yields; what is sent or thrown in goes to the source."""
        try:
            item = next(self._source)
            while True:
                self._note(item)
                try:
                    sent = yield item
                except GeneratorExit:
                    self._source.close()
                    raise
                except BaseException as error:
                    item = self._source.throw(error)
                else:
                    item = next(self._source) if sent is None else self._source.send(sent)
        except StopIteration as stop:
            self._ended = True
            return stop.value

    def taken(self) -> tuple[list[bytes], bool]:
        """Return the items' pickles, and whether there were no more.

        Raises:
            Lost: they could not be kept.
        """
        if self._lost:
            raise Lost(self._lost)
        return self._items, self._ended

    def _note(self, item: object) -> None:
        """Keep an item as it is now: whoever gets it may change it."""
        if self._lost:
            return
        try:
            pickled = self._dumps(item, self._room_bytes)
        except Exception as error:
            self._lost, self._items = f"an item of a generator: {error}"[:200], []
            return
        self._items.append(pickled)
        self._room_bytes -= len(pickled)
        if len(self._items) > _AT_MOST_ITEMS:
            self._lost, self._items = f"more than {_AT_MOST_ITEMS} items of a generator", []


def follow(call: Call, dumps: Dumps) -> tuple[Call, Call, list[Followed]]:
    """Replace the generators among a call's arguments.

    Returns the call to be made, the same call with placeholders to be pickled, and the generators
    that are followed now.
    """
    followed: list[Followed] = []

    def put(value: Any, *, real: bool) -> Any:
        if type(value) is not types.GeneratorType or inspect.getgeneratorstate(value) in _DONE:
            return value
        if real:
            followed.append(Followed(value, dumps))
            return followed[-1].passed_on()
        return Placeholder()

    made = tuple(
        (
            tuple(put(value, real=real) for value in call[0]),
            {name: put(value, real=real) for name, value in call[1].items()},
        )
        for real in (True, False)
    )
    return made[0], made[1], followed


_DONE = ("GEN_CLOSED", "GEN_RUNNING")


class Placeholder:
    """Stands for a generator in a pickle that is made before the generator was asked."""


def sealed(pickled: bytes, followed: list[Followed]) -> bytes:
    """Return one pickle of a call with placeholders and of what its generators yielded.

    Raises:
        Lost: a generator's items could not be kept.
    """
    return pickle.dumps(_Sealed(pickled, [each.taken() for each in followed]), 4)


class _Sealed:
    def __init__(self, pickled: bytes, taken: list[tuple[list[bytes], bool]]) -> None:
        self._made = pickled, taken

    def __reduce__(self) -> Any:
        return unsealed, self._made


def unsealed(pickled: bytes, taken: list[tuple[list[bytes], bool]]) -> Call:
    """Make a call again whose placeholders are generators, in the order of the arguments."""
    arguments, keywords = pickle.loads(pickled)
    left = iter(taken)

    def put(value: Any) -> Any:
        return replayed(*next(left)) if type(value).__name__ == Placeholder.__name__ else value

    return tuple(map(put, arguments)), {name: put(value) for name, value in keywords.items()}


def replayed(items: list[bytes], ended: bool) -> Generator[Any, None, None]:
    """Yield items again; raise ``LookupError`` where the workload did not ask for more."""
    for item in items:
        yield pickle.loads(item)
    if not ended:
        raise LookupError(MORE)


def of_generator(value: types.GeneratorType[Any, Any, Any]) -> Any:
    """Return how to make a generator of :func:`replayed` again that nobody has asked yet."""
    frame = value.gi_frame
    if frame is None or value.gi_code is not replayed.__code__:
        return NotImplemented
    if inspect.getgeneratorstate(value) != "GEN_CREATED":
        return NotImplemented
    return replayed, (frame.f_locals["items"], frame.f_locals["ended"])


# -- files -------------------------------------------------------------------------------------


class Memory(io.BytesIO):
    """A file's content, with the name of the file."""

    name: Any = ""
    mode = "rb"


def of_file(value: Any) -> Any:
    """Return how to make an open file again, in memory.

    Raises:
        Lost: it cannot be read again (a pipe, a terminal), or is too large.
    """
    text = isinstance(value, io.TextIOWrapper)
    binary = value.buffer if text else value
    content, position, name = _content(binary), value.tell(), getattr(value, "name", "")
    if not isinstance(name, (str, bytes, int)):
        name = ""
    how = (value.encoding, value.errors) if text else None
    return make_file, (type(binary).__name__, content, position, name, how)


def _content(binary: Any) -> bytes:
    if isinstance(binary.raw, Memory):
        binary.flush()
        return binary.raw.getvalue()
    if not binary.seekable():
        raise Lost("a stream that cannot be read again")
    if binary.writable():
        binary.flush()
    size = os.fstat(binary.fileno()).st_size
    if size > _AT_MOST_BYTES:
        raise Lost(f"a file of more than {_AT_MOST_BYTES} bytes")
    return _read(binary, size)


def _read(binary: Any, size: int) -> bytes:
    """Read all of a file where it lies, without moving its position."""
    try:
        return os.pread(binary.fileno(), size, 0)
    except OSError:  # opened for writing only: what is there is not for this program to read
        return b""


_BUFFERS: dict[str, Any] = {
    "BufferedReader": io.BufferedReader,
    "BufferedWriter": io.BufferedWriter,
    "BufferedRandom": io.BufferedRandom,
}


def make_file(
    buffer: str, content: bytes, position: int, name: Any, how: tuple[str, str] | None
) -> Any:
    """Make a file in memory that looks like one that was opened."""
    memory = Memory(content)
    memory.name = name
    made = _BUFFERS[buffer](memory)
    if how is not None:
        made = io.TextIOWrapper(made, encoding=how[0], errors=how[1])
    made.seek(position)
    return made


FILES: dict[type, Callable[[Any], Any]] = dict.fromkeys(
    (io.TextIOWrapper, *_BUFFERS.values()), of_file
)
