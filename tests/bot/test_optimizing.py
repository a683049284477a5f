"""``/optimize`` from the accepted command to the last word, over HTTP against the local GitHub."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from perfbot.bot.comment import Failure
from perfbot.bot.handlers import HANDLERS
from perfbot.bot.jobs import Job
from perfbot.bot.memory import Memory
from perfbot.bot.runs import Ended, RunFailed, Wish
from perfbot.bot.sweeper import job_for
from perfbot.bot.work import BotWork, Tools
from perfbot.bot.workspace import Workspace
from perfbot.optimizer.outcomes import Event
from perfbot.optimizer.transcript import Store

from hosted import Comment, PullPart
from local_github import Fault, LocalGitHub
from orders_scene import PULL, Orders, changed_by_the_pull_request, orders_on
from scripted_runs import PARSE, READING, REPORT, UNKNOWN, ScriptedRuns
from talk_scene import Crash, Steps


@dataclass
class Desk:
    """A worker in this process."""

    orders: Orders
    runs: ScriptedRuns
    tools: Tools
    engine: Steps

    def job(self, said: Comment, head: str = "") -> Job:
        return job_for(self.orders.accepted(said, head), "")

    def work_on(self, job: Job) -> None:
        self.engine.begin(job)
        BotWork(self.tools, HANDLERS).run(job, self.engine)

    def ask(self, text: str, number: int = PULL, head: str = "") -> Job:
        job = self.job(self.orders.say(text, number), head)
        self.work_on(job)
        return job

    def give_up(self, job: Job, why: str) -> None:
        BotWork(self.tools, HANDLERS).give_up(job, why)


@pytest.fixture
def orders(github: LocalGitHub) -> Orders:
    return orders_on(github)


@pytest.fixture
def desk(orders: Orders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = desk_in(orders, tmp_path)
    yield made
    made.tools.memory.close()


def desk_in(orders: Orders, folder: Path) -> Desk:
    runs = ScriptedRuns()
    memory = Memory(f"sqlite:///{folder / 'jobs.sqlite'}")
    tools = Tools(orders.hub, runs, memory, Workspace(folder / "work", orders.hub))
    return Desk(orders, runs, tools, Steps())


def test_what_the_diff_shows_becomes_a_suggestion_and_the_rest_a_pull_request(
    desk: Desk, orders: Orders
) -> None:
    job = desk.ask("/optimize")
    (suggestion,) = orders.suggestions()
    assert "```suggestion\n    unknown = []\n    known = set(known)\n```" in suggestion
    (number,) = orders.own_pulls()
    pull = orders.hosted.threads[number].pull
    assert pull
    assert (pull.base_ref, pull.draft) == ("work", True)
    changed = orders.hosted.bare.git("diff", "--name-only", orders.head, pull.head_sha)
    assert changed == READING
    (sticky,) = orders.said()
    assert "2 functions proven faster" in sticky
    assert "as a suggestion in the files of this pull request" in sticky
    assert f"It is in #{number}." in sticky
    (known,) = desk.tools.memory.requests(orders.hosted.id, PULL)
    assert known.job == job.id
    assert known.ended_s
    assert isinstance(known.result, dict)
    assert known.result["report"]


def test_a_function_that_is_named_is_searched_without_a_survey(desk: Desk, orders: Orders) -> None:
    desk.ask(f"/optimize {UNKNOWN} --time 2m use a set")
    (wish,) = desk.runs.wishes
    assert (wish.functions, wish.time_s, wish.hint) == ((UNKNOWN,), 120.0, "use a set")
    assert len(orders.suggestions()) == 1
    assert not orders.own_branches()


def test_under_an_issue_the_default_branch_gets_a_pull_request(desk: Desk, orders: Orders) -> None:
    issue = orders.issue()
    desk.ask(f"/optimize {UNKNOWN}", issue)
    (number,) = orders.own_pulls()
    pull = orders.hosted.threads[number].pull
    assert pull
    assert pull.base_ref == "main"
    assert f"It is in #{number}." in orders.said(issue)[0]


def test_the_check_says_on_which_lines_the_time_goes(desk: Desk, orders: Orders) -> None:
    desk.ask("/optimize")
    (check,) = orders.hosted.checks.values()
    assert check.head_sha == orders.head
    assert check.known["conclusion"] == "success"
    assert {note["path"] for note in check.annotations} == {REPORT, READING}


def test_new_commits_after_the_command_end_it(desk: Desk, orders: Orders) -> None:
    job = desk.job(orders.say("/optimize"))
    orders.hosted.bare.commit({REPORT: "def unknown_articles(): ...\n"}, "work")
    desk.work_on(job)
    assert Failure.HEAD_MOVED in orders.said()[0]
    assert not desk.runs.wishes


def test_new_commits_during_the_search_let_nothing_be_published(desk: Desk, orders: Orders) -> None:
    def push(name: str, _wish: object) -> None:
        if name == "optimize":
            orders.hosted.bare.commit({"README.md": "New\n"}, "work")

    desk.runs.begun = push
    desk.ask(f"/optimize {UNKNOWN}")
    assert Failure.HEAD_MOVED in orders.said()[0]
    assert not orders.suggestions()
    assert not orders.own_branches()


def test_a_default_branch_that_moved_elsewhere_still_gets_the_pull_request(
    desk: Desk, orders: Orders
) -> None:
    moves = {"optimize": {"README.md": "New\n"}}
    desk.runs.begun = lambda name, _wish: _commit(orders, moves.get(name))
    desk.ask(f"/optimize {UNKNOWN}", orders.issue())
    assert orders.own_pulls()


def test_a_default_branch_whose_file_moved_gets_nothing(desk: Desk, orders: Orders) -> None:
    moves = {"optimize": {REPORT: "def unknown_articles(): ...\n"}}
    desk.runs.begun = lambda name, _wish: _commit(orders, moves.get(name))
    issue = orders.issue()
    desk.ask(f"/optimize {UNKNOWN}", issue)
    assert Failure.BASE_MOVED in orders.said(issue)[0]
    assert not orders.own_branches()


def _commit(orders: Orders, files: dict[str, str] | None) -> None:
    if files:
        orders.hosted.bare.commit(files, "main")


@pytest.mark.parametrize(
    ("ended", "failure"),
    [
        (Ended.NO_SANDBOX, Failure.NO_SANDBOX),
        (Ended.REPOSITORY, Failure.REPOSITORY),
        (Ended.TIMED_OUT, Failure.TIMED_OUT),
        (Ended.CONFIGURATION, Failure.CONFIGURATION),
        (Ended.BUG, Failure.INTERNAL),
    ],
)
def test_a_run_without_a_result_is_told_with_what_is_known_of_it(
    desk: Desk, orders: Orders, ended: Ended, failure: Failure
) -> None:
    desk.runs.fails = RunFailed(ended, "there is no <b>function</b> @ada")
    desk.ask(f"/optimize {UNKNOWN}")
    (sticky,) = orders.said()
    assert failure.value in sticky
    assert "there is no" in sticky
    (known,) = desk.tools.memory.requests(orders.hosted.id, PULL)
    assert known.ended_s


def test_what_is_left_alone_is_not_searched_and_said(desk: Desk, orders: Orders) -> None:
    desk.tools.memory.ignore(orders.hosted.id, REPORT, "ada said so in #9")
    desk.ask("/optimize")
    assert [wish.functions for wish in desk.runs.wishes] == [(PARSE,), (PARSE,)]
    assert "ada said so in" in orders.said()[0]


def test_a_pull_request_without_functions_is_told_what_to_do(desk: Desk, orders: Orders) -> None:
    desk.tools.memory.ignore(orders.hosted.id, REPORT, "so")
    desk.tools.memory.ignore(orders.hosted.id, READING, "so")
    desk.ask("/optimize")
    assert Failure.NOTHING_TO_DO in orders.said()[0]


def test_the_same_command_on_the_same_commit_does_not_propose_twice(
    desk: Desk, orders: Orders
) -> None:
    desk.ask("/optimize")
    desk.ask("/optimize")
    assert len(orders.own_pulls()) == 1
    assert len(orders.own_branches()) == 1
    assert len(orders.suggestions()) == 1
    assert len(orders.said()) == 2


def test_a_closed_pull_request_is_proposed_again_when_a_person_asks_again(
    desk: Desk, orders: Orders
) -> None:
    desk.ask(f"/optimize {PARSE}")
    orders.hosted.threads[orders.own_pulls()[0]].state = "closed"
    desk.ask(f"/optimize {PARSE}")
    assert len(orders.own_pulls()) == 2


def test_the_configuration_of_the_base_counts_and_not_the_pull_requests(
    desk: Desk, orders: Orders
) -> None:
    orders.hosted.bare.commit({".perfbot.yml": "version: 1\npaths: {exclude: ['**']}\n"}, "main")
    orders.hosted.bare.commit({".perfbot.yml": "version: 1\n"}, "work")
    desk.ask("/optimize")
    assert Failure.NOTHING_TO_DO in orders.said()[0]


def test_a_wrong_configuration_is_told_with_its_line(desk: Desk, orders: Orders) -> None:
    orders.hosted.bare.commit({".perfbot.yml": "version: 1\nbudgett: 1\n"}, "main")
    desk.ask("/optimize")
    assert ".perfbot.yml:2" in orders.said()[0]


def test_a_job_that_is_given_up_says_so_in_its_own_comment(desk: Desk, orders: Orders) -> None:
    job = desk.job(orders.say("/optimize"))
    desk.give_up(job, "the worker died 6 times while it worked on this")
    desk.give_up(job, "the worker died 6 times while it worked on this")
    (sticky,) = orders.said()
    assert Failure.POISON in sticky


def everything(orders: Orders) -> tuple[int, int, int, int, int, int]:
    """Count what is on GitHub: comments, suggestions, branches, pull requests, checks, annotations."""
    notes = sum(len(one.annotations) for one in orders.hosted.checks.values())
    return (
        len(orders.said()),
        len(orders.suggestions()),
        len(orders.own_branches()),
        len(orders.own_pulls()),
        len(orders.hosted.checks),
        notes,
    )


STEPS = (
    "begin", "look", "check out", "read the diff", "survey", "optimize 1", "optimize 2", "place 1",
    "publish 1", "remember 1", "place 2", "remember 2", "check", "say", "end",
)  # fmt: skip


def test_the_steps_of_a_job_are_these(desk: Desk) -> None:
    job = desk.ask("/optimize")
    assert tuple(name for name, _ in desk.engine.done[job.id]) == STEPS


@pytest.mark.parametrize("place", range(len(STEPS)), ids=STEPS)
def test_a_worker_that_dies_at_the_end_of_any_step_leaves_nothing_double(
    desk: Desk, orders: Orders, place: int
) -> None:
    job = desk.job(orders.say("/optimize"))
    desk.engine.dies_in = place
    with pytest.raises(Crash):
        desk.work_on(job)
    desk.work_on(job)
    assert everything(orders) == (1, 1, 1, 1, 1, 2)
    assert "2 functions proven faster" in orders.said()[0]


def test_answers_that_are_lost_leave_nothing_double(desk: Desk, orders: Orders) -> None:
    for path in ("/comments$", "/pulls$", "/git/refs$", "/check-runs$", "/labels$"):
        orders.github.faults.add(Fault.lost_answer("POST", path))
    desk.ask("/optimize")
    assert everything(orders) == (1, 1, 1, 1, 1, 2)


def test_github_s_limits_are_waited_out(desk: Desk, orders: Orders) -> None:
    orders.github.faults.add(Fault.secondary_limit("POST", "/comments$", 1, times=2))
    orders.github.faults.add(Fault.burst("GET", "/pulls/1$", 3))
    desk.ask(f"/optimize {UNKNOWN}")
    assert "1 function proven faster" in orders.said()[0]


def test_what_was_proposed_is_remembered_once_for_training(
    desk: Desk, orders: Orders, tmp_path: Path
) -> None:
    job = desk.job(orders.say("/optimize"))
    desk.engine.dies_in = STEPS.index("remember 1")
    with pytest.raises(Crash):
        desk.work_on(job)
    desk.work_on(job)
    store = Store.open(tmp_path / "state" / "perfbot")
    outcomes = store.outcomes(f"github:{orders.hosted.id}")
    store.close()
    assert [one.event for one in outcomes] == [Event.PROPOSED, Event.PROPOSED]
    assert len({one.patch for one in outcomes}) == 2


def forked(orders: Orders) -> tuple[int, str]:
    """A stranger's pull request from a fork, like the one of this repository; its number and head."""
    world = orders.github.world
    fork = world.fork(orders.hosted, "mallory")
    sha = fork.bare.commit(changed_by_the_pull_request(), "work", onto="main")
    part = PullPart(fork, "mallory", "work", sha, "main", draft=False)
    return world.pull(orders.hosted, world.person("mallory"), "Mine", "", part).number, sha


