"""People who comment in the shop on the local GitHub, and perfbot that hears them in this process."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from perfbot.bot.commands import read
from perfbot.bot.deliveries import Json
from perfbot.bot.hearing import HEARING
from perfbot.bot.hub import Hub, Place
from perfbot.bot.jobs import Action, Job, JobState, LiveJob
from perfbot.bot.memory import Memory
from perfbot.bot.runs import Runs
from perfbot.bot.sweeper import job_for
from perfbot.bot.triggers import CommandAccepted, CommentCreated, Repository, Trigger, from_json
from perfbot.bot.work import BotWork, Handler, Tools
from perfbot.bot.workspace import Workspace

from github_scene import SHOP, Scene
from hosted import Comment

PULL = 1


class Crash(BaseException):
    """The worker dies."""


@dataclass
class Steps:
    """``JobEngine`` in this process: steps that were done are not done again.

    ``dies_in`` kills inside the step of this number, after its work and before it is written down.
    """

    done: dict[str, list[tuple[str, Json]]] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    states: dict[str, JobState] = field(default_factory=dict)
    dies_in: int | None = None
    _at: str = ""
    _place: int = 0

    def begin(self, job: Job) -> None:
        self._at, self._place = job.id, 0

    def step(self, name: str, action: Action) -> Json:
        done = self.done.setdefault(self._at, [])
        if self._place < len(done):
            known, result = done[self._place]
            assert known == name, f"{name} where {known} was before"
        else:
            result = action(lambda: False)
            if self.dies_in == self._place:
                self.dies_in = None
                raise Crash
            done.append((name, result))
        self._place += 1
        return result

    def enqueue(self, job: Job) -> None:
        if self.jobs.setdefault(job.id, job) is job:
            self.states[job.id] = JobState.WAITING

    def cancel(self, job_id: str) -> None:
        self.states[job_id] = JobState.STOPPED

    def status(self, job_id: str) -> JobState | None:
        return self.states.get(job_id)

    def waiting(self) -> int:
        return len(self.live_ids())

    def live_ids(self) -> list[str]:
        live = {JobState.WAITING, JobState.RUNNING}
        return [id for id, state in self.states.items() if state in live]

    def live(self, lane: str) -> tuple[LiveJob, ...]:
        return tuple(
            LiveJob(self.jobs[id], self.states[id] is JobState.RUNNING, time.time() - 90)
            for id in self.live_ids()
            if self.jobs[id].lane == lane
        )


@dataclass
class Talk:
    """Who comments, and what perfbot says; ``number`` is where, the pull request at first."""

    scene: Scene
    tools: Tools
    engine: Steps = field(default_factory=Steps)
    handlers: dict[type[Trigger], Handler] = field(
        default_factory=lambda: {CommentCreated: HEARING}
    )

    @property
    def repository(self) -> Repository:
        return Repository(self.scene.hosted.id, str(SHOP))

    @property
    def place(self) -> Place:
        return Place(self.scene.installation, self.repository)

    def write(self, text: str, login: str = "ada", number: int = PULL) -> Comment:
        """A person writes a comment, of which perfbot is not told yet."""
        person = self.scene.github.world.person(login)
        return self.scene.github.world.comment(self.scene.hosted, number, person, text)

    def trigger(self, said: Comment) -> CommentCreated:
        on_pull_request = self.scene.hosted.threads[said.number].pull is not None
        return CommentCreated(
            installation_id=self.scene.installation,
            repository=self.repository,
            number=said.number,
            on_pull_request=on_pull_request,
            comment_id=said.id,
            author_id=said.author.id,
            author=said.author.login,
            text=said.body,
            created_at=said.created_at.isoformat(),
        )

    def hear(self, said: Comment) -> None:
        """Tell perfbot of a comment."""
        self.tell(self.trigger(said))

    def tell(self, asked: Trigger) -> None:
        self.work_on(job_for(asked, "a-delivery"))

    def work_on(self, job: Job) -> None:
        self.engine.begin(job)
        BotWork(self.tools, self.handlers).run(job, self.engine)

    def say(self, text: str, login: str = "ada", number: int = PULL) -> Comment:
        """A person writes a comment, and perfbot is told of it."""
        said = self.write(text, login, number)
        self.hear(said)
        return said

    def answers(self, number: int = PULL) -> list[str]:
        """What perfbot said under an issue or pull request, oldest first."""
        said = self.scene.hosted.comments.values()
        return [
            one.body for one in said if one.number == number and one.author.login == "perfbot[bot]"
        ]

    def accepted(self) -> list[CommandAccepted]:
        """The commands that became jobs."""
        asked = [from_json(job.task) for job in self.engine.jobs.values()]
        return [one for one in asked if isinstance(one, CommandAccepted)]

    def commands(self) -> list[object]:
        return [request.asked for one in self.accepted() if (request := read(one.text))]


def greeted(said: Comment) -> list[str]:
    return [f"{who.login} {reaction}" for _, who, reaction in said.reactions]


def talk_in(scene: Scene, folder: Path, runs: Runs) -> Talk:
    """Let perfbot hear what is said in the shop."""
    hub = Hub(scene.site, scene.app)
    memory = Memory(f"sqlite:///{folder / 'jobs.sqlite'}")
    tools = Tools(hub, runs, memory, Workspace(folder / "workspace", hub))
    scene.hosted.people["bob"] = "write"
    scene.hosted.people["rita"] = "read"
    return Talk(scene, tools)
