"""Near-duplicates and the evaluation's own problems, found by MinHash and taken out of the data.

Broder, *On the resemblance and containment of documents* (1997): the share of equal minima estimates
the Jaccard similarity of two sets, here of five tokens in a row, comments and layout left aside.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from datasketch import MinHash, MinHashLSH

from perfbot.training.readers.reading import Pair
from perfbot.training.records import Split

SIMILAR = 0.85
_PERMUTATIONS = 128
_SHINGLE = 5
_COMMENT = re.compile(r"#(?!include|define|pragma)[^\n]*|//[^\n]*|/\*.*?\*/", re.DOTALL)
_TOKEN = re.compile(r"\w+|[^\w\s]")


def sketch(*texts: str) -> MinHash:
    """Return the sketch of a program, or of several in their order."""
    shingles = {
        f"{place} {shingle}".encode(errors="surrogatepass")
        for place, text in enumerate(texts)
        for shingle in _shingles(text)
    }
    made = MinHash(num_perm=_PERMUTATIONS, seed=1)
    made.update_batch(sorted(shingles))
    return made


def _shingles(text: str) -> Iterator[str]:
    tokens = _TOKEN.findall(_COMMENT.sub("", text))
    for start in range(max(1, len(tokens) - _SHINGLE + 1)):
        yield " ".join(tokens[start : start + _SHINGLE])


@dataclass(frozen=True, slots=True)
class Near:
    """Finds what resembles something that was added before."""

    _index: MinHashLSH = field(
        default_factory=lambda: MinHashLSH(threshold=SIMILAR, num_perm=_PERMUTATIONS)
    )
    _sketches: dict[str, MinHash] = field(default_factory=dict)

    def add(self, name: str, made: MinHash) -> None:
        """Remember a sketch under a name that is new."""
        self._index.insert(name, made)
        self._sketches[name] = made

    def like(self, made: MinHash) -> str | None:
        """Return the name of what resembles it most, ``None`` where nothing does enough."""
        found = [
            (self._sketches[name].jaccard(made), name) for name in map(str, self._index.query(made))
        ]
        similar = [each for each in found if each[0] >= SIMILAR]
        return max(similar)[1] if similar else None


def near_duplicates(pairs: Sequence[Pair]) -> dict[str, str]:
    """Return which records resemble which earlier ones, on both sides."""
    seen, found = Near(), {}
    for pair in pairs:
        made = sketch(pair.slow, pair.fast)
        like = seen.like(made)
        if like is not None:
            found[pair.record] = like
        else:
            seen.add(pair.record, made)
    return found


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What models will be evaluated on, and must not be trained on."""

    problems: frozenset[str] = frozenset()
    programs: Near = field(default_factory=Near)

    @classmethod
    def of(cls, pairs: Iterable[Pair]) -> "Evaluation":
        """Return the problems and programs of these pairs."""
        problems, programs = set(), Near()
        for number, pair in enumerate(pairs):
            problems.add(pair.problem)
            for side in (pair.slow, pair.fast):
                made = sketch(side)
                if programs.like(made) is None:
                    programs.add(f"{pair.record} ({number}, {len(side)})", made)
        return cls(frozenset(problems), programs)

    def contaminates(self, pair: Pair) -> str | None:
        """Return what of the evaluation a pair shows, ``None`` where it shows nothing."""
        if pair.problem in self.problems:
            return pair.problem
        found = (self.programs.like(sketch(side)) for side in (pair.slow, pair.fast))
        return next(filter(None, found), None)


def split_of(problem: str, seed: int, shares: Mapping[Split, float]) -> Split:
    """Return the part that a problem belongs to: the same for all sets that name it so."""
    digest = hashlib.sha256(f"{seed}:{problem}".encode(errors="surrogatepass")).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64 * sum(shares.values())
    ends = zip(shares, accumulate(shares.values()), strict=True)
    return next((split for split, end in ends if place < end), Split.TRAIN)
