"""Text of a repository, made fit to be shown to a model.

Everything that lies in a repository may have been written for the model instead of for people: a
docstring that gives orders, characters that no editor shows, a comment that no browser shows, the
control tokens of a chat template. Three things are done about that before a model sees it:

- What a person who reads the text would not see is taken out: control, formatting (zero width,
  bidirectional, tag) and private characters, variation selectors and other characters that Unicode
  calls *default ignorable* (UAX #44, DerivedCoreProperties), and HTML comments in prose.
- What a model or its server could take for the frame around the text is defused: the control tokens
  of the wire format (``protocol.py``) and those of chat templates.
- The text stands between markers with a number that is drawn anew and does not occur in it.

None of it makes a model obedient. What holds is that a model has no tools and no secrets, that its
answer is one function, and that the judge decides over that (``docs/models.md``).
"""

import io
import re
import tokenize
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate

CUT = " …"

_LONGEST_LINE = 1_000  # characters; files with longer ones are data, not code (DeepSeek-Coder)
_OPENS, _CLOSES = "<!--", "-->"  # an HTML comment
_NESTED = 8
_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})  # of unicodedata.category
_IGNORABLE = frozenset(  # no formatting characters, and yet nothing is shown for them
    map(
        chr,
        (
            0x034F,  # combining grapheme joiner
            *(0x115F, 0x1160, 0x3164, 0xFFA0),  # Hangul fillers
            *(0x17B4, 0x17B5),  # Khmer inherent vowels
            *(0x180B, 0x180C, 0x180D, 0x180F),  # Mongolian variation selectors
            0x2800,  # a blank Braille pattern
            *range(0xFE00, 0xFE10),  # variation selectors
            *range(0xE0100, 0xE01F0),  # and their supplement
        ),
    )
)
_TAGS = (  # of chat templates and of filling in the middle, in angle brackets
    "s bos eos pad unk mask sep cls think thinking answer tool tools tool_call tool_calls "
    "tool_response function_call start_of_turn end_of_turn start_of_image end_of_image "
    "fim_prefix fim_middle fim_suffix fim_pad file_sep repo_name issue_start endoftext"
)
_MARKS = (  # the same in square brackets
    "INST SYSTEM_PROMPT AVAILABLE_TOOLS TOOL_CALLS TOOL_RESULTS TOOL_CONTENT PREFIX SUFFIX MIDDLE"
)
_TOKEN = re.compile(
    r"<\|[^\n|]{0,80}\|>"
    r"|<｜[^\n｜]{0,80}｜>"  # full-width bars, as DeepSeek has them
    r"|<</?SYS>>"
    rf"|</?(?:{'|'.join(_TAGS.split())})>"
    rf"|(?<![\w)\]])\[/?(?:{'|'.join(_MARKS.split())})\]"  # but no subscript
    r"|\[\s*(?:/\s*(?:SUGG|OPT|SQL)|(?:SUGG|OPT|SQL)\s*/)\s*\]",
    re.IGNORECASE,
)
_STARTS = frozenset(  # Python 3.12 and 3.14 take f-strings and t-strings apart
    getattr(tokenize, name)
    for name in ("FSTRING_START", "TSTRING_START")
    if hasattr(tokenize, name)
)
_STRINGS = frozenset(
    getattr(tokenize, name)
    for name in ("STRING", "FSTRING_MIDDLE", "TSTRING_MIDDLE")
    if hasattr(tokenize, name)
)
_BETWEEN = frozenset({tokenize.NL, tokenize.COMMENT})
_BEFORE_STATEMENT = frozenset({tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT})


def visible(text: str) -> str:
    """Return prose without what a reader of it would not see, and without control tokens."""
    return _cut(_without_tokens(_without_comments(_without_unseen(_unix(text)))))


def visible_source(text: str) -> str:
    """Return Python source of which the same is true, with the same lines.

    Comments and docstrings are prose. In other strings nothing is lost: what would not be seen is
    written as an escape sequence, as is the first character of a control token. HTML comments in
    them stay, since a reader of the source sees them. Only raw strings change. What is no Python is
    prose as a whole.
    """
    text = _unix(text)
    try:
        pieces = list(_pieces(text))
    except (tokenize.TokenError, SyntaxError):
        return _cut(_prose(text))
    return _cut("".join(piece.shown for piece in pieces))


