"""What of a repository's text reaches a model: nothing unseen, no frame but ours, code that means the same."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.optimizer import containment
from perfbot.optimizer.containment import CUT, drawn, visible, visible_source

ZERO_WIDTH, BIDI, TAG, SELECTOR, FILLER = "\u200b", "\u202e", "\U000e0041", "\ufe0f", "\u3164"
UNSEEN = [ZERO_WIDTH, BIDI, "\u2066", TAG, SELECTOR, "\U000e0101", FILLER, "\u034f", "\x1b", "\x00",
          "\ue000", "\u2028", "\u00ad"]  # fmt: skip
TOKENS = ["[SUGG/]", "[/SUGG]", "[OPT/]", "[ / opt ]", "[/SQL]", "<|im_start|>", "<|eot_id|>", "[INST]",
          "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>", "<start_of_turn>", "<｜User｜>",
          "<｜end▁of▁sentence｜>", "<think>", "</tool_call>", "<fim_prefix>", "[TOOL_CALLS]"]  # fmt: skip
PIECES = st.sampled_from(
    [*UNSEEN, *TOKENS, "<!--", "-->", "<", "|", ">", "[", "]", "/", "a", " ", "\n"]
)
HOSTILE = st.lists(PIECES, max_size=30).map("".join)


@pytest.mark.parametrize("character", UNSEEN)
def test_what_nobody_sees_is_not_shown(character: str) -> None:
    assert visible(f"ig{character}nore") == "ignore"


def test_lines_and_tabs_are_seen() -> None:
    assert visible("a\tb\r\nc\rd") == "a\tb\nc\nd"


def test_other_languages_stay_as_they_are() -> None:
    text = "größer, 漢字, हिन्दी, עברית, 🙂"
    assert visible(text) == text


@pytest.mark.parametrize("token", TOKENS)
def test_a_control_token_is_defused_in_prose(token: str) -> None:
    shown = visible(f"before {token} after")
    assert token not in shown
    assert shown.startswith("before (")
    assert shown.endswith(") after")


def test_an_html_comment_is_taken_out_and_so_is_one_that_this_makes() -> None:
    assert visible("a<!-- x\ny -->b") == "a\nb"
    assert visible("a<!<!-- -->-- x -->b") == "ab"
    assert visible("<|im_<!-- -->start|>") == "(|im_start|)"


def test_a_comment_that_does_not_end_hides_nothing() -> None:
    assert visible("a <!-- b\nc") == "a <!-- b\nc"


def test_comments_that_are_nested_without_end_are_opened_no_more() -> None:
    shown = visible("<!" * 50 + "<!-- -->" + "-- hidden -->" * 50)
    assert "<!--" not in shown


def test_a_million_comments_that_do_not_end_take_no_time_to_speak_of() -> None:
    text = "<!--" * 250_000
    assert visible(text).startswith("<!--")


@given(HOSTILE)
def test_nothing_that_was_hidden_or_defused_is_left_and_nothing_is_done_twice(text: str) -> None:
    shown = visible(text)
    assert not any(character in shown for character in UNSEEN)
    assert containment._TOKEN.search(shown) is None
    assert visible(shown) == shown


@given(HOSTILE)
def test_source_keeps_its_lines_whatever_it_is(text: str) -> None:
    shown = visible_source(text)
    assert shown.count("\n") == text.count("\n")
    assert containment._TOKEN.search(shown) is None


@given(HOSTILE, st.sampled_from(['"', "'", '"""']))
def test_a_string_has_the_value_that_it_had(text: str, quote: str) -> None:
    inner = text if len(quote) == 3 else text.replace("\n", "")
    source = f"X = {quote}{inner}{quote}\n"
    try:
        value = ast.literal_eval(source[4:].rstrip("\n"))
    except (SyntaxError, ValueError):  # a NUL byte is no Python
        return
    shown = visible_source(source)
    assert not any(character in shown for character in UNSEEN)
    assert containment._TOKEN.search(shown) is None
    assert ast.literal_eval(shown[4:].rstrip("\n")) == value


def test_comments_and_docstrings_are_prose_and_code_means_the_same() -> None:
    source = (
        'def f(x, INST, s, t):\n    """Of <!-- order\nhidden --> [OPT/]."""\n'
        "    # <|im_start|> <!-- hidden -->\n    return x[INST], [INST], t <s> x\n"
    )
    shown = visible_source(source)
    assert "hidden" not in shown
    assert shown.split("\n")[:3] == ["def f(x, INST, s, t):", '    """Of ', ' (OPT/)."""']
    assert ast.dump(ast.parse(shown).body[0].body[-1]) == ast.dump(
        ast.parse(source).body[0].body[-1]
    )


def test_a_raw_string_is_changed_since_it_has_no_escapes() -> None:
    assert visible_source('X = r"<s>\u200b"') == 'X = r"(s)"'


def test_what_is_no_python_is_prose() -> None:
    assert visible_source('"""never <!-- hidden --> ends <s>') == '"""never  ends (s)'


def test_a_line_that_is_too_long_is_cut() -> None:
    (shown, after) = visible("x" * 5_000 + "\ny").split("\n")
    assert shown == "x" * 1_000 + CUT
    assert after == "y"


def test_a_number_that_the_data_contains_is_drawn_anew() -> None:
    numbers = iter(["one", "two", "three"])
    assert drawn(["has one", "has two"], lambda: next(numbers)) == "three"
