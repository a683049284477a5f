"""A second witness beside the clock: the instructions that both versions execute.

Instructions are not time, but where Python is interpreted the two go together closely: over the
catalogue's honest examples the instructions done in a second rise or fall by a factor that stays
within the margin below. A gain that goes far beyond is looked into with clocks that the process
cannot reach. Where waiting, the kernel, threads, caches or compiled code explain it, it passes with
a remark; otherwise it is refused: either the clock was deceived, or this machine was lucky.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from perfbot.optimizer import memory
from perfbot.optimizer.speed import Bench
from perfbot.optimizer.verdict import Finding, Measured, Refusal, Why
from perfbot.profiling import counters, instructions
from perfbot.profiling.counters import Counter
from perfbot.profiling.instructions import (
    NotCountedError,
    OnlyNewNotCountedError,
    Rounds,
    Use,
)

COUNTED = "{function} executes {ratio:.3g}× the instructions of before ({counter})"
NOT_COUNTED = "the instructions of {function} were not counted: {why}"
NO_COUNTER = "no instructions are counted: {why}"
SMALL_SHARE = "{counted}, but of calls that make up only {share:.0%} of its time"
EXPLAINED = "{counted}, which says less than the clock ({claimed:.2f}×): {why}"
UNEXPLAINED = (
    "{counted}, so a gain of {claimed:.2f}× is not in the code: neither waiting nor the kernel, threads, "
    "caches or compiled code explain it, and another machine, or the next build of Python, will not show it"
)
CLOCK_ONLY = (
    "{counted}; the process says that it is {claimed:.2f}× as fast, but seen from outside "
    "the same calls are only {outside:.2f}× as fast"
)
NOT_LOOKED_INTO = "{counted}, and the gain of {claimed:.2f}× could not be looked into: {why}"
WAITING = "the old version spends its time waiting (sleep, input and output, locks)"
KERNEL = (
    "the time won is the kernel's (input and output, memory), whose instructions are not counted"
)
THREADS = "the new version works with several threads at once"
CACHES = "by simulation of caches and branches it takes {ratio:.2f}× the cycles of before"
COMPILED = "it works with compiled code ({packages}), whose vector instructions do more at a time"

_STRONG_CLAIM = 1.1
_NO_FEWER = (
    0.95  # of the instructions of before; the heap's layout alone shifts a count by up to 0.03
)
_AT_MOST_RATE = (
    2.5  # times the instructions in a second; see docs/judging.md for where it comes from
)
_LEAST_SHARE = 0.5
_SIMULATED_PART = (
    0.25  # of a gain's logarithm: of all caches only the first and the last are simulated
)
_LARGEST_PART = 0.5  # what explains a gain accounts for at least this much of it


def contradicts(claimed: float, ratio: float) -> bool:
    """Say whether instructions new/old speak strongly against a claimed speedup old/new."""
    return claimed >= _STRONG_CLAIM and (ratio >= _NO_FEWER or claimed * ratio >= _AT_MOST_RATE)


def asked(bench: Bench, measured: Measured) -> tuple[float | None, Finding]:
    """Count a function's instructions; return new/old, ``None`` where there is no count, and what is found."""
    level = bench.case.target.sandbox.level
    counter = counters.counter(level)
    if counter is None:
        return None, NO_COUNTER.format(why=counters.why_no_counter(level))
    try:
        made = instructions.rounds(
            bench.case.reference(measured.function),
            once=memory.remembers(bench.files),
            aim_s=instructions.aim_s(counter),
        )
        return _heard(_Hearing(bench, made, counter, measured))
    except NotCountedError as error:
        return None, NOT_COUNTED.format(function=measured.function, why=error)


@dataclass(frozen=True, slots=True)
class _Hearing:
    """One function's claim, and what it takes to count and watch the same calls on both versions."""

    bench: Bench
    made: Rounds
    counter: Counter
    measured: Measured

    @property
    def claimed(self) -> float:
        """What the clock says at least, old/new."""
        return self.measured.speedup.low

    def ratio(self, counter: Counter) -> float:
        """Return what a counter counts, new/old."""
        return instructions.ratio(
            counter, self.bench.case.target, self.made, self.bench.case.tree, self.bench.new
        )

    def uses(self) -> tuple[Use, Use]:
        """Return what both versions use at their plain speed."""
        return instructions.uses(
            self.bench.case.target, self.made, self.bench.case.tree, self.bench.new
        )


def _heard(hearing: _Hearing) -> tuple[float | None, Finding]:
    function, name = hearing.measured.function, hearing.counter.name
    try:
        ratio = hearing.ratio(hearing.counter)
    except OnlyNewNotCountedError as error:
        counted = NOT_COUNTED.format(function=function, why=error)
        if hearing.claimed < _STRONG_CLAIM:
            return None, counted
        return None, _clock_only(hearing, counted, *hearing.uses()) or counted
    counted = COUNTED.format(function=function, ratio=ratio, counter=name)
    if not contradicts(hearing.claimed, ratio):
        return ratio, counted
    if hearing.made.share < _LEAST_SHARE:
        return ratio, SMALL_SHARE.format(counted=counted, share=hearing.made.share)
    return ratio, _looked_into(hearing, counted)


def _looked_into(hearing: _Hearing, counted: str) -> Finding:
    claimed = hearing.claimed
    try:
        old, new = hearing.uses()
        if (refusal := _clock_only(hearing, counted, old, new)) is not None:
            return refusal
        why = explained(old, new) or _simulated(hearing)
    except NotCountedError as error:
        detail = NOT_LOOKED_INTO.format(counted=counted, claimed=claimed, why=error)
        return Refusal(Why.NOT_FASTER, detail)
    if why is None:
        return Refusal(Why.NOT_FASTER, UNEXPLAINED.format(counted=counted, claimed=claimed))
    return EXPLAINED.format(counted=counted, claimed=claimed, why=why)


def _clock_only(hearing: _Hearing, counted: str, old: Use, new: Use) -> Refusal | None:
    """Refuse a gain of which nothing is seen from outside."""
    outside = old.wall_s / new.wall_s
    if outside >= math.sqrt(hearing.claimed):
        return None
    detail = CLOCK_ONLY.format(counted=counted, claimed=hearing.claimed, outside=outside)
    return Refusal(Why.CHEATS, detail)


def explained(old: Use, new: Use) -> str | None:
    """Say why less time needs no fewer instructions, judging by what the same calls use on both versions."""
    return next(_explanations(old, new), None)


def _explanations(old: Use, new: Use) -> Iterator[str]:
    wall_s, cpu_s = old.wall_s - new.wall_s, old.cpu_s - new.cpu_s
    if wall_s - cpu_s >= _LARGEST_PART * wall_s > 0 and old.waits > 2 * new.waits + 1:
        yield WAITING
    if old.system_s - new.system_s >= _LARGEST_PART * cpu_s > 0.1 * old.cpu_s:
        yield KERNEL
    if new.cpu_s > 1.2 * new.wall_s and new.cpu_s / new.wall_s > 1.2 * old.cpu_s / old.wall_s:
        yield THREADS
    if old.native and new.native:
        yield COMPILED.format(packages=", ".join(new.native))


def _simulated(hearing: _Hearing) -> str | None:
    estimator = counters.estimator(hearing.counter)
    if estimator is None:
        return None
    ratio = hearing.ratio(estimator)
    return CACHES.format(ratio=ratio) if ratio <= hearing.claimed**-_SIMULATED_PART else None
