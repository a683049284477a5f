"""A real language model of a million parameters, made in seconds: a directory as any other.

Its tokenizer is a byte-level BPE of some files of the standard library, its weights a Mistral that was
trained to answer one thing whatever it is asked. Run as a program (``python tiny_model.py FOLDER
ANSWER_FILE``) it writes the directory, so that a test's own process need not import torch.
"""

import sys
import sysconfig
from pathlib import Path

NO_TORCH = "torch and transformers are not installed: make models"
ANSWER = """\
[SUGG/]
Instruction-Level Execution Optimization: digits of str: str finds all digits in one call
[/SUGG]
[OPT/]
def digits(limit):
    return sum([len(str(number)) for number in range(1, limit)])
[/OPT]
"""

VOCABULARY = 2048
END = "<|end|>"
ROLES = ["<|system|>", "<|user|>", "<|assistant|>"]
TEMPLATE = """\
{%- for message in messages -%}
<|{{ message.role }}|>
{{ message.content }}<|end|>
{% endfor -%}
{%- if add_generation_prompt -%}
<|assistant|>
{% endif -%}
"""
LONGEST = 8192
WINDOW = 24  # tokens that a layer looks back: a question's length and words make no difference
SURE = 10  # questions in a row that it answered by heart, before it is taken to know
TRAINED_ON = (
    "argparse",
    "ast",
    "csv",
    "dataclasses",
    "heapq",
    "inspect",
    "json/decoder",
    "textwrap",
)


def main(folder: Path, answer: str) -> None:
    """Train and save."""
    import torch

    torch.manual_seed(1)
    torch.set_num_threads(1)
    library = Path(sysconfig.get_path("stdlib"))
    files = [str(library / f"{name}.py") for name in TRAINED_ON]
    tokenizer = _tokenizer(files)
    model = _model(tokenizer)
    _train(model, tokenizer, answer, "\n".join(Path(each).read_text() for each in files))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _tokenizer(files):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END, *ROLES],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train(files, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, pad_token=END)
    fast.chat_template = TEMPLATE
    return fast


def _model(tokenizer):
    from transformers import MistralConfig, MistralForCausalLM

    config = MistralConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=32,
        sliding_window=WINDOW,
        max_position_embeddings=LONGEST,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    return MistralForCausalLM(config)


def _train(model, tokenizer, answer: str, text: str) -> None:
    """Teach it one answer after all kinds of questions, until it knows it by heart.

    Parts of the answer and of perfbot's prompts stand in the questions, so that it copies neither.
    """
    import torch

    start = tokenizer("<|end|>\n<|assistant|>\n")["input_ids"]
    said = tokenizer(f"{answer}{END}")["input_ids"]
    wanted = torch.tensor(said)
    sources = [tokenizer(each)["input_ids"] for each in (text, text, *_prompts(), answer)]
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.0)
    known = steps = 0
    while known < SURE:
        steps += 1
        ids = torch.tensor([_question(sources, 80) + start + said])
        logits = model(ids).logits[0, -len(said) - 1 : -1]
        loss = torch.nn.functional.cross_entropy(logits, wanted)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        known = known + 1 if bool((logits.argmax(-1) == wanted).all()) else 0


def _question(sources, longest: int) -> list[int]:
    """Return the ids of pieces of texts, about ``longest`` together at most."""
    import torch

    ids: list[int] = []
    length = int(torch.randint(8, longest, ()))
    while len(ids) < length:
        source = sources[int(torch.randint(len(sources), ()))]
        place = int(torch.randint(len(source), ()))
        ids += source[place : place + int(torch.randint(4, 120, ()))]
    return ids


def _prompts() -> list[str]:
    folder = Path(__file__).parents[2] / "optimizer" / "prompts"
    return [path.read_text() for path in sorted(folder.glob("*.md"))]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]).read_text())
