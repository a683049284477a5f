"""From the inbox to the queue: what each delivery asks for becomes a job, once.

A crash between the two leaves the delivery in the inbox; it is swept again, and a job whose id is
known is not enqueued twice.
"""

import logging

from perfbot.bot.deliveries import Delivery
from perfbot.bot.events import trigger
from perfbot.bot.inbox import Inbox, State
from perfbot.bot.jobs import Job, JobEngine
from perfbot.bot.triggers import Priority, Trigger, job_id, lane, priority, to_json

_AT_ONCE = 100

_log = logging.getLogger("perfbot.sweeper")


def sweep(inbox: Inbox, engine: JobEngine) -> int:
    """Go through what has come, oldest first; return how many deliveries were settled.

    A scan is held back until nothing else waits to begin: the queue's own priorities count within a
    lane only, so a row of scans would keep a person of another repository waiting.

    Raises:
        DatabaseError: the inbox cannot be reached.
    """
    come = inbox.oldest(_AT_ONCE)
    for delivery in come:
        _settle(inbox, delivery, *_asked(delivery, engine))
    if len(come) < _AT_ONCE and (held := inbox.oldest(1, State.HELD)) and not engine.waiting():
        job = _job(held[0])
        if job:
            engine.enqueue(job)
        _settle(inbox, held[0], State.QUEUED, job.id if job else "")
        return len(come) + 1
    return len(come)


def _settle(inbox: Inbox, delivery: Delivery, state: State, note: str) -> None:
    inbox.settle(delivery.id, state, note)
    fields = {"delivery": delivery.id, "event": delivery.event, "outcome": state, "job": note}
    _log.info("swept", extra=fields)


def _asked(delivery: Delivery, engine: JobEngine) -> tuple[State, str]:
    """Enqueue what a delivery asks for; return what became of it, and the job's id."""
    try:
        job = _job(delivery)
    except ValueError as error:
        return State.UNREADABLE, str(error)
    if job is None:
        return State.NOTHING, ""
    if job.priority is Priority.SCAN:
        return State.HELD, job.id
    engine.enqueue(job)
    return State.QUEUED, job.id


def _job(delivery: Delivery) -> Job | None:
    asked = trigger(delivery.event, delivery.body)
    return job_for(asked, delivery.id) if asked else None


def job_for(asked: Trigger, delivery_id: str) -> Job:
    """Return the job that a trigger starts."""
    return Job(job_id(asked, delivery_id), lane(asked), priority(asked), to_json(asked))
