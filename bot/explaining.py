"""``explain``: gate by gate, why it was decided so, of the last run about this issue or pull request."""

from perfbot.bot import comment
from perfbot.bot.conversation import Conversation
from perfbot.bot.deliveries import Json
from perfbot.bot.evidence import commit
from perfbot.bot.markdown import Section, code, fitted
from perfbot.bot.memory import Request
from perfbot.bot.own_pulls import own_pull
from perfbot.bot.report import Report, ReportFileError, from_document

NOTHING_KNOWN = (
    "Nothing that was decided here is remembered, so there is nothing to explain. The report of a run "
    "is kept from its end on."
)
ABOUT = "{asked} on {head}:"
CLAIMED = (
    "This was proven on {base} before it was opened; the description above has the table, the tests and "
    "what was tried in vain. <code>/perfbot verify</code> judges it again and shows every gate."
)
AT_LEAST = "at least {low:.2f}× as fast"
LESS_MEMORY = "less memory"
NOTHING_JUDGED = "Nothing came as far as the judge."


def explain(talk: Conversation) -> None:
    """Answer with every gate of every result of the last run here."""
    talk.reply(str(talk.step("look", lambda: _explained(talk))))


def _explained(talk: Conversation) -> Json:
    said = talk.said
    for one in talk.tools.memory.requests(said.repository.id, said.number):
        if report := reported(one):
            return _text(one, report)
    return (_claimed(talk) or NOTHING_KNOWN) + "\n"


def _claimed(talk: Conversation) -> str:
    """Return what a pull request of perfbot's claims, whose gates were gone through before it was opened."""
    if not talk.said.on_pull_request:
        return ""
    with talk.tools.hub.talking(talk.place) as forge:
        own = own_pull(forge.pull_request(talk.said.number), talk.tools.hub.login)
    if own is None:
        return ""
    rows = (f"- {code(one.function, 300)}: {_proven(one.low)}" for one in own.state.claims)
    return "\n".join([CLAIMED.format(base=commit(own.state.base)), "", *rows])


def _proven(low: float) -> str:
    return AT_LEAST.format(low=low) if low > 1 else LESS_MEMORY


def reported(request: Request) -> Report | None:
    """Return the report that a request ended with, None where it has none that can be read."""
    if not isinstance(request.result, dict) or "report" not in request.result:
        return None
    try:
        return from_document(request.result["report"])
    except ReportFileError:
        return None


def _text(request: Request, report: Report) -> str:
    about = ABOUT.format(asked=code(request.asked, 300), head=commit(request.head))
    judged = comment.explanation(report) if report.results else NOTHING_JUDGED
    rest = comment.looked_at_besides(report)
    return fitted(
        [Section("", about), Section("the gates", judged, 1), Section("the rest", rest, 2)]
    )
