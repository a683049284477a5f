"""What perfbot asks of a language model: messages in, one reply out.

A model is anything with :meth:`Model.ask`; which one plans and which one writes is the operator's
choice. Whatever fails on the way to a reply is a :class:`ModelError`, and the run goes on without it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Protocol


class Role(StrEnum):
    """Who speaks, in the words of the chat format."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Finish(StrEnum):
    """Why a reply ended."""

    STOP = "stop"
    LENGTH = "length"
    REFUSED = "refused"
    OTHER = "other"


class Priority(IntEnum):
    """Who goes first where calls have to wait: lower is sooner."""

    PERSON = 0  # somebody asked and is waiting
    SCAN = 10  # nobody is


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply is drawn; ``stop`` are texts that end it and do not belong to it.

    ``schema`` is a JSON Schema that the reply must follow where the backend can hold a model to one.
    """

    max_tokens: int = 4096
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    seed: int = 0
    priority: Priority = Priority.SCAN
    schema: Mapping[str, object] | None = None
    logprobs: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """What was paid; ``usd`` is 0 where the operator named no price."""

    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.usd + other.usd,
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said; ``logprobs`` are natural logarithms, one per token, where there are any."""

    text: str
    finish: Finish
    usage: Usage
    latency_s: float
    logprobs: tuple[float, ...] = field(default=(), repr=False)


_REASONING = re.compile(r"\A\s*<think>(?:.*?</think>|.*\Z)", re.DOTALL)


def concatenated(messages: Sequence[Message]) -> str:
    """Return a conversation as one text for a model without a chat template, as ours are trained.

    The texts stand one after the other with an empty line between, and a text alone stays exactly as
    it is (``protocol.prompt`` gives what our models are asked); the reply begins on a new line.
    """
    return "\n".join(
        each.text if each.text.endswith("\n") else f"{each.text}\n" for each in messages
    )


def without_system(messages: Sequence[Message]) -> list[Message]:
    """Return a conversation whose system messages open the turn that follows each of them."""
    folded: list[Message] = []
    before: list[str] = []
    for each in messages:
        if each.role is Role.SYSTEM:
            before.append(each.text)
        else:
            folded.append(Message(each.role, "\n\n".join([*before, each.text])))
            before = []
    return folded


def without_reasoning(text: str) -> str:
    """Return a reply without the ``<think> … </think>`` that it opens with, closed or not."""
    return _REASONING.sub("", text, count=1)


def cut_at_stop(text: str, stop: Sequence[str]) -> str:
    """Return what comes before the first of the texts that end a reply."""
    places = [place for each in stop if (place := text.find(each)) >= 0]
    return text[: min(places, default=len(text))]


def gist(error: Exception) -> str:
    """Return the first line of an error, short enough for a sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]


class ModelError(Exception):
    """No usable reply came; the message says from which model and why, and names no key."""


class Model(Protocol):
    """A language model behind whatever backend."""

    @property
    def name(self) -> str:
        """How reports and transcripts call it, such as ``openai:qwen2.5-coder-32b``."""

    def ask(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """Return the reply to a conversation.

        Raises:
            ModelError: there is none.
        """


@dataclass(frozen=True, slots=True)
class Roles:
    """Who writes (several: an ensemble), who plans (``None``: the catalogue), what it all may cost.

    ``larger`` is asked where the others are not confident or have failed (``routing.py``).
    """

    optimizers: tuple[Model, ...]
    planner: Model | None
    larger: Model | None
    most_usd: float
