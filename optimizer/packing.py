"""Packing what a model could be shown into a budget of tokens, the most useful first.

Each part has a share of the budget that it may use at most, so that no part, however long, leaves
nothing for those after it. What is left over then goes to the parts that had to be cut, in order.
Cuts lie between blocks (whole lines, whole definitions); a cut part says how much was left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

LEFT_OUT = "… {count} more left out"

_BYTES_PER_TOKEN = 3.4  # measured on Python sources with a byte-level BPE of 8,192 pieces
_FRAME_BYTES = 64  # markers with their number, and the lines between


@dataclass(frozen=True, slots=True)
class Section:
    """One thing that a model is shown; the title is perfbot's own, the body is a repository's."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Part:
    """What one section could show: blocks, the most useful first, which are never cut.

    ``share`` (0 to 1) is of the budget, and how much of it the part may use at most. Parts whose
    blocks are ``ordered`` (lines) end where one does not fit; others go on with shorter ones.
    """

    title: str
    blocks: tuple[str, ...]
    share: float
    ordered: bool = False

    @property
    def between(self) -> str:
        """What stands between two blocks."""
        return "\n" if self.ordered else "\n\n"


def cost(section: Section) -> int:
    """Return the bytes that a section takes in a prompt; one without a body is not shown."""
    return _frame(section.title) + _size(section.body) if section.body else 0


def budget(tokens: int) -> int:
    """Return about how many bytes so many tokens are."""
    return int(tokens * _BYTES_PER_TOKEN)


def packed(parts: Sequence[Part], most: int) -> list[Section]:
    """Return the parts as sections that together cost no more than ``most`` bytes, in their order."""
    sections = [Section(part.title, "") for part in parts]
    left = max(0, most)
    for by_share in (True, False):
        for number, part in enumerate(parts):
            had = cost(sections[number])
            allowed = min(left, int(part.share * most)) if by_share else had + left
            fitted = Section(part.title, _fitted(part, allowed - _frame(part.title)))
            if cost(fitted) > had:
                left += had - cost(fitted)
                sections[number] = fitted
    return [section for section in sections if section.body]


def _frame(title: str) -> int:
    return _FRAME_BYTES + _size(title)


def _fitted(part: Part, most: int) -> str:
    """Return as many blocks as fit into so many bytes, ``""`` where none does."""
    blocks = [block for block in part.blocks if block]
    whole = part.between.join(blocks)
    if _size(whole) <= most:
        return whole
    left = most - _size(LEFT_OUT.format(count=len(blocks)))
    kept: list[str] = []
    for block in blocks:
        needed = _size(block) + len(part.between)
        if needed <= left:
            kept.append(block)
            left -= needed
        elif part.ordered:
            break
    if not kept:
        return ""
    return part.between.join([*kept, LEFT_OUT.format(count=len(blocks) - len(kept))])


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
