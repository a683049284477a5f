"""A model that guesses what running a reply would show, trained on what running others showed.

    python -m perfbot.training.reward_model --config recipes/smoke/reward_model.yml

DeepSeek-Coder-V2 (section 3.5.2) trains one on the outcomes of compilers and tests, as their raw word is
noisy and not complete. The preferences are those of the stage ``preference``. Beside training it
orders candidates before any of them is measured: :class:`Ranking`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Self

from perfbot.optimizer.protocol import prompt
from perfbot.training import preference, preferences, stage, tiny
from perfbot.training.preferences import Preference
from perfbot.training.stage import Objective, Run, StageConfig, main

ACCURACY = "accuracy on held-out preferences"
ABOUT = "Scores a reply to perfbot's question, higher for what will prove right and fast."

_BATCH = 16


class RewardModelConfig(StageConfig, frozen=True, kw_only=True):
    """``preferences`` is the folder of a ``preference`` stage; ``base`` the model to start from."""

    base: Path
    preferences: Path
    longest: int = 512


@dataclass(frozen=True, slots=True)
class Ranking:
    """A reward model in memory."""

    model: Any
    tokenizer: Any

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Load one from its directory; any causal model gives one that knows nothing yet."""
        from transformers import AutoModelForSequenceClassification

        tokenizer = tiny.load_tokenizer(directory)
        model = AutoModelForSequenceClassification.from_pretrained(
            directory,
            num_labels=1,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
        )
        model.config.pad_token_id = tokenizer.pad_token_id
        return cls(model, tokenizer)

    def scores(self, texts: Sequence[str]) -> list[float]:
        """Return a score for each question with its reply; only their order means something."""
        import torch

        self.model.eval()
        found: list[float] = []
        ended = [f"{text}{self.tokenizer.eos_token}" for text in texts]
        with torch.inference_mode():
            for start in range(0, len(ended), _BATCH):
                batch = self.tokenizer(
                    ended[start : start + _BATCH],
                    return_tensors="pt",
                    padding=True,
                    padding_side="right",
                )
                inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
                found += self.model(**inputs).logits[:, 0].float().tolist()
        return found

    def ordered(self, program: str, replies: Sequence[str]) -> list[str]:
        """Return replies to one program, the most promising first: measure them in this order."""
        scores = self.scores([prompt(program) + reply for reply in replies])
        places = sorted(range(len(replies)), key=lambda place: -scores[place])
        return [replies[place] for place in places]

    def accuracy(self, found: Sequence[Preference]) -> float:
        """Return the share of preferences whose better answer has the higher score."""
        chosen = self.scores([each.prompt + each.chosen for each in found])
        rejected = self.scores([each.prompt + each.rejected for each in found])
        return fmean(a > b for a, b in zip(chosen, rejected, strict=True))


def run(config: RewardModelConfig) -> None:
    """Train on the stage's preferences and measure on those it held out."""
    run = Run("reward_model", config)
    if run.finished:
        return
    train = preferences.read(config.preferences / preference.TRAIN)
    held_out = preferences.read(config.preferences / preference.HELD_OUT)
    ranking = Ranking.load(config.base)
    before = run.at_start(lambda: ranking.accuracy(held_out))
    trained = Ranking(_trained(run, config, ranking, train), ranking.tokenizer)
    details = {"preferences": len(train), "held-out preferences": len(held_out)}
    objective = Objective(ACCURACY, before, trained.accuracy(held_out), details=details)
    run.finish(trained.model, trained.tokenizer, objective, ABOUT)


def _trained(
    run: Run, config: RewardModelConfig, ranking: Ranking, train: Sequence[Preference]
) -> Any:
    from datasets import Dataset
    from trl import RewardConfig, RewardTrainer

    rows = [
        {"prompt": each.prompt, "chosen": each.chosen, "rejected": each.rejected} for each in train
    ]
    trainer = RewardTrainer(
        model=ranking.model,
        args=RewardConfig(**stage.arguments(run, config.schedule), max_length=config.longest),
        train_dataset=Dataset.from_list(rows),
        processing_class=ranking.tokenizer,
        callbacks=stage.callbacks(run),
    )
    trainer.train(resume_from_checkpoint=run.checkpoint)
    return trainer.model


if __name__ == "__main__":
    main(RewardModelConfig, run, __doc__)
