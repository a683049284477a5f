"""What perfbot remembers on GitHub itself: the hidden first line of its own texts.

The Action keeps no state between runs; it finds its pull requests, comments and dashboard again by
this line. Anybody can write such a line, so it counts only at the very start of a text whose author
is perfbot, and even then (a maintainer may edit the text) it is read like any input.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None
Value: TypeAlias = Scalar | list["Value"] | dict[str, "Value"]

_OPEN, _CLOSE = "<!-- perfbot:", " -->"
_LONGEST = 40_000  # characters


class Kind(StrEnum):
    """What a marked text is."""

    PULL_REQUEST = "pull-request"
    COMMENT = "comment"
    DASHBOARD = "dashboard"


@dataclass(frozen=True, slots=True)
class Text:
    """The body of a comment, an issue or a pull request, and the account that wrote it."""

    body: str
    author_id: int


def hidden(kind: str, fields: Mapping[str, Value]) -> str:
    """Return the line; nothing in ``fields`` can end the comment that it is."""
    return f"{_OPEN}{kind} {encoded(dict(fields))}{_CLOSE}"


def found(text: Text, kind: Kind, own_id: int) -> Mapping[str, Value] | None:
    """Return the fields of the marker that ``text`` begins with.

    None where perfbot (the account ``own_id``) is not the author, and where the line is of another
    kind or damaged.
    """
    if text.author_id != own_id:
        return None
    line = text.body[:_LONGEST].partition("\n")[0].rstrip()
    start = f"{_OPEN}{kind} "
    if not (line.startswith(start) and line.endswith(_CLOSE)):
        return None
    value = decoded(line[len(start) : -len(_CLOSE)])
    return value if isinstance(value, dict) else None


def encoded(value: Value) -> str:
    """Return JSON in ASCII without the characters that could end a comment or link to anything."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    for character in "<>&@#`":  # these stand in texts only, where JSON may write them so
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.replace("--", r"-\u002d")


def decoded(text: str) -> Value:
    """Return what ``encoded`` was given, None for anything else that somebody put in its place."""
    if len(text) > _LONGEST:
        return None
    try:
        value: Value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value
