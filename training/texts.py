"""Training texts of pairs: what is read, and what alone has a loss.

``protocol.trained`` says on what text models of ours are trained; here it is decided how often each
mode comes, and it becomes tokens. The end-of-text token follows code. It does not follow a plan:
who wants the plan alone stops at ``[/SUGG]``, and the same model goes on to the code for others.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perfbot.optimizer.protocol import Example, Mode, trained
from perfbot.training.fill_in import filled_in
from perfbot.training.records import TrainingPair

UNUSED = -100  # torch's mark of a label without a loss


@dataclass(frozen=True, slots=True)
class Text:
    """An example, and whether its completion ends the text."""

    example: Example
    ends: bool


def all_of(pair: TrainingPair) -> Iterator[str]:
    """Yield a pair's texts as a tokenizer should know them."""
    example = trained(pair.slow, pair.answer, Mode.PLAN_AND_CODE)
    yield example.prompt + example.completion


def texts(
    pairs: Sequence[TrainingPair], modes: Mapping[Mode, int], fill_in: int = 0, seed: int = 0
) -> Iterator[Text]:
    """Yield each pair in each mode as often as ``modes`` says, and ``fill_in`` times with a hole.

    Pairs with a control token in their code are no text for a model and are left out, as are modes
    for which a pair has no plan.
    """
    drawn = random.Random(seed)
    for pair in pairs:
        for mode, times in modes.items():
            try:
                example = trained(pair.slow, pair.answer, mode)
            except ValueError:
                continue
            yield from [Text(example, mode is not Mode.PLAN_ONLY)] * times
        for _ in range(fill_in):
            yield Text(filled_in(pair.fast, drawn), ends=True)


def tokens(found: Sequence[Text], tokenizer: Any, longest: int) -> list[dict[str, list[int]]]:
    """Return ``input_ids`` and ``labels`` of texts; those beyond ``longest`` tokens are left out."""
    rows = [
        row(each.example.prompt, each.example.completion, tokenizer, ends=each.ends)
        for each in found
    ]
    return [each for each in rows if len(each["input_ids"]) <= longest]


def row(prompt: str, completion: str, tokenizer: Any, *, ends: bool) -> dict[str, list[int]]:
    """Return one text's ``input_ids`` and ``labels``, which the completion alone has."""
    asked = tokenizer(prompt)["input_ids"]
    answered = [*tokenizer(completion)["input_ids"], *([tokenizer.eos_token_id] if ends else [])]
    return {"input_ids": [*asked, *answered], "labels": [UNUSED] * len(asked) + answered}
