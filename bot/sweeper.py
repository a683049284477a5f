"""From the inbox to the queue: what each delivery asks for becomes a job, once.

A crash between the two leaves the delivery in the inbox; it is swept again, and a job whose id is
known is not enqueued twice.
"""

import logging

from perfbot.bot.deliveries import Delivery
from perfbot.bot.events import trigger
from perfbot.bot.inbox import Inbox, State
from perfbot.bot.jobs import Job, JobEngine
from perfbot.bot.triggers import Trigger, job_id, lane, priority, to_json

_AT_ONCE = 100

_log = logging.getLogger("perfbot.sweeper")


def sweep(inbox: Inbox, engine: JobEngine) -> int:
    """Go through what waits, oldest first; return how many deliveries were settled.

    Raises:
        DatabaseError: the inbox cannot be reached.
    """
    waiting = inbox.unswept(_AT_ONCE)
    for delivery in waiting:
        state, note = _settled(delivery, engine)
        inbox.settle(delivery.id, state, note)
        fields = {"delivery": delivery.id, "event": delivery.event, "outcome": state, "job": note}
        _log.info("swept", extra=fields)
    return len(waiting)


def _settled(delivery: Delivery, engine: JobEngine) -> tuple[State, str]:
    try:
        asked = trigger(delivery.event, delivery.body)
    except ValueError as error:
        return State.UNREADABLE, str(error)
    if asked is None:
        return State.NOTHING, ""
    job = job_for(asked, delivery.id)
    engine.enqueue(job)
    return State.QUEUED, job.id


def job_for(asked: Trigger, delivery_id: str) -> Job:
    """Return the job that a trigger starts."""
    return Job(job_id(asked, delivery_id), lane(asked), priority(asked), to_json(asked))
