"""Steps of a job that a person waits for: what the world refuses becomes a sentence, not a traceback.

What passes by itself is waited for, within limits; what does not ends the job with a ``Failure``. Both
are the step's result, so that a job which goes on after a crash ends in the same way.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from perfbot.bot.comment import Failure
from perfbot.bot.deliveries import Json
from perfbot.bot.forge import ForgeError, Trouble
from perfbot.bot.jobs import Action, Job, JobEngine, JobState, JobStopped, Stopped
from perfbot.bot.marked_yaml import ConfigError
from perfbot.bot.runs import Ended, RunFailed
from perfbot.bot.workspace import Workspace

PATIENCE_S = 600.0
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 120.0
_POLL_S = 0.2
_LONGEST_DETAIL = 500

_OF_RUNS = {
    Ended.NO_SANDBOX: Failure.NO_SANDBOX,
    Ended.REPOSITORY: Failure.REPOSITORY,
    Ended.CONFIGURATION: Failure.CONFIGURATION,
    Ended.TIMED_OUT: Failure.TIMED_OUT,
    Ended.BUG: Failure.INTERNAL,
}
_OF_FORGES = {
    Trouble.LIMITED: Failure.LIMIT,
    Trouble.UNREACHABLE: Failure.LIMIT,
    Trouble.DENIED: Failure.DENIED,
    Trouble.MISSING: Failure.MISSING,
}

_log = logging.getLogger("perfbot.attempts")
Done = TypeVar("Done")


class Ending(Exception):  # noqa: N818 - it is how a job ends, not an error of ours
    """The job ends here without a result; ``detail`` is untrusted text."""

    def __init__(self, failure: Failure, detail: str = "") -> None:
        super().__init__(f"{failure} {detail}".strip())
        self.failure = failure
        self.detail = detail[:_LONGEST_DETAIL]


def attempt(engine: JobEngine, name: str, action: Action) -> Json:
    """Do a step of the running job, or return what it returned before a crash; raises Ending."""

    def act(stopped: Stopped) -> Json:
        try:
            return {"done": patiently(lambda: action(stopped), stopped)}
        except (Ending, RunFailed, ForgeError, ConfigError) as error:
            ending = ended_by(error)
            _log.warning("%s: %s", name, ending.failure.name)
            return {"failure": ending.failure.name, "detail": ending.detail}

    match engine.step(name, act):
        case {"failure": str(failure), "detail": str(detail)}:
            raise Ending(Failure[failure], detail)
        case {"done": done}:
            return done
    raise Ending(Failure.INTERNAL, name)


def patient_step(engine: JobEngine, name: str, action: Action) -> Json:
    """Do a step that nobody waits for; what passes by itself is waited for, the rest ends the job.

    Raises what ``action`` raises.
    """
    return engine.step(name, lambda stopped: patiently(lambda: action(stopped), stopped))


@contextmanager
def tidied(job: Job, engine: JobEngine, workspace: Workspace) -> Iterator[None]:
    """Remove what was laid out for a job when it ends, or when a person stopped it.

    A worker that ends in between leaves it, for the job goes on.
    """
    try:
        yield
    except JobStopped:
        if engine.status(job.id) is JobState.STOPPED:
            workspace.clear(job.id)
        raise
    workspace.clear(job.id)


def ended_by(error: Ending | RunFailed | ForgeError | ConfigError) -> Ending:
    """Return what an error means to the person who waits."""
    match error:
        case Ending():
            return error
        case RunFailed():
            return Ending(_OF_RUNS[error.ended], str(error))
        case ForgeError():
            return Ending(_OF_FORGES.get(error.trouble, Failure.INTERNAL), str(error))
        case ConfigError():
            return Ending(Failure.CONFIGURATION, str(error))


def patiently(act: Callable[[], Done], stopped: Stopped, patience_s: float = PATIENCE_S) -> Done:
    """Return what ``act`` returns, tried again for as long as what fails passes by itself.

    Raises:
        ForgeError: it did not pass in time, or will not.
        JobStopped: the job is to end.
    """
    ends_s, pause_s = time.monotonic() + patience_s, _FIRST_PAUSE_S
    while True:
        try:
            return act()
        except ForgeError as error:
            wait_s = max(error.wait_s or 0.0, pause_s)
            if not error.passes or time.monotonic() + wait_s > ends_s:
                raise
        _wait(wait_s, stopped)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _wait(for_s: float, stopped: Stopped) -> None:
    ends_s = time.monotonic() + for_s
    while time.monotonic() < ends_s:
        if stopped():
            raise JobStopped
        time.sleep(min(_POLL_S, for_s))
