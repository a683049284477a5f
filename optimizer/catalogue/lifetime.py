"""Resource Lifetime and Scope Management: made once what is made again and again; no deep copies of flat data."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from perfbot.optimizer import certainty, flow, syntax, writing
from perfbot.optimizer.catalogue import rule
from perfbot.optimizer.scene import Change, Import, Rewrite, Scene
from perfbot.optimizer.strategies import Category
from perfbot.profiling.facts import Seen

# Functions of `re` and how many positional arguments they take before the flags.
_PATTERN_FUNCTIONS = {
    "match": 2,
    "search": 2,
    "fullmatch": 2,
    "findall": 2,
    "finditer": 2,
    "split": 3,
    "sub": 4,
    "subn": 4,
}
_FLAGS = frozenset("A ASCII I IGNORECASE M MULTILINE S DOTALL X VERBOSE U UNICODE".split())
_LONGEST_PATTERN = 500  # characters; compiling a larger one here to check it is not worth the risk


@dataclass(frozen=True, slots=True)
class _PatternCall:
    """``module.function(pattern, *rest, flags=flags)``."""

    call: cst.Call
    function: str
    compiled: str
    rest: list[cst.Arg]


@rule(Category.LIFETIME, "pattern compiled once")
def pattern_compiled_once(scene: Scene) -> Iterator[Rewrite]:
    """``re.match("…", text)`` with a constant pattern: compiled when the module is loaded."""
    found: dict[str, list[_PatternCall]] = {}
    for node in flow.own_nodes(scene):
        if isinstance(node, cst.Call) and (each := _pattern_call(scene, node)) is not None:
            found.setdefault(each.compiled, []).append(each)
    for compiled, calls in found.items():
        name = scene.fresh(f"_{scene.function.name.value.strip('_')}_pattern".upper())
        changes: dict[cst.CSTNode, Change] = {each.call: _of_pattern(name, each) for each in calls}
        why = f"`{name}` is compiled once; each `re.{calls[0].function}` looks its pattern up in re's cache."
        yield scene.rewrite(changes, why, before=[cst.parse_statement(f"{name} = {compiled}")])


def _pattern_call(scene: Scene, call: cst.Call) -> _PatternCall | None:
    match call:
        case cst.Call(
            func=cst.Attribute(value=cst.Name(value=module), attr=cst.Name(value=function)),
            args=[cst.Arg(value=cst.SimpleString() as pattern, keyword=None, star=""), *rest],
        ) if function in _PATTERN_FUNCTIONS and _is_module_above(scene, module, "re"):
            flags = [arg for arg in rest if arg.keyword and arg.keyword.value == "flags"]
            others = [arg for arg in rest if arg not in flags]
            positional = [arg for arg in others if arg.keyword is None]
            starred = any(arg.star for arg in rest)
            if starred or len(positional) >= _PATTERN_FUNCTIONS[function] or len(flags) > 1:
                return None
            named = _flag_names(flags[0].value, module) if flags else frozenset()
            if named is None or not _compiles(pattern):
                return None
            with_flags = f", {syntax.code(flags[0].value)}" if flags else ""
            text = f"{module}.compile({syntax.code(pattern)}{with_flags})"
            return _PatternCall(call, function, text, others)
    return None


def _is_module_above(scene: Scene, name: str, module: str) -> bool:
    """Say whether ``name`` is that module, imported above the function."""
    if scene.imported_as(name) != Import(module):
        return False
    for line in scene.module.body:
        if any(node is scene.function for node in syntax.walk(line)):
            return False
        if name in syntax.names_written(line):
            return True
    return False


def _flag_names(expr: cst.BaseExpression, module: str) -> frozenset[str] | None:
    match expr:
        case cst.Attribute(value=cst.Name(value=owner), attr=cst.Name(value=flag)):
            return frozenset({flag}) if owner == module and flag in _FLAGS else None
        case cst.BinaryOperation(left=left, operator=cst.BitOr(), right=right):
            one, other = _flag_names(left, module), _flag_names(right, module)
            return one | other if one is not None and other is not None else None
    return None


def _compiles(pattern: cst.SimpleString) -> bool:
    value = syntax.constant(pattern)
    if not isinstance(value, str | bytes) or len(value) > _LONGEST_PATTERN:
        return False
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _of_pattern(name: str, each: _PatternCall) -> cst.Call:
    rest = [
        arg.with_changes(comma=cst.MaybeSentinel.DEFAULT) if n == len(each.rest) - 1 else arg
        for n, arg in enumerate(each.rest)
    ]
    return each.call.with_changes(
        func=cst.Attribute(cst.Name(name), cst.Name(each.function)), args=rest
    )


@rule(Category.LIFETIME, "function made before the loop")
def function_made_before_loop(scene: Scene) -> Iterator[Rewrite]:
    """A function or a sort key that a loop makes anew in every pass."""
    for loop in flow.own_nodes(scene):
        if isinstance(loop, cst.For | cst.While):
            for line in syntax.body_of(loop):
                if isinstance(line, cst.FunctionDef) and _is_used_in(scene, loop, line):
                    yield _defined_before(scene, loop, line)
            yield from _keys_before(scene, loop)


def _is_used_in(scene: Scene, loop: cst.For | cst.While, made: cst.FunctionDef) -> bool:
    """Say whether the function is only ever called by its name, inside the loop, and needs nothing at birth."""
    name = made.name.value
    written = [each for each in syntax.stores(scene.function) if each.value == name]
    others = [
        each
        for each in syntax.find(scene.function.body, cst.FunctionDef)
        if each.name.value == name
    ]
    inside = {id(each) for each in syntax.walk(loop)}
    called = all(
        id(use) in inside and isinstance(scene.parent(use), cst.Call) and _is_callee(scene, use)
        for use in scene.uses(name)
    )
    bare = not made.decorators and made.returns is None and _has_no_defaults(made.params)
    alone = not written and len(others) == 1 and name not in scene.parameters
    return (
        bare
        and alone
        and called
        and len(syntax.body_of(loop)) > 1
        and not flow.mentions(made.body, name)
    )


def _is_callee(scene: Scene, use: cst.Name) -> bool:
    parent = scene.parent(use)
    return isinstance(parent, cst.Call) and parent.func is use


def _has_no_defaults(params: cst.Parameters) -> bool:
    every = [*params.posonly_params, *params.params, *params.kwonly_params]
    return all(param.default is None and param.annotation is None for param in every)


def _defined_before(scene: Scene, loop: cst.For | cst.While, made: cst.FunctionDef) -> Rewrite:
    bare = writing.exchanged(loop.with_changes(leading_lines=[]), {made: cst.RemoveFromParent()})
    first = made.with_changes(leading_lines=loop.leading_lines)
    why = (
        f"`{made.name.value}` is the same function in every pass; it is made once, before the loop."
    )
    return scene.rewrite({loop: cst.FlattenSentinel([first, bare])}, why)


def _keys_before(scene: Scene, loop: cst.For | cst.While) -> Iterator[Rewrite]:
    for call in _own_calls(loop.body):
        keys = [arg for arg in call.args if arg.keyword and arg.keyword.value == "key"]
        applied = keys[0].value if len(keys) == 1 else None
        if not isinstance(applied, cst.Lambda) or not _has_no_defaults(applied.params):
            continue
        if _sorts(scene, call):
            name = writing.fresh_local(scene, "sort_key")
            params = syntax.code(applied.params)
            made = writing.line(
                f"def {name}({params}):\n    return {syntax.code(applied.body)}\n", loop
            )
            bare = writing.exchanged(loop.with_changes(leading_lines=[]), {applied: cst.Name(name)})
            why = f"The key of `{syntax.code(call.func)}` is made anew in every pass of the loop."
            yield scene.rewrite({loop: cst.FlattenSentinel([made, bare])}, why)


def _own_calls(node: cst.CSTNode) -> Iterator[cst.Call]:
    """The calls below that no comprehension or nested function surrounds."""
    scopes = (cst.FunctionDef, cst.Lambda, cst.ClassDef, cst.GeneratorExp, cst.BaseComp)
    for child in syntax.children(node):
        if isinstance(child, scopes):
            continue
        if isinstance(child, cst.Call):
            yield child
        yield from _own_calls(child)


def _sorts(scene: Scene, call: cst.Call) -> bool:
    """Say whether the call forgets its key: ``sorted``, ``min``, ``max``, or ``sort`` of a list."""
    match call.func:
        case cst.Name(value="sorted" | "min" | "max" as name):
            return scene.is_builtin(name)
        case cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value="sort")):
            return flow.holds(scene, name, "list")
    return False


@rule(Category.LIFETIME, "constant table made once")
def constant_table_made_once(scene: Scene) -> Iterator[Rewrite]:
    """A dict, list or set of constants that the function only reads: made when the module is loaded."""
    for line in flow.own_nodes(scene):
        found = syntax.assignment(line)
        if found is None or not isinstance(line, cst.SimpleStatementLine):
            continue
        name, value = found
        if _is_table(value) and _is_read_only(scene, name) and len(flow.block_of(scene, line)) > 1:
            constant = scene.fresh(f"_{name.strip('_')}".upper())
            changes: dict[cst.CSTNode, Change] = {line: cst.RemoveFromParent()}
            changes |= {
                use: cst.Name(constant)
                for use in scene.uses(name)
                if not isinstance(scene.parent(use), cst.AssignTarget | cst.AnnAssign)
            }
            made = cst.parse_statement(f"{constant} = {_dedented(value)}")
            why = f"The table `{name}` never changes; it was made anew each time the function got there."
            if not _is_commented(line):
                yield scene.rewrite(changes, why, before=[made])


_AT_LEAST = 3  # entries; a smaller table costs about as much as looking up a global name


def _is_table(value: cst.BaseExpression) -> bool:
    if not isinstance(value, cst.Dict | cst.List | cst.Set) or len(value.elements) < _AT_LEAST:
        return False
    made = syntax.constant(value)
    parts = [*made, *made.values()] if isinstance(made, dict) else made
    return isinstance(parts, list | set) and all(
        type(each).__name__ in certainty.ATOMS for each in parts
    )


def _dedented(value: cst.BaseExpression) -> str:
    """The table's code as it stands at the left margin."""
    lines = syntax.code(value).split("\n")
    indent = len(lines[-1]) - len(lines[-1].lstrip())
    return "\n".join([lines[0], *(line[indent:] for line in lines[1:])])


