"""A shop on the local GitHub with perfbot installed, whose jobs run step by step in this process."""

from dataclasses import dataclass, field
from pathlib import Path

from scan_script import Faster, Script, ScriptedRuns

from perfbot.bot import boxes, scanning, scheduler, tending
from perfbot.bot.dashboard import TITLE
from perfbot.bot.deliveries import Json
from perfbot.bot.forge import CommitSha
from perfbot.bot.github_app import GitHubApp
from perfbot.bot.github_session import Site
from perfbot.bot.hub import Hub, Place
from perfbot.bot.jobs import Action, Job, JobState, LiveJob
from perfbot.bot.memory import Memory
from perfbot.bot.sweeper import job_for
from perfbot.bot.triggers import (
    DashboardEdited,
    PullRequestChange,
    PullRequestChanged,
    Pushed,
    Repository,
    ScanDue,
    Trigger,
)
from perfbot.bot.work import BotWork, Handler, Tools
from perfbot.bot.workspace import Workspace

from github_scene import PERMISSIONS
from hosted import Hosted, Thread
from local_github import LocalGitHub, Registered

TOTAL, MATCH, LOAD = "src/cart.py::total", "src/search.py::match", "src/search.py::load"
FILES = {
    "src/cart.py": "def total():\n    return slow_total()\n",
    "src/search.py": (
        "def match():\n    return slow_match()\n\n\n# far away\n\n\n"
        "def load():\n    return slow_load()\n"
    ),
    "README.md": "A shop.\n",
}
FASTER = {
    TOTAL: Faster("slow_total()", "fast_total()", 0.5, 2.3),
    MATCH: Faster("slow_match()", "fast_match()", 0.3, 1.6),
    LOAD: Faster("slow_load()", "fast_load()", 0.1, 1.4),
}


class Crash(BaseException):
    """The worker dies."""


@dataclass
class StepByStep:
    """``JobEngine`` in this process: steps that were done are not done again.

    ``dies_at`` kills at a border: 0 before the first step, 1 after it, and so on.
    """

    done: list[tuple[str, Json]] = field(default_factory=list)
    queued: list[Job] = field(default_factory=list)
    states: dict[str, JobState] = field(default_factory=dict)
    waits: bool | None = None
    dies_at: int | None = None
    _place: int = 0

    def begin(self) -> None:
        self._place = 0

    def step(self, name: str, action: Action) -> Json:
        if self._place < len(self.done):
            known, result = self.done[self._place]
            assert known == name, f"{name} where {known} was before"
        else:
            if self.dies_at == self._place:
                raise Crash
            result = action(lambda: False)
            self.done.append((name, result))
        self._place += 1
        return result

    def enqueue(self, job: Job) -> None:
        if job.id not in {one.id for one in self.queued}:
            self.queued.append(job)
            self.states[job.id] = JobState.WAITING

    def cancel(self, job_id: str) -> None:
        raise NotImplementedError

    def status(self, job_id: str) -> JobState | None:
        return self.states.get(job_id)

    def waiting(self) -> int:
        waiting = [one for one in self.states.values() if one is JobState.WAITING]
        return len(waiting) if self.waits is None else int(self.waits)

    def live(self, lane: str) -> tuple[LiveJob, ...]:
        return ()


HANDLERS: dict[type[Trigger], Handler] = {
    ScanDue: scanning.HANDLER,
    Pushed: tending.PUSHED,
    PullRequestChanged: tending.CHANGED,
    DashboardEdited: boxes.HANDLER,
    **scheduler.HANDLERS,
}


