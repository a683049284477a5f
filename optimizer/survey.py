"""Everything of a session that comes before the search: hotspots, recorded calls, what is worth a search.

It runs the repository's workload and reads; no model is asked and nothing is measured.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from perfbot.optimizer.case import Case
from perfbot.optimizer.catalogue import rules
from perfbot.optimizer.plan import Subject, steps
from perfbot.optimizer.preparation import Prepared, Request, existing, prepared, text_of
from perfbot.optimizer.progress import Listener, Phase
from perfbot.optimizer.tables import dict_attributes
from perfbot.profiling import hotspots
from perfbot.profiling.capture import Recording, capture
from perfbot.profiling.external_profile import describe_unmatched, read_profile
from perfbot.profiling.functions import FunctionName, find_function
from perfbot.profiling.hotspots import Hotspot, Profile, ProfileError
from perfbot.profiling.sandbox import Limits
from perfbot.profiling.source import read_source
from perfbot.profiling.suite import activities
from perfbot.profiling.tree import Tree

NATIVE = (
    "{share:.0%} of its time is spent in native code, which a rewrite in Python cannot make faster"
)
NO_STRATEGY = "no strategy of the catalogue applies"
BELOW_SHARE = "it has {share:.1%} of the workload's time, less than {least:.1%}"
NOT_CALLED = "nothing that ran calls it"
ONLY_PROFILED = (
    "it ran while it was profiled, but its calls were not seen: another definition of the same name "
    "stands below it, or not every run calls it"
)
GONE = "{function} of the transcript is not in the repository"
OTHERS_FIRST = "{count} hotter functions came first; hotspots: at_most in .perfbot.yml allows more"
TOO_QUICK = (
    "what runs takes too little time to say which function is slow ({why}): name functions with "
    "--function, or give something that works longer in .perfbot.yml under workload: commands:"
)

_NATIVE_SHARE = 0.95
_PROFILE_RUNS = 5
_PROFILE_CPU_S = 1.0  # sampled: at 2 ms a sample some 500 samples
_LOOKED_AT_PER_SEARCHED = 4

Grouping = Callable[[Sequence[FunctionName], Sequence[Hotspot]], list[FunctionName]]
"""Returns the functions whose calls are to be recorded, of those chosen and of all that were ranked."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A hotspot for which nothing was proposed; ``reason`` is of the report's closed list."""

    function: FunctionName
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What a survey found: functions by what could be won, and those worth a search, hottest first."""

    ranked: tuple[Hotspot, ...]
    worth: tuple[FunctionName, ...]
    unchanged: tuple[Unchanged, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """A whole survey with what it was made on."""

    prepared: Prepared
    found: Surveyed
    seconds: float


def survey(request: Request, listener: Listener) -> Survey:
    """Find out what a session would search, and search nothing.

    Raises:
        UnknownFunction: a function that was asked for does not exist.
        and what :func:`prepared` raises.
    """
    started = time.monotonic()
    with prepared(request, listener) as ready:
        found = Surveyor(request, ready, listener).surveyed(lambda chosen, _ranked: [*chosen])
        return Survey(ready, found, time.monotonic() - started)


def find_hotspots(request: Request, ready: Prepared, listener: Listener) -> tuple[Hotspot, ...]:
    """Profile the workload and rank the project's own functions by what could be won."""
    listener.phase(Phase.PROFILING)
    case = ready.case
    ours = frozenset(ready.sources)
    if request.profile is not None:
        external = read_profile(request.profile, case.tree.files)
        for line in describe_unmatched(external.unmatched):
            listener.note(line)
        profiles = [external.profile]
    else:
        profiles = _profiles(case, listener)
    return hotspots.rank(profiles, lambda path: text_of(case.tree, path), lambda path: path in ours)


def _profiles(case: Case, listener: Listener) -> list[Profile]:
    """Run the workload under the sampler until enough was sampled: a fast suite runs several times.

    A run may be over before the first sample; only when all are, nothing is known, and that is said.
    """
    found: list[Profile] = []
    why = ""
    limits = Limits(wall_s=max(60.0, 5 * case.baseline.seconds))
    for _ in range(_PROFILE_RUNS):
        for job in activities(case.workload):
            with case.lent({}) as copy:
                reply = case.target.run({**job, "sample": True}, copy, limits=limits, writable=True)
            try:
                found.extend(
                    hotspots.profile_from_json(each.fields) for each in reply.of_kind("profile")
                )
            except ProfileError as error:
                why = str(error)
        if sum(profile.total_s for profile in found) >= _PROFILE_CPU_S:
            break
    if not found:
        listener.note(TOO_QUICK.format(why=why or "the profiled run did not end"))
    return found


