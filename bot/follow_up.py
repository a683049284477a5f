"""After a merge: is the default branch as much faster as the pull request claimed?

The merge commit is measured against its first parent, function by function, as any patch is. A claim
is the lower end of an interval of old/new. It is contradicted only where the whole new interval lies
below it, the upper end included: then there is one comment, which says both. Overlapping intervals
may come from one and the same gain, noise and a repository that cannot be run say nothing about it,
and so does perfbot.
"""

import logging
from dataclasses import dataclass

from perfbot.bot import words
from perfbot.bot.attempts import patient_step
from perfbot.bot.deliveries import Json
from perfbot.bot.forge import CommitSha, Forge, State, marker
from perfbot.bot.hub import Place
from perfbot.bot.jobs import Job, JobEngine, Stopped
from perfbot.bot.markdown import code
from perfbot.bot.marked_yaml import ConfigError
from perfbot.bot.own_pulls import OwnPull, own_pull
from perfbot.bot.patch import unified_patch
from perfbot.bot.proposing import judged
from perfbot.bot.pull_request import Claim
from perfbot.bot.report import Report, Speedup
from perfbot.bot.runs import Wish
from perfbot.bot.triggers import Priority
from perfbot.bot.work import Tools

BELOW = (
    "Measured on the default branch after the merge, {functions} than was claimed here. Whether "
    "that is worth keeping is for you to say; perfbot changes nothing."
)
ONE_BELOW = "{function} gained less ({interval}; claimed: {claim})"
_LONGEST_NAME = 200

_log = logging.getLogger("perfbot.follow_up")


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A claim that does not hold after the merge, and what was measured instead."""

    claim: Claim
    measured: Speedup


def shortfalls(claims: tuple[Claim, ...], report: Report) -> tuple[Shortfall, ...]:
    """Return the claims that the report contradicts: its whole interval lies below the claim.

    A claim of less memory (``low`` of 1 or less) says nothing about speed and is passed over.
    """
    measured = {one.function: one.speedup for one in report.results if one.speedup}
    return tuple(
        Shortfall(claim, measured[claim.function])
        for claim in claims
        if claim.low > 1
        and claim.function in measured
        and measured[claim.function].high < claim.low
    )


def said(below: tuple[Shortfall, ...]) -> str:
    """Return the comment."""
    told = [
        ONE_BELOW.format(
            function=code(one.claim.function, _LONGEST_NAME),
            interval=words.interval(one.measured),
            claim=words.at_least_times(one.claim.low),
        )
        for one in below
    ]
    return BELOW.format(functions="; ".join(told))


def measure(job: Job, engine: JobEngine, tools: Tools, place: Place, number: int) -> None:
    """Measure what a merge brought, in a step, and comment where it is less than was claimed."""
    patient_step(engine, "measure", lambda stopped: _measure(job, tools, place, number, stopped))


def _measure(job: Job, tools: Tools, place: Place, number: int, stopped: Stopped) -> Json:
    with tools.hub.talking(place) as forge:
        own = own_pull(forge.pull_request(number), tools.hub.login)
        merged = own.pull.merged_as if own and own.pull.state is State.MERGED else None
        before = forge.parent(merged) if merged else None
        if own is None or merged is None or before is None:
            return None
        patch = _patch(forge, own, before, merged)
    report = _report(job, tools, place, own, before, patch, stopped)
    below = shortfalls(own.state.claims, report) if report else ()
    if below:
        with tools.hub.talking(place) as forge:
            forge.say(number, marker(f"merged={number}"), said(below))
    return [one.claim.function for one in below]


def _patch(forge: Forge, own: OwnPull, before: CommitSha, merged: CommitSha) -> bytes:
    """Return what the merge did to the files that perfbot had changed.

    Where people committed to the branch, only to those of the claimed functions: a patch that also
    changes tests is none that can be judged.
    """
    paths = {function.rpartition("::")[0] for function in own.functions}
    if own.untouched:
        paths |= {change.path for change in forge.files(own.pull.number)}
    changes = {}
    for path in paths:
        after = forge.file(path, merged)
        if after is not None:
            changes[path] = (forge.file(path, before), after)
    return unified_patch(changes)


def _report(
    job: Job,
    tools: Tools,
    place: Place,
    own: OwnPull,
    before: CommitSha,
    patch: bytes,
    stopped: Stopped,
) -> Report | None:
    try:
        checkout = tools.workspace.checkout(job.id, place, before)
    except ConfigError as error:
        _log.warning("%s", error, extra={"job": job.id})
        return None
    wish = Wish(own.functions, priority=Priority.SCAN)
    found = judged(tools, checkout, patch, wish, stopped)
    return found.report if found else None
