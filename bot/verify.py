"""``perfbot verify``: judge a patch, whoever wrote it."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from perfbot.bot import terminal
from perfbot.bot.config import Operator, load
from perfbot.bot.connect import request, told_by_exit_code
from perfbot.bot.exits import Exit
from perfbot.bot.findings import findings, refused
from perfbot.bot.git import Refused, applied
from perfbot.bot.options import VerifyOptions
from perfbot.bot.output import print_document
from perfbot.bot.progress import Progress
from perfbot.bot.publishable import Kind, kind_of
from perfbot.bot.report import Report, Verdict, to_json
from perfbot.optimizer.gates import paths_are_sources
from perfbot.optimizer.session import verify
from perfbot.optimizer.verdict import Why
from perfbot.profiling.tree import is_test_file

_EXITS = {
    Verdict.ACCEPTED: Exit.DONE,
    Verdict.REJECTED: Exit.REJECTED,
    Verdict.INCONCLUSIVE: Exit.INCONCLUSIVE,
}


def run(options: VerifyOptions) -> Exit:
    """Judge the patch and print the same report as ``optimize`` does."""
    with told_by_exit_code():
        report = _report(options)
    if options.json:
        print_document(to_json(report))
    else:
        terminal.print_report(report, Console())
    return _EXITS[report.results[0].verdict]


def _report(options: VerifyOptions) -> Report:
    repository = options.repository
    patched = applied(options.patch.read_bytes(), lambda path: _content(repository, path))
    if isinstance(patched, Refused):
        why = Why.FORBIDDEN if patched.fits else Why.DOES_NOT_APPLY
        return refused(repository, why, patched.reason)
    # A new test may come along; a new conftest.py or setup.py would change how all is judged.
    existed = {
        path: kind_of(path) is Kind.BUILD or (repository / path).exists()
        for path in patched.contents
    }
    refusal = paths_are_sources(existed, lambda path: path.endswith(".py"), _judges)
    if refusal is not None:
        return refused(repository, refusal.why, refusal.detail)
    return _judged(options, _sources(patched.contents))


def _judged(options: VerifyOptions, changes: Mapping[str, bytes]) -> Report:
    config = load(options.repository, options.config)
    operator = Operator.from_environment()
    if not changes:
        return refused(options.repository, Why.FORBIDDEN, "the patch only adds tests")
    wanted = request(
        options.repository,
        config,
        operator,
        functions=options.functions,
        time_s=options.time_budget_s,
        trust=options.trust_repository,
        behalf=options.behalf,
    )
    with Progress(Console(stderr=True), wanted.time_s) as progress:
        outcome = verify(wanted, changes, wanted.functions, progress)
    return findings(outcome, options.repository).report


def _judges(path: str) -> bool:
    """Say whether a file takes part in judging: tests, benchmarks, their settings, the build."""
    return is_test_file(path) or kind_of(path) in (Kind.TEST, Kind.BUILD)


def _sources(contents: Mapping[str, bytes]) -> dict[str, bytes]:
    """Leave out new tests: they may come with a change, but they do not judge it."""
    return {path: content for path, content in contents.items() if not _judges(path)}


def _content(repository: Path, path: str) -> bytes | None:
    file = repository / path
    inside = file.resolve().is_relative_to(repository.resolve())
    return file.read_bytes() if inside and file.is_file() else None
