"""A unified patch as rows that a page or a terminal can show."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)")
_MOST_LINES = 5000
_ALIKE = 0.35  # below this, lines were replaced rather than edited: marking words would confuse


class Kind(StrEnum):
    """What a row of a diff is."""

    FILE = "file"
    GAP = "gap"
    SAME = "same"
    OLD = "old"
    NEW = "new"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a line; ``changed`` where it differs within an edited line."""

    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a diff with its numbers in the old and the new file."""

    kind: Kind
    pieces: tuple[Piece, ...]
    old_line: int | None = None
    new_line: int | None = None


def rows(patch: bytes) -> list[Row]:
    """Return the rows of a unified patch; bytes that are not UTF-8 are shown as replacements."""
    lines = patch.decode("utf-8", "replace").split("\n")
    plain = list(_numbered(lines[:_MOST_LINES]))
    return _with_words(plain)


def _numbered(lines: list[str]) -> Iterator[Row]:
    old = new = 0
    inside = False
    for line in lines:
        hunk = _HUNK.match(line)
        if hunk:
            old, new, inside = int(hunk[1]), int(hunk[2]), True
            yield _row(Kind.GAP, hunk[3].strip() or f"line {hunk[2]}")
        elif line.startswith("diff --git "):
            inside = False
        elif not inside:
            if line.startswith("+++ "):
                yield _row(Kind.FILE, line[4:].rstrip("\t").removeprefix("b/"))
        elif line.startswith("-"):
            yield _row(Kind.OLD, line[1:], old, None)
            old += 1
        elif line.startswith("+"):
            yield _row(Kind.NEW, line[1:], None, new)
            new += 1
        elif line.startswith("\\"):
            yield _row(Kind.NOTE, line[1:].strip())
        elif line.startswith(" "):
            yield _row(Kind.SAME, line[1:], old, new)
            old, new = old + 1, new + 1


def _row(kind: Kind, text: str, old: int | None = None, new: int | None = None) -> Row:
    return Row(kind, (Piece(text.removesuffix("\r")),), old, new)


def _with_words(plain: list[Row]) -> list[Row]:
    """Mark the changed words where as many new lines follow as old ones were taken away."""
    done: list[Row] = []
    start = 0
    while start < len(plain):
        olds = _run(plain, start, Kind.OLD)
        news = _run(plain, start + len(olds), Kind.NEW)
        if olds and len(olds) == len(news):
            pairs = [_words(old, new) for old, new in zip(olds, news, strict=True)]
            done += [old for old, _ in pairs] + [new for _, new in pairs]
            start += 2 * len(olds)
        else:
            done.append(plain[start])
            start += 1
    return done


def _run(plain: list[Row], start: int, kind: Kind) -> list[Row]:
    end = start
    while end < len(plain) and plain[end].kind is kind:
        end += 1
    return plain[start:end]


def _words(old: Row, new: Row) -> tuple[Row, Row]:
    before, after = (re.findall(r"\w+|\s+|.", row.pieces[0].text) for row in (old, new))
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    if len(before) + len(after) > 400 or matcher.ratio() < _ALIKE:
        return old, new
    steps = matcher.get_opcodes()
    olds = tuple(Piece("".join(before[a:b]), tag != "equal") for tag, a, b, _, _ in steps if a < b)
    news = tuple(Piece("".join(after[a:b]), tag != "equal") for tag, _, _, a, b in steps if a < b)
    return Row(old.kind, olds, old.old_line), Row(new.kind, news, None, new.new_line)
