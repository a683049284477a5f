"""A scripted model with fixed behaviour: an instrument that shows what a prompt told it.

It knows how a function is to be written, but of what only the project has it knows what it was
told and no more. What it does with the rest is drawn once for each task, attempt and name, so that
two ways of asking meet the same attempts:

* a name that no message shows is guessed, right with ``Odds.name``, else a plausible wrong one is
  written: a helper that does not exist, an import from the wrong module, a member that the class
  lacks;
* a helper whose name is shown but not its signature is called wrongly with ``Odds.call``;
* in ``Odds.behaviour`` of the attempts one thing in the body is wrong (a seeded fault), until a
  message has told that results differ; each such message sets it right with ``Odds.mended``;
* where the prompt offers SQL on the project's index, it asks for the names that it was not told.

So the figures measure what context and diagnoses deliver, not how clever a model is.
"""

import ast
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from model_tasks import Definition, Level, Needed, Task, _definition

from perfbot.optimizer.mistakes import edits
from perfbot.optimizer.models import Finish, Message, Reply, Role, Sampling, Usage
from perfbot.optimizer.protocol import Advice, Answer, render
from perfbot.optimizer.strategies import Category

_SYNONYMS = {"get": "fetch", "parse": "read", "is": "check", "make": "build", "add": "append",
             "to": "as", "find": "locate", "set": "assign", "has": "contains"}  # fmt: skip
_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_RESULTS_DIFFER = re.compile(r"\bbefore, then\b|\bdiffer", re.IGNORECASE)
_ADVICE = Advice(Category.ALGORITHM, "as the docstring says: written anew")


@dataclass(frozen=True)
class Odds:
    """How often the scripted model is right about what nobody told it."""

    name: float = 0.3
    call: float = 0.25
    behaviour: float = 0.3
    mended: float = 0.7


@dataclass
class Developer:
    """One attempt at one task; the conversation is all that it goes by."""

    task: Task
    attempt: int
    odds: Odds = Odds()
    name: str = "scripted:developer"

    def ask(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """Answer with a query where one is offered and needed, else with the function."""
        told = "\n".join(each.text for each in messages if each.role is not Role.ASSISTANT)
        own = [each.text for each in messages if each.role is Role.ASSISTANT]
        unknown = [each for each in self.task.needed if not _shows(told, each.name)]
        asked = "[SQL/]" in "".join(own)
        if unknown and "[SQL/]" in told and not asked:
            return _reply(_query(unknown), told)
        rounds = len(_RESULTS_DIFFER.findall(messages[-1].text)) and len(own)
        return _reply(render(Answer((_ADVICE,), self._code(told, rounds))), told)

    def _code(self, told: str, rounds: int) -> str:
        function = ast.parse(ast.unparse(self._body(rounds))).body[0]
        written = _Written(self, told)
        changed = written.visit(function)
        imports = [ast.unparse(each) for each in written.imports.values()]
        return "\n".join([*imports, ast.unparse(ast.fix_missing_locations(changed))])

    def _body(self, rounds: int) -> Definition:
        """Return the function as this attempt would write it, were all its names known."""
        wrong = self.chance("behaviour") < self.odds.behaviour
        mended = any(
            self.chance(f"mended {each}") < self.odds.mended for each in range(1, rounds + 1)
        )
        if wrong and not mended and self._faulty is not None:
            return self._faulty
        return self._original

    @cached_property
    def _original(self) -> Definition:
        text = self.task.original
        found = _definition(ast.parse(text), text, self.task.function)
        assert found is not None
        return found

    @cached_property
    def _faulty(self) -> Definition | None:
        """Return the function with one seeded fault in it."""
        plain = ast.unparse(ast.fix_missing_locations(self._original))
        function = ast.parse(plain).body[0]
        assert isinstance(function, Definition)
        found = list(edits(plain, function))
        random.Random(self._key("fault")).shuffle(found)
        for each in found:
            try:
                changed = ast.parse(each.applied(plain)).body[0]
            except SyntaxError:
                continue
            assert isinstance(changed, Definition)
            return changed
        return None

    def chance(self, what: str) -> float:
        """Return the number that decides this attempt's ``what``; the same each time."""
        return random.Random(self._key(what)).random()

    def _key(self, what: str) -> str:
        return f"{self.task.library} {self.task.function} {self.attempt} {what}"


class _Written(ast.NodeTransformer):
    """Puts down each name as the developer believes it to be."""

    def __init__(self, developer: Developer, told: str) -> None:
        self._developer = developer
        self._told = told
        self._needed = {each.name: each for each in developer.task.needed}
        self.imports: dict[str, ast.ImportFrom] = {}

    def visit_Name(self, node: ast.Name) -> ast.AST:
        needed = self._needed.get(node.id)
        if needed is None or needed.level is Level.CLASS:
            return node
        name = self._believed(needed)
        if needed.level is Level.PROJECT:
            self._import(needed, name)
        return ast.Name(name, node.ctx)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        needed = self._needed.get(node.attr)
        if needed and needed.level is Level.CLASS and _is_self(node.value):
            return ast.Attribute(node.value, self._believed(needed), node.ctx)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        self.generic_visit(node)
        guesses = called in self._needed and not self._knows_signature(called)
        if guesses and self._developer.chance(f"call {called}") < self._developer.odds.call:
            node.keywords.append(ast.keyword("strict", ast.Constant(True)))
        return node

    def _knows_signature(self, name: str) -> bool:
        shown = re.search(rf"\b{re.escape(name)}\(", self._told)
        return shown is not None or not _shows(self._told, name)

    def _believed(self, needed: Needed) -> str:
        developer = self._developer
        guessed = developer.chance(f"name {needed.name}") < developer.odds.name
        return needed.name if guessed or _shows(self._told, needed.name) else _wrong(needed.name)

    def _import(self, needed: Needed, name: str) -> None:
        """Import from the right module if it was told, else from where it would be in most projects."""
        imported = re.search(
            rf"^(?:from|import)\b.*\b{re.escape(name)}\b", self._told, re.MULTILINE
        )
        if imported:
            return
        path = needed.module.replace(".", "/")
        known = path in self._told or needed.module in self._told
        module = needed.module if known else f"{needed.module.split('.')[0]}.helpers"
        self.imports[name] = ast.ImportFrom(module, [ast.alias(name)], 0)


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _shows(told: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", told) is not None


def _wrong(name: str) -> str:
    """Return a name that somebody could take for this one."""
    words = _WORDS.findall(name)
    for word in words:
        if word.lower() in _SYNONYMS:
            other = _SYNONYMS[word.lower()]
            return name.replace(word, other.capitalize() if word[0].isupper() else other, 1)
    return f"{name}_of" if name.islower() else f"{name}Base"


def _query(unknown: Sequence[Needed]) -> str:
    parts = [max(_WORDS.findall(each.name) or [each.name], key=len) for each in unknown]
    like = " OR ".join(f"s.name LIKE '%{part}%'" for part in parts)
    return (
        "[SQL/]\nSELECT f.path, s.qualname, s.signature FROM symbols AS s JOIN files AS f "
        f"ON f.id = s.file WHERE {like}\n[/SQL]"
    )


def _reply(text: str, told: str) -> Reply:
    return Reply(text, Finish.STOP, Usage(len(told) // 4, len(text) // 4), 0.0)
