"""The same answers as JSON, for endpoints that hold a model to a JSON Schema.

The object is ``{"strategies": [{"category", "description"}], "code"}``; a plan has no ``code``. What
is read becomes the :class:`Answer` that the control tokens give.
"""

import json
import re
from collections.abc import Iterator, Mapping

from perfbot.optimizer.protocol import (
    MOST_CHARACTERS,
    TOO_LONG,
    TOOL_CALL,
    Advice,
    Answer,
    Reading,
    ReplyError,
)
from perfbot.optimizer.strategies import Category

NOT_JSON = "the reply is no JSON object: {why}"
NO_LIST = 'the JSON object has no list "strategies"'
NOT_A_STRATEGY = "strategy {number} is no object with a category of the fifteen and a description"
NO_CODE = 'the JSON object has no text "code"'
UNKNOWN = "the JSON object has keys that nobody asked for: {names}"
FENCED = "a Markdown fence around the JSON object was taken away"
ONE_LINE = "a description was put on one line"

_TOOL_KEYS = {"name", "arguments", "parameters", "tool", "tool_calls", "function"}
_FENCE = re.compile(r"\A\s*```(?:json)?[ \t]*\n(.*)\n```\s*\Z", re.DOTALL)
_STRATEGIES: Mapping[str, object] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "category": {"type": "string", "enum": [each.value for each in Category]},
            "description": {"type": "string"},
        },
        "required": ["category", "description"],
        "additionalProperties": False,
    },
}


def schema(*, thinks: bool = False, code: bool = True) -> Mapping[str, object]:
    """Return the JSON Schema of an answer; where a model thinks, its thoughts come first."""
    text = {"type": "string"}
    thinking = {"thinking": text} if thinks else {}
    properties = {**thinking, "strategies": _STRATEGIES, **({"code": text} if code else {})}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def render(answer: Answer) -> str:
    """Return an answer as the JSON object that the schemas describe."""
    strategies = [
        {"category": each.category.value, "description": each.description} for each in answer.advice
    ]
    code = {} if answer.code is None else {"code": answer.code}
    return json.dumps({"strategies": strategies, **code}, ensure_ascii=False)


def is_object(reply: str) -> bool:
    """Say whether a reply looks like a JSON object, in a Markdown fence or not."""
    return _unfenced(reply).lstrip().startswith("{")


def read(reply: str) -> Reading:
    """Read an answer with code.

    Raises:
        ReplyError: it is no JSON, or another object.
    """
    found, repairs = _object(reply)
    code = found.get("code")
    if not isinstance(code, str) or not code.strip():
        raise ReplyError(NO_CODE)
    return _reading(found, code, repairs)


def read_plan(reply: str) -> Reading:
    """Read a plan.

    Raises:
        ReplyError: it is no JSON, another object, or has no strategy.
    """
    found, repairs = _object(reply)
    reading = _reading(found, None, repairs)
    if not reading.answer.advice:
        raise ReplyError(NO_LIST)
    return reading


def _reading(found: Mapping[str, object], code: str | None, repairs: list[str]) -> Reading:
    advice = tuple(_advice(found.get("strategies"), repairs))
    try:
        return Reading(Answer(advice, code), tuple(repairs))
    except ValueError as error:
        raise ReplyError(str(error)) from None


def _unfenced(reply: str) -> str:
    fenced = _FENCE.match(reply)
    return fenced.group(1) if fenced else reply


def _object(reply: str) -> tuple[Mapping[str, object], list[str]]:
    if len(reply) > MOST_CHARACTERS:
        raise ReplyError(TOO_LONG.format(count=len(reply), most=MOST_CHARACTERS))
    text = _unfenced(reply)
    try:
        found = json.loads(text, strict=False)  # models write lines into strings as they are
    except (ValueError, RecursionError) as error:
        raise ReplyError(NOT_JSON.format(why=error)) from None
    if not isinstance(found, dict):
        raise ReplyError(NOT_JSON.format(why=f"it is a {type(found).__name__}"))
    if "strategies" not in found and _TOOL_KEYS & found.keys():
        raise ReplyError(TOOL_CALL)
    unknown = sorted(found.keys() - {"thinking", "strategies", "code"})
    if unknown:
        raise ReplyError(UNKNOWN.format(names=", ".join(unknown)[:200]))
    return found, [FENCED] if text is not reply else []


def _advice(strategies: object, repairs: list[str]) -> Iterator[Advice]:
    if not isinstance(strategies, list):
        raise ReplyError(NO_LIST)
    for number, each in enumerate(strategies, 1):
        match each:
            case {"category": str(category), "description": str(description)}:
                line = " ".join(description.split())
                if line != description:
                    repairs.append(ONE_LINE)
            case _:
                raise ReplyError(NOT_A_STRATEGY.format(number=number))
        try:
            yield Advice(Category(category), line)
        except ValueError:
            raise ReplyError(NOT_A_STRATEGY.format(number=number)) from None
