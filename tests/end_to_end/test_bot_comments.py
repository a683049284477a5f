"""People comment on GitHub and perfbot answers: its real server and worker, with runs that a test holds."""

import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot_process import TESTS, Process, Server, wait_for
from hosted import Comment, Delivery
from local_github import LocalGitHub
from orders_scene import PULL, Orders, orders_on
from scripted_runs import UNKNOWN

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
QUIET = "version: 1\npull_requests: {schedule: never}\n"
HOSTILE = (
    "<!-- \n/optimize\n-->",
    "<details>\n\n/perfbot stop\n\n</details>",
    "> /optimize\n> /perfbot verify",
    "```\n/optimize\n```",
    "\\/optimize",
    "/optimize `$(touch${IFS}x)`.py::f\u202e",
    "/perfbot verify; rm -rf /",
    "/perfbot @everyone ![x](https://evil.test/x.png)",
    "/optimize --time 10m --time 99h <script>alert(1)</script>",
)


@dataclass
class Bot:
    """perfbot as an operator runs it, in a folder of its own."""

    orders: Orders
    folder: Path
    processes: list[Process] = field(default_factory=list)

    def serve(self) -> Server:
        server = Server(self.folder / "state")
        self.processes.append(server)
        return server

    def work(self) -> Process:
        argv = [sys.executable, str(TESTS / "talk_worker.py"), str(self.folder)]
        environ = {"XDG_STATE_HOME": str(self.folder / "state")}
        worker = Process([*argv, "--dead-after", "6s"], environ)
        self.processes.append(worker)
        worker.said("worker begins")
        return worker

    def answers(self, count: int, text: str = "") -> list[str]:
        """Wait until perfbot has said so much, and this in its last words; return all of it."""

        def look() -> list[str] | None:
            said = self.orders.said()
            return said if len(said) >= count and text in said[-1] else None

        return wait_for(look, 240, lambda: f"{text!r} in {self.orders.said()}")

    def until(self, holds: Callable[[], object]) -> None:
        wait_for(lambda: holds() or None, 240, lambda: str(self.orders.said()))

    def runs(self) -> list[str]:
        file = self.folder / "runs"
        return file.read_text().split() if file.exists() else []

    def close(self) -> None:
        for process in self.processes:
            process.kill()


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Bot]:
    with LocalGitHub(tmp_path / "hosted") as github:
        made = Bot(orders_on(github, QUIET), tmp_path)
        made.orders.app_folder(tmp_path / "app")
        yield made
        made.close()
    assert not github.violations


def reactions(said: Comment) -> list[str]:
    return [f"{who.login} {reaction}" for _, who, reaction in said.reactions]


def test_a_person_optimizes_stops_tries_again_and_verifies(bot: Bot) -> None:
    server, orders, hold = bot.serve(), bot.orders, bot.folder / "hold"
    bot.work()

    def comment(text: str, login: str = "ada") -> Comment:
        said = orders.say(text, login=login)
        assert server.deliver(orders.payload(said)) == 204
        return said

    comment("/perfbot help")
    assert "perfbot takes:" in bot.answers(1)[0]

    for _ in range(2):
        comment("/optimize", "mallory")
    assert "Thank you for the interest" in bot.answers(2)[1]

    hold.touch()
    asked = comment(f"/optimize {UNKNOWN}")
    bot.until(lambda: "**Working** on" in orders.said()[-1])
    assert reactions(asked) == ["perfbot[bot] eyes"]
    comment("/perfbot status")
    status = bot.answers(4)[3]
    assert "unknown&#95;articles" in status
    assert "waiting" not in status
    comment("/perfbot stop")
    bot.until(lambda: "**Stopped**, as <code>ada</code> asked" in orders.said()[2])
    bot.until(lambda: bot.runs()[-1] == "stopped")

    hold.unlink()
    comment("/perfbot retry")
    bot.answers(5, "1 function proven faster")
    (suggestion,) = orders.suggestions()
    assert "```suggestion" in suggestion

    (bot.folder / "slower").touch()
    comment("/perfbot verify")
    bot.answers(6, "**A regression**")
    checks = {check.known["conclusion"] for check in orders.hosted.checks.values()}
    assert checks == {"success", "failure"}

    count, runs = len(orders.said()), len(bot.runs())
    wrong = [text for text in HOSTILE if text.startswith("/")]
    for text in HOSTILE:
        comment(text)
    comment("/perfbot help")
    answers = bot.answers(count + len(wrong) + 1, "perfbot takes:")[count:]
    assert len(answers) == len(wrong) + 1
    for answer in answers:
        assert "<script" not in answer
        assert "](https:" not in answer
        assert "@everyone" not in answer
    assert len(bot.runs()) == runs
    assert len(orders.said()) - count == len(wrong) + 1
    assert sum("Thank you for the interest" in one for one in orders.said()) == 1


def test_what_was_lost_in_an_outage_is_caught_up_exactly_once(bot: Bot) -> None:
    """One delivery failed and GitHub's log knows it; of another command nobody ever told perfbot."""
    orders, world = bot.orders, bot.orders.github.world
    failed, untold = orders.say("/perfbot help"), orders.say(f"/optimize {UNKNOWN}")
    theirs = orders.say("/optimize", login="mallory")
    orders.say("> /optimize")
    guid, moment = str(uuid.uuid4()), datetime.now(UTC) - timedelta(minutes=10)
    world.deliveries.append(
        Delivery(next(world.ids), guid, "issue_comment", "created", "failed", 0, moment)
    )
    server = bot.serve()

    def send(delivery: Delivery) -> bool:
        return server.deliver(orders.payload(failed), id=delivery.guid) == 204

    world.send = send
    worker = bot.work()
    bot.until(lambda: any("1 function proven faster" in one for one in orders.said()))
    bot.until(lambda: len(orders.said()) == 3)
    worker.kill()
    bot.work()
    comment = orders.say("/perfbot status")
    assert server.deliver(orders.payload(comment)) == 204
    bot.until(lambda: len(orders.said()) == 4)  # the killed job may be a step short of its end
    assert [one.guid for one in world.deliveries if one.redelivery] == [guid]
    assert reactions(failed) == reactions(untold) == ["perfbot[bot] eyes"]
    assert reactions(theirs) == []
    said = orders.said()
    assert sum("perfbot takes:" in one for one in said) == 1
    assert sum("Thank you for the interest" in one for one in said) == 1
    assert (bot.runs().count("optimize"), len(orders.suggestions())) == (1, 1)
    assert orders.said(PULL) == said
