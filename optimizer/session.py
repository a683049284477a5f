"""The main job: a repository goes in, proven changes come out.

One session owns a scratch folder, prepares the target once and lets every function share it. All
that is slow is told to a listener. The repository itself is only read.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from perfbot.optimizer.catalogue import rules
from perfbot.optimizer.plan import Subject, steps
from perfbot.optimizer.progress import Listener, Phase
from perfbot.optimizer.search import Candidate, Found, search
from perfbot.optimizer.strategies import Suggestion
from perfbot.optimizer.verdict import Accepted, Inconclusive, Verdict, Why
from perfbot.optimizer.verify import (
    GATES,
    Case,
    Terms,
    changed_functions,
    judge,
    not_comparable,
)
from perfbot.profiling import environment, hotspots, provision
from perfbot.profiling.benchmark import CallBenchmark, MeasurementError, choose_calls
from perfbot.profiling.capture import Recording, capture
from perfbot.profiling.external_profile import describe_unmatched, read_profile
from perfbot.profiling.functions import FunctionName, find_function, function_index, near_names
from perfbot.profiling.hotspots import Hotspot, Profile, ProfileError
from perfbot.profiling.measure import Interval, interval
from perfbot.profiling.overlay import overlay
from perfbot.profiling.sandbox import Limits, Sandbox
from perfbot.profiling.source import UnreadableSource, read_source
from perfbot.profiling.suite import activities, baseline, run_suite
from perfbot.profiling.target import Target
from perfbot.profiling.tree import Tree, export, sources, with_changes
from perfbot.profiling.workload import Workload, WorkloadSettings, discover

UNKNOWN_FUNCTION = "there is no function {name} in the repository{hint}"
DID_YOU_MEAN = "; did you mean {names}?"
NATIVE = (
    "{share:.0%} of its time is spent in native code, which a rewrite in Python cannot make faster"
)
NO_STRATEGY = "no strategy of the catalogue applies"
NONE_HELPED = "{tries} versions were tried, none was right and clearly faster: {why}"
BELOW_SHARE = "it has {share:.1%} of the workload's time, less than {least:.1%}"
NOT_CALLED = "nothing that ran calls it"
NOT_SAMPLED = (
    "the tests spend too little time in the repository's code for a profile: name functions with "
    "--function, or something that takes longer in .perfbot.yml under workload: commands:"
)
SET_ASIDE = (
    "set aside before any change: {failing} failing and {flaky} changing tests; the others decide"
)
HOTTER = "hotter than it are {count} functions, which took all places (hotspots: at_most:)"
OUT_OF_TIME = "the time budget was used up before its turn"

_NATIVE_SHARE = 0.95
_PROFILE_RUNS = 5
_PROFILE_CPU_S = 1.0  # sampled: at 2 ms a sample some 500 samples
_NOISE_PAIRS = 8
_BASELINE_WALL_S = 900.0
_JUDGED_AT_MOST = 3
_LOOKED_AT_PER_SEARCHED = 4


class UnknownFunction(Exception):  # noqa: N818 - the name says what is wrong
    """A function that was asked for is not there; the message suggests near ones."""


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants of a session.

    ``terms`` gives the terms for a path; ``time_s`` is the budget for everything after the
    baseline; an empty ``functions`` means the hottest ones. ``python`` is preferred where an
    environment must be built.
    """

    repository: Path
    sandbox: Sandbox
    cache: Path
    environ: Mapping[str, str]
    terms: Callable[[str], Terms]
    workload: WorkloadSettings = field(default_factory=WorkloadSettings)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    functions: tuple[FunctionName, ...] = ()
    at_most: int = 5
    min_share: float = 0.02
    time_s: float = 900.0
    candidates: int = 8
    profile: Path | None = None
    python: Path | None = None


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A hotspot for which nothing was proposed; ``reason`` is of the report's closed list."""

    function: FunctionName
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A change and its verdict; ``changes`` holds each file before and after."""

    function: FunctionName
    verdict: Verdict
    candidate: Candidate | None
    changes: Mapping[str, tuple[bytes | None, bytes]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A repository whose tests have been run, ready to be profiled and judged."""

    case: Case
    sources: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that a session found."""

    prepared: Prepared
    hotspots: tuple[Hotspot, ...]
    noise: Interval | None
    judged: tuple[Judged, ...]
    unchanged: tuple[Unchanged, ...]
    seconds: float


@contextmanager
def prepared(request: Request, listener: Listener) -> Iterator[Prepared]:
    """Copy the repository, find its interpreter and workload, run the baseline; clean up after.

    Raises:
        UnusableRepository: it is no repository, there is no interpreter and none can be built, or
            nothing that runs passes.
        SandboxError: processes cannot be started.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="perfbot-", ignore_cleanup_errors=True) as folder:
        scratch = Path(folder).resolve()
        listener.phase(Phase.COPYING)
        tree = export(request.repository, scratch / "base")
        workload = discover(tree, request.workload)
        listener.phase(Phase.ENVIRONMENT)
        target = _target(request)
        added = provision.built_files(target.interpreter)
        if added:
            tree = export(request.repository, scratch / "built", added)
        case = _case(target, tree, workload, scratch, listener)
        listed = sources(tree, request.include, request.exclude)
        yield Prepared(case, listed, time.monotonic() - started)


