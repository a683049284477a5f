"""Algorithm Design: whole texts and lists compared, reversed or cleaned in one step."""

from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import effects, kinds, syntax
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Rewrite, Scene
from perfbot.optimizer.strategies import Category


@rule(Category.ALGORITHM, "palindrome loop to reversed slice")
def palindrome_loop(scene: Scene) -> Iterator[Rewrite]:
    """``for i in range(len(s)): if s[i] != s[len(s) - 1 - i]: return False`` on a text."""
    for loop in syntax.find(scene.function.body, cst.For):
        body = syntax.body_of(loop)
        if loop.orelse is not None or len(body) != 1 or not isinstance(body[0], cst.If):
            continue
        name = _mirrored(body[0].test, syntax.code(loop.target))
        if name is None or body[0].orelse is not None or not _goes_half_way(loop.iter, name):
            continue
        leaves = [syntax.only_small(each) for each in syntax.body_of(body[0])]
        match leaves:
            case [cst.Return(value=cst.BaseExpression() as value)] if syntax.is_pure(value):
                uses_place = syntax.code(loop.target) in syntax.names_read(value)
            case _:
                continue
        text = cst.Name(name)
        if uses_place or effects.read_after(scene, loop, syntax.code(loop.target)):
            continue
        seen = kinds.kind_at(scene, text, loop)
        if seen is None or not seen.only("str") or not scene.is_builtin("len"):
            continue
        test = cst.parse_expression(f"{name} != {name}[::-1]")
        why = (
            f"The loop compares the characters of `{name}` (up to {seen.longest}) one by one; comparing "
            "with its reverse does so in C."
        )
        new = body[0].with_changes(test=test)
        yield scene.rewrite({loop: effects.in_place_of(loop, new)}, why)


def _mirrored(test: cst.BaseExpression, index: str) -> str | None:
    """Return ``s`` of ``s[i] != s[len(s) - 1 - i]`` in one of its spellings."""
    match test:
        case cst.Comparison(
            left=cst.Subscript(value=cst.Name(value=name)),
            comparisons=[cst.ComparisonTarget(operator=cst.NotEqual(), comparator=right)],
        ):
            pass
        case _:
            return None
    far = (
        *(f"len({name}) - 1 - {index}", f"len({name}) - {index} - 1", f"-1 - {index}"),
        *(
            f"-{index} - 1",
            f"-({index} + 1)",
            f"-(1 + {index})",
            f"~{index}",
            f"len({name}) - ({index} + 1)",
        ),
    )
    near = syntax.same_shape(test.left, f"{name}[{index}]")
    return (
        name if near and any(syntax.same_shape(right, f"{name}[{each}]") for each in far) else None
    )


def _goes_half_way(iterable: cst.BaseExpression, name: str) -> bool:
    whole, half = f"len({name})", f"len({name}) // 2"
    spans = [f"range({end})" for end in (whole, half)] + [
        f"range(0, {end})" for end in (whole, half)
    ]
    return any(syntax.same_shape(iterable, each) for each in (*spans, f"range(int({whole} / 2))"))


@rule(Category.ALGORITHM, "reversal loop to reversed slice")
def reversal_loop(scene: Scene) -> Iterator[Rewrite]:
    """``out = ""`` and ``for c in s: out = c + out`` on a text."""
    for loop in syntax.find(scene.function.body, cst.For):
        body = syntax.body_of(loop)
        where = effects.block_of(scene, loop)
        if loop.orelse is not None or len(body) != 1 or where is None or where[1] == 0:
            continue
        start = where[0][where[1] - 1]
        found = syntax.assignment(start)
        if found is None or not syntax.same_as(found[1], '""', "''", "str()"):
            continue
        item = syntax.code(loop.target)
        steps = (f"{found[0]} = {item} + {found[0]}\n",)
        if not any(syntax.same(body[0], cst.parse_statement(each)) for each in steps):
            continue
        seen = kinds.kind_at(scene, loop.iter)
        if seen is None or not seen.only("str") or effects.read_after(scene, loop, item):
            continue
        if not isinstance(loop.iter, cst.Name) or found[0] == loop.iter.value or item == found[0]:
            continue
        new = cst.parse_statement(f"{found[0]} = {loop.iter.value}[::-1]\n")
        why = (
            f"Each character of `{loop.iter.value}` copies all that is reversed so far; a slice with step "
            "-1 reverses at once."
        )
        changes: dict[cst.CSTNode, Change] = {
            start: effects.in_place_of(start, new),
            loop: cst.RemoveFromParent(),
        }
        yield scene.rewrite(changes, why)


