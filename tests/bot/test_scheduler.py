"""Each repository is scanned once in each of its periods, at a moment of its own."""

from datetime import UTC, datetime, timedelta

import pytest
from bot_scene import Bot, StepByStep
from hypothesis import given
from hypothesis import strategies as st

from perfbot.bot import scan_record
from perfbot.bot.config import Schedule
from perfbot.bot.hub import Place
from perfbot.bot.jobs import JobState
from perfbot.bot.scan_record import ScanRecord
from perfbot.bot.scheduler import Scheduler, last_slot
from perfbot.bot.triggers import InstallationChanged, RepositoriesChanged, Repository

from local_github import Fault

WANTED = st.sampled_from([Schedule.DAILY, Schedule.WEEKLY, Schedule.MONTHLY])
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2031, 12, 31), timezones=st.just(UTC))
NUMBERS = st.integers(1, 2**63 - 1)
LONGEST = {Schedule.DAILY: 1, Schedule.WEEKLY: 7, Schedule.MONTHLY: 34}  # days between two slots


@given(WANTED, NUMBERS, MOMENTS)
def test_the_last_slot_has_come_and_is_no_older_than_a_period(
    schedule: Schedule, number: int, now: datetime
) -> None:
    slot = last_slot(schedule, number, now)
    assert slot
    assert now - timedelta(days=LONGEST[schedule]) < slot.moment <= now


@given(WANTED, NUMBERS, MOMENTS, st.integers(0, 40 * 24))
def test_a_period_has_one_slot(
    schedule: Schedule, number: int, now: datetime, later_h: int
) -> None:
    one = last_slot(schedule, number, now)
    other = last_slot(schedule, number, now + timedelta(hours=later_h))
    assert one
    assert other
    assert (one.period == other.period) == (one.moment == other.moment)


def test_repositories_are_spread_over_the_week() -> None:
    now = datetime(2026, 12, 1, tzinfo=UTC)
    slots = [last_slot(Schedule.WEEKLY, number, now) for number in range(1000)]
    days = [slot.moment.weekday() for slot in slots if slot]
    assert all(80 < days.count(day) < 210 for day in range(7))


def test_a_period_is_named_as_people_name_it() -> None:
    now = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    names = {schedule: last_slot(schedule, 7, now) for schedule in Schedule}
    assert names[Schedule.NEVER] is None
    assert {slot.period for slot in names.values() if slot} <= {
        "2026-12-31", "2026-12-30", "2026-W53", "2026-W52", "2026-12",
    }  # fmt: skip


class Clockwork:
    """A scheduler whose time a test turns."""

    def __init__(self, bot: Bot, engine: StepByStep | None = None) -> None:
        self.bot = bot
        self.engine = engine or StepByStep()
        self.now_s = datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp()
        self.scheduler = Scheduler(bot.tools.hub, bot.tools.memory, self.engine, lambda: self.now_s)

    def run(self, ticks: int = 6) -> list[str]:
        """Let some ticks pass and return the jobs that were begun since the last time."""
        before = len(self.engine.queued)
        for _ in range(ticks):
            self.now_s += 2
            self.scheduler.tick()
        return [job.id for job in self.engine.queued[before:]]

    def work(self) -> None:
        """Let what was begun end."""
        for job in self.engine.queued:
            self.engine.states[job.id] = JobState.DONE

    def scanned(self) -> None:
        record = ScanRecord(commit=self.bot.main, at_s=self.now_s)
        scan_record.remember(self.bot.tools.memory, self.bot.hosted.id, record)

    def sleep(self, **times: float) -> None:
        self.now_s += timedelta(**times).total_seconds()


@pytest.fixture
def clock(bot: Bot) -> Clockwork:
    return Clockwork(bot)


def test_a_repository_that_was_never_scanned_is_due_at_once(clock: Clockwork) -> None:
    first = f"scan-{clock.bot.hosted.id}-first-{clock.bot.place.installation_id}"
    assert clock.run() == [first]


def test_a_first_scan_that_failed_comes_again_in_its_period(clock: Clockwork) -> None:
    clock.run()
    clock.work()
    clock.sleep(hours=1.1)
    (again,) = clock.run()
    assert again.startswith(f"scan-{clock.bot.hosted.id}-2026-W4")


def test_the_next_scan_comes_in_the_next_week(clock: Clockwork) -> None:
    clock.run()
    clock.work()
    clock.scanned()
    clock.sleep(hours=1.1)
    due = [clock.run()]
    for _ in range(14 * 4):
        clock.sleep(hours=6)
        due.append(clock.run())
        if due[-1]:
            clock.work()
            clock.scanned()
    ids = [id for some in due for id in some]
    assert len(ids) == 2
    assert len(set(ids)) == 2


def test_two_workers_begin_a_scan_once(bot: Bot) -> None:
    engine = StepByStep()
    one, other = Clockwork(bot, engine), Clockwork(bot, engine)
    assert len(one.run()) == 1
    engine.waits = False
    assert other.run() == []


def test_no_scan_begins_while_anything_waits(clock: Clockwork) -> None:
    clock.engine.waits = True
    assert clock.run() == []
    clock.engine.waits = False
    assert len(clock.run()) == 1


@pytest.mark.parametrize("written", ["pull_requests: {schedule: never}\n", "schedule: often\n"])
def test_a_repository_that_wants_no_scans_has_none(clock: Clockwork, written: str) -> None:
    clock.bot.hosted.bare.commit({".perfbot.yml": written})
    assert clock.run() == []


def test_trouble_with_github_is_no_end(clock: Clockwork, hasty: None) -> None:
    clock.bot.github.faults.add(Fault.burst("GET", "/app/installations$", 50))
    assert clock.run(2) == []
    clock.bot.github.faults.take("GET", "/app/installations")
    clock.bot.github.faults._waiting.clear()
    clock.sleep(hours=1.1)
    assert len(clock.run()) == 1


def test_a_repository_that_is_gone_is_found_out_even_when_nobody_told(clock: Clockwork) -> None:
    clock.bot.tools.memory.install(Place(99, Repository(1, "ada/gone")))
    clock.bot.tools.memory.install(Place(clock.bot.place.installation_id, Repository(2, "ada/old")))
    clock.run()
    assert [one.repository.full_name for one in clock.bot.tools.memory.installed()] == ["ada/shop"]


def test_an_installation_is_remembered_and_forgotten(bot: Bot) -> None:
    installation, memory = bot.place.installation_id, bot.tools.memory
    bot.tell(InstallationChanged(installation, True, (bot.repository,)))
    assert memory.installed() == (bot.place,)
    memory.ignore(bot.hosted.id, "src/a.py", "ada asked for it")
    bot.tell(InstallationChanged(installation, False, ()))
    assert memory.installed() == ()
    assert memory.ignored(bot.hosted.id) == {}


def test_repositories_come_and_go(bot: Bot) -> None:
    other = Repository(5, "ada/other")
    bot.tell(RepositoriesChanged(bot.place.installation_id, (other, bot.repository), ()))
    bot.tell(RepositoriesChanged(bot.place.installation_id, (), (other,)))
    assert bot.tools.memory.installed() == (bot.place,)
