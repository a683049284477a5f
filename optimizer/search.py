"""Composing the catalogue's steps on one function: a beam over measured cost.

The second step often appears only after the first (an index loop becomes a direct one, which
becomes a comprehension), so steps that cost nothing stay in the beam beside those that gain.
Choosing here is quick and uncorrected for the number of tries; the judge measures the winner again
on fresh runs, and only that figure is claimed.
"""

import ast
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from perfbot.optimizer import gates
from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.catalogue import Rule
from perfbot.optimizer.plan import Plan, Step, Subject, steps
from perfbot.optimizer.strategies import Suggestion
from perfbot.profiling import replay
from perfbot.profiling.benchmark import CallBenchmark, MeasurementError, choose_calls
from perfbot.profiling.tree import Tree

TOO_COMPLEX = "it would be harder to read than the configuration allows"

_BEAM = 3
_MOST_STEPS = 8
_QUICK_S = 0.06
_KEPT_RATIO = 0.93  # a step that costs up to this much may still open the way for others
_WORTH_RATIO = 1.05  # the best version must beat the one before by this much for another round
_ABOUT_AS_FAST = 1.1
_MOST_TRIES = 120
_FEW_VARIANTS = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version of a file that a plan led to; ``ratio`` is the quick guess of old/new, no claim."""

    plan: Plan
    path: str
    content: bytes
    ratio: float

    @property
    def changes(self) -> dict[str, bytes]:
        """The change as the judge takes it."""
        return {self.path: self.content}


@dataclass(frozen=True, slots=True)
class Tried:
    """A version that was dropped, and why."""

    suggestions: tuple[Suggestion, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """The versions worth judging, best first, and the ones that were dropped on the way."""

    candidates: tuple[Candidate, ...]
    dropped: tuple[Tried, ...]
    tries: int


@dataclass(frozen=True, slots=True)
class _State:
    text: str
    suggestions: tuple[Suggestion, ...]
    ns: float


def search(
    case: Case,
    subject: Subject,
    rules: Sequence[Rule],
    terms: Terms,
    *,
    deadline_s: float,
    on_try: Callable[[int, float], None] = lambda _count, _best: None,
) -> Found:
    """Return what combinations of the rules' steps seem to make the subject faster.

    ``deadline_s`` is a time of ``time.monotonic``; ``on_try(count, best ratio so far)`` is called
    after each version that was tried.
    """
    run = _Search(case, subject, rules, terms, deadline_s, on_try)
    return run.found()


class _Search:
    def __init__(
        self,
        case: Case,
        subject: Subject,
        rules: Sequence[Rule],
        terms: Terms,
        deadline_s: float,
        on_try: Callable[[int, float], None],
    ) -> None:
        self._case = case
        self._subject = subject
        self._rules = rules
        self._terms = terms
        self._deadline_s = deadline_s
        self._on_try = on_try
        self._reference = case.reference(subject.function)
        self._benchmark = CallBenchmark(
            case.target, self._reference, choose_calls(self._reference), _QUICK_S
        )
        self._seen: set[str] = set()
        self._dropped: list[Tried] = []
        self._tries = 0
        self._best = 1.0

    def found(self) -> Found:
        """Run the beam until nothing gains any more, or time is up."""
        text = self._subject.source.text
        self._seen.add(_meaning(text))
        start = _State(text, (), self._benchmark.time(self._case.tree).pass_ns)
        beam, every = [start], [start]
        for _ in range(_MOST_STEPS):
            grown = [state for parent in beam for state in self._children(parent, start)]
            if not grown:
                break
            every.extend(grown)
            beam = sorted(grown, key=lambda state: state.ns)[:_BEAM]
        ranked = sorted(every, key=_rank)
        candidates = [
            self._candidate(state, start) for state in ranked if start.ns / state.ns >= _WORTH_RATIO
        ]
        return Found(tuple(candidates), tuple(self._dropped), self._tries)

    def _children(self, parent: _State, start: _State) -> Iterator[_State]:
        for step in steps(self._subject, parent.text, self._rules):
            if time.monotonic() >= self._deadline_s or self._tries >= _MOST_TRIES:
                return
            state = self._tried(parent, step)
            if state is None:
                continue
            self._best = max(self._best, start.ns / state.ns)
            self._on_try(self._tries, self._best)
            if parent.ns / state.ns >= _KEPT_RATIO:
                yield state

    def _tried(self, parent: _State, step: Step) -> _State | None:
        meaning = _meaning(step.text)
        if meaning in self._seen:
            return None
        self._seen.add(meaning)
        self._tries += 1
        suggestions = (*parent.suggestions, step.suggestion)
        why, ns = self._cost_ns(step.text)
        if why:
            self._dropped.append(Tried(suggestions, why))
            return None
        return _State(step.text, suggestions, ns)

    def _cost_ns(self, text: str) -> tuple[str, float]:
        """Return why a version is out, or ``""`` and its quick time."""
        case, function = self._case, self._subject.function
        changes = {function.path: self._subject.source.encode(text)}
        files = case.file_changes(changes)
        refusal = gates.parses(files) or gates.keeps_interface(files)
        refusal = refusal or gates.reaches_for_nothing_new(
            files, dependencies=case.dependencies, allowed=self._terms.allowed
        )
        if refusal is not None:
            return refusal.detail, 0.0
        if self._is_too_complex(changes[function.path]):
            return TOO_COMPLEX, 0.0
        with case.lent(changes) as copy:
            return self._cost_of_copy_ns(copy)

    def _cost_of_copy_ns(self, copy: Tree) -> tuple[str, float]:
        differences = replay.differences(
            self._reference,
            self._case.target,
            copy,
            at_most_variants=_FEW_VARIANTS,
            tolerance=self._terms.tolerance,
        )
        if differences:
            first = differences[0]
            return f"{first.arguments}: {first.before}, then {first.after}", 0.0
        try:
            return "", self._benchmark.time(copy).pass_ns
        except MeasurementError as error:
            return str(error), 0.0

    def _is_too_complex(self, content: bytes) -> bool:
        """Say whether the judge would refuse a version as less readable, however fast it is."""
        most = self._terms.max_complexity_increase
        name = self._subject.function.qualname
        before = self._case.content(self._subject.function.path) or b""
        added = gates.complexity(content, name) - gates.complexity(before, name)
        return most is not None and added > most

    def _candidate(self, state: _State, start: _State) -> Candidate:
        plan = Plan(self._subject.function, state.suggestions)
        path = self._subject.function.path
        return Candidate(plan, path, self._subject.source.encode(state.text), start.ns / state.ns)


def _rank(state: _State) -> tuple[int, int, float]:
    """Order by time; among versions that are about as fast, the one with fewer steps comes first.

    A quick measurement cannot tell such versions apart, and a maintainer has less to read.
    """
    return round(math.log(state.ns) / math.log(_ABOUT_AS_FAST)), len(state.suggestions), state.ns


def _meaning(text: str) -> str:
    try:
        return ast.dump(ast.parse(text))
    except (SyntaxError, RecursionError):
        return text
