"""Algorithm Design: nested loops that look for partners, answered by an index built in one pass."""

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from perfbot.optimizer import effects, kinds, ranges, syntax
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Rewrite, Scene, exchanged
from perfbot.optimizer.strategies import Category
from perfbot.profiling.facts import Seen


@dataclass(frozen=True)
class _Join:
    """``for item in items if key(item) == wanted``, repeated by a loop that leaves the items alone."""

    target: cst.BaseAssignTargetExpression
    items: cst.BaseExpression
    key: cst.BaseExpression
    wanted: cst.BaseExpression
    place: cst.BaseStatement


@rule(Category.ALGORITHM, "nested loop join to index")
def nested_loop_join(scene: Scene) -> Iterator[Rewrite]:
    """``for a in xs: for b in ys: if b["k"] == a["k"]: …``: the ``ys`` are grouped by key once."""
    for loop in syntax.find(scene.function.body, cst.For):
        body = syntax.body_of(loop)
        if loop.orelse is not None or len(body) != 1 or not isinstance(body[0], cst.If):
            continue
        test = body[0]
        if test.orelse is not None:
            continue
        join = _join_of(scene, loop, loop.target, loop.iter, test.test)
        if join is None or not _leaves_keys_alone(test.body, join):
            continue
        if any(effects.read_after(scene, loop, name) for name in _names(loop.target)):
            continue
        index = scene.fresh("by_key")
        inner = loop.with_changes(
            iter=_matches(index, join), body=test.body, leading_lines=loop.leading_lines
        )
        yield _indexed(scene, join, index, {loop: inner})


@rule(Category.ALGORITHM, "filter per key to index")
def filter_per_key(scene: Scene) -> Iterator[Rewrite]:
    """``[b for b in ys if b["k"] == k]`` inside a loop: the ``ys`` are grouped by key once."""
    for clause in syntax.find(scene.function.body, cst.CompFor):
        parent = scene.parent(clause)
        if clause.inner_for_in or clause.asynchronous or len(clause.ifs) != 1:
            continue
        if not isinstance(parent, cst.ListComp | cst.SetComp | cst.DictComp | cst.GeneratorExp):
            continue
        join = _join_of(scene, parent, clause.target, clause.iter, clause.ifs[0].test)
        if join is not None and syntax.is_pure(parent):
            index = scene.fresh("by_key")
            new = clause.with_changes(iter=_matches(index, join), ifs=[])
            yield _indexed(scene, join, index, {clause: new})


def _names(target: cst.CSTNode) -> frozenset[str]:
    return frozenset(name.value for name in syntax.find(target, cst.Name))


def _join_of(
    scene: Scene,
    inner: cst.CSTNode,
    target: cst.BaseAssignTargetExpression,
    items: cst.BaseExpression,
    test: cst.BaseExpression,
) -> _Join | None:
    match test:
        case cst.Comparison(
            left=left, comparisons=[cst.ComparisonTarget(operator=cst.Equal(), comparator=right)]
        ):
            sides = ((left, right), (right, left))
        case _:
            return None
    names = _names(target)
    for key, wanted in sides:
        if not names & syntax.names_read(key) or names & syntax.names_read(wanted):
            continue
        needed = (syntax.names_read(key) | syntax.names_read(items)) - names
        place = _place(scene, inner, needed, names)
        if place is None or not all(map(syntax.is_pure, (key, wanted, items))):
            return None
        if not effects.contents_unchanged(scene, place, key, wanted):
            return None
        if _is_key(_kind_of_key(scene, target, items, key)) and _is_wanted(scene, inner, wanted):
            return _Join(target, items, key, wanted, place)
    return None


def _place(
    scene: Scene, inner: cst.CSTNode, needed: frozenset[str], own: frozenset[str]
) -> cst.BaseStatement | None:
    """Return the outer loop before which the index is built; its variables must not be the items' own."""
    place = effects.hoisting_place(scene, inner, needed)
    if place is None or place is inner:
        return None
    outer = {name.value for name in syntax.stores(place) if not _is_below(name, inner)}
    return None if outer & own else place


def _is_below(node: cst.CSTNode, top: cst.CSTNode) -> bool:
    return any(each is node for each in syntax.walk(top))


