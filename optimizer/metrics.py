"""What a change means beside its speed: energy, and how a coroutine does under load. Only to be read."""

from contextlib import suppress
from dataclasses import dataclass

from perfbot.profiling import concurrency, energy
from perfbot.profiling.benchmark import CallBenchmark, MeasurementError, choose_calls
from perfbot.profiling.concurrency import Compared
from perfbot.profiling.replay import Reference
from perfbot.profiling.target import Target
from perfbot.profiling.tree import Tree

_BUSY_S = 2.0  # of calls in each process whose energy is read


@dataclass(frozen=True, slots=True)
class Metrics:
    """Of one accepted function; ``energy_ratio`` is new/old, ``None`` where no counter can be read."""

    energy_ratio: float | None = None
    loads: tuple[Compared, ...] = ()


def measured(target: Target, old: Tree, new: Tree, reference: Reference) -> Metrics:
    """Measure both versions as far as it applies: nothing is run where nothing can be said."""
    chosen = choose_calls(reference)
    loads = concurrency.compared(target, old, new, reference, chosen)
    benchmark = CallBenchmark(target, reference, chosen, _BUSY_S)
    return Metrics(_energy_ratio(benchmark, old, new), loads)


def _energy_ratio(benchmark: CallBenchmark, old: Tree, new: Tree) -> float | None:
    meter = energy.meter()
    if meter is None:
        return None
    with suppress(MeasurementError):
        return energy.ratio(
            meter,
            lambda: benchmark.time(old).pass_ns / 1e9,
            lambda: benchmark.time(new).pass_ns / 1e9,
        )
    return None
