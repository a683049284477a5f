"""Slow/fast pairs of real programs, read from the data sets that publish them.

One function per format, each giving typed records and the lines that could not be read, with the
reason: nothing is dropped silently. The formats are those of

* ENAMEL (Qiu et al., *How Efficient is LLM-Generated Code?*, ICLR 2025): a function with a slow
  canonical solution, an expert's fast one, a generator of inputs in levels of size and a checker;
* PIE (Shypula et al., *Learning Performance-Improving Code Edits*, ICLR 2024): two submissions of
  one user to one problem, programs that read standard input;
* CodeContests (Li et al., *Competition-Level Code Generation with AlphaCode*, 2022) as extended
  with stress inputs by COFFE (2025): many correct programs per problem;
* perfbot's own runs, as ``perfbot export --pairs`` writes them (``optimizer/judged_pairs.py``).

Every file is JSON Lines, plain or gzip. Sets share problems, so split by ``problem``, never by record.
"""

import ast
import gzip
import html
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from perfbot.optimizer.judged_pairs import JudgedPair

CANNOT_READ = (
    "{path} cannot be read as JSON Lines ({why}); give the folder that holds the data sets"
)
NOT_JSON = "is not JSON"
NOT_AN_OBJECT = "is not a JSON object"
MISSING = "has no field {name!r}"
WRONG_KIND = "field {name!r} is not {wanted}"
DOES_NOT_PARSE = "{name!r} is not Python that parses"
NO_SUCH_FUNCTION = "{name!r} does not define the entry point"
NOT_ACCEPTED = "has no version that was accepted"
TOO_FEW = "fewer than two correct programs in Python"

_GZIP = b"\x1f\x8b"
_SAMPLE = r"Sample {kind}[^<]*</h[23]>\s*<pre[^>]*>(.*?)</pre>"
_SAMPLES = [
    re.compile(_SAMPLE.format(kind=kind), re.DOTALL | re.IGNORECASE) for kind in ("Input", "Output")
]


class Source(StrEnum):
    """A data set."""

    ENAMEL = "enamel"
    PIE = "pie"
    CODE_CONTESTS = "code_contests"
    PERFBOT = "perfbot"


class DataError(Exception):
    """A data file is not there or is no data file at all; the message says which."""


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
class Pair:
    """Two versions of one program, both known to be right.

    ``entry_point`` names the function; it is empty for programs that read standard input.
    ``checker`` defines ``__check(input, answer, output)``; empty where equality decides.
    ``names`` is what generator and checker may refer to besides themselves, as source. ``judged``
    has what perfbot's own pairs come with: strategies, interval, refused versions, people's word.
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


class _NoRecord(Exception):  # noqa: N818 - the reason why a line is none
    pass


def read_enamel(path: Path) -> Reading:
    """Read ENAMEL's records; the pair is the canonical solution and the expert's.

    Raises:
        DataError: the file cannot be read.
    """
    return _read(path, _enamel)


def read_pie(path: Path) -> Reading:
    """Read PIE's records; whether the pair is faster is for the caller to measure.

    Raises:
        DataError: the file cannot be read.
    """
    return _read(path, _pie)


def read_code_contests(path: Path) -> Reading:
    """Read CodeContests' problems; the pair is the longest and the shortest correct Python program.

    The set does not say how fast a program is. The first and the last one that it lists are no
    better guess than length, which at least is reproducible.

    Raises:
        DataError: the file cannot be read.
    """
    return _read(path, _code_contests)


def read_perfbot(path: Path) -> Reading:
    """Read what perfbot's own runs gave; a function without an accepted version is no pair.

    Raises:
        DataError: the file cannot be read.
    """
    return _read(path, _perfbot)


READERS: Mapping[Source, Callable[[Path], Reading]] = {
    Source.ENAMEL: read_enamel,
    Source.PIE: read_pie,
    Source.CODE_CONTESTS: read_code_contests,
    Source.PERFBOT: read_perfbot,
}


def read_samples(path: Path) -> dict[str, tuple[Example, ...]]:
    """Read CodeNet's problem statements (one JSON object, problem to HTML) for their sample inputs.

    A problem whose statement shows no samples, or not as many outputs as inputs, gets none.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        statements = _object(_content(path))
    except _NoRecord as reason:
        raise DataError(CANNOT_READ.format(path=path, why=reason)) from reason
    return {
        problem: tuple(_samples(text))
        for problem, text in statements.items()
        if isinstance(text, str)
    }


def _samples(statement: str) -> Iterator[Example]:
    read, printed = (
        [html.unescape(text).lstrip("\n") for text in kind.findall(statement)] for kind in _SAMPLES
    )
    if len(read) == len(printed):
        yield from map(Example, read, printed)


def _read(path: Path, parse: Callable[[Mapping[str, object], int], Pair]) -> Reading:
    pairs: list[Pair] = []
    malformed: list[Malformed] = []
    for number, line in enumerate(_content(path).split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            pairs.append(parse(_object(line), number))
        except _NoRecord as reason:
            malformed.append(Malformed(number, str(reason)))
    return Reading(tuple(pairs), tuple(malformed))


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP) else content
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(CANNOT_READ.format(path=path, why=error)) from error


