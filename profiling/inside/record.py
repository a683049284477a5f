"""Recording real calls: which arguments a function gets, how often, what it answers, what types it sees.

The wrapper is of the function's own kind (function, coroutine, generator, asynchronous generator),
so that callers cannot tell. Only the outermost call of a recursion is recorded.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import inspect
import os
import pickle
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from _perfbot_inside import canonical, facts, pickling, streams

if TYPE_CHECKING:
    from _perfbot_inside.results import Results

_AT_MOST_CALLS = 240  # kept per function
_AT_MOST_BYTES = 24_000_000  # of pickled arguments kept per function, less where there are many
_AT_MOST_ALL_BYTES = 120_000_000  # for all functions
_AT_MOST_ONE_BYTES = 4_000_000  # of one call's pickled arguments
_LOOKED_AT = 12  # calls whose variables are described by type
_FREE_NS = 500_000_000  # of looking at calls, per function
_SHARE = 0.5  # of the run's time so far, for looking at the calls of all functions together
_MOST_TESTS = 200  # whose calls of one function are counted

Function = Callable[..., Any]
Entry = dict[str, Any]
Call = tuple[tuple[Any, ...], dict[str, Any]]
_Alike = tuple[int, tuple[type, ...], Any]  # size class, types of the arguments, type of exception


def kind_of(function: Function) -> str:
    """Return ``function``, ``coroutine``, ``generator`` or ``async generator``."""
    if inspect.iscoroutinefunction(function):
        return "coroutine"
    if inspect.isasyncgenfunction(function):
        return "async generator"
    return "generator" if inspect.isgeneratorfunction(function) else "function"


class _Expense:
    """The time that recording takes, so that it can be bounded and left out of what calls take."""

    def __init__(self, functions: int) -> None:
        # Bound here, before a library that freezes time exchanges the names in modules.
        self.now_ns = time.perf_counter_ns
        self.total_ns = 0
        self.test: str | None = None  # the one whose body runs just now
        self._here = threading.local()
        self.at_most_bytes = min(_AT_MOST_BYTES, _AT_MOST_ALL_BYTES // max(1, functions))
        self._started_ns = self.now_ns()
        self._share = _SHARE / max(1, functions)

    @property
    def is_looking(self) -> bool:
        """Whether this thread is looking at a call just now."""
        return getattr(self._here, "is_looking", False)

    @is_looking.setter
    def is_looking(self, value: bool) -> None:
        self._here.is_looking = value

    def allows(self, spent_ns: int) -> bool:
        """Say whether a function whose recording took so long may go on with it for now."""
        return spent_ns < _FREE_NS + self._share * (self.now_ns() - self._started_ns)


@dataclass(frozen=True)
class _Looked:
    """A call that is about to be made: its pickle, and the arguments to make it with."""

    known: bytes
    pickled: bytes
    call: Call
    followed: list[streams.Followed]


@dataclass(frozen=True)
class _Kept:
    """A call that was made: what it did, and its pickled arguments."""

    entry: Entry
    pickled: bytes
    followed: list[streams.Followed]

    def sealed(self) -> bytes:
        """Return the call's pickle with all that its generators yielded up to now."""
        if not self.followed:
            return self.pickled
        return streams.sealed(self.pickled, self.followed)


class Recorder:
    """Wraps functions so that their calls are recorded; :meth:`finish` sends what was seen."""

    def __init__(self, job: dict[str, Any], results: Results) -> None:
        self._tree: str = job["tree"]
        self._results = results
        self._all: list[_Calls] = []
        self._expense = _Expense(sum(map(len, job["functions"].values())))

    def wrap(self, key: str, function: Function) -> Function:
        """Return a function of the same kind that records and then does the same."""
        calls = _Calls(key, kind_of(function), function, self._tree, self._expense)
        self._all.append(calls)
        return wrapped(function, calls)

    @contextlib.contextmanager
    def during(self, test: str) -> Iterator[None]:
        """Count the calls inside the block for a test."""
        self._expense.test = test
        try:
            yield
        finally:
            self._expense.test = None

    def finish(self) -> None:
        """Send what is known of each function."""
        for calls in self._all:
            self._results.send("calls", path=self._own_path(), **calls.as_json())

    def _own_path(self) -> list[str]:
        """Return the entries of ``sys.path`` that lie in the tree, relative to it, in order."""
        tree = os.path.realpath(self._tree)
        real = [os.path.realpath(entry) for entry in sys.path if os.path.isabs(entry)]
        return [
            os.path.relpath(entry, tree)
            for entry in real
            if entry == tree or entry.startswith(tree + os.sep)
        ]


