"""Earlier verdicts as examples for a model: the nearest accepted pairs, and refused ones as warnings.

Near is what shares names and structure: Okapi BM25, as SQLite's FTS5 computes it, over the words of
identifiers and over each node of the syntax tree with the one above it. No chance is involved.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from perfbot.optimizer.knowledge import Pair
from perfbot.optimizer.recorded import TranscriptError
from perfbot.optimizer.transcript import Store, ranked
from perfbot.optimizer.transcript_file import FILE_NAME

_LOOKED_AT = 500  # the newest of a kind
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@dataclass(frozen=True, slots=True)
class RememberedPairs:
    """The pairs of this machine's transcripts, a :class:`~perfbot.optimizer.knowledge.PairStore`.

    Only those of ``repository``; with ``None`` those of all, which is for the operator to say: else
    one repository could plant examples for another. ``folder`` is the one of the transcripts.
    """

    folder: Path
    repository: str | None

    def nearest(self, source: str, *, accepted: bool, most: int) -> Sequence[Pair]:
        """Return the pairs whose ``before`` is most like a function's source, the nearest first.

        Transcripts that cannot be read are none: a model is asked without examples then.
        """
        if not (self.folder / FILE_NAME).exists():
            return ()
        try:
            store = Store.open(self.folder)
        except TranscriptError:
            return ()
        try:
            found = store.judged_code(self.repository, accepted=accepted, most=_LOOKED_AT)
        except TranscriptError:
            return ()
        finally:
            store.close()
        newest: dict[tuple[str, str], Pair] = {}
        for pair in found:
            newest.setdefault((pair.before, pair.after), pair)
        pairs = list(newest.values())
        places = ranked([tokens(pair.before) for pair in pairs], tokens(source))
        return [pairs[place] for place in places[:most]]


def tokens(source: str) -> list[str]:
    """Return what two functions are compared by, ``[]`` for what does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [word for node in ast.walk(tree) for word in _words(node)]


def _words(node: ast.AST) -> Iterator[str]:
    name = type(node).__name__
    for child in ast.iter_child_nodes(node):
        yield f"{name}{type(child).__name__}".lower()
    match node:
        case ast.Name(id=text) | ast.Attribute(attr=text) | ast.arg(arg=text):
            yield from (word.lower() for word in _WORD.findall(text))
        case ast.FunctionDef(name=text) | ast.AsyncFunctionDef(name=text):
            yield from (word.lower() for word in _WORD.findall(text))
