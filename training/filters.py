"""Which files may be training data at all: the filters of DeepSeek-Coder-V2 ("Data Collection").

They throw out what is no source text for people: generated lines, data dressed as code, pages of
markup without words.
"""

import re
from enum import StrEnum
from html.parser import HTMLParser

LONG_LINE = "a line longer than 1,000 characters"
FEW_LETTERS = "fewer than 25 % letters"
LITTLE_SHOWN = "HTML of which less than 20 % or 100 characters are visible"
WRONG_SIZE = "data of fewer than 50 or more than 5,000 characters"
TOO_LARGE = "larger than 100,000 characters"
NO_TEXT = "characters that are no UTF-8 text"

_MOST_LINE = 1000
_LEAST_LETTERS_SHARE = 0.25
_LEAST_SHOWN_SHARE, _LEAST_SHOWN = 0.2, 100
_LEAST_DATA, _MOST_DATA = 50, 5000
_MOST_CODE = 100_000  # what the wire format takes (protocol.MOST_CHARACTERS)


class Kind(StrEnum):
    """What a file is; data are formats such as JSON and YAML."""

    CODE = "code"
    HTML = "html"
    DATA = "data"


def why_not(text: str, kind: Kind = Kind.CODE) -> str | None:
    """Return why a text is no training data, ``None`` if it may be."""
    if len(text) > _MOST_CODE:
        return TOO_LARGE
    if re.search("[\ud800-\udfff\x00]", text):
        return NO_TEXT
    if any(len(line) > _MOST_LINE for line in text.splitlines()):
        return LONG_LINE
    if sum(map(str.isalpha, text)) < _LEAST_LETTERS_SHARE * len(text):
        return FEW_LETTERS
    if kind is Kind.HTML and not _is_shown(text):
        return LITTLE_SHOWN
    if kind is Kind.DATA and not _LEAST_DATA <= len(text) <= _MOST_DATA:
        return WRONG_SIZE
    return None


def _is_shown(page: str) -> bool:
    reader = _Visible()
    reader.feed(page)
    shown = len("".join(reader.texts).strip())
    return shown >= max(_LEAST_SHOWN, _LEAST_SHOWN_SHARE * len(page))


class _Visible(HTMLParser):
    """Collects the text that a browser would show."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.texts.append(data)