def _kind_of_key(
    scene: Scene,
    target: cst.BaseAssignTargetExpression,
    items: cst.BaseExpression,
    key: cst.BaseExpression,
) -> Seen | None:
    bound = cst.GeneratorExp(elt=key, for_in=cst.CompFor(target=target, iter=items))
    return kinds.kind_within(scene, key, bound.for_in)


def _is_key(seen: Seen | None) -> bool:
    """Say whether equality and hash agree: no floats, for a NaN is not equal to itself."""
    return seen is not None and kinds.hashable(seen) and "float" not in seen.types


def _is_wanted(scene: Scene, at: cst.CSTNode, wanted: cst.BaseExpression) -> bool:
    return kinds.hashable(kinds.kind_at(scene, wanted))


def _leaves_keys_alone(body: cst.CSTNode, join: _Join) -> bool:
    """Say whether a match binds none of the variables anew that the test uses."""
    return not (_names(join.target) | syntax.names_read(join.wanted)) & syntax.names_written(body)


def _matches(index: str, join: _Join) -> cst.BaseExpression:
    return cst.parse_expression(f"{index}.get({syntax.code(join.wanted)}, ())")


def _indexed(scene: Scene, join: _Join, index: str, changes: dict[cst.CSTNode, Change]) -> Rewrite:
    item = _as_value(join.target)
    append = cst.parse_statement(
        f"{index}.setdefault({syntax.code(join.key)}, []).append({syntax.code(item)})"
    )
    start = cst.parse_statement(f"{index} = {{}}")
    fill = cst.For(target=join.target, iter=join.items, body=cst.IndentedBlock([append]))
    why = (
        f"For each `{syntax.code(join.wanted)}` all of `{syntax.code(join.items)}` is searched; "
        f"`{index}` groups it by `{syntax.code(join.key)}` in one pass, in the same order."
    )
    before = effects.with_before(exchanged(join.place, changes), start, fill)
    return scene.rewrite({join.place: before}, why)


def _as_value(target: cst.BaseAssignTargetExpression) -> cst.BaseExpression:
    if isinstance(target, cst.Tuple) and not target.lpar:
        return target.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return target


@rule(Category.ALGORITHM, "pair search by lookup")
def pair_search(scene: Scene) -> Iterator[Rewrite]:
    """``for j in range(i + 1, len(xs)): if xs[i] + xs[j] == t: …`` over a list of ``int``.

    Also ``xs[i] == xs[j]``, where texts will do. The inner loop stays as it is, so that what it
    finds first is the same; it runs only when a dict of last places says that there is a partner.
    """
    for loop in syntax.find(scene.function.body, cst.For):
        searched = _last_search(scene, loop)
        if searched is None:
            continue
        items, first = searched
        place = effects.hoisting_place(scene, loop, {items})
        wanted = _wanted(scene, loop, items, place) if place is not None else None
        if place is None or wanted is None:
            continue
        last = scene.fresh("last_place")
        build = cst.parse_statement(
            f"{last} = {{value: place for place, value in enumerate({items})}}"
        )
        test = cst.parse_expression(
            f"{last}.get({syntax.code(wanted)}, -1) >= {syntax.code(first)}"
        )
        guarded = cst.If(
            test=test,
            body=cst.IndentedBlock([loop.with_changes(leading_lines=[])]),
            leading_lines=loop.leading_lines,
        )
        why = (
            f"The loop over `{syntax.code(loop.target)}` walks `{items}` for a partner that is mostly "
            f"not there; `{last}`, built once, says whether there is one."
        )
        before = effects.with_before(exchanged(place, {loop: guarded}), build)
        yield scene.rewrite({place: before}, why)


def _last_search(scene: Scene, loop: cst.For) -> tuple[str, cst.BaseExpression] | None:
    """Return the list and the first place searched, of a loop that does something for partners only."""
    body = syntax.body_of(loop)
    if loop.orelse is not None or len(body) != 1 or not isinstance(loop.target, cst.Name):
        return None
    if not isinstance(body[0], cst.If) or body[0].orelse is not None:
        return None
    variable = loop.target.value
    if effects.read_after(scene, loop, variable) or _is_guarded(scene, loop):
        return None
    return _searched(scene, loop)


