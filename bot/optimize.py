"""``perfbot optimize``: the main job, its report, and on request its changes in the repository."""

import time
from contextlib import AbstractContextManager
from pathlib import Path

from rich.console import Console

from perfbot.bot import git, report_folder, terminal
from perfbot.bot.config import Config, Operator, load, process_environment
from perfbot.bot.connect import request, told_by_exit_code
from perfbot.bot.exits import Exit
from perfbot.bot.findings import findings
from perfbot.bot.options import OptimizeOptions
from perfbot.bot.output import print_document
from perfbot.bot.progress import Progress
from perfbot.bot.report import Report, to_json
from perfbot.bot.transcripts import Kept, keeping, recorded
from perfbot.optimizer.journal import Journal
from perfbot.optimizer.recorded import Transcript
from perfbot.optimizer.session import Outcome, optimize
from perfbot.optimizer.verdict import Accepted

APPLIED = "The accepted changes were written into {folder}."


def run(options: OptimizeOptions) -> Exit:
    """Do the main job and print its result."""
    report, folder = report_of(options)
    if options.json:
        print_document(to_json(report))
    else:
        terminal.print_report(report, Console(), folder)
    return Exit.DONE


def report_of(options: OptimizeOptions, config: Config | None = None) -> tuple[Report, Path]:
    """Do the main job; return the report as written and its folder.

    ``config`` counts in place of what the options name, where the caller has read it already.

    Raises:
        RunError: with the exit code for whatever kept it from running to its end.
    """
    config = config or load(options.repository, options.config)
    operator = Operator.from_environment()
    replay = recorded(options.replay, operator) if options.replay else None
    folder = options.report or _new_folder(operator)
    report_folder.check(folder)
    console = Console(stderr=True)
    with told_by_exit_code(), _keeping(options, config, operator) as kept:
        outcome = _outcome(options, config, operator, kept.journal, replay, console)
    transcript = kept.transcript()
    for note in kept.notes:
        console.print(note, markup=False, highlight=False, soft_wrap=True)
    found = findings(outcome, options.repository)
    written = report_folder.write(
        found.report, folder, found.patches, found.samples, found.benchmarks, transcript
    )
    if options.apply:
        git.apply(options.repository, _accepted_changes(outcome))
        console.print(APPLIED.format(folder=options.repository))
    return written, folder.absolute()


def _keeping(
    options: OptimizeOptions, config: Config, operator: Operator
) -> AbstractContextManager[Kept]:
    """Return what keeps the run's transcript, beside the settings that the run stands under."""
    time_s = config.budget.time_s if options.time_budget_s is None else options.time_budget_s
    settings = {
        "functions": " ".join(options.functions),
        "replay": options.replay or "",
        "planner": config.models.planner.value,
        "optimizers": " + ".join(each.value for each in config.models.optimizers),
        "objective": config.accept.objective.value,
        "candidates": str(config.budget.candidates),
        "usd": str(config.budget.usd),
        "time_s": str(time_s),
    }
    return keeping(
        options.repository,
        config.telemetry,
        operator,
        process_environment(),
        settings,
        options.behalf.known_as,
    )


def _outcome(
    options: OptimizeOptions,
    config: Config,
    operator: Operator,
    journal: Journal,
    replay: Transcript | None,
    console: Console,
) -> Outcome:
    wanted = request(
        options.repository,
        config,
        operator,
        functions=options.functions,
        time_s=options.time_budget_s,
        trust=options.trust_repository,
        profile=options.profile,
        python=options.interpreter,
        journal=journal,
        replay=replay,
        hint=options.hint,
        behalf=options.behalf,
    )
    with Progress(console, wanted.time_s) as progress:
        return optimize(wanted, progress)


def _accepted_changes(outcome: Outcome) -> dict[str, tuple[bytes | None, bytes]]:
    """Join the accepted changes: several of one file stand on each other."""
    joined: dict[str, tuple[bytes | None, bytes]] = {}
    for judged in outcome.judged:
        if isinstance(judged.verdict, Accepted):
            for path, (before, after) in judged.changes.items():
                joined[path] = (joined[path][0] if path in joined else before, after)
    return joined


def _new_folder(operator: Operator) -> Path:
    return operator.state / "reports" / time.strftime("%Y%m%d-%H%M%S")
