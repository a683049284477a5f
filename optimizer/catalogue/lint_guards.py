"""Where a fix of ruff's keeps the meaning: what has to hold at the place that it would change."""

from collections.abc import Callable, Iterator

import libcst as cst

from perfbot.optimizer import kinds, syntax
from perfbot.optimizer.scene import Scene

Guard = Callable[[Scene, cst.CSTNode | None], bool]

_HASHABLE = ("str", "int", "float", "bool", "bytes", "NoneType")
_DICTS = ("dict", "collections.defaultdict", "collections.Counter", "collections.OrderedDict")
_CONTAINERS = ("list", "tuple", "set", "frozenset", "str", "range", *_DICTS)
_CONSUMERS = frozenset("sum min max any all sorted tuple list set frozenset dict".split())


def always(_scene: Scene, _site: cst.CSTNode | None) -> bool:
    """The fix is right wherever ruff offers it."""
    return True


def may_be(scene: Scene, expr: cst.BaseExpression, *types: str) -> bool:
    """Say whether nothing but these types was seen, or nothing is known."""
    seen = kinds.kind_at(scene, expr)
    return seen is None or seen.only(*types)


def sorts_into_a_list(_scene: Scene, site: cst.CSTNode | None) -> bool:
    """``list(sorted(…))``: with ``reversed`` around it, equal items would change places."""
    return site is not None and syntax.called_name(site) == "list"


def copies_a_sequence(_scene: Scene, site: cst.CSTNode | None) -> bool:
    """The inner call only copies: ``reversed`` or ``sorted`` decide which of two equal items is kept."""
    match site:
        case cst.Call(args=[cst.Arg(value=inner), *_]):
            return syntax.called_name(inner) in {"list", "tuple"}
    return False


def map_is_consumed(scene: Scene, site: cst.CSTNode | None) -> bool:
    """The ``map`` object is used up on the spot, so nobody sees that it has become a generator."""
    if site is None or syntax.called_name(site) != "map":
        return site is not None
    match scene.parent(site):
        case cst.For() | cst.CompFor():
            return True
        case cst.Arg() as argument:
            call = scene.parent(argument)
            return call is not None and (
                syntax.called_name(call) in _CONSUMERS
                or (
                    (method := syntax.method_call(call)) is not None
                    and method[1] in {"join", "extend", "update"}
                )
            )
    return False


def reads_own_parameters_only(_scene: Scene, site: cst.CSTNode | None) -> bool:
    """The lambda reads no variable of its surroundings, which might change before it is called."""
    match site:
        case cst.Lambda(params=params, body=body):
            return syntax.names_read(body) <= syntax.names_written(params)
    return False


def loop_variable_forgotten(scene: Scene, site: cst.CSTNode | None) -> bool:
    """The loop's variable is not used after or outside it, and its source is not what it fills."""
    if not isinstance(site, cst.For):
        return False
    names = syntax.names_written(site.target)
    if isinstance(site.target, cst.Name):
        names |= {site.target.value}
    inside = {id(name) for name in syntax.variables(site)}
    used = any(id(use) not in inside for name in names for use in scene.uses(name))
    filled = {
        root
        for call in syntax.find(site.body, cst.Call)
        if (method := syntax.method_call(call)) and (root := syntax.root(method[0]))
    }
    return not used and not filled & syntax.names_read(site.iter)


def iterated_unchanged(scene: Scene, site: cst.CSTNode | None) -> bool:
    """What is enumerated is not changed by the loop (where only the number is used, its length counts)."""
    loop = (
        next((each for each in scene.above(site) if isinstance(each, cst.For)), None)
        if site is not None
        else None
    )
    if loop is None:
        return False
    return not any(syntax.mutates(loop.body, name) for name in _sources(loop.iter))


def _sources(expr: cst.BaseExpression) -> Iterator[str]:
    return iter(syntax.names_read(expr) - {"enumerate", "len", "range"})


