"""What others wrote is shown on GitHub and does nothing there: judged by GitHub's own parser."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from perfbot.bot.markdown import (
    LEFT_OUT,
    Section,
    code,
    fenced,
    fitted,
    one_line,
    plain,
    prose,
    shortened,
    table,
    unformatted,
)

from github_page import Page
from hostile import TRICKS, hostile

# These do their harm only inside of a comment, a folded part, a terminal, a log or a command.
ELSEWHERE = ("-->", "</summary>", "\u202e", "::", "/optimize")
PLACES = ("{}", "- {}", "- [ ] {}", "**{}**", "> {}", "| a |\n|---|\n| {} |", "text {} text")


def shown(text: str) -> str:
    return " ".join(text.replace("\u200b", "").split())


@pytest.mark.parametrize("place", PLACES)
@given(text=hostile)
def test_plain_text_makes_nothing_on_the_page(place: str, text: str) -> None:
    page, harmless = Page(place.format(plain(text))), Page(place.format("x"))
    without = [each for each in page.elements if each != "span"]
    assert without == harmless.elements or not one_line(text)
    assert page.references == []
    assert page.comments == []


@given(text=hostile)
def test_plain_text_is_shown_as_it_was_written(text: str) -> None:
    assert shown(Page(plain(text)).text) == shown(one_line(text))


@pytest.mark.parametrize("trick", [trick for trick in TRICKS if not trick.startswith(ELSEWHERE)])
def test_tricks_work_where_nothing_is_escaped_and_fail_where_it_is(trick: str) -> None:
    """Else the page would be too tame a judge."""
    bare, escaped = Page(trick), Page(plain(trick))
    assert bare.references or bare.comments or set(bare.elements) != {"p"}
    assert not escaped.references
    assert set(escaped.elements) <= {"p", "span"}


@pytest.mark.parametrize("place", PLACES)
@given(text=hostile)
def test_code_and_prose_add_nothing_but_code(place: str, text: str) -> None:
    for formatted in (code(text), prose(text)):
        page, harmless = Page(place.format(formatted)), Page(place.format("x"))
        without = [each for each in page.elements if each not in {"span", "code"}]
        assert without == harmless.elements or not one_line(text)
        assert page.references == []
        assert page.comments == []


def test_prose_sets_names_as_code() -> None:
    page = Page(prose("`known` is a list; `codes` is *one*"))
    assert page.elements == ["p", "code", "code"]
    assert shown(page.text) == "known is a list; codes is *one*"


def test_a_mention_is_no_mention_even_where_the_page_decodes_entities() -> None:
    assert Page("&#64;octocat").references == ["@octocat"]
    assert Page(plain("@octocat")).references == []


@given(text=hostile, language=st.sampled_from(["", "diff", "text"]))
def test_a_code_block_cannot_be_ended_by_its_content(text: str, language: str) -> None:
    page = Page(f"{fenced(text, language)}\n\nafter")
    assert page.elements == ["pre", "code", "p"]
    assert page.references == []


@given(text=hostile)
def test_titles_and_commit_messages_are_one_line_without_references(text: str) -> None:
    line = unformatted(text)
    assert "\n" not in line
    assert not Page(fenced("x") + "\n\n" + plain(line)).references
    assert "@octocat" not in line
    assert "#1" not in line


@given(text=st.text(), at_most=st.integers(2, 40))
def test_shortened_text_is_a_beginning_and_not_longer(text: str, at_most: int) -> None:
    cut = shortened(text, at_most)
    assert len(cut) <= at_most
    assert cut == text or (cut.endswith("…") and text.startswith(cut.removesuffix("…")))


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 3)), max_size=12), st.integers(200, 900)
)
def test_what_fits_is_whole_sections_and_the_rest_is_named(
    sizes: list[tuple[int, int]], at_most: int
) -> None:
    sections = [Section(f"s{place}", "x" * size, rank) for place, (size, rank) in enumerate(sizes)]
    body = fitted(sections, at_most)
    assert len(body) <= at_most
    if sum(size + 2 for size, _ in sizes) < at_most - 200:
        assert "left no room" not in body


@example(3)
@given(st.integers(1, 5))
def test_the_least_important_section_goes_first(rank: int) -> None:
    sections = [Section("a", "a" * 80), Section("b", "b" * 200, rank), Section("c", "c" * 80)]
    body = fitted(sections, 320)
    assert "a" * 80 in body
    assert "b" * 200 not in body
    assert body.endswith(LEFT_OUT.format(sections="b") + "\n")


def test_a_table_is_a_table() -> None:
    page = Page(table(["", plain("a|b")], "lr", [["x", code("c|d")]]))
    assert page.elements.count("td") == 2
