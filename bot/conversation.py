"""A comment that is being answered: who said what where, and the steps in which perfbot answers."""

from collections.abc import Callable
from dataclasses import dataclass

from perfbot.bot.attempts import patiently
from perfbot.bot.comment import passed_over
from perfbot.bot.deliveries import Json
from perfbot.bot.forge import Marker, marker
from perfbot.bot.hub import Place
from perfbot.bot.jobs import Job, JobEngine, LiveJob
from perfbot.bot.triggers import CommentCreated, repository_lane
from perfbot.bot.work import Tools


def mark(job_id: str) -> Marker:
    """Return the mark by which a job finds its comment again."""
    return marker(f"job={job_id}")


@dataclass(frozen=True, slots=True)
class Conversation:
    """One comment, its job, and what the answer is made with.

    ``passed_over`` are the commands in it that came later and do not run.
    """

    job: Job
    said: CommentCreated
    tools: Tools
    engine: JobEngine
    passed_over: tuple[str, ...] = ()

    @property
    def place(self) -> Place:
        """The repository that it was said in."""
        return Place(self.said.installation_id, self.said.repository)

    def live(self) -> tuple[LiveJob, ...]:
        """Return what runs and waits in the repository."""
        return self.engine.live(repository_lane(self.said.repository.id))

    def step(self, name: str, do: Callable[[], Json]) -> Json:
        """Do one step, which must be safe to repeat, and wait out what passes by itself."""
        return self.engine.step(name, lambda stopped: patiently(do, stopped))

    def reply(self, text: str) -> None:
        """Answer in a comment of its own."""

        others = passed_over(self.passed_over)
        whole = f"{text.rstrip()}\n\n{others}" if others else text

        def say() -> Json:
            with self.tools.hub.talking(self.place) as forge:
                forge.say(self.said.number, mark(self.job.id), whole)
            return None

        self.step("reply", say)
