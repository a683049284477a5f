"""Structured logs: one JSON object a line on standard error, made for machines to read.

Ids, names of events, numbers and our own sentences only: text from a payload or a repository never
stands in a line.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType

from perfbot.bot.foreign_text import in_json

_OURS = ("delivery", "job", "event", "step", "status", "outcome", "worker", "duration_s", "count")


_Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class JsonLines(logging.Formatter):
    """Formats a record as one line; fields are those that perfbot gives by ``extra=``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: vars(record)[name] for name in _OURS if name in vars(record)}
        if record.exc_info:
            line["traceback"] = _without_message(record.exc_info)
        return in_json(json.dumps(line, ensure_ascii=True, default=str))


def _without_message(raised: _Raised) -> str:
    """Return where it was raised and its type: an exception's message may quote what somebody sent."""
    kind, _error, frames = raised
    return "".join(traceback.format_tb(frames)) + (kind.__name__ if kind else "")


def to_standard_error() -> None:
    """Send everything that is logged in this process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for quiet in ("webhook", "waitress.queue", "werkzeug"):
        logging.getLogger(quiet).setLevel(logging.ERROR)
