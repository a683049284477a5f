"""A model in a local directory, run inside perfbot's own process by vLLM.

For where vLLM is installed beside perfbot. Questions of several threads are batched as they come and
scheduled by their priority (lower is sooner; a running one of a higher number gives way where memory
is short). Nothing that the directory brings along is executed or unpickled, and nothing is fetched or
sent. :class:`~perfbot.optimizer.serving.Served` does the same in a process and a Python of its own.
"""

import asyncio
import os
import threading
import time
import weakref
from collections.abc import Coroutine, Sequence
from concurrent.futures import TimeoutError as TooLate
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perfbot.optimizer.chat_prompt import chat_prompt
from perfbot.optimizer.model_directory import (
    LONGEST_TOKENS,
    ModelDirectoryError,
    check_directory,
    context_tokens,
)
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
from perfbot.optimizer.serving import HELD_TO_SCHEMA, LEAST_BATCHED_TOKENS
from perfbot.optimizer.serving_child import for_processors

if TYPE_CHECKING:
    from vllm import SamplingParams
    from vllm.outputs import CompletionOutput, RequestOutput

NOT_INSTALLED = (
    "{name} needs vLLM in perfbot's own Python: pip install 'perfbot[vllm]', or leave the server to "
    "perfbot (in_process: false), which may use another one"
)
CANNOT_LOAD = "{name} cannot be loaded: {why}"
NO_REPLY = "{name} gave no reply: {why}"
TOO_LONG = "the question has {tokens} tokens, and the model takes {most} in all"
TOO_SLOW = "no end after {seconds:.0f} s"
EMPTY = "an empty answer ({finish})"

_FINISHES = {"stop": Finish.STOP, "length": Finish.LENGTH}
_SETTINGS = {  # vLLM and what it starts read these, and nothing else says it to them
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",  # standard output belongs to --json
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # a fork would copy perfbot's threads and locks
}


