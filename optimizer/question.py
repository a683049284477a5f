"""Reads a question back that perfbot itself rendered (``prompting.py``, ``context.py``).

Who answers by program instead of by language reads the function, what was seen of its variables and
the plan out of the very text that a model gets. What stands between markers is data: a section ends
only where its own number says so.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from perfbot.optimizer import protocol
from perfbot.optimizer.context import DEPENDENCIES, FUNCTION, IMPORTS, USES, VALUES
from perfbot.optimizer.models import Message, Role
from perfbot.optimizer.plan import Subject
from perfbot.optimizer.protocol import Advice, ReplyError
from perfbot.profiling.facts import Seen
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.source import UnreadableSource, decode_source

NO_FUNCTION = "the question shows no function to be made faster"

_SECTION = re.compile(
    r"^(?P<title>[^\n]+):\nBEGIN (?P<nonce>[0-9a-f]+)\n(?P<body>.*?)\nEND (?P=nonce)$",
    re.MULTILINE | re.DOTALL,
)
_WANTED = re.compile(r"^Make the function (?P<name>.+) faster\.$", re.MULTILINE)
_OUTER = re.compile(r"^\s*class (\w+):  # …$", re.MULTILINE)
_CALLS = re.compile(re.escape(VALUES).replace(r"\{calls\}", r"(\d+|no)"))
_TYPES = re.compile(r"[^\s,]+(?: or [^\s,]+)*")
_LONGEST = re.compile(r" \(up to ([\d,]+)\)")


class QuestionError(Exception):
    """The messages are no question about a function."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a file made of what the question shows, its function, and the plan to follow.

    ``tries`` is how many answers were given and dropped before.
    """

    subject: Subject
    advice: tuple[Advice, ...]
    tries: int

    @property
    def text(self) -> str:
        """The file: imports, what the function uses, and the function."""
        return self.subject.source.text


def question(messages: Sequence[Message]) -> Question:
    """Read a conversation; of several questions in it (examples come first) the last one counts.

    Raises:
        QuestionError: there is none.
    """
    for place in reversed(range(len(messages))):
        asked = messages[place]
        if asked.role is Role.USER and f"{FUNCTION}:\n" in asked.text:
            tries = sum(each.role is Role.ASSISTANT for each in messages[place:])
            return _read(asked.text, tries)
    raise QuestionError(NO_FUNCTION)


def _read(text: str, tries: int) -> Question:
    found = list(_SECTION.finditer(text))
    sections = {each["title"]: each["body"] for each in found}
    told = text[found[-1].end() :] if found else ""
    wanted = _WANTED.search(told)
    if FUNCTION not in sections or wanted is None:
        raise QuestionError(NO_FUNCTION)
    return Question(_subject(sections, wanted["name"]), _plan(told), tries)


def _plan(told: str) -> tuple[Advice, ...]:
    try:
        return protocol.read_plan(told).answer.advice
    except ReplyError:
        return ()


def _subject(sections: Mapping[str, str], name: str) -> Subject:
    first, _, shown = sections[FUNCTION].partition("\n")
    path = first.removeprefix("# ").strip()
    text = "\n\n".join([*_before(sections), shown]) + "\n"
    qualname = ".".join([*_OUTER.findall(shown), name.rpartition(".")[2]])
    try:
        source = decode_source(text.encode(), Path(path))
    except UnreadableSource as error:
        raise QuestionError(str(error)) from None
    calls = next((found[1] for each in sections if (found := _CALLS.fullmatch(each))), "no")
    values = next((body for title, body in sections.items() if _CALLS.fullmatch(title)), "")
    packages = (line.split()[0] for line in sections.get(DEPENDENCIES, "").splitlines() if line)
    return Subject(
        FunctionName(path, qualname),
        source,
        _facts(values),
        frozenset(packages),
        0 if calls == "no" else int(calls),
    )


def _before(sections: Mapping[str, str]) -> Iterator[str]:
    """Yield what stands above the function; heads of definitions, which are no code, are left out."""
    for block in (sections.get(IMPORTS, ""), *sections.get(USES, "").split("\n\n")):
        try:
            ast.parse(block)
        except (SyntaxError, ValueError):
            continue
        if block:
            yield block


# --- facts --------------------------------------------------------------------------------------


def _facts(values: str) -> dict[str, Seen]:
    """Read lines such as ``wanted: list (up to 600) of int``; others count as nothing seen."""
    facts: dict[str, Seen] = {}
    for line in values.splitlines():
        name, colon, description = line.partition(": ")
        seen = seen_from_words(description) if colon else None
        if seen is None:
            continue
        owner, _, attribute = name.partition(".")
        if not attribute:
            facts[name] = seen
        elif owner in facts:
            kept = {**facts[owner].attributes, attribute: seen}
            facts[owner] = replace(facts[owner], attributes=kept)
    return facts


def seen_from_words(text: str) -> Seen | None:
    """Read what :func:`~context.described` says of a value; ``None`` where it is something else."""
    seen, rest = _described(text)
    return seen if not rest else None


def _described(text: str) -> tuple[Seen | None, str]:
    """Read one description from the start of a text; return it and the rest of the text."""
    types = _TYPES.match(text)
    if types is None:
        return None, text
    seen, rest = Seen(frozenset(types[0].split(" or ")) - {"unknown"}), text[types.end() :]
    longest = _LONGEST.match(rest)
    if longest is not None:
        length = int(longest[1].replace(",", ""))
        seen, rest = replace(seen, longest=length), rest[longest.end() :]
    return _with_inside(seen, rest)


def _with_inside(seen: Seen, rest: str) -> tuple[Seen | None, str]:
    """Read what is in a container: ``of`` its items, or ``from`` its keys ``to`` its values."""
    if rest.startswith(" of "):
        elements, rest = _described(rest.removeprefix(" of "))
        return replace(seen, elements=elements), rest
    if not rest.startswith(" from "):
        return seen, rest
    keys, rest = _described(rest.removeprefix(" from "))
    if not rest.startswith(" to "):
        return None, rest
    values, rest = _described(rest.removeprefix(" to "))
    return replace(seen, elements=keys, values=values), rest
