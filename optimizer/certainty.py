"""What type an expression certainly has, where its evaluation cannot fail.

``sure`` answers for the types that were seen at run time: the fact of a parameter describes it at
entry, so a parameter that is rebound, and the items of a container that is changed, count as unknown.
"""

from collections.abc import Iterator
from functools import lru_cache

import libcst as cst

from perfbot.optimizer import syntax
from perfbot.optimizer.scene import Scene
from perfbot.profiling.facts import Seen

# Values of these types never change and have no parts that do.
ATOMS = frozenset({"int", "str", "bool", "bytes", "NoneType", "float"})
# Among these, "equal" means the same to ==, to `in`, to count() and to a hash table: no NaN.
EXACT = ATOMS - {"float"}
CONTAINERS = frozenset({"list", "tuple", "set", "frozenset", "dict", "str", "bytes", "range"})
_INT, _STR, _BOOL, _FLOAT = (Seen(frozenset({name})) for name in ("int", "str", "bool", "float"))
_ARITHMETIC = (cst.Add, cst.Subtract, cst.Multiply)
_STR_METHODS = dict.fromkeys(
    "lower upper strip lstrip rstrip title capitalize casefold swapcase".split(), _STR
) | dict.fromkeys(
    (
        "isalnum isalpha isascii isdecimal isdigit isidentifier islower isnumeric isprintable "
        "isspace istitle isupper"
    ).split(),
    _BOOL,
)
_STR_METHODS_OF_STR = {
    "startswith": _BOOL,
    "endswith": _BOOL,
    "find": _INT,
    "rfind": _INT,
    "count": _INT,
    "replace": _STR,
    "removeprefix": _STR,
    "removesuffix": _STR,
}
_ORDERING = (cst.LessThan, cst.LessThanEqual, cst.GreaterThan, cst.GreaterThanEqual)


def is_sure(scene: Scene, expr: cst.BaseExpression, *types: str) -> bool:
    """Say whether ``expr`` certainly has one of these types and cannot fail."""
    found = sure(scene, expr)
    return found is not None and found.only(*types)


def sure(scene: Scene, expr: cst.BaseExpression, assumed: tuple[str, ...] = ()) -> Seen | None:
    """Return the type of an expression whose evaluation has no effect and cannot fail, else ``None``.

    Names count as bound. ``assumed`` are the variables whose type is being worked out.
    """
    match expr:
        case cst.Name(value="True" | "False" | "None"):
            return scene.kind(expr)
        case cst.Name(value=name):
            return sure_name(scene, name, assumed)
        case cst.Integer() | cst.Float() | cst.SimpleString():
            return Seen(frozenset({type(syntax.constant(expr)).__name__}))
        case cst.FormattedString(parts=parts):
            return _STR if all(_plain_part(scene, part, assumed) for part in parts) else None
        case cst.Call():
            return _call(scene, expr, assumed)
        case cst.List() | cst.Tuple() | cst.ListComp():
            return _sequence(scene, expr, assumed)
        case cst.Dict(elements=[]):
            return Seen(frozenset({"dict"}))
    return _operation(scene, expr, assumed)


def _sequence(
    scene: Scene, expr: cst.List | cst.Tuple | cst.ListComp, assumed: tuple[str, ...]
) -> Seen | None:
    """A display or a comprehension whose parts are all sure."""
    if isinstance(expr, cst.ListComp):
        elements = _element(scene, expr, assumed)
        return Seen(frozenset({"list"}), elements) if elements is not None else None
    kinds = [
        sure(scene, each.value, assumed) if isinstance(each, cst.Element) else None
        for each in expr.elements
    ]
    name = "list" if isinstance(expr, cst.List) else "tuple"
    if not kinds:
        return Seen(frozenset({name}))
    found = kinds[0]
    for kind in kinds:
        found = _either(found, kind)
    return Seen(frozenset({name}), found, None, len(kinds)) if found is not None else None


def _element(scene: Scene, expr: cst.ListComp, assumed: tuple[str, ...]) -> Seen | None:
    clause: cst.CompFor | None = expr.for_in
    while clause is not None:
        known = clause.asynchronous is None and items(scene, clause.iter, assumed) is not None
        if not known or any(sure(scene, each.test, assumed) is None for each in clause.ifs):
            return None
        clause = clause.inner_for_in
    return sure(scene, expr.elt, assumed)


