"""A scan as a durable job: its worker is killed at every border, and it ends exactly once.

Real processes, the real engine, a GitHub on loopback; only what a run comes to is scripted.
"""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from bot_scene import LOAD, MATCH, TOTAL, Bot
from dbos import DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions

from perfbot.bot.jobs import JOB_FORMAT
from perfbot.bot.sweeper import job_for
from perfbot.bot.triggers import ScanDue

from bot_process import TESTS, Process, wait_for


class ScanWorkshop:
    """Workers of one state folder that scan the shop, one after the other."""

    def __init__(self, bot: Bot, folder: Path) -> None:
        self.bot = bot
        self.folder = folder
        self.borders = folder / "borders"
        self.state = folder / "state"
        (self.state / "perfbot" / "bot").mkdir(parents=True)
        self.url = f"sqlite:///{self.state / 'perfbot' / 'bot' / 'jobs.sqlite'}"
        (folder / "key.pem").write_text(bot.registered.private_key)
        self.workers: list[Process] = []

    def worker(self) -> Process:
        bot, folder = self.bot, self.folder
        arguments = [
            bot.github.api, str(bot.registered.record.id), str(folder / "key.pem"),
            str(bot.script.file), str(folder), str(self.borders), "--dead-after", "3s",
        ]  # fmt: skip
        argv = [sys.executable, str(TESTS / "scan_worker.py"), *arguments]
        worker = Process(argv, {"XDG_STATE_HOME": str(self.state)})
        self.workers.append(worker)
        worker.said("worker begins")
        return worker

    def enqueue(self) -> str:
        """Put the scan into the queue, as a worker's scheduler does."""
        asked = ScanDue(self.bot.place.installation_id, self.bot.repository, "2026-W49")
        job = job_for(asked, "")
        client = DBOSClient(system_database_url=self.url, serializer=DBOSPortableJSONSerializer())
        try:
            options = EnqueueOptions(
                workflow_name="work",
                queue_name="perfbot",
                workflow_id=job.id,
                app_version=JOB_FORMAT,
                priority=job.priority,
                queue_partition_key=job.lane,
            )
            client.enqueue(options, asdict(job))
        finally:
            client.destroy()
        return job.id

    def state_of(self, id: str) -> str:
        client = DBOSClient(system_database_url=self.url, serializer=DBOSPortableJSONSerializer())
        try:
            return client.retrieve_workflow(id).get_status().status
        finally:
            client.destroy()

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()


@pytest.fixture
def workshop(bot: Bot, tmp_path: Path) -> Iterator[ScanWorkshop]:
    made = ScanWorkshop(bot, tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("border", ["before", "inside", "after"])
def test_a_scan_whose_worker_is_killed_ends_exactly_once(
    workshop: ScanWorkshop, border: str
) -> None:
    """Killed three times: in the search, where it remembers, and where it opens pull requests."""
    bot = workshop.bot
    workshop.borders.write_text(f"{border} 4")
    workshop.worker()
    id = workshop.enqueue()
    for number in (4, 6, 8):
        if number != 4:
            workshop.borders.write_text(f"{border} {number}")
            workshop.worker()
        wait_for(lambda: workshop.borders.read_text() == "at", 120)
        workshop.workers[-1].kill()
        workshop.borders.unlink()
    workshop.worker()
    wait_for(lambda: workshop.state_of(id) == "SUCCESS", 120)
    assert [one.partition(" by")[0] for one in bot.open] == ["Speed up total", "Speed up match"]
    assert len(bot.pulls) == len(bot.branches) == 2
    assert not bot.said
    runs = bot.script.runs()
    assert runs.count("survey") == 1
    assert runs.count(f"optimize {TOTAL}") == 1
    assert runs.count(f"optimize {MATCH}") == (2 if border == "inside" else 1)
    assert runs.count(f"optimize {LOAD}") == 1
