"""A scan speaks by proven pull requests only, as many as are wanted, and never twice."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bot_scene import FASTER, LOAD, MATCH, TOTAL, Bot, Crash, StepByStep, bot_in
from hypothesis import given
from hypothesis import strategies as st
from scan_script import Faster

from perfbot.bot import pull_request, scan_record
from perfbot.bot.config import Config, Group, Hotspots, Paths
from perfbot.bot.marker import Text
from perfbot.bot.scanning import choice, groups

from local_github import LocalGitHub

Made = Callable[[str], Bot]


@pytest.fixture
def configured(github: LocalGitHub, tmp_path: Path, state: Path) -> Iterator[Made]:
    """perfbot in a shop with this ``.perfbot.yml``."""
    made: list[Bot] = []

    def make(configuration: str) -> Bot:
        made.append(bot_in(github, tmp_path, configuration))
        return made[-1]

    yield make
    for each in made:
        each.tools.memory.close()


def test_a_scan_opens_pull_requests_for_the_hottest_functions(bot: Bot) -> None:
    bot.scan()
    assert bot.open == [
        "Speed up total by at least 2.3× (list membership to set, and more)",
        "Speed up match by at least 1.60× (list membership to set, and more)",
    ]
    first = bot.pulls[0]
    assert first.pull
    assert first.pull.draft
    assert first.labels == ["performance"]
    assert first.pull.head_ref == pull_request.branch((TOTAL,))
    assert "fast_total" in bot.hosted.bare.git("show", f"{first.pull.head_ref}:src/cart.py")
    assert bot.hosted.bare.git("diff", "--name-only", "main", first.pull.head_ref) == "src/cart.py"


def test_the_pull_request_remembers_the_commit_that_perfbot_put_there(bot: Bot) -> None:
    bot.scan()
    thread = bot.pulls[0]
    assert thread.pull
    assert thread.body
    state = pull_request.state(Text(thread.body, 7), 7)
    assert state
    assert (state.base, state.head) == (bot.main, thread.pull.head_sha)


def test_what_is_proven_beyond_that_waits_until_there_is_a_place(bot: Bot) -> None:
    bot.scan()
    record = scan_record.recall(bot.tools.memory, bot.hosted.id)
    assert [one.functions for one in record.waiting] == [(LOAD,)]
    bot.close(1)
    assert [one.partition(" by")[0] for one in bot.open] == ["Speed up match", "Speed up load"]
    assert not scan_record.recall(bot.tools.memory, bot.hosted.id).waiting


def test_a_second_scan_proposes_nothing_anew(bot: Bot) -> None:
    bot.scan()
    bot.hosted.bare.commit({"README.md": "A better shop.\n"})
    bot.scan("2026-W50")
    assert len(bot.pulls) == 2
    searches = [one for one in bot.script.runs() if one.startswith("optimize")]
    assert len(searches) == 3, "what is open or waits is not searched again"


def test_nothing_is_looked_at_twice_when_nothing_was_committed(bot: Bot) -> None:
    bot.scan()
    ran = bot.script.runs()
    bot.scan("2026-W50")
    assert bot.script.runs() == ran


def test_a_close_means_that_the_function_is_left_alone(bot: Bot) -> None:
    bot.scan()
    bot.close(1)
    assert bot.tools.memory.ignored(bot.hosted.id) == {TOTAL: "its pull request #1 was closed"}
    assert pull_request.branch((TOTAL,)) not in bot.branches
    bot.hosted.bare.commit({"README.md": "A better shop.\n"})
    bot.scan("2026-W50")
    assert "Speed up total" not in "".join(bot.open)


def test_a_close_counts_even_when_the_database_is_lost(bot: Bot) -> None:
    bot.scan()
    bot.close(1)
    bot.tools.memory.forget(bot.hosted.id)
    bot.scan("2026-W50")
    assert "Speed up total" not in "".join(bot.open)


def test_a_branch_with_commits_of_people_is_not_deleted_when_they_close(bot: Bot) -> None:
    bot.scan()
    branch = pull_request.branch((TOTAL,))
    bot.hosted.bare.commit({"src/cart.py": "# mine\n"}, branch)
    bot.close(1)
    assert branch in bot.branches


def test_nothing_is_said_when_nothing_is_found(bot: Bot) -> None:
    bot.script.write({})
    bot.scan()
    assert not bot.hosted.threads
    assert not bot.hosted.comments
    assert not bot.hosted.checks
    assert not bot.branches


@pytest.mark.parametrize("ended", ["repository", "configuration"])
def test_a_repository_that_cannot_be_run_is_left_in_peace(bot: Bot, ended: str) -> None:
    bot.script.change(fails=ended)
    bot.scan()
    assert not bot.hosted.threads
    ran = bot.script.runs()
    bot.scan("2026-W50")
    assert bot.script.runs() == ran, "not before something is committed"


def test_a_wrong_configuration_is_no_reason_to_speak(configured: Made) -> None:
    bot = configured("pull_requests: {open_at_moost: 1}\n")
    bot.scan()
    assert not bot.hosted.threads
    assert not bot.script.runs()


def test_no_more_are_open_than_the_repository_wants(configured: Made) -> None:
    bot = configured("pull_requests: {open_at_most: 0, draft: false}\n")
    bot.scan()
    assert not bot.hosted.threads
    assert len(scan_record.recall(bot.tools.memory, bot.hosted.id).waiting) == 3


def test_a_file_can_be_one_pull_request(configured: Made) -> None:
    bot = configured("pull_requests: {group: file, labels: []}\n")
    bot.scan()
    assert [one.partition(" by")[0] for one in bot.open] == [
        "Speed up total",
        "Speed up 2 functions of search.py",
    ]
    assert f"optimize {MATCH} {LOAD}" in bot.script.runs()
    assert bot.pulls[1].labels == []


def test_what_is_ignored_is_not_searched(bot: Bot) -> None:
    bot.tools.memory.ignore(bot.hosted.id, "src/search.py", "ada asked for it")
    bot.scan()
    assert bot.script.runs() == ["survey", f"optimize {TOTAL}"]


def test_others_get_their_turn_when_the_hottest_are_left_alone(configured: Made) -> None:
    bot = configured("hotspots: {at_most: 1}\n")
    bot.tools.memory.ignore(bot.hosted.id, TOTAL, "ada asked for it")
    bot.scan()
    assert bot.script.runs() == ["survey", f"optimize {MATCH}"]


def test_nothing_more_is_searched_while_as_much_waits_as_may(
    configured: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perfbot.bot.scanning.MOST_WAITING", 2)
    bot = configured("pull_requests: {open_at_most: 0}\n")
    bot.scan()
    bot.hosted.bare.commit({"README.md": "A better shop.\n"})
    bot.scan("2026-W50")
    assert bot.script.runs() == ["survey", f"optimize {TOTAL}", f"optimize {MATCH}", "survey"]


def test_an_empty_repository_is_nothing_to_scan(github: LocalGitHub, bot: Bot) -> None:
    bot.hosted.bare.git("update-ref", "-d", "refs/heads/main")
    bot.scan()
    assert not bot.script.runs()


def test_what_waits_is_judged_again_before_it_is_opened_on_a_new_base(bot: Bot) -> None:
    bot.scan()
    bot.hosted.bare.commit({"README.md": "A better shop.\n"})
    bot.close(1)
    assert f"verify {LOAD}" in bot.script.runs()
    assert bot.open[-1].startswith("Speed up load")
    thread = bot.pulls[-1]
    assert thread.pull
    assert bot.hosted.bare.git("rev-parse", f"{thread.pull.head_sha}^") == bot.main


@pytest.mark.parametrize("how", [{"gone": [LOAD]}, {"functions": {}}])
def test_what_does_not_hold_any_more_is_not_opened(bot: Bot, how: dict[str, object]) -> None:
    bot.scan()
    bot.hosted.bare.commit({"README.md": "A better shop.\n"})
    bot.script.change(**how)
    bot.close(1)
    assert len(bot.pulls) == 2
    record = scan_record.recall(bot.tools.memory, bot.hosted.id)
    assert not record.waiting
    assert LOAD in {one.function for one in record.rejected}


def test_noise_takes_nothing_from_what_waits(bot: Bot) -> None:
    bot.scan()
    bot.hosted.bare.commit({"README.md": "A better shop.\n"})
    bot.script.change(unclear=[LOAD])
    bot.close(1)
    assert len(bot.pulls) == 2
    waiting = scan_record.recall(bot.tools.memory, bot.hosted.id).waiting
    assert [one.functions for one in waiting] == [(LOAD,)]


def test_a_merged_function_can_be_proposed_again_under_a_new_branch(configured: Made) -> None:
    bot = configured("pull_requests: {open_at_most: 3}\n")
    bot.scan()
    bot.merge(1)
    bot.script.write({TOTAL: Faster("fast_total()", "faster_total()", 0.4, 1.5)})
    bot.scan("2026-W50")
    assert pull_request.branch((TOTAL,), attempt=2) in bot.branches
    assert bot.open[-1].startswith("Speed up total by at least 1.5")


def test_a_scan_that_dies_at_any_border_ends_once(bot: Bot) -> None:
    engine, deaths = StepByStep(), 0
    while True:
        engine.dies_at = deaths
        try:
            bot.scan(engine=engine)
            break
        except Crash:
            deaths += 1
    assert deaths > 8
    assert len(bot.pulls) == len(bot.open) == 2
    assert len(bot.branches) == 2
    assert bot.script.runs().count("survey") == 1


SOME = st.lists(
    st.sampled_from([f"{path}.py::{name}" for path in "abc" for name in "fghijklmnop"]),
    unique=True,
)


@given(SOME, st.sampled_from(list(Group)))
def test_groups_hold_every_function_once_and_one_file_each(
    functions: list[str], group: Group
) -> None:
    made = groups(functions, group)
    assert sorted(each for some in made for each in some) == sorted(functions)
    assert all(0 < len(some) <= 8 for some in made)
    assert all(len({each.partition("::")[0] for each in some}) == 1 for some in made)


@given(SOME, st.sets(st.sampled_from(["a.py", "b.py::f", "c.py::g"])))
def test_what_is_below_the_share_elsewhere_taken_or_ignored_is_never_chosen(
    worth: list[str], alone: set[str]
) -> None:
    shares = {each: 0.01 if each.endswith("h") else 0.2 for each in worth}
    config = Config(hotspots=Hotspots(4, 0.02), paths=Paths(exclude=("c.py",)))
    chosen = choice(worth, shares, config, {"b.py::i"}, alone)
    assert len(chosen) <= 4
    for each in chosen:
        path = each.partition("::")[0]
        assert not {each, path} & (alone | {"b.py::i", "c.py"})
        assert not each.endswith("h")


def test_the_script_is_about_this_shop(bot: Bot) -> None:
    assert all(bot.hosted.bare.git("show", f"main:{name.partition('::')[0]}") for name in FASTER)
