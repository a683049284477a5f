"""perfbot's own pull requests stay true while the base moves, and are closed when they are not."""

from pathlib import Path

import pytest
from bot_scene import FASTER, LOAD, MATCH, TOTAL, Bot, Crash, StepByStep
from scan_script import Faster

from perfbot.bot import pull_request
from perfbot.bot.jobs import Job
from perfbot.bot.marker import Text
from perfbot.bot.tending import Renewal, look_again, rebase
from perfbot.bot.triggers import Priority, PullRequestChange, Pushed
from perfbot.optimizer.outcomes import Event
from perfbot.optimizer.redaction import Redaction
from perfbot.optimizer.transcript import Store

from github_page import Page
from hosted import PullPart

BETTER = {"README.md": "A better shop.\n"}
JOB = Job("asked-1", "repository-1", Priority.PERSON, {})


@pytest.fixture
def open_one(bot: Bot) -> Bot:
    """One pull request is open: number 1, for ``total``."""
    bot.script.write({TOTAL: FASTER[TOTAL]})
    bot.scan()
    assert len(bot.open) == 1
    return bot


def remembered(bot: Bot) -> pull_request.State:
    thread = bot.hosted.followed(1)
    assert thread
    state = pull_request.state(Text(thread.body or "", 1), 1)
    assert state
    return state


def head(bot: Bot) -> str:
    thread = bot.hosted.followed(1)
    assert thread
    assert thread.pull
    return thread.pull.head_sha


def test_a_pull_request_is_brought_up_to_date_when_its_base_moves(open_one: Bot) -> None:
    open_one.script.write({TOTAL: Faster("slow_total()", "fast_total()", 0.5, 1.9)})
    open_one.push(BETTER)
    assert open_one.open == ["Speed up total by at least 1.90× (list membership to set, and more)"]
    bare = open_one.hosted.bare
    assert bare.git("rev-parse", f"{head(open_one)}^") == open_one.main
    assert "better" in bare.git("show", f"{head(open_one)}:README.md")
    assert "fast_total" in bare.git("show", f"{head(open_one)}:src/cart.py")
    assert (remembered(open_one).base, remembered(open_one).head) == (
        open_one.main,
        head(open_one),
    )
    assert not open_one.said


def test_nothing_is_measured_twice_on_one_base(open_one: Bot) -> None:
    open_one.push(BETTER)
    ran = open_one.script.runs()
    open_one.tell(
        Pushed(open_one.place.installation_id, open_one.repository, "main", open_one.main)
    )
    assert open_one.script.runs() == ran


def test_a_push_that_others_overtook_is_left_to_theirs(open_one: Bot) -> None:
    ran = open_one.script.runs()
    overtaken = open_one.main
    open_one.hosted.bare.commit(BETTER)
    open_one.tell(Pushed(open_one.place.installation_id, open_one.repository, "main", overtaken))
    assert open_one.script.runs() == ran


def test_a_gain_that_is_gone_closes_the_pull_request_with_one_sentence(open_one: Bot) -> None:
    open_one.script.change(gone=[TOTAL])
    open_one.push(BETTER)
    assert not open_one.open
    (said,) = open_one.said
    text = Page(said).text.strip()
    assert "no longer proven to be faster" in text
    assert text.count(". ") == 0, "one sentence"
    assert not open_one.branches
    assert not open_one.tools.memory.ignored(open_one.hosted.id)


def test_what_perfbot_closed_itself_may_be_proposed_again(open_one: Bot) -> None:
    open_one.script.change(gone=[TOTAL])
    open_one.push(BETTER)
    open_one.changed(1, PullRequestChange.CLOSED)  # GitHub tells of perfbot's own close, too
    assert not open_one.tools.memory.ignored(open_one.hosted.id)
    open_one.script.change(gone=[])
    open_one.scan("2026-W50")
    assert len(open_one.open) == 1
    assert pull_request.branch((TOTAL,), attempt=2) in open_one.branches


def test_a_change_that_does_not_apply_is_made_anew(open_one: Bot) -> None:
    open_one.script.write({TOTAL: Faster("slower_total()", "fast_total()", 0.5, 3.1)})
    open_one.push({"src/cart.py": "def total():\n    return slower_total()\n"})
    assert open_one.open == ["Speed up total by at least 3.1× (list membership to set, and more)"]
    assert open_one.script.runs()[-2:] == [f"verify {TOTAL}", f"optimize {TOTAL}"]
    shown = open_one.hosted.bare.git("show", f"{head(open_one)}:src/cart.py")
    assert "fast_total" in shown


def test_a_change_that_cannot_be_made_anew_is_closed(open_one: Bot) -> None:
    open_one.push({"src/cart.py": "def total():\n    return 0\n"})
    assert not open_one.open
    (said,) = open_one.said
    assert "could not be made anew" in said


@pytest.mark.parametrize("trouble", [{"unclear": [TOTAL]}, {"fails": "repository"}])
def test_noise_and_trouble_close_nothing(open_one: Bot, trouble: dict[str, object]) -> None:
    before = head(open_one)
    open_one.script.change(**trouble)
    open_one.push(BETTER)
    assert len(open_one.open) == 1
    assert head(open_one) == before
    assert not open_one.said