class _Calls:
    """What is known of one function's calls."""

    def __init__(
        self, key: str, kind: str, function: Function, tree: str, expense: _Expense
    ) -> None:
        self._key = key
        self._kind = kind
        self._function = function
        self._tree = tree
        self._count = 0
        self._tests: dict[str, int] = {}
        self._unpicklable = 0
        self._why_unpicklable = ""
        self._facts: dict[str, facts.Fact | None] = {}
        self._described = 0
        self._kept: dict[bytes, _Kept] = {}
        self._kept_bytes = 0
        self._by_kind: dict[_Alike, list[tuple[bytes, int]]] = {}
        self._inside = threading.local()
        self._expense = expense
        self._spent_ns = 0

    def as_json(self) -> dict[str, object]:
        """Return the record that the parent reads."""
        calls = self._told()
        return {
            "function": self._key,
            "function_kind": self._kind,
            "count": self._count,
            "tests": self._tests,
            "unpicklable": self._unpicklable,
            "why_unpicklable": self._why_unpicklable,
            "facts": self._facts,
            "calls": calls,
        }

    def _told(self) -> list[Entry]:
        """Return the calls that were kept, those with generators as far as their items are known."""
        told: dict[bytes, Entry] = {}
        for kept in self._kept.values():
            try:
                pickled = kept.sealed()
            except Exception as error:
                self._unpicklable += 1
                self._why_unpicklable = f"{type(error).__name__}: {error}"[:200]
                continue
            if pickled in told:
                told[pickled]["times"] += kept.entry["times"]
                continue
            told[pickled] = {**kept.entry, "arguments": base64.b64encode(pickled).decode()}
        return list(told.values())

    def call(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Call a plain function, recording it unless it is a recursive call."""
        if self._expense.is_looking:  # pickling runs code of the target, which is no call of it
            return self._function(*arguments, **keywords)
        self._counted()
        if getattr(self._inside, "now", False):
            return self._function(*arguments, **keywords)
        found = self._looked_into((arguments, keywords))
        if found is None:
            return self._function(*arguments, **keywords)
        self._inside.now = True
        try:
            return self._watched(found)
        finally:
            self._inside.now = False

    def enter(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Call:
        """Record the arguments of a function whose body runs later; return those to call it with."""
        if self._expense.is_looking:
            return arguments, keywords
        self._counted()
        found = self._looked_into((arguments, keywords))
        if found is None:
            return arguments, keywords
        with self._looking():
            self._keep(found, {"ns": 0})
        if self._described < _LOOKED_AT:
            self._described += 1
            self._describe(inspect.signature(self._function).bind(*arguments, **keywords).arguments)
        return found.call

    def _counted(self) -> None:
        self._count += 1
        test = self._expense.test
        if test is not None and (test in self._tests or len(self._tests) < _MOST_TESTS):
            self._tests[test] = self._tests.get(test, 0) + 1

    def _watched(self, found: _Looked) -> Any:
        now_ns, expense = self._expense.now_ns, self._expense
        started_ns = now_ns() - expense.total_ns
        entry: Entry = {}
        try:
            result = self._looked_at(*found.call)
        except BaseException as error:
            entry["ns"] = max(1, now_ns() - expense.total_ns - started_ns)
            with self._looking():
                entry["raised"] = facts.type_name(type(error))
                entry["failure"] = digest(error, self._tree) or ""
                self._keep(found, entry)
            raise
        # Inner functions are recorded, too: what that took is no time of this call.
        entry["ns"] = max(1, now_ns() - expense.total_ns - started_ns)
        with self._looking():
            if self._keep(found, entry):
                entry["returned"] = digest(result, self._tree)
        return result

    @contextlib.contextmanager
    def _looking(self) -> Iterator[None]:
        """Count the block's time as expense, and what it calls as no calls."""
        started_ns, outer = self._expense.now_ns(), self._expense.is_looking
        self._expense.is_looking = True
        try:
            yield
        finally:
            self._expense.is_looking = outer
            taken_ns = self._expense.now_ns() - started_ns
            self._spent_ns += taken_ns
            self._expense.total_ns += taken_ns

    def _looked_at(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Call, and describe the variables by type for the first few calls."""
        code = getattr(self._function, "__code__", None)
        if self._described >= _LOOKED_AT or code is None:
            return self._function(*arguments, **keywords)
        self._described += 1
        seen, outcome = facts.observed(self._function, code, arguments, keywords)
        for name, fact in seen.items():
            self._facts[name] = facts.merge(self._facts.get(name), fact)
        return outcome()

    def _describe(self, variables: dict[str, Any]) -> None:
        for name, value in variables.items():
            self._facts[name] = facts.merge(self._facts.get(name), facts.described(value))

    def _looked_into(self, call: Call) -> _Looked | None:
        """Pickle a call before it is made; ``None`` when known, too large, or not to be pickled."""
        if not self._is_wanted():
            return None
        with self._looking():
            try:
                return self._pickled(call)
            except pickling.TooMuch:
                return None
            except Exception as error:
                self._unpicklable += 1
                self._why_unpicklable = f"{type(error).__name__}: {error}"[:200]
                return None

    def _pickled(self, call: Call) -> _Looked | None:
        if any(map(_is_huge, (*call[0], *call[1].values()))):
            return None
        try:
            pickled = pickling.dumps(call, _AT_MOST_ONE_BYTES)
            pickle.loads(pickled)
            followed: list[streams.Followed] = []
        except pickling.TooMuch:
            raise
        except Exception:
            call, placeheld, followed = streams.follow(call, pickling.dumps)
            if not followed:
                raise
            pickled = pickling.dumps(placeheld, _AT_MOST_ONE_BYTES)
        known = hashlib.blake2b(pickled, digest_size=16).digest()
        if followed:  # what they yield is not known yet
            known += self._count.to_bytes(8, "big")
        if known in self._kept:
            self._kept[known].entry["times"] += 1
            return None
        return _Looked(known, pickled, call, followed)

    def _keep(self, found: _Looked, entry: Entry) -> bool:
        """Keep a call now that it is known how it ended, if there is room for one more like it."""
        size = len(found.pickled)
        kinds = (*map(type, found.call[0]), *map(type, found.call[1].values()))
        alike = (size.bit_length(), kinds, entry.get("raised"))
        if found.known in self._kept or not self._has_room(size, alike):
            return False
        self._kept_bytes += size
        entry["times"] = 1
        self._kept[found.known] = _Kept(entry, found.pickled, found.followed)
        self._by_kind.setdefault(alike, []).append((found.known, size))
        return True

    def _has_room(self, size: int, alike: _Alike) -> bool:
        """Say whether there is room for a call of this kind; a call of a commoner kind gives way.

        Tests make many small calls before a benchmark makes the few large ones that matter.
        """
        while (
            len(self._kept) >= _AT_MOST_CALLS
            or self._kept_bytes + size > self._expense.at_most_bytes
        ):
            commonest = max(self._by_kind.values(), key=len, default=[])
            if len(commonest) <= len(self._by_kind.get(alike, [])) + 1:
                return False
            known, freed = commonest.pop()
            del self._kept[known]
            self._kept_bytes -= freed
        return True

    def _is_wanted(self) -> bool:
        """Say whether to look at this call: all at first, then every 2nd, 4th, … so that cost is bounded.

        Large arguments take long to pickle, so there is a bound on the time, too.
        """
        step = 1 << max(0, (self._count - 1) // 1024).bit_length()
        return self._count % step == 0 and self._expense.allows(self._spent_ns)


def _is_huge(value: object) -> bool:
    """Say whether pickle would copy a value, only to find that it is too large to be kept."""
    return type(value) in (str, bytes, bytearray) and len(value) > _AT_MOST_ONE_BYTES  # type: ignore[arg-type]


def digest(value: object, tree: str) -> str | None:
    """Return a digest of a value's canonical form, ``None`` where it has none that can be compared."""
    try:
        described = canonical.describe(value, tree=tree)
    except (canonical.TooLarge, canonical.NotComparable):
        return None
    if described.opaque:
        return None
    return hashlib.sha256(described.text.encode("utf-8", "surrogatepass")).hexdigest()


class Watcher(Protocol):
    """Who is told of a function's calls."""

    def call(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Make the call of a plain function."""

    def enter(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Call:
        """Hear of a call of a function whose body runs later; return what it is to be called with."""


def wrapped(function: Function, calls: Watcher) -> Function:
    """Return a function of the same kind whose calls go through ``calls``."""
    return _WRAPPERS[kind_of(function)](function, calls)


def _wrap_function(function: Function, calls: Watcher) -> Function:
    @functools.wraps(function)
    def wrapper(*arguments: Any, **keywords: Any) -> Any:
        return calls.call(arguments, keywords)

    return wrapper


def _wrap_coroutine(function: Function, calls: Watcher) -> Function:
    @functools.wraps(function)
    async def wrapper(*arguments: Any, **keywords: Any) -> Any:
        arguments, keywords = calls.enter(arguments, keywords)
        return await function(*arguments, **keywords)

    return wrapper


def _wrap_generator(function: Function, calls: Watcher) -> Function:
    @functools.wraps(function)
    def wrapper(*arguments: Any, **keywords: Any) -> Generator[Any, Any, Any]:
        arguments, keywords = calls.enter(arguments, keywords)
        return (yield from function(*arguments, **keywords))

    return wrapper


def _wrap_async_generator(function: Function, calls: Watcher) -> Function:
    @functools.wraps(function)
    async def wrapper(*arguments: Any, **keywords: Any) -> AsyncIterator[Any]:
        arguments, keywords = calls.enter(arguments, keywords)
        async for item in function(*arguments, **keywords):
            yield item

    return wrapper


_WRAPPERS = {
    "function": _wrap_function,
    "coroutine": _wrap_coroutine,
    "generator": _wrap_generator,
    "async generator": _wrap_async_generator,
}
