"""From a model's code to the file: exact, or refused with a reason that a model can act on."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.optimizer.splice import SpliceError, spliced

FILE = '''\
"""Orders."""

import json

LIMIT = 3


# The sum of all.
@traced
def total(items):
    """Return the sum."""
    found = 0
    for item in items:
        found += item
    return found


class Cart:
    rate = 2

    def price(self, item):
        text = """a
  b"""
        return item * self.rate, text

    def other(self):
        return json.dumps(LIMIT)
'''
FAST = 'def total(items):\n    """Return the sum."""\n    return sum(items)\n'


def test_only_the_function_changes() -> None:
    found = spliced(FILE, "total", FAST)
    body = "    found = 0\n    for item in items:\n        found += item\n    return found\n"
    assert found.text == FILE.replace(body, "    return sum(items)\n")
    assert not found.repairs


def test_decorators_and_the_comment_above_stay_whatever_the_answer_has() -> None:
    found = spliced(FILE, "total", "@other\n" + FAST)
    assert "# The sum of all.\n@traced\ndef total" in found.text


@pytest.mark.parametrize(
    "code",
    [
        "def price(self, item):\n    return 2 * item, 'x'\n",
        "    def price(self, item):\n        return 2 * item, 'x'\n",
        "class Cart:\n    def price(self, item):\n        return 2 * item, 'x'\n",
        "class Cart:\n    rate = 2\n\n    def price(self, item):\n        return 2 * item, 'x'\n\n"
        "    def other(self):\n        ...\n",
    ],
)
def test_a_method_may_come_alone_or_in_its_class(code: str) -> None:
    found = spliced(FILE, "Cart.price", code)
    assert "    def price(self, item):\n        return 2 * item, 'x'\n" in found.text
    assert "return json.dumps(LIMIT)" in found.text


def test_text_over_several_lines_is_not_indented_again() -> None:
    code = 'def price(self, item):\n    return """x\n  y"""\n'
    assert 'return """x\n  y"""' in spliced(FILE, "Cart.price", code).text


def test_new_helpers_constants_and_imports_come_along() -> None:
    code = "from functools import reduce\nimport json\n\nSTART = 0\n\n\ndef _add(a, b):\n    return a + b\n\n\n"
    code += "def total(items):\n    return reduce(_add, items, START)\n"
    names = {}
    exec(spliced(FILE, "total", code).text.replace("@traced\n", ""), names)
    assert names["total"]([1, 2]) == 3


def test_what_the_file_has_already_is_left_as_it_is() -> None:
    code = "LIMIT = 9\n\n\nclass Cart:\n    pass\n\n\n" + FAST
    found = spliced(FILE, "total", code)
    assert "LIMIT = 3" in found.text
    assert "rate = 2" in found.text
    assert found.repairs


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("def total(items:\n", "does not parse"),
        ("function total(items) { return 1; }", "is JavaScript"),
        ("def sum_all(items):\n    return 1\n", "it defines sum_all"),
        ("class Cart:\n    pass\n", "it defines Cart"),
        ("return sum(items)\n", "does not define total"),
        ("\x00", "does not parse"),
    ],
)
def test_what_is_no_version_of_the_function_is_refused(code: str, why: str) -> None:
    with pytest.raises(SpliceError, match=why):
        spliced(FILE, "total", code)


@given(st.text(max_size=200))
def test_any_text_gives_a_file_that_parses_or_a_reason(code: str) -> None:
    try:
        found = spliced(FILE, "total", code)
    except SpliceError:
        return
    ast.parse(found.text)
