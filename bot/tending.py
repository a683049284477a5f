"""perfbot's own pull requests while they are open, and after: kept true, closed when they are not.

When the base moves each is applied, proven and measured again, its branch and text brought up to date;
where the gain is gone perfbot closes it with one sentence. Noise is no reason to close anything, and a
branch on which a person has committed is theirs: perfbot says one sentence there and touches nothing.
Pull requests of other people start no work.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from perfbot.bot import board, evidence, follow_up, outcomes_told, proposing
from perfbot.bot.attempts import patient_step, tidied
from perfbot.bot.deliveries import Json
from perfbot.bot.forge import OWN_PREFIX, CommitSha, Forge, State, marker
from perfbot.bot.hub import Place
from perfbot.bot.jobs import Job, JobEngine, Stopped
from perfbot.bot.marked_yaml import ConfigError
from perfbot.bot.own_pulls import (
    CLOSED,
    OwnPull,
    delete_branch,
    may_be_proposed_again,
    open_ones,
    own_pull,
    withdraw,
)
from perfbot.bot.patch import unified_patch
from perfbot.bot.proposing import Fate, fate, judged, standing, unheard
from perfbot.bot.proven import Proven, proven, renewed, within
from perfbot.bot.runs import Checkout, Ended, Found, RunFailed, Wish
from perfbot.bot.triggers import Priority, PullRequestChange, PullRequestChanged, Pushed, Trigger
from perfbot.bot.work import Handler, Tools

GAIN_GONE = (
    "The base has moved to {commit}, where this is no longer proven to be faster; perfbot closes it "
    "and may propose the function again when that changes."
)
UNFIT = (
    "The base has moved to {commit}, where this change does not hold any more and could not be made "
    "anew; perfbot closes it and may propose the function again."
)
THEIRS = (
    "The base has moved. People have committed to this branch, so perfbot leaves it as it is; what "
    "is claimed above was measured on {commit}."
)

_log = logging.getLogger("perfbot.tending")


class Renewal(StrEnum):
    """What became of a pull request that was to be brought up to date."""

    RENEWED = "renewed"
    CURRENT = "current"
    """It stands on the present base already."""
    WITHDRAWN = "withdrawn"
    UNCLEAR = "unclear"
    """Noise or trouble of the repository's own: left as it was."""
    THEIRS = "theirs"
    """A person has committed to its branch: left as it was, and said so."""
    NOT_OURS = "not-ours"
    """No open pull request of perfbot's own."""


def rebase(job: Job, engine: JobEngine, tools: Tools, place: Place, number: int) -> Renewal:
    """Apply, prove and measure a pull request again on its present base, in a step.

    For a person who asked: it is done even where the base has not moved. Raises ForgeError.
    """

    def act(stopped: Stopped) -> Json:
        return (
            _Renewing(job, tools, place, stopped, Priority.PERSON).renew(number, always=True).value
        )

    return Renewal(str(patient_step(engine, f"rebase {number}", act)))


def _pushed(job: Job, asked: Trigger, tools: Tools, engine: JobEngine) -> None:
    """Tend what is open against the default branch; a push that others overtook is left to theirs."""
    assert isinstance(asked, Pushed)
    place = Place(asked.installation_id, asked.repository)
    numbers = patient_step(engine, "look", lambda _stopped: _open_numbers(tools, place, asked))
    if not isinstance(numbers, list) or not numbers:
        return
    with tidied(job, engine, tools.workspace):
        for number in numbers:
            if isinstance(number, int):
                patient_step(engine, f"renew {number}", _renewing(job, tools, place, number))
        proposing.fill(job, engine, tools, place)
        board.refresh(job, engine, tools, place)


def _open_numbers(tools: Tools, place: Place, asked: Pushed) -> Json:
    with tools.hub.talking(place) as forge:
        if forge.branch(asked.branch) != asked.commit:
            return []
        now = standing(forge, tools.hub.login)
    return [own.pull.number for own in open_ones(now.owns, now.branch)] if now else []


