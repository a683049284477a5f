"""Faults seeded into an accepted function, to see whether its tests and recorded calls would notice.

Each fault is one small mistake of the kinds that programmers make (the operators follow Offutt et
al., "An Experimental Determination of Sufficient Mutant Operators", TOSEM 1996, and what is common
in Python). A fault that compiles to the bytecode of the correct function, or to that of another
fault, is left out (Papadakis et al., "Trivial Compiler Equivalence", ICSE 2015). That a fault which
is left changes anything that a caller could see cannot be known in general.
"""

import ast
import random
import warnings
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import SequenceMatcher
from types import CodeType

from perfbot.optimizer.mistakes import Definition, Edit, edits, line_starts
from perfbot.profiling.functions import FunctionName, find_function, functions
from perfbot.profiling.source import SourceFile

CAUGHT = "{caught} of {tried} seeded faults are caught"
NONE_TRIED = "no seeded fault could be tried"
NOT_TRIED = ", {count} more not tried for lack of time"
NOT_ASKED = ", {count} of the others not put before the tests for lack of time"

_FEWEST = 20  # planted in a function, if it has as many places
_MOST = 30  # where many of its lines are changed
_SHOWN = 160  # characters of a line


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake in one file: ``content`` is the whole file with it, ``before`` and ``after`` its line.

    ``line`` counts from 1; ``kind`` is the sort of mistake, such as ``comparison``.
    """

    path: str
    line: int
    kind: str
    before: str
    after: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Caught:
    """What became of the faults seeded into one function.

    Of ``planted`` faults ``tried`` were tried before time was up; the ``survivors`` changed nothing
    that was looked at. ``unasked`` of them were replayed but never put before the tests.
    """

    planted: int
    tried: int
    survivors: tuple[Fault, ...]
    unasked: int = 0

    @property
    def caught(self) -> int:
        """How many were noticed."""
        return self.tried - len(self.survivors)

    @property
    def rate(self) -> float | None:
        """The share of the tried ones that was noticed, ``None`` where none was tried."""
        return self.caught / self.tried if self.tried else None


def sentence(caught: Caught) -> str:
    """Say what became of the faults: ``17 of 18 seeded faults are caught``."""
    if not caught.tried:
        return NONE_TRIED
    text = CAUGHT.format(caught=caught.caught, tried=caught.tried)
    if caught.tried < caught.planted:
        text += NOT_TRIED.format(count=caught.planted - caught.tried)
    if caught.unasked:
        text += NOT_ASKED.format(count=caught.unasked)
    return text


def seeded(function: FunctionName, before: str, source: SourceFile) -> tuple[Fault, ...]:
    """Return the faults for a function and the helpers that are new to its file.

    ``before`` is the file's text without the change: lines that the change made are preferred, and
    a fault that only turns the function back into the one before is none. The same texts give the
    same faults. A file that this Python cannot parse gives none.
    """
    with suppress(SyntaxError, ValueError, RecursionError):
        return tuple(_seeded(function, before, source))
    return ()


def _seeded(function: FunctionName, before: str, source: SourceFile) -> Iterator[Fault]:
    text = source.text
    outermost = list(_outermost(text))
    places = list(_places(function, before, text))
    found = [edit for place in places for edit in edits(text, place)]
    changed = _changed_lines(before, text)
    known = set(_meanings(text, outermost, [place.lineno for place in places]))
    was = find_function(before, function)
    if was is not None:
        known |= set(_meanings(before, list(_outermost(before)), [was.def_line]))
    left = min(_MOST, _FEWEST + len(changed & {edit.line for edit in found}) // 2)
    for edit in _diverse(found, changed, random.Random(text)):  # noqa: S311 - repeatable, no secret
        part = next(each for each in outermost if edit.start in each)
        wrong = text[part.start : edit.start] + edit.text + text[edit.end : part.stop]
        meaning = _meaning(wrong)
        if meaning is None or meaning in known:
            continue
        known.add(meaning)
        yield _fault(function.path, edit, source)
        left -= 1
        if not left:
            return


def _outermost(text: str) -> Iterator[range]:
    """Yield where the statements of the module's level stand, from line to line."""
    lines = line_starts(text)
    with suppress(SyntaxError, ValueError):
        for node in ast.parse(text).body:
            first = min(each.lineno for each in (node, *getattr(node, "decorator_list", ())))
            end = lines[node.end_lineno or 0] if (node.end_lineno or 0) < len(lines) else len(text)
            yield range(lines[first - 1], end)


def _places(function: FunctionName, before: str, text: str) -> Iterator[Definition]:
    """Yield the function, and functions at the module's level or in classes that are new."""
    old = {span.qualname for span in functions(before)}
    lines = {
        span.def_line
        for span in functions(text)
        if span.qualname not in old and "<locals>" not in span.qualname
    }
    this = find_function(text, function)
    if this is not None:
        lines.add(this.def_line)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Definition) and node.lineno in lines:
            yield node


def _changed_lines(before: str, after: str) -> frozenset[int]:
    """Return the numbers of the lines that are not as they were."""
    lines = before.splitlines(), after.splitlines()
    steps = SequenceMatcher(None, *lines, autojunk=False).get_opcodes()
    return frozenset(
        line + 1 for tag, _, _, start, end in steps if tag != "equal" for line in range(start, end)
    )


def _diverse(found: Sequence[Edit], changed: frozenset[int], rng: random.Random) -> Iterator[Edit]:
    """Yield edits so that kinds and lines take turns; a changed line has two turns for one."""
    rest = rng.sample(found, len(found))
    kinds: Counter[str] = Counter()
    lines: Counter[int] = Counter()

    def turn(edit: Edit) -> int:
        return 2 * kinds[edit.kind] + lines[edit.line] * (2 if edit.line in changed else 4)

    while rest:
        edit = min(rest, key=turn)
        rest.remove(edit)
        kinds[edit.kind] += 1
        lines[edit.line] += 1
        yield edit


def _meanings(text: str, parts: Sequence[range], lines: Sequence[int]) -> Iterator[Hashable]:
    """Yield what those of the parts compile to in which these lines stand."""
    starts = line_starts(text)
    for part in parts:
        if any(starts[line - 1] in part for line in lines):
            yield _meaning(text[part.start : part.stop])


def _meaning(statement: str) -> Hashable:
    """Return what a statement compiles to, ``None`` where it does not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd code, which is the purpose
            return _essence(compile(statement, "", "exec", dont_inherit=True))
    except (SyntaxError, ValueError):
        return None


def _essence(code: CodeType) -> Hashable:
    """Return all that decides what code does, and nothing that only says where it stands."""
    constants = tuple(
        _essence(each) if isinstance(each, CodeType) else (type(each), repr(each))
        for each in code.co_consts
    )
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return code.co_code, constants, names, code.co_flags, code.co_exceptiontable


def _fault(path: str, edit: Edit, source: SourceFile) -> Fault:
    text = source.text
    first = text.rfind("\n", 0, edit.start) + 1
    last = text.find("\n", edit.end)
    before = text[first : last if last >= 0 else len(text)]
    after = before[: edit.start - first] + edit.text + before[edit.end - first :]
    content = source.encode(edit.applied(text))
    return Fault(path, edit.line, edit.kind, _on_one_line(before), _on_one_line(after), content)


def _on_one_line(code: str) -> str:
    joined = " ".join(code.split())
    return joined if len(joined) <= _SHOWN else joined[: _SHOWN - 1] + "…"
