"""Is a pair one? Both sides run in the sandbox, are compared and measured; nothing is taken on trust.

All programs that are known to be right for a problem run together. An input counts where its right
output is known: published with it, or what the strict majority of at least three programs prints; of
fewer programs an input that was published or made by the data set's own generator must find them
agreed, and one that was grown (``inputs.py``) is dropped where it does not. Of the inputs that count,
*high-contrast* ones separate the known solutions' cost best: the spread of the logarithm of their CPU
time is largest (the inputs of the second stage in "Two-stage correctness → efficiency").
"""

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

import msgspec

from perfbot.training import inputs
from perfbot.training.comparing import exact, memory, normal, own, ratio, same
from perfbot.training.execution import ExecutionError, Fate, Program, Ran, Runner, Task
from perfbot.training.grouping import group_of
from perfbot.training.readers.reading import Pair
from perfbot.training.records import (
    Case,
    Language,
    Measured,
    Split,
    TrainingPair,
    program,
)

T = TypeVar("T")

ALWAYS_TOO_SLOW = "on every input one of the sides takes too long"

_FLOOR_S = 0.002  # what a run takes that does nothing, and what a clock cannot tell apart
_LEAST_VOTERS = 3
_MOST_COUNTED_S = (
    3.0  # of plain CPU time of the slow side; Cachegrind takes some forty times as long
)


class Reason(StrEnum):
    """Why a record is not a pair to learn from."""

    EQUAL = "the sides are equal"
    FILTERED = "a side is no training text"
    NEAR_DUPLICATE = "nearly the same as an earlier pair"
    CONTAMINATED = "it is in the evaluation data"
    NO_LICENCE = "its licence is not known"
    DOES_NOT_COMPILE = "a side does not compile"
    NO_INPUT = "no input whose right output is known"
    FAILS = "a side crashes or takes too long"
    DIFFERS = "the sides differ in output"
    SLOWER = "slower than claimed: the fast side costs more"
    NOT_FASTER = "slower than claimed: the fast side is not clearly faster"
    NOT_MEASURED = "its cost could not be measured"
    REPLACED = "replaced by pairs that were found by measuring"


