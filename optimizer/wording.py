"""The words of a function that help its readers, and which of them a change loses.

Comments, docstrings, type annotations, and names that say what they stand for. A comment may go
with the code that it speaks of; nothing else may go.
"""

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass

from perfbot.optimizer.readability import Definition, definition

_VAGUE = re.compile(r"[^\W\d_]\d*|(?:tmp|temp|aux|var|foo|bar|baz|qux|xx|yy|zz)_?\d*")
_COUNTERS = frozenset("ijkn")  # mathematics calls them so, and everybody counts with them
_OWN_SCOPE = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda)
_RECEIVERS = frozenset({"self", "cls", "_"})


@dataclass(frozen=True, slots=True)
class Losses:
    """What a change loses of a function's words.

    ``comments`` are those whose code is still there, ``docstrings`` the functions whose docstring is
    gone or cut, ``annotations`` what had one, ``vague`` new names that say nothing where most old
    ones do. ``names_kept`` is the share of the old local names that are still used.
    """

    comments: tuple[str, ...] = ()
    docstrings: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    vague: tuple[str, ...] = ()
    names_kept: float = 1.0


def losses(before: str, after: str, qualname: str) -> Losses:
    """Compare a function of two texts; there is nothing to lose where either lacks it."""
    old, new = definition(before, qualname), definition(after, qualname)
    if old is None or new is None:
        return Losses()
    had, has = _locals(old), _locals(new)
    return Losses(
        tuple(_lost_comments(_Commented.of(before, old), _Commented.of(after, new))),
        tuple(_lost_docstrings(old, new)),
        tuple(_lost_annotations(old, new)),
        tuple(_vague(old, new)),
        len(had & has) / len(had) if had else 1.0,
    )


# -- comments --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Commented:
    """The comments of a function by the statement that each speaks of, and all of its statements.

    Statements are written out anew, of compound ones the head alone: layout does not matter.
    """

    comments: Mapping[str, Sequence[str]]
    statements: frozenset[str]

    @classmethod
    def of(cls, text: str, function: Definition) -> "_Commented":
        statements = [each for each in ast.walk(function) if isinstance(each, ast.stmt)]
        found: defaultdict[str, list[str]] = defaultdict(list)
        for line, is_alone, comment in _comments(text, function):
            found[_head(_spoken_of(statements, line, is_alone))].append(comment)
        return cls(found, frozenset(map(_head, statements)))


def _comments(text: str, function: Definition) -> Iterator[tuple[int, bool, str]]:
    """Yield line, whether it is alone in it, and text of the comments in a function and at its end."""
    lines = text.split("\n")
    last = _end(lines, function)
    with suppress(tokenize.TokenError, SyntaxError):
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            line, column = token.start
            if token.type == tokenize.COMMENT and function.lineno <= line <= last:
                yield line, not token.line[:column].strip(), " ".join(token.string.split())


def _end(lines: Sequence[str], function: Definition) -> int:
    """Return the last line of a function with the comments that stand indented below it."""
    last = line = function.end_lineno or function.lineno
    for text in lines[line:]:
        line += 1
        indent = len(text) - len(text.lstrip())
        if text.strip() and not (text.lstrip().startswith("#") and indent > function.col_offset):
            break
        last = line if text.strip() else last
    return last


def _spoken_of(statements: Sequence[ast.stmt], line: int, is_alone: bool) -> ast.stmt:
    """Return the statement around a line, else the next one, else the last one before it."""
    around = [
        each
        for each in statements
        if each.lineno <= line <= (each.end_lineno or 0)
        and (not is_alone or not isinstance(getattr(each, "body", None), list))
    ]
    if around:
        return max(around, key=lambda each: (each.lineno, each.col_offset))
    following = [each for each in statements if each.lineno > line]
    return min(following or statements, key=lambda each: abs(each.lineno - line))


def _head(statement: ast.stmt) -> str:
    """Return the code of a statement without its block."""
    text = ast.unparse(statement)
    if not isinstance(getattr(statement, "body", None), list):
        return text
    return next(line for line in text.split("\n") if not line.startswith("@"))


def _lost_comments(old: _Commented, new: _Commented) -> Iterator[str]:
    """Yield comments that are nowhere, though their code is, and has no other comment instead."""
    kept = {comment for comments in new.comments.values() for comment in comments}
    known = {comment for comments in old.comments.values() for comment in comments}
    for statement, comments in old.comments.items():
        reworded = any(each not in known for each in new.comments.get(statement, ()))
        if statement in new.statements and not reworded:
            yield from (each for each in comments if each not in kept)


# -- docstrings and annotations --------------------------------------------------------------------


def _lost_docstrings(old: Definition, new: Definition) -> Iterator[str]:
    new_ones = dict(_definitions(new))
    for name, node in _definitions(old):
        text = ast.get_docstring(node)
        if text and name in new_ones:
            now = ast.get_docstring(new_ones[name]) or ""
            if " ".join(text.split()) not in " ".join(now.split()):
                yield name


def _lost_annotations(old: Definition, new: Definition) -> Iterator[str]:
    new_ones = dict(_definitions(new))
    for name, node in _definitions(old):
        if name in new_ones:
            now = _annotations(new_ones[name])
            for what, annotation in _annotations(node).items():
                if what in now and now[what] != annotation:
                    yield what
    annotated = _annotated(new)
    bound = _locals(new)
    yield from sorted(name for name in _annotated(old) - annotated if name in bound)


def _definitions(node: Definition) -> Iterator[tuple[str, Definition]]:
    """Yield a function and those defined in it, by name; the last of a name counts."""
    yield from ((each.name, each) for each in ast.walk(node) if isinstance(each, Definition))


def _annotations(function: Definition) -> dict[str, str]:
    """Return the annotation of each parameter and of the result, ``""`` where there is none."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [each for each in (arguments.vararg, arguments.kwarg) if each]
    found = {each.arg: _spelled(each.annotation) for each in every}
    return {**found, f"the result of {function.name}": _spelled(function.returns)}


def _spelled(annotation: ast.expr | None) -> str:
    """Return an annotation as text; a quoted one means the same as a bare one."""
    return ast.unparse(annotation).strip("'\"") if annotation else ""


def _annotated(function: Definition) -> set[str]:
    nodes = (each.target for each in ast.walk(function) if isinstance(each, ast.AnnAssign))
    return {each.id for each in nodes if isinstance(each, ast.Name)}


# -- names -----------------------------------------------------------------------------------------


def _locals(function: Definition) -> set[str]:
    """Return the names that a function binds by its statements, those of functions in it included."""
    return {*_bound(function)} - _RECEIVERS


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield each bound name; what lives in one expression only is left out."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            yield name
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _OWN_SCOPE):
            yield from _bound(child)


def _vague(old: Definition, new: Definition) -> Iterator[str]:
    """Yield new names that say nothing, where most of the old names do and most of the new do not."""
    parameters = {each.arg for each in ast.walk(old) if isinstance(each, ast.arg)}
    known = parameters | {each.id for each in ast.walk(old) if isinstance(each, ast.Name)}
    new_names = _locals(new) - known - _COUNTERS
    if _says_something(_locals(old) | parameters) and not _says_something(_locals(new)):
        yield from sorted(each for each in new_names if _VAGUE.fullmatch(each))


def _says_something(names: Set[str]) -> bool:
    """Say whether most of the names do, by their length; counters do not count."""
    counted = names - _RECEIVERS - _COUNTERS
    return 2 * sum(_VAGUE.fullmatch(each) is None for each in counted) > len(counted)
