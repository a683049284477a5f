"""Which pull request a step is about, whatever an artifact says, and who may command by a comment."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from test_action_publish import EDITED, edited

from perfbot.bot import action, action_summary
from perfbot.bot.action import Stage
from perfbot.bot.action_measure import Work
from perfbot.bot.exits import Exit
from perfbot.bot.patch import unified_patch
from perfbot.bot.report import StrategyRow
from perfbot.optimizer.strategies import Category

from action_scene import REVIEW, TOTAL, Shop, hosted_shop, result
from hosted import Run, Thread
from local_github import LocalGitHub
from shop_report import Example

MAY_PUBLISH = {**REVIEW, "actions": "read", "checks": "write"}
TRICKS = "`|*_<img src=x>@someone [x](http://y.example) #12\n::error::no\n<!-- perfbot:x -->"


def never(*_: object) -> object:
    raise AssertionError("the step that publishes has to run nothing")


NOTHING = Work(never, never, never)


@dataclass
class Job:
    """A job whose workspace is empty: nothing of the repository is checked out."""

    at: Shop
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def run(self, mode: str, event: str, payload: Mapping[str, object], **inputs: str) -> Exit:
        (self.folder / "work").mkdir(exist_ok=True)
        (self.folder / "event.json").write_text(json.dumps(payload))
        self.environ = {
            "GITHUB_WORKSPACE": str(self.folder / "work"),
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GITHUB_API_URL": self.at.github.api,
            "GITHUB_REPOSITORY": "ada/shop",
            "PERFBOT_MODE": mode,
            "PERFBOT_REPORT": str(self.at.folder),
            "PERFBOT_TOKEN": self.at.token(MAY_PUBLISH),
            **{f"PERFBOT_{name.upper()}": text for name, text in inputs.items()},
        }
        return action.run(Stage.PUBLISH, NOTHING, self.environ)

    @property
    def summary(self) -> str:
        return (self.folder / "summary").read_text()

    def output(self, name: str) -> str:
        lines = (self.folder / "output").read_text().splitlines()
        at = next(place for place, line in enumerate(lines) if line.startswith(f"{name}<<"))
        mark = lines[at].partition("<<")[2]
        return "\n".join(lines[at + 1 : lines.index(mark, at + 1)])


@pytest.fixture
def job(github: LocalGitHub, shop: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setattr("perfbot.bot.action_github.Site", lambda api: hosted.site)
    hosted = hosted_shop(github, shop, tmp_path / "report")
    return Job(hosted, tmp_path)


def ended(job: Job, thread: Thread, event: str = "pull_request", **changed: object) -> dict:
    """Let the workflow that measured a pull request end; return the payload of workflow_run."""
    assert thread.pull
    part = thread.pull
    run = Run(77, event, part.head_sha, part.head_ref, part.head)
    job.at.hosted.runs[77] = replace(run, **changed)
    return {"workflow_run": {"id": 77, "pull_requests": []}}


def test_the_report_of_a_fork_is_published_to_the_pull_request_of_its_run(job: Job) -> None:
    job.at.opened({"README.md": b"other"}, fork="bob")
    thread = job.at.opened(EDITED, fork="eve")
    edited(job.at)
    assert job.run("publish", "workflow_run", ended(job, thread)) is Exit.DONE, job.summary
    (said,) = job.at.hosted.review_comments.values()
    (comment,) = job.at.hosted.comments.values()
    assert {said.number, comment.number} == {thread.number}
    for text in (said.body, comment.body):
        assert "_Measured in a workflow run of the pull request itself" in text
    assert job.output("pull-requests") == "[]"


def test_an_artifact_cannot_say_which_pull_request_it_is_about(job: Job) -> None:
    """Whatever number, commit or path stands in it: GitHub is asked whose run it was."""
    victim = job.at.opened(EDITED)
    thread = job.at.opened(EDITED, fork="eve")
    folder = edited(job.at)
    document = json.loads((folder / "report.json").read_text())
    document |= {"pull_request": victim.number, "number": victim.number, "head_sha": "f" * 40}
    document["repository"]["commit"] = job.at.main
    (folder / "report.json").write_text(json.dumps(document))
    (folder / "pr_number").write_text(str(victim.number))
    assert job.run("publish", "workflow_run", ended(job, thread)) is Exit.DONE
    assert {one.number for one in job.at.hosted.comments.values()} == {thread.number}


@pytest.mark.parametrize("event", ["push", "pull_request_target", "workflow_dispatch"])
def test_a_run_of_anything_else_is_not_published(job: Job, event: str) -> None:
    thread = job.at.opened(EDITED)
    edited(job.at)
    assert job.run("publish", "workflow_run", ended(job, thread, event)) is Exit.USAGE
    assert "not by pull_request" in job.summary
    assert job.at.hosted.comments == {}


def test_a_run_that_github_does_not_know_is_not_published(job: Job) -> None:
    edited(job.at)
    assert job.run("publish", "workflow_run", {"workflow_run": {"id": 5}}) is Exit.USAGE


@pytest.mark.parametrize("state", ["moved", "closed", "fork gone"])
def test_a_pull_request_that_is_not_there_any_more_gets_nothing(job: Job, state: str) -> None:
    thread = job.at.opened(EDITED, fork="eve")
    edited(job.at)
    payload = ended(job, thread, head=None if state == "fork gone" else thread.pull.head)
    if state == "moved":
        thread.pull.head.bare.commit({"README.md": b"x"}, "work")
    if state == "closed":
        thread.state = "closed"
    assert job.run("publish", "workflow_run", payload) is Exit.DONE
    assert "Nothing was published" in job.summary
    assert job.at.hosted.comments == job.at.hosted.review_comments == {}


def test_a_strangers_words_format_nothing(job: Job) -> None:
    thread = job.at.opened(EDITED, fork="eve")
    fast = EDITED["shop/cart.py"].replace(
        b"    known = []\n", b"    known = []\n    codes = set(codes)\n"
    )
    patch = unified_patch({"shop/cart.py": (EDITED["shop/cart.py"], fast)})
    row = StrategyRow(Category.LOOP, TRICKS, TRICKS)
    job.at.written(
        {"01-x.patch": patch}, replace(result(TOTAL, 1), detail=TRICKS, strategies=(row,))
    )
    assert job.run("publish", "workflow_run", ended(job, thread)) is Exit.DONE
    for said in (*job.at.hosted.comments.values(), *job.at.hosted.review_comments.values()):
        assert "<img" not in said.body
        assert "@someone" not in said.body
        assert "http://y" not in said.body
        assert "\n::error" not in said.body


@pytest.mark.parametrize(
    "code",
    [
        b"    import os\n    os.system('id')\n",
        b"    eval(codes)\n",
        b"    import requests\n",
        b"    for:\n",
    ],
)
def test_what_the_judge_would_refuse_by_reading_is_not_handed_on(job: Job, code: bytes) -> None:
    """The run may have been made to say that it was proven; what can be read is read again."""
    thread = job.at.opened(EDITED, fork="eve")
    before = EDITED["shop/cart.py"]
    after = before.replace(b"    known = []\n", b"    known = []\n" + code)
    patch = unified_patch({"shop/cart.py": (before, after)})
    job.at.written({"01-x.patch": patch}, result(TOTAL, 1))
    assert job.run("publish", "workflow_run", ended(job, thread)) is Exit.DONE
    assert "not published, because" in job.summary
    assert job.at.hosted.comments == job.at.hosted.review_comments == {}


def test_a_patch_of_another_function_than_it_names_is_not_handed_on(job: Job) -> None:
    thread = job.at.opened(EDITED, fork="eve")
    edited(job.at)
    file = job.at.folder / "report.json"
    file.write_text(file.read_text().replace("cart.py::total", "cart.py::other"))
    assert job.run("publish", "workflow_run", ended(job, thread)) is Exit.DONE
    assert "does not change that function" in job.summary
    assert job.at.hosted.review_comments == {}


def test_a_verdict_of_a_fork_becomes_a_check_that_is_not_green(job: Job) -> None:
    thread = job.at.opened(EDITED, fork="eve")
    job.at.written({}, replace(result(TOTAL, 1), patch=None))
    payload = ended(job, thread)
    assert job.run("publish", "workflow_run", payload, published="verify") is Exit.DONE
    (check,) = job.at.hosted.checks.values()
    assert check.known["conclusion"] == "neutral"


def test_without_an_artifact_one_sentence_says_so(job: Job) -> None:
    thread = job.at.opened(EDITED, fork="eve")
    assert job.run("publish", "workflow_run", ended(job, thread)) is Exit.USAGE
    assert "there is no such folder" in job.summary


def test_the_runner_takes_no_commands_while_anything_is_printed(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    job.run("publish", "workflow_run", {})
    captured = capsys.readouterr()
    first, *_, last = captured.out.splitlines()
    assert first.removeprefix("::stop-commands::") == last.strip(":")
    assert captured.err.startswith("perfbot: ")


def test_a_bug_is_told_between_the_same_marks(
    job: Job, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perfbot.bot.action_inputs.read", never)
    assert job.run("publish", "workflow_run", {}) is Exit.BUG
    assert "This is a bug in perfbot" in capsys.readouterr().err


def test_the_read_only_token_of_a_fork_leaves_the_summary(job: Job) -> None:
    thread = job.at.opened(EDITED, fork="eve")
    job.at.check_out(job.folder / "work", thread.pull.head_sha)
    edited(job.at)
    pull = {
        "number": thread.number,
        "head": {"sha": thread.pull.head_sha},
        "base": {"sha": job.at.main},
    }
    token = job.at.token({"contents": "read", "pull_requests": "read"})
    payload = {"pull_request": pull}
    assert job.run("review", "pull_request", payload, token=token) is Exit.DONE
    assert "A pull request from a fork has a token that only reads" in job.summary
    assert job.at.hosted.comments == job.at.hosted.review_comments == {}
    assert job.run("review", "pull_request", payload) is Exit.DONE
    assert len(job.at.hosted.review_comments) == 1


# --- command ------------------------------------------------------------------------------------


def commented(thread: Thread, text: str, login: str = "ada", **changed: object) -> dict:
    who = {"login": login, "id": 3, "type": "User"}
    issue = {"number": thread.number, "pull_request": {"url": "x"}}
    said = {"id": 9, "user": who, "body": text}
    return {"action": "created", "issue": issue, "comment": said, "sender": who, **changed}


def said_by_a_person(job: Job, thread: Thread, text: str, login: str = "ada") -> dict:
    world = job.at.github.world
    made = world.comment(job.at.hosted, thread.number, world.person(login), text)
    payload = commented(thread, text, login)
    payload["comment"]["id"] = made.id
    return payload


def test_a_command_of_somebody_who_may_write_pins_the_head(job: Job) -> None:
    thread = job.at.opened(EDITED, fork="eve")
    payload = said_by_a_person(job, thread, "/optimize shop/cart.py::total --time 10m")
    assert job.run("command", "issue_comment", payload) is Exit.DONE, job.summary
    assert job.output("command") == "review"
    assert job.output("head") == thread.pull.head_sha
    assert job.output("base") == job.at.main
    assert job.output("functions") == "shop/cart.py::total"
    assert job.output("time-budget") == "600s"
    (reacted,) = next(iter(job.at.hosted.comments.values())).reactions
    assert reacted[2] == "eyes"


def test_verify_is_the_other_command(job: Job) -> None:
    payload = said_by_a_person(job, job.at.opened(EDITED), "/perfbot verify")
    assert job.run("command", "issue_comment", payload) is Exit.DONE
    assert job.output("command") == "verify"


def test_rights_are_asked_of_github_and_a_denial_is_said_once(job: Job) -> None:
    """What the event says of an author's association counts for nothing."""
    thread = job.at.opened(EDITED, fork="eve")
    payload = said_by_a_person(job, thread, "/optimize", "eve")
    payload["comment"]["author_association"] = "OWNER"
    for _ in range(2):
        assert job.run("command", "issue_comment", payload) is Exit.DONE
        assert job.output("command") == ""
        assert job.output("head") == ""
    answers = [one for one in job.at.hosted.comments.values() if one.author.login != "eve"]
    assert len(answers) == 1
    assert "may not at present" in answers[0].body


