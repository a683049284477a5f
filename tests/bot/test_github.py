"""What perfbot does on GitHub: as little as it may, once, and with a sentence when it cannot."""

import logging
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from perfbot.bot.forge import (
    Annotation,
    Change,
    Check,
    CommitSha,
    Conclusion,
    Forge,
    ForgeError,
    Level,
    Permission,
    PullRequestText,
    Reaction,
    RepositoryName,
    State,
    Suggestion,
    Trouble,
    marker,
    own_branch,
)
from perfbot.bot.github import GitHubRepository
from perfbot.bot.github_app import GitHubApp, Rights, Token
from perfbot.bot.github_session import Site
from perfbot.bot.transport import Remote, Signature, Store

import app_endpoints
from hosted import Delivery, Hosted, PullPart
from local_github import Fault, LocalGitHub, Registered

SHOP = RepositoryName("ada", "shop")
BRANCH = own_branch("perfbot/parse-row")
MARK = marker("job=17")
TEXT = PullRequestText(BRANCH, "main", "Speed up parse_row by at least 2.3×", "Because.")
SIGNATURE = Signature("perfbot", "bot@example.org", datetime(2026, 12, 1, tzinfo=UTC))
FILES = {
    "shop.py": "".join(f"line {number}\n" for number in range(1, 41)),
    "tools/run.sh": "#!/bin/sh\n",
}
PERMISSIONS = {
    "metadata": "read", "contents": "write", "pull_requests": "write", "checks": "write", "issues": "write",
}  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """A repository with a pull request of a person, and the App that is installed in it."""

    github: LocalGitHub
    hosted: Hosted
    other: Hosted
    registered: Registered
    app: GitHubApp
    site: Site

    @property
    def installation(self) -> int:
        return self.registered.installation.id

    @property
    def head(self) -> CommitSha:
        return CommitSha(self.hosted.bare.branch("work") or "")

    @property
    def main(self) -> CommitSha:
        return CommitSha(self.hosted.bare.branch("main") or "")

    def forge(
        self, rights: Rights = Rights.PUBLISH, hosted: Hosted | None = None
    ) -> GitHubRepository:
        """Return a client whose token lives as long as the test."""
        numbers = [(hosted or self.hosted).id]
        token = self.github.world.mint(self.registered.installation, numbers, rights.value)
        return GitHubRepository(self.site, token.value, SHOP, "perfbot[bot]")

    def seen(self, verb: str, end: str) -> int:
        return sum(one.verb == verb and one.path.endswith(end) for one in self.github.requests)


