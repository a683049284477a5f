"""The wire format between planner, optimizer and perfbot: strategies, then code.

PerfCoder's control tokens (PerfCoder, Eq. 1): ``[SUGG/] strategies [/SUGG] [OPT/] code [/OPT]``. In
*plan+code* mode one reply has both spans; in *plan-only* mode it ends at ``[/SUGG]``; in *two-step*
mode the plan is given and the reply is the second span. A strategy is the pair (category of the
fifteen, description), one line each, ``category: description``.

:func:`parse` takes exactly what :func:`render` writes, as our own models are trained to, and
:func:`trained` is the one place that says on what text; training and product never differ.
:func:`read` takes what general chat models make of it; it repairs what has one meaning only, and
records that. What has none, or several, is :class:`ReplyError`: nothing is guessed.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from perfbot.optimizer import fences
from perfbot.optimizer.strategies import Category

PLAN_OPEN, PLAN_CLOSE = "[SUGG/]", "[/SUGG]"
CODE_OPEN, CODE_CLOSE = "[OPT/]", "[/OPT]"
QUERY_OPEN, QUERY_CLOSE = "[SQL/]", "[/SQL]"
TOKENS = (PLAN_OPEN, PLAN_CLOSE, CODE_OPEN, CODE_CLOSE)

PROMPT_VERSION = 1  # of what models of our own are asked; a new one needs new models
INSTRUCTION = "Make this program faster without changing what it does."

NO_SPAN = "the reply has no {opening} … {closing} span"
NOT_WIRE_FORMAT = "the reply is not in the wire format at character {place}: expected {expected!r}"
NO_CATEGORY = "{line!r} does not begin with one of the fifteen categories and a colon"
NO_STRATEGY = (
    "the plan has no strategy: each is one line, a category of the fifteen, a colon and why"
)
SEVERAL_PLANS = "the reply has {count} different plans, and nothing says which one is meant"
SEVERAL_PROGRAMS = (
    "the reply has {count} different code blocks, and nothing says which one is meant"
)
SEVERAL_QUERIES = "the reply has {count} different queries: ask one at a time"
NO_QUERY = "the [SQL/] … [/SQL] span is empty"
NO_PROGRAM = "the reply has no code"
STILL_THINKING = "the reply ended before the answer began: think less"
TOOL_CALL = "the reply calls a tool, but there are no tools: answer in the form that was asked for"
TOO_LONG = "the reply has {count} characters; a function has at most {most}"

CUT_OFF = "{closing} was missing at the end"
FENCE = "a Markdown fence around the code was taken away"
ONLY_FENCED = "the code stood in a Markdown fence instead of [OPT/] … [/OPT]"
OTHER_SPELLING = "control tokens were spelled in another way"
DROPPED = "a strategy without one of the fifteen categories was left out: {line}"

MOST_CHARACTERS = 100_000

_CATEGORIES = {category.value.casefold(): category for category in Category}
_BY_CATEGORY = re.compile(
    rf"(?:\*\*|`)?({'|'.join(map(re.escape, _CATEGORIES))})(?:\*\*|`)?"
    r"\s*(?::(?:\*\*)?|[-–—](?= )|$)\s*(.*)",
    re.IGNORECASE,
)
_LOOSE = re.compile(r"\[[ \t]*(?:(/)[ \t]*)?(SUGG|OPT|SQL)[ \t]*(?:/[ \t]*)?\]", re.IGNORECASE)
_LIST_MARK = re.compile(r"\A(?:[-*•]|\d+[.)]|#+)\s+")
_THOUGHTS_END = re.compile(r"</think(?:ing)?>")
_THOUGHTS_BEGIN = re.compile(r"\s*<think(?:ing)?>")
_TOOL = re.compile(
    r"<\|?(?:tool_call|function_calls?|invoke|function=)|\[TOOL_CALLS?\]", re.IGNORECASE
)


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


class Mode(StrEnum):
    """What one reply holds."""

    PLAN_AND_CODE = "plan+code"
    PLAN_ONLY = "plan-only"
    TWO_STEP = "two-step"  # the plan is given, the reply is the code


@dataclass(frozen=True, slots=True)
class Example:
    """What a model is trained on: a prompt, and after it the completion, which alone has a loss."""

    prompt: str
    completion: str


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer and the repairs that were needed to read it."""

    answer: Answer
    repairs: tuple[str, ...]


