"""What one call does, told as text: result or exception, arguments afterwards, output, logs, warnings."""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import linecache
import logging
import os
import random
import signal
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

from _perfbot_inside import canonical, record

_AT_MOST_ITEMS = 20_000  # taken from a generator
_AT_MOST_OUTPUT = 200_000  # characters of printed output that are compared
_AT_MOST_LOGGED = 1_000  # log records that are compared
_AT_MOST_NOTED = (
    1 << 30
)  # characters: longer texts are told by their hash, so this is never reached
_SHOWN = 300  # characters of a behaviour's text that are sent beside its digest

Function = Callable[..., Any]
Call = tuple[tuple[Any, ...], dict[str, Any]]


class TimeUp(BaseException):
    """A call took longer than its limit. No ``Exception``, so that few programs catch it."""


def behave(
    function: Function,
    kind: str,
    call: Call,
    tree: str,
    limit_s: float,
    results: list[Any] | None = None,
) -> dict[str, Any]:
    """Call once and tell what happened.

    Returns ``ending`` (returned, raised, timeout, exhausted, incomparable), ``digest`` of everything
    that can be seen, ``result`` (digest of the result alone, as the recorder makes it), ``shown``
    (readable) and, for exceptions, ``error`` (type) and ``own`` (raised by the tree's own ``raise``).
    The result itself is appended to ``results``.
    """
    seed()
    with _Witness() as witness:
        ending = _ending(function, kind, call, tree, limit_s, results)
    if ending["ending"] not in ("returned", "raised"):
        return ending
    ending["digest"] = sha256(ending.pop("text") + "\n" + witness.text(tree))
    ending["shown"] += witness.shown()
    return ending


def answer(function: Function, kind: str, call: Call, tree: str) -> str:
    """Call once and return the digest of the result alone, ``""`` where there is none to compare."""
    seed()
    try:
        result = function(*call[0], **call[1])
        return (record.digest(result, tree) or "") if kind == "function" else ""
    except Exception:
        return ""


def prepare(kind: str) -> None:
    """Import what driving a call takes, so that no call is timed with it.

    Only where it is needed: it would be half of the start-up of every process.
    """
    if kind in ("coroutine", "async generator"):
        import asyncio  # noqa: F401


def drive(kind: str, result: Any) -> Any:
    """Do what a call merely prepared: a generator's items as a list, a coroutine's result."""
    if kind in ("coroutine", "async generator"):
        import asyncio

        return asyncio.run(result if kind == "coroutine" else _collected(result))
    if kind == "generator" or hasattr(result, "__next__"):
        return list(itertools.islice(result, _AT_MOST_ITEMS))
    return result


async def _collected(items: AsyncIterator[Any]) -> list[Any]:
    found: list[Any] = []
    async for item in items:
        found.append(item)
        if len(found) >= _AT_MOST_ITEMS:
            break
    return found


