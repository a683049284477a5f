"""Running the workload and comparing what became of each test.

Outcomes come from perfbot's own pytest plugin, never from the exit code. The baseline runs twice:
what fails or changes without any change to the code is set aside by name.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import PurePosixPath

from perfbot.profiling.functions import FunctionName
from perfbot.profiling.messages import Message
from perfbot.profiling.sandbox import Ending, Limits
from perfbot.profiling.target import Reply, Target
from perfbot.profiling.tree import Tree, UnusableRepository
from perfbot.profiling.workload import PytestArguments, Workload

NOT_ENDED = (
    "the project's tests {how}. Mend that, or name tests that come to their end in .perfbot.yml, for "
    'example workload: {{tests: "pytest {example}"}}'
)
DURING = " while {test} ran"
TIMED_OUT = (
    "did not end within {limit_s:.0f} seconds{where} (a larger --time-budget gives them longer)"
)
ENDED_EARLY = "did not come to their end: their process {trouble}{where}"
ALL_FAIL = (
    "no test passes before any change ({count} collected), and perfbot needs tests that pass; the "
    "first that does not is {first} ({why})"
)
NOTHING_COLLECTED = (
    "pytest collected no tests ({trouble}); name them in .perfbot.yml under workload: tests:"
)
NOT_IMPORTED = (
    "no test can be run, as {name} cannot be imported ({why}): mend it, or say in .perfbot.yml under "
    "workload: install: how what it needs is installed"
)
NOT_PYTHON = (
    "the command {command!r} under workload.commands cannot be profiled: write it as "
    "python FILE … or python -m MODULE …"
)
IMPORTED_FROM_ELSEWHERE = (
    "the tests import {module} from {origin}, not from the repository: they would judge an installed "
    "copy. Uninstall it, or give the interpreter of the project's own environment in .perfbot.yml "
    "under workload: python:"
)
TOLD_TWICE = "its outcome was reported twice, as {one} and as {other}"
# Ids such as test_f[<object at 0x7f…>] change from run to run.
_UNSTABLE = re.compile(r"0x[0-9a-f]{6,}|\b\d{9,}\b")


class Outcome(StrEnum):
    """What became of one test."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"


@dataclass(frozen=True, slots=True)
class Tested:
    """One test's outcome, how long it took and, unless it passed, why."""

    outcome: Outcome
    seconds: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """One run of the tests (and benchmarks, as tests) and of the configured commands.

    ``seconds`` is how long all processes lived, ``commands_s`` what each command took in its own.
    """

    tests: Mapping[str, Tested]
    collect_errors: Mapping[str, str]
    commands: Mapping[str, int]
    seconds: float
    trouble: str = ""  # why the tests did not run to their end, "" if they did
    ending: Ending = Ending.EXITED  # how that process ended
    unfinished: str = ""  # the test that ran when it ended
    elsewhere: tuple[tuple[str, str], ...] = ()
    commands_s: Mapping[str, float] = field(default_factory=dict)

    def named(self, *outcomes: Outcome) -> tuple[str, ...]:
        """Return the names of the tests with one of these outcomes."""
        return tuple(name for name, tested in self.tests.items() if tested.outcome in outcomes)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the unchanged code does: the tests that count, and those set aside by name."""

    counted: Mapping[str, Tested]
    failing: tuple[str, ...]
    flaky: tuple[str, ...]
    skipped: tuple[str, ...]
    commands: Mapping[str, int]
    collected: int
    seconds: float

    def of_tests(self, names: Collection[str]) -> "Baseline":
        """Return the baseline in which only these tests count."""
        counted = {name: tested for name, tested in self.counted.items() if name in names}
        return replace(self, counted=counted)

    def lost(self, run: SuiteRun) -> "tuple[Lost, ...]":
        """Return every counted test that a run does not answer in the same way.

        A missing result counts as a failure, and so does a skip that was a pass.
        """
        found = [*_lost_tests(self.counted, run), *_lost_commands(self.commands, run.commands)]
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Lost:
    """A test whose outcome changed; ``now`` is ``None`` when it is missing."""

    test: str
    before: str
    now: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Callers:
    """The tests in whose body a function is called; ``elsewhere``: also outside of them, as in fixtures.

    ``seconds`` is how long the run took that found them.
    """

    tests: tuple[str, ...]
    elsewhere: bool
    seconds: float


def run_suite(
    target: Target,
    tree: Tree,
    workload: Workload,
    *,
    wall_s: float,
    only: Collection[str] | None = None,
) -> SuiteRun:
    """Run tests, benchmarks (each once) and commands on a copy that they may write to.

    With ``only``, no other tests run, and none after one that fails.
    """
    limits = Limits(wall_s=wall_s, cpu_s=int(wall_s) + 60)
    chosen = {} if only is None else {"only": sorted(only)}
    jobs = [{**job, **chosen} for job in activities(workload)]
    runs = [target.run(job, tree, limits=limits, writable=True) for job in jobs]
    return _merged(workload, runs)


def callers(
    target: Target, tree: Tree, workload: Workload, function: FunctionName, *, wall_s: float
) -> Callers | None:
    """Run the workload and return who calls a function, ``None`` where the run does not end."""
    limits = Limits(wall_s=wall_s, cpu_s=int(wall_s) + 60)
    found: list[str] = []
    elsewhere, seconds = False, 0.0
    for activity in activities(workload):
        job = {**activity, "functions": {function.path: [function.qualname]}, "callers": True}
        reply = target.run(job, tree, limits=limits, writable=True)
        if not reply.finished:
            return None
        seconds += reply.completed.wall_s
        for message in reply.of_kind("callers"):
            found.extend(message.texts("tests"))
            elsewhere |= message.truth("elsewhere") and "pytest" in activity
    return Callers(tuple(found), elsewhere, seconds)


def activities(workload: Workload) -> list[dict[str, object]]:
    """Return the ``exercise`` jobs of a workload: for its tests, its other benchmarks, each command."""
    sessions = [workload.tests, _benchmarks_apart(workload)]
    jobs: list[dict[str, object]] = [
        {"do": "exercise", "pytest": list(arguments.argv)}
        for arguments in sessions
        if arguments is not None
    ]
    commands = [list(_after_python(command)) for command in workload.commands]
    jobs.extend({"do": "exercise", "command": command} for command in commands)
    return jobs


def _benchmarks_apart(workload: Workload) -> PytestArguments | None:
    """Return how to run the benchmark files that the tests' own session does not collect."""
    arguments = workload.benchmark_arguments()
    if arguments is None:
        return None
    tests = workload.tests.paths if workload.tests else ()
    apart = tuple(path for path in workload.benchmarks if not _is_collected(path, tests))
    return PytestArguments(arguments.options, apart) if apart else None


