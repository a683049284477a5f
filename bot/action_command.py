"""A comment that starts a workflow: may its author command, and what is asked?

Nothing of the repository runs here. The answer is the step's outputs, from which the workflow's next job,
which has no rights to write, takes what to measure.
"""

from dataclasses import dataclass

from perfbot.bot import commands, comment
from perfbot.bot.action_event import CommentEvent
from perfbot.bot.commands import Mistyped, Optimize, Verify, Wrong
from perfbot.bot.forge import Forge, PullRequest, Reaction, State, marker
from perfbot.bot.markdown import code

NO_COMMAND = "No command of perfbot stands in the comment."
NOT_HEARD = (
    "The comment is not heard: only new ones by people, in open pull requests, are commands."
)
NOT_ALLOWED = "{login} may not write to this repository at present, so nothing runs."
NEEDS_APP = (
    "Without the GitHub App perfbot takes only {optimize} and {verify} here, each in a comment on a pull "
    "request."
)
ACCEPTED = "{asked} by {login}, on {head}."


@dataclass(frozen=True, slots=True)
class Answer:
    """What the workflow's next job is to do; ``mode`` is empty where that is nothing."""

    told: str
    mode: str = ""
    base: str = ""
    head: str = ""
    functions: tuple[str, ...] = ()
    time_s: float | None = None

    @property
    def outputs(self) -> dict[str, str]:
        """The step's outputs, each of which fits the input of the same name."""
        return {
            "command": self.mode,
            "base": self.base,
            "head": self.head,
            "functions": "\n".join(self.functions),
            "time-budget": f"{self.time_s:.0f}s" if self.time_s is not None else "",
        }


def answer(forge: Forge, event: CommentEvent) -> Answer:
    """Read a comment, ask GitHub what its author may do now, and pin the commit that is meant.

    A denial and a mistake are answered once. Raises ForgeError when GitHub says no.
    """
    request = commands.read(event.text)
    if request is None:
        return Answer(NO_COMMAND)
    if not (event.new and event.person and event.on_pull_request):
        return Answer(NOT_HEARD)
    pull = forge.pull_request(event.number)
    if pull.state is not State.OPEN:
        return Answer(NOT_HEARD)
    if not forge.permission(event.author).writes:
        _say(forge, event, f"denied:{event.author.lower()}", comment.denied(event.author))
        return Answer(NOT_ALLOWED.format(login=code(event.author)))
    return _understood(forge, event, pull, request.asked)


def _understood(
    forge: Forge, event: CommentEvent, pull: PullRequest, asked: commands.Answerable
) -> Answer:
    match asked:
        case Optimize():
            mode, time_s = "review", asked.time_s
            functions = (str(asked.function),) if asked.function else ()
        case Verify():
            mode, time_s, functions = "verify", None, ()
        case Mistyped() | Wrong():
            return _refuse(forge, event, comment.misunderstood(asked))
        case _:
            usages = {"optimize": code("/optimize"), "verify": code("/perfbot verify")}
            return _refuse(forge, event, NEEDS_APP.format(**usages))
    forge.react(event.number, event.comment, Reaction.EYES)
    told = ACCEPTED.format(asked=code(mode), login=code(event.author), head=pull.head.commit)
    return Answer(told, mode, pull.base.commit, pull.head.commit, functions, time_s)


def _refuse(forge: Forge, event: CommentEvent, said: str) -> Answer:
    _say(forge, event, f"answer={event.comment}", said)
    return Answer(said)


def _say(forge: Forge, event: CommentEvent, key: str, text: str) -> None:
    forge.say(event.number, marker(f"action:{key}"), text)
