"""``status`` and ``stop``, here and under the dashboard issue; ``explain`` and ``ignore``."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from no_runs import NoRuns

from perfbot.bot import answers
from perfbot.bot.comment import Stage
from perfbot.bot.config import PullRequests
from perfbot.bot.events import DASHBOARD_MARK
from perfbot.bot.jobs import JobState
from perfbot.bot.memory import Request
from perfbot.bot.pull_request import Proposal, pull_request
from perfbot.bot.report import to_json
from perfbot.bot.sweeper import job_for
from perfbot.bot.triggers import Pushed, ScanDue

from github_scene import BRANCH, Scene
from hosted import PullPart
from shop_report import MATCH, TOTAL, example
from talk_scene import PULL, Crash, Talk, talk_in

EXAMPLE = example()


@pytest.fixture
def talk(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Talk]:
    monkeypatch.setattr(answers, "_LET_END_S", 0.0)
    found = talk_in(scene, tmp_path, NoRuns())
    yield found
    found.tools.memory.close()


@pytest.fixture
def dashboard(talk: Talk) -> int:
    world = talk.scene.github.world
    bot = talk.scene.registered.record.bot
    return world.thread(talk.scene.hosted, bot, "Where the time goes", DASHBOARD_MARK).number


def scanning(talk: Talk) -> str:
    """A scan of the repository waits."""
    job = job_for(ScanDue(talk.place.installation_id, talk.repository, "2026-W49"), "")
    talk.engine.enqueue(job)
    return job.id


def test_status_tells_how_far_a_job_is_and_what_waits(talk: Talk) -> None:
    talk.say("/perfbot status")
    assert "Nothing is running here" in talk.answers()[0]
    first = talk.say("/optimize")
    talk.say("/perfbot verify")
    running = f"asked-{talk.repository.id}-{first.id}"
    talk.engine.states[running] = JobState.RUNNING
    talk.tools.memory.reach(running, Stage.BASELINE.name)
    talk.say("/perfbot status")
    status = talk.answers()[-1]
    assert "/optimize</code>" in status
    assert f"{Stage.BASELINE}, 1 min" in status
    assert "waiting, 1 before it" in status


def test_status_is_about_this_pull_request_and_under_the_dashboard_about_all(
    talk: Talk, dashboard: int
) -> None:
    scanning(talk)
    talk.say("/perfbot status")
    assert "Nothing is running here" in talk.answers()[0]
    talk.say("/perfbot status", number=dashboard)
    assert "a scan of the default branch" in talk.answers(dashboard)[0]


def test_stop_ends_what_runs_here_and_its_comment_says_by_whom(talk: Talk) -> None:
    scan = scanning(talk)
    said = talk.say("/optimize")
    talk.say("/perfbot stop", "bob")
    id = f"asked-{talk.repository.id}-{said.id}"
    assert talk.engine.states == {scan: JobState.WAITING, id: JobState.STOPPED}
    (sticky,) = talk.answers()
    assert "**Stopped**, as <code>bob</code> asked" in sticky
    known = talk.tools.memory.request(id)
    assert known
    assert known.result == {"stopped": "bob"}
    talk.say("/perfbot retry")
    assert len(talk.accepted()) == 2


def test_stop_under_the_dashboard_ends_everything_in_the_repository(
    talk: Talk, dashboard: int
) -> None:
    scanning(talk)
    talk.say("/optimize")
    elsewhere = replace(talk.repository, id=talk.repository.id + 1)
    talk.engine.enqueue(job_for(Pushed(1, elsewhere, "main", "a" * 40), "other"))
    talk.say("/perfbot stop", number=dashboard)
    assert [str(state) for state in talk.engine.states.values()] == ["stopped"] * 2 + ["waiting"]
    assert "**Stopped**" in talk.answers()[0]
    assert "a scan of the default branch" in talk.answers(dashboard)[0]


def test_an_issue_that_only_looks_like_the_dashboard_is_an_issue(talk: Talk) -> None:
    world = talk.scene.github.world
    fake = world.thread(talk.scene.hosted, world.person("ada"), "x", DASHBOARD_MARK).number
    scanning(talk)
    talk.say("/perfbot stop", number=fake)
    assert "Nothing is running here" in talk.answers(fake)[0]


def test_a_stranger_stops_nothing(talk: Talk) -> None:
    talk.say("/optimize")
    talk.say("/perfbot stop", "rita")
    assert set(talk.engine.states.values()) == {JobState.WAITING}


@pytest.mark.parametrize("step", range(2, 6))
def test_a_stop_that_is_interrupted_still_says_so(talk: Talk, step: int) -> None:
    talk.say("/optimize")
    said = talk.write("/perfbot stop")
    talk.engine.dies_in = step
    with pytest.raises(Crash):
        talk.hear(said)
    talk.hear(said)
    assert set(talk.engine.states.values()) == {JobState.STOPPED}
    assert "**Stopped**" in talk.answers()[0]


def remember(talk: Talk, asked: str, result: object, number: int = PULL) -> None:
    request = Request(asked, talk.repository.id, number, asked, talk.scene.head, time.time())
    talk.tools.memory.begin(request)
    talk.tools.memory.end(asked, json.loads(json.dumps(result)))


def test_explain_goes_gate_by_gate_through_the_last_run_here(talk: Talk) -> None:
    talk.say("/perfbot explain")
    assert "nothing to explain" in talk.answers()[0]
    remember(talk, "/optimize", {"report": json.loads(to_json(EXAMPLE.report))})
    remember(talk, "/perfbot verify", {"failure": "LIMIT"})
    talk.say("/perfbot explain")
    answer = talk.answers()[1]
    assert f"<code>{MATCH}".split("::")[0] in answer
    assert "**refused**: recorded calls (call 17 of 96 differs)" in answer
    assert "passed: tests (210 of 210 as before)" in answer
    assert "<script>" not in answer


def own_pull(talk: Talk) -> int:
    """A pull request of perfbot's about one function."""
    accepted = EXAMPLE.report.accepted
    base = talk.scene.main
    proposal = Proposal(EXAMPLE.report, accepted, b"", EXAMPLE.samples, base)
    draft = pull_request(proposal, PullRequests())
    hosted = talk.scene.hosted
    sha = hosted.bare.commit({"shop.py": "fast\n"}, BRANCH, onto="main")
    part = PullPart(hosted, "ada", BRANCH, sha, "main", draft=True)
    bot = talk.scene.registered.record.bot
    return talk.scene.github.world.pull(hosted, bot, draft.title, draft.body, part).number


