"""``status`` and ``stop``: what runs and waits here, and the end of it, on whichever machine.

Under the dashboard issue "here" is the whole repository, elsewhere the issue or pull request.
"""

import time
from collections.abc import Sequence

from perfbot.bot import comment
from perfbot.bot.comment import NOTHING_RUNS, Stage, Stopped, Waiting, Working
from perfbot.bot.conversation import Conversation, mark
from perfbot.bot.deliveries import Json
from perfbot.bot.events import DASHBOARD_MARK
from perfbot.bot.jobs import LiveJob
from perfbot.bot.markdown import code
from perfbot.bot.memory import Request

STOPPED_ALSO = "Stopped, as {by} asked: {what}."
_LET_END_S = 2.0  # a running step is told within one second, and its last word within another
_KINDS = {
    "CommandAccepted": "a command",
    "DashboardEdited": "what was ticked in the dashboard",
    "PullRequestChanged": "a look at a pull request that changed",
    "Pushed": "a look at what came onto the default branch",
    "ScanDue": "a scan of the default branch",
}


def status(talk: Conversation) -> None:
    """Say what runs and waits here, how far it is, and for how long."""
    talk.reply(str(talk.step("look", lambda: _told(talk))))


def stop(talk: Conversation) -> None:
    """End what runs and waits here; its own comments say who asked."""
    found = talk.step("look", lambda: {one.job.id: _kind(one) for one in _here(talk)})
    assert isinstance(found, dict)
    if not found:
        talk.reply(NOTHING_RUNS + "\n")
        return
    talk.step("stop", lambda: _cancel(talk, list(found)))
    talk.step("let it end", lambda: time.sleep(_LET_END_S))
    silent = [str(kind) for id, kind in found.items() if not _tells(talk, id)]
    if silent:
        by, what = code(talk.said.author), ", ".join(silent)
        talk.reply(STOPPED_ALSO.format(by=by, what=what) + "\n")


def _here(talk: Conversation) -> list[LiveJob]:
    live = talk.live()
    if _on_dashboard(talk):
        return list(live)
    return [one for one in live if one.job.task.get("number") == talk.said.number]


def _on_dashboard(talk: Conversation) -> bool:
    if talk.said.on_pull_request:
        return False
    with talk.tools.hub.talking(talk.place) as forge:
        issue = forge.issue(talk.said.number)
    return issue.author.login == talk.tools.hub.login and DASHBOARD_MARK in issue.body


def _told(talk: Conversation) -> str:
    ids = [one.job.id for one in talk.live()]
    found = {}
    for one in _here(talk):
        known = talk.tools.memory.request(one.job.id)
        found[_about(one, known)] = _state(one, known, ids.index(one.job.id))
    return comment.status(found)


def _about(one: LiveJob, known: Request | None) -> comment.Job:
    if known:
        return comment.Job(one.job.id, known.asked, known.head)
    task = one.job.task
    head = task.get("head_sha") or task.get("commit") or ""
    return comment.Job(one.job.id, _kind(one), str(head))


def _kind(one: LiveJob) -> str:
    """Return what a job is that nobody commanded."""
    return _KINDS.get(str(one.job.task.get("kind")), one.job.id)


def _state(one: LiveJob, known: Request | None, ahead: int) -> Waiting | Working:
    if not one.running:
        return Waiting(ahead)
    stage = Stage[known.stage] if known and known.stage in Stage.__members__ else Stage.CHECKOUT
    return Working(stage, time.time() - one.since_s)


def _cancel(talk: Conversation, ids: Sequence[str]) -> Json:
    for one in ids:
        talk.engine.cancel(one)
    return None


def _tells(talk: Conversation, id: str) -> bool:
    return bool(talk.step(f"tell {id}", lambda: _tell(talk, id)))


def _tell(talk: Conversation, id: str) -> Json:
    """Let a stopped job's comment say so; false where it has none."""
    memory, by = talk.tools.memory, talk.said.author
    known = memory.request(id)
    if known is None:
        return False
    job = comment.Job(known.job, known.asked, known.head)
    state = Stopped(by, time.time() - known.began_s)
    with talk.tools.hub.talking(talk.place) as forge:
        forge.say(known.number, mark(id), comment.sticky(job, state))
    memory.end(id, {"stopped": by})
    return True