@pytest.fixture
def scene(github: LocalGitHub) -> Scene:
    hosted = github.world.repository("ada/shop", FILES)
    other = github.world.repository("ada/other", FILES)
    registered = github.register("perfbot", PERMISSIONS, [hosted, other])
    sha = hosted.bare.commit(
        {"shop.py": FILES["shop.py"].replace("20", "twenty")}, "work", onto="main"
    )
    part = PullPart(hosted, "ada", "work", sha, "main", draft=False)
    github.world.pull(hosted, github.world.person("ada"), "Twenty", "In words", part)
    site = Site(github.api, between_requests_s=0, between_writes_s=0)
    app = GitHubApp(site, str(registered.record.id), registered.private_key)
    return Scene(github, hosted, other, registered, app, site)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses between the tries of reading."""
    monkeypatch.setattr("perfbot.bot.github_session._BACKOFF_S", 0.0)


def test_from_the_apps_key_to_a_pull_request(scene: Scene, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    installation = scene.app.installation(SHOP)
    with scene.app.token(installation, scene.hosted.id, Rights.CHECKOUT) as token:
        store.fetch(Remote(scene.site, SHOP, token.secret), scene.main)
    store.export(scene.main, tmp_path / "tree")
    change = Change(scene.main, "Speed up\n", {"shop.py": b"fast\n"})
    made = store.commit(change, SIGNATURE)
    with scene.app.token(installation, scene.hosted.id, Rights.PUBLISH) as token:
        store.push(Remote(scene.site, SHOP, token.secret), made, BRANCH, was=None)
        forge: Forge = GitHubRepository(scene.site, token.secret, SHOP, scene.app.login())
        opened = forge.open_pull_request(TEXT)
        assert [one.path for one in forge.files(opened.number)] == ["shop.py"]
        assert forge.commits(opened.number) == (made,)
    assert (opened.head.commit, opened.draft, opened.state) == (made, True, State.OPEN)
    assert opened.author.login == "perfbot[bot]"
    assert not opened.author.person
    assert opened.url == f"{scene.github.web}/ada/shop/pull/2"
    assert all(token.dead for token in scene.github.world.tokens.values())


# Rights


def test_a_token_is_for_one_repository_and_its_purpose_alone(scene: Scene) -> None:
    for rights in Rights:
        with scene.app.token(scene.installation, scene.hosted.id, rights) as token:
            kept = scene.github.world.tokens[token.secret]
            assert kept.repository_ids == [scene.hosted.id]
            assert kept.permissions == dict(rights.value)
            assert "workflows" not in kept.permissions
            assert token.secret not in f"{token} {token!r}"


def test_a_token_of_another_repository_finds_nothing(scene: Scene) -> None:
    forge = scene.forge(hosted=scene.other)
    with pytest.raises(ForgeError) as raised:
        forge.pull_request(1)
    assert raised.value.trouble is Trouble.MISSING
    assert forge.file("shop.py", scene.main) is None


def test_the_token_for_the_checkout_changes_nothing(scene: Scene) -> None:
    forge = scene.forge(Rights.CHECKOUT)
    comment = scene.github.world.comment(
        scene.hosted, 1, scene.github.world.person("ada"), "/optimize"
    )
    change = Change(scene.main, "x", {"shop.py": b"x"})
    writes: list[Callable[[], object]] = [
        lambda: forge.react(1, comment.id, Reaction.EYES),
        lambda: forge.close_pull_request(1),
        lambda: forge.publish(BRANCH, change, None),
        lambda: forge.label(1, ["performance"]),
    ]
    for write in writes:
        with pytest.raises(
            ForgeError, match=r"not accessible by integration.*given the permissions"
        ):
            write()
    assert forge.pull_request(1).title == "Twenty"


def test_the_token_for_talking_pushes_nothing(scene: Scene, tmp_path: Path) -> None:
    forge = scene.forge(Rights.TALK)
    forge.say(1, MARK, "Measuring")
    with pytest.raises(ForgeError) as raised:
        forge.publish(BRANCH, Change(scene.main, "x", {"shop.py": b"x"}), None)
    assert raised.value.trouble is Trouble.DENIED


def test_workflow_files_are_out_of_reach_even_for_publishing(scene: Scene) -> None:
    change = Change(scene.main, "x", {".github/workflows/ci.yml": b"on: push"})
    with pytest.raises(ForgeError) as raised:
        scene.forge().publish(BRANCH, change, None)
    assert raised.value.trouble is Trouble.DENIED


def test_a_token_ends_with_its_block_however_that_ends(scene: Scene) -> None:
    def fail() -> None:
        with scene.app.token(scene.installation, scene.hosted.id, Rights.TALK):
            raise RuntimeError("the job failed")

    with pytest.raises(RuntimeError, match="the job failed"):
        fail()
    assert [token.revoked for token in scene.github.world.tokens.values()] == [True]


def test_a_token_that_cannot_be_revoked_is_told_and_harms_nothing(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.github.faults.add(Fault.burst("DELETE", "/installation/token$", 5))
    with scene.app.token(scene.installation, scene.hosted.id, Rights.TALK) as token:
        pass
    assert "was not revoked and ends by itself within an hour" in caplog.text
    assert token.secret not in caplog.text


def handed_out(scene: Scene, hosted: Hosted) -> Token:
    with scene.app.token(scene.installation, hosted.id, Rights.CHECKOUT) as token:
        return token


def test_a_token_that_reaches_further_than_asked_for_is_not_used(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def everything(call: object, installation: object) -> list[int]:
        return [scene.hosted.id, scene.other.id]

    monkeypatch.setattr(app_endpoints, "_chosen", everything)
    with pytest.raises(ForgeError, match="reaches further"):
        handed_out(scene, scene.hosted)
    assert [token.revoked for token in scene.github.world.tokens.values()] == [True]


def test_a_repository_that_the_app_was_not_given_gets_no_token(scene: Scene) -> None:
    stranger = scene.github.world.repository("eve/secret", {})
    with pytest.raises(ForgeError, match="does not exist or is not accessible"):
        handed_out(scene, stranger)
    with pytest.raises(ForgeError, match="Check the name, and that the App is installed"):
        scene.app.installation(RepositoryName("eve", "secret"))


@pytest.mark.parametrize(
    "key", ["", "no key", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"]
)
def test_a_key_that_is_none_is_told_without_quoting_it(scene: Scene, key: str) -> None:
    with pytest.raises(ForgeError, match="has to be the PEM file") as raised:
        GitHubApp(scene.site, "7", key)
    assert raised.value.__cause__ is None


def test_the_key_of_another_app_opens_nothing(scene: Scene) -> None:
    eve = scene.github.register("eve", PERMISSIONS, [scene.other])
    impostor = GitHubApp(scene.site, str(scene.registered.record.id), eve.private_key)
    with pytest.raises(ForgeError, match=r"could not be decoded \(401\)"):
        impostor.login()


def test_an_app_knows_its_name_and_where_it_is_installed(scene: Scene) -> None:
    assert scene.app.login() == "perfbot[bot]"
    assert scene.app.installations() == (scene.installation,)
    assert scene.app.installation(SHOP) == scene.installation
    found = scene.app.repositories(scene.installation)
    assert found == {scene.hosted.id: SHOP, scene.other.id: RepositoryName("ada", "other")}
    assert all(token.revoked for token in scene.github.world.tokens.values())


# Deliveries


def test_deliveries_that_never_arrived_are_found_across_pages_and_sent_again(scene: Scene) -> None:
    now = datetime.now(UTC).replace(microsecond=0)

    def deliver(guid: str, status: str, code: int, minutes_ago: int) -> None:
        when = now - timedelta(minutes=minutes_ago)
        number = next(scene.github.world.ids)
        delivery = Delivery(number, guid, "issue_comment", "created", status, code, when)
        scene.github.world.deliveries.append(delivery)

    deliver("too old", "timed out", 0, 900)
    for number in range(250):
        deliver(f"fine-{number}", "OK", 202, 300 - number)
    deliver("refused", "Internal Server Error", 500, 40)
    deliver("second time lucky", "timed out", 0, 30)
    deliver("second time lucky", "OK", 202, 20)
    deliver("never came", "failed to connect to host", 0, 10)
    deliver("never came", "timed out", 0, 5)
    lost = scene.app.undelivered(now - timedelta(minutes=600))
    assert [one.guid for one in lost] == ["refused", "never came"]
    assert lost[1].delivered_at == now - timedelta(minutes=5)
    for one in lost:
        scene.app.deliver_again(one)
    assert scene.app.undelivered(now - timedelta(minutes=600)) == ()


# Reading


@pytest.mark.parametrize(
    ("role", "permission"),
    [
        ("admin", Permission.ADMIN),
        ("maintain", Permission.WRITE),
        ("write", Permission.WRITE),
        ("triage", Permission.READ),
        ("read", Permission.READ),
        ("none", Permission.NONE),
    ],
)
def test_what_a_person_may_do_is_asked_now(scene: Scene, role: str, permission: Permission) -> None:
    forge = scene.forge(Rights.TALK)
    scene.github.world.person("bob")
    scene.hosted.people["bob"] = role
    assert forge.permission("bob") is permission
    assert permission.writes == (role in ("admin", "maintain", "write"))
    scene.hosted.people["bob"] = "read"
    assert forge.permission("bob") is Permission.READ


def test_somebody_who_does_not_exist_may_do_nothing(scene: Scene) -> None:
    for login in ("nobody-at-all", "../../x", "a b", "x?y=z"):
        assert scene.forge().permission(login) is Permission.NONE


def test_a_file_is_read_at_a_commit(scene: Scene) -> None:
    forge = scene.forge()
    assert forge.file("tools/run.sh", scene.main) == b"#!/bin/sh\n"
    assert forge.file("tools/none.sh", scene.main) is None
    with pytest.raises(ForgeError, match="not a regular file"):
        forge.file("tools", scene.main)


def test_a_repository_says_its_number_and_default_branch(scene: Scene) -> None:
    found = scene.forge().repository()
    assert (found.id, found.name, found.default_branch) == (scene.hosted.id, SHOP, "main")
    assert found.private


def test_branches_and_their_distance(scene: Scene) -> None:
    forge, before = scene.forge(), scene.main
    scene.hosted.bare.commit({"new.py": "x\n"})
    assert forge.branch("work") == scene.head
    assert forge.branch("none") is None
    compared = forge.compare("main", "work")
    assert (compared.merge_base, compared.ahead, compared.behind) == (before, 1, 1)


def test_a_pull_request_is_read_as_it_stands(scene: Scene) -> None:
    found = scene.forge().pull_request(1)
    assert (found.title, found.body, found.state) == ("Twenty", "In words", State.OPEN)
    assert (found.head.branch, found.head.commit, found.base.branch) == ("work", scene.head, "main")
    assert found.author.person
    assert not found.from_fork
    [file] = scene.forge().files(1)
    assert (file.path, file.added, file.removed, file.previous) == ("shop.py", 1, 1, None)
    assert "+line twenty" in file.hunks


def test_a_fork_is_told_apart_even_after_it_was_deleted(scene: Scene) -> None:
    world = scene.github.world
    fork = world.fork(scene.hosted, "eve")
    sha = fork.bare.commit({"evil.py": "x\n"}, "main")
    part = PullPart(fork, "eve", "main", sha, "main", draft=False)
    number = world.pull(scene.hosted, world.person("eve"), "Good", None, part).number
    found = scene.forge().pull_request(number)
    assert found.from_fork
    assert found.head.repository == RepositoryName("eve", "shop")
    assert found.body == ""
    part.head = None
    gone = scene.forge().pull_request(number)
    assert gone.from_fork
    assert gone.head.repository is None
    assert gone.head.commit == sha


def test_every_comment_is_read_however_many_pages_there_are(scene: Scene) -> None:
    ada = scene.github.world.person("ada")
    for number in range(250):
        scene.github.world.comment(scene.hosted, 1, ada, f"comment {number}")
    said = scene.forge().comments(1)
    assert [one.body for one in said] == [f"comment {number}" for number in range(250)]
    assert scene.seen("GET", "/issues/1/comments") == 3


def test_comments_since_a_moment(scene: Scene) -> None:
    ada = scene.github.world.person("ada")
    for age in (50, 5):
        comment = scene.github.world.comment(scene.hosted, 1, ada, f"{age} minutes ago")
        comment.updated_at = comment.created_at = datetime.now(UTC) - timedelta(minutes=age)
    said = scene.forge().comments_since(datetime.now(UTC) - timedelta(minutes=20))
    assert [(one.body, one.number) for one in said] == [("5 minutes ago", 1)]


def test_reactions_are_read(scene: Scene) -> None:
    said = scene.forge().say(1, MARK, "Done")
    comment = scene.hosted.comments[said.id]
    comment.reactions.append((1, scene.github.world.person("bob"), "+1"))
    [reacted] = scene.forge().reactions(1, said.id)
    assert (reacted.account.login, reacted.reaction) == ("bob", Reaction.UP)


# Writing, once


@dataclass(frozen=True)
class Write:
    """Something that perfbot writes, the request that makes it, and how many of it there are."""

    do: Callable[[Forge, Scene], object]
    path: str
    count: Callable[[Hosted], int]
    verb: str = "POST"


def open_one(forge: Forge, scene: Scene) -> object:
    if not scene.hosted.bare.branch(BRANCH):
        scene.hosted.bare.commit({"shop.py": "fast\n"}, BRANCH, onto="main")
    return forge.open_pull_request(TEXT)


def suggest_one(forge: Forge, scene: Scene) -> object:
    text = "```suggestion\nline 20\n```"
    return forge.suggest(1, MARK, Suggestion(scene.head, "shop.py", 19, 20, text))


def publish_one(forge: Forge, scene: Scene) -> object:
    return forge.publish(BRANCH, Change(scene.main, "Fast", {"shop.py": b"fast\n"}), None)


def close_one(forge: Forge, scene: Scene) -> object:
    return forge.close_pull_request(1)


def report_one(forge: Forge, scene: Scene) -> object:
    return forge.report(Check("job=17", "perfbot", scene.head, "Running", "One minute to go"))


WRITES = {
    "comment": Write(
        lambda forge, _: forge.say(1, MARK, "hi"), "/issues/1/comments$", lambda at: len(at.comments)
    ),
    "suggestion": Write(suggest_one, "/pulls/1/comments$", lambda at: len(at.review_comments)),
    "pull request": Write(open_one, "/pulls$", lambda at: len(at.threads) - 1),
    "branch": Write(publish_one, "/git/refs$", lambda at: int(at.bare.branch(BRANCH) is not None)),
    "check": Write(report_one, "/check-runs$", lambda at: len(at.checks)),
    "issue": Write(
        lambda forge, _: forge.keep_issue(MARK, "Dashboard", "- [ ] x", ["performance"]),
        "/issues$",
        lambda at: len(at.threads) - 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", [Fault.lost_answer, Fault.hangs_up])
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_what_was_done_although_the_answer_was_lost_is_not_done_again(
    scene: Scene, write: Write, fault: Callable[..., Fault]
) -> None:
    forge = scene.forge()
    scene.github.faults.add(fault(write.verb, write.path))
    write.do(forge, scene)
    write.do(forge, scene)
    write.do(scene.forge(), scene)
    assert write.count(scene.hosted) == 1


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_a_write_that_fails_is_told_and_works_the_next_time(scene: Scene, write: Write) -> None:
    forge = scene.forge()
    scene.github.faults.add(Fault.burst(write.verb, write.path, times=1))
    before = len(scene.github.requests)
    with pytest.raises(ForgeError, match="trying again is safe") as raised:
        write.do(forge, scene)
    assert raised.value.passes
    assert write.count(scene.hosted) == 0
    assert sum(one.status == 502 for one in scene.github.requests[before:]) == 1
    write.do(forge, scene)
    assert write.count(scene.hosted) == 1


def test_a_comment_is_kept_up_to_date_instead_of_written_again(scene: Scene) -> None:
    first = scene.forge().say(1, MARK, "Measuring…")
    second = scene.forge().say(1, MARK, "2.3× faster")
    scene.forge().say(1, marker("job=18"), "Another job")
    assert (second.id, second.body) == (first.id, f"2.3× faster\n\n{MARK}")
    assert len(scene.hosted.comments) == 2
    edits = scene.seen("PATCH", f"/issues/comments/{first.id}")
    scene.forge().say(1, MARK, "2.3× faster")
    assert scene.seen("PATCH", f"/issues/comments/{first.id}") == edits == 1


def test_a_mark_in_somebody_elses_text_is_not_perfbots(scene: Scene) -> None:
    eve = scene.github.world.person("eve")
    theirs = scene.github.world.comment(scene.hosted, 1, eve, f"Mine\n\n{MARK}")
    scene.github.world.thread(scene.hosted, eve, "Dashboard", f"Mine\n\n{MARK}")
    said = scene.forge().say(1, MARK, "Perfbot's")
    kept = scene.forge().keep_issue(MARK, "Dashboard", "Perfbot's", [])
    assert said.id != theirs.id
    assert theirs.body.startswith("Mine")
    assert kept.number == 3


def test_a_quoted_mark_inside_perfbots_own_text_does_not_count(scene: Scene) -> None:
    scene.forge().say(1, marker("job=18"), f"As said in {MARK} before")
    scene.forge().say(1, MARK, "Another")
    assert len(scene.hosted.comments) == 2


def test_the_dashboard_is_one_issue_and_a_closed_one_stays_closed(scene: Scene) -> None:
    first = scene.forge().keep_issue(MARK, "Dashboard", "- [ ] x", ["performance"])
    second = scene.forge().keep_issue(MARK, "Dashboard", "- [x] x", ["performance"])
    assert first.number == second.number
    assert scene.forge().issue(first.number).body == f"- [x] x\n\n{MARK}"
    assert scene.hosted.threads[first.number].labels == ["performance"]
    scene.hosted.threads[first.number].state = "closed"
    third = scene.forge().keep_issue(MARK, "Dashboard", "- [ ] y", [])
    assert third.number != first.number


def test_a_reaction_counts_once(scene: Scene) -> None:
    comment = scene.github.world.comment(
        scene.hosted, 1, scene.github.world.person("ada"), "/optimize"
    )
    for _ in range(2):
        scene.forge().react(1, comment.id, Reaction.EYES)
    assert len(comment.reactions) == 1


def test_a_suggestion_stands_on_the_lines_that_were_changed(scene: Scene) -> None:
    suggest_one(scene.forge(), scene)
    [comment] = scene.hosted.review_comments.values()
    assert comment.place == {
        "path": "shop.py", "line": 20, "side": "RIGHT", "start_line": 19, "start_side": "RIGHT",
        "commit_id": scene.head,
    }  # fmt: skip
    one_line = Suggestion(scene.head, "shop.py", 20, 20, "text")
    scene.forge().suggest(1, marker("job=18"), one_line)
    outside = Suggestion(scene.head, "shop.py", 2, 2, "text")
    with pytest.raises(ForgeError, match="could not be resolved") as raised:
        scene.forge().suggest(1, marker("job=19"), outside)
    assert raised.value.trouble is Trouble.REFUSED


def test_a_pull_request_that_was_closed_is_not_opened_again(scene: Scene) -> None:
    opened = scene.forge()
    first = open_one(opened, scene)
    closed = scene.forge().close_pull_request(first.number)
    assert closed.state is State.CLOSED
    assert scene.forge().close_pull_request(first.number).state is State.CLOSED
    again = scene.forge().open_pull_request(TEXT)
    assert (again.number, again.state) == (first.number, State.CLOSED)


def test_a_pull_request_from_nowhere_or_without_a_change_is_refused(scene: Scene) -> None:
    with pytest.raises(ForgeError, match="PullRequest head invalid"):
        scene.forge().open_pull_request(TEXT)
    scene.hosted.bare.git("update-ref", f"refs/heads/{BRANCH}", "main")
    with pytest.raises(ForgeError, match="No commits between main and perfbot/parse-row"):
        scene.forge().open_pull_request(TEXT)


def test_two_workers_at_once_open_one_pull_request(scene: Scene) -> None:
    """The other one is faster between our look and our write: GitHub's 422 leads to theirs."""

    def other_worker() -> None:
        part = PullPart(scene.hosted, "ada", BRANCH, "", "main", draft=True)
        bot = scene.registered.record.bot
        scene.github.world.pull(scene.hosted, bot, TEXT.title, TEXT.body, part)

    scene.github.faults.add(Fault.meanwhile("POST", "/pulls$", other_worker))
    assert open_one(scene.forge(), scene) == scene.forge().pull_request(2)
    assert len(scene.hosted.threads) == 2


