"""An App is installed, and some time later there is a pull request: perfbot itself, nothing scripted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from perfbot.bot import pull_request
from perfbot.bot.marker import Text

from bot_process import PERFBOT, Process, wait_for
from local_github import LocalGitHub
from orders_scene import Orders, orders_on

ONE_FUNCTION = """\
version: 1
budget: {time: 3m}
hotspots: {at_most: 1}
pull_requests: {dashboard: true}
"""


@pytest.fixture
def orders(github: LocalGitHub) -> Orders:
    return orders_on(github, ONE_FUNCTION)


@pytest.fixture
def worker(orders: Orders, tmp_path: Path) -> Iterator[Process]:
    app = orders.app_folder(tmp_path / "app")
    environ = {"XDG_STATE_HOME": str(tmp_path / "state"), "PERFBOT_APP": str(app)}
    made = Process([str(PERFBOT), "worker"], environ)
    yield made
    made.kill()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_an_installation_becomes_a_scan_and_that_a_pull_request(
    orders: Orders, worker: Process
) -> None:
    """Nobody tells the worker anything: it finds the installation, and that no scan was yet."""
    wait_for(orders.own_pulls, 1100, lambda: "".join(worker.lines[-20:]))
    thread = orders.hosted.threads[orders.own_pulls()[0]]
    assert thread.pull
    assert thread.title.startswith("Speed up ")
    assert " by at least " in thread.title
    assert thread.pull.draft
    state = pull_request.state(Text(thread.body or "", thread.author.id), thread.author.id)
    assert state
    assert state.base == orders.hosted.bare.branch("main")
    assert all(claim.low >= 1.1 for claim in state.claims)
    changed = orders.hosted.bare.git("diff", "--name-only", "main", thread.pull.head_ref)
    assert changed.startswith("src/orders/")
    wait_for(lambda: any(not one.pull for one in list(orders.hosted.threads.values())), 60)
    assert not orders.hosted.comments
