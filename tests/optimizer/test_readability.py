"""The numbers of readability agree with the definitions that they are taken from."""

import textwrap

import pytest

from perfbot.optimizer.readability import cognitive, cyclomatic, length, nesting

CASES = {
    "a prime sieve with a labelled continue in the paper, whose else stands for it here": (
        7,
        """
        def f(most):
            total = 0
            for i in range(most):           # 1
                for j in range(2, i):       # 2
                    if i % j == 0:          # 3
                        break
                else:                       # 1
                    total += i
            return total
        """,
    ),
    "a switch": (
        1,
        """
        def f(number):
            match number:                   # 1
                case 1:
                    return "one"
                case 2:
                    return "a couple"
                case _:
                    return "lots"
        """,
    ),
    "else and elif cost one at every depth": (
        1 + (2 + 1 + 1),
        """
        def f(a, b):
            while a:                        # 1
                if b == 1:                  # 2
                    pass
                elif b == 2:                # 1
                    pass
                else:                       # 1
                    pass
        """,
    ),
    "an if inside an else is nested": (
        1 + 1 + 2,
        """
        def f(a, b):
            if a:                           # 1
                pass
            else:                           # 1
                if b:                       # 2
                    pass
        """,
    ),
    "runs of one operator": (
        1 + 3,
        """
        def f(a, b, c, d, e, g):
            if a and b and c or d or e and g:  # 1 and 3
                return 1
        """,
    ),
    "a negated group is a run of its own": (
        1 + 1 + 1,
        """
        def f(a, b, c):
            if a and not (b and c):         # 1 and 2
                return 1
        """,
    ),
    "or, and, or": (3, "def f(a, b, c, d):\n    return a or b and c or d\n"),
    "exceptions": (
        1 + 2 + 1 + 2,
        """
        def f(a):
            try:
                if a:                       # 1
                    for each in a:          # 2
                        pass
            except ValueError:              # 1
                if a:                       # 2
                    pass
            finally:
                pass
        """,
    ),
    "recursion": (
        1 + 1,
        """
        def f(n):                           # 1
            if n < 2:                       # 1
                return n
            return f(n - 1) + f(n - 2)
        """,
    ),
    "nested functions deepen": (
        2 + 2,
        """
        def f(a):
            def inner():
                if a:                       # 2
                    pass
            inner()
            return lambda b: 1 if b else 2  # 2
        """,
    ),
    "a decorator's wrapper is not nested": (
        1,
        """
        def f(function):
            def wrapper(*arguments):
                if arguments:               # 1
                    return function(*arguments)
            return wrapper
        """,
    ),
    "a comprehension is no break in the flow": (0, "def f(a):\n    return [b for b in a if b]\n"),
}


@pytest.mark.parametrize("name", CASES)
def test_cognitive_complexity_is_that_of_its_definition(name):
    expected, code = CASES[name]
    assert cognitive(textwrap.dedent(code).encode(), "f") == expected


def test_cyclomatic_complexity_counts_decisions():
    source = (
        b"def f(x):\n    for i in x:\n        if i and x:\n            return [a for a in x if a]\n"
    )
    assert cyclomatic(source, "f") == 1 + 1 + 1 + 1 + 2


def test_methods_are_found_by_their_names():
    source = b"class A:\n    def f(self, a):\n        return 1 if a else self.f(2)\n"
    assert (cognitive(source, "A.f"), cyclomatic(source, "A.f"), length(source, "A.f")) == (2, 2, 2)


def test_what_cannot_be_read_is_nothing():
    for source in (b"def f(:\n", b"x = 1\n", b"# coding: nonsense\n", b""):
        measures = (cognitive, cyclomatic, nesting, length)
        assert [measure(source, "f") for measure in measures] == [0, 0, 0, 0]


NESTED = {
    "nothing nests": (0, "def f(a):\n    return [b for b in a if b]\n"),
    "a loop and an if": (2, "def f(a):\n    for b in a:\n        if b:\n            return b\n"),
    "elif goes no deeper, an if in an else does": (
        2,
        """
        def f(a):
            if a == 1:
                return 1
            elif a == 2:
                return 2
            else:
                if a:
                    return 3
        """,
    ),
    "handlers and cases count by the deepest": (
        3,
        """
        def f(a):
            try:
                pass
            except ValueError:
                match a:
                    case 1:
                        with a:
                            pass
        """,
    ),
    "an inner function is a level": (
        2,
        "def f(a):\n    def g():\n        if a:\n            a()\n",
    ),
}


@pytest.mark.parametrize("name", NESTED)
def test_nesting_is_how_deep_blocks_stand_in_each_other(name):
    expected, code = NESTED[name]
    assert nesting(textwrap.dedent(code).encode(), "f") == expected
