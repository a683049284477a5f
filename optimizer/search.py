"""Composing steps on one function, whoever proposes them: a beam over measured cost, of time or of memory.

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

from perfbot.optimizer import gates, readability
from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.journal import Journal, Trial, Unkept
from perfbot.optimizer.objective import Objective
from perfbot.optimizer.plan import Plan, Subject
from perfbot.optimizer.proposing import Proposal, Proposer, Tried
from perfbot.optimizer.strategies import Suggestion
from perfbot.profiling import replay
from perfbot.profiling.benchmark import CallBenchmark, MeasurementError, choose_calls
from perfbot.profiling.tree import Tree

TOO_COMPLEX = "it would be harder to read than the configuration allows"
NOT_BETTER = "it costs more than the version it was made from ({ratio:.2f}×)"
SEEN = "it means the same as a version that was tried before"

_BEAM = 3
_MOST_STEPS = 8
_QUICK_S = 0.06
_KEPT_RATIO = 0.93  # a step that costs up to this much may still open the way for others
_WORTH_RATIO = 1.05  # the best version must beat the one before by this much for another round
_ABOUT_AS_FAST = 1.1
_MOST_TRIES = 120
_FEW_VARIANTS = 3
_UNKEPT = Unkept()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version of a file that a plan led to; ``ratio`` is the quick guess of old/new cost, no claim.

    ``planner`` and ``optimizer`` name who had a part in it.
    """

    plan: Plan
    path: str
    content: bytes
    ratio: float
    planner: str
    optimizer: str

    @property
    def changes(self) -> dict[str, bytes]:
        """The change as the judge takes it."""
        return {self.path: self.content}


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
    cost: float  # nanoseconds, or bytes at the peak, as the objective says
    authors: tuple[tuple[str, str], ...] = ()  # planner and optimizer of each step


def search(
    case: Case,
    subject: Subject,
    proposers: Sequence[Proposer],
    terms: Terms,
    *,
    deadline_s: float,
    on_try: Callable[[int, float], None] = lambda _count, _best: None,
    journal: Journal = _UNKEPT,
) -> Found:
    """Return what the proposers' versions, and combinations of them, seem to make of the subject.

    The first proposer is asked about every version in the beam, the others only about the best one:
    the catalogue is cheap, a model is not. ``deadline_s`` is a time of ``time.monotonic``;
    ``on_try(count, best ratio so far)`` is called after each version that was tried, and the
    ``journal`` is told of it.
    """
    run = _Search(case, subject, proposers, terms, deadline_s, on_try, journal)
    return run.found()


