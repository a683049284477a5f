"""Who works on a function: the catalogue, and the models of the run with all that they share.

The models compete: their versions go into one search, and the best by measured time is built upon.
What they share is gathered once: what is known of the function, which others may be changed with it,
and the index of the project.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cache, cached_property

from perfbot.optimizer.authors import Authors
from perfbot.optimizer.case import Case
from perfbot.optimizer.catalogue import rules
from perfbot.optimizer.embedded import Guided
from perfbot.optimizer.groups import group_of
from perfbot.optimizer.knowledge import Knowledge, gathered
from perfbot.optimizer.lookup import NOTHING_TO_ASK, IndexLookup, Lookup
from perfbot.optimizer.models import Model
from perfbot.optimizer.preparation import Prepared, Request, text_of
from perfbot.optimizer.project_index import IndexUnavailable, ProjectIndex
from perfbot.optimizer.proposing import EMBEDDED, Catalogue, Proposer
from perfbot.optimizer.replaying import replay
from perfbot.optimizer.rounds import Rounds
from perfbot.optimizer.routing import Switching, Watched
from perfbot.optimizer.spending import Spending
from perfbot.optimizer.styles import PLAIN
from perfbot.optimizer.verify import not_comparable
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.hotspots import Hotspot

NO_INDEX = "models cannot look anything up in the project: {why}"

_WORD = re.compile(r"\w+")


class Ensemble:
    """The proposers of a run. Use it as a context manager: the index is closed at the end."""

    def __init__(
        self,
        request: Request,
        ready: Prepared,
        spending: Spending,
        rounds: Rounds,
        note: Callable[[str], None],
    ) -> None:
        self._request = request
        self._case: Case = ready.case
        self._sources = ready.sources
        self._spending = spending
        self._rounds = rounds
        self._note = note
        self._shares: Mapping[FunctionName, float] = {}  # of the workload's time
        self._switching: dict[FunctionName, Switching] = {}
        self._groups: Mapping[FunctionName, tuple[FunctionName, ...]] = {}
        self._open = ExitStack()

    def __enter__(self) -> "Ensemble":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def grouped(
        self, functions: Sequence[FunctionName], ranked: Sequence[Hotspot]
    ) -> list[FunctionName]:
        """Decide what may be changed together with each function, and return whose calls that takes.

        Without a model there is nothing to decide: the catalogue changes one function.
        """
        self._shares = {each.function: each.share for each in ranked}
        if self._request.models is not None:
            shares = {each.function: each.inclusive_share for each in ranked}
            self._groups = {each: self._group(each, shares) for each in functions}
        others = (each for group in self._groups.values() for each in group)
        return [*dict.fromkeys((*functions, *others))]

    def group(self, function: FunctionName) -> tuple[FunctionName, ...]:
        """Return what may be changed with a function: what was recorded well enough to be judged."""
        return tuple(filter(self._can_be_judged, self._groups.get(function, ())))

    def proposers(self, function: FunctionName) -> list[Proposer]:
        """Return who proposes versions of a function: the catalogue first, then the models there are.

        Where a model plans and none writes, the catalogue follows its plan.

        Raises:
            ReplayError: a transcript is to propose, and has nothing for the function as it is.
        """
        if self._request.replay is not None:
            text = text_of(self._case.tree, function.path) or ""
            replayed = replay(self._request.replay, function, text)
            if replayed.note:
                self._note(replayed.note)
            return list(replayed.proposers)
        catalogue, models = Catalogue(rules()), self._request.models
        if models is None:
            return [catalogue]
        if models.planner is not None and not models.optimizers and models.larger is None:
            knowledge = cache(lambda: self._knowledge(function))
            return [Guided(models.planner, rules(), self._spending, knowledge)]
        if models.larger is None:
            return [catalogue, *self._authors(function, models.planner, models.optimizers)]
        asked = (*models.optimizers, models.larger)
        *smaller, larger = self._authors(function, models.planner, asked)
        watched = Watched(catalogue)
        self._switching[function] = Switching(
            [Watched(each) for each in smaller],
            larger,
            watched,
            self._shares.get(function, 0.0),
            self._request.rule,
            self._rounds.verdicts({EMBEDDED, *(each.optimizer for each in smaller)}),
        )
        return [watched, self._switching[function]]

    def routes(self, function: FunctionName) -> tuple[str, ...]:
        """Return in a sentence why a larger model was asked about a function, or was not at last."""
        switching = self._switching.get(function)
        decisions = switching.decisions if switching else []
        asked = [each for each in decisions if each.asks_larger]
        return tuple(each.sentence for each in (asked or decisions)[-1:])

    def adopted(self, paths: Sequence[str]) -> None:
        """Take note that files have changed for good."""
        if self._request.models is not None and self._index is not None:
            self._index.refresh(self._case.tree.root, paths)

    def _authors(
        self, function: FunctionName, planner: Model | None, models: Sequence[Model]
    ) -> Iterator[Authors]:
        @cache  # one for all models, and only if one is asked
        def knowledge() -> Knowledge:
            return self._knowledge(function)

        shares = _shares(self._request.candidates, len(models))
        roles = self._request.models
        assert roles is not None
        for model, replies in zip(models, shares, strict=True):
            yield Authors(
                model,
                planner,
                rules(),
                self._spending,
                replies,
                knowledge,
                roles.styles.get(model.name, PLAIN),
                roles.plan_style,
                refinement=self._request.refinement,
                lookup=self._lookup,
            )

    def _knowledge(self, function: FunctionName) -> Knowledge:
        request = self._request
        return gathered(
            self._case,
            function,
            hint=request.hint,
            history=request.history(function),
            pairs=request.pairs,
            index=self._index,
        )

    @cached_property
    def _index(self) -> ProjectIndex | None:
        """The index of the project, opened when somebody first asks; ``None`` where there can be none."""
        place = self._request.cache / "index" / _index_name(self._request)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            index = self._open.enter_context(ProjectIndex.open(place))
            index.update(self._case.tree.root, self._case.tree.files)
        except (IndexUnavailable, OSError) as error:
            self._note(NO_INDEX.format(why=error))
            return None
        return index

    @property
    def _lookup(self) -> Lookup:
        return IndexLookup(self._index) if self._index is not None else NOTHING_TO_ASK

    def _group(
        self, function: FunctionName, shares: Mapping[FunctionName, float]
    ) -> tuple[FunctionName, ...]:
        return group_of(
            function,
            text_of(self._case.tree, function.path) or "",
            lambda each: shares.get(each, 0.0),
            lambda name: self._files_by_word[name] > 1,
        )

    def _can_be_judged(self, function: FunctionName) -> bool:
        if not self._case.recordings[function].count:
            return False
        return not_comparable(function, self._case.reference(function)) is None

    @cached_property
    def _files_by_word(self) -> Counter[str]:
        """In how many source files each name stands."""
        texts = (text_of(self._case.tree, path) or "" for path in self._sources)
        return Counter(word for text in texts for word in set(_WORD.findall(text)))


def _shares(candidates: int, models: int) -> list[int]:
    """Return how many replies each model may give: together as many as one alone, each one at least."""
    if not models:
        return []
    most, more = divmod(candidates, models)
    return [max(1, most + (number < more)) for number in range(models)]


def _index_name(request: Request) -> str:
    identity = request.identity or str(request.repository.resolve())
    return hashlib.sha256(identity.encode()).hexdigest()[:24] + ".sqlite"