def _object(line: bytes) -> Mapping[str, object]:
    try:
        found: object = json.loads(line)
    except (ValueError, RecursionError):
        raise _NoRecord(NOT_JSON) from None
    if not isinstance(found, dict):
        raise _NoRecord(NOT_AN_OBJECT)
    return found


def _enamel(record: Mapping[str, object], _line: int) -> Pair:
    slow = _texts(record, "slow")
    if not slow:
        raise _NoRecord(WRONG_KIND.format(name="slow", wanted="a list of programs"))
    prompt, name = _text(record, "prompt"), _text(record, "entry_point")
    fast = f"{prompt}\n{_text(record, 'reference_solution')}"
    _defines("slow", slow[0], name)
    _defines("reference_solution", fast, name)
    generator, checker = _text(record, "input_generator"), _text(record, "checker")
    _defines("input_generator", generator, "generate_input")
    _defines("checker", checker, "__check")
    return Pair(
        Source.ENAMEL,
        record=_text(record, "task_id"),
        problem=_text(record, "task_id"),
        slow=slow[0],
        fast=fast,
        entry_point=name,
        checker=checker,
        names=prompt,
        generator=Generator((generator,), _sizes(record)),
    )


def _sizes(record: Mapping[str, object]) -> tuple[int, ...]:
    words = _text(record, "input_levels").split()
    if not words or not all(word.isascii() and word.isdigit() for word in words):
        raise _NoRecord(WRONG_KIND.format(name="input_levels", wanted="a list of sizes"))
    return tuple(map(int, words))


def _pie(record: Mapping[str, object], _line: int) -> Pair:
    problem = _text(record, "problem_id")
    slow, fast = _text(record, "input"), _text(record, "target")
    _parses("input", slow)
    _parses("target", fast)
    versions = [_text(record, f"submission_id_{version}") for version in ("v0", "v1")]
    return Pair(Source.PIE, ":".join((problem, *versions)), problem, slow, fast)


def _code_contests(record: Mapping[str, object], line: int) -> Pair:
    programs = [program for program in _correct(record) if _is_python(program)]
    if len(programs) < 2:
        raise _NoRecord(TOO_FEW)
    ordered = sorted(programs, key=lambda program: (len(program), program))
    problem = f"problem-{line:03d}"
    return Pair(
        Source.CODE_CONTESTS,
        record=problem,
        problem=problem,
        slow=ordered[-1],
        fast=ordered[0],
        generator=Generator(_texts(record, "stress_inputs")),
        examples=tuple(_examples(record)),
    )


def _perfbot(record: Mapping[str, object], _line: int) -> Pair:
    try:
        judged = msgspec.convert(record, JudgedPair)
    except (msgspec.ValidationError, RecursionError) as error:
        raise _NoRecord(str(error)) from None
    if judged.fast is None:
        raise _NoRecord(NOT_ACCEPTED)
    name = judged.qualname.rpartition(".")[2]
    _defines("slow", judged.slow, name)
    _defines("fast", judged.fast, name)
    problem = f"{judged.origin.repository}:{judged.path}::{judged.qualname}"
    return Pair(
        Source.PERFBOT, judged.record, problem, judged.slow, judged.fast, name, judged=judged
    )


def _correct(record: Mapping[str, object]) -> Iterator[str]:
    """Yield the programs of ``solutions``, a list of ``[program, is correct]``."""
    for each in _list(record, "solutions"):
        match each:
            case [str(program), bool(right)]:
                if right:
                    yield program
            case _:
                raise _NoRecord(WRONG_KIND.format(name="solutions", wanted="[program, correct]"))


def _examples(record: Mapping[str, object]) -> Iterator[Example]:
    for each in _list(record, "tests"):
        match each:
            case {"input": [str(read), *_], "output": [str(printed), *_]}:
                yield Example(read, printed)
            case _:
                raise _NoRecord(WRONG_KIND.format(name="tests", wanted="inputs and outputs"))


def _field(record: Mapping[str, object], name: str) -> object:
    if name not in record:
        raise _NoRecord(MISSING.format(name=name))
    return record[name]


def _text(record: Mapping[str, object], name: str) -> str:
    found = _field(record, name)
    if not isinstance(found, str):
        raise _NoRecord(WRONG_KIND.format(name=name, wanted="text"))
    return found


def _list(record: Mapping[str, object], name: str) -> list[object]:
    found = _field(record, name)
    if not isinstance(found, list):
        raise _NoRecord(WRONG_KIND.format(name=name, wanted="a list"))
    return found


def _texts(record: Mapping[str, object], name: str) -> tuple[str, ...]:
    found = _list(record, name)
    texts = tuple(each for each in found if isinstance(each, str))
    if len(texts) != len(found):
        raise _NoRecord(WRONG_KIND.format(name=name, wanted="a list of texts"))
    return texts


def _parses(name: str, text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _NoRecord(DOES_NOT_PARSE.format(name=name)) from None


def _defines(name: str, text: str, function: str) -> None:
    """Refuse the record when a field's text does not define a function at its top level."""
    if not any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function
        for node in _parses(name, text).body
    ):
        raise _NoRecord(NO_SUCH_FUNCTION.format(name=name))


def _is_python(program: str) -> bool:
    try:
        _parses("", program)
    except _NoRecord:
        return False
    return True
