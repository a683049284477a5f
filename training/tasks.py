"""Tasks of records: what a policy is asked about, and what its replies are judged on."""

from collections.abc import Sequence

from perfbot.training.court import Task
from perfbot.training.records import Language, Split, TrainingPair


def task_of(pair: TrainingPair) -> Task:
    """Return a pair's slow program with its inputs, the high-contrast ones first.

    The others stay: a version must be right on all of them.
    """
    best = [pair.cases[place] for place in pair.contrast]
    others = [case for case in pair.cases if case not in best]
    return Task(pair.slow, pair.entry_point, tuple(each.stdin for each in (*best, *others)))


def tasks(pairs: Sequence[TrainingPair], split: Split, most: int) -> list[Task]:
    """Return up to ``most`` different Python functions of a split, in the order of the file."""
    chosen = [
        pair
        for pair in pairs
        if pair.split is split and pair.language is Language.PYTHON and pair.entry_point
    ]
    found = list(dict.fromkeys(task_of(pair) for pair in chosen))
    return spread(found, most)


def spread(tasks: Sequence[Task], most: int) -> list[Task]:
    """Return ``most`` of the tasks, evenly over their order: neighbours are often alike."""
    if len(tasks) <= most:
        return list(tasks)
    return [tasks[place * len(tasks) // most] for place in range(most)]
