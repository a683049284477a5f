"""Proven changes become pull requests, as many at a time as the repository wants open.

The rest waits, the hottest first, until somebody merges or closes one. What was proven on an older
commit is judged again before it is opened: nobody gets a claim about code that is not theirs.
"""

import logging
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count

from perfbot.bot import scan_record, words
from perfbot.bot.attempts import patient_step
from perfbot.bot.dashboard import Rejected
from perfbot.bot.deliveries import Json
from perfbot.bot.forge import CommitSha, Forge, ForgeError, Trouble
from perfbot.bot.hub import Place
from perfbot.bot.jobs import Job, JobEngine, Stopped
from perfbot.bot.marked_yaml import ConfigError
from perfbot.bot.own_pulls import OwnPull, closed_by_people, free_branch, open_ones, own_pulls
from perfbot.bot.proven import Proven, opened, proven, within
from perfbot.bot.report import Report, Verdict
from perfbot.bot.runs import Checkout, Ended, Found, RunFailed, Wish
from perfbot.bot.scan_record import ScanRecord
from perfbot.bot.triggers import Priority
from perfbot.bot.work import Tools
from perfbot.optimizer.verdict import Why

NO_RESULT = "its run came to no result ({ended})"
_GAIN_GONE = {Why.NOT_FASTER, Why.USES_MORE_MEMORY, Why.LESS_READABLE, Why.CHEATS}

_log = logging.getLogger("perfbot.proposing")


class Fate(StrEnum):
    """What became of a change that was proven once, on another commit."""

    PROVEN = "proven"
    GAIN_GONE = "gain-gone"
    UNFIT = "unfit"
    """It does not apply any more, or is not right any more."""
    UNCLEAR = "unclear"
    """Noise, or the repository's own trouble: no word on the change."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A repository as it stands: its default branch, and what perfbot has there."""

    branch: str
    commit: CommitSha
    owns: tuple[OwnPull, ...]


def standing(forge: Forge, login: str) -> Standing | None:
    """Ask how a repository stands, None for an empty one; raises ForgeError."""
    branch = forge.repository().default_branch
    commit = forge.branch(branch)
    return Standing(branch, commit, own_pulls(forge, login)) if commit else None


def left_alone(tools: Tools, place: Place, owns: tuple[OwnPull, ...]) -> dict[str, str]:
    """Return the functions and files that nothing is proposed for, and why."""
    return {**closed_by_people(owns), **tools.memory.ignored(place.repository.id)}


def is_left_alone(function: str, alone: AbstractSet[str]) -> bool:
    """Say whether a function, or the file that it stands in, is among what is left alone."""
    return function in alone or function.rpartition("::")[0] in alone


def fate(report: Report) -> Fate:
    """Return what a second judgement says: one lost part of a change loses the change."""
    rejected = {one.why for one in report.results if one.verdict is Verdict.REJECTED}
    if rejected:
        return Fate.GAIN_GONE if rejected <= _GAIN_GONE else Fate.UNFIT
    accepted = report.accepted
    return Fate.PROVEN if accepted and len(accepted) == len(report.results) else Fate.UNCLEAR


def fill(
    job: Job,
    engine: JobEngine,
    tools: Tools,
    place: Place,
    at_once: AbstractSet[str] = frozenset(),
) -> None:
    """Open what waits for as long as there is a free place, each in a step of its own.

    ``at_once`` are functions that a person wants opened whatever else is open.
    """
    passed_over: set[str] = set()
    for number in count():

        def act(stopped: Stopped) -> Json:
            opening = _Opening(job, tools, place, frozenset(passed_over), at_once, stopped)
            return opening.next()

        done = patient_step(engine, f"open {number}", act)
        if not isinstance(done, list):
            return
        passed_over.update(map(str, done))