@rule(Category.ALGORITHM, "repeated remove to one pass")
def repeated_remove(scene: Scene) -> Iterator[Rewrite]:
    """``while x in items: items.remove(x)`` on a list: every removal searches and moves anew."""
    for loop in syntax.find(scene.function.body, cst.While):
        body = syntax.body_of(loop)
        match loop.test:
            case cst.Comparison(
                left=wanted,
                comparisons=[
                    cst.ComparisonTarget(operator=cst.In(), comparator=cst.Name(value=name))
                ],
            ):
                pass
            case _:
                continue
        remove = cst.parse_statement(f"{name}.remove({syntax.code(wanted)})\n")
        if loop.orelse is not None or len(body) != 1 or not syntax.same(body[0], remove):
            continue
        if not isinstance(wanted, cst.Name | cst.Integer | cst.SimpleString):
            continue
        seen = kinds.kind_at(scene, cst.Name(name), loop)
        if seen is None or not seen.only("list") or not kinds.has_plain_equality(seen.elements):
            continue
        if not kinds.has_plain_equality(kinds.kind_at(scene, wanted)):
            continue
        item = scene.fresh("item")
        new = cst.parse_statement(
            f"{name}[:] = [{item} for {item} in {name} if {item} != {syntax.code(wanted)}]\n"
        )
        why = (
            f"Each `remove` searches `{name}` from its start and moves what follows; one pass keeps the "
            "rest, in the same list object."
        )
        yield scene.rewrite({loop: effects.in_place_of(loop, new)}, why)


@rule(Category.ALGORITHM, "list consumed by slices to a loop")
def consumed_by_slices(scene: Scene) -> Iterator[Rewrite]:
    """``while xs: x = xs[0]; xs = xs[1:]; …``: every round copies the rest of the list or text."""
    for loop in syntax.find(scene.function.body, cst.While):
        name = _consumed(loop)
        if name is None or loop.orelse is not None:
            continue
        body = syntax.body_of(loop)
        first = syntax.assignment(body[0])
        rest = body[2:]
        seen = kinds.kind_at(scene, cst.Name(name), loop)
        if first is None or seen is None or not seen.only("list", "tuple", "str"):
            continue
        if any(each.value == name for line in rest for each in syntax.find(line, cst.Name)):
            continue
        if effects.read_after(scene, loop, name) or not _stays_whole(scene, loop, name):
            continue
        head = cst.For(
            target=cst.Name(first[0]),
            iter=cst.Name(name),
            body=cst.IndentedBlock(rest),
            leading_lines=loop.leading_lines,
        )
        why = (
            f"`{name} = {name}[1:]` copies all that is left of `{name}` in every round; a `for` loop visits "
            "the same items without copies."
        )
        yield scene.rewrite({loop: head}, why)


def _consumed(loop: cst.While) -> str | None:
    """Return ``xs`` of a loop that takes the first item off until nothing is left."""
    body = syntax.body_of(loop)
    if len(body) < 3:
        return None
    first, second = syntax.assignment(body[0]), syntax.assignment(body[1])
    if first is None or second is None or first[0] == second[0]:
        return None
    name = second[0]
    filled = (
        name,
        f"len({name}) > 0",
        f"len({name})",
        f"len({name}) != 0",
        f"{name} != []",
        f"{name} != ''",
    )
    fits = syntax.same_shape(first[1], f"{name}[0]") and syntax.same_shape(second[1], f"{name}[1:]")
    return name if fits and any(syntax.same_shape(loop.test, each) for each in filled) else None


def _stays_whole(scene: Scene, loop: cst.While, name: str) -> bool:
    """Say whether nothing else in the loop can change the list, under whatever name."""
    rest = syntax.body_of(loop)[2:]
    return all(
        effects.is_fresh(scene, other) and not effects.is_aliased(scene, name)
        for line in rest
        for other in effects.altered_names(line)
    )


@rule(Category.ALGORITHM, "close pair by sorting")
def close_pair(scene: Scene) -> Iterator[Rewrite]:
    """Two loops over one list of numbers that ask whether any two differ by less than a limit.

    If any two do, two neighbours of the sorted list do, also with rounded differences: rounding
    keeps the order. NaN, which is close to nothing, is left out.
    """
    for loop in syntax.find(scene.function.body, cst.For):
        found = _pairs_asked(scene, loop)
        if found is None:
            continue
        items, limit, leave = found
        seen = kinds.kind_at(scene, cst.Name(items), loop)
        if seen is None or not seen.only("list", "tuple") or seen.elements is None:
            continue
        if not (seen.elements.only("int") or seen.elements.only("float")):
            continue
        names = frozenset(name.value for name in syntax.stores(loop))
        if any(effects.read_after(scene, loop, name) for name in names):
            continue
        ordered, low, high = (scene.fresh(each) for each in ("ordered", "low", "high"))
        keep = (
            f"{low} for {low} in {items} if {low} == {low}"
            if seen.elements.only("float")
            else items
        )
        lines = [
            cst.parse_statement(f"{ordered} = sorted({keep})\n"),
            cst.parse_statement(
                f"for {low}, {high} in zip({ordered}, {ordered}[1:]):\n"
                f"    if {high} - {low} {limit}:\n        {leave}\n"
            ),
        ]
        why = (
            f"All pairs of `{items}` (up to {seen.longest} items) are compared; in sorted order, the "
            "closest two are neighbours."
        )
        if all(map(scene.is_builtin, ("sorted", "zip", "abs"))):
            yield scene.rewrite({loop: effects.in_place_of(loop, *lines)}, why)


