"""A worker for tests: each step of its job appends to a ledger on disk.

``ledger_worker.py LEDGER [--steps N] [--mode MODE]``, with MODE one of ``plain``, ``failing`` (the
last step raises), ``deadly`` (the first step kills the process), ``deaf`` (the first step never
looks whether it should end) and ``subprocess`` (the first step waits for one). A comment is heard: it
stops the job that it names, or starts one of its own.

A step writes ``JOB STEP begin`` and ``JOB STEP end``. While a file LEDGER.hold says ``step 2``, that
step waits between the two; while it says ``border 2``, the job waits after the step.
"""

import os
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from dataclasses import fields as fields_of
from pathlib import Path

from perfbot.bot import worker
from perfbot.bot.deliveries import Json
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.jobs import Action, Job, JobEngine, JobStopped, Stopped
from perfbot.bot.serving_options import WorkerOptions
from perfbot.bot.sweeper import job_for
from perfbot.bot.triggers import CommandAccepted, CommentCreated, from_json


class Ledger:
    """Work that leaves traces."""

    def __init__(self, ledger: Path, steps: int, mode: str) -> None:
        self.ledger, self.steps, self.mode = ledger, steps, mode
        self.hold = ledger.with_name(ledger.name + ".hold")

    def run(self, job: Job, engine: JobEngine) -> None:
        asked = from_json(job.task)
        if isinstance(asked, CommentCreated):
            self.hear(asked, engine)
            return
        self.write(f"{job.id} at {os.getpid()}")
        for number in range(1, self.steps + 1):
            engine.step(f"step {number}", self.action(job, number))
            self.write(f"{job.id} after {number}")
            self.wait(f"border {number}", lambda: False)
        self.write(f"{job.id} done")

    def hear(self, said: CommentCreated, engine: JobEngine) -> None:
        if said.text.startswith("/perfbot stop"):
            engine.step("stop", lambda _stopped: engine.cancel(said.text.split()[-1]))
            return
        fields = {field.name: getattr(said, field.name, "") for field in fields_of(CommandAccepted)}
        engine.enqueue(job_for(CommandAccepted(**fields), ""))

    def action(self, job: Job, number: int) -> Action:
        def act(stopped: Stopped) -> Json:
            self.write(f"{job.id} {number} begin")
            if self.mode == "deadly":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.mode == "deaf":
                time.sleep(600)
            if self.mode == "subprocess":
                self.watch(job, stopped)
            self.wait(f"step {number}", stopped)
            if self.mode == "failing" and number == self.steps:
                raise ValueError("the step says no")
            self.write(f"{job.id} {number} end")
            return number

        return act

    def watch(self, job: Job, stopped: Stopped) -> None:
        with subprocess.Popen(["sleep", "600"], start_new_session=True) as sleeping:
            self.write(f"{job.id} pid {sleeping.pid}")
            while not stopped():
                time.sleep(0.05)
            os.killpg(sleeping.pid, signal.SIGKILL)
        self.write(f"{job.id} killed")
        raise JobStopped

    def wait(self, place: str, stopped: Stopped) -> None:
        """Wait while the file that holds says this place."""
        while self.hold.exists() and self.hold.read_text() == place:
            if stopped():
                raise JobStopped(place)
            time.sleep(0.02)

    def give_up(self, job: Job, why: str) -> None:
        self.write(f"{job.id} given up: {why}")

    def write(self, line: str) -> None:
        with self.ledger.open("a") as stream:
            stream.write(line + "\n")
            stream.flush()
            os.fsync(stream.fileno())


def main() -> int:
    """Start as ``perfbot worker`` does, with this work handed in."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    arguments = ArgumentParser()
    arguments.add_argument("ledger", type=Path)
    arguments.add_argument("--steps", type=int, default=3)
    arguments.add_argument("--mode", default="plain")
    WorkerOptions.declare(arguments)
    chosen = arguments.parse_args()
    try:
        work = Ledger(chosen.ledger, chosen.steps, chosen.mode)
        return worker.run(WorkerOptions.read(chosen), work)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except RunError as error:
        print(error, file=sys.stderr)
        return error.code


if __name__ == "__main__":
    sys.exit(main())