class Rejected(msgspec.Struct, frozen=True, tag="rejected"):
    """A record that is no pair, and why."""

    record: str
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """How much is tried for a problem.

    ``least_speedup`` is what the interval's lower end must reach. Six rounds give a 96.9 % interval
    for the median of a ratio by its smallest and largest value, whatever its distribution. What takes
    up to ``measured_s`` is measured rather than longer inputs, and only there instructions are counted
    (Cachegrind takes some forty times as long).
    """

    least_speedup: float = 1.1
    measured_s: float = 0.5
    rounds: int = 6
    most_inputs: int = 10
    most_programs: int = 12
    most_found: int = 3
    cases: int = 8
    case_bytes: int = 64 << 10
    seed: int = 0


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An input; ``expected`` is its published output, ``certain`` that it is valid."""

    stdin: str
    expected: str | None
    certain: bool


@dataclass(slots=True)
class _Trial:
    """One program on all candidates; ``why`` it cannot run, where it cannot."""

    program: Program | None
    ran: list[Ran] = field(default_factory=list)
    why: str = ""


def verified(
    runner: Runner, pairs: Sequence[Pair], statement: str, settings: Settings, split: Split
) -> list[TrainingPair | Rejected]:
    """Return what becomes of each pair of one problem and language, in their order, then pairs found.

    Raises:
        SandboxError: nothing can be run here.
    """
    return _Problem(runner, pairs, statement, settings, split).outcomes()


class _Problem:
    def __init__(
        self,
        runner: Runner,
        pairs: Sequence[Pair],
        statement: str,
        settings: Settings,
        split: Split,
    ) -> None:
        self._runner, self._pairs = runner, pairs
        self._settings, self._split = settings, split
        self._trials: dict[str, _Trial] = {}
        self._candidates = self._all_candidates(statement)
        self._truth: list[str | None] = []
        self._order: list[int] = []

    def outcomes(self) -> list[TrainingPair | Rejected]:
        self._try_programs()
        self._truth = [self._right_output(place) for place in range(len(self._candidates))]
        self._order = self._by_contrast()
        found = self._found_by_measuring()
        if found:
            replaced = [Rejected(each.record, Reason.REPLACED) for each in self._pairs]
            return [*replaced, *map(self._outcome, found)]
        return [self._outcome(each) for each in self._pairs]

    def _all_candidates(self, statement: str) -> list[_Candidate]:
        """Return published inputs, then those of generators, then grown ones, each once."""
        examples = {each.stdin: each for pair in self._pairs for each in pair.examples}
        samples = sorted(examples, key=len)
        found = {each: _Candidate(each, examples[each].stdout, True) for each in samples}
        most = self._settings.most_inputs
        chosen = _spread(list(found.values()), most // 2)
        made = [_Candidate(each, None, True) for each in self._generated()]
        if not made:
            larger = inputs.grown(samples[-3:], statement, self._settings.seed)
            made = [_Candidate(each, None, False) for each in larger]
        known = {each.stdin for each in chosen}
        return [
            *chosen,
            *_spread([each for each in made if each.stdin not in known], most - len(chosen)),
        ]

    def _generated(self) -> list[str]:
        generators = {
            each.generator: each.names for each in self._pairs if each.generator is not None
        }
        found: dict[str, None] = {}
        for generator, names in generators.items():
            job = {
                "sources": list(generator.sources),
                "sizes": list(generator.sizes),
                "names": names,
                "seed": self._settings.seed,
            }
            found |= dict.fromkeys(self._runner.generated(job))
        return list(found)

    def _try_programs(self) -> None:
        files = [self._runner.input_file(each.stdin) for each in self._candidates]
        for text, language in self._programs():
            try:
                prepared = self._runner.prepared(language, text)
            except ExecutionError as error:
                self._trials[text] = _Trial(None, why=str(error))
                continue
            ran = self._runner.run([Task(prepared, each) for each in files]) if files else []
            self._trials[text] = _Trial(prepared, ran)

    def _programs(self) -> Iterable[tuple[str, Language]]:
        """Return both sides of all pairs, and as many others as there is room for."""
        sides = {
            program(side, pair.driver): pair.language
            for pair in self._pairs
            for side in (pair.slow, pair.fast)
        }
        others = {
            program(side, pair.driver): pair.language
            for pair in self._pairs
            for side in pair.others
        }
        room = max(0, self._settings.most_programs - len(sides))
        wanted = _spread([each for each in others if each not in sides], room)
        return [*sides.items(), *((each, others[each]) for each in wanted)]

    # -- which inputs count, and in which order

    def _right_output(self, place: int) -> str | None:
        """Return what is right to print for an input, ``None`` where that is not known."""
        candidate = self._candidates[place]
        if candidate.expected is not None:
            return candidate.expected
        ran = [each.ran[place] for each in self._trials.values() if each.program is not None]
        printed = [each.stdout for each in ran if each.fate is Fate.DONE]
        if not printed:
            return None
        common, votes = Counter(map(normal, printed)).most_common(1)[0]
        agreed = next(each for each in printed if normal(each) == common)
        if len(ran) < _LEAST_VOTERS:
            unanimous = all(each.fate is Fate.DONE and same(each.stdout, agreed) for each in ran)
            # On an input that is surely valid the first version's word stands against the other's.
            return agreed if unanimous else (printed[0] if candidate.certain else None)
        return agreed if votes * 2 > len(ran) else None

    def _is_right(self, trial: _Trial, place: int) -> bool:
        truth, ran = self._truth[place], trial.ran[place]
        return truth is not None and ran.fate is Fate.DONE and same(ran.stdout, truth)

    def _by_contrast(self) -> list[int]:
        """Return the inputs that count, those first that separate the right programs' cost best."""
        counting = [place for place, truth in enumerate(self._truth) if truth is not None]
        return sorted(counting, key=lambda place: (-self._contrast(place), place))

    def _contrast(self, place: int) -> float:
        costs = [
            math.log(max(_FLOOR_S, each.ran[place].cpu_s))
            for each in self._trials.values()
            if each.program is not None and self._is_right(each, place)
        ]
        return round(statistics.pstdev(costs), 2) if len(costs) > 1 else 0.0

    # -- pairs by measuring

    def _found_by_measuring(self) -> list[Pair]:
        """Return pairs among programs of which nobody knew how fast they are: with the quickest one."""
        pair = self._pairs[0]
        if not pair.others or not self._order or pair.claim is not None:
            return []
        place = self._order[0]
        sides = dict.fromkeys([pair.slow, pair.fast, *pair.others])
        costs = []
        for side in sides:
            trial = self._trials.get(program(side, pair.driver))
            if trial and trial.program and all(self._is_right(trial, each) for each in self._order):
                costs.append((trial.ran[place].cpu_s, side))
        costs.sort()
        slower = [each for each in costs if each[0] > 1.5 * max(costs[0][0], _FLOOR_S)]
        chosen = _spread(slower, self._settings.most_found)
        return [
            replace(pair, record=f"{pair.record}:{number}", slow=slow, fast=costs[0][1])
            for number, (_, slow) in enumerate(reversed(chosen), start=1)
        ]

    # -- one pair

    def _outcome(self, pair: Pair) -> TrainingPair | Rejected:
        slow, fast = (self._trials[program(side, pair.driver)] for side in (pair.slow, pair.fast))
        order = self._order_for(slow, fast)
        rejected = self._why_not(pair, slow, fast, order)
        if rejected is not None:
            return rejected
        measured = self._measured(pair, slow, fast, order[0])
        speedup = measured.speedup
        if speedup is None:
            return Rejected(pair.record, Reason.NOT_MEASURED)
        told = f"{speedup.estimate:.2f}x ({speedup.low:.2f} to {speedup.high:.2f})"
        if speedup.high * self._settings.least_speedup < 1:
            return Rejected(pair.record, Reason.SLOWER, told)
        if speedup.low < self._settings.least_speedup:
            return Rejected(pair.record, Reason.NOT_FASTER, told)
        return self._training_pair(pair, measured, order)

    def _order_for(self, slow: _Trial, fast: _Trial) -> list[int]:
        """Return the inputs that count for two programs, those first on which they can be measured.

        Being slow is no fault of a slow side: an input on which one takes too long says nothing.
        """
        if slow.program is None or fast.program is None:
            return []
        ended = [
            place
            for place in self._order
            if Fate.TIME_UP not in (slow.ran[place].fate, fast.ran[place].fate)
        ]
        return sorted(ended, key=lambda place: self._is_long(slow, fast, place))

    def _is_long(self, slow: _Trial, fast: _Trial, place: int) -> bool:
        return max(slow.ran[place].cpu_s, fast.ran[place].cpu_s) > self._settings.measured_s

    def _why_not(self, pair: Pair, slow: _Trial, fast: _Trial, order: list[int]) -> Rejected | None:
        for side, trial in (("slow", slow), ("fast", fast)):
            if trial.program is None:
                return Rejected(pair.record, Reason.DOES_NOT_COMPILE, f"{side}: {trial.why}")
        if not self._order:
            return Rejected(pair.record, Reason.NO_INPUT)
        if not order:
            return Rejected(pair.record, Reason.FAILS, ALWAYS_TOO_SLOW)
        for side, trial in (("slow", slow), ("fast", fast)):
            failed = [trial.ran[place] for place in order if trial.ran[place].why]
            if failed:
                return Rejected(pair.record, Reason.FAILS, f"{side}: {failed[0].why}")
            if not all(self._is_right(trial, place) for place in order):
                return Rejected(pair.record, Reason.DIFFERS, f"{side}: not the right output")
        return None

    def _measured(self, pair: Pair, slow: _Trial, fast: _Trial, place: int) -> Measured:
        """Measure both sides on one input, what is the driver's own left out."""
        assert slow.program is not None
        assert fast.program is not None
        stdin = self._runner.input_file(self._candidates[place].stdin)
        tasks = [Task(slow.program, stdin), Task(fast.program, stdin)]
        if pair.idle:
            idle = self._runner.prepared(pair.language, program(pair.idle, pair.driver))
            tasks.append(Task(idle, stdin))
        ran = self._runner.run(tasks * self._settings.rounds)
        before, after = ran[:: len(tasks)], ran[1 :: len(tasks)]
        if any(each.fate is not Fate.DONE for each in (*before, *after)):
            return Measured()
        spent = own(ran[2 :: len(tasks)] if pair.idle else [])
        counted: list[int | None] = [None, None]
        if not self._is_long(slow, fast, place):
            counted = self._runner.instructions(tasks)
        return Measured(
            time=ratio([each.wall_s for each in before], [each.wall_s for each in after], spent[0]),
            cpu=ratio([each.cpu_s for each in before], [each.cpu_s for each in after], spent[1]),
            memory=memory(before, after),
            instructions=exact(counted),
        )

    def _training_pair(self, pair: Pair, measured: Measured, order: list[int]) -> TrainingPair:
        places = [place for place in order if self._fits(place)][: self._settings.cases]
        kept = sorted(places)
        cases = tuple(
            Case(self._candidates[place].stdin, self._truth[place] or "") for place in kept
        )
        return TrainingPair(
            record=pair.record,
            problem=pair.problem,
            source=pair.source,
            language=pair.language,
            slow=pair.slow,
            fast=pair.fast,
            origin=pair.origin,
            licence=pair.licence,
            entry_point=pair.entry_point,
            driver=pair.driver,
            measured=measured,
            cases=cases,
            contrast=tuple(kept.index(place) for place in places[:3]),
            split=self._split,
            group=group_of(pair.slow, pair.language),
            cross_user=pair.cross_user,
        )

    def _fits(self, place: int) -> bool:
        size = max(len(self._candidates[place].stdin), len(self._truth[place] or ""))
        return size <= self._settings.case_bytes


def _spread(items: Sequence[T], most: int) -> list[T]:
    """Return at most so many of the items, evenly spread over them, the last one among them."""
    if len(items) <= most:
        return list(items)
    return [items[(number + 1) * len(items) // most - 1] for number in range(most)]


def counts(outcomes: Iterable[TrainingPair | Rejected]) -> Mapping[str, int]:
    """Return how many records were verified, and how many were not by reason."""
    return Counter(
        each.reason.value if isinstance(each, Rejected) else "verified" for each in outcomes
    )
