"""Everything before the first measurement: copy the repository, find its Python, run its tests.

What keeps a repository from being worked on comes to light here, the cheap reasons first.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.journal import Journal, Unkept
from perfbot.optimizer.knowledge import NO_PAIRS, PairStore, PastCommit
from perfbot.optimizer.models import Priority, Roles
from perfbot.optimizer.progress import Listener, Phase
from perfbot.optimizer.recorded import Transcript
from perfbot.optimizer.refinement import Refinement
from perfbot.optimizer.routing import Rule
from perfbot.profiling import environment, provision
from perfbot.profiling.functions import FunctionName, find_function, function_index, near_names
from perfbot.profiling.install_policy import Policy
from perfbot.profiling.overlay import overlay
from perfbot.profiling.sandbox import Sandbox
from perfbot.profiling.source import UnreadableSource, read_source
from perfbot.profiling.suite import Baseline, SuiteRun, baseline, check_ended, gist, run_suite
from perfbot.profiling.target import Target
from perfbot.profiling.tree import Tree, export, sources, with_changes
from perfbot.profiling.workload import Workload, WorkloadSettings, discover

UNKNOWN_FUNCTION = "there is no function {name} in the repository{hint}"
DID_YOU_MEAN = "; did you mean {names}?"
SET_ASIDE = "set aside, as {why} before any change: {names}"
NOT_COLLECTED = "set aside, as it cannot be imported: {name} ({why})"
COMMAND_FAILS = "set aside, as it fails before any change: the command {name}"

_LEAST_BASELINE_S = 30.0  # however small the time budget is, a suite gets this long
_NAMED = 5


class UnknownFunction(Exception):  # noqa: N818 - the name says what is wrong
    """A function that was asked for is not there; the message suggests near ones."""


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants of a session.

    ``terms`` gives the terms for a path; ``time_s`` is the budget for everything after the
    baseline, and the most that one run of the baseline may take; an empty ``functions`` means the
    hottest ones. ``python`` is preferred where an environment must be built. Without ``models`` the
    catalogue plans and writes alone; ``refinement`` is how a model is led from one version to the
    next. ``hint`` is what a person wrote about the functions;
    ``journal`` is told what models were asked and what was decided. ``history`` tells what earlier
    commits say of a function, and ``pairs`` remembers versions that were judged in other runs.
    ``rule`` says when a larger model is asked. With ``replay`` nothing is proposed but what that
    transcript holds, for the functions that it holds. ``identity`` names the repository where its
    place does not: another copy is the same repository.
    """

    repository: Path
    sandbox: Sandbox
    cache: Path
    environ: Mapping[str, str]
    terms: Callable[[str], Terms]
    workload: WorkloadSettings = field(default_factory=WorkloadSettings)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    functions: tuple[FunctionName, ...] = ()
    at_most: int = 5
    min_share: float = 0.02
    time_s: float = 900.0
    candidates: int = 8
    refinement: Refinement = field(default_factory=Refinement)
    profile: Path | None = None
    python: Path | None = None
    models: Roles | None = None
    priority: Priority = Priority.PERSON
    hint: str = ""
    journal: Journal = field(default_factory=Unkept)
    rule: Rule = field(default_factory=Rule)
    history: Callable[[FunctionName], Sequence[PastCommit]] = lambda _function: ()
    pairs: PairStore = NO_PAIRS
    replay: Transcript | None = None
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A repository whose tests have been run, ready to be profiled and judged."""

    case: Case
    sources: tuple[str, ...]
    seconds: float


@contextmanager
def prepared(request: Request, listener: Listener) -> Iterator[Prepared]:
    """Copy the repository, find its interpreter and workload, run the baseline; clean up after.

    Raises:
        UnusableRepository: it is no repository, there is no interpreter and none can be built, its
            tests do not end, or nothing that runs passes.
        UnknownFunction: a function that was asked for does not exist.
        SandboxError: processes cannot be started.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="perfbot-", ignore_cleanup_errors=True) as folder:
        scratch = Path(folder).resolve()
        listener.phase(Phase.COPYING)
        tree = export(request.repository, scratch / "base")
        listed = sources(tree, request.include, request.exclude)
        for name in request.functions:
            existing(tree, listed, name)
        workload = discover(tree, request.workload)
        listener.phase(Phase.ENVIRONMENT)
        target = _target(request)
        added = provision.built_files(target.interpreter)
        if added:
            tree = export(request.repository, scratch / "built", added)
            listed = sources(tree, request.include, request.exclude)
        case = _case(request, target, tree, workload, scratch, listener)
        yield Prepared(case, listed, time.monotonic() - started)


