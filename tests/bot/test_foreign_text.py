"""Nothing that others wrote drives a terminal or a CI runner, wherever it is printed."""

import io
import json
import logging
import re
import sys
import unicodedata
from typing import TextIO, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from perfbot.bot.foreign_text import (
    Guarded,
    guarded_output,
    in_json,
    shown,
    visible,
    without_commands,
)
from perfbot.bot.logs import JsonLines

HOSTILE = [
    "\x1b[2J\x1b[31mred",
    "\x1b]8;;https://stranger.example\x07here\x1b]8;;\x07",
    "\x1b]52;c;aGk=\x07",
    "\x9b2J",
    "safe\rrm -rf",
    "\u202etxt.exe",
    "\u2066hidden\u2069",
    "\u200b\ufeff\u2060",
    "\U000e0041\U000e0042",
    "\x00\x07\x08\x7f",
    "\u2028::error::x",
    "\x85::error::x",
    "::add-mask::a",
    "  \t::set-output name=x::y",
    "fine\n::stop-commands::x",
    "fine\r\n::error::x",
    "fine\r::error::x",
    "##[error]x",
    "text ##[add-path]x",
    "##vso[task.setvariable variable=x]y",
    "##teamcity[x]",
    "\ud800",
]
texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(),
    st.text(alphabet=st.sampled_from(list(":#[]n \n\r\tav\x1b\u2028\\"))),
    st.lists(st.sampled_from(HOSTILE)).map("".join),
)


def commands(text: str) -> list[str]:
    """Find commands as runners do: GitHub at the start of a line, and after a mark anywhere."""
    lines = re.split(r"[\n\r]", text)
    return [line for line in lines if line.strip().startswith("::") or re.search(r"##\w*\[", line)]


def moving(text: str) -> str:
    return "".join(
        one
        for one in text
        if one not in "\n\t\u200d"
        and unicodedata.category(one) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    )


@given(texts)
@example("\u00a0::x::")
def test_shown_text_neither_moves_nor_commands(text: str) -> None:
    told = shown(text)
    assert moving(told) == ""
    assert commands(told) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_every_known_trick_is_made_visible(text: str) -> None:
    assert shown(text) != text
    assert shown(text).isprintable() or "\n" in text or "\t" in text


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S"), exclude_characters="#:\\")))
def test_ordinary_text_of_any_language_stays(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize("text", ["a::b", "x: y", ":name", "# heading", "## heading", "C++ :: x"])
def test_colons_and_headings_that_are_no_commands_stay(text: str) -> None:
    assert shown(text) == text


@given(texts)
def test_what_is_made_harmless_once_stays_as_it_is(text: str) -> None:
    assert shown(shown(text)) == shown(text)


@given(st.lists(texts))
def test_no_line_of_a_guarded_stream_is_a_command_however_it_is_written(parts: list[str]) -> None:
    behind = io.StringIO(newline="")
    stream = Guarded(behind)
    for part in parts:
        assert stream.write(visible(part)) == len(visible(part))
    whole = behind.getvalue()
    assert [line for line in whole.split("\n") if line.strip().startswith("::")] == []


@given(texts)
def test_a_guarded_stream_takes_nothing_away(text: str) -> None:
    behind = io.StringIO(newline="")
    Guarded(behind).write(text)
    assert behind.getvalue().replace("\\", "") == text.replace("\\", "")


def test_a_line_that_only_wrapping_begins_is_guarded_too() -> None:
    behind = io.StringIO()
    console = Console(file=cast("TextIO", Guarded(behind)), width=20)
    console.print("x" * 19 + " ::add-mask::secret", markup=False)
    assert "\n\\::add-mask" in behind.getvalue()


def test_prints_tracebacks_and_logs_are_guarded(capsys: pytest.CaptureFixture[str]) -> None:
    with guarded_output():
        print("::add-mask::a")
        print("::error::b", file=sys.stderr)
        sys.excepthook(ValueError, ValueError("x\n::error::c"), None)
        assert isinstance(sys.stdout.isatty(), bool)
    assert type(sys.stdout) is not Guarded
    told = capsys.readouterr()
    assert commands(told.out + told.err) == []
    assert "\\::add-mask::a" in told.out


@given(st.recursive(texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)))
def test_a_json_document_says_the_same_and_does_nothing(value: object) -> None:
    for ascii_only in (True, False):
        document = in_json(json.dumps(value, ensure_ascii=ascii_only))
        assert json.loads(document) == value
        assert moving(document) == ""
        assert commands(document) == []


@given(texts)
def test_a_line_of_the_log_does_nothing(text: str) -> None:
    record = logging.LogRecord("perfbot", logging.ERROR, "", 1, "%s", (text,), None)
    line = JsonLines().format(record)
    assert line.isascii()
    assert "\n" not in line
    assert commands(line) == []
    assert json.loads(line)["message"] == text


@given(texts)
def test_without_commands_alone_leaves_no_command(text: str) -> None:
    assert commands(without_commands(text)) == []
