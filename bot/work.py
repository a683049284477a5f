"""What a worker does for each job: the trigger is read back and handed to whoever knows it.

One job works on one repository at a time. A handler does everything that lasts or leaves a trace in
steps of the engine, each of which is safe to repeat.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from perfbot.bot.hub import Hub
from perfbot.bot.jobs import Job, JobEngine
from perfbot.bot.memory import Memory
from perfbot.bot.runs import Runs
from perfbot.bot.triggers import Trigger, from_json
from perfbot.bot.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Tools:
    """What every handler works with."""

    hub: Hub
    runs: Runs
    memory: Memory
    workspace: Workspace


@dataclass(frozen=True, slots=True)
class Handler:
    """Who knows a kind of trigger: ``run`` works on it, ``give_up`` tells those who wait that it failed.

    ``give_up`` is called with the reason, and must be safe to repeat.
    """

    run: Callable[[Job, Trigger, Tools, JobEngine], None]
    give_up: Callable[[Job, Trigger, str, Tools], None]


class BotWork:
    """``Work`` of the bot; a trigger that nobody handles starts nothing."""

    def __init__(self, tools: Tools, handlers: Mapping[type[Trigger], Handler]) -> None:
        self._tools = tools
        self._handlers = handlers

    def run(self, job: Job, engine: JobEngine) -> None:
        """See ``Work``."""
        asked = from_json(job.task)
        if handler := self._handlers.get(type(asked)):
            handler.run(job, asked, self._tools, engine)

    def give_up(self, job: Job, why: str) -> None:
        """See ``Work``."""
        asked = from_json(job.task)
        if handler := self._handlers.get(type(asked)):
            handler.give_up(job, asked, why, self._tools)
