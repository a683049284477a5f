"""A byte-level BPE tokenizer from scratch, with PerfCoder's control tokens in its vocabulary.

    python -m perfbot.training.tokenizer --config recipes/smoke/tokenizer.yml

It is trained on the texts that models will read, and on the standard library where that is asked for.
Words, digits, underscores and what lies between words are apart, so that a name is the same token
wherever it stands: small models learn to copy names much sooner.
Control tokens are one token each, but *not special*: servers leave special ones out of a reply, and
then nobody could read it (``optimizer/protocol.py``).
"""

import sysconfig
from collections.abc import Iterator
from pathlib import Path

import msgspec

from perfbot.optimizer.protocol import TOKENS
from perfbot.training import records, texts
from perfbot.training.fill_in import FILL_TOKENS
from perfbot.training.stage import main

END = "<|end|>"

_PARTS = r"[^\W\d_]+|\d|_|\W+"


class TokenizerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the tokenizer is made of; ``library_files`` of the standard library are read, too."""

    out: Path
    pairs: Path
    vocabulary: int
    longest: int = 1024
    library_files: int = 0


def run(config: TokenizerConfig) -> None:
    """Train and save."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    parts = pre_tokenizers.Split(Regex(_PARTS), "isolated")
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([parts, as_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=config.vocabulary - len(TOKENS) - len(FILL_TOKENS),
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(config), trainer)
    tokenizer.add_tokens([AddedToken(each, special=False, normalized=False) for each in TOKENS])
    tokenizer.add_special_tokens(list(FILL_TOKENS))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=END,
        padding_side="left",
        model_max_length=config.longest,
    )
    fast.save_pretrained(config.out)
    print(f"{len(fast)} tokens: {config.out}")


def _texts(config: TokenizerConfig) -> Iterator[str]:
    for pair in records.read(config.pairs):
        yield from texts.all_of(pair)
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted(library.glob("*.py"))[: config.library_files]:
        yield path.read_text(errors="replace")


if __name__ == "__main__":
    main(TokenizerConfig, run, __doc__)
