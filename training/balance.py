"""A balanced set out of many pairs: rare categories first (PerfCoder, "Data": D_ref to D_b).

    python -m perfbot.training.balance --config recipes/balance.toml

A pair's score is S = (1/k) Σ 1/f(s_i) over its k categories, f being how many pairs have a category.
In each category pairs are ranked by it, and taken in turn, one of each category a round, until there are
as many as wanted. Only pairs for training are balanced; the others come along as they are. ``out`` is a
file of pairs; beside it ``balance.svg`` and ``balance.md`` show the shares before and after, and the
paper's.
"""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import msgspec

from perfbot.optimizer.strategies import Category
from perfbot.training import records
from perfbot.training.data_stage import StageError, configured, say
from perfbot.training.records import RecordsError, Split, TrainingPair

NOTHING = "no pair of {path} has a strategy; annotate it first"
HEADING = (
    "| category | before | after | PerfCoder before | PerfCoder after |\n|---|---|---|---|---|"
)
TITLE = "Share of pairs with a category, before and after balancing"

# Shares of pairs in per cent, before and after, as far as the paper's text names them.
PUBLISHED: Mapping[Category, tuple[float, float]] = {
    Category.INPUT_OUTPUT: (86.72, 73.9),
    Category.LOCALITY: (1.15, 8.2),
    Category.CONCURRENCY: (0.04, 0.54),
}


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The stage's configuration. Paths are relative to its file; ``most`` pairs are taken (5,000)."""

    pairs: list[str]
    out: str
    most: int = 5000


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage; return 0, or 1 where nothing came of it."""
    try:
        return run(*configured(Config, argv, __doc__ or ""))
    except (StageError, RecordsError, OSError) as error:
        say(f"balance: {error}")
        return 1


def run(config: Config, base: Path) -> int:
    """Balance and write.

    Raises:
        StageError: no pair has a strategy.
    """
    pairs = [pair for each in config.pairs for pair in records.read(base / each)]
    train = [each for each in pairs if each.split is Split.TRAIN]
    chosen = balanced(train, config.most)
    if not chosen:
        raise StageError(NOTHING.format(path=", ".join(config.pairs)))
    out = base / config.out
    rest = [each for each in pairs if each.split is not Split.TRAIN and each.strategies]
    records.write(out, [*chosen, *rest])
    before, after = shares(train), shares(chosen)
    out.with_name("balance.svg").write_text(picture(before, after), encoding="utf-8")
    out.with_name("balance.md").write_text(
        f"{len(train):,} pairs for training before, {len(chosen):,} after; of these "
        f"{sum(each.cross_user for each in train):,} and "
        f"{sum(each.cross_user for each in chosen):,} cross-user.\n\n{as_table(before, after)}\n",
        encoding="utf-8",
    )
    return 0


def scores(pairs: Sequence[TrainingPair]) -> dict[str, float]:
    """Return the score of each record that has strategies: the mean of 1/f over its categories."""
    frequency = Counter(category for pair in pairs for category in categories(pair))
    return {
        pair.record: sum(1 / frequency[each] for each in found) / len(found)
        for pair in pairs
        if (found := categories(pair))
    }


def balanced(pairs: Sequence[TrainingPair], most: int) -> list[TrainingPair]:
    """Return at most so many pairs, taken in turn from each category, the highest scores first.

    The rarest category takes first; a pair counts for the category that took it.
    """
    score = scores(pairs)
    queues: dict[Category, list[TrainingPair]] = {}
    for pair in sorted(pairs, key=lambda each: (-score.get(each.record, 0.0), each.record)):
        for category in categories(pair):
            queues.setdefault(category, []).append(pair)
    waiting = [
        iter(queues[each]) for each in sorted(queues, key=lambda each: (len(queues[each]), each))
    ]
    chosen: dict[str, TrainingPair] = {}
    while waiting and len(chosen) < most:
        for queue in list(waiting):
            taken = next((each for each in queue if each.record not in chosen), None)
            if taken is None:
                waiting.remove(queue)
            elif len(chosen) < most:
                chosen[taken.record] = taken
    return list(chosen.values())


def categories(pair: TrainingPair) -> list[Category]:
    """Return the categories of a pair, each once, in their order."""
    return list(dict.fromkeys(each.category for each in pair.strategies))


def shares(pairs: Sequence[TrainingPair]) -> dict[Category, float]:
    """Return which share of the pairs with strategies has each category."""
    with_any = [found for pair in pairs if (found := categories(pair))]
    counted = Counter(each for found in with_any for each in found)
    return {each: counted[each] / max(1, len(with_any)) for each in Category}


def as_table(before: Mapping[Category, float], after: Mapping[Category, float]) -> str:
    """Return the shares as Markdown; the paper's where its text names them."""
    rows = [HEADING]
    for category in Category:
        told = PUBLISHED.get(category)
        theirs = [f"{each:g} %" for each in told] if told else ["", ""]
        ours = [f"{each[category]:.1%}" for each in (before, after)]
        rows.append(f"| {' | '.join((category.value, *ours, *theirs))} |")
    return "\n".join(rows)


# -- the picture -----------------------------------------------------------------------------------

_LEFT, _WIDTH, _ROW, _BAR, _TOP = 300, 760, 34, 7, 50
_SERIES = (
    ("before", "#9aa5b1"),
    ("after", "#2f6fb3"),
    ("PerfCoder before", "#e0b98a"),
    ("PerfCoder after", "#c7762c"),
)


def picture(before: Mapping[Category, float], after: Mapping[Category, float]) -> str:
    """Return an SVG of bars by category: ours before and after, and the paper's where it is known."""
    height = _TOP + _ROW * len(Category) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        'font-family="sans-serif" font-size="12">',
        f"<title>{TITLE}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="10" y="18" font-size="14">{TITLE}</text>',
    ]
    for number, (name, colour) in enumerate(_SERIES):
        x = 10 + 180 * number
        parts.append(f'<rect x="{x}" y="28" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 15}" y="37">{name}</text>')
    for row, category in enumerate(Category):
        told = [each / 100 for each in PUBLISHED.get(category, ())]
        parts += _bars(row, category, [before[category], after[category], *told])
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bars(row: int, category: Category, values: Sequence[float]) -> list[str]:
    top = _TOP + _ROW * row
    parts = [
        f'<text x="{_LEFT - 8}" y="{top + 16}" text-anchor="end">{escape(category.value)}</text>'
    ]
    for number, (value, (_, colour)) in enumerate(zip(values, _SERIES, strict=False)):
        length = round(value * (_WIDTH - _LEFT - 60), 1)
        y = top + number * _BAR
        parts.append(
            f'<rect x="{_LEFT}" y="{y}" width="{length}" height="{_BAR - 1}" fill="{colour}"/>'
        )
        parts.append(f'<text x="{_LEFT + length + 3}" y="{y + 6}" font-size="7">{value:.1%}</text>')
    return parts


if __name__ == "__main__":
    sys.exit(main())
