"""The dashboard issue, live: opened where a repository asks for one, and kept up to date.

A person who closes it does not want it; it is left closed until somebody opens it again.
"""

from collections.abc import Iterable
from dataclasses import replace

from perfbot.bot import proposing, scan_record, words
from perfbot.bot.attempts import patient_step
from perfbot.bot.config import FILE_NAME, read
from perfbot.bot.dashboard import TITLE, Dashboard, Ignored, Open, Waiting, render
from perfbot.bot.deliveries import Json
from perfbot.bot.forge import Forge, ForgeError, State, Trouble, marker
from perfbot.bot.hub import Place
from perfbot.bot.jobs import Job, JobEngine
from perfbot.bot.marked_yaml import ConfigError
from perfbot.bot.own_pulls import OwnPull, open_ones
from perfbot.bot.proposing import Standing, left_alone, standing
from perfbot.bot.scan_record import ScanRecord
from perfbot.bot.work import Tools

MARK = marker("dashboard")
LESS_MEMORY = "less memory"


def refresh(job: Job, engine: JobEngine, tools: Tools, place: Place) -> None:
    """Bring the dashboard up to date in a step, where there is one or ought to be."""
    patient_step(engine, "dashboard", lambda _stopped: _refresh(tools, place))


def _refresh(tools: Tools, place: Place) -> Json:
    record = scan_record.recall(tools.memory, place.repository.id)
    if record.commit is None:
        return None
    with tools.hub.talking(place) as forge:
        now = standing(forge, tools.hub.login)
        if now is None or not _is_wanted(forge, now) or _was_closed(forge, record):
            return None
        shown = dashboard(record, now, left_alone(tools, place, now.owns))
        if record.dashboard is None and _is_empty(shown):
            return None
        issue = forge.keep_issue(MARK, TITLE, render(shown), ())
    known = replace(record, dashboard=issue.number)
    scan_record.remember(tools.memory, place.repository.id, known)
    return issue.number


def current(tools: Tools, place: Place, forge: Forge) -> Dashboard | None:
    """Return what the dashboard has to show now, None before the first scan has ended.

    Raises ForgeError.
    """
    record = scan_record.recall(tools.memory, place.repository.id)
    now = standing(forge, tools.hub.login) if record.commit else None
    return dashboard(record, now, left_alone(tools, place, now.owns)) if now else None


def dashboard(record: ScanRecord, now: Standing, alone: dict[str, str]) -> Dashboard:
    """Return what is to be shown, from what is remembered and how GitHub has it."""
    taken = {function for own in open_ones(now.owns) for function in own.functions}
    hidden = taken | {one.function for one in record.rejected if _alone(one.function, alone)}
    return Dashboard(
        commit=record.commit or now.commit,
        open=tuple(_open(open_ones(now.owns), record)),
        waiting=tuple(
            Waiting(function, one.share, one.claim)
            for one in sorted(record.waiting, key=lambda each: -each.share)
            for function in one.functions
            if function not in taken and not _alone(function, alone)
        ),
        rejected=tuple(one for one in record.rejected if one.function not in hidden),
        ignored=tuple(Ignored(what, why) for what, why in sorted(alone.items())),
    )


def _open(owns: Iterable[OwnPull], record: ScanRecord) -> Iterable[Open]:
    for own in owns:
        for claim in own.state.claims:
            share = record.shares.get(claim.function, 0.0)
            said = words.at_least_times(claim.low) if claim.low > 1 else LESS_MEMORY
            yield Open(claim.function, share, own.pull.number, said)


def _alone(function: str, alone: dict[str, str]) -> bool:
    return proposing.is_left_alone(function, alone.keys())


def _is_wanted(forge: Forge, now: Standing) -> bool:
    """Ask the default branch's configuration; a wrong one asks for nothing."""
    content = forge.file(FILE_NAME, now.commit)
    try:
        return content is not None and read(content).pull_requests.dashboard
    except ConfigError:
        return False


def _was_closed(forge: Forge, record: ScanRecord) -> bool:
    if record.dashboard is None:
        return False
    try:
        return forge.issue(record.dashboard).state is not State.OPEN
    except ForgeError as error:
        if error.trouble is not Trouble.MISSING:
            raise
        return False  # deleted, which GitHub lets admins do: then a new one is opened


def _is_empty(shown: Dashboard) -> bool:
    return not (shown.open or shown.waiting or shown.rejected or shown.ignored)
