"""What the Action writes on GitHub of a report, over real HTTP with the local GitHub."""

from dataclasses import replace
from pathlib import Path

import pytest

from perfbot.bot import action_propose, action_publish
from perfbot.bot.action_publish import Outcome, Source
from perfbot.bot.action_report import read
from perfbot.bot.config import Config, Paths, PullRequests
from perfbot.bot.forge import ForgeError
from perfbot.bot.patch import unified_patch
from perfbot.bot.report import Speedup

from action_scene import (
    BOTH,
    FAST,
    OTHER,
    REVIEW,
    SLOW,
    TOTAL,
    Shop,
    hosted_shop,
    result,
)
from local_github import Fault, LocalGitHub
from shop_report import Example

CHECKS = {"contents": "read", "pull_requests": "read", "checks": "write"}


@pytest.fixture
def at(github: LocalGitHub, shop: Example, tmp_path: Path) -> Shop:
    return hosted_shop(github, shop, tmp_path / "report")


def source(folder: Path, *, stranger: bool = False, **settings: object) -> Source:
    config = Config(pull_requests=replace(PullRequests(), **settings))
    return Source(read(folder), config, stranger=stranger)


def propose(at: Shop, folder: Path, **settings: object) -> Outcome:
    return action_propose.propose(at.forge(), source(folder, **settings), None)


def test_an_accepted_change_becomes_a_draft_with_what_was_proven(at: Shop) -> None:
    outcome = propose(at, at.faster())
    (number,) = outcome.pull_requests
    thread = at.hosted.threads[number]
    assert thread.title.startswith("Speed up total by at least 2.3×")
    assert thread.pull
    assert thread.pull.draft
    assert thread.labels == ["performance"]
    assert (
        at.hosted.bare.git("show", f"{thread.pull.head_ref}:shop/cart.py").encode() == FAST.strip()
    )
    assert at.hosted.bare.git("rev-parse", f"{thread.pull.head_ref}^") == at.main
    assert outcome.lines[0].endswith(f"[#{number}]({at.github.web}/ada/shop/pull/{number}).")


def test_a_second_run_opens_nothing_twice(at: Shop) -> None:
    first = propose(at, at.faster())
    again = propose(at, at.folder)
    assert again.pull_requests == ()
    assert again.lines == (
        f"<code>shop/cart.py&#58;&#58;total</code>: #{first.pull_requests[0]} is open.",
    )
    assert len(at.hosted.threads) == 1


def test_what_was_closed_is_left_alone_for_good(at: Shop) -> None:
    (number,) = propose(at, at.faster()).pull_requests
    thread = at.hosted.threads[number]
    assert thread.pull
    thread.state = "closed"
    at.hosted.bare.git("update-ref", "-d", f"refs/heads/{thread.pull.head_ref}")
    again = propose(at, at.folder)
    assert again.pull_requests == ()
    assert f"left alone, because #{number} was closed" in again.lines[0]


def test_what_was_merged_or_withdrawn_may_be_proposed_again_from_another_branch(at: Shop) -> None:
    (first,) = propose(at, at.faster()).pull_requests
    one = at.hosted.threads[first]
    one.state, one.pull.merged = "closed", True
    (second,) = propose(at, at.folder).pull_requests
    two = at.hosted.threads[second]
    two.state = "closed"
    two.body = two.body.replace('"claims"', '"withdrawn":true,"claims"', 1)
    (third,) = propose(at, at.folder).pull_requests
    names = [at.hosted.threads[number].pull.head_ref for number in (first, second, third)]
    assert names == [names[0], f"{names[0]}-2", f"{names[0]}-3"]


def test_a_pull_request_of_somebody_else_with_the_same_words_counts_for_nothing(at: Shop) -> None:
    (number,) = propose(at, at.faster()).pull_requests
    at.hosted.threads[number].author = at.github.world.person("eve")
    at.hosted.threads[number].state = "closed"
    at.hosted.bare.git("update-ref", "-d", f"refs/heads/{at.hosted.threads[number].pull.head_ref}")
    assert "closed" not in propose(at, at.folder).lines[0]


def test_results_of_one_file_are_one_pull_request(at: Shop) -> None:
    (number,) = propose(at, at.both_faster()).pull_requests
    thread = at.hosted.threads[number]
    assert thread.pull
    assert thread.title.startswith("Speed up 2 functions of cart")
    assert (
        at.hosted.bare.git("show", f"{thread.pull.head_ref}:shop/cart.py").encode() == BOTH.strip()
    )


def test_no_more_are_open_than_the_repository_allows(at: Shop) -> None:
    assert propose(at, at.faster(), open_at_most=0).pull_requests == ()
    assert at.hosted.threads == {}
    assert at.hosted.bare.git("branch", "--list", "perfbot/*") == ""


