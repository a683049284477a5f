"""The pool of really measured pairs that ``judge.py`` draws its trials from.

A row is one pair of fresh sandboxed processes, as perfbot itself measures them. Rows are appended
as gzip members of a CSV file, so an interrupted collection loses at most the last few and goes on.
Rows of one kind and gain that were measured one after the other carry the same ``block``. Rows of
another machine are left out: they say nothing of this one.
"""

import csv
import gzip
import io
import itertools
import os
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from judge_kinds import GAINS, KINDS, Bench, bench

from perfbot.bot.findings import cpu_model
from perfbot.profiling.benchmark import BUDGET_S, Timing

FILE = Path(__file__).parent / "judge_pool.csv.gz"
AIMED = dict(zip(GAINS, (400, 400, 100, 60), strict=True))  # pairs of each kind
_BLOCK = 100
_WRITTEN_TOGETHER = 20


@dataclass(frozen=True, slots=True)
class Row:
    """One pair: times in nanoseconds per call, from the spans of one process of each version.

    ``old_ns`` and ``new_ns`` are what perfbot takes, the others what other tools take. ``renamed``:
    the new version has other variable names; ``at_s`` is the Unix time of its start, ``load`` the
    load average of the last minute.
    """

    machine: str
    kind: str
    gain: float
    block: int
    renamed: int
    at_s: int
    load: float
    old_first: int
    old_ns: int
    old_median_ns: int
    old_least_ns: int
    old_mean_ns: int
    old_cpu_ns: int
    new_ns: int
    new_median_ns: int
    new_least_ns: int
    new_mean_ns: int
    new_cpu_ns: int


def read(file: Path = FILE) -> list[Row]:
    """Return the rows of one machine, in the order in which they were measured.

    That machine is this one, or where it has no rows the one that was measured last.
    """
    rows = _every_row(file)
    machine = cpu_model() if any(row.machine == cpu_model() for row in rows) else None
    return [row for row in rows if row.machine == (machine or rows[-1].machine)]


def _every_row(file: Path) -> list[Row]:
    if not file.exists():
        return []
    with gzip.open(file, "rt", newline="") as lines:
        return [_row(line) for line in csv.reader(lines)]


def _row(line: Sequence[str]) -> Row:
    types = [field.type for field in fields(Row)]
    return Row(*(kind(text) for kind, text in zip(types, line, strict=True)))  # type: ignore[operator,arg-type]


def append(rows: Sequence[Row], file: Path = FILE) -> None:
    """Append rows as one gzip member, written at once."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(astuple, rows))
    with file.open("ab") as end:
        end.write(gzip.compress(text.getvalue().encode(), mtime=0))


def collect(seconds: float) -> None:
    """Measure pairs and append them until as many as aimed at are there, or the time is over."""
    end_s = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="judge-", ignore_cleanup_errors=True) as folder:
        ready = bench(Path(folder).resolve())
        while time.monotonic() < end_s and (chosen := _most_wanted()) is not None:
            measured = _measured(ready, *chosen)
            for _ in range(_BLOCK // _WRITTEN_TOGETHER):
                append(list(itertools.islice(measured, _WRITTEN_TOGETHER)))
                if time.monotonic() >= end_s:
                    break
            print(f"{time.strftime('%H:%M:%S')} {chosen}", flush=True)


def _most_wanted() -> tuple[str, float, int, bool] | None:
    """Return what is farthest from what is aimed at: its kind, gain, block, and whether to rename.

    Where there is no gain, every second block is the code against a copy with renamed variables.
    """
    rows = read()
    counts = Counter((row.kind, row.gain) for row in rows)
    shares = {(kind, gain): counts[kind, gain] / AIMED[gain] for gain in GAINS for kind in KINDS}
    kind, gain = min(shares, key=lambda each: shares[each])
    block = 1 + max((row.block for row in rows), default=0)
    turn = list(KINDS).index(kind) + counts[kind, gain] // _BLOCK
    renamed = gain == 1.0 and turn % 2 == 1
    return (kind, gain, block, renamed) if shares[kind, gain] < 1 else None


def _measured(ready: Bench, kind: str, gain: float, block: int, renamed: bool) -> Iterator[Row]:
    """Measure pairs without end, in random order and then in the opposite one."""
    order, machine = random.Random(block), cpu_model()
    new = ready.renamed if renamed else ready.same
    kept: list[tuple[Timing, Timing]] = []
    measure = ready.benchmark(kind, BUDGET_S).pair(ready.old[gain], new, kept)
    while True:
        first = order.random() < 0.5
        for old_first in (first, not first):
            at_s, load = int(time.time()), os.getloadavg()[0]
            measure(old_first)
            old, new_ = kept.pop()
            numbers = (*_numbers(old), *_numbers(new_))
            about = (machine, kind, gain, block, int(renamed), at_s, load, int(old_first))
            yield Row(*about, *numbers)


def _numbers(timing: Timing) -> tuple[int, ...]:
    (spans,) = timing.spans_ns
    others = statistics.median(spans), min(spans), statistics.fmean(spans)
    return tuple(map(round, (timing.pass_ns, *others, timing.cpu_ns)))
