"""Models behind an OpenAI-compatible endpoint: hosted, vLLM, Ollama, llama.cpp, ``transformers serve``.

The client library retries on 408, 409, 429 and 5xx with exponential back-off and jitter
(https://github.com/openai/openai-python#retries). Replies are streamed, so that one without an end
is cut at its limits (``bounded_http.py``) instead of filling the memory.
"""

import json
import math
import re
import time
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perfbot.optimizer.models import (
    Finish,
    Message,
    ModelError,
    Reply,
    Sampling,
    Usage,
    cut_at_stop,
    gist,
    without_reasoning,
)

if TYPE_CHECKING:
    from openai import APIStatusError
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam
    from openai.types.chat.chat_completion_chunk import ChoiceDelta

NOT_INSTALLED = (
    "{name} needs the client library of OpenAI-compatible endpoints: pip install 'perfbot[models]'"
)
FAILED = "{name} at {url} gave no reply: {why}"
EMPTY = "an empty answer ({finish})"
ONLY_REASONED = (
    "all of its {tokens} tokens went into reasoning; give more, or a model that reasons less"
)
TOOL = "it called a tool ({names}), but it was offered none"
REFUSED = "it refused: {said}"
ENDLESS = "more than {most} characters were sent for {tokens} tokens"
NO_CHAT = "what came back is no chat completion ({what})"

_RETRIES = 3
_MOST_CHARACTERS_PER_TOKEN = 40
_CHARACTERS_PER_TOKEN = 3.4  # measured on Python sources with a byte-level BPE of 8,192 pieces
_REASONING = ("reasoning_content", "reasoning")  # as vLLM and llama.cpp, or Ollama, call it
_REFUSES_PARAMETERS = {400, 422, 501}
_NOT_EVERYWHERE = {"response_format", "logprobs", "priority"}
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
    """One model at one address; the key is never shown. Several threads may ask at the same time.

    Servers differ in what they understand. What one refuses is left out from then on (``refused``):
    a schema, logarithms of probabilities, and for reasoning models ``max_tokens``, which is then
    called ``max_completion_tokens``. ``priorities`` says that the server schedules by priority (vLLM
    with ``--scheduling-policy priority``: lower is sooner); others are not told of it.
    ``timeout_s`` is for one question with its retries.
    """

    url: str
    model: str
    key: str = field(default="", repr=False)
    price: Price = Price()
    timeout_s: float = 120.0
    priorities: bool = False
    refused: set[str] = field(default_factory=set, repr=False, compare=False)

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
                is empty, a refusal, a call of a tool, or without an end.
        """
        started = time.monotonic()
        try:
            from perfbot.optimizer.bounded_http import FAILURES  # late: optional, and slow
        except ImportError:
            raise ModelError(NOT_INSTALLED.format(name=self.name)) from None
        import openai

        try:
            received = self._received(messages, sampling)
        except (openai.OpenAIError, *FAILURES, ValueError, TypeError, AttributeError) as error:
            raise self._failure(_why(error)) from None
        why = received.trouble(sampling.max_tokens)
        if why:
            raise self._failure(why)
        text = cut_at_stop(received.answer, sampling.stop)
        usage = self.price.usage(*received.counted(messages))
        seconds = time.monotonic() - started
        return Reply(text, received.finish, usage, seconds, tuple(received.logprobs))

    def _received(self, messages: Sequence[Message], sampling: Sampling) -> "_Received":
        """Ask, and ask again without what the server refuses; only what was refused is remembered."""
        import openai

        refused = set(self.refused)
        while True:
            optional = self._optional(sampling, refused)
            try:
                received = self._streamed(messages, optional, sampling.max_tokens)
            except openai.APIStatusError as error:
                without = _not_understood(error, optional.keys())
                if not without:
                    raise
                refused |= without
            else:
                self.refused.update(refused)
                return received

    def _optional(self, sampling: Sampling, refused: Set[str]) -> dict[str, object]:
        """Return what a question says beside model and messages, without what the server refuses."""
        optional: dict[str, object] = {
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "seed": sampling.seed,
            "stream_options": {"include_usage": True},
        }
        if "max_tokens" in refused:
            optional["max_completion_tokens"] = sampling.max_tokens
        if sampling.stop:
            optional["stop"] = list(sampling.stop)
        if sampling.logprobs:
            optional["logprobs"] = True
        if sampling.schema is not None:
            optional["response_format"] = _schema_format(sampling.schema)
        if self.priorities:
            optional["priority"] = int(sampling.priority)
        return {name: value for name, value in optional.items() if name not in refused}

    def _streamed(
        self, messages: Sequence[Message], optional: Mapping[str, object], max_tokens: int
    ) -> "_Received":
        import openai

        from perfbot.optimizer.bounded_http import bounded_client

        with (
            bounded_client(self.timeout_s, _most_bytes(max_tokens)) as http,
            openai.OpenAI(
                base_url=self.url,
                api_key=self.key or "none",  # servers on one's own machine ask for none
                max_retries=_RETRIES,
                http_client=http,
            ) as client,
        ):
            stream = client.chat.completions.create(
                model=self.model, messages=_as_sent(messages), stream=True, extra_body=optional
            )
            return _joined(stream, max_tokens)

    def _failure(self, why: str) -> ModelError:
        told = why.replace(self.key, "…") if self.key else why
        return ModelError(FAILED.format(name=self.name, url=self.url, why=told))


@dataclass
class _Received:
    """The parts of a reply as they come."""

    parts: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish: Finish = Finish.OTHER
    tokens_in: int = 0
    tokens_out: int = 0
    characters: int = 0

    @property
    def answer(self) -> str:
        """The reply without what the model said to itself.

        A server that takes a whole reply for reasoning (its model does not reason) has no other.
        """
        text = without_reasoning("".join(self.parts))
        alone = not self.parts and self.finish is Finish.STOP
        return "".join(self.reasoning) if alone else text

    def trouble(self, max_tokens: int) -> str:
        """Return why this is no usable reply; ``""`` where it is one."""
        if self.tools:
            return TOOL.format(names=", ".join(dict.fromkeys(self.tools)))
        if self.refusals:
            return REFUSED.format(said="".join(self.refusals)[:200])
        if self.answer.strip():
            return ""
        if self.finish is Finish.LENGTH and (self.reasoning or self.parts):
            return ONLY_REASONED.format(tokens=max_tokens)
        return EMPTY.format(finish=self.finish)

    def counted(self, messages: Sequence[Message]) -> tuple[int, int]:
        """Return the tokens of question and reply; from their length where a server does not count.

        What is not counted would cost nothing, and the budget would have no end.
        """
        asked = sum(len(each.text) for each in messages)
        if self.tokens_out:
            return self.tokens_in, self.tokens_out
        return _about_tokens(asked), _about_tokens(self.characters)

    def take(self, chunk: "ChatCompletionChunk") -> None:
        """Add one event of the stream; raises ValueError when it is none."""
        if chunk.usage is not None:
            self.tokens_in = chunk.usage.prompt_tokens
            self.tokens_out = chunk.usage.completion_tokens
        for choice in chunk.choices or ():
            self._take_delta(choice.delta)
            if choice.logprobs and choice.logprobs.content:
                self.logprobs.extend(each.logprob for each in choice.logprobs.content)
            if choice.finish_reason:
                self.finish = _FINISHES.get(choice.finish_reason, Finish.OTHER)

    def _take_delta(self, delta: "ChoiceDelta") -> None:
        more = delta.model_extra or {}
        reasoned = next(
            (text for name in _REASONING if isinstance(text := more.get(name), str)), ""
        )
        for texts, text in (
            (self.parts, delta.content),
            (self.reasoning, reasoned),
            (self.refusals, delta.refusal),
        ):
            if text:
                texts.append(text)
                self.characters += len(text)
        self.tools.extend(
            each.function.name or ""
            for each in delta.tool_calls or ()
            if each.function and each.function.name
        )


def _about_tokens(characters: int) -> int:
    return math.ceil(characters / _CHARACTERS_PER_TOKEN)


def _joined(stream: "Iterable[ChatCompletionChunk]", max_tokens: int) -> _Received:
    """Return a stream's reply; raises ValueError where it is none, or has no end."""
    received = _Received()
    most = max_tokens * _MOST_CHARACTERS_PER_TOKEN
    empty = True
    for chunk in stream:
        empty = False
        received.take(chunk)
        if received.characters > most:
            raise ValueError(ENDLESS.format(most=most, tokens=max_tokens))
    if empty:
        raise ValueError(NO_CHAT.format(what="no event in the stream"))
    return received


