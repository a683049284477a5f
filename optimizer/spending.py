"""Every question to a model passes here: within the budget, told to the journal, and counted.

The budget is of the whole run: dollars, tokens and time. A model that has failed twice in a row is
not asked again, so that an endpoint which died costs a run seconds and not its time.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from perfbot.optimizer import call_queue
from perfbot.optimizer.call_queue import Asked
from perfbot.optimizer.journal import Call, Journal, Purpose, Unkept
from perfbot.optimizer.models import Model, ModelError, Priced, Priority, Reply, Sampling, Usage
from perfbot.optimizer.prompting import Conversation
from perfbot.profiling.functions import FunctionName

OUT_OF_MONEY = "the budget of {usd:.2f} US dollars is used up: no further reply is asked for"
OUT_OF_TOKENS = "the budget of {tokens:,} tokens is used up: no further reply is asked for"
OUT_OF_TIME = "the time is used up: no further reply is asked for"
GIVEN_UP = "{name} failed {count} times in a row and is not asked again"

_FAILURES = 2


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked about a function, and what for."""

    function: FunctionName
    purpose: Purpose
    asked: Conversation
    sampling: Sampling


@dataclass
class Spending:
    """What models have cost so far, against the limits of the run.

    ``deadline_s`` is a time of ``time.monotonic`` after which nothing is asked. Each question is told
    to the ``journal``, in the order in which they were handed in, and ``on_spent`` hears of
    the sum and the limits.
    ``failures`` are sentences for people: why no reply came.
    """

    limit_usd: float
    journal: Journal = field(default_factory=Unkept)
    limit_tokens: int | None = None
    deadline_s: float = math.inf
    on_spent: Callable[[Usage, float, int | None], None] = lambda _used, _usd, _tokens: None
    priority: Priority = Priority.PERSON
    used: Usage = field(default_factory=Usage)
    calls: int = 0
    failures: list[str] = field(default_factory=list)
    _failed: dict[str, int] = field(default_factory=dict)  # times in a row, by the model's name

    def ask(self, model: Model, question: Question) -> Reply:
        """Ask within the limits.

        Raises:
            ModelError: there is no reply, or nothing left to pay for one.
        """
        (reply,) = self.ask_all(model, [question])
        if isinstance(reply, ModelError):
            raise reply
        return reply

    def ask_all(self, model: Model, questions: Sequence[Question]) -> list[Reply | ModelError]:
        """Ask several questions at once; each gets its reply, or the reason why there is none.

        Several go to the model from threads. The limits are looked at before, so that all of them
        may go beyond, as one would.
        """
        refusal = self._refusal(model)
        if refusal is not None:
            return [refusal for _ in questions]
        self.calls += len(questions)
        questions = [self._with_priority(each) for each in questions]
        asked = [Asked(each.asked.messages, each.sampling) for each in questions]
        replies = call_queue.ask_all(model, asked)
        for question, reply in zip(questions, replies, strict=True):
            self._count(model, question, reply)
        self.on_spent(self.used, self.limit_usd, self.limit_tokens)
        return replies

    def _with_priority(self, question: Question) -> Question:
        return replace(question, sampling=replace(question.sampling, priority=self.priority))

    def _refusal(self, model: Model) -> ModelError | None:
        """Return why nothing more is asked, ``None`` while it is."""
        tokens = self.used.tokens_in + self.used.tokens_out
        if time.monotonic() >= self.deadline_s:
            return ModelError(OUT_OF_TIME)  # which the run says by itself
        if self.used.usd >= self.limit_usd and (self.used.usd > 0 or _costs_money(model)):
            return self._said(OUT_OF_MONEY.format(usd=self.limit_usd))
        if self.limit_tokens is not None and tokens >= self.limit_tokens:
            return self._said(OUT_OF_TOKENS.format(tokens=self.limit_tokens))
        if self._failed.get(model.name, 0) >= _FAILURES:
            return self._said(GIVEN_UP.format(name=model.name, count=_FAILURES))
        return None

    def _said(self, why: str) -> ModelError:
        if why not in self.failures:
            self.failures.append(why)
        return ModelError(why)

    def _count(self, model: Model, question: Question, reply: Reply | ModelError) -> None:
        if isinstance(reply, ModelError):
            self._failed[model.name] = self._failed.get(model.name, 0) + 1
            self._said(str(reply))
            self._tell(model, question, None, str(reply))
        else:
            self._failed[model.name] = 0
            self.used += reply.usage
            self._tell(model, question, reply, "")

    def _tell(self, model: Model, question: Question, reply: Reply | None, error: str) -> None:
        self.journal.asked(
            Call(
                question.function,
                question.purpose,
                model.name,
                question.asked.prompts,
                question.asked.messages,
                question.sampling,
                reply,
                error,
            )
        )


def _costs_money(model: Model) -> bool:
    """Say whether the operator named a price: with no money at all, only free models are asked."""
    return isinstance(model, Priced) and model.costs_money
