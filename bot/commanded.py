"""An accepted command as the job that it became: how it begins, and its last word, whatever comes of it."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from perfbot.bot import comment
from perfbot.bot.attempts import Ending, attempt
from perfbot.bot.comment import Failed, State
from perfbot.bot.deliveries import Json
from perfbot.bot.heard import Heard
from perfbot.bot.hub import Place
from perfbot.bot.jobs import Action, Job, JobEngine
from perfbot.bot.memory import Request
from perfbot.bot.sticky import Sticky
from perfbot.bot.work import Tools

_log = logging.getLogger("perfbot.commanded")


@dataclass(frozen=True, slots=True)
class Commanded:
    """A command at work, and the comment that tells of it."""

    job: Job
    engine: JobEngine
    tools: Tools
    heard: Heard
    sticky: Sticky

    @property
    def place(self) -> Place:
        """The repository that it is about."""
        return self.sticky.place

    def work(self, do: Callable[[], tuple[State, Json]]) -> None:
        """Do it; whatever comes of it, the comment says so in the end.

        ``do`` returns what the comment says and what is remembered; Ending becomes a Failed.
        """
        try:
            self._work(do)
        finally:  # whoever goes on with it lays out what is missing
            self.tools.workspace.clear(self.job.id)

    def _work(self, do: Callable[[], tuple[State, Json]]) -> None:
        try:
            state, result = do()
        except Ending as ending:
            state = Failed(ending.failure, ending.detail)
            result = {"failure": ending.failure.name, "detail": ending.detail}
        self.as_far_as_possible("say", lambda _stopped: self.sticky.show(state))
        self.engine.step("end", lambda _stopped: self._end(result))

    def as_far_as_possible(self, name: str, action: Action) -> None:
        """Do a step that tells of what stands already; where GitHub refuses, that is logged."""
        try:
            attempt(self.engine, name, action)
        except Ending as ending:
            _log.error("%s: %s", name, ending, extra={"job": self.job.id})

    def _end(self, result: Json) -> Json:
        self.tools.memory.end(self.job.id, result)
        return None


def begun(
    job: Job,
    engine: JobEngine,
    tools: Tools,
    place: Place,
    number: int,
    heard: Heard,
    *,
    judging: bool = False,
) -> Commanded:
    """Write down that a command begins, unless that was done when it was accepted.

    ``judging``: it judges a change and looks for none.
    """

    def begin(_stopped: Callable[[], bool]) -> Json:
        now_s, id = time.time(), place.repository.id
        tools.memory.begin(Request(job.id, id, number, heard.asked, heard.head, now_s))
        known = tools.memory.request(job.id)
        return known.began_s if known else now_s

    began_s = float(str(engine.step("begin", begin)))
    sticky = Sticky(tools.hub, tools.memory, place, number, told(job, heard), began_s, judging)
    return Commanded(job, engine, tools, heard, sticky)


def told(job: Job, heard: Heard) -> comment.Job:
    """Return a job as its comment names it."""
    return comment.Job(job.id, heard.asked, heard.head, heard.passed_over)
