"""What a data set holds: typed pairs, and the lines that are none, each with its reason.

Every file is JSON Lines, plain or gzip, one record a line; nothing is dropped silently. A parser
takes one record and gives its pair; it raises :class:`NoRecord` where there is none.
"""

import ast
import gzip
import json
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from perfbot.optimizer.judged_pairs import JudgedPair
from perfbot.training.records import Language

CANNOT_READ = (
    "{path} cannot be read as JSON Lines ({why}); give the folder that holds the data sets"
)
NOT_JSON = "is not JSON"
NOT_UTF8 = "is not UTF-8"
TOO_LONG = "is longer than {most} bytes"
NOT_AN_OBJECT = "is not a JSON object"
MISSING = "has no field {name!r}"
WRONG_KIND = "field {name!r} is not {wanted}"
DOES_NOT_PARSE = "{name!r} is not Python that parses"
NO_SUCH_FUNCTION = "{name!r} does not define the entry point"

MOST_LINE_BYTES = 64 << 20  # CodeContests' records carry their stress inputs

_GZIP = b"\x1f\x8b"


class Source(StrEnum):
    """A data set, or a layout of files."""

    ENAMEL = "enamel"
    PIE = "pie"
    CODE_CONTESTS = "code_contests"
    PERFBOT = "perfbot"
    ECCO = "ecco"
    MERCURY = "mercury"
    EFFIBENCH = "effibench"
    EVALPERF = "evalperf"
    SUPERSONIC = "supersonic"
    CODENET = "codenet"
    FOLDERS = "folders"
    DEGRADED = "degraded"


class DataError(Exception):
    """A data file is not there or is no data file at all; the message says which."""


class NoRecord(Exception):  # noqa: N818 - the reason why a line is none
    """A line is no record; the message is a clause that says why."""


@dataclass(frozen=True, slots=True)
class Example:
    """What a program reads and what it must print."""

    stdin: str
    stdout: str


@dataclass(frozen=True, slots=True)
class Generator:
    """Source of functions that make inputs.

    For functions, ``sources`` has one text that defines ``generate_input(size, level, case)``, which
    returns the arguments, and ``sizes`` has the size of each level. For programs, each text defines
    ``generate_input()``, which returns what they read, and ``sizes`` is empty.
    """

    sources: tuple[str, ...]
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """What the data set says of the two sides: who wrote them, and the judge's milliseconds."""

    user: str
    slow_id: str
    fast_id: str
    slow_ms: float
    fast_ms: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Two versions of one program, both known to be right.

    ``entry_point`` names the function; it is empty for programs that read standard input.
    ``checker`` defines ``__check(input, answer, output)``; empty where equality decides.
    ``names`` is what generator and checker may refer to besides themselves, as source. ``driver`` is
    Python that makes a program of either side: it is put after it, and may read standard input.
    ``idle`` stands for a side that does none of the work: what it costs is the driver's own.
    ``others`` are more programs that are known to be right. ``judged`` has what perfbot's own pairs
    come with: strategies, interval, refused versions, people's word. ``cross_user``: the fast side is
    not by the slow one's author.
    """

    source: Source
    record: str
    problem: str
    slow: str
    fast: str
    entry_point: str = ""
    checker: str = ""
    names: str = ""
    generator: Generator | None = None
    examples: tuple[Example, ...] = ()
    judged: JudgedPair | None = None
    language: Language = Language.PYTHON
    claim: Claim | None = None
    driver: str = ""
    idle: str = ""
    others: tuple[str, ...] = ()
    origin: str = ""
    licence: str = ""
    cross_user: bool = False


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line (counted from 1) that is no record."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file holds."""

    pairs: tuple[Pair, ...]
    malformed: tuple[Malformed, ...]

    @property
    def reasons(self) -> Counter[str]:
        """How many lines could not be read, by reason."""
        return Counter(each.reason for each in self.malformed)


def read_lines(path: Path, parse: Callable[[Mapping[str, object], int], Pair]) -> Reading:
    """Read a file of records, each by the parser of its format, which is told the line's number.

    Raises:
        DataError: the file cannot be read.
    """
    pairs: list[Pair] = []
    malformed: list[Malformed] = []
    for number, line in enumerate(content(path).split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            pairs.append(parse(object_of(line), number))
        except NoRecord as reason:
            malformed.append(Malformed(number, str(reason)))
    return Reading(tuple(pairs), tuple(malformed))


def content(path: Path) -> bytes:
    """Return a file's content, unpacked where it is gzip.

    Raises:
        DataError: it cannot be read.
    """
    try:
        packed = path.read_bytes()
        return gzip.decompress(packed) if packed.startswith(_GZIP) else packed
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(CANNOT_READ.format(path=path, why=error)) from error


def object_of(line: bytes) -> Mapping[str, object]:
    """Return the JSON object of a line.

    Raises:
        NoRecord: it is none.
    """
    if len(line) > MOST_LINE_BYTES:
        raise NoRecord(TOO_LONG.format(most=MOST_LINE_BYTES))
    try:
        found: object = json.loads(line)
    except UnicodeDecodeError:
        raise NoRecord(NOT_UTF8) from None
    except (ValueError, RecursionError):
        raise NoRecord(NOT_JSON) from None
    if not isinstance(found, dict):
        raise NoRecord(NOT_AN_OBJECT)
    return found


# -- fields of a record; each raises NoRecord where it is missing or of another kind ---------------


def field(record: Mapping[str, object], name: str) -> object:
    """Return a field."""
    if name not in record:
        raise NoRecord(MISSING.format(name=name))
    return record[name]


def text(record: Mapping[str, object], name: str) -> str:
    """Return a field that is text."""
    found = field(record, name)
    if not isinstance(found, str):
        raise NoRecord(WRONG_KIND.format(name=name, wanted="text"))
    return found


def number(record: Mapping[str, object], name: str) -> float:
    """Return a field that is a number."""
    found = field(record, name)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise NoRecord(WRONG_KIND.format(name=name, wanted="a number"))
    return float(found)


def list_of(record: Mapping[str, object], name: str) -> list[object]:
    """Return a field that is a list."""
    found = field(record, name)
    if not isinstance(found, list):
        raise NoRecord(WRONG_KIND.format(name=name, wanted="a list"))
    return found


def texts(record: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Return a field that is a list of texts."""
    found = list_of(record, name)
    only = tuple(each for each in found if isinstance(each, str))
    if len(only) != len(found):
        raise NoRecord(WRONG_KIND.format(name=name, wanted="a list of texts"))
    return only


def parsed(name: str, program: str) -> ast.Module:
    """Return the tree of a field's text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of people's programs, such as on their escapes
            return ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise NoRecord(DOES_NOT_PARSE.format(name=name)) from None


def defines(name: str, program: str, function: str) -> None:
    """Refuse the record when a field's text does not define a function at its top level."""
    if not any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function
        for node in parsed(name, program).body
    ):
        raise NoRecord(NO_SUCH_FUNCTION.format(name=name))


def is_python(program: str) -> bool:
    """Say whether a text parses as Python 3."""
    try:
        parsed("", program)
    except NoRecord:
        return False
    return True
