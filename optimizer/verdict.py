"""What the judge can say of a change, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from perfbot.optimizer.faults import Caught, sentence
from perfbot.optimizer.metrics import Metrics
from perfbot.profiling.conditions import Conditions
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.growth import Growth
from perfbot.profiling.measure import Comparison, Interval

BELOW = "; {least:.0%} are asked for, so people should look before this is merged"


class Why(StrEnum):
    """The closed list of reasons (``why`` in report.json, schema 1)."""

    FASTER = "faster"
    DOES_NOT_APPLY = "does-not-apply"
    DOES_NOT_PARSE = "does-not-parse"
    CHANGES_INTERFACE = "changes-interface"
    FORBIDDEN = "forbidden"
    TESTS_FAIL = "tests-fail"
    TESTS_MISSING = "tests-missing"
    RESULTS_DIFFER = "results-differ"
    NOT_FASTER = "not-faster"
    USES_MORE_MEMORY = "uses-more-memory"
    LESS_READABLE = "less-readable"
    CHEATS = "cheats"
    CRASHED = "crashed"
    TIMED_OUT = "timed-out"
    TOO_NOISY = "too-noisy"
    NOT_EXERCISED = "not-exercised"
    NOT_COMPARABLE = "not-comparable"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A gate's no."""

    why: Why
    detail: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """A gate that cannot tell."""

    why: Why
    detail: str


Finding = str | Refusal | Doubt  # a gate passes with a remark, refuses, or cannot tell


@dataclass(frozen=True, slots=True)
class Gate:
    """One check that a change went through, in order; the last one of a rejected change failed."""

    name: str
    passed: bool
    detail: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Measured:
    """The confirmed comparison of one function, old against new."""

    function: FunctionName
    comparison: Comparison
    threshold: float  # what the lower end had to be above
    memory_ratio: float | None  # peak of new/old, beyond what was there before the call
    growth: Growth | None = None  # of both versions' time with size
    instructions_ratio: float | None = None  # new/old, of the same calls
    cpu_ratio: float | None = None  # processor time of new/old, of all threads
    conditions: Conditions | None = None  # under which it was measured

    @property
    def speedup(self) -> Interval:
        """The interval of old/new."""
        return self.comparison.interval


@dataclass(frozen=True, slots=True)
class Accepted:
    """Right and faster; ``measured`` has the confirming measurement of each function judged.

    ``caught`` says for each how many seeded faults the evidence catches; ``min_kill_rate`` is asked.
    ``metrics`` has what else was measured of each, ``harder_to_read`` what got worse for readers of
    each, in words.
    """

    measured: tuple[Measured, ...]
    gates: tuple[Gate, ...]
    caught: Mapping[FunctionName, Caught] = field(default_factory=dict)
    min_kill_rate: float = 0.0
    metrics: Mapping[FunctionName, Metrics] = field(default_factory=dict)
    harder_to_read: Mapping[FunctionName, tuple[str, ...]] = field(default_factory=dict)

    @property
    def wants_draft(self) -> bool:
        """Whether the evidence is thinner than was asked for, so that people should look first.

        A share that is not known does not reach what is asked.
        """
        return any((each.rate or 0.0) < self.min_kill_rate for each in self.caught.values())

    @property
    def remark(self) -> str:
        """How good the evidence is, in words, ``""`` where that was not tried."""
        several = len(self.caught) > 1
        told = [
            f"{function.qualname}: {sentence(caught)}" if several else sentence(caught)
            for function, caught in self.caught.items()
        ]
        below = BELOW.format(least=self.min_kill_rate) if self.wants_draft else ""
        return "; ".join(told) + below


@dataclass(frozen=True, slots=True)
class Rejected:
    """Wrong, not faster, or not allowed."""

    why: Why
    detail: str
    gates: tuple[Gate, ...]
    measured: tuple[Measured, ...] = ()


@dataclass(frozen=True, slots=True)
class Inconclusive:
    """Nothing was found against it, and nothing proves it."""

    why: Why
    detail: str
    gates: tuple[Gate, ...]
    measured: tuple[Measured, ...] = ()


Verdict = Accepted | Rejected | Inconclusive
