"""Which functions may be changed together with a hotspot: its private helpers, its class's methods.

A caller and a helper that only it calls are one piece of work cut in two: the time is in the helper,
what it is needed for is known to the caller. Who is in a group is decided by reading and by the
profile; nothing depends on it but what a model may write, since the judge replays and times each
function that a change alters.
"""

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence

from perfbot.optimizer.containment import visible_source
from perfbot.optimizer.packing import Section
from perfbot.profiling.functions import FunctionName, find_function

GROUP = (
    "Functions of the same file that may be changed with it: write those that you change in full, "
    "beside the function"
)

_LEAST_SHARE = 0.2  # of the hotspot's own time with all that it calls
_AT_MOST = 4
_Definition = ast.FunctionDef | ast.AsyncFunctionDef


def group_of(
    function: FunctionName,
    text: str,
    share_of: Callable[[FunctionName], float],
    is_used_elsewhere: Callable[[str], bool],
) -> tuple[FunctionName, ...]:
    """Return the functions that belong to a hotspot, the dearest first.

    ``share_of`` is a function's share of the workload's time with all that it calls,
    ``is_used_elsewhere`` says whether another file of the project has a name in it.
    """
    known = _definitions(text)
    if function.qualname not in known:
        return ()
    group, waiting = [function.qualname], [function.qualname]
    least = _LEAST_SHARE * share_of(function)
    while waiting:
        for name in _called(known, waiting.pop()):
            share = share_of(FunctionName(function.path, name))
            if name not in group and share and share >= least:
                group.append(name)
                waiting.append(name)
    mine = [
        FunctionName(function.path, name)
        for name in group[1:]
        if _is_of_its_class(name, function.qualname)
        or _is_private(name, known, group, is_used_elsewhere)
    ]
    return tuple(sorted(mine, key=share_of, reverse=True)[:_AT_MOST])


def section(text: str, group: Sequence[FunctionName]) -> Section | None:
    """Return the group's functions as a model is shown them, ``None`` where there is no group."""
    lines = visible_source(text).split("\n")
    spans = [span for each in group if (span := find_function(text, each))]
    shown = ["\n".join(lines[span.first_line - 1 : span.end_line]) for span in spans]
    return Section(GROUP, "\n\n".join(shown)) if shown else None


def _definitions(text: str) -> dict[str, _Definition]:
    """Return the undecorated functions of a module and the methods of its classes by qualified name."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    found = dict(_of_body(module.body, ""))
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            found.update(_of_body(node.body, f"{node.name}."))
    return found


def _of_body(body: Iterable[ast.stmt], prefix: str) -> Iterator[tuple[str, _Definition]]:
    for node in body:
        if isinstance(node, _Definition):
            yield prefix + node.name, node


def _called(known: dict[str, _Definition], name: str) -> Iterator[str]:
    """Yield the functions of the file that one of them calls by name, or by ``self``."""
    owner, _, _ = name.rpartition(".")
    for node in ast.walk(known[name]):
        match node:
            case ast.Call(func=ast.Name(id=called)):
                found = called
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self" | "cls"), attr=called)):
                found = f"{owner}.{called}" if owner else ""
            case _:
                continue
        if found in known and found != name and not known[found].decorator_list:
            yield found


def _is_of_its_class(name: str, hotspot: str) -> bool:
    owner = hotspot.rpartition(".")[0]
    return bool(owner) and name.rpartition(".")[0] == owner


def _is_private(
    name: str,
    known: dict[str, _Definition],
    group: Sequence[str],
    is_used_elsewhere: Callable[[str], bool],
) -> bool:
    """Say whether only the group uses a function."""
    bare = name.rpartition(".")[2]
    others = (node for each, node in known.items() if each not in group)
    if any(bare in _names(node) for node in others):
        return False
    return bare.startswith("_") or not is_used_elsewhere(bare)


def _names(node: ast.AST) -> set[str]:
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return names | {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}
