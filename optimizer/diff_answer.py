"""Answers that say what changes in a function instead of repeating it.

Two forms are read: SEARCH/REPLACE blocks, which the prompt asks for, and unified diffs, which models
fall into. Line numbers count for nothing, since models get them wrong: the old lines must stand in
the function, at one place only, or else at one place of its file.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from perfbot.optimizer.repair import SpliceError

SEARCH, DIVIDER, REPLACE = "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE"

NOT_THERE = "lines to be replaced are not in the function as it was shown; the first is {line!r}"
SEVERAL_PLACES = (
    "lines to be replaced stand at {count} places: give more of the lines around {line!r}"
)
OVERLAP = "two blocks replace the same line {line!r}"
OPEN_BLOCK = f"a SEARCH/REPLACE block does not end: it needs {DIVIDER} and {REPLACE}"
NO_LINES = "a block has no old lines, so that nothing says where the new ones belong"
NO_DIFF_LINE = "line {line!r} of the diff begins with none of space, + and -"
STRAY = "{line!r} stands between or below the SEARCH/REPLACE blocks and belongs to none"
OTHER_FILE = "the patch is for {other}, but only {path} can be changed"
SHIFTED = "lines of a diff were indented as the file has them"
IS_DIFF = "the answer was a diff, which was applied"

_SEARCH = re.compile(r"<{5,9} ?SEARCH\s*")
_DIVIDER = re.compile(r"={5,9}\s*")
_REPLACE = re.compile(r">{5,9} ?REPLACE\s*")
_FENCE = re.compile(r"```[\w+-]*\s*")
FRAME = re.compile(r"\s*(?:# .*|class \w+:  # …|)")  # lines that context.py shows above a function
_HEADER = re.compile(
    r"(?:---|\+\+\+) (?P<name>\S+).*|\*\*\* (?:Update|Add|Delete) File: (?P<other>\S+).*"
)
_PREAMBLE = re.compile(
    r"(?:diff --git|index|new file|deleted file|similarity|old mode|new mode) .*"
)


@dataclass(frozen=True, slots=True)
class Applied:
    """The file with the changes made, and what was repaired on the way."""

    text: str
    repairs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Block:
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Edit:
    """``count`` lines from ``start`` (from 0) on become ``new``."""

    start: int
    count: int
    new: tuple[str, ...]


def render(before: str, after: str) -> str:
    """Return SEARCH/REPLACE blocks that lead from one text to another, as the prompt asks for them.

    Each block has as many lines around it as it takes to stand at one place only.

    Raises:
        ValueError: there are no lines to be replaced, only blank ones.
    """
    old, new = before.split("\n"), after.split("\n")
    if not any(map(str.strip, old)):
        raise ValueError("there are no lines to be replaced")
    blocks = [_block_text(block) for block in _blocks_between(old, new)]
    return "\n".join(blocks)


def is_diff(answer: str) -> bool:
    """Say whether an answer has the lines by which one of the two forms is known."""
    lines = answer.split("\n")
    return any(_SEARCH.fullmatch(line) for line in lines) or _is_unified(lines)


def applied(text: str, function: range, answer: str, *, path: str) -> Applied:
    """Return a file with an answer's changes made; ``function`` are its lines, counted from 0.

    Code above the first SEARCH block goes above the function.

    Raises:
        SpliceError: a block fits nowhere or at several places, or is for another file.
    """
    lines = text.split("\n")
    _refuse_other_files(answer, path)
    above, blocks = _parsed(answer)
    repairs = [IS_DIFF]
    edits = sorted((_edit(lines, function, each, repairs) for each in blocks), key=_start)
    for one, other in pairwise(edits):
        if other.start < one.start + one.count:
            raise SpliceError(OVERLAP.format(line=lines[other.start]))
    for each in reversed(edits):
        lines[each.start : each.start + each.count] = each.new
    code = "\n".join([*above, *lines]).rstrip("\n") + "\n"
    return Applied(code, tuple(dict.fromkeys(repairs)))


def _start(edit: _Edit) -> int:
    return edit.start


def _blocks_between(old: Sequence[str], new: Sequence[str]) -> Iterator[_Block]:
    """Yield changes with context; those whose context would touch are one."""
    for around in range(len(old) + 1):
        groups = difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(around)
        found = [
            _Block(tuple(old[group[0][1] : group[-1][2]]), tuple(new[group[0][3] : group[-1][4]]))
            for group in groups
        ]
        if all(_is_unique(old, each) for each in found):
            yield from found
            return


def _is_unique(old: Sequence[str], block: _Block) -> bool:
    has_code = any(line.strip() for line in _without_frame(block).old)
    return has_code and len(list(_places(old, block.old))) == 1


def _block_text(block: _Block) -> str:
    return "\n".join([SEARCH, *block.old, DIVIDER, *block.new, REPLACE])


def _is_unified(lines: Sequence[str]) -> bool:
    hunks = any(line.startswith("@@") for line in lines)
    files = [line for line in lines if _HEADER.fullmatch(line)]
    return hunks or len(files) > 1 or any(line.startswith("*** ") for line in files)


def _refuse_other_files(answer: str, path: str) -> None:
    for line in answer.split("\n"):
        found = _HEADER.fullmatch(line)
        if found is None:
            continue
        name = found["name"] or found["other"]
        plain = re.sub(r"\A[ab]/", "", name)
        if not (f"/{path}".endswith(f"/{plain}") or f"/{name}".endswith(f"/{path}")):
            raise SpliceError(OTHER_FILE.format(other=name, path=path))


def _parsed(answer: str) -> tuple[list[str], list[_Block]]:
    """Return the code above the first block, and the blocks."""
    lines = answer.split("\n")
    if any(_SEARCH.fullmatch(line) for line in lines):
        return _search_replace(lines)
    return [], list(_hunks(lines))


def _search_replace(lines: Sequence[str]) -> tuple[list[str], list[_Block]]:
    above: list[str] = []
    blocks: list[_Block] = []
    waiting = iter(lines)
    for line in waiting:
        if _SEARCH.fullmatch(line):
            blocks.append(_Block(_until(waiting, _DIVIDER), _until(waiting, _REPLACE)))
        elif _FENCE.fullmatch(line) or _HEADER.fullmatch(line):
            continue
        elif not blocks:
            above.append(line)
        elif line.strip():
            raise SpliceError(STRAY.format(line=line[:80]))
    return above, blocks


def _until(lines: Iterator[str], end: re.Pattern[str]) -> tuple[str, ...]:
    found: list[str] = []
    for line in lines:
        if end.fullmatch(line):
            return tuple(found)
        found.append(line)
    raise SpliceError(OPEN_BLOCK)


def _hunks(lines: Sequence[str]) -> Iterator[_Block]:
    old: list[str] = []
    new: list[str] = []
    for line in lines:
        if line.startswith("@@"):
            yield from _hunk(old, new)
            old, new = [], []
        elif not (_HEADER.fullmatch(line) or _PREAMBLE.fullmatch(line) or line.startswith("\\")):
            _take(line, old, new)
    yield from _hunk(old, new)


def _take(line: str, old: list[str], new: list[str]) -> None:
    match line[:1]:
        case "-":
            old.append(line[1:])
        case "+":
            new.append(line[1:])
        case " " | "":
            old.append(line[1:])
            new.append(line[1:])
        case _:
            raise SpliceError(NO_DIFF_LINE.format(line=line[:80]))


def _hunk(old: Sequence[str], new: Sequence[str]) -> Iterator[_Block]:
    """Yield the hunk if there is one; blank lines at its end may be the answer's own."""
    while old and new and not old[-1].strip() and not new[-1].strip():
        old, new = old[:-1], new[:-1]
    if old != new:
        yield _Block(tuple(old), tuple(new))


