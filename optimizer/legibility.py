"""Is a changed function harder to read, by how much, and is that more than somebody allows?

The numbers are those of ``readability.py``, the words those of ``wording.py``, the layout that of
``formatting.py``. docs/judging.md says for people what counts.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten

from perfbot.optimizer import readability
from perfbot.optimizer.altered import outermost
from perfbot.optimizer.formatting import Unlike, unlike
from perfbot.optimizer.house_style import HouseStyle
from perfbot.optimizer.readability import Kept, Limits
from perfbot.optimizer.wording import Losses, losses
from perfbot.profiling.source import UnreadableSource, decode_source

COMPLEXITY = (
    "cognitive complexity {before.cognitive} → {after.cognitive}, "
    "cyclomatic {before.cyclomatic} → {after.cyclomatic}, "
)
SIZES = "nesting {before.nesting} → {after.nesting}, {before.lines} → {after.lines} lines"
NAMES_KEPT = ", {share:.0%} of its local names kept"
BY_LIMIT = "{what} (accept.{key})"

TOO_DEEP = "its expressions stand so deep in each other that they cannot be walked"
MORE_COMPLEX = "its complexity rises by {added}"
LONGER = "it grows from {before} to {after} lines, new helpers included"
DEEPER = "its blocks nest {after} deep instead of {before}"
COMMENT_LOST = "the comment {comment!r} is gone, though its code is still there"
DOCSTRING_LOST = "the docstring of {function} is gone or cut"
ANNOTATION_LOST = "the type annotation of {what} is gone or another"
VAGUE_NAME = "the new name {name} says nothing, where most names of the function did"
OTHER_LAYOUT = "line {line} is not laid out in {style} style: {text!r}"
AND_MORE = " (and {count} more)"

_SHOWN = 80  # characters of a line
_ALWAYS_LINES = 10  # that a function may gain, however short it is


_ANY_RISE = Limits(0, 1.0, 0)


@dataclass(frozen=True, slots=True)
class Numbers:
    """How hard one version is to read; ``lines`` has those of the helpers that a change brings."""

    cognitive: int
    cyclomatic: int
    nesting: int
    lines: int


_UNKNOWN = Numbers(0, 0, 0, 0)
_NOTHING_LOST = Losses()


@dataclass(frozen=True, slots=True)
class Reading:
    """A function before and after a change, as its readers see it."""

    before: Numbers
    after: Numbers
    lost: Losses = _NOTHING_LOST
    layout: Unlike | None = None
    is_too_deep: bool = False  # only since the change: its expressions cannot be walked any more

    @property
    def told(self) -> str:
        """The numbers in words."""
        numbers = (COMPLEXITY + SIZES).format(before=self.before, after=self.after)
        return numbers + NAMES_KEPT.format(share=self.lost.names_kept)

    @property
    def worse(self) -> tuple[str, ...]:
        """What got worse, in words, whether allowed or not."""
        return tuple(what for _, what in self._against(_ANY_RISE))

    def beyond(self, limits: Limits) -> tuple[str, ...]:
        """Return what is worse than the limits allow, in words, each with the limit's key."""
        return tuple(BY_LIMIT.format(what=what, key=key) for key, what in self._against(limits))

    def _against(self, limits: Limits) -> Iterator[tuple[str, str]]:
        """Yield the key of a limit and what is beyond it."""
        if self.is_too_deep:
            yield f"max_complexity_increase: {limits.max_complexity_increase}", TOO_DEEP
        yield from self._grown(limits)
        for kept, what in self._lost():
            if kept in limits.keep:
                yield f"keep: {kept}", what

    def _grown(self, limits: Limits) -> Iterator[tuple[str, str]]:
        before, after = self.before, self.after
        added = max(after.cognitive - before.cognitive, after.cyclomatic - before.cyclomatic)
        if added > limits.max_complexity_increase:
            what = MORE_COMPLEX.format(added=added)
            yield f"max_complexity_increase: {limits.max_complexity_increase}", what
        allowed = before.lines * limits.max_length_ratio
        if after.lines > max(allowed, before.lines + _ALWAYS_LINES):
            what = LONGER.format(before=before.lines, after=after.lines)
            yield f"max_length_ratio: {limits.max_length_ratio:g}", what
        if after.nesting - before.nesting > limits.max_nesting_increase:
            what = DEEPER.format(before=before.nesting, after=after.nesting)
            yield f"max_nesting_increase: {limits.max_nesting_increase}", what

    def _lost(self) -> Iterator[tuple[Kept, str]]:
        lost = self.lost
        yield from ((Kept.COMMENTS, COMMENT_LOST.format(comment=each)) for each in lost.comments)
        for each in lost.docstrings:
            yield Kept.DOCSTRINGS, DOCSTRING_LOST.format(function=each)
        for each in lost.annotations:
            yield Kept.ANNOTATIONS, ANNOTATION_LOST.format(what=each)
        yield from ((Kept.NAMES, VAGUE_NAME.format(name=each)) for each in lost.vague)
        if self.layout is not None:
            yield Kept.STYLE, _in_words(self.layout)


def read(before: bytes, after: bytes, qualname: str, style: HouseStyle) -> Reading:
    """Compare a function of two versions of a file, both of which Python can compile.

    Of a function that was nested too deep to be walked already, nothing is said.
    """
    try:
        numbers = _numbers(before, qualname)
    except RecursionError:
        return Reading(_UNKNOWN, _UNKNOWN)
    try:
        return _compared(numbers, before, after, qualname, style)
    except RecursionError:
        return Reading(numbers, numbers, is_too_deep=True)


def _compared(
    numbers: Numbers, before: bytes, after: bytes, qualname: str, style: HouseStyle
) -> Reading:
    old, new = _text(before), _text(after)
    return Reading(
        numbers,
        _numbers(after, qualname, helpers=_new_lines(old, new)),
        losses(old, new, qualname),
        unlike(old, new, qualname, style),
    )


def _numbers(source: bytes, qualname: str, helpers: int = 0) -> Numbers:
    return Numbers(
        readability.cognitive(source, qualname),
        readability.cyclomatic(source, qualname),
        readability.nesting(source, qualname),
        readability.length(source, qualname) + helpers,
    )


def _new_lines(old: str, new: str) -> int:
    """Return how many lines the functions and methods have that only the new version of a file has."""
    known = {name for name, _ in outermost(ast.parse(old))}
    added = (node for name, node in outermost(ast.parse(new)) if name not in known)
    return sum((node.end_lineno or 0) - node.lineno + 1 for node in added)


def _text(source: bytes) -> str:
    try:
        return decode_source(source, Path()).text
    except UnreadableSource:
        return ""


def _in_words(layout: Unlike) -> str:
    line, text = layout.lines[0]
    shown = shorten(text, _SHOWN, placeholder=" …")
    told = OTHER_LAYOUT.format(line=line, style=layout.style, text=shown)
    more = len(layout.lines) - 1
    return told + (AND_MORE.format(count=more) if more else "")
