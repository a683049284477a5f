"""D_ref: which version a slow one is to be turned into (PerfCoder, "Data").

It is the last submission of the same user, replaced by the problem's best one where it takes more than
twice as long: T(final) > 2·T(best). The times are those that the data set claims.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from perfbot.training.readers.reading import Pair
from perfbot.training.records import Language

FACTOR = 2.0
_LEAST_MS = 1.0  # below it a judge's clock says nothing


@dataclass(frozen=True, slots=True)
class _Submission:
    identity: str
    user: str
    text: str
    ms: float


@dataclass(frozen=True, slots=True)
class Referenced:
    """Pairs by the rule. ``merged`` counts those that became another one, to the last character."""

    pairs: tuple[Pair, ...]
    cross_user: int
    merged: int


def referenced(pairs: Sequence[Pair]) -> Referenced:
    """Return each pair with the fast side that the rule names; what claims nothing stays as it is."""
    by_problem: dict[tuple[str, Language], list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_problem[pair.problem, pair.language].append(pair)
    chosen = [each for together in by_problem.values() for each in _of_problem(together)]
    distinct = {
        (each.problem, each.language, each.slow, each.fast, each.driver): each
        for each in reversed(chosen)
    }
    kept = tuple(reversed(distinct.values()))
    return Referenced(kept, sum(each.cross_user for each in kept), len(chosen) - len(kept))


def _of_problem(pairs: Sequence[Pair]) -> Iterator[Pair]:
    submissions = {each.identity: each for pair in pairs for each in _submissions(pair)}
    # What an edge leads to is the user's next version; of several the quickest, then the first.
    following: dict[str, str] = {}
    for pair in sorted(
        (each for each in pairs if each.claim),
        key=lambda each: -submissions[each.claim.fast_id].ms if each.claim else 0.0,
    ):
        if pair.claim:
            following[pair.claim.slow_id] = pair.claim.fast_id
    best = min(submissions.values(), key=lambda each: (each.ms, each.identity), default=None)
    for pair in pairs:
        if pair.claim is None or best is None:
            yield pair
        else:
            yield _with_reference(pair, submissions[_final(pair.claim.fast_id, following)], best)


def _submissions(pair: Pair) -> Iterator[_Submission]:
    if claim := pair.claim:
        yield _Submission(claim.slow_id, claim.user, pair.slow, claim.slow_ms)
        yield _Submission(claim.fast_id, claim.user, pair.fast, claim.fast_ms)


def _final(identity: str, following: Mapping[str, str]) -> str:
    """Follow a user's versions to the last one; records may go round in circles."""
    seen = {identity}
    while (after := following.get(identity)) is not None and after not in seen:
        seen.add(after)
        identity = after
    return identity


def _with_reference(pair: Pair, final: _Submission, best: _Submission) -> Pair:
    assert pair.claim is not None
    chosen = best if final.ms > FACTOR * max(best.ms, _LEAST_MS) else final
    crossed = pair.cross_user or chosen.user != pair.claim.user
    claim = replace(pair.claim, fast_id=chosen.identity, fast_ms=chosen.ms)
    return replace(pair, fast=chosen.text, claim=claim, cross_user=crossed)
