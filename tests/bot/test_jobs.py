"""Durable jobs with real processes: killed at every place, stopped, poisoned, taken over."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dbos import DBOSClient, DBOSPortableJSONSerializer

from perfbot.bot.database import DatabaseError
from perfbot.bot.deliveries import Delivery, Json
from perfbot.bot.inbox import Inbox, State
from perfbot.bot.jobs import OUT_OF_TOUCH, Action, Job, JobState, LiveJob
from perfbot.bot.sweeper import sweep

from bot_process import Worker, comment_payload, ledger_lines, wait_for
from postgres import postgres

JOB, HEARING = "asked-7-1", "comment-7-1"
PLACES = ["step 1", "border 1", "step 2", "border 2"]


class Workshop:
    """One state folder or database, its inbox filled by the test, its workers' ledger."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.folder = folder
        self.ledger, self.hold = folder / "ledger", folder / "ledger.hold"
        files = folder / "perfbot" / "bot"
        files.mkdir(parents=True)
        self.environ = {"PERFBOT_DATABASE_URL": url} if url else {}
        self.jobs_url = url or f"sqlite:///{files}/jobs.sqlite"
        self.inbox = Inbox(url or f"sqlite:///{files}/deliveries.sqlite")
        self.workers: list[Worker] = []
        self.delivered = 0

    def worker(self, *arguments: str, mode: str = "plain") -> Worker:
        given = ("--dead-after", "6s", "--steps", "2", "--mode", mode, *arguments)
        worker = Worker(self.folder, self.ledger, *given, **self.environ)
        self.workers.append(worker)
        return worker

    def deliver(self, payload: dict[str, Any], event: str = "issue_comment") -> str:
        self.delivered += 1
        id = f"{self.delivered:08}-0000-0000-0000-000000000000"
        assert self.inbox.keep(Delivery(id, event, json.dumps(payload).encode()))
        return id

    def lines(self) -> list[str]:
        return ledger_lines(self.ledger)

    def wait_for(self, *lines: str) -> None:
        def there() -> bool:
            return set(lines) <= set(self.lines())

        wait_for(there, 60, lambda: f"{lines} in {self.lines()}")

    def status(self, job_id: str) -> str:
        serializer = DBOSPortableJSONSerializer()
        client = DBOSClient(system_database_url=self.jobs_url, serializer=serializer)
        try:
            return client.retrieve_workflow(job_id).get_status().status
        finally:
            client.destroy()

    def wait_for_status(self, job_id: str, status: str) -> None:
        wait_for(lambda: self.status(job_id) == status, 60, lambda: self.status(job_id))

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
        self.inbox.close()


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    shop = Workshop(tmp_path)
    yield shop
    shop.close()


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Workshop]:
    """A workshop whose state is in a real PostgreSQL, as several machines would share it."""
    with postgres() as url:
        shop = Workshop(tmp_path, url)
        yield shop
        shop.close()


def push_payload(repository_id: int = 7) -> dict[str, Any]:
    return {
        "ref": "refs/heads/main",
        "after": "a" * 40,
        "deleted": False,
        "installation": {"id": 9},
        "repository": {"id": repository_id, "full_name": "shop/cart", "default_branch": "main"},
    }


def until_held(shop: Workshop, place: str) -> None:
    kind, number = place.split()
    shop.wait_for(f"{JOB} {number} begin" if kind == "step" else f"{JOB} after {number}")


def ended_once(shop: Workshop, job: str = JOB) -> None:
    """Check that every step was finished once and the job ended once."""
    lines = shop.lines()
    for line in (f"{job} 1 end", f"{job} 2 end", f"{job} done"):
        assert lines.count(line) == 1, lines
    shop.wait_for_status(job, "SUCCESS")


@pytest.mark.parametrize("place", PLACES)
def test_a_killed_job_ends_exactly_once(workshop: Workshop, place: str) -> None:
    workshop.hold.write_text(place)
    workshop.deliver(comment_payload())
    worker = workshop.worker()
    until_held(workshop, place)
    worker.kill()
    workshop.hold.unlink()
    workshop.worker()
    workshop.wait_for(f"{JOB} done")
    ended_once(workshop)
    kind, number = place.split()
    for step in ("1", "2"):
        again = kind == "step" and step == number
        assert workshop.lines().count(f"{JOB} {step} begin") == 1 + again


def test_a_worker_that_is_asked_to_end_leaves_its_job_to_the_next(workshop: Workshop) -> None:
    workshop.hold.write_text("step 2")
    workshop.deliver(comment_payload())
    worker = workshop.worker()
    until_held(workshop, "step 2")
    assert worker.end() == 130
    workshop.hold.unlink()
    workshop.worker()
    workshop.wait_for(f"{JOB} done")
    ended_once(workshop)


