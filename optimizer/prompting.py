"""The conversations in which models plan and write, made of the versioned files in ``prompts/``.

What is the same for every function comes first, so that a server can keep it; what belongs to one
function follows, and what is said of one version comes last. How a model is led is data: a
:class:`Style` names the files.
"""

import itertools
import re
import secrets
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2s
from importlib import resources

from perfbot.optimizer import diff_answer, protocol, structured
from perfbot.optimizer.containment import drawn, visible, visible_source
from perfbot.optimizer.diff_answer import FRAME
from perfbot.optimizer.knowledge import Pair
from perfbot.optimizer.models import Message, Role
from perfbot.optimizer.packing import Section
from perfbot.optimizer.plan import Subject
from perfbot.optimizer.protocol import Advice, Answer
from perfbot.optimizer.strategies import Category
from perfbot.optimizer.styles import PLAIN, Form, Manner, Style

BEFORE = "The function"

_WHY_CHARACTERS = 4000
_FRONT_MATTER = re.compile(r"\A---\nversion: (\d+)\n---\n")
_SECRET = secrets.token_bytes(16)


@dataclass(frozen=True, slots=True)
class Example:
    """A pair that was accepted: a function as it was, and the answer that made it faster."""

    before: str
    answer: Answer

    @classmethod
    def of(cls, pair: Pair) -> "Example":
        """Return what a remembered pair shows; strategies outside of the fifteen are left out.

        Raises:
            ValueError: its code has a control token in it.
        """
        return cls(pair.before, Answer(protocol.advice_of(pair.strategies), pair.after))


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is said to a model; ``prompts`` names the files it was made of, such as ``system@2``."""

    messages: tuple[Message, ...]
    prompts: tuple[str, ...]

    def after(self, reply: str, told: "Conversation") -> "Conversation":
        """Return this conversation, the model's reply to it, and what is told then."""
        messages = (*self.messages, Message(Role.ASSISTANT, reply), *told.messages)
        return Conversation(messages, tuple(dict.fromkeys((*self.prompts, *told.prompts))))


def planning(
    subject: Subject,
    sections: Sequence[Section],
    *,
    style: Style = PLAIN,
    examples: Sequence[Example] = (),
    index: str = "",
) -> Conversation:
    """Return the question for a plan.

    ``examples`` are shown in the few-shot manner alone. ``index`` describes the tables of the project
    index that the model may ask (``protocol.read_query``); empty: it may not. In JSON it cannot.
    """
    form = "answer-plan-json" if style.form is Form.JSON else "answer-plan"
    shots = [Example(each.before, Answer(each.answer.advice)) for each in examples]
    return _conversation(("plan", form), subject, sections, (), style, shots, index)


def writing(
    subject: Subject,
    sections: Sequence[Section],
    advice: Sequence[Advice] = (),
    *,
    style: Style = PLAIN,
    examples: Sequence[Example] = (),
    index: str = "",
) -> Conversation:
    """Return the question for a version of the function, made by the plan ``advice`` if there is one.

    The other arguments are those of :func:`planning`.
    """
    parts = ("system", f"answer-{style.form}")
    return _conversation(parts, subject, sections, advice, style, examples, index)


def feedback(subject: Subject, why: str, sections: Sequence[Section] = ()) -> Conversation:
    """Return what is told of a version that was dropped, for :meth:`Conversation.after`.

    ``sections`` are what the next try needs to see, such as the definition of a missing name.
    """
    name = subject.function.qualname
    text = visible(why)[:_WHY_CHARACTERS]
    return _told("feedback", name, [Section("", text), *sections], why=text, sections=sections)


def rows(subject: Subject, text: str) -> Conversation:
    """Return what the index answered to a model's query, for :meth:`Conversation.after`."""
    name = subject.function.qualname
    return _told("rows", name, [Section("", text)], rows=visible(text))


@cache
def version(name: str) -> int:
    """Return the version of a prompt: it grows with each change of its text."""
    return _prompt(name)[0]


def named(name: str) -> str:
    """Return a prompt's name with its version, as transcripts keep it: ``system@2``."""
    return f"{name}@{version(name)}"


