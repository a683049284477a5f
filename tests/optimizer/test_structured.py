"""Answers as JSON: the same answers, read strictly."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.optimizer.protocol import MOST_CHARACTERS, Advice, Answer, ReplyError
from perfbot.optimizer.strategies import Category
from perfbot.optimizer.structured import is_object, read, read_plan, render

CODE = "def f():\n    return {'a': \"b\"}\n"
ANSWER = Answer((Advice(Category.LOOP, "one pass: no second loop"),), CODE)
CODES = st.text(max_size=80).filter(lambda code: code.strip() and "[" not in code)


@given(st.lists(st.sampled_from(Category), max_size=3), CODES)
def test_what_is_rendered_is_read_to_the_same_answer(categories: list[Category], code: str) -> None:
    answer = Answer(tuple(Advice(each, "one pass: “no” {second}") for each in categories), code)
    assert is_object(render(answer))
    assert (read(render(answer)).answer, read(render(answer)).repairs) == (answer, ())


def test_a_plan_has_no_code() -> None:
    assert read_plan(render(Answer(ANSWER.advice))).answer == Answer(ANSWER.advice)
    assert "code" not in json.loads(render(Answer(ANSWER.advice)))


@pytest.mark.parametrize(
    "reply",
    [
        f"```json\n{render(ANSWER)}\n```",
        render(ANSWER).replace('{"strategies"', '{"thinking": "It loops.", "strategies"'),
        render(ANSWER).replace("\\n", "\n"),
        render(ANSWER).replace("one pass", "one  pass"),
    ],
)
def test_what_has_one_meaning_is_read(reply: str) -> None:
    assert is_object(reply)
    assert read(reply).answer == ANSWER


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ('{"strategies": [', "no JSON object"),
        ("[1]", "it is a list"),
        ('{"strategies": []}', 'no text "code"'),
        ('{"strategies": [], "code": " "}', 'no text "code"'),
        ('{"strategies": {}, "code": "x"}', 'no list "strategies"'),
        ('{"code": "x"}', 'no list "strategies"'),
        ('{"strategies": [], "code": "x", "path": "a.py"}', "nobody asked for: path"),
        ('{"strategies": ["x"], "code": "x"}', "strategy 1 is no object"),
        ('{"strategies": [{"category": "Magic", "description": "x"}], "code": "x"}', "strategy 1"),
        ('{"strategies": [], "code": "[OPT/]"}', "control token"),
        ('{"name": "edit", "arguments": {}}', "there are no tools"),
        ("[" * 50_000, "no JSON object"),
        ('{"code": "' + "x" * MOST_CHARACTERS, "a function has at most"),
    ],
)
def test_another_object_is_refused_with_what_is_wrong(reply: str, why: str) -> None:
    with pytest.raises(ReplyError, match=why):
        read(reply)


def test_a_plan_without_strategies_is_refused() -> None:
    with pytest.raises(ReplyError):
        read_plan('{"strategies": []}')


@given(st.integers(0, 200), st.text(max_size=4))
def test_any_damage_gives_an_answer_or_a_reason(place: int, piece: str) -> None:
    text = render(ANSWER)
    for reader in (read, read_plan):
        with suppress(ReplyError):
            assert isinstance(reader(text[:place] + piece + text[place + 1 :]).answer, Answer)
