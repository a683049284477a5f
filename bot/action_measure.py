"""What the Action measures: the checkout, the functions that a pull request changes, or its own change.

Runs code of the repository, so no token is anywhere near it. On a pull request the configuration is the
base's: what is allowed is not for a stranger's head to say.
"""

import os
import posixpath
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from perfbot.bot import action_report, action_summary
from perfbot.bot.action_event import Event, PullRequestEvent
from perfbot.bot.action_inputs import FailOn, Inputs, Mode
from perfbot.bot.action_report import Handed, HandedError
from perfbot.bot.config import FILE_NAME, Config, load
from perfbot.bot.config import read as read_config
from perfbot.bot.difference import Difference, content, difference, fork_point, prefix
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.findings import Findings, refused
from perfbot.bot.forge import CommitSha
from perfbot.bot.marked_yaml import ConfigError
from perfbot.bot.options import Behalf, OptimizeOptions, ProfileOptions
from perfbot.bot.patch import unified_patch
from perfbot.bot.report import Report, Repository
from perfbot.bot.report_folder import check, write
from perfbot.bot.verify import EXITS, Claim, judges
from perfbot.optimizer.gates import FileChange, changed_functions
from perfbot.optimizer.verdict import Why
from perfbot.profiling.functions import functions
from perfbot.profiling.tree import Tree, export, sources

NO_PULL_REQUEST = "mode {mode} looks at a pull request: run it on pull_request, or give the inputs 'base' and 'head'"
ON_PULL_REQUEST = "mode propose is for branches; on a pull request use mode review or verify"
WRITES_NOTHING = "mode {mode} needs the input 'token'"
NOT_IN_BASE = "there is no such file in the base of the pull request, which is the one that counts"
NO_FUNCTION = "no function in a source file is changed or new"
NOTHING_TO_JUDGE = "no source file in Python is changed"
REMOVES = "the pull request removes or moves {path}, which a claim to be faster does not do"
ODD = "the pull request changes {path}, which is no plain text file"
_PROSE = (".md", ".rst")


@dataclass(frozen=True, slots=True)
class Work:
    """The runs behind the modes; ``optimize`` returns the report as written and its folder."""

    optimize: Callable[[OptimizeOptions, Config], tuple[Report, Path]]
    judge: Callable[[Claim], Findings]
    profile: Callable[[ProfileOptions, Config, Path | None], Report]


@dataclass(frozen=True, slots=True)
class Measured:
    """What a step that measured hands to the runner; ``publishable`` is whether there is anything to."""

    code: Exit
    summary: str
    outputs: Mapping[str, str]
    publishable: bool = False


def measure(inputs: Inputs, event: Event, work: Work) -> Measured:
    """Do what the mode says; raises RunError with the exit code for whatever kept it from ending."""
    if inputs.mode.measures:
        check(inputs.report)
    elif not inputs.token_given:
        raise RunError(Exit.USAGE, WRITES_NOTHING.format(mode=inputs.mode))
    match inputs.mode:
        case Mode.PROPOSE:
            if isinstance(event, PullRequestEvent):
                raise RunError(Exit.USAGE, ON_PULL_REQUEST)
            return _optimized(inputs, configuration(inputs, event), inputs.functions, work)
        case Mode.REVIEW:
            return _reviewed(inputs, event, work)
        case Mode.VERIFY:
            return _verified(inputs, event, work)
        case Mode.PROFILE:
            return _profiled(inputs, configuration(inputs, event), work)
        case Mode.PUBLISH | Mode.COMMAND:
            return Measured(Exit.DONE, "", {}, publishable=True)


def configuration(inputs: Inputs, event: Event) -> Config:
    """Return what counts: on a pull request the base's file, elsewhere the checkout's."""
    if not isinstance(event, PullRequestEvent) and not (inputs.base and inputs.head):
        file = inputs.workspace / inputs.config if inputs.config else None
        return inputs.adjusted(load(inputs.repository, file))
    base = fork_point(inputs.repository, *commits(inputs, event))
    return inputs.adjusted(_of_base(inputs, base))


def _of_base(inputs: Inputs, base: CommitSha) -> Config:
    """Read the configuration as it was before the pull request; a file from elsewhere is as it is."""
    given = inputs.workspace / inputs.config if inputs.config else inputs.repository / FILE_NAME
    below = os.path.relpath(given, inputs.repository)
    path = posixpath.normpath(prefix(inputs.repository) + Path(below).as_posix())
    if path.startswith("../"):
        return load(inputs.repository, given)
    found = content(inputs.repository, base, path)
    if found is None and inputs.config:
        raise ConfigError(path, 1, "", NOT_IN_BASE)
    return read_config(found, path) if found is not None else Config()


def commits(inputs: Inputs, event: Event) -> tuple[CommitSha, CommitSha]:
    """Return base and head of the pull request; what the workflow's author named wins."""
    if inputs.base and inputs.head:
        return inputs.base, inputs.head
    if isinstance(event, PullRequestEvent):
        return event.base, event.head
    raise RunError(Exit.USAGE, NO_PULL_REQUEST.format(mode=inputs.mode))


