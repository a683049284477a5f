"""Replaying recorded calls, and mutations of them, on the version of the code that lies in the tree.

What a call does is told as text: result or exception, arguments afterwards, output and warnings.
Two versions behave alike when their texts are equal; the parent compares.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import io
import itertools
import linecache
import os
import pickle
import random
import signal
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from _perfbot_inside import canonical, mutate, record, tap

if TYPE_CHECKING:
    from _perfbot_inside.results import Results

_AT_MOST_ITEMS = 20_000  # taken from a generator
_AT_MOST_OUTPUT = 200_000  # characters of printed output that are compared
_VARIANT_SHARE = 0.2  # of the time that a recorded call may take
_WILD_SHARE = 0.05  # for mutations that may make a function run for ever
_SHOWN = 300  # characters of a behaviour's text that are sent beside its digest

Function = Callable[..., Any]
Call = tuple[tuple[Any, ...], dict[str, Any]]


class TimeUp(BaseException):
    """A call took longer than its limit. No ``Exception``, so that few programs catch it."""


def run(job: dict[str, Any], results: Results) -> None:
    """Do a ``replay`` job: one ``behaviour`` line per recorded call and per variant of it."""
    sys.setrecursionlimit(job.get("recursion_limit", sys.getrecursionlimit()))
    path, _, qualname = job["function"].rpartition("::")
    function = tap.reach(job["tree"], job["roots"], path, qualname, job["modules"])
    player = _Player(function, job["tree"], results)
    for number, recorded in enumerate(job["calls"]):
        player.replay(
            number, base64.b64decode(recorded), job["variants"], job["played"], job["limit_s"]
        )


class _Player:
    def __init__(self, function: Function, tree: str, results: Results) -> None:
        self._function = function
        self._kind = record.kind_of(function)
        self._tree = tree
        self._results = results

    def replay(
        self, number: int, pickled: bytes, variants: int, played: int, limit_s: float
    ) -> None:
        """Play one recorded call and the first ``played`` of its variants.

        All versions must make the same ``variants``, since what the first ones are depends on how
        many there are. What cannot be unpickled is said so.
        """
        try:
            call: Call = pickle.loads(pickled)
        except Exception as error:
            self._results.send(
                "behaviour", call=number, variant=0, ending="unreadable", shown=repr(error)[:_SHOWN]
            )
            return
        self._play(number, 0, "", call, limit_s)
        if played:
            arguments, keywords = pickle.loads(pickled)
            made = mutate.variants(arguments, keywords, seed=number, count=variants)
            for index, variant in enumerate(itertools.islice(_safely(made), played), start=1):
                share = _WILD_SHARE if variant.wild else _VARIANT_SHARE
                varied: Call = (variant.arguments, variant.keywords)
                self._play(number, index, variant.what, varied, limit_s * share)

    def _play(self, number: int, index: int, what: str, call: Call, limit_s: float) -> None:
        shown = canonical.short(call[0]) + (canonical.short(call[1]) if call[1] else "")
        self._results.send("starting", call=number, variant=index)
        before = _arguments_text(call, self._tree) if index == 0 else None
        behaviour = behave(self._function, self._kind, call, self._tree, limit_s)
        if index == 0:
            behaviour["changed"] = before is None or before != _arguments_text(call, self._tree)
        self._results.send(
            "behaviour", call=number, variant=index, what=what, arguments=shown, **behaviour
        )


def _arguments_text(call: Call, tree: str) -> str | None:
    try:
        return canonical.describe(call, tree=tree).text
    except (canonical.TooLarge, canonical.NotComparable):
        return None


def _safely(variants: Iterator[Any]) -> Iterator[Any]:
    """End the iteration where the mutation itself fails on somebody's odd object."""
    try:
        yield from variants
    except Exception:
        return


def behave(function: Function, kind: str, call: Call, tree: str, limit_s: float) -> dict[str, Any]:
    """Call once and tell what happened.

    Returns ``ending`` (returned, raised, timeout, exhausted, incomparable), ``digest`` of everything
    that can be seen, ``result`` (digest of the result alone, as the recorder makes it), ``shown``
    (readable) and, for exceptions, ``error`` (type) and ``own`` (raised by the tree's own ``raise``).
    """
    _seed()
    printed = _Bounded()
    with warnings.catch_warnings(record=True) as caught, contextlib.ExitStack() as stack:
        warnings.simplefilter("always")
        stack.enter_context(contextlib.redirect_stdout(printed))
        stack.enter_context(contextlib.redirect_stderr(printed))
        ending = _ending(function, kind, call, tree, limit_s)
    if ending["ending"] not in ("returned", "raised"):
        return ending
    noise = [(warning.category.__name__, str(warning.message)) for warning in caught]
    seen = ending.pop("text") + "\n" + printed.getvalue() + "\n" + repr(noise)
    ending["digest"] = hashlib.sha256(seen.encode("utf-8", "surrogatepass")).hexdigest()
    if printed.tell() or noise:
        ending["shown"] += f", printed {printed.getvalue()[:80]!r}, warned {noise[:2]}"
    return ending


def _ending(function: Function, kind: str, call: Call, tree: str, limit_s: float) -> dict[str, Any]:
    arguments, keywords = call
    try:
        with time_limit(limit_s):
            result = drive(kind, function(*arguments, **keywords))
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
    alone = None if kind != "function" else record.digest(result, tree)
    return {
        "ending": "returned",
        "text": seen.text,
        "result": alone,
        "shown": "returned " + canonical.short(result),
    }


def _raised(error: BaseException, call: Call, tree: str) -> dict[str, Any]:
    try:
        text = canonical.describe((error, *call), tree=tree).text
        message = canonical.describe((error,), tree=tree).text
    except (canonical.TooLarge, canonical.NotComparable) as problem:
        return {"ending": "incomparable", "shown": str(problem)[:_SHOWN]}
    return {
        "ending": "raised",
        "text": text,
        "error": f"{type(error).__module__}.{type(error).__qualname__}",
        "message": hashlib.sha256(message.encode("utf-8", "surrogatepass")).hexdigest(),
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


def drive(kind: str, result: Any) -> Any:
    """Run what a call merely prepared: a generator's items as a list, a coroutine's result."""
    if kind == "generator":
        return list(itertools.islice(result, _AT_MOST_ITEMS))
    if kind == "coroutine":
        return asyncio.run(result)
    if kind == "async generator":
        return asyncio.run(_collected(result))
    return result


async def _collected(items: AsyncIterator[Any]) -> list[Any]:
    found: list[Any] = []
    async for item in items:
        found.append(item)
        if len(found) >= _AT_MOST_ITEMS:
            break
    return found


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


def _seed() -> None:
    random.seed(0)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(0)


class _Bounded(io.StringIO):
    """Printed output, of which only the first part is kept."""

    def write(self, text: str) -> int:
        if self.tell() < _AT_MOST_OUTPUT:
            super().write(text)
        return len(text)
