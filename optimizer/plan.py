"""What could be done about a hotspot: the suggestions of the catalogue, with the code they lead to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from perfbot.optimizer.catalogue import Rule
from perfbot.optimizer.scene import Rewrite, Scene, SceneError
from perfbot.optimizer.strategies import Suggestion
from perfbot.profiling.facts import Seen
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.line_times import LineTimes
from perfbot.profiling.source import SourceFile


@dataclass(frozen=True, slots=True)
class Reached:
    """How good a version is that is to be improved on: old/new cost, and where its time goes now."""

    ratio: float
    heat: LineTimes


@dataclass(frozen=True, slots=True)
class Subject:
    """The function to be made faster, with what is known of it.

    ``group`` are functions of the same file that may be changed with it. ``reached`` tells of the
    version that a proposer is asked about, where it is not the first one.
    """

    function: FunctionName
    source: SourceFile
    facts: dict[str, Seen]
    dependencies: frozenset[str]
    calls: int
    dict_attributes: frozenset[str] | None = None
    reached: Reached | None = None
    group: tuple[FunctionName, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One suggestion applied to one text."""

    suggestion: Suggestion
    text: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A function and what is suggested for it, in the order of application."""

    function: FunctionName
    suggestions: tuple[Suggestion, ...]


def steps(subject: Subject, text: str, rules: Sequence[Rule]) -> Iterator[Step]:
    """Yield every single step that the rules see in a version of the subject's file.

    Texts that mean the same as ``text`` are left out.
    """
    scene = Scene(
        cst.parse_module(text),
        subject.function.qualname.replace(".<locals>", ""),
        subject.facts,
        subject.dependencies,
        subject.calls,
        subject.dict_attributes,
    )
    try:
        scene.function  # noqa: B018 - a rule must not be asked about a function that is not there
    except SceneError:
        return
    for rule in rules:
        for rewrite in _found(rule, scene):
            code = rewrite.module.code
            if code != text:
                yield Step(Suggestion(rule.strategy, rewrite.why), code)


def _found(rule: Rule, scene: Scene) -> Iterator[Rewrite]:
    """Yield what a rule finds; one that writes what is no Python loses its step, not the whole run."""
    try:
        yield from rule.find(scene)
    except cst.ParserSyntaxError:
        return