def test_a_pull_request_is_edited_and_labelled(scene: Scene) -> None:
    scene.forge().edit_pull_request(1, "Thirty", "In other words")
    for _ in range(2):
        scene.forge().label(1, ["performance", "bot"])
    found = scene.forge().pull_request(1)
    assert (found.title, found.body) == ("Thirty", "In other words")
    assert found.labels == ("performance", "bot")


def test_perfbots_own_pull_requests_are_found_open_or_not(scene: Scene) -> None:
    assert scene.forge().own_pull_requests() == ()
    open_one(scene.forge(), scene)
    scene.forge().keep_issue(MARK, "Dashboard", "x", [])
    scene.forge().close_pull_request(2)
    [own] = scene.forge().own_pull_requests()
    assert (own.number, own.state) == (2, State.CLOSED)


def test_a_merged_pull_request_says_so(scene: Scene) -> None:
    thread = scene.hosted.threads[1]
    assert thread.pull
    thread.state, thread.pull.merged = "closed", True
    assert scene.forge().pull_request(1).state is State.MERGED


def test_a_published_change_touches_its_files_alone_and_keeps_their_modes(scene: Scene) -> None:
    bare = scene.hosted.bare
    blob = bare.git("rev-parse", "main:tools/run.sh")
    bare.git("read-tree", "main")
    bare.git("update-index", "--cacheinfo", f"100755,{blob},tools/run.sh")
    head = bare.git("commit-tree", bare.git("write-tree"), "-m", "Executable")
    bare.git("update-ref", "refs/heads/main", head)
    files = {"tools/run.sh": b"#!/bin/sh\nexit\n", "deep/er/new.bin": bytes(range(256))}
    made = scene.forge().publish(BRANCH, Change(CommitSha(head), "Both\n\nWhy", files), None)
    assert bare.branch(BRANCH) == made
    assert bare.git("diff", "--name-only", head, made).split() == [
        "deep/er/new.bin",
        "tools/run.sh",
    ]
    assert bare.raw("show", f"{made}:deep/er/new.bin") == bytes(range(256))
    modes = [line.split()[0] for line in bare.git("ls-tree", "-r", made).splitlines()]
    assert modes == ["100644", "100644", "100755"]
    assert bare.git("show", "--no-patch", "--format=%an %P", made) == f"perfbot[bot] {head}"


