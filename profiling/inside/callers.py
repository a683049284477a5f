"""Noting which tests call a function, by themselves or through other functions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from _perfbot_inside import record

if TYPE_CHECKING:
    from _perfbot_inside.results import Results

Function = Callable[..., Any]


class Callers:
    """Wraps functions so that each call is noted for the test in whose body it happens."""

    def __init__(self) -> None:
        self._test: str | None = None
        self._found: dict[str | None, None] = {}

    def wrap(self, _key: str, function: Function) -> Function:
        """Return a function of the same kind that notes its calls."""
        return record.wrapped(function, _Note(self, function))

    @contextlib.contextmanager
    def during(self, test: str) -> Iterator[None]:
        """Count the calls inside the block for a test."""
        self._test = test
        try:
            yield
        finally:
            self._test = None

    def note(self) -> None:
        """Note a call of now."""
        self._found[self._test] = None

    def finish(self, results: Results) -> None:
        """Send the tests' names, and whether there were calls outside the body of any test."""
        tests = [test for test in self._found if test is not None]
        results.send("callers", tests=tests, elsewhere=None in self._found)


class _Note:
    """What a recording wrapper calls: here nothing is recorded, only noted."""

    def __init__(self, callers: Callers, function: Function) -> None:
        self._callers = callers
        self._function = function

    def call(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        self._callers.note()
        return self._function(*arguments, **keywords)

    def enter(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> record.Call:
        self._callers.note()
        return arguments, keywords
