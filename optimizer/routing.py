"""Confidence-driven switching: who is asked about a function, the smaller or the larger model?

Cheap ones go first. Before a larger one is asked, a rule says how sure it is that what the cheap
ones have found will do; the more of the workload's time the function has, the surer it must be. The
rule is computed, or learned from what became of earlier cases where there are enough of them; each
decision is one sentence for the report.
"""

import math
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from perfbot.optimizer.diagnosis import Stage
from perfbot.optimizer.plan import Subject
from perfbot.optimizer.proposing import EMBEDDED, Proposal, Proposer, Tried
from perfbot.profiling.functions import FunctionName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ASKED = "asked {larger}: {smaller} was {sure} sure, below {needed} ({because})"
STAYED = "did not ask {larger}: {smaller} was {sure} sure, and {needed} are enough ({because})"
CONFIDENCE = "mean token probability {confidence:.0%}"
STANDS = "{count} of its versions stand"
REFUSED = "{count} refused"
CATALOGUE = "the catalogue has a version"
PAST = "{right} of {count} such cases went well before"
NOTHING = "nothing is known yet"
LEARNED = "by {count} earlier cases"

_LEAST_SURE = 0.5  # that is asked for a function without any share of the time
_SURER = 0.4  # and so much more for one with all of it
_LEAST_OUTCOMES = 50  # to learn from
_PENALTY = 1.0  # of the squared weights: a normal prior with this precision
_REFUSALS_COUNTED = 3
_UNKNOWN = 0.5


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How often the smaller one was right on functions like this one before."""

    right: int = 0
    count: int = 0

    @property
    def rate(self) -> float:
        """The share that went well, by Laplace's rule of succession: a half where nothing is known."""
        return (self.right + 1) / (self.count + 2)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a case when it is decided whether a larger model is asked.

    ``confidence`` is the mean token probability of the smaller model's last version that stands, else
    of its last one; ``None`` where it is not known. ``standing`` and ``refused`` count its versions.
    """

    confidence: float | None = None
    standing: int = 0
    refused: int = 0
    catalogue_stands: bool = False
    past: Verdicts = Verdicts()

    def in_words(self) -> str:
        """Return what speaks for and against, shortly."""
        told = [
            CONFIDENCE.format(confidence=self.confidence) if self.confidence is not None else "",
            STANDS.format(count=self.standing) if self.standing else "",
            REFUSED.format(count=self.refused) if self.refused else "",
            CATALOGUE if self.catalogue_stands else "",
            PAST.format(right=self.past.right, count=self.past.count) if self.past.count else "",
        ]
        return ", ".join(filter(None, told)) or NOTHING


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was known of an earlier case, and whether the judge accepted what the cheap ones found."""

    evidence: Evidence
    went_well: bool


@dataclass(frozen=True, slots=True)
class EarlierVersion:
    """A version of an earlier run: who wrote it, whether it stood in the search, what the judge said.

    ``accepted`` is ``None`` where it never came before the judge.
    """

    optimizer: str
    confidence: float | None
    stands: bool
    accepted: bool | None


def outcomes(history: Iterable[Sequence[EarlierVersion]], smaller: Set[str]) -> Iterator[Outcome]:
    """Yield what earlier cases teach, of each function's attempts, the oldest function first.

    ``smaller`` are the names of the smaller models. A case of which nobody knows whether the cheap
    versions would have been accepted, since another was judged in their place, teaches nothing.
    """
    past = Verdicts()
    for attempts in history:
        cheap = [each for each in attempts if each.optimizer in smaller | {EMBEDDED}]
        went_well = any(each.accepted for each in cheap)
        if cheap and (went_well or not any(_is_open(each) for each in cheap)):
            yield Outcome(_evidence(cheap, past), went_well)
            past = Verdicts(past.right + went_well, past.count + 1)


def _is_open(attempt: EarlierVersion) -> bool:
    return attempt.stands and attempt.accepted is None


