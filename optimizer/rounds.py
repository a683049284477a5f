"""How many replies of models it took to come to a version, and why the ones before it failed."""

from collections.abc import Set
from dataclasses import dataclass, field

from perfbot.optimizer.journal import Call, Decision, Journal, Purpose, Trial
from perfbot.optimizer.proposing import EMBEDDED
from perfbot.optimizer.routing import Verdicts
from perfbot.optimizer.verdict import Accepted
from perfbot.profiling.functions import FunctionName

_WITH_CODE = (Purpose.WRITE, Purpose.REPAIR)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A version of a model's that failed, and why; both as the report says them."""

    optimizer: str
    why: str


@dataclass
class Rounds:
    """A journal that counts the rounds for each function, and tells another journal everything."""

    journal: Journal
    _asked: dict[FunctionName, int] = field(default_factory=dict)
    _failed: dict[FunctionName, list[Attempt]] = field(default_factory=dict)
    _decided: list[tuple[frozenset[str], bool]] = field(default_factory=list)

    def begun(self, function: FunctionName, text: str) -> None:
        """Pass it on."""
        self.journal.begun(function, text)

    def asked(self, call: Call) -> None:
        """Count a reply that should have had code."""
        self.journal.asked(call)
        if call.purpose in _WITH_CODE and call.reply is not None:
            self._asked[call.function] = self.of(call.function) + 1

    def tried(self, trial: Trial) -> None:
        """Keep why a model's version failed."""
        self.journal.tried(trial)
        optimizer = trial.last or trial.optimizer
        if trial.why and optimizer != EMBEDDED:
            attempt = Attempt(optimizer, trial.why)
            self._failed.setdefault(trial.function, []).append(attempt)

    def decided(self, decision: Decision) -> None:
        """Keep whose version it was, and whether it was accepted."""
        self.journal.decided(decision)
        names = frozenset(decision.optimizer.split(" + "))
        self._decided.append((names, isinstance(decision.verdict, Accepted)))

    def verdicts(self, optimizers: Set[str]) -> Verdicts:
        """Return what the judge said in this run of versions in which only these had a part."""
        found = [accepted for names, accepted in self._decided if names <= optimizers]
        return Verdicts(sum(found), len(found))

    def of(self, function: FunctionName) -> int:
        """Return how many replies with code models gave for a function."""
        return self._asked.get(function, 0)

    def failed(self, function: FunctionName) -> tuple[Attempt, ...]:
        """Return the versions of models that failed, in order."""
        return tuple(self._failed.get(function, ()))
