"""The one comment tells in every state what is going on, honestly and without noise."""

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from perfbot.bot.commands import Mistyped, Wrong, read
from perfbot.bot.comment import (
    HELP,
    Attached,
    Failed,
    Failure,
    Job,
    Opened,
    Optimized,
    Stage,
    State,
    Stopped,
    Suggested,
    Verified,
    Waiting,
    Working,
    denial_key,
    denied,
    differs,
    elapsed,
    explanation,
    help_text,
    job_of,
    misunderstood,
    status,
    sticky,
    verdict,
)
from perfbot.bot.marker import Text
from perfbot.bot.report import Result, Speedup, Verdict, Why

from github_page import Page
from hostile import TRICKS, hostile, poisoned

from shop_report import TOTAL, example as shop_example  # isort: skip

HEAD = "0123456789abcdef0123456789abcdef01234567"
PERFBOT, STRANGER = 41898282, 583231
JOB = Job("acme/shop/12/99", "/optimize src/shop/cart.py::Cart.total", HEAD)
SHOP = shop_example()
REPORT = SHOP.report
STATES: list[State] = [
    Waiting(0),
    Waiting(2),
    *(Working(stage, 754.0, TOTAL) for stage in Stage),
    Stopped("octocat", 30.0),
    *(Failed(failure, "collection failed") for failure in Failure),
    Optimized(REPORT, {TOTAL: Suggested(1)}),
    Optimized(REPORT, {TOTAL: Suggested(2)}),
    Optimized(REPORT, {TOTAL: Opened(14)}),
    Optimized(REPORT, {TOTAL: Attached(SHOP.patches["01-cart.Cart.total.patch"], "it is a fork")}),
    Optimized(replace(REPORT, results=REPORT.results[1:]), {}),
    Verified(REPORT),
]


def said(state: State, job: Job = JOB) -> str:
    return Page(sticky(job, state)).text


def judged(low: float, high: float, verdict: Verdict, why: Why) -> Result:
    speedup = Speedup((low + high) / 2, low, high, 0.99, 24, None, None)
    return replace(REPORT.results[0], verdict=verdict, why=why, speedup=speedup, detail="")


def test_the_checklist_grows_with_the_work() -> None:
    judging = [Stage.CHECKOUT, Stage.JUDGING, Stage.PUBLISH]
    for stages in ([one for one in Stage if one is not Stage.JUDGING], judging):
        for place, stage in enumerate(stages):
            state = Working(stage, 754.0, TOTAL, judging=stages is judging)
            page = Page(sticky(JOB, state))
            assert page.elements.count("input") == len(stages)
            assert sticky(JOB, state).count("- [x]") == place
            assert f"{stage}: {TOTAL}" in page.text
            assert "12 min" in page.text


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [(-1, "under a minute"), (59, "under a minute"), (60, "1 min"), (3599, "59 min"), (7500, "2 h 05 min")],
)  # fmt: skip
def test_elapsed_time_is_coarse(duration_s: float, text: str) -> None:
    assert elapsed(duration_s) == text


def test_a_comment_is_edited_only_where_it_says_something_new() -> None:
    body = sticky(JOB, Working(Stage.BASELINE, 61.0))
    assert not differs(body, sticky(JOB, Working(Stage.BASELINE, 119.0)))
    assert not differs(body, body.replace("\n", "\r\n").strip())
    assert differs(body, sticky(JOB, Working(Stage.BASELINE, 120.0)))
    assert differs(body, sticky(JOB, Working(Stage.HOTSPOTS, 61.0)))


def test_every_state_names_the_job_and_the_request() -> None:
    for state in STATES:
        body = sticky(JOB, state)
        assert job_of(Text(body, PERFBOT), PERFBOT) == JOB.key
        assert job_of(Text(body, STRANGER), PERFBOT) is None
        assert JOB.asked in Page(body).text


def test_the_states_are_told_apart() -> None:
    assert len({said(state) for state in STATES}) == len(STATES)


@pytest.mark.parametrize("failure", Failure)
def test_a_failure_says_what_is_known_and_how_to_try_again(failure: Failure) -> None:
    text = said(Failed(failure, "E  ImportError: no module named 'x'"))
    assert "Ended without a result." in text
    assert str(failure).replace("`", "") in text
    assert "ImportError" in text
    assert JOB.key in text
    assert "/perfbot retry" in text


def test_stop_is_acknowledged_with_who_and_when() -> None:
    assert "Stopped, as octocat asked, 2 min after it began." in said(Stopped("octocat", 150.0))


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Suggested(1), "as a suggestion"),
        (Suggested(3), "as 3 suggestions that belong together"),
        (Opened(14), "It is in #14."),
        (Attached(b"+known = set()\n", "it is a fork"), "as a patch, because it is a fork."),
    ],
)
def test_a_result_says_where_the_change_is(place: Suggested | Opened | Attached, text: str) -> None:
    shown = said(Optimized(REPORT, {TOTAL: place}))
    assert text in shown
    assert "1 function proven faster" in shown
    assert "at least 2.3× faster" in shown
    assert ("known = set()" in shown) == isinstance(place, Attached)


