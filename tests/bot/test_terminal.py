"""What a person reads on the terminal, with and without colours, and what must never reach it."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from perfbot.bot.progress import Progress
from perfbot.bot.terminal import print_report
from perfbot.optimizer.models import Usage
from perfbot.optimizer.progress import Listener, Phase, Silence

from shop_report import Example

TRICKS = "a\x1b]0;title\x07\x1b[2J[bold red]b[/]\r\u202ec"


def console(width: int = 100, terminal: bool = False) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=terminal)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_person_finds_the_claim_the_reason_and_the_next_command(shop: Example) -> None:
    out = console()
    print_report(shop.report, out, Path("/reports/1"))
    said = text_of(out)
    for part in (
        "1 function proven faster",
        "at least 2.3× faster (2.31–2.55×, 99 % confidence, 24 pairs)",
        "time grows as n^2.0 ± 0.1 → n^1.0 ± 0.1",
        "0.41× the instructions of before",
        "list membership to set: `known` is searched once per line",
        "not caught in line 18: result = result + line.price  →  result = result - line.price",
        "the whole workload 1.52× as fast, at least 1.49×",
        "test_total[4000]: 12.3 ms → 5.1 ms, 2.41× (2.29–2.53×)",
        "the benchmark test_csv could not be measured: it failed",
        "one was written from its recorded calls: benchmarks/test_bench_cart_total.py",
        "git apply 01-cart.Cart.total.patch",
        "rejected: the new function returns or does something else",
        "3 versions asked of models, 2 of them dropped",
        "src/shop/csv.py::load: its time is spent in compiled code (97 % of it in _csv)",
        "Report: /reports/1/report.html",
    ):
        assert part in said


def test_a_workload_that_was_not_measured_has_no_figure(shop: Example) -> None:
    speedup = replace(shop.report.results[0].speedup, workload_estimate=None, workload_low=None)
    out = console()
    result = replace(shop.report.results[0], speedup=speedup)
    print_report(replace(shop.report, results=(result,)), out)
    assert "whole workload" not in text_of(out)


def test_a_narrow_screen_and_an_empty_report_are_no_trouble(shop: Example) -> None:
    print_report(shop.report, console(width=20))
    out = console()
    bare = replace(shop.report, hotspots=(), results=(), unchanged=(), workload=None)
    print_report(bare, out)
    assert "Nothing to propose" in text_of(out)


def test_commands_are_never_broken_over_lines(shop: Example) -> None:
    out = console(width=30)
    path = "/a/rather/long/folder with spaces/01-cart.patch"
    report = replace(shop.report, results=(replace(shop.report.results[0], patch=path),))
    print_report(report, out)
    assert f"git apply '{path}'" in text_of(out)


def test_text_of_the_repository_cannot_drive_the_terminal(shop: Example) -> None:
    report = replace(
        shop.report,
        repository=replace(shop.report.repository, path=TRICKS),
        hotspots=tuple(replace(row, function=TRICKS) for row in shop.report.hotspots),
        results=tuple(
            replace(
                one,
                function=TRICKS,
                detail=TRICKS,
                patch=TRICKS,
                remarks=(TRICKS,),
                benchmark_file=TRICKS,
                benchmarks=tuple(replace(row, name=TRICKS) for row in one.benchmarks),
            )
            for one in shop.report.results
        ),
        unchanged=tuple(replace(one, function="x", detail=TRICKS) for one in shop.report.unchanged),
    )
    out = console()
    print_report(report, out, Path(TRICKS))
    with Progress(out, None) as progress:
        progress.phase(Phase.SEARCHING, TRICKS)
        progress.note(TRICKS)
    said = text_of(out)
    assert not set(said) & {"\x1b", "\x07", "\r", "\u202e"}
    assert "[bold red]b[/]" in said


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def follow(out: Console) -> None:
    clock = Clock()
    with Progress(out, 900.0, clock) as progress:
        listener: Listener = progress
        listener.phase(Phase.BASELINE)
        listener.step(3, 10)
        clock.now_s = 65
        listener.note("tests/test_a.py::test_now flakes and is set aside")
        listener.phase(Phase.SEARCHING, "a.py::f")
        listener.candidate(4, 1.8)
        clock.now_s = 70


def test_without_a_terminal_progress_is_plain_lines() -> None:
    out = console()
    follow(out)
    assert text_of(out).splitlines() == [
        "  · running the tests as they are",
        "  ! tests/test_a.py::test_now flakes and is set aside",
        "  ✓ running the tests as they are  3 of 10  1m 05s",
        "  · searching a.py::f",
        "  ✓ searching a.py::f  candidate 4, best so far 1.80×  5s",
    ]


def test_on_a_terminal_the_display_is_taken_down_at_the_end() -> None:
    out = console(terminal=True)
    follow(out)
    shown, hidden = (text_of(out).rindex(code) for code in ("\x1b[?25h", "\x1b[?25l"))
    assert shown > hidden, "the cursor is back"


def test_what_models_have_cost_is_shown_while_it_runs() -> None:
    out = console()
    with Progress(out, None, Clock()) as progress:
        progress.phase(Phase.SEARCHING, "a.py::f")
        progress.spent(Usage(4000, 321, 0.0), 0.5, None)
        progress.phase(Phase.JUDGING, "a.py::f")
        progress.phase(Phase.SEARCHING, "a.py::g")
        progress.spent(Usage(9000, 1000, 0.07), 0.5, 2_000_000)
        drawn = Console(file=io.StringIO(), width=100)
        drawn.print(progress._picture())
    lines = text_of(out).splitlines()
    assert lines[1] == "  ✓ searching a.py::f  models 4,321 tokens  0s"
    assert lines[3] == "  ✓ judging a.py::f  0s"  # nothing was asked meanwhile
    told = "models 10,000 of 2,000,000 tokens, $0.07 of $0.50"
    assert lines[5] == f"  ✓ searching a.py::g  {told}  0s"
    assert f"0s elapsed, {told}" in text_of(drawn)


def test_an_interrupted_phase_is_not_called_done() -> None:
    out = console()
    progress = Progress(out, None)
    progress.phase(Phase.PROFILING)
    with pytest.raises(KeyboardInterrupt), progress:
        raise KeyboardInterrupt
    assert text_of(out) == "  · profiling\n"


def test_no_color_is_obeyed(shop: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = console(terminal=True)
    print_report(shop.report, out)
    assert "\x1b[32m" not in text_of(out)
    assert "\x1b[36m" not in text_of(out)


def test_silence_listens_too() -> None:
    listener: Listener = Silence()
    listener.phase(Phase.COPYING)
    listener.step(1)
    listener.candidate(1, None)
    listener.spent(Usage(), 0.0, None)
    listener.note("x")
