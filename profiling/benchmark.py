"""Timing a function's recorded calls on two versions of the code, each run in a fresh process."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from perfbot.profiling.capture import Recorded
from perfbot.profiling.measure import Pair
from perfbot.profiling.messages import Message
from perfbot.profiling.replay import Reference
from perfbot.profiling.sandbox import Limits
from perfbot.profiling.target import Target
from perfbot.profiling.tree import Tree, module_names

_AT_MOST_CALLS = 24
_COVERED_SHARE = 0.95  # of the recorded time; the rest is left to the cheapest calls
_AT_MOST_PASS_S = 4.0  # longer calls are left out while there are shorter ones


class MeasurementError(Exception):
    """A timing process did not come to its end; the message says how it ended."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One process's answer, in nanoseconds: a pass over the calls, each as often as the workload makes it.

    ``first_ns`` is the first pass of the process, ``import_ns`` the import of the function's module
    with all that it imports.
    """

    pass_ns: float
    first_ns: float
    import_ns: float
    per_call_ns: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CallBenchmark:
    """A choice of recorded calls to be timed.

    ``once`` times only the first pass of each process: right for code that remembers results from
    call to call, for which a repeated call is not a real one.
    """

    target: Target
    reference: Reference
    chosen: tuple[int, ...]
    budget_s: float
    once: bool = False

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
            "budget_s": self.budget_s,
            "once": self.once,
        }
        return _timing(self._answer(job, tree, "timed"), calls)

    def peak_bytes(self, tree: Tree) -> int:
        """Return the greatest memory that any of the calls allocates beyond what was there before it.

        Raises:
            MeasurementError: as for :meth:`time`.
        """
        return self._answer({"do": "memory", **self._what(tree)}, tree, "memory").whole(
            "peak_bytes"
        )

    def _what(self, tree: Tree) -> dict[str, object]:
        recording = self.reference.recording
        return {
            "function": str(recording.function),
            "modules": list(module_names(tree, recording.function.path)),
            "path": list(recording.path),
            "calls": [recording.calls[number].arguments for number in self.chosen],
        }

    def _answer(self, job: Mapping[str, object], tree: Tree, kind: str) -> Message:
        reply = self.target.run(job, tree, limits=Limits(wall_s=120, cpu_s=150))
        answers = list(reply.of_kind(kind))
        if not reply.finished or len(answers) != 1:
            raise MeasurementError(f"timing {self.reference.recording.function} {reply.trouble}")
        return answers[0]

    def pair(
        self, old: Tree, new: Tree, kept: list[tuple[Timing, Timing]] | None = None
    ) -> Callable[[bool], Pair]:
        """Return a function that measures one pair, for :func:`perfbot.profiling.measure.compare`.

        The pairs' full timings (old, new) are appended to ``kept``.
        """

        def measure(old_first: bool) -> Pair:
            trees = (old, new) if old_first else (new, old)
            times = [self.time(tree) for tree in trees]
            before, after = times if old_first else reversed(times)
            if kept is not None:
                kept.append((before, after))
            if self.once:
                return Pair(before.first_ns, after.first_ns, old_first)
            return Pair(before.pass_ns, after.pass_ns, old_first)

        return measure


def choose_calls(reference: Reference) -> tuple[int, ...]:
    """Choose the calls that make up most of the function's time in the workload, dearest first."""
    calls = reference.recording.calls
    numbers = [number for number in reference.real if calls[number].raised is None] or list(
        reference.real
    )
    weighted = sorted(numbers, key=lambda number: -_weight_ns(calls[number]))
    affordable = [number for number in weighted if calls[number].ns < _AT_MOST_PASS_S * 1e9]
    total = sum(_weight_ns(calls[number]) for number in weighted)
    chosen: list[int] = []
    covered = 0.0
    for number in affordable or weighted[-1:]:
        if len(chosen) >= _AT_MOST_CALLS or covered >= _COVERED_SHARE * total > 0:
            break
        chosen.append(number)
        covered += _weight_ns(calls[number])
    return tuple(sorted(chosen))


def _weight_ns(call: Recorded) -> float:
    return float(max(call.ns, 1) * call.times)


def _timing(message: Message, calls: Sequence[Recorded]) -> Timing:
    first, each = message.numbers("first_ns"), message.numbers("per_call_ns")
    if len(first) != len(calls) or len(each) != len(calls) or min((*first, *each), default=0) <= 0:
        raise MeasurementError("the timing process answered with times that cannot be")
    times = [call.times for call in calls]
    return Timing(
        sum(time_ns * count for time_ns, count in zip(each, times, strict=True)),
        sum(time_ns * count for time_ns, count in zip(first, times, strict=True)),
        message.number("import_ns"),
        each,
    )