def render(answer: Answer) -> str:
    """Return the one text of an answer, as our models are trained to write it."""
    plan = _plan_span(answer.advice)
    return plan if answer.code is None else f"{plan}\n{_code_span(answer.code)}"


def prompt(program: str, plan: Sequence[Advice] = ()) -> str:
    """Return what a model of our own is asked: for plan and code, or for the code to a plan.

    Raises:
        ValueError: the program has a control token in it, which would end what it is not to end.
    """
    if any(token in program for token in TOKENS):
        raise ValueError("a program has no control token in it")
    question = f"{INSTRUCTION}\n\n{program}\n\n"
    return f"{question}{_plan_span(plan)}\n" if plan else question


def trained(program: str, answer: Answer, mode: Mode) -> Example:
    """Return the training text of a slow program and the answer to it (PerfCoder, Eq. 2).

    In all modes it is the same text; they differ in where the completion begins and ends. The
    end-of-text token after it is the tokenizer's business.

    Raises:
        ValueError: a part is missing that the mode is about, or the program has a control token.
    """
    if (mode is not Mode.PLAN_AND_CODE and not answer.advice) or (
        mode is not Mode.PLAN_ONLY and answer.code is None
    ):
        raise ValueError(f"an answer without plan or code is no example of mode {mode}")
    if mode is Mode.TWO_STEP:
        return Example(prompt(program, answer.advice), _code_span(answer.code or ""))
    code = answer.code if mode is Mode.PLAN_AND_CODE else None
    return Example(prompt(program), render(Answer(answer.advice, code)))


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
    try:
        answer = Answer(advice, code)
    except ValueError as error:
        raise ReplyError(str(error)) from None
    if render(answer) != text:
        raise ReplyError(NOT_WIRE_FORMAT.format(place=place, expected="the end"))
    return answer


def parse_code(text: str) -> str:
    """Read exactly the code span, which is the whole reply in two-step mode.

    Raises:
        ReplyError: it is anything else.
    """
    code, place = _span(text, 0, f"{CODE_OPEN}\n", f"\n{CODE_CLOSE}")
    if place != len(text) or any(token in code for token in TOKENS):
        raise ReplyError(NOT_WIRE_FORMAT.format(place=place, expected="the end"))
    return code


def _plan_span(advice: Sequence[Advice]) -> str:
    lines = [f"{each.category.value}: {each.description}\n" for each in advice]
    return f"{PLAN_OPEN}\n{''.join(lines)}{PLAN_CLOSE}"


def _code_span(code: str) -> str:
    return f"{CODE_OPEN}\n{code}\n{CODE_CLOSE}"


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
    """Read a reply with code, of a model that was only told of the format.

    Raises:
        ReplyError: there is no code, or several programs, or no way to tell.
    """
    repairs: list[str] = []
    exact = _exact(text, repairs)
    advice = _loose_advice(exact, repairs)
    code = _code(exact, repairs)
    try:
        return Reading(Answer(advice, code), tuple(repairs))
    except ValueError as error:
        raise ReplyError(str(error)) from None


def read_plan(text: str) -> Reading:
    """Read a plan-only reply of a model that was only told of the format; ``[/SUGG]`` may be missing.

    Raises:
        ReplyError: there is no strategy in it, or several plans are.
    """
    repairs: list[str] = []
    exact = _exact(text, repairs)
    if PLAN_OPEN not in exact:
        raise ReplyError(NO_SPAN.format(opening=PLAN_OPEN, closing=PLAN_CLOSE))
    advice = _loose_advice(exact, repairs)
    if not advice:
        raise ReplyError(NO_STRATEGY)
    return Reading(Answer(advice), tuple(repairs))


def advice_of(lines: Iterable[str]) -> tuple[Advice, ...]:
    """Return the strategies that lines name, each opened by its category; others are left out."""
    return tuple(_loose_lines("\n".join(lines), []))


def read_query(text: str) -> str | None:
    """Return the SQL by which a reply asks the project's index, ``None`` where it is an answer.

    Raises:
        ReplyError: there is no statement between the tokens, or several are.
    """
    exact = _exact(text, [])
    if QUERY_OPEN not in exact or CODE_OPEN in exact or PLAN_OPEN in exact:
        return None
    spans = [span.partition(QUERY_CLOSE)[0] for span in exact.split(QUERY_OPEN)[1:]]
    found = {_unfenced(span, [])[0].strip() for span in spans}
    if len(found) > 1:
        raise ReplyError(SEVERAL_QUERIES.format(count=len(found)))
    (query,) = found
    if not query:
        raise ReplyError(NO_QUERY)
    return query