def test_the_largest_effect_comes_first(at: Shop) -> None:
    at.hosted.bare.commit({"shop/csv.py": SLOW})
    more = replace(result("shop/csv.py::total", 2), speedup=Speedup(9, 8, 9, 0.99, 9, 3.0, 2.0))
    patches = {
        "01-x.patch": unified_patch({"shop/cart.py": (SLOW, FAST)}),
        "02-x.patch": unified_patch({"shop/csv.py": (SLOW, FAST)}),
    }
    outcome = propose(at, at.written(patches, result(TOTAL, 1), more), open_at_most=1)
    (number,) = outcome.pull_requests
    assert "8.0×" in at.hosted.threads[number].title
    assert "waits, because 1 pull requests" in outcome.lines[1]


def test_a_file_that_has_moved_on_is_not_proposed(at: Shop) -> None:
    folder = at.faster()
    at.hosted.bare.commit({"README.md": b"More\n"})
    at.hosted.bare.commit({"shop/cart.py": SLOW + b"\n\nmore = 1\n"})
    outcome = propose(at, folder)
    assert outcome.pull_requests == ()
    assert "has changed the file since it was measured" in outcome.lines[0]


def test_another_file_that_has_moved_on_is_no_hindrance(at: Shop) -> None:
    folder = at.faster()
    at.hosted.bare.commit({"README.md": b"More\n"})
    assert len(propose(at, folder).pull_requests) == 1


def test_what_is_no_commit_of_the_branch_is_not_proposed(at: Shop) -> None:
    other = at.hosted.bare.commit({"shop/cart.py": SLOW + b"#\n"}, "side", onto="main")
    outcome = propose(at, at.faster(commit=other))
    assert "is no commit of the branch" in outcome.lines[0]
    assert at.hosted.threads == {}


def test_projects_of_one_repository_are_kept_apart(at: Shop) -> None:
    at.hosted.bare.commit({f"{name}/shop/cart.py": SLOW for name in ("one", "two")})
    both = [replace(source(at.faster()), prefix=prefix) for prefix in ("one/", "two/")]
    numbers = [action_propose.propose(at.forge(), each, None).pull_requests[0] for each in both]
    assert len(set(numbers)) == 2
    for number, name in zip(numbers, ("one", "two"), strict=True):
        thread = at.hosted.threads[number]
        changed = at.hosted.bare.git("diff", "--name-only", "main", thread.pull.head_ref)
        assert changed == f"{name}/shop/cart.py"
        assert f"{name}/shop/cart.py" in thread.body


def test_files_that_perfbot_does_not_change_are_never_written(at: Shop) -> None:
    for path in (".github/workflows/ci.yml", "setup.py", "tests/test_a.py", "shop/data.json"):
        at.hosted.bare.commit({path: b"x\n"})
        patch = unified_patch({path: (b"x\n", b"y\n")})
        outcome = propose(at, at.written({"01-x.patch": patch}, result(TOTAL, 1)))
        assert outcome.pull_requests == ()
        assert "not published" in outcome.lines[0]
    assert at.hosted.threads == {}


def test_paths_that_are_left_out_are_never_written(at: Shop) -> None:
    config = Config(paths=Paths(exclude=("shop/**",)))
    outcome = action_propose.propose(at.forge(), Source(read(at.faster()), config), None)
    assert outcome.pull_requests == ()


def test_what_an_interrupted_run_left_behind_is_taken_up(at: Shop) -> None:
    folder = at.faster()
    at.github.faults.add(Fault.burst("POST", "/pulls$", 1, 500))
    with pytest.raises(ForgeError):
        propose(at, folder)
    at.hosted.bare.commit({"README.md": b"More\n"})
    (number,) = propose(at, at.faster()).pull_requests
    part = at.hosted.threads[number].pull
    assert part
    assert at.hosted.bare.git("rev-parse", f"{part.head_ref}^") == at.main


# --- review -------------------------------------------------------------------------------------

EDITED = {"shop/cart.py": SLOW.replace(b"def total", b"# now\ndef total")}
EDITED_FAST = EDITED["shop/cart.py"].replace(
    b"    known = []\n", b"    known = []\n    codes = set(codes)\n"
)


def edited(at: Shop) -> Path:
    patch = unified_patch({"shop/cart.py": (EDITED["shop/cart.py"], EDITED_FAST)})
    return at.written({"01-x.patch": patch}, result(TOTAL, 1))


def test_what_fits_on_shown_lines_is_suggested_there_once(at: Shop) -> None:
    pull = at.pull_request(EDITED)
    for _ in range(2):
        outcome = action_publish.review(
            at.forge(REVIEW), source(edited(at)), pull, pull.head.commit
        )
    (said,) = at.hosted.review_comments.values()
    assert "```suggestion\n    known = []\n    codes = set(codes)\n```" in said.body
    (comment,) = at.hosted.comments.values()
    assert "at least 2.3× faster" in comment.body
    assert "a suggestion" in outcome.lines[0]
    assert "Measured in a workflow run of the pull request itself" not in comment.body