def _evidence(attempts: Sequence[EarlierVersion], past: Verdicts) -> Evidence:
    models, tally = [each for each in attempts if each.optimizer != EMBEDDED], Tally()
    for each in models:
        tally.count(each.confidence, stands=each.stands)
    catalogue = any(each.stands for each in attempts if each.optimizer == EMBEDDED)
    return Evidence(tally.confidence, tally.standing, tally.refused, catalogue, past)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the larger model was asked about a function, and why, in one sentence."""

    function: FunctionName
    asks_larger: bool
    sentence: str


class Rule:
    """Says how sure it is that the cheap ones' versions will do, and how sure it should be.

    Learned by logistic regression from ``outcomes`` where there are fifty with good and bad ones
    among them, else computed: the past rate averaged with the confidence; each version that was
    refused halves what is sure, a version that stands (the model's, the catalogue's) halves the doubt.
    """

    def __init__(
        self,
        outcomes: Sequence[Outcome] = (),
        least_sure: float = _LEAST_SURE,
        surer: float = _SURER,
    ) -> None:
        self._least_sure = least_sure
        self._surer = surer
        kinds = {each.went_well for each in outcomes}
        is_enough = len(outcomes) >= _LEAST_OUTCOMES and len(kinds) == 2
        self._weights = _fitted(outcomes) if is_enough else None
        self.learned_from = len(outcomes) if is_enough else 0

    def sure(self, evidence: Evidence) -> float:
        """Return the probability that what the cheap ones found will be accepted."""
        if self._weights is not None:
            logit = sum(map(operator.mul, self._weights, _features(evidence)))
            return (1 + math.tanh(logit / 2)) / 2  # the logistic function, which cannot overflow so
        sure = evidence.past.rate
        if evidence.confidence is not None:
            sure = (sure + evidence.confidence) / 2
        sure *= 0.5 ** min(evidence.refused, _REFUSALS_COUNTED)
        stands = (evidence.standing > 0) + evidence.catalogue_stands
        return 1 - (1 - sure) * 0.5**stands

    def because(self, evidence: Evidence) -> str:
        """Return on what the rule rests, in words."""
        learned = [LEARNED.format(count=self.learned_from)] if self.learned_from else []
        return ", ".join([evidence.in_words(), *learned])

    def needed(self, share: float) -> float:
        """Return how sure it must be for a function with this share (0 to 1) of the workload's time."""
        return self._least_sure + self._surer * share


def _features(evidence: Evidence) -> tuple[float, ...]:
    """Return the evidence as numbers between 0 and 1, behind a constant."""
    confidence = evidence.confidence
    return (
        1.0,
        _UNKNOWN if confidence is None else confidence,
        float(evidence.standing > 0),
        min(evidence.refused, _REFUSALS_COUNTED) / _REFUSALS_COUNTED,
        float(evidence.catalogue_stands),
        evidence.past.rate,
    )


def _fitted(outcomes: Sequence[Outcome]) -> tuple[float, ...]:
    """Return the weights of a logistic regression with a penalty on all but the constant.

    Source: T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning", 4.4.
    """
    import numpy as np  # late: half of perfbot's start-up time
    from scipy.optimize import minimize
    from scipy.special import expit

    known = np.array([_features(each.evidence) for each in outcomes])
    signs = np.array([1.0 if each.went_well else -1.0 for each in outcomes])
    penalty = np.array([0.0, *[_PENALTY] * (known.shape[1] - 1)])

    def loss(weights: "NDArray[np.float64]") -> "tuple[float, NDArray[np.float64]]":
        """Return the penalized negative log-likelihood and its gradient."""
        margins = signs * (known @ weights)
        value = np.logaddexp(0, -margins).sum() + (penalty * weights**2).sum() / 2
        return float(value), penalty * weights - known.T @ (signs * expit(-margins))

    found = minimize(loss, np.zeros(known.shape[1]), jac=True, method="L-BFGS-B")
    return tuple(map(float, found.x))


@dataclass
class Tally:
    """How a proposer's versions of one function fared in this run."""

    standing: int = 0
    refused: int = 0
    confidence: float | None = None

    def count(self, confidence: float | None, *, stands: bool) -> None:
        """Count a version; a confidence is that of the last one that stands, if any does."""
        if stands or not self.standing:
            self.confidence = confidence
        self.standing += stands
        self.refused += not stands


