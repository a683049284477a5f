"""Models behind an OpenAI-compatible endpoint: hosted, vLLM, Ollama, llama.cpp, ``transformers serve``.

The client library retries on 408, 409, 429 and 5xx with exponential back-off and jitter
(https://github.com/openai/openai-python#retries). Replies are streamed, so that one without an end
is cut at its limits instead of filling the memory.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perfbot.optimizer.models import Finish, Message, ModelError, Reply, Sampling, Usage

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

NOT_INSTALLED = (
    "{name} needs the client library of OpenAI-compatible endpoints: pip install 'perfbot[models]'"
)
FAILED = "{name} at {url} gave no reply: {why}"
EMPTY = "an empty answer ({finish})"
ENDLESS = "more than {most} characters were sent for {tokens} tokens"
NO_CHAT = "what came back is no chat completion ({what})"

_RETRIES = 3
_MOST_CHARACTERS_PER_TOKEN = 40
_FINISHES = {
    "stop": Finish.STOP,
    "length": Finish.LENGTH,
    "content_filter": Finish.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens."""

    usd_in: float = 0.0
    usd_out: float = 0.0

    def usage(self, tokens_in: int, tokens_out: int) -> Usage:
        """Return what so many tokens cost."""
        usd = (tokens_in * self.usd_in + tokens_out * self.usd_out) / 1e6
        return Usage(tokens_in, tokens_out, usd)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One model at one address; the key is never shown.

    ``priority`` goes to servers that schedule by it (vLLM with ``--scheduling-policy priority``:
    lower is sooner); others are not told of it.
    """

    url: str
    model: str
    key: str = field(default="", repr=False)
    price: Price = Price()
    timeout_s: float = 120.0
    priority: int | None = None

    @property
    def name(self) -> str:
        """The backend and the model."""
        return f"openai:{self.model}"

    @property
    def costs_money(self) -> bool:
        """Whether the operator named a price."""
        return self.price.usage(1, 1).usd > 0

    def ask(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """Return the reply to a conversation.

        Raises:
            ModelError: the library is missing, the endpoint failed or was too slow, or the reply
                is empty or without an end.
        """
        started = time.monotonic()
        try:
            import openai  # late: an optional package, and slow to import
        except ImportError:
            raise ModelError(NOT_INSTALLED.format(name=self.name)) from None
        try:
            received = self._received(messages, sampling)
        except (openai.OpenAIError, ValueError, TypeError, AttributeError) as error:
            raise self._failure(_gist(error)) from None
        if not received.text.strip():
            raise self._failure(EMPTY.format(finish=received.finish))
        usage = self.price.usage(received.tokens_in, received.tokens_out)
        seconds = time.monotonic() - started
        return Reply(received.text, received.finish, usage, seconds, tuple(received.logprobs))

    def _received(self, messages: Sequence[Message], sampling: Sampling) -> "_Received":
        import openai

        with openai.OpenAI(
            base_url=self.url,
            api_key=self.key or "none",  # servers on one's own machine ask for none
            timeout=self.timeout_s,
            max_retries=_RETRIES,
        ) as client:
            stream = client.chat.completions.create(
                model=self.model,
                messages=_as_sent(messages),
                max_tokens=sampling.max_tokens,
                temperature=sampling.temperature,
                seed=sampling.seed,
                stop=list(sampling.stop) or None,
                stream=True,
                stream_options={"include_usage": True},
                extra_body=None if self.priority is None else {"priority": self.priority},
            )
            return self._joined(stream, sampling.max_tokens)

    def _joined(self, stream: "Iterable[ChatCompletionChunk]", max_tokens: int) -> "_Received":
        received = _Received()
        most = max_tokens * _MOST_CHARACTERS_PER_TOKEN
        end = time.monotonic() + self.timeout_s
        for chunk in stream:
            received.take(chunk)
            if received.characters > most:
                raise self._failure(ENDLESS.format(most=most, tokens=max_tokens))
            if time.monotonic() > end:
                raise self._failure(f"no end after {self.timeout_s:.0f} s")
        if not received.chunks:
            raise self._failure(NO_CHAT.format(what="no event in the stream"))
        return received

    def _failure(self, why: str) -> ModelError:
        told = why.replace(self.key, "…") if self.key else why
        return ModelError(FAILED.format(name=self.name, url=self.url, why=told))


@dataclass
class _Received:
    """The parts of a reply as they come."""

    parts: list[str] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish: Finish = Finish.OTHER
    tokens_in: int = 0
    tokens_out: int = 0
    characters: int = 0
    chunks: int = 0

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def take(self, chunk: "ChatCompletionChunk") -> None:
        self.chunks += 1
        if chunk.usage is not None:
            self.tokens_in, self.tokens_out = (
                chunk.usage.prompt_tokens,
                chunk.usage.completion_tokens,
            )
        for choice in chunk.choices or ():
            if choice.delta.content:
                self.parts.append(choice.delta.content)
                self.characters += len(choice.delta.content)
            if choice.logprobs and choice.logprobs.content:
                self.logprobs.extend(each.logprob for each in choice.logprobs.content)
            if choice.finish_reason:
                self.finish = _FINISHES.get(choice.finish_reason, Finish.OTHER)


def _as_sent(messages: Sequence[Message]) -> "list[ChatCompletionMessageParam]":
    sent: list[ChatCompletionMessageParam] = []
    for message in messages:
        match message.role.value:
            case "system":
                sent.append({"role": "system", "content": message.text})
            case "user":
                sent.append({"role": "user", "content": message.text})
            case "assistant":
                sent.append({"role": "assistant", "content": message.text})
    return sent


def _gist(error: Exception) -> str:
    """Return the first line of an error, short enough for a sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]