def _pairs_asked(scene: Scene, loop: cst.For) -> tuple[str, str, str] | None:
    """Return the list, ``< limit`` and the statement that ends the search."""
    inner = syntax.body_of(loop)
    if len(inner) != 1 or not isinstance(inner[0], cst.For) or loop.orelse or inner[0].orelse:
        return None
    outer_names, inner_names = _pair_of(loop), _pair_of(inner[0])
    body = syntax.body_of(inner[0])
    if outer_names is None or inner_names is None or len(body) != 1:
        return None
    items = _same_items(loop, inner[0], outer_names, inner_names)
    if items is None:
        return None
    test = body[0]
    if not _later_only(inner[0], outer_names[0], items):
        test = _other_place(test, outer_names[0], inner_names[0])
    return _close_test(scene, test, items, outer_names, inner_names)


def _pair_of(loop: cst.For) -> tuple[str, str | None] | None:
    """Return the names of the place and of the item, if there is one, that a loop binds."""
    match loop.target:
        case cst.Name(value=place):
            return place, None
        case cst.Tuple(
            elements=[
                cst.Element(value=cst.Name(value=place)),
                cst.Element(value=cst.Name(value=item)),
            ]
        ):
            return place, item
    return None


def _same_items(
    outer: cst.For, inner: cst.For, one: tuple[str, str | None], other: tuple[str, str | None]
) -> str | None:
    for loop, (_, item) in ((outer, one), (inner, other)):
        if not isinstance(loop.iter, cst.Call) or not loop.iter.args:
            return None
        if item is not None and syntax.called_name(loop.iter) != "enumerate":
            return None
    names = [_walked(loop.iter) for loop in (outer, inner)]
    return names[0] if names[0] is not None and names[0] == names[1] else None


def _walked(iterable: cst.BaseExpression) -> str | None:
    """Return ``xs`` of ``enumerate(xs)``, ``range(len(xs))`` or ``range(i + 1, len(xs))``."""
    match iterable:
        case cst.Call(func=cst.Name(value="enumerate"), args=[cst.Arg(value=cst.Name(value=name))]):
            return name
        case cst.Call(func=cst.Name(value="range"), args=[*_, cst.Arg(value=stop)]):
            match stop:
                case cst.Call(
                    func=cst.Name(value="len"), args=[cst.Arg(value=cst.Name(value=name))]
                ):
                    return name
    return None


def _later_only(inner: cst.For, place: str, items: str) -> bool:
    return syntax.same_shape(inner.iter, f"range({place} + 1, len({items}))")


def _other_place(test: cst.BaseStatement, one: str, other: str) -> cst.BaseStatement:
    """Return what ``if i != j:`` guards, where the loops also pair an item with itself."""
    if isinstance(test, cst.If) and test.orelse is None:
        body = syntax.body_of(test)
        apart = (f"{one} != {other}", f"{other} != {one}")
        if any(syntax.same_shape(test.test, each) for each in apart):
            return (
                body[0]
                if len(body) == 1
                else cst.If(test=cst.Name("True"), body=cst.IndentedBlock(body))
            )
    return cst.SimpleStatementLine([cst.Pass()])


def _close_test(
    scene: Scene,
    test: cst.BaseStatement,
    items: str,
    one: tuple[str, str | None],
    other: tuple[str, str | None],
) -> tuple[str, str, str] | None:
    first = one[1] or f"{items}[{one[0]}]"
    second = other[1] or f"{items}[{other[0]}]"
    test, differences = _named(test, [f"abs({first} - {second})", f"abs({second} - {first})"])
    match test:
        case cst.If(
            test=cst.Comparison(
                left=left,
                comparisons=[
                    cst.ComparisonTarget(
                        operator=cst.LessThan() | cst.LessThanEqual() as sign,
                        comparator=cst.Name() | cst.Integer() | cst.Float() as limit,
                    )
                ],
            ),
            orelse=None,
        ):
            leave = _constant_return(test)
        case _:
            return None
    asked = any(syntax.same_shape(left, each) for each in differences)
    if not asked or leave is None or syntax.code(limit) in (*one, *other, *differences):
        return None
    symbol = "<" if isinstance(sign, cst.LessThan) else "<="
    return items, f"{symbol} {syntax.code(limit)}", leave


def _named(test: cst.BaseStatement, differences: list[str]) -> tuple[cst.BaseStatement, list[str]]:
    """Follow ``distance = abs(a - b)`` before the test to the name that stands for the difference."""
    if isinstance(test, cst.If) and syntax.same_shape(test.test, "True"):
        lines = syntax.body_of(test)
        found = syntax.assignment(lines[0])
        if len(lines) == 2 and found is not None and syntax.code(found[1]) in differences:
            return lines[1], [found[0]]
    return test, differences


def _constant_return(test: cst.If) -> str | None:
    """Return ``return …`` of a block that only returns a literal."""
    match [syntax.only_small(each) for each in syntax.body_of(test)]:
        case [cst.Return(value=cst.BaseExpression() as value)]:
            return f"return {syntax.code(value)}" if syntax.constant(value) is not ... else None
    return None
