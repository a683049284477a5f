"""Preferred and rejected answers: drawn from the policy, executed, paired; and what people preferred.

The first stage of the two-stage recipe: 90 % of the pairs teach what is right (a right answer before
one that is not), 10 % what is fast (of two right ones the faster).
"""

import random
from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import product
from pathlib import Path

import msgspec

from perfbot.optimizer.judged_pairs import JudgedPair
from perfbot.optimizer.outcomes import Event
from perfbot.optimizer.protocol import Advice, Answer, prompt, render
from perfbot.optimizer.strategies import Suggestion
from perfbot.training.court import Task
from perfbot.training.outcome import Branch, Outcome

NO_VERDICTS = "{path} line {line} is no judged pair as `perfbot export --pairs` writes them: {why}"

_FASTER = 1.1  # PIE's threshold of an optimization that counts
_SPEED_SHARE = 0.1


class PreferencesError(Exception):
    """A file of people's verdicts cannot be read; the message says where."""


class Kind(StrEnum):
    """What a preference teaches."""

    CORRECTNESS = "correctness"
    SPEED = "speed"
    PEOPLE = "people"


class Preference(msgspec.Struct, frozen=True):
    """Two answers to one question, the better one first."""

    prompt: str
    chosen: str
    rejected: str
    kind: Kind


class Judged(msgspec.Struct, frozen=True):
    """A reply that was drawn, and what came of it."""

    reply: str
    branch: Branch
    ratio: float = 0.0


def paired(
    tasks: Sequence[Task], judged: Sequence[Sequence[Judged]], per_task: int, seed: int
) -> list[Preference]:
    """Return preferences of each task's replies, a tenth of them about speed.

    At most ``per_task`` of each kind come from one task. Where there are fewer of one kind than its
    share asks for, there are fewer of the other, too, so that the share holds; if there are none at
    all of one kind, the other stands alone.
    """
    drawn = random.Random(seed)
    right: list[Preference] = []
    fast: list[Preference] = []
    for task, replies in zip(tasks, judged, strict=True):
        distinct = sorted({each.reply: each for each in replies}.values(), key=lambda x: x.reply)
        right += _some(_by_correctness(prompt(task.program), distinct), per_task, drawn)
        fast += _some(_by_speed(prompt(task.program), distinct), per_task, drawn)
    return _mixed(right, fast, drawn)


def _some(found: Iterator[Preference], most: int, drawn: random.Random) -> list[Preference]:
    every = list(found)
    return drawn.sample(every, min(most, len(every)))


def _by_correctness(question: str, judged: Sequence[Judged]) -> Iterator[Preference]:
    right = [each for each in judged if each.branch is Branch.RIGHT]
    wrong = [each for each in judged if each.branch not in (Branch.RIGHT, Branch.UNKNOWN)]
    for better, worse in product(right, wrong):
        yield Preference(question, better.reply, worse.reply, Kind.CORRECTNESS)


def _by_speed(question: str, judged: Sequence[Judged]) -> Iterator[Preference]:
    right = [each for each in judged if each.branch is Branch.RIGHT]
    for better, worse in product(right, right):
        if better.ratio >= _FASTER * worse.ratio:
            yield Preference(question, better.reply, worse.reply, Kind.SPEED)


def _mixed(
    right: list[Preference], fast: list[Preference], drawn: random.Random
) -> list[Preference]:
    if right and fast:
        share = _SPEED_SHARE / (1 - _SPEED_SHARE)
        fast = drawn.sample(fast, min(len(fast), max(1, round(len(right) * share))))
        right = drawn.sample(right, min(len(right), max(1, round(len(fast) / share))))
    found = [*right, *fast]
    drawn.shuffle(found)
    return found


def judged_of(reply: str, outcome: Outcome) -> Judged:
    """Return a reply with what came of it."""
    return Judged(reply, outcome.branch, outcome.ratio)


# --- people -------------------------------------------------------------------------------------


def of_people(path: Path) -> Iterator[Preference]:
    """Yield what people's verdicts on past proposals say, from what ``perfbot export --pairs`` wrote.

    What they edited is better in their version; what they merged is better than what the judge
    refused; what they closed is worse than the function as it was.

    Raises:
        PreferencesError: a line is no judged pair.
    """
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            pair = msgspec.json.decode(line, type=JudgedPair)
        except msgspec.DecodeError as error:
            told = NO_VERDICTS.format(path=path, line=number, why=error)
            raise PreferencesError(told) from None
        yield from _told(pair)


def _told(pair: JudgedPair) -> Iterator[Preference]:
    if pair.preference is None or pair.fast is None:
        return
    question = prompt(pair.slow)
    ours = _answer(pair.strategies, pair.fast)
    match pair.preference.fate:
        case Event.EDITED if pair.preference.edited:
            theirs = _answer(pair.strategies, pair.preference.edited)
            yield Preference(question, theirs, ours, Kind.PEOPLE)
        case Event.MERGED | Event.EDITED:
            for each in pair.refused:
                refused = _answer(each.strategies, each.code)
                yield Preference(question, ours, refused, Kind.PEOPLE)
        case Event.CLOSED:
            yield Preference(question, _answer((), pair.slow), ours, Kind.PEOPLE)


def _answer(strategies: Sequence[Suggestion], code: str) -> str:
    advice = (
        Advice(each.strategy.category, " ".join(f"{each.strategy.name}: {each.why}".split()))
        for each in strategies
    )
    return render(Answer(tuple(advice), code.strip("\n")))


# --- files --------------------------------------------------------------------------------------


def write(path: Path, found: Sequence[Preference]) -> None:
    """Write preferences, one JSON object a line."""
    path.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in found))


def read(path: Path) -> list[Preference]:
    """Read what :func:`write` wrote.

    Raises:
        PreferencesError: it cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
        return [msgspec.json.decode(line, type=Preference) for line in lines]
    except (OSError, msgspec.DecodeError) as error:
        raise PreferencesError(f"{path} has no preferences ({error})") from None
