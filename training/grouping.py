"""Programs by their shape, as the dual encoder's data are grouped ("Data", CodeNet's Python programs).

Three questions of the tree: does it pass functions to ``map``, ``filter``, ``zip`` and their kind
(functional use), does a function call itself (recursion), how deep do loops and branches nest
(control-flow depth). Three groups come of them, over which data are balanced and split 80-10-10.
"""

import ast
import random
import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from perfbot.training.records import Group, Language, Split, TrainingPair

SHARES: Mapping[Split, float] = {Split.TRAIN: 0.8, Split.VALIDATION: 0.1, Split.TEST: 0.1}

_FUNCTIONAL = frozenset({"map", "filter", "zip", "reduce", "starmap", "accumulate"})
_LOOPS = ast.For | ast.AsyncFor | ast.While
_CONTROL = ast.For | ast.AsyncFor | ast.While | ast.If | ast.Try | ast.With | ast.Match
_CPP_NOISE = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'", re.DOTALL)
_CPP_FUNCTION = re.compile(r"\b(\w+)\s*\([^;{}()]*\)\s*(?:const\s*)?\{")
_CPP_FUNCTIONAL = re.compile(
    r"\b(?:transform|accumulate|for_each|copy_if|count_if|partial_sum)\s*\("
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the tree of a program shows; depths are 0 where there is nothing."""

    functional: int
    recursive: bool
    loop_depth: int
    control_depth: int

    @property
    def group(self) -> Group:
        """The group; recursion says most of a program, then nested loops."""
        if self.recursive:
            return Group.RECURSIVE
        if self.loop_depth >= 2:
            return Group.NESTED_LOOPS
        return Group.VECTORIZED if self.functional else Group.OTHER


def group_of(text: str, language: Language) -> Group:
    """Return the group of a program; what does not parse is in none of the three."""
    if language is Language.CPP:
        return cpp_shape(text).group
    try:
        return shape(text).group
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Group.OTHER


def shape(text: str) -> Shape:
    """Return the shape of a Python program.

    Raises:
        SyntaxError: it does not parse (``ValueError`` and ``RecursionError`` likewise).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = ast.parse(text)
    functional = sum(
        isinstance(node, ast.Call) and _called(node) in _FUNCTIONAL for node in ast.walk(module)
    )
    return Shape(
        functional,
        any(map(_calls_itself, ast.walk(module))),
        _depth(module, _LOOPS),
        _depth(module, _CONTROL),
    )


def _called(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _calls_itself(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
        isinstance(inner, ast.Call) and _called(inner) == node.name for inner in ast.walk(node)
    )


def _depth(node: ast.AST, kinds: type | object) -> int:
    below = max((_depth(child, kinds) for child in ast.iter_child_nodes(node)), default=0)
    own = isinstance(node, kinds)  # type: ignore[arg-type]
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return below + len(node.generators)
    return below + own


def cpp_shape(text: str) -> Shape:
    """Return the shape of a C++ program by its braces and names; no compiler is asked."""
    code = _CPP_NOISE.sub(" ", text)
    recursive = any(
        re.search(rf"\b{found[1]}\s*\(", body)
        for found in _CPP_FUNCTION.finditer(code)
        if found[1] not in ("if", "for", "while", "switch", "main")
        for body in [_block(code, found.end() - 1)]
    )
    loops, control = _cpp_depths(code)
    return Shape(len(_CPP_FUNCTIONAL.findall(code)), recursive, loops, control)


def _block(code: str, start: int) -> str:
    depth = 0
    for place in range(start, len(code)):
        depth += (code[place] == "{") - (code[place] == "}")
        if depth == 0:
            return code[start + 1 : place]
    return code[start + 1 :]


def _cpp_depths(code: str) -> tuple[int, int]:
    """Return how deep loops, and loops and branches, nest; without braces a statement is one block."""
    open_blocks: list[list[str]] = [[]]
    loops = control = parentheses = 0
    for word in re.findall(r"\w+|[{}();]", code):
        parentheses += (word == "(") - (word == ")")
        if word in ("for", "while", "if", "switch"):
            open_blocks[-1].append(word)
            every = [each for block in open_blocks for each in block]
            control = max(control, len(every))
            loops = max(loops, sum(each in ("for", "while") for each in every))
        elif word == "{":
            open_blocks.append([])
        elif (word == ";" and parentheses <= 0) or word == "}":
            if word == "}" and len(open_blocks) > 1:
                open_blocks.pop()
            open_blocks[-1].clear()
    return loops, control


def balanced(pairs: Sequence[TrainingPair], seed: int) -> list[TrainingPair]:
    """Return as many pairs of each of the three groups as of the rarest one that occurs.

    Programs of no group are left out, as there.
    """
    by_group = _grouped(each for each in pairs if each.group is not Group.OTHER)
    least = min(map(len, by_group.values()), default=0)
    rng = random.Random(seed)
    chosen = {each.record for group in by_group.values() for each in rng.sample(group, least)}
    return [each for each in pairs if each.record in chosen]


def stratified(
    pairs: Sequence[TrainingPair], seed: int, shares: Mapping[Split, float] = SHARES
) -> list[TrainingPair]:
    """Return the pairs split by these shares within each group, all pairs of a problem together."""
    split: dict[str, Split] = {}
    for _, group in sorted(_grouped(pairs).items()):
        problems = sorted({each.problem for each in group} - set(split))
        random.Random(seed).shuffle(problems)
        split |= dict(zip(problems, _dealt(len(problems), shares), strict=True))
    return [msgspec.structs.replace(each, split=split[each.problem]) for each in pairs]


def _dealt(count: int, shares: Mapping[Split, float]) -> Iterator[Split]:
    """Yield so many splits in proportion: each goes to the one that is furthest behind its share."""
    given = dict.fromkeys(shares, 0)
    for place in range(1, count + 1):
        behind = max(shares, key=lambda each: shares[each] * place - given[each])
        given[behind] += 1
        yield behind


def _grouped(pairs: Iterable[TrainingPair]) -> dict[Group, list[TrainingPair]]:
    found: dict[Group, list[TrainingPair]] = defaultdict(list)
    for each in pairs:
        found[each.group].append(each)
    return dict(found)
