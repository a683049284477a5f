"""``perfbot worker``: takes deliveries out of the inbox and works on the jobs that they start."""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext

from perfbot.bot.app_credentials import load
from perfbot.bot.child_environment import child_environment
from perfbot.bot.child_runs import ChildRuns
from perfbot.bot.config import Operator, process_environment
from perfbot.bot.database import DatabaseError
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.forge import ForgeError
from perfbot.bot.github_app import GitHubApp
from perfbot.bot.github_session import Site
from perfbot.bot.handlers import HANDLERS
from perfbot.bot.hub import Hub
from perfbot.bot.inbox import Inbox
from perfbot.bot.jobs import OUT_OF_TOUCH, DurableJobs, Work
from perfbot.bot.logs import to_standard_error
from perfbot.bot.memory import Memory
from perfbot.bot.operator_models import key_variables
from perfbot.bot.reconciling import Reconciler
from perfbot.bot.scheduler import Scheduler
from perfbot.bot.serve import bound, deliveries_url, jobs_url
from perfbot.bot.serving_options import WorkerOptions
from perfbot.bot.sweeper import sweep
from perfbot.bot.work import BotWork, Tools
from perfbot.bot.worker_metrics import MeasuredWork, WorkerMetrics, served
from perfbot.bot.workspace import Workspace
from perfbot.optimizer.machine_queue import MachineQueue

DEAF = "a running step does not end when it is told to; this worker ends without it"
_MEASURING = "measuring.json"
_PAUSE_S = 0.5
_FORGET_EVERY_S = 3600.0
_KEEP_S = 14 * 24 * 3600.0  # GitHub itself can redeliver for three days

_log = logging.getLogger("perfbot.worker")


def run(options: WorkerOptions, work: Work | None = None, tools: Tools | None = None) -> Exit:
    """Work until Ctrl-C or SIGTERM; unfinished jobs are left to the next worker.

    Without ``work`` it is the bot's, done with ``tools``, or else on the GitHub of the App that the
    environment names.

    Raises:
        RunError: there is no App or its key is none, the database cannot be reached, or touch with it
            was lost.
    """
    to_standard_error()
    environ = process_environment()
    listening = bound(*options.metrics, "--metrics") if options.metrics else None
    metrics = WorkerMetrics()
    try:
        if work is None:
            tools = tools or bot_tools(environ)
            work = BotWork(tools, HANDLERS)
        inbox = Inbox(deliveries_url(environ))
        engine = DurableJobs(
            jobs_url(environ),
            MeasuredWork(work, metrics),
            at_once=options.jobs,
            dead_after_s=options.dead_after_s,
        )
        engine.start()
    except (DatabaseError, ForgeError) as error:
        raise RunError(Exit.USAGE, str(error)) from None
    over = threading.Event()
    if tools:
        _begin_chores(tools, inbox, engine, over.is_set)
    metrics.watch(engine)
    try:
        with served(metrics, listening) if listening else nullcontext():
            _until_lost(inbox, engine, metrics)
    finally:
        over.set()
        metrics.end()
        inbox.close()
        if not engine.close():
            _log.error(DEAF)
            os._exit(Exit.INTERRUPTED)  # Python would wait for the step before it ends
    raise RunError(Exit.USAGE, OUT_OF_TOUCH)


def _begin_chores(
    tools: Tools, inbox: Inbox, engine: DurableJobs, is_over: Callable[[], bool]
) -> None:
    """Begin what nobody asks for, each in a thread of its own: GitHub may let it wait."""
    scheduler = Scheduler(tools.hub, tools.memory, engine)
    reconciler = Reconciler(tools.hub, tools.memory, inbox, engine)
    for chore in (scheduler.run, reconciler.run):
        threading.Thread(target=chore, args=(is_over,), daemon=True).start()


def bot_tools(environ: Mapping[str, str]) -> Tools:
    """Return all that the bot's work needs; nothing is asked of GitHub yet.

    Raises:
        RunError: there is no App.
        ForgeError: its key or its GitHub's address is none.
        DatabaseError: the database cannot be reached.
    """
    operator, credentials = Operator.from_environment(), load(environ)
    site = Site(credentials.base_url)
    hub = Hub(site, GitHubApp(site, credentials.app_id, credentials.private_key))
    folder = operator.state / "bot"
    known = child_environment(environ, key_variables(operator))
    runs = ChildRuns(MachineQueue(folder / _MEASURING, slots=1), known)
    memory = Memory(jobs_url(environ))
    return Tools(hub, runs, memory, Workspace(folder / "work", hub))


def _until_lost(inbox: Inbox, engine: DurableJobs, metrics: WorkerMetrics) -> None:
    _log.info("worker begins", extra={"worker": engine.name})
    forget_at_s = 0.0
    while not engine.lost:
        try:
            settled = sweep(inbox, engine)
            metrics.swept()
            if time.monotonic() >= forget_at_s:
                inbox.forget(_KEEP_S)
                forget_at_s = time.monotonic() + _FORGET_EVERY_S
        except DatabaseError as error:  # it may come back; the heartbeat decides when to stop
            _log.error("%s", error)
            metrics.troubled()
            settled = 0
        if not settled:
            time.sleep(_PAUSE_S)