def drawn(texts: Iterable[str], draw: Callable[[], str]) -> str:
    """Return a number for markers around texts: the first that is drawn and none of them contains."""
    everything = list(texts)
    while True:
        number = draw()
        if not any(number in text for text in everything):
            return number


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _cut(text: str) -> str:
    lines = text.split("\n")
    return "\n".join(
        line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE] + CUT for line in lines
    )


def _is_unseen(character: str) -> bool:
    if character in "\n\t":
        return False
    return unicodedata.category(character) in _UNSEEN or character in _IGNORABLE


def _without_unseen(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(each for each in text if not _is_unseen(each))


def _without_comments(text: str) -> str:
    """Take HTML comments out, and those that taking one out makes; lines stay.

    What is nested deeper than anybody writes loses the beginning of its comments instead.
    """
    for _ in range(_NESTED):
        shorter = "".join(_outside_comments(text))
        if shorter == text:
            return text
        text = shorter
    return text.replace(_OPENS, "(" + _OPENS[1:])


def _outside_comments(text: str) -> Iterator[str]:
    """Yield what stands between comments, in one pass: hostile text has many that do not end."""
    place = 0
    while (start := text.find(_OPENS, place)) >= 0:
        end = text.find(_CLOSES, start + len(_OPENS))
        if end < 0:
            break
        yield text[place:start]
        yield "\n" * text.count("\n", start, end)
        place = end + len(_CLOSES)
    yield text[place:]


def _without_tokens(text: str, defused: Callable[[re.Match[str]], str] | None = None) -> str:
    """Defuse control tokens, and those that defusing one could make."""
    while (other := _TOKEN.sub(defused or _in_parentheses, text)) != text:
        text = other
    return text


def _in_parentheses(token: re.Match[str]) -> str:
    return f"({token[0][1:-1]})"


def _prose(text: str) -> str:
    return _without_tokens(_without_comments(_without_unseen(text)))


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of source and how it is to be shown."""

    text: str
    show: Callable[[str], str]

    @property
    def shown(self) -> str:
        return self.show(self.text)


def _code(text: str) -> str:
    """Show what is neither string nor comment: spaces keep its meaning."""
    return _without_tokens(_without_unseen(text), _spaced)


def _spaced(token: re.Match[str]) -> str:
    if "/" in token[0]:  # is no code at all
        return _in_parentheses(token)
    return f"{token[0][0]} {token[0][1:-1]} {token[0][-1]}"


def _string(text: str) -> str:
    """Show a string that is not raw: escape sequences keep its value."""
    seen = "".join(_escaped(each) if _is_unseen(each) else each for each in text)
    return _without_tokens(seen, _with_first_escaped)


def _with_first_escaped(token: re.Match[str]) -> str:
    if token.start() and token.string[token.start() - 1] == "\\":
        return _in_parentheses(token)
    return _escaped(token[0][0]) + token[0][1:]


def _escaped(character: str) -> str:
    point = ord(character)
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def _raw(text: str) -> str:
    return _without_tokens(_without_unseen(text))


def _pieces(text: str) -> Iterator[_Piece]:
    """Yield the whole source in pieces, in order; raises where it cannot be tokenized."""
    starts = list(accumulate((len(line) + 1 for line in text.split("\n")), initial=0))
    done, before, raw = 0, tokenize.NEWLINE, False
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        raw = _is_raw(token, raw)
        show = _manner(token, before, raw)
        if show is not None:
            start = max(done, starts[token.start[0] - 1] + token.start[1])
            end = max(start, starts[token.end[0] - 1] + token.end[1])
            yield _Piece(text[done:start], _code)
            yield _Piece(text[start:end], show)
            done = end
        if token.type not in _BETWEEN:
            before = token.type
    yield _Piece(text[done:], _code)


def _is_raw(token: tokenize.TokenInfo, before: bool) -> bool:
    """Say whether the string that a token begins, or goes on with, has no escapes."""
    if token.type in _STARTS:
        return "r" in token.string.lower()
    if token.type == tokenize.STRING:
        return "r" in token.string.partition(token.string[-1])[0].lower()
    return before


def _manner(token: tokenize.TokenInfo, before: int, raw: bool) -> Callable[[str], str] | None:
    """Return how to show a comment or a string, ``None`` for any other token."""
    if token.type == tokenize.COMMENT:
        return _prose
    if token.type not in _STRINGS:
        return None
    if before in _BEFORE_STATEMENT:  # a docstring, or one that is written like it
        return _prose
    return _raw if raw else _string
