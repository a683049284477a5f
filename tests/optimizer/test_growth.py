"""What two exponents come to: a refusal only for what is surely worse and already slower."""

import pytest

from perfbot.optimizer.growth import decided
from perfbot.optimizer.verdict import Refusal, Why
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.growth import Curve, Growth
from perfbot.profiling.power_law import Exponent

FUNCTION = FunctionName("shop/work.py", "pairs")
SIZES = (10, 100, 1000)


def curve(value: float, scale: float, error: float = 0.05, sizes: tuple[int, ...] = SIZES) -> Curve:
    return Curve(tuple((n, scale * n**value) for n in sizes), Exponent(value, error))


def found(old: Curve, new: Curve, compared: int = 12) -> str | Refusal:
    finding = decided(FUNCTION, Growth(old, new, "argument 1", compared))
    assert isinstance(finding, str | Refusal)
    return finding


def test_a_power_less_is_told_with_its_uncertainty() -> None:
    assert found(curve(2, 10, 0.04), curve(1, 50)) == (
        "grows as n^2.0 ± 0.1 → n^1.0 ± 0.1, in argument 1; 12 sizes compared"
    )


def test_a_higher_power_that_is_slower_at_the_largest_size_is_refused() -> None:
    refusal = found(curve(1, 100), curve(2, 1))
    assert isinstance(refusal, Refusal)
    assert refusal.why is Why.NOT_FASTER
    assert "grows with size as n^2.0 ± 0.1, and as n^1.0 ± 0.1 before" in refusal.detail
    assert "at 1,000 items it takes 10.0× as long" in refusal.detail


def test_a_higher_power_that_is_still_faster_is_worth_a_remark() -> None:
    remark = found(curve(1, 10_000), curve(2, 1))
    assert "a higher power, and yet faster at 1,000 items" in str(remark)


@pytest.mark.parametrize("error", [0.3, 0.5])
def test_a_power_that_is_not_surely_higher_is_no_reason(error: float) -> None:
    assert isinstance(found(curve(1, 100, error), curve(1.5, 10, error)), str)


def test_only_sizes_that_both_reached_are_compared() -> None:
    new = curve(2, 1, sizes=(10, 50, *(n * 10**3 for n in SIZES)))
    assert "faster at 10 items" in str(found(curve(1, 100), new))


def test_why_there_is_no_exponent_is_told() -> None:
    nothing = Curve(why="nothing in its recorded calls can grow")
    assert found(nothing, nothing, 0) == f"growth is not known: {nothing.why}"
    assert (
        found(curve(2, 10), nothing, 3) == f"growth is not known: {nothing.why}; 3 sizes compared"
    )
