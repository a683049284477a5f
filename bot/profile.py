"""``perfbot profile``: where the workload's time goes, and nothing more."""

from pathlib import Path

from rich.console import Console

from perfbot.bot import terminal
from perfbot.bot.config import Config, Operator, load
from perfbot.bot.connect import request, told_by_exit_code
from perfbot.bot.exits import Exit
from perfbot.bot.findings import profile_report, survey_report
from perfbot.bot.options import ProfileOptions
from perfbot.bot.output import print_document
from perfbot.bot.progress import Progress
from perfbot.bot.report import Report, dumped, to_document
from perfbot.optimizer.preparation import Request, prepared
from perfbot.optimizer.survey import find_hotspots, survey


def run(options: ProfileOptions) -> Exit:
    """Run the tests, profile them and print the hotspots."""
    if options.survey:
        return _survey(options)
    report = report_of(options)
    if options.json:
        parts = ("perfbot", "repository", "environment", "workload", "hotspots", "cost")
        document = {"schema": 1, **{name: getattr(report, name) for name in parts}}
        print_document(dumped(document))
    else:
        terminal.print_hotspots(report, Console())
    return Exit.DONE


def report_of(
    options: ProfileOptions, config: Config | None = None, python: Path | None = None
) -> Report:
    """Return the hotspots; ``config`` counts in place of the repository's, ``python`` where it has none.

    Raises RunError, with the exit code for whatever kept it from running to its end.
    """
    with told_by_exit_code():
        wanted = _request(options, config, python)
        with Progress(Console(stderr=True), None) as progress, prepared(wanted, progress) as ready:
            ranked = find_hotspots(wanted, ready, progress)
            return profile_report(ready, ranked, options.repository)


def _survey(options: ProfileOptions) -> Exit:
    """Print, for the bot, a whole report and the functions that are worth a search."""
    with told_by_exit_code():
        wanted = _request(options)
        with Progress(Console(stderr=True), None) as progress:
            found = survey(wanted, progress)
    report = survey_report(found, options.repository)
    worth = [str(function) for function in found.found.worth]
    print_document(dumped({"report": to_document(report), "worth": worth}))
    return Exit.DONE


def _request(
    options: ProfileOptions, config: Config | None = None, python: Path | None = None
) -> Request:
    return request(
        options.repository,
        config or load(options.repository, options.config),
        Operator.from_environment(),
        functions=options.functions,
        trust=options.trust_repository,
        python=python,
        behalf=options.behalf,
    )
