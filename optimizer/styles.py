"""How a model is asked and what it hands in: data of the operator's choice, no code path."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from perfbot.optimizer import protocol, structured


class Manner(StrEnum):
    """How a model is led to its answer."""

    PLAIN = "plain"
    THINKING = "thinking"  # chain of thought before the answer, which readers skip
    FEW_SHOT = "few-shot"  # accepted pairs stand before the question, as turns
    TRAINED = "trained"  # what perfbot's own models are trained on: the function and nothing else


class Form(StrEnum):
    """What a model hands in."""

    FUNCTION = "function"  # the whole function
    DIFF = "diff"  # what changes in it
    JSON = "json"  # the whole function, in an object that a JSON Schema describes


@dataclass(frozen=True, slots=True)
class Style:
    """How a model is asked, as its operator chose."""

    manner: Manner = Manner.PLAIN
    form: Form = Form.FUNCTION

    @property
    def thinks(self) -> bool:
        """Whether text before the answer is asked for."""
        return self.manner is Manner.THINKING

    @property
    def schema(self) -> Mapping[str, object] | None:
        """The JSON Schema of a reply with code, for ``Sampling``; ``None``: free text."""
        return structured.schema(thinks=self.thinks) if self.form is Form.JSON else None

    @property
    def plan_schema(self) -> Mapping[str, object] | None:
        """The JSON Schema of a plan, for ``Sampling``; ``None``: free text."""
        is_json = self.form is Form.JSON
        return structured.schema(thinks=self.thinks, code=False) if is_json else None

    @property
    def plan_stop(self) -> tuple[str, ...]:
        """What ends a plan, for ``Sampling``."""
        return () if self.form is Form.JSON else (protocol.PLAN_CLOSE,)


PLAIN = Style()