def _operation(scene: Scene, expr: cst.BaseExpression, assumed: tuple[str, ...]) -> Seen | None:
    match expr:
        case cst.BinaryOperation():
            return _binary(scene, expr, assumed)
        case cst.Comparison():
            return _comparison(scene, expr, assumed)
        case cst.BooleanOperation(left=left, right=right):
            return _either(sure(scene, left, assumed), sure(scene, right, assumed))
        case cst.UnaryOperation(operator=cst.Not(), expression=inner):
            found = sure(scene, inner, assumed)
            return _BOOL if found and found.only(*ATOMS, *CONTAINERS) else None
        case cst.UnaryOperation(operator=cst.Minus(), expression=inner):
            found = sure(scene, inner, assumed)
            return found if found and found.only("int", "float") else None
        case cst.IfExp(test=test, body=body, orelse=orelse):
            return sure(scene, test, assumed) and _either(
                sure(scene, body, assumed), sure(scene, orelse, assumed)
            )
    return None


def _either(one: Seen | None, other: Seen | None) -> Seen | None:
    if one is None or other is None:
        return None
    if one == other:
        return one
    return Seen(one.types | other.types, None, None, max(one.longest, other.longest))


def _plain_part(
    scene: Scene, part: cst.BaseFormattedStringContent, assumed: tuple[str, ...]
) -> bool:
    match part:
        case cst.FormattedStringExpression(expression=expr, format_spec=None):
            found = sure(scene, expr, assumed)
            return found is not None and found.only(*ATOMS)
    return isinstance(part, cst.FormattedStringText)


def _binary(scene: Scene, expr: cst.BinaryOperation, assumed: tuple[str, ...]) -> Seen | None:
    left, right = sure(scene, expr.left, assumed), sure(scene, expr.right, assumed)
    if left is None or right is None:
        return None
    if left.only("int", "bool") and right.only("int", "bool"):
        divides = isinstance(expr.operator, cst.Modulo | cst.FloorDivide)
        safe = isinstance(expr.operator, _ARITHMETIC) or (
            divides and isinstance(expr.right, cst.Integer) and syntax.constant(expr.right) != 0
        )
        return _INT if safe else None
    if left.only("float") and right.only("float") and isinstance(expr.operator, _ARITHMETIC):
        return _FLOAT
    for text in ("str", "bytes"):
        if left.only(text) and right.only(text) and isinstance(expr.operator, cst.Add):
            return Seen(frozenset({text}))
    return None


def _comparison(scene: Scene, expr: cst.Comparison, assumed: tuple[str, ...]) -> Seen | None:
    left = sure(scene, expr.left, assumed)
    for target in expr.comparisons:
        right = sure_operand(scene, target.comparator, assumed)
        if left is None or right is None or not _comparable(left, target.operator, right):
            return None
        left = right
    return _BOOL


def sure_operand(
    scene: Scene, expr: cst.BaseExpression, assumed: tuple[str, ...] = ()
) -> Seen | None:
    """Like :func:`sure`, and literal tuples, lists and sets of constants count too."""
    if isinstance(expr, cst.Tuple | cst.List | cst.Set):
        value = syntax.constant(expr)
        if isinstance(value, tuple | list | set) and all(_is_atom(each) for each in value):
            types = frozenset(type(each).__name__ for each in value)
            return Seen(frozenset({type(value).__name__}), Seen(types), None, len(value))
    return sure(scene, expr, assumed)


def _is_atom(value: object) -> bool:
    return type(value).__name__ in ATOMS


def _comparable(left: Seen, operator: cst.BaseCompOp, right: Seen) -> bool:
    match operator:
        case cst.Equal() | cst.NotEqual() | cst.Is() | cst.IsNot():
            return left.only(*ATOMS) and right.only(*ATOMS)
        case cst.In() | cst.NotIn():
            inside = right.elements
            if right.only("str"):
                return left.only("str")
            return left.only(*ATOMS) and inside is not None and inside.only(*ATOMS)
    numbers = left.only("int", "float", "bool") and right.only("int", "float", "bool")
    return isinstance(operator, _ORDERING) and (numbers or (left.only("str") and right.only("str")))


