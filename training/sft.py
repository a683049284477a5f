"""Supervised fine-tuning on strategies and code (PerfCoder, Eq. 2): loss on the completion alone.

    python -m perfbot.training.sft --config recipes/smoke/sft.yml

Starts from a model directory, or from scratch where the file has a ``shape`` instead. All weights
are trained, or low-rank adapters that are merged at the end (``lora_rank``). With an ``extension`` the
context grows by YaRN before training, and needles are looked for at every length after it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from perfbot.optimizer.protocol import Mode
from perfbot.training import long_context, losses, records, stage, texts, tiny
from perfbot.training.long_context import Extension
from perfbot.training.records import Split, TrainingPair
from perfbot.training.stage import Objective, Run, StageConfig, StageError, main

NO_START = "{what}: give a model directory under base:, or a shape: and a tokenizer:"
NO_PAIRS = "{path} has no {split} pairs that fit {longest} tokens"
HELD_OUT = "loss per token of held-out answers"
ABOUT = (
    "Writes a plan (categories of PerfCoder with reasons) and the faster program after it. Made for "
    "perfbot, which asks it in the style `trained`."
)


class SftConfig(StageConfig, frozen=True, kw_only=True):
    """``modes`` says how often each pair comes in each mode, ``fill_in`` how often with a hole.

    ``needles`` are haystacks to learn from; each of ``needle_lengths``, in tokens, is tried after it.
    """

    pairs: Path
    base: Path | None = None
    tokenizer: Path | None = None
    shape: tiny.Shape | None = None
    modes: Mapping[Mode, int] = msgspec.field(
        default_factory=lambda: {Mode.PLAN_AND_CODE: 1, Mode.PLAN_ONLY: 1}
    )
    fill_in: int = 0
    longest: int = 512
    packing: bool = False
    lora_rank: int = 0
    extension: Extension | None = None
    needles: int = 0
    needle_lengths: tuple[int, ...] = ()
    needles_each: int = 2


def run(config: SftConfig) -> None:
    """Train on the training pairs and measure on the held-out ones."""
    run = Run("sft", config)
    if run.finished:
        return
    model, tokenizer = _start(config)
    if config.extension is not None:
        model = long_context.extend(model, config.extension)
    pairs = list(records.read(config.pairs))
    train = [*_rows(config, pairs, Split.TRAIN, tokenizer), *_haystacks(config, tokenizer)]
    held_out = _rows(config, pairs, Split.VALIDATION, tokenizer)
    before = run.at_start(lambda: losses.per_token(model, held_out, tokenizer))
    trained = _trained(run, config, model, tokenizer, train)
    after = losses.per_token(trained, held_out, tokenizer)
    objective = Objective(
        HELD_OUT,
        before,
        after,
        higher_is_better=False,
        details={
            "texts": len(train),
            "held-out texts": len(held_out),
            **_needles(config, trained, tokenizer),
        },
    )
    run.finish(trained, tokenizer, objective, ABOUT)


def _start(config: SftConfig) -> tuple[Any, Any]:
    if config.base is not None:
        return tiny.load(config.base)
    if config.shape is None or config.tokenizer is None:
        raise StageError(NO_START.format(what="sft has nothing to start from"))
    tokenizer = tiny.load_tokenizer(config.tokenizer)
    return tiny.from_scratch(config.shape, tokenizer), tokenizer


def _rows(
    config: SftConfig, pairs: list[TrainingPair], split: Split, tokenizer: Any
) -> list[dict[str, list[int]]]:
    chosen = [pair for pair in pairs if pair.split is split]
    fill_in = config.fill_in if split is Split.TRAIN else 0
    found = texts.texts(chosen, config.modes, fill_in, config.schedule.seed)
    rows = texts.tokens(list(found), tokenizer, config.longest)
    if not rows:
        raise StageError(NO_PAIRS.format(path=config.pairs, split=split, longest=config.longest))
    return rows


def _haystacks(config: SftConfig, tokenizer: Any) -> list[dict[str, list[int]]]:
    seed, longest = config.schedule.seed, config.longest
    found = long_context.needles(tokenizer, longest, config.needles, seed)
    rows = [texts.Text(each, ends=True) for each in found]
    return texts.tokens(rows, tokenizer, longest)


def _needles(config: SftConfig, model: Any, tokenizer: Any) -> dict[str, float]:
    """Return which share of new needles is found at each length."""
    seed = config.schedule.seed + 1
    lengths, each = config.needle_lengths, config.needles_each
    shares = long_context.found(model, tokenizer, lengths, each, seed)
    return {f"needles found in {length} tokens": share for length, share in shares.items()}


def _trained(
    run: Run, config: SftConfig, model: Any, tokenizer: Any, rows: list[dict[str, list[int]]]
) -> Any:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(
            **stage.arguments(run, config.schedule),
            max_length=config.longest,
            packing=config.packing,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=_adapters(config.lora_rank) if config.lora_rank else None,
        callbacks=stage.callbacks(run),
    )
    trainer.train(resume_from_checkpoint=run.checkpoint)
    return trainer.model.merge_and_unload() if config.lora_rank else trainer.model


def _adapters(rank: int) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM"
    )


if __name__ == "__main__":
    main(SftConfig, run, __doc__)
