"""Two spellings of one version have one normal form, and two versions never do."""

import ast
import builtins
import keyword

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from perfbot.optimizer.normal_form import normal_form

VERSION = '''\
LIMIT = 3


def missing(wanted, known):
    """Return what is not known."""
    seen = set(known)
    found: list[int] = []
    for item in wanted:
        if item not in seen:
            found.append(item)
    return found
'''
NAMES = st.from_regex(r"[a-z][a-z_0-9]{0,6}", fullmatch=True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seen", "lookup"),
        ('    """Return what is not known."""\n', ""),
        ("found: list[int] = []", "found = []"),
        ("wanted, known)", "wanted: list[int], known: list[int]) -> list[int]"),
        ("item", "each"),
        ("return found", "return found  # all of them"),
    ],
)
def test_spelling_makes_no_other_version(old: str, new: str) -> None:
    other = VERSION.replace(old, new)
    assert other != VERSION
    assert normal_form(other) == normal_form(VERSION)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("not in seen", "not in known"),
        ("not in seen", "in seen"),
        ("set(known)", "list(known)"),
        ("wanted, known)", "wanted, others)"),
        ("found.append(item)", "found.append(LIMIT)"),
        ("LIMIT = 3", "LIMIT = 4"),
        ("return found", "return sorted(found)"),
        ("append", "extend"),
    ],
)
def test_another_meaning_is_another_version(old: str, new: str) -> None:
    assert normal_form(VERSION.replace(old, new)) != normal_form(VERSION)


@given(NAMES)
def test_a_local_variable_may_have_any_name_that_nothing_else_has(name: str) -> None:
    assume(not keyword.iskeyword(name) and name not in dir(builtins))
    assume(name not in {"missing", "wanted", "known", "found", "item", "seen"})
    assert normal_form(VERSION.replace("seen", name)) == normal_form(VERSION)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # a global variable, and a local one of that name
        ("x = 1\ndef f():\n    y = 2\n    return x", "x = 1\ndef f():\n    x = 2\n    return x"),
        # of two variables the other one
        ("def f():\n    a = 1\n    b = 2\n    return a", "def f():\n    a = 1\n    b = 2\n    return b"),
        # names that the code asks for
        ("def f():\n    a = 1\n    return locals()", "def f():\n    b = 1\n    return locals()"),
        # what a keyword argument is called
        (
            "def f():\n    def g(a=1):\n        return a\n    return g(a=2)",
            "def f():\n    def g(b=1):\n        return b\n    return g(a=2)",
        ),
        # names that are shown
        ("def f():\n    def g(): pass\n    return g", "def f():\n    def h(): pass\n    return h"),
        # what an import binds
        ("def f():\n    import os.path\n    return os", "def f():\n    import os.path as os\n    return os"),
        # a generator's variable that is the function's own elsewhere
        (
            "def f(a):\n    b = 1\n    return [b for b in a], b",
            "def f(a):\n    b = 1\n    return [c for c in a], b",
        ),
        ("def f():\n    return 1", "def f():\n    return True"),
        ("def f():\n    return 1", "def f():\n    return 1.0"),
        ("class A:\n    x: int = 1", "class A:\n    x = 1"),
    ],
)  # fmt: skip
def test_names_that_can_be_told_apart_stay(one: str, other: str) -> None:
    ast.parse(one)
    ast.parse(other)
    assert normal_form(one) != normal_form(other)


@pytest.mark.parametrize("text", ["def f(:", "\0", "(" * 5000])
def test_what_is_no_python_stands_for_itself(text: str) -> None:
    assert normal_form(text) == text


def test_the_text_that_is_read_may_have_everything() -> None:
    text = (
        "async def f(a, *b, c=1, **d):\n    global G\n    G = 1\n    try:\n        async with a as x:\n"
        "            pass\n    except (E, F) as e:\n        raise\n    match a:\n"
        "        case [p, *q]:\n            pass\n        case {'k': r, **s}:\n            pass\n"
        "    n = 0\n    def g():\n        nonlocal n\n        n = (w := 2)\n    return lambda z: z + n\n"
    )
    assert "·" in normal_form(text)
