"""What people made of proposals is found again by training, whoever closed, merged or liked what."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from no_runs import NoRuns

from perfbot.bot import outcomes_told
from perfbot.bot.config import PullRequests
from perfbot.bot.marker import Text
from perfbot.bot.proposals import remember_proposed
from perfbot.bot.pull_request import Proposal, noting, pull_request
from perfbot.optimizer.judged_pairs import Preference, preference
from perfbot.optimizer.outcomes import Event, patch_key
from perfbot.optimizer.redaction import Redaction
from perfbot.optimizer.transcript import Store

from github_scene import BRANCH, Scene
from hosted import Comment, Hosted, PullPart, Thread
from shop_report import PATCH, TOTAL, example
from talk_scene import PULL, Talk, talk_in

BEFORE = b"class Cart:\n    def total(self):\n        return slow()\n"
AFTER = BEFORE.replace(b"slow", b"fast")
PATH = TOTAL.partition("::")[0]
KEY = patch_key({PATH: (BEFORE, AFTER)})


@pytest.fixture
def talk(scene: Scene, tmp_path: Path) -> Iterator[Talk]:
    scene.hosted.bare.commit({PATH: BEFORE})
    found = talk_in(scene, tmp_path, NoRuns())
    yield found
    found.tools.memory.close()


def proposed(talk: Talk) -> Thread:
    """A pull request of perfbot's that remembers what it put there."""
    report, hosted = example().report, talk.scene.hosted
    sha = hosted.bare.commit({PATH: AFTER}, BRANCH, onto="main")
    draft = pull_request(
        Proposal(report, report.accepted, PATCH, {}, talk.scene.main), PullRequests()
    )
    bot = talk.scene.registered.record.bot
    body = noting(Text(draft.body, bot.id), bot.id, head=sha)
    part = PullPart(hosted, hosted.owner, BRANCH, sha, "main", draft=True)
    return talk.scene.github.world.pull(hosted, bot, draft.title, body, part)


def told(talk: Talk, number: int, state: Path) -> Preference | None:
    """Note what became of a pull request, twice; return what training finds of the patch."""
    for _ in range(2):
        with talk.tools.hub.talking(talk.place) as forge:
            pull = forge.pull_request(number)
            outcomes_told.tell(state, forge, talk.place, pull, talk.tools.hub.login)
    store = Store.open(state, Redaction(frozenset()))
    try:
        known_as = f"github:{talk.repository.id}"
        found = store.outcomes(known_as)
        assert len([one for one in found if one.event in {Event.MERGED, Event.CLOSED}]) <= 1
        return preference(known_as, KEY, found)
    finally:
        store.close()


def test_a_merge_is_told_with_those_who_liked_it(talk: Talk, tmp_path: Path) -> None:
    pull, world = proposed(talk), talk.scene.github.world
    said = world.comment(talk.scene.hosted, pull.number, pull.author, "perfbot says")
    world.react(pull, world.person("ada"), "+1")
    world.react(said, world.person("ada"), "heart")
    world.react(said, world.person("bob"), "confused")
    world.react(said, world.person("bob"), "eyes")
    world.react(said, world.person("perfbot[bot]", "Bot"), "+1")
    talk.scene.hosted.merge(pull.number)
    found = told(talk, pull.number, tmp_path)
    assert found == Preference(Event.MERGED, "", 1, 1)


def test_what_people_changed_before_the_merge_is_kept(talk: Talk, tmp_path: Path) -> None:
    pull = proposed(talk)
    theirs = AFTER.replace(b"fast()", b"faster(self)")
    talk.scene.hosted.bare.commit({PATH: theirs}, BRANCH)
    talk.scene.hosted.followed(pull.number)
    talk.scene.hosted.merge(pull.number)
    found = told(talk, pull.number, tmp_path)
    assert found
    assert found.edited == "    def total(self):\n        return faster(self)"


def test_a_close_is_a_word_on_the_proposal(talk: Talk, tmp_path: Path) -> None:
    pull = proposed(talk)
    pull.state = "closed"
    found = told(talk, pull.number, tmp_path)
    assert found
    assert found.fate is Event.CLOSED


def test_what_perfbot_withdrew_itself_is_none(talk: Talk, tmp_path: Path) -> None:
    pull = proposed(talk)
    pull.body = noting(Text(pull.body or "", pull.author.id), pull.author.id, withdrawn=True)
    pull.state = "closed"
    found = told(talk, pull.number, tmp_path)
    assert found
    assert found.fate is None


def test_a_reaction_to_a_suggestion_or_to_the_jobs_comment_is_one_to_the_proposal(
    talk: Talk, tmp_path: Path
) -> None:
    world, hosted = talk.scene.github.world, talk.scene.hosted
    known_as = f"github:{talk.repository.id}"
    remember_proposed(tmp_path, known_as, {PATH: (BEFORE, AFTER)}, "asked-7-1/1")
    remember_proposed(tmp_path, known_as, {"b.py": (None, b"")}, "asked-7-2/1")
    bot = talk.scene.registered.record.bot
    sticky = world.comment(hosted, PULL, bot, "Done\n\n<!-- perfbot:job=asked-7-1 -->")
    review = _review_comment(talk, hosted, "Better\n\n<!-- perfbot:job=asked-7-1/1/2 -->")
    other = world.comment(hosted, PULL, bot, "Else\n\n<!-- perfbot:job=asked-7-2 -->")
    theirs = world.comment(hosted, PULL, world.person("eve"), "<!-- perfbot:job=asked-7-1 -->")
    world.react(sticky, world.person("ada"), "+1")
    world.react(review, world.person("bob"), "rocket")
    world.react(other, world.person("bob"), "-1")
    world.react(theirs, world.person("eve"), "-1")
    found = told(talk, PULL, tmp_path)
    assert found == Preference(None, "", 2, 0)


def _review_comment(talk: Talk, hosted: Hosted, text: str) -> Comment:
    bot = talk.scene.registered.record.bot
    made = talk.scene.github.world.comment(hosted, PULL, bot, text)
    del hosted.comments[made.id]
    made.place = {"path": "shop.py", "line": 20, "side": "RIGHT", "commit_id": talk.scene.head}
    hosted.review_comments[made.id] = made
    return made
