"""What people make of perfbot's proposals, noted for training: merged, edited before, closed, liked or not.

The repository is named as its runs are (``Checkout.known_as``); a proposal by its branch, or where it
has none by the job that made it (``proposals``). It is asked for once, when a pull request has ended.
"""

import logging
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from perfbot.bot.config import Operator
from perfbot.bot.deliveries import Json
from perfbot.bot.forge import CommitSha, Forge, ForgeError, PullRequest, Reaction, State
from perfbot.bot.hub import Place
from perfbot.bot.own_pulls import OwnPull, own_pull
from perfbot.bot.proposals import remember_proposed
from perfbot.bot.triggers import PullRequestChanged
from perfbot.bot.work import Tools
from perfbot.optimizer.outcomes import Event, Outcome
from perfbot.optimizer.recorded import TranscriptError
from perfbot.optimizer.redaction import Redaction
from perfbot.optimizer.transcript import Store
from perfbot.profiling.functions import FunctionName, find_function

_MEANING: Mapping[str, Event] = {
    Reaction.UP: Event.LIKED,
    Reaction.HEART: Event.LIKED,
    Reaction.HOORAY: Event.LIKED,
    Reaction.ROCKET: Event.LIKED,
    Reaction.DOWN: Event.DISLIKED,
    Reaction.CONFUSED: Event.DISLIKED,
}
_JOB = re.compile(r"<!-- perfbot:job=([^\s/]+)(/\d+)?(?:/\d+)? -->\s*\Z")
_LONGEST_EDITED = 100_000  # characters

_log = logging.getLogger("perfbot.outcomes")


def note(tools: Tools, asked: PullRequestChanged) -> Json:
    """Do ``tell`` for a pull request that has ended; what goes wrong is no reason to fail."""
    place = Place(asked.installation_id, asked.repository)
    try:
        with tools.hub.talking(place) as forge:
            pull = forge.pull_request(asked.number)
            tell(Operator.from_environment().state, forge, place, pull, tools.hub.login)
    except (ForgeError, TranscriptError) as error:
        _log.warning("%s", error)
    return None


def tell(state: Path, forge: Forge, place: Place, pull: PullRequest, login: str) -> None:
    """Note what became of an ended pull request of perfbot (``login``), or of its proposals in one.

    ``state`` is the folder of this machine's transcripts. Safe to repeat.

    Raises:
        ForgeError: GitHub does not say.
        TranscriptError: the transcripts cannot be used.
    """
    known_as, own = f"github:{place.repository.id}", own_pull(pull, login)
    if own:
        remember_proposed(state, known_as, _proposed(forge, own), pull.head.branch)
    store = Store.open(state, Redaction(frozenset()))
    try:
        known = store.outcomes(known_as)
        said = {(one.event, one.branch) for one in known}
        found = [*_fate(forge, known_as, own)] if own else []
        found = [one for one in found if (one.event, one.branch) not in said]
        branches = {one.branch for one in known if one.event is Event.PROPOSED}
        for one in (*found, *_opinions(forge, known_as, pull, own, branches)):
            store.add_outcome(one)
    finally:
        store.close()


def _proposed(forge: Forge, own: OwnPull) -> dict[str, tuple[bytes | None, bytes]]:
    """Return the files before and after perfbot's own commit, whatever people did on top of it."""
    base, head = CommitSha(own.state.base), own.state.head or own.pull.head.commit
    changes = {}
    for path in {file.path for file in forge.files(own.pull.number)}:
        after = forge.file(path, CommitSha(head))
        before = forge.file(path, base)
        if after is not None and after != before:
            changes[path] = (before, after)
    return changes


def _fate(forge: Forge, known_as: str, own: OwnPull) -> Iterator[Outcome]:
    branch, now_s = own.pull.head.branch, time.time()
    if own.pull.state is State.MERGED:
        if own.state.head and not own.untouched:
            edited = _edited(forge, own)[:_LONGEST_EDITED]
            yield Outcome(known_as, Event.EDITED, now_s, branch=branch, edited=edited)
        yield Outcome(known_as, Event.MERGED, now_s, branch=branch)
    elif own.pull.state is State.CLOSED and not own.state.withdrawn:
        yield Outcome(known_as, Event.CLOSED, now_s, branch=branch)


def _edited(forge: Forge, own: OwnPull) -> str:
    """Return the functions as people left them."""
    pieces = []
    for function in own.functions:
        name = FunctionName.parse(function)
        text = (forge.file(name.path, own.pull.head.commit) or b"").decode("utf-8", "replace")
        if span := find_function(text, name):
            pieces.append("\n".join(text.split("\n")[span.first_line - 1 : span.end_line]))
    return "\n\n".join(pieces)


def _opinions(
    forge: Forge, known_as: str, pull: PullRequest, own: OwnPull | None, proposed: set[str]
) -> Iterator[Outcome]:
    """Yield what people felt; of a comment on a whole job for all that it proposed."""
    for one in forge.opinions(pull.number):
        event = _MEANING.get(one.reaction)
        if event is None or not one.account.person:
            continue
        for branch in {pull.head.branch} if own else _about(one.said, proposed):
            who = one.account.login
            yield Outcome(known_as, event, time.time(), branch=branch, who=who)


def _about(said: str, proposed: set[str]) -> set[str]:
    found = _JOB.search(said)
    if found is None:
        return set()
    job, part = found.groups()
    return {
        one for one in proposed if one == f"{job}{part}" or (not part and one.startswith(f"{job}/"))
    }
