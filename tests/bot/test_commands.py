"""Commands are heard where a person gives them, and nowhere else."""

from html.parser import HTMLParser

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbot.bot.commands import (
    LONGEST_COMMENT,
    LONGEST_HINT,
    Explain,
    Help,
    Ignore,
    Mistyped,
    Optimize,
    Rebase,
    Request,
    Retry,
    Scope,
    Status,
    Stop,
    Verify,
    Wrong,
    read,
)
from perfbot.profiling.functions import FunctionName

from hostile import hostile

TOTAL = FunctionName("src/shop/cart.py", "Cart.total")


@pytest.mark.parametrize(
    ("comment", "asked"),
    [
        ("/optimize", Optimize()),
        ("/optimize src/shop/cart.py::Cart.total", Optimize(TOTAL)),
        ("/optimize ./src/shop/cart.py::Cart.total", Optimize(TOTAL)),
        ("/optimize `src/shop/cart.py::Cart.total`", Optimize(TOTAL)),
        ("/optimize a.py::C.__init__", Optimize(FunctionName("a.py", "C.__init__"))),
        ("/optimize a.py::f@12", Optimize(FunctionName("a.py", "f", 12))),
        ("/optimize --time 10m", Optimize(time_s=600)),
        ("/optimize --time=1h30m", Optimize(time_s=5400)),
        ("/optimize —time 10m", Optimize(time_s=600)),
        ("/optimize use a *set*, please", Optimize(hint="use a *set*, please")),
        (
            "/optimize src/shop/cart.py::Cart.total --time 10m use a set",
            Optimize(TOTAL, 600, "use a set"),
        ),
        ("/optimize --time 10m src/shop/cart.py::Cart.total", Optimize(TOTAL, 600)),
        ("/optimize a list<int> &amp; more", Optimize(hint="a list<int> & more")),
        ("/perfbot optimize src/shop/cart.py::Cart.total", Optimize(TOTAL)),
        ("/Optimize", Optimize()),
        ("/perfbot verify", Verify()),
        ("/perfbot explain", Explain()),
        ("/perfbot retry", Retry()),
        ("/perfbot rebase", Rebase()),
        ("/perfbot ignore", Ignore(Scope.FUNCTION)),
        ("/perfbot ignore this function", Ignore(Scope.FUNCTION)),
        ("/perfbot ignore this file.", Ignore(Scope.FILE)),
        ("/perfbot stop", Stop()),
        ("/perfbot stop, please!", Mistyped("/perfbot stop,", "/perfbot stop")),
        ("/perfbot stop that now", Stop()),
        ("/perfbot status", Status()),
        ("/perfbot help", Help()),
        ("/perfbot", Help()),
        ("Thank you!\n\n/optimize", Optimize()),
        ("Thank you!\n/optimize", Optimize()),
        ("Thank you!\r\n/optimize\r\n", Optimize()),
        ("> /perfbot stop\n\n/optimize", Optimize()),
        ("<details>\n\nlong\n\n</details>\n\n/optimize", Optimize()),
        ("   /optimize", Optimize()),
        ("```\n- a\n> b\n```\n/optimize", Optimize()),
        ("**bold**\n1.5 times\n/optimize", Optimize()),
    ],
)
def test_a_command_is_understood(comment: str, asked: object) -> None:
    assert read(comment) == Request(asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "comment",
    [
        "",
        "please /optimize",
        "/lgtm",
        "/retest",
        "> /optimize",
        "> > /optimize",
        "> text\n/optimize",  # goes on with the quotation, as it does on the page
        "- /optimize",
        "1. /optimize",
        "# /optimize",
        "    /optimize",
        "\t/optimize",
        "```\n/optimize\n```",
        "```\n/optimize",
        "~~~~ sh\n/optimize\n~~~",
        "> ```\n> /optimize",
        "`\n/optimize\n`",
        "`/optimize`",
        "<!--\n/optimize\n-->",
        "text <!--\n/optimize\n-->",
        "<!-- -- \n\n/optimize\n\n-->",
        "<details>\n\n/optimize\n\n</details>",
        "<details><summary>x</summary>\n\n/optimize\n\n</details>",
        "<details>\n\n<!-- </details> -->\n\n/optimize",
        "<details>\n\n> </details>\n\n/optimize",
        "<details>\n\n<details>\n\n</details>\n\n/optimize",
        "text <details>\n/optimize",
        "> \n=<details>\n\n/optimize",
        "> [a]: b\n/optimize",
        "[a]: b\n    text\n/optimize",
        "<!-- --><!--\n/optimize\n\n-->",
        '<div x="\n\n/optimize\n\n">',
        "<pre>\n/optimize\n</pre>",
        "<div>\n/optimize\n</div>",
        "| a |\n|---|\n/optimize",
        "[x]: /url '\n/optimize\n'",
        "\\/optimize",
        "&#47;optimize",
        "**/optimize**",
        "<b>/optimize</b>",
        "\u200b/optimize",
        "\x00/optimize",
        "text\u2028/optimize",
        "/ optimize",
        "//optimize",
        "/optimizesomethingelse",
    ],
)
def test_what_is_quoted_hidden_or_code_is_no_command(comment: str) -> None:
    assert read(comment) is None


