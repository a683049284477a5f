"""A check run says what is proven, and is red for a proven regression only."""

from dataclasses import replace

from hypothesis import given, settings

from perfbot.bot.check_run import Conclusion, Level, Lines, check_run
from perfbot.bot.report import HotspotRow, Report, Speedup, Verdict, Why

from github_page import Page
from hostile import hostile, poisoned

from shop_report import MATCH, TOTAL, example as shop_example  # isort: skip

REPORT = shop_example().report
PLACES = {TOTAL: Lines(9, 24), MATCH: Lines(40, 52)}


def slow() -> Report:
    result = replace(
        REPORT.results[0],
        verdict=Verdict.REJECTED,
        why=Why.NOT_FASTER,
        speedup=Speedup(0.7, 0.68, 0.72, 0.99, 24, None, None),
    )
    return replace(REPORT, results=(result,))


def test_a_proven_speedup_is_a_success() -> None:
    run = check_run(REPORT, PLACES)
    assert (run.conclusion, run.title) == (Conclusion.SUCCESS, "1 function proven faster")
    assert "at least 2.3× faster" in Page(run.summary).text


def test_nothing_to_say_is_neutral() -> None:
    run = check_run(replace(REPORT, results=()), PLACES)
    assert (run.conclusion, run.title) == (Conclusion.NEUTRAL, "Nothing to propose")


def test_only_a_proven_regression_of_the_judged_change_is_a_failure() -> None:
    assert check_run(slow(), PLACES, judged=True).conclusion is Conclusion.FAILURE
    assert check_run(slow(), PLACES, judged=True).title == "1 function proven slower"
    assert (
        check_run(slow(), PLACES).conclusion is Conclusion.NEUTRAL
    )  # a candidate of perfbot's own
    noisy = replace(
        slow().results[0],
        verdict=Verdict.INCONCLUSIVE,
        why=Why.TOO_NOISY,
        speedup=Speedup(0.98, 0.9, 1.02, 0.99, 24, None, None),
    )
    unsure = replace(REPORT, results=(noisy,))
    assert check_run(unsure, PLACES, judged=True).conclusion is Conclusion.NEUTRAL


def test_hotspots_are_noted_on_their_lines() -> None:
    [notes] = check_run(REPORT, PLACES).annotations
    assert [(note.path, note.lines) for note in notes] == [
        ("src/shop/cart.py", Lines(9, 24)),
        ("src/shop/search.py", Lines(40, 52)),
    ]
    assert notes[0].title == "Cart.total"
    assert notes[0].message == ("58 % of the workload's time, 1,204 calls: at least 2.3× faster")


def test_a_slower_function_is_a_warning() -> None:
    [[note, other]] = check_run(slow(), PLACES, judged=True).annotations
    assert (note.level, other.level) == (Level.WARNING, Level.NOTICE)
    assert "slower, at least 1.38× the time of before" in note.message


def test_a_function_whose_lines_are_not_known_gets_no_note() -> None:
    assert check_run(REPORT, {}).annotations == ()


def test_a_request_has_fifty_notes_at_most() -> None:
    rows = tuple(HotspotRow(f"a.py::f{count}", 0.1, 0.1, 1, 0.0, None) for count in range(120))
    places = {row.function: Lines(1, 2) for row in rows}
    batches = check_run(replace(REPORT, hotspots=rows), places).annotations
    assert [len(batch) for batch in batches] == [50, 50, 20]


@settings(max_examples=40)
@given(text=hostile)
def test_hostile_text_stays_text(text: str) -> None:
    runs = [
        check_run(poisoned(REPORT, written), {f"{written[:200]}::{written[:200]}": Lines(1, 2)})
        for written in (f"x{text}", "x")
    ]
    bad, good = (Page(run.summary) for run in runs)
    assert [each for each in bad.elements if each not in {"span", "code"}] == [
        each for each in good.elements if each not in {"span", "code"}
    ]
    assert bad.references == good.references
    for batch in runs[0].annotations:
        for note in batch:
            assert "\n" not in note.title + note.message
            assert len(note.title) <= 255


def test_the_longest_texts_still_fit() -> None:
    long = poisoned(REPORT, "$" * 30_000)
    report = replace(long, results=long.results * 30)
    assert len(check_run(report, {}, judged=True).summary) <= 65_535