@pytest.mark.slow
def test_a_step_that_does_not_listen_cannot_keep_its_worker(workshop: Workshop) -> None:
    workshop.deliver(comment_payload())
    worker = workshop.worker(mode="deaf")
    workshop.wait_for(f"{JOB} 1 begin")
    assert worker.end() == 130
    workshop.worker()
    workshop.wait_for(f"{JOB} done")
    ended_once(workshop)


class ForgetfulEngine:
    """Takes a job down, then breaks once, as a crash would between the queue and the inbox."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def enqueue(self, job: Job) -> None:
        self.jobs.append(job)
        if len(self.jobs) == 1:
            raise DatabaseError("gone")

    def cancel(self, job_id: str) -> None:
        raise NotImplementedError

    def status(self, job_id: str) -> JobState | None:
        raise NotImplementedError

    def waiting(self) -> int:
        return 0

    def live(self, lane: str) -> tuple[LiveJob, ...]:
        raise NotImplementedError

    def step(self, name: str, action: Action) -> Json:
        raise NotImplementedError


def test_a_crash_of_the_sweeper_loses_no_delivery(workshop: Workshop) -> None:
    delivery, engine = workshop.deliver(comment_payload()), ForgetfulEngine()
    with pytest.raises(DatabaseError):
        sweep(workshop.inbox, engine)
    assert workshop.inbox.state(delivery) == (State.RECEIVED, "")
    assert sweep(workshop.inbox, engine) == 1
    assert workshop.inbox.state(delivery) == (State.QUEUED, HEARING)
    assert [job.id for job in engine.jobs] == [HEARING, HEARING]


def test_old_settled_deliveries_are_forgotten_and_waiting_ones_never(workshop: Workshop) -> None:
    waiting, settled = workshop.deliver(comment_payload(1)), workshop.deliver(comment_payload(2))
    held = workshop.deliver(push_payload(), "push")
    workshop.inbox.settle(settled, State.NOTHING)
    workshop.inbox.settle(held, State.HELD)
    assert workshop.inbox.forget(3600) == 0
    assert workshop.inbox.forget(-1) == 1
    assert workshop.inbox.state(settled) is None
    assert workshop.inbox.state(waiting)
    assert workshop.inbox.state(held)


def test_a_comment_that_is_delivered_twice_is_one_job(workshop: Workshop) -> None:
    first, second = workshop.deliver(comment_payload()), workshop.deliver(comment_payload())
    workshop.worker()
    workshop.wait_for(f"{JOB} done")
    wait_for(lambda: workshop.inbox.state(second) == (State.QUEUED, HEARING))
    assert workshop.inbox.state(first) == (State.QUEUED, HEARING)
    ended_once(workshop)


def test_a_repository_has_one_job_at_a_time_and_others_run_beside_it(workshop: Workshop) -> None:
    workshop.hold.write_text("step 1")
    for comment, repository in ((1, 7), (2, 7), (3, 8)):
        workshop.deliver(comment_payload(comment, repository_id=repository))
    workshop.worker("--jobs", "3")
    workshop.wait_for("asked-8-3 1 begin")
    first, second = "asked-7-1", "asked-7-2"
    wait_for(lambda: any(f"{one} 1 begin" in workshop.lines() for one in (first, second)))
    workshop.hold.unlink()
    workshop.wait_for(f"{first} done", f"{second} done", "asked-8-3 done")
    lane = [line for line in workshop.lines() if "-7-" in line]
    jobs = [line.split()[0] for line in lane]
    assert jobs == sorted(jobs, key=jobs.index), "two jobs of one repository were mixed"


def test_a_person_comes_before_a_scan_of_whatever_repository(workshop: Workshop) -> None:
    scans = [workshop.deliver(push_payload(repository), "push") for repository in (5, 6, 7)]
    workshop.deliver(comment_payload())
    workshop.worker()
    workshop.wait_for(f"{JOB} done", *(f"delivery-{scan} done" for scan in scans))
    assert workshop.lines()[0].startswith(f"{JOB} at")


def test_stopping_a_job_ends_its_subprocess(workshop: Workshop) -> None:
    workshop.deliver(comment_payload())
    workshop.worker(mode="subprocess")
    pid = wait_for(lambda: [line for line in workshop.lines() if " pid " in line])[0].split()[-1]
    workshop.deliver(comment_payload(2, f"/perfbot stop {JOB}"))
    workshop.wait_for(f"{JOB} killed")
    wait_for(lambda: not Path(f"/proc/{pid}").exists())
    workshop.wait_for_status(JOB, "CANCELLED")
    assert f"{JOB} 2 begin" not in workshop.lines()


def test_a_job_that_was_stopped_does_not_come_back(workshop: Workshop) -> None:
    workshop.deliver(comment_payload())
    worker = workshop.worker(mode="subprocess")
    wait_for(lambda: [line for line in workshop.lines() if " pid " in line])
    workshop.deliver(comment_payload(2, f"/perfbot stop {JOB}"))
    workshop.wait_for(f"{JOB} killed")
    worker.kill()
    workshop.worker()
    workshop.deliver(comment_payload(3))
    workshop.wait_for("asked-7-3 done")
    assert workshop.status(JOB) == "CANCELLED"
    assert workshop.lines().count(f"{JOB} 1 begin") == 1


def test_a_failed_job_ends_with_a_word_to_those_who_wait(workshop: Workshop) -> None:
    workshop.deliver(comment_payload())
    worker = workshop.worker(mode="failing")
    workshop.wait_for(f"{JOB} given up: a step failed: the step says no")
    workshop.wait_for_status(JOB, "ERROR")
    failed = [line for line in worker.records() if line["message"] == "job failed"]
    assert [line["job"] for line in failed] == [JOB]
    assert failed[0]["traceback"].endswith("ValueError")
    assert "the step says no" not in failed[0]["traceback"].splitlines()[-1]
    assert f"{JOB} done" not in workshop.lines()


@pytest.mark.slow
def test_a_poison_job_ends_with_a_word_to_those_who_wait(workshop: Workshop) -> None:
    """A job that kills every worker is begun six times, then given up, and the lane is free again."""
    workshop.deliver(comment_payload())
    for _ in range(6):
        workshop.worker(mode="deadly").popen.wait(60)
    workshop.worker()
    workshop.wait_for(f"{JOB} given up: the worker died 6 times while it worked on this")
    assert workshop.lines().count(f"{JOB} 1 begin") == 6
    workshop.deliver(comment_payload(2))
    workshop.wait_for("asked-7-2 done")


def test_a_delivery_that_cannot_be_read_is_put_aside(workshop: Workshop) -> None:
    odd = workshop.deliver(comment_payload(comment={"id": "one"}))
    workshop.deliver(comment_payload())
    workshop.worker()
    workshop.wait_for(f"{JOB} done")
    found = workshop.inbox.state(odd)
    assert found
    assert found[0] is State.UNREADABLE
    assert found[1] == "issue_comment: comment.user is missing, expected an object"


def test_two_workers_share_the_work_and_one_takes_over_from_the_dead(shared: Workshop) -> None:
    shared.hold.write_text("step 2")
    jobs = [f"asked-{repository}-1" for repository in range(1, 5)]
    for repository in range(1, 5):
        shared.deliver(comment_payload(1, repository_id=repository))
    one, other = shared.worker("--jobs", "2"), shared.worker("--jobs", "2")
    shared.wait_for(*(f"{job} 2 begin" for job in jobs))
    pids = {line.split()[-1] for line in shared.lines() if " at " in line}
    assert pids == {str(one.popen.pid), str(other.popen.pid)}
    one.kill()
    shared.hold.unlink()
    shared.wait_for(*(f"{job} done" for job in jobs))
    for job in jobs:
        ended_once(shared, job)
        assert shared.lines().count(f"{job} 1 begin") == 1


def test_a_worker_that_was_taken_for_dead_ends_by_itself(shared: Workshop) -> None:
    shared.hold.write_text("step 2")
    shared.deliver(comment_payload())
    sleeper = shared.worker()
    shared.wait_for(f"{JOB} 2 begin")
    os.kill(sleeper.popen.pid, signal.SIGSTOP)
    shared.worker()
    wait_for(lambda: shared.lines().count(f"{JOB} 2 begin") == 2)
    os.kill(sleeper.popen.pid, signal.SIGCONT)
    assert sleeper.popen.wait(60) == 2
    assert OUT_OF_TOUCH in "".join(sleeper.lines)
    shared.hold.unlink()
    shared.wait_for(f"{JOB} done")
    ended_once(shared)


def test_the_databases_password_comes_from_a_file_of_its_own(tmp_path: Path) -> None:
    """As compose.yaml has it: a password in the address would stand in the environment."""
    with postgres("of the database") as url:
        file = tmp_path / "pgpass"
        file.write_text("*:*:*:perfbot:of the database")
        file.chmod(0o600)
        shop = Workshop(tmp_path, f"{url}?passfile={file}")
        shop.deliver(comment_payload())
        shop.worker()
        shop.wait_for(f"{JOB} done")
        shop.close()
