"""Who knows which kind of trigger: the one list of all that a worker can do."""

from collections.abc import Mapping

from perfbot.bot.accepted import ACCEPTED
from perfbot.bot.hearing import HEARING
from perfbot.bot.triggers import CommandAccepted, CommentCreated, Trigger
from perfbot.bot.work import Handler

HANDLERS: Mapping[type[Trigger], Handler] = {CommentCreated: HEARING, CommandAccepted: ACCEPTED}
