"""What a change does to the memory that its functions need.

A gain in time is not bought with more memory than the terms allow; where memory is what is to be
saved, one function must need less and none may need more.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from perfbot.optimizer.case import Terms
from perfbot.optimizer.objective import Objective
from perfbot.optimizer.verdict import Finding, Refusal, Why
from perfbot.profiling.benchmark import CallBenchmark
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.tree import Tree

MORE_MEMORY = (
    "{function} needs {ratio:.2f}× the memory ({before} → {after} bytes), {most:.2f}× is allowed"
)
NO_LESS_MEMORY = (
    "{function} needs {ratio:.2f}× the memory ({before} → {after} bytes), "
    "at most {most:.2f}× is asked for"
)
MEMORY = "{before} → {after} bytes at the peak, {kept:+} bytes kept"

_FLOOR_BYTES = 1 << 20  # more by less than this is the noise of the allocator
_WORTH_BYTES = 1 << 16  # nobody wants to read a change that saves less


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes that a function's calls need before and after a change.

    ``before`` is the peak of the dearest call, ``after`` the same with whatever import and calls
    now leave allocated for good beyond what they left before: a cache is paid for. ``kept`` is that
    difference.
    """

    before: int
    after: int
    kept: int

    @property
    def ratio(self) -> float:
        """New over old."""
        return self.after / max(self.before, 1)

    @property
    def told(self) -> str:
        """The remark of the gate."""
        return MEMORY.format(before=self.before, after=self.after, kept=self.kept)

    def saves(self, most: float) -> bool:
        """Say whether at most ``most`` times the memory is needed, and enough less to be worth a change."""
        return self.ratio <= most and self.before - self.after >= _WORTH_BYTES

    def exceeds(self, most: float) -> bool:
        """Say whether more than ``most`` times the memory is needed, beyond the allocator's noise."""
        return self.ratio > most and self.after - self.before > _FLOOR_BYTES


def footprint(benchmark: CallBenchmark, old: Tree, new: Tree) -> Footprint:
    """Weigh both versions, each in a fresh process.

    Raises:
        MeasurementError: a process crashed or answered nonsense.
    """
    before, after = benchmark.weigh(old), benchmark.weigh(new)
    kept = after.kept_bytes - before.kept_bytes
    return Footprint(before.peak_bytes, after.peak_bytes + max(0, kept), kept)


def weighed(found: Mapping[FunctionName, Footprint], terms: Terms) -> Finding:
    """Say what the footprints of all changed functions come to."""
    for function, each in found.items():
        if each.exceeds(terms.max_memory_ratio):
            return _refusal(MORE_MEMORY, function, each, terms.max_memory_ratio)
    if terms.objective is Objective.MEMORY:
        function, least = min(found.items(), key=lambda item: item[1].ratio)
        if not least.saves(most := 1 / terms.min_speedup):
            return _refusal(NO_LESS_MEMORY, function, least, most)
    return ", ".join(each.told for each in found.values())


def _refusal(text: str, function: FunctionName, found: Footprint, most: float) -> Refusal:
    detail = text.format(
        function=function, ratio=found.ratio, before=found.before, after=found.after, most=most
    )
    return Refusal(Why.USES_MORE_MEMORY, detail)
