"""Timing recorded calls in a fresh process.

Three kinds of times are told apart. ``first_ns``: each call for the first time in this process,
with whatever the function sets up on first use. ``per_call_ns``: the same calls again and again,
which is precise, but flatters code that remembers. ``unseen_ns``: mutations of these calls that
this process has never made, once each, when the code is warm; nothing can have been remembered.

Of the repeated calls every span is told, by the clock and by the processor time of the thread that
calls, and the parent makes the statistics; ``thread_ns`` and ``process_ns`` say how much processor
time that thread and all threads together took meanwhile. Calls that change their arguments get
fresh copies each time, made outside the timed span. At the end each call is made once more and its
result told, so that the parent sees that what was timed does the work. The clocks are taken before
any code of the target runs.
"""

from __future__ import annotations

import base64
import contextlib
import gc
import io
import itertools
import pickle
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from _perfbot_inside import behaviour, mutate, record, tap

if TYPE_CHECKING:
    from _perfbot_inside.results import Results

_SPAN_NS = 50_000  # a timed span is at least about this long: a thousand times the clock's own cost
_AT_MOST_REPEATS = 2_000
_AT_MOST_REAL_REPEATS = 50
_LONG_NS = 20_000_000
_AT_LEAST_ROUNDS = 3

_now_ns = time.perf_counter_ns
_worked_ns = time.thread_time_ns
_all_worked_ns = time.process_time_ns  # of all threads; where processor time is limited it ticks
_unpickled = pickle.loads

Function = Callable[..., Any]
Span = tuple[float, float]  # nanoseconds per call: by the clock, and of processor time


def run(job: dict[str, Any], results: Results) -> None:
    """Do a ``time`` job: send the three kinds of times of each call, the import's, and the results."""
    started_ns = _now_ns()
    function = imported(job)
    import_ns = _now_ns() - started_ns
    kind = record.kind_of(function)
    behaviour.prepare(kind)
    with quiet():
        timed = [
            Timed(function, kind, base64.b64decode(call), fresh)
            for call, fresh in zip(job["calls"], job["fresh"], strict=True)
        ]
        gc.collect()
        gc.freeze()
        thread_ns, process_ns = _worked_ns(), _all_worked_ns()
        # Where results are remembered, a call is repeated as often as the workload repeats it.
        repeats = [
            min(times, _AT_MOST_REAL_REPEATS) if job["once"] else 1 for times in job["times"]
        ]
        first = [each.span_ns(count) for each, count in zip(timed, repeats, strict=True)]
        rounds = [first] if job["once"] else _rounds(timed, first, job["budget_s"])
        thread_ns, process_ns = _worked_ns() - thread_ns, _all_worked_ns() - process_ns
        unseen = [Timed.of(function, kind, call).span_ns(1) for call in _unseen(job)]
        answers = [each.answer(job["tree"]) for each in timed]
    results.send(
        "timed",
        first_ns=[ns for ns, _ in first],
        repeated=[_told(spans) for spans in zip(*rounds, strict=True)],
        thread_ns=thread_ns,
        process_ns=process_ns,
        unseen_ns=[ns for ns, _ in unseen],
        import_ns=import_ns,
        total_ns=_now_ns() - started_ns,
        answers=answers,
    )


