"""``perfbot worker``: takes deliveries out of the inbox and works on the jobs that they start."""

import logging
import os
import time
from collections.abc import Mapping

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
from perfbot.bot.serve import deliveries_url, jobs_url
from perfbot.bot.serving_options import WorkerOptions
from perfbot.bot.sweeper import sweep
from perfbot.bot.work import BotWork, Tools
from perfbot.bot.workspace import Workspace
from perfbot.optimizer.machine_queue import MachineQueue

DEAF = "a running step does not end when it is told to; this worker ends without it"
_MEASURING = "measuring.json"
_PAUSE_S = 0.5
_FORGET_EVERY_S = 3600.0
_KEEP_S = 14 * 24 * 3600.0  # GitHub itself can redeliver for three days

_log = logging.getLogger("perfbot.worker")


def run(options: WorkerOptions, work: Work | None = None) -> Exit:
    """Work until Ctrl-C or SIGTERM; unfinished jobs are left to the next worker.

    Without ``work`` it is the bot's, on the GitHub of the App that the environment names.

    Raises:
        RunError: there is no App or its key is none, the database cannot be reached, or touch with it
            was lost.
    """
    to_standard_error()
    environ = process_environment()
    try:
        work = work or bot_work(environ)
        inbox = Inbox(deliveries_url(environ))
        engine = DurableJobs(
            jobs_url(environ), work, at_once=options.jobs, dead_after_s=options.dead_after_s
        )
        engine.start()
    except (DatabaseError, ForgeError) as error:
        raise RunError(Exit.USAGE, str(error)) from None
    try:
        _until_lost(inbox, engine)
    finally:
        inbox.close()
        if not engine.close():
            _log.error(DEAF)
            os._exit(Exit.INTERRUPTED)  # Python would wait for the step before it ends
    raise RunError(Exit.USAGE, OUT_OF_TOUCH)


def bot_work(environ: Mapping[str, str]) -> BotWork:
    """Return the bot's work with all that it needs; nothing is asked of GitHub yet.

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
    return BotWork(Tools(hub, runs, memory, Workspace(folder / "work", hub)), HANDLERS)


def _until_lost(inbox: Inbox, engine: DurableJobs) -> None:
    _log.info("worker begins", extra={"worker": engine.name})
    forget_at_s = 0.0
    while not engine.lost:
        try:
            settled = sweep(inbox, engine)
            if time.monotonic() >= forget_at_s:
                inbox.forget(_KEEP_S)
                forget_at_s = time.monotonic() + _FORGET_EVERY_S
        except DatabaseError as error:  # it may come back; the heartbeat decides when to stop
            _log.error("%s", error)
            settled = 0
        if not settled:
            time.sleep(_PAUSE_S)