def _is_commented(line: cst.SimpleStatementLine) -> bool:
    return any(isinstance(each, cst.Comment) for each in syntax.walk(line))


def _is_read_only(scene: Scene, name: str) -> bool:
    """Say whether a variable is bound once, and its container only looked at in ways that cannot change it."""
    stores = [each for each in syntax.stores(scene.function) if each.value == name]
    reads = [use for use in scene.uses(name) if not any(use is each for each in stores)]
    own = flow.is_own(scene, name) and name not in scene.parameters
    return (
        own and len(stores) == 1 and bool(reads) and all(_only_looks(scene, use) for use in reads)
    )


def _only_looks(scene: Scene, use: cst.Name) -> bool:
    parent = scene.parent(use)
    above = scene.parent(parent) if parent is not None else None
    match parent:
        case cst.Subscript(value=value) if value is use:
            target = (cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.Del, cst.Element, cst.For)
            return not isinstance(above, target) or getattr(above, "target", None) is not parent
        case cst.ComparisonTarget(operator=cst.In() | cst.NotIn()):
            return True
        case cst.For(iter=iterable) | cst.CompFor(iter=iterable):
            return iterable is use
        case cst.Attribute(attr=cst.Name(value="get" | "items" | "keys" | "values" | "index")):
            return isinstance(above, cst.Call) and above.func is parent
        case cst.Arg():
            function = syntax.called_name(above) if above is not None else None
            return function in {"len", "sum", "sorted", "min", "max"} and scene.is_builtin(function)
    return False


