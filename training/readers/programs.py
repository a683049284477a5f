"""Data sets whose sides are programs that read standard input.

* PIE (Shypula et al., *Learning Performance-Improving Code Edits*, ICLR 2024): two submissions of
  one user to one problem; Python, and C++ as its later releases have it (``src_code``, ``tgt_code``);
* ECCO (Waghjale et al., EMNLP 2024), the ``edit`` subset: PIE's fields, of CodeNet's Python programs;
* Supersonic (Chen et al., 2023): C and C++ submissions of CodeNet with the judge's verdict of both;
* CodeContests (Li et al., *Competition-Level Code Generation with AlphaCode*, 2022) as extended
  with stress inputs by COFFE (2025): many correct programs per problem.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from perfbot.training.readers.reading import (
    WRONG_KIND,
    Claim,
    Example,
    Generator,
    NoRecord,
    Pair,
    Reading,
    Source,
    field,
    is_python,
    list_of,
    number,
    parsed,
    read_lines,
    text,
    texts,
)
from perfbot.training.records import Language

TOO_FEW = "fewer than two correct programs in Python"
UNKNOWN_LANGUAGE = "field 'language' is neither Python nor C++"
REFUSED = "a side was not accepted by the judge"

CODENET = "Project CodeNet"
CODENET_LICENCE = "CDLA-Permissive-2.0"

_LANGUAGES = {"python": Language.PYTHON, "py": Language.PYTHON, "python3": Language.PYTHON}
_LANGUAGES |= {"c++": Language.CPP, "cpp": Language.CPP, "c": Language.CPP, "cc": Language.CPP}
_VERSIONS = ("v0", "v1")
_MOST_OTHERS = 40


def read_pie(path: Path) -> Reading:
    """Read PIE's records; whether the pair is faster is for the caller to measure.

    Raises:
        DataError: the file cannot be read.
    """
    return read_lines(path, _edits(Source.PIE, f"PIE, {CODENET}"))


def read_ecco(path: Path) -> Reading:
    """Read ECCO's ``edit`` records, which are pairs as in PIE.

    Raises:
        DataError: the file cannot be read.
    """
    return read_lines(path, _edits(Source.ECCO, f"ECCO, {CODENET}"))


def read_supersonic(path: Path) -> Reading:
    """Read C and C++ pairs with both verdicts of CodeNet's judge.

    Raises:
        DataError: the file cannot be read.
    """
    return read_lines(path, _supersonic)


def read_code_contests(path: Path) -> Reading:
    """Read CodeContests' problems; the pair is the longest and the shortest correct Python program.

    The set does not say how fast a program is. The first and the last one that it lists are no
    better guess than length, which at least is reproducible; ``others`` has the rest, among which
    measuring finds better pairs.

    Raises:
        DataError: the file cannot be read.
    """
    return read_lines(path, _code_contests)


def _edits(source: Source, origin: str) -> Callable[[Mapping[str, object], int], Pair]:
    def parse(record: Mapping[str, object], line: int) -> Pair:
        problem, language = text(record, "problem_id"), _language(record)
        slow, fast = _sides(record)
        if language is Language.PYTHON:
            parsed("input", slow)
            parsed("target", fast)
        versions = [_submission(record, version, line) for version in _VERSIONS]
        return Pair(
            source,
            ":".join((problem, *versions)),
            problem,
            slow,
            fast,
            language=language,
            claim=_claim(record, versions),
            origin=origin,
            licence=CODENET_LICENCE,
        )

    return parse


def _sides(record: Mapping[str, object]) -> tuple[str, str]:
    """Return both programs; the C++ release of PIE names them in another way."""
    if "src_code" in record and "input" not in record:
        return text(record, "src_code"), text(record, "tgt_code")
    return text(record, "input"), text(record, "target")


def _submission(record: Mapping[str, object], version: str, line: int) -> str:
    name = f"submission_id_{version}"
    if name not in record and "src_code" in record:
        return f"{line}{version}"  # the C++ release does not name its submissions
    return text(record, name)


def _language(record: Mapping[str, object]) -> Language:
    named = record.get("language")
    if named is None:
        return Language.CPP if "src_code" in record else Language.PYTHON
    if not isinstance(named, str) or named.casefold() not in _LANGUAGES:
        raise NoRecord(UNKNOWN_LANGUAGE)
    return _LANGUAGES[named.casefold()]


def _claim(record: Mapping[str, object], versions: list[str]) -> Claim | None:
    """Return who claims what; ``None`` where a record has neither user nor times."""
    if "cpu_time_v0" not in record or "cpu_time_v1" not in record:
        return None
    user = record.get("user_id", "")
    slow_ms, fast_ms = (number(record, f"cpu_time_{version}") for version in _VERSIONS)
    return Claim(str(user), versions[0], versions[1], slow_ms, fast_ms)


def _supersonic(record: Mapping[str, object], line: int) -> Pair:
    problem, extension = text(record, "problem_id"), text(record, "ext")
    if _LANGUAGES.get(extension.casefold()) is not Language.CPP:
        raise NoRecord(WRONG_KIND.format(name="ext", wanted="c or cpp"))
    slow, fast = text(record, "input"), text(record, "target")
    for which in ("original", "improved"):
        _accepted(record, f"{which}_verdict")
    return Pair(
        Source.SUPERSONIC,
        f"{problem}:{text(record, 'submission')}:{line}",
        problem,
        slow,
        fast,
        language=Language.CPP,
        origin=f"Supersonic, {CODENET}",
        licence=CODENET_LICENCE,
    )


def _accepted(record: Mapping[str, object], name: str) -> None:
    """Refuse what the judge refused; it said nothing of some, which are ours to judge."""
    match field(record, name):
        case {"status": "" | "STATE_ACCEPTED"}:
            return
        case {"status": str()}:
            raise NoRecord(REFUSED)
        case _:
            raise NoRecord(WRONG_KIND.format(name=name, wanted="a verdict"))


def _code_contests(record: Mapping[str, object], line: int) -> Pair:
    programs = [program for program in _correct(record) if is_python(program)]
    if len(programs) < 2:
        raise NoRecord(TOO_FEW)
    ordered = sorted(programs, key=lambda program: (len(program), program))
    problem = f"problem-{line:03d}"
    return Pair(
        Source.CODE_CONTESTS,
        record=problem,
        problem=problem,
        slow=ordered[-1],
        fast=ordered[0],
        generator=Generator(texts(record, "stress_inputs")),
        examples=tuple(_examples(record)),
        others=tuple(dict.fromkeys(ordered[1:-1]))[:_MOST_OTHERS],
        origin="CodeContests, COFFE",
        licence="CC-BY-4.0",
    )


def _correct(record: Mapping[str, object]) -> Iterator[str]:
    """Yield the programs of ``solutions``, a list of ``[program, is correct]``."""
    for each in list_of(record, "solutions"):
        match each:
            case [str(program), bool(right)]:
                if right:
                    yield program
            case _:
                raise NoRecord(WRONG_KIND.format(name="solutions", wanted="[program, correct]"))


def _examples(record: Mapping[str, object]) -> Iterator[Example]:
    for each in list_of(record, "tests"):
        match each:
            case {"input": [str(read), *_], "output": [str(printed), *_]}:
                yield Example(read, printed)
            case _:
                raise NoRecord(WRONG_KIND.format(name="tests", wanted="inputs and outputs"))