@pytest.mark.parametrize(
    "changed",
    [
        {"action": "edited"},
        {"sender": {"login": "bot", "id": 8, "type": "Bot"}},
        {"issue": {"number": 1}},
    ],
)
def test_what_is_no_new_comment_of_a_person_is_not_heard(
    job: Job, changed: dict[str, object]
) -> None:
    thread = job.at.opened(EDITED)
    payload = {**said_by_a_person(job, thread, "/optimize"), **changed}
    assert job.run("command", "issue_comment", payload) is Exit.DONE
    assert job.output("command") == ""
    assert len(job.at.hosted.comments) == 1


@pytest.mark.parametrize(
    ("text", "answered"),
    [
        ("/optimise", "Did you mean"),
        ("/optimize --time soon", "was not understood"),
        ("/perfbot rebase", "Without the GitHub App"),
        ("good work", None),
        ("> /optimize", None),
    ],
)
def test_other_words_start_nothing(job: Job, text: str, answered: str | None) -> None:
    payload = said_by_a_person(job, job.at.opened(EDITED), text)
    assert job.run("command", "issue_comment", payload) is Exit.DONE
    assert job.output("command") == ""
    answers = [one.body for one in job.at.hosted.comments.values() if one.author.login != "ada"]
    assert [answered] * len(answers) == [answered if answered in one else one for one in answers]
    assert len(answers) == (answered is not None)


