"""Timing a function's recorded calls on two versions of the code, each run in a fresh process."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from perfbot.profiling.behaviours import Behaviour
from perfbot.profiling.capture import Recorded
from perfbot.profiling.measure import Pair
from perfbot.profiling.messages import Message
from perfbot.profiling.replay import Reference, variants_of
from perfbot.profiling.sandbox import Limits
from perfbot.profiling.target import Reply, Target
from perfbot.profiling.tree import Tree, module_names

IMPOSSIBLE = "the timing process answered with times that cannot be"
WRONG_ANSWER = "{function} gives other results while it is timed than when its results are compared"

BUDGET_S = 0.025  # of repeated calls in each timing process, in processor time

_TICKS_NS = 20_000_000  # what two ticks of a clock of processor time come to, at most
_AT_MOST_CALLS = 24
_COVERED_SHARE = 0.95  # of the recorded time; the rest is left to the cheapest calls
_AT_MOST_PASS_S = 2.0  # for one pass over the calls; the ones that matter most come first
_WEIGHED_S = 1.0  # of calls, in the old version's time: weighing makes them several times as long
_AT_MOST_UNSEEN = 24  # mutations that are timed, once each
_UNSEEN_PER_CALL = 6
_UNSEEN_PAIRS = 6  # the first pairs in which they are
_UNSEEN_NS = 3_000_000_000  # for all of them together


class MeasurementError(Exception):
    """A timing process did not come to its end; the message says how it ended."""


class WrongAnswerError(MeasurementError):
    """The new version gives other results while it is timed."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One process's answer, in nanoseconds.

    ``pass_ns`` and ``first_ns`` are for a pass over the calls, each as often as the workload makes
    it: again and again (the lower decile of each call's spans), and for the first time in the
    process. ``mean_ns`` is the pass by the mean of the spans, ``cpu_ns`` the processor time of all
    threads for it; ``spans_ns`` has each call's times again and again, as they came. ``unseen_ns``
    has one time for each mutation, made once; ``import_ns`` is the import of the function's module
    with all that it imports; ``answers`` has a digest of each call's result, ``""`` where there is
    none to compare.
    """

    pass_ns: float
    first_ns: float
    import_ns: float
    per_call_ns: tuple[float, ...]
    unseen_ns: tuple[float, ...] = ()
    answers: tuple[str, ...] = ()
    mean_ns: float = 0.0
    cpu_ns: float = 0.0
    spans_ns: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Weight:
    """Bytes: the most that one call allocates, and what import and all calls leave allocated."""

    peak_bytes: int
    kept_bytes: int


@dataclass(frozen=True, slots=True)
class CallBenchmark:
    """A choice of recorded calls to be timed.

    ``once`` times only the first pass of each process: right for code that remembers results from
    call to call, for which a repeated call is not a real one. ``unseen`` names, for each chosen
    call, the mutations that are timed as well.
    """

    target: Target
    reference: Reference
    chosen: tuple[int, ...]
    budget_s: float
    once: bool = False
    unseen: tuple[tuple[int, ...], ...] = ()

    def time(self, tree: Tree) -> Timing:
        """Time the calls on one version, in one fresh process.

        Raises:
            MeasurementError: the process crashed, was killed or answered nonsense.
        """
        calls = [self.reference.recording.calls[number] for number in self.chosen]
        job: dict[str, object] = {
            "do": "time",
            **self._what(tree),
            "times": [call.times for call in calls],
            "fresh": [self.reference.fresh[number] for number in self.chosen],
            "numbers": list(self.chosen),
            "variants": variants_of(self.reference.recording),
            "unseen": [list(each) for each in self.unseen] or [[] for _ in self.chosen],
            "budget_s": self.budget_s,
            "once": self.once,
        }
        reply, message = self._answer(job, tree, "timed")
        if reply.contradicts(message.number("total_ns") / 1e9):
            raise MeasurementError(IMPOSSIBLE)
        return _timing(message, calls, sum(map(len, self.unseen)))

    def weigh(self, tree: Tree) -> Weight:
        """Weigh the calls on one version, in one fresh process.

        Raises:
            MeasurementError: as for :meth:`time`.
        """
        dearest = sorted(self.chosen, key=lambda number: -_ns(self.reference, number))
        weighed = replace(self, chosen=tuple(affordable(self.reference, dearest, _WEIGHED_S)))
        _, message = self._answer({"do": "memory", **weighed._what(tree)}, tree, "memory")
        weight = Weight(message.whole("peak_bytes"), message.whole("kept_bytes"))
        if min(weight.peak_bytes, weight.kept_bytes) < 0:
            raise MeasurementError(IMPOSSIBLE)
        return weight

    def _what(self, tree: Tree) -> dict[str, object]:
        recording = self.reference.recording
        return {
            "function": str(recording.function),
            "modules": list(module_names(tree, recording.function.path)),
            "path": list(recording.path),
            "calls": [recording.calls[number].arguments for number in self.chosen],
        }

    def _answer(self, job: Mapping[str, object], tree: Tree, kind: str) -> tuple[Reply, Message]:
        reply = self.target.run(job, tree, limits=Limits(wall_s=120, cpu_s=150))
        if not reply.finished or [each.kind for each in reply.messages] != [kind, "done"]:
            raise MeasurementError(f"timing {self.reference.recording.function} {reply.trouble}")
        return reply, reply.messages[0]

    def pair(
        self, old: Tree, new: Tree, kept: list[tuple[Timing, Timing]] | None = None
    ) -> Callable[[bool], Pair]:
        """Return a function that measures one pair, for :func:`perfbot.profiling.measure.compare`.

        The pairs' full timings (old, new) are appended to ``kept``; the later ones have no unseen
        calls, as the least times of the first ones tell enough. The returned function raises what
        :meth:`time` does, and ``WrongAnswerError``.
        """
        later = replace(self, unseen=())
        numbers = itertools.count()

        def measure(old_first: bool) -> Pair:
            trees = (old, new) if old_first else (new, old)
            benchmark = self if next(numbers) < _UNSEEN_PAIRS else later
            times = [benchmark.time(tree) for tree in trees]
            before, after = times if old_first else reversed(times)
            self._compare_answers(before, after)
            if kept is not None:
                kept.append((before, after))
            if self.once:
                return Pair(before.first_ns, after.first_ns, old_first)
            return Pair(before.pass_ns, after.pass_ns, old_first)

        return measure

    def _compare_answers(self, before: Timing, after: Timing) -> None:
        """Raise ``WrongAnswerError`` where the old version answers as it did in replay and the new does not."""
        for number, old, new in zip(self.chosen, before.answers, after.answers, strict=True):
            right = {old, *self.reference.near.get(number, ())}
            if old and old == self.reference.behaviours[number, 0].result and new not in right:
                function = self.reference.recording.function
                raise WrongAnswerError(WRONG_ANSWER.format(function=function))


def choose_calls(reference: Reference) -> tuple[int, ...]:
    """Choose the calls that make up most of the function's time in the workload, dearest first."""
    calls = reference.recording.calls
    returned = [number for number in reference.real if calls[number].raised is None]
    weights = {number: _weight_ns(reference, number) for number in returned or reference.real}
    weighted = sorted(weights, key=lambda number: -weights[number])
    total = sum(weights.values())
    chosen: list[int] = []
    covered = 0.0
    for number in affordable(reference, weighted, _AT_MOST_PASS_S):
        if len(chosen) >= _AT_MOST_CALLS or covered >= _COVERED_SHARE * total > 0:
            break
        chosen.append(number)
        covered += weights[number]
    return tuple(sorted(chosen))


def affordable(reference: Reference, numbers: Sequence[int], most_s: float) -> list[int]:
    """Return the calls, in order, that together take no longer than ``most_s``; the shortest at least."""
    found: list[int] = []
    left_ns = most_s * 1e9
    for number in numbers:
        if _ns(reference, number) <= left_ns:
            found.append(number)
            left_ns -= _ns(reference, number)
    return found or sorted(numbers, key=lambda number: _ns(reference, number))[:1]


def choose_unseen(reference: Reference, chosen: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Choose mutations of the chosen calls that the function answers, for each call some of the gentle ones."""
    pass_ns = sum(_ns(reference, number) for number in chosen)
    most = min(
        _UNSEEN_PER_CALL,
        _AT_MOST_UNSEEN // max(1, len(chosen)),
        int(_UNSEEN_NS / max(1.0, pass_ns)),
    )
    most = max(1, most)
    return tuple(
        tuple(
            variant
            for (of, variant), behaviour in sorted(reference.behaviours.items())
            if of == number and variant and _is_gentle(behaviour)
        )[:most]
        for number in chosen
    )


def _is_gentle(behaviour: Behaviour) -> bool:
    return behaviour.ending == "returned" and not behaviour.wild


def _weight_ns(reference: Reference, number: int) -> float:
    return _ns(reference, number) * reference.recording.calls[number].times


def _ns(reference: Reference, number: int) -> float:
    """Return how long a call takes: as replayed, for the recorder looks closely and slows the first ones."""
    return float(max(1, reference.behaviours[number, 0].ns))


def _timing(message: Message, calls: Sequence[Recorded], unseen: int) -> Timing:
    first, others, answers = (
        message.numbers("first_ns"),
        message.numbers("unseen_ns"),
        message.texts("answers"),
    )
    repeated = message.objects("repeated")
    spans = tuple(each.numbers("spans_ns") for each in repeated)
    lengths = (len(first), len(spans), len(answers), len(others))
    least = min((*first, *others, *(min(each, default=0) for each in spans)), default=0)
    if lengths != (*[len(calls)] * 3, unseen) or least <= 0:
        raise MeasurementError(IMPOSSIBLE)
    times = [call.times for call in calls]
    worked = [_lower_decile(each.numbers("worked_ns") or (0.0,)) for each in repeated]
    each_ns = tuple(_lower_decile(each) for each in spans)
    return Timing(
        _weighted(each_ns, times),
        _weighted(first, times),
        message.number("import_ns"),
        each_ns,
        others,
        answers,
        _weighted([fmean(each) for each in spans], times),
        _weighted(worked, times) * _threads(message),
        spans,
    )


def _threads(message: Message) -> float:
    """Return how much more processor time all threads took than the one that calls; 1.0 where it is unclear.

    The clock of all threads may tick, by some milliseconds.
    """
    own_ns, all_ns = message.number("thread_ns"), message.number("process_ns")
    return all_ns / own_ns if all_ns - own_ns > _TICKS_NS and own_ns > 0 else 1.0


def _lower_decile(spans_ns: Sequence[float]) -> float:
    """Return what a tenth of the spans are below: what the code takes when nothing comes in between.

    A busy machine slows a process down by phases that are often longer than half of it, which the
    median would take for the code's own time. The least span of all may be a fluke of the clock.
    """
    return sorted(spans_ns)[len(spans_ns) // 10]


def _weighted(each_ns: Sequence[float], times: Sequence[int]) -> float:
    return sum(ns * count for ns, count in zip(each_ns, times, strict=True))
