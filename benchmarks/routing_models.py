"""Two models whose behaviour is fixed, and what they cost; part of ``benchmarks/routing.py``.

Everything synthetic stands here. The *large* model knows the data set's expert solution of every
record. The *small* one knows it with a probability that falls with the solution's length; what it
does not know it answers with the expert solution with one seeded fault, or with the function as it
is, half of the time each. Both state a mean token probability. All draws come from a hash of the
record's name, so that every run sees the same models.
"""

import ast
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from perfbot.optimizer.faults import seeded
from perfbot.optimizer.models import Finish, Message, Reply, Sampling, Usage
from perfbot.optimizer.protocol import Advice, Answer, render
from perfbot.optimizer.readability import definition
from perfbot.optimizer.strategies import Category
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.source import decode_source
from perfbot.training.readers.reading import Pair

CHARACTERS_PER_TOKEN = 3.4  # as in optimizer/context.py
KNOWN = ((5, 0.9), (10, 0.6), (1000, 0.2))  # up to so many lines of code: the chance to know it
SURE = (0.75, 0.99)  # the small model's mean token probability where it is right, from, to
UNSURE = (0.50, 0.95)  # and where it is not
ALWAYS = (0.50, 0.99)  # whether it is right or not: a confidence that says nothing
SHARES = (0.02, 0.60)  # of the workload's time


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    sent: float
    received: float

    def usage(self, sent: int, received: int) -> Usage:
        return Usage(sent, received, (sent * self.sent + received * self.received) / 1e6)


SMALL_PRICE = Price(0.05, 0.15)
LARGE_PRICE = Price(1.25, 10.0)


def drawn(record: str, what: str) -> float:
    """Return a number from 0 to 1 that is always the same for a record and a purpose."""
    digest = hashlib.sha256(f"{record}/{what}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def between(record: str, what: str, ends: tuple[float, float]) -> float:
    low, high = ends
    return low + (high - low) * drawn(record, what)


def knows(pair: Pair) -> bool:
    """Say whether the small model knows a record's answer."""
    chance = next(chance for most, chance in KNOWN if lines_of_code(pair) <= most)
    return drawn(pair.record, "knows") < chance


def lines_of_code(pair: Pair) -> int:
    """Return how many lines the expert's function has behind its docstring."""
    function = definition(pair.fast, pair.entry_point)
    assert function is not None
    body = function.body[ast.get_docstring(function) is not None :]
    return (function.end_lineno or 0) - body[0].lineno + 1


def small_answer(pair: Pair) -> str:
    """Return the code that the small model writes."""
    if knows(pair):
        return pair.fast
    if drawn(pair.record, "how it errs") < 0.5:
        return pair.slow
    source = decode_source(pair.fast.encode(), Path("solution.py"))
    faults = seeded(FunctionName("solution.py", pair.entry_point), pair.slow, source)
    return faults[0].content.decode() if faults else pair.slow


def confidence(pair: Pair, *, informed: bool = True) -> float:
    """Return the small model's mean token probability, which may say nothing."""
    ends = ALWAYS if not informed else SURE if knows(pair) else UNSURE
    return between(pair.record, "confidence", ends)


@dataclass
class Scripted:
    """Gives its one answer as often as it is asked, and counts what that costs."""

    name: str
    code: str
    price: Price
    probability: float
    used: list[Usage] = field(default_factory=list)

    def ask(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        advice = Advice(Category.ALGORITHM, "expert: the data set's answer")
        text = render(Answer((advice,), self.code))
        sent = sum(len(each.text) for each in messages) / CHARACTERS_PER_TOKEN
        tokens = max(1, round(len(text) / CHARACTERS_PER_TOKEN))
        usage = self.price.usage(round(sent), tokens)
        self.used.append(usage)
        return Reply(text, Finish.STOP, usage, 0.0, (math.log(self.probability),) * tokens)


def small(pair: Pair) -> Scripted:
    return Scripted("small", small_answer(pair), SMALL_PRICE, confidence(pair))


def large(pair: Pair) -> Scripted:
    return Scripted("large", pair.fast, LARGE_PRICE, 0.95)
