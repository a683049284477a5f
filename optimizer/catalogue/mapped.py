"""One Python call for each item becomes a loop in C: ``map``, ``operator``, bound methods, set methods."""

from collections.abc import Iterator

import libcst as cst

from perfbot.optimizer import kinds, shapes, syntax
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Import, Rewrite, Scene
from perfbot.optimizer.strategies import Category
from perfbot.profiling.facts import Seen

_SETS = ("set", "frozenset")
_HASHABLE = ("str", "int", "float", "bool", "bytes", "NoneType")
_MAPPED = frozenset(
    {"abs", "bin", "chr", "float", "hash", "hex", "int", "len", "ord", "repr", "str"}
)
_CONSUMERS = frozenset({"sum", "max", "min", "set", "list", "tuple", "sorted", "any", "all"})
_ALL_AT_ONCE = _CONSUMERS - {"any", "all"}  # they look at every item, so no list is needed
_TEXT_METHODS = frozenset(
    "lower upper strip lstrip rstrip title capitalize casefold swapcase isdigit isalpha isalnum "
    "isupper islower isspace isdecimal isnumeric splitlines split".split()
)
_OPERATORS: dict[type[cst.CSTNode], str] = {
    cst.Add: "add",
    cst.Subtract: "sub",
    cst.Multiply: "mul",
    cst.Equal: "eq",
    cst.NotEqual: "ne",
    cst.LessThan: "lt",
    cst.GreaterThan: "gt",
}


@rule(Category.CALL_OVERHEAD, "call per item to map")
def call_per_item_to_map(scene: Scene) -> Iterator[Rewrite]:
    """``sum(len(x) for x in xs)``, ``any(c.isdigit() for c in text)``: ``map`` makes the calls in C."""
    if not scene.is_builtin("map"):
        return
    for call, parts in _consumed(scene):
        function = _function_of_item(scene, parts)
        if function is None or parts.tests:
            continue
        new = syntax.expression("map({f}, {xs})", f=function, xs=parts.iterable)
        yield scene.rewrite(
            {call: _with_argument(call, new)},
            f"`{shapes.shown(call)}` resumes Python code for each item only to call "
            f"`{syntax.code(function)}`; `map` calls it from C.",
        )


def _consumed(scene: Scene) -> Iterator[tuple[cst.Call, shapes.Comprehension]]:
    """Yield calls that use up the comprehension which is their only argument."""
    for call in syntax.find(scene.function.body, cst.Call):
        argument = shapes.sole_argument(call)
        parts = shapes.comprehension(argument) if argument is not None else None
        if parts is None or parts.name is None:
            continue
        name = syntax.called_name(call)
        lazily = isinstance(argument, cst.GeneratorExp)
        if name is not None:
            fits = scene.is_builtin(name) and name in (_CONSUMERS if lazily else _ALL_AT_ONCE)
        else:
            method = syntax.method_call(call)
            fits = method is not None and method[1] == "join"
            fits = fits and method is not None and scene.is_kind(method[0], "str")
        if fits:
            yield call, parts


def _with_argument(call: cst.Call, value: cst.BaseExpression) -> cst.Call:
    return call.with_changes(args=[call.args[0].with_changes(value=value)])


def _function_of_item(scene: Scene, parts: shapes.Comprehension) -> cst.BaseExpression | None:
    """Return ``f`` where the element is ``f(x)``, or ``str.lower`` where it is ``x.lower()`` of text."""
    argument = shapes.sole_argument(parts.element)
    name = syntax.called_name(parts.element)
    if argument is not None and name in _MAPPED and syntax.same(argument, parts.target):
        return cst.Name(name) if scene.is_builtin(name) else None
    method = syntax.method_call(parts.element)
    match parts.element:
        case cst.Call(args=[]) if method is not None and method[1] in _TEXT_METHODS:
            seen = kinds.elements_of(scene, parts.iterable)
            if syntax.same(method[0], parts.target) and seen is not None and seen.only("str"):
                return cst.Attribute(value=cst.Name("str"), attr=cst.Name(method[1]))
    return None


@rule(Category.CALL_OVERHEAD, "operator per pair to map")
def operator_per_pair_to_map(scene: Scene) -> Iterator[Rewrite]:
    """``sum(x * y for x, y in zip(xs, ys))`` and its relatives: a function of ``operator``, mapped over both."""
    if not scene.is_builtin("map") or not scene.can_import(Import("operator")):
        return
    for call in syntax.find(scene.function.body, cst.Call):
        argument = shapes.sole_argument(call)
        parts = shapes.comprehension(argument) if argument is not None else None
        name = syntax.called_name(call)
        lazily = isinstance(argument, cst.GeneratorExp)
        if parts is None or name not in (_CONSUMERS if lazily else _ALL_AT_ONCE):
            continue
        operator, sources = _operator_of(parts), _zipped(scene, parts)
        if operator is None or sources is None or not scene.is_builtin(name):
            continue
        new = syntax.expression(
            f"map(operator.{operator}, {{xs}}, {{ys}})", xs=sources[0], ys=sources[1]
        )
        why = (
            f"`{shapes.shown(call)}` resumes Python code and unpacks a pair for each item; "
            f"`map` applies `operator.{operator}` in C."
        )
        yield scene.rewrite({call: _with_argument(call, new)}, why, imports=[Import("operator")])


