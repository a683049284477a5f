"""The power of the size by which time grows, with its uncertainty.

As Goldsmith, Aiken and Wilkerson do in *Measuring Empirical Computational Complexity* (ESEC/FSE
2007), a power law is fitted to time against size on logarithmic scales, by least squares. What a
call costs at any size bends that line at its lower end, so a fixed cost may be part of the law,
``time = fixed + scale * size ** exponent``, where it fits better by the corrected information
criterion of Hurvich and Tsai (*Biometrika* 76, 1989).
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]

TOO_FEW = "only {count} sizes could be timed, {least} are needed"
TOO_NARROW = "its sizes span a factor of {span:.1f} before a limit is reached, {least:g} is needed"
TOO_SHORT = "it takes less than {least_us:g} µs at every size"
POOR = "its times follow no power of the size ({value:.1f} ± {error:.1f})"

_LEAST_SPAN = 8.0
_LEAST_SIZES = 6
_LEAST_HALVED = 8  # sizes that can be looked at by halves
_TRUSTED_NS = 10_000  # a single call that is shorter says little
_MOST_ERROR = 0.5
_LEAST_ERROR = 0.02  # no clock tells more
_CONFIDENCE = 0.95
_FLOOR = 1e-9  # of the mean squared error of logarithms: less is rounding

Point = tuple[float, float]  # size, nanoseconds


@dataclass(frozen=True, slots=True)
class Exponent:
    """The power of the size by which time grows; ``error`` is half the width of its interval.

    The interval has the t interval of the fit (95 %) and, in addition, how far the upper half of
    the sizes tells something else than all: a law that is not quite a power (n log n) has no one
    exponent. Where that is more than noise, the exponent is that of the upper half.
    """

    value: float
    error: float

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return self.value - self.error

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return self.value + self.error


def exponent(points: Sequence[Point]) -> Exponent | str:
    """Fit the exponent to sizes and times, all positive; return in words why there is none."""
    usable = _trusted(sorted(points))
    if len(usable) < _LEAST_SIZES:
        return TOO_FEW.format(count=len(usable), least=_LEAST_SIZES)
    span = usable[-1][0] / usable[0][0]
    if span < _LEAST_SPAN:
        return TOO_NARROW.format(span=span, least=_LEAST_SPAN)
    if max(ns for _, ns in usable) < _TRUSTED_NS:
        return TOO_SHORT.format(least_us=_TRUSTED_NS / 1000)
    found = _fitted(usable)
    if found.error > _MOST_ERROR:
        return POOR.format(value=found.value, error=found.error)
    return found


def _trusted(points: Sequence[Point]) -> Sequence[Point]:
    """Leave out the calls that are too short for a clock, where enough others are left."""
    longer = [point for point in points if point[1] >= _TRUSTED_NS]
    wide = len(longer) >= _LEAST_SIZES and longer[-1][0] >= _LEAST_SPAN * longer[0][0]
    return longer if wide else points


@dataclass(frozen=True, slots=True)
class _Law:
    """A fitted law: its exponent with the standard error, its fixed cost, how well it fits."""

    exponent: float
    standard_error: float
    fixed: float
    score: float
    degrees: int

    def is_better_than(self, simpler: "_Law") -> bool:
        """Say whether a law with a fixed cost explains the times better, and still has an exponent."""
        return self.score < simpler.score and self.standard_error < _MOST_ERROR / 2


def _fitted(points: Sequence[Point]) -> Exponent:
    import numpy as np

    sizes, times = np.log(np.array(points, dtype=np.float64)).T
    line = _line(sizes, times)
    bent = _bent(sizes, times, line)
    law = bent if bent is not None and bent.is_better_than(line) else line
    first = len(points) // 2 if len(points) >= _LEAST_HALVED else 0
    above = np.log(np.maximum(np.exp(times[first:]) - law.fixed, 1e-300))
    half = _half_width(law)
    upper = _line(sizes[first:], above)
    bend = abs(upper.exponent - law.exponent)
    if bend > half:  # more than noise: the larger sizes tell more of what comes beyond them
        law, half = upper, _half_width(upper)
    return Exponent(law.exponent, max(_LEAST_ERROR, math.hypot(half, bend)))


def _half_width(law: _Law) -> float:
    from scipy.special import stdtrit  # late: half of perfbot's start-up time

    return float(stdtrit(law.degrees, 0.5 + _CONFIDENCE / 2)) * law.standard_error


def _line(sizes: "Numbers", times: "Numbers") -> _Law:
    """Fit ``time = scale * size ** exponent``."""
    x, y = sizes - sizes.mean(), times - times.mean()
    square = float(x @ x)
    slope = float(x @ y) / square
    squares = float(((y - slope * x) ** 2).sum())
    error = math.sqrt(squares / (len(x) - 2) / square)
    return _Law(slope, error, 0.0, _score(squares, len(x), 2), len(x) - 2)


def _bent(sizes: "Numbers", times: "Numbers", line: _Law) -> _Law | None:
    """Fit ``time = fixed + scale * size ** exponent``; ``None`` where the data do not tell the parts apart."""
    import numpy as np
    from scipy.optimize import OptimizeWarning, curve_fit

    def law(size: "Numbers", scale: float, slope: float, fixed: float) -> "Numbers":
        return np.asarray(np.logaddexp(scale + slope * (size - sizes[-1]), fixed))

    start = (times[-1], max(line.exponent, 0.1), times[0] - 1.0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", OptimizeWarning)
            found, covariance = curve_fit(law, sizes, times, start)
    except (OptimizeWarning, RuntimeError):
        return None
    squares = float(((times - law(sizes, *found)) ** 2).sum())
    error = math.sqrt(max(0.0, float(covariance[1, 1])))
    score = _score(squares, len(sizes), 3)
    return _Law(float(found[1]), error, math.exp(found[2]), score, len(sizes) - 3)


def _score(squares: float, count: int, parameters: int) -> float:
    """Return the corrected information criterion: the smaller, the better the fit is worth its parameters."""
    free = parameters + 1  # the variance is one as well
    correction = 2 * free * (free + 1) / (count - free - 1) if count > free + 1 else math.inf
    return count * math.log(squares / count + _FLOOR) + 2 * free + correction
