"""What earlier runs teach about when a larger model has to be asked: transcripts as outcomes.

Of each function that was searched before it is asked what the cheap ones (the catalogue, and every
model but the larger one) came to, and what the judge said of it.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from perfbot.optimizer.journal import Purpose
from perfbot.optimizer.proposing import EMBEDDED
from perfbot.optimizer.recorded import Judgement, RecordedFunction, RecordedTrial
from perfbot.optimizer.routing import Evidence, Outcome, Tally, Verdicts

_WITH_CODE = (Purpose.WRITE, Purpose.REPAIR)


@dataclass(frozen=True, slots=True)
class Earlier:
    """A version of an earlier run: who wrote it, whether it stood in the search, what the judge said.

    ``confidence`` is the mean probability (geometric) of the reply's tokens. ``accepted`` is ``None``
    where the version never came before the judge.
    """

    optimizers: frozenset[str]
    confidence: float | None
    stands: bool
    accepted: bool | None

    @property
    def is_open(self) -> bool:
        """Whether nobody knows what the judge would have said."""
        return self.stands and self.accepted is None


def outcomes(history: Iterable[Sequence[Earlier]], larger: str) -> Iterator[Outcome]:
    """Yield what earlier cases teach, of each function's versions, the oldest function first.

    A case of which nobody knows whether the cheap versions would have been accepted, since another
    was judged in their place, teaches nothing.
    """
    past = Verdicts()
    for versions in history:
        cheap = [each for each in versions if larger not in each.optimizers]
        went_well = any(each.accepted for each in cheap)
        if cheap and (went_well or not any(each.is_open for each in cheap)):
            yield Outcome(_evidence(cheap, past), went_well)
            past = Verdicts(past.right + went_well, past.count + 1)


def versions(function: RecordedFunction) -> list[Earlier]:
    """Return the versions of one function in a transcript."""
    judged = {each.version: each.judgement is Judgement.ACCEPTED for each in function.decisions}
    return [
        Earlier(
            frozenset(each.optimizer.split(" + ")),
            _confidence(function, each),
            not each.why,
            judged.get(each.version),
        )
        for each in function.trials
    ]


def _confidence(function: RecordedFunction, trial: RecordedTrial) -> float | None:
    """Return that of the last reply with code by one of the version's authors before it was tried."""
    names = trial.optimizer.split(" + ")
    said = [
        each.certainty.mean
        for each in function.calls
        if each.certainty is not None
        and each.purpose in _WITH_CODE
        and each.model in names
        and each.at_s <= trial.at_s
    ]
    return math.exp(said[-1]) if said else None


def _evidence(cheap: Sequence[Earlier], past: Verdicts) -> Evidence:
    tally = Tally()
    for each in cheap:
        if each.optimizers != {EMBEDDED}:
            tally.count(each.confidence, stands=each.stands)
    catalogue = any(each.stands for each in cheap if each.optimizers == {EMBEDDED})
    return Evidence(tally.confidence, tally.standing, tally.refused, catalogue, past)
