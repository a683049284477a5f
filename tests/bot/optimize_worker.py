"""A worker for tests: the bot's own work with scripted runs, which kills itself where it is told to.

``optimize_worker.py FOLDER [--mode MODE]``: FOLDER/app holds the App. FOLDER/deaths lists places, one a
line: ``in STEP`` (its work is done, its result not stored) or ``after STEP``. When the worker comes to the
first of them it takes it off the list and dies as by ``kill -9``. FOLDER/steps gets a line for each step
that begins. While FOLDER/hold is there, a search goes on until it is told to stop. In MODE ``deadly``
the worker dies in every search.
"""

import os
import signal
import sys
from argparse import ArgumentParser
from pathlib import Path

from perfbot.bot import worker
from perfbot.bot.app_credentials import load
from perfbot.bot.config import process_environment
from perfbot.bot.deliveries import Json
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.github_app import GitHubApp
from perfbot.bot.github_session import Site
from perfbot.bot.handlers import HANDLERS
from perfbot.bot.hub import Hub
from perfbot.bot.jobs import Action, Job, JobEngine, JobState, LiveJob, Stopped
from perfbot.bot.memory import Memory
from perfbot.bot.runs import Wish
from perfbot.bot.serve import jobs_url
from perfbot.bot.serving_options import WorkerOptions
from perfbot.bot.work import BotWork, Tools
from perfbot.bot.workspace import Workspace

from scripted_runs import ScriptedRuns


class Mortal:
    """An engine whose worker dies at the places on a list."""

    def __init__(self, engine: JobEngine, folder: Path) -> None:
        self._engine = engine
        self._deaths, self._steps = folder / "deaths", folder / "steps"

    def step(self, name: str, action: Action) -> Json:
        def act(stopped: Stopped) -> Json:
            with self._steps.open("a") as stream:
                stream.write(f"{name}\n")
            result = action(stopped)
            self._die(f"in {name}")
            return result

        result = self._engine.step(name, act)
        self._die(f"after {name}")
        return result

    def _die(self, place: str) -> None:
        deaths = self._deaths.read_text().splitlines() if self._deaths.exists() else []
        if deaths and deaths[0] == place:
            self._deaths.write_text("\n".join(deaths[1:]))
            os.kill(os.getpid(), signal.SIGKILL)

    def enqueue(self, job: Job) -> None:
        self._engine.enqueue(job)

    def cancel(self, job_id: str) -> None:
        self._engine.cancel(job_id)

    def status(self, job_id: str) -> JobState | None:
        return self._engine.status(job_id)

    def waiting(self) -> int:
        return self._engine.waiting()

    def live(self, lane: str) -> tuple[LiveJob, ...]:
        return self._engine.live(lane)


class MortalWork(BotWork):
    """The bot's work for a mortal engine."""

    def __init__(self, tools: Tools, folder: Path) -> None:
        super().__init__(tools, HANDLERS)
        self._folder = folder

    def run(self, job: Job, engine: JobEngine) -> None:
        super().run(job, Mortal(engine, self._folder))


def dies(name: str, _wish: Wish) -> None:
    if name == "optimize":
        os.kill(os.getpid(), signal.SIGKILL)


def tools_in(folder: Path, mode: str) -> Tools:
    environ = process_environment()
    credentials = load({"PERFBOT_APP": str(folder / "app")})
    site = Site(credentials.base_url, between_requests_s=0, between_writes_s=0)
    hub = Hub(site, GitHubApp(site, credentials.app_id, credentials.private_key))
    hold = folder / "hold"
    runs = ScriptedRuns(begun=dies) if mode == "deadly" else ScriptedRuns(hold=hold)
    own = folder / f"worker-{os.getpid()}"
    return Tools(hub, runs, Memory(jobs_url(environ)), Workspace(own, hub))


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    arguments = ArgumentParser()
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--mode", default="plain")
    WorkerOptions.declare(arguments)
    chosen = arguments.parse_args()
    try:
        work = MortalWork(tools_in(chosen.folder, chosen.mode), chosen.folder)
        return worker.run(WorkerOptions.read(chosen), work)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except RunError as error:
        print(error, file=sys.stderr)
        return error.code


if __name__ == "__main__":
    sys.exit(main())
