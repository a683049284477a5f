"""Durable jobs: what was begun is ended exactly once, whatever happens to the process in between.

Behind the seam ``JobEngine`` stands DBOS (docs.dbos.dev/python), which checkpoints each step in
SQLite or PostgreSQL. A step that was finished is never run again; the one that was interrupted runs
once more from its beginning, so a step must be safe to repeat.
One of the doors to SQL, through DBOS and ``heartbeats``.
"""

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, EnqueueOptions, WorkflowStatus

from perfbot.bot.database import DatabaseError, told
from perfbot.bot.deliveries import Json
from perfbot.bot.heartbeats import Heartbeats
from perfbot.bot.triggers import Priority

JOB_FORMAT = "1"
"""Which jobs this version can resume. Raise it only together with a migration of the old ones: DBOS
leaves jobs of another format alone for ever."""
MOST_ATTEMPTS = 5
"""How often a job may be begun again after the death of its worker."""
DEAD_AFTER_S = 15.0
KEEP_S = 30 * 24 * 3600.0

POISONED = "the worker died {attempts} times while it worked on this"
FAILED = "a step failed: {why}"
OUT_OF_TOUCH = "this worker lost touch with the database; others take its jobs over"
NOT_A_JOB = "a stored job cannot be read: it is none of this version"
_QUEUE, _CONTROL_QUEUE, _WORK, _GIVE_UP = "perfbot", "perfbot-control", "work", "give-up"
_CONTROLS_AT_ONCE = 4
_TICK_S = 0.25
_LOOK_S = 0.5
_POISON_S = 5.0
_FORGET_S = 3600.0
_GRACE_S = 10

_log = logging.getLogger("perfbot.jobs")

Stopped = Callable[[], bool]
"""Asks whether a step should end early; cheap, to be polled at least once a second."""
Action = Callable[[Stopped], Json]
"""What a step does; the result is stored, so it must be JSON, and should be small."""


class JobStopped(BaseException):
    """The job is to end: raised by a step that was told so. No ``except Exception`` may swallow it."""


class JobState(StrEnum):
    """How far a job has come."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    POISONED = "poisoned"


_STATES = {
    "DELAYED": JobState.WAITING,
    "ENQUEUED": JobState.WAITING,
    "PENDING": JobState.RUNNING,
    "SUCCESS": JobState.DONE,
    "ERROR": JobState.FAILED,
    "CANCELLED": JobState.STOPPED,
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": JobState.POISONED,
}


ENDED = frozenset({JobState.DONE, JobState.FAILED, JobState.STOPPED, JobState.POISONED})


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work: two with the same ``id`` are one; those of a ``lane`` run one at a time.

    ``task`` says what to do (``triggers.to_json``); it is stored, so no secret may stand in it.
    """

    id: str
    lane: str
    priority: Priority
    task: dict[str, Json]


@dataclass(frozen=True, slots=True)
class LiveJob:
    """A job that has not ended; ``since_s`` is when it began to wait or to run, counted from 1970."""

    job: Job
    running: bool
    since_s: float


def was_poisoned(why: str) -> bool:
    """Say whether ``Work.give_up`` was told that the job killed its workers, and not that it failed."""
    return why.startswith(POISONED.partition("{")[0])


class JobEngine(Protocol):
    """Runs jobs durably."""

    def enqueue(self, job: Job) -> None:
        """Let the job be worked on, once; a job whose id is known is left as it is.

        From within a job only between its steps.
        """

    def cancel(self, job_id: str) -> None:
        """Let the job end: its next step does not begin, and a running one is told to stop."""

    def status(self, job_id: str) -> JobState | None:
        """Return how far the job has come; None where it is unknown."""

    def waiting(self) -> int:
        """Count the jobs that wait to begin, and what may put more there: comments being heard."""

    def live(self, lane: str) -> tuple[LiveJob, ...]:
        """Return the jobs of a lane that have not ended, on whichever machine, in their order."""

    def step(self, name: str, action: Action) -> Json:
        """Do one step of the running job, or return what it returned before a crash.

        Only from within ``Work.run``, whose steps must come in the same order every time.
        """


class Work(Protocol):
    """What is to be done for a job."""

    def run(self, job: Job, engine: JobEngine) -> None:
        """Work on it, in steps; an exception ends it as failed."""

    def give_up(self, job: Job, why: str) -> None:
        """Tell those who wait that the job failed or was poisoned; must be safe to repeat."""


