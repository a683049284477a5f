"""What a frozen optimizer makes of a planner's plan: the catalogue, or any model that writes code.

PerfCoder trains its planner against an optimizer that does not learn (section on GRPO). At small
scale that is the catalogue: it applies what the plan names, by strategy or category, in the plan's
order, and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from perfbot.optimizer import context, plan, prompting
from perfbot.optimizer.catalogue import Rule
from perfbot.optimizer.embedded import followed, guidance
from perfbot.optimizer.models import Model, ModelError, Sampling
from perfbot.optimizer.plan import Step
from perfbot.optimizer.protocol import Advice, ReplyError
from perfbot.optimizer.repair import SpliceError
from perfbot.optimizer.scene import SceneError
from perfbot.optimizer.strategies import Suggestion
from perfbot.optimizer.styles import PLAIN, Style
from perfbot.optimizer.syntax_stage import version
from perfbot.training.court import Court, Task
from perfbot.training.outcome import Branch, Outcome

_MOST_STEPS = 8


class Optimizer(Protocol):
    """Who writes a version by a plan."""

    def outcome(self, task: Task, advice: Sequence[Advice]) -> Outcome:
        """Return what came of the version that this plan leads to."""


@dataclass
class Catalogue:
    """The embedded catalogue; a plan that names nothing that it sees leaves the program as it is."""

    court: Court
    rules: Sequence[Rule]
    _steps: dict[tuple[Task, str], list[Step]] = field(default_factory=dict)

    def outcome(self, task: Task, advice: Sequence[Advice]) -> Outcome:
        """Return what came of the version that this plan leads to."""
        kept = self.court.kept(task)
        guide = guidance(advice, self.steps(kept, kept.program))
        program = self.composed(kept, guide)[0] if guide else kept.program
        return self.court.outcome(kept, program)

    def steps(self, task: Task, text: str) -> list[Step]:
        """Return the steps that the catalogue sees in a version, worked out once."""
        if (task, text) not in self._steps:
            subject = self.court.subject(task)
            self._steps[task, text] = list(plan.steps(subject, text, self.rules))
        return self._steps[task, text]

    def composed(self, task: Task, advice: Sequence[Advice]) -> tuple[str, tuple[Suggestion, ...]]:
        """Apply step after step of a plan (empty: of all) to a program; return the text and the steps."""
        text, applied, seen = task.program, list[Suggestion](), {task.program}
        while len(applied) < _MOST_STEPS:
            steps = followed(advice, self.steps(task, text))
            step = next((each for each in steps if each.text not in seen), None)
            if step is None:
                break
            applied.append(step.suggestion)
            text = step.text
            seen.add(text)
        return text, tuple(applied)


@dataclass
class Written:
    """A model that writes code by the plan, asked as perfbot asks it."""

    court: Court
    model: Model
    style: Style = PLAIN

    def outcome(self, task: Task, advice: Sequence[Advice]) -> Outcome:
        """Return what came of the version that this plan leads to."""
        kept = self.court.kept(task)
        subject = self.court.subject(kept)
        sections = context.sections(subject, kept.program)
        asked = prompting.writing(subject, sections, advice, style=self.style)
        try:
            reply = self.model.ask(asked.messages, Sampling(schema=self.style.schema))
            found = version(kept.program, subject.function, reply.text)
        except ModelError as error:
            return Outcome(Branch.UNKNOWN, why=str(error))
        except (ReplyError, SpliceError, SceneError) as error:
            return Outcome(Branch.NO_FORMAT, why=str(error))
        return self.court.outcome(kept, found.text)