def calls_a_fixed_function(scene: Scene, site: cst.CSTNode | None) -> bool:
    """The inner function is a builtin, or one that the module defines once and for all."""
    match site:
        case cst.Lambda(body=cst.Call(func=cst.Name(value=name))):
            return scene.is_builtin(name) or name in scene.module_names - scene.local_names
    return False


def strips_text(scene: Scene, site: cst.CSTNode | None) -> bool:
    """Only text and bytes have ``removeprefix``."""
    return site is not None and all(
        may_be(scene, call[0], "str", "bytes")
        for node in syntax.find(site, cst.Call)
        if (call := syntax.method_call(node)) and call[1] in {"startswith", "endswith"}
    )


def tests_one_text(scene: Scene, site: cst.CSTNode | None) -> bool:
    """The tests have no effects, and they are those of text or bytes."""
    return site is not None and syntax.is_pure(site) and strips_text(scene, site)


def compares_hashable_with_literals(scene: Scene, site: cst.CSTNode | None) -> bool:
    """What is looked for can be hashed, and it is looked for among literals without ``nan``."""
    for comparison in _comparisons(scene, site):
        values = [target.comparator for target in comparison.comparisons]
        if not may_be(scene, comparison.left, *_HASHABLE) or not syntax.is_pure(comparison.left):
            return False
        if any(syntax.constant(value) is ... for value in values):
            return False
    return site is not None


def _comparisons(scene: Scene, site: cst.CSTNode | None) -> list[cst.Comparison]:
    """Return the comparisons in a place, or the one that it is a part of."""
    if site is None:
        return []
    inside = list(syntax.find(site, cst.Comparison))
    around = (node for node in scene.above(site) if isinstance(node, cst.Comparison))
    return inside or list(around)[:1]


def looks_up_unchanged_dict(scene: Scene, site: cst.CSTNode | None) -> bool:
    """The dictionary is not changed anywhere in the loop over its items."""
    if not isinstance(site, cst.Subscript) or not isinstance(site.value, cst.Name):
        return False
    name = site.value.value
    loops = [loop for loop in scene.loops_around(site) if isinstance(loop, cst.For)]
    return may_be(scene, site.value, *_DICTS) and not any(
        syntax.mutates(loop.body, name) for loop in loops
    )


def joins_known_sequences(scene: Scene, site: cst.CSTNode | None) -> bool:
    """Everything that is added up is known to be a list (or a tuple, all of one type)."""
    leaves = list(_summands(site)) if isinstance(site, cst.BaseExpression) else []
    return any(
        bool(leaves) and all(scene.is_kind(leaf, kind) for leaf in leaves)
        for kind in ("list", "tuple")
    )


def _summands(expr: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    match expr:
        case cst.BinaryOperation(operator=cst.Add(), left=left, right=right):
            yield from _summands(left)
            yield from _summands(right)
        case _:
            yield expr


def first_of_builtin_container(scene: Scene, site: cst.CSTNode | None) -> bool:
    """A builtin container is not used up by reading it; no handler waits for the old ``IndexError``."""
    if site is None or any(isinstance(node, cst.Try) for node in scene.above(site)):
        return False
    match site:
        case cst.Subscript(value=cst.Call(args=[cst.Arg(value=source)])):
            method = syntax.method_call(source)
            if method is not None and method[1] in {"keys", "values", "items"}:
                source = method[0]
            return scene.is_kind(source, *_CONTAINERS)
    return False


def flattens_lists(scene: Scene, site: cst.CSTNode | None) -> bool:
    """What is joined are lists: ``+=`` would take any iterable, ``+`` only a list."""
    match site:
        case cst.Call(args=[cst.Arg(value=source), *_]):
            seen = scene.kind(source)
            return seen is not None and seen.elements is not None and seen.elements.only("list")
    return False


def tests_key_of_dict(scene: Scene, site: cst.CSTNode | None) -> bool:
    """A dictionary: other classes with ``keys`` may mean something else by ``in``."""
    match site:
        case cst.Comparison(comparisons=[cst.ComparisonTarget(comparator=cst.Call() as call)]):
            method = syntax.method_call(call)
            return method is not None and scene.is_kind(method[0], *_DICTS)
    return False