def _target(request: Request) -> Target:
    sandbox, environ, cache = request.sandbox, request.environ, request.cache
    interpreter = environment.find(
        request.repository, request.workload.python, environ, sandbox
    ) or provision.build(
        request.repository, cache, sandbox, request.python, request.workload.install, "own", environ
    )
    return Target(sandbox, interpreter, overlay(interpreter, cache, sandbox, environ))


def _case(
    target: Target, tree: Tree, workload: Workload, scratch: Path, listener: Listener
) -> Case:
    """Run the workload twice on the unchanged code and set aside what does not hold still."""
    listener.phase(Phase.BASELINE)
    first = run_suite(target, copied(tree, scratch / "first"), workload, wall_s=_BASELINE_WALL_S)
    wall_s = max(60.0, 5 * first.seconds)
    second = run_suite(target, copied(tree, scratch / "second"), workload, wall_s=wall_s)
    known = baseline(first, second)
    if known.failing or known.flaky:
        listener.note(SET_ASIDE.format(failing=len(known.failing), flaky=len(known.flaky)))
    dependencies = frozenset(target.interpreter.import_names)
    return Case(target, tree, workload, known, scratch, dependencies=dependencies)


def copied(tree: Tree, to: Path) -> Tree:
    """Return a copy of a tree that the workload may write to."""
    return with_changes(tree, {}, to)


def optimize(request: Request, listener: Listener) -> Outcome:
    """Do the whole job.

    Raises:
        UnknownFunction: a function that was asked for does not exist.
        and what :func:`prepared` raises.
    """
    started = time.monotonic()
    with prepared(request, listener) as ready:
        return _Session(request, ready, listener).outcome(started)


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
        profiles = _profiles(case)
        if not profiles:
            listener.note(NOT_SAMPLED)
    return hotspots.rank(profiles, lambda path: _text(case.tree, path), lambda path: path in ours)


def _profiles(case: Case) -> list[Profile]:
    """Run the workload under the sampler until enough was sampled: a fast suite runs several times."""
    found: list[Profile] = []
    limits = Limits(wall_s=max(60.0, 5 * case.baseline.seconds))
    for _ in range(_PROFILE_RUNS):
        for job in activities(case.workload):
            reply = case.target.run(
                {**job, "sample": True}, case.copy({}), limits=limits, writable=True
            )
            for each in reply.of_kind("profile"):
                with suppress(ProfileError):  # a run without a sample is a short one
                    found.append(hotspots.profile_from_json(each.fields))
        if sum(profile.total_s for profile in found) >= _PROFILE_CPU_S:
            break
    return found


def _text(tree: Tree, path: str) -> str | None:
    try:
        return read_source(tree.root / path).text
    except (UnreadableSource, OSError):
        return None


