"""Commands that take time: looked at, written down, and put into the repository's lane as jobs."""

import time
from dataclasses import dataclass, replace

from perfbot.bot import commands, comment, tending
from perfbot.bot.commands import Command, Optimize, Rebase, Verify, Wrong, read, spelled
from perfbot.bot.comment import Waiting
from perfbot.bot.conversation import Conversation, mark
from perfbot.bot.deliveries import Json
from perfbot.bot.forge import CommitSha
from perfbot.bot.heard import Heard
from perfbot.bot.markdown import code
from perfbot.bot.memory import Request
from perfbot.bot.own_pulls import own_pull
from perfbot.bot.sweeper import job_for
from perfbot.bot.triggers import CommandAccepted, Priority

NAME_IT = (
    "there is no change to look at under an issue, so it needs a function, such as "
    "`/optimize src/shop/cart.py::Cart.total`"
)
NO_CHANGE = "there is no change to judge under an issue; give it under a pull request"
NOT_OWN = "only perfbot's own pull requests are applied again, and this is none"
CLOSED = "this pull request is not open any more"
MOVED = (
    "its fork was pushed to after this comment, and only what a person who may has seen is run; look at "
    "the new commits and give the command again"
)
NO_COMMIT = "the repository has no code yet"
NOTHING_TO_RETRY = "Nothing was asked of perfbot here yet, so there is nothing to try again."
RECONSIDERED = (
    "What this pull request is about is not left alone any more: perfbot may propose it again with its "
    "next scan."
)
UNDER_WAY = "{asked} has not ended yet; its own comment says how far it is."


@dataclass(frozen=True, slots=True)
class Subject:
    """What a command is about.

    ``head`` is the commit that may be run, "" where there is none; ``own`` says that it is a pull
    request of perfbot's, ``moved`` that the fork it comes from was pushed to after the comment: then
    nobody who may has seen what stands there.
    """

    head: str
    still_open: bool
    own: bool
    moved: bool = False


def accept(talk: Conversation, command: Command, subject: Subject, text: str = "") -> None:
    """Let a command become a job, unless it makes no sense here; ``text`` is it where not as said."""
    if trouble := _trouble(talk.said.on_pull_request, command, subject):
        talk.reply(comment.misunderstood(Wrong(spelled(command), trouble)))
        return
    asked = _asked(talk, text or talk.said.text, subject)
    if not talk.step("accept", lambda: _accepted(talk, command, asked)):
        return
    talk.engine.enqueue(job_for(asked, ""))


def retry(talk: Conversation, subject: Subject) -> None:
    """Let the last command that was given here become a job once more, on the present commit."""
    if subject.own and not subject.still_open:
        _reconsider(talk)
        return
    last = talk.step("look for the last command", lambda: _last(talk, subject))
    match last:
        case {"asked": str(text), "live": False} if request := read(text):
            if not isinstance(request.asked, commands.Mistyped | Wrong):
                accept(talk, request.asked, subject, text)
        case {"asked": str(text)}:
            talk.reply(UNDER_WAY.format(asked=code(text)) + "\n")
        case _:
            talk.reply(NOTHING_TO_RETRY + "\n")


def _reconsider(talk: Conversation) -> None:
    """Take back that the functions of a closed pull request of perfbot's are left alone."""

    def look_again() -> Json:
        with talk.tools.hub.talking(talk.place) as forge:
            own = own_pull(forge.pull_request(talk.said.number), talk.tools.hub.login)
        for function in own.functions if own else ():
            tending.look_again(talk.tools, talk.place, function)
        return None

    talk.step("look again", look_again)
    talk.reply(RECONSIDERED + "\n")


def heard(asked: CommandAccepted) -> tuple[Command, Heard]:
    """Return what an accepted command is, in full."""
    request = read(asked.text)
    assert request
    assert not isinstance(request.asked, commands.Mistyped | Wrong)
    head = CommitSha(asked.head)
    told = Heard(
        asked.author, spelled(request.asked), head, asked.on_pull_request, request.passed_over
    )
    return request.asked, told


def _trouble(on_pull_request: bool, command: Command, subject: Subject) -> str:
    """Return why a command makes no sense here, as the end of a sentence; empty where it does."""
    if not subject.still_open:
        return CLOSED
    if subject.moved:
        return MOVED
    if isinstance(command, Rebase):
        return "" if subject.own else NOT_OWN
    if on_pull_request:
        return ""
    if isinstance(command, Verify):
        return NO_CHANGE
    if isinstance(command, Optimize) and command.function is None:
        return NAME_IT
    return "" if subject.head else NO_COMMIT


def _asked(talk: Conversation, text: str, subject: Subject) -> CommandAccepted:
    said = talk.said
    return CommandAccepted(
        said.installation_id,
        said.repository,
        said.number,
        said.on_pull_request,
        said.comment_id,
        said.author,
        text,
        subject.head,
    )


def _accepted(talk: Conversation, command: Command, asked: CommandAccepted) -> Json:
    """Write it down and say that it waits; false where the very same is under way already."""
    job, repository = job_for(asked, ""), asked.repository.id
    request = Request(job.id, repository, asked.number, spelled(command), asked.head, time.time())
    unended = talk.live()
    same = replace(request, job="", began_s=0)
    live = {one.job.id for one in unended} - {job.id}
    for one in talk.tools.memory.unfinished(repository):
        if one.job in live and replace(one, job="", began_s=0, stage="") == same:
            return False
    talk.tools.memory.begin(request)
    ahead = sum(one.running or one.job.priority <= Priority.PERSON for one in unended)
    told = heard(asked)[1]
    shown = comment.Job(job.id, told.asked, told.head, told.passed_over)
    with talk.tools.hub.talking(talk.place) as forge:
        forge.say(asked.number, mark(job.id), comment.sticky(shown, Waiting(ahead)))
    return True


def _last(talk: Conversation, subject: Subject) -> Json:
    """Return the last command here and whether it still runs; a pull request of perfbot's is one."""
    said = talk.said
    for one in talk.tools.memory.requests(said.repository.id, said.number):
        live = {each.job.id for each in talk.live()}
        return {"asked": one.asked, "live": one.job in live}
    return {"asked": spelled(Rebase()), "live": False} if subject.own else None
