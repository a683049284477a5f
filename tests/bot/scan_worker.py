"""A worker for tests: the bot's own jobs on a local GitHub, with runs that a script decides.

``scan_worker.py API APP_ID KEY_FILE SCRIPT FOLDER BORDERS [worker options]``. Before and after each
step it looks at the file BORDERS: while that says ``before N`` or ``after N`` (the number of the step,
from 0), it writes ``at`` there and waits to be killed.
"""

import signal
import sys
import time
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

from scan_script import Script, ScriptedRuns

from perfbot.bot import worker
from perfbot.bot.deliveries import Json
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.github_app import GitHubApp
from perfbot.bot.github_session import Site
from perfbot.bot.handlers import HANDLERS
from perfbot.bot.hub import Hub
from perfbot.bot.jobs import Action, Job, JobEngine, JobState, LiveJob, Stopped
from perfbot.bot.memory import Memory
from perfbot.bot.serving_options import WorkerOptions
from perfbot.bot.work import BotWork, Tools
from perfbot.bot.workspace import Workspace


@dataclass
class Watched:
    """The engine, whose steps stop at the border that a test wants."""

    engine: JobEngine
    borders: Path
    number: int = 0

    def step(self, name: str, action: Action) -> Json:
        number = self.number
        self.number += 1

        def act(stopped: Stopped) -> Json:
            self._border(f"before {number}")
            result = action(stopped)
            self._border(f"inside {number}")
            return result

        result = self.engine.step(name, act)
        self._border(f"after {number}")
        return result

    def _border(self, place: str) -> None:
        while self.borders.exists() and self.borders.read_text() in {place, "at"}:
            self.borders.write_text("at")
            time.sleep(0.02)

    def enqueue(self, job: Job) -> None:
        self.engine.enqueue(job)

    def cancel(self, job_id: str) -> None:
        self.engine.cancel(job_id)

    def status(self, job_id: str) -> JobState | None:
        return self.engine.status(job_id)

    def waiting(self) -> int:
        return self.engine.waiting()

    def live(self, lane: str) -> tuple[LiveJob, ...]:
        return self.engine.live(lane)


@dataclass
class WatchedWork:
    """``Work`` of the bot, at whose borders a test may kill."""

    work: BotWork
    borders: Path

    def run(self, job: Job, engine: JobEngine) -> None:
        self.work.run(job, Watched(engine, self.borders))

    def give_up(self, job: Job, why: str) -> None:
        self.work.give_up(job, why)


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    arguments = ArgumentParser()
    for name in ("api", "app", "key", "script", "folder", "borders"):
        arguments.add_argument(name)
    WorkerOptions.declare(arguments)
    chosen = arguments.parse_args()
    site = Site(chosen.api, between_requests_s=0, between_writes_s=0)
    hub = Hub(site, GitHubApp(site, chosen.app, Path(chosen.key).read_text()))
    folder = Path(chosen.folder)
    memory = Memory(f"sqlite:///{folder / 'jobs.sqlite'}")
    tools = Tools(
        hub, ScriptedRuns(Script(Path(chosen.script))), memory, Workspace(folder / "work", hub)
    )
    try:
        work = WatchedWork(BotWork(tools, HANDLERS), Path(chosen.borders))
        return worker.run(WorkerOptions.read(chosen), work)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except RunError as error:
        print(error, file=sys.stderr)
        return error.code


if __name__ == "__main__":
    sys.exit(main())