def test_what_a_command_measured_is_published_only_for_the_commit_that_it_meant(job: Job) -> None:
    thread = job.at.opened(EDITED)
    edited(job.at)
    payload = commented(thread, "/optimize")
    assert job.run("publish", "issue_comment", payload) is Exit.USAGE
    assert "needs the input 'head'" in job.summary
    assert job.run("publish", "issue_comment", payload, head=job.at.main) is Exit.DONE
    assert job.at.hosted.comments == {}
    assert job.run("publish", "issue_comment", payload, head=thread.pull.head_sha) is Exit.DONE
    assert len(job.at.hosted.review_comments) == 1


def test_outputs_cannot_end_their_own_block(tmp_path: Path) -> None:
    environ = {"GITHUB_OUTPUT": str(tmp_path / "output")}
    action_summary.write_outputs(environ, {"report": "x\nEOF\nverdict=accepted\n"})
    first, *_, last, end = (tmp_path / "output").read_text().split("\n")
    assert (first, end) == (f"report<<{last}", "")
    assert len(last) == 32


def test_a_summary_ends_before_the_runners_limit(tmp_path: Path) -> None:
    environ = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    action_summary.write_summary(environ, "é" * 2_000_000)
    text = (tmp_path / "summary").read_text()
    assert len(text.encode()) < 1024 * 1024
    assert text.endswith("the whole report is in the report folder.\n")
