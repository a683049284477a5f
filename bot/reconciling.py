"""What was lost while perfbot was away, caught up: deliveries that failed, and commands without an answer.

GitHub never sends a delivery again by itself (docs.github.com/en/webhooks, "Handling failed webhook
deliveries"), but its log says which did not arrive, and it sends them again when it is asked. What the
log no longer holds is seen in the comments themselves: a command that perfbot has not greeted becomes
the same job that its delivery would have been, so nothing is done twice.
"""

import logging
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from perfbot.bot.commands import Mistyped, read
from perfbot.bot.database import DatabaseError
from perfbot.bot.deliveries import EVENTS
from perfbot.bot.forge import Comment, Forge, ForgeError, Reaction
from perfbot.bot.github_app import Delivery
from perfbot.bot.hearing import OLDEST
from perfbot.bot.hub import Hub, Place
from perfbot.bot.inbox import Inbox
from perfbot.bot.jobs import JobEngine
from perfbot.bot.memory import Memory
from perfbot.bot.sweeper import job_for
from perfbot.bot.triggers import CommentCreated

MOST_TRIES = 3
"""How often GitHub tries a delivery in all; what failed as often is left to the look at comments."""
_DELIVERIES_EVERY_S = 300.0
_COMMENTS_EVERY_S = 3600.0
_TICK_S = 2.0
_MOST_AT_ONCE = 50  # deliveries that are asked for in one round
_MOST_COMMANDS = 20  # of one repository in one round
_OVERLAP = timedelta(minutes=10)
_UNDER_WAY = timedelta(minutes=1)  # so long a delivery may be on its way
_UNEDITED = timedelta(seconds=2)
_PULL_REQUEST = re.compile(r"/pull/\d+$")

_log = logging.getLogger("perfbot.reconciling")


class Reconciler:
    """A chore of a worker; each ``tick`` does a little.

    ``clock`` tells the time in seconds from 1970.
    """

    def __init__(
        self,
        hub: Hub,
        memory: Memory,
        inbox: Inbox,
        engine: JobEngine,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._hub = hub
        self._memory = memory
        self._inbox = inbox
        self._engine = engine
        self._clock = clock
        self._wait_until_s = 0.0
        self._deliveries_at_s = 0.0
        self._looked_at: dict[int, datetime] = {}

    def run(self, stopped: Callable[[], bool]) -> None:
        """Tick until told to stop; what fails is logged and tried again."""
        while not stopped():
            try:
                self.tick()
            except DatabaseError as error:
                _log.error("%s", error)
            except Exception:
                _log.exception("catching up failed; trying again")
            time.sleep(_TICK_S)

    def tick(self) -> None:
        """Ask about failed deliveries, or look at the comments of one repository, if that is due.

        Raises:
            DatabaseError: the database cannot be reached.
        """
        now_s = self._clock()
        if now_s < self._wait_until_s:
            return
        try:
            if now_s >= self._deliveries_at_s:
                self._deliveries_at_s = now_s + _DELIVERIES_EVERY_S
                self._ask_again(datetime.fromtimestamp(now_s, UTC))
            else:
                self._look(datetime.fromtimestamp(now_s, UTC))
        except ForgeError as error:
            _log.warning("%s", error)
            self._wait_until_s = now_s + (error.wait_s or _DELIVERIES_EVERY_S)

    def _ask_again(self, now: datetime) -> None:
        lost = [one for one in self._hub.app.undelivered(now - OLDEST) if self._wanted(one, now)]
        for one in lost[:_MOST_AT_ONCE]:
            self._hub.app.deliver_again(one)
            _log.info("asked for again", extra={"delivery": one.guid, "event": one.event})

    def _wanted(self, one: Delivery, now: datetime) -> bool:
        """Tell whether to ask for a delivery: GitHub's log says how often it was tried."""
        late = now - one.delivered_at > _UNDER_WAY
        wanted = one.event in EVENTS and one.tries < MOST_TRIES and late
        return wanted and self._inbox.state(one.guid) is None

    def _look(self, now: datetime) -> None:
        """Look at the next repository in which perfbot has not looked for an hour."""
        for place in self._memory.installed():
            last = self._looked_at.get(place.repository.id, now - OLDEST)
            fresh = place.repository.id not in self._looked_at
            if fresh or (now - last).total_seconds() >= _COMMENTS_EVERY_S:
                self._catch_up(place, last, now)
                return

    def _catch_up(self, place: Place, last: datetime, now: datetime) -> None:
        """Let commands since the last look that nobody answered become jobs."""
        since = max(last - _OVERLAP, now - OLDEST)
        with self._hub.talking(place) as forge:
            unheard = [
                asked
                for said in forge.comments_since(since)
                if said.created_at >= since and (asked := self._unheard(forge, place, said))
            ]
        for asked in unheard[:_MOST_COMMANDS]:
            job = job_for(asked, "")
            self._engine.enqueue(job)
            _log.info("a command was caught up", extra={"job": job.id})
        if len(unheard) <= _MOST_COMMANDS:
            self._looked_at[place.repository.id] = now

    def _unheard(self, forge: Forge, place: Place, said: Comment) -> CommentCreated | None:
        """Return a person's command that no job knows and perfbot has not greeted."""
        if not said.author.person or said.updated_at - said.created_at > _UNEDITED:
            return None
        request = read(said.body)
        if request is None or isinstance(request.asked, Mistyped):
            return None
        asked = _asked(place, said)
        if self._engine.status(job_for(asked, "").id) is not None:
            return None
        greetings = (Reaction.EYES.value, self._hub.login)
        reacted = forge.reactions(said.number, said.id)
        known = any((one.reaction, one.account.login) == greetings for one in reacted)
        return None if known else asked


def _asked(place: Place, said: Comment) -> CommentCreated:
    """Return what the comment's delivery would have told."""
    return CommentCreated(
        installation_id=place.installation_id,
        repository=place.repository,
        number=said.number,
        on_pull_request=bool(_PULL_REQUEST.search(urlsplit(said.url).path)),
        comment_id=said.id,
        author_id=said.author.id,
        author=said.author.login,
        text=said.body,
        created_at=said.created_at.isoformat(),
    )
