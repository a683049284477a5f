"""Small models from scratch, in the architecture of Llama: from thousands of parameters upwards."""

from pathlib import Path
from typing import Any

import msgspec


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The size of a model; ``longest`` is its context in tokens."""

    hidden: int = 128
    layers: int = 4
    heads: int = 4
    feed_forward: int = 384
    longest: int = 512


def from_scratch(shape: Shape, tokenizer: Any) -> Any:
    """Return a model with random weights for a tokenizer's vocabulary."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden,
        intermediate_size=shape.feed_forward,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=shape.longest,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config)


def load(directory: Path) -> tuple[Any, Any]:
    """Return model and tokenizer of a local directory; its code is never run, nothing is fetched.

    Raises:
        ModelDirectoryError: it is no model directory.
    """
    from transformers import AutoModelForCausalLM

    from perfbot.optimizer.model_directory import check_directory

    check_directory(directory)
    model = AutoModelForCausalLM.from_pretrained(
        directory, local_files_only=True, trust_remote_code=False, use_safetensors=True
    )
    return model, load_tokenizer(directory)


def load_tokenizer(directory: Path) -> Any:
    """Return the tokenizer of a local directory, which pads on the left as generating needs it."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(
        directory, local_files_only=True, trust_remote_code=False, padding_side="left"
    )
