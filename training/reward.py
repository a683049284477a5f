"""Rewards for TRL's trainers: replies judged by perfbot's own gates, and their measured gain.

The gates choose the branch (``outcome.py``), the measurement gives the ratio (``costs.py``). A reward
that is always the same teaches nothing, and one that is no number is a fault: both end the stage with
a sentence that counts what came of the replies.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from perfbot.training.court import Task
from perfbot.training.judging import Judging, outcomes
from perfbot.training.outcome import Branch, Outcome
from perfbot.training.policy import Drawing, replies

CONSTANT = (
    "the last {count} rewards were all {reward:g} ({branches}), so there is nothing to learn from them: "
    "start from a model that sometimes does better, or draw at a higher temperature"
)
NOTHING_JUDGED = "not one of the last {count} replies could be judged: {why}"

Score = Callable[[Outcome], float | None]


class RewardError(Exception):
    """The rewards teach nothing; the message says what came of the replies."""


@dataclass
class Reward:
    """A reward function as TRL calls it: the column ``task`` has the number of each prompt's task."""

    judging: Judging
    score: Score
    tasks: Sequence[Task]
    patience: int = 512  # equal rewards in a row, then there is nothing to learn
    counts: Counter[Branch] = field(default_factory=Counter)
    _last: list[float] = field(default_factory=list)
    _unjudged: int = 0

    @property
    def __name__(self) -> str:
        """The name under which TRL logs it."""
        return "perfbot"

    def __call__(
        self, completions: Sequence[str], task: Sequence[int], **_columns: Any
    ) -> list[float | None]:
        """Return a reward for each completion, ``None`` where nothing can be said."""
        found = outcomes(self.judging, [self.tasks[number] for number in task], completions)
        self.counts.update(each.branch for each in found)
        rewards = [self.score(each) for each in found]
        self._check(rewards, found)
        return rewards

    def _check(self, rewards: Sequence[float | None], found: Sequence[Outcome]) -> None:
        given = [each for each in rewards if each is not None]
        if not all(map(math.isfinite, given)):
            raise RewardError(f"a reward is no finite number: {given}")
        self._unjudged = 0 if given else self._unjudged + len(rewards)
        if self._unjudged >= self.patience:
            raise RewardError(NOTHING_JUDGED.format(count=self._unjudged, why=found[-1].why))
        self._last = [*self._last, *given][-self.patience :]
        if len(self._last) >= self.patience and len(set(self._last)) == 1:
            branches = ", ".join(f"{branch}: {count}" for branch, count in self.counts.items())
            told = CONSTANT.format(count=len(self._last), reward=self._last[0], branches=branches)
            raise RewardError(told)


def mean_reward(
    model: Any,
    tokenizer: Any,
    prompts: Mapping[str, Task],
    judging: Judging,
    score: Score,
    drawing: Drawing,
    samples: int,
) -> float:
    """Return the mean reward of ``samples`` replies to each prompt; what has none is left out."""
    texts = [text for text in prompts for _ in range(samples)]
    drawn = replies(model, tokenizer, texts, drawing)
    found = outcomes(judging, [prompts[text] for text in texts], drawn)
    scores = [reward for each in found if (reward := score(each)) is not None]
    return fmean(scores) if scores else math.nan