def sha256(text: str) -> str:
    """Return the digest of a text that may hold lone surrogates."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def seed() -> None:
    """Seed the random numbers that programs draw without asking."""
    random.seed(0)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(0)


def _ending(
    function: Function,
    kind: str,
    call: Call,
    tree: str,
    limit_s: float,
    results: list[Any] | None,
) -> dict[str, Any]:
    arguments, keywords = call
    try:
        with time_limit(limit_s):
            result = function(*arguments, **keywords)
            if kind != "function":
                result = drive(kind, result)
            seen = canonical.describe((result, arguments, keywords), tree=tree, consume=True)
    except TimeUp:
        return {"ending": "timeout", "shown": f"took more than {limit_s:g} s"}
    except (RecursionError, MemoryError) as error:
        return {"ending": "exhausted", "shown": f"raised {type(error).__name__}"}
    except (canonical.TooLarge, canonical.NotComparable) as error:
        return {"ending": "incomparable", "shown": str(error)[:_SHOWN]}
    except BaseException as error:
        return _raised(error, call, tree)
    if seen.opaque:  # equal by type only, which is no equality
        return {"ending": "incomparable", "shown": "a part of the result cannot be looked into"}
    if results is not None:
        results.append(result)
    alone = None if kind != "function" else record.digest(result, tree)
    shown = "returned " + canonical.short(result)
    return {"ending": "returned", "text": seen.text, "result": alone, "shown": shown}


def _raised(error: BaseException, call: Call, tree: str) -> dict[str, Any]:
    try:
        text = canonical.describe((error, *call), tree=tree).text
    except (canonical.TooLarge, canonical.NotComparable) as problem:
        return {"ending": "incomparable", "shown": str(problem)[:_SHOWN]}
    return {
        "ending": "raised",
        "text": text,
        "error": f"{type(error).__module__}.{type(error).__qualname__}",
        "own": _raised_by_own_code(error.__traceback__, tree),
        "shown": f"raised {type(error).__name__}{canonical.short(error.args)}",
    }


def _raised_by_own_code(trace: TracebackType | None, tree: str) -> bool:
    """Say whether a ``raise`` or ``assert`` statement of the tree itself raised it."""
    if trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    filename = trace.tb_frame.f_code.co_filename
    line = linecache.getline(filename, trace.tb_lineno).strip()
    inside = os.path.realpath(filename).startswith(os.path.realpath(tree) + os.sep)
    return inside and line.startswith(("raise", "assert"))


@contextlib.contextmanager
def time_limit(limit_s: float) -> Iterator[None]:
    """Raise :class:`TimeUp` inside the block, again and again, once the time is over."""

    def on_alarm(_signal: int, _frame: FrameType | None) -> None:
        raise TimeUp

    previous = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, limit_s, 0.05)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


class _Witness(logging.Handler):
    """Notes what is printed, logged (at every level) and warned of inside its block."""

    def __init__(self) -> None:
        super().__init__(level=0)
        self._out, self._err = _Bounded(), _Bounded()
        self._logged: list[tuple[str, int, str]] = []
        self._warned: list[warnings.WarningMessage] = []
        self._open = contextlib.ExitStack()

    def emit(self, record: logging.LogRecord) -> None:
        """Note a log record; one whose message cannot be made harms nobody outside, nor here."""
        try:
            message = record.getMessage()
        except Exception as error:
            message = f"{record.msg!r}: {type(error).__name__}"
        if len(self._logged) < _AT_MOST_LOGGED:
            self._logged.append((record.name, record.levelno, message))

    def __enter__(self) -> _Witness:
        stack = self._open
        self._warned = stack.enter_context(warnings.catch_warnings(record=True))
        warnings.simplefilter("always")
        stack.enter_context(contextlib.redirect_stdout(self._out))
        stack.enter_context(contextlib.redirect_stderr(self._err))
        root = logging.getLogger()
        stack.callback(root.setLevel, root.level)
        stack.callback(root.removeHandler, self)
        root.addHandler(self)
        root.setLevel(1)
        return self

    def __exit__(self, *_what: object) -> None:
        self._open.close()

    def text(self, tree: str) -> str:
        """Return everything that was noted, without addresses and without the tree's own place."""
        warned = [(each.category.__name__, str(each.message)) for each in self._warned]
        noted = (self._out.getvalue(), self._err.getvalue(), self._logged, warned)
        return canonical.canonical(noted, tree=tree, limit_bytes=_AT_MOST_NOTED)

    def shown(self) -> str:
        """Return a readable remark on what was noted, ``""`` for nothing."""
        noted = {
            "printed": self._out.getvalue() + self._err.getvalue(),
            "logged": "; ".join(message for _, _, message in self._logged[:2]),
            "warned": "; ".join(str(each.message) for each in self._warned[:2]),
        }
        return "".join(f", {what} {text[:80]!r}" for what, text in noted.items() if text)


class _Bounded(io.StringIO):
    """Printed output, of which only the first part is kept."""

    def write(self, text: str) -> int:
        if self.tell() < _AT_MOST_OUTPUT:
            super().write(text)
        return len(text)