def test_publishing_again_is_the_same_commit_and_never_goes_over_anothers(scene: Scene) -> None:
    first = publish_one(scene.forge(), scene)
    assert publish_one(scene.forge(), scene) == first
    slower = Change(scene.main, "Faster", {"shop.py": b"faster\n"})
    with pytest.raises(ForgeError, match=r"stands at .* not at no commit"):
        scene.forge().publish(BRANCH, slower, None)
    second = scene.forge().publish(BRANCH, slower, CommitSha(str(first)))
    assert scene.hosted.bare.branch(BRANCH) == second
    theirs = scene.hosted.bare.commit({"shop.py": "mine\n"}, BRANCH)
    with pytest.raises(ForgeError, match=f"stands at {theirs}"):
        scene.forge().publish(BRANCH, slower, CommitSha(str(first)))
    assert scene.hosted.bare.branch(BRANCH) == theirs


@pytest.mark.parametrize("path", ["/git/blobs$", "/git/trees$", "/git/commits$", "/git/refs$"])
def test_a_change_whose_publishing_broke_anywhere_is_published_once(
    scene: Scene, path: str
) -> None:
    scene.github.faults.add(Fault.lost_answer("POST", path))
    with suppress(ForgeError):
        publish_one(scene.forge(), scene)
    made = publish_one(scene.forge(), scene)
    assert scene.hosted.bare.branch(BRANCH) == made
    assert scene.hosted.bare.git("rev-list", "--count", f"main..{made}") == "1"


