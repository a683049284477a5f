"""``perfbot verify``: judge a patch, whoever wrote it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from perfbot.bot import terminal
from perfbot.bot.config import Config, Operator, load
from perfbot.bot.connect import request, told_by_exit_code
from perfbot.bot.exits import Exit
from perfbot.bot.findings import Findings, findings, refused
from perfbot.bot.git import Refused, applied
from perfbot.bot.options import Behalf, VerifyOptions
from perfbot.bot.output import print_document
from perfbot.bot.progress import Progress
from perfbot.bot.publishable import Kind, kind_of
from perfbot.bot.report import Verdict, to_json
from perfbot.optimizer.gates import paths_are_sources
from perfbot.optimizer.session import verify
from perfbot.optimizer.verdict import Why
from perfbot.profiling.tree import is_test_file

EXITS = {
    Verdict.ACCEPTED: Exit.DONE,
    Verdict.REJECTED: Exit.REJECTED,
    Verdict.INCONCLUSIVE: Exit.INCONCLUSIVE,
}
_NOBODY = Behalf()


def run(options: VerifyOptions) -> Exit:
    """Judge the patch and print the same report as ``optimize`` does."""
    with told_by_exit_code():
        patch = options.patch.read_bytes()
    claim = Claim(
        options.repository,
        patch,
        load(options.repository, options.config),
        options.functions,
        options.trust_repository,
        time_s=options.time_budget_s,
        behalf=options.behalf,
    )
    report = judged(claim).report
    if options.json:
        print_document(to_json(report))
    else:
        terminal.print_report(report, Console())
    return EXITS[report.results[0].verdict]


@dataclass(frozen=True, slots=True)
class Claim:
    """A patch of ``repository`` that is said to make ``functions`` faster; none: what it alters.

    ``python`` is used where the repository names none and has none of its own; ``time_s`` None means
    as configured.
    """

    repository: Path
    patch: bytes
    config: Config
    functions: tuple[str, ...] = ()
    trust: bool = False
    python: Path | None = None
    time_s: float | None = None
    behalf: Behalf = _NOBODY


def judged(claim: Claim) -> Findings:
    """Judge a patch.

    Raises RunError, with the exit code for whatever kept it from running to its end.
    """
    repository = claim.repository
    patched = applied(claim.patch, lambda path: _content(repository, path))
    if isinstance(patched, Refused):
        why = Why.FORBIDDEN if patched.fits else Why.DOES_NOT_APPLY
        return _refused(repository, why, patched.reason)
    # A new test may come along; a new conftest.py or setup.py would change how all is judged.
    existed = {
        path: kind_of(path) is Kind.BUILD or (repository / path).exists()
        for path in patched.contents
    }
    refusal = paths_are_sources(existed, lambda path: path.endswith(".py"), judges)
    if refusal is not None:
        return _refused(repository, refusal.why, refusal.detail)
    changes = {path: text for path, text in patched.contents.items() if not judges(path)}
    if not changes:
        return _refused(repository, Why.FORBIDDEN, "the patch only adds tests")
    return _measured(claim, changes)


def _measured(claim: Claim, changes: Mapping[str, bytes]) -> Findings:
    """Run the judge; new tests are left out: they may come with a change, but they do not judge it."""
    with told_by_exit_code():
        wanted = request(
            claim.repository,
            claim.config,
            Operator.from_environment(),
            functions=claim.functions,
            time_s=claim.time_s,
            trust=claim.trust,
            python=claim.python,
            behalf=claim.behalf,
        )
        with Progress(Console(stderr=True), wanted.time_s) as progress:
            outcome = verify(wanted, changes, wanted.functions, progress)
        return findings(outcome, claim.repository)


def _refused(repository: Path, why: Why, detail: str) -> Findings:
    return Findings(refused(repository, why, detail), {}, {}, {})


def judges(path: str) -> bool:
    """Say whether a file takes part in judging: tests, benchmarks, their settings, the build."""
    return is_test_file(path) or kind_of(path) in (Kind.TEST, Kind.BUILD)


def _content(repository: Path, path: str) -> bytes | None:
    file = repository / path
    inside = file.resolve().is_relative_to(repository.resolve())
    return file.read_bytes() if inside and file.is_file() else None
