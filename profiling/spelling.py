"""Recorded calls written down as source, checked before anybody gets to see them.

The target itself spells its values (``inside/spell.py``), for only there they can be unpickled. What
comes back is read as a syntax tree: literals, comprehensions over ranges and drawings, a few names
of the standard library and classes of the project by their own name; anything else is refused. The
text that is used is written anew from that tree.
"""

import ast
import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from perfbot.profiling.messages import Message
from perfbot.profiling.replay import Reference
from perfbot.profiling.sandbox import Limits
from perfbot.profiling.source import UnreadableSource, read_source
from perfbot.profiling.target import Target
from perfbot.profiling.tree import Tree, module_names

BRIEF = 400  # characters of one argument
NOT_ENDED = "writing its calls down {trouble}"
NOT_ALLOWED = "what it is called with is no plain data"

STANDARD: Mapping[str, frozenset[str]] = {
    "collections": frozenset(("Counter", "OrderedDict", "defaultdict", "deque")),
    "datetime": frozenset(("date", "datetime", "timedelta")),
    "decimal": frozenset(("Decimal",)),
    "fractions": frozenset(("Fraction",)),
    "pathlib": frozenset(("Path", "PurePosixPath", "PureWindowsPath")),
    "uuid": frozenset(("UUID",)),
}
_BUILT_IN = frozenset(
    "bool bytearray bytes complex dict float frozenset int len list max min range round set slice "
    "sorted str sum tuple zip".split()
)
_DRAWING = frozenset(("choices", "sample", "uniform"))
_WAYS = frozenset(("function", "method", "static method", "class method", "property"))
_CLASS_MAKERS = frozenset(("namedtuple", "NamedTuple", "Enum", "make_dataclass"))
_COLUMN = re.compile(r"[a-z_]")  # a variable of a comprehension
_SIZE = re.compile(r"[A-Za-z0-9.\-]{1,12}")
_PLAIN_NODES = (
    *(ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.SetComp),
    *(ast.DictComp, ast.GeneratorExp, ast.comprehension, ast.JoinedStr, ast.FormattedValue),
    *(ast.UnaryOp, ast.USub, ast.BinOp, ast.Mult, ast.keyword, ast.Load, ast.Store),
)


class NotSpelled(Exception):  # noqa: N818 - it says what is known
    """The calls of a function cannot be written down; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class Access:
    """How a function is called: a name imported from a module, and what kind of attribute it is."""

    module: str
    way: str  # function, method, static method, class method, property
    kind: str  # function, coroutine, generator, async generator


@dataclass(frozen=True, slots=True)
class SpelledCall:
    """One call as source: expressions, the names they need with their modules.

    ``ns`` is what it took when it was made again. ``parameters`` are the names of the positional
    arguments where all have one; ``sizes`` are short words that tell the arguments apart, in order;
    ``draws`` says that data are drawn with ``RANDOM``.
    """

    number: int
    ns: int
    arguments: tuple[str, ...]
    keywords: Mapping[str, str]
    parameters: tuple[str, ...]
    sizes: tuple[str, ...]
    imports: Mapping[str, str]
    draws: bool


def spelled(
    target: Target, tree: Tree, reference: Reference, numbers: Sequence[int]
) -> tuple[Access, tuple[SpelledCall, ...], str]:
    """Write recorded calls down; return how the function is called, the calls, and why others are not there.

    Raises:
        NotSpelled: the function has no public name, or the process did not come to its end.
    """
    recording = reference.recording
    job = {
        "do": "spell",
        "function": str(recording.function),
        "modules": list(module_names(tree, recording.function.path)),
        "path": list(recording.path),
        "numbers": list(numbers),
        "calls": [recording.calls[number].arguments for number in numbers],
        "brief": BRIEF,
    }
    reply = target.run(job, tree, limits=Limits(wall_s=120, cpu_s=150))
    if not reply.finished:
        raise NotSpelled(NOT_ENDED.format(trouble=reply.trouble[-500:]))
    for message in reply.of_kind("nameless"):
        raise NotSpelled(message.text("why")[:300])
    access = next(map(_access, reply.of_kind("access")), None)
    if access is None or not _leads_to(access.module, tree, recording.function.path):
        raise NotSpelled(NOT_ALLOWED)
    found = [_call(message, tree) for message in reply.of_kind("spelled")]
    calls = tuple(call for call in found if call is not None and call.number in numbers)
    whys = [message.text("why")[:300] for message in reply.of_kind("unspeakable")]
    return access, calls, next(iter(whys), NOT_ALLOWED)


def _access(message: Message) -> Access | None:
    way, kind = message.text("way"), message.text("function_kind")
    return Access(message.text("module"), way, kind) if way in _WAYS else None


def _leads_to(module: str, tree: Tree, path: str) -> bool:
    """Say whether a module is the file's own or one of the packages around it."""
    named = all(map(_is_name, module.split(".")))
    return named and any(f"{own}.".startswith(f"{module}.") for own in module_names(tree, path))


