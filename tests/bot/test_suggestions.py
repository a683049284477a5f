"""A suggestion, applied as GitHub does, gives the proven file to the byte, or there is none."""

import difflib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from perfbot.bot.suggestions import (
    MOST_LINES,
    Suggestion,
    Unsuitable,
    comment,
    shown_lines,
    suggestions,
)

from github_page import Page

SOURCE = b"".join(b"line %d\n" % number for number in range(1, 41))
ALL = "@@ -0,0 +1,40 @@"


def changed(**lines: str | None) -> bytes:
    """Return SOURCE with the lines named ``l7="new"`` changed, or left out where it is None."""
    rows = SOURCE.decode().split("\n")
    for name, text in lines.items():
        rows[int(name[1:]) - 1] = "\0" if text is None else text
    return "\n".join(row for row in rows if row != "\0").encode()


def applied(before: bytes, made: tuple[Suggestion, ...]) -> bytes:
    """Apply review comments as GitHub does: the first suggestion block replaces the lines."""
    rows = before.decode().split("\n")
    for each in sorted(made, key=lambda one: one.first, reverse=True):
        tokens = MarkdownIt("commonmark").parse(comment(each, "Faster."))
        [block] = [token for token in tokens if token.type == "fence"]
        assert block.info == "suggestion"
        new = block.content.split("\n")[:-1]
        assert 1 <= each.first <= each.last <= len(rows)
        rows[each.first - 1 : each.last] = new
    return "\n".join(rows).encode()


def good(before: bytes, after: bytes, diff: str | None = ALL) -> tuple[Suggestion, ...]:
    made = suggestions("a.py", before, after, diff)
    assert not isinstance(made, Unsuitable), made.reason
    assert applied(before, made) == after
    return made


def reason(before: bytes, after: bytes, diff: str | None = ALL) -> str:
    made = suggestions("a.py", before, after, diff)
    assert isinstance(made, Unsuitable)
    return made.reason


def test_a_changed_line_is_one_suggestion() -> None:
    [made] = good(SOURCE, changed(l7="new"))
    assert (made.path, made.first, made.last, made.lines) == ("a.py", 7, 7, ("new",))


def test_changes_near_each_other_are_one_suggestion() -> None:
    """Somebody could apply one of two, and only both together are proven."""
    [made] = good(SOURCE, changed(l7="new", l12="also new"))
    assert (made.first, made.last) == (7, 12)


def test_changes_far_apart_say_that_they_belong_together() -> None:
    first, second = good(SOURCE, changed(l2="new", l30="also new"))
    assert "Part 1 of 2" in comment(first, "Faster.", 1, 2)
    assert "Part 2 of 2" in comment(second, "Faster.", 2, 2)
    assert "Part" not in comment(first, "Faster.")


def test_changes_in_two_hunks_are_two_suggestions() -> None:
    diff = "@@ -1,3 +5,5 @@ def f():\n x\n@@ -9 +11,3 @@\n y"
    assert len(good(SOURCE, changed(l7="new", l12="also new"), diff)) == 2


@pytest.mark.parametrize("place", [6, 8, 11])
def test_a_line_outside_of_the_diff_gets_no_suggestion(place: int) -> None:
    after = changed(**{f"l{place}": "new"})
    diff = "@@ -1 +7 @@\n+x\n@@ -1,2 +9,2 @@"
    assert reason(SOURCE, after, diff) == (
        "it changes lines that the pull request's diff does not show"
    )


def test_a_file_without_a_diff_gets_no_suggestion() -> None:
    """GitHub leaves the patch of large and binary files out."""
    assert "does not show" in reason(SOURCE, changed(l7="new"), None)


def test_lines_can_be_left_out_and_put_in() -> None:
    [made] = good(SOURCE, changed(l7=None))
    assert made.block == "```suggestion\n```"
    [made] = good(SOURCE, changed(l7=""))
    assert made.block == "```suggestion\n\n```"
    good(SOURCE, changed(l7="line 7\nmore"))
    good(SOURCE, b"first\n" + SOURCE)
    good(SOURCE, SOURCE + b"last\n")


