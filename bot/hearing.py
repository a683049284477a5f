"""What perfbot does with a person's comment: may they, do they still say so, and what is it about?

Everything here is quick and answers at once. A command that takes time becomes a job of its own in
the repository's lane (``accepting``), about the commit that stood when the comment was heard. Text of
the comment is read by ``commands`` and nothing else is done with it.
"""

from datetime import UTC, datetime, timedelta

from perfbot.bot import accepting, answers, comment, explaining, ignoring
from perfbot.bot.accepting import Subject
from perfbot.bot.commands import (
    Explain,
    Help,
    Ignore,
    Mistyped,
    Request,
    Retry,
    Status,
    Stop,
    Wrong,
    read,
)
from perfbot.bot.conversation import Conversation
from perfbot.bot.deliveries import Json
from perfbot.bot.forge import Comment, Forge, Reaction, State, marker
from perfbot.bot.hub import Hub, Place
from perfbot.bot.jobs import Job, JobEngine
from perfbot.bot.triggers import CommentCreated, Trigger
from perfbot.bot.work import Handler, Tools

OLDEST = timedelta(days=3)
"""Older comments are not acted on; GitHub itself can deliver again for as long."""
NOT_HEARD = (
    "perfbot could not hear this command, because of a fault of its own or of GitHub's. Nothing was "
    "changed; the same command in a new comment tries again."
)


def run(job: Job, asked: Trigger, tools: Tools, engine: JobEngine) -> None:
    """Hear a comment: nothing, a denial, an answer, or a job."""
    assert isinstance(asked, CommentCreated)
    request = read(asked.text)
    if request is None:
        return
    talk = Conversation(job, asked, tools, engine, request.passed_over)
    match talk.step("hear", lambda: _heard(asked, tools.hub)):
        case {"head": str(head), "open": bool(still_open), "own": bool(own), "moved": bool(moved)}:
            talk.step("greet", lambda: _greet(asked, tools.hub))
            _carry_out(talk, request, Subject(head, still_open, own, moved))
        case {} if not isinstance(request.asked, Mistyped):
            talk.step("deny", lambda: _deny(asked, tools.hub))
        case _:  # not heard, or a word of somebody else's bot
            return


def give_up(job: Job, asked: Trigger, why: str, tools: Tools) -> None:
    """Tell a person who may command that perfbot failed to hear; nobody else is answered."""
    assert isinstance(asked, CommentCreated)
    request = read(asked.text)
    if request is None or isinstance(request.asked, Mistyped):
        return
    with tools.hub.talking(_place(asked)) as forge:
        if forge.permission(asked.author).writes:
            forge.say(asked.number, marker(f"job={job.id}"), NOT_HEARD)


HEARING = Handler(run, give_up)


def _carry_out(talk: Conversation, request: Request, subject: Subject) -> None:
    match request.asked:
        case Mistyped() | Wrong() as error:
            talk.reply(comment.misunderstood(error))
        case Help():
            talk.reply(comment.help_text())
        case Status():
            answers.status(talk)
        case Stop():
            answers.stop(talk)
        case Explain():
            explaining.explain(talk)
        case Ignore(scope):
            ignoring.ignore(talk, scope, subject)
        case Retry():
            accepting.retry(talk, subject)
        case command:
            accepting.accept(talk, command, subject)


def _place(asked: CommentCreated) -> Place:
    return Place(asked.installation_id, asked.repository)


def _heard(asked: CommentCreated, hub: Hub) -> Json:
    """Return what the comment is about, nothing of it where its author may not command.

    Null is for what is not heard at all.
    """
    with hub.talking(_place(asked)) as forge:
        said = forge.comment(asked.number, asked.comment_id)
        if said is None or not _stands(said, asked) or _greeted(forge, said, hub.login):
            return None
        if not forge.permission(said.author.login).writes:
            return {}
        return _subject(forge, said, asked.on_pull_request, hub.login)


def _stands(said: Comment, asked: CommentCreated) -> bool:
    """Tell whether it is still the same words of the same person, and not too old."""
    same = said.body == asked.text and said.author.id == asked.author_id
    return same and said.author.person and datetime.now(UTC) - said.created_at < OLDEST


def _greeted(forge: Forge, said: Comment, login: str) -> bool:
    """Tell whether perfbot has heard this comment before, in a life that it remembers nothing of."""
    reactions = forge.reactions(said.number, said.id)
    return any((one.account.login, one.reaction) == (login, Reaction.EYES) for one in reactions)


def _subject(forge: Forge, said: Comment, on_pull_request: bool, login: str) -> dict[str, Json]:
    if not on_pull_request:
        head = forge.branch(forge.repository().default_branch)
        return {"head": head or "", "open": True, "own": False, "moved": False}
    pull = forge.pull_request(said.number)
    pushed_at = pull.head.pushed_at
    return {
        "head": pull.head.commit,
        "open": pull.state is State.OPEN,
        "own": pull.author.login == login,
        "moved": pull.from_fork and pushed_at is not None and pushed_at > said.created_at,
    }


def _deny(asked: CommentCreated, hub: Hub) -> Json:
    with hub.talking(_place(asked)) as forge:
        mark = marker(f"denied={asked.author_id}")
        forge.say(asked.number, mark, comment.denied(asked.author))
    return None


def _greet(asked: CommentCreated, hub: Hub) -> Json:
    with hub.talking(_place(asked)) as forge:
        forge.react(asked.number, asked.comment_id, Reaction.EYES)
    return None
