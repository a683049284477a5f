"""Reinforcement learning of the planner alone (PerfCoder, Eqs. 8, 11, 12), from the SFT checkpoint.

    python -m perfbot.training.grpo --config recipes/smoke/grpo.yml

Decoding ends at ``[/SUGG]``. The plan goes to a frozen optimizer, here the catalogue; what it writes is
judged and measured. R is −ω for what does not hold, −1 below a ratio of 1, else its square. Advantages
are normalized over the group of a prompt; one ratio of probabilities for the whole sequence is
clipped; a KL term holds the policy near where it started.
"""

from functools import partial
from pathlib import Path
from typing import Any

from perfbot.optimizer import protocol
from perfbot.optimizer.catalogue import rules
from perfbot.training import outcome, policy, records, stage, tasks, tiny
from perfbot.training.costs import Gauge
from perfbot.training.court import Court, Task
from perfbot.training.judging import Planned
from perfbot.training.planned import Catalogue
from perfbot.training.policy import Drawing
from perfbot.training.records import Split
from perfbot.training.reward import Reward, mean_reward
from perfbot.training.stage import Objective, Run, StageConfig, main

MEAN_REWARD = "mean reward of plans for held-out functions"
ABOUT = (
    "Plans: names strategies of PerfCoder's fifteen categories for a Python function. Made for "
    "perfbot as its planner, which asks it in the style `trained`."
)


class GrpoConfig(StageConfig, frozen=True, kw_only=True):
    """``group`` replies are compared with each other; ``held_out`` functions measure the result."""

    base: Path
    pairs: Path
    memory: Path
    tasks: int = 64
    held_out: int = 16
    samples: int = 4
    group: int = 4
    most_tokens: int = 128
    temperature: float = 1.0
    beta: float = 0.04
    clip: float = 0.2
    omega: float = outcome.OMEGA
    gauge: Gauge = Gauge.INSTRUCTIONS


def run(config: GrpoConfig) -> None:
    """Train the planner and measure its mean reward before and after."""
    run = Run("grpo", config)
    if run.finished:
        return
    model, tokenizer = tiny.load(config.base)
    pairs = list(records.read(config.pairs))
    train = tasks.tasks(pairs, Split.TRAIN, config.tasks)
    held_out = tasks.tasks(pairs, Split.VALIDATION, config.held_out)
    court = Court([*train, *held_out], gauge=config.gauge, memory=config.memory)
    judging, score = (
        Planned(Catalogue(court, rules())),
        partial(outcome.perfcoder, omega=config.omega),
    )
    drawing = Drawing(config.most_tokens, config.temperature, config.schedule.seed, plan_only=True)
    asked = {protocol.prompt(task.program): task for task in held_out}

    def measured(policy: Any) -> float:
        return mean_reward(policy, tokenizer, asked, judging, score, drawing, config.samples)

    before = run.at_start(lambda: measured(model))
    reward = Reward(judging, score, train)
    trained = _trained(run, config, model, tokenizer, reward, train)
    counts = {f"replies, {branch}": count for branch, count in sorted(reward.counts.items())}
    objective = Objective(MEAN_REWARD, before, measured(trained), details=counts)
    run.finish(trained, tokenizer, objective, ABOUT)


def _trained(
    run: Run, config: GrpoConfig, model: Any, tokenizer: Any, reward: Reward, train: list[Task]
) -> Any:
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    stops = policy.ends(tokenizer, plan_only=True)
    model.generation_config.eos_token_id = stops  # before the trainer, which masks by it
    prompts = [protocol.prompt(task.program) for task in train]
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=reward,
        args=GRPOConfig(
            **stage.arguments(run, config.schedule),
            num_generations=config.group,
            max_completion_length=config.most_tokens,
            temperature=config.temperature,
            beta=config.beta,
            epsilon=config.clip,
            loss_type="grpo",
            scale_rewards="group",
            importance_sampling_level="sequence",
        ),
        train_dataset=Dataset.from_dict({"prompt": prompts, "task": list(range(len(train)))}),
        processing_class=tokenizer,
        callbacks=stage.callbacks(run),
    )
    trainer.train(resume_from_checkpoint=run.checkpoint)
    trainer.model.generation_config.eos_token_id = tokenizer.eos_token_id
    return trainer.model


if __name__ == "__main__":
    main(GrpoConfig, run, __doc__)
