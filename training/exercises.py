"""Slow/fast pairs from the shapes of ``shapes.py``, made by the catalogue and proven by the judge.

    python -m perfbot.training.exercises --config recipes/smoke/exercises.yml

Each step that the catalogue sees in a shape, and all of them together, becomes a pair where the gates
find nothing against it and it costs no more. Then shapes are spelled with many names: that changes
nothing of what was proven. What is held out for measuring are spellings, so a model is measured on
names that it has not seen together, not on shapes that it has not seen.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

import msgspec

from perfbot.optimizer.authors import advice_of
from perfbot.optimizer.catalogue import rules
from perfbot.optimizer.strategies import Suggestion
from perfbot.training import practice, records, shapes
from perfbot.training.court import Court, Task
from perfbot.training.outcome import Branch
from perfbot.training.planned import Catalogue
from perfbot.training.records import (
    Case,
    Language,
    Measured,
    NamedStrategy,
    Ratio,
    Split,
    TrainingPair,
)
from perfbot.training.shapes import SHAPES, Shape
from perfbot.training.stage import StageError, main

NO_SHAPE = "there is no shape {name!r}; the shapes are: {all}"

_KEPT = {hole: f"qq{hole}" for hole in "f many others one result total place".split()}
_LEAST_RATIO = 0.995  # worse plans than the best are needed, or a planner had nothing to choose
_HELD_OUT = {Split.VALIDATION: 0.1, Split.TEST: 0.1}
_LICENCE = "Apache-2.0"


class Exercises(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to make: the file ``out``, how many spellings of each shape (``None``: of all), the seed.

    ``memory`` is a file of what was judged before, here or by another stage. In the folder ``project``,
    if there is one, a small repository is made of the shapes in names that are held out.
    """

    out: Path
    spellings: int
    memory: Path
    shapes: tuple[str, ...] | None = None
    project: Path | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Proven:
    """A faster version of a shape, in names that are easily exchanged."""

    shape: Shape
    slow: str
    fast: str
    suggestions: tuple[Suggestion, ...]
    ratio: float


def run(config: Exercises) -> None:
    """Prove the shapes' faster versions and write their spellings."""
    chosen = _chosen(config.shapes)
    tasks = [kept(shape) for shape in chosen]
    court = Court(tasks, memory=config.memory)
    proven = [
        each
        for shape, task in zip(chosen, tasks, strict=True)
        for each in faster(shape, task, court)
    ]
    pairs = list(spelled(proven, config.spellings, config.seed))
    count = records.write(config.out, pairs)
    if config.project is not None:
        practice.write(config.project, pairs)
    print(f"{count} pairs of {len(proven)} faster versions of {len(chosen)} shapes: {config.out}")


def _chosen(names: Sequence[str] | None) -> list[Shape]:
    known = {shape.name: shape for shape in SHAPES}
    for name in names or ():
        if name not in known:
            raise StageError(NO_SHAPE.format(name=name, all=", ".join(known)))
    return [known[name] for name in (known if names is None else names)]


def kept(shape: Shape) -> Task:
    """Return a shape in the names in which it is proven."""
    return Task(Template(shape.text).substitute(_KEPT), _KEPT["f"], shape.calls)


def faster(shape: Shape, task: Task, court: Court) -> Iterator[Proven]:
    """Yield what makes a shape faster: each single step of the catalogue, then all of them."""
    catalogue = Catalogue(court, rules())
    single = [(step.text, (step.suggestion,)) for step in catalogue.steps(task, task.program)]
    seen: set[str] = set()
    for text, suggestions in (*single, catalogue.composed(task, ())):
        outcome = court.outcome(task, text)
        new = suggestions and text not in seen
        if new and outcome.branch is Branch.RIGHT and outcome.ratio >= _LEAST_RATIO:
            seen.add(text)
            yield Proven(shape, task.program, text, suggestions, outcome.ratio)


def spelled(proven: Sequence[Proven], count: int, seed: int) -> Iterator[TrainingPair]:
    """Yield each proven version in ``count`` spellings; the same seed gives the same."""
    drawn = random.Random(seed)
    by_shape: dict[str, list[Proven]] = {}
    for each in proven:
        by_shape.setdefault(each.shape.name, []).append(each)
    for name, versions in by_shape.items():
        for number in range(count):
            names, split = _names(drawn), _split(drawn)
            problem = f"{name} {number}"
            for place, version in enumerate(versions):
                yield _pair(version, names, problem, f"{problem}.{place}", split)


def _names(drawn: random.Random) -> dict[str, str]:
    many = drawn.randrange(len(shapes.MANY))
    return {
        "f": drawn.choice(shapes.FUNCTIONS),
        "many": shapes.MANY[many],
        "others": drawn.choice(shapes.OTHERS),
        "one": shapes.ONE[many],
        "result": drawn.choice(shapes.RESULT),
        "total": drawn.choice(shapes.TOTAL),
        "place": drawn.choice(shapes.PLACE),
    }


def _split(drawn: random.Random) -> Split:
    place = drawn.random()
    for split, share in _HELD_OUT.items():
        if place < share:
            return split
        place -= share
    return Split.TRAIN


def _pair(
    proven: Proven, names: dict[str, str], problem: str, record: str, split: Split
) -> TrainingPair:
    strategies = tuple(
        NamedStrategy(
            each.strategy.category, each.strategy.name, _named(advice_of(each).description, names)
        )
        for each in proven.suggestions
    )
    ratio = Ratio(proven.ratio, proven.ratio, proven.ratio)
    return TrainingPair(
        record=record,
        problem=problem,
        source="exercise",
        language=Language.PYTHON,
        slow=_named(proven.slow, names),
        fast=_named(proven.fast, names),
        origin="perfbot",
        licence=_LICENCE,
        entry_point=names["f"],
        strategies=strategies,
        measured=Measured(instructions=ratio),
        cases=tuple(Case(call, "") for call in proven.shape.calls),
        contrast=(0,),
        split=split,
    )


def _named(text: str, names: dict[str, str]) -> str:
    """Put names in the place of the kept ones, also where new names were made of those."""
    for hole, name in names.items():
        text = text.replace(_KEPT[hole], name).replace(_KEPT[hole].upper(), name.upper())
    return text


if __name__ == "__main__":
    main(Exercises, run, __doc__)
