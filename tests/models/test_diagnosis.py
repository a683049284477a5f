"""What is told of a version that fails: its class, its symbols, the line, the smallest input."""

from pathlib import Path

import pytest

from perfbot.optimizer import checking, diagnosis
from perfbot.optimizer.checking import Change
from perfbot.optimizer.diagnosis import Diagnosis, ErrorClass, Stage
from perfbot.optimizer.verdict import Inconclusive, Rejected, Why
from perfbot.profiling.behaviours import Difference
from perfbot.profiling.suite import Lost
from perfbot.profiling.target import Target
from perfbot.profiling.tree import with_changes

STOCK = """\
import missing_package


class Item:
    def __init__(self, name: str, price: int) -> None:
        self.name = name
        self.price = price


def find_item(items: list[Item], name: str) -> Item:
    return [each for each in items if each.name == name][0]
"""
REPORT = """\
import math

from shop import stock
from shop.stock import Item, find_item


def total(items: list[Item], names: list[str]) -> int:
    return sum(find_item(items, name).price for name in names)


def untouched(items):
    return nowhere_defined + math.summ(items)
"""
PATH = "shop/report.py"
FILES = {"shop/__init__.py": "", "shop/stock.py": STOCK, PATH: REPORT}
BODY = "    return sum(find_item(items, name).price for name in names)\n"
CLASSES = [
    ("    return sum(look_up(items, name) for name in names)\n", ErrorClass.UNDEF, "look_up"),
    ("    return stock.find_items(items, names)\n", ErrorClass.UNDEF, "shop.stock.find_items"),
    ("    return find_item(items, names[0], True).price\n", ErrorClass.API, "find_item"),
    ("    return find_item(items=items, nam=names[0]).price\n", ErrorClass.API, "find_item"),
    ("    return sum(each.cost for each in items)\n", ErrorClass.OBJECT, "Item.cost"),
    ("    return sum(items[0])\n", ErrorClass.OTHER, ""),
    ("    return sum(each(1) for each in names)\n", ErrorClass.OBJECT, "str"),
]


@pytest.fixture(scope="module")
def trees(plant):
    return plant(FILES)


def checked(target: Target, trees, tmp_path: Path, body: str) -> Diagnosis | None:
    after = REPORT.replace(BODY, body)
    new = with_changes(trees, {PATH: after.encode()}, tmp_path / "new")
    change = Change(PATH, REPORT, after)
    return checking.types(change, trees, new, target.interpreter, Stage.REPLAY)


@pytest.mark.parametrize(("body", "kind", "symbol"), CLASSES)
def test_the_type_checker_tells_the_class_and_the_symbol(
    target: Target, trees, tmp_path: Path, body: str, kind: ErrorClass, symbol: str
) -> None:
    found = checked(target, trees, tmp_path, body)
    assert found is not None
    if kind is not ErrorClass.OTHER:  # which class a wrong iteration is does not matter here
        assert found.kind is kind
        assert any(each.endswith(symbol) for each in found.symbols)
    assert "line 8" in found.text
    assert body.strip() in found.text


def test_what_stood_there_before_is_nobodys_news(target: Target, trees, tmp_path: Path) -> None:
    assert (
        checked(target, trees, tmp_path, BODY.replace("name)", "each)").replace("r name", "r each"))
        is None
    )


def test_a_project_cannot_configure_or_run_anything(target: Target, plant, tmp_path: Path) -> None:
    """Its settings, scripts, interpreters and comments change nothing of what is found."""
    mark = tmp_path / "mark"
    evil = f"#!/bin/sh\ntouch {mark}\n"
    settings = '[tool.pyrefly]\nproject-excludes = ["**"]\nerrors = false\n'
    settings += 'python-interpreter-path = "evil"\nscript-command = ["./evil"]\n'
    files = {
        **FILES,
        "pyproject.toml": settings,
        "pyrefly.toml": settings.replace("[tool.pyrefly]\n", ""),
        ".venv/bin/python": evil,
        "evil": evil,
        ".gitignore": "*\n",
        "conftest.py": f"open({str(mark)!r}, 'w')\n",
    }
    header = '# /// script\n# dependencies = ["evil"]\n# ///\n'
    trees = plant({**files, PATH: header + REPORT})
    for each in (trees.root / "evil", *trees.root.glob(".venv/bin/python")):
        each.chmod(0o755)
    after = (header + REPORT).replace(BODY, "    return look_up(items)\n")
    new = with_changes(trees, {PATH: after.encode()}, tmp_path / "new")
    change = Change(PATH, header + REPORT, after)
    found = checking.types(change, trees, new, target.interpreter, Stage.REPLAY)
    assert found is not None
    assert found.symbols == ("look_up",)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("new", "symbols"),
    [
        ("    return look_up(items)\n", ("look_up",)),
        ("    count += 1\n    return count\n", ()),
        ('    return "%s %s" % (items,)\n', ()),
        (BODY, None),
        ("    return nowhere_defined\n", None),
    ],
)
def test_ruff_finds_new_names_that_nothing_defines(
    new: str, symbols: tuple[str, ...] | None
) -> None:
    """``nowhere_defined`` was undefined before: somebody may well put it there."""
    found = checking.undefined_names(Change(PATH, REPORT, REPORT.replace(BODY, new)))
    assert (found is None) == (symbols is None)
    if symbols:
        assert found is not None
        assert (found.kind, found.symbols) == (ErrorClass.UNDEF, symbols)


