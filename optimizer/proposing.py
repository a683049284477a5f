"""Who proposes versions of a function: the catalogue, or a planner and an optimizer model.

A proposer is asked for versions of one text. What the search finds against a version is told to
whoever proposed it before the next one is taken: the list of dropped versions is shared and grows.
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import Protocol

from perfbot.optimizer import context, plan, protocol
from perfbot.optimizer.catalogue import Rule
from perfbot.optimizer.models import Message, Model, ModelError, Reply, Role, Sampling, Usage
from perfbot.optimizer.plan import Subject
from perfbot.optimizer.protocol import Advice, Answer, ReplyError
from perfbot.optimizer.splice import SpliceError, spliced
from perfbot.optimizer.strategies import Category, Strategy, Suggestion

EMBEDDED = "embedded"
OUT_OF_MONEY = "the budget of {usd:.2f} US dollars is used up"

_TRIES = 3  # replies asked for one text: the first and what feedback makes of it
_NAME_CHARACTERS = 48


@dataclass(frozen=True, slots=True)
class Tried:
    """A version that was dropped, and why."""

    suggestions: tuple[Suggestion, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A version of the subject's file and what led to it.

    ``confidence`` is the mean probability of the reply's tokens, ``None`` where it is not known.
    """

    suggestions: tuple[Suggestion, ...]
    text: str
    confidence: float | None = None


class Proposer(Protocol):
    """Proposes versions of a function."""

    @property
    def planner(self) -> str:
        """Who plans, as the report names it."""

    @property
    def optimizer(self) -> str:
        """Who writes, as the report names it."""

    def proposals(
        self, subject: Subject, text: str, dropped: Sequence[Tried]
    ) -> Iterator[Proposal]:
        """Yield versions of ``text``; each one's fate is in ``dropped`` before the next is made."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The embedded optimizer: each step that a rule sees."""

    rules: Sequence[Rule]
    planner: str = EMBEDDED
    optimizer: str = EMBEDDED

    def proposals(
        self, subject: Subject, text: str, dropped: Sequence[Tried]
    ) -> Iterator[Proposal]:
        """Yield one version for each step; a rule learns nothing from what was dropped."""
        for step in plan.steps(subject, text, self.rules):
            yield Proposal((step.suggestion,), step.text)


