"""The project's own pytest-benchmark benchmarks: which of them call a function, and what they take.

Times are read from what pytest-benchmark itself writes (``--benchmark-json``, described at
https://pytest-benchmark.readthedocs.io/en/latest/usage.html), one fresh process at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perfbot.profiling.functions import FunctionName
from perfbot.profiling.sandbox import Limits
from perfbot.profiling.suite import Outcome, gist
from perfbot.profiling.target import Reply, Target
from perfbot.profiling.tree import Tree
from perfbot.profiling.workload import PytestArguments

NO_PLUGIN = "pytest-benchmark is not there for the project's Python"
NOT_COLLECTED = "{name} cannot be collected: {why}"
NOT_ENDED = "the run of the benchmarks did not come to its end: its process {trouble}"
DISAPPEARED = "it was not there any more"
IMPOSSIBLE = "pytest-benchmark's time for it cannot be"
UNTIMED = "pytest-benchmark has no time for it"
ENDED = "it {outcome}{why}"


class BenchmarksFailed(Exception):  # noqa: N818 - it says what happened
    """The benchmarks could not be run to their end; the message says how they ended."""


@dataclass(frozen=True, slots=True)
class Callers:
    """Who calls the functions in question.

    ``calling`` are the benchmarks that do and pass, ``broken`` says of those that do not pass why
    (whether they would call the functions cannot be known).
    """

    calling: tuple[str, ...]
    broken: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BenchmarkTimes:
    """One process's answer: the median of each benchmark in seconds, and why others have none."""

    median_s: Mapping[str, float]
    without: Mapping[str, str]
    wall_s: float


def callers(
    target: Target,
    tree: Tree,
    arguments: PytestArguments,
    functions: Sequence[FunctionName],
    *,
    wall_s: float,
) -> Callers:
    """Run each benchmark once, as a test, on a copy that it may write to, and see what it calls.

    Raises:
        BenchmarksFailed: the process did not come to its end.
    """
    wanted: dict[str, list[str]] = {}
    for function in functions:
        wanted.setdefault(function.path, []).append(function.qualname)
    reply = _run(target, tree, arguments, wall_s, functions=wanted)
    outcomes = _outcomes(reply)
    broken = {name: why for name, why in outcomes.items() if why}
    called = {
        str(test)
        for message in reply.of_kind("called")
        for tests in message.mapping("by").values()
        if isinstance(tests, list)
        for test in tests
    }
    calling = tuple(name for name, why in outcomes.items() if not why and name in called)
    return Callers(calling, {**broken, **_uncollected(reply)})


def timed(
    target: Target,
    tree: Tree,
    arguments: PytestArguments,
    only: Sequence[str] | None,
    *,
    wall_s: float,
) -> BenchmarkTimes:
    """Time benchmarks (``None``: all that are collected) in one fresh process.

    Raises:
        BenchmarksFailed: the process did not come to its end.
    """
    reply = _run(target, tree, arguments, wall_s, only=only, measure=True)
    outcomes = _outcomes(reply)
    told = {
        message.text("test"): message.number("median_s") for message in reply.of_kind("benchmark")
    }
    without = {name: DISAPPEARED for name in only or () if name not in outcomes}
    median_s: dict[str, float] = {}
    for name, why in outcomes.items():
        taken_s = told.get(name, 0.0)
        if why or name not in told:
            without[name] = why or UNTIMED
        elif not 0 < taken_s <= reply.completed.wall_s:
            without[name] = IMPOSSIBLE
        else:
            median_s[name] = taken_s
    return BenchmarkTimes(median_s, {**without, **_uncollected(reply)}, reply.completed.wall_s)


def _run(
    target: Target,
    tree: Tree,
    arguments: PytestArguments,
    wall_s: float,
    *,
    functions: Mapping[str, Sequence[str]] | None = None,
    only: Sequence[str] | None = None,
    measure: bool = False,
) -> Reply:
    job = {
        "do": "benchmarks",
        "pytest": list(arguments.argv),
        "functions": functions or {},
        "only": None if only is None else list(only),
        "measure": measure,
    }
    limits = Limits(wall_s=wall_s, cpu_s=int(wall_s) + 60)
    reply = target.run(job, tree, limits=limits, writable=True)
    if not reply.finished:
        raise BenchmarksFailed(NOT_ENDED.format(trouble=reply.trouble[-600:]))
    if next(reply.of_kind("no-plugin"), None):
        raise BenchmarksFailed(NO_PLUGIN)
    return reply


def _outcomes(reply: Reply) -> dict[str, str]:
    """Return why each benchmark that ran has no result, ``""`` where it passed."""
    found: dict[str, str] = {}
    for message in reply.of_kind("test"):
        outcome, why = message.text("outcome"), message.text("why")
        told = f": {gist(why)}" if why else ""
        passed = outcome == Outcome.PASSED
        found[message.text("test")] = "" if passed else ENDED.format(outcome=outcome, why=told)
    return found


def _uncollected(reply: Reply) -> dict[str, str]:
    return {
        message.text("test"): NOT_COLLECTED.format(
            name=message.text("test"), why=gist(message.text("why"))
        )
        for message in reply.of_kind("collect-error")
    }