def test_explain_under_perfbots_own_pull_request_says_what_it_claims(talk: Talk) -> None:
    number = own_pull(talk)
    talk.say("/perfbot explain", number=number)
    (answer,) = talk.answers(number)
    assert f"proven on {talk.scene.main}" in answer
    assert "at least 2.31× as fast" in answer


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("/perfbot ignore this function", TOTAL),
        ("/perfbot ignore this file", TOTAL.partition("::")[0]),
    ],
)
def test_ignore_under_perfbots_own_pull_request_closes_it(talk: Talk, text: str, what: str) -> None:
    number = own_pull(talk)
    talk.say(text, "bob", number)
    assert talk.tools.memory.ignored(talk.repository.id) == {what: f"bob said so in #{number}"}
    assert talk.scene.hosted.threads[number].state == "closed"
    assert talk.scene.hosted.bare.branch(BRANCH) is None
    assert "left alone from now on" in talk.answers(number)[0]


def test_ignore_elsewhere_means_the_function_that_was_named_here(talk: Talk) -> None:
    talk.say("/perfbot ignore")
    assert "it is not clear what" in talk.answers()[0]
    talk.say("/optimize shop.py::total")
    talk.say("/perfbot ignore this function")
    assert list(talk.tools.memory.ignored(talk.repository.id)) == ["shop.py::total"]
    assert talk.scene.hosted.threads[PULL].state == "open"


def test_rebase_and_retry_under_perfbots_own_pull_request_apply_it_again(talk: Talk) -> None:
    number = own_pull(talk)
    talk.say("/perfbot retry", number=number)
    talk.say("/perfbot rebase", number=number)
    assert [one.text for one in talk.accepted()] == ["/perfbot rebase"]
