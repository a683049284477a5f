"""Running the workload: the tests, the benchmark files as tests, or a command of the project.

The job's ``pytest`` (arguments) or ``command`` (argv after ``python``) says what runs; ``sample``
asks for a profile, ``record`` for recorded calls, ``callers`` for the tests that call the functions.
``only`` are the tests to run, up to the first that fails.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import runpy
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from _perfbot_inside import record, tap
from _perfbot_inside.callers import Callers

if TYPE_CHECKING:
    from _perfbot_inside.results import Results
    from _perfbot_inside.sampler import Sampler

Job = dict[str, Any]  # JSON

_now_s = (
    time.perf_counter
)  # bound before a library that freezes time exchanges the names in modules


class Outcomes:
    """A pytest plugin that reports what became of each test, and samples only while tests run."""

    def __init__(self, results: Results, sampler: Sampler | None) -> None:
        self._results = results
        self._sampler = sampler
        self._outcome: dict[str, str] = {}
        self._seconds: dict[str, float] = {}
        self._why: dict[str, str] = {}

    def pytest_collectreport(self, report: Any) -> None:
        """Report a module that cannot be imported or collected."""
        if report.failed:
            self._results.send(
                "collect-error", test=report.nodeid, why=str(report.longrepr)[-4000:]
            )

    def pytest_collection_finish(self, session: Any) -> None:
        """Report how many tests there are."""
        self._results.send("collected", tests=[item.nodeid for item in session.items])

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Merge the three phases of a test into one outcome."""
        name = report.nodeid
        self._seconds[name] = self._seconds.get(name, 0.0) + report.duration
        outcome = _outcome_of(report)
        if outcome is not None and self._outcome.get(name) not in ("failed", "error"):
            self._outcome[name] = outcome
            self._why[name] = str(report.longrepr or "")[-2000:] if outcome != "passed" else ""

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Send the test's outcome when its last phase is over."""
        outcome = self._outcome.pop(nodeid, "error")
        self._results.send(
            "test",
            test=nodeid,
            outcome=outcome,
            seconds=self._seconds.pop(nodeid, 0.0),
            why=self._why.pop(nodeid, ""),
        )

    @contextlib.contextmanager
    def sampling(self) -> Iterator[None]:
        """Sample what runs inside the block, if there is a sampler."""
        if self._sampler is None:
            yield
            return
        self._sampler.resume()
        try:
            yield
        finally:
            self._sampler.pause()


def _outcome_of(report: Any) -> str | None:
    if hasattr(report, "wasxfail"):
        return (
            "xfailed"
            if report.skipped
            else "xpassed"
            if report.passed and report.when == "call"
            else None
        )
    if report.failed:
        return "failed" if report.when == "call" else "error"
    if report.skipped:
        return "skipped"
    return "passed" if report.when == "call" else None


def run(job: Job, results: Results) -> None:
    """Do an ``exercise`` job."""
    sampler = _new_sampler(job["tree"]) if job.get("sample") else None
    recorder = record.Recorder(job, results) if job.get("record") else None
    callers = Callers() if job.get("callers") else None
    wrapping = recorder or callers
    tap.install(
        job["tree"],
        job["roots"],
        job.get("functions", {}),
        wrapping.wrap if wrapping else _unchanged,
    )
    with _sampling(sampler, results):
        if "pytest" in job:
            _run_pytest(job, results, sampler, wrapping)
        else:
            _run_command(job["command"], results, sampler)
    if recorder is not None:
        recorder.finish()
    if callers is not None:
        callers.finish(results)
    results.send("modules", elsewhere=_imported_from_elsewhere(job["tree"], job["roots"]))


def _new_sampler(tree: str) -> Sampler:
    from _perfbot_inside.safe_points import SafePoints
    from _perfbot_inside.sampler import Sampler

    return Sampler(tree, split_at=SafePoints().split)


def _unchanged(_key: str, function: tap.Function) -> tap.Function:
    return function


@contextlib.contextmanager
def _sampling(sampler: Sampler | None, results: Results) -> Iterator[None]:
    if sampler is None:
        yield
        return
    sampler.start()
    sampler.pause()
    try:
        yield
    finally:
        sampler.stop()
        results.send("profile", **sampler.report())


def _run_pytest(
    job: Job,
    results: Results,
    sampler: Sampler | None,
    watching: record.Recorder | Callers | None,
) -> None:
    import pytest

    class Plugin(Outcomes):
        @pytest.hookimpl(hookwrapper=True, trylast=True)
        def pytest_runtest_call(self, item: Any) -> Any:
            """Sample the body of each test, not fixtures, collection or pytest itself."""
            with (
                self.sampling(),
                watching.during(item.nodeid) if watching else contextlib.nullcontext(),
            ):
                yield

        @pytest.hookimpl(trylast=True)
        def pytest_collection_modifyitems(self, items: list[Any]) -> None:
            """Leave out what is not wanted; a test that is not there is none that passed."""
            if "only" in job:
                wanted = frozenset(job["only"])
                items[:] = [item for item in items if item.nodeid in wanted]

    # A module that cannot be collected is reported as such; the others still say what is right.
    arguments = ["--continue-on-collection-errors", *job["pytest"]]
    if "only" in job:
        arguments.append("--exitfirst")
    if importlib.util.find_spec("pytest_benchmark") is not None:
        arguments.insert(0, "--benchmark-disable")  # each benchmark once, as a test
    sys.argv[:] = ["pytest", *arguments]
    code = pytest.main(arguments, plugins=[Plugin(results, sampler)])
    results.send("pytest", exit_code=int(code))


def _run_command(command: list[str], results: Results, sampler: Sampler | None) -> None:
    """Run ``-m module args…`` or ``script.py args…`` in this process."""
    module = command[0] == "-m"
    sys.argv[:] = command[1:] if module else command
    if sampler is not None:
        sampler.resume()
    code: object = 0
    started_s = _now_s()
    try:
        if module:
            runpy.run_module(command[1], run_name="__main__", alter_sys=True)
        else:
            sys.path.insert(0, os.path.dirname(os.path.abspath(command[0])))
            runpy.run_path(command[0], run_name="__main__")
    except SystemExit as exit_:
        code = exit_.code
    results.send(
        "command",
        exit_code=code if isinstance(code, int) else int(code is not None),
        seconds=_now_s() - started_s,
    )


def _imported_from_elsewhere(tree: str, roots: list[str]) -> dict[str, str]:
    """Return modules that exist in the copy but were imported from another place."""
    found = {}
    for name, module in list(sys.modules.items()):
        origin = getattr(module, "__file__", None)
        if not isinstance(origin, str) or os.path.realpath(origin).startswith(
            os.path.realpath(tree) + os.sep
        ):
            continue
        relative = name.replace(".", os.sep)
        for root in roots:
            base = os.path.join(tree, root, relative)
            if os.path.isfile(base + ".py") or os.path.isfile(os.path.join(base, "__init__.py")):
                found[name] = origin
    return found
