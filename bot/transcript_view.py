"""A transcript as the report tells it: what was asked, answered and found, in the order of time."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from perfbot.bot import words
from perfbot.optimizer.journal import Purpose
from perfbot.optimizer.models import Message
from perfbot.optimizer.recorded import (
    Judgement,
    RecordedCall,
    RecordedDecision,
    RecordedFunction,
    RecordedTrial,
)
from perfbot.optimizer.strategies import Suggestion

ASKED = {
    Purpose.PLAN: "{model} was asked for a plan",
    Purpose.WRITE: "{model} was asked for a version",
    Purpose.REPAIR: "{model} was told what was wrong, and asked again",
    Purpose.QUERY: "{model} asked the project index",
}
NO_REPLY = "no reply"
TRIED = "a version by {optimizer}, planned by {planner}"
DROPPED = "dropped"
QUICK = "{ratio} in a quick look"
JUDGED = "the judge: {judgement}"
MORE = "… and {count:,} characters more, which transcript.jsonl has"

_LONGEST = 4_000  # characters of one text
_MOST_ROUNDS = 150


@dataclass(frozen=True, slots=True)
class Text:
    """A text under a label, cut where it is long."""

    label: str
    text: str
    rest: str = ""


@dataclass(frozen=True, slots=True)
class Round:
    """One thing that happened: a line, its facts, and the texts that belong to it."""

    title: str
    facts: tuple[str, ...]
    texts: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Rounds:
    """What happened for one function; ``left_out`` counts what is not shown."""

    summary: str
    rounds: tuple[Round, ...]
    left_out: int


def rounds(function: RecordedFunction) -> Rounds:
    """Return what the report shows of a function."""
    timed: list[tuple[float, Round]] = [
        (call.at_s, _asked(call, known))
        for known, call in pairwise([None, *function.calls])
        if call is not None
    ]
    timed += [(trial.at_s, _tried(trial)) for trial in function.trials]
    timed += [(decision.at_s, _decided(decision)) for decision in function.decisions]
    ordered = [one for _, one in sorted(timed, key=lambda each: each[0])]
    left_out = len(ordered) - _MOST_ROUNDS
    return Rounds(_summary(function), tuple(ordered[:_MOST_ROUNDS]), max(0, left_out))


def _summary(function: RecordedFunction) -> str:
    calls = function.calls
    parts = [
        _counted(len(calls), "question"),
        _counted(len(function.trials), "version"),
        _counted(len(function.decisions), "verdict"),
    ]
    if calls:
        usage = sum(each.tokens_in for each in calls), sum(each.tokens_out for each in calls)
        parts.append(_paid(*usage, sum(each.usd for each in calls)))
    return ", ".join(parts)


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _paid(tokens_in: int, tokens_out: int, usd: float) -> str:
    told = f"{tokens_in:,} tokens in, {tokens_out:,} out"
    return f"{told}, {usd:.4f} USD" if usd else told


def _asked(call: RecordedCall, before: RecordedCall | None) -> Round:
    """Tell of a call; what the call before it has shown already is not shown again."""
    shown = before.messages if before else ()
    new = call.messages[len(shown) :] if call.messages[: len(shown)] == shown else call.messages
    if call.reply is None:
        facts: tuple[str, ...] = (NO_REPLY,)
        answer = _text("Error", call.error)
    else:
        facts = tuple(_facts(call))
        answer = _text("Reply", call.reply)
    asked = tuple(_message(each) for each in new)
    return Round(ASKED[call.purpose].format(model=call.model), facts, (*asked, answer))


def _facts(call: RecordedCall) -> Iterator[str]:
    yield _paid(call.tokens_in, call.tokens_out, call.usd)
    yield words.seconds(call.latency_s)
    if call.finish is not None and call.finish != "stop":
        yield f"ended by {call.finish}"
    if call.certainty:
        yield f"mean probability of a token {words.percent(math.exp(call.certainty.mean))}"
    if call.prompts:
        yield "prompts " + ", ".join(call.prompts)


def _message(message: Message) -> Text:
    return _text(f"Said to it ({message.role})", message.text)


def _tried(trial: RecordedTrial) -> Round:
    title = TRIED.format(optimizer=trial.optimizer, planner=trial.planner)
    found = [QUICK.format(ratio=words.times(trial.ratio))] if trial.ratio is not None else []
    reason = [_text("Found against it", trial.why)] if trial.why else []
    code = [_text("Code", trial.code)] if trial.code else []
    facts = (*([DROPPED] if trial.why else []), *found, *_names(trial.suggestions))
    return Round(title, facts, (*reason, *code))


def _decided(decision: RecordedDecision) -> Round:
    accepted = decision.judgement is Judgement.ACCEPTED
    facts = [] if accepted else [words.WHY[decision.why]]
    if decision.gain:
        facts.append(f"at least {words.times(decision.gain.low)}")
    detail = (_text("Detail", decision.detail),) if decision.detail else ()
    title = JUDGED.format(judgement=decision.judgement)
    return Round(title, (*facts, *_names(decision.suggestions)), detail)


def _names(suggestions: Sequence[Suggestion]) -> Iterator[str]:
    return (each.strategy.name for each in suggestions)


def _text(label: str, text: str) -> Text:
    more = len(text) - _LONGEST
    return Text(label, text[:_LONGEST], MORE.format(count=more) if more > 0 else "")
