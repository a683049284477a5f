"""A scan of a default branch: where the time goes, what can be proven faster, and what to propose.

It speaks only by a pull request that is proven, and by the dashboard where a repository asks for one;
a scan that finds nothing leaves no trace on GitHub. Each step is safe to repeat.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from perfbot.bot import board, proposing, proven, scan_record, words
from perfbot.bot.attempts import patient_step, tidied
from perfbot.bot.config import Config, Group
from perfbot.bot.dashboard import Rejected
from perfbot.bot.deliveries import Json
from perfbot.bot.forge import CommitSha, commit_sha
from perfbot.bot.hub import Place
from perfbot.bot.jobs import Action, Job, JobEngine, Stopped
from perfbot.bot.marked_yaml import ConfigError
from perfbot.bot.own_pulls import free_branch, open_ones
from perfbot.bot.proposing import (
    NO_RESULT,
    Standing,
    is_left_alone,
    left_alone,
    standing,
    unheard,
)
from perfbot.bot.proven import Proven
from perfbot.bot.publishing import Proposed, Target, withheld
from perfbot.bot.pull_request import LONGEST_FUNCTION
from perfbot.bot.report import Reason, Verdict
from perfbot.bot.runs import Checkout, Ended, Found, RunFailed, Survey, Wish
from perfbot.bot.scan_record import ScanRecord
from perfbot.bot.triggers import Priority, ScanDue, Trigger
from perfbot.bot.work import Handler, Tools

MOST_WAITING = 10
"""So many proven changes may wait; then nothing more is searched until somebody looks at them."""
FAILED = "a scan came to no result: %s"
_MOST_TOGETHER = 8  # see ``pull_request.Proposal``
_THEIRS = {Ended.REPOSITORY, Ended.CONFIGURATION}

_log = logging.getLogger("perfbot.scanning")

Functions = tuple[str, ...]


def groups(functions: Sequence[str], group: Group) -> tuple[Functions, ...]:
    """Return which functions go into one pull request, the hottest first; at most eight in one."""
    if group is Group.FUNCTION:
        return tuple((each,) for each in functions)
    files: dict[str, list[str]] = {}
    for each in functions:
        files.setdefault(each.rpartition("::")[0], []).append(each)
    return tuple(
        tuple(all_of_it[first : first + _MOST_TOGETHER])
        for all_of_it in files.values()
        for first in range(0, len(all_of_it), _MOST_TOGETHER)
    )


def choice(
    worth: Sequence[str],
    shares: Mapping[str, float],
    config: Config,
    taken: AbstractSet[str],
    alone: AbstractSet[str],
) -> Functions:
    """Return what a scan looks for: hot enough, in the paths, not taken, and not left alone."""
    return tuple(
        each
        for each in worth
        if shares.get(each, 0.0) >= config.hotspots.min_share
        and config.paths.covers(each.rpartition("::")[0])
        and len(each) <= LONGEST_FUNCTION
        and each not in taken
        and not is_left_alone(each, alone)
    )[: config.hotspots.at_most]


def scan(
    job: Job, engine: JobEngine, tools: Tools, place: Place, *, even_if_same: bool = False
) -> None:
    """Scan the default branch, unless nothing was committed since the last scan.

    With ``even_if_same`` that is no reason: a person asked for it.
    """
    head = patient_step(engine, "look", lambda _stopped: _look(tools, place, even_if_same))
    if isinstance(head, str):
        _Scan(job, engine, tools, place, commit_sha(head)).run()
        proposing.fill(job, engine, tools, place)
        board.refresh(job, engine, tools, place)


def try_again(
    job: Job, engine: JobEngine, tools: Tools, place: Place, functions: Functions
) -> None:
    """Search once more for these functions alone, as far as they are not left alone."""
    head = patient_step(engine, "look", lambda _stopped: _look(tools, place, even_if_same=True))
    if isinstance(head, str):
        _Scan(job, engine, tools, place, commit_sha(head)).run(functions)
        proposing.fill(job, engine, tools, place)


def _look(tools: Tools, place: Place, even_if_same: bool) -> Json:
    with tools.hub.talking(place) as forge:
        commit = forge.branch(forge.repository().default_branch)
    record = scan_record.recall(tools.memory, place.repository.id)
    if commit is not None and commit == record.commit and not even_if_same:
        again = replace(record, at_s=time.time())
        scan_record.remember(tools.memory, place.repository.id, again)
        return None
    return commit


@dataclass(frozen=True, slots=True)
class _Scan:
    """The steps of one scan of one commit."""

    job: Job
    engine: JobEngine
    tools: Tools
    place: Place
    commit: CommitSha

    def run(self, functions: Functions = ()) -> None:
        """Survey, choose, search, remember; ``functions`` narrows it down to these."""
        surveyed = patient_step(
            self.engine, "survey", lambda stopped: self._survey(functions, stopped)
        )
        if not isinstance(surveyed, dict):
            patient_step(self.engine, "remember", lambda _stopped: self._looked_at())
            return
        shares = scan_record.shares_of(surveyed.get("shares"))
        worth = _names(surveyed.get("worth"))
        chosen = patient_step(self.engine, "choose", lambda _stopped: self._choose(worth, shares))
        outcomes = [
            patient_step(self.engine, f"optimize {number}", self._searching(_names(group), shares))
            for number, group in enumerate(chosen if isinstance(chosen, list) else [])
        ]
        whole = not functions
        patient_step(
            self.engine, "remember", lambda _stopped: self._remember(outcomes, shares, whole)
        )

    def _checkout(self) -> Checkout:
        return self.tools.workspace.checkout(self.job.id, self.place, self.commit)

    def _survey(self, functions: Functions, stopped: Stopped) -> Json:
        """Return what is worth a search; None where the repository cannot be used as it is."""
        wish = Wish(functions, priority=Priority.SCAN)
        try:
            found = self.tools.runs.survey(self._checkout(), wish, stopped, unheard)
        except ConfigError as error:
            _log.warning(FAILED, error, extra={"job": self.job.id})
            return None
        except RunFailed as error:
            _log.warning(FAILED, error.ended, extra={"job": self.job.id})
            if error.ended not in _THEIRS:
                raise
            return None
        # Those for which others came first get a turn where those are left alone.
        later = [each.function for each in found.unchanged if each.reason is Reason.BUDGET]
        return {"worth": [*found.worth, *later], "shares": dict(_found_shares(found))}

    def _choose(self, worth: Functions, shares: Mapping[str, float]) -> Json:
        with self.tools.hub.talking(self.place) as forge:
            now = standing(forge, self.tools.hub.login)
        if now is None:
            return []
        config = self._checkout().config
        waiting = scan_record.recall(self.tools.memory, self.place.repository.id).waiting
        alone = left_alone(self.tools, self.place, now.owns).keys()
        wanted = choice(worth, shares, config, _taken(now, waiting), alone)
        places = max(0, MOST_WAITING - len(waiting))
        return [list(each) for each in groups(wanted, config.pull_requests.group)[:places]]

    def _searching(self, group: Functions, shares: Mapping[str, float]) -> Action:
        def act(stopped: Stopped) -> Json:
            wish = Wish(group, priority=Priority.SCAN)
            checkout = self._checkout()
            try:
                found = self.tools.runs.optimize(checkout, wish, stopped, unheard)
            except RunFailed as error:
                if error.ended is Ended.NO_SANDBOX:
                    raise
                why = NO_RESULT.format(ended=error.ended)
                return {"proven": None, "rejected": [[each, why] for each in group]}
            return self._outcome(found, checkout, group, shares)

        return act

    def _outcome(
        self, found: Found, checkout: Checkout, group: Functions, shares: Mapping[str, float]
    ) -> Json:
        accepted = tuple(one.function for one in found.report.accepted)
        made, lost = None, _lost(found, group)
        published = Proposed(self.job.id, found, Target(self.commit, ""), checkout)
        if accepted and (refusal := withheld(published)):
            lost |= dict.fromkeys(accepted, refusal)
        elif accepted:
            with self.tools.hub.talking(self.place) as forge:
                now = standing(forge, self.tools.hub.login)
                head = free_branch(forge, now.owns if now else (), accepted)
            share = max(shares.get(each, 0.0) for each in group)
            made = proven.proven(found, self.commit, checkout.config.pull_requests, share, head)
        return {
            "proven": proven.to_json(made) if made else None,
            "rejected": [[each, why] for each, why in lost.items()],
        }

    def _looked_at(self) -> Json:
        """Remember that nothing can be done with this commit."""
        record = scan_record.recall(self.tools.memory, self.place.repository.id)
        record = replace(record, commit=self.commit, at_s=time.time())
        scan_record.remember(self.tools.memory, self.place.repository.id, record)
        return None

    def _remember(self, outcomes: Sequence[Json], shares: Mapping[str, float], whole: bool) -> Json:
        """Let what was proven wait, and note the rest; of a ``whole`` scan nothing older counts."""
        known = [each for each in outcomes if isinstance(each, dict)]
        made = tuple(proven.from_json(each["proven"]) for each in known if each.get("proven"))
        lost = tuple(one for each in known for one in _rejected(each.get("rejected"), shares))
        old = scan_record.recall(self.tools.memory, self.place.repository.id)
        seen = {function for one in made for function in one.functions}
        seen |= {one.function for one in lost}
        old = old.without(frozenset(seen))
        new = ScanRecord(
            commit=self.commit if whole else old.commit,
            at_s=time.time() if whole else old.at_s,
            waiting=old.waiting + made,
            rejected=lost if whole else old.rejected + lost,
            shares=dict(shares) if whole else {**old.shares, **shares},
            dashboard=old.dashboard,
        )
        scan_record.remember(self.tools.memory, self.place.repository.id, new)
        return None


def _taken(now: Standing, waiting: Sequence[Proven]) -> frozenset[str]:
    """Return the functions that are in an open pull request or wait for one."""
    opened = {function for one in open_ones(now.owns) for function in one.functions}
    return frozenset(opened | {function for one in waiting for function in one.functions})


def _lost(found: Found, group: Functions) -> dict[str, str]:
    """Return why nothing is proposed for functions of a group."""
    told = {each.function: words.REASON[each.reason] for each in found.report.unchanged}
    told |= {
        one.function: words.WHY[one.why]
        for one in found.report.results
        if one.verdict is not Verdict.ACCEPTED
    }
    done = {one.function for one in found.report.accepted}
    return {each: why for each, why in told.items() if each in group and each not in done}


def _found_shares(survey: Survey) -> Mapping[str, float]:
    return {one.function: one.share for one in survey.hotspots}


def _rejected(stored: Json, shares: Mapping[str, float]) -> tuple[Rejected, ...]:
    pairs = stored if isinstance(stored, list) else []
    return tuple(
        Rejected(str(pair[0]), shares.get(str(pair[0]), 0.0), str(pair[1]))
        for pair in pairs
        if isinstance(pair, list)
    )


def _names(stored: Json) -> Functions:
    return tuple(map(str, stored)) if isinstance(stored, list) else ()


def _run(job: Job, asked: Trigger, tools: Tools, engine: JobEngine) -> None:
    assert isinstance(asked, ScanDue)
    with tidied(job, engine, tools.workspace):
        scan(job, engine, tools, Place(asked.installation_id, asked.repository))


def _silent(job: Job, asked: Trigger, why: str, tools: Tools) -> None:
    """Nobody waits for a scan; the log has the reason, and the next one comes by itself."""
    tools.workspace.clear(job.id)


HANDLER = Handler(_run, _silent)
