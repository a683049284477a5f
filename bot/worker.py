"""``perfbot worker``: takes deliveries out of the inbox and works on the jobs that they start."""

import logging
import os
import time
from contextlib import nullcontext

from perfbot.bot.config import process_environment
from perfbot.bot.database import DatabaseError
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.inbox import Inbox
from perfbot.bot.jobs import OUT_OF_TOUCH, DurableJobs, Work
from perfbot.bot.logs import to_standard_error
from perfbot.bot.serve import bound, deliveries_url, jobs_url
from perfbot.bot.serving_options import WorkerOptions
from perfbot.bot.sweeper import sweep
from perfbot.bot.worker_metrics import MeasuredWork, WorkerMetrics, served

NO_WORK = (
    "this version of perfbot can receive deliveries but has no work to do for them yet, so no worker "
    "is started; deliveries stay in the inbox"
)
DEAF = "a running step does not end when it is told to; this worker ends without it"
_PAUSE_S = 0.5
_FORGET_EVERY_S = 3600.0
_KEEP_S = 14 * 24 * 3600.0  # GitHub itself can redeliver for three days

_log = logging.getLogger("perfbot.worker")


def run(options: WorkerOptions, work: Work | None) -> Exit:
    """Work until Ctrl-C or SIGTERM; unfinished jobs are left to the next worker.

    Raises:
        RunError: there is no work to do, the database cannot be reached, or touch with it was lost.
    """
    if work is None:
        raise RunError(Exit.USAGE, NO_WORK)
    to_standard_error()
    environ = process_environment()
    listening = bound(*options.metrics, "--metrics") if options.metrics else None
    metrics = WorkerMetrics()
    try:
        inbox = Inbox(deliveries_url(environ))
        engine = DurableJobs(
            jobs_url(environ),
            MeasuredWork(work, metrics),
            at_once=options.jobs,
            dead_after_s=options.dead_after_s,
        )
        engine.start()
    except DatabaseError as error:
        raise RunError(Exit.USAGE, str(error)) from None
    metrics.watch(engine)
    try:
        with served(metrics, listening) if listening else nullcontext():
            _until_lost(inbox, engine, metrics)
    finally:
        metrics.end()
        inbox.close()
        if not engine.close():
            _log.error(DEAF)
            os._exit(Exit.INTERRUPTED)  # Python would wait for the step before it ends
    raise RunError(Exit.USAGE, OUT_OF_TOUCH)


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