def _optimized(inputs: Inputs, config: Config, wanted: tuple[str, ...], work: Work) -> Measured:
    options = OptimizeOptions(
        repository=inputs.repository,
        functions=wanted,
        time_budget_s=inputs.time_budget_s,
        report=inputs.report,
        trust_repository=inputs.trust_repository,
        interpreter=inputs.python,
        behalf=Behalf(stranger=inputs.mode is Mode.REVIEW),
    )
    report, folder = work.optimize(options, config)
    handed, complete = _handed(report, folder)
    summary, outputs = action_summary.optimized(handed), action_summary.outputs(report, folder)
    news = inputs.mode is Mode.REVIEW or bool(report.accepted)
    return Measured(Exit.DONE, summary, outputs, publishable=complete and news)


def _handed(report: Report, folder: Path) -> tuple[Handed, bool]:
    """Return a report with what lies beside it, and whether it can be published: it may be too large."""
    try:
        return action_report.read(folder), True
    except HandedError as error:
        print(error, file=sys.stderr)
        return Handed(report, {}, {}), False


def _reviewed(inputs: Inputs, event: Event, work: Work) -> Measured:
    change = difference(inputs.repository, *commits(inputs, event))
    config = inputs.adjusted(_of_base(inputs, change.base))
    wanted = inputs.functions or tuple(_changed(inputs, change, config))
    return _optimized(inputs, config, wanted, work) if wanted else _nothing(inputs, NO_FUNCTION)


def _changed(inputs: Inputs, change: Difference, config: Config) -> Iterator[str]:
    """Yield the functions that a pull request changes or adds, in the sources that may be changed."""
    there = tuple(path for path, (_, after) in change.files.items() if after is not None)
    tree = Tree(inputs.repository, (), there)
    for path in sources(tree, config.paths.include, config.paths.exclude):
        before, after = change.files[path]
        if after is not None and not judges(path):
            yield from (f"{path}::{name}" for name in _names(path, before, after))


def _names(path: str, before: bytes | None, after: bytes) -> list[str]:
    """Return the functions of a file that are altered or new, in their order; none where it is broken."""
    now, was = _outermost(after), set(_outermost(before or b""))
    try:
        altered = set(changed_functions(FileChange(path, before, after)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        altered = set()
    return [name for name in dict.fromkeys(now) if name in altered or name not in was]


def _outermost(source: bytes) -> list[str]:
    text = source.decode("utf-8", "replace")
    return [each.qualname for each in functions(text) if "<locals>" not in each.qualname]


def _verified(inputs: Inputs, event: Event, work: Work) -> Measured:
    change = difference(inputs.repository, *commits(inputs, event))
    if not any(path.endswith(".py") and not judges(path) for path in change.files):
        return _nothing(inputs, NOTHING_TO_JUDGE)
    found = _judged(inputs, change, inputs.adjusted(_of_base(inputs, change.base)), work)
    where = Repository(str(inputs.repository), change.base, dirty=False)
    report = replace(found.report, repository=where)
    write(report, inputs.report, found.patches, found.samples, found.benchmarks)
    handed, complete = _handed(report, inputs.report)
    outputs = action_summary.outputs(report, inputs.report, judged=True)
    summary = action_summary.judged(handed)
    return Measured(_code(inputs.fail_on, report), summary, outputs, publishable=complete)


def _judged(inputs: Inputs, change: Difference, config: Config, work: Work) -> Findings:
    """Judge the change on a copy of the checkout in which every changed file is the base's."""
    claimed = {path: both for path, both in change.files.items() if not path.endswith(_PROSE)}
    removed = [path for path, (_, after) in claimed.items() if after is None]
    if change.odd or removed:
        why = ODD.format(path=change.odd[0]) if change.odd else REMOVES.format(path=removed[0])
        return Findings(refused(inputs.repository, Why.FORBIDDEN, why), {}, {}, {})
    patch = unified_patch(
        {path: (old, new) for path, (old, new) in claimed.items() if new is not None}
    )
    with TemporaryDirectory(prefix="perfbot-base-") as scratch:
        base = Path(scratch) / "base"
        export(inputs.repository, base)
        for path, (before, _) in change.files.items():
            _put(base / path, before)
        return work.judge(
            Claim(
                base,
                patch,
                config,
                inputs.functions,
                inputs.trust_repository,
                _own_python(inputs.repository) or inputs.python,
                inputs.time_budget_s,
                Behalf(stranger=True),
            )
        )


def _put(file: Path, content: bytes | None) -> None:
    if content is None:
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def _own_python(repository: Path) -> Path | None:
    """Return the Python of an environment in the repository, which the copy has not."""
    found = (repository / folder / "bin" / "python" for folder in (".venv", "venv"))
    return next((each for each in found if each.exists()), None)


def _code(fail_on: FailOn, report: Report) -> Exit:
    """Return how the step ends: a proven regression fails it, what noise leaves open does not."""
    if fail_on is FailOn.NEVER:
        return Exit.DONE
    if action_summary.verdict(report) == action_summary.REGRESSION:
        return Exit.REJECTED
    return EXITS[report.results[0].verdict] if fail_on is FailOn.NOT_PROVEN else Exit.DONE


def _profiled(inputs: Inputs, config: Config, work: Work) -> Measured:
    options = ProfileOptions(inputs.repository, trust_repository=inputs.trust_repository)
    report = work.profile(options, config, inputs.python)
    write(report, inputs.report, {}, {})
    outputs = action_summary.outputs(report, inputs.report)
    return Measured(Exit.DONE, action_summary.profiled(report), outputs)


def _nothing(inputs: Inputs, why: str) -> Measured:
    outputs = {"accepted": "0", "best-speedup": "", "report": "", "verdict": ""}
    return Measured(Exit.DONE, action_summary.NOTHING_CHANGED.format(why=why), outputs)
