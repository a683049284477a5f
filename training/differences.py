"""What the fast side does that the slow one does not, read off both texts: a table, row by row.

Where the catalogue's rules cannot lead from one side to the other (``recognition.py``), this names
strategies by what is new: calls, kinds of nodes, depths. A row fires when the fast side shows more of
what it looks for, or, where it is marked so, less. Python is read as a tree, C++ as words.
"""

import ast
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping

from perfbot.training.grouping import cpp_shape, shape
from perfbot.training.records import Language, NamedStrategy, named
from perfbot.training.signs import CPP, PYTHON, Sign

_LOOPS = ast.For | ast.AsyncFor | ast.While | ast.comprehension


# Signs so common that they say little where anything else is new.
_VAGUE = {"fewer branches", "fewer calls", "fewer copies", "closed form"}


def differences(slow: str, fast: str, language: Language) -> list[NamedStrategy]:
    """Return the strategies whose sign the two sides show; vague ones only where nothing else is."""
    try:
        before, after = marks(slow, language), marks(fast, language)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    rows = PYTHON if language is Language.PYTHON else CPP
    found = [each for each in rows if _fires(each, before, after)]
    sure = [each for each in found if each.name not in _VAGUE]
    return [named(each.category, each.name, each.why) for each in sure or found]


def _fires(sign: Sign, before: Mapping[str, int], after: Mapping[str, int]) -> bool:
    old, new = (sum(each.get(mark, 0) for mark in sign.looks_for) for each in (before, after))
    return new < old if sign.gone else old == 0 < new


def marks(text: str, language: Language) -> Counter[str]:
    """Return what a program shows, counted.

    Raises:
        SyntaxError: it is no Python that parses (``ValueError`` and ``RecursionError`` likewise).
    """
    return Counter(_python_marks(text)) if language is Language.PYTHON else _cpp_marks(text)


def _python_marks(text: str) -> Counter[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = ast.parse(text)
    found: Counter[str] = Counter()
    for node in ast.walk(module):
        found.update(_of_node(node))
    seen = shape(text)
    found["loop depth"], found["recursive"] = seen.loop_depth, int(seen.recursive)
    # Code of the module's own that repeats: its names are looked up in a dict each time.
    found["code in a function"] = int(not any(isinstance(each, _LOOPS) for each in module.body))
    return found


def _of_node(node: ast.AST) -> Iterator[str]:
    yield type(node).__name__
    match node:
        case ast.Import(names=names):
            yield from (f"import {each.name.split('.')[0]}" for each in names)
            yield from ("imports" for _ in names)
        case ast.ImportFrom(module=module):
            yield f"import {(module or '').split('.')[0]}"
            yield "imports"
        case ast.Call():
            yield "calls"
            yield from _of_call(node)
        case ast.For() | ast.AsyncFor() | ast.While() | ast.comprehension():
            yield "loops"
        case ast.Subscript(slice=ast.Slice()):
            yield "slice"
        case ast.BinOp(op=ast.Mult(), left=ast.List()):
            yield "Mult:List"
        case ast.FunctionDef(decorator_list=decorators):
            yield from (name for each in decorators if (name := _dotted(each)))


def _of_call(node: ast.Call) -> Iterator[str]:
    name = _dotted(node.func)
    yield name
    if isinstance(node.func, ast.Attribute):
        yield f".{node.func.attr}"
    if name in ("pow", "range") and len(node.args) == 3:
        yield f"{name}:3"
    if name == "read" and not node.args:
        yield "read()"
    if name == "print" and any(_is_join(each) for each in node.args):
        yield "print:join"


def _is_join(node: ast.expr) -> bool:
    return isinstance(node, ast.Starred) or (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "join"
    )


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            return f"{_dotted(value)}.{attribute}"
        case ast.Call(func=called):
            return _dotted(called)
    return ""


_WORDS = re.compile(r"const\s+\w[\w:<>]*\s*&|& 1\b|<<=|>>=|>>|\w+")
_NOISE = re.compile(r"//[^\n]*|/\*.*?\*/|#include[^\n]*|using namespace[^\n]*", re.DOTALL)


def _cpp_marks(text: str) -> Counter[str]:
    code = _NOISE.sub(" ", text)
    words = ("const &" if each.startswith("const ") else each for each in _WORDS.findall(code))
    found = Counter(words)
    found["loops"] = found["for"] + found["while"]
    seen = cpp_shape(text)
    found["loop depth"], found["recursive"] = seen.loop_depth, int(seen.recursive)
    if "cin" in found:
        found[">>"] = 0  # reads, and shifts nothing
    return found
