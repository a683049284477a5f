"""Who is heard, and what becomes of a comment: over HTTP, against the local GitHub."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from no_runs import NoRuns

from perfbot.bot.commands import Optimize, Verify
from perfbot.bot.hearing import HEARING, NOT_HEARD, OLDEST
from perfbot.bot.jobs import JobState
from perfbot.bot.sweeper import job_for
from perfbot.profiling.functions import FunctionName

from github_scene import Scene
from hosted import Comment, PullPart
from local_github import Fault
from talk_scene import PULL, Crash, Talk, greeted, talk_in

EYES = ["perfbot[bot] eyes"]


@pytest.fixture
def talk(scene: Scene, tmp_path: Path) -> Iterator[Talk]:
    found = talk_in(scene, tmp_path, NoRuns())
    yield found
    found.tools.memory.close()


@pytest.fixture
def issue(talk: Talk) -> int:
    world = talk.scene.github.world
    return world.thread(talk.scene.hosted, world.person("ada"), "It is slow", "").number


def test_a_command_is_greeted_written_down_and_put_into_the_queue(talk: Talk) -> None:
    said = talk.say("/optimize --time 5m use a set", "bob")
    assert greeted(said) == EYES
    assert talk.commands() == [Optimize(None, 300.0, "use a set")]
    assert talk.accepted()[0].head == talk.scene.head
    (sticky,) = talk.answers()
    assert "/optimize --time 300s use a set" in sticky.replace("&#45;", "-")
    assert "this one is next" in sticky
    (known,) = talk.tools.memory.requests(talk.repository.id, PULL)
    assert (known.job, known.head) == (f"asked-{talk.repository.id}-{said.id}", talk.scene.head)


def test_a_comment_that_is_told_of_twice_is_answered_once(talk: Talk) -> None:
    said = talk.say("/perfbot help")
    talk.hear(said)
    talk.engine.done.clear()  # and a worker that has forgotten everything sees that it was greeted
    talk.hear(said)
    assert len(talk.answers()) == 1


@pytest.mark.parametrize("text", ["/optimize", "/perfbot help", "/optimize nonsense.py"])
def test_a_stranger_is_denied_once_and_politely(talk: Talk, text: str) -> None:
    for login in ("rita", "mallory", "rita", "rita"):
        said = talk.say(text, login)
        assert greeted(said) == []
    first, second = talk.answers()
    assert "Thank you for the interest" in first
    assert "rita" in first
    assert "mallory" in second
    assert not talk.engine.jobs


def test_a_strangers_slip_may_be_meant_for_somebody_elses_bot(talk: Talk) -> None:
    talk.say("/optimise", "rita")
    assert talk.answers() == []


def test_whoever_lost_the_right_to_write_is_denied(talk: Talk) -> None:
    said = talk.write("/optimize", "bob")
    talk.scene.hosted.people["bob"] = "triage"
    talk.hear(said)
    assert not talk.engine.jobs
    assert "bob" in talk.answers()[0]


def edited(said: Comment) -> None:
    said.body = "/optimize shop.py::other"


def taken_over(said: Comment) -> None:
    said.author.id += 1


def made_by_a_program(said: Comment) -> None:
    said.author.kind = "Bot"


def too_old(said: Comment) -> None:
    said.created_at -= OLDEST + timedelta(minutes=1)


@pytest.mark.parametrize("happens", [edited, taken_over, made_by_a_program, too_old])
def test_what_is_not_as_it_was_is_not_heard(talk: Talk, happens: object) -> None:
    said = talk.write("/optimize")
    asked = talk.trigger(said)
    assert callable(happens)
    happens(said)
    talk.tell(asked)
    assert (greeted(said), talk.answers(), talk.engine.jobs) == ([], [], {})


def test_a_comment_that_was_deleted_is_not_heard(talk: Talk) -> None:
    asked = talk.trigger(talk.write("/optimize"))
    talk.scene.hosted.comments.clear()
    talk.tell(asked)
    assert (talk.answers(), talk.engine.jobs) == ([], {})


@pytest.mark.parametrize(
    "text", ["> /optimize", "`/optimize`", "please /optimize", "    /optimize"]
)
def test_what_is_no_command_asks_github_for_nothing(talk: Talk, text: str) -> None:
    talk.say(text)
    assert not talk.scene.github.requests


def test_the_head_is_the_one_that_stood_when_it_was_heard(talk: Talk) -> None:
    head = talk.scene.head
    talk.say("/optimize")
    talk.scene.hosted.bare.commit({"shop.py": "evil\n"}, "work")
    assert [one.head for one in talk.accepted()] == [head]


@pytest.mark.parametrize(("late_s", "accepted"), [(-60, 1), (60, 0)])
def test_what_a_fork_got_after_the_comment_nobody_has_seen(
    talk: Talk, late_s: float, accepted: int
) -> None:
    world, hosted = talk.scene.github.world, talk.scene.hosted
    fork = world.fork(hosted, "mallory")
    sha = fork.bare.commit({"shop.py": "theirs\n"}, "patch-1", onto="main")
    part = PullPart(fork, "mallory", "patch-1", sha, "main", draft=False)
    number = world.pull(hosted, world.person("mallory"), "Theirs", "", part).number
    said = talk.write("/perfbot verify", number=number)
    fork.pushed_at = said.created_at + timedelta(seconds=late_s)
    talk.hear(said)
    assert len(talk.accepted()) == accepted
    assert ("its fork was pushed to" in talk.answers(number)[0]) is not bool(accepted)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/optimise", "Did you mean <code>/optimize</code>?"),
        ("/perfbot verfy", "Did you mean <code>/perfbot verify</code>?"),
        ("/optimize --time never", "was not understood"),
        ("/perfbot rebase", "only perfbot&#39;s own pull requests are applied again"),
    ],
)
def test_a_wrong_command_of_a_person_who_may_is_answered(talk: Talk, text: str, told: str) -> None:
    said = talk.say(text)
    assert greeted(said) == EYES
    (answer,) = talk.answers()
    assert told in answer
    assert not talk.engine.jobs


@pytest.mark.parametrize(
    ("text", "told"),
    [("/optimize", "it needs a function"), ("/perfbot verify", "there is no change to judge")],
)
def test_what_is_about_a_change_makes_no_sense_under_an_issue(
    talk: Talk, issue: int, text: str, told: str
) -> None:
    talk.say(text, number=issue)
    assert told in talk.answers(issue)[0]
    assert not talk.engine.jobs


def test_under_an_issue_a_function_of_the_default_branch_can_be_named(
    talk: Talk, issue: int
) -> None:
    talk.say("/optimize shop.py::total", number=issue)
    assert talk.commands() == [Optimize(FunctionName("shop.py", "total"))]
    assert talk.accepted()[0].head == talk.scene.main


def test_a_closed_pull_request_is_left_alone(talk: Talk) -> None:
    talk.scene.hosted.threads[PULL].state = "closed"
    talk.say("/perfbot verify")
    assert "not open any more" in talk.answers()[0]
    assert not talk.engine.jobs


def test_the_same_command_is_not_done_twice_at_the_same_time(talk: Talk) -> None:
    first, second = talk.say("/perfbot verify", "ada"), talk.say("/perfbot verify", "bob")
    assert (greeted(first), greeted(second)) == (EYES, EYES)
    assert talk.commands() == [Verify()]
    assert len(talk.answers()) == 1
    talk.scene.hosted.bare.commit({"shop.py": "more\n"}, "work")
    talk.say("/perfbot verify")
    assert talk.commands() == [Verify(), Verify()]


def test_a_command_is_told_how_many_are_before_it(talk: Talk) -> None:
    talk.say("/optimize")
    talk.say("/perfbot verify")
    assert "1 before this one" in talk.answers()[1]


def test_of_several_commands_the_first_counts_and_the_others_are_named(talk: Talk) -> None:
    talk.say("/perfbot verify\n\n/optimize")
    assert talk.commands() == [Verify()]
    talk.say("/perfbot help\n\n/optimize")
    for answer in talk.answers():
        assert "<code>/optimize</code> in the same comment came later" in answer


def test_retry_does_the_last_command_again_on_the_present_commit(talk: Talk) -> None:
    talk.say("/perfbot retry")
    assert "Nothing was asked" in talk.answers()[0]
    talk.say("/optimize shop.py::total --time 10m use a set")
    first = talk.accepted()[0]
    talk.say("/perfbot retry")
    assert "has not ended yet" in talk.answers()[2]
    talk.engine.states = dict.fromkeys(talk.engine.states, JobState.DONE)
    talk.scene.hosted.bare.commit({"shop.py": "more\n"}, "work")
    talk.say("/perfbot retry", "bob")
    again = talk.accepted()[1]
    assert talk.commands() == [Optimize(FunctionName("shop.py", "total"), 600.0, "use a set")] * 2
    assert (first.head, first.author) != (again.head, again.author)
    assert again.head == talk.scene.head


@pytest.mark.parametrize("text", ["/optimize", "/perfbot help", "/perfbot ignore", "/optimise"])
@pytest.mark.parametrize("step", range(4))
def test_a_worker_that_dies_in_any_step_says_nothing_twice(
    talk: Talk, text: str, step: int
) -> None:
    said = talk.write(text)
    talk.engine.dies_in = step
    try:
        talk.hear(said)
    except Crash:
        talk.hear(said)
    assert greeted(said) == EYES
    assert len(talk.answers()) == 1
    assert len(talk.engine.jobs) == (text == "/optimize")


def test_a_worker_that_dies_while_it_denies_says_so_once(talk: Talk) -> None:
    said = talk.write("/optimize", "rita")
    talk.engine.dies_in = 1
    with pytest.raises(Crash):
        talk.hear(said)
    talk.hear(said)
    assert len(talk.answers()) == 1


@pytest.mark.usefixtures("hasty")
def test_what_github_refuses_for_a_moment_is_waited_for(talk: Talk) -> None:
    faults = talk.scene.github.faults
    faults.add(Fault.lost_answer("POST", "/issues/1/comments$"))
    faults.add(Fault.secondary_limit("POST", "/reactions$", 1))
    said = talk.say("/perfbot help")
    assert greeted(said) == EYES
    assert len(talk.answers()) == 1


def test_perfbot_says_that_it_failed_to_those_only_who_may_command(talk: Talk) -> None:
    for login in ("rita", "ada"):
        asked = talk.trigger(talk.write("/optimize", login))
        for _ in range(2):
            HEARING.give_up(job_for(asked, ""), asked, "why", talk.tools)
    (answer,) = talk.answers()
    assert NOT_HEARD in answer
