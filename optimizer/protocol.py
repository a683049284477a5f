"""The wire format between planner, optimizer and perfbot: strategies, then code.

PerfCoder's control tokens (PerfCoder, Eq. 1): ``[SUGG/] strategies [/SUGG] [OPT/] code [/OPT]``. In
*plan+code* mode a reply has both spans; in *plan-only* mode it ends at ``[/SUGG]``. A strategy is
the pair (category of the fifteen, description), one line each, ``category: description``.

:func:`parse` takes exactly what :func:`render` writes, as our own models are trained to.
:func:`read` takes what general chat models make of it; it repairs what has one meaning only, and
records that. What has none, or several, is :class:`ReplyError`: nothing is guessed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from perfbot.optimizer.strategies import Category

PLAN_OPEN, PLAN_CLOSE = "[SUGG/]", "[/SUGG]"
CODE_OPEN, CODE_CLOSE = "[OPT/]", "[/OPT]"
TOKENS = (PLAN_OPEN, PLAN_CLOSE, CODE_OPEN, CODE_CLOSE)

NO_SPAN = "the reply has no {opening} … {closing} span"
NOT_WIRE_FORMAT = "the reply is not in the wire format at character {place}: expected {expected!r}"
NO_CATEGORY = "{line!r} does not begin with one of the fifteen categories and a colon"
SEVERAL_PROGRAMS = (
    "the reply has {count} different code blocks, and nothing says which one is meant"
)
NO_PROGRAM = "the reply has no code"

CUT_OFF = "{closing} was missing at the end"
FENCE = "a Markdown fence around the code was taken away"
ONLY_FENCED = "the code stood in a Markdown fence instead of [OPT/] … [/OPT]"
OTHER_SPELLING = "control tokens were spelled in another way"
DROPPED = "a strategy without one of the fifteen categories was left out: {line}"

_CATEGORIES = {category.value.casefold(): category for category in Category}
_FENCE = re.compile(r"^```[\w+-]*[ \t]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_LOOSE = re.compile(r"\[\s*(/?)\s*(SUGG|OPT)\s*(/?)\s*\]", re.IGNORECASE)
_LIST_MARK = re.compile(r"^(?:[-*•]|\d+[.)])\s+")


class ReplyError(Exception):
    """A reply that cannot be read; the message says why, in words that a model can act on."""


@dataclass(frozen=True, slots=True)
class Advice:
    """A strategy on the wire; the description is one line without control tokens.

    Raises ValueError when made of anything else.
    """

    category: Category
    description: str

    def __post_init__(self) -> None:
        if self.description != " ".join(self.description.split()) or not self.description:
            raise ValueError("a description is one line, without spaces around it")
        if any(token in self.description for token in TOKENS):
            raise ValueError("a description has no control token in it")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered; ``code`` is ``None`` in plan-only mode.

    Raises ValueError when the code has a control token in it.
    """

    advice: tuple[Advice, ...]
    code: str | None = None

    def __post_init__(self) -> None:
        if self.code is not None and any(token in self.code for token in TOKENS):
            raise ValueError("code has no control token in it")


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer and the repairs that were needed to read it."""

    answer: Answer
    repairs: tuple[str, ...]


def render(answer: Answer) -> str:
    """Return the one text of an answer, as our models are trained to write it."""
    lines = [f"{each.category.value}: {each.description}\n" for each in answer.advice]
    plan = f"{PLAN_OPEN}\n{''.join(lines)}{PLAN_CLOSE}"
    if answer.code is None:
        return plan
    return f"{plan}\n{CODE_OPEN}\n{answer.code}\n{CODE_CLOSE}"


def parse(text: str) -> Answer:
    """Read exactly what :func:`render` writes.

    Raises:
        ReplyError: it is anything else.
    """
    plan, place = _span(text, 0, PLAN_OPEN + "\n", PLAN_CLOSE)
    advice = tuple(_advice(line) for line in plan.splitlines())
    code = None
    if place < len(text):
        code, place = _span(text, place, f"\n{CODE_OPEN}\n", f"\n{CODE_CLOSE}")
    answer = Answer(advice, code)
    if render(answer) != text:
        raise ReplyError(NOT_WIRE_FORMAT.format(place=place, expected="the end"))
    return answer


def _span(text: str, start: int, opening: str, closing: str) -> tuple[str, int]:
    if not text.startswith(opening, start):
        raise ReplyError(NOT_WIRE_FORMAT.format(place=start, expected=opening))
    inner = start + len(opening)
    end = text.find(closing, inner)
    if end < 0:
        raise ReplyError(NOT_WIRE_FORMAT.format(place=len(text), expected=closing))
    return text[inner:end], end + len(closing)


def _advice(line: str) -> Advice:
    name, colon, description = line.partition(": ")
    category = _CATEGORIES.get(name.casefold())
    if not colon or category is None:
        raise ReplyError(NO_CATEGORY.format(line=line))
    try:
        return Advice(category, description)
    except ValueError as error:
        raise ReplyError(str(error)) from None


def read(text: str) -> Reading:
    """Read a plan+code reply of a model that was only told of the format.

    Raises:
        ReplyError: there is no code, or several programs, or no way to tell.
    """
    repairs: list[str] = []
    exact = _respelled(text, repairs)
    advice = _loose_advice(exact, repairs)
    return Reading(_answer(advice, _code(exact, repairs)), tuple(repairs))


def read_plan(text: str) -> Reading:
    """Read a plan-only reply of a model that was only told of the format.

    Raises:
        ReplyError: there is no strategy in it.
    """
    repairs: list[str] = []
    advice = _loose_advice(_respelled(text, repairs), repairs)
    if not advice:
        raise ReplyError(NO_SPAN.format(opening=PLAN_OPEN, closing=PLAN_CLOSE))
    return Reading(Answer(advice), tuple(repairs))


def _answer(advice: tuple[Advice, ...], code: str) -> Answer:
    try:
        return Answer(advice, code)
    except ValueError as error:
        raise ReplyError(str(error)) from None


def _respelled(text: str, repairs: list[str]) -> str:
    """Return the text with control tokens as they should be; ``[ sugg ]`` opens a span as well."""

    def exact(found: re.Match[str]) -> str:
        closes, name, _ = found.groups()
        return f"[/{name.upper()}]" if closes else f"[{name.upper()}/]"

    respelled = _LOOSE.sub(exact, text.replace("\r\n", "\n"))
    if respelled != text.replace("\r\n", "\n"):
        repairs.append(OTHER_SPELLING)
    return respelled


def _loose_advice(text: str, repairs: list[str]) -> tuple[Advice, ...]:
    _, opened, rest = text.partition(PLAN_OPEN)
    if not opened:
        return ()
    plan = rest
    for end in (PLAN_CLOSE, CODE_OPEN):
        plan = plan.partition(end)[0]
    if PLAN_CLOSE not in rest:
        repairs.append(CUT_OFF.format(closing=PLAN_CLOSE))
    return tuple(_loose_lines(plan, repairs))


def _loose_lines(plan: str, repairs: list[str]) -> Iterator[Advice]:
    for line in filter(str.strip, plan.splitlines()):
        plain = " ".join(_LIST_MARK.sub("", line.strip()).replace("**", "").split())
        name, _, description = plain.partition(":")
        category = _CATEGORIES.get(name.strip().casefold())
        if category is None or not description.strip():
            repairs.append(DROPPED.format(line=plain[:100]))
        else:
            yield Advice(category, description.strip())


def _code(text: str, repairs: list[str]) -> str:
    spans = text.split(CODE_OPEN)[1:]
    if not spans:
        return _only_fenced(text, repairs)
    programs = [span.partition(CODE_CLOSE)[0] for span in spans]
    if any(CODE_CLOSE not in span for span in spans):
        repairs.append(CUT_OFF.format(closing=CODE_CLOSE))
    return _one([_unfenced(program, repairs) for program in programs])


def _only_fenced(text: str, repairs: list[str]) -> str:
    fenced = _FENCE.findall(text)
    if fenced:
        repairs.append(ONLY_FENCED)
    return _one(fenced)


def _unfenced(program: str, repairs: list[str]) -> str:
    fenced = _FENCE.findall(program)
    if not fenced:
        return program
    repairs.append(FENCE)
    return _one(fenced)


def _one(programs: list[str]) -> str:
    """Return the one program there is, without blank lines around it."""
    different = {re.sub(r"\A(?:[ \t]*\n)+|\s+\Z", "", program) for program in programs} - {""}
    if len(different) > 1:
        raise ReplyError(SEVERAL_PROGRAMS.format(count=len(different)))
    if not different:
        raise ReplyError(NO_PROGRAM)
    return different.pop()