def test_a_branch_with_commits_of_people_is_theirs(open_one: Bot) -> None:
    branch = pull_request.branch((TOTAL,))
    theirs = open_one.hosted.bare.commit({"src/cart.py": "# mine\n"}, branch)
    open_one.script.change(gone=[TOTAL])
    for _ in range(2):
        open_one.push(BETTER)
    assert open_one.hosted.bare.branch(branch) == theirs
    assert len(open_one.open) == 1
    (said,) = open_one.said
    assert "leaves it as it is" in said


def test_a_person_may_ask_for_a_rebase_on_the_same_base(open_one: Bot) -> None:
    open_one.script.write({TOTAL: Faster("slow_total()", "fast_total()", 0.5, 2.0)})
    what = rebase(JOB, StepByStep(), open_one.tools, open_one.place, 1)
    assert what is Renewal.RENEWED
    assert "at least 2.0×" in open_one.open[0]


def test_only_what_is_perfbots_own_is_rebased(open_one: Bot) -> None:
    world, hosted = open_one.github.world, open_one.hosted
    hosted.bare.commit({"src/cart.py": "# mine\n"}, "perfbot/mine", onto="main")
    part = PullPart(hosted, "ada", "perfbot/mine", "", "main", draft=False)
    body = open_one.pulls[0].body
    thread = world.pull(hosted, world.person("ada"), "Mine", body, part)
    engine = StepByStep()
    what = rebase(JOB, engine, open_one.tools, open_one.place, thread.number)
    assert what is Renewal.NOT_OURS


def told(bot: Bot, state: Path) -> list[Event]:
    store = Store.open(state, Redaction(frozenset()))
    try:
        return [one.event for one in store.outcomes(f"github:{bot.hosted.id}")]
    finally:
        store.close()


def test_what_people_made_of_a_proposal_is_kept_for_training(bot: Bot, state: Path) -> None:
    bot.scan()
    bot.merge(1)
    bot.close(2)
    assert sorted(told(bot, state)) == sorted(
        [Event.PROPOSED, Event.MERGED, Event.PROPOSED, Event.CLOSED]
    )


def test_a_merge_that_holds_what_was_claimed_says_nothing(open_one: Bot) -> None:
    open_one.merge(1)
    assert open_one.script.runs()[-1] == f"verify {TOTAL}"
    assert not open_one.said
    assert not open_one.branches


def test_a_merge_whose_gain_is_below_the_claim_says_so_once(open_one: Bot) -> None:
    open_one.script.write({TOTAL: Faster("slow_total()", "fast_total()", 0.5, 1.2)})
    open_one.merge(1)
    open_one.changed(1, PullRequestChange.MERGED)
    (said,) = open_one.said
    assert "at least 2.3× faster" in said
    assert "1.20–1.44×" in said


@pytest.mark.parametrize("trouble", [{"unclear": [TOTAL]}, {"fails": "timed-out"}])
def test_a_merge_that_cannot_be_measured_says_nothing(
    open_one: Bot, trouble: dict[str, object]
) -> None:
    open_one.script.change(**trouble)
    open_one.merge(1)
    assert not open_one.said


def test_reopening_takes_back_what_the_close_had_meant(open_one: Bot) -> None:
    open_one.close(1)
    assert open_one.tools.memory.ignored(open_one.hosted.id)
    open_one.hosted.threads[1].state = "open"
    open_one.changed(1, PullRequestChange.OPENED)
    assert not open_one.tools.memory.ignored(open_one.hosted.id)


def test_a_function_can_be_looked_at_again_after_a_close(open_one: Bot) -> None:
    open_one.close(1)
    look_again(open_one.tools, open_one.place, TOTAL)
    open_one.push(BETTER)
    open_one.scan("2026-W50")
    assert len(open_one.open) == 1


@pytest.mark.parametrize("change", list(PullRequestChange))
def test_pull_requests_of_other_people_start_no_work(bot: Bot, change: PullRequestChange) -> None:
    world, hosted = bot.github.world, bot.hosted
    hosted.bare.commit({"src/cart.py": "# mine\n"}, "work", onto="main")
    part = PullPart(hosted, "ada", "work", "", "main", draft=False)
    world.pull(hosted, world.person("ada"), "Mine", "", part)
    done = bot.changed(1, change).done
    assert [name for name, _ in done] in ([], ["outcome"])
    assert not bot.script.runs()
    written = {one.path for one in bot.github.requests if one.verb not in {"GET", "DELETE"}}
    assert all(path.endswith("/access_tokens") for path in written)


def test_a_renewal_that_dies_at_any_border_ends_once(bot: Bot) -> None:
    bot.scan()
    bot.hosted.bare.commit(BETTER)
    engine, deaths = StepByStep(), 0
    asked = Pushed(bot.place.installation_id, bot.repository, "main", bot.main)
    while True:
        engine.dies_at = deaths
        try:
            bot.tell(asked, engine)
            break
        except Crash:
            deaths += 1
    assert deaths > 3
    assert len(bot.open) == 2
    verified = [one for one in bot.script.runs() if one.startswith("verify")]
    assert sorted(verified) == sorted([f"verify {TOTAL}", f"verify {MATCH}"])
    assert LOAD
