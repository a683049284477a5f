"""``ignore``: a function or file is left alone from now on, because somebody who may say so said so.

Under a pull request of perfbot's "this" is what that changes, and the pull request goes; under any
other it is the function that the last command here named.
"""

from perfbot.bot import comment, pull_request
from perfbot.bot.accepting import Subject
from perfbot.bot.commands import Ignore, Optimize, Scope, Wrong, read, spelled
from perfbot.bot.conversation import Conversation
from perfbot.bot.deliveries import Json
from perfbot.bot.forge import own_branch
from perfbot.bot.markdown import code
from perfbot.bot.marker import Text

NO_FUNCTION = (
    'it is not clear what "this" is here: the command belongs under a pull request of perfbot\'s, or '
    "where a function was named to `/optimize`"
)
WHY = "{by} said so in #{number}"
LEFT_ALONE = "{what} {is_are} left alone from now on, as {by} asked.{closed}"
CLOSED = " So this pull request is closed and its branch deleted."


def ignore(talk: Conversation, scope: Scope, subject: Subject) -> None:
    """Remember what is to be left alone, and close the pull request that is about it."""
    found = talk.step("look", lambda: list(_meant(talk, scope, subject)))
    what = [str(one) for one in found] if isinstance(found, list) else []
    if not what:
        talk.reply(comment.misunderstood(Wrong(spelled(Ignore(scope)), NO_FUNCTION)))
        return
    talk.step("remember", lambda: _remember(talk, what))
    closing = subject.own and subject.still_open
    if closing:
        talk.step("close", lambda: _close(talk))
    talk.reply(_told(talk, what, closing))


def _meant(talk: Conversation, scope: Scope, subject: Subject) -> tuple[str, ...]:
    functions = _own(talk) if subject.own else _named(talk)
    if scope is Scope.FUNCTION:
        return functions
    return tuple(dict.fromkeys(each.rpartition("::")[0] for each in functions))


def _own(talk: Conversation) -> tuple[str, ...]:
    with talk.tools.hub.talking(talk.place) as forge:
        pull = forge.pull_request(talk.said.number)
    state = pull_request.state(Text(pull.body, pull.author.id), pull.author.id)
    return tuple(each.function for each in state.claims) if state else ()


def _named(talk: Conversation) -> tuple[str, ...]:
    """Return the function of the last command here that named one."""
    said = talk.said
    for one in talk.tools.memory.requests(said.repository.id, said.number):
        request = read(one.asked)
        if request and isinstance(request.asked, Optimize) and request.asked.function:
            return (str(request.asked.function),)
    return ()


def _remember(talk: Conversation, what: list[str]) -> Json:
    why = WHY.format(by=talk.said.author, number=talk.said.number)
    for one in what:
        talk.tools.memory.ignore(talk.said.repository.id, one, why)
    return None


def _close(talk: Conversation) -> Json:
    with talk.tools.hub.publishing(talk.place) as forge:
        pull = forge.close_pull_request(talk.said.number)
        forge.delete_branch(own_branch(pull.head.branch))
    return None


def _told(talk: Conversation, what: list[str], closing: bool) -> str:
    return (
        LEFT_ALONE.format(
            what=", ".join(code(one, 300) for one in what),
            is_are="is" if len(what) == 1 else "are",
            by=code(talk.said.author),
            closed=CLOSED if closing else "",
        )
        + "\n"
    )