class _Session:
    def __init__(self, request: Request, ready: Prepared, listener: Listener) -> None:
        self._request = request
        self._ready = ready
        self._case = ready.case
        self._listener = listener
        self._deadline_s = time.monotonic() + request.time_s
        self._judged: list[Judged] = []
        self._unchanged: list[Unchanged] = []

    def outcome(self, started: float) -> Outcome:
        """Profile, record, measure the noise floor, then search and judge function by function."""
        wanted = [self.existing(name) for name in self._request.functions]
        ranked = find_hotspots(self._request, self._ready, self._listener)
        chosen = wanted or self._chosen(ranked)
        self._listener.phase(Phase.RECORDING)
        self._case.recordings.update(self.recordings(chosen))
        worth = [function for function in chosen if self._is_worth_a_search(function, ranked)]
        searched = worth if wanted else worth[: self._request.at_most]
        for function in worth[len(searched) :]:
            self._leave(function, "budget", HOTTER.format(count=len(searched)))
        noise = self._case.noise = self.noise(searched)
        for function in searched:
            self._optimize(function)
        seconds = time.monotonic() - started
        counted = {function: found.count for function, found in self._case.recordings.items()}
        ranked = hotspots.with_calls(ranked, counted)
        return Outcome(
            self._ready, ranked, noise, tuple(self._judged), tuple(self._unchanged), seconds
        )

    def existing(self, name: FunctionName) -> FunctionName:
        """Return the outermost function that a name means.

        Raises:
            UnknownFunction: there is none.
        """
        text = _text(self._case.tree, name.path)
        span = find_function(text, name) if text is not None else None
        if span is None:
            raise UnknownFunction(unknown_function(self._case.tree, self._ready.sources, name))
        return FunctionName(name.path, span.qualname.split(".<locals>")[0])

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
            return Unchanged(hotspot.function, "budget", HOTTER.format(count=chosen))
        return None

    def recordings(self, functions: Sequence[FunctionName]) -> Mapping[FunctionName, Recording]:
        """Run the workload once more and record the functions' calls."""
        wall_s = max(120.0, 10 * self._case.baseline.seconds)
        case = self._case
        return capture(case.target, case.copy({}), case.workload, functions, wall_s=wall_s)

    def noise(self, functions: Sequence[FunctionName]) -> Interval | None:
        """Measure the unchanged code against itself: what this machine calls a difference."""
        self._listener.phase(Phase.NOISE)
        for function in functions:
            reference = self._case.reference(function)
            chosen = choose_calls(reference)
            if not chosen:
                continue
            benchmark = CallBenchmark(self._case.target, reference, chosen, 0.2)
            measure = benchmark.pair(self._case.tree, self._case.copy({}))
            try:
                ratios = [measure(number % 2 == 0).ratio for number in range(_NOISE_PAIRS)]
            except MeasurementError:
                continue
            return interval(ratios, 0.99)
        return None

    def _is_worth_a_search(self, function: FunctionName, ranked: Sequence[Hotspot]) -> bool:
        """Say whether there is anything to try, by reading alone; note why where there is not."""
        recording = self._case.recordings[function]
        if recording.count == 0:
            self._leave(function, "not-exercised", NOT_CALLED)
            return False
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

    def _optimize(self, function: FunctionName) -> None:
        if time.monotonic() >= self._deadline_s:
            self._leave(function, "budget", OUT_OF_TIME)
            return
        self._listener.phase(Phase.SEARCHING, str(function))
        doubt = not_comparable(function, self._case.reference(function))
        if doubt is not None:
            verdict = Inconclusive(Why.NOT_COMPARABLE, doubt, ())
            self._judged.append(Judged(function, verdict, None, {}))
            return
        found = self._search(function)
        if found.candidates:
            self._judge(function, found)
        else:
            why = found.dropped[0].why if found.dropped else "not faster"
            self._leave(
                function, "no-strategy", NONE_HELPED.format(tries=found.tries, why=why[:300])
            )

    def _search(self, function: FunctionName) -> Found:
        return search(
            self._case,
            self.subject(function, self._case.recordings[function]),
            rules(),
            self._request.terms(function.path),
            deadline_s=self._deadline_s,
            on_try=self._listener.candidate,
        )

    def subject(self, function: FunctionName, recording: Recording) -> Subject:
        """Return the function as the catalogue's rules take it."""
        return Subject(
            function,
            read_source(self._case.tree.root / function.path),
            dict(recording.facts),
            self._case.dependencies,
            recording.count,
        )

    def _judge(self, function: FunctionName, found: Found) -> None:
        """Judge the best versions in turn until one is accepted; the first verdict is kept otherwise."""
        verdicts: list[Judged] = []
        for candidate in found.candidates[: min(_JUDGED_AT_MOST, self._request.candidates)]:
            self._listener.phase(Phase.JUDGING, str(function))
            verdict = judge(
                self._case,
                candidate.changes,
                [function],
                self._request.terms(function.path),
                deadline_s=self._deadline_s,
                on_gate=_Gates(self._listener),
            )
            verdicts.append(
                Judged(function, verdict, candidate, before_after(self._case, candidate.changes))
            )
            if isinstance(verdict, Accepted):
                self._judged.append(verdicts[-1])
                self._case.adopt(candidate.changes)
                return
        self._judged.append(verdicts[0])

    def _leave(self, function: FunctionName, reason: str, detail: str) -> None:
        self._unchanged.append(Unchanged(function, reason, detail))