def test_where_nothing_was_proven_it_says_what_was_tried_and_why_not() -> None:
    text = said(Optimized(replace(REPORT, results=REPORT.results[1:]), {}))
    assert "Nothing was proven faster" in text
    assert "the new function returns or does something else" in text
    assert "its time is spent in compiled code" in text


def test_a_claim_that_holds_is_confirmed() -> None:
    assert "The claim holds: src/shop/cart.py::Cart.total is at least 2.3× faster." in said(
        Verified(REPORT)
    )


def test_a_regression_is_called_one_and_nothing_is_called_faster() -> None:
    slow = judged(0.68, 0.72, Verdict.REJECTED, Why.NOT_FASTER)
    text = said(Verified(replace(REPORT, results=(slow,))))
    assert (
        "A regression: src/shop/cart.py::Cart.total is slower, at least 1.38× the time of before"
        in text
    )
    assert "× faster" not in text


def test_what_is_only_not_proven_is_not_called_slower() -> None:
    noisy = judged(0.95, 1.04, Verdict.INCONCLUSIVE, Why.TOO_NOISY)
    text = said(Verified(replace(REPORT, results=(noisy,))))
    assert "is not proven" in text
    assert "this machine is too noisy to tell" in text
    assert "slower" not in text
    assert "at least" not in text


def test_the_commands_that_came_later_are_told() -> None:
    text = said(Waiting(0), replace(JOB, passed_over=("/perfbot stop",)))
    assert "/perfbot stop in the same comment came later and did not run" in text


def test_explain_gives_every_gate() -> None:
    text = Page(explanation(REPORT)).text
    for result in REPORT.results:
        assert all(gate.name in text for gate in result.gates)
    assert "refused: recorded calls (call 17 of 96 differs)" in text


def test_a_denial_is_polite_mentions_nobody_and_is_found_again() -> None:
    body = denied("octocat")
    assert "Thank you" in body
    assert Page(body).references == []
    assert job_of(Text(body, PERFBOT), PERFBOT) == denial_key("OctoCat")


def test_a_typing_error_gets_the_nearest_command() -> None:
    request = read("/perfbot verfy")
    assert request is not None
    assert isinstance(request.asked, Mistyped)
    text = Page(misunderstood(request.asked)).text
    assert "Did you mean /perfbot verify?" in text


def test_a_wrong_argument_gets_its_reason() -> None:
    request = read("/optimize cart.py")
    assert request is not None
    assert isinstance(request.asked, Wrong)
    assert "cart.py is no function" in Page(misunderstood(request.asked)).text


@pytest.mark.parametrize("usage", HELP)
def test_help_lists_commands_that_are_understood(usage: str) -> None:
    request = read(usage)
    assert request is not None
    assert not isinstance(request.asked, Mistyped | Wrong)
    assert usage in Page(help_text()).text


def test_status_tells_what_runs_and_what_waits() -> None:
    text = Page(
        status({JOB: Working(Stage.BASELINE, 90.0), replace(JOB, key="2"): Waiting(1)})
    ).text
    assert "run the tests as they are, twice, 1 min" in text
    assert "waiting, 1 before it" in text
    assert "Nothing is running" in status({})


@settings(max_examples=40)
@given(text=hostile, place=st.integers(0, len(STATES) - 1))
@example(text="".join(TRICKS), place=len(STATES) - 1)
@example(text="".join(TRICKS), place=len(STATES) - 3)
def test_hostile_text_adds_nothing_to_the_page(text: str, place: int) -> None:
    """The page has the same elements in the same order as if all the texts were a harmless word."""
    pages = []
    for written in (f"x{text}", "x"):
        job = Job(written, written, HEAD, (written,))
        body = sticky(job, poisoned(STATES[place], written))
        assert len(body) <= 65_536
        pages.append(Page(body))
    bad, good = ([each for each in page.elements if each not in {"span", "code"}] for page in pages)
    assert bad == good
    assert [each for each in pages[0].references if each != "#14"] == [
        each for each in pages[1].references if each != "#14"
    ]
    assert len(pages[0].comments) == 1


@given(text=hostile)
def test_answers_to_hostile_words_stay_text(text: str) -> None:
    for body in (
        misunderstood(Mistyped(text, "/optimize")),
        misunderstood(Wrong(text, text)),
        denied(text),
    ):
        page = Page(body)
        assert page.references == []
        assert set(page.elements) <= {"p", "code", "span"}


def test_the_longest_texts_still_fit() -> None:
    long = "$" * 30_000
    for state in STATES:
        assert len(sticky(Job("1", long, HEAD, (long,) * 20), poisoned(state, long))) <= 65_536


def test_a_verdict_without_a_function_is_about_the_change() -> None:
    refused = Result("", Verdict.REJECTED, Why.DOES_NOT_APPLY, "it is damaged")
    assert "for the change: the patch does not fit the files (it is damaged)" in verdict(refused)
