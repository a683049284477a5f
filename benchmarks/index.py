"""How fast the project index is made, and how large it is, on a corpus of at least a million lines.

    python benchmarks/index.py [--lines 1000000] [--write] [FOLDER]...

The corpus is every Python file of the standard library and of the installed packages (and of the
FOLDERs given), linked into one project of a folder each until there are enough lines. Figures are
wall-clock times; ``--write`` puts them into benchmarks/index.md.
"""

import argparse
import os
import platform
import shutil
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from perfbot.bot.findings import cpu_model
from perfbot.optimizer.project_index import ProjectIndex, QueryRefused
from perfbot.optimizer.retrieval import Lexical
from perfbot.profiling.conditions import conditions_now

TABLE = Path(__file__).with_suffix(".md")
ROUNDS = 5
INTRODUCTION = """\
# The project index

Made of the Python files of the standard library and of installed packages; wall-clock time, the index in a
file. Promised: 1,000,000 lines in at most 60 s, the update of one file in at most 1 s.
Reproduce: `python benchmarks/index.py --write`.
"""


@dataclass(frozen=True)
class Corpus:
    """A project of many; ``paths`` are relative to ``root``."""

    root: Path
    paths: tuple[str, ...]
    lines: int


def gathered(folders: Sequence[Path], at_least: int, root: Path) -> Corpus:
    """Copy packages into one project until there are enough lines."""
    paths, lines = [], 0
    for number, (folder, path) in enumerate(_python_files(folders)):
        target = root / f"c{folders.index(folder)}" / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        paths.append(target.relative_to(root).as_posix())
        lines += path.read_bytes().count(b"\n")
        if lines >= at_least and number % 100 == 0:
            break
    return Corpus(root, tuple(paths), lines)


def _python_files(folders: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            inner = path.relative_to(folder).parts
            if "site-packages" not in inner and path.is_file():
                yield folder, path


def timed_s(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def median_s(work: Callable[[], object]) -> float:
    """Return the median seconds of a few rounds."""
    return sorted(timed_s(work) for _ in range(ROUNDS))[ROUNDS // 2]


def measured(corpus: Corpus, file: Path) -> Iterator[tuple[str, str]]:
    """Yield what was measured, and how much it was."""
    index = ProjectIndex.open(file)
    first_s = timed_s(lambda: index.update(corpus.root, corpus.paths))
    yield "lines", f"{corpus.lines:,} in {len(corpus.paths):,} files"
    yield "files that were not read", f"{len(index.unread()):,}"
    yield "first update", f"{first_s:.1f} s ({corpus.lines / first_s:,.0f} lines/s)"
    yield "size of the index", f"{_size(index, file) / 1e6:,.0f} MB"
    for name, table in (("symbols", "symbols"), ("uses of names", "uses")):
        yield name, index.query(f"SELECT count(*) FROM {table}").rows[0][0]
    yield (
        "update when nothing changed",
        _span(median_s(lambda: index.update(corpus.root, corpus.paths))),
    )
    yield from _one_file(index, corpus)
    yield from _questions(index)
    index.close()


def _size(index: ProjectIndex, file: Path) -> int:
    return sum(each.stat().st_size for each in file.parent.glob(f"{file.name}*"))


def _one_file(index: ProjectIndex, corpus: Corpus) -> Iterator[tuple[str, str]]:
    largest = max(corpus.paths, key=lambda path: (corpus.root / path).stat().st_size)
    usual = corpus.paths[len(corpus.paths) // 2]
    for name, path in (("a usual file", usual), ("the largest file", largest)):
        file = corpus.root / path

        def change(path: str = path, file: Path = file) -> None:
            file.write_bytes(file.read_bytes() + b"\ndef perfbot_was_here(): ...\n")
            index.refresh(corpus.root, [path])

        yield f"refresh of {name} ({file.stat().st_size:,} bytes)", _span(median_s(change))
    file = corpus.root / usual

    def change_one() -> None:
        file.write_bytes(file.read_bytes() + b"\ndef perfbot_was_here(): ...\n")
        index.update(corpus.root, corpus.paths)

    yield "update of everything, one file changed", _span(median_s(change_one))


def _questions(index: ProjectIndex) -> Iterator[tuple[str, str]]:
    symbol = next(each for each in index.symbols("dump") if each.kind == "function")
    place = (symbol.path, symbol.qualname)
    yield "callers", _span(median_s(lambda: index.callers(*place)))
    yield "callees", _span(median_s(lambda: index.callees(*place)))
    yield "nearest names", _span(median_s(lambda: index.nearest_names("parse_argumnets")))
    lexical = Lexical(index)
    sentence = "return the number of days in a month of a calendar"
    yield "BM25 search", _span(median_s(lambda: lexical.search(sentence, 10)))

    def refused() -> None:
        try:
            index.query("SELECT count(*) FROM uses a, uses b")
        except QueryRefused:
            return

    yield "a proposed query without end is refused after", _span(timed_s(refused))


def _span(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("folders", nargs="*", type=Path)
    arguments = parser.parse_args()
    places = (sysconfig.get_path(each) for each in ("stdlib", "purelib"))
    folders = [*arguments.folders, *map(Path, places)]
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "corpus")
        root.mkdir()
        corpus = gathered([folder.resolve() for folder in folders], arguments.lines, root)
        if corpus.lines < arguments.lines:
            sys.exit(f"only {corpus.lines:,} lines here: name folders with more Python files")
        load = os.getloadavg()[0]
        rows = [
            f"| {what} | {much} |" for what, much in measured(corpus, Path(scratch, "index.db"))
        ]
    machine = (
        f"{cpu_model()}, {len(conditions_now().cpus)} cores, {platform.system()}, Python "
        f"{platform.python_version()}; load average {load:.1f} at the start."
    )
    text = "\n".join([INTRODUCTION, machine, "", "| | |", "|---|---|", *rows, ""])
    print(text)
    if arguments.write:
        TABLE.write_text(text)


if __name__ == "__main__":
    main()
