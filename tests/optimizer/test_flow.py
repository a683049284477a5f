"""What a loop leaves behind, and what may change while it runs."""

import textwrap

import libcst as cst
import pytest

from perfbot.optimizer import flow, syntax, writing
from perfbot.optimizer.scene import Scene
from perfbot.profiling.facts import Seen

INT, STR = Seen(frozenset({"int"})), Seen(frozenset({"str"}))
NUMBERS, WORDS = Seen(frozenset({"list"}), INT), Seen(frozenset({"list"}), STR)


def scene_of(source: str, **facts: Seen) -> Scene:
    return Scene(cst.parse_module(textwrap.dedent(source)), "f", facts)


def first_loop(scene: Scene) -> cst.For:
    return next(flow.for_loops(scene))


@pytest.mark.parametrize(
    "line", ["global n", "del n", "locals()", "exec('n = 1')", "match n:\n        case 1: pass"]
)
def test_a_function_that_hides_what_its_variables_hold_is_not_plain(line: str) -> None:
    scene = scene_of(f"def f():\n    n = 1\n    {line}\n    for x in []:\n        pass\n")
    assert not flow.is_plain(scene)
    assert list(flow.for_loops(scene)) == []


@pytest.mark.parametrize(
    ("after", "ends"),
    [
        ("return total", True),
        ("return x", False),
        ("for x in ys:\n        total += x", True),
        ("return [x for x in ys]", True),
        ("return [y for y in ys if x]", False),
        ("return lambda: x", False),
        ("for x in x:\n        total += 1", False),
    ],
)
def test_a_loop_variable_ends_with_its_loop_unless_somebody_reads_it(
    after: str, ends: bool
) -> None:
    source = f"def f(xs, ys):\n    total = 0\n    for x in xs:\n        total += x\n    {after}\n"
    scene = scene_of(source)
    assert flow.ends_with_loop(scene, first_loop(scene), ["x"]) is ends


def test_an_inner_loop_on_the_same_variable_does_not_end_it() -> None:
    scene = scene_of(
        """
        def f(xs, ys):
            for x in xs:
                for x in ys:
                    print(x)
                print(x)
        """
    )
    inner = list(flow.for_loops(scene))[1]
    assert not flow.ends_with_loop(scene, inner, ["x"])


@pytest.mark.parametrize(
    ("line", "quiet"),
    [
        ("total += len(ys)", True),
        ("found.append(x)", True),
        ("found[0] = x", True),
        ("ys.append(x)", False),
        ("ys[0] = x", False),
        ("unknown(x)", False),
        ("self.n = x", False),
        ("yield x", False),
        ("ys += [x]", False),
        ("x.pop()", False),
        ("sorted(ys, key=unknown)", False),
        ("ys[0], ys[1] = 1, 2", False),
    ],
)
def test_only_the_functions_own_containers_may_change_in_a_quiet_loop(
    line: str, quiet: bool
) -> None:
    source = (
        f"def f(xs, ys, self):\n    found = []\n    total = 0\n    for x in xs:\n        {line}\n"
    )
    scene = scene_of(source, xs=NUMBERS, ys=NUMBERS)
    assert flow.is_quiet(scene, first_loop(scene)) is quiet


def test_a_start_is_found_only_where_nothing_uses_the_variable_before_the_loop() -> None:
    near = scene_of(
        "def f(xs):\n    out = []\n    n = 1\n    for x in xs:\n        out.append(n)\n"
    )
    used = scene_of(
        "def f(xs):\n    out = []\n    n = out\n    for x in xs:\n        out.append(n)\n"
    )
    start = flow.start_of(near, first_loop(near), "out")
    assert start is not None
    assert syntax.code(start.value) == "[]"
    assert flow.start_of(used, first_loop(used), "out") is None


@pytest.mark.parametrize(
    ("body", "constant"),
    [("total += n", True), ("n += 1", False), ("xs.append(n)", True), ("for n in xs: pass", False)],
)
def test_a_number_is_constant_as_long_as_it_is_not_bound_anew(body: str, constant: bool) -> None:
    scene = scene_of(
        f"def f(xs, n):\n    total = 0\n    for x in xs:\n        {body}\n", xs=NUMBERS, n=INT
    )
    loop = first_loop(scene)
    assert flow.is_constant_in(scene, loop, cst.parse_expression("n + 1")) is constant


@pytest.mark.parametrize(
    ("body", "constant"), [("total += x", True), ("ys.append(x)", False), ("xs.append(x)", False)]
)
def test_a_length_is_constant_only_while_no_list_from_outside_changes(
    body: str, constant: bool
) -> None:
    scene = scene_of(
        f"def f(xs, ys):\n    total = 0\n    for x in [1, 2]:\n        {body}\n",
        xs=NUMBERS,
        ys=NUMBERS,
    )
    loop = first_loop(scene)
    assert flow.is_constant_in(scene, loop, cst.parse_expression("len(ys)")) is constant


def test_a_variable_is_bound_before_a_loop_only_if_every_way_there_binds_it() -> None:
    scene = scene_of(
        """
        def f(xs, n):
            sure = 1
            if n:
                perhaps = 2
            for x in xs:
                for y in xs:
                    print(sure, perhaps, x, n)
        """
    )
    inner = list(flow.for_loops(scene))[1]
    bound = {
        name for name in ("sure", "perhaps", "x", "n") if flow.is_bound_before(scene, inner, name)
    }
    assert bound == {"sure", "x", "n"}


def test_a_new_local_avoids_the_functions_names_keywords_and_builtins() -> None:
    scene = scene_of("def f(row):\n    return row\n")
    assert writing.fresh_local(scene, "row") == "row_2"
    assert writing.fresh_local(scene, "len") == "len_2"
    assert writing.fresh_local(scene, "total") == "total"


def test_an_exchanged_node_stands_in_each_place_as_a_copy() -> None:
    scene = scene_of("def f(xs):\n    return xs[0] + xs[0]\n")
    places = list(syntax.find(scene.function, cst.Subscript))
    name = cst.Name("first")
    new = writing.exchanged(scene.function, dict.fromkeys(places, name))
    found = [each for each in syntax.find(new, cst.Name) if each.value == "first"]
    assert len({id(each) for each in found}) == 2


@pytest.mark.parametrize(
    ("line", "private"),
    [
        ("return len(parts)", True),
        ("return [part for part in parts]", True),
        ("parts.append('a')", True),
        ("return parts", True),
        ("unknown(parts)", False),
        ("other = parts", False),
        ("other = [parts]", False),
        ("yield parts", False),
        ("return lambda: parts", False),
    ],
)
def test_a_list_is_private_until_somebody_else_can_know_it(line: str, private: bool) -> None:
    scene = scene_of(f"def f(text):\n    parts = text.split(',')\n    {line}\n", text=STR)
    assert flow.is_private(scene, "parts") is private
