"""Talks to a running command: pipes, and reading them all at once within limits."""

import os
import selectors
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import FileIO, IOBase
from typing import IO

_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Pipe:
    """Both ends of a pipe; closing an end twice does no harm, unlike closing a number twice."""

    reader: FileIO
    writer: FileIO

    @classmethod
    def opened(cls, stack: ExitStack) -> "Pipe":
        """Open a pipe that is closed with the stack."""
        reader, writer = os.pipe()
        return cls(
            stack.enter_context(FileIO(reader, "rb")), stack.enter_context(FileIO(writer, "wb"))
        )


@dataclass(frozen=True, slots=True)
class Pipes:
    """The pipes beside the standard streams.

    The keeper ends everything when the lifeline's writing end, which only we hold, is closed.
    """

    results: Pipe
    status: Pipe
    lifeline: Pipe

    def inherited(self) -> tuple[FileIO, ...]:
        """Return the ends that are the keeper's."""
        return self.results.writer, self.status.writer, self.lifeline.reader


@dataclass(slots=True)
class Bounded:
    """What was read of a stream, up to a limit; the rest is read and dropped."""

    limit_bytes: int
    content: bytearray = field(default_factory=bytearray)
    overflown: bool = False

    def add(self, chunk: bytes) -> None:
        """Keep what there is room for."""
        room_bytes = self.limit_bytes - len(self.content)
        self.content += chunk[:room_bytes]
        self.overflown = self.overflown or len(chunk) > room_bytes


class Conversation:
    """Feeds a command its input and collects its output, all at once so that nobody blocks."""

    def __init__(
        self,
        *,
        stdin: IO[bytes] | None,
        stdout: IO[bytes],
        stderr: IO[bytes],
        pipes: Pipes,
        message: bytes,
        output_bytes: int,
        results_bytes: int,
        patience_s: float,
    ) -> None:
        self.stdout = Bounded(output_bytes)
        self.stderr = Bounded(output_bytes)
        self.results = Bounded(results_bytes)
        self.status = Bounded(_CHUNK_BYTES)
        self._unsent = memoryview(message)
        self._pipes = pipes
        self._deadline_s = time.monotonic() + patience_s
        self._selector = selectors.DefaultSelector()
        for stream, kept in (
            (stdout, self.stdout),
            (stderr, self.stderr),
            (pipes.results.reader, self.results),
            (pipes.status.reader, self.status),
        ):
            self._selector.register(stream, selectors.EVENT_READ, kept)
        if stdin is not None:
            os.set_blocking(stdin.fileno(), False)
            self._selector.register(stdin, selectors.EVENT_WRITE)

    @property
    def overflown(self) -> bool:
        """Whether a stream went beyond its limit."""
        return any(kept.overflown for kept in (self.stdout, self.stderr, self.results))

    def hold(self) -> None:
        """Talk until every stream has ended, or the keeper has without a report.

        Raises ``TimeoutError`` when patience ends first.
        """
        with self._selector:
            while self._selector.get_map():
                ready = self._selector.select(max(0.0, self._deadline_s - time.monotonic()))
                if not ready:
                    raise TimeoutError("its keeper does not answer")
                for key, _events in ready:
                    self._serve(key)
                if self._ended_silently():
                    return

    def _ended_silently(self) -> bool:
        gone = self._pipes.status.reader not in self._selector.get_map()
        return gone and not self.status.content

    def _serve(self, key: selectors.SelectorKey) -> None:
        if not isinstance(key.data, Bounded):
            self._send(key)
            return
        chunk = os.read(key.fd, _CHUNK_BYTES)
        key.data.add(chunk)
        if not chunk:
            self._selector.unregister(key.fileobj)
        if key.data.overflown:
            self._pipes.lifeline.writer.close()

    def _send(self, key: selectors.SelectorKey) -> None:
        try:
            self._unsent = self._unsent[os.write(key.fd, self._unsent[:_CHUNK_BYTES]) :]
        except BrokenPipeError:
            self._unsent = self._unsent[:0]  # the command did not want to read it all
        if not self._unsent:
            self._selector.unregister(key.fileobj)
            assert isinstance(key.fileobj, IOBase)
            key.fileobj.close()