def test_a_branch_is_deleted_once(scene: Scene) -> None:
    publish_one(scene.forge(), scene)
    scene.github.faults.add(Fault.lost_answer("DELETE", "/git/refs/"))
    scene.forge().delete_branch(BRANCH)
    scene.forge().delete_branch(BRANCH)
    assert scene.hosted.bare.branch(BRANCH) is None


def test_a_check_gets_all_its_annotations_and_ends_last(scene: Scene) -> None:
    report_one(scene.forge(), scene)
    notes = tuple(
        Annotation("shop.py", line, line, Level.NOTICE, "Hotspot", f"{line} % of the time")
        for line in range(1, 121)
    )
    ended = Check("job=17", "perfbot", scene.head, "Done", "2.3×", Conclusion.SUCCESS, notes)
    scene.forge().report(ended)
    scene.forge().report(ended)
    [check] = scene.hosted.checks.values()
    assert [note["start_line"] for note in check.annotations] == list(range(1, 121))
    assert (check.known["status"], check.known["conclusion"]) == ("completed", "success")
    assert scene.seen("PATCH", f"/check-runs/{check.id}") == 1 + 3 + 1
    report_one(scene.forge(), scene)
    scene.forge().report(Check("job=18", "perfbot", scene.head, "Another", "job"))
    assert len(scene.hosted.checks) == 2


