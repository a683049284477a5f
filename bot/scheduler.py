"""When a scan is due: what each repository's ``schedule`` says, spread so that not all begin at once.

A period (a day, an ISO week, a month, in UTC) has one scan for a repository, at a moment of it that
follows from the repository's number. The job is named after the period, so two workers begin it once.
A repository that was never scanned is due at once. A push starts no scan: what it changes is looked at
when the next one is due.
"""

import hashlib
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from perfbot.bot import scan_record
from perfbot.bot.attempts import patient_step
from perfbot.bot.config import FILE_NAME, Config, Schedule, read
from perfbot.bot.deliveries import Json
from perfbot.bot.forge import ForgeError
from perfbot.bot.hub import Hub, Place
from perfbot.bot.jobs import ENDED, Job, JobEngine
from perfbot.bot.marked_yaml import ConfigError
from perfbot.bot.memory import Memory
from perfbot.bot.sweeper import job_for
from perfbot.bot.triggers import (
    InstallationChanged,
    RepositoriesChanged,
    Repository,
    ScanDue,
    Trigger,
)
from perfbot.bot.work import Handler, Tools

_SPREAD = {
    Schedule.DAILY: timedelta(days=1),
    Schedule.WEEKLY: timedelta(days=7),
    Schedule.MONTHLY: timedelta(days=28),  # every month has these
}
_LIST_EVERY_S = 3600.0
_LOOK_AGAIN_S = 3600.0
_TICK_S = 1.0
_PAUSE_S = 60.0

_log = logging.getLogger("perfbot.scheduler")


@dataclass(frozen=True, slots=True)
class Slot:
    """A scan's period, such as ``2026-W49``, and the moment from when it is due."""

    period: str
    moment: datetime


def last_slot(schedule: Schedule, repository: int, now: datetime) -> Slot | None:
    """Return the newest slot of a repository that has come, None where it wants no scans."""
    if schedule is Schedule.NEVER:
        return None
    begins = _beginning(schedule, now)
    slot = _slot(schedule, repository, begins)
    if slot.moment > now:
        slot = _slot(schedule, repository, _beginning(schedule, begins - timedelta(days=1)))
    return slot


def _slot(schedule: Schedule, repository: int, begins: datetime) -> Slot:
    digest = hashlib.sha256(str(repository).encode()).digest()
    place = int.from_bytes(digest[:8]) / 2**64
    return Slot(_name(schedule, begins), begins + place * _SPREAD[schedule])


def _beginning(schedule: Schedule, now: datetime) -> datetime:
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if schedule is Schedule.WEEKLY:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if schedule is Schedule.MONTHLY else day


def _name(schedule: Schedule, begins: datetime) -> str:
    if schedule is Schedule.WEEKLY:
        year, week, _ = begins.isocalendar()
        return f"{year}-W{week:02}"
    return f"{begins:%Y-%m}" if schedule is Schedule.MONTHLY else f"{begins:%Y-%m-%d}"


