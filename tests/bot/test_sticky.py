"""One comment, kept up to date without bothering GitHub."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from perfbot.bot import comment
from perfbot.bot.comment import Stage
from perfbot.bot.memory import Memory, Request
from perfbot.bot.sticky import Sticky

from bot_process import wait_for
from local_github import Fault, LocalGitHub
from orders_scene import PULL, Orders, orders_on


@pytest.fixture
def orders(github: LocalGitHub) -> Orders:
    return orders_on(github)


@pytest.fixture
def sticky(orders: Orders, tmp_path: Path) -> Iterator[Sticky]:
    memory = Memory(f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    job = comment.Job("asked-7-1", "/optimize", orders.head)
    memory.begin(Request(job.key, orders.hosted.id, PULL, "/optimize", orders.head, time.time()))
    yield Sticky(orders.hub, memory, orders.place, PULL, job, time.time())
    memory.close()


def writes(orders: Orders) -> int:
    """Count the writes of comments."""
    said = [one for one in orders.github.requests if "comments" in one.path]
    return sum(one.verb in {"POST", "PATCH"} for one in said)


def test_every_stage_is_told_at_once_and_a_stage_s_details_now_and_then(
    sticky: Sticky, orders: Orders
) -> None:
    with sticky.telling(Stage.BASELINE, lambda: False, {"profiling": Stage.HOTSPOTS}) as tick:
        wait_for(orders.said)
        for number in range(50):
            tick(f"test {number}")
        tick("profiling")
        wait_for(lambda: "find out where the time goes: <code>profiling" in orders.said()[0])
        for number in range(50):
            tick(f"sample {number}")
    assert writes(orders) == 2
    known = sticky.memory.request("asked-7-1")
    assert known
    assert known.stage == "HOTSPOTS"


def test_a_job_that_was_told_to_stop_says_nothing_more(sticky: Sticky, orders: Orders) -> None:
    with sticky.telling(Stage.CANDIDATES, lambda: True) as tick:
        tick("searching")
    assert orders.said() == []


def test_progress_that_github_does_not_take_ends_nothing(sticky: Sticky, orders: Orders) -> None:
    orders.github.faults.add(Fault.burst("POST", "/comments$", 10))
    with sticky.telling(Stage.BASELINE, lambda: False):
        wait_for(lambda: any("comments" in one.path for one in orders.github.requests))
    assert orders.said() == []
