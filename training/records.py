"""The one record that the data stages write and the training stages read: a proven slow/fast pair.

``pairs`` and ``degrade`` make these, ``annotate`` names their strategies, ``balance`` chooses among
them; ``sft`` and what comes after reads them. A file is JSON Lines, one :class:`TrainingPair` a line,
plain or gzip (by its name). What is in a record is text of others and is never believed to be safe.
"""

import gzip
import os
import zlib
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path

import msgspec

from perfbot.optimizer import protocol
from perfbot.optimizer.protocol import Advice
from perfbot.optimizer.strategies import Category

NO_RECORDS = "{path} cannot be read as training pairs ({why}); give a file that a data stage wrote"
NO_RECORD = "line {line} of {path} is no training pair: {why}"

_GZIP = b"\x1f\x8b"


class RecordsError(Exception):
    """A file of training pairs is not there or holds something else; the message says where."""


class Language(StrEnum):
    """What a program is written in."""

    PYTHON = "python"
    CPP = "cpp"


class Split(StrEnum):
    """Which part of the data a problem belongs to; all pairs of a problem share it."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Group(StrEnum):
    """The shape of a program: the groups over which the dual encoder's data is balanced."""

    NESTED_LOOPS = "nested loops"
    VECTORIZED = "vectorized"
    RECURSIVE = "recursive"
    OTHER = "other"


class NamedStrategy(msgspec.Struct, frozen=True):
    """What makes the fast side fast. ``name`` is perfbot's finer one, and opens ``description``."""

    category: Category
    name: str
    description: str


def named(category: Category, name: str, why: str) -> NamedStrategy:
    """Return a strategy in the words of the wire format, whatever somebody wrote of it.

    The description is one line without control tokens, and perfbot's name opens it.
    """
    said = " ".join(why.split())
    for token in protocol.TOKENS:
        said = said.replace(token, token.strip("[/]"))
    opened = said if said.casefold().startswith(name.casefold()) else f"{name}: {said}"
    return NamedStrategy(category, name, opened.strip(": "))


class Ratio(msgspec.Struct, frozen=True):
    """Slow over fast: above 1 the fast side costs less; ``low`` and ``high`` bound a 95 % interval.

    Counts of instructions are exact, so all three are the same.
    """

    estimate: float
    low: float
    high: float


class Measured(msgspec.Struct, frozen=True):
    """What both sides cost on the high-contrast inputs; ``None`` is what was not measured.

    ``time`` is wall time, ``cpu`` is the processor's, both without the interpreter's start;
    ``memory`` is the peak of resident memory of the whole process.
    """

    time: Ratio | None = None
    cpu: Ratio | None = None
    memory: Ratio | None = None
    instructions: Ratio | None = None

    @property
    def speedup(self) -> Ratio | None:
        """The figure to rely on: instructions where they were counted, else CPU time, else time."""
        return self.instructions or self.cpu or self.time


class Case(msgspec.Struct, frozen=True):
    """An input and the output that is right for it.

    For a program: its standard input and output. For a function: a line of Python for the tuple of
    its arguments, and what its driver prints for it.
    """

    stdin: str
    stdout: str


class TrainingPair(msgspec.Struct, frozen=True, tag="pair"):
    """A slow program, a fast one that does the same, and everything that is known of the two.

    ``record`` is unique in its file. ``entry_point`` is the function's name, or empty for a program
    that reads standard input; ``driver`` makes a program of a function (see :func:`program`).
    ``origin`` says where the text comes from, ``licence`` under what terms it may be used.
    ``cross_user``: the fast side is another author's, as D_ref allows.
    ``cases`` are inputs on which both were found to be right, and ``contrast`` has the places of
    those in it that separate fast from slow best, best first.
    """

    record: str
    problem: str
    source: str
    language: Language
    slow: str
    fast: str
    origin: str
    licence: str
    entry_point: str = ""
    driver: str = ""
    strategies: tuple[NamedStrategy, ...] = ()
    measured: Measured = Measured()
    cases: tuple[Case, ...] = ()
    contrast: tuple[int, ...] = ()
    split: Split = Split.TRAIN
    group: Group = Group.OTHER
    cross_user: bool = False

    @property
    def answer(self) -> protocol.Answer:
        """The answer a model is to give (PerfCoder, Eq. 1); see ``protocol.trained``.

        Raises:
            ValueError: the fast side or a description has a control token in it.
        """
        advice = tuple(Advice(each.category, each.description) for each in self.strategies)
        return protocol.Answer(advice, self.fast)


def program(code: str, driver: str) -> str:
    """Return what is run of a side, or of a version that a model wrote: the code and its driver."""
    return f"{code}\n{driver}" if driver else code


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(TrainingPair)


def encoded(pair: TrainingPair) -> bytes:
    """Return a pair as one line, without its end."""
    return _ENCODER.encode(pair)


def decoded(line: bytes) -> TrainingPair:
    """Return the pair of a line.

    Raises:
        RecordsError: it is none; the message is a clause that says why.
    """
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise RecordsError(str(error)) from None


def read(path: Path) -> Iterator[TrainingPair]:
    """Yield the pairs of a file, in its order.

    Raises:
        RecordsError: the file cannot be read, or a line (counted from 1) is no pair.
    """
    for number, line in enumerate(_content(path).split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            yield decoded(line)
        except RecordsError as error:
            raise RecordsError(NO_RECORD.format(line=number, path=path, why=error)) from None


def write(path: Path, pairs: Iterable[TrainingPair]) -> int:
    """Write pairs, all or nothing, and return how many.

    The same pairs give the same bytes, also in a gzip file.
    """
    lines = [encoded(pair) + b"\n" for pair in pairs]
    content = b"".join(lines)
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f"{path.name}.{os.getpid()}.half")
    try:
        half.write_bytes(content)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
    return len(lines)


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP) else content
    except (OSError, EOFError, zlib.error) as error:
        raise RecordsError(NO_RECORDS.format(path=path, why=error)) from error
