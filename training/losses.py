"""What a model makes of texts that it did not learn: the loss of each of their tokens."""

from collections.abc import Sequence
from typing import Any

from perfbot.training import texts
from perfbot.training.preferences import Preference
from perfbot.training.texts import UNUSED

_BATCH = 16


def per_token(model: Any, rows: Sequence[dict[str, list[int]]], tokenizer: Any) -> float:
    """Return the mean negative log likelihood, in nats, of the tokens that have a label."""
    count = sum(label != UNUSED for row in rows for label in row["labels"][1:])
    return -sum(_log_likelihoods(model, rows, tokenizer)) / count


def _padded(
    rows: Sequence[dict[str, list[int]]], tokenizer: Any, device: Any
) -> tuple[Any, Any, Any]:
    """Return ids, mask and labels of shape (rows, longest); what is padded comes last."""
    import torch

    longest = max(len(row["input_ids"]) for row in rows)
    made = [
        [row[name] + [filler] * (longest - len(row["input_ids"])) for row in rows]
        for name, filler in (("input_ids", tokenizer.pad_token_id), ("labels", UNUSED))
    ]
    mask = [[1] * len(row["input_ids"]) + [0] * (longest - len(row["input_ids"])) for row in rows]
    ids, labels = (torch.tensor(each, device=device) for each in made)
    return ids, torch.tensor(mask, device=device), labels


def preferred(model: Any, found: Sequence[Preference], tokenizer: Any) -> list[tuple[float, float]]:
    """Return the log likelihood, in nats, of each pair's chosen and rejected answer."""
    sides = [
        [texts.row(each.prompt, getattr(each, side), tokenizer, ends=True) for each in found]
        for side in ("chosen", "rejected")
    ]
    chosen, rejected = (_log_likelihoods(model, rows, tokenizer) for rows in sides)
    return list(zip(chosen, rejected, strict=True))


def _log_likelihoods(
    model: Any, rows: Sequence[dict[str, list[int]]], tokenizer: Any
) -> list[float]:
    import torch

    model.eval()
    found: list[float] = []
    with torch.inference_mode():
        for start in range(0, len(rows), _BATCH):
            ids, mask, labels = _padded(rows[start : start + _BATCH], tokenizer, model.device)
            logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1].float()
            loss = torch.nn.functional.cross_entropy(
                logits.transpose(1, 2), labels[:, 1:], ignore_index=UNUSED, reduction="none"
            )
            found += (-loss.sum(1)).tolist()
    return found
