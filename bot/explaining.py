"""``explain``: gate by gate, why it was decided so, of the last run about this issue or pull request."""

from perfbot.bot import comment
from perfbot.bot.conversation import Conversation
from perfbot.bot.deliveries import Json
from perfbot.bot.evidence import commit
from perfbot.bot.markdown import Section, code, fitted
from perfbot.bot.memory import Request
from perfbot.bot.report import Report, ReportFileError, from_document

NOTHING_KNOWN = (
    "Nothing that was decided here is remembered, so there is nothing to explain. The report of a run "
    "is kept from its end on."
)
ABOUT = "{asked} on {head}:"
NOTHING_JUDGED = "Nothing came as far as the judge."


def explain(talk: Conversation) -> None:
    """Answer with every gate of every result of the last run here."""
    talk.reply(str(talk.step("look", lambda: _explained(talk))))


def _explained(talk: Conversation) -> Json:
    said = talk.said
    for one in talk.tools.memory.requests(said.repository.id, said.number):
        if report := reported(one):
            return _text(one, report)
    return NOTHING_KNOWN + "\n"


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
