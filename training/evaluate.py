"""How well a planner or an optimizer does on functions that were held out: any backend, small scale.

    python -m perfbot.training.evaluate --config recipes/smoke/evaluate.yml

Each subject is asked as perfbot asks (``optimizer/models.py``), its best of ``k`` replies counts. As
in PIE: *optimized* is right and at least 1.1 times as cheap, *correct* is right, *speedup* is old/new
cost, 1 for a failure. Intervals are bootstrapped over functions (95 %).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from statistics import fmean

import msgspec
import numpy as np
from scipy.stats import bootstrap

from perfbot.optimizer.catalogue import rules
from perfbot.optimizer.endpoint import Endpoint
from perfbot.optimizer.local import LocalModel
from perfbot.optimizer.models import Message, Model, ModelError, Role, Sampling
from perfbot.optimizer.protocol import PLAN_CLOSE, prompt
from perfbot.training import records, tasks
from perfbot.training.costs import Gauge
from perfbot.training.court import Court, Task
from perfbot.training.judging import Coded, Judging, Planned
from perfbot.training.outcome import Branch, Outcome
from perfbot.training.planned import Catalogue
from perfbot.training.records import Split
from perfbot.training.stage import StageError, main

WHERE = "subject {name}: give either directory:, or url: and model:, or neither for the catalogue"

_OPTIMIZED = 1.1
_HEAD = "| subject | optimized | correct | speedup | speedup, floor of 1 | replies |\n|---|---|---|---|---|---|\n"


class Part(StrEnum):
    """What a subject does: plans for the catalogue, or plan and code in one reply."""

    PLANNER = "planner"
    OPTIMIZER = "optimizer"


class Subject(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who is evaluated: a model directory, an endpoint, or without either the catalogue alone."""

    part: Part = Part.PLANNER
    directory: Path | None = None
    url: str | None = None
    model: str | None = None


class Evaluation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``subjects`` by name; ``replies`` are drawn of each for each function at ``temperature``."""

    out: Path
    pairs: Path
    memory: Path
    subjects: Mapping[str, Subject]
    tasks: int = 32
    replies: int = 1
    temperature: float = 0.0
    most_tokens: int = 256
    seed: int = 0
    gauge: Gauge = Gauge.INSTRUCTIONS


class Interval(msgspec.Struct, frozen=True):
    """A figure with the ends of its 95 % interval."""

    estimate: float
    low: float
    high: float


class Result(msgspec.Struct, frozen=True):
    """What a subject reached; shares are of functions, ``branches`` counts single replies."""

    optimized: Interval
    correct: Interval
    speedup: Interval
    speedup_floored: Interval
    branches: Mapping[Branch, int]


def run(config: Evaluation) -> None:
    """Evaluate every subject and write evaluation.json and evaluation.md into the folder ``out``."""
    held_out = tasks.tasks(list(records.read(config.pairs)), Split.TEST, config.tasks)
    court = Court(held_out, gauge=config.gauge, memory=config.memory)
    results = {
        name: _result(list(_outcomes(config, name, subject, held_out, court)), config.seed)
        for name, subject in config.subjects.items()
    }
    config.out.mkdir(parents=True, exist_ok=True)
    (config.out / "evaluation.json").write_bytes(msgspec.json.encode(results) + b"\n")
    table = "".join([_HEAD, *(_row(name, each) for name, each in results.items())])
    title = f"# {len(held_out)} held-out functions, best of {config.replies}\n\n"
    (config.out / "evaluation.md").write_text(title + table)
    print(table)


def _outcomes(
    config: Evaluation, name: str, subject: Subject, held_out: Sequence[Task], court: Court
) -> Iterator[list[Outcome]]:
    """Yield for each function what came of each reply."""
    catalogue = Catalogue(court, rules())
    model = _model(name, subject)
    judging = Planned(catalogue) if subject.part is Part.PLANNER else Coded(court)
    for task in held_out:
        if model is None:
            yield [court.outcome(court.kept(task), catalogue.composed(court.kept(task), ())[0])]
        else:
            yield [_asked(config, model, judging, task, number) for number in range(config.replies)]


def _model(name: str, subject: Subject) -> Model | None:
    match subject:
        case Subject(directory=None, url=None, model=None):
            return None
        case Subject(directory=Path() as directory, url=None, model=None):
            return LocalModel(directory)
        case Subject(directory=None, url=str(url), model=str(model)):
            return Endpoint(url, model, "")
    raise StageError(WHERE.format(name=name))


def _asked(config: Evaluation, model: Model, judging: Judging, task: Task, number: int) -> Outcome:
    plans = isinstance(judging, Planned)
    sampling = Sampling(
        max_tokens=config.most_tokens,
        temperature=config.temperature,
        stop=(PLAN_CLOSE,) if plans else (),
        seed=config.seed + number,
    )
    try:
        reply = model.ask([Message(Role.USER, prompt(task.program))], sampling).text
    except ModelError as error:
        return Outcome(Branch.NO_FORMAT, why=str(error))
    return judging.outcome(task, f"{reply}{PLAN_CLOSE}" if plans else reply)


def _result(found: Sequence[Sequence[Outcome]], seed: int) -> Result:
    """Return the figures of the best reply to each function."""
    best = [max(each, key=_worth) for each in found]
    speedups = [each.speedup for each in best]
    return Result(
        _interval([float(each.speedup >= _OPTIMIZED) for each in best], seed),
        _interval([float(each.branch is Branch.RIGHT) for each in best], seed),
        _interval(speedups, seed),
        _interval([max(1.0, each) for each in speedups], seed),
        Counter(outcome.branch for each in found for outcome in each),
    )


def _worth(outcome: Outcome) -> tuple[bool, float]:
    return outcome.branch is Branch.RIGHT, outcome.ratio


def _interval(values: Sequence[float], seed: int) -> Interval:
    """Return a mean with its interval; where all values are the same there is no width."""
    mean = fmean(values)
    if len(set(values)) == 1:
        return Interval(mean, mean, mean)
    drawn = np.random.default_rng(seed)
    found = bootstrap(
        (np.asarray(values),), np.mean, rng=drawn, method="percentile"
    ).confidence_interval
    return Interval(mean, float(found.low), float(found.high))


def _row(name: str, result: Result) -> str:
    shares = (f"{_told(each, 100, '.0f')} %" for each in (result.optimized, result.correct))
    ratios = (f"{_told(each, 1, '.2f')}×" for each in (result.speedup, result.speedup_floored))
    branches = ", ".join(f"{branch} {count}" for branch, count in sorted(result.branches.items()))
    return f"| {' | '.join([name, *shares, *ratios, branches])} |\n"


def _told(found: Interval, times: float, form: str) -> str:
    estimate, low, high = (format(each * times, form) for each in msgspec.structs.astuple(found))
    return f"{estimate} ({low}–{high})"


if __name__ == "__main__":
    main(Evaluation, run, __doc__)
