"""What growth with size says of a change, beside its speed on the recorded calls.

Tests call functions with less than their users do. A change that is faster there and whose time
grows by a higher power of the size is refused once it is slower at the largest size that both
versions reached within a second; where it still is faster there, that is worth a remark.
"""

import math

from perfbot.optimizer.verdict import Finding, Refusal, Why
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.growth import Curve, Growth

GROWS_WORSE = (
    "the time of {function} grows with size as {after}, and as {before} before the change: at {items:,} items it "
    "takes {ratio:.1f}× as long"
)
GREW = "grows as {before} → {after}, in {what}"
STILL_FASTER = "{grew}: a higher power, and yet faster at {items:,} items"
NOT_MEASURED = "growth is not known: {why}"
COMPARED = "{told}; {count} sizes compared"

_SLOWER = 1.1  # new/old at the largest size, of the least of two times each


def decided(function: FunctionName, growth: Growth) -> Finding:
    """Say what two exponents come to; differences of results are somebody else's business."""
    told = _told(function, growth)
    if isinstance(told, str) and growth.compared:
        return COMPARED.format(told=told, count=growth.compared)
    return told


def _told(function: FunctionName, growth: Growth) -> Finding:
    before, after = growth.old.exponent, growth.new.exponent
    if before is None or after is None:
        return NOT_MEASURED.format(why=growth.old.why or growth.new.why)
    grew = GREW.format(before=power(growth.old), after=power(growth.new), what=growth.what)
    largest = _at_largest(growth)
    if after.low <= before.high or largest is None:
        return grew
    items, ratio = largest
    if ratio < _SLOWER:
        return STILL_FASTER.format(grew=grew, items=items)
    detail = GROWS_WORSE.format(
        function=function,
        before=power(growth.old),
        after=power(growth.new),
        items=items,
        ratio=ratio,
    )
    return Refusal(Why.NOT_FASTER, detail)


def power(curve: Curve) -> str:
    """Return an exponent in words, its error rounded up; ``"?"`` where there is none."""
    found = curve.exponent
    return f"n^{found.value:.1f} ± {math.ceil(found.error * 10) / 10:.1f}" if found else "?"


def _at_largest(growth: Growth) -> tuple[int, float] | None:
    """Return the largest size that both versions reached, and new time over old time there."""
    old, new = dict(growth.old.points), dict(growth.new.points)
    items = max(old.keys() & new.keys(), default=None)
    return None if items is None else (items, new[items] / old[items])
