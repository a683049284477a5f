"""A proven change as GitHub suggestions: blocks that a reviewer applies with one click.

A suggestion replaces the lines that its comment stands on, and a comment may stand only on lines
that the pull request's own diff shows. What does not fit, or would not be applied to the byte, is
refused with the reason; the caller then opens a pull request. One block is made where it can be:
the change is proven as a whole, and somebody might apply only one of several.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from perfbot.bot import words
from perfbot.bot.markdown import fence

NOT_IN_DIFF = "it changes lines that the pull request's diff does not show"
TOO_LARGE = "it is too large for a suggestion ({lines} lines)"
CARRIAGE_RETURNS = "{path} has line ends that GitHub does not keep when it applies a suggestion"
NOT_TEXT = "{path} is not UTF-8, or the changed lines hold characters that cannot be seen"
END_OF_FILE = "it changes whether {path} ends with a newline"
TOGETHER = (
    "Part {number} of {count}: measured and proven only together. Choose **Add suggestion to batch** "
    "for each and commit them at once."
)
MOST_LINES = 60  # of all blocks together: more is better read as a diff
MOST_BLOCKS = 4
_FAR_APART = 20  # lines between two changes that are then no longer made one
_HEADER = re.compile(r"^@@ -\d+(?:,\d+)? \+(\d{1,9})(?:,(\d{1,9}))? @@")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Replace the lines ``first`` to ``last`` (from 1, both included) of the head's file by ``lines``.

    In GitHub's words these are ``start_line`` and ``line`` with ``side: RIGHT``; where both are the
    same, ``start_line`` is left out.
    """

    path: str
    first: int
    last: int
    lines: tuple[str, ...]

    @property
    def block(self) -> str:
        """The suggestion as Markdown; no text in the lines can end it."""
        content = "".join(f"{line}\n" for line in self.lines)
        return f"{fence(content)}suggestion\n{content}{fence(content)}"


@dataclass(frozen=True, slots=True)
class Unsuitable:
    """No suggestion can be made; ``reason`` is the end of a sentence that says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Change:
    """Lines ``first`` to ``last`` (from 0, the last one excluded) of the old file become ``lines``."""

    first: int
    last: int
    lines: tuple[str, ...]


def suggestions(
    path: str, before: bytes, after: bytes, diff: str | None
) -> tuple[Suggestion, ...] | Unsuitable:
    """Return what turns ``before``, the file at the pull request's head, into ``after``.

    ``diff`` is the file's ``patch`` as GitHub lists it with the files of a pull request, None where
    it gives none. All suggestions applied together give exactly ``after``; none are returned where
    both are the same.
    """
    old, new = _text(before), _text(after)
    if old is None or new is None:
        return Unsuitable(NOT_TEXT.format(path=path))
    if "\r" in old + new:
        return Unsuitable(CARRIAGE_RETURNS.format(path=path))
    if old.endswith("\n") != new.endswith("\n"):
        return Unsuitable(END_OF_FILE.format(path=path))
    return _fitting(path, _rows(old), _rows(new), shown_lines(diff or ""))


def shown_lines(diff: str) -> tuple[range, ...]:
    """Return the lines of the new file (from 1) that each hunk of a diff shows."""
    found = (_HEADER.match(line) for line in diff.split("\n"))
    return tuple(
        range(int(each[1]), int(each[1]) + int(each[2] or 1)) for each in found if each is not None
    )


def comment(suggestion: Suggestion, explanation: str, number: int = 1, count: int = 1) -> str:
    """Return the review comment; ``explanation`` is Markdown of perfbot's own, escaped already."""
    together = [TOGETHER.format(number=number, count=count)] if count > 1 else []
    return "\n\n".join([explanation, *together, suggestion.block]) + "\n"


def _text(content: bytes) -> str | None:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _rows(text: str) -> list[str]:
    """Split at line feeds alone, as Git does."""
    return text.removesuffix("\n").split("\n") if text else []


def _fitting(
    path: str, old: list[str], new: list[str], shown: Sequence[range]
) -> tuple[Suggestion, ...] | Unsuitable:
    changes = list(_joined(_changes(old, new, shown), old, shown))
    if not all(_is_shown(change, shown) for change in changes):
        return Unsuitable(NOT_IN_DIFF)
    lines = sum(max(change.last - change.first, len(change.lines)) for change in changes)
    if lines > MOST_LINES or len(changes) > MOST_BLOCKS:
        return Unsuitable(TOO_LARGE.format(lines=lines))
    if any(words.visible(line) != line for change in changes for line in change.lines):
        return Unsuitable(NOT_TEXT.format(path=path))
    return tuple(
        Suggestion(path, change.first + 1, change.last, change.lines) for change in changes
    )


def _changes(old: list[str], new: list[str], shown: Sequence[range]) -> Iterator[_Change]:
    """Yield what differs; between any two changes at least one line is the same."""
    for kind, first, last, start, stop in SequenceMatcher(None, old, new, False).get_opcodes():
        added = tuple(new[start:stop])
        if kind == "insert":
            yield _beside_a_line(old, first, added, shown)
        elif kind != "equal":
            yield _Change(first, last, added)


def _beside_a_line(
    old: list[str], place: int, added: tuple[str, ...], shown: Sequence[range]
) -> _Change:
    """Return an insertion as a change of the line before it, or else of the line behind it."""
    after = _Change(place - 1, place, (*old[max(0, place - 1) : place], *added))
    if place == len(old) or (place > 0 and _is_shown(after, shown)):
        return after
    return _Change(place, place + 1, (*added, old[place]))


def _joined(
    changes: Iterator[_Change], old: list[str], shown: Sequence[range]
) -> Iterator[_Change]:
    """Yield the changes, near ones made one where a hunk shows all between them."""
    pending = next(changes, None)
    for change in changes:
        assert pending is not None
        shared = pending.last - change.first  # two insertions may stand on the same line
        between = tuple(old[pending.last : change.first])
        lines = (*pending.lines, *between, *change.lines[max(0, shared) :])
        both = _Change(pending.first, change.last, lines)
        if shared > 0 or (len(between) <= _FAR_APART and _is_shown(both, shown)):
            pending = both
        else:
            yield pending
            pending = change
    if pending is not None:
        yield pending


def _is_shown(change: _Change, shown: Sequence[range]) -> bool:
    return any(change.first + 1 in lines and change.last in lines for lines in shown)
