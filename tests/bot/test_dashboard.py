"""The dashboard's boxes are commands: they come back as they were shown, whatever people edit."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.bot.dashboard import (
    Action,
    Box,
    Dashboard,
    Ignored,
    Open,
    Rejected,
    Waiting,
    read,
    render,
    ticked,
)
from perfbot.bot.marker import Text

from github_page import Page
from hostile import hostile, poisoned

SHA = "0123456789abcdef0123456789abcdef01234567"
PERFBOT, STRANGER = 41898282, 583231
SHOWN = Dashboard(
    SHA,
    (Open("src/a.py::f", 0.58, 12, "at least 2.3× faster"),),
    (Waiting("src/b.py::g", 0.1, "at least 1.4× faster"),),
    (Rejected("src/c.py::h", 0.21, "it is not proven to be faster"),),
    (Ignored("src/d.py::i", "its pull request was closed"),),
)
BOXES = (
    Box(Action.SCAN, None, False),
    Box(Action.REBASE, "src/a.py::f", False),
    Box(Action.PROPOSE, "src/b.py::g", False),
    Box(Action.RETRY, "src/c.py::h", False),
    Box(Action.UNIGNORE, "src/d.py::i", False),
)


def own(body: str) -> Text:
    return Text(body, PERFBOT)


def test_the_lists_are_shown_with_their_boxes() -> None:
    page = Page(render(SHOWN))
    assert page.elements.count("h3") == 4
    assert page.elements.count("input") == 5
    for text in ("Open", "58 % of the time", "#12", "it is not proven to be faster", "src/d.py::i"):
        assert text in page.text


def test_an_empty_list_is_not_shown() -> None:
    assert "h3" not in Page(render(Dashboard(SHA))).elements
    assert "Nothing is open" in render(Dashboard(SHA))


def test_what_is_shown_comes_back() -> None:
    assert read(own(render(SHOWN)), PERFBOT) == BOXES
    assert ticked(own(render(SHOWN)), PERFBOT, SHOWN) == ()


def tick(body: str, places: set[int]) -> str:
    """Tick boxes as GitHub does when somebody clicks on them."""
    count = iter(range(1000))
    return re.sub(r"(?m)^- \[ \]", lambda _: "- [x]" if next(count) in places else "- [ ]", body)


names = st.text(max_size=30) | hostile


@given(
    lists=st.lists(st.lists(names, max_size=4, unique=True), min_size=4, max_size=4),
    places=st.sets(st.integers(0, 16)),
)
def test_exactly_the_ticked_boxes_come_back(lists: list[list[str]], places: set[int]) -> None:
    opened, waiting, rejected, ignored = ([f"{name}::f" for name in each] for each in lists)
    shown = Dashboard(
        SHA,
        tuple(Open(name, 0.1, 3, name) for name in opened),
        tuple(Waiting(name, 0.1, name) for name in waiting),
        tuple(Rejected(name, 0.1, name) for name in rejected),
        tuple(Ignored(name, name) for name in ignored),
    )
    all_boxes = read(own(render(shown)), PERFBOT)
    assert [box.function for box in all_boxes] == [None, *opened, *waiting, *rejected, *ignored]
    found = ticked(own(tick(render(shown), places)), PERFBOT, shown)
    wanted = [box for place, box in enumerate(all_boxes) if place in places]
    assert [(box.action, box.function) for box in found] == [
        (box.action, box.function) for box in wanted
    ]


@pytest.mark.parametrize(
    "edit",
    [
        lambda body: body.replace("\n", "\r\n"),
        lambda body: body.replace("- [x]", "* [X]"),
        lambda body: body.replace("- [x]", "  + [x]"),
        lambda body: body.replace("Rejected", "Later, maybe"),
        lambda body: body.replace("it is not proven to be faster", ""),
        lambda body: body.replace("<code>", "").replace("</code>", ""),
        lambda body: body + "\nA remark of mine\n- [x] and a task of mine\n",
        lambda body: body + body,
        lambda body: "\n".join([*body.split("\n")[:3], *reversed(body.split("\n")[3:])]),
    ],
)
def test_people_may_edit_around_the_boxes(edit: object) -> None:
    body = edit(tick(render(SHOWN), {3}))  # type: ignore[operator]
    assert ticked(own(body), PERFBOT, SHOWN) == (Box(Action.RETRY, "src/c.py::h", True),)


@pytest.mark.parametrize(
    "line",
    [
        '- [x] <!-- perfbot:retry "src/other.py::f" -->',  # not on the dashboard
        '- [x] <!-- perfbot:rebase "src/c.py::h" -->',  # another command than the one shown
        '- [x] <!-- perfbot:merge "src/a.py::f" -->',
        "- [x] <!-- perfbot:retry null -->",
        '- [x] <!-- perfbot:scan "src/a.py::f" -->',
        '- [x] <!-- perfbot:retry "src/c.py::h -->',
        '- [x] <!-- perfbot:retry ["src/c.py::h"] -->',
        '[x] <!-- perfbot:retry "src/c.py::h" -->',
        '- [x] text <!-- perfbot:retry "src/c.py::h" -->',
    ],
)
def test_a_box_that_was_not_shown_is_no_command(line: str) -> None:
    assert ticked(own(f"{render(SHOWN)}\n{line}\n"), PERFBOT, SHOWN) == ()


def test_a_strangers_issue_is_no_dashboard() -> None:
    body = tick(render(SHOWN), {0, 1, 2, 3, 4})
    assert read(Text(body, STRANGER), PERFBOT) == ()
    assert read(own(body.partition("\n")[2]), PERFBOT) == ()


@given(st.text() | hostile)
def test_no_edit_is_too_strange(text: str) -> None:
    ticked(own(render(SHOWN) + text), PERFBOT, SHOWN)
    assert ticked(own(text), PERFBOT, SHOWN) == ()


@given(text=hostile)
def test_hostile_text_adds_nothing_to_the_page(text: str) -> None:
    pages = [Page(render(poisoned(SHOWN, written))) for written in (f"x{text}", "x")]
    bad, good = ([each for each in page.elements if each != "span"] for page in pages)
    assert bad == good
    assert pages[0].references == pages[1].references
    assert len(pages[0].comments) == len(pages[1].comments) == 6


def test_long_lists_are_cut_and_say_so() -> None:
    many = tuple(Rejected(f"src/a.py::f{number}", 0.1, "$" * 5000) for number in range(500))
    body = render(Dashboard(SHA, rejected=many))
    assert len(body) <= 65_536
    assert "and 460 more" in body or "left no room" in body


def test_four_full_lists_fit() -> None:
    names = [f"src/some/package/of/it/module_{number}.py::Class.method" for number in range(99)]
    why = "it is not proven to be faster: 1.02 to 1.09 times, and 1.10 were needed to be sure"
    body = render(
        Dashboard(
            SHA,
            tuple(Open(name, 0.1, 12, "at least 2.3× faster") for name in names),
            tuple(Waiting(name, 0.1, "at least 2.3× faster") for name in names),
            tuple(Rejected(name, 0.1, why) for name in names),
            tuple(Ignored(name, "its pull request was closed") for name in names),
        )
    )
    assert body.count("and 59 more") == 4
    assert "left no room" not in body


def test_a_long_body_is_read() -> None:
    boxes = '- [x] <!-- perfbot:retry "src/c.py::h" -->\n' * 1400
    assert len(read(own(render(SHOWN) + boxes), PERFBOT)) == 5
    assert read(own(render(SHOWN) + '- [x] <!-- perfbot:a "' * 3000), PERFBOT) == BOXES
