"""What one call does, told as text: result or exception, arguments afterwards, output, logs, warnings."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import linecache
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

from _perfbot_inside import canonical, record, samples
from _perfbot_inside.witness import Witness

_AT_MOST_ITEMS = 20_000  # taken from a generator
_AT_MOST_PROGRESS = 100_000  # characters: longer arguments are not followed while a call is lazy
_AT_MOST_FLOATS = 20_000  # told apart in what one call does
_AWAITED = ("coroutine", "async generator")
_OPAQUE = "a part of the result cannot be looked into: {what}"
_DEAF_S = 3.0  # of processor time after its limit, for which a call may go on unheard
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
    floats: bool = False,
) -> dict[str, Any]:
    """Call once and tell what happened.

    Returns ``ending`` (returned, raised, timeout, exhausted, incomparable), ``digest`` of everything
    that can be seen, ``result`` (digest of the result alone, as the recorder makes it), ``shown``
    (readable) and, for exceptions, ``error`` (type), ``failure`` (digest of the exception alone) and
    ``own`` (raised by the tree's own ``raise``). With ``floats`` also ``rough``, the digest of
    everything but the floats, and ``floats``. The result itself is appended to ``results``.
    """
    seed()
    with Witness() as witness:
        ending = _Ending(call, tree, witness, floats).of(function, kind, limit_s, results)
    if ending["ending"] not in ("returned", "raised"):
        return ending
    noted = "\n" + witness.text(tree)
    ending["digest"] = sha256(ending.pop("text") + noted)
    rough = ending.pop("rough")
    if rough:
        ending["rough"] = sha256(rough + noted)
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


@dataclasses.dataclass(frozen=True)
class _Ending:
    """How one call ends, and what it leaves: told while the witness listens."""

    call: Call
    tree: str
    witness: Witness
    floats: bool

    def of(
        self, function: Function, kind: str, limit_s: float, results: list[Any] | None
    ) -> dict[str, Any]:
        """Make the call, consume what it hands out, and tell the outcome."""
        arguments, keywords = self.call
        try:
            with time_limit(limit_s):
                result = function(*arguments, **keywords)
                if kind in _AWAITED:
                    result = drive(kind, result)
                seen = self._described((result, arguments, keywords))
        except TimeUp:
            return {"ending": "timeout", "shown": f"took more than {limit_s:g} s"}
        except (RecursionError, MemoryError) as error:
            return {"ending": "exhausted", "shown": f"raised {type(error).__name__}"}
        except (canonical.TooLarge, canonical.NotComparable) as error:
            return {"ending": "incomparable", "shown": str(error)[:_SHOWN]}
        except BaseException as error:
            return self._raised(error, limit_s)
        for iterator, failure in seen.failures:
            if iterator is result:  # a generator fails when it is asked, and so does the call
                return self._failed(failure, seen)
        if seen.opaque:  # equal by type only, which is no equality
            return {"ending": "incomparable", "shown": _OPAQUE.format(what=seen.first_opaque)}
        if results is not None:
            results.append(result)
        alone = None if kind != "function" else record.digest(result, self.tree)
        shown = "returned " + samples.short(result)
        return {"ending": "returned", "result": alone, "shown": shown, **self._texts(seen)}

    def _described(self, value: object) -> canonical.Description:
        return canonical.describe(
            value, tree=self.tree, consume=True, progress=self._progress, apart=self.floats
        )

    def _progress(self) -> str:
        """Say what was done to the arguments and printed up to now."""
        try:
            seen = canonical.canonical(self.call, tree=self.tree, limit_bytes=_AT_MOST_PROGRESS)
        except (canonical.TooLarge, canonical.NotComparable):
            seen = ""
        return f"{sha256(seen)} {self.witness.progress()}"

    def _texts(self, seen: canonical.Description) -> dict[str, Any]:
        if not self.floats or len(seen.floats) > _AT_MOST_FLOATS:
            return {"text": seen.text, "rough": ""}
        return {"text": seen.text, "rough": seen.rough, "floats": list(seen.floats)}

    def _raised(self, error: BaseException, limit_s: float) -> dict[str, Any]:
        behind = _own_contexts(error, self.tree)
        try:
            with time_limit(limit_s):
                seen = self._described((error, behind, *self.call))
        except (canonical.TooLarge, canonical.NotComparable, TimeUp) as problem:
            return {"ending": "incomparable", "shown": str(problem)[:_SHOWN]}
        return self._failed(error, seen)

    def _failed(self, error: BaseException, seen: canonical.Description) -> dict[str, Any]:
        if isinstance(error, (RecursionError, MemoryError)):
            return {"ending": "exhausted", "shown": f"raised {type(error).__name__}"}
        return {
            "ending": "raised",
            "error": f"{type(error).__module__}.{type(error).__qualname__}",
            "failure": record.digest(error, self.tree) or "",
            "own": _raised_by_own_code(error.__traceback__, self.tree),
            "shown": f"raised {type(error).__name__}{samples.short(error.args)}",
            **self._texts(seen),
        }


def _own_contexts(error: BaseException, tree: str) -> list[tuple[str, tuple[Any, ...]]]:
    """Return the exceptions that a traceback would show as being handled when this one was raised.

    Only those that the tree's own code raised: any other, say a ``KeyError`` of a look-up, tells
    how the code goes about its work.
    """
    found = []
    met = {id(error)}
    while not error.__suppress_context__ and error.__context__ is not None:
        error = error.__context__
        if id(error) in met:
            break
        met.add(id(error))
        if _raised_by_own_code(error.__traceback__, tree):
            found.append((type(error).__qualname__, error.args))
    return found


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
    """Raise :class:`TimeUp` inside the block, again and again, once the time is over.

    What does not hear it (a loop in C, a program that catches everything) is ended with its process
    by the kernel, which counts processor time.
    """

    def on_alarm(_signal: int, _frame: FrameType | None) -> None:
        raise TimeUp

    previous = signal.signal(signal.SIGALRM, on_alarm)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, limit_s + _DEAF_S)
    signal.setitimer(signal.ITIMER_REAL, limit_s, 0.05)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGALRM, previous)
