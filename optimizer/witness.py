"""A second witness beside the clock: the instructions that both versions execute.

Instructions are not time, but where Python is interpreted the two go together closely: over the
catalogue's honest examples the instructions done in a second rise or fall by a factor that stays
within the margin below. A gain that goes far beyond is looked into with clocks that the process
cannot reach. Where waiting, the kernel, threads, caches or compiled code explain it, it passes with
a remark; otherwise it is refused: either the clock was deceived, or this machine was lucky.
"""

import math
from collections.abc import Iterator

from perfbot.optimizer import memory
from perfbot.optimizer.speed import Bench
from perfbot.optimizer.verdict import Finding, Measured, Refusal, Why
from perfbot.profiling import instructions
from perfbot.profiling.instructions import Counter, NotCountedError, Rounds, Use

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
    "{counted}; the process says that it is {claimed:.2f}× as fast, but seen from outside it takes "
    "{outside:.2f}× less time for the same calls"
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
_NO_FEWER = 0.98  # of the instructions of before: they did not fall
_AT_MOST_RATE = (
    2.5  # times the instructions in a second; see docs/judging.md for where it comes from
)
_LEAST_SHARE = 0.5
_LARGEST_PART = 0.5  # what explains a gain accounts for at least this much of it


def contradicts(claimed: float, ratio: float) -> bool:
    """Say whether instructions new/old speak strongly against a claimed speedup old/new."""
    not_fewer = claimed >= _STRONG_CLAIM and ratio >= _NO_FEWER
    return not_fewer or claimed * ratio >= _AT_MOST_RATE


def asked(bench: Bench, measured: Measured) -> tuple[float | None, Finding]:
    """Count a function's instructions; return the ratio new/old, ``None`` where there is none, and what is found."""
    level = bench.case.target.sandbox.level
    counter = instructions.counter(level)
    if counter is None:
        return None, NO_COUNTER.format(why=instructions.why_no_counter(level))
    try:
        made = instructions.rounds(
            bench.case.reference(measured.function),
            once=memory.remembers(bench.files),
            aim_s=instructions.aim_s(counter),
        )
        ratio = instructions.ratio(counter, bench.case.target, made, bench.case.tree, bench.new)
    except NotCountedError as error:
        return None, NOT_COUNTED.format(function=measured.function, why=error)
    counted = COUNTED.format(function=measured.function, ratio=ratio, counter=counter.name)
    claimed = measured.speedup.low
    if not contradicts(claimed, ratio):
        return ratio, counted
    if made.share < _LEAST_SHARE:
        return ratio, SMALL_SHARE.format(counted=counted, share=made.share)
    return ratio, _looked_into(bench, made, counter, claimed, counted)


def _looked_into(
    bench: Bench, made: Rounds, counter: Counter, claimed: float, counted: str
) -> Finding:
    told = {"counted": counted, "claimed": claimed}
    try:
        old, new = instructions.uses(bench.case.target, made, bench.case.tree, bench.new)
        outside = old.wall_s / new.wall_s
        if outside < math.sqrt(claimed):
            return Refusal(Why.CHEATS, CLOCK_ONLY.format(**told, outside=outside))
        why = explained(old, new) or _simulated(bench, made, counter, claimed)
    except NotCountedError as error:
        return Refusal(Why.NOT_FASTER, NOT_LOOKED_INTO.format(**told, why=error))
    if why is None:
        return Refusal(Why.NOT_FASTER, UNEXPLAINED.format(**told))
    return EXPLAINED.format(**told, why=why)


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


def _simulated(bench: Bench, made: Rounds, counter: Counter, claimed: float) -> str | None:
    estimator = instructions.estimator(counter)
    if estimator is None:
        return None
    ratio = instructions.ratio(estimator, bench.case.target, made, bench.case.tree, bench.new)
    return CACHES.format(ratio=ratio) if ratio <= 1 / math.sqrt(claimed) else None