def _renewing(job: Job, tools: Tools, place: Place, number: int) -> Callable[[Stopped], Json]:
    def act(stopped: Stopped) -> Json:
        return _Renewing(job, tools, place, stopped, Priority.SCAN).renew(number).value

    return act


@dataclass(frozen=True, slots=True)
class _Renewing:
    """One pull request brought up to date; safe to repeat, for GitHub says how far it came."""

    job: Job
    tools: Tools
    place: Place
    stopped: Stopped
    priority: Priority

    def renew(self, number: int, *, always: bool = False) -> Renewal:
        """Look what is to be done, do it, and return what became of it."""
        with self.tools.hub.talking(self.place) as forge:
            own = own_pull(forge.pull_request(number), self.tools.hub.login)
            if own is None or own.pull.state is not State.OPEN:
                return Renewal.NOT_OURS
            base = forge.branch(own.pull.base.branch)
            if base is None or (base == own.state.base and not always):
                return Renewal.CURRENT
            if not own.untouched:
                return _leave_to_them(forge, own)
            patch, settings = patch_of(forge, own), _settings_of(forge, own)
        return self._renewed(own, base, patch, settings)

    def _renewed(
        self, own: OwnPull, base: CommitSha, patch: bytes, settings: CommitSha | None
    ) -> Renewal:
        try:
            checkout = self.tools.workspace.checkout(self.job.id, self.place, base, settings)
        except ConfigError as error:
            _log.warning("%s", error, extra={"job": self.job.id})
            return Renewal.UNCLEAR
        wish = Wish(own.functions, priority=self.priority)
        found = judged(self.tools, checkout, patch, wish, self.stopped)
        what = fate(found.report) if found else Fate.UNCLEAR
        if what is Fate.UNFIT:
            found = self._made_anew(checkout, wish)
            what = Fate.PROVEN if found and found.report.accepted else Fate.UNFIT
        if found is None or what is Fate.UNCLEAR:
            return Renewal.UNCLEAR
        made = self._made(found, own, checkout) if what is Fate.PROVEN else None
        return self._published(own, base, made, what)

    def _made_anew(self, checkout: Checkout, wish: Wish) -> Found | None:
        try:
            return self.tools.runs.optimize(checkout, wish, self.stopped, unheard)
        except RunFailed as error:
            if error.ended in {Ended.NO_SANDBOX, Ended.BUG}:
                raise
            return None

    def _made(self, found: Found, own: OwnPull, checkout: Checkout) -> Proven | None:
        settings, branch = checkout.config.pull_requests, own.pull.head.branch
        made = proven(found, checkout.commit, settings, 0.0, branch)
        return made if made and within(made, checkout.config.paths) else None

    def _published(self, own: OwnPull, base: CommitSha, made: Proven | None, what: Fate) -> Renewal:
        with self.tools.hub.publishing(self.place) as forge:
            if made:
                renewed(forge, made, own.pull)
                return Renewal.RENEWED
            sentence = GAIN_GONE if what is Fate.GAIN_GONE else UNFIT
            withdraw(forge, own, sentence.format(commit=evidence.commit(base)))
            return Renewal.WITHDRAWN


def _settings_of(forge: Forge, own: OwnPull) -> CommitSha | None:
    """Return whose configuration counts if not the base's own: a base may be a person's branch."""
    default = forge.repository().default_branch
    return None if own.pull.base.branch == default else forge.branch(default)


def _leave_to_them(forge: Forge, own: OwnPull) -> Renewal:
    number = own.pull.number
    forge.say(
        number, marker(f"theirs={number}"), THEIRS.format(commit=evidence.commit(own.state.base))
    )
    return Renewal.THEIRS


def patch_of(forge: Forge, own: OwnPull) -> bytes:
    """Return what perfbot put on a branch, against the commit that it was proven on.

    Raises ForgeError.
    """
    base, head = CommitSha(own.state.base), own.pull.head.commit
    changes = {}
    for change in forge.files(own.pull.number):
        after = forge.file(change.path, head)
        if after is not None:
            changes[change.path] = (forge.file(change.path, base), after)
    return unified_patch(changes)