@dataclass
class Watched:
    """A proposer whose versions are counted by function: those that stand and those that are dropped."""

    by: Proposer
    tallies: dict[FunctionName, Tally] = field(default_factory=dict)

    @property
    def planner(self) -> str:
        """Who plans."""
        return self.by.planner

    @property
    def optimizer(self) -> str:
        """Who writes."""
        return self.by.optimizer

    def proposals(
        self, subject: Subject, text: str, dropped: Sequence[Tried]
    ) -> Iterator[Proposal]:
        """Yield the proposer's versions; whether one was dropped shows when the next is asked for."""
        tally = self.tallies.setdefault(subject.function, Tally())
        for proposal in self.by.proposals(subject, text, dropped):
            known = len(dropped)
            yield proposal
            tally.count(proposal.confidence, stands=len(dropped) == known)

    def tally(self, function: FunctionName) -> Tally:
        """Return what was counted for a function."""
        return self.tallies.get(function, Tally())


@dataclass
class Switching:
    """Asks the smaller models, and the larger one where the rule is not sure enough without it.

    ``catalogue`` is asked by the search itself, before: where its version will do, no model is
    asked at all. ``share`` is the function's share (0 to 1) of the workload's time. The larger model
    is asked once about a function at most. ``decisions`` says for each text why it was or was not.
    """

    smaller: Sequence[Watched]
    larger: Proposer
    catalogue: Watched
    share: float
    rule: Rule = field(default_factory=Rule)
    past: Verdicts = Verdicts()
    decisions: list[Decision] = field(default_factory=list)
    _speaks: Proposer | None = None

    @property
    def planner(self) -> str:
        """Who planned the last version."""
        return (self._speaks or self.larger).planner

    @property
    def optimizer(self) -> str:
        """Who wrote the last version."""
        return (self._speaks or self.larger).optimizer

    def proposals(
        self, subject: Subject, text: str, dropped: Sequence[Tried]
    ) -> Iterator[Proposal]:
        """Yield versions of whoever is asked; a decision is made before the larger one would be."""
        function = subject.function
        evidence = self._evidence(function, dropped)
        if not (evidence.catalogue_stands and self._is_sure(evidence)):
            for each in self.smaller:
                self._speaks = each
                yield from each.proposals(subject, text, dropped)
        if any(each.asks_larger and each.function == function for each in self.decisions):
            return
        self.decisions.append(self._decision(function, self._evidence(function, dropped)))
        if self.decisions[-1].asks_larger:
            self._speaks = self.larger
            yield from self.larger.proposals(subject, text, dropped)

    def _is_sure(self, evidence: Evidence) -> bool:
        return self.rule.sure(evidence) >= self.rule.needed(self.share)

    def _evidence(self, function: FunctionName, dropped: Sequence[Tried]) -> Evidence:
        """Return what is known; versions that the judge refused later do not stand any more."""
        tallies = [_after_judging(each, function, dropped) for each in self.smaller]
        standing = [each for each in tallies if each.standing] or tallies
        known = [each.confidence for each in standing if each.confidence is not None]
        return Evidence(
            max(known, default=None),
            sum(each.standing for each in tallies),
            sum(each.refused for each in tallies),
            _after_judging(self.catalogue, function, dropped).standing > 0,
            self.past,
        )

    def _decision(self, function: FunctionName, evidence: Evidence) -> Decision:
        asks = not self._is_sure(evidence)
        names = dict.fromkeys(each.optimizer for each in self.smaller or (self.catalogue,))
        sentence = (ASKED if asks else STAYED).format(
            larger=self.larger.optimizer,
            smaller=" + ".join(names),
            **_apart(self.rule.sure(evidence), self.rule.needed(self.share)),
            because=self.rule.because(evidence),
        )
        return Decision(function, asks, sentence)


def _apart(sure: float, needed: float) -> Mapping[str, str]:
    """Return both as percentages that do not look the same."""
    digits = 0 if round(100 * sure) != round(100 * needed) else 1
    return {"sure": f"{sure:.{digits}%}", "needed": f"{needed:.{digits}%}"}


def _after_judging(by: Watched, function: FunctionName, dropped: Sequence[Tried]) -> Tally:
    tally = by.tally(function)
    refused = sum(
        each.why.stage is Stage.JUDGE and by.optimizer in each.optimizer.split(" + ")
        for each in dropped
    )
    return replace(
        tally, standing=max(0, tally.standing - refused), refused=tally.refused + refused
    )
