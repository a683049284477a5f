"""Inputs that are large enough to tell programs apart: grown from samples within the constraints.

Samples of programming problems are tiny. A sample's form is read off it: a number on the first line
that equals how many lines follow, or how many words a line has, counts them; so these grow together.
Where nothing is counted, numbers and words grow themselves. That such an input is valid is a guess,
which is only believed where programs that are known to be right agree on it (``verification.py``).
"""

import html
import random
import re
from collections.abc import Iterator, Sequence

SIZES = (30, 1_000, 20_000)
MOST_VALUE = 10**18
MOST_BYTES = 4 << 20

_MOST_SAMPLE = 2000  # characters; what is longer is large enough, or too large to grow

_BOUND = re.compile(
    r"(?:≤|≦|<=|\\leq?q?|&le;|&leq;)\s*(?:<var>|<i>|\$)?\s*"
    r"(\d[\d,]{0,24})\s*(?:(?:×|\\times|\*)\s*(\d{1,19}))?"
    r"\s*(?:<sup>\s*(\d{1,3})\s*</sup>|\^\{?(\d{1,3})\}?)?"
)
_INTEGER = re.compile(r"-?\d{1,18}")


def bounds(statement: str) -> tuple[int, ...]:
    """Return the upper bounds that a problem's statement names, smallest first."""
    found = set()
    for number, factor, raised, power in _BOUND.findall(html.unescape(statement)):
        exponent = int(raised or power or 1)
        base = int(number.replace(",", ""))
        if exponent > 18:
            continue
        value = base * int(factor) ** exponent if factor else base**exponent
        if 0 < value <= MOST_VALUE:
            found.add(value)
    return tuple(sorted(found))


def grown(samples: Sequence[str], statement: str, seed: int) -> list[str]:
    """Return larger inputs in the form of the samples, different ones, smallest first."""
    limits = bounds(statement)
    most = limits[-1] if limits else MOST_VALUE
    found: dict[str, None] = {}
    for sample in (each for each in samples if len(each) <= _MOST_SAMPLE):
        rows = [line.split() for line in sample.strip().splitlines() if line.split()]
        for size in SIZES if rows else ():
            rng = random.Random(f"{seed}:{size}:{sample}")
            for made in _larger(rows, min(size, most), most, rng):
                text = "\n".join(map(" ".join, made)) + "\n"
                if len(text) <= MOST_BYTES and text.strip() != sample.strip():
                    found[text] = None
    return sorted(found, key=len)


def _larger(
    rows: list[list[str]], size: int, most: int, rng: random.Random
) -> Iterator[list[list[str]]]:
    counted_rows = _places(rows, len(rows) - 1)
    counted_words = [
        (place, row)
        for row in range(1, len(rows))
        for place in _places(rows, len(rows[row]))
        if len(rows[row]) > 1
    ]
    if len(rows) > 1 and counted_rows:
        yield _more_rows(rows, counted_rows[0], size, rng)
    if counted_words:
        yield _more_words(rows, counted_words, size, rng)
    if not counted_words and not (len(rows) > 1 and counted_rows):
        yield [[_larger_word(word, size, most, rng) for word in row] for row in rows]


def _places(rows: list[list[str]], count: int) -> list[int]:
    """Return where on the first line a count stands; one row or word says nothing."""
    return [place for place, word in enumerate(rows[0]) if count > 1 and word == str(count)]


def _more_rows(rows: list[list[str]], place: int, size: int, rng: random.Random) -> list[list[str]]:
    first = list(rows[0])
    first[place] = str(size)
    return [first, *(_like(rng.choice(rows[1:]), rows[1:], rng) for _ in range(size))]


def _more_words(
    rows: list[list[str]], counted: list[tuple[int, int]], size: int, rng: random.Random
) -> list[list[str]]:
    made = [list(row) for row in rows]
    for place, row in counted:
        made[0][place] = str(size)
        made[row] = _like(rng.choices(rows[row], k=size), [rows[row]], rng)
    return made


def _like(row: Sequence[str], rows: Sequence[Sequence[str]], rng: random.Random) -> list[str]:
    """Return a row of the same kind: numbers drawn from the range that the rows show, words kept."""
    numbers = [int(word) for each in rows for word in each if _INTEGER.fullmatch(word)]
    if not numbers:
        return list(row)
    low, high = min(numbers), max(numbers)
    return [str(rng.randint(low, high)) if _INTEGER.fullmatch(word) else word for word in row]


def _larger_word(word: str, size: int, most: int, rng: random.Random) -> str:
    if _INTEGER.fullmatch(word):
        drawn = rng.randint(max(1, size // 2), size)
        return str(min(most, int(word) * drawn or drawn))
    return (word * (size // len(word) + 1))[:size]