# When GitHub is in trouble


def test_reading_survives_a_burst_of_errors(scene: Scene, hasty: None) -> None:
    forge = scene.forge()
    scene.github.faults.add(Fault.burst("GET", "/pulls/1$", times=3))
    assert forge.pull_request(1).number == 1
    assert scene.seen("GET", "/pulls/1") == 4


def test_reading_gives_up_in_the_end(scene: Scene, hasty: None) -> None:
    forge = scene.forge()
    scene.github.faults.add(Fault.burst("GET", "/pulls/1$", times=9))
    with pytest.raises(ForgeError, match="did not return pull request 1 of ada/shop") as raised:
        forge.pull_request(1)
    assert raised.value.trouble is Trouble.UNREACHABLE
    assert scene.seen("GET", "/pulls/1") == 4


@pytest.mark.parametrize(
    ("fault", "wait_s"),
    [
        (Fault.secondary_limit("POST", "/comments$", None), 60),
        (Fault.secondary_limit("POST", "/comments$", 7), 7),
        (Fault.secondary_limit("POST", "/comments$", None, status=429), 60),
        (Fault.secondary_limit("POST", "/comments$", 7, status=429), 7),
        (Fault.secondary_limit("GET", "/comments$", None), 60),
        (Fault.secondary_limit("GET", "/comments$", 3600), 3600),
        (Fault.secondary_limit("GET", "/comments$", 3600, status=429), 3600),
        (Fault.secondary_limit("GET", "/comments$", None, status=429), 60),
    ],
    ids=lambda value: f"{value.verb}-{value.status}" if isinstance(value, Fault) else f"{value}s",
)
def test_a_limit_says_how_long_to_wait_and_nobody_sleeps_for_it(
    scene: Scene, fault: Fault, wait_s: float
) -> None:
    fault.times = 1  # the cases are made once, and count down
    forge = scene.forge()
    scene.github.faults.add(fault)
    with pytest.raises(ForgeError, match="when the limit is over") as raised:
        forge.say(1, MARK, "hi")
    assert (raised.value.trouble, raised.value.wait_s) == (Trouble.LIMITED, wait_s)
    assert raised.value.passes
    assert not scene.hosted.comments


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_the_hourly_limit_says_when_it_ends(scene: Scene, verb: str) -> None:
    forge = scene.forge()
    scene.github.faults.add(Fault.primary_limit(verb, "/comments$", reset_in_s=3000))
    with pytest.raises(ForgeError) as raised:
        forge.say(1, MARK, "hi")
    assert raised.value.trouble is Trouble.LIMITED
    assert raised.value.wait_s == pytest.approx(3000, abs=60)