def _is_collected(path: str, tests: Sequence[str]) -> bool:
    file = PurePosixPath(path)
    named_so = file.name.startswith("test_") or file.stem.endswith("_test")
    return path in tests or (named_so and any(file.is_relative_to(test) for test in tests))


def _after_python(command: Sequence[str]) -> Sequence[str]:
    """Return a command's words after ``python``, for it runs inside the harness's own process.

    Raises:
        UnusableRepository: the command runs something else than Python.
    """
    is_python = re.fullmatch(r"python[\d.]*", PurePosixPath(command[0]).name)
    if not is_python or len(command) < 2 or (command[1].startswith("-") and command[1] != "-m"):
        raise UnusableRepository(NOT_PYTHON.format(command=" ".join(command)))
    return command[1:]


def baseline(first: SuiteRun, second: SuiteRun) -> Baseline:
    """Set aside what fails or differs between two runs of the same code.

    Raises:
        UnusableRepository: nothing ran, nothing passes, or the tests import another copy.
    """
    _check_usable(first)
    flaky = {
        name
        for name in first.tests.keys() | second.tests.keys()
        if _outcome(first, name) is not _outcome(second, name)
    }
    failing = set(first.named(Outcome.FAILED, Outcome.ERROR)) - flaky
    counted = {
        name: tested
        for name, tested in first.tests.items()
        if name not in flaky and name not in failing and tested.outcome is not Outcome.SKIPPED
    }
    commands = {
        name: code
        for name, code in first.commands.items()
        if second.commands.get(name) == code == 0
    }
    if not counted and not commands:
        raise UnusableRepository(_nothing_passes(first))
    skipped = tuple(sorted(first.named(Outcome.SKIPPED)))
    return Baseline(
        counted,
        tuple(sorted(failing)),
        tuple(sorted(flaky)),
        skipped,
        commands,
        len(first.tests),
        first.seconds,
    )


def check_ended(run: SuiteRun, limit_s: float) -> None:
    """Check that the tests came to their own end; ``limit_s`` is what they were given.

    Raises:
        UnusableRepository: they hang, or end the process that they run in.
    """
    if not run.trouble:
        return
    where = DURING.format(test=run.unfinished) if run.unfinished else ""
    trouble = run.trouble.partition(": ")[0]
    text = TIMED_OUT if run.ending is Ending.TIMED_OUT else ENDED_EARLY
    how = text.format(limit_s=limit_s, trouble=trouble, where=where)
    example = f"--deselect {run.unfinished}" if run.unfinished else "tests/unit"
    raise UnusableRepository(NOT_ENDED.format(how=how, example=example))


def gist(why: str) -> str:
    """Return the one line of a pytest report that says what happened."""
    lines = [line.strip() for line in why.splitlines() if line.strip()]
    errors = [line[1:].strip() for line in lines if line.startswith("E ")]
    named = [line for line in errors if re.match(r"[\w.]*(Error|Exception|Warning)\b", line)]
    return next(iter([*named, *errors, *reversed(lines)]), "no reason given")[:300]


