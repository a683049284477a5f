"""Markdown fences around code, as chat models put them."""

import re
from collections.abc import Iterator, Sequence

_FENCE = re.compile(r"(?P<marks>```+|~~~+)(?P<info>[^`\n]*)")


def blocks(text: str) -> list[str]:
    """Return what stands in fences; a fence that does not end goes to the end of the text.

    A single closing fence ends a block that began with the text.
    """
    lines = text.split("\n")
    fences = [number for number, line in enumerate(lines) if _FENCE.fullmatch(line)]
    if len(fences) == 1 and lines[fences[0]].rstrip() in {"```", "~~~"}:
        above = "\n".join(lines[: fences[0]])
        if above.strip():
            return [above]
    return list(_paired(lines))


def has_fence(text: str) -> bool:
    """Say whether a line of a text is a fence."""
    return any(_FENCE.fullmatch(line) for line in text.split("\n"))


def _paired(lines: Sequence[str]) -> Iterator[str]:
    inside: list[str] | None = None
    marks = ""
    for line in lines:
        found = _FENCE.fullmatch(line)
        if inside is None and found is not None:
            inside, marks = [], found["marks"]
        elif inside is not None and found is not None and line.rstrip() == marks:
            yield "\n".join(inside)
            inside = None
        elif inside is not None:
            inside.append(line)
    if inside is not None:
        yield "\n".join(inside)
