"""Strategies of a pair without a model: which of the catalogue's rules lead from slow to fast.

Each rule is applied to the slow side; a step is taken if what it makes is nearer to the fast side, by
the parts that their trees share, and the next one starts from there. So the steps taken are strategies
that the fast side really shows, in an order that works. What no rule explains is read off the
differences (``differences.py``).
"""

import ast
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import libcst as cst

from perfbot.optimizer import plan
from perfbot.optimizer.catalogue import Rule, rules
from perfbot.optimizer.normal_form import normal_form
from perfbot.optimizer.plan import Step, Subject
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.source import SourceFile
from perfbot.training.differences import differences
from perfbot.training.records import Language, NamedStrategy, TrainingPair, named

MOST_STRATEGIES = 5
MAIN = "main"  # the function that a program's own statements are put into

_MOST_STEPS = 6
_LEAST_NEARER = 0.002  # of all parts
_LEAST_PART = 2  # nodes; single names and numbers say nothing


@dataclass(frozen=True, slots=True)
class Recognized:
    """The strategies of a pair; ``complete``: the steps led to the fast side itself."""

    strategies: tuple[NamedStrategy, ...]
    by_rules: int
    complete: bool


def recognized(pair: TrainingPair) -> Recognized:
    """Return what makes the fast side fast, as far as rules and differences tell."""
    steps: list[Step] = []
    complete = False
    if pair.language is Language.PYTHON:
        steps, complete = _steps(pair)
    found = {
        each.suggestion.strategy.name: named(
            each.suggestion.strategy.category, each.suggestion.strategy.name, each.suggestion.why
        )
        for each in steps
    }
    by_rules = len(found)
    if not complete:
        known = {each.category for each in found.values()}
        for each in differences(pair.slow, pair.fast, pair.language):
            if each.category not in known:  # the rule's word on a category is the better one
                found.setdefault(each.name, each)
    return Recognized(tuple(found.values())[:MOST_STRATEGIES], by_rules, complete)


def _steps(pair: TrainingPair) -> tuple[list[Step], bool]:
    slow, fast = as_module(pair.slow), as_module(pair.fast)
    if slow is None or fast is None:
        return [], False
    wanted, text = _parts(fast), slow
    taken: list[Step] = []
    while len(taken) < _MOST_STEPS:
        here = _nearness(_parts(text), wanted)
        steps = [(_nearness(_parts(each.text), wanted), each) for each in _possible(text)]
        best = max(steps, key=lambda each: each[0], default=None)
        if best is None or best[0] < here + _LEAST_NEARER:
            break
        taken.append(best[1])
        text = best[1].text
    return taken, bool(taken) and normal_form(text) == normal_form(fast)


def _possible(text: str) -> Iterator[Step]:
    """Yield every step of every rule in every function of a module."""
    for name in _functions(text):
        subject = Subject(
            FunctionName("program.py", name),
            SourceFile(Path("program.py"), text, "utf-8", "\n", False),
            {},
            frozenset({"numpy"}) if "numpy" in text else frozenset(),
            0,
        )
        yield from plan.steps(subject, text, _rules())


@lru_cache(maxsize=1)
def _rules() -> Sequence[Rule]:
    return rules()


def _functions(text: str) -> Iterator[str]:
    for node in _parsed(text).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            yield from (
                f"{node.name}.{inner.name}"
                for inner in node.body
                if isinstance(inner, ast.FunctionDef)
            )


def as_module(text: str) -> str | None:
    """Return a program with its own statements in a function, since rules look at functions only.

    ``None`` where it is no Python for both parsers.
    """
    try:
        module = cst.parse_module(text)
        _parsed(text)
    except (cst.ParserSyntaxError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    kept: list[cst.BaseStatement] = []
    moved: list[cst.BaseStatement] = []
    for statement in module.body:
        (moved if _runs(statement) else kept).append(statement)
    if not moved:
        return text
    lines = [*kept, _main_of([inner for each in moved for inner in _of_main_guard(each)])]
    return module.with_changes(body=lines, header=[], footer=[]).code


def _runs(statement: cst.BaseStatement) -> bool:
    """Say whether a statement does something, and does not only define or import."""
    if isinstance(statement, cst.FunctionDef | cst.ClassDef):
        return False
    if isinstance(statement, cst.SimpleStatementLine):
        return not isinstance(statement.body[0], cst.Import | cst.ImportFrom)
    return True


def _of_main_guard(statement: cst.BaseStatement) -> Sequence[cst.BaseStatement]:
    match statement:
        case cst.If(
            test=cst.Comparison(left=cst.Name("__name__")), body=cst.IndentedBlock(body=body)
        ):
            return body
    return [statement]


def _main_of(body: Sequence[cst.BaseStatement]) -> cst.BaseStatement:
    return cst.FunctionDef(
        cst.Name(MAIN),
        cst.Parameters(),
        cst.IndentedBlock(list(body)),
        leading_lines=[cst.EmptyLine()],
    )


def _parsed(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _parts(text: str) -> Counter[str]:
    """Return every part of a module's tree that is more than a leaf, names of variables left aside."""
    try:
        module = _parsed(text)
    except (SyntaxError, ValueError, RecursionError):
        return Counter()
    stored = {
        node.id for node in ast.walk(module) if isinstance(node, ast.Name) and _is_stored(node)
    }
    stored |= {node.arg for node in ast.walk(module) if isinstance(node, ast.arg)}
    for node in ast.walk(module):
        if isinstance(node, ast.Name) and node.id in stored:
            node.id = "_"
        elif isinstance(node, ast.arg):
            node.arg = "_"
    return Counter(
        ast.dump(node)
        for node in ast.walk(module)
        if isinstance(node, ast.stmt | ast.expr) and sum(1 for _ in ast.walk(node)) > _LEAST_PART
    )


def _is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _nearness(found: Counter[str], wanted: Counter[str]) -> float:
    """Return the share of parts that two modules have in common, of all that either has."""
    every = (found | wanted).total()
    return (found & wanted).total() / every if every else 1.0
