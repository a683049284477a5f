"""What tools that only read say of the lines that a version changed: ruff, and a type checker.

Both run outside of the sandbox on text that may be hostile, so neither may run anything of it or
obey it: ruff is isolated, and Pyrefly gets a configuration of our own, asks no interpreter and looks
for modules where it is told (docs/decisions/014-a-type-checker-that-only-reads.md). Errors that
stood there before the change, or on lines that the change left alone, are nobody's news.
"""

import difflib
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ruff import find_ruff_bin  # type: ignore[import-untyped]

from perfbot.optimizer.diagnosis import Diagnosis, ErrorClass, Stage
from perfbot.profiling.environment import Interpreter
from perfbot.profiling.sandbox import ToolError, run_tool
from perfbot.profiling.tree import Tree

AT_LINE = "line {line}, {source!r}: {message}"

_TIMEOUT_S = 20.0
_SHOWN = 3  # findings in one diagnosis
_RUFF_CODES = "F5,F601,F62,F63,F70,F82,PLE"  # errors, not matters of taste
_UNDEFINED_CODES = frozenset({"F821", "F822", "F823"})
_TARGET = "py310"  # the oldest interpreter that a target may have
_KINDS: Mapping[str, ErrorClass] = {
    **dict.fromkeys(
        ("unknown-name", "missing-import", "missing-module-attribute", "unbound-name"),
        ErrorClass.UNDEF,
    ),
    **dict.fromkeys(
        (
            "bad-argument-count",
            "bad-argument-type",
            "bad-argument-name",
            "missing-argument",
            "unexpected-keyword",
            "no-matching-overload",
            "bad-instantiation",
        ),
        ErrorClass.API,
    ),
    **dict.fromkeys(
        (
            "missing-attribute",
            "not-callable",
            "not-iterable",
            "bad-index",
            "unsupported-operation",
            "read-only",
            "bad-unpacking",
            "bad-context-manager",
            "not-async",
        ),
        ErrorClass.OBJECT,
    ),
}
_OF_MODULE = re.compile(r"No attribute `(?P<name>[^`]+)` in module `(?P<of>[^`]+)`")
_OF_OBJECT = re.compile(r"lass `(?P<of>[^`]+)` has no (?:class )?attribute `(?P<name>[^`]+)`")
_FROM = re.compile(r"Could not import `(?P<name>[^`]+)` from `(?P<of>[^`]+)`")
_FUNCTION = re.compile(r"function `(?P<name>[^`]+)`")
_ANY = re.compile(r"`(?P<name>[^`]+)`")


@dataclass(frozen=True, slots=True)
class Finding:
    """An error on one line, counted from 1."""

    kind: ErrorClass
    line: int
    message: str
    symbols: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One file's text before and after, and what is new in it."""

    path: str
    before: str
    after: str

    def lines(self) -> frozenset[int]:
        """Return the numbers, from 1, of the lines that are new or other than before."""
        old, new = self.before.splitlines(), self.after.splitlines()
        matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
        return frozenset(
            number + 1
            for tag, _, _, start, end in matcher.get_opcodes()
            if tag in ("replace", "insert")
            for number in range(start, end)
        )

    def news(self, before: Sequence[Finding], after: Sequence[Finding]) -> tuple[Finding, ...]:
        """Return the findings on changed lines that were not there before."""
        known, changed = {each.message for each in before}, self.lines()
        return tuple(each for each in after if each.line in changed and each.message not in known)

    def diagnosis(self, found: Sequence[Finding], stage: Stage) -> Diagnosis | None:
        """Return what findings come to: the class of the first one counts; ``None`` without any."""
        if not found:
            return None
        order = list(ErrorClass)
        first, *_ = ordered = sorted(found, key=lambda each: (order.index(each.kind), each.line))
        lines = self.after.splitlines()
        text = "; ".join(
            AT_LINE.format(
                line=each.line, source=lines[each.line - 1].strip(), message=each.message
            )
            for each in ordered[:_SHOWN]
        )
        symbols = dict.fromkeys(name for each in ordered for name in each.symbols)
        return Diagnosis(first.kind, stage, text, tuple(symbols))


