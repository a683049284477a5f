"""Models that write: a plan, a version, what was found against it, the next version.

PerfCoder's modes: one model makes plan and code in one reply; a planner plans and another model
writes (two-step, by its own or an external plan); or the catalogue's suggestions are the plan. Each
version is refined as in CoCoGen: what the search finds goes back with its class, and what the
project's index knows of a missing symbol goes with it.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import exp
from statistics import fmean

from perfbot.optimizer import context, groups, plan, prompting
from perfbot.optimizer.catalogue import Rule
from perfbot.optimizer.containment import visible
from perfbot.optimizer.diagnosis import Diagnosis, ErrorClass, Stage, refused
from perfbot.optimizer.journal import Purpose, Trial
from perfbot.optimizer.knowledge import Knowledge
from perfbot.optimizer.lookup import NOTHING_TO_ASK, Lookup
from perfbot.optimizer.models import Finish, Model, ModelError, Reply, Sampling
from perfbot.optimizer.normal_form import normal_form
from perfbot.optimizer.packing import Section
from perfbot.optimizer.plan import Subject
from perfbot.optimizer.prompting import Conversation
from perfbot.optimizer.proposing import EMBEDDED, Proposal, Tried
from perfbot.optimizer.protocol import Advice, ReplyError, read_query
from perfbot.optimizer.refinement import Refinement
from perfbot.optimizer.repair import SpliceError
from perfbot.optimizer.scene import SceneError
from perfbot.optimizer.spending import Question, Spending
from perfbot.optimizer.strategies import Strategy, Suggestion
from perfbot.optimizer.styles import PLAIN, Style
from perfbot.optimizer.syntax_stage import read_plan, version

FAILED_BEFORE = "Versions that were tried before and dropped, with the reason"
REACHED = "How far the version that is shown has come"
FASTER = "It does the same and costs {ratio:.2f} times less than the original. Improve on it."
NO_MORE_QUERIES = "That was the last query: answer now."

_NAME_CHARACTERS = 48
_ADVICE = 5  # suggestions of the catalogue in a plan
_REASON_CHARACTERS = 400
_REMEMBERED = 5  # failed versions that a new conversation is told of


@dataclass(frozen=True, slots=True)
class _Draft:
    """A reply and the conversation that it answers."""

    asked: Conversation
    reply: Reply


@dataclass(frozen=True, slots=True)
class _Failed:
    """A reply, what was found against it, and the normal form of its version (or the reply itself)."""

    draft: _Draft
    why: Diagnosis
    form: str


@dataclass
class Authors:
    """An optimizer model, and the planner that it works with.

    Without a ``plan_by`` the catalogue's suggestions are the plan (two-step); the same model for
    both makes plan and code in one reply. At most ``replies`` with code are asked for. ``knowledge`` is
    what is known of the function that it is asked about, found out when it is first needed.
    """

    write_by: Model
    plan_by: Model | None
    rules: Sequence[Rule]
    spending: Spending
    replies: int
    knowledge: Callable[[], Knowledge] = Knowledge
    style: Style = PLAIN
    plan_style: Style = PLAIN
    refinement: Refinement = field(default_factory=Refinement)
    lookup: Lookup = NOTHING_TO_ASK

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
        """Yield versions, and after a round in which all were dropped those made with the diagnosis.

        A model that does not answer ends it: the run goes on with the other proposers.
        """
        try:
            yield from self._versions(subject, text, dropped)
        except ModelError:
            return

    def _versions(
        self, subject: Subject, text: str, dropped: Sequence[Tried]
    ) -> Iterator[Proposal]:
        if self.replies <= 0:
            return
        sections = self._sections(subject, text, dropped)
        advice = self._plan(subject, text, sections)
        style = self.style
        schema = "" if style.schema else self.lookup.schema  # who must write JSON cannot write SQL
        shots = self._examples()
        first = asked = prompting.writing(
            subject, sections, advice, style=style, examples=shots, index=schema
        )
        purpose, known = Purpose.WRITE, set[str]()
        for _ in range(self.refinement.rounds):
            drafts = self._drafts(subject, asked, purpose) if self.replies > 0 else []
            failed = yield from self._offered(subject, text, advice, drafts, dropped)
            news = [each for each in failed if each.form not in known]
            if len(failed) < len(drafts) or not news:
                return  # one stays and will have its turn, or the model only repeats itself
            known.update(each.form for each in news)
            furthest = max(news, key=lambda each: each.why.stage)
            asked, purpose = self._told(subject, furthest, first), Purpose.REPAIR

    def _sections(self, subject: Subject, text: str, dropped: Sequence[Tried]) -> list[Section]:
        """Return what a model is shown of a version; of a better one than the first its own heat."""
        knowledge, reached = self.knowledge(), subject.reached
        more: list[Section] = []
        if reached is not None:
            subject = replace(subject, source=replace(subject.source, text=text))
            knowledge = replace(knowledge, heat=reached.heat)
            more.append(Section(REACHED, FASTER.format(ratio=reached.ratio)))
        failed = [each for each in dropped if each.optimizer == self.optimizer][-_REMEMBERED:]
        if failed and self.refinement.history:
            more.append(Section(FAILED_BEFORE, "\n".join(map(_in_a_line, failed))))
        together = groups.section(text, subject.group)
        shown = context.sections(subject, text, knowledge)
        return [*shown[:1], *([together] if together else []), *shown[1:], *more]

    def _examples(self) -> list[prompting.Example]:
        """Return the accepted pairs that are nearest, for those who are asked by examples."""
        found: list[prompting.Example] = []
        for pair in self.knowledge().accepted:
            with suppress(ValueError):  # its code has a control token in it
                found.append(prompting.Example.of(pair))
        return found

    def _plan(self, subject: Subject, text: str, sections: Sequence[Section]) -> tuple[Advice, ...]:
        """Return the plan to write by; empty where the optimizer makes its own."""
        if self.plan_by is self.write_by:
            return ()
        if self.plan_by is None:
            found = [step.suggestion for step in plan.steps(subject, text, self.rules)]
            return tuple(advice_of(each) for each in found[:_ADVICE])
        style, shots = self.plan_style, self._examples()
        asked = prompting.planning(subject, sections, style=style, examples=shots)
        sampling = Sampling(stop=self.plan_style.plan_stop, schema=self.plan_style.plan_schema)
        question = Question(subject.function, Purpose.PLAN, asked, sampling)
        try:
            return read_plan(self.spending.ask(self.plan_by, question).text).answer.advice
        except (ModelError, ReplyError):
            return ()  # without a plan that can be read the optimizer makes its own

    def _drafts(self, subject: Subject, asked: Conversation, purpose: Purpose) -> list[_Draft]:
        """Ask for the versions of one round, all at once; what the index is asked is answered.

        Raises:
            ModelError: not one reply came.
        """
        count = min(self.refinement.samples, self.replies)
        self.replies -= count
        waiting = [(number, asked) for number in range(count)]
        drafts: list[_Draft] = []
        for left in range(self.refinement.queries, -1, -1):
            replies = self._replies(subject, waiting, purpose)
            waiting, purpose = [], Purpose.QUERY
            for number, draft in replies:
                answered = self._rows(subject, draft, left)
                if answered is None:
                    drafts.append(draft)
                else:
                    waiting.append((number, answered))
            if not waiting:
                break
        return drafts

    def _replies(
        self, subject: Subject, waiting: Sequence[tuple[int, Conversation]], purpose: Purpose
    ) -> list[tuple[int, _Draft]]:
        questions = [
            Question(subject.function, purpose, asked, self._sampling(number))
            for number, asked in waiting
        ]
        replies = self.spending.ask_all(self.write_by, questions)
        found = [
            (number, _Draft(asked, reply))
            for (number, asked), reply in zip(waiting, replies, strict=True)
            if isinstance(reply, Reply)
        ]
        if not found and replies:
            raise next(reply for reply in replies if isinstance(reply, ModelError))
        return found

    def _sampling(self, number: int) -> Sampling:
        """Return how one of a round's replies is drawn: the first one's seed is 0."""
        several = self.refinement.samples > 1
        temperature = self.refinement.temperature if several else 0.0
        return Sampling(
            temperature=temperature, seed=number, schema=self.style.schema, logprobs=True
        )

    def _rows(self, subject: Subject, draft: _Draft, left: int) -> Conversation | None:
        """Return the conversation with the rows that a reply asked for, ``None`` if it is an answer.

        ``left`` is how many more queries are answered: without one, a query counts as the answer.
        """
        if not self.lookup.schema or not left:
            return None
        try:
            query = read_query(draft.reply.text)
        except ReplyError as error:
            rows = str(error)
        else:
            if query is None:
                return None
            rows = self.lookup.rows(query)
        more = "" if left > 1 else f"\n{NO_MORE_QUERIES}"
        return draft.asked.after(draft.reply.text, prompting.rows(subject, rows + more))

    def _offered(
        self,
        subject: Subject,
        text: str,
        advice: Sequence[Advice],
        drafts: Sequence[_Draft],
        dropped: Sequence[Tried],
    ) -> Generator[Proposal, None, list[_Failed]]:
        """Yield the versions of a round and return those that failed."""
        failed: list[_Failed] = []
        for draft in drafts:
            try:
                proposal = _proposal(subject, text, advice, draft.reply)
            except (ReplyError, SpliceError, SceneError) as error:
                why = _unreadable(error)
                self._tell_unreadable(subject, advice, why)
                failed.append(_Failed(draft, why, draft.reply.text))
                continue
            known = len(dropped)
            yield proposal
            if len(dropped) > known:
                failed.append(_Failed(draft, dropped[-1].why, normal_form(proposal.text)))
        return failed

    def _tell_unreadable(self, subject: Subject, advice: Sequence[Advice], why: Diagnosis) -> None:
        """Tell the journal of a reply that no version could be made of."""
        suggestions = tuple(map(_suggestion, advice))
        by = self.planner, self.optimizer
        trial = Trial(subject.function, *by, suggestions, "", str(why), ratio=None)
        self.spending.journal.tried(trial)

    def _told(self, subject: Subject, failed: _Failed, first: Conversation) -> Conversation:
        """Return the conversation that asks for the next version."""
        so_far = failed.draft.asked if self.refinement.history else first
        found = self.lookup.sections(failed.why, subject.function)
        feedback = prompting.feedback(subject, str(failed.why), found)
        return so_far.after(failed.draft.reply.text, feedback)


def _proposal(subject: Subject, text: str, advice: Sequence[Advice], reply: Reply) -> Proposal:
    """Return the version that a reply describes; raises ReplyError, SpliceError or SceneError."""
    group = frozenset(each.qualname for each in subject.group)
    cut = reply.finish is Finish.LENGTH
    found = version(text, subject.function, reply.text, group=group, cut=cut)
    suggestions = tuple(_suggestion(each) for each in (*(found.advice or advice),))
    sure = fmean(map(exp, reply.logprobs)) if reply.logprobs else None
    return Proposal(suggestions, found.text, sure)


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


def _unreadable(error: Exception) -> Diagnosis:
    """Return what keeps a reply from being a version; names that nothing defines are looked up."""
    if isinstance(error, SpliceError) and error.missing:
        return Diagnosis(ErrorClass.UNDEF, Stage.CHECKING, str(error), error.missing)
    return refused(str(error), Stage.READING)


def _in_a_line(tried: Tried) -> str:
    names = ", ".join(each.strategy.name for each in tried.suggestions) or "a version"
    return f"- {visible(names)}: {visible(' '.join(str(tried.why).split()))[:_REASON_CHARACTERS]}"
