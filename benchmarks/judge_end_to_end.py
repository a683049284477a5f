"""Complete trials: a repository with tests, a change, and the whole judge with all its gates.

Each trial measures this machine's noise anew, then judges. What came of it is appended to
judge_end_to_end.csv, so an interrupted run goes on where it was.
"""

import csv
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from judge_kinds import ARGUMENTS, GAINS, KINDS, UNITS, old_units, path_of, source
from judge_trials import ASKED, CONFIDENCE

from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.preparation import Request, prepared
from perfbot.optimizer.progress import Silence
from perfbot.optimizer.verdict import Accepted
from perfbot.optimizer.verify import judge
from perfbot.profiling.benchmark import BUDGET_S, CallBenchmark, choose_calls
from perfbot.profiling.capture import capture
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.noise import against_itself
from perfbot.profiling.sandbox import strongest
from perfbot.profiling.workload import WorkloadSettings

FILE = Path(__file__).parent / "judge_end_to_end.csv"
SHARES = dict(zip(GAINS, (0.4, 0.3, 0.2, 0.1), strict=True))  # of the trials
_PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One trial; ``seconds`` is from the start of the noise measurement to the verdict.

    ``speed_s`` is the part that measuring took, with the noise; ratios are 0 where none was measured.
    """

    kind: str
    gain: float
    verdict: str
    why: str
    pairs: int
    estimate: float
    low: float
    high: float
    threshold: float
    cpu_ratio: float
    speed_s: float
    seconds: float
    at_s: int
    load: float


def read(file: Path = FILE) -> list[Outcome]:
    if not file.exists():
        return []
    types = [field.type for field in fields(Outcome)]
    with file.open(newline="") as lines:
        return [
            Outcome(*(kind(text) for kind, text in zip(types, line, strict=True)))  # type: ignore[operator,arg-type]
            for line in csv.reader(lines)
        ]


def run(trials: int) -> None:
    """Go on until so many trials are there, equally many of each kind of function."""
    for gain in GAINS:
        missing = list(_missing(gain, trials))
        if missing:
            with _case(gain) as case:
                for kind in missing:
                    _append(_tried(case, kind, gain))


def _missing(gain: float, trials: int) -> Iterator[str]:
    done = Counter((each.kind, each.gain) for each in read())
    each_kind = -(-round(trials * SHARES[gain]) // len(KINDS))
    for number in range(each_kind):
        yield from (kind for kind in KINDS if done[kind, gain] <= number)


@contextmanager
def _case(gain: float) -> Iterator[Case]:
    """Prepare a repository whose functions do the slower version's work, and record their calls."""
    with tempfile.TemporaryDirectory(prefix="judge-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        repository = folder / "repository"
        (repository / "tests").mkdir(parents=True)
        for kind in KINDS:
            module = path_of(kind).removesuffix(".py")
            (repository / path_of(kind)).write_text(source(kind, old_units(gain)))
            (repository / "tests" / f"test_{module}.py").write_text(
                f"import {module}\n\n\ndef test_work():\n    assert {module}.work({ARGUMENTS[kind]})\n"
            )
        request = Request(
            repository,
            strongest(),
            folder / "cache",
            {},
            lambda _path: _terms(),
            WorkloadSettings(python=sys.executable),
        )
        with prepared(request, Silence()) as ready:
            case, names = ready.case, [FunctionName(path_of(kind), "work") for kind in KINDS]
            with case.lent({}) as copy:
                recordings = capture(case.target, copy, case.workload, names, wall_s=120)
            case.recordings.update(recordings)
            yield case


def _terms() -> Terms:
    return Terms(min_speedup=ASKED, confidence=CONFIDENCE)


def _tried(case: Case, kind: str, gain: float) -> Outcome:
    """Judge the change to the faster version, or to other names of variables where there is no gain."""
    function = FunctionName(path_of(kind), "work")
    at_s, load = int(time.time()), os.getloadavg()[0]
    started_s = time.monotonic()
    reference = case.reference(function)
    benchmark = CallBenchmark(case.target, reference, choose_calls(reference), BUDGET_S)
    case.noise = against_itself(benchmark, case.tree, case.copy({}))
    noise_s = time.monotonic() - started_s
    changes = {function.path: source(kind, UNITS, renamed=gain == 1.0).encode()}
    deadline_s = time.monotonic() + _PATIENCE_S
    verdict = judge(case, changes, [function], _terms(), deadline_s=deadline_s)
    seconds = time.monotonic() - started_s
    measured = verdict.measured[0] if verdict.measured else None
    found = measured.speedup if measured else None
    return Outcome(
        kind,
        gain,
        type(verdict).__name__.lower(),
        "faster" if isinstance(verdict, Accepted) else verdict.why.value,
        found.pairs if found else 0,
        *((found.estimate, found.low, found.high) if found else (0.0, 0.0, 0.0)),
        measured.threshold if measured else 0.0,
        (measured.cpu_ratio or 0.0) if measured else 0.0,
        noise_s + sum(gate.seconds for gate in verdict.gates if gate.name == "speed"),
        seconds,
        at_s,
        load,
    )


def _append(outcome: Outcome) -> None:
    with FILE.open("a", newline="") as end:
        csv.writer(end, lineterminator="\n").writerow(
            f"{value:.5g}" if isinstance(value, float) else value for value in astuple(outcome)
        )
    print(outcome, flush=True)
