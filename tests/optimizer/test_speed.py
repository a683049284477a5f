"""When a speedup on the workload's own inputs is not believed."""

import math
import random
from dataclasses import replace

import pytest

from perfbot.optimizer.speed import _cpu_ratio, _only_seen, _puts_off, _unseen_gain
from perfbot.optimizer.verdict import Refusal, Why
from perfbot.profiling.benchmark import Timing
from perfbot.profiling.functions import FunctionName

FUNCTION = FunctionName("m.py", "f")


def timing(pass_ns: float, unseen_ns: tuple[float, ...]) -> Timing:
    return Timing(pass_ns, pass_ns, 1_000.0, (pass_ns,), unseen_ns, (), pass_ns)


def pair(
    gain: float, old_ns: tuple[float, ...], new_ns: tuple[float, ...]
) -> tuple[Timing, Timing]:
    return timing(1e6 * gain, old_ns), timing(1e6, new_ns)


def test_fast_on_known_inputs_only_is_a_cheat() -> None:
    times = (3.2e7, 3.5e7, 2.9e7)
    found = _only_seen(FUNCTION, 32.0, [pair(32.0, times, times)] * 5)
    assert found is not None
    assert found.why is Why.CHEATS


def test_inputs_that_leave_nothing_to_do_say_nothing_against_a_speedup() -> None:
    old_ns, new_ns = (3e7, 3e2, 2e2, 3e2, 4e2), (1e6, 1e3, 1e3, 1e3, 1e3)
    assert _only_seen(FUNCTION, 32.0, [pair(32.0, old_ns, new_ns)] * 5) is None


def test_one_disturbed_process_does_not_make_a_cheat_of_a_speedup() -> None:
    quiet = pair(32.0, (3e7, 3e7, 3e7), (1e6, 1e6, 1e6))
    disturbed = pair(32.0, (3e7, 3e7, 3e7), (1e7, 1e7, 1e7))
    assert _only_seen(FUNCTION, 32.0, [disturbed, disturbed, disturbed, quiet, quiet]) is None


def test_a_small_gain_is_no_cheat_because_single_calls_scatter() -> None:
    """The gain on inputs made once each, 1.0 to 1.2 from pair to pair, does not contradict 1.1."""
    pairs = [pair(1.1, (gain * 1e6,) * 3, (1e6,) * 3) for gain in (1.0, 1.2, 1.1, 1.15, 1.05, 1.1)]
    disturbed = [pair(1.1, (1e6,) * 3, (0.96e6,) * 3)]
    assert _only_seen(FUNCTION, 1.1, [*pairs, *disturbed]) is None


def test_tiny_unseen_inputs_hide_no_cheat() -> None:
    old_ns, new_ns = (3e7, 3e7, 3e2), (3e7, 3e7, 1e1)
    assert _only_seen(FUNCTION, 32.0, [pair(32.0, old_ns, new_ns)] * 5) is not None


def test_inputs_that_are_all_far_cheaper_than_the_workloads_own_say_nothing() -> None:
    """Neighbours of a large prime have small divisors: no version takes long to find them."""
    times = (4e2, 5e2, 3e2, 9e2)
    assert _only_seen(FUNCTION, 32.0, [pair(32.0, times, times)] * 5) is None


def test_later_pairs_without_unseen_inputs_change_nothing() -> None:
    full, bare = pair(2.0, (4e6, 4e6), (1e6, 2e6)), pair(2.0, (), ())
    assert _unseen_gain([full, bare, bare]) == _unseen_gain([full])


def test_the_ratio_of_processor_time_is_new_over_old_in_the_median_pair() -> None:
    base = timing(1e6, ())
    told = [(4e6, 2e6), (4e6, 2e6), (1e6, 9e6), (0.0, 4e6)]
    pairs = [(replace(base, cpu_ns=old), replace(base, cpu_ns=new)) for old, new in told]
    assert _cpu_ratio(pairs) == pytest.approx(0.5)
    assert _cpu_ratio([(base, base)]) is None


def put_off(means: float) -> Refusal | None:
    """Judge a new version that is three times as fast in most calls, and ``means`` as fast in the mean."""
    drawn = random.Random(0)
    timings = [
        (
            replace(old, mean_ns=3e6 * math.exp(drawn.gauss(0, 0.1))),
            replace(new, mean_ns=3e6 / means),
        )
        for old, new in [pair(3.0, (), ())] * 10
    ]
    return _puts_off(FUNCTION, 3.0, timings)


def test_work_that_is_put_off_to_a_few_calls_is_a_cheat() -> None:
    found = put_off(1.0)
    assert found is not None
    assert found.why is Why.CHEATS
    assert "put off" in found.detail


def test_calls_that_are_now_and_then_disturbed_put_nothing_off() -> None:
    assert put_off(2.5) is None
