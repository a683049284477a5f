"""What became of a proposal after the judge: merged, changed, closed, liked or not."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from perfbot.optimizer.redaction import digest


class Event(StrEnum):
    """What happened to a proposal."""

    PROPOSED = "proposed"
    MERGED = "merged"
    EDITED = "edited"  # changed by people before it was merged
    CLOSED = "closed"
    LIKED = "liked"
    DISLIKED = "disliked"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a proposal, told by who opened it.

    ``patch`` is its :func:`patch_key`; once ``PROPOSED`` has told patch and branch together, either
    of them is enough. ``who`` is a login, of which a salted hash is kept; ``edited`` is the code as it
    was merged.
    """

    repository: str
    event: Event
    at_s: float
    patch: str = ""
    branch: str = ""
    who: str = ""
    edited: str = ""


def patch_key(changes: Mapping[str, tuple[bytes | None, bytes]]) -> str:
    """Return what names a change wherever it is looked at: a hash of paths and contents.

    It is the SHA-256 of one line for each file, in the order of paths: the SHA-256 of the content
    before (``-`` for a new file), that of the content after, the path; separated by spaces.
    """
    lines = [
        f"{hashlib.sha256(before).hexdigest() if before is not None else '-'} "
        f"{hashlib.sha256(after).hexdigest()} {path}\n"
        for path, (before, after) in sorted(changes.items())
    ]
    return digest("".join(lines))
