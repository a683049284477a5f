"""What is certain of an expression's type, and that doubt always wins."""

import textwrap

import libcst as cst
import pytest

from perfbot.optimizer import certainty
from perfbot.optimizer.scene import Scene
from perfbot.profiling.facts import Seen

INT, STR, FLOAT = (Seen(frozenset({name})) for name in ("int", "str", "float"))


def scene_of(source: str, **facts: Seen) -> Scene:
    return Scene(cst.parse_module(textwrap.dedent(source)), "f", facts)


def sure(text: str, body: str = "return None", **facts: Seen) -> frozenset[str] | None:
    scene = scene_of(f"def f({', '.join(facts)}):\n    {body}\n", **facts)
    found = certainty.sure(scene, cst.parse_expression(text))
    return found.types if found is not None else None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("n + 1", "int"),
        ("n % 3", "int"),
        ("s + 'x'", "str"),
        ("s.lower()", "str"),
        ("s.startswith('a')", "bool"),
        ("s.replace('a', 'b')", "str"),
        ("len(s)", "int"),
        ("str(n)", "str"),
        ("n < 3 and n > 1", "bool"),
        ("n in (1, 2, 3)", "bool"),
        ("f'{n}-{s}'", "str"),
        ("x * 2.0", "float"),
        ("n if n > 0 else -n", "int"),
        ("sorted(s)", "list"),
        ("s.split(',')", "list"),
        ("[n, 1]", "list"),
        ("(n, s)", "tuple"),
    ],
)
def test_calculations_that_cannot_fail_have_a_type(text: str, kind: str) -> None:
    assert sure(text, n=INT, s=STR, x=FLOAT) == {kind}


@pytest.mark.parametrize(
    "text",
    [
        "n / 2",
        "n // m",
        "n % 0",
        "n ** m",
        "n < s",
        "n + s",
        "s[0]",
        "s.index('a')",
        "int(s)",
        "unknown(n)",
        "n.bit_length(3)",
        "f'{n:{s}}'",
        "n in s",
        "s.split('')",
        "s.split(s)",
        "sorted([n, s])",
        "[int(c) for c in s]",
        "[n, other]",
        "other",
    ],
)
def test_what_may_fail_is_not_sure(text: str) -> None:
    assert sure(text, n=INT, m=INT, s=STR) is None


def test_a_parameter_that_is_bound_anew_to_something_unknown_is_not_sure() -> None:
    assert sure("n", "n = other()", n=INT) is None


def test_the_items_of_a_list_that_is_changed_are_not_known() -> None:
    numbers = Seen(frozenset({"list"}), INT)
    scene = scene_of("def f(xs):\n    xs.append('a')\n", xs=numbers)
    assert certainty.is_sure(scene, cst.Name("xs"), "list")
    assert certainty.items(scene, cst.Name("xs")) is None


def test_the_variable_of_a_loop_has_the_type_of_the_items() -> None:
    scene = scene_of(
        "def f(table):\n    for i, (name) in enumerate(table):\n        print(i, name)\n",
        table=Seen(frozenset({"dict"}), STR, INT),
    )
    assert certainty.is_sure(scene, cst.Name("i"), "int")
    assert certainty.is_sure(scene, cst.Name("name"), "str")


def test_keys_and_values_of_a_dict_are_told_apart() -> None:
    scene = scene_of(
        "def f(table):\n    for key, value in table.items():\n        print(key, value)\n",
        table=Seen(frozenset({"dict"}), STR, INT),
    )
    assert certainty.is_sure(scene, cst.Name("key"), "str")
    assert certainty.is_sure(scene, cst.Name("value"), "int")


def test_a_total_keeps_its_type_only_as_long_as_the_same_is_added() -> None:
    source = "def f(xs):\n    total = 0\n    for x in xs:\n        total += x\n"
    whole = scene_of(source, xs=Seen(frozenset({"list"}), INT))
    mixed = scene_of(source, xs=Seen(frozenset({"list"}), FLOAT))
    assert certainty.is_sure(whole, cst.Name("total"), "int")
    assert not certainty.is_sure(mixed, cst.Name("total"), "int")


@pytest.mark.parametrize(
    "line",
    [
        "with open('a') as n: pass",
        "del n",
        "lambda n: n",
        "(n := 'a')",
        "import n",
        "def n(): pass",
    ],
)
def test_a_variable_bound_in_other_ways_is_not_sure(line: str) -> None:
    assert sure("n", line, n=INT) is None


def test_a_name_that_is_no_local_variable_is_not_sure() -> None:
    assert sure("somewhere") is None


def test_a_builtin_that_means_something_else_is_not_sure() -> None:
    scene = scene_of("def len(x): return x\ndef f(s):\n    return len(s)\n", s=STR)
    assert certainty.sure(scene, cst.parse_expression("len(s)")) is None


def test_a_comprehension_of_sure_parts_is_a_list_of_their_type() -> None:
    scene = scene_of(
        """
        def f(words):
            short = [word.strip() for word in words if word > "a"]
            for each in short:
                print(each)
        """,
        words=Seen(frozenset({"list"}), STR),
    )
    assert certainty.items(scene, cst.Name("short")) == STR
    assert certainty.is_sure(scene, cst.Name("each"), "str")
