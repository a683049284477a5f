"""The one comment that a job keeps up to date, on GitHub.

Progress is a courtesy: it is told by a thread of its own, so that nothing which has to end waits for
GitHub, at most once a minute within a stage, and where that fails it is left out. The last word of a
job is a step of its own.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from perfbot.bot import comment
from perfbot.bot.comment import Stage, State, Working
from perfbot.bot.forge import ForgeError, marker
from perfbot.bot.hub import Hub, Place
from perfbot.bot.jobs import Stopped
from perfbot.bot.memory import Memory
from perfbot.bot.runs import Tick

_EVERY_S = 60.0
_LOOK_S = 0.2

_log = logging.getLogger("perfbot.sticky")


@dataclass(slots=True)
class _Heard:
    """What was told last, and whether all is over."""

    text: str = ""
    over: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Sticky:
    """The comment of one job under an issue or pull request; ``began_s`` counts from 1970."""

    hub: Hub
    memory: Memory
    place: Place
    number: int
    job: comment.Job
    began_s: float

    @property
    def elapsed_s(self) -> float:
        """How long ago the job began."""
        return max(0.0, time.time() - self.began_s)

    def show(self, state: State) -> None:
        """Write the comment, or bring it up to date; raises ForgeError."""
        with self.hub.talking(self.place) as forge:
            text = comment.sticky(self.job, state)
            forge.say(self.number, marker(f"job={self.job.key}"), text)

    @contextmanager
    def telling(self, stage: Stage, stopped: Stopped) -> Iterator[Tick]:
        """Tell that a stage begins, and until its end what it is at."""
        self.memory.reach(self.job.key, stage.name)
        heard = _Heard()
        teller = threading.Thread(
            target=self._tell, args=(stage, heard, stopped), name="sticky", daemon=True
        )
        teller.start()

        def tick(text: str) -> None:
            heard.text = text

        try:
            yield tick
        finally:
            heard.over.set()
            teller.join()

    def _tell(self, stage: Stage, heard: _Heard, stopped: Stopped) -> None:
        said, again_s = None, 0.0
        while not stopped():
            if heard.text != said and time.monotonic() >= again_s:
                said, again_s = heard.text, time.monotonic() + _EVERY_S
                try:
                    self.show(Working(stage, self.elapsed_s, said))
                except ForgeError as error:
                    _log.warning("%s", error, extra={"job": self.job.key})
            if heard.over.wait(_LOOK_S):
                return
