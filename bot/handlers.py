"""Who knows which kind of trigger: the one list of all that a worker can do."""

from collections.abc import Mapping

from perfbot.bot import boxes, scanning, scheduler, tending
from perfbot.bot.accepted import ACCEPTED
from perfbot.bot.hearing import HEARING
from perfbot.bot.triggers import (
    CommandAccepted,
    CommentCreated,
    DashboardEdited,
    PullRequestChanged,
    Pushed,
    ScanDue,
    Trigger,
)
from perfbot.bot.work import Handler

HANDLERS: Mapping[type[Trigger], Handler] = {
    CommentCreated: HEARING,
    CommandAccepted: ACCEPTED,
    ScanDue: scanning.HANDLER,
    Pushed: tending.PUSHED,
    PullRequestChanged: tending.CHANGED,
    DashboardEdited: boxes.HANDLER,
    **scheduler.HANDLERS,
}
