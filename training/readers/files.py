"""Data sets that are folders: a checkout of Project CodeNet, and plain folders of slow/fast files.

CodeNet (Puri et al., NeurIPS 2021): ``metadata/<problem>.csv``, ``data/<problem>/<language>/<id>.<ext>``,
``problem_descriptions/<problem>.html`` and ``derived/input_output/data/<problem>/input.txt``. A pair is
two accepted submissions of one user to one problem in one language, in the order of their dates, the
later one faster by the judge's word, as in PIE.

Plain folders: each ``<problem>/`` has ``slow.py`` and ``fast.py`` (or ``.cpp``, or ``slow_1.py`` …), and
may have inputs with the right output, ``input*.txt`` and ``output*.txt``, a file ``generate.py`` that
defines ``generate_input()``, and the texts ``LICENCE.txt`` and ``ORIGIN.txt``.
"""

import csv
import html
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from perfbot.training.readers.programs import CODENET, CODENET_LICENCE
from perfbot.training.readers.reading import (
    CANNOT_READ,
    Claim,
    DataError,
    Example,
    Generator,
    Malformed,
    NoRecord,
    Pair,
    Reading,
    Source,
    content,
    object_of,
)
from perfbot.training.records import Language

NO_FOLDER = "{path} is no folder; give the one that holds {what}"
NO_COLUMN = "{name} has no column {column!r}"
NO_FILE = "{name} is not there"
NO_TEXT = "{name} is not UTF-8"
NO_FAST = "has {name} and no fast side of that name"
NO_PAIRS = "has no slow side: slow.py or slow.cpp"
TOO_LARGE = "{name} has more than {most} bytes"

MOST_FILE_BYTES = 1 << 20

_COLUMNS = ("submission_id", "user_id", "date", "language", "status", "cpu_time", "filename_ext")
_LANGUAGES = {"Python": Language.PYTHON, "C++": Language.CPP}
_EXTENSIONS = {".py": Language.PYTHON, ".cpp": Language.CPP, ".cc": Language.CPP}
# The headings of CodeNet's two judges, whose pages are in English or Japanese.
_SAMPLES = [
    re.compile(
        rf"<h\d>\s*(?:{heading})[^<]*</h\d>\s*<pre[^>]*>(.*?)</pre>", re.DOTALL | re.IGNORECASE
    )
    for heading in ("Sample Input|入力例", "Sample Output|Output for (?:the )?Sample Input|出力例")
]


@dataclass(frozen=True, slots=True)
class _Submission:
    problem: str
    identity: str
    user: str
    date: int
    language: Language
    ms: float
    file: Path


def read_codenet(path: Path) -> Reading:
    """Read a checkout of CodeNet; of a user with many submissions each neighbouring pair is one.

    Raises:
        DataError: there is no such folder.
    """
    metadata = path / "metadata"
    if not metadata.is_dir():
        raise DataError(NO_FOLDER.format(path=metadata, what="CodeNet's metadata"))
    pairs: list[Pair] = []
    malformed: list[Malformed] = []
    for table in sorted(metadata.glob("p*.csv")):
        chains: dict[tuple[str, Language], list[_Submission]] = defaultdict(list)
        try:
            for each in _submissions(path, table):
                chains[each.user, each.language].append(each)
        except NoRecord as reason:
            malformed.append(Malformed(0, str(reason)))
        examples = _codenet_examples(path, table.stem)
        for chain in chains.values():
            _chained(chain, examples, pairs, malformed)
    return Reading(tuple(pairs), tuple(malformed))


def _submissions(path: Path, table: Path) -> Iterator[_Submission]:
    rows = csv.DictReader(_text(table).splitlines())
    for column in _COLUMNS:
        if column not in (rows.fieldnames or ()):
            raise NoRecord(NO_COLUMN.format(name=table.name, column=column))
    for row in rows:
        language = _LANGUAGES.get(row["language"])
        if row["status"] != "Accepted" or language is None:
            continue
        if not (row["date"].isdigit() and row["cpu_time"].isdigit()):
            continue  # CodeNet leaves times out that the judge did not tell
        name = f"{row['submission_id']}.{row['filename_ext']}"
        file = path / "data" / table.stem / row["language"] / name
        yield _Submission(
            table.stem,
            row["submission_id"],
            row["user_id"],
            int(row["date"]),
            language,
            float(row["cpu_time"]),
            file,
        )


def _chained(
    chain: list[_Submission],
    examples: tuple[Example, ...],
    pairs: list[Pair],
    malformed: list[Malformed],
) -> None:
    """Add the pairs of one user's submissions: each with the next one that was faster."""
    ordered = sorted(chain, key=lambda each: (each.date, each.identity))
    for place, slow in enumerate(ordered):
        fast = next((each for each in ordered[place + 1 :] if each.ms < slow.ms), None)
        if fast is None:
            continue
        try:
            pairs.append(_pair(slow, fast, examples))
        except NoRecord as reason:
            malformed.append(Malformed(0, str(reason)))


