"""What perfbot missed is caught up once: over HTTP, with a clock that the test moves."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from no_runs import NoRuns

from perfbot.bot.deliveries import Delivery as Arrived
from perfbot.bot.hearing import OLDEST
from perfbot.bot.inbox import Inbox
from perfbot.bot.jobs import JobState
from perfbot.bot.reconciling import MOST_TRIES, Reconciler

from github_scene import Scene
from hosted import Comment, Delivery
from local_github import Fault
from talk_scene import PULL, Talk, talk_in

GUID = "72d3162e-cc78-11e3-81ab-4c9367dc095{}"


@dataclass
class Away:
    """A perfbot that comes back; ``now_s`` is its clock."""

    talk: Talk
    inbox: Inbox
    now_s: float = 0.0

    def __post_init__(self) -> None:
        self.now_s = datetime.now(UTC).timestamp()
        self.reconciler = self.started()

    def started(self) -> Reconciler:
        tools = self.talk.tools
        return Reconciler(tools.hub, tools.memory, self.inbox, self.talk.engine, lambda: self.now_s)

    def catch_up(self, rounds: int = 3) -> list[str]:
        """Let it look around; return the jobs that there are."""
        for _ in range(rounds):
            self.reconciler.tick()
        return list(self.talk.engine.jobs)

    def fail(self, number: int, event: str = "issue_comment", minutes_ago: float = 5) -> None:
        world = self.talk.scene.github.world
        moment = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        status = "failed to connect to host"
        made = Delivery(next(world.ids), GUID.format(number), event, "created", status, 0, moment)
        world.deliveries.append(made)

    @property
    def tries(self) -> list[str]:
        """The ids of the deliveries that were tried again."""
        deliveries = self.talk.scene.github.world.deliveries
        return [one.guid[-1] for one in deliveries if one.redelivery]


@pytest.fixture
def away(scene: Scene, tmp_path: Path) -> Iterator[Away]:
    talk = talk_in(scene, tmp_path, NoRuns())
    talk.tools.memory.install(talk.place)
    inbox = Inbox(f"sqlite:///{tmp_path / 'deliveries.sqlite'}")
    yield Away(talk, inbox)
    talk.tools.memory.close()
    inbox.close()


def job_of(away: Away, said: Comment) -> str:
    return f"comment-{away.talk.repository.id}-{said.id}"


def test_what_failed_is_asked_for_again_once(away: Away) -> None:
    away.fail(1, minutes_ago=OLDEST.total_seconds() / 60 + 5)  # GitHub itself has forgotten it
    away.fail(2)
    away.fail(3, event="check_run")  # starts nothing
    away.fail(4)
    away.inbox.keep(Arrived(GUID.format(4), "issue_comment", b"{}"))  # only its answer was lost
    away.fail(5, minutes_ago=0.1)  # may still be on its way
    away.catch_up()
    assert away.tries == ["2"]
    away.now_s += 301
    away.catch_up()
    assert away.tries == ["2", "5"]


def test_what_fails_again_and_again_is_left(away: Away) -> None:
    away.talk.scene.github.world.send = lambda _delivery: False
    away.fail(1)
    for _ in range(5):
        away.now_s += 301
        away.catch_up()
    assert away.tries == ["1"] * (MOST_TRIES - 1)


def test_a_command_without_an_answer_becomes_the_job_of_its_delivery(away: Away) -> None:
    said = away.talk.write("/optimize", "bob")
    assert away.catch_up() == [job_of(away, said)]
    (job,) = away.talk.engine.jobs.values()
    assert job.task == {**job.task, **_stored(away, said)}
    away.talk.work_on(job)
    away.talk.hear(said)
    assert len(away.talk.accepted()) == 1
    assert len(away.talk.answers()) == 1


def _stored(away: Away, said: Comment) -> dict[str, object]:
    asked = away.talk.trigger(said)
    return {"comment_id": asked.comment_id, "on_pull_request": True, "author_id": asked.author_id}


def test_nothing_runs_twice(away: Away) -> None:
    answered = away.talk.say("/perfbot help")
    known = away.talk.write("/optimize")
    away.talk.engine.states[job_of(away, known)] = JobState.DONE
    away.reconciler = away.started()
    assert away.catch_up() == []
    assert answered.reactions


@pytest.mark.parametrize(
    "text", ["Thank you", "> /optimize", "/optimise", "`/perfbot stop`", "not /optimize"]
)
def test_what_is_no_command_is_left(away: Away, text: str) -> None:
    away.talk.write(text)
    assert away.catch_up() == []


def test_only_new_comments_of_people_count(away: Away) -> None:
    edited, old = away.talk.write("/optimize"), away.talk.write("/optimize")
    edited.updated_at += timedelta(minutes=1)
    old.created_at -= OLDEST + timedelta(hours=1)
    away.talk.scene.github.world.person("perfbot[bot]", "Bot")
    away.talk.write("/optimize", "perfbot[bot]")
    assert away.catch_up() == []


def test_it_looks_again_after_an_hour_and_not_before(away: Away) -> None:
    away.catch_up()
    said = away.talk.write("/optimize")
    away.now_s += 1800
    assert away.catch_up() == []
    away.now_s += 1801
    assert away.catch_up() == [job_of(away, said)]


@pytest.mark.usefixtures("hasty")
def test_githubs_limit_is_kept(away: Away) -> None:
    away.talk.write("/optimize")
    faults, requests = away.talk.scene.github.faults, away.talk.scene.github.requests
    faults.add(Fault.primary_limit("GET", "/issues/comments$", 1200))
    assert away.catch_up() == []
    count = len(requests)
    away.now_s += 1100
    assert away.catch_up() == []
    assert len(requests) == count
    away.now_s += 200
    assert len(away.catch_up()) == 1


def test_under_which_kind_of_thread_a_command_stands_is_known(away: Away) -> None:
    world, hosted = away.talk.scene.github.world, away.talk.scene.hosted
    issue = world.thread(hosted, world.person("ada"), "Slow", "").number
    away.talk.write("/optimize a.py::f", number=issue)
    away.talk.write("/perfbot help", number=PULL)
    away.catch_up()
    asked = {
        job.task["number"]: job.task["on_pull_request"] for job in away.talk.engine.jobs.values()
    }
    assert asked == {issue: False, PULL: True}