def _call(scene: Scene, call: cst.Call, assumed: tuple[str, ...]) -> Seen | None:
    arguments = syntax.arguments(call)
    if arguments is None:
        return None
    kinds = [sure(scene, argument, assumed) for argument in arguments]
    match call.func:
        case cst.Name(value=name) if scene.is_builtin(name) and len(kinds) == 1 and kinds[0]:
            return _builtin(name, kinds[0])
        case cst.Attribute(value=receiver, attr=cst.Name(value=method)):
            found = sure(scene, receiver, assumed)
            if found is None or not found.only("str"):
                return None
            if method in {"split", "splitlines"} and _is_separator(arguments):
                return Seen(frozenset({"list"}), _STR)
            if not kinds:
                return _STR_METHODS.get(method)
            wanted = 2 if method == "replace" else 1
            texts = all(kind is not None and kind.only("str") for kind in kinds)
            return _STR_METHODS_OF_STR.get(method) if texts and len(kinds) == wanted else None
    return None


def _is_separator(arguments: list[cst.BaseExpression]) -> bool:
    """Say whether text can be split with these arguments: none, or one that is not empty."""
    values = [syntax.constant(each) for each in arguments]
    return not values or (len(values) == 1 and isinstance(values[0], str) and values[0] != "")


def _builtin(name: str, argument: Seen) -> Seen | None:
    if name in {"list", "tuple", "set", "sorted"} and argument.only(*CONTAINERS):
        return _converted(name, argument)
    if name == "len" and argument.only(*CONTAINERS):
        return _INT
    if name == "abs" and argument.only("int", "float"):
        return argument
    if name == "str" and argument.only(*ATOMS):
        return _STR
    if name == "repr" and argument.only(*ATOMS):
        return _STR
    return _BOOL if name == "bool" and argument.only(*ATOMS, *CONTAINERS) else None


def _converted(name: str, argument: Seen) -> Seen | None:
    """What ``list``, ``tuple``, ``set`` and ``sorted`` make of a container of items that can be compared."""
    elements = _STR if argument.only("str") else argument.elements
    if elements is None or not elements.only(*ATOMS):
        return None
    if name == "sorted" and not (elements.only("int", "bool", "float") or elements.only("str")):
        return None
    return Seen(frozenset({"list" if name == "sorted" else name}), elements)


def sure_name(scene: Scene, name: str, assumed: tuple[str, ...] = ()) -> Seen | None:
    """Return the type that a local variable has wherever it is read, if that is certain."""
    if assumed:
        return _sure_name(scene, name, assumed)
    if name not in scene.sure_names:
        scene.sure_names[name] = _sure_name(scene, name, ())
    return scene.sure_names[name]


def _sure_name(scene: Scene, name: str, assumed: tuple[str, ...]) -> Seen | None:
    if name in assumed or name not in scene.local_names:
        return None
    bindings = list(_bindings(scene, name))
    if len(bindings) != sum(store.value == name for store in syntax.stores(scene.function)):
        return None  # bound in a way that is not looked into: with, except, del, :=
    if any(name in syntax.names_written(inner) for inner in _other_binders(scene.function)):
        return None
    kinds = [scene.facts.get(name)] if name in scene.parameters else []
    kinds += [_bound_kind(scene, binding, name, (*assumed, name)) for binding in bindings]
    found: Seen | None = kinds[0] if kinds else None
    for kind in kinds:
        found = _either(found, kind)
    if found is not None and not found.only(*ATOMS) and syntax.changes(scene.function.body, name):
        return Seen(found.types)
    return found


@lru_cache(maxsize=256)
def _other_binders(function: cst.FunctionDef) -> tuple[cst.CSTNode, ...]:
    """Nested scopes and imports: a name that they bind is not looked into."""
    scopes = (cst.FunctionDef, cst.Lambda, cst.ClassDef, cst.Import, cst.ImportFrom)
    return tuple(node for node in syntax.walk(function.body) if isinstance(node, scopes))


_Binding = cst.Assign | cst.AnnAssign | cst.AugAssign | cst.For | cst.CompFor


@lru_cache(maxsize=256)
def _binding_nodes(function: cst.FunctionDef) -> tuple[cst.CSTNode, ...]:
    kinds = (cst.Assign, cst.AnnAssign, cst.AugAssign, cst.For, cst.CompFor)
    return tuple(node for node in syntax.walk(function.body) if isinstance(node, kinds))


def _bindings(scene: Scene, name: str) -> Iterator[_Binding]:
    """The statements and comprehension clauses that bind a name in ways whose type can be told."""
    for node in _binding_nodes(scene.function):
        match node:
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=target))]):
                found = target == name
            case cst.AnnAssign(target=cst.Name(value=target), value=cst.BaseExpression()):
                found = target == name
            case cst.AugAssign(target=cst.Name(value=target)):
                found = target == name
            case cst.For(target=target) | cst.CompFor(target=target):
                found = any(each.value == name for each in syntax.find(target, cst.Name))
            case _:
                continue
        if found:
            yield node


