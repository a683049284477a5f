"""Text for GitHub in which only perfbot formats: what others wrote is shown and does nothing.

GitHub works in two passes. The first is cmark-gfm, in which an entity (``&#42;``) is only a
character. The second walks the text of the finished page and makes links of mentions, issues,
commits and addresses, and there an entity has long become the character again: ``&#64;someone``
still calls someone (github/cmark-gfm issue 181). A zero-width space in the middle does end it, as
Renovate and Dependabot write it; ``words.visible`` removes those that others wrote.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from perfbot.bot import words

LONGEST_BODY = 65_536  # characters of a comment, an issue or a pull request (GitHub answers 422)
LEFT_OUT = "GitHub's limit on length left no room for: {sections}. The report has all of it."
_ELLIPSIS = "…"
_READ_AHEAD = 20  # characters for each that may be shown: most texts lose some to white space
_BREAK = "\u200b"
_LINKED = re.compile(
    r"""
      (?<=[@\#]) (?=[\w-])                              # @someone, a@b.example, #12, owner/name#12
    | (?<=:) (?=//)                                     # https://…
    | (?<=www) (?=\.)
    | (?<=[a-z0-9]-) (?=\w*\d) | (?<=\bGHSA-) (?=\w)    # GH-12, CVE-2026-1, keys of other trackers
    | (?<=:) (?=[\w+-]+:)                               # :tada:
    """,
    re.VERBOSE | re.IGNORECASE,
)
_COMMIT = re.compile(r"(?<![^\W_])[0-9a-f]{7,}(?![^\W_])", re.IGNORECASE)
_SHORT_OF_A_COMMIT = 6  # hexadecimal digits that GitHub never takes for a commit
_CODE_SPAN = re.compile(r"`([^`]+)`")
_BEGINS_A_BLOCK = re.compile(r"(?:[-+]|\d{1,9}[.)])")
_MEANS_SOMETHING = re.compile(r"[^\w\s.,;%×–/()+-]|_")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a body; of what does not fit, the greatest ``rank`` is left out first."""

    name: str
    text: str
    rank: int = 0


def plain(text: str, at_most: int | None = None) -> str:
    """Return one line that Markdown shows as it is; longer than ``at_most``, it is cut at a word."""
    return _shown(_line(text, at_most))


def code(text: str, at_most: int | None = None) -> str:
    """Set text as code without Markdown's backticks, which the text might hold itself."""
    return f"<code>{plain(text, at_most)}</code>"


def prose(text: str, at_most: int | None = None) -> str:
    """Return one line as ``plain`` does, but with what stands between backticks set as code."""
    pieces = _CODE_SPAN.split(_line(text, at_most))
    return "".join(
        f"<code>{_shown(piece)}</code>" if place % 2 else _shown(piece)
        for place, piece in enumerate(pieces)
    )


def unformatted(text: str, at_most: int | None = None) -> str:
    """Return one line for a title or a commit message, where nothing is formatted but much is linked."""
    return _broken(_line(text, at_most))


def fenced(text: str, language: str = "") -> str:
    """Return a code block that the text cannot end: its fence is longer than any in the text."""
    content = words.visible(text).removesuffix("\n")
    return f"{fence(content)}{language}\n{content}\n{fence(content)}"


def fence(content: str) -> str:
    """Return more backticks than stand in a row anywhere in ``content``, at least three."""
    longest = max(map(len, re.findall(r"`+", content)), default=0)
    return "`" * max(3, longest + 1)


def folded(summary: str, content: str) -> str:
    """Return Markdown that opens on a click; ``summary`` is escaped already."""
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>"


def table(head: Sequence[str], align: str, rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are escaped already; ``align`` has one of ``lr`` per column."""
    rule = ["---:" if side == "r" else "---" for side in align]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def fitted(sections: Iterable[Section], at_most: int = LONGEST_BODY) -> str:
    """Return the sections in their order, whole ones left out where GitHub's limit is met.

    Sections without text are passed over. What is left out is named at the end.
    """
    given = [section for section in sections if section.text]
    said = LEFT_OUT.format(sections=", ".join({section.name: None for section in given}))
    room, kept = at_most - len(said) - 3, set[int]()
    for place in sorted(range(len(given)), key=lambda place: given[place].rank):
        needed = len(given[place].text) + 2
        if needed <= room:
            room -= needed
            kept.add(place)
    texts = [given[place].text for place in sorted(kept)]
    lost = {section.name: None for place, section in enumerate(given) if place not in kept}
    if lost:
        texts.append(LEFT_OUT.format(sections=", ".join(lost)))
    return "\n\n".join(texts) + "\n"


def one_line(text: str) -> str:
    """Return the words of a text with one space between them and nothing invisible in them."""
    return " ".join(words.visible(text).split())


def shortened(text: str, at_most: int) -> str:
    """Return at most so many characters, cut after a whole word where there is one near the end."""
    if len(text) <= at_most:
        return text
    kept = text[: at_most - len(_ELLIPSIS)]
    border = kept.rfind(" ")
    return kept[: border if border > at_most // 2 else None].rstrip() + _ELLIPSIS


def _line(text: str, at_most: int | None) -> str:
    if at_most is None:
        return one_line(text)
    return shortened(one_line(text[: _READ_AHEAD * at_most]), at_most)


def _shown(line: str) -> str:
    shown = _broken(line)
    start = _BEGINS_A_BLOCK.match(shown)
    last = start.end() - 1 if start else -1
    return "".join(
        _entity(one) if place == last or _MEANS_SOMETHING.match(one) else one
        for place, one in enumerate(shown)
    )


def _broken(line: str) -> str:
    return _COMMIT.sub(_in_pieces, _LINKED.sub(_BREAK, line))


def _in_pieces(found: re.Match[str]) -> str:
    digits, size = found[0], _SHORT_OF_A_COMMIT
    return _BREAK.join(digits[start : start + size] for start in range(0, len(digits), size))


def _entity(character: str) -> str:
    if (
        character == "$"
    ):  # "To display a dollar sign", in GitHub's "Writing mathematical expressions"
        return "<span>&#36;</span>"
    return f"&#{ord(character)};"
