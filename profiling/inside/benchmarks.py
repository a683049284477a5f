"""Running a project's pytest-benchmark benchmarks, and telling what pytest-benchmark says of them.

The job's ``pytest`` are pytest's arguments, ``only`` the benchmarks to run (``None``: all that are
collected; other tests never run). With ``measure`` they are timed, and what stands in
pytest-benchmark's own JSON is sent; without it each runs once, as a test, and it is sent which of
the job's ``functions`` each of them calls.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
from typing import TYPE_CHECKING, Any

from _perfbot_inside import record, tap
from _perfbot_inside.exercise import Outcomes

if TYPE_CHECKING:
    from _perfbot_inside.results import Results

Job = dict[str, Any]  # JSON

# A fifth of pytest-benchmark's own time for each: what one process lacks in precision comes from
# having several of them. Marks in the project's code overrule these, as they do for its own people.
_MEASURED = ("--benchmark-enable", "--benchmark-max-time=0.2", "--benchmark-min-rounds=3")


def run(job: Job, results: Results) -> None:
    """Do a ``benchmarks`` job."""
    callers = _Callers()
    tap.install(job["tree"], job["roots"], job["functions"], callers.wrap)
    if importlib.util.find_spec("pytest_benchmark") is None:
        results.send("no-plugin")
    elif job["measure"]:
        _measure(job, results, callers)
    else:
        _run_pytest(job, results, callers, ["--benchmark-disable"])
        results.send("called", by={key: sorted(tests) for key, tests in callers.tests.items()})


def _measure(job: Job, results: Results, callers: _Callers) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "benchmarks.json")
        _run_pytest(job, results, callers, [*_MEASURED, f"--benchmark-json={path}"])
        found = _read(path)
    for each in found:
        stats = each["stats"]
        results.send("benchmark", test=each["fullname"], median_s=stats["median"])


def _read(path: str) -> list[dict[str, Any]]:
    """Return what pytest-benchmark wrote; nothing where it measured nothing."""
    if not os.path.isfile(path) or not os.path.getsize(path):
        return []
    with open(path, encoding="utf-8") as file:
        found: list[dict[str, Any]] = json.load(file)["benchmarks"]
    return found


class _Callers:
    """Which tests call which function."""

    def __init__(self) -> None:
        self.tests: dict[str, set[str]] = {}
        self._running = ""

    def wrap(self, key: str, function: tap.Function) -> tap.Function:
        """Return a function of the same kind whose calls are noted."""
        return record.wrapped(function, _Watch(self, key, function))

    def starts(self, test: str) -> None:
        """Say that this test runs from now on."""
        self._running = test

    def note(self, key: str) -> None:
        """Note that the running test calls a function; calls between tests are nobody's."""
        if self._running:
            self.tests.setdefault(key, set()).add(self._running)


class _Watch:
    def __init__(self, callers: _Callers, key: str, function: tap.Function) -> None:
        self._callers = callers
        self._key = key
        self._function = function

    def call(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Note and make the call."""
        self._callers.note(self._key)
        return self._function(*arguments, **keywords)

    def enter(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> record.Call:
        """Note the call."""
        self._callers.note(self._key)
        return arguments, keywords


def _run_pytest(job: Job, results: Results, callers: _Callers, options: list[str]) -> None:
    import pytest

    wanted = None if job["only"] is None else frozenset(job["only"])

    class Plugin(Outcomes):
        @pytest.hookimpl(trylast=True)
        def pytest_collection_modifyitems(self, items: list[Any]) -> None:
            """Keep the wanted benchmarks and nothing else."""
            items[:] = [item for item in items if _is_wanted(item, wanted)]

        def pytest_runtest_logstart(self, nodeid: str) -> None:
            """Remember who is running."""
            callers.starts(nodeid)

        def pytest_runtest_logfinish(self, nodeid: str) -> None:
            """Forget who was running, and report its outcome."""
            callers.starts("")
            super().pytest_runtest_logfinish(nodeid)

    arguments = [*options, "--continue-on-collection-errors", *job["pytest"]]
    sys.argv[:] = ["pytest", *arguments]
    pytest.main(arguments, plugins=[Plugin(results, None)])


def _is_wanted(item: Any, wanted: frozenset[str] | None) -> bool:
    is_benchmark = "benchmark" in getattr(item, "fixturenames", ())
    return is_benchmark and (wanted is None or item.nodeid in wanted)