def before_after(case: Case, changes: Mapping[str, bytes]) -> dict[str, tuple[bytes | None, bytes]]:
    """Return each changed file's content before (``None``: it is new) and after."""
    return {path: (case.content(path), after) for path, after in changes.items()}


class _Gates:
    """Tells a listener how far the judge has come."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._passed = 0

    def __call__(self, _name: str) -> None:
        self._listener.step(self._passed, GATES)
        self._passed += 1


def unknown_function(tree: Tree, listed: Sequence[str], name: FunctionName) -> str:
    """Return the message for a function that is not there, with near ones."""
    names = [
        FunctionName(path, qualname)
        for path in listed
        for qualname in function_index(_text(tree, path) or "")
    ]
    near = ", ".join(str(each) for each in near_names(name, names))
    return UNKNOWN_FUNCTION.format(name=name, hint=DID_YOU_MEAN.format(names=near) if near else "")


def verify(
    request: Request,
    changes: Mapping[str, bytes],
    functions: Sequence[FunctionName],
    listener: Listener,
) -> Outcome:
    """Judge somebody else's change, for all functions that it alters where none is named.

    Readability is only remarked on. The outcome has one ``Judged`` per function, all with the same
    verdict, or one without a function where the change alters none.

    Raises:
        UnknownFunction: a named function does not exist.
        and what :func:`prepared` raises.
    """
    started = time.monotonic()
    with prepared(request, listener) as ready:
        case = ready.case
        session = _Session(request, ready, listener)
        subjects = [session.existing(name) for name in functions] or changed_functions(
            case, changes
        )
        listener.phase(Phase.RECORDING)
        case.recordings.update(session.recordings(subjects))
        noise = case.noise = session.noise(subjects)
        listener.phase(Phase.JUDGING)
        verdict = judge(
            case,
            changes,
            subjects,
            replace(request.terms(next(iter(changes))), max_complexity_increase=None),
            deadline_s=time.monotonic() + request.time_s,
            on_gate=_Gates(listener),
        )
        both = before_after(case, changes)
        judged = [Judged(function, verdict, None, both) for function in subjects]
        judged = judged or [Judged(FunctionName(next(iter(changes)), ""), verdict, None, both)]
        return Outcome(ready, (), noise, tuple(judged), (), time.monotonic() - started)


def plan(request: Request, listener: Listener) -> tuple[FunctionName, tuple[Suggestion, ...]]:
    """Return what the catalogue suggests for the one function of the request, nothing measured.

    Raises:
        UnknownFunction: the function does not exist.
        and what :func:`prepared` raises.
    """
    with prepared(request, listener) as ready:
        session = _Session(request, ready, listener)
        function = session.existing(request.functions[0])
        listener.phase(Phase.RECORDING)
        recording = session.recordings([function])[function]
        subject = session.subject(function, recording)
        found = steps(subject, subject.source.text, rules())
        return function, tuple(step.suggestion for step in found)
