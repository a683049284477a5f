"""A Python source file as text that can be written back byte for byte.

Python files come with coding lines (PEP 263), byte order marks and either kind of line break.
Whoever rewrites a function works on plain text with ``\\n``; what the file had is restored here.
"""

import io
import tokenize
from dataclasses import dataclass
from pathlib import Path

_UNREADABLE = "{path} cannot be read as Python source: {why}"
_BOM = b"\xef\xbb\xbf"


class UnreadableSource(ValueError):  # noqa: N818 - it says what the file is
    """A file's bytes cannot be turned into text, or the text not back into the same bytes."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """The text of a file and what is needed to write it back.

    ``newline`` is ``"\\r\\n"`` where every line ends so (``text`` then has ``"\\n"`` instead),
    else ``"\\n"``: a file of mixed line breaks keeps them in its text. ``encoding`` is the one
    that ``tokenize.detect_encoding`` finds; ``bom`` says whether a byte order mark comes first.
    """

    path: Path
    text: str
    encoding: str
    newline: str
    bom: bool

    def encode(self, text: str) -> bytes:
        """Return the bytes of a file with this text, in this file's encoding and line breaks.

        Raises:
            UnicodeEncodeError: the encoding has no such character.
        """
        if self.newline == "\r\n":
            text = text.replace("\r\n", "\n").replace("\n", "\r\n")
        return (_BOM if self.bom else b"") + text.encode(self.encoding)


def read_source(path: Path) -> SourceFile:
    """Read one file.

    Raises:
        UnreadableSource: an unknown or wrong coding line, or bytes that would not be kept.
        OSError: the file cannot be read at all.
    """
    return decode_source(path.read_bytes(), path)


def decode_source(data: bytes, path: Path) -> SourceFile:
    """Do as ``read_source`` does with bytes that are already there."""
    bom = data.startswith(_BOM)
    body = data[len(_BOM) :] if bom else data
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0].removesuffix("-sig")
        raw = body.decode(encoding)
    except (SyntaxError, UnicodeError, LookupError) as problem:
        raise UnreadableSource(_UNREADABLE.format(path=path, why=problem)) from problem
    newline = "\r\n" if _all_crlf(raw) else "\n"
    text = raw.replace("\r\n", "\n") if newline == "\r\n" else raw
    source = SourceFile(path, text, encoding, newline, bom)
    if not _writes_back(source, data):
        why = f"its text cannot be written back to the same bytes in {encoding}"
        raise UnreadableSource(_UNREADABLE.format(path=path, why=why))
    return source


def _all_crlf(raw: str) -> bool:
    return 0 < raw.count("\r\n") == raw.count("\n") == raw.count("\r")


def _writes_back(source: SourceFile, data: bytes) -> bool:
    try:
        return source.encode(source.text) == data
    except UnicodeError:
        return False