# Modules of the standard library that are cheap to import and do nothing but define names.
_PURE_MODULES = frozenset(
    (
        "base64 bisect collections copy decimal fractions functools hashlib heapq itertools json math "
        "operator re statistics string struct textwrap"
    ).split()
)


@rule(Category.LIFETIME, "import out of the function")
def import_out_of_function(scene: Scene) -> Iterator[Rewrite]:
    """``from math import floor`` inside the function, which looks the module up at every call."""
    for line in flow.own_nodes(scene):
        if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
            continue
        wanted = _imports(line.body[0])
        alone = len(flow.block_of(scene, line)) < 2 or flow.in_try(scene, line)
        if wanted and not alone and all(_means_the_same(scene, each) for each in wanted):
            names = ", ".join(each.binds for each in wanted)
            why = f"The import of `{names}` runs each time the function does; at the top it runs once."
            changes: dict[cst.CSTNode, Change] = {line: cst.RemoveFromParent()}
            after = flow.following(scene, line)
            if isinstance(after, cst.SimpleStatementLine) and not _is_commented(after):
                changes[after] = after.with_changes(leading_lines=[])
            yield scene.rewrite(changes, why, imports=wanted)


def _imports(node: cst.BaseSmallStatement) -> list[Import]:
    """What an import of pure modules without renaming brings in; nothing for any other statement."""
    match node:
        case cst.Import(names=names) if all(alias.asname is None for alias in names):
            found = [Import(syntax.code(alias.name)) for alias in names]
        case cst.ImportFrom(module=cst.Name(value=module), names=[*names], relative=[]):
            if any(alias.asname is not None for alias in names):
                return []
            found = [Import(module, syntax.code(alias.name)) for alias in names]
        case _:
            return []
    return found if all(each.module in _PURE_MODULES for each in found) else []