def _check_usable(run: SuiteRun) -> None:
    if run.elsewhere:
        module, origin = run.elsewhere[0]
        raise UnusableRepository(IMPORTED_FROM_ELSEWHERE.format(module=module, origin=origin))
    if run.tests or run.commands:
        return
    for name, why in run.collect_errors.items():
        raise UnusableRepository(NOT_IMPORTED.format(name=name, why=gist(why)))
    raise UnusableRepository(NOTHING_COLLECTED.format(trouble=run.trouble or "nothing matches"))


def _nothing_passes(run: SuiteRun) -> str:
    told = ((name, tested.why) for name, tested in run.tests.items() if tested.why)
    first, why = next(told, ("unknown", ""))
    return ALL_FAIL.format(count=len(run.tests), first=first, why=gist(why))


def _outcome(run: SuiteRun, name: str) -> Outcome | None:
    tested = run.tests.get(name)
    return tested.outcome if tested else None


def _lost_tests(counted: Mapping[str, Tested], run: SuiteRun) -> list[Lost]:
    unstable = _unstable_counts(run.tests)
    lost = []
    for name, tested in counted.items():
        now = run.tests.get(name)
        if (
            now is None
            and _UNSTABLE.search(name)
            and unstable.get(_stable(name, tested.outcome), 0) > 0
        ):
            unstable[_stable(name, tested.outcome)] -= (
                1  # same test, its parameter has another address
            )
            continue
        if now is None:
            why = run.trouble or next(iter(run.collect_errors.values()), "it did not run")
            lost.append(Lost(name, tested.outcome, None, why[-1000:]))
        elif now.outcome is not tested.outcome:
            lost.append(Lost(name, tested.outcome, now.outcome, now.why[-1000:]))
    return lost


def _stable(name: str, outcome: Outcome) -> tuple[str, Outcome]:
    return _UNSTABLE.sub("…", name), outcome


def _unstable_counts(tests: Mapping[str, Tested]) -> dict[tuple[str, Outcome], int]:
    counts: dict[tuple[str, Outcome], int] = {}
    for name, tested in tests.items():
        if _UNSTABLE.search(name):
            key = _stable(name, tested.outcome)
            counts[key] = counts.get(key, 0) + 1
    return counts


def _lost_commands(before: Mapping[str, int], after: Mapping[str, int]) -> list[Lost]:
    return [
        Lost(
            command, f"exit {code}", None if command not in after else f"exit {after[command]}", ""
        )
        for command, code in before.items()
        if after.get(command) != code
    ]


def _merged(workload: Workload, replies: Sequence[Reply]) -> SuiteRun:
    tests: dict[str, Tested] = {}
    errors: dict[str, str] = {}
    commands: dict[str, int] = {}
    commands_s: dict[str, float] = {}
    elsewhere: list[tuple[str, str]] = []
    offset = len(replies) - len(workload.commands)
    for number, reply in enumerate(replies):
        for message in reply.messages:
            _note(message, tests, errors, elsewhere)
        if number >= offset:
            codes = [message.whole("exit_code") for message in reply.of_kind("command")]
            name = " ".join(workload.commands[number - offset])
            commands_s[name] = sum(each.number("seconds") for each in reply.of_kind("command"))
            commands[name] = (
                codes[0] if codes and reply.finished else reply.completed.returncode or 1
            )
    seconds = sum(reply.completed.wall_s for reply in replies)
    stopped = next((reply for reply in replies[:offset] if not reply.finished), None)
    if stopped is None:
        return SuiteRun(
            tests, errors, commands, seconds, elsewhere=tuple(elsewhere), commands_s=commands_s
        )
    return SuiteRun(
        tests,
        errors,
        commands,
        seconds,
        stopped.trouble,
        stopped.completed.ending,
        _unfinished(stopped),
        tuple(elsewhere),
        commands_s,
    )


def _unfinished(reply: Reply) -> str:
    """Return the first collected test without an outcome: pytest runs them in this order."""
    done = {message.text("test") for message in reply.of_kind("test")}
    listed = (name for message in reply.of_kind("collected") for name in message.texts("tests"))
    return next((name for name in listed if name not in done), "")


def _note(
    message: Message,
    tests: dict[str, Tested],
    errors: dict[str, str],
    elsewhere: list[tuple[str, str]],
) -> None:
    if message.kind == "test" and message.text("outcome") in set(Outcome):
        name, outcome = message.text("test"), Outcome(message.text("outcome"))
        why = message.text("why")
        if name in tests and tests[name].outcome is not outcome:
            why = TOLD_TWICE.format(one=tests[name].outcome, other=outcome)
            outcome = Outcome.ERROR
        tests[name] = Tested(outcome, message.number("seconds"), why)
    elif message.kind == "collect-error":
        errors[message.text("test")] = message.text("why")
    elif message.kind == "modules":
        elsewhere.extend(
            (name, str(origin)) for name, origin in message.mapping("elsewhere").items()
        )