@dataclass(frozen=True, slots=True)
class _Opening:
    """One more pull request out of what waits; ``passed_over`` had their turn in this job."""

    job: Job
    tools: Tools
    place: Place
    passed_over: frozenset[str]
    at_once: AbstractSet[str]
    stopped: Stopped

    def next(self) -> Json:
        """Open one, or take one out; return its functions, None when there is nothing more to do."""
        record = scan_record.recall(self.tools.memory, self.place.repository.id)
        if not record.waiting:
            return None
        with self.tools.hub.talking(self.place) as forge:
            now = standing(forge, self.tools.hub.login)
        if now is None:
            return None
        try:
            checkout = self.tools.workspace.checkout(self.job.id, self.place, now.commit)
        except ConfigError as error:
            _log.warning("%s", error, extra={"job": self.job.id})
            return None
        record = self._still_wanted(record, now, checkout)
        chosen = self._chosen(record, now, checkout)
        if chosen is not None:
            record = self._settled(record, chosen, now, checkout)
        scan_record.remember(self.tools.memory, self.place.repository.id, record)
        return list(chosen.functions) if chosen else None

    def _still_wanted(self, record: ScanRecord, now: Standing, checkout: Checkout) -> ScanRecord:
        alone = left_alone(self.tools, self.place, now.owns).keys()
        taken = {function for own in open_ones(now.owns) for function in own.functions}
        waiting = tuple(
            one
            for one in record.waiting
            if within(one, checkout.config.paths)
            and not any(f in taken or is_left_alone(f, alone) for f in one.functions)
        )
        return replace(record, waiting=waiting)

    def _chosen(self, record: ScanRecord, now: Standing, checkout: Checkout) -> Proven | None:
        free = checkout.config.pull_requests.open_at_most - len(open_ones(now.owns, now.branch))
        for one in sorted(record.waiting, key=lambda each: -each.share):
            functions = set(one.functions)
            if not functions & self.passed_over and (free > 0 or functions & self.at_once):
                return one
        return None

    def _settled(
        self, record: ScanRecord, chosen: Proven, now: Standing, checkout: Checkout
    ) -> ScanRecord:
        """Open what was chosen, or say why not; where that is not clear, it goes on waiting."""
        functions = frozenset(chosen.functions)
        ready, what = (chosen, Fate.PROVEN)
        if chosen.base != now.commit:
            ready, what = self._proven_again(chosen, now, checkout)
        if what is Fate.UNCLEAR:
            return record
        rest = record.without(functions)
        if what is not Fate.PROVEN:
            why = words.WHY[Why.NOT_FASTER if what is Fate.GAIN_GONE else Why.DOES_NOT_APPLY]
            lost = tuple(Rejected(each, chosen.share, why) for each in chosen.functions)
            return replace(rest, rejected=rest.rejected + lost)
        self._open(ready, now)
        return rest

    def _proven_again(
        self, chosen: Proven, now: Standing, checkout: Checkout
    ) -> tuple[Proven, Fate]:
        wish = Wish(chosen.functions, priority=Priority.SCAN)
        found = judged(self.tools, checkout, chosen.patch, wish, self.stopped)
        what = fate(found.report) if found else Fate.UNCLEAR
        if found is None or what is not Fate.PROVEN:
            return chosen, what
        with self.tools.hub.talking(self.place) as forge:
            head = free_branch(forge, now.owns, chosen.functions)
        settings = checkout.config.pull_requests
        return proven(found, now.commit, settings, chosen.share, head) or chosen, what

    def _open(self, ready: Proven, now: Standing) -> None:
        try:
            with self.tools.hub.publishing(self.place) as forge:
                opened(forge, ready, now.branch)
        except ForgeError as error:
            if error.trouble is not Trouble.REFUSED:
                raise
            # Somebody is on that branch. The next scan finds the function again, under a new name.
            _log.warning("%s", error, extra={"job": self.job.id})


def judged(
    tools: Tools, checkout: Checkout, patch: bytes, wish: Wish, stopped: Stopped
) -> Found | None:
    """Judge a patch, None where that came to no result for reasons that are not the patch's."""
    try:
        return tools.runs.verify(checkout, patch, wish, stopped, unheard)
    except RunFailed as error:
        if error.ended in {Ended.NO_SANDBOX, Ended.BUG}:
            raise
        return None


def unheard(_doing: str) -> None:
    """Nobody waits for a scan, so nobody is told how far it is."""