def _means_the_same(scene: Scene, wanted: Import) -> bool:
    """Say whether the name may be bound at the top: nobody else binds it, or reads it meaning something else."""
    name = wanted.binds
    bound = [
        alias
        for alias in syntax.find(scene.function, cst.ImportAlias)
        if syntax.imported_name(alias) == name
    ]
    stored = any(store.value == name for store in syntax.stores(scene.function))
    if len(bound) != 1 or stored or name in scene.parameters:
        return False
    inside = sum(each.value == name for each in syntax.variables(scene.function))
    everywhere = sum(each.value == name for each in syntax.variables(scene.module))
    return name not in scene.module_names and inside == everywhere


@rule(Category.LIFETIME, "deep copy of flat data to copy")
def deep_copy_of_flat_data(scene: Scene) -> Iterator[Rewrite]:
    """``copy.deepcopy(xs)`` of a container that was only seen to hold numbers and text, or lists of them."""
    for call in flow.own_nodes(scene):
        if not isinstance(call, cst.Call) or not _is_deepcopy(scene, call):
            continue
        match syntax.arguments(call):
            case [cst.Name(value=name)] if not isinstance(scene.parent(call), cst.IfExp):
                seen = _seen_at(scene, call, name)
                text = _copy_of(scene, call, name, seen) if seen is not None else None
                if text is not None:
                    why = f"`deepcopy` visits every item of `{name}`, and none of those seen can change."
                    yield scene.rewrite({call: cst.parse_expression(text)}, why)


def _is_deepcopy(scene: Scene, call: cst.Call) -> bool:
    match call.func:
        case cst.Name(value=name):
            return scene.imported_as(name) == Import("copy", "deepcopy")
        case cst.Attribute(value=cst.Name(value=name), attr=cst.Name(value="deepcopy")):
            return scene.imported_as(name) == Import("copy")
    return False


def _seen_at(scene: Scene, call: cst.Call, name: str) -> Seen | None:
    """What the parameter holds when the call is reached, if nothing before it changes that."""
    top = next(
        each for each in (call, *scene.above(call)) if scene.parent(each) is scene.function.body
    )
    earlier = flow.before(scene, top)
    unchanged = not any(syntax.mutates(line, name) for line in earlier)
    straight = isinstance(top, cst.SimpleStatementLine) and not scene.loops_around(call)
    usable = name in scene.parameters and unchanged and straight and flow.is_plain(scene)
    return scene.facts.get(name) if usable else None


def _copy_of(scene: Scene, call: cst.Call, name: str, seen: Seen) -> str | None:
    if seen.elements is None or not seen.only("list", "dict", "set"):
        return None
    if seen.elements.only(*certainty.ATOMS):
        flat = not seen.only("dict") or (
            seen.values is not None and seen.values.only(*certainty.ATOMS)
        )
        return f"{name}.copy()" if flat and len(seen.types) == 1 else None
    rows = seen.elements if seen.only("list") and seen.elements.only("list") else None
    plain = all(scene.is_builtin(each) for each in ("len", "set", "map", "id"))
    if (
        rows is None
        or rows.elements is None
        or not rows.elements.only(*certainty.ATOMS)
        or not plain
    ):
        return None
    # deepcopy keeps rows that are one and the same list together, so ask for that.
    apart = f"len(set(map(id, {name}))) == len({name})"
    return f"([row.copy() for row in {name}] if {apart} else {syntax.code(call)})"
