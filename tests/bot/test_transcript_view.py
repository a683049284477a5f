"""The report tells how a result came about: what was asked, answered and found, and nothing can act."""

from collections.abc import Sequence

from test_html import TRICKS, Page

from perfbot.bot.html import render
from perfbot.bot.transcript_view import ASKED, rounds
from perfbot.optimizer.journal import Purpose
from perfbot.optimizer.models import Finish, Message, Priority, Role
from perfbot.optimizer.recorded import (
    Certainty,
    Drawn,
    Gain,
    Judgement,
    Keep,
    RecordedCall,
    RecordedDecision,
    RecordedFunction,
    RecordedTrial,
    Run,
    Transcript,
)
from perfbot.optimizer.strategies import Category, Strategy, Suggestion
from perfbot.optimizer.verdict import Why

from shop_report import TOTAL, Example

SYSTEM, USER = Message(Role.SYSTEM, "Be brief."), Message(Role.USER, "Faster, please.")
SET = (Suggestion(Strategy(Category.LOOP, "one pass"), "why"),)


def call(
    at_s: float, messages: Sequence[Message] = (SYSTEM, USER), reply: str | None = "x = 1", **more
) -> RecordedCall:
    values = {"purpose": Purpose.WRITE, "model": "openai:tiny", "error": ""} | more
    drawn = Drawn(10, 0.0, (), 0, Priority.SCAN)
    return RecordedCall(
        at_s,
        values["purpose"],
        values["model"],
        ("system@2",),
        tuple(messages),
        drawn,
        reply,
        Finish.LENGTH if reply else None,
        1200,
        300,
        0.0125,
        1.5,
        Certainty(3, -0.1, -0.5),
        values["error"],
    )


def trial(at_s: float, why: str = "", ratio: float | None = 2.5) -> RecordedTrial:
    return RecordedTrial(at_s, "embedded", "openai:tiny", SET, "v", (), "def f(): ...", why, ratio)


def decision(at_s: float, judgement: Judgement, why: Why) -> RecordedDecision:
    gain = Gain(2.4, 2.31, None, 0.99, 8)
    return RecordedDecision(
        at_s, "embedded", "openai:tiny", SET, "v", "c", "p", judgement, why, "d", gain, ()
    )


def function(calls=(), trials=(), decisions=()) -> RecordedFunction:
    path, qualname = TOTAL.split("::")
    return RecordedFunction(path, qualname, None, "f", "code", calls, trials, decisions)


def page(shop: Example, told: RecordedFunction) -> str:
    run = Run("r", "/x", None, False, None, "0.1", Keep.LOCAL, {}, 0.0)
    return render(shop.report, shop.patches, shop.samples, Transcript(run, (told,)))


def test_every_purpose_of_a_question_has_words() -> None:
    assert set(ASKED) == set(Purpose)


def test_what_happened_is_told_in_the_order_of_time() -> None:
    found = rounds(
        function(
            (call(1.0), call(3.0)),
            (trial(2.0, "it is wrong", None), trial(4.0)),
            (decision(5.0, Judgement.ACCEPTED, Why.FASTER),),
        )
    )
    assert [each.title.split()[0] for each in found.rounds] == [
        "openai:tiny", "a", "openai:tiny", "a", "the"
    ]  # fmt: skip
    assert found.summary == (
        "2 questions, 2 versions, 1 verdict, 2,400 tokens in, 600 out, 0.0250 USD"
    )
    assert found.rounds[1].facts == ("dropped", "one pass")
    assert found.rounds[3].facts == ("2.50× in a quick look", "one pass")
    assert found.rounds[4].facts == ("at least 2.31×", "one pass")


def test_a_question_says_what_it_cost_and_how_it_ended() -> None:
    (one,) = rounds(function((call(1.0),))).rounds
    assert one.facts == (
        "1,200 tokens in, 300 out, 0.0125 USD",
        "1.5 s",
        "ended by length",
        "mean probability of a token 90 %",
        "prompts system@2",
    )


def test_what_was_said_before_is_not_said_again() -> None:
    again = (SYSTEM, USER, Message(Role.ASSISTANT, "x = 1"), Message(Role.USER, "It is wrong."))
    first, second = rounds(function((call(1.0), call(2.0, again)))).rounds
    assert [each.text for each in first.texts] == ["Be brief.", "Faster, please.", "x = 1"]
    assert [each.text for each in second.texts] == ["x = 1", "It is wrong.", "x = 1"]


def test_a_question_without_a_reply_says_why() -> None:
    (one,) = rounds(function((call(1.0, reply=None, error="503"),))).rounds
    assert one.facts == ("no reply",)
    assert (one.texts[-1].label, one.texts[-1].text) == ("Error", "503")


def test_a_long_text_is_cut_and_many_rounds_are_counted() -> None:
    found = rounds(function(tuple(call(float(at), reply="y" * 9000) for at in range(160))))
    assert (len(found.rounds), found.left_out) == (150, 10)
    reply = found.rounds[0].texts[-1]
    assert len(reply.text) == 4000
    assert "5,000 characters more" in reply.rest


def test_the_page_folds_it_under_its_result(shop: Example) -> None:
    text = page(shop, function((call(1.0),), (trial(2.0),)))
    assert "summary" in Page(text).seen
    assert "How it came about: 1 question, 1 version, 0 verdicts" in text
    assert "Faster, please." in text
    assert "How it came about" not in render(shop.report, shop.patches, shop.samples)


def test_nothing_that_was_recorded_can_act_in_the_page(shop: Example) -> None:
    tricky = (Message(Role.USER, TRICKS),)
    strategy = (Suggestion(Strategy(Category.LOOP, TRICKS), TRICKS),)
    tried = RecordedTrial(2.0, TRICKS, TRICKS, strategy, "v", (), TRICKS, TRICKS, 1.0)
    text = page(shop, function((call(1.0, tricky, TRICKS, model=TRICKS),), (tried,)))
    plain = Page(page(shop, function((call(1.0),), (trial(2.0, "x"),))))
    tricked = Page(text)
    assert tricked.seen == plain.seen
    assert tricked.attributes == plain.attributes
    assert "\x1b" not in text
    assert "\u202e" not in text
