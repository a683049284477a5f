"""Reinforcement learning of plan and code by leave-one-out baselines, from the DPO checkpoint (second of two stages).

    python -m perfbot.training.rloo --config recipes/smoke/rloo.yml

Replies are run on the inputs that separate the known solutions' cost best. If every gate passes, the
reward is a score of the instructions that the new program executes, else a penalty that says what is
missing: tests that fail, no function, no format (``outcome.two_stage``).
"""

from pathlib import Path
from typing import Any

from perfbot.optimizer.protocol import prompt
from perfbot.training import records, stage, tasks, tiny
from perfbot.training.costs import Gauge
from perfbot.training.court import Court, Task
from perfbot.training.judging import Coded
from perfbot.training.outcome import two_stage
from perfbot.training.policy import Drawing
from perfbot.training.records import Split
from perfbot.training.reward import Reward, mean_reward
from perfbot.training.stage import Objective, Run, StageConfig, main

MEAN_REWARD = "mean reward of replies for held-out functions"
ABOUT = (
    "Writes plan and code; trained on what perfbot's gates and an instruction counter said of it."
)


class RlooConfig(StageConfig, frozen=True, kw_only=True):
    """``group`` replies to one question are each other's baseline."""

    base: Path
    pairs: Path
    memory: Path
    tasks: int = 64
    held_out: int = 16
    samples: int = 4
    group: int = 4
    most_tokens: int = 256
    temperature: float = 1.0
    beta: float = 0.05
    gauge: Gauge = Gauge.INSTRUCTIONS


def run(config: RlooConfig) -> None:
    """Train the policy and measure its mean reward before and after."""
    run = Run("rloo", config)
    if run.finished:
        return
    model, tokenizer = tiny.load(config.base)
    pairs = list(records.read(config.pairs))
    train = tasks.tasks(pairs, Split.TRAIN, config.tasks)
    held_out = tasks.tasks(pairs, Split.VALIDATION, config.held_out)
    judging = Coded(Court([*train, *held_out], gauge=config.gauge, memory=config.memory))
    drawing = Drawing(config.most_tokens, config.temperature, config.schedule.seed)
    asked = {prompt(task.program): task for task in held_out}

    def measured(policy: Any) -> float:
        return mean_reward(policy, tokenizer, asked, judging, two_stage, drawing, config.samples)

    before = run.at_start(lambda: measured(model))
    reward = Reward(judging, two_stage, train)
    trained = _trained(run, config, model, tokenizer, reward, train)
    counts = {f"replies, {branch}": count for branch, count in sorted(reward.counts.items())}
    run.finish(
        trained, tokenizer, Objective(MEAN_REWARD, before, measured(trained), details=counts), ABOUT
    )


def _trained(
    run: Run, config: RlooConfig, model: Any, tokenizer: Any, reward: Reward, train: list[Task]
) -> Any:
    from datasets import Dataset
    from trl import RLOOConfig, RLOOTrainer

    prompts = [prompt(task.program) for task in train]
    trainer = RLOOTrainer(
        model=model,
        reward_funcs=reward,
        args=RLOOConfig(
            **stage.arguments(run, config.schedule),
            num_generations=config.group,
            max_completion_length=config.most_tokens,
            temperature=config.temperature,
            beta=config.beta,
        ),
        train_dataset=Dataset.from_dict({"prompt": prompts, "task": list(range(len(train)))}),
        processing_class=tokenizer,
        callbacks=stage.callbacks(run),
    )
    trainer.train(resume_from_checkpoint=run.checkpoint)
    return trainer.model


if __name__ == "__main__":
    main(RlooConfig, run, __doc__)