def _edit(lines: Sequence[str], function: range, block: _Block, repairs: list[str]) -> _Edit:
    bare = _without_frame(block)
    if not any(line.strip() for line in bare.old):
        raise SpliceError(NO_LINES)
    inside = lines[function.start : function.stop]
    for each in dict.fromkeys((block, bare)):
        for reach, offset in ((inside, function.start), (lines, 0)):
            found = _only_place(reach, each, repairs)
            if found is not None:
                start, shift = found
                new = tuple(_shift(line, shift) for line in each.new)
                return _Edit(start + offset, len(each.old), new)
    first = next(line for line in bare.old if line.strip())
    raise SpliceError(NOT_THERE.format(line=first))


def _only_place(lines: Sequence[str], block: _Block, repairs: list[str]) -> tuple[int, int] | None:
    """Return where a block's old lines stand: exactly so or, if nowhere, with other indentation."""
    for shifted in (False, True):
        found = list(_places(lines, block.old, shifted=shifted))
        if len(found) > 1:
            raise SpliceError(SEVERAL_PLACES.format(count=len(found), line=block.old[0]))
        if found:
            repairs.extend([SHIFTED] if shifted else [])
            return found[0]
    return None


def _without_frame(block: _Block) -> _Block:
    """Return a block without what the prompt shows above a function and the file has elsewhere or not."""
    old, new = block.old, block.new
    while len(old) > 1 and new and old[0] == new[0] and FRAME.fullmatch(old[0]):
        old, new = old[1:], new[1:]
    return _Block(old, new)


def _places(
    lines: Sequence[str], old: Sequence[str], *, shifted: bool = False
) -> Iterator[tuple[int, int]]:
    """Yield where ``old`` stands, and by how many columns to the right of its own indentation."""
    for start in range(len(lines) - len(old) + 1):
        window = lines[start : start + len(old)]
        shift = _distance(window, old) if shifted else 0
        if shift is not None and all(
            line.rstrip() == _shift(each, shift).rstrip()
            for line, each in zip(window, old, strict=True)
        ):
            yield start, shift


def _distance(window: Sequence[str], old: Sequence[str]) -> int | None:
    """Return how much further to the right the first line with code stands."""
    for line, each in zip(window, old, strict=True):
        if each.strip() and line.strip():
            return _indentation(line) - _indentation(each)
    return None


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _shift(line: str, columns: int) -> str:
    if not line.strip() or columns == 0:
        return line
    return " " * max(0, _indentation(line) + columns) + line.lstrip(" ")
