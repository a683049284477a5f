"""What the clock says of a change to one function, and whether the clock was deceived.

docs/judging.md says for people how measuring decides. A speedup is believed when it does not come
from remembering what the measuring repeats, from answers made ready for the tests' inputs, or from
work moved to where nobody looks: to the import or to the first call.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from perfbot.optimizer import memory
from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.gates import FileChange
from perfbot.optimizer.objective import Objective
from perfbot.optimizer.verdict import Doubt, Finding, Measured, Refusal, Why
from perfbot.profiling.benchmark import (
    BUDGET_S,
    CallBenchmark,
    Timing,
    choose_calls,
    choose_unseen,
)
from perfbot.profiling.conditions import conditions_now
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.measure import Comparison, Decision, Threshold, compare, interval
from perfbot.profiling.tree import Tree

NOT_FASTER = (
    "{function} is {estimate:.2f}× as fast ({low:.2f}–{high:.2f}×), {least:.2f}× is asked for"
)
NONE_FASTER = "none of the changed functions is faster: {told}"
FASTER = "{function} is at least {low:.2f}× as fast"
SLOWER = "{function} became slower: {estimate:.2f}× ({low:.2f}–{high:.2f}×)"
TOO_NOISY = (
    "{function} measures {estimate:.2f}× ({low:.2f}–{high:.2f}×) after {pairs} pairs, too wide to say whether it "
    "is above {least:.2f}×"
)
SETS_UP = (
    "importing {path} and calling {name} for the first time takes {after_ms:.1f} ms instead of {before_ms:.1f} ms, "
    "while all its calls in the workload together save {saved_ms:.1f} ms: work was moved there"
)
ONLY_SEEN = (
    "{function} is {estimate:.1f}× as fast on the very inputs that the workload uses, but only "
    "{unseen:.1f}× on others like them"
)
NOW_AND_THEN = (
    "most calls of {function} are {estimate:.1f}× as fast, but all of them together only {whole:.1f}×: work "
    "is put off to a few of them"
)

_AT_MOST_S = 240.0  # for one comparison, however much time there is for all
_SLOWER = 0.97  # what is not meant to become faster must not become slower than this
_SET_UP_FLOOR_NS = 1_000_000  # setting up that costs less is not looked at
_SET_UP_SHARE = 0.1  # of what the calls save may be spent on setting up
_SURELY = 0.998  # confidence to accuse; ranks reach it with the ten pairs that noise leads to
_COLD_RATIO = 4.0
_TELLING_SHARE = 0.25  # of the old version's time on the workload's dearest call


@dataclass(frozen=True, slots=True)
class Bench:
    """Two versions on the bench: the case as it is and the copy with the change.

    ``deadline_s`` is a time of ``time.monotonic``.
    """

    case: Case
    new: Tree
    files: Sequence[FileChange]
    terms: Terms
    deadline_s: float

    @property
    def threshold(self) -> Threshold:
        """The asked speedup, or what this machine says of code compared with itself if that is more.

        Where memory is to be saved, no more is asked than not to be slower.
        """
        if self.terms.objective is Objective.MEMORY:
            return Threshold(_SLOWER)
        return Threshold(self.terms.min_speedup, self.case.noise)


@dataclass(frozen=True, slots=True)
class Timed:
    """One function's comparison, and what speaks against believing it (``None``: nothing).

    ``kept_pace`` says of a function that is not faster, but changed together with others, whether
    it is at least not slower.
    """

    measured: Measured
    against: Refusal | None
    kept_pace: Comparison | None = None


def timed(bench: Bench, function: FunctionName, *, among: int, ratio: float) -> Timed:
    """Compare both versions of a function in fresh processes.

    ``among`` functions are asked whether one of them is faster, so each may err the more rarely;
    ``ratio`` is that of the memory, which goes into the result.

    Raises:
        MeasurementError: a process crashed or answered nonsense.
        WrongAnswerError: the new version gives other results while it is timed.
    """
    once = memory.remembers(bench.files)
    conditions = conditions_now()
    confidence = 1 - (1 - bench.terms.confidence) / among
    comparison, timings = _compared(bench, function, once, confidence, bench.threshold)
    against = None
    if comparison.decision is Decision.FASTER and not once:
        estimate = comparison.interval.estimate
        against = _puts_off(function, estimate, timings) or _only_seen(function, estimate, timings)
        if against is None and _remembers(estimate, timings):
            once = True
            comparison, timings = _compared(bench, function, once, confidence, bench.threshold)
    if (
        comparison.decision is Decision.FASTER
    ):  # a slower version takes longer when first called, too
        against = against or _sets_up(function, timings)
    measured = Measured(
        function,
        comparison,
        bench.threshold.after(comparison.interval.pairs),
        ratio,
        cpu_ratio=_cpu_ratio(timings),
        conditions=conditions,
    )
    if against or among == 1 or comparison.decision is Decision.FASTER:
        return Timed(measured, against)
    kept_pace, _ = _compared(bench, function, once, confidence, Threshold(_SLOWER))
    return Timed(measured, None, kept_pace)


def _compared(
    bench: Bench,
    function: FunctionName,
    once: bool,
    confidence: float,
    threshold: Threshold,
) -> tuple[Comparison, list[tuple[Timing, Timing]]]:
    kept: list[tuple[Timing, Timing]] = []
    comparison = compare(
        benchmark_of(bench.case, function, once=once).pair(bench.case.tree, bench.new, kept),
        threshold=threshold,
        confidence=confidence,
        deadline_s=min(bench.deadline_s, time.monotonic() + _AT_MOST_S),
    )
    return comparison, kept


def benchmark_of(case: Case, function: FunctionName, *, once: bool = False) -> CallBenchmark:
    """Return the benchmark of a function's recorded calls; ``once`` as :class:`CallBenchmark` has it."""
    reference = case.reference(function)
    chosen = choose_calls(reference)
    unseen = choose_unseen(reference, chosen)
    return CallBenchmark(case.target, reference, chosen, BUDGET_S, once, unseen)


