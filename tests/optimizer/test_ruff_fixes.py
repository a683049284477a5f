"""Ruff's findings become text edits that stand where ruff meant them."""

import libcst as cst
import pytest

from perfbot.optimizer import ruff_fixes
from perfbot.optimizer.ruff_fixes import Edit, Finding


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_an_edit_stands_where_ruff_meant_it_also_after_wide_characters(end: str) -> None:
    text = f"def f(xs):{end}    é = '𝒳\x0c'; return 'ü', list(x for x in xs){end}"
    (found,) = ruff_fixes.findings(text, ("C400",))
    assert text[found.start : found.end] == "list(x for x in xs)"
    assert ruff_fixes.apply(text, found.edits) == text.replace("list(x for x in xs)", "list(xs)")


def test_nothing_is_found_in_code_without_a_flaw() -> None:
    assert ruff_fixes.findings("def f(xs):\n    return xs\n", ("C400", "C416")) == ()


def test_a_comment_that_silences_ruff_does_not_stop_perfbot() -> None:
    (found,) = ruff_fixes.findings("x = list(y for y in z)  # noqa: C400\n", ("C400",))
    assert found.code == "C400"


def test_an_import_that_two_fixes_need_is_added_once() -> None:
    text = "def f(xs):\n    return sorted(xs, key=lambda x: x[0]), max(xs, key=lambda x: x[1])\n"
    found = list(ruff_fixes.compatible(ruff_fixes.findings(text, ("FURB118",))))
    assert len(found) == 2
    changed = ruff_fixes.apply(text, (edit for each in found for edit in each.edits))
    assert changed.count("import operator") == 1
    assert changed.count("itemgetter") == 2


def test_of_two_fixes_in_the_same_place_the_first_is_taken() -> None:
    outer = Finding("A", 0, 9, (Edit(0, 9, "a"),))
    inner = Finding("A", 2, 4, (Edit(2, 4, "b"),))
    apart = Finding("A", 12, 14, (Edit(12, 14, "c"),))
    assert list(ruff_fixes.compatible([outer, inner, apart])) == [outer, apart]


def test_places_are_offsets_into_the_text() -> None:
    text = "import os\r\n\r\ndef f(é):\r\n    return 'ß' + é\r\n"
    module = cst.parse_module(text)
    places = ruff_fixes.Places(module, text)
    function = module.body[1]
    start, end = places.span(function)
    assert text[start:end] == "def f(é):\r\n    return 'ß' + é"
