"""A directory with a language model: whether it is one, and what is known of it without loading it."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

NO_DIRECTORY = "{directory} is no model directory: {why}"
NOT_THERE = "there is no such folder"
NO_CONFIG = "it has no config.json"
BAD_CONFIG = "its config.json cannot be read: {why}"
NO_TOKENIZER = "it has no tokenizer (tokenizer.json): save one with tokenizer.save_pretrained"
ONLY_PICKLED = (
    "its weights are pickled ({files}), and a pickle is a program: save them as safetensors "
    "(model.save_pretrained writes them so)"
)
NO_WEIGHTS = "it has no weights in safetensors (model.save_pretrained writes them so)"
NO_TEMPLATE = (
    "it has no chat template (chat_template.jinja), without which transformers serve answers nothing; "
    "vLLM gets one from perfbot"
)

_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "*.tiktoken",
               "tekken.json", "spiece.model", "sentencepiece.*")  # fmt: skip
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl")

LONGEST_TOKENS = 16_384  # 6,000 shown of a function, the rest of a prompt, and two long replies

# What models.concatenated does, for directories without a template: our own models are trained so.
PLAIN_TEMPLATE = (
    "{% for message in messages %}{{ message['content'] }}"
    "{{ '' if message['content'].endswith('\\n') else '\\n' }}{{ '' if loop.last else '\\n' }}{% endfor %}"
)


class ModelDirectoryError(Exception):
    """A directory cannot be used as a model; the message says which, and what it lacks."""


def context_tokens(directory: Path, most: int = LONGEST_TOKENS) -> int | None:
    """Return how many tokens a conversation may have; ``None`` where the directory does not say."""
    config = _config(directory)
    inner = config.get("text_config")
    for part in (config, inner if isinstance(inner, dict) else {}):
        longest = part.get("max_position_embeddings")
        if isinstance(longest, int) and longest > 0:
            return min(longest, most)
    return None


def check_directory(directory: Path, *, template: bool = False) -> None:
    """Raise ModelDirectoryError where a directory lacks what it takes; ``template``: a chat template too."""
    _config(directory)
    why = _lack(directory, template)
    if why:
        raise ModelDirectoryError(NO_DIRECTORY.format(directory=directory, why=why))


def _lack(directory: Path, template: bool) -> str:
    if not any(_files(directory, _TOKENIZERS)):
        return NO_TOKENIZER
    if not any(directory.glob("*.safetensors")):
        pickled = ", ".join([path.name for path in _files(directory, _PICKLES)][:3])
        return ONLY_PICKLED.format(files=pickled) if pickled else NO_WEIGHTS
    return NO_TEMPLATE if template and not has_template(directory) else ""


def _files(directory: Path, patterns: Iterable[str]) -> Iterator[Path]:
    for pattern in patterns:
        yield from sorted(directory.glob(pattern))


def _config(directory: Path) -> dict[str, object]:
    if not directory.is_dir():
        raise ModelDirectoryError(NO_DIRECTORY.format(directory=directory, why=NOT_THERE))
    try:
        read = json.loads((directory / "config.json").read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise ModelDirectoryError(NO_DIRECTORY.format(directory=directory, why=NO_CONFIG)) from None
    except (OSError, ValueError, RecursionError) as error:
        why = BAD_CONFIG.format(why=error)
        raise ModelDirectoryError(NO_DIRECTORY.format(directory=directory, why=why)) from None
    if not isinstance(read, dict):
        why = BAD_CONFIG.format(why="it is no mapping")
        raise ModelDirectoryError(NO_DIRECTORY.format(directory=directory, why=why))
    return read


def has_template(directory: Path) -> bool:
    """Say whether a directory brings a chat template along."""
    if any(directory.glob("chat_template.*")):
        return True
    try:
        return '"chat_template"' in (directory / "tokenizer_config.json").read_text("utf-8")
    except (OSError, ValueError):
        return False


def special_tokens(directory: Path) -> list[str]:
    """Return the texts that are more than text to a model; none where its tokenizer is no JSON."""
    try:
        added = json.loads((directory / "tokenizer.json").read_text("utf-8"))["added_tokens"]
        return [each["content"] for each in added if each["special"]]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return []
