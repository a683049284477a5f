"""Which functions a patch alters: by their own code, and by what they read."""

import ast

import pytest

from perfbot.optimizer.altered import altered_functions, hidden_alterations

BEFORE = """\
import re
from json import dumps, loads
from typing import overload

LIMIT = 3
_TABLE = {}
for _n in range(3):
    _TABLE[_n] = _n


def small(n):
    return n < LIMIT


def read(text):
    return loads(text)


def written(value):
    return dumps(value)


def shown(n):
    return _TABLE[n]


def outer(n):
    def inner(k):
        return k + 1
    return inner(n)


async def later(n):
    return n


@overload
def either(n: int) -> int: ...
@overload
def either(n: str) -> str: ...
def either(n):
    return n


class Box:
    size = 1
    names = ["a"]

    @property
    def value(self):
        return self.size

    @value.setter
    def value(self, new):
        self.size = new

    @staticmethod
    def make(n):
        return max(n, 1)

    class Lid:
        def close(self):
            return 1


if LIMIT:
    def chosen(n):
        return n
else:
    def chosen(n):
        return -n
"""


def altered(old: str, new: str) -> list[str]:
    assert BEFORE.count(old) == 1, old
    after = ast.parse(BEFORE.replace(old, new))
    return list(altered_functions(ast.parse(BEFORE), after))


@pytest.mark.parametrize(
    ("old", "new", "functions"),
    [
        ("return n < LIMIT", "return LIMIT > n", ["small"]),
        ("k + 1", "1 + k", ["outer"]),
        ("async def later(n):\n    return n", "async def later(n):\n    return (n + 0)", ["later"]),
        ("return max(n, 1)", "return n if n > 1 else 1", ["Box.make"]),
        ("return 1\n", "return 2 - 1\n", ["Box.Lid.close"]),
        ("def either(n):\n    return n", "def either(n):\n    return (n)", []),
        ("def either(n):\n    return n", "def either(n):\n    return [n][0]", ["either"]),
        ("n: int) -> int", "n: bool) -> bool", []),
        ("        return -n", "        return 0 - n", ["chosen"]),
    ],
)
def test_a_function_is_altered_by_its_code(old, new, functions):
    assert altered(old, new) == functions


@pytest.mark.parametrize(
    ("old", "new", "functions"),
    [
        ("LIMIT = 3", "LIMIT = 4", ["small"]),
        ("import dumps, loads", "import loads", ["written"]),
        ("from json import dumps, loads", "from json import dumps, load as loads", ["read"]),
        ("range(3)", "range(4)", ["shown"]),
        ("    size = 1", "    size = 2", ["Box.value"]),
        ("class Box:", "Box_names = 1\n\n\nclass Box:", []),
        ("class Box:", "def max(*given):\n    return given[0]\n\n\nclass Box:", ["Box.make"]),
        ("class Box:", "_TABLE.clear()\n\n\nclass Box:", ["shown"]),
    ],
)
def test_a_function_is_altered_by_what_it_reads(old, new, functions):
    assert altered(old, new) == functions


def test_new_helpers_and_constants_alter_nobody():
    added = BEFORE.replace("import re\n", "import re\n_WORD = re.compile('a')\n")
    added += "\n\ndef _helper(n):\n    return _WORD\n"
    assert list(altered_functions(ast.parse(BEFORE), ast.parse(added))) == []


def test_a_getter_below_which_a_setter_stands_cannot_be_reached():
    after = BEFORE.replace("return self.size", "return self.size + 0")
    assert list(hidden_alterations(ast.parse(BEFORE), ast.parse(after))) == ["Box.value"]
    assert not list(hidden_alterations(ast.parse(BEFORE), ast.parse(BEFORE)))
