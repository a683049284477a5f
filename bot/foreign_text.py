"""Text of others on its way to people and machines that read what perfbot prints.

A terminal obeys control characters; a CI runner takes a line that begins with ``::`` and a ``##[``
anywhere for commands. Repository text, names of files and tests, and what models and servers say must
do neither. Characters are made harmless where a text is put into a sentence (``visible``); commands
where lines leave the process (``Guarded``), since only there it is known where a line begins, wrapped
lines and tracebacks included. Sources: ECMA-48 (control functions), Unicode Standard Annex 9
(direction), "Workflow commands for GitHub Actions", "Logging commands" of Azure Pipelines.
"""

import re
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO, cast

_DELETE = "\x7f"
_COMMAND = re.compile(r"(^|(?<=\r))([^\S\n]*)(?=::)", re.MULTILINE)
_MARKED = re.compile(r"##(?=\w*\[)")  # ##[error], ##vso[...], ##teamcity[...]
_OPENING = re.compile(r"[^\S\n]*:?")  # how a line may begin that is to become a command


def visible(text: str) -> str:
    """Return the text with every control and direction-changing character as a visible escape.

    What a repository wrote can then neither drive a terminal nor make code look like other code;
    tabs and line ends stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if _is_harmless(one) else _escaped(one) for one in text)


def _is_harmless(character: str) -> bool:
    if character in "\t\n" or character.isprintable() or character == "\u200d":
        return True
    return unicodedata.category(character) in {"Zs", "Cn"} and character != "\x85"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def without_commands(text: str) -> str:
    """Return the text with a backslash in what a CI runner would take for a command."""
    return _MARKED.sub(r"#\\#", _COMMAND.sub(r"\2\\", text))


def shown(text: str) -> str:
    """Return text of others as whole lines that can be printed anywhere."""
    return without_commands(visible(text))


def in_json(document: str) -> str:
    """Return a JSON document that says the same without characters and marks that do something.

    They can only stand in strings, where JSON has a spelling for everything.
    """
    if document.isascii() and "##" not in document and _DELETE not in document:
        return (
            document  # the other ASCII characters that do something JSON never leaves as they are
        )
    harmless = "".join(one if _is_harmless(one) else _in_json(one) for one in document)
    return harmless.replace("##", "#\\u0023")


def _in_json(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(
        f"\\u{high:02x}{low:02x}" for high, low in zip(units[::2], units[1::2], strict=True)
    )


class Guarded:
    """A text stream on which nothing becomes a command; in all else the stream behind it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._line = ""  # of the line that has begun, as far as it could still become a command

    def write(self, text: str) -> int:
        """Write the text with commands made harmless; return its length, as streams do."""
        may_begin = _OPENING.fullmatch(self._line) is not None
        whole = self._line + text if may_begin else "." + text
        told = without_commands(whole)
        already = len(self._line) if may_begin else 1
        if told[:already] == whole[:already]:
            self._stream.write(told[already:])
        else:  # a colon that has been written turns out to be the first of two
            self._stream.write("\\" + without_commands("." + text)[1:])
        line = whole.rpartition("\n")[2]
        self._line = line if _OPENING.fullmatch(line) else "."
        return len(text)

    def writelines(self, lines: Iterator[str]) -> None:
        """Write all of them."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


@contextmanager
def guarded_output() -> Iterator[None]:
    """Let nothing that is printed or logged inside the block be a command."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", Guarded(each)) for each in streams)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
