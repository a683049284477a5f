"""Direct preference optimization: what is right before what is not, fast before slow (first of two stages).

    python -m perfbot.training.preference --config recipes/smoke/preference.yml

The policy is sampled on the training functions, every reply is executed, and preferences are made of
what came of them (``preferences.py``), once, in ``train.jsonl`` and ``held-out.jsonl`` of the folder;
the reward model learns from the same files.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from perfbot.optimizer.protocol import prompt
from perfbot.training import losses, policy, preferences, records, stage, tasks, tiny
from perfbot.training.costs import Gauge
from perfbot.training.court import Court, Task
from perfbot.training.judging import Coded, outcomes
from perfbot.training.policy import Drawing
from perfbot.training.preferences import Preference
from perfbot.training.records import Split
from perfbot.training.stage import Objective, Run, StageConfig, StageError, main

MARGIN = "reward margin on held-out preferences"
NONE_MADE = (
    "no preferences came of {count} replies ({branches}): each needs a right and a wrong reply to one "
    "function; train the policy longer, or draw more samples"
)
TRAIN, HELD_OUT = "train.jsonl", "held-out.jsonl"
ABOUT = "Writes plan and code; prefers what is right, and of that what is fast."


class PreferenceConfig(StageConfig, frozen=True, kw_only=True):
    """``samples`` replies to each of ``tasks`` functions are drawn; ``people`` is an export of verdicts."""

    base: Path
    pairs: Path
    memory: Path
    tasks: int = 64
    held_out: int = 16
    samples: int = 4
    per_task: int = 4
    most_tokens: int = 256
    longest: int = 512
    temperature: float = 1.0
    beta: float = 0.1
    people: Path | None = None
    gauge: Gauge = Gauge.INSTRUCTIONS


def run(config: PreferenceConfig) -> None:
    """Make preferences, train on them, and measure the margin on those that were held out."""
    run = Run("preference", config)
    if run.finished:
        return
    model, tokenizer = tiny.load(config.base)
    train, held_out = _made(run, config, model, tokenizer)
    reference = losses.preferred(model, held_out, tokenizer)
    trained = _trained(run, config, model, tokenizer, train)
    margins = _margins(config.beta, losses.preferred(trained, held_out, tokenizer), reference)
    kinds = Counter(each.kind for each in train)
    details = {
        "share of held-out preferences with a positive margin": fmean(x > 0 for x in margins),
        **{f"preferences, {kind}": count for kind, count in sorted(kinds.items())},
    }
    run.finish(trained, tokenizer, Objective(MARGIN, 0.0, fmean(margins), details=details), ABOUT)


def _made(
    run: Run, config: PreferenceConfig, model: Any, tokenizer: Any
) -> tuple[list[Preference], list[Preference]]:
    """Return the preferences to train on and those held out, made before or now."""
    files = run.folder / TRAIN, run.folder / HELD_OUT
    if not all(file.is_file() for file in files):
        pairs = list(records.read(config.pairs))
        sides = [
            tasks.tasks(pairs, Split.TRAIN, config.tasks),
            tasks.tasks(pairs, Split.VALIDATION, config.held_out),
        ]
        court = Court([*sides[0], *sides[1]], gauge=config.gauge, memory=config.memory)
        made = [_sampled(config, model, tokenizer, side, court) for side in sides]
        if config.people is not None:
            made[0] += preferences.of_people(config.people)
        for file, found in zip(reversed(files), reversed(made), strict=True):
            preferences.write(file, found)
    return preferences.read(files[0]), preferences.read(files[1])


def _sampled(
    config: PreferenceConfig, model: Any, tokenizer: Any, side: Sequence[Task], court: Court
) -> list[Preference]:
    drawing = Drawing(config.most_tokens, config.temperature, config.schedule.seed)
    every = [task for task in side for _ in range(config.samples)]
    drawn = policy.replies(model, tokenizer, [prompt(task.program) for task in every], drawing)
    found = outcomes(Coded(court), every, drawn)
    judged = [preferences.judged_of(*each) for each in zip(drawn, found, strict=True)]
    by_task = [
        judged[place : place + config.samples] for place in range(0, len(judged), config.samples)
    ]
    made = preferences.paired(side, by_task, config.per_task, config.schedule.seed)
    if not made:
        counts = Counter(each.branch for each in judged)
        branches = ", ".join(f"{branch}: {count}" for branch, count in counts.items())
        raise StageError(NONE_MADE.format(count=len(judged), branches=branches))
    return made


def _margins(
    beta: float,
    trained: Sequence[tuple[float, float]],
    reference: Sequence[tuple[float, float]],
) -> list[float]:
    """Return DPO's implicit reward of the chosen answer beyond that of the rejected one, for each pair."""
    return [
        beta * ((chosen - was_chosen) - (rejected - was_rejected))
        for (chosen, rejected), (was_chosen, was_rejected) in zip(trained, reference, strict=True)
    ]


def _trained(
    run: Run, config: PreferenceConfig, model: Any, tokenizer: Any, train: Sequence[Preference]
) -> Any:
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    rows = [
        {"prompt": each.prompt, "chosen": each.chosen, "rejected": each.rejected} for each in train
    ]
    trainer = DPOTrainer(
        model=model,
        args=DPOConfig(
            **stage.arguments(run, config.schedule), beta=config.beta, max_length=config.longest
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=stage.callbacks(run),
    )
    trainer.train(resume_from_checkpoint=run.checkpoint)
    return trainer.model


if __name__ == "__main__":
    main(PreferenceConfig, run, __doc__)