@dataclass
class Spending:
    """What models have cost so far, against the limit of the run; calls that failed are counted apart."""

    limit_usd: float
    used: Usage = field(default_factory=Usage)
    calls: int = 0
    failures: list[str] = field(default_factory=list)

    def ask(self, model: Model, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """Ask within the limit.

        Raises:
            ModelError: there is no reply, or no money left for one.
        """
        if self.limit_usd <= self.used.usd and self.used.usd > 0:
            raise ModelError(OUT_OF_MONEY.format(usd=self.limit_usd))
        self.calls += 1
        try:
            reply = model.ask(messages, sampling)
        except ModelError as error:
            self.failures.append(str(error))
            raise
        self.used += reply.usage
        return reply


@dataclass
class Authors:
    """An optimizer model, and the planner that it works with.

    Without a ``plan_by`` the catalogue's suggestions are the plan (two-step); the same model for
    both makes plan and code in one reply. At most ``replies`` are asked for.
    """

    write_by: Model
    plan_by: Model | None
    rules: Sequence[Rule]
    spending: Spending
    replies: int
    hint: str = ""

    @property
    def planner(self) -> str:
        """Who plans."""
        return self.plan_by.name if self.plan_by else EMBEDDED

    @property
    def optimizer(self) -> str:
        """Who writes."""
        return self.write_by.name

    def proposals(
        self, subject: Subject, text: str, dropped: Sequence[Tried]
    ) -> Iterator[Proposal]:
        """Yield a version, and after each that was dropped the next, made with the diagnosis in hand.

        A model that does not answer ends it: the run goes on with the other proposers.
        """
        try:
            yield from self._versions(subject, text, dropped)
        except ModelError:
            return

    def _versions(
        self, subject: Subject, text: str, dropped: Sequence[Tried]
    ) -> Iterator[Proposal]:
        advice = self._plan(subject, text)
        messages = [_system("system"), self._question(subject, text, advice)]
        for _ in range(min(_TRIES, self.replies)):
            self.replies -= 1
            reply = self.spending.ask(self.write_by, messages, Sampling(logprobs=True))
            known = len(dropped)
            try:
                yield replace(
                    _proposal(subject, text, advice, reply.text), confidence=reply.confidence
                )
                why = dropped[-1].why if len(dropped) > known else ""
            except (ReplyError, SpliceError) as error:
                why = str(error)
            if not why:
                return
            messages += [Message(Role.ASSISTANT, reply.text), _feedback(subject, why)]

    def _plan(self, subject: Subject, text: str) -> tuple[Advice, ...]:
        """Return the plan to write by; empty where the optimizer makes its own."""
        if self.plan_by is self.write_by:
            return ()
        if self.plan_by is None:
            found = [step.suggestion for step in plan.steps(subject, text, self.rules)]
            return tuple(_advice(each) for each in found[:5])
        messages = [_system("plan"), self._question(subject, text, ())]
        reply = self.spending.ask(self.plan_by, messages, Sampling(stop=(protocol.PLAN_CLOSE,)))
        try:
            return protocol.read_plan(reply.text).answer.advice
        except ReplyError:
            return ()  # a plan that cannot be read is no plan: the optimizer makes its own

    def _question(self, subject: Subject, text: str, advice: tuple[Advice, ...]) -> Message:
        return Message(
            Role.USER,
            _filled(
                "function",
                sections=context.sections(subject, text, hint=self.hint),
                plan=protocol.render(Answer(advice)) if advice else "",
                name=subject.function.qualname,
                nonce=secrets.token_hex(8),  # a repository cannot end what it cannot name
            ),
        )


def _proposal(subject: Subject, text: str, advice: Sequence[Advice], reply: str) -> Proposal:
    """Return the version that a reply describes; raises ReplyError or SpliceError."""
    answer = protocol.read(reply).answer
    assert answer.code is not None
    name = subject.function.qualname.replace(".<locals>", "")
    suggestions = tuple(_suggestion(each) for each in (*(answer.advice or advice),))
    return Proposal(suggestions, spliced(text, name, answer.code).text)


def _advice(suggestion: Suggestion) -> Advice:
    """Put a suggestion on the wire: the strategy's own name opens the description."""
    text = f"{suggestion.strategy.name}: {suggestion.why}"
    return Advice(suggestion.strategy.category, " ".join(text.split()))


def _suggestion(advice: Advice) -> Suggestion:
    """Take a strategy from the wire; what opens the description and ends with a colon is its name."""
    name, colon, why = advice.description.partition(": ")
    if not colon or len(name) > _NAME_CHARACTERS:
        name, why = advice.category.value.casefold(), advice.description
    return Suggestion(Strategy(advice.category, name), why)


def _system(prompt: str) -> Message:
    return Message(
        Role.SYSTEM, _filled(prompt, categories="\n".join(f"- {each}" for each in Category))
    )


def _feedback(subject: Subject, why: str) -> Message:
    text = _filled("feedback", why=context.visible(why)[:2000], name=subject.function.qualname)
    return Message(Role.USER, text)


def _filled(prompt: str, **values: object) -> str:
    from jinja2 import Environment, StrictUndefined  # late: runs without a model need no prompts

    environment = Environment(undefined=StrictUndefined)  # noqa: S701 - plain text, not HTML
    return environment.from_string(_source(prompt)).render(**values).strip() + "\n"


@cache
def _source(prompt: str) -> str:
    return (
        resources.files("perfbot.optimizer").joinpath("prompts", f"{prompt}.md").read_text("utf-8")
    )