class DurableJobs:
    """The engine of one worker process, by DBOS; there can be one in a process.

    Args:
        url: address of the SQLite or PostgreSQL database.
        work: what jobs do.
        at_once: how many jobs run in this process at a time.
        dead_after_s: for how long a worker may be silent until others take its jobs over.

    Raises:
        DatabaseError: the database cannot be reached.
    """

    def __init__(
        self, url: str, work: Work, *, at_once: int = 1, dead_after_s: float = DEAD_AFTER_S
    ) -> None:
        self._url = url
        self._work = work
        self._at_once = at_once
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._beats = Heartbeats(url, self.name, dead_after_s)
        self._running: dict[str, threading.Event] = {}
        self._buried: set[str] = set()
        self._seen_s = 0.0
        self._closing, self._closed = threading.Event(), threading.Event()
        self._declared_dead = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heart", daemon=True)
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._config = DBOSConfig(
            name="perfbot",
            system_database_url=url,
            application_version=JOB_FORMAT,
            executor_id=self.name,
            serializer=DBOSPortableJSONSerializer(),
            log_level="WARNING",
        )

    def start(self) -> None:
        """Take jobs from now on."""
        self._beats.join()
        self._seen_s = time.monotonic()
        self._heart.start()  # before DBOS, whose first start takes seconds
        DBOS(config=self._config)
        DBOS.workflow(name=_WORK, max_recovery_attempts=MOST_ATTEMPTS)(self._workflow())
        DBOS.workflow(name=_GIVE_UP, max_recovery_attempts=MOST_ATTEMPTS)(self._farewell())
        dbos_log = logging.getLogger("dbos")  # DBOS would print in its own format
        dbos_log.handlers.clear()
        dbos_log.propagate = True
        DBOS.launch()
        self._listen(_QUEUE, self._at_once)
        self._listen(_CONTROL_QUEUE, _CONTROLS_AT_ONCE)
        self._keeper.start()

    @property
    def lost(self) -> bool:
        """Whether others may have taken this worker for dead, so that it has to end.

        By this machine's own clock, as nothing else can be asked when the database cannot.
        """
        silent_s = time.monotonic() - self._seen_s
        return self._declared_dead.is_set() or silent_s > self._beats.dead_after_s * 2 / 3

    def enqueue(self, job: Job) -> None:
        """See ``JobEngine``."""
        with told(self._url):
            self._put(_WORK, job.id, job, asdict(job))

    def cancel(self, job_id: str) -> None:
        """See ``JobEngine``."""
        with told(self._url):
            DBOS.cancel_workflow(job_id)

    def status(self, job_id: str) -> JobState | None:
        """See ``JobEngine``."""
        with told(self._url):
            found = DBOS.get_workflow_status(job_id)
        return _STATES[found.status] if found else None

    def waiting(self) -> int:
        """See ``JobEngine``."""
        unended = [code for code, state in _STATES.items() if state not in ENDED]
        with told(self._url):
            queued = DBOS.list_workflows(status="ENQUEUED", queue_name=_QUEUE, load_input=False)
            heard = DBOS.list_workflows(status=unended, queue_name=_CONTROL_QUEUE, load_input=False)
        return len(queued) + len(heard)

    def live(self, lane: str) -> tuple[LiveJob, ...]:
        """See ``JobEngine``."""
        unended = [code for code, state in _STATES.items() if state not in ENDED]
        with told(self._url):
            found = DBOS.list_workflows(name=_WORK, status=unended, load_output=False)
        jobs = [_live(one) for one in found if one.queue_partition_key == lane]
        return tuple(sorted(jobs, key=lambda one: (not one.running, one.job.priority, one.since_s)))

    def step(self, name: str, action: Action) -> Json:
        """See ``JobEngine``."""
        stop = self._running[str(DBOS.workflow_id)]

        def stopped() -> bool:
            return stop.is_set() or self.lost

        def act() -> Json:
            if stopped():
                raise JobStopped(name)
            return action(stopped)

        return DBOS.run_step({"name": name}, act)

    def close(self) -> bool:
        """Stop taking jobs, let running steps end early, and leave the rest to the next worker.

        Returns False where a step did not listen and still runs: then the process has to end at once.
        """
        self._closing.set()
        for stop in list(self._running.values()):
            stop.set()
        DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=_GRACE_S)
        self._closed.set()  # until here it beats: nobody shall take over what still ends
        for thread in (self._heart, self._keeper):
            thread.join(_GRACE_S)
        try:
            self._beats.leave()
        except DatabaseError as error:  # then the others notice by the silence
            _log.error("%s", error)
        return not self._running

    def _listen(self, queue: str, at_once: int) -> None:
        DBOS.register_queue(
            queue,
            worker_concurrency=at_once,
            partition_concurrency=1,
            polling_interval_sec=_LOOK_S,
            on_conflict="always_update",
        )

    def _put(self, workflow: str, id: str, job: Job, *arguments: Json) -> None:
        options = EnqueueOptions(
            workflow_name=workflow,
            queue_name=_CONTROL_QUEUE if job.priority is Priority.CONTROL else _QUEUE,
            workflow_id=id,
            app_version=JOB_FORMAT,
            priority=job.priority,
            queue_partition_key=job.lane,
        )
        DBOS.enqueue_workflow_with_options(options, *arguments)

    def _workflow(self) -> Callable[[dict[str, Json]], None]:
        def work(stored: dict[str, Json]) -> None:
            job = _job(stored)
            with self._under_way(job.id):
                try:
                    self._work.run(job, self)
                except Exception as error:
                    _log.exception("job failed", extra={"job": job.id})
                    why = FAILED.format(why=error)
                    self.step("give up", lambda _stopped: self._work.give_up(job, why))
                    raise

        return work

    def _farewell(self) -> Callable[[dict[str, Json], str], None]:
        def give_up(stored: dict[str, Json], why: str) -> None:
            job = _job(stored)
            with self._under_way(str(DBOS.workflow_id)):
                self.step("give up", lambda _stopped: self._work.give_up(job, why))

        return give_up

    @contextmanager
    def _under_way(self, workflow_id: str) -> Iterator[None]:
        """Make the job reachable for those who stop it."""
        stop = self._running[workflow_id] = threading.Event()
        _log.info("job begins", extra={"job": workflow_id, "worker": self.name})
        if self._closing.is_set():
            stop.set()
        try:
            yield
        finally:
            self._running.pop(workflow_id, None)
            _log.info("job ends", extra={"job": workflow_id, "worker": self.name})

    def _beat(self) -> None:
        """Say that this worker lives, until the end or until it is too late."""
        while not self._closed.wait(self._beats.dead_after_s / 5) and not self.lost:
            try:
                if self._beats.beat():
                    self._seen_s = time.monotonic()
                else:
                    self._declared_dead.set()
            except DatabaseError as error:
                _log.error("%s", error)

    def _keep(self) -> None:
        """Do each chore when it is due, until the end."""
        chores = (
            _Chore(_LOOK_S, self._pass_cancellations_on),
            _Chore(self._beats.dead_after_s / 3, self._take_over),
            _Chore(_POISON_S, self._give_up_poisoned),
            _Chore(_FORGET_S, self._forget),
        )
        while not self._closing.wait(_TICK_S) and not self.lost:
            for chore in chores:
                chore.do_if_due(self.name)

    def _pass_cancellations_on(self) -> None:
        """Tell running steps of jobs that somebody stopped, on whichever machine."""
        if self._running:
            ids = list(self._running)
            stopped = DBOS.list_workflows(workflow_ids=ids, status="CANCELLED", load_input=False)
            for one in stopped:
                if stop := self._running.get(one.workflow_id):
                    stop.set()

    def _take_over(self) -> None:
        """Put the jobs of dead workers back into the queue, where one of the living takes them."""
        if dead := self._beats.dead():
            _log.warning("taking over from dead workers", extra={"count": len(dead)})
            DBOS._recover_pending_workflows(list(dead))  # not public, but there is no other way
            self._beats.bury(dead)

    def _give_up_poisoned(self) -> None:
        """Let jobs that nobody will begin again end with a word to those who wait."""
        status = "MAX_RECOVERY_ATTEMPTS_EXCEEDED"
        for one in DBOS.list_workflows(name=_WORK, status=status):
            if one.workflow_id not in self._buried:
                job = _job(_stored(one))
                why = POISONED.format(attempts=MOST_ATTEMPTS + 1)
                self._put(_GIVE_UP, f"{job.id}-{_GIVE_UP}", job, asdict(job), why)
                self._buried.add(one.workflow_id)

    def _forget(self) -> None:
        """Delete jobs that ended long ago, a few at a time."""
        before = (datetime.now(UTC) - timedelta(seconds=KEEP_S)).isoformat()
        ended = [code for code, state in _STATES.items() if state in ENDED]
        old = DBOS.list_workflows(
            completed_before=before, status=ended, limit=500, load_input=False, load_output=False
        )
        if old:
            DBOS.delete_workflows([one.workflow_id for one in old])