class Surveyor:
    """Looks at one prepared repository."""

    def __init__(self, request: Request, ready: Prepared, listener: Listener) -> None:
        self._request = request
        self._ready = ready
        self._case = ready.case
        self._listener = listener
        self._unchanged: list[Unchanged] = []

    def surveyed(self, grouped: Grouping) -> Surveyed:
        """Profile, record the calls that ``grouped`` wants, and sort out what is worth a search.

        The recordings are in the case from then on.
        """
        wanted = self._wanted()
        ranked = find_hotspots(self._request, self._ready, self._listener)
        chosen = self._chosen(ranked) if wanted is None else wanted
        recorded = grouped(chosen, ranked)
        self._listener.phase(Phase.RECORDING)
        self._case.recordings.update(self.recordings(recorded))
        self._listener.phase(Phase.SEARCHING)
        worth = [function for function in chosen if self._is_worth_a_search(function, ranked)]
        searched = worth if wanted is not None else worth[: self._request.at_most]
        for function in worth[len(searched) :]:
            self._leave(function, "budget", OTHERS_FIRST.format(count=len(searched)))
        counted = {function: found.count for function, found in self._case.recordings.items()}
        ranked = hotspots.with_calls(ranked, counted)
        return Surveyed(ranked, tuple(searched), tuple(self._unchanged))

    def recordings(self, functions: Sequence[FunctionName]) -> Mapping[FunctionName, Recording]:
        """Run the workload once more and record the functions' calls."""
        wall_s = max(120.0, 10 * self._case.baseline.seconds)
        case = self._case
        with case.lent({}) as copy:
            return capture(case.target, copy, case.workload, functions, wall_s=wall_s)

    def subject(
        self, function: FunctionName, recording: Recording, group: tuple[FunctionName, ...] = ()
    ) -> Subject:
        """Return the function as the catalogue's rules take it."""
        return Subject(
            function,
            read_source(self._case.tree.root / function.path),
            dict(recording.facts),
            self._case.dependencies,
            recording.count,
            self._dict_attributes,
            group=group,
        )

    @cached_property
    def _dict_attributes(self) -> frozenset[str]:
        texts = (text_of(self._case.tree, path) for path in self._ready.sources)
        return dict_attributes(text for text in texts if text is not None)

    def _wanted(self) -> list[FunctionName] | None:
        """Return the functions that were asked for, ``None`` where it is for the profile to say."""
        tree, listed = self._case.tree, self._ready.sources
        if self._request.functions:
            return [existing(tree, listed, name) for name in self._request.functions]
        if self._request.replay is None:
            return None
        recorded = [each.name for each in self._request.replay.functions]
        gone = [name for name in recorded if not _is_there(tree, name)]
        for name in gone:
            self._listener.note(GONE.format(function=name))
        there = [existing(tree, listed, name) for name in recorded if name not in gone]
        return [*dict.fromkeys(there)]

    def _chosen(self, ranked: Sequence[Hotspot]) -> list[FunctionName]:
        """Return the functions to look at: more than are searched, as most have nothing to try."""
        chosen: list[FunctionName] = []
        for hotspot in ranked:
            reason = self._passed_over(hotspot, len(chosen))
            if reason is None:
                chosen.append(hotspot.function)
            else:
                self._unchanged.append(reason)
        return chosen

    def _passed_over(self, hotspot: Hotspot, chosen: int) -> Unchanged | None:
        least = self._request.min_share
        if max(hotspot.share, hotspot.inclusive_share) < least:
            detail = BELOW_SHARE.format(share=hotspot.share, least=least)
            return Unchanged(hotspot.function, "below-share", detail)
        if chosen >= self._request.at_most * _LOOKED_AT_PER_SEARCHED:
            detail = OTHERS_FIRST.format(count=chosen)
            return Unchanged(hotspot.function, "budget", detail)
        return None

    def _is_worth_a_search(self, function: FunctionName, ranked: Sequence[Hotspot]) -> bool:
        """Say whether there is anything to try, by reading alone; note why where there is not."""
        recording = self._case.recordings[function]
        if recording.count == 0:
            was_seen = any(each.function == function and each.share for each in ranked)
            detail = recording.trouble or (ONLY_PROFILED if was_seen else NOT_CALLED)
            self._leave(function, "not-exercised", detail)
            return False
        if self._request.models is not None or self._request.replay is not None:
            return True
        subject = self.subject(function, recording)
        if next(steps(subject, subject.source.text, rules()), None) is None:
            native = next((each.native_share for each in ranked if each.function == function), 0.0)
            self._leave_without_steps(function, native)
            return False
        return True

    def _leave_without_steps(self, function: FunctionName, native: float) -> None:
        if native >= _NATIVE_SHARE:
            self._leave(function, "native", NATIVE.format(share=native))
        else:
            self._leave(function, "no-strategy", NO_STRATEGY)

    def _leave(self, function: FunctionName, reason: str, detail: str) -> None:
        self._unchanged.append(Unchanged(function, reason, detail))


def _is_there(tree: Tree, name: FunctionName) -> bool:
    """Say whether a name that a stranger's file gives means a function; no other file is looked at."""
    text = text_of(tree, name.path) if name.path in tree.files else None
    return text is not None and find_function(text, name) is not None
