"""A longer context by YaRN, and the needle in a haystack that shows whether it can be used.

DeepSeek-Coder-V2 (section 3.3) goes from 16K to 128K tokens by YaRN (Peng et al., *YaRN: Efficient Context
Window Extension of Large Language Models*, 2023) and looks for a needle at every length. Here the
needle is an assignment among others, far above the question for its value.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from perfbot.optimizer.protocol import Example
from perfbot.training import policy
from perfbot.training.policy import Drawing

DEPTHS = (0.0, 0.25, 0.5, 0.75, 1.0)

_NAMES = tuple("alpha beta gamma delta kappa lambda_ sigma omega theta zeta".split())
_QUESTION = "\nWhat is {name}?\n"
_ANSWER_TOKENS = 12


class Extension(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """YaRN's ``factor`` on the context; its ramp lies between ``slow`` and ``fast`` rotations."""

    factor: float
    fast: float = 32.0  # β of the paper, section 3.2
    slow: float = 1.0  # α


def extend(model: Any, extension: Extension) -> Any:
    """Return a model of the same weights whose positions reach ``factor`` times as far."""
    from transformers import AutoModelForCausalLM

    config = model.config
    longest = config.max_position_embeddings
    config.rope_parameters = {
        **config.rope_parameters,
        "rope_type": "yarn",
        "factor": extension.factor,
        "beta_fast": extension.fast,
        "beta_slow": extension.slow,
        "original_max_position_embeddings": longest,
    }
    config.max_position_embeddings = round(longest * extension.factor)
    extended = AutoModelForCausalLM.from_config(config)
    extended.load_state_dict(model.state_dict())
    return extended


@dataclass(frozen=True, slots=True)
class Needle:
    """A haystack with its question, and the answer that is in it."""

    example: Example
    depth: float


def needle(tokenizer: Any, tokens: int, depth: float, drawn: random.Random) -> Needle:
    """Return a haystack of about ``tokens`` tokens, never more, with its needle at ``depth`` of it."""
    name, *others = drawn.sample(_NAMES, len(_NAMES))
    wanted = _assignment(name, drawn)
    question = _QUESTION.format(name=name)
    room = tokens - _ANSWER_TOKENS - len(tokenizer(wanted + question)["input_ids"])
    hay: list[str] = []
    while room > 0:
        line = _assignment(f"{drawn.choice(others)}_{drawn.randrange(100)}", drawn)
        room -= len(tokenizer(line)["input_ids"])
        hay.append(line)
    hay = hay[:-1]  # the one that did not fit
    place = round(depth * len(hay))
    text = "".join([*hay[:place], wanted, *hay[place:]])
    return Needle(Example(text + question, wanted.strip()), depth)


def needles(tokenizer: Any, longest: int, count: int, seed: int) -> Iterator[Example]:
    """Yield ``count`` haystacks of all lengths up to ``longest`` tokens to learn from."""
    drawn = random.Random(seed)
    for _ in range(count):
        tokens = drawn.randint(min(64, longest), longest)
        yield needle(tokenizer, tokens, drawn.random(), drawn).example


def found(
    model: Any, tokenizer: Any, lengths: Sequence[int], each: int, seed: int
) -> dict[int, float]:
    """Return the share of needles that are found, by the length of the haystack in tokens."""
    drawn = random.Random(seed)
    shares: dict[int, float] = {}
    for tokens in lengths:
        asked = [needle(tokenizer, tokens, depth, drawn) for depth in DEPTHS for _ in range(each)]
        prompts = [one.example.prompt for one in asked]
        drawing = Drawing(_ANSWER_TOKENS, temperature=0.0)
        replies = policy.replies(model, tokenizer, prompts, drawing)
        right = [
            reply.strip() == one.example.completion
            for reply, one in zip(replies, asked, strict=True)
        ]
        shares[tokens] = sum(right) / len(right)
    return shares


def _assignment(name: str, drawn: random.Random) -> str:
    return f"{name} = {drawn.randrange(100)}\n"