def _exact(text: str, repairs: list[str]) -> str:
    """Return the answer itself, with control tokens as they should be: ``[ sugg ]`` opens a span too."""
    if len(text) > MOST_CHARACTERS:
        raise ReplyError(TOO_LONG.format(count=len(text), most=MOST_CHARACTERS))

    def spelled(found: re.Match[str]) -> str:
        closes, name = found.groups()
        return f"[/{name.upper()}]" if closes else f"[{name.upper()}/]"

    plain = _without_thoughts(text.replace("\r\n", "\n"))
    exact = _LOOSE.sub(spelled, plain)
    if exact != plain:
        repairs.append(OTHER_SPELLING)
    return exact


def _without_thoughts(text: str) -> str:
    """Skip what reasoning models think before they answer; a template may have begun it for them."""
    end = _THOUGHTS_END.search(text)
    if end is None and _THOUGHTS_BEGIN.match(text):
        raise ReplyError(STILL_THINKING)
    return text[end.end() :] if end is not None else text


def _loose_advice(text: str, repairs: list[str]) -> tuple[Advice, ...]:
    plans = [_plan_of(span, repairs) for span in text.split(PLAN_OPEN)[1:]]
    different = set(filter(None, plans))
    if len(different) > 1:
        raise ReplyError(SEVERAL_PLANS.format(count=len(different)))
    return different.pop() if different else ()


def _plan_of(span: str, repairs: list[str]) -> tuple[Advice, ...]:
    if PLAN_CLOSE not in span and CODE_OPEN in span:
        repairs.append(CUT_OFF.format(closing=PLAN_CLOSE))
    plan = span.partition(PLAN_CLOSE)[0].partition(CODE_OPEN)[0]
    return tuple(_loose_lines(plan, repairs))


def _loose_lines(plan: str, repairs: list[str]) -> Iterator[Advice]:
    """Yield strategies; where a line has the category alone, the next one describes it."""
    waiting: Category | None = None
    for line in filter(str.strip, plan.splitlines()):
        plain = " ".join(line.split())
        found = _BY_CATEGORY.fullmatch(_LIST_MARK.sub("", plain))
        category = _CATEGORIES[found[1].casefold()] if found else waiting
        description = found[2] if found else plain
        waiting = category if found and not description else None
        if category is not None and description and not any(each in description for each in TOKENS):
            yield Advice(category, description)
        elif waiting is None and not fences.has_fence(line):
            repairs.append(DROPPED.format(line=plain[:100]))


def _code(text: str, repairs: list[str]) -> str:
    spans = text.split(CODE_OPEN)[1:]
    if not spans:
        return _only_fenced(text, repairs)
    if any(CODE_CLOSE not in span for span in spans):
        repairs.append(CUT_OFF.format(closing=CODE_CLOSE))
    programs = [span.partition(CODE_CLOSE)[0] for span in spans]
    return _one([each for program in programs for each in _unfenced(program, repairs)])


def _only_fenced(text: str, repairs: list[str]) -> str:
    if _TOOL.search(text):
        raise ReplyError(TOOL_CALL)
    fenced = fences.blocks(text) if fences.has_fence(text) else []
    if fenced:
        repairs.append(ONLY_FENCED)
    return _one(fenced)


def _unfenced(program: str, repairs: list[str]) -> list[str]:
    """Return the code in fences; lines that say what to replace are fenced block by block and stay."""
    if not fences.has_fence(program) or "<<<<<<< SEARCH" in program:
        return [program]
    repairs.append(FENCE)
    return fences.blocks(program)


def _one(programs: list[str]) -> str:
    """Return the one program there is, without blank lines around it."""
    different = {"\n".join(_without_blank(each.split("\n"))) for each in programs} - {""}
    if len(different) > 1:
        raise ReplyError(SEVERAL_PROGRAMS.format(count=len(different)))
    if not different:
        raise ReplyError(NO_PROGRAM)
    return different.pop()


def _without_blank(lines: list[str]) -> list[str]:
    filled = [number for number, line in enumerate(lines) if line.strip()]
    if not filled:
        return []
    kept = lines[filled[0] : filled[-1] + 1]
    return [*kept[:-1], kept[-1].rstrip()]
