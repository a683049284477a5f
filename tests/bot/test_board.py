"""The dashboard is there where it is asked for, up to date, and its boxes work for those who may."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bot_scene import FASTER, LOAD, MATCH, TOTAL, Bot, bot_in

from perfbot.bot.dashboard import Action, Box, read
from perfbot.bot.marker import Text

from local_github import LocalGitHub

WITH_DASHBOARD = "pull_requests: {dashboard: true, open_at_most: 1}\n"


@pytest.fixture
def board(github: LocalGitHub, tmp_path: Path, state: Path) -> Iterator[Bot]:
    """A shop that wants a dashboard and one pull request at a time, after its first scan."""
    made = bot_in(github, tmp_path, WITH_DASHBOARD)
    made.scan()
    yield made
    made.tools.memory.close()


def boxes(bot: Bot) -> set[tuple[Action, str | None]]:
    issue = bot.dashboard
    assert issue
    found = read(Text(issue.body or "", issue.author.id), issue.author.id)
    assert not any(box.ticked for box in found)
    return {(box.action, box.function) for box in found}


def test_there_is_none_where_nobody_asked(bot: Bot) -> None:
    bot.scan()
    assert bot.dashboard is None


def test_there_is_none_while_there_is_nothing_to_list(github: LocalGitHub, tmp_path: Path) -> None:
    bot = bot_in(github, tmp_path, WITH_DASHBOARD)
    bot.script.write({})
    bot.scan()
    assert not bot.hosted.threads
    bot.tools.memory.close()


def test_it_lists_what_is_open_and_what_waits(board: Bot) -> None:
    assert boxes(board) == {
        (Action.SCAN, None),
        (Action.REBASE, TOTAL),
        (Action.PROPOSE, MATCH),
        (Action.PROPOSE, LOAD),
    }


def test_it_follows_what_becomes_of_pull_requests(board: Bot) -> None:
    board.close(1)
    assert boxes(board) == {
        (Action.SCAN, None),
        (Action.REBASE, MATCH),
        (Action.PROPOSE, LOAD),
        (Action.UNIGNORE, TOTAL),
    }


def test_it_says_what_did_not_hold(board: Bot) -> None:
    board.script.write({**FASTER, "src/cart.py::vat": FASTER[MATCH]})
    board.hosted.bare.commit({"README.md": "A better shop.\n"})
    board.scan("2026-W50")
    assert (Action.RETRY, "src/cart.py::vat") in boxes(board)


def test_a_box_of_a_stranger_does_nothing_and_is_emptied(board: Bot) -> None:
    ran = board.script.runs()
    board.tick(MATCH, "mallory")
    assert board.script.runs() == ran
    assert len(board.open) == 1
    assert boxes(board)


def test_a_person_who_may_read_only_is_a_stranger(board: Bot) -> None:
    board.github.world.person("eve")
    board.hosted.people["eve"] = "triage"
    board.tick(MATCH, "eve")
    assert len(board.open) == 1


def test_a_box_opens_what_waits_although_enough_are_open(board: Bot) -> None:
    board.tick(LOAD)
    assert [one.partition(" by")[0] for one in board.open] == ["Speed up total", "Speed up load"]
    assert (Action.REBASE, LOAD) in boxes(board)


def test_a_box_that_the_dashboard_does_not_have_does_nothing(board: Bot) -> None:
    ran = board.script.runs()
    issue = board.dashboard
    assert issue
    issue.body = (issue.body or "") + (
        '\n- [x] <!-- perfbot:retry "src/billing.py::charge" --> please\n'
    )
    board.tell(board.edited())
    assert board.script.runs() == ran


def test_a_box_measures_a_pull_request_again(board: Bot) -> None:
    board.tick(TOTAL)
    assert board.script.runs()[-1] == f"verify {TOTAL}"


def test_a_box_scans_although_nothing_was_committed(board: Bot) -> None:
    board.tick("look for hotspots now")
    assert board.script.runs().count("survey") == 2


def test_a_box_looks_at_an_ignored_function_again(board: Bot) -> None:
    board.close(1)
    board.tick(TOTAL)
    assert not board.tools.memory.ignored(board.hosted.id)
    assert (Action.UNIGNORE, TOTAL) not in boxes(board)


def test_a_box_tries_again_what_did_not_hold(board: Bot) -> None:
    vat = "src/cart.py::vat"
    board.script.write({**FASTER, vat: FASTER[MATCH]})
    board.hosted.bare.commit({"README.md": "A better shop.\n"})
    board.scan("2026-W50")
    board.script.write({**FASTER, vat: FASTER[TOTAL]})
    board.tick(vat)
    assert board.script.runs()[-2:] == [f"survey {vat}", f"optimize {vat}"]
    assert (Action.PROPOSE, vat) in boxes(board)


def test_a_dashboard_that_somebody_closed_stays_closed(board: Bot) -> None:
    issue = board.dashboard
    assert issue
    issue.state = "closed"
    board.close(1)
    issues = [one for one in board.hosted.threads.values() if not one.pull]
    assert len(issues) == 1
    assert issue.state == "closed"


def test_an_issue_that_only_looks_like_the_dashboard_is_none(board: Bot) -> None:
    issue = board.dashboard
    assert issue
    issue.author = board.github.world.person("ada")
    ran = board.script.runs()
    board.tick("look for hotspots now")
    assert board.script.runs() == ran
    assert Box(Action.SCAN, None, True) in read(Text(issue.body or "", 1), 1)