@pytest.mark.parametrize(
    ("comment", "meant"),
    [
        ("/optimise", "/optimize"),
        ("/optimze src/a.py::f", "/optimize"),
        ("/prefbot stop", "/perfbot"),
        ("/perfbot verfy", "/perfbot verify"),
        ("/perfbot unknown", "/perfbot help"),
        ("/optimize\u202e", "/optimize"),
    ],
)
def test_a_near_miss_gets_the_nearest_command(comment: str, meant: str) -> None:
    request = read(comment)
    assert request is not None
    assert isinstance(request.asked, Mistyped)
    assert request.asked.meant == meant


@pytest.mark.parametrize(
    ("comment", "problem"),
    [
        ("/optimize src/shop/cart.py", "is no function"),
        ("/optimize /etc/passwd::f", "is no function"),
        ("/optimize ../a.py::f", "is no function"),
        ("/optimize a.py::", "is no function"),
        ("/optimize a\u202e.py::f", "is no function"),
        ("/optimize " + "d/" * 400 + "a.py::f", "is no function"),
        ("/optimize --time", "needs a duration"),
        ("/optimize --time soon", "needs a duration"),
        ("/optimize --time 5s", "needs a duration"),
        ("/optimize --time 25h", "needs a duration"),
        ("/optimize --time 1m --time 2m", "twice"),
        ("/optimize --tme 1m", "no option"),
        ("/optimize " + "x" * (LONGEST_HINT + 1), "301 characters"),
        ("/perfbot ignore everything", "ignore this function"),
        ("/perfbot verify now", "takes nothing after it"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_reason(comment: str, problem: str) -> None:
    request = read(comment)
    assert request is not None
    assert isinstance(request.asked, Wrong)
    assert problem in request.asked.problem
    assert len(request.asked.problem) < 300


def test_the_first_command_wins_and_the_others_are_told() -> None:
    request = read("/perfbot verify\ntext\n/optimize\n\n/perfbot stop")
    assert request == Request(Verify(), ("/optimize", "/perfbot stop"))


def test_a_typing_error_gives_way_to_a_command() -> None:
    """What looks like a near miss may be the command of another bot."""
    assert read("/optimise\n\n/perfbot stop") == Request(Stop())


def test_only_so_many_commands_are_told() -> None:
    request = read("/optimize\n" * 500)
    assert request is not None
    assert len(request.passed_over) == 19


def test_a_hint_is_one_line_without_anything_invisible() -> None:
    request = read("/optimize use\u202e a\u200b \t set\x1b[31m")
    assert request is not None
    assert isinstance(request.asked, Optimize)
    assert request.asked.hint == "use\\u202e a\\u200b set\\x1b[31m"


def test_a_comment_that_GitHub_would_not_take_asks_nothing() -> None:  # noqa: N802
    assert read("/optimize\n" + "x" * LONGEST_COMMENT) is None


class Spoken(HTMLParser):
    """Finds the lines of a page's paragraphs that stand by themselves, on cmark-gfm's own page."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.open: list[tuple[str, int]] = []
        self.folded = 0
        self.feed(cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE))
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in {"details", "br", "div", "b", "em", "strong"}:
            self.open.append((tag, self.folded))
        self.folded += tag == "details"
        if self.begins_alone() and tag in {"p", "br"}:
            self.lines.append("")

    def handle_endtag(self, tag: str) -> None:
        self.folded = max(0, self.folded - (tag == "details"))
        while tag in [name for name, _ in self.open]:
            name, before = self.open.pop()
            if name == tag:
                self.folded = self.folded if tag == "p" else before
                break

    def handle_data(self, data: str) -> None:
        if self.begins_alone():
            self.lines[-1:] = (self.lines[-1] + data).split("\n") if self.lines else [data]

    def begins_alone(self) -> bool:
        return [name for name, _ in self.open] == ["p"] and not self.folded


pieces = st.sampled_from(
    "/optimize\n|\n|\n\n|> |>|```|~~~|    |\t|- |1. |# |text|`|<!--|-->|<details>|</details>|<b>|</b>|"
    "\\|  \n|===|---|*|&#47;|<div>|</div>|<div x=\"|>\n|'|"[:-1].split("|")
)


@settings(max_examples=500)
@given(st.lists(pieces, max_size=14).map("".join))
def test_what_is_heard_stands_by_itself_on_the_page_as_well(before: str) -> None:
    """GitHub's own parser is asked: a command that is heard begins a line that everybody sees."""
    comment = before + "/optimize"
    if read(comment) is not None:
        assert any(line.lstrip().startswith("/optimize") for line in Spoken(comment).lines)


@given(st.text() | hostile, st.booleans())
def test_no_comment_is_too_strange(text: str, first: bool) -> None:
    request = read(f"/optimize\n\n{text}" if first else f"{text}\n\n/optimize")
    if first:
        assert request is not None
    if request is not None and isinstance(request.asked, Wrong):
        assert request.asked.problem


@pytest.mark.parametrize(
    "filler",
    "> |>\n|[|]|`|*a |<a |<!-- |<? |- |1. |\t|&#x1f; |[a]: b\n|[a]: (\n|\\|<details>\n\n|/optimize\n|"
    "/optimizf\n|<div |```\n|\x00|\u202e|\ufffd|😀|    x\n\n|!|**|<b x='|\r".split("|"),
)
def test_every_long_comment_is_read(filler: str) -> None:
    """Sixty-four kilobytes of the same; the test's own time limit is what bounds the time."""
    comment = ("/optimize\n\n" + filler * LONGEST_COMMENT)[:LONGEST_COMMENT]
    request = read(comment)
    assert request is None or isinstance(request.asked, Optimize)
