"""What perfbot reads on GitHub, and that it writes everything once."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

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
    Reaction,
    RepositoryName,
    State,
    Suggestion,
    Trouble,
    marker,
)
from perfbot.bot.github_app import Rights

from github_scene import (
    BRANCH,
    MARK,
    SHOP,
    TEXT,
    Scene,
    open_one,
    publish_one,
    report_one,
    suggest_one,
)
from hosted import Hosted, PullPart
from local_github import Fault


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


def test_a_folder_a_link_or_a_large_file_is_not_taken_for_an_empty_one(scene: Scene) -> None:
    bare = scene.hosted.bare
    bare.commit({"large.bin": b"x" * 1_100_000})
    bare.git("read-tree", "main")
    target = bare.git("hash-object", "-w", "--stdin", given=b"/etc/passwd")
    bare.git("update-index", "--add", "--cacheinfo", f"120000,{target},link")
    commit = CommitSha(bare.git("commit-tree", bare.git("write-tree"), "-m", "Odd"))
    for path in ("tools", "link", "large.bin"):
        with pytest.raises(
            ForgeError, match="is not a regular file of less than a megabyte"
        ) as raised:
            scene.forge().file(path, commit)
        assert raised.value.trouble is Trouble.REFUSED


def test_where_there_are_no_drafts_the_pull_request_is_opened_without(scene: Scene) -> None:
    scene.hosted.drafts = False
    open_one(scene.forge(), scene)
    found = scene.forge().pull_request(2)
    assert (found.draft, found.state) == (False, State.OPEN)


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
    tokyo = timezone(timedelta(hours=9))
    said = scene.forge().comments_since(datetime.now(tokyo) - timedelta(minutes=20))
    assert [(one.body, one.number) for one in said] == [("5 minutes ago", 1)]


def test_reactions_are_read(scene: Scene) -> None:
    said = scene.forge().say(1, MARK, "Done")
    comment = scene.hosted.comments[said.id]
    comment.reactions.append((1, scene.github.world.person("bob"), "+1"))
    [reacted] = scene.forge().reactions(1, said.id)
    assert (reacted.account.login, reacted.reaction) == ("bob", Reaction.UP)


@dataclass(frozen=True)
class Write:
    """Something that perfbot writes, the request that makes it, and how many of it there are."""

    do: Callable[[Forge, Scene], object]
    path: str
    count: Callable[[Hosted], int]
    verb: str = "POST"


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


def test_a_merge_and_the_commit_before_it_are_known(scene: Scene) -> None:
    before = scene.main
    assert scene.forge().pull_request(1).merged_as is None
    merged = scene.hosted.merge(1)
    assert scene.forge().pull_request(1).merged_as == merged
    assert scene.forge().parent(CommitSha(merged)) == before
    assert scene.forge().parent(before) is None


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
