"""The syntax stage: from a model's reply to a version of the file, exactly or with a reason.

A reply may be in control tokens or JSON, its code a whole function or a diff: what it is shows in
the reply itself, so that one reader serves every style. Each repair on the way is a sentence.
"""

from dataclasses import dataclass

from perfbot.optimizer import diff_answer, protocol, splice, structured
from perfbot.optimizer.protocol import Advice, Reading
from perfbot.optimizer.repair import HALF, SpliceError
from perfbot.optimizer.scene import SceneError
from perfbot.profiling.functions import FunctionName, find_function

NO_SUCH_FUNCTION = "there is no function {name}"


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the file, the strategies that the reply names for it, and the repairs made."""

    text: str
    advice: tuple[Advice, ...]
    repairs: tuple[str, ...]


def version(
    text: str,
    function: FunctionName,
    reply: str,
    *,
    group: frozenset[str] = frozenset(),
    cut: bool = False,
) -> Version:
    """Return the file ``text`` with the function as a reply has it.

    ``group`` are the qualified names of functions of the file that may change as well. ``cut`` says
    that the reply reached its limit (``Finish.LENGTH``).

    Raises:
        ReplyError: the reply cannot be read.
        SpliceError: its code is no version of the function.
        SceneError: the file has no such function.
    """
    reading = read(reply)
    code, repairs = reading.answer.code or "", list(reading.repairs)
    name = function.qualname.replace(".<locals>", "")
    if diff_answer.is_diff(code):
        if cut:
            raise SpliceError(HALF)
        changed = diff_answer.applied(text, _lines(text, function), code, path=function.path)
        code = changed.text
        repairs.extend(changed.repairs)
    found = splice.spliced(text, name, code, group=group, cut=cut)
    return Version(found.text, reading.answer.advice, (*repairs, *found.repairs))


def read(reply: str) -> Reading:
    """Read a reply with code, whichever form it has.

    Raises:
        ReplyError: it cannot be read.
    """
    return structured.read(reply) if structured.is_object(reply) else protocol.read(reply)


def read_plan(reply: str) -> Reading:
    """Read a plan, whichever form it has.

    Raises:
        ReplyError: it cannot be read.
    """
    is_object = structured.is_object(reply)
    return structured.read_plan(reply) if is_object else protocol.read_plan(reply)


def _lines(text: str, function: FunctionName) -> range:
    """Return the lines of a function, counted from 0, its decorators included."""
    span = find_function(text, function)
    if span is None:
        raise SceneError(NO_SUCH_FUNCTION.format(name=function))
    return range(span.first_line - 1, span.end_line)