class _Search:
    def __init__(
        self,
        case: Case,
        subject: Subject,
        proposers: Sequence[Proposer],
        terms: Terms,
        deadline_s: float,
        on_try: Callable[[int, float], None],
        journal: Journal,
    ) -> None:
        self._case = case
        self._subject = subject
        self._proposers = proposers
        self._terms = terms
        self._deadline_s = deadline_s
        self._on_try = on_try
        self._journal = journal
        self._reference = case.reference(subject.function)
        self._benchmark = CallBenchmark(
            case.target, self._reference, choose_calls(self._reference), _QUICK_S
        )
        self._seen: set[str] = set()
        self._dropped: list[Tried] = []
        self._tries = 0
        self._best = 1.0
        self._start_cost = math.nan

    def found(self) -> Found:
        """Run the beam until nothing gains any more, or time is up."""
        text = self._subject.source.text
        self._seen.add(_meaning(text))
        start = _State(text, (), self._cost_of(self._case.tree))
        self._start_cost = start.cost
        beam, every = [start], [start]
        for _ in range(_MOST_STEPS):
            asked = [self._proposers, *[self._proposers[:1]] * (len(beam) - 1)]
            grown = [
                state
                for parent, proposers in zip(beam, asked, strict=True)
                for proposer in proposers
                for state in self._children(parent, start, proposer)
            ]
            if not grown:
                break
            every.extend(grown)
            beam = sorted(grown, key=lambda state: state.cost)[:_BEAM]
        ranked = sorted(every, key=_rank)
        candidates = [
            self._candidate(state, start)
            for state in ranked
            if start.cost / state.cost >= _WORTH_RATIO
        ]
        return Found(tuple(candidates), tuple(self._dropped), self._tries)

    def _children(self, parent: _State, start: _State, proposer: Proposer) -> Iterator[_State]:
        for proposal in proposer.proposals(self._subject, parent.text, self._dropped):
            if time.monotonic() >= self._deadline_s or self._tries >= _MOST_TRIES:
                return
            state = self._tried(parent, proposal, proposer)
            if state is None:
                continue
            self._best = max(self._best, start.cost / state.cost)
            self._on_try(self._tries, self._best)
            ratio = parent.cost / state.cost
            if ratio >= _KEPT_RATIO:
                yield state
            else:
                self._dropped.append(Tried(state.suggestions, NOT_BETTER.format(ratio=ratio)))

    def _tried(self, parent: _State, proposal: Proposal, proposer: Proposer) -> _State | None:
        suggestions = (*parent.suggestions, *proposal.suggestions)
        why, cost = self._found_out(proposal.text)
        ratio = self._start_cost / cost if not why else None
        authors = (*parent.authors, (proposer.planner, proposer.optimizer))
        by = _joined(authors)
        trial = Trial(self._subject.function, *by, suggestions, proposal.text, why, ratio)
        self._journal.tried(trial)
        if why:
            self._dropped.append(Tried(suggestions, why))
            return None
        return _State(proposal.text, suggestions, cost, authors)

    def _found_out(self, text: str) -> tuple[str, float]:
        """Return why a version is out, or ``""`` and its cost."""
        meaning = _meaning(text)
        if meaning in self._seen:
            return SEEN, 0.0
        self._seen.add(meaning)
        self._tries += 1
        return self._cost(text)

    def _cost(self, text: str) -> tuple[str, float]:
        """Look at a version that is new, the cheap questions first."""
        case, function = self._case, self._subject.function
        try:
            changes = {function.path: self._subject.source.encode(text)}
        except UnicodeEncodeError as error:
            return f"the file's encoding has no such character: {error}", 0.0
        files = case.file_changes(changes)
        refusal = gates.parses(files) or gates.keeps_interface(files)
        refusal = refusal or gates.reaches_for_nothing_new(
            files,
            dependencies=case.dependencies | case.own_packages(changes),
            allowed=self._terms.allowed,
        )
        if refusal is not None:
            return refusal.detail, 0.0
        if self._is_too_complex(changes[function.path]):
            return TOO_COMPLEX, 0.0
        with case.lent(changes) as copy:
            return self._cost_of_copy(copy)

    def _cost_of_copy(self, copy: Tree) -> tuple[str, float]:
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
            return "", self._cost_of(copy)
        except MeasurementError as error:
            return str(error), 0.0

    def _cost_of(self, tree: Tree) -> float:
        if self._terms.objective is Objective.MEMORY:
            return float(max(1, self._benchmark.weigh(tree).peak_bytes))
        return self._benchmark.time(tree).pass_ns

    def _is_too_complex(self, content: bytes) -> bool:
        """Say whether the judge would refuse a version as less readable, however fast it is."""
        most = self._terms.max_complexity_increase
        name = self._subject.function.qualname
        before = self._case.content(self._subject.function.path) or b""
        return most is not None and readability.added_complexity(before, content, name) > most

    def _candidate(self, state: _State, start: _State) -> Candidate:
        plan = Plan(self._subject.function, state.suggestions)
        content = self._subject.source.encode(state.text)
        ratio = start.cost / state.cost
        planner, optimizer = _joined(state.authors)
        path = self._subject.function.path
        return Candidate(plan, path, content, ratio, planner, optimizer)


def _joined(authors: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Return who planned and who wrote, of several steps all names once each."""
    planners, optimizers = zip(*authors, strict=True)
    return " + ".join(dict.fromkeys(planners)), " + ".join(dict.fromkeys(optimizers))


def _rank(state: _State) -> tuple[int, int, float]:
    """Order by cost; among versions that cost about the same, the one with fewer steps comes first.

    A quick measurement cannot tell such versions apart, and a maintainer has less to read.
    """
    return (
        round(math.log(state.cost) / math.log(_ABOUT_AS_FAST)),
        len(state.suggestions),
        state.cost,
    )


def _meaning(text: str) -> str:
    try:
        return ast.dump(ast.parse(text))
    except (SyntaxError, RecursionError):
        return text