def test_changed_lines_are_those_that_are_new() -> None:
    before, after = "a\nb\nc\n", "a\nx\ny\nc\nd\n"
    assert Change(PATH, before, after).lines() == {2, 3, 5}


@pytest.mark.parametrize(
    ("after", "kind", "symbols"),
    [
        ("raised NameError(\"name 'look_up' is not defined\",)", ErrorClass.UNDEF, ("look_up",)),
        (
            "raised ImportError(\"cannot import name 'x' from 'shop.stock' (/a/b.py)\",)",
            ErrorClass.UNDEF,
            ("shop.stock.x",),
        ),
        (
            "raised ModuleNotFoundError(\"No module named 'shop.stocks'\",)",
            ErrorClass.UNDEF,
            ("shop.stocks",),
        ),
        (
            "raised AttributeError(\"module 'math' has no attribute 'summ'\",)",
            ErrorClass.UNDEF,
            ("math.summ",),
        ),
        (
            "raised AttributeError(\"'Item' object has no attribute 'cost'\",)",
            ErrorClass.OBJECT,
            ("Item.cost",),
        ),
        (
            "raised TypeError('find_item() takes 2 positional arguments but 3 were given',)",
            ErrorClass.API,
            ("find_item",),
        ),
        (
            "raised TypeError(\"Item.__init__() missing 1 required positional argument: 'x'\",)",
            ErrorClass.API,
            ("Item.__init__",),
        ),
        ("raised TypeError(\"'int' object is not iterable\",)", ErrorClass.OBJECT, ()),
        ("raised KeyError('a',)", ErrorClass.FUNC, ()),
        ("returned [1]", ErrorClass.FUNC, ()),
    ],
)
def test_an_exception_at_replay_says_its_class(
    after: str, kind: ErrorClass, symbols: tuple[str, ...]
) -> None:
    found = diagnosis.of_difference(
        Difference("([1], [])", "returned []", after, "", "raised"), 3, "missing"
    )
    assert (found.kind, found.symbols, found.stage) == (kind, symbols, Stage.REPLAY)
    for part in ("missing([1], [])", "returned []", after, "2 more calls"):
        assert part in found.text


def test_an_exception_that_was_raised_before_is_a_matter_of_function() -> None:
    before = "raised TypeError('f() takes 1 positional argument but 2 were given',)"
    after = before.replace("1", "0")
    found = diagnosis.of_difference(Difference("()", before, after, "", "raised"), 1, "f")
    assert (found.kind, found.symbols) == (ErrorClass.FUNC, ())
    assert "more" not in found.text


def test_a_call_with_one_argument_is_written_as_a_call() -> None:
    found = diagnosis.of_difference(Difference("(1,)", "returned 0", "returned 1", "", ""), 1, "f")
    assert found.text.startswith("f(1) returned 0 before the change, and now returned 1")


def test_a_failing_test_is_told_with_what_it_printed() -> None:
    lost = [
        Lost("tests/t.py::a", "passed", "failed", "assert 1 == 2"),
        Lost("b", "passed", None, ""),
    ]
    found = diagnosis.of_tests(lost)
    assert (found.kind, found.stage) == (ErrorClass.FUNC, Stage.TESTS)
    for part in ("tests/t.py::a", "failed", "assert 1 == 2", "1 more test"):
        assert part in found.text


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [
        (Rejected(Why.RESULTS_DIFFER, "f(1): 1, then 2", ()), ErrorClass.FUNC),
        (Rejected(Why.USES_MORE_MEMORY, "twice", ()), ErrorClass.OTHER),
        (Inconclusive(Why.TOO_NOISY, "noise", ()), ErrorClass.OTHER),
    ],
)
def test_the_judges_word_is_a_diagnosis_too(
    verdict: Rejected | Inconclusive, kind: ErrorClass
) -> None:
    found = diagnosis.of_verdict(verdict)
    assert (found.kind, found.stage, found.text) == (kind, Stage.JUDGE, verdict.detail)


def test_a_version_that_comes_again_is_told_what_was_found_of_it() -> None:
    earlier = Diagnosis(ErrorClass.FUNC, Stage.REPLAY, "f(1) differs", ("f",))
    again = diagnosis.seen_before(earlier)
    assert again.kind is ErrorClass.FUNC
    assert diagnosis.SEEN in again.text
    assert "f(1) differs" in again.text
    assert diagnosis.seen_before(None).text == diagnosis.SEEN
