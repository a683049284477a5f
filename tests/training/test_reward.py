"""Rewards that teach nothing end a stage with a sentence; replies are read exactly."""

import math

import pytest

from perfbot.optimizer.protocol import Advice, Answer, render
from perfbot.optimizer.strategies import Category
from perfbot.training.court import Court, Task
from perfbot.training.judging import Coded
from perfbot.training.outcome import Branch, perfcoder, two_stage
from perfbot.training.reward import Reward, RewardError

TASK = Task("def f(items):\n    return [x for x in items]\n", "f", ("([1, 2],)",))
ADVICE = (Advice(Category.LOOP, "copy: at once."),)
SAME = render(Answer(ADVICE, TASK.program))


def reward(score=perfcoder, patience: int = 8) -> Reward:
    """Nothing that is asked of it has to be run: the court is never opened."""
    return Reward(Coded(Court([TASK])), score, [TASK], patience)


@pytest.mark.parametrize(
    ("reply", "branch"),
    [
        ("", Branch.NO_FORMAT),
        ("Here you are: " + SAME, Branch.NO_FORMAT),
        (SAME.removesuffix("[/OPT]"), Branch.NO_FORMAT),
        (render(Answer(ADVICE)), Branch.NO_FORMAT),
        (render(Answer(ADVICE, "def f(items:\n    pass")), Branch.NO_FORMAT),
        (render(Answer(ADVICE, "x = 1")), Branch.NO_FUNCTION),
        (render(Answer(ADVICE, "class f: pass")), Branch.NO_FUNCTION),
        (SAME, Branch.RIGHT),
        (SAME.replace("x for x", "item for item"), Branch.RIGHT),
        ("[SUGG/]\n[/SUGG]\n[OPT/]\nx = '[SUGG/]'\n[/OPT]", Branch.NO_FORMAT),
    ],
)
def test_a_reply_falls_into_its_branch(reply: str, branch: Branch) -> None:
    assert Coded(Court([TASK])).outcome(TASK, reply).branch is branch


def test_trl_gets_a_reward_for_each_completion() -> None:
    assert reward(two_stage)(["nothing", SAME], task=[0, 0], prompts=["", ""]) == [-1, 1]
    assert reward()(["nothing", SAME], task=[0, 0]) == [-100, 1]


def test_rewards_that_are_always_the_same_are_an_error_that_counts_them() -> None:
    with pytest.raises(RewardError, match=r"last 8 rewards were all -100 \(no format: 8\)"):
        reward()(["nothing"] * 8, task=[0] * 8)


def test_rewards_that_differ_go_on() -> None:
    given = reward()
    for _ in range(4):
        given([SAME, "nothing"] * 4, task=[0] * 8)
    assert given.counts == {Branch.RIGHT: 16, Branch.NO_FORMAT: 16}


def test_a_reward_that_is_no_number_is_an_error() -> None:
    with pytest.raises(RewardError, match="no finite number"):
        reward(lambda _outcome: math.nan)([SAME], task=[0])


def test_replies_of_which_none_can_be_judged_are_an_error() -> None:
    given = reward(lambda _outcome: None)
    assert given([SAME] * 7, task=[0] * 7) == [None] * 7
    with pytest.raises(RewardError, match="not one of the last 8 replies could be judged"):
        given([SAME], task=[0])
