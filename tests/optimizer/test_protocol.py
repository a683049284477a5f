"""The wire format: exact for our own models, forgiving for others, and never guessing."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.optimizer import protocol
from perfbot.optimizer.protocol import (
    Advice,
    Answer,
    Mode,
    ReplyError,
    parse,
    parse_code,
    read,
    read_plan,
    read_query,
    render,
    trained,
)
from perfbot.optimizer.strategies import Category

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=12)
FREE = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


def without_tokens(text: str) -> bool:
    return not any(token in text for token in protocol.TOKENS)


ADVICE = st.builds(
    Advice,
    st.sampled_from(Category),
    st.lists(WORDS, min_size=1, max_size=9).map(" ".join).filter(without_tokens),
)
CODE = FREE.filter(without_tokens)
ANSWERS = st.builds(Answer, st.lists(ADVICE, max_size=5).map(tuple), st.none() | CODE)
PLAN = "[SUGG/]\nLoop Efficiency Techniques: one pass is enough\n[/SUGG]\n"
ONE_PASS = Advice(Category.LOOP, "one pass is enough")


@given(ANSWERS)
def test_what_is_rendered_is_parsed_to_the_same_answer(answer: Answer) -> None:
    assert parse(render(answer)) == answer


@given(FREE.filter(without_tokens), ANSWERS.filter(lambda answer: answer.advice and answer.code))
def test_one_text_trains_all_three_modes_and_each_completion_is_parsed(program, answer) -> None:
    both, plan, code = (trained(program, answer, mode) for mode in Mode)
    assert both.prompt + both.completion == code.prompt + code.completion
    assert both.completion.startswith(plan.completion)
    assert both.prompt == plan.prompt == protocol.prompt(program)
    assert parse(both.completion) == answer
    assert parse(plan.completion) == Answer(answer.advice)
    assert parse_code(code.completion) == answer.code
    assert plan.completion.endswith(protocol.PLAN_CLOSE)


@pytest.mark.parametrize(
    ("program", "answer", "mode"),
    [
        ("a [/OPT] b", Answer((), "x"), Mode.PLAN_AND_CODE),
        ("a", Answer((), "x"), Mode.TWO_STEP),
        ("a", Answer(()), Mode.PLAN_ONLY),
        ("a", Answer(()), Mode.PLAN_AND_CODE),
    ],
)
def test_what_a_mode_is_not_about_is_no_example_of_it(program, answer, mode) -> None:
    with pytest.raises(ValueError, match=r"control token|no example"):
        trained(program, answer, mode)


@given(FREE)
def test_any_text_is_parsed_exactly_or_refused(text: str) -> None:
    try:
        answer = parse(text)
    except ReplyError:
        return
    assert render(answer) == text


def test_a_control_token_in_the_code_is_refused_by_name() -> None:
    text = "[SUGG/]\n[/SUGG]\n[OPT/]\nx = '[SUGG/]'\n[/OPT]"
    with pytest.raises(ReplyError, match="code has no control token"):
        parse(text)


@given(FREE)
def test_reading_any_text_gives_an_answer_or_a_reason(text: str) -> None:
    for reader in (read, read_plan):
        with suppress(ReplyError):
            assert isinstance(reader(text).answer, Answer)
    with suppress(ReplyError):
        assert read_query(text) is None or protocol.QUERY_OPEN in text.upper()


SHREDS = st.lists(st.sampled_from([
    *protocol.TOKENS, "[SQL/]", "[/SQL]", "[ sugg /]", "<think>", "</think>", "```", "```python", "\n", " ",
    "Loop Efficiency Techniques", ":", "- ", "**", "one pass", "a = 1", "<<<<<<< SEARCH", "\u2028", "[", "]",
]), max_size=30).map("".join)  # fmt: skip


@given(SHREDS)
def test_reading_shreds_of_the_format_gives_an_answer_or_a_reason(text: str) -> None:
    test_reading_any_text_gives_an_answer_or_a_reason.hypothesis.inner_test(text)


@given(ANSWERS.filter(lambda answer: answer.code is not None and answer.code.strip() != ""))
def test_what_our_models_write_needs_no_repair_unless_it_is_fenced(answer: Answer) -> None:
    assert answer.code is not None
    if "```" not in answer.code:
        try:
            reading = read(render(answer))
        except ReplyError:
            pytest.fail("an exact answer was not read")
        assert reading.answer.advice == answer.advice
        assert not reading.repairs


@pytest.mark.parametrize(
    "text",
    [
        PLAN + "[OPT/]\ndef f(): pass\n[/OPT]",
        PLAN + "Here you are:\n[OPT/]\n```python\ndef f(): pass\n```\n[/OPT]\nEnjoy!",
        PLAN + "```python\ndef f(): pass\n```",
        PLAN.lower() + "[opt/]def f(): pass[/opt]",
        PLAN + "[OPT/]\ndef f(): pass\n",
        "<think>\nMaybe [OPT/]x = 1[/OPT]?\n</think>\n" + PLAN + "[OPT/]\ndef f(): pass\n[/OPT]",
        "I begin with [OPT].</think>" + PLAN + "[OPT/]\ndef f(): pass\n[/OPT]",
        "Loops are slow.\n"
        + PLAN.replace(": one", " – one")
        + "[OPT/]\n```\ndef f(): pass\n[/OPT]",
        PLAN.replace(": one", ":\none") + "[OPT/]\ndef f(): pass\n```\n[/OPT]",
        PLAN + "Again:\n" + PLAN + "~~~py\ndef f(): pass\n~~~",
        "[ SUGG ]\n1. **Loop Efficiency Techniques**: one pass is enough\n[OPT/]\r\ndef f(): pass\r\n[/OPT]",
    ],
)
def test_what_chat_models_make_of_the_format_is_read(text: str) -> None:
    reading = read(text)
    assert reading.answer == Answer((ONE_PASS,), "def f(): pass")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no code"),
        ("I cannot help with that.", "no code"),
        ("[OPT/]\n[/OPT]", "no code"),
        ("<think>[OPT/]a = 1[/OPT]", "before the answer began"),
        ("<tool_call>{}</tool_call>", "there are no tools"),
        ("a = 1\n" * 20_000, "120000 characters"),
        (PLAN + PLAN.replace("one", "no") + "[OPT/]a = 1[/OPT]", "2 different plans"),
        ("[OPT/]a = [SUGG/][/OPT]", "no control token"),
        ("```\na = 1\n```\nor\n```\na = 2\n```", "2 different code blocks"),
        ("[OPT/]a = 1[/OPT] or [OPT/]a = 2[/OPT]", "2 different code blocks"),
    ],
)
def test_what_has_no_code_or_several_programs_is_refused(text: str, why: str) -> None:
    with pytest.raises(ReplyError, match=why):
        read(text)


def test_a_program_given_twice_is_one_program() -> None:
    assert read("[OPT/]a = 1[/OPT] again: [OPT/]\na = 1\n[/OPT]").answer.code == "a = 1"


def test_a_strategy_outside_the_fifteen_is_left_out_and_said() -> None:
    reading = read_plan("[SUGG/]\nMagic: be fast\n- Loop Efficiency Techniques: one pass is enough")
    assert reading.answer.advice == (ONE_PASS,)
    assert any("Magic: be fast" in repair for repair in reading.repairs)


def test_of_stars_only_those_around_a_category_go() -> None:
    plan = "[SUGG/]\n**Loop Efficiency Techniques:** use x**2 and **not** pow"
    assert read_plan(plan).answer.advice == (Advice(Category.LOOP, "use x**2 and **not** pow"),)


@pytest.mark.parametrize(
    "text",
    [
        "[SQL/]\nSELECT 1\n[/SQL]",
        "I need to know.\n[SQL/] SELECT 1",
        "[sql/]```sql\nSELECT 1\n```[/sql]".replace("```sql", "\n```sql"),
        "[SQL/]SELECT 1[/SQL] or rather [SQL/]\nSELECT 1\n[/SQL]",
    ],
)
def test_a_query_of_the_index_is_read(text: str) -> None:
    assert read_query(text) == "SELECT 1"


@pytest.mark.parametrize("text", [PLAN, "[OPT/]a[/OPT] [SQL/]SELECT 1[/SQL]", "SELECT 1", ""])
def test_what_is_an_answer_is_no_query(text: str) -> None:
    assert read_query(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [("[SQL/] [/SQL]", "is empty"), ("[SQL/]SELECT 1[/SQL][SQL/]SELECT 2[/SQL]", "one at a time")],
)
def test_no_query_or_several_are_refused(text: str, why: str) -> None:
    with pytest.raises(ReplyError, match=why):
        read_query(text)


def test_a_plan_without_any_strategy_is_refused() -> None:
    with pytest.raises(ReplyError):
        read_plan("[SUGG/]\nMagic: be fast\n[/SUGG]")


@pytest.mark.parametrize("description", ["", " a", "a\nb", "a [/OPT] b", "a  b"])
def test_a_description_that_could_not_be_read_back_cannot_be_made(description: str) -> None:
    with pytest.raises(ValueError, match="description"):
        Advice(Category.LOOP, description)
