"""A worker for tests: ``perfbot worker`` as it is, but for runs that a test holds and decides.

``talk_worker.py FOLDER``: FOLDER/app holds the App. FOLDER/runs gets a line for each run that begins and
each that was stopped. While FOLDER/hold exists, a run waits; while FOLDER/slower exists, a change that is
judged is proven slower.
"""

import signal
import sys
import time
from argparse import ArgumentParser
from dataclasses import dataclass, replace
from pathlib import Path

from perfbot.bot import report as r
from perfbot.bot import worker
from perfbot.bot.app_credentials import load
from perfbot.bot.config import process_environment
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.github_app import GitHubApp
from perfbot.bot.github_session import Site
from perfbot.bot.hub import Hub
from perfbot.bot.jobs import JobStopped, Stopped
from perfbot.bot.memory import Memory
from perfbot.bot.runs import Checkout, Found, Survey, Tick, Wish
from perfbot.bot.serve import jobs_url
from perfbot.bot.serving_options import WorkerOptions
from perfbot.bot.work import Tools
from perfbot.bot.workspace import Workspace

from scripted_runs import UNKNOWN, ScriptedRuns
from shop_report import accepted_result, example

SLOWER = r.Speedup(0.5, 0.45, 0.55, 0.99, 24, 0.9, 0.8)


@dataclass(frozen=True)
class HeldRuns:
    """See ``Runs``."""

    folder: Path
    scripted: ScriptedRuns

    def survey(self, checkout: Checkout, wish: Wish, stopped: Stopped, tick: Tick) -> Survey:
        self._begin("survey", stopped, tick)
        return self.scripted.survey(checkout, wish, stopped, tick)

    def optimize(self, checkout: Checkout, wish: Wish, stopped: Stopped, tick: Tick) -> Found:
        self._begin("optimize", stopped, tick)
        return self.scripted.optimize(checkout, wish, stopped, tick)

    def verify(
        self, checkout: Checkout, patch: bytes, wish: Wish, stopped: Stopped, tick: Tick
    ) -> Found:
        self._begin("verify", stopped, tick)
        result = replace(accepted_result(), function=UNKNOWN)
        if (self.folder / "slower").exists():
            rejected = replace(result, verdict=r.Verdict.REJECTED, why=r.Why.NOT_FASTER)
            result = replace(rejected, speedup=SLOWER)
        return Found(replace(example().report, results=(result,), unchanged=()))

    def _begin(self, verb: str, stopped: Stopped, tick: Tick) -> None:
        self._write(verb)
        tick("waiting for the test")
        while (self.folder / "hold").exists():
            if stopped():
                self._write("stopped")
                raise JobStopped
            time.sleep(0.05)

    def _write(self, line: str) -> None:
        with (self.folder / "runs").open("a") as stream:
            stream.write(line + "\n")


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    arguments = ArgumentParser()
    arguments.add_argument("folder", type=Path)
    WorkerOptions.declare(arguments)
    chosen = arguments.parse_args()
    credentials = load({"PERFBOT_APP": str(chosen.folder / "app")})
    site = Site(credentials.base_url, between_requests_s=0, between_writes_s=0)
    hub = Hub(site, GitHubApp(site, credentials.app_id, credentials.private_key))
    memory = Memory(jobs_url(process_environment()))
    runs = HeldRuns(chosen.folder, ScriptedRuns())
    tools = Tools(hub, runs, memory, Workspace(chosen.folder / "work", hub))
    try:
        return worker.run(WorkerOptions.read(chosen), tools=tools)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except RunError as error:
        print(error, file=sys.stderr)
        return error.code


if __name__ == "__main__":
    sys.exit(main())
