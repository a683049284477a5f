"""What is told of the machine beside a measurement."""

import os

from perfbot.profiling.conditions import conditions_now


def test_the_processors_told_are_the_ones_that_may_be_used() -> None:
    found = conditions_now()
    assert found.cpus == tuple(sorted(os.sched_getaffinity(0)))
    assert found.load >= 0


def test_an_unknown_frequency_is_none_and_a_known_one_is_in_megahertz() -> None:
    found = conditions_now().megahertz
    assert found is None or 100 < found < 10_000
