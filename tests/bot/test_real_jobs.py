"""A comment on GitHub, the server, the worker and perfbot itself: nothing scripted, nothing in process."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from dbos import DBOSClient, DBOSPortableJSONSerializer

from bot_process import PERFBOT, Process, Server, wait_for
from hosted import Comment
from local_github import LocalGitHub
from orders_scene import Orders, orders_on
from scripted_runs import UNKNOWN

QUICK = "version: 1\nbudget: {time: 10m}\n"


@dataclass
class Bot:
    """perfbot as an operator runs it."""

    orders: Orders
    state: Path
    app: Path
    server: Server
    workers: list[Process] = field(default_factory=list)

    def worker(self) -> Process:
        environ = {"XDG_STATE_HOME": str(self.state), "PERFBOT_APP": str(self.app)}
        worker = Process([str(PERFBOT), "worker", "--dead-after", "6s"], environ)
        self.workers.append(worker)
        worker.said("worker begins")
        return worker

    def comment(self, text: str) -> Comment:
        """A person comments, and GitHub delivers it."""
        said = self.orders.say(text)
        assert self.server.deliver(self.orders.payload(said)) == 204
        return said

    def close(self) -> None:
        for process in (*self.workers, self.server):
            process.kill()


@pytest.fixture
def bot(github: LocalGitHub, tmp_path: Path) -> Iterator[Bot]:
    orders = orders_on(github, QUICK)
    made = Bot(
        orders, tmp_path / "state", orders.app_folder(tmp_path / "app"), Server(tmp_path / "state")
    )
    yield made
    made.close()


def measuring(bot: Bot) -> list[int]:
    """The processes that do a job's main work; a zombie is none."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"perfbot.bot.leashed" in words and str(bot.state).encode() in b" ".join(words):
                found.append(int(folder.name))
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_comment_becomes_a_proven_suggestion(bot: Bot) -> None:
    bot.worker()
    bot.comment(f"/optimize {UNKNOWN}")
    wait_for(
        lambda: any("*, after " in one for one in bot.orders.said()),
        800,
        lambda: str(bot.orders.said()),
    )
    (sticky,) = bot.orders.said()
    assert "1 function proven faster" in sticky, sticky
    (suggestion,) = bot.orders.suggestions()
    assert "```suggestion" in suggestion
    assert "It stands as a suggestion" in sticky
    assert not measuring(bot)


@pytest.mark.slow
def test_a_job_that_a_person_stops_ends_with_its_process(bot: Bot) -> None:
    bot.worker()
    asked = bot.comment(f"/optimize {UNKNOWN}")
    processes = wait_for(lambda: measuring(bot), 200)
    bot.comment("/perfbot stop")
    wait_for(lambda: not set(processes) & set(measuring(bot)), 100)
    wait_for(lambda: "**Stopped**" in bot.orders.said()[0], 100, lambda: str(bot.orders.said()))
    client = DBOSClient(
        system_database_url=f"sqlite:///{bot.state}/perfbot/bot/jobs.sqlite",
        serializer=DBOSPortableJSONSerializer(),
    )
    job = client.retrieve_workflow(f"asked-{bot.orders.hosted.id}-{asked.id}")
    assert job.get_status().status == "CANCELLED"
    client.destroy()
    assert not bot.orders.suggestions()
    assert not set(processes) & set(measuring(bot))  # a first scan may have begun meanwhile
