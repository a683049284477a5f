"""The catalogue where a model could stand: it answers the same questions, and follows a planner.

:class:`Embedded` is a :class:`~models.Model` that needs no weights: it reads the function out of the
question, applies rules, and answers in the wire format. :class:`Guided` proposes the catalogue's
steps in the order of a planner's plan.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import libcst as cst

from perfbot.optimizer import catalogue, context, plan, prompting
from perfbot.optimizer.catalogue import Rule
from perfbot.optimizer.journal import Purpose
from perfbot.optimizer.knowledge import Knowledge
from perfbot.optimizer.models import Finish, Message, Model, ModelError, Reply, Sampling, Usage
from perfbot.optimizer.plan import Step, Subject
from perfbot.optimizer.prompting import PLAIN, Style
from perfbot.optimizer.proposing import EMBEDDED, Proposal, Question, Spending, Tried, advice_of
from perfbot.optimizer.protocol import PLAN_CLOSE, Advice, Answer, ReplyError, render
from perfbot.optimizer.question import QuestionError
from perfbot.optimizer.question import question as read_question
from perfbot.optimizer.strategies import Suggestion
from perfbot.optimizer.syntax_stage import read_plan

NOTHING_TO_DO = "the catalogue sees nothing {more}to change in {name}"

_MOST_STEPS = 8
_MOST_ADVICE = 5


def guidance(advice: Sequence[Advice], steps: Sequence[Step]) -> tuple[Advice, ...]:
    """Return a plan if it names any of the steps, by name or category; else nothing to go by."""
    named = any(_place(each.suggestion, advice) is not None for each in steps)
    return tuple(advice) if named else ()


def followed(advice: Sequence[Advice], steps: Iterable[Step]) -> list[Step]:
    """Return the steps that a plan names, in its order: by the strategy's name, else by category.

    Without a plan, that is all of them as they are.
    """
    if not advice:
        return list(steps)
    placed = [(_place(each.suggestion, advice), each) for each in steps]
    named = [(place, step) for place, step in placed if place is not None]
    return [step for _, step in sorted(named, key=lambda pair: pair[0])]


def _place(suggestion: Suggestion, advice: Sequence[Advice]) -> tuple[bool, int] | None:
    """Return where a plan names a suggestion; what it names by category only comes later."""
    name = suggestion.strategy.name.casefold()
    category = suggestion.strategy.category
    by_name = (number for number, each in enumerate(advice) if name in each.description.casefold())
    by_category = (number for number, each in enumerate(advice) if each.category is category)
    places = [*((False, each) for each in by_name), *((True, each) for each in by_category)]
    return min(places, default=None)


@dataclass(frozen=True, slots=True)
class Embedded:
    """The catalogue as a model.

    Its first answer is a composition of steps, each later one (after a diagnosis) a single step that
    it has not handed in yet. It draws nothing at random and costs nothing.
    """

    rules: Sequence[Rule] = field(default_factory=catalogue.rules)
    name: str = EMBEDDED

    def ask(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """Return strategies and code, or the strategies alone where a plan is asked for.

        Raises:
            ModelError: the question shows no function, or no rule applies to it any more.
        """
        started = time.monotonic()
        try:
            text = self._answer(messages, sampling)
        except (QuestionError, cst.ParserSyntaxError) as error:
            raise ModelError(f"{self.name}: {error}") from None
        return Reply(text, Finish.STOP, Usage(), time.monotonic() - started)

    def _answer(self, messages: Sequence[Message], sampling: Sampling) -> str:
        asked = read_question(messages)
        every = list(plan.steps(asked.subject, asked.text, self.rules))
        guide = guidance(asked.advice, every)
        steps = followed(guide, every)
        if _is_for_a_plan(sampling):
            advice = tuple(advice_of(each.suggestion) for each in steps[:_MOST_ADVICE])
            self._need(advice, asked.subject, 0)
            return render(Answer(advice)).partition(PLAN_CLOSE)[0]
        versions = list(self._versions(asked.subject, guide, steps))[asked.tries :]
        self._need(versions, asked.subject, asked.tries)
        suggestions, text = versions[0]
        return render(Answer(tuple(map(advice_of, suggestions)), text.strip("\n")))

    def _need(self, found: Sequence[object], subject: Subject, tries: int) -> None:
        if not found:
            more = "more " if tries else ""
            told = NOTHING_TO_DO.format(more=more, name=subject.function.qualname)
            raise ModelError(f"{self.name}: {told}")

    def _versions(
        self, subject: Subject, advice: Sequence[Advice], steps: Sequence[Step]
    ) -> Iterator[tuple[tuple[Suggestion, ...], str]]:
        """Yield what can be handed in, the composition first."""
        if steps:
            yield self._composed(subject, advice, steps[0])
        for step in steps[1:]:
            yield (step.suggestion,), step.text

    def _composed(
        self, subject: Subject, advice: Sequence[Advice], first: Step
    ) -> tuple[tuple[Suggestion, ...], str]:
        """Apply step after step, each to what the one before made, until none is left."""
        suggestions, text = [first.suggestion], first.text
        seen = {subject.source.text, text}
        while len(suggestions) < _MOST_STEPS:
            steps = followed(advice, plan.steps(subject, text, self.rules))
            step = next((each for each in steps if each.text not in seen), None)
            if step is None:
                break
            suggestions.append(step.suggestion)
            text = step.text
            seen.add(text)
        return tuple(suggestions), text


def _is_for_a_plan(sampling: Sampling) -> bool:
    """Say whether a reply is to end where its plan does, in either form of replies."""
    properties = (sampling.schema or {}).get("properties")
    return PLAN_CLOSE in sampling.stop or (
        isinstance(properties, dict) and "strategies" in properties and "code" not in properties
    )


@dataclass
class Guided:
    """The catalogue's steps in the order of a planner's plan; what it does not name is left out.

    The planner is asked once for a function. One that does not answer, or whose plan cannot be read,
    leaves the catalogue to plan for itself.
    """

    plan_by: Model
    rules: Sequence[Rule]
    spending: Spending
    knowledge: Callable[[], Knowledge] = Knowledge
    style: Style = PLAIN
    optimizer: str = EMBEDDED
    _guide: tuple[Advice, ...] | None = None  # None: the planner was not asked yet

    @property
    def planner(self) -> str:
        """Who plans: the planner, once it has given a plan that can be followed."""
        return self.plan_by.name if self._guide else EMBEDDED

    def proposals(
        self, subject: Subject, text: str, dropped: Sequence[Tried]
    ) -> Iterator[Proposal]:
        """Yield one version for each step of the plan, in its order."""
        every = list(plan.steps(subject, text, self.rules))
        if self._guide is None:
            self._guide = guidance(self._plan(subject, text), every)
        for step in followed(self._guide, every):
            yield Proposal((step.suggestion,), step.text)

    def _plan(self, subject: Subject, text: str) -> tuple[Advice, ...]:
        sections = context.sections(subject, text, self.knowledge())
        asked = prompting.planning(subject, sections, style=self.style)
        sampling = Sampling(stop=self.style.plan_stop, schema=self.style.plan_schema)
        question = Question(subject.function, Purpose.PLAN, asked, sampling)
        try:
            reply = self.spending.ask(self.plan_by, question)
            return read_plan(reply.text).answer.advice
        except (ModelError, ReplyError):
            return ()
