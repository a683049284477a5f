"""Replies of a policy as outcomes: read as perfbot reads them, then judged.

A reply in the wire format is read exactly (``protocol.parse``): training must not teach what the
product would have to repair.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from perfbot.optimizer.protocol import ReplyError, parse
from perfbot.training.court import Court, Task
from perfbot.training.outcome import Branch, Outcome
from perfbot.training.planned import Optimizer

NO_CODE = "the reply has a plan and no code"
NO_SUCH_FUNCTION = "the code does not define {function}"


@dataclass(frozen=True, slots=True)
class Coded:
    """Judges replies of plan and code: the code is the whole new program."""

    court: Court

    def outcome(self, task: Task, reply: str) -> Outcome:
        """Return what came of a reply."""
        try:
            code = parse(reply).code
        except ReplyError as error:
            return Outcome(Branch.NO_FORMAT, why=str(error))
        if code is None:
            return Outcome(Branch.NO_FORMAT, why=NO_CODE)
        refused = _unusable(code, task.function)
        return refused or self.court.outcome(task, f"{code}\n")


@dataclass(frozen=True, slots=True)
class Planned:
    """Judges plans by what a frozen optimizer makes of them."""

    optimizer: Optimizer

    def outcome(self, task: Task, reply: str) -> Outcome:
        """Return what came of a plan; what stands after ``[/SUGG]`` does not count."""
        try:
            advice = parse(reply).advice
        except ReplyError as error:
            return Outcome(Branch.NO_FORMAT, why=str(error))
        return self.optimizer.outcome(task, advice)


Judging = Coded | Planned


def outcomes(judging: Judging, tasks: Sequence[Task], replies: Sequence[str]) -> list[Outcome]:
    """Return what came of each reply to the task at its place."""
    return [judging.outcome(*each) for each in zip(tasks, replies, strict=True)]


def _unusable(code: str, function: str) -> Outcome | None:
    """Return the outcome of what is no Python or lacks the function, which no run has to find out."""
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Outcome(Branch.NO_FORMAT, why=str(error))
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    if not any(isinstance(node, functions) and node.name == function for node in body):
        return Outcome(Branch.NO_FUNCTION, why=NO_SUCH_FUNCTION.format(function=function))
    return None
