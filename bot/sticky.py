"""The one comment that a job keeps up to date, on GitHub.

Progress is a courtesy: it is told by a thread of its own, so that nothing which has to end waits for
GitHub, at most once a minute within a stage, and where that fails it is left out. The last word of a
job is a step of its own.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from perfbot.bot import comment
from perfbot.bot.comment import Stage, State, Working
from perfbot.bot.database import DatabaseError
from perfbot.bot.forge import ForgeError, marker
from perfbot.bot.hub import Hub, Place
from perfbot.bot.jobs import Stopped
from perfbot.bot.memory import Memory
from perfbot.bot.runs import Tick

_EVERY_S = 60.0
_LOOK_S = 0.2
_NOTHING: Mapping[str, Stage] = {}

_log = logging.getLogger("perfbot.sticky")


@dataclass(slots=True)
class _Heard:
    """What was told last, and whether all is over."""

    stage: Stage
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
    def telling(
        self, stage: Stage, stopped: Stopped, later: Mapping[str, Stage] = _NOTHING
    ) -> Iterator[Tick]:
        """Tell that a stage begins, and until its end what it is at.

        ``later`` says by the words of a tick which stage begins with it.
        """
        heard = _Heard(stage)
        teller = threading.Thread(
            target=self._tell, args=(heard, stopped), name="sticky", daemon=True
        )
        teller.start()

        def tick(text: str) -> None:
            heard.text, heard.stage = text, later.get(text, heard.stage)

        try:
            yield tick
        finally:
            heard.over.set()
            teller.join()

    def _tell(self, heard: _Heard, stopped: Stopped) -> None:
        stage, said, again_s = None, "", 0.0
        while not stopped():
            late = time.monotonic() >= again_s
            if heard.stage is not stage or (late and heard.text != said):
                stage, said, again_s = heard.stage, heard.text, time.monotonic() + _EVERY_S
                self._try_to_show(Working(stage, self.elapsed_s, said))
            if heard.over.wait(_LOOK_S):
                return

    def _try_to_show(self, state: Working) -> None:
        try:
            self.memory.reach(self.job.key, state.stage.name)
            self.show(state)
        except (ForgeError, DatabaseError) as error:
            _log.warning("%s", error, extra={"job": self.job.key})