def _pair(slow: _Submission, fast: _Submission, examples: tuple[Example, ...]) -> Pair:
    return Pair(
        Source.CODENET,
        f"{slow.problem}:{slow.identity}:{fast.identity}",
        slow.problem,
        _text(slow.file),
        _text(fast.file),
        examples=examples,
        language=slow.language,
        claim=Claim(slow.user, slow.identity, fast.identity, slow.ms, fast.ms),
        origin=CODENET,
        licence=CODENET_LICENCE,
    )


def _codenet_examples(path: Path, problem: str) -> tuple[Example, ...]:
    """Return the sample that CodeNet derived; what is not there or no text is simply no sample."""
    folder = path / "derived" / "input_output" / "data" / problem
    try:
        return (Example(_text(folder / "input.txt"), _text(folder / "output.txt")),)
    except NoRecord:
        return ()


def read_folders(path: Path) -> Reading:
    """Read a folder of problems, each a folder with a slow and a fast side.

    Raises:
        DataError: there is no such folder.
    """
    if not path.is_dir():
        raise DataError(NO_FOLDER.format(path=path, what="one folder for each problem"))
    pairs: list[Pair] = []
    malformed: list[Malformed] = []
    for place, folder in enumerate(sorted(each for each in path.iterdir() if each.is_dir()), 1):
        try:
            pairs.extend(_folder(folder))
        except NoRecord as reason:
            malformed.append(Malformed(place, str(reason)))
    return Reading(tuple(pairs), tuple(malformed))


def _folder(folder: Path) -> Iterator[Pair]:
    slow_files = [each for each in sorted(folder.glob("slow*")) if each.suffix in _EXTENSIONS]
    if not slow_files:
        raise NoRecord(NO_PAIRS)
    for slow in slow_files:
        fast = slow.with_name(slow.name.replace("slow", "fast", 1))
        if not fast.is_file():
            raise NoRecord(NO_FAST.format(name=slow.name))
        generate = folder / "generate.py"
        yield Pair(
            Source.FOLDERS,
            f"{folder.name}:{slow.stem}",
            folder.name,
            _text(slow),
            _text(fast),
            examples=tuple(_examples(folder)),
            generator=Generator((_text(generate),)) if generate.is_file() else None,
            language=_EXTENSIONS[slow.suffix],
            origin=_note(folder, "ORIGIN.txt") or f"{folder.parent.name}/{folder.name}",
            licence=_note(folder, "LICENCE.txt"),
        )


def _note(folder: Path, name: str) -> str:
    for place in (folder, folder.parent):
        if (place / name).is_file():
            return _text(place / name).strip()
    return ""


def _examples(folder: Path) -> Iterator[Example]:
    for given in sorted(folder.glob("input*.txt")):
        wanted = given.with_name(given.name.replace("input", "output", 1))
        yield Example(_text(given), _text(wanted))


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_FILE_BYTES:
            raise NoRecord(TOO_LARGE.format(name=path.name, most=MOST_FILE_BYTES))
        return path.read_text(encoding="utf-8")
    except OSError:
        raise NoRecord(NO_FILE.format(name=path.name)) from None
    except UnicodeDecodeError:
        raise NoRecord(NO_TEXT.format(name=path.name)) from None


# -- problem statements ----------------------------------------------------------------------------


def read_statements(path: Path) -> dict[str, str]:
    """Read CodeNet's problem statements: one JSON object, problem to HTML, or a folder of HTML files.

    Raises:
        DataError: it cannot be read.
    """
    if path.is_dir():
        pages = sorted(path.glob("*.html"))
        return {page.stem: page.read_text(encoding="utf-8", errors="replace") for page in pages}
    try:
        found = object_of(content(path))
    except NoRecord as reason:
        raise DataError(CANNOT_READ.format(path=path, why=reason)) from reason
    return {problem: text for problem, text in found.items() if isinstance(text, str)}


def read_samples(path: Path) -> dict[str, tuple[Example, ...]]:
    """Read the sample inputs of problem statements.

    A problem whose statement shows no samples, or not as many outputs as inputs, gets none.

    Raises:
        DataError: the file cannot be read.
    """
    return samples(read_statements(path))


def samples(statements: dict[str, str]) -> dict[str, tuple[Example, ...]]:
    """Return the sample inputs that statements show, by problem."""
    return {problem: tuple(_samples(page)) for problem, page in statements.items()}


def _samples(statement: str) -> Iterable[Example]:
    read, printed = (
        [html.unescape(text).lstrip("\n") for text in kind.findall(statement)] for kind in _SAMPLES
    )
    if len(read) == len(printed):
        yield from map(Example, read, printed)