def _is_name(text: str) -> bool:
    return text.isidentifier() and text.isascii() and not keyword.iskeyword(text)


def _call(message: Message, tree: Tree) -> SpelledCall | None:
    """Return the call if everything in it is allowed."""
    imports = {name: str(module) for name, module in message.mapping("imports").items()}
    if not all(_may_be_imported(name, module, tree) for name, module in imports.items()):
        return None
    arguments = [checked(text, imports) for text in message.texts("arguments")]
    keywords = {
        name: checked(str(text), imports) for name, text in message.mapping("keywords").items()
    }
    parameters = message.texts("parameters")
    names = (*parameters, *keywords)
    if not all(map(_is_name, names)) or len(set(names)) != len(names):
        return None
    whole = [text for text in arguments if text is not None]
    named = {name: text for name, text in keywords.items() if text is not None}
    if (len(whole), len(named)) != (len(arguments), len(keywords)):
        return None
    sizes = tuple(size if _SIZE.fullmatch(size) else "" for size in message.texts("sizes"))
    return SpelledCall(
        message.whole("number"),
        max(1, message.whole("ns")),
        tuple(whole),
        named,
        parameters if len(parameters) == len(whole) else (),
        sizes if len(sizes) == len(names) else (),
        imports,
        any(map(_draws, (*whole, *named.values()))),
    )


def _draws(text: str) -> bool:
    nodes = ast.walk(ast.parse(text, mode="eval"))
    return any(isinstance(node, ast.Name) and node.id == "RANDOM" for node in nodes)


def _may_be_imported(name: str, module: str, tree: Tree) -> bool:
    """Say whether it is one of a few classes of the standard library, or one that the tree defines."""
    if name in STANDARD.get(module, ()):
        return True
    return _is_name(name) and name not in _RESERVED and name in _classes(module, tree)


_RESERVED = _BUILT_IN | {"RANDOM", "benchmark", "pytest", "random", "copy", "asyncio"}


def _classes(module: str, tree: Tree) -> set[str]:
    """Return the names of the classes that stand at the top of a module of the tree."""
    path = next((path for path in tree.files if module in _names_of(tree, path)), None)
    if path is None:
        return set()
    try:
        body = ast.parse(read_source(tree.root / path).text).body
    except (UnreadableSource, OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return {name for node in body for name in _classes_of(node)}


def _names_of(tree: Tree, path: str) -> tuple[str, ...]:
    return module_names(tree, path) if path.endswith(".py") else ()


def _classes_of(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
        maker = ast.unparse(node.value.func).rpartition(".")[2]
        if maker in _CLASS_MAKERS:
            yield from (each.id for each in node.targets if isinstance(each, ast.Name))


def checked(text: str, imports: Mapping[str, str]) -> str | None:
    """Return an expression as written anew if it is plain data, else ``None``."""
    if len(text) > 2 * BRIEF:
        return None
    try:
        tree = ast.parse(text, mode="eval").body
        return ast.unparse(tree) if _is_plain(tree, imports) else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_plain(tree: ast.expr, imports: Mapping[str, str]) -> bool:
    columns = {
        name.id
        for node in ast.walk(tree)
        if isinstance(node, ast.comprehension)
        for name in ast.walk(node.target)
        if isinstance(name, ast.Name)
    }
    known = columns | _BUILT_IN | imports.keys() | {"RANDOM"}
    return all(map(_COLUMN.fullmatch, columns)) and all(
        _is_plain_node(node, known, imports) for node in ast.walk(tree)
    )


def _is_plain_node(node: ast.AST, known: set[str], imports: Mapping[str, str]) -> bool:
    match node:
        case ast.Name(id=name):
            return name in known
        case ast.Attribute(value=value, attr=name):
            return _is_plain_attribute(value, name, imports)
        case ast.Call(func=called):
            return _may_be_called(called, known)
        case ast.comprehension(is_async=is_async):
            return not is_async
        case ast.BinOp(op=op):
            return isinstance(op, ast.Mult)
        case ast.keyword(arg=None):
            return False
        case ast.Dict(keys=keys):
            return None not in keys
    return isinstance(node, _PLAIN_NODES)


def _is_plain_attribute(value: ast.expr, name: str, imports: Mapping[str, str]) -> bool:
    match value:
        case ast.Name(id="RANDOM"):
            return name in _DRAWING
        case ast.Name(id=owner):  # a member of an enumeration
            return owner in imports and not name.startswith("_")
        case ast.Constant(value=str()):
            return name == "join"
    return False


def _may_be_called(called: ast.expr, known: set[str]) -> bool:
    """Say whether a call is one of a class, or of a method that is let through above."""
    match called:
        case ast.Name(id=name):
            return name in known
        case ast.Attribute(value=ast.Name(id=owner)):
            return owner == "RANDOM"
    return isinstance(called, ast.Attribute)