def test_a_fork_gets_suggestions_or_a_patch_and_never_a_branch(desk: Desk, orders: Orders) -> None:
    number, head = forked(orders)
    desk.ask("/optimize", number, head)
    (suggestion,) = orders.suggestions()
    assert "set(known)" in suggestion
    (sticky,) = orders.said(number)
    assert "may not write to the fork" in sticky
    assert "+_ORDER = re.compile" in sticky
    assert not orders.own_branches()
    assert not orders.own_pulls()


def test_a_fork_that_is_gone_is_told(desk: Desk, orders: Orders) -> None:
    number, head = forked(orders)
    part = orders.hosted.threads[number].pull
    assert part
    part.head = None
    desk.ask("/optimize", number, head)
    assert Failure.FORK_GONE in orders.said(number)[0]


def test_what_may_not_be_published_is_not_and_that_is_said(desk: Desk, orders: Orders) -> None:
    orders.hosted.bare.commit(
        {".perfbot.yml": "version: 1\npaths: {exclude: ['src/**']}\n"}, "main"
    )
    desk.ask(f"/optimize {UNKNOWN}")
    assert "It is not published, because" in orders.said()[0]
    assert not orders.suggestions()
    assert not orders.own_branches()


def test_one_file_s_run_that_fails_takes_no_other_with_it(desk: Desk, orders: Orders) -> None:
    def fail(name: str, wish: Wish) -> None:
        desk.runs.fails = None
        if name == "optimize" and wish.functions == (PARSE,):
            desk.runs.fails = RunFailed(Ended.TIMED_OUT, "ended after 60 minutes")

    desk.runs.begun = fail
    desk.ask("/optimize")
    assert len(orders.suggestions()) == 1
    (sticky,) = orders.said()
    assert "1 function proven faster" in sticky
    assert "its run came to no result" in sticky