def _operator_of(parts: shapes.Comprehension) -> str | None:
    """Return the name in ``operator`` of the only operation, applied to the loop's two variables in order."""
    match parts.element:
        case cst.BinaryOperation(left=left, operator=operator, right=right):
            pass
        case cst.Comparison(
            left=left, comparisons=[cst.ComparisonTarget(operator=operator, comparator=right)]
        ):
            pass
        case _:
            return None
    match parts.target:
        case cst.Tuple(elements=[cst.Element(value=one), cst.Element(value=other)]):
            in_order = syntax.same(one, left) and syntax.same(other, right)
            plain = isinstance(one, cst.Name) and isinstance(other, cst.Name)
            if in_order and plain and not parts.tests:
                return _OPERATORS.get(type(operator))
    return None


def _zipped(
    scene: Scene, parts: shapes.Comprehension
) -> tuple[cst.BaseExpression, cst.BaseExpression] | None:
    values = (
        syntax.arguments(parts.iterable)
        if isinstance(parts.iterable, cst.Call)
        and syntax.called_name(parts.iterable) == "zip"
        and scene.is_builtin("zip")
        else None
    )
    return (values[0], values[1]) if values is not None and len(values) == 2 else None


@rule(Category.CALL_OVERHEAD, "method or look-up as key function")
def key_function_in_c(scene: Scene) -> Iterator[Rewrite]:
    """``key=lambda w: w.lower()`` over text and ``key=lambda x: rank[x]`` of a dictionary or list."""
    for key in syntax.find(scene.function.body, cst.Arg):
        match key:
            case cst.Arg(keyword=cst.Name(value="key"), value=cst.Lambda() as function):
                call = scene.parent(key)
                new = _key_in_c(scene, call, function) if isinstance(call, cst.Call) else None
                if new is not None:
                    why = (
                        f"`{shapes.shown(function)}` is a Python call for each item; "
                        f"`{syntax.code(new)}` does the same in C."
                    )
                    yield scene.rewrite({function: new}, why)


def _key_in_c(scene: Scene, call: cst.Call, function: cst.Lambda) -> cst.BaseExpression | None:
    match function.params:
        case cst.Parameters(
            params=[cst.Param(name=cst.Name(value=name), default=None)],
            kwonly_params=[],
            posonly_params=[],
        ):
            pass
        case _:
            return None
    match function.body:
        case cst.Call(func=cst.Attribute(value=cst.Name(value=on), attr=method), args=[]):
            seen = _sorted_items(scene, call)
            text = seen is not None and seen.only("str") and method.value in _TEXT_METHODS
            fits = on == name and text and scene.is_builtin("str")
            return cst.Attribute(value=cst.Name("str"), attr=method) if fits else None
        case cst.Subscript(
            value=cst.Name(value=table) as source,
            slice=[cst.SubscriptElement(slice=cst.Index(value=cst.Name(value=item)))],
        ):
            known = scene.is_kind(source, "dict", "list", "tuple")
            if item == name and table != name and known:
                return cst.Attribute(value=source, attr=cst.Name("__getitem__"))
    return None


def _sorted_items(scene: Scene, call: cst.Call) -> Seen | None:
    """Return what is known of the items that a call with ``key`` compares."""
    method = syntax.method_call(call)
    if method is not None and method[1] == "sort":
        return kinds.elements_of(scene, method[0])
    if syntax.called_name(call) in {"sorted", "min", "max"} and len(call.args) >= 2:
        first = call.args[0]
        single = call.args[1].keyword is not None and first.keyword is None and not first.star
        return kinds.elements_of(scene, first.value) if single else None
    return None


@rule(Category.ALGORITHM, "membership of many to set method")
def membership_of_many(scene: Scene) -> Iterator[Rewrite]:
    """``any(x in s for x in xs)`` and ``all(x in s for x in xs)`` with a set: ``isdisjoint``, ``issuperset``."""
    for call in syntax.find(scene.function.body, cst.Call):
        name, argument = syntax.called_name(call), shapes.sole_argument(call)
        parts = shapes.comprehension(argument) if argument is not None else None
        if parts is None or name not in {"any", "all"} or not scene.is_builtin(name):
            continue
        new = _set_question(scene, name, parts)
        if new is not None:
            why = (
                f"`{shapes.shown(call)}` runs Python code for each item of "
                f"`{shapes.shown(parts.iterable)}`; the set looks them all up in C."
            )
            yield scene.rewrite({call: shapes.parenthesized(new)}, why)


def _set_question(
    scene: Scene, name: str, parts: shapes.Comprehension
) -> cst.BaseExpression | None:
    match parts.element:
        case cst.Comparison(
            left=left, comparisons=[cst.ComparisonTarget(operator=operator, comparator=pool)]
        ):
            pass
        case _:
            return None
    seen = kinds.elements_of(scene, parts.iterable)
    fits = (
        not parts.tests
        and syntax.same(left, parts.target)
        and scene.is_kind(pool, *_SETS)
        and isinstance(pool, cst.Name)
        and pool.value != parts.name
        and seen is not None
        and seen.only(*_HASHABLE)
    )
    within, without = isinstance(operator, cst.In), isinstance(operator, cst.NotIn)
    template = {
        ("any", True, False): "not {pool}.isdisjoint({xs})",
        ("all", False, True): "{pool}.isdisjoint({xs})",
        ("all", True, False): "{pool}.issuperset({xs})",
        ("any", False, True): "not {pool}.issuperset({xs})",
    }.get((name, within, without))
    if not fits or template is None:
        return None
    return syntax.expression(template, pool=pool, xs=parts.iterable)
