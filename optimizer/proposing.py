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
from perfbot.optimizer.journal import Call, Journal, Purpose, Trial, Unkept
from perfbot.optimizer.models import Message, Model, ModelError, Reply, Role, Sampling, Usage
from perfbot.optimizer.plan import Subject
from perfbot.optimizer.protocol import Advice, Answer, ReplyError
from perfbot.optimizer.splice import SpliceError, spliced
from perfbot.optimizer.strategies import Category, Strategy, Suggestion
from perfbot.profiling.functions import FunctionName

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


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked about a function, and of which prompt files it was made."""

    function: FunctionName
    purpose: Purpose
    prompts: tuple[str, ...]
    messages: tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)


@dataclass
class Spending:
    """What models have cost so far, against the limit of the run; calls that failed are counted apart.

    Each call is told to the ``journal``.
    """

    limit_usd: float
    journal: Journal = field(default_factory=Unkept)
    used: Usage = field(default_factory=Usage)
    calls: int = 0
    failures: list[str] = field(default_factory=list)

    def ask(self, model: Model, question: Question) -> Reply:
        """Ask within the limit.

        Raises:
            ModelError: there is no reply, or no money left for one.
        """
        if self.limit_usd <= self.used.usd and self.used.usd > 0:
            raise ModelError(OUT_OF_MONEY.format(usd=self.limit_usd))
        self.calls += 1
        try:
            reply = model.ask(question.messages, question.sampling)
        except ModelError as error:
            self.failures.append(str(error))
            self._tell(model, question, None, str(error))
            raise
        self.used += reply.usage
        self._tell(model, question, reply)
        return reply

    def _tell(self, model: Model, question: Question, reply: Reply | None, error: str = "") -> None:
        self.journal.asked(
            Call(
                question.function,
                question.purpose,
                model.name,
                question.prompts,
                question.messages,
                question.sampling,
                reply,
                error,
            )
        )


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
        question = Question(
            subject.function,
            Purpose.WRITE,
            _versioned("system", "function"),
            (_system("system"), self._question(subject, text, advice)),
        )
        for _ in range(min(_TRIES, self.replies)):
            self.replies -= 1
            reply = self.spending.ask(self.write_by, question)
            known = len(dropped)
            try:
                yield _proposal(subject, text, advice, reply.text)
                why = dropped[-1].why if len(dropped) > known else ""
            except (ReplyError, SpliceError) as error:
                why = str(error)
                self._tell_unreadable(subject, advice, why)
            if not why:
                return
            question = _repair(question, subject, reply, why)

    def _tell_unreadable(self, subject: Subject, advice: Sequence[Advice], why: str) -> None:
        """Tell the journal of a reply that no version could be made of."""
        suggestions = tuple(map(_suggestion, advice))
        trial = Trial(
            subject.function, self.planner, self.optimizer, suggestions, "", why, ratio=None
        )
        self.spending.journal.tried(trial)

    def _plan(self, subject: Subject, text: str) -> tuple[Advice, ...]:
        """Return the plan to write by; empty where the optimizer makes its own."""
        if self.plan_by is self.write_by:
            return ()
        if self.plan_by is None:
            found = [step.suggestion for step in plan.steps(subject, text, self.rules)]
            return tuple(_advice(each) for each in found[:5])
        question = Question(
            subject.function,
            Purpose.PLAN,
            _versioned("plan", "function"),
            (_system("plan"), self._question(subject, text, ())),
            Sampling(stop=(protocol.PLAN_CLOSE,)),
        )
        reply = self.spending.ask(self.plan_by, question)
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


def _repair(question: Question, subject: Subject, reply: Reply, why: str) -> Question:
    """Return the conversation with the reply and what speaks against it."""
    added = (Message(Role.ASSISTANT, reply.text), _feedback(subject, why))
    return replace(
        question,
        purpose=Purpose.REPAIR,
        prompts=_versioned("system", "function", "feedback"),
        messages=(*question.messages, *added),
    )


def _versioned(*prompts: str) -> tuple[str, ...]:
    return tuple(f"{each}@1" for each in prompts)


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
