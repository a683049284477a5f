"""A conversation as the one text that a local model reads, by its tokenizer's chat template."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from perfbot.optimizer.models import Message, concatenated, without_system
from perfbot.optimizer.protocol import TOKENS


class AddedToken(Protocol):
    """A token that was added to the vocabulary; a ``special`` one is more than text."""

    @property
    def content(self) -> str:
        """The token as text."""

    @property
    def special(self) -> bool:
        """Whether the model takes it for a sign, not for text."""


class Tokenizer(Protocol):
    """What is asked of a tokenizer of the ``transformers`` library."""

    @property
    def chat_template(self) -> str | None:
        """The template in Jinja, if it has one."""

    @property
    def added_tokens_decoder(self) -> Mapping[int, AddedToken]:
        """The added tokens by their number: those of roles are often named nowhere else."""

    def apply_chat_template(
        self, conversation: list[dict[str, str]], *, tokenize: bool, add_generation_prompt: bool
    ) -> str:
        """Return a conversation as text."""


def chat_prompt(tokenizer: Tokenizer, messages: Sequence[Message]) -> str:
    """Return what the model reads; without a template, what our own models are trained on.

    No text of a message can end its turn. Raises whatever a template raises.
    """
    special = [each.content for each in tokenizer.added_tokens_decoder.values() if each.special]
    safe = [Message(each.role, harmless(each.text, special)) for each in messages]
    if not tokenizer.chat_template:
        return concatenated(safe)
    from jinja2 import TemplateError  # late: as all that only runs with a model need

    try:
        return _rendered(tokenizer, safe)
    except TemplateError:  # some templates know no system role
        return _rendered(tokenizer, without_system(safe))


def harmless(text: str, special: Iterable[str]) -> str:
    """Return a text in which special tokens are mere text; those of the protocol stay what they are."""
    for token in special:
        if len(token) > 1 and token not in TOKENS:
            text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def _rendered(tokenizer: Tokenizer, messages: Sequence[Message]) -> str:
    turns = [{"role": each.role.value, "content": each.text} for each in messages]
    return tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
