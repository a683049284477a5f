"""A changed function written as its file is: by the formatter that the file obeys, else by example.

Whether a file obeys a formatter is tried, not believed: its old text must be what the formatter
makes of it. Then only what is new can look different afterwards. ruff stands in for black, whose
layout it shares, and runs with settings of ours only.
"""

import difflib
import io
import tokenize
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

import libcst as cst
from ruff import find_ruff_bin  # type: ignore[import-untyped]

from perfbot.optimizer.house_style import OWN, Formatter, HouseStyle, Quotes
from perfbot.optimizer.readability import definition
from perfbot.profiling.functions import FunctionName, find_function
from perfbot.profiling.sandbox import ToolError, run_tool

_TIMEOUT_S = 30.0
_MOSTLY = 0.8  # of a file's strings, for its quotes to be a habit
_A_HABIT = 3  # strings at least
_LEAST_WIDTH = 79  # PEP 8
_Lines = tuple[int, int]  # first and last, counted from 1


@dataclass(frozen=True, slots=True)
class Unlike:
    """Lines (number and text) that are not in the style of the file, which has a name for people."""

    style: str
    lines: tuple[tuple[int, str], ...]


def in_style(before: str, after: str, qualname: str, style: HouseStyle) -> str:
    """Return ``after`` with what is new in it written as ``before`` is.

    The function ``qualname`` decides where the file as a whole obeys no formatter. A text that ruff
    cannot read, and one of mixed line breaks, is returned as it is.
    """
    if before == after or "\r" in before + after:
        return after
    obeyed = _obeyed(before, qualname, style)
    if obeyed is None:
        return _by_example(before, after, qualname, style)
    lines = None if _obeys(before, obeyed) else _lines(after, qualname)
    if lines is None and not _obeys(before, obeyed):
        return after  # the function is gone
    written = _formatted(after, obeyed, lines) or after
    return _requoted(before, written) if obeyed.quotes is Quotes.PRESERVE else written


def unlike(before: str, after: str, qualname: str, style: HouseStyle) -> Unlike | None:
    """Return which lines of ``after`` are not written as the file is, ``None`` where all are."""
    wanted = in_style(before, after, qualname, style)
    if wanted == after:
        return None
    old, new = after.split("\n"), wanted.split("\n")
    blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    # Where lines are only missing, the one that they belong above is shown.
    rows = [
        row
        for tag, first, last, *_ in blocks
        if tag != "equal"
        for row in range(first, max(last, first + 1))
    ]
    lines = tuple((row + 1, old[min(row, len(old) - 1)]) for row in rows)
    obeyed = _obeyed(before, qualname, style)
    return Unlike(obeyed.name if obeyed else OWN, lines)


def _obeyed(before: str, qualname: str, style: HouseStyle) -> Formatter | None:
    """Return the formatter that the file, or at least the function, obeys."""
    lines = _lines(before, qualname)
    for each in style.formatters:
        if _obeys(before, each) or (lines and _obeys(before, each, lines)):
            return each
    return None


def _obeys(text: str, formatter: Formatter, lines: _Lines | None = None) -> bool:
    return _formatted(text, formatter, lines) == text


@lru_cache(maxsize=64)
def _formatted(text: str, formatter: Formatter, lines: _Lines | None = None) -> str | None:
    """Return what ruff makes of a text, or of some of its lines; ``None`` where it cannot read it."""
    argv = [find_ruff_bin(), "format", "--isolated", "--no-cache", "--quiet", *formatter.options]
    if lines is not None:
        first, last = lines
        argv += ["--range", f"{first}:1-{last}:{len(text.split(chr(10))[last - 1]) + 1}"]
    try:
        done = run_tool([*argv, "--stdin-filename", "module.py", "-"], text.encode(), _TIMEOUT_S)
    except (ToolError, UnicodeEncodeError):
        return None
    return done.decode()


def _lines(text: str, qualname: str) -> _Lines | None:
    span = find_function(text, FunctionName("", qualname))
    return (span.first_line, span.end_line) if span else None


def _by_example(before: str, after: str, qualname: str, style: HouseStyle) -> str:
    """Write what is new with the indentation, quotes and line length that the file has."""
    indent = _indent(before)
    example = Formatter(
        OWN,
        style.width or max(_LEAST_WIDTH, *map(len, before.splitlines() or [""])),
        Quotes.PRESERVE,
        indent_width=4 if "\t" in indent else len(indent),
        tabs="\t" in indent,
    )
    if _indent_of(after, qualname) not in (indent, ""):
        after = _formatted(after, example, _lines(after, qualname)) or after
    after = _requoted(before, after)
    return _wrapped(before, after, example)


def _indent(text: str) -> str:
    try:
        return cst.parse_module(text).default_indent or " " * 4
    except (cst.ParserSyntaxError, RecursionError):
        return " " * 4


def _indent_of(text: str, qualname: str) -> str:
    """Return by what the body of a function is indented; ``""`` where it stands in the line of ``def``."""
    node = definition(text, qualname)
    first = node.body[0] if node else None
    if node is None or first is None or first.lineno == node.lineno:
        return ""
    return text.split("\n")[first.lineno - 1][node.col_offset : first.col_offset]


def _requoted(before: str, after: str) -> str:
    """Give new strings the quotes that most strings of the file have."""
    used = Counter(text[-1] for _, text in _strings(before))
    (quote, count), *_ = used.most_common(1) or [("", 0)]
    if count < _A_HABIT or count < _MOSTLY * used.total():
        return after
    known = {text for _, text in _strings(before)}
    lines = after.split("\n")
    for (row, column), text in reversed([*_strings(after)]):
        inside = text.lstrip("rbuRBU")[1:-1]
        if text not in known and not {*inside} & {"'", '"', "\\"}:
            prefix = text[: len(text) - len(inside) - 2]
            line = lines[row - 1]
            end = column + len(text)
            lines[row - 1] = f"{line[:column]}{prefix}{quote}{inside}{quote}{line[end:]}"
    return "\n".join(lines)


def _strings(text: str) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield where a string stands (line from 1, column from 0) and its text.

    None in threes of quotes, and none inside of an f-string, whose quotes decide over it.
    """
    depth = 0
    with suppress(tokenize.TokenError, SyntaxError):
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            kind = tokenize.tok_name[token.type]  # FSTRING_START since Python 3.12
            depth += kind.endswith("STRING_START") - kind.endswith("STRING_END")
            bare = token.string.lstrip("rbuRBU")
            if kind == "STRING" and not depth and bare[0] in "'\"" and bare[:3] != bare[0] * 3:
                yield token.start, token.string


def _wrapped(before: str, after: str, example: Formatter) -> str:
    """Break the new lines that are longer than the file's, from the last to the first."""
    known = {*before.splitlines()}
    for row, line in reversed([*enumerate(after.split("\n"), start=1)]):
        if len(line) > example.width and line not in known:
            after = _formatted(after, example, (row, row)) or after
    return after