def _wanted(
    scene: Scene, loop: cst.For, items: str, place: cst.BaseStatement
) -> cst.BaseExpression | None:
    """Return the value that the loop looks for, which can be had before it without an exception."""
    (test,) = syntax.body_of(loop)
    variable = syntax.code(loop.target)
    assert isinstance(test, cst.If)
    solved = _solved(test.test, f"{items}[{variable}]", variable)
    if solved is None:
        return None
    total, terms = solved
    types = ("int",) if terms else ("int", "str", "bytes", "bool")
    if not _all_of(scene, items, *types):
        return None
    for each in (*terms, total):
        names = syntax.names_read(each)
        if names & syntax.names_written(loop) or any(effects.alters(loop, name) for name in names):
            return None
        if not _is_safe(scene, each, place, *types):
            return None
    return _minus(total, terms)


def _is_guarded(scene: Scene, loop: cst.For) -> bool:
    above = next(
        iter(each for each in scene.above(loop) if isinstance(each, cst.If | cst.For)), None
    )
    return isinstance(above, cst.If) and ".get(" in syntax.code(above.test)


def _searched(scene: Scene, loop: cst.For) -> tuple[str, cst.BaseExpression] | None:
    """Return ``xs`` and the first place of ``range(first, len(xs))``, where ``first`` is ``name + literal``."""
    span = ranges.range_of(scene, loop.iter)
    if span is None or span.step != 1:
        return None
    match span.stop:
        case cst.Call(func=cst.Name(value="len"), args=[cst.Arg(value=cst.Name(value=items))]):
            pass
        case _:
            return None
    match span.start:
        case cst.BinaryOperation(left=cst.Name(), operator=cst.Add(), right=cst.Integer()):
            return (items, span.start) if ranges.counts_up(scene, span.start.left) else None
    return None


def _all_of(scene: Scene, items: str, *types: str) -> bool:
    seen = scene.kind(cst.Name(items))
    if seen is None or not seen.only("list", "tuple") or seen.elements is None:
        return False
    return seen.elements.only(*types)


def _solved(
    test: cst.BaseExpression, term: str, variable: str
) -> tuple[cst.BaseExpression, list[cst.BaseExpression]] | None:
    """Return ``t`` and the other terms of ``… + term + … == t``, which must not use the variable."""
    match test:
        case cst.Comparison(
            left=left, comparisons=[cst.ComparisonTarget(operator=cst.Equal(), comparator=right)]
        ):
            sides = ((left, right), (right, left))
        case _:
            return None
    for total, other in sides:
        terms = _terms(other)
        rest = [each for each in terms if not syntax.same_shape(each, term)]
        used = [each for each in (*rest, total) if variable in syntax.names_read(each)]
        if len(rest) == len(terms) - 1 and not used:
            return total, rest
    return None


def _is_safe(scene: Scene, term: cst.BaseExpression, place: cst.BaseStatement, *types: str) -> bool:
    """Say whether a term is of these types and can be had without an exception, wherever the loop stands."""
    match term:
        case cst.Integer() | cst.SimpleString():
            return True
        case cst.Name():
            return kinds.is_known(scene, term, *types) or kinds.is_int(scene, term)
        case cst.Subscript(
            value=cst.Name(value=items),
            slice=[cst.SubscriptElement(slice=cst.Index(value=cst.Name(value=index)))],
        ):
            inside = ranges.stays_inside(scene, index, items, place)
            return inside and _all_of(scene, items, *types)
    return False


def _minus(total: cst.BaseExpression, terms: list[cst.BaseExpression]) -> cst.BaseExpression:
    if terms and syntax.constant(total) == 0:
        total = cst.UnaryOperation(operator=cst.Minus(), expression=terms[0])
        terms = terms[1:]
    for each in terms:
        total = cst.BinaryOperation(left=total, operator=cst.Subtract(), right=each)
    return total


def _terms(expr: cst.BaseExpression) -> list[cst.BaseExpression]:
    if isinstance(expr, cst.BinaryOperation) and isinstance(expr.operator, cst.Add):
        return [*_terms(expr.left), *_terms(expr.right)]
    return [expr]