def _conversation(
    parts: Sequence[str],
    subject: Subject,
    sections: Sequence[Section],
    advice: Sequence[Advice],
    style: Style,
    examples: Sequence[Example],
    index: str,
) -> Conversation:
    if style.manner is Manner.TRAINED:
        return _as_trained(sections, advice)
    index = "" if style.form is Form.JSON else index
    system = (*parts, *(["thinking"] if style.thinks else []), *(["query"] if index else []))
    shown = examples if style.manner is Manner.FEW_SHOT else ()
    turns = [turn for each in shown for turn in _turns(each, style)]
    question = _question(subject.function.qualname, sections, advice)
    messages = (_system(system, style, index), *turns, question)
    return Conversation(messages, tuple(map(named, (*system, "function"))))


def _as_trained(sections: Sequence[Section], advice: Sequence[Advice]) -> Conversation:
    """Return the question that a model of our own was trained to answer; the function comes first."""
    lines = sections[0].body.split("\n")
    first = next((n for n, line in enumerate(lines) if not FRAME.fullmatch(line)), 0)
    program = textwrap.dedent("\n".join(lines[first:]))
    text = protocol.prompt(visible_source(program), advice)
    return Conversation((Message(Role.USER, text),), (f"trained@{protocol.PROMPT_VERSION}",))


def _system(parts: Iterable[str], style: Style, index: str) -> Message:
    categories = "\n".join(f"- {each}" for each in Category)
    values = {"categories": categories, "thinks": style.thinks, "index": index}
    return Message(Role.SYSTEM, "\n".join(_filled(each, **values) for each in parts))


def _question(name: str, sections: Sequence[Section], advice: Sequence[Advice]) -> Message:
    plan = protocol.render(Answer(tuple(advice))) if advice else ""
    nonce = _nonce(sections)
    text = _filled("function", sections=sections, plan=plan, name=name, nonce=nonce)
    return Message(Role.USER, text)


def _turns(example: Example, style: Style) -> tuple[Message, Message]:
    sections = [Section(BEFORE, visible_source(example.before))]
    question = _question(_function_in(example.before), sections, ())
    return question, Message(Role.ASSISTANT, _written(example, style.form))


def _written(example: Example, form: Form) -> str:
    answer = example.answer
    if form is Form.JSON:
        return structured.render(answer)
    if form is Form.DIFF and answer.code is not None:
        blocks = diff_answer.render(visible_source(example.before), answer.code)
        return protocol.render(Answer(answer.advice, blocks))
    return protocol.render(answer)


def _function_in(source: str) -> str:
    found = re.search(r"\bdef (\w+)", source)
    return found.group(1) if found else "that is shown"


def _told(prompt: str, name: str, data: Sequence[Section], **values: object) -> Conversation:
    text = _filled(prompt, name=name, nonce=_nonce(data), **values)
    return Conversation((Message(Role.USER, text),), (named(prompt),))


def _nonce(sections: Iterable[Section]) -> str:
    """Return what ends data: a repository cannot end what it cannot name.

    It follows from a secret of this process and from the data itself, so that the same data gives
    the same text, which a server need not read twice. One that occurs in the data is drawn anew.
    """
    bodies = [each.body for each in sections]
    return drawn(bodies, _digests(bodies).__next__)


def _digests(bodies: Sequence[str]) -> Iterator[str]:
    for count in itertools.count():
        digest = blake2s(str(count).encode(), key=_SECRET, digest_size=8)
        for body in bodies:
            digest.update(f"{len(body)}:{body}".encode("utf-8", "surrogatepass"))
        yield digest.hexdigest()


def _filled(prompt: str, **values: object) -> str:
    from jinja2 import Environment, StrictUndefined  # late: runs without a model need no prompts

    environment = Environment(undefined=StrictUndefined)  # noqa: S701 - plain text, not HTML
    return environment.from_string(_prompt(prompt)[1]).render(**values).strip() + "\n"


@cache
def _prompt(name: str) -> tuple[int, str]:
    """Return a prompt's version and its text."""
    file = resources.files("perfbot.optimizer").joinpath("prompts", f"{name}.md")
    text = file.read_text("utf-8")
    front = _FRONT_MATTER.match(text)
    assert front is not None, f"prompts/{name}.md does not begin with its version"
    return int(front.group(1)), text[front.end() :]
