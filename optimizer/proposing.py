"""Who proposes versions of a function: the catalogue, or a planner and an optimizer model.

A proposer is asked for versions of one text. What the search finds against a version is told to
whoever proposed it before the next one is taken: the list of dropped versions is shared and grows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from perfbot.optimizer import context, plan, prompting
from perfbot.optimizer.catalogue import Rule
from perfbot.optimizer.journal import Call, Journal, Purpose, Trial, Unkept
from perfbot.optimizer.knowledge import Knowledge
from perfbot.optimizer.models import Model, ModelError, Reply, Sampling, Usage
from perfbot.optimizer.packing import Section
from perfbot.optimizer.plan import Subject
from perfbot.optimizer.prompting import PLAIN, Conversation, Style
from perfbot.optimizer.protocol import Advice, ReplyError
from perfbot.optimizer.splice import SpliceError
from perfbot.optimizer.strategies import Strategy, Suggestion
from perfbot.optimizer.syntax_stage import read_plan, version
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
    """What a model is asked about a function, and what for."""

    function: FunctionName
    purpose: Purpose
    asked: Conversation
    sampling: Sampling


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
            reply = model.ask(question.asked.messages, question.sampling)
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
                question.asked.prompts,
                question.asked.messages,
                question.sampling,
                reply,
                error,
            )
        )


@dataclass
class Authors:
    """An optimizer model, and the planner that it works with.

    Without a ``plan_by`` the catalogue's suggestions are the plan (two-step); the same model for
    both makes plan and code in one reply. At most ``replies`` are asked for. ``knowledge`` is what is
    known of the function that it is asked about, found out when it is first needed.
    """

    write_by: Model
    plan_by: Model | None
    rules: Sequence[Rule]
    spending: Spending
    replies: int
    knowledge: Callable[[], Knowledge] = Knowledge
    style: Style = PLAIN
    plan_style: Style = PLAIN

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
        sections = context.sections(subject, text, self.knowledge())
        advice = self._plan(subject, text, sections)
        asked = prompting.writing(subject, sections, advice, style=self.style)
        sampling = Sampling(schema=self.style.schema)
        purpose = Purpose.WRITE
        for _ in range(min(_TRIES, self.replies)):
            self.replies -= 1
            question = Question(subject.function, purpose, asked, sampling)
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
            asked = asked.after(reply.text, prompting.feedback(subject, why))
            purpose = Purpose.REPAIR

    def _tell_unreadable(self, subject: Subject, advice: Sequence[Advice], why: str) -> None:
        """Tell the journal of a reply that no version could be made of."""
        suggestions = tuple(map(_suggestion, advice))
        trial = Trial(
            subject.function, self.planner, self.optimizer, suggestions, "", why, ratio=None
        )
        self.spending.journal.tried(trial)

    def _plan(self, subject: Subject, text: str, sections: Sequence[Section]) -> tuple[Advice, ...]:
        """Return the plan to write by; empty where the optimizer makes its own."""
        if self.plan_by is self.write_by:
            return ()
        if self.plan_by is None:
            found = [step.suggestion for step in plan.steps(subject, text, self.rules)]
            return tuple(advice_of(each) for each in found[:5])
        asked = prompting.planning(subject, sections, style=self.plan_style)
        sampling = Sampling(stop=self.plan_style.plan_stop, schema=self.plan_style.plan_schema)
        question = Question(subject.function, Purpose.PLAN, asked, sampling)
        reply = self.spending.ask(self.plan_by, question)
        try:
            return read_plan(reply.text).answer.advice
        except ReplyError:
            return ()  # a plan that cannot be read is no plan: the optimizer makes its own


def _proposal(subject: Subject, text: str, advice: Sequence[Advice], reply: str) -> Proposal:
    """Return the version that a reply describes; raises ReplyError or SpliceError."""
    found = version(text, subject.function, reply)
    suggestions = tuple(_suggestion(each) for each in (*(found.advice or advice),))
    return Proposal(suggestions, found.text)


def advice_of(suggestion: Suggestion) -> Advice:
    """Put a suggestion on the wire: the strategy's own name opens the description."""
    text = f"{suggestion.strategy.name}: {suggestion.why}"
    return Advice(suggestion.strategy.category, " ".join(text.split()))


def _suggestion(advice: Advice) -> Suggestion:
    """Take a strategy from the wire; what opens the description and ends with a colon is its name."""
    name, colon, why = advice.description.partition(": ")
    if not colon or len(name) > _NAME_CHARACTERS:
        name, why = advice.category.value.casefold(), advice.description
    return Suggestion(Strategy(advice.category, name), why)
