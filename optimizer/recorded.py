"""What is known of a run afterwards: its calls, trials and decisions as records, and as one file.

The file is JSON Lines: a head, then one line for each function. It goes from machine to machine, so
reading it trusts nothing: every value has the type that is written here, or the file is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec

from perfbot.optimizer.journal import Purpose
from perfbot.optimizer.models import Finish, Message, Priority
from perfbot.optimizer.strategies import Suggestion
from perfbot.optimizer.verdict import Gate, Why
from perfbot.optimizer.versions import Edit
from perfbot.profiling.functions import FunctionName

FORMAT = 1
CANNOT_READ = "{file} cannot be read: {why}"
TOO_LARGE = "{file} has {count:,} bytes; a transcript of at most {most:,} is read"
NOT_ONE = "{file} is no transcript of perfbot: line {line}: {why}"
NEWER = "{file} is a transcript of format {found}; this perfbot reads format {known}"
CUT = "{file} is cut off: it has {found} of {wanted} functions"

_LARGEST_BYTES = 256 << 20
_Record = TypeVar("_Record")


class TranscriptError(Exception):
    """A transcript cannot be read, written or used; the message is a sentence for people."""


class Keep(StrEnum):
    """What of a run's texts is kept: all but secrets, or their hashes only."""

    LOCAL = "local"
    REDACTED = "redacted"


class Judgement(StrEnum):
    """What the judge decided."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Run:
    """One run; ``repository`` says whose code it was: a folder on this machine, or a name on a forge.

    It is given by who starts the run, never read from the repository. Times are seconds since 1970;
    ``ended_s`` is ``None`` for a run that did not come to its end. ``licence`` is what the
    repository's metadata say.
    """

    run: str
    repository: str
    revision: str | None
    dirty: bool
    licence: str | None
    perfbot: str
    keeps: Keep
    settings: Mapping[str, str]
    started_s: float
    ended_s: float | None = None


@dataclass(frozen=True, slots=True)
class Certainty:
    """What the probabilities of a reply's tokens come to: natural logarithms."""

    tokens: int
    mean: float
    least: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """How a reply was drawn: a :class:`~perfbot.optimizer.models.Sampling`, its schema as text."""

    max_tokens: int
    temperature: float
    stop: tuple[str, ...]
    seed: int
    priority: Priority
    schema: str = ""
    logprobs: bool = False


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One question to a model; ``reply`` is ``None`` where none came, and ``error`` says why."""

    at_s: float
    purpose: Purpose
    model: str
    prompts: tuple[str, ...]
    messages: tuple[Message, ...]
    sampling: Drawn
    reply: str | None
    finish: Finish | None
    tokens_in: int
    tokens_out: int
    usd: float
    latency_s: float
    certainty: Certainty | None
    error: str


@dataclass(frozen=True, slots=True)
class RecordedTrial:
    """One version that the search looked at.

    ``edits`` make it of the function's file, ``version`` is the SHA-256 of the whole text, ``""``
    where a reply gave none. ``code`` is what is new in it, ``why`` what was found against it.
    """

    at_s: float
    planner: str
    optimizer: str
    suggestions: tuple[Suggestion, ...]
    version: str
    edits: tuple[Edit, ...]
    code: str
    why: str
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Gain:
    """A measured interval of old/new; ``high`` is ``None`` where it has no end."""

    estimate: float
    low: float
    high: float | None
    confidence: float
    pairs: int


@dataclass(frozen=True, slots=True)
class RecordedDecision:
    """What the judge said of a version; ``patch`` is its key (:func:`~perfbot.optimizer.outcomes.patch_key`)."""

    at_s: float
    planner: str
    optimizer: str
    suggestions: tuple[Suggestion, ...]
    version: str
    code: str
    patch: str
    judgement: Judgement
    why: Why
    detail: str
    gain: Gain | None
    gates: tuple[Gate, ...]


@dataclass(frozen=True, slots=True)
class RecordedFunction:
    """All that was asked, tried and decided for one function.

    ``file`` is the SHA-256 of the text that its file had when the search began, ``code`` the
    function as it was.
    """

    path: str
    qualname: str
    line: int | None
    file: str
    code: str
    calls: tuple[RecordedCall, ...] = ()
    trials: tuple[RecordedTrial, ...] = ()
    decisions: tuple[RecordedDecision, ...] = ()

    @property
    def name(self) -> FunctionName:
        """The function's name."""
        return FunctionName(self.path, self.qualname, self.line)


@dataclass(frozen=True, slots=True)
class Transcript:
    """One run with all its functions, in the order in which they were searched."""

    run: Run
    functions: tuple[RecordedFunction, ...]

    def of(self, function: FunctionName) -> RecordedFunction | None:
        """Return what was recorded for a function, ``None`` where nothing was."""
        wanted = function.path, function.qualname
        return next((one for one in self.functions if (one.path, one.qualname) == wanted), None)


@dataclass(frozen=True, slots=True)
class _Format:
    """What the first line of every format says."""

    transcript: int


@dataclass(frozen=True, slots=True)
class _Head:
    """The first line of this format."""

    transcript: int
    functions: int
    run: Run


def to_lines(transcript: Transcript) -> bytes:
    """Return a transcript as JSON Lines."""
    head = _Head(FORMAT, len(transcript.functions), transcript.run)
    return msgspec.json.Encoder().encode_lines([head, *transcript.functions])


def read_file(path: Path) -> Transcript:
    """Read a transcript file, whoever wrote it.

    Raises:
        TranscriptError: it is not there, too large, or no transcript.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise TranscriptError(CANNOT_READ.format(file=path, why=error.strerror)) from None
    if len(content) > _LARGEST_BYTES:
        told = TOO_LARGE.format(file=path, count=len(content), most=_LARGEST_BYTES)
        raise TranscriptError(told)
    return from_lines(content, str(path))


def from_lines(content: bytes, file: str) -> Transcript:
    """Read what :func:`to_lines` wrote; ``file`` is named in errors.

    Raises:
        TranscriptError: it is no transcript, of a newer format, or cut off.
    """
    lines = content.split(b"\n")
    found_format = _line(lines[0], _Format, file, 1).transcript
    if found_format != FORMAT:
        raise TranscriptError(NEWER.format(file=file, found=found_format, known=FORMAT))
    head = _line(lines[0], _Head, file, 1)
    found = tuple(
        _line(line, RecordedFunction, file, number)
        for number, line in enumerate(lines[1:], start=2)
        if line
    )
    if len(found) != head.functions:
        raise TranscriptError(CUT.format(file=file, found=len(found), wanted=head.functions))
    return Transcript(head.run, found)


def _line(line: bytes, kind: type[_Record], file: str, number: int) -> _Record:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise TranscriptError(NOT_ONE.format(file=file, line=number, why=error)) from None
