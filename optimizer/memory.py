"""Does code newly keep something from one call to the next?

Such code is timed as the workload makes the calls, for a repeated call is not a real one when its
result is remembered (docs/judging.md). The answer is by reading and errs on the side of yes: that
costs precision, while a memo taken for a gain would cost the truth.
"""

import ast
from collections.abc import Iterator, Sequence, Set
from typing import TypeGuard

from perfbot.optimizer.gates import FileChange

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_MAKERS = frozenset(
    "list dict set defaultdict OrderedDict Counter deque bytearray WeakKeyDictionary "
    "WeakValueDictionary".split()
)
_REMEMBERING = frozenset("cache lru_cache cached_property memoize memoized cached".split())
_CHANGING = frozenset(
    "append appendleft extend insert pop popleft popitem remove clear add discard update "
    "setdefault sort reverse send __setitem__".split()
)
_CHANGING_FUNCTIONS = _CHANGING | frozenset("setattr next setitem heappush heappop insort".split())
_MAKING = frozenset("__init__ __new__ __post_init__ __setstate__".split())
_BUILTIN_KINDS = frozenset("dict list set object type".split())


def remembers(changes: Sequence[FileChange]) -> bool:
    """Say whether code newly keeps state from call to call, so that a repeated call may be no real one."""
    return any(
        set(_kept(ast.parse(change.after))) - set(_kept(ast.parse(change.before or b"")))
        for change in changes
    )


def _kept(module: ast.Module) -> Iterator[str]:
    """Yield a text for each thing that lets one call leave something for the next."""
    shared = _class_variables(module)
    modules = _BUILTIN_KINDS | _imported_modules(module)
    run_at_import = _called_at_import(module)
    yield from _by_calls(module)
    stateful = set(_stateful_objects(module))
    for function, around in _functions(module, ()):
        if all(outer.name in run_at_import for outer in around):
            yield from _by_decorators(function)
        local = _local_names(function)
        yield from (
            f"{function.name} uses {node.id}, which keeps something"
            for node in _own(function)
            if isinstance(node, ast.Name) and node.id in stateful - local
        )
        for outer in around:
            local |= set() if outer.name in run_at_import else _local_names(outer)
        yield from (f"{function.name} sets {name}" for name in _declared(function, around, local))
        targets = [each for node in _own(function) for each in _changes(node, modules)]
        for name in {_root(target) for target in targets} - local - {"self", None}:
            yield f"{function.name} keeps something in {name}"
        for name in {each.attr for each in targets if isinstance(each, ast.Attribute)} & shared:
            yield f"{function.name} keeps something in the class's {name}"


def _functions(
    node: ast.AST, around: tuple[_Function, ...]
) -> Iterator[tuple[_Function, tuple[_Function, ...]]]:
    """Yield every function with the functions around it."""
    for child in ast.iter_child_nodes(node):
        inner = around
        if isinstance(child, _Function):
            yield child, around
            inner = (*around, child)
        yield from _functions(child, inner)


def _by_decorators(function: _Function) -> Iterator[str]:
    words = {
        part
        for decorator in function.decorator_list
        for each in ast.walk(decorator)
        for part in (getattr(each, "id", ""), getattr(each, "attr", ""))
    }
    if words & _REMEMBERING:
        yield f"{function.name} remembers"


def _by_calls(module: ast.Module) -> Iterator[str]:
    """Yield what is made to remember outside of all functions: ``fast = lru_cache(slow)``."""
    aliases = {
        alias.asname
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name in _REMEMBERING and alias.asname
    }
    yield from (f"{alias} remembers" for alias in sorted(aliases))
    for statement in module.body:
        calls = [each for each in ast.walk(statement) if isinstance(each, ast.Call)]
        if not isinstance(statement, _Function | ast.ClassDef) and any(
            _last_name(call.func) in _REMEMBERING for call in calls
        ):
            yield f"{ast.unparse(statement)} remembers"


def _last_name(node: ast.expr) -> str:
    return getattr(node, "id", "") or getattr(node, "attr", "")


def _stateful_objects(module: ast.Module) -> Iterator[str]:
    """Yield names of objects made once whose class, written in this module, changes itself when used."""
    changing = {
        node.name
        for node in module.body
        if isinstance(node, ast.ClassDef)
        for method in node.body
        if isinstance(method, _Function) and method.name not in _MAKING
        if any(_root(each) == "self" for part in _own(method) for each in _changes(part, set()))
    }
    for statement in module.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            made = {_last_name(each.func) for each in ast.walk(statement.value) if _is_call(each)}
            if made & changing:
                yield from _assigned(statement)


