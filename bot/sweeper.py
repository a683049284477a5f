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
    released = len(come) < _AT_ONCE and _release_a_scan(inbox, engine)
    return len(come) + released


def _release_a_scan(inbox: Inbox, engine: JobEngine) -> bool:
    held = inbox.oldest(1, State.HELD)
    if not held or engine.waiting():
        return False
    _settle(inbox, held[0], *_asked(held[0], engine, scans_too=True))
    return True


def _settle(inbox: Inbox, delivery: Delivery, state: State, note: str) -> None:
    inbox.settle(delivery.id, state, note)
    fields = {"delivery": delivery.id, "event": delivery.event, "outcome": state}
    if state is State.UNREADABLE:
        _log.warning("%s", note, extra=fields)
    else:
        _log.info("swept", extra=fields | ({"job": note} if note else {}))


def _asked(delivery: Delivery, engine: JobEngine, *, scans_too: bool = False) -> tuple[State, str]:
    """Enqueue what a delivery asks for; return what became of it, and the job's id or what is wrong."""
    try:
        asked = trigger(delivery.event, delivery.body)
    except ValueError as error:
        return State.UNREADABLE, str(error)
    if asked is None:
        return State.NOTHING, ""
    job = job_for(asked, delivery.id)
    if job.priority is Priority.SCAN and not scans_too:
        return State.HELD, job.id
    engine.enqueue(job)
    return State.QUEUED, job.id


def job_for(asked: Trigger, delivery_id: str) -> Job:
    """Return the job that a trigger starts."""
    return Job(job_id(asked, delivery_id), lane(asked), priority(asked), to_json(asked))
