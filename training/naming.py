"""Names that a model gives to strategies: made alike, put into the fifteen categories, asked for again.

The steps of PerfCoder ("Data"): free names and descriptions; names normalized and deduplicated; each
put into one of the fifteen categories or into none; then extraction again, guided by the categories, so
that every name is one of them. The last reply is in the wire format, read as every model's reply is.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from perfbot.optimizer import protocol
from perfbot.optimizer.models import Message, Model, Role, Sampling
from perfbot.optimizer.protocol import Advice, ReplyError
from perfbot.optimizer.strategies import Category
from perfbot.training.records import TrainingPair

PROMPT_VERSION = 1

EXTRACT = """Two versions of one program follow; the second does the same and is faster. Name each \
optimization strategy that makes it faster, one a line, as `name: why it helps this program`. Name only \
what the second version really does. Write nothing else."""
CLASSIFY = """Each line below is a number and the name of an optimization strategy. Put each into one of \
these categories, and answer with one line for each: the number, a colon, and the category exactly as it \
is spelled here, or `none` where no category fits.

{categories}"""
GUIDED = """Two versions of one program follow; the second does the same and is faster. Say which \
strategies make it faster. Use only these categories:

{categories}

Answer with {opening}, then one line for each strategy, `category: description`, where the description \
says why it helps this program, then {closing}. Write nothing else."""
NONE = "none"

_BATCH = 40
_MOST_NAME = 80
_LINE = re.compile(
    r"(?:[-*•]|\d+[.)])?\s*(?:\*\*|`)?([^:*`]{3,80}?)(?:\*\*|`)?\s*:\s*(?:\*\*)?\s*(\S.*)"
)
_ANSWER = re.compile(r"\s*(\d{1,4})\s*[:.)-]+\s*(.+?)\s*\.?\s*")
_FILLERS = frozenset("a an the of for to in by with using use via and more".split())
_ENDINGS = (("ies", "y"), ("sses", "ss"), ("s", ""))


@dataclass(frozen=True, slots=True)
class Freely:
    """A strategy as a model named it, in its own words."""

    name: str
    description: str


def extracted(model: Model, pair: TrainingPair) -> list[Freely]:
    """Return the strategies of a pair, freely named; lines that are none are left out.

    Raises:
        ModelError: there is no reply.
    """
    reply = model.ask(_about(EXTRACT, pair), Sampling(max_tokens=600))
    found = (_LINE.fullmatch(line.strip()) for line in reply.text.splitlines())
    return [Freely(each[1].strip(), each[2].strip()) for each in found if each]


def normalized(name: str) -> str:
    """Return a name in the one form of all its spellings: words in lower case, singular, no fillers."""
    words = re.findall(r"[a-z0-9+#]+", name[:_MOST_NAME].casefold().replace("'s ", " "))
    kept = [_singular(word) for word in words if word not in _FILLERS]
    return " ".join(kept)


def _singular(word: str) -> str:
    for ending, instead in _ENDINGS:
        if (
            word.endswith(ending)
            and len(word) > len(ending) + 2
            and not word.endswith(("ss", "us"))
        ):
            return word.removesuffix(ending) + instead
    return word


def distinct(names: Iterable[str]) -> dict[str, str]:
    """Return each name with the one that stands for it: of those with the same words, the first."""
    by_words: dict[tuple[str, ...], str] = {}
    found = {}
    for name in names:
        form = normalized(name)
        if form:
            found[name] = by_words.setdefault(tuple(sorted(form.split())), form)
    return found


def classified(model: Model, names: Sequence[str]) -> dict[str, Category | None]:
    """Return the category of each name, ``None`` where none fits or the model did not say.

    Raises:
        ModelError: there is no reply.
    """
    found: dict[str, Category | None] = dict.fromkeys(names)
    for start in range(0, len(names), _BATCH):
        batch = names[start : start + _BATCH]
        asked = "\n".join(f"{number}. {name}" for number, name in enumerate(batch, 1))
        messages = [
            Message(Role.SYSTEM, CLASSIFY.format(categories=_categories())),
            Message(Role.USER, asked),
        ]
        reply = model.ask(messages, Sampling(max_tokens=20 * len(batch) + 100))
        for number, category in _placed(reply.text):
            if 1 <= number <= len(batch):
                found[batch[number - 1]] = category
    return found


_BY_NAME = {each.value.casefold(): each for each in Category}


def _placed(reply: str) -> Iterator[tuple[int, Category]]:
    for line in reply.splitlines():
        said = _ANSWER.fullmatch(line)
        if said and (category := _BY_NAME.get(said[2].strip("`* ").casefold())):
            yield int(said[1]), category


def guided(model: Model, pair: TrainingPair) -> tuple[Advice, ...]:
    """Return the strategies of a pair by category; nothing where the reply is not in the format.

    Raises:
        ModelError: there is no reply.
    """
    wanted = GUIDED.format(
        categories=_categories(), opening=protocol.PLAN_OPEN, closing=protocol.PLAN_CLOSE
    )
    reply = model.ask(_about(wanted, pair), Sampling(max_tokens=600))
    try:
        return protocol.read_plan(reply.text).answer.advice
    except ReplyError:
        return ()


def share_that_fits(categories: Mapping[str, Category | None]) -> float:
    """Return the share of names that are in a category (90.27 % in PerfCoder)."""
    fitting = sum(each is not None for each in categories.values())
    return fitting / len(categories) if categories else 0.0


def _categories() -> str:
    return "\n".join(f"- {each.value}" for each in Category)


def _about(wanted: str, pair: TrainingPair) -> list[Message]:
    shown = f"Slow version ({pair.language}):\n\n{pair.slow}\n\nFast version:\n\n{pair.fast}\n"
    return [Message(Role.SYSTEM, wanted), Message(Role.USER, shown)]