def test_a_short_wait_is_waited_for_when_reading(scene: Scene) -> None:
    forge = scene.forge()
    scene.github.faults.add(Fault.secondary_limit("GET", "/pulls/1$", 1))
    assert forge.pull_request(1).number == 1


def test_a_server_that_does_not_answer_in_time_is_left(
    scene: Scene, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perfbot.bot.github_session._TIMEOUT_S", 1)
    forge = scene.forge()
    scene.github.faults.add(Fault.slow("POST", "/comments$", 1.5))
    with pytest.raises(ForgeError, match=r"no answer came \(ReadTimeout\)"):
        forge.say(1, MARK, "hi")


def test_a_connection_that_breaks_while_reading_is_tried_again(scene: Scene, hasty: None) -> None:
    forge = scene.forge()
    scene.github.faults.add(Fault.hangs_up("GET", "/pulls/1$", times=2))
    assert forge.pull_request(1).number == 1


def test_nobody_listening_is_told(hasty: None) -> None:
    forge = GitHubRepository(Site("http://127.0.0.1:9", 0, 0), "ghs_x", SHOP, "perfbot[bot]")
    with pytest.raises(
        ForgeError, match=r"no answer came \(ConnectionError\).*trying again is safe"
    ):
        forge.pull_request(1)


def test_an_answer_without_its_parts_is_told(scene: Scene) -> None:
    forge = scene.forge()
    scene.github.faults.add(
        Fault("GET", "/pulls/1$", 1, 200, message="Welcome to the hotel network")
    )
    with pytest.raises(ForgeError, match="the answer makes no sense") as raised:
        forge.pull_request(1)
    assert raised.value.trouble is Trouble.UNREACHABLE


def test_the_token_is_not_carried_to_another_server(scene: Scene, tmp_path: Path) -> None:
    with LocalGitHub(tmp_path / "another") as another:
        target = another.api.replace("127.0.0.1", "localhost") + "/repos/ada/shop/pulls/1"
        forge = scene.forge()
        scene.github.faults.add(Fault("GET", "/pulls/1$", 1, 301, {"Location": target}, "Moved"))
        with pytest.raises(ForgeError):
            forge.pull_request(1)
        assert another.requests == []


def test_no_failure_and_no_log_line_tells_a_secret(
    scene: Scene, caplog: pytest.LogCaptureFixture, hasty: None
) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        scene.app.token(scene.installation, scene.hosted.id, Rights.TALK) as token,
    ):
        forge = GitHubRepository(scene.site, token.secret, SHOP, "perfbot[bot]")
        forge.say(1, MARK, "hi")
        failures: dict[Callable[[], object], Fault] = {
            lambda: forge.say(1, MARK, "ho"): Fault.burst("*", "/issues/1/comments", 9),
            lambda: forge.pull_request(1): Fault.secondary_limit("*", "/pulls/1", 90),
            lambda: forge.file("x", scene.main): Fault.hangs_up("*", "/contents", 9),
            lambda: forge.compare("main", "work"): Fault.burst("*", "/compare", 1, status=404),
            lambda: forge.delete_branch(BRANCH): Fault.burst("*", "/git/ref", 1, status=401),
        }
        told = ""
        for fail, fault in failures.items():
            scene.github.faults.add(fault)
            with pytest.raises(ForgeError) as raised:
                fail()
            told += "".join(traceback.format_exception(raised.value))
    told += caplog.text
    key = scene.registered.private_key.splitlines()[1:-1]
    sent = {str(one.authorization).split()[-1] for one in scene.github.requests}
    assert token.secret in sent
    assert len(sent) > 1
    assert "/issues/1/comments" in caplog.text
    assert not [secret for secret in {*key, *sent} if secret in told]


def test_github_is_asked_in_the_version_that_was_tried(scene: Scene) -> None:
    scene.forge().pull_request(1)
    scene.app.login()
    assert {one.version for one in scene.github.requests} == {"2022-11-28"}


def test_a_marker_cannot_end_its_own_comment() -> None:
    for odd in ("a-->b", "--", "a b", "", "<", "a--b"):
        with pytest.raises(ForgeError, match="cannot mark a text"):
            marker(odd)


def test_only_branches_of_perfbot_are_its_own() -> None:
    for odd in (
        "main",
        "perfbot/",
        "perfbot",
        "perfbot/../main",
        "perfbot/-x",
        "perfbot/x.lock",
        "perfbot/X",
    ):
        with pytest.raises(ForgeError, match="is no branch of perfbot"):
            own_branch(odd)
