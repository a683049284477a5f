"""The picture of a result: one dot per interleaved pair, the interval, and what had to be proven.

Inline SVG without script. Colours come from the page's style by class, so that it follows light and
dark; everything that the picture shows is also said in its title.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from perfbot.bot.report import Samples, Speedup

_WIDTH = 480
_HEIGHT = 150
_MARGIN = 24
_BASELINE = 108  # the axis; dots stand above it
_MOST_DOTS = 2000
_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class _Scale:
    """A logarithmic axis: 2× faster and 2× slower lie equally far from 1×."""

    low: float
    high: float

    def x(self, ratio: float) -> float:
        clipped = min(max(ratio, self.low), self.high)
        share = math.log(clipped / self.low) / math.log(self.high / self.low)
        return round(_MARGIN + share * (_WIDTH - 2 * _MARGIN), 1)


def ratios(samples: Samples) -> list[float]:
    """Return old/new of every pair that has both times."""
    return [old / new for old, new in samples.pairs if old > 0 and new > 0][:_MOST_DOTS]


def strip_plot(samples: Samples, speedup: Speedup) -> str:
    """Return the SVG element that shows the pairs of one result; empty when there are none."""
    dots = ratios(samples)
    if not dots:
        return ""
    scale = _scale([*dots, speedup.low, speedup.high, samples.threshold, 1.0])
    said = (
        f"{len(dots)} pairs: each dot is old time divided by new time. "
        f"Estimate {speedup.estimate:.2f}×, {speedup.confidence:.0%} interval "
        f"{speedup.low:.2f}× to {speedup.high:.2f}×, threshold {samples.threshold:.2f}×."
    )
    parts = [
        f'<svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{said}">',
        f"<title>{said}</title>",
        *_axis(scale),
        _interval(scale, speedup),
        *(_dot(scale, ratio, position) for position, ratio in enumerate(dots)),
        _mark(scale, samples.threshold, "threshold", f"needed {samples.threshold:.2f}×"),
        "</svg>",
    ]
    return "\n".join(parts)


def _scale(values: Sequence[float]) -> _Scale:
    usable = [value for value in values if 0 < value < math.inf]
    low, high = min(usable), max(usable)
    air = max(1.05, (high / low) ** 0.06)
    return _Scale(low / air, high * air)


def _axis(scale: _Scale) -> list[str]:
    end = _WIDTH - _MARGIN
    line = f'<line class="axis" x1="{_MARGIN}" y1="{_BASELINE}" x2="{end}" y2="{_BASELINE}"/>'
    return [line, *(_tick(scale, ratio) for ratio in _ticks(scale))]


def _tick(scale: _Scale, ratio: float) -> str:
    x = scale.x(ratio)
    kind = "tick same" if ratio == 1 else "tick"
    return (
        f'<line class="{kind}" x1="{x}" y1="26" x2="{x}" y2="{_BASELINE + 5}"/>'
        f'<text class="label" x="{x}" y="{_BASELINE + 22}">{ratio:g}×</text>'
    )


def _ticks(scale: _Scale) -> list[float]:
    """Return up to about seven round ratios; wide scales get powers, narrow ones even steps."""
    if scale.high / scale.low > 8:
        powers = [10.0**power * step for power in range(-6, 9) for step in (1, 2, 5)]
        inside = [ratio for ratio in powers if scale.low <= ratio <= scale.high]
        return inside if len(inside) <= 8 else [one for one in inside if math.log10(one) % 1 == 0]
    rough = (scale.high - scale.low) / 6
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * one for one in _STEPS if unit * one >= rough)
    first = math.ceil(scale.low / step)
    count = math.floor(scale.high / step) - first + 1
    return [round((first + place) * step, 10) for place in range(count)]


def _interval(scale: _Scale, speedup: Speedup) -> str:
    left, right = scale.x(speedup.low), scale.x(speedup.high)
    middle = scale.x(speedup.estimate)
    width = max(2.0, round(right - left, 1))
    return (
        f'<rect class="interval" x="{left}" y="26" width="{width}" height="{_BASELINE - 26}"/>'
        f'<line class="estimate" x1="{middle}" y1="26" x2="{middle}" y2="{_BASELINE}"/>'
    )


def _dot(scale: _Scale, ratio: float, position: int) -> str:
    """Draw one pair; the height only spreads dots (golden ratio: even, and the same every time)."""
    height = _BASELINE - 8 - (position * 0.618034 % 1) * 66
    return f'<circle class="dot" cx="{scale.x(ratio)}" cy="{height:.1f}" r="3"/>'


def _mark(scale: _Scale, ratio: float, kind: str, label: str) -> str:
    x = scale.x(ratio)
    side = "start" if x < _WIDTH / 2 else "end"
    return (
        f'<line class="{kind}" x1="{x}" y1="18" x2="{x}" y2="{_BASELINE}"/>'
        f'<text class="label {kind}" x="{x}" y="13" style="text-anchor:{side}">{label}</text>'
    )
