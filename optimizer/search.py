"""Composing steps on one function, whoever proposes them: a beam over measured cost, of time or of memory.

The second step often appears only after the first (an index loop becomes a direct one, which
becomes a comprehension), so steps that cost nothing stay in the beam beside those that gain.
Choosing here is quick and uncorrected for the number of tries; the judge measures the winner again
on fresh runs, and only that figure is claimed.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from perfbot.optimizer import diagnosis
from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.diagnosis import Diagnosis
from perfbot.optimizer.journal import Journal, Trial, Unkept
from perfbot.optimizer.objective import Objective
from perfbot.optimizer.plan import Plan, Reached, Subject
from perfbot.optimizer.proposing import EMBEDDED, Proposal, Proposer, Tried
from perfbot.optimizer.strategies import Suggestion
from perfbot.optimizer.trying import Trying

_BEAM = 3
_MOST_STEPS = 8
_KEPT_RATIO = 0.93  # a step that costs up to this much may still open the way for others
_WORTH_RATIO = 1.05  # the best version must beat the one before by this much for another round
_ABOUT_AS_FAST = 1.1
_MOST_TRIES = 120
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
    dropped: Sequence[Tried] = (),
) -> Found:
    """Return what the proposers' versions, and combinations of them, seem to make of the subject.

    The first proposer is asked about every version in the beam, the others only about the best one:
    the catalogue is cheap, a model is not. ``deadline_s`` is a time of ``time.monotonic``;
    ``on_try(count, best ratio so far)`` is called after each version that was tried, and the
    ``journal`` is told of it. ``dropped`` are versions of an earlier search, for proposers who learn.
    """
    run = _Search(case, subject, proposers, terms, deadline_s, on_try, journal, dropped)
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
        dropped: Sequence[Tried],
    ) -> None:
        self._subject = subject
        self._proposers = proposers
        self._deadline_s = deadline_s
        self._on_try = on_try
        self._journal = journal
        self._is_about_time = terms.objective is Objective.TIME
        self._trying = Trying(case, subject, terms, deadline_s)
        self._dropped = list(dropped)
        for each in dropped:
            if each.text:
                self._trying.remember(each.text, each.why)
        self._tries = 0
        self._best = 1.0

    def found(self) -> Found:
        """Run the beam until nothing gains any more, or time is up."""
        start = _State(self._subject.source.text, (), self._trying.start_cost)
        beam, every = [start], [start]
        for _ in range(_MOST_STEPS):
            asked = [self._proposers, *[self._proposers[:1]] * (len(beam) - 1)]
            grown = [
                state
                for parent, proposers in zip(beam, asked, strict=True)
                for proposer in proposers
                for state in self._children(parent, proposer)
            ]
            if not grown:
                break
            every.extend(grown)
            beam = sorted(grown, key=lambda state: state.cost)[:_BEAM]
        ranked = sorted(every, key=_rank)
        worth = [state for state in ranked if self._ratio(state.cost) >= _WORTH_RATIO]
        return Found(tuple(map(self._candidate, worth)), tuple(self._dropped), self._tries)

    def _ratio(self, cost: float) -> float:
        return self._trying.start_cost / cost

    def _children(self, parent: _State, proposer: Proposer) -> Iterator[_State]:
        if self._is_over():
            return
        subject = self._asked_about(parent, proposer)
        for proposal in proposer.proposals(subject, parent.text, self._dropped):
            if self._is_over():
                return
            state = self._tried(parent, proposal, proposer)
            if state is not None:
                yield state

    def _is_over(self) -> bool:
        return time.monotonic() >= self._deadline_s or self._tries >= _MOST_TRIES

    def _asked_about(self, parent: _State, proposer: Proposer) -> Subject:
        """Return the subject with what was measured of the version that is to be improved on."""
        if parent.text == self._subject.source.text or not _learns(proposer):
            return self._subject
        reached = Reached(self._ratio(parent.cost), self._trying.heat(parent.text))
        return replace(self._subject, reached=reached)

    def _tried(self, parent: _State, proposal: Proposal, proposer: Proposer) -> _State | None:
        """Look at a version, tell what came of it, and return it if it stays."""
        suggestions = (*parent.suggestions, *proposal.suggestions)
        authors = (*parent.authors, (proposer.planner, proposer.optimizer))
        text, found = self._looked_at(proposal.text, proposer)
        why = (
            found if isinstance(found, Diagnosis) else self._too_dear(text, found, parent, proposer)
        )
        ratio = None if isinstance(found, Diagnosis) else self._ratio(found)
        by, told = _joined(authors), str(why) if why else ""
        trial = Trial(
            self._subject.function, *by, suggestions, text, told, ratio, proposer.optimizer
        )
        self._journal.tried(trial)
        if isinstance(found, float):
            self._best = max(self._best, self._ratio(found))
            self._on_try(self._tries, self._best)
        if why is not None:
            self._dropped.append(Tried(suggestions, why, proposer.optimizer, text))
            return None
        assert isinstance(found, float)
        return _State(text, suggestions, found, authors)

    def _looked_at(self, text: str, proposer: Proposer) -> tuple[str, Diagnosis | float]:
        """Return a version in the style of its file, and what came of it."""
        known = self._trying.is_known(text)
        if known is not None:
            return text, known
        self._tries += 1
        written = self._trying.in_style(text)
        return written, self._trying.look(written, closely=_learns(proposer))

    def _too_dear(
        self, text: str, cost: float, parent: _State, proposer: Proposer
    ) -> Diagnosis | None:
        """Return why a version that is right does not stay, ``None`` if it does."""
        ratio = parent.cost / cost
        if ratio >= _KEPT_RATIO:
            return None
        slow: Sequence[str] = ()
        if _learns(proposer) and self._is_about_time:
            slow = diagnosis.slow_lines(self._trying.heat(text), text)
        return diagnosis.not_better(ratio, slow)

    def _candidate(self, state: _State) -> Candidate:
        plan = Plan(self._subject.function, state.suggestions)
        content = self._subject.source.encode(state.text)
        planner, optimizer = _joined(state.authors)
        path = self._subject.function.path
        return Candidate(plan, path, content, self._ratio(state.cost), planner, optimizer)


def _learns(proposer: Proposer) -> bool:
    """Say whether what is found goes back to a model, so that it pays to look closely."""
    return proposer.optimizer != EMBEDDED


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
