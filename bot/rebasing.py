"""``/perfbot rebase``: a pull request of perfbot's applied, proven and measured again, as a person asked."""

from perfbot.bot import tending
from perfbot.bot.attempts import Ending, ended_by
from perfbot.bot.commanded import Commanded, begun
from perfbot.bot.comment import Renewed, State
from perfbot.bot.deliveries import Json
from perfbot.bot.forge import ForgeError
from perfbot.bot.heard import Heard
from perfbot.bot.hub import Place
from perfbot.bot.jobs import Job, JobEngine
from perfbot.bot.tending import Renewal
from perfbot.bot.work import Tools

SENTENCES = {
    Renewal.RENEWED: "It stands on the present base now, proven and measured again; the text above is new.",
    Renewal.CURRENT: "It stands on the present base already.",
    Renewal.WITHDRAWN: "It does not hold on the present base any more, so it was closed.",
    Renewal.UNCLEAR: (
        "What was measured this time says neither yes nor no, so everything was left as it was."
    ),
    Renewal.THEIRS: "People have committed to its branch, so perfbot leaves it to them.",
    Renewal.NOT_OURS: "This is no open pull request of perfbot's.",
}


def start(
    job: Job, engine: JobEngine, tools: Tools, place: Place, number: int, heard: Heard
) -> None:
    """Work on an accepted command, to its last word in the comment under ``number``."""
    at_work = begun(job, engine, tools, place, number, heard, judging=True)
    at_work.work(lambda: _rebased(at_work))


def _rebased(at_work: Commanded) -> tuple[State, Json]:
    place, number = at_work.place, at_work.sticky.number
    try:
        renewal = tending.rebase(at_work.job, at_work.engine, at_work.tools, place, number)
    except ForgeError as error:
        ending = ended_by(error)
        raise Ending(ending.failure, ending.detail) from None
    return Renewed(SENTENCES[renewal]), {"renewal": renewal}
