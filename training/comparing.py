"""Two versions' outputs and costs compared: are they the same, and how many times as much is one?"""

import math
import re
import statistics
from collections.abc import Sequence

from perfbot.training.execution import Fate, Ran
from perfbot.training.records import Ratio

_TOLERANCE = 1e-6
# Of the process that starts a program: what it needs itself cannot be seen below that.
_RSS_FLOOR_BYTES = 11 << 20


def normal(output: str) -> str:
    """Return an output with its words only, however they are spaced."""
    return " ".join(output.split())


_NUMBER = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?")


def same(output: str, expected: str) -> bool:
    """Say whether two outputs are the same, as judges compare: word by word, floats to 1e-6."""
    found, wanted = output.split(), expected.split()
    return len(found) == len(wanted) and all(map(_same_word, found, wanted))


def _same_word(found: str, wanted: str) -> bool:
    if found == wanted:
        return True
    if "." not in found + wanted or not (_NUMBER.fullmatch(found) and _NUMBER.fullmatch(wanted)):
        return False
    numbers = float(found), float(wanted)
    if not all(map(math.isfinite, numbers)):
        return False
    return math.isclose(*numbers, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)


_LEAST_COUNT = 20_000
_LEAST_S = 1e-4  # below it no clock of these tells anything


def own(idle: Sequence[Ran]) -> tuple[float, float]:
    """Return the wall and CPU seconds of a driver, 0 where there is none or it does not end well."""
    if not idle or any(each.fate is not Fate.DONE for each in idle):
        return 0.0, 0.0
    return min(each.wall_s for each in idle), min(each.cpu_s for each in idle)


def ratio(before: Sequence[float], after: Sequence[float], own: float = 0.0) -> Ratio | None:
    """Return slow over fast, with the interval between the smallest and the largest of the rounds."""
    found = [
        max(old - own, _LEAST_S) / max(new - own, _LEAST_S)
        for old, new in zip(before, after, strict=True)
    ]
    if not all(map(math.isfinite, found)):
        return None
    return Ratio(statistics.median(found), min(found), max(found))


def memory(before: Sequence[Ran], after: Sequence[Ran]) -> Ratio | None:
    """Return how many times as much memory the slow side takes, ``None`` below what can be seen."""
    old, new = ([float(each.rss_bytes) for each in side] for side in (before, after))
    return None if max(*old, *new) < _RSS_FLOOR_BYTES else ratio(old, new)


def exact(counted: Sequence[int | None]) -> Ratio | None:
    """Return the ratio of the first two counts, less the third where there is one.

    Below 20,000 instructions a count says only that there is next to nothing to do, not how little.
    """
    slow, fast, *idle = counted
    if slow is None or fast is None:
        return None
    own = (idle[0] or 0) if idle else 0
    ratio = max(_LEAST_COUNT, slow - own) / max(_LEAST_COUNT, fast - own)
    return Ratio(ratio, ratio, ratio)
