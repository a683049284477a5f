"""What is known of a function beyond its code: measured, looked up, remembered.

It is gathered once for each function that is searched, and only where a model is there to see it.
Nothing of it decides anything: what cannot be found out is left out, without a word.
"""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from perfbot.optimizer.case import Case
from perfbot.optimizer.excerpts import Excerpt
from perfbot.optimizer.growth import power
from perfbot.optimizer.project_index import IndexUnavailable, ProjectIndex
from perfbot.optimizer.surroundings import callers, related, used_elsewhere
from perfbot.profiling import growth, line_times
from perfbot.profiling.functions import FunctionName, find_function
from perfbot.profiling.line_times import LineTimes
from perfbot.profiling.source import UnreadableSource, read_source
from perfbot.profiling.tree import Tree

GROWS = "{power} (95 % interval), with the size of {what}"

_MOST_SOURCES = 4  # of tests that are shown in full
_LONGEST_TEST = 40  # lines
_EXAMPLES = 2
_WARNINGS = 2


@dataclass(frozen=True, slots=True)
class PastCommit:
    """A commit that changed the function; ``day`` is ``YYYY-MM-DD``. All of it is its author's text."""

    day: str
    subject: str
    body: str = ""


@dataclass(frozen=True, slots=True)
class Exercise:
    """A test that leads to the function, by pytest's name for it; ``source`` is ``""`` where it is long."""

    name: str
    calls: int
    source: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """A version of some function that was judged: before, after, by which strategies, with what outcome."""

    before: str
    after: str
    strategies: tuple[str, ...]
    outcome: str


class PairStore(Protocol):
    """Remembers versions that were judged."""

    def nearest(self, source: str, *, accepted: bool, most: int) -> Sequence[Pair]:
        """Return the pairs whose ``before`` is most like a function's source, the nearest first."""


class NoPairs:
    """Remembers nothing."""

    def nearest(self, source: str, *, accepted: bool, most: int) -> Sequence[Pair]:
        """Return nothing."""
        return ()


NO_PAIRS = NoPairs()


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What a model can be told of a function; texts are a repository's, and as they are there.

    ``heat`` is of the unchanged function, ``growth`` in words; ``versions`` has those of the packages
    in the target by their normalized names.
    """

    hint: str = ""
    heat: LineTimes = field(default_factory=LineTimes)
    growth: str = ""
    definitions: tuple[Excerpt, ...] = ()
    callers: tuple[Excerpt, ...] = ()
    related: tuple[Excerpt, ...] = ()
    tests: tuple[Exercise, ...] = ()
    history: tuple[PastCommit, ...] = ()
    accepted: tuple[Pair, ...] = ()
    rejected: tuple[Pair, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


def gathered(
    case: Case,
    function: FunctionName,
    *,
    hint: str = "",
    history: Sequence[PastCommit] = (),
    pairs: PairStore = NO_PAIRS,
    index: ProjectIndex | None = None,
) -> Knowledge:
    """Find out what there is to know of a function whose calls were recorded.

    It takes some seconds: lines are timed, and the function is made to grow.

    Without an ``index`` of the project nothing is known of its other files.

    Raises:
        SandboxError: a process could not be started at all.
    """
    reference = case.reference(function)
    source = _source_of(case.tree, function.path, function.qualname)
    return Knowledge(
        hint=hint,
        heat=line_times.measure(case.target, reference, case.tree),
        growth=_growth(case, function),
        definitions=_looked_up(used_elsewhere, index, function),
        callers=_looked_up(callers, index, function),
        related=_looked_up(related, index, function),
        tests=tuple(_tests(case.tree, case.recordings[function].tests)),
        history=tuple(history),
        accepted=tuple(pairs.nearest(source, accepted=True, most=_EXAMPLES)),
        rejected=tuple(pairs.nearest(source, accepted=False, most=_WARNINGS)),
        versions=case.target.interpreter.packages,
    )


def _looked_up(
    ask: Callable[[ProjectIndex, FunctionName], tuple[Excerpt, ...]],
    index: ProjectIndex | None,
    function: FunctionName,
) -> tuple[Excerpt, ...]:
    try:
        return ask(index, function) if index is not None else ()
    except IndexUnavailable:
        return ()


def _growth(case: Case, function: FunctionName) -> str:
    curve, what = growth.measure_one(case.target, case.reference(function), case.tree)
    return GROWS.format(power=power(curve), what=what) if curve.exponent else ""


def _tests(tree: Tree, calls: Mapping[str, int]) -> Iterator[Exercise]:
    """Yield tests, the shortest first, each of the first with its source; parameters are left out."""
    by_name: dict[str, int] = {}
    for name, count in calls.items():
        plain = name.partition("[")[0]
        by_name[plain] = by_name.get(plain, 0) + count
    sources = {name: _test_source(tree, name) for name in by_name}
    ordered = sorted(by_name, key=lambda name: (not sources[name], len(sources[name]), name))
    for number, name in enumerate(ordered):
        yield Exercise(name, by_name[name], sources[name] if number < _MOST_SOURCES else "")


def _test_source(tree: Tree, name: str) -> str:
    path, _, inner = name.partition("::")
    source = _source_of(tree, path, inner.replace("::", "."))
    return source if source.count("\n") < _LONGEST_TEST else ""


def _source_of(tree: Tree, path: str, qualname: str) -> str:
    """Return a function's lines without their common indentation, ``""`` where it is not found.

    A path that a process of the target told is looked up in the tree, so that it leads nowhere else.
    """
    if path not in tree.files:
        return ""
    try:
        text = read_source(tree.root / path).text
    except (UnreadableSource, OSError):
        return ""
    span = find_function(text, FunctionName(path, qualname))
    if span is None:
        return ""
    return textwrap.dedent("\n".join(text.split("\n")[span.first_line - 1 : span.end_line]))
