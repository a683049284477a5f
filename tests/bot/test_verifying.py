"""``/perfbot verify`` from the comment to the check run, over the local GitHub, with scripted judges."""

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from no_runs import NoRuns

from perfbot.bot import report as r
from perfbot.bot.accepted import ACCEPTED
from perfbot.bot.hearing import HEARING
from perfbot.bot.jobs import Stopped
from perfbot.bot.runs import Checkout, Ended, Found, RunFailed, Tick, Wish
from perfbot.bot.sweeper import job_for
from perfbot.bot.triggers import CommandAccepted, CommentCreated

from github_scene import FILES, Scene
from hosted import PullPart
from local_github import Fault
from shop_report import accepted_result, example
from talk_scene import PULL, Crash, Talk, talk_in

CHANGED = "shop.py::twenty"
SLOWER = r.Speedup(0.5, 0.45, 0.55, 0.99, 24, 0.9, 0.8)


@dataclass
class Judge(NoRuns):
    """Judges what a test says, and keeps what it was given."""

    results: Sequence[r.Result] = ()
    fails: RunFailed | None = None
    judged: list[tuple[dict[str, bytes], Checkout]] = field(default_factory=list)

    def verify(
        self, checkout: Checkout, patch: bytes, wish: Wish, stopped: Stopped, tick: Tick
    ) -> Found:
        self.judged.append((patched(checkout.folder, patch), checkout))
        if self.fails:
            raise self.fails
        report = replace(example().report, results=tuple(self.results), unchanged=())
        return Found(report)


def patched(folder: Path, patch: bytes) -> dict[str, bytes]:
    """Return what real Git makes of the files that a patch touches."""
    copy = folder.with_name("copy")
    subprocess.run(["cp", "-r", str(folder), str(copy)], check=True)
    subprocess.run(["git", "apply", "-"], cwd=copy, input=patch, check=True)
    files = (path for path in copy.rglob("*") if path.is_file())
    found = {path.relative_to(copy).as_posix(): path.read_bytes() for path in files}
    subprocess.run(["rm", "-r", str(copy)], check=True)
    return found


@pytest.fixture
def judge() -> Judge:
    return Judge([replace(accepted_result(), function=CHANGED)])


@pytest.fixture
def talk(scene: Scene, tmp_path: Path, judge: Judge) -> Iterator[Talk]:
    found = talk_in(scene, tmp_path, judge)
    found.handlers = {CommentCreated: HEARING, CommandAccepted: ACCEPTED}
    yield found
    found.tools.memory.close()


def verified(talk: Talk, number: int = PULL) -> str:
    """Ask for the verdict and return what perfbot's comment says in the end."""
    talk.say("/perfbot verify", number=number)
    talk.work_on(job_for(talk.accepted()[-1], ""))
    return talk.answers(number)[-1]


def test_a_claim_that_holds_is_said_so_and_the_check_is_green(talk: Talk, judge: Judge) -> None:
    assert "**The claim holds**" in verified(talk)
    (check,) = talk.scene.hosted.checks.values()
    assert (check.head_sha, check.known["conclusion"]) == (talk.scene.head, "success")
    ((files, checkout),) = judge.judged
    assert files == {
        "shop.py": FILES["shop.py"].replace("20", "twenty").encode(),
        "tools/run.sh": FILES["tools/run.sh"].encode(),
    }
    assert checkout.commit == talk.scene.main


def test_a_proven_regression_is_called_one_and_turns_the_check_red(
    talk: Talk, judge: Judge
) -> None:
    slow = replace(accepted_result(), function=CHANGED, verdict=r.Verdict.REJECTED)
    judge.results = [replace(slow, why=r.Why.NOT_FASTER, speedup=SLOWER)]
    assert "**A regression**" in verified(talk)
    (check,) = talk.scene.hosted.checks.values()
    assert check.known["conclusion"] == "failure"


@pytest.mark.parametrize("verdict", [r.Verdict.REJECTED, r.Verdict.INCONCLUSIVE])
def test_what_is_not_proven_turns_nothing_red(talk: Talk, judge: Judge, verdict: r.Verdict) -> None:
    unclear = r.Speedup(1.0, 0.97, 1.03, 0.99, 24, None, None)
    judge.results = [r.Result(CHANGED, verdict, r.Why.NOT_FASTER, "", speedup=unclear)]
    assert "**The claim is not proven**" in verified(talk)
    (check,) = talk.scene.hosted.checks.values()
    assert check.known["conclusion"] == "neutral"


