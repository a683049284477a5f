"""Notes everything that a call says beside its result: prints, writes, logs, warnings.

What is printed is noted twice over: at Python's own streams and, below them, at the descriptors 1
and 2, where ``os.write``, C code and child processes write.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from typing import Any

from _perfbot_inside import canonical

_KEPT = 200_000  # bytes of a stream that are compared as text; all of it counts by its hash
_AT_MOST_LOGGED = 1_000  # log records that are kept; the others count by their hash
_AT_MOST_NOTED = 1 << 30  # characters: longer texts are told by their hash, so never reached


class Witness(logging.Handler):
    """Notes what is printed, logged (at every level) and warned of inside its block."""

    def __init__(self) -> None:
        super().__init__(level=0)
        self._out, self._err = Stream(), Stream()
        self._logged: list[tuple[str, ...]] = []
        self._more_logged = hashlib.sha256()
        self._warned: list[warnings.WarningMessage] = []
        self._below: list[str] = []
        self._open = contextlib.ExitStack()

    def emit(self, record: logging.LogRecord) -> None:
        """Note a log record; one whose message cannot be made harms nobody outside, nor here."""
        try:
            message = record.getMessage()
        except Exception as error:
            message = f"{record.msg!r}: {type(error).__name__}"
        failure = record.exc_info[1] if record.exc_info else None
        cause = "".join(traceback.format_exception_only(failure)) if failure is not None else ""
        noted = (record.name, str(record.levelno), message, cause)
        if len(self._logged) < _AT_MOST_LOGGED:
            self._logged.append(noted)
        else:
            self._more_logged.update(repr(noted).encode("utf-8", "surrogatepass"))

    def __enter__(self) -> Witness:
        stack = self._open
        self._warned = stack.enter_context(warnings.catch_warnings(record=True))
        warnings.simplefilter("always")
        self._below = stack.enter_context(_descriptors())
        stack.enter_context(contextlib.redirect_stdout(self._out))
        stack.enter_context(contextlib.redirect_stderr(self._err))
        for logger in _deaf_loggers():
            stack.callback(logger.removeHandler, self)
            logger.addHandler(self)
        root = logging.getLogger()
        stack.callback(root.setLevel, root.level)
        root.setLevel(1)
        return self

    def __exit__(self, *_what: object) -> None:
        self._open.close()

    def progress(self) -> tuple[object, ...]:
        """Return how much was noted so far, which tells when a lazy call does its work."""
        return self._out.size, self._err.size, len(self._logged), len(self._warned)

    def text(self, tree: str) -> str:
        """Return everything that was noted, without addresses and without the tree's own place."""
        # Python shows a warning once per place: NumPy gives one per operation, not one per number.
        warned = list(dict.fromkeys(_in_words(each, tree) for each in self._warned))
        rest = self._more_logged.hexdigest()
        noted = (self._out.noted(), self._err.noted(), self._below, self._logged, rest, warned)
        return canonical.canonical(noted, tree=tree, limit_bytes=_AT_MOST_NOTED)

    def shown(self) -> str:
        """Return a readable remark on what was noted, ``""`` for nothing."""
        noted = {
            "printed": self._out.shown() + self._err.shown() + "".join(self._below),
            "logged": "; ".join(message for _, _, message, _ in self._logged[:2]),
            "warned": "; ".join(str(each.message) for each in self._warned[:2]),
        }
        return "".join(f", {what} {text[:80]!r}" for what, text in noted.items() if text)


class Stream(io.TextIOWrapper):
    """A text stream with a ``buffer``, as programs know ``sys.stdout``."""

    def __init__(self) -> None:
        self._sink = _Sink()
        buffer: Any = io.BufferedWriter(self._sink)
        super().__init__(buffer, encoding="utf-8", errors="backslashreplace", newline="")

    @property
    def size(self) -> int:
        """The number of bytes that were written."""
        with contextlib.suppress(ValueError):  # somebody closed it
            self.flush()
        return self._sink.size

    def noted(self) -> tuple[int, str, str]:
        """Return the size, the first part and the hash of what was written."""
        return self.size, self.shown(), self._sink.digest.hexdigest()

    def shown(self) -> str:
        """Return the first part of what was written."""
        return bytes(self._sink.kept).decode("utf-8", "backslashreplace") if self.size else ""


class _Sink(io.RawIOBase):
    """Takes bytes, keeps the first ones and hashes the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0
        self.kept = bytearray()
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self.size += len(piece)
        room = max(0, _KEPT - len(self.kept))
        self.kept += piece[:room]
        self.digest.update(piece[room:])
        return len(piece)


@contextlib.contextmanager
def _descriptors() -> Iterator[list[str]]:
    """Catch what is written to descriptors 1 and 2; the yielded list is filled at the end."""
    written: list[str] = []
    files = _files()
    if files is None:
        yield written
        return
    saved = [os.dup(number) for number in (1, 2)]
    for number, file in zip((1, 2), files, strict=True):
        os.dup2(file, number)
    try:
        yield written
    finally:
        for number, copy, file in zip((1, 2), saved, files, strict=True):
            os.dup2(copy, number)
            os.close(copy)
            written.append(_taken(file))


_kept_files: list[int] | None = None


def _files() -> list[int] | None:
    """Return the descriptors of two files to catch output in, made once; ``None`` where none can be made."""
    global _kept_files
    if _kept_files is None:
        try:
            _kept_files = [_file(), _file()]
        except OSError:
            _kept_files = []
    return _kept_files or None


def _file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("output")
    descriptor, path = tempfile.mkstemp()
    os.unlink(path)
    return descriptor


def _taken(descriptor: int) -> str:
    """Return what stands in a file, told by its hash where it is long, and empty it."""
    size = os.fstat(descriptor).st_size
    if not size:
        return ""
    os.lseek(descriptor, 0, os.SEEK_SET)
    digest, first = hashlib.sha256(), b""
    while piece := os.read(descriptor, 1 << 20):
        first = first or piece[:_KEPT]
        digest.update(piece)
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    whole = "" if size == len(first) else digest.hexdigest()
    return first.decode("utf-8", "backslashreplace") + whole


def _deaf_loggers() -> list[logging.Logger]:
    """Return the loggers whose records do not reach another's handlers: the root, and some below."""
    known = logging.Logger.manager.loggerDict.values()
    apart = [each for each in known if isinstance(each, logging.Logger) and not each.propagate]
    return [logging.getLogger(), *apart]


def _in_words(warned: warnings.WarningMessage, tree: str) -> tuple[str, str, str]:
    """Return a warning's class, text and the file of the tree that it is attributed to."""
    kind = warned.category
    inside = bool(tree) and warned.filename.startswith(tree)
    file = warned.filename if inside else ""
    return f"{kind.__module__}.{kind.__qualname__}", str(warned.message), file