class Scheduler:
    """A chore of a worker: each ``tick`` asks GitHub for a little.

    ``clock`` tells the time in seconds from 1970.
    """

    def __init__(
        self, hub: Hub, memory: Memory, engine: JobEngine, clock: Callable[[], float] = time.time
    ) -> None:
        self._hub = hub
        self._memory = memory
        self._engine = engine
        self._clock = clock
        self._installations: deque[int] = deque()
        self._list_at_s = 0.0
        self._tick_at_s = 0.0
        self._look_at_s: dict[int, float] = {}

    def run(self, is_over: Callable[[], bool]) -> None:
        """Tick until it is over; what fails is logged and tried again."""
        while not is_over():
            try:
                self.tick()
            except Exception:
                _log.exception("scheduling failed; trying again")
                self._tick_at_s = self._clock() + _PAUSE_S
            time.sleep(_TICK_S / 4)

    def tick(self) -> None:
        """Ask about one installation or one repository, or enqueue one scan that is due.

        Raises:
            DatabaseError: the database cannot be reached.
        """
        now_s = self._clock()
        if now_s < self._tick_at_s:
            return
        self._tick_at_s = now_s + _TICK_S
        try:
            if self._installations or now_s >= self._list_at_s:
                self._list_installations(now_s)
            else:
                self._look(now_s)
        except ForgeError as error:
            _log.warning("%s", error)
            self._tick_at_s = now_s + (error.wait_s or _TICK_S)

    def _list_installations(self, now_s: float) -> None:
        """Bring up to date where perfbot is: a delivery that told of it may have been lost."""
        if now_s >= self._list_at_s:
            self._list_at_s = now_s + _LIST_EVERY_S
            known = self._hub.app.installations()
            self._installations = deque(known)
            for place in self._memory.installed():
                if place.installation_id not in known:
                    self._memory.uninstall(place.repository.id)
        elif self._installations:
            self._list_repositories(self._installations.popleft())

    def _list_repositories(self, installation: int) -> None:
        found = self._hub.app.repositories(installation)
        for number, name in found.items():
            self._memory.install(Place(installation, Repository(number, str(name))))
        for place in self._memory.installed():
            if place.installation_id == installation and place.repository.id not in found:
                self._memory.uninstall(place.repository.id)

    def _look(self, now_s: float) -> None:
        """Look at the next repository whose turn it is, unless anything else waits to be done."""
        if self._engine.waiting():
            return
        for place in self._memory.installed():
            if now_s >= self._look_at_s.get(place.repository.id, 0.0):
                self._look_at_s[place.repository.id] = now_s + _LOOK_AGAIN_S
                self._enqueue_if_due(place, datetime.fromtimestamp(now_s, UTC))
                return

    def _enqueue_if_due(self, place: Place, now: datetime) -> None:
        number = place.repository.id
        slot = last_slot(self._schedule(place), number, now)
        record = scan_record.recall(self._memory, number)
        if slot is None or record.at_s >= slot.moment.timestamp():
            return
        periods = [slot.period] if record.at_s else [f"first-{place.installation_id}", slot.period]
        for period in periods:  # where the first scan failed, that of its period comes
            job = job_for(ScanDue(place.installation_id, place.repository, period), "")
            state = self._engine.status(job.id)
            if state is None:
                self._engine.enqueue(job)
                _log.info("a scan is due", extra={"job": job.id})
            if state not in ENDED:
                return

    def _schedule(self, place: Place) -> Schedule:
        """Ask the default branch's configuration; where it is wrong, there are no scans."""
        with self._hub.talking(place) as forge:
            commit = forge.branch(forge.repository().default_branch)
            content = forge.file(FILE_NAME, commit) if commit else None
        try:
            return (read(content) if content else Config()).pull_requests.schedule
        except ConfigError:
            return Schedule.NEVER


def _installation(job: Job, asked: Trigger, tools: Tools, engine: JobEngine) -> None:
    assert isinstance(asked, InstallationChanged)
    patient_step(engine, "note", lambda _stopped: _note_installation(tools.memory, asked))


def _note_installation(memory: Memory, asked: InstallationChanged) -> Json:
    if asked.added:
        return _note(memory, asked.installation_id, asked.repositories)
    for place in memory.installed():
        if place.installation_id == asked.installation_id:
            memory.forget(place.repository.id)
    return _forget(memory, asked.repositories)


def _repositories(job: Job, asked: Trigger, tools: Tools, engine: JobEngine) -> None:
    assert isinstance(asked, RepositoriesChanged)
    memory = tools.memory
    patient_step(engine, "note", lambda _stopped: _note(memory, asked.installation_id, asked.added))
    patient_step(engine, "forget", lambda _stopped: _forget(memory, asked.removed))


def _note(memory: Memory, installation: int, added: tuple[Repository, ...]) -> Json:
    for repository in added:
        memory.install(Place(installation, repository))
    return len(added)


def _forget(memory: Memory, removed: tuple[Repository, ...]) -> Json:
    for repository in removed:
        memory.forget(repository.id)
    return len(removed)


def _silent(job: Job, asked: Trigger, why: str, tools: Tools) -> None:
    """Nobody waits; where perfbot is, is listed every hour."""


HANDLERS: Mapping[type[Trigger], Handler] = {
    InstallationChanged: Handler(_installation, _silent),
    RepositoriesChanged: Handler(_repositories, _silent),
}
