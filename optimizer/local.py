"""A model in a local directory, run in this process by ``transformers``.

A directory is data from others. Nothing of it is executed: code that it brings along is not loaded
(``trust_remote_code=False``), and weights are read from safetensors alone, because a pickle is a
program. Nothing is fetched from anywhere. Weights are loaded once for a directory and kept; who asks
at the same time from several threads is answered one after the other.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perfbot.optimizer.chat_prompt import chat_prompt
from perfbot.optimizer.model_directory import (
    NO_DIRECTORY,
    ModelDirectoryError,
    check_directory,
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

NOT_INSTALLED = "{name} needs torch and transformers: pip install 'perfbot[transformers]'"
NO_DEVICE = "this machine has no device {device!r} for torch"
WEIGHTS_MISSING = "its weights lack {count} tensors that its config.json asks for, such as {first}"
OWN_CODE = "it needs Python code of its own, and code of a model directory is never run"
CANNOT_LOAD = "it cannot be loaded: {why}"
NO_REPLY = "{name} gave no reply: {why}"
TOO_LONG = "the question has {tokens} tokens, and the model takes {most} in all"
EMPTY = "an empty answer ({finish})"
TOO_SLOW = "no end after {seconds:.0f} s"

_LIBRARIES = ("torch", "transformers")
_REMOTE_CODE = "trust_remote_code"
_OPENS_REASONING = "<think>"
_MOST_TOKENS = 1 << 20
_GREEDY = {"temperature": None, "top_p": None, "top_k": None}


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A directory with ``config.json``, a tokenizer and safetensors.

    ``device`` is torch's name of one (``cpu``, ``cuda:1``); without it the first CUDA device is
    taken where there is one. A chat template is used where the directory has one; without, the
    messages are put together as our own training does it (``chat_prompt.py``).
    """

    directory: Path
    device: str | None = None
    timeout_s: float = 600.0

    @property
    def name(self) -> str:
        """The backend and the folder's name."""
        return f"transformers:{self.directory.name}"

    def ask(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """Return the reply to a conversation; no ``schema`` is enforced, and no price is paid.

        Raises:
            ModelError: the libraries are missing, the directory is no model, the question is too
                long for it, or no answer came in time.
        """
        started = time.monotonic()
        loaded = _loaded(self)
        try:
            drawn = loaded.drawn(messages, sampling, self.timeout_s)
        except Exception as error:  # templates, tokenizers and devices have errors of their own
            raise self._failure(gist(error)) from None
        text = cut_at_stop(without_reasoning(drawn.text), sampling.stop)
        if not text.strip():
            raise self._failure(EMPTY.format(finish=drawn.finish))
        usage = Usage(drawn.tokens_in, drawn.tokens_out)
        return Reply(text, drawn.finish, usage, time.monotonic() - started, drawn.logprobs)

    def _failure(self, why: str) -> ModelError:
        return ModelError(NO_REPLY.format(name=self.name, why=why))


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What the model generated; ``text`` still has what stopped it."""

    text: str
    finish: Finish
    tokens_in: int
    tokens_out: int
    logprobs: tuple[float, ...]


_kept: dict[tuple[Path, str | None], "_Loaded"] = {}
_loading = threading.Lock()


def _loaded(model: LocalModel) -> "_Loaded":
    """Return the model in memory, loading it the first time.

    Raises:
        ModelError: it cannot be loaded.
    """
    place = (model.directory.expanduser().resolve(), model.device)
    with _loading:
        if place not in _kept:
            _kept[place] = _load(model, *place)
        return _kept[place]


def _load(model: LocalModel, directory: Path, device: str | None) -> "_Loaded":
    try:
        check_directory(directory)
        return _Loaded(directory, device)
    except ModelDirectoryError as error:
        raise ModelError(str(error)) from None
    except Exception as error:  # what a broken directory makes of the libraries is not documented
        if isinstance(error, ModuleNotFoundError) and error.name in _LIBRARIES:
            raise ModelError(NOT_INSTALLED.format(name=model.name)) from None
        why = NO_DIRECTORY.format(directory=directory, why=_why_not(error))
        raise ModelError(why) from None


def _why_not(error: Exception) -> str:
    if isinstance(error, _UnusableError):
        return str(error)
    return OWN_CODE if _REMOTE_CODE in str(error) else CANNOT_LOAD.format(why=gist(error))


class _UnusableError(Exception):
    """The directory was read, and there is something wrong with it."""


class _Loaded:
    """Tokenizer and weights in memory; one conversation at a time.

    The libraries are optional, and mypy does not follow them: what they give stays in here.
    """

    def __init__(self, directory: Path, device: str | None) -> None:
        import torch
        import transformers  # late: optional packages, and seconds to import

        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        self._lock = threading.Lock()
        self._torch = torch
        place = _device(torch, device)
        data_only = {"local_files_only": True, "trust_remote_code": False}
        config = transformers.AutoConfig.from_pretrained(directory, **data_only)
        self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(directory, **data_only)
        self._model, report = transformers.AutoModelForCausalLM.from_pretrained(
            directory,
            config=config,
            dtype=_dtype(torch, place, config.dtype),
            use_safetensors=True,
            output_loading_info=True,
            **data_only,
        )
        missing = sorted(map(str, [*report["missing_keys"], *report["mismatched_keys"]]))
        if missing:  # the library fills them with noise
            raise _UnusableError(WEIGHTS_MISSING.format(count=len(missing), first=missing[0]))
        self._model.to(place).eval().requires_grad_(False)

    def drawn(self, messages: Sequence[Message], sampling: Sampling, timeout_s: float) -> _Drawn:
        """Generate the reply to a conversation; raises whatever the libraries raise."""
        prompt = chat_prompt(self._tokenizer, messages)
        inputs = self._encoded(prompt)
        start = inputs["input_ids"].shape[1]
        most = min(sampling.max_tokens, self._room(start))
        watched = _Logprobs(self._torch) if sampling.logprobs else None
        with self._lock:
            began = time.monotonic()
            written = self._generated(inputs, most, sampling, timeout_s, watched)[start:]
            if time.monotonic() - began >= timeout_s:
                raise TimeoutError(TOO_SLOW.format(seconds=timeout_s))
        opened = _OPENS_REASONING if prompt.rstrip().endswith(_OPENS_REASONING) else ""
        text = opened + self._decoded(written)
        stopped = written[-1] in self._ends or any(each in text for each in sampling.stop)
        return _Drawn(
            text,
            Finish.STOP if stopped else Finish.LENGTH,
            start,
            len(written),
            watched.of_all(written[-1]) if watched else (),
        )

    def _encoded(self, prompt: str) -> Any:
        """Return ``input_ids`` and ``attention_mask`` of shape (1, tokens)."""
        plain = not self._tokenizer.chat_template  # a template writes what a text begins with
        encoded = self._tokenizer(prompt, return_tensors="pt", add_special_tokens=plain)
        return encoded.to(self._model.device)

    def _room(self, tokens: int) -> int:
        """Return how many tokens may follow; raises ValueError where there is no room for any."""
        config = self._model.config.get_text_config()
        most = getattr(config, "max_position_embeddings", None)
        if most is None:
            return _MOST_TOKENS
        if tokens >= most:
            raise ValueError(TOO_LONG.format(tokens=tokens, most=most))
        return int(most) - tokens

    def _generated(
        self,
        inputs: Any,
        most: int,
        sampling: Sampling,
        timeout_s: float,
        watched: "_Logprobs | None",
    ) -> list[int]:
        """Return the ids of prompt and reply; the random state of the process stays as it was."""
        torch, device = self._torch, self._model.device
        warm = sampling.temperature > 0
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(sampling.seed)
            found = self._model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                max_new_tokens=most,
                do_sample=warm,
                **({"temperature": sampling.temperature} if warm else _GREEDY),
                stop_strings=list(sampling.stop) or None,
                tokenizer=self._tokenizer,
                logits_processor=[watched] if watched else None,
                max_time=timeout_s,
                pad_token_id=self._tokenizer.pad_token_id or min(self._ends, default=0),
            )
        return [int(each) for each in found[0]]

    @property
    def _ends(self) -> set[int]:
        """The ids that end a reply, as the model and its tokenizer name them."""
        named = self._model.generation_config.eos_token_id
        several = named if isinstance(named, list) else [named]
        ends = {*several, self._tokenizer.eos_token_id}
        return {int(each) for each in ends if each is not None}

    def _decoded(self, ids: Sequence[int]) -> str:
        """Return the text without what ended it; control tokens of ours are kept, special or not."""
        written = ids[:-1] if ids[-1] in self._ends else ids
        return str(self._tokenizer.decode(written, skip_special_tokens=False))


class _Logprobs:
    """Follows ``generate`` as a logits processor and keeps the logarithm of what it then drew.

    Only the last step's distribution is in memory, not one for each token of a long reply.
    """

    def __init__(self, torch: Any) -> None:
        self._torch = torch
        self._found: list[float] = []
        self._last: Any = None

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Take ids of shape (1, tokens so far) and logits of shape (1, vocabulary); change nothing."""
        if self._last is not None:
            self._found.append(float(self._last[input_ids[0, -1]]))
        self._last = self._torch.log_softmax(scores[0].float(), -1)
        return scores

    def of_all(self, last_id: int) -> tuple[float, ...]:
        """Return the natural logarithms of the reply's tokens, the last one being ``last_id``."""
        return (*self._found, float(self._last[last_id]))


def _device(torch: Any, asked: str | None) -> Any:
    """Return the torch device; raises _UnusableError where this machine has no such one."""
    name = asked or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (AssertionError, RuntimeError):
        raise _UnusableError(NO_DEVICE.format(device=name)) from None
    return device


def _dtype(torch: Any, device: Any, stored: Any) -> Any:
    """Return the precision to compute in: half where the device is made for it.

    On a CPU bfloat16 needs instructions of its own, and only weights that are stored in half
    precision lose nothing by it.
    """
    if device.type != "cpu":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    has = torch.cpu.get_capabilities()
    fast = any(has.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return torch.bfloat16 if fast and stored in (torch.bfloat16, torch.float16) else torch.float32