class _Chore:
    """Something to do again and again; a failure is logged and tried again at the next time."""

    def __init__(self, every_s: float, do: Callable[[], None]) -> None:
        self._every_s = every_s
        self._do = do
        self._due_s = 0.0

    def do_if_due(self, worker: str) -> None:
        """Do it if its time has come."""
        if time.monotonic() < self._due_s:
            return
        self._due_s = time.monotonic() + self._every_s
        try:
            self._do()
        except Exception:
            _log.exception("looking after jobs failed; trying again", extra={"worker": worker})


def _job(stored: dict[str, Json]) -> Job:
    """Return the job as it was enqueued; raises DatabaseError when it is none of this version."""
    match stored:
        case {"id": str(id), "lane": str(lane), "priority": int(urgency), "task": dict(task)}:
            return Job(id, lane, Priority(urgency), task)
    raise DatabaseError(NOT_A_JOB)


def _live(found: WorkflowStatus) -> LiveJob:
    running = _STATES[found.status] is JobState.RUNNING
    moment_ms = (found.dequeued_at if running else found.created_at) or found.created_at or 0
    return LiveJob(_job(_stored(found)), running, moment_ms / 1000)


def _stored(found: WorkflowStatus) -> dict[str, Json]:
    arguments = found.input["args"] if found.input else ()
    stored: dict[str, Json] = arguments[0]
    return stored