def test_the_tests_and_the_configuration_of_the_base_count(talk: Talk, judge: Judge) -> None:
    """A change that brings its own judges along is judged by those that stood before."""
    bare = talk.scene.hosted.bare
    bare.commit({".perfbot.yml": "accept: {min_speedup: 1.5}\n", "README.md": "moved on\n"})
    bare.commit(
        {
            ".perfbot.yml": "accept: {min_speedup: 1.01}\n",
            "tests/test_shop.py": "def test_nothing(): pass\n",
            "conftest.py": "import os\n",
            "setup.py": "import os\n",
            "pyproject.toml": "[project]\n",
            "shop.py": "fast = True\n",
            "src/new.py": "café = 1\r\n".encode(),
        },
        "work",
    )
    answer = verified(talk)
    ((files, checkout),) = judge.judged
    assert set(files) == {"shop.py", "src/new.py", "tools/run.sh"}
    assert (files["shop.py"], files["src/new.py"]) == (b"fast = True\n", "café = 1\r\n".encode())
    assert checkout.config.accept.min_speedup == 1.5
    assert "5 files of this pull request" in answer


def test_a_pull_request_from_a_fork_is_a_strangers(talk: Talk, judge: Judge) -> None:
    world, hosted = talk.scene.github.world, talk.scene.hosted
    fork = world.fork(hosted, "mallory")
    sha = fork.bare.commit({"shop.py": "theirs\n"}, "patch-1", onto="main")
    part = PullPart(fork, "mallory", "patch-1", sha, "main", draft=False)
    number = world.pull(hosted, world.person("mallory"), "Theirs", "", part).number
    assert "**The claim holds**" in verified(talk, number)
    ((files, checkout),) = judge.judged
    assert files["shop.py"] == b"theirs\n"
    assert checkout.stranger


def test_a_change_without_source_is_no_claim(talk: Talk, judge: Judge) -> None:
    hosted, world = talk.scene.hosted, talk.scene.github.world
    sha = hosted.bare.commit({"README.md": "words\n"}, "words", onto="main")
    part = PullPart(hosted, "ada", "words", sha, "main", draft=False)
    number = world.pull(hosted, world.person("ada"), "Words", "", part).number
    assert "changes no Python source" in verified(talk, number)
    assert not judge.judged


def test_only_the_commit_that_was_asked_for_is_judged(talk: Talk, judge: Judge) -> None:
    talk.say("/perfbot verify")
    talk.scene.hosted.bare.commit({"shop.py": "evil\n"}, "work")
    talk.work_on(job_for(talk.accepted()[-1], ""))
    assert "New commits came after the command" in talk.answers()[-1]
    assert not judge.judged


def test_a_run_that_failed_is_told_with_what_it_said(talk: Talk, judge: Judge) -> None:
    judge.fails = RunFailed(Ended.REPOSITORY, "no tests <img src=x> @everyone")
    answer = verified(talk)
    assert "tests could not be run" in answer
    assert "```text\nno tests" in answer
    known = talk.tools.memory.requests(talk.repository.id, PULL)[0]
    assert known.ended_s
    talk.say("/perfbot explain")
    assert "nothing to explain" in talk.answers()[-1]


def test_explain_goes_through_the_gates_of_the_verdict(talk: Talk) -> None:
    verified(talk)
    talk.say("/perfbot explain")
    assert "passed: tests (210 of 210 as before)" in talk.answers()[-1]


@pytest.mark.parametrize("step", range(6))
def test_a_worker_that_dies_in_any_step_ends_the_job_once(
    talk: Talk, judge: Judge, step: int
) -> None:
    talk.say("/perfbot verify")
    job = job_for(talk.accepted()[-1], "")
    talk.engine.dies_in = step
    with pytest.raises(Crash):
        talk.work_on(job)
    talk.work_on(job)
    assert len(talk.answers()) == 1
    assert "**The claim holds**" in talk.answers()[0]
    assert len(talk.scene.hosted.checks) == 1
    assert len(judge.judged) == 1 + (step == 3)


@pytest.mark.usefixtures("hasty")
def test_what_was_judged_is_said_even_where_github_takes_no_check(talk: Talk) -> None:
    talk.scene.github.faults.add(Fault("POST", "/check-runs$", 9, 403, message="Forbidden"))
    assert "**The claim holds**" in verified(talk)