def undefined_names(change: Change) -> Diagnosis | None:
    """Return what pyflakes' rules (in ruff) say of a change's names and formats, ``None``: nothing.

    What is found here would fail whenever its line runs, so no call needs to be replayed.
    """
    try:
        found = change.news(_ruff(change.before), _ruff(change.after))
    except ToolError:
        return None  # a diagnosis is missing then; the judge misses nothing
    return change.diagnosis(found, Stage.CHECKING)


def types(
    change: Change, before: Tree, after: Tree, interpreter: Interpreter, stage: Stage
) -> Diagnosis | None:
    """Return what the type checker says of a change, ``None``: nothing, or there is no checker.

    It explains why a version failed and refuses none: types of a dynamic language may be seen wrong.
    """
    try:
        found = _pyrefly(change.path, after, interpreter)
        known = _pyrefly(change.path, before, interpreter) if found else ()
    except (ToolError, ImportError):
        return None
    return change.diagnosis(change.news(known, found), stage)


@lru_cache(maxsize=8)
def _ruff(text: str) -> tuple[Finding, ...]:
    argv = [find_ruff_bin(), "check", "--isolated", "--no-cache", "--quiet", "--exit-zero"]
    argv += ["--ignore-noqa", "--output-format", "json", "--target-version", _TARGET]
    argv += ["--select", _RUFF_CODES, "--stdin-filename", "module.py", "-"]
    answer = run_tool(argv, text.encode("utf-8", "replace"), _TIMEOUT_S)
    return tuple(_of_ruff(each) for each in json.loads(answer))


def _of_ruff(diagnostic: dict[str, object]) -> Finding:
    place, message = diagnostic["location"], str(diagnostic["message"])
    assert isinstance(place, dict)
    undefined = diagnostic["code"] in _UNDEFINED_CODES
    kind = ErrorClass.UNDEF if undefined else ErrorClass.OTHER
    symbols = tuple(_ANY.findall(message)[:1]) if undefined else ()
    return Finding(kind, int(place["row"]), message, symbols)


def _pyrefly(path: str, tree: Tree, interpreter: Interpreter) -> tuple[Finding, ...]:
    """Return the type checker's findings in one file of a tree.

    Raises:
        ImportError: it is not installed (``perfbot[models]``).
        ToolError: it could not be run.
    """
    from pyrefly.__main__ import get_pyrefly_bin  # late: an optional package

    with tempfile.NamedTemporaryFile(suffix=".toml") as empty:  # else the project's own would count
        argv = [get_pyrefly_bin(), "check", "--config", empty.name, "--skip-interpreter-query"]
        argv += ["--disable-search-path-heuristics", "--threads", "1", "--color", "never"]
        argv += ["--output-format", "json", "--summary=none", "--progress-bar", "no"]
        argv += ["--python-version", interpreter.version_text, "--use-ignore-files=false"]
        for root in tree.roots:
            argv += ["--search-path", str(tree.root / root)]
        for folder in _site_packages(interpreter):
            argv += ["--site-packages-path", str(folder)]
        answer = run_tool([*argv, str(tree.root / path)], b"", _TIMEOUT_S, accepted=(0, 1))
    found = json.loads(answer).get("errors", ())
    return tuple(_of_pyrefly(each) for each in found if each.get("severity") == "error")


def _site_packages(interpreter: Interpreter) -> Iterator[Path]:
    major, minor, _ = interpreter.version
    for prefix in dict.fromkeys((interpreter.prefix, interpreter.base_prefix)):
        for kind in ("site-packages", "dist-packages"):
            yield from prefix.glob(f"lib*/python{major}.{minor}/{kind}")


def _of_pyrefly(error: dict[str, object]) -> Finding:
    name, message = str(error["name"]), str(error["concise_description"])
    kind = _KINDS.get(name, ErrorClass.OTHER)
    if _OF_MODULE.search(message):
        kind = (
            ErrorClass.UNDEF
        )  # a module is no object that one uses wrongly: the member is missing
    return Finding(kind, int(str(error["line"])), message, _symbols(message))


def _symbols(message: str) -> tuple[str, ...]:
    for pattern in (_OF_MODULE, _OF_OBJECT, _FROM, _FUNCTION, _ANY):
        found = pattern.search(message)
        if found is not None:
            parts = found.groupdict()
            return (f"{parts['of']}.{parts['name']}" if "of" in parts else parts["name"],)
    return ()
