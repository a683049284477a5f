"""Replies drawn from a model in memory, many at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from perfbot.optimizer.protocol import PLAN_CLOSE

_BATCH = 32


@dataclass(frozen=True, slots=True)
class Drawing:
    """How replies are drawn: temperature 0 is the likeliest one."""

    most_tokens: int
    temperature: float = 1.0
    seed: int = 0
    plan_only: bool = False  # a reply ends at [/SUGG]


def ends(tokenizer: Any, *, plan_only: bool) -> list[int]:
    """Return the tokens that end a reply."""
    plan = [tokenizer.convert_tokens_to_ids(PLAN_CLOSE)] if plan_only else []
    return [tokenizer.eos_token_id, *plan]


def replies(model: Any, tokenizer: Any, prompts: Sequence[str], drawing: Drawing) -> list[str]:
    """Return one reply to each prompt, without what ended the text; ``[/SUGG]`` stays.

    The same seed draws the same replies; the random state of the process stays as it was.
    """
    import torch

    model.eval()
    found: list[str] = []
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(drawing.seed)
        for start in range(0, len(prompts), _BATCH):
            found += _batch(model, tokenizer, prompts[start : start + _BATCH], drawing)
    return found


def _batch(model: Any, tokenizer: Any, prompts: Sequence[str], drawing: Drawing) -> list[str]:
    inputs = tokenizer(list(prompts), return_tensors="pt", padding=True, padding_side="left")
    warm = drawing.temperature > 0
    written = model.generate(
        input_ids=inputs["input_ids"].to(model.device),
        attention_mask=inputs["attention_mask"].to(model.device),
        max_new_tokens=drawing.most_tokens,
        do_sample=warm,
        temperature=drawing.temperature if warm else None,
        top_k=0 if warm else None,
        top_p=1.0 if warm else None,
        eos_token_id=ends(tokenizer, plan_only=drawing.plan_only),
        pad_token_id=tokenizer.pad_token_id,
    )
    start = inputs["input_ids"].shape[1]
    return [text_of(tokenizer, row[start:].tolist()) for row in written]


def text_of(tokenizer: Any, ids: Sequence[int]) -> str:
    """Return what ids say up to the end of the text; control tokens are kept."""
    end = ids.index(tokenizer.eos_token_id) if tokenizer.eos_token_id in ids else len(ids)
    return str(tokenizer.decode(ids[:end], skip_special_tokens=False))
