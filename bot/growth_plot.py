"""The picture of growth: time against size on logarithmic scales, old and new.

On these scales a power of the size is a straight line, and its exponent the slope. Inline SVG
without script, coloured by class as in :mod:`perfbot.bot.plot`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from perfbot.bot import words
from perfbot.bot.report import Growth, Samples

_WIDTH = 480
_HEIGHT = 240
_LEFT = 64
_RIGHT = 390  # behind it there is room for the name of a curve
_TOP = 12
_BOTTOM = 204
_MOST_TICKS = 6
_NAMES_APART = 14  # downwards

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Scale:
    """A logarithmic axis from one place in the picture to another."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        """Return the powers of ten inside, so many that their names have room, or smaller round steps."""
        first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
        if last - first < 1:
            steps = [10.0**power * step for power in (first - 1, first, last) for step in (1, 2, 5)]
            return sorted({value for value in steps if self.low <= value <= self.high})
        step = max(1, math.ceil((last - first + 1) / _MOST_TICKS))
        return [10.0**power for power in range(first, last + 1, step)]


def log_log_plot(samples: Samples, growth: Growth) -> str:
    """Return the SVG element with the times of both versions; empty where either has none."""
    before, after = _usable(samples.sizes_before), _usable(samples.sizes_after)
    if not before or not after:
        return ""
    x = _scale([size for size, _ in (*before, *after)], _LEFT, _RIGHT)
    y = _scale([time_s for _, time_s in (*before, *after)], _BOTTOM, _TOP)
    said = (
        f"Time of one call against the size of its input, both on logarithmic scales: {words.growth(growth)}. "
        f"Before the change up to {_at_end(before)}, after it up to {_at_end(after)}."
    )
    parts = [
        f'<svg class="curves" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{said}">',
        f"<title>{said}</title>",
        *(_column(x, size) for size in x.ticks()),
        *(_row(y, time_s) for time_s in y.ticks()),
        *(_curve(kind, curve, x, y) for kind, curve in _named(before, after)),
        *_names(_named(before, after), growth, x, y),
        f'<text class="label" x="{_RIGHT}" y="{_HEIGHT - 4}" text-anchor="end">items in the input</text>',
        "</svg>",
    ]
    return "\n".join(parts)


def _usable(points: Points) -> Points:
    return [(size, time_s) for size, time_s in points if size > 0 and 0 < time_s < math.inf]


def _named(before: Points, after: Points) -> tuple[tuple[str, Points], ...]:
    return ("before", before), ("after", after)


def _scale(values: Sequence[float], start: float, end: float) -> _Scale:
    low, high = min(values), max(values)
    return _Scale(low / 1.2, high * 1.2, start, end)


def _at_end(points: Points) -> str:
    size, time_s = points[-1]
    return f"{size:,} items in {words.seconds(time_s)}"


def _column(x: _Scale, size: float) -> str:
    place = x.at(size)
    return (
        f'<line class="grid" x1="{place}" y1="{_TOP}" x2="{place}" y2="{_BOTTOM}"/>'
        f'<text class="label" x="{place}" y="{_BOTTOM + 15}" text-anchor="middle">{size:,.0f}</text>'
    )


def _row(y: _Scale, time_s: float) -> str:
    place = y.at(time_s)
    return (
        f'<line class="grid" x1="{_LEFT}" y1="{place}" x2="{_RIGHT}" y2="{place}"/>'
        f'<text class="label" x="{_LEFT - 6}" y="{place + 4}" text-anchor="end">{words.seconds(time_s)}</text>'
    )


def _curve(kind: str, points: Points, x: _Scale, y: _Scale) -> str:
    places = [(x.at(size), y.at(time_s)) for size, time_s in points]
    line = " ".join(f"{across},{down}" for across, down in places)
    dots = "".join(f'<circle class="{kind}" cx="{cx}" cy="{cy}" r="2.5"/>' for cx, cy in places)
    return f'<polyline class="{kind}" points="{line}"/>{dots}'


def _names(curves: Sequence[tuple[str, Points]], growth: Growth, x: _Scale, y: _Scale) -> list[str]:
    """Name the curves beside their ends, the lower name moved down where they would meet."""
    exponents = {"before": growth.before, "after": growth.after}
    ends = sorted((y.at(points[-1][1]), x.at(points[-1][0]), kind) for kind, points in curves)
    lowest = -math.inf
    names = []
    for down, across, kind in ends:
        lowest = max(down, lowest + _NAMES_APART)
        place = f'x="{across + 7:.1f}" y="{lowest + 4:.1f}"'
        names.append(
            f'<text class="label {kind}" {place}>{kind}{_exponent(exponents[kind])}</text>'
        )
    return names


def _exponent(value: float | None) -> str:
    return "" if value is None else f" n^{value:.1f}"
