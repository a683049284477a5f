"""Builds the tiny language model that the serving benchmark and its tests serve: always the same one.

    python benchmarks/serving_model.py DIR [--hidden 192] [--layers 6]

A Llama of some million parameters with random weights and a byte-level BPE tokenizer that is trained
on the standard library's sources. Speed, not sense: what it writes means nothing, but it costs what a
real model of its size costs. Needs torch and transformers.
"""

import argparse
import sysconfig
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SEED = 20260101
VOCABULARY = 8192
CONTEXT = 4096
SOURCES = 400  # files of the standard library, in the order of their names
START, END, TURN = "<|start|>", "<|end|>", "<|turn|>"
TEMPLATE = (
    "{% for message in messages %}"
    + TURN
    + "{{ message.role }}\n{{ message.content }}\n{% endfor %}"
    + "{% if add_generation_prompt %}"
    + TURN
    + "assistant\n{% endif %}"
)


def tokenizer() -> PreTrainedTokenizerFast:
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    library = Path(sysconfig.get_path("stdlib"))
    files = [str(path) for path in sorted(library.glob("*.py"))[:SOURCES]]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[AddedToken(each, special=True) for each in (START, END, TURN)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    trained.train(files, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=trained,
        bos_token=START,
        eos_token=END,
        pad_token=END,
        chat_template=TEMPLATE,
        model_max_length=CONTEXT,
    )


def model(hidden: int, layers: int) -> LlamaForCausalLM:
    torch.manual_seed(SEED)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=hidden,
        intermediate_size=hidden * 8 // 3 // 32 * 32,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32,
        num_key_value_heads=hidden // 64,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=1,
    )
    return LlamaForCausalLM(config).to(torch.bfloat16)


def build(folder: Path, hidden: int, layers: int) -> int:
    """Write model and tokenizer into a folder; return the number of parameters."""
    made = model(hidden, layers)
    made.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return sum(each.numel() for each in made.parameters())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hidden", type=int, default=192)
    parser.add_argument("--layers", type=int, default=6)
    chosen = parser.parse_args()
    count = build(chosen.folder, chosen.hidden, chosen.layers)
    print(f"{chosen.folder}: {count:,} parameters")
