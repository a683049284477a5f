"""report.html says everything, offline, and nothing that a repository wrote can act in it."""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbot.bot import diff_view, growth_plot, plot
from perfbot.bot.diff_view import Kind
from perfbot.bot.html import render
from perfbot.bot.report import Growth, Report, Samples, Speedup

from shop_report import TOTAL, Example

VOID = {"meta", "br", "link"}
TRICKS = "</code><script>alert(1)</script><img src=x onerror=y>\x1b[31m\u202e'\"&"


class Page(HTMLParser):
    """Collects the tags of a page and fails when they do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(shop: Example, report: Report | None = None) -> str:
    return render(report or shop.report, shop.patches, shop.samples)


def test_the_page_says_everything(shop: Example) -> None:
    text = page(shop)
    for said in (
        "1 function proven faster",
        "at least 2.3× faster",
        "2.31–2.55×, 99 % confidence, 24 pairs",
        "list membership to set",
        "<code>known</code> is searched once per line",
        "The new function returns or does something else",
        "its time is spent in compiled code",
        "210 passed, 1 flaky, 3 skipped",
        "<td>result = result + line.price</td>",
        "0.44× of before",
        "815 → 1,980",
        "20 ms → 8 ms",
        "<td>result = result - line.price</td>",
        "if &lt;b&gt;line.code&lt;/b&gt; not in known:",
        "git apply 01-cart.Cart.total.patch",
        "0123456789ab",
        "0.991–1.012×",
        "the whole workload 1.52× as fast, at least 1.49×",
        "test_total[4000]",
        "it failed: &lt;b&gt;KeyError&lt;/b&gt;",
        "one was written from its recorded calls",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "Rejected attempts",
        "3 versions asked of models, 2 of them dropped",
        "Could not find name <code>look&lt;b&gt;up&lt;/b&gt;</code>",
    ):
        assert said in text


def test_the_page_is_well_formed_and_needs_nothing_else(shop: Example) -> None:
    parsed = Page(page(shop))
    assert not parsed.seen & {"script", "img", "link", "iframe", "object", "form"}
    links = {value for name, value in parsed.attributes if name in {"href", "src"}}
    assert links == {
        "01-cart.Cart.total.patch",
        "benchmarks/test_bench_cart_total.py",
        "samples.json",
        "report.json",
    }


def test_a_report_without_anything_is_still_a_page(shop: Example) -> None:
    bare = replace(shop.report, noise=None, workload=None, hotspots=(), results=(), unchanged=())
    text = page(shop, bare)
    Page(text)
    assert "Nothing to propose" in text


def test_hostile_text_stays_text(shop: Example) -> None:
    report = shop.report
    hostile = replace(
        report,
        repository=replace(report.repository, path=TRICKS, commit=TRICKS),
        environment=replace(report.environment, cpu=TRICKS),
        hotspots=tuple(replace(row, function=TRICKS + "::f") for row in report.hotspots),
        results=tuple(
            replace(
                one,
                function=TRICKS + "::f",
                detail=TRICKS,
                patch=TRICKS,
                remarks=(TRICKS,),
                benchmark_file=TRICKS,
            )
            for one in report.results
        ),
        unchanged=tuple(replace(one, detail=f"`{TRICKS}`") for one in report.unchanged),
    )
    text = render(
        hostile, {TRICKS: b"+++ b/" + TRICKS.encode()}, {TRICKS + "::f": shop.samples[TOTAL]}
    )
    parsed = Page(text)
    assert not parsed.seen & {"script", "img"}
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\u202e" in text


def test_the_picture_tells_the_same_to_those_who_cannot_see_it(shop: Example) -> None:
    speedup = Speedup(2.43, 2.31, 2.55, 0.99, 24, None, None)
    picture = ElementTree.fromstring(plot.strip_plot(shop.samples[TOTAL], speedup))
    assert len(picture.findall("circle")) == 24
    title = picture.findtext("title") or ""
    assert "Estimate 2.43×, 99% interval 2.31× to 2.55×, threshold 1.10×" in title


def test_the_curves_of_growth_are_named_and_told_in_words(shop: Example) -> None:
    growth = shop.report.results[0].growth
    assert growth is not None
    picture = ElementTree.fromstring(growth_plot.log_log_plot(shop.samples[TOTAL], growth))
    assert len(picture.findall("circle")) == 26
    assert [text.text for text in picture.iter("text")][-3:-1] == ["before n^2.0", "after n^1.0"]
    title = picture.findtext("title") or ""
    assert "n^2.0 ± 0.1 → n^1.0 ± 0.1" in title
    assert "up to 8,192 items in 2.01 s, after it up to 131,072 items in 26.3 ms" in title


sized = st.lists(st.tuples(st.integers(1, 10**7), st.floats(1e-9, 1e3)), min_size=1, max_size=20)


@settings(max_examples=50)
@given(sized, sized)
def test_any_growth_gives_a_picture_within_its_frame(
    before: list[tuple[int, float]], after: list[tuple[int, float]]
) -> None:
    samples = Samples((), 1.1, tuple(before), tuple(after))
    picture = ElementTree.fromstring(
        growth_plot.log_log_plot(samples, Growth(None, 1.0, None, 0.1))
    )
    for dot in picture.iter("circle"):
        assert 0 <= float(dot.get("cx", "")) <= 480
        assert 0 <= float(dot.get("cy", "")) <= 240


def test_without_times_of_both_versions_there_is_no_picture_of_growth(shop: Example) -> None:
    samples = replace(shop.samples[TOTAL], sizes_after=())
    assert growth_plot.log_log_plot(samples, Growth(2.0, None, 0.1, None)) == ""


positive = st.floats(1e-9, 1e6, allow_subnormal=False)


@settings(max_examples=50)
@given(st.lists(st.tuples(positive, positive), max_size=20), positive, positive)
def test_any_measurements_give_a_picture_within_its_frame(
    pairs: list[tuple[float, float]], one: float, other: float
) -> None:
    speedup = Speedup(one, min(one, other), max(one, other), 0.95, len(pairs), None, None)
    text = plot.strip_plot(Samples(tuple(pairs), 1.1), speedup)
    assert bool(text) is bool(pairs)
    if text:
        places = [float(dot.get("cx", "")) for dot in ElementTree.fromstring(text).iter("circle")]
        assert all(0 <= place <= 480 for place in places)


@pytest.mark.parametrize("pair", [(0.0, 1.0), (1.0, 0.0)])
def test_a_time_of_nothing_is_no_ratio(pair: tuple[float, float]) -> None:
    assert plot.ratios(Samples((pair,), 1.1)) == []


def test_the_rows_of_a_diff_carry_both_line_numbers(shop: Example) -> None:
    rows = diff_view.rows(next(iter(shop.patches.values())))
    assert rows[0].pieces[0].text == "src/shop/cart.py"
    changed = [row for row in rows if row.kind in {Kind.OLD, Kind.NEW}]
    assert [(row.old_line, row.new_line) for row in changed[:2]] == [(11, None), (None, 11)]
    assert [piece.text for piece in changed[1].pieces if piece.changed] == ["set()"]


@given(st.binary(max_size=200))
def test_any_bytes_can_be_shown_as_a_diff(patch: bytes) -> None:
    for row in diff_view.rows(b"+++ b/x\n@@ -1,9 +1,9 @@\n" + patch):
        assert row.pieces