def _cpu_ratio(timings: Sequence[tuple[Timing, Timing]]) -> float | None:
    """Return new/old of the processor time, the median over pairs; ``None`` where it cannot be seen."""
    seen = [new.cpu_ns / old.cpu_ns for old, new in timings if min(old.cpu_ns, new.cpu_ns) > 0]
    return median(seen) if seen else None


def _unseen_gain(timings: Sequence[tuple[Timing, Timing]]) -> float | None:
    """Return how much faster the quarter of unseen inputs is that gains most; ``None`` if none tells.

    Not the mean: an honest fast path need not serve every mutation, but it serves some. Each input
    is timed once in a process, so its least time over all processes counts. Inputs on which the old
    version has much less to do than on the workload's dearest call say nothing of a gain: a single
    item of thousands, or the neighbour of a large prime.
    """
    old_ns = _least([old.unseen_ns for old, _ in timings])
    new_ns = _least([new.unseen_ns for _, new in timings])
    least_ns = _TELLING_SHARE * max(_least([old.per_call_ns for old, _ in timings]))
    gains = [old / new for old, new in zip(old_ns, new_ns, strict=True) if old >= least_ns]
    if len(gains) < 2:
        return None
    return quantiles(gains, n=4, method="inclusive")[-1]


def _least(times_ns: Sequence[Sequence[float]]) -> list[float]:
    """Return the least time of each input over the processes that timed it; the later ones did not."""
    return [min(each) for each in zip(*filter(None, times_ns), strict=True)]


def _ratios(old_ns: Sequence[float], new_ns: Sequence[float]) -> list[float]:
    return [old / new for old, new in zip(old_ns, new_ns, strict=True)]


def _only_seen(
    function: FunctionName, estimate: float, timings: Sequence[tuple[Timing, Timing]]
) -> Refusal | None:
    """Refuse answers made ready for known inputs: fast when first asked, surely not on other inputs.

    "Not fast" is less than the square root of the gain on the known ones, in the least times of all
    processes and beyond the scatter from pair to pair. (A memo is slow when first asked.)
    """
    unseen = _unseen_gain(timings)
    first = median(old.first_ns / new.first_ns for old, new in timings)
    if unseen is None or unseen >= math.sqrt(estimate) or first < math.sqrt(estimate):
        return None
    gains = [gain for pair in timings if (gain := _unseen_gain([pair])) is not None]
    if len(gains) > 1 and interval(gains, 0.99).high >= math.sqrt(estimate):
        return None
    return Refusal(
        Why.CHEATS, ONLY_SEEN.format(function=function, estimate=estimate, unseen=unseen)
    )


