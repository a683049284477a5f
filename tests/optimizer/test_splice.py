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


def refusal(qualname: str, code: str, **settings) -> str:
    with pytest.raises(SpliceError) as raised:
        spliced(FILE, qualname, code, **settings)
    return str(raised.value)


@pytest.mark.parametrize(
    "code",
    [
        FILE[FILE.index("@traced") : FILE.index("class Cart")],
        "def total(items):\n    x = 0\n    for each in items:\n        x += each\n    return x\n",
        "import re\n\n\ndef total(items):\n    'Another text.'\n    found = 0\n    for item in items:\n"
        "        found += item  # add\n    return found\n",
        "@lru_cache\n" + FILE[FILE.index("def total") : FILE.index("class Cart")],
    ],
)
def test_the_same_code_in_other_words_is_refused(code: str) -> None:
    assert "same as before" in refusal("total", code)


def test_a_model_is_told_why_its_decorator_made_no_difference() -> None:
    code = "@lru_cache\n" + FILE[FILE.index("def total") : FILE.index("class Cart")]
    assert "the decorators of total stay as the file has them" in refusal("total", code)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def total(items, start=0):\n    return 1\n", "from (items) to (items, start=0)"),
        ("def total(values):\n    return 1\n", "from (items) to (values)"),
        ("async def total(items):\n    return 1\n", "from function to async function"),
        ("def total(items):\n    yield 1\n", "from function to generator"),
        ("class total:\n    def __call__(self, items):\n        return 1\n", "makes total a class"),
        (
            "def total(items):\n    return 1\n\ndef total(items):\n    return 2\n",
            "2 times, differently",
        ),
        ('{"name": "write_file", "arguments": {"path": "a.py"}}', "call of a tool"),
        ("def total(items):\n    return await_me\n", "defined nowhere"),
        ("def total(items):\n    await items\n", "does not parse: 'await' outside async function"),
    ],
)
def test_what_is_another_function_is_refused_with_what_is_wrong(code: str, told: str) -> None:
    assert told in refusal("total", code)


def test_a_method_without_self_is_not_repaired() -> None:
    told = refusal("Cart.price", "def price(item):\n    return item\n")
    assert "from (self, item) to (item)" in told


def test_the_same_version_twice_is_one_version() -> None:
    assert spliced(FILE, "total", FAST + "\n\n" + FAST).text == spliced(FILE, "total", FAST).text


def test_annotations_and_docstring_stay_as_the_file_has_them() -> None:
    file = 'def f(a: int, *, b: str = "x") -> str:  # the one\n    """Say."""\n    return a * b\n'
    found = spliced(file, "f", 'def f(a, *, b="x"):\n    return b * a\n')
    assert found.text == file.replace("a * b", "b * a")
    assert len(found.repairs) == 2


def test_an_import_that_is_missing_is_added_where_only_a_module_can_be_meant() -> None:
    found = spliced(FILE, "total", "def total(items):\n    return math.fsum(items)\n")
    assert "import json\nimport math\n" in found.text
    assert "import math was missing and was added" in found.repairs


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("def total(items):\n    return chain(items)\n", ("chain",)),
        ("def total(items):\n    return np.sum(items) + fast_sum(items)\n", ("fast_sum", "np")),
        ("def total(items):\n    return math(items) + math.pi\n", ("math",)),
        ("from x import *\n\ndef total(items):\n    return add(items)\n", ("add",)),
        ("def total(items):\n    return [y for x in items] + y\n", ("y",)),
        ("def _a(i):\n    return _b(i)\n\ndef total(items):\n    return _a(items)\n", ("_b",)),
    ],
)
def test_a_name_that_is_defined_nowhere_is_refused_by_name(
    code: str, missing: tuple[str, ...]
) -> None:
    with pytest.raises(SpliceError) as raised:
        spliced(FILE, "total", code)
    assert raised.value.missing == missing


def test_what_was_undefined_before_is_not_held_against_an_answer() -> None:
    file = "def f(a):\n    return given(a) + 1\n"
    assert "1 + given" in spliced(file, "f", "def f(a):\n    return 1 + given(a)\n").text


@pytest.mark.parametrize(
    ("line", "use"),
    [
        ("import numpy as np", "np.sum(items)"),
        ("from itertools import chain as joined", "joined(items)"),
        ("from . import shop", "shop.add(items)"),
        ("from ..shop.tools import add, sub", "add(items)"),
        ("import os.path", "os.path.join(items)"),
    ],
)
def test_imports_of_every_kind_find_their_place_at_the_top(line: str, use: str) -> None:
    found = spliced(FILE, "total", f"{line}\n\ndef total(items):\n    return {use}\n")
    top = found.text[: found.text.index("LIMIT")]
    assert line.replace(", sub", "") in top
    ast.parse(found.text)


def test_imports_for_type_checkers_stay_for_type_checkers() -> None:
    code = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from shop import Item\n\n\n"
    code += "def _one(item: 'Item'):\n    return item\n\n\ndef total(items):\n    first: Item = _one(items)\n"
    code += "    return first\n"
    text = spliced(FILE, "total", code).text
    assert (
        "import json\nfrom typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from shop import Item\n"
        in text
    )
    again = spliced(text, "total", code.replace("Item", "Order").replace("_one", "_two"))
    assert "    from shop import Item\n    from shop import Order\n" in again.text


