"""A command that takes time, as the job that it became: who carries it out, and who says that it failed."""

from perfbot.bot import optimizing, rebasing, verifying
from perfbot.bot.accepting import heard
from perfbot.bot.commands import Optimize, Rebase, Verify
from perfbot.bot.comment import Failure
from perfbot.bot.hub import Place
from perfbot.bot.jobs import Job, JobEngine, was_poisoned
from perfbot.bot.triggers import CommandAccepted, Trigger
from perfbot.bot.work import Handler, Tools


def run(job: Job, asked: Trigger, tools: Tools, engine: JobEngine) -> None:
    """Carry the command out."""
    assert isinstance(asked, CommandAccepted)
    command, told = heard(asked)
    place, number = _place(asked), asked.number
    match command:
        case Optimize():
            optimizing.start(job, engine, tools, place, number, command, told)
        case Verify():
            verifying.start(job, engine, tools, place, number, told)
        case Rebase():
            rebasing.start(job, engine, tools, place, number, told)


def give_up(job: Job, asked: Trigger, why: str, tools: Tools) -> None:
    """Say under the command that it came to no result."""
    assert isinstance(asked, CommandAccepted)
    failure = Failure.POISON if was_poisoned(why) else Failure.INTERNAL
    optimizing.give_up(job, tools, _place(asked), asked.number, heard(asked)[1], failure)


ACCEPTED = Handler(run, give_up)


def _place(asked: CommandAccepted) -> Place:
    return Place(asked.installation_id, asked.repository)
