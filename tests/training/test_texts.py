"""What models are trained on: loss on the completion alone, packed texts apart, holes filled, needles far away."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.optimizer.protocol import TOKENS, Mode, parse, parse_code
from perfbot.optimizer.strategies import Category
from perfbot.training import long_context, texts
from perfbot.training.fill_in import BEGIN, HOLE, STOP, filled_in
from perfbot.training.records import Language, NamedStrategy, TrainingPair, write
from perfbot.training.texts import UNUSED

SLOW = "def f(items):\n    out = []\n    for x in items:\n        out.append(x)\n    return out\n"
FAST = "def f(items):\n    return list(items)\n"
PAIR = TrainingPair(
    record="1", problem="1", source="own", language=Language.PYTHON, slow=SLOW, fast=FAST,
    origin="own", licence="Apache-2.0", entry_point="f",
    strategies=(NamedStrategy(Category.LOOP, "copy", "copy: `list` copies at once."),),
)  # fmt: skip
lines = st.lists(st.text("abc= ()", max_size=8), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory):
    pytest.importorskip("transformers", reason="transformers is not installed: make models")
    from perfbot.training import tiny
    from perfbot.training import tokenizer as stage

    folder = tmp_path_factory.mktemp("tokenizer")
    write(folder / "pairs.jsonl", [PAIR])
    stage.run(
        stage.TokenizerConfig(out=folder / "made", pairs=folder / "pairs.jsonl", vocabulary=400)
    )
    return tiny.load_tokenizer(folder / "made")


@given(lines, st.integers())
def test_a_hole_is_filled_with_what_stood_there(found: list[str], seed: int) -> None:
    program = "".join(f"{line}\n" for line in found)
    example = filled_in(program, random.Random(seed))
    before, _, rest = example.prompt.removeprefix(BEGIN).partition(HOLE)
    assert before + example.completion + rest.removesuffix(STOP) == program
    assert example.completion


def test_each_mode_has_its_own_completion() -> None:
    found = {mode: next(texts.texts([PAIR], {mode: 1})) for mode in Mode}
    both = found[Mode.PLAN_AND_CODE].example
    assert parse(both.completion) == PAIR.answer
    assert parse(found[Mode.PLAN_ONLY].example.completion).code is None
    assert parse_code(found[Mode.TWO_STEP].example.completion) == FAST
    whole = {each.example.prompt + each.example.completion for each in found.values()}
    assert all((both.prompt + both.completion).startswith(each) for each in whole)
    assert [found[mode].ends for mode in Mode] == [True, False, True]


def test_a_pair_that_has_a_control_token_in_its_code_is_left_out() -> None:
    hostile = TrainingPair(**{**{f: getattr(PAIR, f) for f in PAIR.__struct_fields__},
                              "slow": "def f(a): return '[OPT/]'"})  # fmt: skip
    assert list(texts.texts([hostile], dict.fromkeys(Mode, 1))) == []


def test_labels_are_exactly_the_completion_and_the_end(tokenizer) -> None:
    (row,) = texts.tokens(list(texts.texts([PAIR], {Mode.PLAN_AND_CODE: 1})), tokenizer, 1000)
    labelled = [label for label in row["labels"] if label != UNUSED]
    example = next(texts.texts([PAIR], {Mode.PLAN_AND_CODE: 1})).example
    assert tokenizer.decode(labelled) == example.completion + tokenizer.eos_token
    assert (
        tokenizer.decode(row["input_ids"])
        == example.prompt + example.completion + tokenizer.eos_token
    )
    assert texts.tokens(list(texts.texts([PAIR], {Mode.PLAN_ONLY: 1})), tokenizer, 10) == []


def test_control_tokens_are_one_token_each_and_stay_in_replies(tokenizer) -> None:
    for token in TOKENS:
        (number,) = tokenizer(token)["input_ids"]
        assert tokenizer.decode([number], skip_special_tokens=True) == token


@given(st.text(max_size=60))
def test_the_tokenizer_loses_nothing(tokenizer, text: str) -> None:
    plain = text.replace("<|", "< |")  # its own special tokens
    assert tokenizer.decode(tokenizer(plain)["input_ids"]) == plain


def test_a_needle_lies_where_it_should_and_fits(tokenizer) -> None:
    drawn = random.Random(1)
    for tokens in (100, 300):
        for depth in long_context.DEPTHS:
            found = long_context.needle(tokenizer, tokens, depth, drawn)
            hay = found.example.prompt.splitlines()[:-2]
            place = hay.index(found.example.completion)
            assert abs(place / max(1, len(hay) - 1) - depth) < 0.2
            whole = found.example.prompt + found.example.completion
            assert tokens - 30 < len(tokenizer(whole)["input_ids"]) <= tokens


def model_of(tokenizer, longest: int = 64):
    torch = pytest.importorskip("torch", reason="torch is not installed: make models")
    from perfbot.training import tiny

    torch.manual_seed(0)
    shape = tiny.Shape(hidden=32, layers=2, heads=2, feed_forward=64, longest=longest)
    return tiny.from_scratch(shape, tokenizer)


def test_yarn_reaches_further_with_the_same_weights(tokenizer, tmp_path: Path) -> None:
    model = model_of(tokenizer)
    extended = long_context.extend(model, long_context.Extension(factor=4.0))
    assert extended.config.max_position_embeddings == 256
    extended.save_pretrained(tmp_path)
    from transformers import AutoModelForCausalLM

    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert loaded.config.rope_parameters["rope_type"] == "yarn"
    assert loaded.config.rope_parameters["original_max_position_embeddings"] == 64
    assert [each.shape for each in loaded.parameters()] == [
        each.shape for each in model.parameters()
    ]
    shares = long_context.found(loaded, tokenizer, [80, 200], 1, seed=0)
    assert shares == {80: 0.0, 200: 0.0}  # it has learnt nothing, and does not fall over


def test_packed_texts_do_not_see_each_other(tokenizer) -> None:
    """The loss of two texts in one row is that of both alone."""
    torch = pytest.importorskip("torch", reason="torch is not installed: make models")
    model = model_of(tokenizer, 512).eval()
    rows = texts.tokens(list(texts.texts([PAIR], dict.fromkeys(Mode, 1))), tokenizer, 1000)[::2]
    with torch.inference_mode():
        alone = [model(input_ids=torch.tensor([row["input_ids"]])).logits[0] for row in rows]
        places = torch.tensor([[n for row in rows for n in range(len(row["input_ids"]))]])
        ids = torch.tensor([[each for row in rows for each in row["input_ids"]]])
        packed = model(input_ids=ids, position_ids=places, use_cache=False).logits[0]  # as TRL does
    assert torch.allclose(torch.cat(alone), packed, atol=1e-5)