def _changed(job: Job, asked: Trigger, tools: Tools, engine: JobEngine) -> None:
    """Follow what becomes of perfbot's own pull requests; a push to one is the pusher's affair.

    Of those of other people only what they made of perfbot's proposals is noted.
    """
    assert isinstance(asked, PullRequestChanged)
    if asked.change in {PullRequestChange.CLOSED, PullRequestChange.MERGED}:
        engine.step("outcome", lambda _stopped: outcomes_told.note(tools, asked))
    if not asked.head_branch.startswith(OWN_PREFIX):
        return
    place, number = Place(asked.installation_id, asked.repository), asked.number
    if asked.change is PullRequestChange.SYNCHRONIZED:
        return
    meant = {
        PullRequestChange.CLOSED: _closed,
        PullRequestChange.MERGED: _merged,
        PullRequestChange.OPENED: _reopened,
    }[asked.change]
    if not patient_step(engine, asked.change.value, lambda _stopped: meant(tools, place, number)):
        return
    with tidied(job, engine, tools.workspace):
        _follow(job, asked.change, tools, engine, place, number)


def _follow(
    job: Job,
    change: PullRequestChange,
    tools: Tools,
    engine: JobEngine,
    place: Place,
    number: int,
) -> None:
    """Do what comes after one of perfbot's own pull requests has changed."""
    if change is PullRequestChange.MERGED:
        follow_up.measure(job, engine, tools, place, number)
    if change is not PullRequestChange.OPENED:
        proposing.fill(job, engine, tools, place)
    board.refresh(job, engine, tools, place)


def _closed(tools: Tools, place: Place, number: int) -> Json:
    """Leave the functions of what a person closed alone; return whether it was perfbot's."""
    with tools.hub.publishing(place) as forge:
        own = _own(forge, tools, number)
        if own is None or own.pull.state is not State.CLOSED:
            return False
        known = tools.memory.ignored(place.repository.id)
        for function in own.functions if not own.state.withdrawn else ():
            if function not in known:  # else somebody has said why
                tools.memory.ignore(place.repository.id, function, CLOSED.format(number=number))
        delete_branch(forge, own)
    return True


def _merged(tools: Tools, place: Place, number: int) -> Json:
    with tools.hub.publishing(place) as forge:
        own = _own(forge, tools, number)
        if own is None or own.pull.state is not State.MERGED:
            return False
        delete_branch(forge, own)
    return True


def _reopened(tools: Tools, place: Place, number: int) -> Json:
    """Take back what the close had meant; a pull request that was just opened has nothing of that."""
    with tools.hub.talking(place) as forge:
        own = _own(forge, tools, number)
    if own is None or own.pull.state is not State.OPEN:
        return False
    ignored = tools.memory.ignored(place.repository.id)
    for function in own.functions:
        if ignored.get(function) == CLOSED.format(number=number):
            tools.memory.look_again(place.repository.id, function)
    return True


def _own(forge: Forge, tools: Tools, number: int) -> OwnPull | None:
    return own_pull(forge.pull_request(number), tools.hub.login)


def look_again(tools: Tools, place: Place, what: str) -> None:
    """Take back that a function or a file is left alone, whoever said so; raises ForgeError.

    Safe to repeat. A closed pull request of perfbot's for it no longer counts.
    """
    tools.memory.look_again(place.repository.id, what)
    with tools.hub.talking(place) as forge:
        now = standing(forge, tools.hub.login)
        for own in now.owns if now else ():
            if own.pull.state is State.CLOSED and what in own.functions:
                may_be_proposed_again(forge, own)


def _silent(job: Job, asked: Trigger, why: str, tools: Tools) -> None:
    """Nobody waits; the log has the reason."""
    tools.workspace.clear(job.id)


PUSHED, CHANGED = Handler(_pushed, _silent), Handler(_changed, _silent)
