"""What came of a version of a program, and the rewards that the papers make of it.

The branch is the gates' word, the ratio is measured; rewards are numbers made of the two, so that
changing a reward needs no new run.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from perfbot.optimizer.verdict import Why

OMEGA = 100.0  # PerfCoder, section on GRPO: the penalty of what does not compile


class Branch(StrEnum):
    """Which branch of a reward a version falls into."""

    RIGHT = "right"  # the gates have nothing against it, and its cost was measured
    WRONG = "wrong"  # another result, a lost test, a crash, no end
    CHEAT = "cheat"  # forbidden, or a gain that is none
    NO_FUNCTION = "no function"  # the function is missing, or callers would see another one
    NO_FORMAT = "no format"  # the reply cannot be read, or is no Python
    UNKNOWN = "unknown"  # it cannot be judged: nothing is learnt from it


BRANCHES = {
    Why.DOES_NOT_APPLY: Branch.NO_FORMAT,
    Why.DOES_NOT_PARSE: Branch.NO_FORMAT,
    Why.CHANGES_INTERFACE: Branch.NO_FUNCTION,
    Why.FORBIDDEN: Branch.CHEAT,
    Why.CHEATS: Branch.CHEAT,
    Why.TESTS_FAIL: Branch.WRONG,
    Why.TESTS_MISSING: Branch.WRONG,
    Why.RESULTS_DIFFER: Branch.WRONG,
    Why.CRASHED: Branch.WRONG,
    Why.TIMED_OUT: Branch.WRONG,
    Why.NOT_COMPARABLE: Branch.UNKNOWN,
    Why.NOT_EXERCISED: Branch.UNKNOWN,
    Why.TOO_NOISY: Branch.UNKNOWN,
}
_PENALTIES = {  # the worse, the less of the task is there (Two-stage, section on its reward)
    Branch.WRONG: -0.4,
    Branch.NO_FUNCTION: -0.7,
    Branch.NO_FORMAT: -1.0,
    Branch.CHEAT: -1.0,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a version; ``ratio`` is old/new cost where it is right, else 0."""

    branch: Branch
    ratio: float = 0.0
    why: str = ""

    @property
    def speedup(self) -> float:
        """Old/new cost as evaluations count it: a failure counts 1 (PIE, section on metrics)."""
        return self.ratio if self.branch is Branch.RIGHT else 1.0


def perfcoder(outcome: Outcome, omega: float = OMEGA) -> float | None:
    """Return R of PerfCoder's Eq. 8: −ω, −1 below a ratio of 1, else its square; ``None``: no word.

    What compiles and is wrong is left open there; here it earns −ω, as a wrong program is worth less
    than a slow one.
    """
    if outcome.branch is Branch.UNKNOWN:
        return None
    if outcome.branch is not Branch.RIGHT:
        return -omega
    return outcome.ratio**2 if outcome.ratio >= 1 else -1.0


def two_stage(outcome: Outcome) -> float | None:
    """Return the second stage's reward: a score of the cost if right, else a penalty by what is missing.

    The score is ``1 + log2(ratio)``, at least 0: each halving of the cost is worth one more, and a
    right program always more than a wrong one.
    """
    if outcome.branch is Branch.UNKNOWN:
        return None
    if outcome.branch is not Branch.RIGHT:
        return _PENALTIES[outcome.branch]
    return max(0.0, 1.0 + math.log2(outcome.ratio))