class Engine:
    """A directory with ``config.json``, a tokenizer and safetensors; loaded when it is first asked.

    Several threads may ask at the same time. ``settings`` are vLLM's own engine arguments, such as
    ``{"tensor_parallel_size": 2}`` (https://docs.vllm.ai/en/stable/configuration/engine_args/).
    """

    def __init__(
        self,
        directory: Path,
        timeout_s: float = 600.0,
        settings: dict[str, str | int | float | bool] | None = None,
    ) -> None:
        self._directory = directory
        self._timeout_s = timeout_s
        self._settings = settings or {}
        self._loading = threading.Lock()
        self._loaded: _Loaded | None = None

    @property
    def directory(self) -> Path:
        """Where the model lies."""
        return self._directory

    @property
    def name(self) -> str:
        """The backend and the folder's name."""
        return f"vllm:{self._directory.absolute().name}"

    def ask(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """Return the reply to a conversation.

        Raises:
            ModelError: vLLM is missing, the directory is no model, the question is too long for it,
                or no answer came in time.
        """
        started = time.monotonic()
        loaded = self._ready()
        try:
            drawn = loaded.drawn(messages, sampling, self._timeout_s)
        except Exception as error:  # templates, tokenizers and engines have errors of their own
            raise ModelError(NO_REPLY.format(name=self.name, why=gist(error))) from None
        reply = _reply(drawn, sampling, time.monotonic() - started)
        if not reply.text.strip():
            why = EMPTY.format(finish=reply.finish)
            raise ModelError(NO_REPLY.format(name=self.name, why=why))
        return reply

    def close(self) -> None:
        """Give the memory back; the next question loads the model again."""
        with self._loading:
            if self._loaded is not None:
                self._loaded.close()
            self._loaded = None

    def _ready(self) -> "_Loaded":
        with self._loading:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> "_Loaded":
        try:
            check_directory(self._directory)
            return _Loaded(self._directory, self._settings)
        except ImportError:
            raise ModelError(NOT_INSTALLED.format(name=self.name)) from None
        except ModelDirectoryError as error:
            raise ModelError(str(error)) from None
        except Exception as error:  # what a broken directory makes of an engine is not documented
            raise ModelError(CANNOT_LOAD.format(name=self.name, why=gist(error))) from None


class _Loaded:
    """vLLM's engine, which lives on an event loop in a thread of its own.

    The library is optional, and mypy does not follow it: what it gives stays in here.
    """

    def __init__(self, directory: Path, settings: dict[str, str | int | float | bool]) -> None:
        for name, value in _SETTINGS.items():
            os.environ.setdefault(name, value)
        from vllm import AsyncEngineArgs  # late: an optional package, and many seconds to import
        from vllm.v1.engine.async_llm import AsyncLLM

        arguments = AsyncEngineArgs(
            **{
                "model": str(directory.absolute()),
                "max_model_len": context_tokens(directory),
                "scheduling_policy": "priority",
                "enable_prefix_caching": True,
                **_prefill(directory),
                "load_format": "safetensors",
                "generation_config": "vllm",
                "structured_outputs_config": dict(HELD_TO_SCHEMA),
                "trust_remote_code": False,
                "disable_log_stats": True,
                **settings,
            }
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._numbers = count()
        self._engine: Any = self._on_loop(_built(AsyncLLM, arguments), None)
        self._tokenizer: Any = self._engine.get_tokenizer()
        self._most_tokens = int(self._engine.model_config.max_model_len)
        self.close = weakref.finalize(self, _end, self._engine, self._loop, self._thread)

    def drawn(
        self, messages: Sequence[Message], sampling: Sampling, timeout_s: float
    ) -> "RequestOutput":
        """Generate the reply to a conversation; raises whatever vLLM raises."""
        prompt = chat_prompt(self._tokenizer, messages)
        plain = not self._tokenizer.chat_template  # a template writes what a text begins with
        tokens = self._tokenizer(prompt, add_special_tokens=plain)["input_ids"]
        room = self._most_tokens - len(tokens)
        if room <= 0:
            raise ValueError(TOO_LONG.format(tokens=len(tokens), most=self._most_tokens))
        asked = self._generated(tokens, _parameters(sampling, room), int(sampling.priority))
        return self._on_loop(asked, timeout_s)

    async def _generated(
        self, tokens: list[int], parameters: "SamplingParams", priority: int
    ) -> "RequestOutput":
        number = f"perfbot-{next(self._numbers)}"
        (prompt,) = self._engine.renderer.render_cmpl([{"prompt_token_ids": tokens}])
        told = self._engine.generate(prompt, parameters, number, priority=priority)
        drawn: RequestOutput = [each async for each in told][-1]
        return drawn

    def _on_loop(self, asked: "Coroutine[Any, Any, Any]", timeout_s: float | None) -> Any:
        """Return what a coroutine returns; one that takes too long, or is not waited for, is aborted."""
        future = asyncio.run_coroutine_threadsafe(asked, self._loop)
        try:
            return future.result(timeout_s)
        except TooLate:
            raise TimeoutError(TOO_SLOW.format(seconds=timeout_s)) from None
        finally:
            future.cancel()


def _prefill(directory: Path) -> dict[str, bool | int]:
    """Return how prompts are read: in parts, but on processors (``serving.whole_prefill`` says why)."""
    if not for_processors():
        return {"enable_chunked_prefill": True}
    length = context_tokens(directory) or LONGEST_TOKENS
    batched = max(length, LEAST_BATCHED_TOKENS)
    return {"enable_chunked_prefill": False, "max_num_batched_tokens": batched}


async def _built(engine: Any, arguments: Any) -> Any:
    """Build the engine on its loop, where its own tasks will run."""
    return engine.from_engine_args(arguments)


def _end(engine: Any, loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    engine.shutdown()
    asyncio.run_coroutine_threadsafe(_cancelled_tasks(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def _cancelled_tasks() -> None:
    """End what still runs on this loop, and wait for that."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _parameters(sampling: Sampling, room: int) -> "SamplingParams":
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    schema = None if sampling.schema is None else dict(sampling.schema)
    return SamplingParams(
        max_tokens=min(sampling.max_tokens, room),
        temperature=sampling.temperature,
        seed=sampling.seed,
        stop=list(sampling.stop) or None,
        logprobs=0 if sampling.logprobs else None,  # of the drawn token alone
        structured_outputs=schema and StructuredOutputsParams(json=schema),
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def _reply(drawn: "RequestOutput", sampling: Sampling, latency_s: float) -> Reply:
    written = drawn.outputs[0]
    text = cut_at_stop(without_reasoning(written.text), sampling.stop)
    finish = _FINISHES.get(str(written.finish_reason), Finish.OTHER)
    usage = Usage(len(drawn.prompt_token_ids or ()), len(written.token_ids))
    return Reply(text, finish, usage, latency_s, _logprobs(written))


def _logprobs(written: "CompletionOutput") -> tuple[float, ...]:
    """Return the logarithm of each drawn token's probability; vLLM lists the likeliest beside it."""
    if written.logprobs is None:
        return ()
    pairs = zip(written.token_ids, written.logprobs, strict=True)
    return tuple(float(each[token].logprob) for token, each in pairs)
