"""What share of the workload could be won where: the repository's own functions, ranked.

A profile comes from the target process (``inside/sampler.py``) or from a file of the user
(``external_profile.py``); both are untrusted text, of which the malformed parts are dropped.
"""

import ast
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from perfbot.profiling.functions import FunctionName

_LIGHTEST_NS = 1e-9
_HIGHEST_CEILING = 1000.0
_ANONYMOUS = frozenset(("<lambda>", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"))
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class ProfileError(Exception):
    """A profile holds nothing that could be used."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A function as a profiler names it: ``line`` is any line of it, ``name`` its ``co_name``."""

    path: str
    line: int
    name: str


@dataclass(frozen=True, slots=True)
class Stack:
    """CPU time of one stack of frames in the tree, outermost first.

    ``leaf_is_own``: the innermost of them was itself running, not something that it called.
    """

    frames: tuple[Frame, ...]
    leaf_is_own: bool
    python_s: float
    native_s: float = 0.0

    @property
    def seconds(self) -> float:
        """CPU time, of both kinds."""
        return self.python_s + self.native_s


@dataclass(frozen=True, slots=True)
class Profile:
    """Where a run spent its time. ``disturbed``: the program took the profiler's timer away."""

    stacks: tuple[Stack, ...]
    disturbed: bool = False
    calls: Mapping[Frame, int] = field(default_factory=dict)

    @property
    def total_s(self) -> float:
        """Time of all stacks, in seconds."""
        return math.fsum(stack.seconds for stack in self.stacks)


@dataclass(frozen=True, slots=True)
class Hotspot:
    """What could be won in a function; shares are of the workload's time, from 0 to 1.

    ``share``: time while it was the innermost source function of the project, that is its own time
    and that of callees which are not the project's. ``self_share``: its own time alone.
    ``inclusive_share``: with all that it called. ``native_share``: the part of ``share`` (0 to 1 of
    it) that ran in native code. ``ceiling``: the workload's speedup if ``share`` went to zero
    (Amdahl), at most 1000. ``calls``: None where nobody counted.
    """

    function: FunctionName
    share: float
    self_share: float
    inclusive_share: float
    native_share: float
    calls: int | None
    ceiling: float


def profile_from_json(report: object) -> Profile:
    """Read a report of the sampler; raises ProfileError when there is nothing usable in it."""
    if not isinstance(report, dict):
        raise ProfileError(
            "The profiler wrote no report: the profiled process gave something else."
        )
    items = report.get("stacks")
    read = (_stack_from_json(item) for item in items) if isinstance(items, list) else ()
    stacks = tuple(stack for stack in read if stack is not None)
    if not stacks:
        reason = report.get("reason")
        why = reason[:200] if isinstance(reason, str) else "the run may be too short to be sampled"
        raise ProfileError(f"The profile holds no sample: {why}.")
    return Profile(stacks, disturbed=report.get("disturbed") is True)


def _stack_from_json(item: object) -> Stack | None:
    if not isinstance(item, dict):
        return None
    listed = item.get("frames")
    frames = [frame_from_json(part) for part in listed] if isinstance(listed, list) else [None]
    python_s, native_s = _seconds(item.get("python_s")), _seconds(item.get("native_s"))
    if None in frames or python_s is None or native_s is None or python_s + native_s < _LIGHTEST_NS:
        return None
    own = tuple(frame for frame in frames if frame is not None)
    return Stack(own, item.get("leaf_is_own") is True, python_s, native_s)


def frame_from_json(item: object) -> Frame | None:
    """Read ``[path, line, name]``; None if it is anything else or the path leaves the tree."""
    match item:
        case [str(path), int(line), str(name)] if not isinstance(line, bool):
            inside = not path.startswith("/") and ".." not in path.split("/")
            return Frame(path, line, name) if inside and path else None
    return None


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 1e9 else None  # NaN and infinity fail here too


@dataclass(frozen=True, slots=True)
class _Span:
    """Lines of a function or class, its decorators included; ``owner`` is the outermost function."""

    first: int
    last: int
    name: str
    qualname: str
    owner: str
    is_function: bool


def _spans(source: str) -> tuple[_Span, ...]:
    """Return the definitions of a module; none if it does not parse."""
    try:
        return tuple(_spans_in(ast.parse(source), "", None))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


def _spans_in(node: ast.AST, prefix: str, owner: str | None) -> Iterator[_Span]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Definition):
            is_function = not isinstance(child, ast.ClassDef)
            qualname = prefix + child.name
            inner_owner = owner or (qualname if is_function else None)
            first = min([child.lineno, *(each.lineno for each in child.decorator_list)])
            last = child.end_lineno or child.lineno
            yield _Span(first, last, child.name, qualname, inner_owner or qualname, is_function)
            inner = qualname + (".<locals>." if is_function else ".")
            yield from _spans_in(child, inner, inner_owner)
        else:
            yield from _spans_in(child, prefix, owner)


def _function_at(spans: Iterable[_Span], frame: Frame, by_owner: bool) -> FunctionName | None:
    """Return the function that a frame runs; lambdas and class bodies belong to the one around."""
    around = sorted(
        (span for span in spans if span.first <= frame.line <= span.last),
        key=lambda span: (-span.first, span.last),
    )
    named = [span for span in around if span.name == frame.name]
    if not named and frame.name not in _ANONYMOUS:
        return None
    nearest = named[0] if named else None
    if nearest is None or not nearest.is_function:
        nearest = next((span for span in around if span.is_function), None)
    if nearest is None:
        return None
    return FunctionName(frame.path, nearest.owner if by_owner else nearest.qualname)


@dataclass(slots=True)
class _Tally:
    """Seconds of one function."""

    won: float = 0.0
    own: float = 0.0
    inclusive: float = 0.0
    native: float = 0.0

    def hotspot(self, function: FunctionName, total_s: float, calls: int | None) -> Hotspot:
        share = min(self.won / total_s, 1.0)
        return Hotspot(
            function,
            share=share,
            self_share=min(self.own / total_s, 1.0),
            inclusive_share=min(self.inclusive / total_s, 1.0),
            native_share=self.native / self.won if self.won else 0.0,
            calls=calls,
            ceiling=min(1 / (1 - share), _HIGHEST_CEILING) if share < 1 else _HIGHEST_CEILING,
        )


def rank(
    profiles: Sequence[Profile],
    source_of: Callable[[str], str | None],
    ours: Callable[[str], bool],
    *,
    by_owner: bool = True,
) -> tuple[Hotspot, ...]:
    """Rank the functions seen in profiles by what could be won, then by inclusive share.

    ``source_of`` gives the text of a file of the tree (None if there is none); ``ours`` says which
    paths are the project's sources: the time of test files counts in the total only.
    ``by_owner`` counts nested functions with the outermost function or method around them, the
    unit that is rewritten.
    """
    spans_of = cache(lambda path: _spans(source_of(path) or ""))

    @cache
    def function_of(frame: Frame) -> FunctionName | None:
        return _function_at(spans_of(frame.path), frame, by_owner)

    tallies: defaultdict[FunctionName, _Tally] = defaultdict(_Tally)
    for stack in (stack for profile in profiles for stack in profile.stacks):
        _count(stack, [frame for frame in stack.frames if ours(frame.path)], function_of, tallies)
    calls = _calls(profiles, function_of)
    total_s = math.fsum(profile.total_s for profile in profiles)
    found = (tally.hotspot(name, total_s, calls.get(name)) for name, tally in tallies.items())
    return tuple(
        sorted(found, key=lambda spot: (-spot.share, -spot.inclusive_share, spot.function))
    )


def _count(
    stack: Stack,
    sources: Sequence[Frame],
    function_of: Callable[[Frame], FunctionName | None],
    tallies: defaultdict[FunctionName, _Tally],
) -> None:
    """Add one stack, whose frames in source files are ``sources``, to the tallies."""
    for function in {function_of(frame) for frame in sources} - {None}:
        assert function is not None
        tallies[function].inclusive += stack.seconds
    innermost = function_of(sources[-1]) if sources else None
    if innermost is not None:
        tally = tallies[innermost]
        tally.won += stack.seconds
        tally.native += stack.native_s
        if stack.leaf_is_own and stack.frames[-1] == sources[-1]:
            tally.own += stack.seconds


def _calls(
    profiles: Sequence[Profile], function_of: Callable[[Frame], FunctionName | None]
) -> dict[FunctionName, int]:
    """Add up the calls that were counted; nested functions' calls are not their owner's."""
    counted: defaultdict[FunctionName, int] = defaultdict(int)
    for profile in profiles:
        for frame, calls in profile.calls.items():
            function = function_of(frame)
            if function is not None and function.qualname.rpartition(".")[2] == frame.name:
                counted[function] += calls
    return dict(counted)


def with_calls(
    hotspots: Iterable[Hotspot], calls: Mapping[FunctionName, int]
) -> tuple[Hotspot, ...]:
    """Add exact call counts that come from a run of their own."""
    return tuple(replace(spot, calls=calls.get(spot.function, spot.calls)) for spot in hotspots)
