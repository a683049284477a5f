"""Which functions a pull request changes."""

import difflib

from hypothesis import given
from hypothesis import strategies as st

from perfbot.bot.changed import changed_functions

NAMES = ("first", "second", "third", "fourth")
lines = st.lists(
    st.sampled_from(["    a = 1", "    b = 2", "", "    return a"]), min_size=1, max_size=6
)


def module(bodies: dict[str, list[str]], head: str = "") -> str:
    functions = (
        f"def {name}(x):\n" + "\n".join(["    x += 1", *bodies[name]])
        for name in NAMES
        if name in bodies
    )
    return head + "\n\n\n".join(functions) + "\n"


def hunks(before: str, after: str) -> str:
    """A diff as GitHub lists it: hunks without the lines of names."""
    rows = difflib.unified_diff(before.split("\n"), after.split("\n"), lineterm="")
    return "\n".join(list(rows)[2:])


@given(
    st.fixed_dictionaries(dict.fromkeys(NAMES, lines)),
    st.sets(st.sampled_from(NAMES)),
    st.sampled_from(["import os\n\n\n", "A = 1\n"]),
)
def test_what_got_a_new_line_is_changed_and_nothing_far_from_any_change(
    bodies: dict[str, list[str]], touched: set[str], head: str
) -> None:
    new = {
        name: [*body, f"    return {name!r}"] if name in touched else body
        for name, body in bodies.items()
    }
    before, after = module(bodies), module(new, head)
    found = changed_functions(after, hunks(before, after))
    assert set(found) == touched
    assert list(found) == [name for name in NAMES if name in found]


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_gives_an_answer(text: str, diff: str) -> None:
    changed_functions(text, diff)


def test_a_removal_counts_where_it_was() -> None:
    before = module({"first": ["    a = 1"], "second": ["    a = 1", "    b = 2"]})
    after = module({"first": ["    a = 1"], "second": ["    b = 2"]})
    assert changed_functions(after, hunks(before, after)) == ("second",)


def test_a_method_is_named_with_its_class_and_a_nested_function_with_the_one_around() -> None:
    before = "class Cart:\n    def total(self):\n        def one(x):\n            return x\n        return one(1)\n"
    after = before.replace("return x", "return x + 0")
    assert changed_functions(after, hunks(before, after)) == ("Cart.total",)


def test_a_decorator_belongs_to_its_function() -> None:
    before = "import functools\n\n\ndef f(x):\n    return x\n"
    after = before.replace("def f", "@functools.cache\ndef f")
    assert changed_functions(after, hunks(before, after)) == ("f",)


def test_a_file_without_a_diff_counts_as_changed_as_a_whole() -> None:
    assert changed_functions(module({"first": [], "second": []}), "") == ("first", "second")
