"""What a job of the bot asks of perfbot's main work: the seam between jobs and whatever measures.

A job runs for hours and must end within seconds when a person says stop, so every method takes
``stopped`` and asks it at least once a second. What comes back is plain data that a job can store.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from perfbot.bot.config import Config
from perfbot.bot.forge import CommitSha
from perfbot.bot.jobs import Stopped
from perfbot.bot.report import HotspotRow, Report, Samples, Unchanged
from perfbot.bot.triggers import Priority


class Ended(StrEnum):
    """Why a run came to no result."""

    NO_SANDBOX = "no-sandbox"
    REPOSITORY = "repository"
    CONFIGURATION = "configuration"
    TIMED_OUT = "timed-out"
    BUG = "bug"


class RunFailed(Exception):  # noqa: N818 - the name says what is wrong
    """A run came to no result; the message is what perfbot said, with text of the repository in it."""

    def __init__(self, ended: Ended, message: str) -> None:
        super().__init__(message)
        self.ended = ended


@dataclass(frozen=True, slots=True)
class Checkout:
    """The files of one commit, laid out for one job.

    ``config`` is what counts for them: of a pull request it is its base's, for a stranger's head must
    not say what is allowed. ``stranger`` is whether they come from a fork, whose environment nobody
    else may use. ``settings`` is the file that ``config`` was read from, ``known_as`` names the
    repository whatever folder a commit of it lies in.
    """

    folder: Path
    commit: CommitSha
    config: Config
    stranger: bool = False
    settings: bytes = b""
    known_as: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of a run: for which functions, for how long, for whom, and what a person said.

    ``time_s`` None means as configured; it never exceeds that.
    """

    functions: tuple[str, ...] = ()
    time_s: float | None = None
    hint: str = ""
    priority: Priority = Priority.PERSON


@dataclass(frozen=True, slots=True)
class Survey:
    """Where the workload's time goes, and which functions are worth a search, hottest first."""

    report: Report
    hotspots: tuple[HotspotRow, ...]
    worth: tuple[str, ...]
    unchanged: tuple[Unchanged, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a run ended with.

    ``patches`` are by plain file name as in ``Result.patch``, ``samples`` by function. ``changes``
    are the files that the accepted results change, each before and after all of them: from perfbot's
    own bytes, never from a file that judged code could reach.
    """

    report: Report
    patches: Mapping[str, bytes] = field(default_factory=dict)
    samples: Mapping[str, Samples] = field(default_factory=dict)
    changes: Mapping[str, tuple[bytes | None, bytes]] = field(default_factory=dict)


Tick = Callable[[str], None]
"""Told now and then, and whenever a run comes to something else, what it is at, in a few words."""


class Runs(Protocol):
    """Does the main work; every method raises RunFailed, and JobStopped when it was told to end."""

    def survey(self, checkout: Checkout, wish: Wish, stopped: Stopped, tick: Tick) -> Survey:
        """Run the tests, profile, and sort out by reading what is worth a search.

        With ``wish.functions`` only these are sorted out, in their order.
        """

    def optimize(self, checkout: Checkout, wish: Wish, stopped: Stopped, tick: Tick) -> Found:
        """Look for faster versions of the functions and judge them."""

    def verify(
        self, checkout: Checkout, patch: bytes, wish: Wish, stopped: Stopped, tick: Tick
    ) -> Found:
        """Judge a patch as a claim to be faster; ``checkout`` is what it applies to."""