def test_what_nothing_needs_does_not_come_along() -> None:
    code = (
        "import re\nfrom os import path\n\nSIZE = 3\n\n\ndef check():\n    print(total([1]))\n\n\n"
    )
    code += FAST + "\n\nif __name__ == '__main__':\n    check()\n"
    found = spliced(FILE, "total", code)
    assert found.text == spliced(FILE, "total", FAST).text
    assert found.repairs == ("3 statement(s) beside the function were left out",)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("from a import json\n\ndef total(items):\n    return json(items)\n", "takes the name json"),
        ("from math import sqrt as sum\n\ndef total(items):\n    return sum(items)\n", None),
        ("def print(x):\n    pass\n\ndef total(items):\n    return print(items)\n", None),
        ("from a import b as print\n\ndef total(items):\n    return print(items)\n", None),
        ("LIMIT = 9\n\ndef total(items):\n    return LIMIT\n", "needs LIMIT otherwise"),
        ("T = [0] * 9\nfor i in range(9):\n    T[i] = i\n\ndef total(items):\n    return T\n",
         "the code fills T by a statement"),
    ],
)  # fmt: skip
def test_what_would_change_other_code_is_refused(code: str, told: str | None) -> None:
    file = FILE.replace("json.dumps(LIMIT)", "print(sum([json.dumps(LIMIT)]))")
    with pytest.raises(SpliceError, match=told or "means something else in the file"):
        spliced(file, "total", code)


def test_a_stub_of_what_the_file_has_stands_for_what_the_file_has() -> None:
    code = "LIMIT = ...\n\n\nclass Cart:\n    rate = ...\n\n\ndef total(items):\n    return Cart, LIMIT\n"
    found = spliced(FILE, "total", code)
    assert "LIMIT = 3" in found.text
    assert "rate = 2" in found.text


def test_a_new_method_that_the_method_calls_comes_before_it() -> None:
    code = "class Cart:\n    _two = 2\n\n    def _twice(self, item):\n        return self._two * item\n\n"
    code += "    def unused(self):\n        return 0\n\n"
    code += "    def price(self, item):\n        return self._twice(item), 'x'\n"
    text = spliced(FILE, "Cart.price", code).text
    assert "    def _twice(self, item):\n        return self._two * item\n\n    def price(" in text
    assert "unused" not in text
    names = {}
    exec(text.replace("@traced\n", ""), names)
    assert names["Cart"]().price(2) == (4, "x")


def test_a_doubtful_escape_in_a_string_is_nobodys_business() -> None:
    code = "def total(items):\n    return len(items), '\\d'\n"
    assert "'\\d'" in spliced(FILE, "total", code + code).text


GROUP = """\
def _price(item):
    return item * 2


def _tax(item):
    return item * 3


class Cart:
    def total(self, items):
        return [_price(item) for item in items]

    def _each(self, item):
        return _tax(item)
"""


def test_a_group_changes_together() -> None:
    code = "def _price(item):\n    return 2 * item\n\n\nclass Cart:\n    def total(self, items):\n"
    code += "        return list(map(_price, items))\n\n    def _each(self, item):\n        return 3 * item\n"
    text = spliced(GROUP, "Cart.total", code, group=frozenset({"_price", "Cart._each"})).text
    assert "return 2 * item" in text
    assert "list(map(_price, items))" in text
    assert "return 3 * item" in text
    assert "return item * 3" in text


def test_one_of_a_group_may_be_the_only_one_that_changes() -> None:
    code = "def _price(item):\n    return 2 * item\n"
    text = spliced(GROUP, "Cart.total", code, group=frozenset({"_price"})).text
    assert text == GROUP.replace("item * 2", "2 * item")


def test_a_helper_outside_of_the_group_is_not_changed() -> None:
    code = "def _price(item):\n    return 2 * item\n\n\n"
    code += "def total(self, items):\n    return list(map(_price, items))\n"
    with pytest.raises(SpliceError, match="needs _price otherwise"):
        spliced(GROUP, "Cart.total", code)


def test_methods_of_one_name_in_two_classes_of_a_group_need_their_classes() -> None:
    file = "class A:\n    def f(self):\n        return 1\n\n\nclass B:\n    def f(self):\n        return 2\n"
    with pytest.raises(SpliceError, match=r"does not define A\.f"):
        spliced(file, "A.f", "def f(self):\n    return 3\n", group=frozenset({"B.f"}))


def test_of_a_property_the_part_with_the_same_decorator_is_meant() -> None:
    file = "class A:\n    @property\n    def x(self):\n        return 1\n\n    @x.setter\n    def x(self, value):\n"
    file += "        self.y = value + 0\n"
    text = spliced(
        file, "A.x", file.replace("return 1", "return 9").replace("value + 0", "value")
    ).text
    assert text == file.replace("value + 0", "value")


@given(st.text(max_size=200))
def test_any_text_gives_a_file_that_parses_or_a_reason(code: str) -> None:
    try:
        found = spliced(FILE, "total", code)
    except SpliceError:
        return
    ast.parse(found.text)