def imported(job: dict[str, Any]) -> Function:
    """Import the job's function; the garbage collector stays as it was, whatever the import did to it."""
    enabled, thresholds = gc.isenabled(), gc.get_threshold()
    path, _, qualname = job["function"].rpartition("::")
    function = tap.reach(job["tree"], job["roots"], path, qualname, job["modules"])
    (gc.enable if enabled else gc.disable)()
    gc.set_threshold(*thresholds)
    return function


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drop what the target prints."""
    with contextlib.redirect_stdout(_Nowhere()), contextlib.redirect_stderr(_Nowhere()):
        yield


class _Nowhere(io.StringIO):
    def write(self, text: str) -> int:
        return len(text)


def _told(spans: tuple[Span, ...]) -> dict[str, object]:
    return {"spans_ns": [ns for ns, _ in spans], "worked_ns": [ns for _, ns in spans]}


def _rounds(timed: list[Timed], first: list[Span], budget_s: float) -> list[list[Span]]:
    """Time all calls in turn, round after round, until the budget is used up; calibrating warms up.

    The budget is of processor time, so that a process on a busy machine makes as many calls as one
    on a quiet one; calls that wait instead of working end with ten times the budget.
    """
    rounds: list[list[Span]] = []
    worked_ns, end_ns = _worked_ns() + budget_s * 1e9, _now_ns() + 10 * budget_s * 1e9
    for each, (ns, _) in zip(timed, first, strict=True):
        if ns < _LONG_NS:  # one call of a long one is precise enough
            each.calibrate()
    over = False
    while len(rounds) < _AT_LEAST_ROUNDS or not over:
        rounds.append([each.span_ns(each.repeats) for each in timed])
        over = _worked_ns() >= worked_ns or _now_ns() >= end_ns
        if len(rounds) == 1 and over:
            break  # one round is longer than the whole budget: it is precise enough
    return rounds


def _unseen(job: dict[str, Any]) -> Iterator[behaviour.Call]:
    """Yield the mutations that the job names by call and index, each made only just before its turn."""
    for pickled, number, wanted in zip(job["calls"], job["numbers"], job["unseen"], strict=True):
        if not wanted:
            continue
        arguments, keywords = _unpickled(base64.b64decode(pickled))
        made = mutate.variants(arguments, keywords, seed=number, count=job["variants"])
        for index, variant in enumerate(itertools.islice(made, max(wanted)), start=1):
            if index in wanted:
                yield variant.arguments, variant.keywords


class Timed:
    """One call that can be made again and again."""

    def __init__(self, function: Function, kind: str, pickled: bytes, fresh: bool) -> None:
        self._function = function
        self._kind = kind
        self._pickled = pickled
        self._fresh = fresh
        self.repeats = 1
        self.renew()

    @classmethod
    def of(cls, function: Function, kind: str, call: behaviour.Call) -> Timed:
        """Return what makes this very call once, without a copy."""
        made = cls(function, kind, _NO_ARGUMENTS, fresh=False)
        made._kept = call
        return made

    def renew(self) -> None:
        """Take a fresh copy of the arguments for the calls that may share one."""
        self._kept: behaviour.Call = _unpickled(self._pickled)

    def calibrate(self) -> None:
        """Choose how many calls make one span long enough."""
        once_ns = max(1.0, min(self.span_ns(1)[0], self.span_ns(1)[0]))
        self.repeats = max(1, min(_AT_MOST_REPEATS, int(_SPAN_NS / once_ns)))

    def span_ns(self, repeats: int) -> Span:
        """Make the call ``repeats`` times and return the mean nanoseconds per call, wall and processor.

        What a call leaves to be done (a generator's items, a coroutine) is done within the span.
        """
        function, kind, drive = self._function, self._kind, behaviour.drive
        calls = (
            [_unpickled(self._pickled) for _ in range(repeats)]
            if self._fresh
            else [self._kept] * repeats
        )
        plain = kind == "function"
        used_ns = _worked_ns()
        started_ns = _now_ns()
        for arguments, keywords in calls:
            try:
                result = function(*arguments, **keywords)
                if not plain or hasattr(result, "__next__"):
                    drive(kind, result)
            except Exception:
                continue
        ended_ns = _now_ns()
        return (ended_ns - started_ns) / repeats, (_worked_ns() - used_ns) / repeats

    def answer(self, tree: str) -> str:
        """Make the call once more, with fresh arguments, and return its result's digest, ``""`` if none."""
        return behaviour.answer(self._function, self._kind, _unpickled(self._pickled), tree)


_NO_ARGUMENTS = pickle.dumps(((), {}))