@dataclass
class Bot:
    """perfbot in a shop: what happens there is told to it by ``tell``, and worked on at once."""

    github: LocalGitHub
    hosted: Hosted
    registered: Registered
    script: Script
    tools: Tools
    number: int = 0

    @property
    def repository(self) -> Repository:
        return Repository(self.hosted.id, self.hosted.full_name)

    @property
    def place(self) -> Place:
        return Place(self.registered.installation.id, self.repository)

    @property
    def main(self) -> CommitSha:
        return CommitSha(self.hosted.bare.branch("main") or "")

    def tell(self, asked: Trigger, engine: StepByStep | None = None) -> StepByStep:
        """Work on a trigger from its beginning or from where ``engine`` left off."""
        engine = engine or StepByStep()
        self.number += 1
        job = job_for(asked, f"{self.number:08}-0000-0000-0000-000000000000")
        engine.begin()
        BotWork(self.tools, HANDLERS).run(job, engine)
        return engine

    def scan(self, period: str = "2026-W49", engine: StepByStep | None = None) -> StepByStep:
        return self.tell(ScanDue(self.place.installation_id, self.repository, period), engine)

    def push(self, files: dict[str, bytes | str]) -> StepByStep:
        self.hosted.bare.commit(files)
        return self.tell(Pushed(self.place.installation_id, self.repository, "main", self.main))

    def changed(self, number: int, change: PullRequestChange) -> StepByStep:
        thread = self.hosted.threads[number]
        assert thread.pull
        return self.tell(
            PullRequestChanged(
                self.place.installation_id,
                self.repository,
                number,
                change,
                thread.pull.head_sha,
                thread.pull.head_ref,
                thread.pull.base_ref,
            )
        )

    def close(self, number: int) -> StepByStep:
        """A person closes a pull request."""
        thread = self.hosted.followed(number)
        assert thread
        thread.state = "closed"
        return self.changed(number, PullRequestChange.CLOSED)

    @property
    def dashboard(self) -> Thread | None:
        issues = (one for one in self.hosted.threads.values() if not one.pull)
        return next((one for one in issues if one.title == TITLE), None)

    def tick(self, box: str, login: str = "ada", engine: StepByStep | None = None) -> StepByStep:
        """A person ticks the boxes whose line holds this text."""
        issue = self.dashboard
        assert issue
        assert issue.body
        lines = issue.body.splitlines()
        issue.body = "\n".join(
            line.replace("[ ]", "[x]", 1) if box in line else line for line in lines
        )
        assert "[x]" in issue.body
        return self.tell(self.edited(login), engine)

    def edited(self, login: str = "ada") -> DashboardEdited:
        issue = self.dashboard
        assert issue
        person = self.github.world.person(login)
        installation = self.place.installation_id
        body = issue.body or ""
        return DashboardEdited(installation, self.repository, issue.number, person.id, login, body)

    def merge(self, number: int) -> StepByStep:
        self.hosted.merge(number)
        return self.changed(number, PullRequestChange.MERGED)

    @property
    def pulls(self) -> list[Thread]:
        return list(self.hosted.pulls())

    @property
    def open(self) -> list[str]:
        return [one.title for one in self.pulls if one.state == "open"]

    @property
    def said(self) -> list[str]:
        return [one.body for one in self.hosted.comments.values()]

    @property
    def branches(self) -> list[str]:
        listed = self.hosted.bare.git("for-each-ref", "--format=%(refname:short)", "refs/heads")
        return [one for one in listed.splitlines() if one != "main"]


def bot_in(github: LocalGitHub, folder: Path, configuration: str = "") -> Bot:
    """Host the shop with perfbot in it, which finds three functions."""
    files = FILES | ({".perfbot.yml": configuration} if configuration else {})
    hosted = github.world.repository("ada/shop", files)
    registered = github.register("perfbot", PERMISSIONS, [hosted])
    site = Site(github.api, between_requests_s=0, between_writes_s=0)
    hub = Hub(site, GitHubApp(site, str(registered.record.id), registered.private_key))
    script = Script(folder / "script.json")
    script.write(FASTER)
    memory = Memory(f"sqlite:///{folder / 'jobs.sqlite'}")
    workspace = Workspace(folder / "workspace", hub)
    return Bot(
        github, hosted, registered, script, Tools(hub, ScriptedRuns(script), memory, workspace)
    )
