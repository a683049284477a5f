"""What a loop changes, what it shares, and where a value may be computed once."""

import libcst as cst
import pytest

from perfbot.optimizer import effects, syntax
from perfbot.optimizer.scene import Scene
from perfbot.profiling.facts import Seen

LIST = Seen(frozenset({"list"}), Seen(frozenset({"int"})))


def scene_of(source: str, **facts: Seen) -> Scene:
    return Scene(cst.parse_module(source), "f", facts)


def first(scene: Scene, kind: type[syntax.Node]) -> syntax.Node:
    return next(syntax.find(scene.function.body, kind))


@pytest.mark.parametrize(
    "line",
    [
        "xs.append(1)",
        "xs[0] = 1",
        "del xs[0]",
        "xs += [1]",
        "xs[0], y = 1, 2",
        "change(xs)",
        "y.sort(xs)",
        "make()(xs)",
        "xs.field.clear()",
    ],
)
def test_whatever_may_change_a_list_counts(line: str) -> None:
    assert effects.alters(cst.parse_statement(line), "xs")


@pytest.mark.parametrize(
    "line", ["y = xs[0]", "len(xs)", "ys.append(xs)", "xs.index(1)", "y = (xs[0], 1)", "xs = []"]
)
def test_looking_keeping_and_binding_anew_change_nothing(line: str) -> None:
    assert not effects.alters(cst.parse_statement(line), "xs")


def loop_source(body: str, *, before: str = "out = []") -> str:
    return f"def f(xs, ys):\n    {before}\n    for x in xs:\n        {body}\n    return out\n"


def test_a_list_of_the_functions_own_cannot_be_a_parameter() -> None:
    scene = scene_of(loop_source("out.append(x in ys)"), xs=LIST, ys=LIST, out=LIST)
    assert effects.unchanged(scene, first(scene, cst.For), {"ys"})


def test_two_parameters_may_be_one_list() -> None:
    scene = scene_of(loop_source("xs.append(x in ys)"), xs=LIST, ys=LIST)
    assert not effects.unchanged(scene, first(scene, cst.For), {"ys"})


def test_a_dict_and_a_list_are_not_one_object() -> None:
    table = Seen(frozenset({"dict"}))
    scene = scene_of(loop_source("xs.pop(x)"), xs=table, ys=LIST)
    assert effects.unchanged(scene, first(scene, cst.For), {"ys"})


def test_a_second_name_is_remembered() -> None:
    source = loop_source("out.append(x in ys)", before="out = []; ys = out")
    scene = scene_of(source.replace("; ", "\n    "), xs=LIST, ys=LIST, out=LIST)
    assert not effects.unchanged(scene, first(scene, cst.For), {"ys"})


def test_after_a_yield_anything_may_have_changed() -> None:
    scene = scene_of(loop_source("yield x in ys"), xs=LIST, ys=LIST)
    assert not effects.unchanged(scene, first(scene, cst.For), {"ys"})


def test_a_value_goes_before_the_outermost_loop_that_leaves_it_alone() -> None:
    source = """\
def f(xs, ys):
    for x in xs:
        ys = g(x)
        for y in xs:
            for z in xs:
                z in ys
"""
    scene = scene_of(source, xs=LIST, ys=LIST)
    place = effects.hoisting_place(scene, first(scene, cst.Comparison), {"ys"})
    assert isinstance(place, cst.For)
    assert syntax.code(place.target) == "y"


def test_a_generator_that_is_handed_on_may_run_later() -> None:
    scene = scene_of("def f(xs, ys):\n    return (x in ys for x in xs)\n", xs=LIST, ys=LIST)
    assert effects.hoisting_place(scene, first(scene, cst.Comparison), {"ys"}) is None


def test_a_generator_that_is_used_up_at_once_runs_there() -> None:
    scene = scene_of("def f(xs, ys):\n    return any(x in ys for x in xs)\n", xs=LIST, ys=LIST)
    assert effects.hoisting_place(scene, first(scene, cst.Comparison), {"ys"}) is not None


@pytest.mark.parametrize(
    ("rest", "read"),
    [
        ("return x", True),
        ("return 0", False),
        ("return [x for x in xs]", False),
        ("for x in xs:\n        print(x)", False),
        ("return lambda: x", True),
    ],
)
def test_a_loop_variable_is_read_after_its_loop(rest: str, read: bool) -> None:
    scene = scene_of(f"def f(xs):\n    for x in xs:\n        pass\n    {rest}\n")
    assert effects.read_after(scene, first(scene, cst.For), "x") is read


def test_a_variable_of_a_function_inside_is_another_one() -> None:
    source = """\
def f(xs):
    def g(n):
        for i in range(n):
            pass
    i = 0
    return i
"""
    scene = scene_of(source)
    assert not effects.read_after(scene, first(scene, cst.For), "i")


def test_the_next_round_of_an_outer_loop_comes_after_too() -> None:
    source = """\
def f(xs):
    while xs:
        print(x)
        for x in xs:
            pass
"""
    scene = scene_of(source)
    assert effects.read_after(scene, first(scene, cst.For), "x")
