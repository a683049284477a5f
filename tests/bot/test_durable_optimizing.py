"""``kill -9`` of the worker at every step border and inside every step of an ``/optimize`` job."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_optimizing import STEPS, everything

from perfbot.bot.comment import Failure
from perfbot.bot.deliveries import Delivery
from perfbot.bot.inbox import Inbox

from bot_process import TESTS, Process, ledger_lines, wait_for
from local_github import Fault, LocalGitHub
from orders_scene import Orders, orders_on
from postgres import postgres

PLACES = [f"{kind} {step}" for step in STEPS for kind in ("in", "after")]
AT_ONCE = 5  # a sixth death makes a job poisoned
GROUPS = [PLACES[start : start + AT_ONCE] for start in range(0, len(PLACES), AT_ONCE)]
ALL_THERE = (1, 1, 1, 1, 1, 2)


class Plant:
    """A GitHub, an inbox that the test fills, and workers that die."""

    def __init__(self, folder: Path, github: LocalGitHub, url: str = "") -> None:
        self.folder = folder
        self.orders: Orders = orders_on(github)
        self.orders.app_folder(folder / "app")
        files = folder / "perfbot" / "bot"
        files.mkdir(parents=True)
        self.environ = {"XDG_STATE_HOME": str(folder)}
        if url:
            self.environ["PERFBOT_DATABASE_URL"] = url
        self.inbox = Inbox(url or f"sqlite:///{files}/deliveries.sqlite")
        self.workers: list[Process] = []
        self.delivered = 0

    def worker(self, mode: str = "plain") -> Process:
        argv = [sys.executable, str(TESTS / "optimize_worker.py"), str(self.folder)]
        worker = Process([*argv, "--mode", mode, "--dead-after", "6s"], self.environ)
        self.workers.append(worker)
        return worker

    def deaths(self, places: list[str]) -> None:
        (self.folder / "deaths").write_text("\n".join(places))

    def left(self) -> str:
        return (self.folder / "deaths").read_text()

    def comment(self, text: str) -> None:
        said = self.orders.say(text)
        self.delivered += 1
        id = f"{self.delivered:08}-0000-0000-0000-000000000000"
        body = json.dumps(self.orders.payload(said)).encode()
        assert self.inbox.keep(Delivery(id, "issue_comment", body))

    def until_said(self, words: str) -> None:
        def look() -> bool:
            for worker in self.workers[-1:]:
                assert worker.popen.poll() in (None, -9), "".join(worker.lines)
            return any(words in one for one in self.orders.said())

        wait_for(look, 200, lambda: f"{self.orders.said()}\n" + "".join(self.workers[-1].lines))

    def steps(self) -> list[str]:
        return ledger_lines(self.folder / "steps")

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
        self.inbox.close()


@pytest.fixture
def plant(github: LocalGitHub, tmp_path: Path) -> Iterator[Plant]:
    made = Plant(tmp_path, github)
    yield made
    made.close()


@pytest.fixture
def shared(github: LocalGitHub, tmp_path: Path) -> Iterator[Plant]:
    """A plant whose state is in a real PostgreSQL."""
    with postgres() as url:
        made = Plant(tmp_path, github, url)
        yield made
        made.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("places", GROUPS, ids=lambda places: places[0])
def test_a_job_whose_workers_are_killed_ends_exactly_once(plant: Plant, places: list[str]) -> None:
    plant.deaths(places)
    plant.comment("/optimize")
    for _ in places:
        assert plant.worker().popen.wait(200) == -9
    assert not plant.left()
    plant.worker()
    plant.until_said("2 functions proven faster")
    wait_for(lambda: plant.steps()[-1] == "end")
    assert everything(plant.orders) == ALL_THERE


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_lost_answers_and_deaths_together_leave_nothing_double(plant: Plant) -> None:
    for path in ("/comments$", "/pulls$", "/git/refs$", "/check-runs$"):
        plant.orders.github.faults.add(Fault.hangs_up("POST", path))
    plant.deaths(["in look", "in publish 1", "in place 2", "in say"])
    plant.comment("/optimize")
    for _ in range(4):
        assert plant.worker().popen.wait(200) == -9
    plant.worker()
    plant.until_said("2 functions proven faster")
    assert everything(plant.orders) == ALL_THERE


def test_a_worker_that_is_asked_to_end_leaves_its_job_to_the_next(plant: Plant) -> None:
    (plant.folder / "hold").touch()
    plant.comment("/optimize")
    worker = plant.worker()
    wait_for(lambda: "optimize 1" in plant.steps(), 200)
    assert worker.end() == 130
    (plant.folder / "hold").unlink()
    plant.worker()
    plant.until_said("2 functions proven faster")
    assert everything(plant.orders) == ALL_THERE
    assert plant.steps().count("survey") == 1


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_job_that_kills_every_worker_ends_with_an_honest_comment(plant: Plant) -> None:
    plant.comment("/optimize")
    for _ in range(6):
        assert plant.worker("deadly").popen.wait(200) == -9
    plant.worker()
    plant.until_said(Failure.POISON)
    assert everything(plant.orders)[1:4] == (0, 0, 0)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_another_machine_s_worker_takes_a_job_over(shared: Plant) -> None:
    shared.deaths(["in optimize 2"])
    shared.comment("/optimize")
    both = [shared.worker(), shared.worker()]
    wait_for(lambda: any(one.popen.poll() == -9 for one in both), 200)
    shared.until_said("2 functions proven faster")
    assert everything(shared.orders) == ALL_THERE
    assert shared.steps().count("optimize 1") == 1
    assert shared.steps().count("optimize 2") == 2
