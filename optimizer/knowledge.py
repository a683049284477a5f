"""What is known of a function beyond its code."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PastCommit:
    """A commit that changed the function; ``day`` is ``YYYY-MM-DD``. All of it is its author's text."""

    day: str
    subject: str
    body: str = ""
