"""Text from a target is used only where it is plain data."""

import ast

import pytest
from _perfbot_inside import canonical
from _perfbot_inside.drawn import CannotSpell
from _perfbot_inside.speller import Speller, evaluated
from hypothesis import given
from hypothesis import strategies as st

from perfbot.profiling.spelling import BRIEF, checked

HOSTILE = [
    "__import__('os').system('true')",
    "open('/etc/passwd')",
    "eval('1')",
    "(lambda: 1)()",
    "[].__class__",
    "Order.__init__",
    "Order.make()",
    "Order._secret",
    "RANDOM.__class__",
    "RANDOM.seed(1)",
    "'{0.__class__}'.format(1)",
    "[n for n in (1, 2) if exec('x')]",
    "[exec('x') for n in (1, 2)]",
    "[print for print in (1, 2)]",
    "f\"{open('x')}\"",
    "f'{n.__class__}'",
    "len(*[1])",
    "dict(**{'a': 1})",
    "{**{}}",
    "1 if 2 else 3",
    "(n := 1)",
    "2 ** 99999999",
    "'%s' % 1",
    "items[0]",
    "not 1",
    "1; 2",
    "import os",
    "await f()",
    "system('true')",
    "getattr(Order, 'x')",
    "",
    "(" * 5000,
    "[1] + " * 200 + "[1]",
    "'" + "a" * 5000 + "'",
    "1\x00",
]
HARMLESS = [
    "-1.5",
    "[f'item {n}' for n in range(400)]",
    "[(n, f'{a:04d}') for n, a in zip(range(9), RANDOM.choices(range(9), k=9))]",
    "Order(number=1, colour=Colour.RED)",
    "'\\n'.join([f'{n}' for n in range(9)])",
    "{n: [0] * 3 for n in range(9)}",
    "sorted(RANDOM.sample(range(90), 9))",
    "[round(RANDOM.uniform(0.0, 1.0), 2) for _ in range(9)]",
    "float('nan')",
    "b'\\x00' * 30",
    "...",
]
IMPORTS = {"Order": "shop", "Colour": "shop"}


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:30] or "empty")
def test_what_is_no_plain_data_is_refused(text: str) -> None:
    assert checked(text, IMPORTS) is None


@pytest.mark.parametrize("text", HARMLESS)
def test_plain_data_is_written_anew(text: str) -> None:
    found = checked(text, IMPORTS)
    assert found is not None
    assert ast.dump(ast.parse(found)) == ast.dump(ast.parse(text))


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.complex_numbers(),
)
KEYS = st.one_of(st.integers(), st.text(max_size=5))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.dictionaries(KEYS, inner),
        st.sets(KEYS),
        st.frozensets(KEYS),
        st.integers(0, 30).flatmap(lambda count: inner.map(lambda item: [item] * count)),
    ),
)


@given(VALUES)
def test_a_spelling_makes_the_same_value_again_or_one_of_its_form(value: object) -> None:
    speller = Speller("/nowhere", BRIEF)
    try:
        text = speller.argument(value)
    except CannotSpell:
        return
    rewritten = checked(text, speller.imports)
    assert rewritten is not None, text
    again = evaluated(rewritten, speller.names)
    assert type(again) is type(value)
    if not speller.draws:
        assert canonical.canonical(again) == canonical.canonical(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (list(range(0, 900, 3)), "list(range(0, 900, 3))"),
        ([f"KB-{n:04d}" for n in range(500)], "[f'KB-{n:04d}' for n in range(500)]"),
        ([[0] * 5 for _ in range(20)], "[[0, 0, 0, 0, 0] for _ in range(20)]"),
        ([True, False] * 40, "[True, False] * 40"),
        ("ab, " * 300, "'ab, ' * 300"),
        ({n: n + 1 for n in range(99)}, "{n: a for n, a in zip(range(99), range(1, 100))}"),
        (set(range(100)), "set(range(100))"),
        (
            [n * 7919 % 1009 % 7 for n in range(1_000)],
            "RANDOM.choices(range(7), k=1000)",
        ),
        ({*range(8), (2, 3)}, "{0, 1, 2, 3, 4, 5, 6, 7, (2, 3)}"),
        (frozenset(f"k{n}" for n in (10, 9, 8)), "frozenset({'k10', 'k8', 'k9'})"),
        (
            "".join("ACGT"[n * n % 7 % 4] for n in range(999)) + "T",
            "\"\".join(RANDOM.choices('ACGT', k=1000))",
        ),
    ],
)
def test_long_data_are_described_as_people_would(value: object, text: str | None) -> None:
    found = Speller("/nowhere", BRIEF).argument(value)
    assert found == text