def _not_understood(error: "APIStatusError", sent: Set[str]) -> set[str]:
    """Return what a server says that it does not understand of what was sent.

    Where it names nothing, that is what not every server has.
    """
    if error.status_code not in _REFUSES_PARAMETERS:
        return set()
    words = set(re.findall(r"\w+", f"{error} {error.response.text}"))
    return (words & sent) or (_NOT_EVERYWHERE & sent)


def _schema_format(schema: Mapping[str, object]) -> dict[str, object]:
    """Return https://platform.openai.com/docs/guides/structured-outputs as it goes over the wire."""
    named = {"name": "answer", "schema": dict(schema), "strict": True}
    return {"type": "json_schema", "json_schema": named}


def _most_bytes(max_tokens: int) -> int:
    """Return what no honest reply exceeds: an event of the stream has some hundred bytes."""
    return (1 << 20) + 2000 * max_tokens


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


def _why(error: Exception) -> str:
    """Return an error in words, with what it came from: the library says ``Connection error.`` alone."""
    import openai

    if isinstance(error, json.JSONDecodeError):
        return NO_CHAT.format(what="no JSON")
    if isinstance(error, AttributeError | TypeError):
        return NO_CHAT.format(what="an event of another form")
    if isinstance(error, openai.APIStatusError) and " - " not in str(error):
        return f"{error}{_told_besides(error)}"
    cause = f" ({gist(error.__cause__)})" if isinstance(error.__cause__, Exception) else ""
    return gist(error) + cause


def _told_besides(error: "APIStatusError") -> str:
    """Return what a server said in another form than OpenAI's; a page for a browser says nothing."""
    said = " ".join(error.response.text.split())[:200]
    return f": {said}" if said and not said.startswith("<") else ""
