"""The steps in which a job hands over what it found: decide where it goes, publish, remember.

Before anything is published, the commit that was measured must still be the head; on a default branch,
which moves by itself, the files that change must still be what they were.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from perfbot.bot import publishing
from perfbot.bot.attempts import Ending, attempt
from perfbot.bot.comment import Failure, Opened, Place, Stage, Withheld
from perfbot.bot.config import Operator
from perfbot.bot.deliveries import Json
from perfbot.bot.forge import Forge
from perfbot.bot.hub import Hub
from perfbot.bot.hub import Place as Repository
from perfbot.bot.jobs import JobEngine, Stopped
from perfbot.bot.proposals import remember_proposed
from perfbot.bot.publishing import Proposed, Target
from perfbot.bot.runs import Checkout
from perfbot.bot.sticky import Sticky
from perfbot.bot.stored_runs import from_stored
from perfbot.bot.suggestions import Unsuitable
from perfbot.optimizer.recorded import TranscriptError

_log = logging.getLogger("perfbot.handing_over")


@dataclass(frozen=True, slots=True)
class HandingOver:
    """Publishes what runs of one job found for one target."""

    engine: JobEngine
    hub: Hub
    repository: Repository
    target: Target
    checkout: Callable[[], Checkout]
    sticky: Sticky

    def hand_over(self, number: int, stored: Json) -> Json:
        """Hand over what one run found, in steps; return where it is (``publishing.from_json``).

        Raises Ending.
        """

        def proposed() -> Proposed:
            key = f"{self.sticky.job.key}/{number}"
            checkout = self.checkout()
            return Proposed(key, from_stored(stored, checkout), self.target, checkout)

        def place(stopped: Stopped) -> Json:
            with self.sticky.telling(Stage.PUBLISH, stopped):
                return self._placed(proposed())

        found = attempt(self.engine, f"place {number}", place)
        match found:
            case {"attempt": int(nth)}:
                found = attempt(
                    self.engine, f"publish {number}", lambda _stopped: self._opened(proposed(), nth)
                )
        if found:
            attempt(self.engine, f"remember {number}", lambda _stopped: _remember(proposed()))
        return found

    def _placed(self, one: Proposed) -> Json:
        """Make suggestions, or say that a patch is handed over, or which branch is to be made."""
        if not one.functions:
            return {}
        if why := publishing.withheld(one):
            return publishing.to_json(one.everywhere(Withheld(why)))
        with self.hub.talking(self.repository) as forge:
            self._check_head(forge, one)
            where = publishing.suggested(forge, one)
            if not isinstance(where, Unsuitable):
                return publishing.to_json(where)
            if self.target.fork:
                return publishing.to_json(publishing.attached(one, where.reason))
            attempt = publishing.attempt_for(forge, one)
        if isinstance(attempt, Opened):
            return publishing.to_json(one.everywhere(attempt))
        return {"attempt": attempt}

    def _opened(self, one: Proposed, attempt: int) -> Json:
        with self.hub.publishing(self.repository) as forge:
            self._check_head(forge, one)
            number = publishing.opened(forge, one, attempt)
        place: Place = Opened(number)
        return publishing.to_json(one.everywhere(place))

    def _check_head(self, forge: Forge, one: Proposed) -> None:
        """Raise Ending where what was measured is not what the change would go into."""
        if self.target.number is not None:
            if forge.pull_request(self.target.number).head.commit != self.target.head:
                raise Ending(Failure.HEAD_MOVED)
            return
        now = forge.branch(self.target.onto)
        if now == self.target.head:
            return
        changes = one.found.changes.items()
        if now is None or any(forge.file(path, now) != before for path, (before, _) in changes):
            raise Ending(Failure.BASE_MOVED)


def _remember(one: Proposed) -> Json:
    """Note the proposal for training; where that fails, the proposal stands all the same."""
    try:
        state, known_as = Operator.from_environment().state, one.checkout.known_as
        remember_proposed(state, known_as, one.found.changes, one.key)
    except TranscriptError as error:
        _log.warning("%s", error)
    return None
