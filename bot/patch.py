"""Unified patches of our own changes, exact to the byte.

Written here rather than asked of ``git diff``, which would obey the repository's Git configuration.
"""

import difflib
from collections.abc import Iterator, Mapping

_NO_END = b"\n\\ No newline at end of file\n"
_ESCAPES = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}


def unified_patch(changes: Mapping[str, tuple[bytes | None, bytes]]) -> bytes:
    """Return a patch that ``git apply`` turns each file's old content into the new one with.

    ``changes`` are (old, new) by POSIX path; old is None for a file that is added. Line ends,
    encodings and a missing newline at the end are kept as they are; unchanged files are left out.
    """
    return b"".join(
        _file_patch(path, old, new) for path, (old, new) in sorted(changes.items()) if old != new
    )


def _file_patch(path: str, old: bytes | None, new: bytes) -> bytes:
    before, after = _quoted("a/" + path), _quoted("b/" + path)
    header = b"diff --git " + before + b" " + after + b"\n"
    if old is None:
        header += b"new file mode 100644\n"
        before = b"/dev/null"
    lines = difflib.diff_bytes(
        difflib.unified_diff, _lines(old or b""), _lines(new), b"OLD", b"NEW", lineterm=b"\n"
    )
    hunks = b"".join(_ended(lines))
    if not hunks:
        return header  # an empty file is added
    return header + b"--- " + _named(before) + b"+++ " + _named(after) + hunks


def _lines(content: bytes) -> list[bytes]:
    """Split at line feeds only: a carriage return belongs to the line's content for Git."""
    return [line + b"\n" for line in content.split(b"\n")[:-1]] + (
        [tail] if (tail := content.rpartition(b"\n")[2]) else []
    )


def _ended(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Leave out the two lines of names and mark the lines that have no newline."""
    for position, line in enumerate(lines):
        if position >= 2:
            yield line if line.endswith(b"\n") else line + _NO_END


def _named(name: bytes) -> bytes:
    """End a name with a tab where it holds a space, as Git does, so that it is not cut there."""
    return name + (b"\t\n" if b" " in name else b"\n")


def _quoted(name: str) -> bytes:
    """Quote a name like Git's core.quotePath: anything but printable ASCII becomes an escape."""
    raw = name.encode("utf-8", "surrogateescape")
    if all(32 <= byte < 127 and byte not in _ESCAPES for byte in raw):
        return raw
    return b'"' + b"".join(_escaped(byte) for byte in raw) + b'"'


def _escaped(byte: int) -> bytes:
    if byte in _ESCAPES:
        return b"\\" + _ESCAPES[byte].encode("ascii")
    return bytes([byte]) if 32 <= byte < 127 else b"\\%03o" % byte
