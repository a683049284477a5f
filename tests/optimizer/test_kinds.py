"""What is known of a value depends on where it stands."""

import libcst as cst
import pytest

from perfbot.optimizer import kinds, syntax
from perfbot.optimizer.scene import Scene
from perfbot.profiling.facts import Seen

INT = Seen(frozenset({"int"}))
INTS = Seen(frozenset({"list"}), INT)
ROWS = Seen(frozenset({"list"}), Seen(frozenset({"tuple"}), Seen(frozenset({"str"}))))


def kind_of(source: str, name: str, **facts: Seen) -> Seen | None:
    scene = Scene(cst.parse_module(source), "f", facts)
    found = [
        call.args[0].value
        for call in syntax.find(scene.function.body, cst.Call)
        if syntax.called_name(call) == "ask"
    ]
    (wanted,) = [each for each in found if syntax.code(each) == name]
    return kinds.kind_at(scene, wanted)


def test_a_parameter_is_what_was_seen() -> None:
    assert kind_of("def f(n):\n    ask(n)\n", "n", n=INT) == INT


def test_the_parameter_of_an_inner_function_is_unknown() -> None:
    assert kind_of("def f(n):\n    def g(n):\n        ask(n)\n", "n", n=INT) is None


def test_the_variable_of_an_inner_function_is_unknown() -> None:
    source = "def f(n):\n    def g():\n        n = 'a'\n        ask(n)\n"
    assert kind_of(source, "n", n=INT) is None


def test_a_comprehension_gives_its_variable_the_items_kind() -> None:
    text = Seen(frozenset({"str"}))
    assert kind_of("def f(xs):\n    return [ask(x) for x in xs]\n", "x", xs=INTS, x=text) == INT


def test_a_loop_variable_is_what_the_items_are_not_what_the_last_one_was() -> None:
    mixed = Seen(frozenset({"list"}), Seen(frozenset({"int", "list"})))
    assert (
        kind_of("def f(xs):\n    for x in xs:\n        ask(x)\n", "x", xs=mixed, x=INT)
        == mixed.elements
    )


def test_a_tuple_is_taken_apart() -> None:
    source = "def f(rows):\n    return [ask(b) for a, b in rows]\n"
    assert kind_of(source, "b", rows=ROWS) == Seen(frozenset({"str"}))


def test_enumerate_counts_and_gives_items() -> None:
    source = "def f(xs):\n    return [ask(i) + ask(x) for i, x in enumerate(xs)]\n"
    assert kind_of(source, "i", xs=INTS) == INT
    assert kind_of(source, "x", xs=INTS) == INT


@pytest.mark.parametrize(
    ("seen", "fits"),
    [
        (Seen(frozenset({"int", "str", "float"})), True),
        (Seen(frozenset({"tuple"}), INT), True),
        (Seen(frozenset({"tuple"}), INTS), False),
        (Seen(frozenset({"list"})), False),
        (Seen(frozenset({"shop.Order"})), False),
        (None, False),
    ],
)
def test_only_builtin_values_are_known_to_be_hashable(seen: Seen | None, fits: bool) -> None:
    assert kinds.hashable(seen) is fits


@pytest.mark.parametrize(
    ("seen", "fits"),
    [
        (INT, True),
        (Seen(frozenset({"tuple"}), INT), True),
        (Seen(frozenset({"float"})), False),
        (Seen(frozenset({"int", "bool"})), False),
        (None, False),
    ],
)
def test_nan_and_mixed_types_have_no_total_order(seen: Seen | None, fits: bool) -> None:
    assert kinds.has_total_order(seen) is fits


@pytest.mark.parametrize(
    ("code", "fits"),
    [("n + 1", True), ("n // 2 * n", True), ("n / 2", False), ("-n", True), ("n ** m", False)],
)
def test_whole_numbers_stay_whole_under_these_operators(code: str, fits: bool) -> None:
    module = cst.parse_module(f"def f(n, m):\n    return {code}\n")
    scene = Scene(module, "f", {"n": INT, "m": INT})
    value = next(syntax.find(scene.function.body, cst.Return)).value
    assert value is not None
    assert kinds.is_int(scene, value) is fits