def _target(request: Request) -> Target:
    sandbox, environ, cache = request.sandbox, request.environ, request.cache
    interpreter = environment.find(
        request.repository, request.workload.python, environ, sandbox
    ) or provision.build(
        request.repository,
        cache,
        sandbox,
        request.python,
        request.workload.install,
        Policy.of(environ),
        environ,
    )
    return Target(sandbox, interpreter, overlay(interpreter, cache, sandbox, environ))


def _case(
    request: Request,
    target: Target,
    tree: Tree,
    workload: Workload,
    scratch: Path,
    listener: Listener,
) -> Case:
    """Run the workload twice on the unchanged code and set aside what does not hold still."""
    listener.phase(Phase.BASELINE)
    wall_s = max(_LEAST_BASELINE_S, request.time_s)
    first = run_suite(target, copied(tree, scratch / "first"), workload, wall_s=wall_s)
    check_ended(first, wall_s)
    wall_s = max(60.0, 5 * first.seconds)
    second = run_suite(target, copied(tree, scratch / "second"), workload, wall_s=wall_s)
    check_ended(second, wall_s)
    known = baseline(first, second)
    _tell_what_is_set_aside(first, known, listener)
    dependencies = frozenset(target.interpreter.import_names)
    return Case(target, tree, workload, known, scratch, dependencies=dependencies)


def _tell_what_is_set_aside(run: SuiteRun, known: Baseline, listener: Listener) -> None:
    for name, why in run.collect_errors.items():
        listener.note(NOT_COLLECTED.format(name=name, why=gist(why)))
    for names, why in ((known.failing, "failing"), (known.flaky, "changing from run to run")):
        if names:
            listener.note(SET_ASIDE.format(why=why, names=_listing(names)))
    for command in run.commands.keys() - known.commands.keys():
        listener.note(COMMAND_FAILS.format(name=command))


def _listing(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def copied(tree: Tree, to: Path) -> Tree:
    """Return a copy of a tree that the workload may write to."""
    return with_changes(tree, {}, to)


def existing(tree: Tree, listed: Sequence[str], name: FunctionName) -> FunctionName:
    """Return the outermost function that a name means.

    Raises:
        UnknownFunction: there is none; near ones are looked for in the files ``listed``.
    """
    text = text_of(tree, name.path)
    span = find_function(text, name) if text is not None else None
    if span is None:
        raise UnknownFunction(_unknown_function(tree, listed, name))
    return FunctionName(name.path, span.qualname.split(".<locals>")[0])


def _unknown_function(tree: Tree, listed: Sequence[str], name: FunctionName) -> str:
    names = [
        FunctionName(path, qualname)
        for path in listed
        for qualname in function_index(text_of(tree, path) or "")
    ]
    near = ", ".join(str(each) for each in near_names(name, names))
    return UNKNOWN_FUNCTION.format(name=name, hint=DID_YOU_MEAN.format(names=near) if near else "")


def text_of(tree: Tree, path: str) -> str | None:
    """Return a file's text, ``None`` where it cannot be read as Python source."""
    try:
        return read_source(tree.root / path).text
    except (UnreadableSource, OSError):
        return None
