"""What readers lose is noticed; what goes with its code is no loss."""

import textwrap

from perfbot.optimizer.wording import Losses, losses


def lost(before: str, after: str, name: str = "f") -> Losses:
    return losses(textwrap.dedent(before), textwrap.dedent(after), name)


COMMENTED = """
def f(items, known):
    # the order of the caller counts
    found = []
    for item in items:  # each of them once
        if item not in known:
            found.append(item)
    return found  # never None
    # and here it ends
"""


def test_a_comment_whose_code_stays_may_not_go() -> None:
    after = COMMENTED.replace("  # each of them once", "").replace("    # and here it ends\n", "")
    assert lost(COMMENTED, after).comments == ("# each of them once", "# and here it ends")


def test_a_comment_may_go_with_its_code() -> None:
    after = """
    def f(items, known):
        # the order of the caller counts
        return [item for item in items if item not in known]
    """
    assert lost(COMMENTED, after).comments == ()


def test_a_comment_may_move_and_be_laid_out_anew() -> None:
    after = COMMENTED.replace("# the order", "#    the  order").replace(
        "    for item in items:  # each of them once",
        "    # each of them once\n    for item in items:",
    )
    assert lost(COMMENTED, after) == Losses()


def test_a_comment_may_be_reworded_where_it_stands() -> None:
    assert lost(COMMENTED, COMMENTED.replace("# never None", "# always a list")).comments == ()


def test_a_comment_inside_of_a_statement_belongs_to_it() -> None:
    before = """
    def f(a):
        b = [
            # first
            a,
        ]
        return b
    """
    assert lost(before, before.replace("            # first\n", "")).comments == ("# first",)
    assert (
        lost(before, before.replace("            # first\n", "").replace("a,", "a, a")) == Losses()
    )


DOCUMENTED = '''
def f(a: int, *more: "str", b=1) -> "list[int]":
    """Say what.

    And more.
    """
    total: int = a

    def inner(c: float):
        """Inside."""
        return c

    return [total, inner(b)]
'''


def test_a_docstring_may_grow_but_not_shrink() -> None:
    assert (
        lost(DOCUMENTED, DOCUMENTED.replace("And more.", "And more.\n\n    In one pass."))
        == Losses()
    )
    assert lost(DOCUMENTED, DOCUMENTED.replace("    And more.\n", "")).docstrings == ("f",)
    assert lost(DOCUMENTED, DOCUMENTED.replace('        """Inside."""\n', "")).docstrings == (
        "inner",
    )


def test_annotations_are_kept_of_what_is_kept() -> None:
    after = (
        DOCUMENTED.replace("a: int", "a")
        .replace('"list[int]"', "list[int]")
        .replace('"str"', "str")
    )
    assert lost(DOCUMENTED, after).annotations == ("a",)
    assert lost(DOCUMENTED, DOCUMENTED.replace(' -> "list[int]"', "")).annotations == (
        "the result of f",
    )
    assert lost(DOCUMENTED, DOCUMENTED.replace("total: int", "total")).annotations == ("total",)
    assert lost(DOCUMENTED, DOCUMENTED.replace("total: int", "other")).annotations == ()


NAMED = """
def f(orders):
    total = 0
    for order in orders:
        total += order
    return total
"""


def test_names_that_say_nothing_are_told_where_the_old_ones_did() -> None:
    found = lost(
        NAMED, NAMED.replace("total", "t").replace("order in", "o1 in").replace("+= order", "+= o1")
    )
    assert found.vague == ("o1", "t")
    assert found.names_kept == 0


def test_counters_comprehensions_and_names_of_before_are_no_matter() -> None:
    assert (
        lost(
            NAMED, "def f(orders):\n    n = len(orders)\n    return sum([x for x in orders]) + n\n"
        ).vague
        == ()
    )
    assert lost(NAMED, NAMED.replace("total", "_")).vague == ()
    vague = NAMED.replace("orders", "xs").replace("order", "x").replace("total", "t")
    assert lost(vague, "def f(xs):\n    y = sum(xs)\n    return y\n").vague == ()


def test_one_short_name_among_others_is_no_matter() -> None:
    after = NAMED.replace("total += order", "s = order\n        total += s")
    assert (lost(NAMED, after).vague, lost(NAMED, after).names_kept) == ((), 1.0)


def test_methods_are_compared_by_their_qualified_names() -> None:
    before = "class A:\n    def f(self, a):\n        return a  # kept\n"
    assert lost(before, before.replace("  # kept", ""), "A.f").comments == ("# kept",)


def test_where_there_is_no_function_nothing_is_lost() -> None:
    for after in ("", "def g(a):\n    return a\n", "def f(:\n"):
        assert lost(COMMENTED, after) == Losses()