def far_away(at: Shop) -> Path:
    """Make a file in which the pull request shows other lines than those that became faster."""
    long = SLOW + b"\n\n" + b"".join(b"x%d = %d\n" % (n, n) for n in range(60))
    at.hosted.bare.commit({"shop/cart.py": long})
    now = long + b"last = 1\n"
    fast = now.replace(b"    known = []\n", b"    known = []\n    codes = set(codes)\n")
    at.hosted.bare.commit({"shop/cart.py": now}, "work", onto="main")
    return at.written(
        {"01-x.patch": unified_patch({"shop/cart.py": (now, fast)})}, result(TOTAL, 1)
    )


def test_what_does_not_fit_becomes_a_pull_request_against_the_branch(at: Shop) -> None:
    folder = far_away(at)
    pull = at.pull_request({"note.txt": b"x"})
    rights = {**REVIEW, "contents": "write"}
    outcome = action_publish.review(at.forge(rights), source(folder), pull, pull.head.commit)
    (number,) = outcome.pull_requests
    opened = at.hosted.threads[number].pull
    assert opened
    assert opened.base_ref == "work"
    assert f"It is in #{number}" in next(iter(at.hosted.comments.values())).body


def test_without_the_right_to_push_it_becomes_a_patch(at: Shop) -> None:
    folder = far_away(at)
    pull = at.pull_request({"note.txt": b"x"})
    outcome = action_publish.review(at.forge(REVIEW), source(folder), pull, pull.head.commit)
    assert outcome.pull_requests == ()
    (comment,) = at.hosted.comments.values()
    assert "It comes as a patch, because the workflow" in comment.body
    assert "+    codes = set(codes)" in comment.body


def test_lines_that_github_does_not_know_become_a_patch(at: Shop) -> None:
    pull = at.pull_request(EDITED)
    at.github.faults.add(Fault.burst("POST", r"/pulls/\d+/comments$", 1, 422))
    outcome = action_publish.review(at.forge(REVIEW), source(edited(at)), pull, pull.head.commit)
    assert "a patch, because" in outcome.lines[0]
    assert at.hosted.review_comments == {}


def test_projects_of_one_repository_have_a_comment_each(at: Shop) -> None:
    files = {f"{name}/shop/cart.py": SLOW for name in ("one", "two")}
    at.hosted.bare.commit(files)
    pull = at.pull_request(dict.fromkeys(files, EDITED["shop/cart.py"]))
    for prefix in ("one/", "two/"):
        reported = replace(source(edited(at)), prefix=prefix)
        action_publish.review(at.forge(REVIEW), reported, pull, pull.head.commit)
    assert len(at.hosted.comments) == len(at.hosted.review_comments) == 2


def test_a_head_that_moved_gets_nothing(at: Shop) -> None:
    before = at.pull_request(EDITED)
    at.hosted.bare.commit({"README.md": b"x"}, "work")
    pull = at.forge(REVIEW).pull_request(before.number)
    outcome = action_publish.review(at.forge(REVIEW), source(edited(at)), pull, before.head.commit)
    assert "Nothing was published" in outcome.lines[0]
    assert at.hosted.comments == at.hosted.review_comments == {}


def test_without_news_nothing_is_said_but_what_was_said_is_brought_up_to_date(at: Shop) -> None:
    pull = at.pull_request(EDITED)
    empty = at.written({})
    quiet = action_publish.review(at.forge(REVIEW), source(empty), pull, pull.head.commit)
    assert quiet.lines == ("There was nothing to publish.",)
    assert at.hosted.comments == {}
    action_publish.review(at.forge(REVIEW), source(edited(at)), pull, pull.head.commit)
    action_publish.review(at.forge(REVIEW), source(at.written({})), pull, pull.head.commit)
    (comment,) = at.hosted.comments.values()
    assert "Nothing was proven faster" in comment.body


# --- verify -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("speedup", "stranger", "conclusion"),
    [
        (Speedup(2, 1.9, 2.1, 0.99, 9, None, None), False, "success"),
        (Speedup(2, 1.9, 2.1, 0.99, 9, None, None), True, "neutral"),
        (Speedup(0.5, 0.4, 0.6, 0.99, 9, None, None), False, "failure"),
        (Speedup(0.5, 0.4, 0.6, 0.99, 9, None, None), True, "failure"),
    ],
)
def test_a_strangers_run_turns_no_check_green(
    at: Shop, speedup: Speedup, stranger: bool, conclusion: str
) -> None:
    pull = at.pull_request(EDITED)
    judged = replace(result(OTHER, 1), speedup=speedup, patch=None)
    folder = at.written({}, judged)
    forge = at.forge(CHECKS)
    action_publish.verify(forge, source(folder, stranger=stranger), pull, pull.head.commit)
    (check,) = at.hosted.checks.values()
    assert check.head_sha == pull.head.commit
    assert check.known["conclusion"] == conclusion