def _bound_kind(
    scene: Scene, binding: _Binding, name: str, assumed: tuple[str, ...]
) -> Seen | None:
    match binding:
        case cst.Assign(value=value) | cst.AnnAssign(value=cst.BaseExpression() as value):
            return sure(scene, value, assumed)
        case cst.AugAssign():
            return _augmented(scene, binding, name, assumed)
        case cst.For(target=target, iter=iterable) | cst.CompFor(target=target, iter=iterable):
            return _item_kind(scene, target, iterable, name, assumed)
    return None


def _augmented(
    scene: Scene, binding: cst.AugAssign, name: str, assumed: tuple[str, ...]
) -> Seen | None:
    """``total += x`` keeps the type that the plain assignments gave, for numbers and text."""
    added = sure(scene, binding.value, assumed)
    firsts = [
        sure(scene, other.value, assumed)
        for other in _bindings(scene, name)
        if isinstance(other, cst.Assign)
    ]
    first = firsts[0] if firsts else None
    if added is None or first is None or any(other != first for other in firsts):
        return None
    adds = isinstance(binding.operator, cst.AddAssign)
    numeric = adds or isinstance(binding.operator, cst.SubtractAssign | cst.MultiplyAssign)
    if first.only("int") and added.only("int", "bool") and numeric:
        return first
    if first.only("float") and added.only("float") and numeric:
        return first
    return first if adds and first.only("str") and added.only("str") else None


def _item_kind(
    scene: Scene,
    target: cst.BaseExpression,
    iterable: cst.BaseExpression,
    name: str,
    assumed: tuple[str, ...],
) -> Seen | None:
    """The type of one target variable of a loop over ``iterable``."""
    if isinstance(target, cst.Name):
        return items(scene, iterable, assumed)
    if not isinstance(target, cst.Tuple):
        return None
    names = [
        each.value.value if isinstance(each.value, cst.Name) else "" for each in target.elements
    ]
    if name not in names:
        return None
    place = names.index(name)
    parts = _tuple_parts(scene, iterable, assumed)
    if parts is not None:
        return parts[place] if place < len(parts) and len(parts) == len(names) else None
    rows = items(scene, iterable, assumed)
    return rows.elements if rows is not None and rows.only("tuple", "list") else None


def _tuple_parts(
    scene: Scene, iterable: cst.BaseExpression, assumed: tuple[str, ...]
) -> list[Seen | None] | None:
    """The types of the tuples that ``enumerate``, ``zip`` and ``items`` give, one per place."""
    match iterable:
        case cst.Call(func=cst.Name(value="enumerate"), args=[first, *_]):
            if scene.is_builtin("enumerate"):
                return [_INT, items(scene, first.value, assumed)]
        case cst.Call(func=cst.Name(value="zip"), args=args) if scene.is_builtin("zip"):
            return [items(scene, arg.value, assumed) for arg in args if not arg.keyword]
        case cst.Call(func=cst.Attribute(value=mapping, attr=cst.Name(value="items")), args=[]):
            found = sure(scene, mapping, assumed)
            if found is not None and found.only("dict"):
                return [found.elements, found.values]
    return None


def items(scene: Scene, iterable: cst.BaseExpression, assumed: tuple[str, ...] = ()) -> Seen | None:
    """Return the type of what iterating over ``iterable`` gives, if it certainly is a builtin container."""
    match iterable:
        case cst.Call(func=cst.Name(value="range")) if scene.is_builtin("range"):
            return _INT
        case cst.Call(
            func=cst.Name(value="sorted" | "list" | "tuple" | "set" | "reversed" as name),
            args=[cst.Arg(value=inner, keyword=None, star="")],
        ) if scene.is_builtin(name):
            return items(scene, inner, assumed)
        case cst.Call(
            func=cst.Attribute(value=mapping, attr=cst.Name(value="keys" | "values" as view)),
            args=[],
        ):
            found = sure(scene, mapping, assumed)
            if found is None or not found.only("dict"):
                return None
            return found.elements if view == "keys" else found.values
        case cst.Subscript(value=whole, slice=[cst.SubscriptElement(slice=cst.Slice())]):
            return items(scene, whole, assumed)
    found = sure(scene, iterable, assumed)
    if found is None:
        return None
    if found.only("str"):
        return _STR
    if found.only("bytes", "range"):
        return _INT
    return found.elements if found.only("list", "tuple", "set", "frozenset", "dict") else None