def test_a_line_put_in_at_a_hunks_border_stands_on_a_line_of_the_hunk() -> None:
    after = changed(l7="line 7\nmore")
    assert good(SOURCE, after, "@@ -1 +7 @@")[0].first == 7
    assert good(SOURCE, after, "@@ -1 +8 @@")[0].first == 8


def test_backticks_cannot_end_the_block() -> None:
    [made] = good(SOURCE, changed(l7="```", l8="````` x", l9="@octocat"))
    assert made.block.startswith("``````suggestion\n")
    page = Page(comment(made, "Faster.") + "\nafter")
    assert page.elements == ["p", "pre", "code", "p"]
    assert page.references == []


@pytest.mark.parametrize("ends", [b"\n", b""])
def test_a_missing_newline_at_the_end_stays_missing(ends: bytes) -> None:
    before = SOURCE.removesuffix(b"\n") + ends
    good(before, before.replace(b"line 40", b"new"))


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (b"a\r\nb\r\n", b"a\r\nc\r\n", "line ends"),
        (b"a\nb\n", b"a\rx\nb\n", "line ends"),
        (b"a\nb", b"a\nb\n", "ends with a newline"),
        (b"a\nb\n", b"a\nc", "ends with a newline"),
        (b"a\nb\n", b"a\n\xff\n", "not UTF-8"),
        (b"a\nb\n", b"a\n\xe2\x80\xae\n", "cannot be seen"),
        (b"a\nb\n", b"a\n\x00\n", "cannot be seen"),
        (b"a\nb\n", b"a\n\x0cb\n", "cannot be seen"),
        (b"", b"a\n", "newline"),
    ],
)
def test_what_GitHub_would_not_apply_to_the_byte_is_refused(  # noqa: N802
    before: bytes, after: bytes, why: str
) -> None:
    assert why in reason(before, after)


def test_too_much_is_refused() -> None:
    before, diff = b"a\n" * 200, "@@ -1,200 +1,200 @@"
    assert "too large" in reason(before, b"b\n" * (MOST_LINES + 1) + before, diff)
    rows = before.decode().split("\n")
    for place in range(0, 200, 30):
        rows[place] = "b"
    assert "too large" in reason(before, "\n".join(rows).encode(), diff)


def test_an_unchanged_file_has_no_suggestions() -> None:
    assert good(SOURCE, SOURCE) == ()


HUNKS = {
    "@@ -1 +2 @@": [2],
    "@@ -1,2 +3,4 @@ x": [3, 4, 5, 6],
    "@@ -1,0 +0,0 @@": [],
    "+@@ -1 +9 @@": None,
    "@@ -1 +x @@": None,
    "@@": None,
    "": None,
}


@given(st.lists(st.sampled_from(list(HUNKS))))
def test_only_headers_of_hunks_show_lines(lines: list[str]) -> None:
    wanted = [HUNKS[line] for line in lines if HUNKS[line] is not None]
    assert [list(each) for each in shown_lines("\n".join(lines))] == wanted


row = st.sampled_from(
    ["a", "b", "", "  c", "```", "`````suggestion", "    d", "~~~", "\t", "é", "> e"]
)
file = st.tuples(st.lists(row, max_size=14), st.booleans())


@given(before=file, after=file, base=st.lists(row, max_size=14), more=st.integers(0, 3))
@example(before=([""], True), after=(["a", ""], True), base=[], more=0)
@example(before=(["a", "", ""], False), after=(["a", ""], False), base=["b"], more=0)
def test_applied_suggestions_give_exactly_the_proven_file(
    before: tuple[list[str], bool], after: tuple[list[str], bool], base: list[str], more: int
) -> None:
    """With the diff that a pull request from ``base`` to ``before`` has, in as much context."""
    old, new = (("\n".join(rows) + "\n" * end).encode() for rows, end in (before, after))
    diff = "\n".join(difflib.unified_diff(base, old.decode().split("\n")[:-1], n=more, lineterm=""))
    made = suggestions("a.py", old, new, diff)
    if isinstance(made, Unsuitable):
        return
    assert applied(old, made) == new
    hunks = shown_lines(diff)
    for each in made:
        assert any(set(range(each.first, each.last + 1)) <= set(hunk) for hunk in hunks)
    places = [line for each in made for line in range(each.first, each.last + 1)]
    assert len(places) == len(set(places))