def _is_call(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call)


def _called_at_import(module: ast.Module) -> set[str]:
    """Return names used outside all functions: what is made by calling them outlives a call."""
    found: set[str] = set()
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name):
            found.add(node.id)
        inner: list[ast.AST] = list(ast.iter_child_nodes(node))
        if isinstance(node, _Function):
            inner = [*node.decorator_list, node.args]
        waiting.extend(inner)
    return found


def _local_names(function: _Function) -> set[str]:
    """Return the parameters without a changeable default, and the names bound to something new."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    names = {each.arg for each in every} | {
        each.arg for each in (arguments.vararg, arguments.kwarg) if each
    }
    names -= _with_changeable_default(arguments)
    aliases = {name for name, value in _bindings(function) if _is_outer(value)}
    bound = {
        node.id
        for node in _own(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    bound |= {node.name for node in _own(function) if isinstance(node, _Function)}
    bound -= {
        name
        for node in _own(function)
        if isinstance(node, ast.Global | ast.Nonlocal)
        for name in node.names
    }
    return (names | bound) - (aliases - names)


def _own(function: _Function) -> Iterator[ast.AST]:
    """Yield what stands in a function's own scope; of functions in it only their definitions."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _Function):
            waiting.extend(ast.iter_child_nodes(node))


def _bindings(function: _Function) -> Iterator[tuple[str, ast.expr]]:
    for node in _own(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                yield name, value


def _is_outer(value: ast.expr) -> bool:
    """Say whether an expression may be another name for something that stays: ``CACHE``, ``Class.seen``."""
    if isinstance(value, ast.Name):
        return value.id.isupper() or value.id.startswith("_")
    return (
        isinstance(value, ast.Attribute)
        and isinstance(value.value, ast.Name)
        and (value.value.id[:1].isupper() or value.value.id == "cls")
    )


def _with_changeable_default(arguments: ast.arguments) -> set[str]:
    positional = [*arguments.posonlyargs, *arguments.args]
    found = list(zip(reversed(positional), reversed(arguments.defaults), strict=False))
    found += [
        (name, value)
        for name, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if value is not None
    ]
    return {name.arg for name, value in found if _is_changeable(value)}


def _is_changeable(value: ast.expr) -> bool:
    if isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp):
        return True
    called = value.func if isinstance(value, ast.Call) else None
    return (getattr(called, "id", "") or getattr(called, "attr", "")) in _MAKERS


def _declared(function: _Function, around: Sequence[_Function], local: Set[str]) -> Iterator[str]:
    """Yield the names declared ``global``, or ``nonlocal`` of a function that outlives a call."""
    for node in _own(function):
        if isinstance(node, ast.Global):
            yield from node.names
        elif isinstance(node, ast.Nonlocal) and around:
            yield from set(node.names) - (local - _local_names(function))


def _changes(node: ast.AST, modules: Set[str]) -> Iterator[ast.expr]:
    """Yield the expressions whose object a node changes."""
    match node:
        case ast.Subscript(value=value, ctx=ast.Store() | ast.Del()):
            yield value
        case ast.Attribute(value=value, ctx=ast.Store() | ast.Del()):
            yield value
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr), args=arguments) if (
            name in modules
        ):
            yield from arguments[:1] if attr in _CHANGING_FUNCTIONS else ()
        case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in _CHANGING:
            yield value
        case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in _CHANGING_FUNCTIONS:
            yield first


def _imported_modules(module: ast.Module) -> set[str]:
    return {
        alias.asname or alias.name.split(".")[0]
        for node in ast.walk(module)
        if isinstance(node, ast.Import)
        for alias in node.names
    }


def _root(expression: ast.expr) -> str | None:
    """Return the name that an expression starts from; ``type(self)`` and ``self.__class__`` are a class."""
    while True:
        match expression:
            case ast.Name(id=name):
                return "a class" if name == "cls" else name
            case ast.Attribute(attr="__class__") | ast.Call(func=ast.Name(id="type")):
                return "a class"
            case ast.Attribute(value=value) | ast.Subscript(value=value):
                expression = value
            case ast.Call(func=ast.Attribute(value=value)):
                expression = value
            case _:
                return None


def _class_variables(module: ast.Module) -> set[str]:
    """Return the names of class variables that hold something changeable."""
    return {
        name
        for node in ast.walk(module)
        if isinstance(node, ast.ClassDef)
        for statement in node.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        and statement.value is not None
        and _is_changeable(statement.value)
        for name in _assigned(statement)
    }


def _assigned(statement: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    yield from (target.id for target in targets if isinstance(target, ast.Name))