def _remembers(estimate: float, timings: Sequence[tuple[Timing, Timing]]) -> bool:
    """Say whether the new version seems to be fast only on what it has been asked before.

    Where there are no unseen inputs, the first pass tells: out of proportion to the later ones by
    much more than the old version's own, since first calls are dearer for everybody.
    """
    unseen = _unseen_gain(timings)
    if unseen is not None:
        return unseen < math.sqrt(estimate)
    old, new = (
        median(pair[side].first_ns / pair[side].pass_ns for pair in timings) for side in (0, 1)
    )
    return new > _COLD_RATIO * old


def _puts_off(
    function: FunctionName, estimate: float, timings: Sequence[tuple[Timing, Timing]]
) -> Refusal | None:
    """Refuse work that is put off: most calls fast, and now and then one that does the work of many.

    What counts is how long a call takes when nothing comes in between; so it is looked whether the
    mean of all calls surely gains less than the square root of that.
    """
    whole = interval([old.mean_ns / new.mean_ns for old, new in timings], _SURELY)
    if whole.high >= math.sqrt(estimate):
        return None
    detail = NOW_AND_THEN.format(function=function, estimate=estimate, whole=whole.estimate)
    return Refusal(Why.CHEATS, detail)


def _sets_up(function: FunctionName, timings: Sequence[tuple[Timing, Timing]]) -> Refusal | None:
    """Refuse a change that spends on import and first calls a good part of what the calls save."""
    before = [old.import_ns + old.first_ns for old, _ in timings]
    after = [new.import_ns + new.first_ns for _, new in timings]
    added_ns = median(after) - median(before)
    saved_ns = median(old.pass_ns - new.pass_ns for old, new in timings)
    surely_more = interval(_ratios(before, after), _SURELY).high < 1
    if not surely_more or added_ns < max(_SET_UP_FLOOR_NS, _SET_UP_SHARE * saved_ns):
        return None
    detail = SETS_UP.format(
        path=function.path,
        name=function.qualname,
        before_ms=median(before) / 1e6,
        after_ms=median(after) / 1e6,
        saved_ms=max(0.0, saved_ns) / 1e6,
    )
    return Refusal(Why.CHEATS, detail)


def decided(bench: Bench, results: Sequence[Timed]) -> Finding:
    """Say what the comparisons of all changed functions come to: one faster, none slower."""
    for each in results:
        if each.against is not None:
            return each.against
    paces = [(each.measured, each.kept_pace.decision) for each in results if each.kept_pace]
    for measured, pace in paces:
        if pace is Decision.NOT_FASTER:
            return Refusal(Why.NOT_FASTER, told(measured, SLOWER))
    found = [(each.measured, each.measured.comparison.decision) for each in results]
    faster = [measured for measured, decision in found if decision is Decision.FASTER]
    unclear = [measured for measured, decision in found if _is_unclear(bench, measured, decision)]
    if faster:
        unclear = [measured for measured, pace in paces if pace is Decision.TOO_NOISY]
    if unclear:
        return Doubt(Why.TOO_NOISY, told(unclear[0], TOO_NOISY))
    if faster:
        return "; ".join(told(each, FASTER) for each in faster)
    text = "; ".join(told(measured, NOT_FASTER) for measured, _ in found)
    return Refusal(Why.NOT_FASTER, text if len(found) == 1 else NONE_FASTER.format(told=text))


def _is_unclear(bench: Bench, measured: Measured, decision: Decision) -> bool:
    """Say whether the data do not decide, or decide only because this machine's noise asks for more."""
    return decision is Decision.TOO_NOISY or measured.speedup.low > bench.terms.min_speedup


def told(measured: Measured, text: str) -> str:
    """Fill a text with the numbers of one comparison."""
    found = measured.speedup
    return text.format(
        function=measured.function,
        estimate=found.estimate,
        low=found.low,
        high=found.high,
        pairs=found.pairs,
        least=measured.threshold,
    )
