"""What a repository asks for (``.perfbot.yml``) and what this machine's user has set up.

The repository's file is written by strangers on a GitHub run: it chooses among what the operator
offers and lowers limits; it never names an endpoint, a key or a folder outside the repository.
"""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path

import platformdirs

from perfbot.bot.globs import matches
from perfbot.bot.marked_yaml import ConfigError, Section, read_mapping
from perfbot.optimizer.objective import Objective
from perfbot.optimizer.readability import Kept, Limits
from perfbot.optimizer.refinement import Refinement
from perfbot.profiling.workload import WorkloadSettings

FILE_NAME = ".perfbot.yml"
_OPERATOR_ONLY = (
    "; endpoints and keys are set by the operator (the user's configuration folder, "
    "the server's file or the Action's inputs), never by a repository"
)
_ALL_FILES = "**"
_READABILITY = Limits()
_PREFIX = re.compile(r"[\w()!:./\[\]-]+(?: [\w()!:./\[\]-]+)*")
_PERSON = re.compile(r"[^<>@#\n\r\x00-\x1f]{1,80} <[\w.+-]{1,64}@[\w.-]{1,190}>")
_LONGEST_TEXT = 300
_LARGEST_BYTES = 1 << 20  # far more than is accepted, far less than hurts


class Backend(StrEnum):
    """Where a planner or an optimizer runs."""

    EMBEDDED = "embedded"
    OPENAI = "openai"
    VLLM = "vllm"
    TRANSFORMERS = "transformers"


class Schedule(StrEnum):
    """How often pull requests are looked for without being asked."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    NEVER = "never"


class Group(StrEnum):
    """What one pull request of a scan holds: one function, or all those of a file."""

    FUNCTION = "function"
    FILE = "file"


class Telemetry(StrEnum):
    """What is kept of a run, on this machine: its transcript, one without source text, or nothing.

    The later, the stricter.
    """

    LOCAL = "local"
    REDACTED = "redacted"
    NONE = "none"


class Capability(StrEnum):
    """What a patch may not add to a file that did not have it, unless the repository allows it."""

    NETWORK = "network"
    PROCESSES = "processes"
    FILE_READS = "file-reads"
    FILE_WRITES = "file-writes"
    THREADS = "threads"
    INTERPRETER_SETTINGS = "interpreter-settings"
    EVAL = "eval"
    FRAMES = "frames"
    BUILTINS = "builtins"
    REFLECTION = "reflection"
    EXIT = "exit"
    EXIT_HANDLERS = "exit-handlers"
    CTYPES = "ctypes"
    ENVIRONMENT = "environment"
    CLOCK = "clock"
    INPUT = "input"
    DEPENDENCY = "dependency"


@dataclass(frozen=True, slots=True)
class Paths:
    """Which source files may be changed, as patterns in which ``**`` crosses folders."""

    include: tuple[str, ...] = (_ALL_FILES,)
    exclude: tuple[str, ...] = ()

    def covers(self, path: str) -> bool:
        """Say whether a POSIX path relative to the repository is included and not excluded."""
        return matches(path, self.include) and not matches(path, self.exclude)


@dataclass(frozen=True, slots=True)
class Hotspots:
    """How many functions are worked on, and the least share of the workload one must have."""

    at_most: int = 5
    min_share: float = 0.02


@dataclass(frozen=True, slots=True)
class Accept:
    """What a candidate has to prove; ratios are old/new for speed and new/old for memory."""

    objective: Objective = Objective.TIME
    min_speedup: float = 1.10
    confidence: float = 0.99
    max_memory_ratio: float = 1.10
    max_complexity_increase: int = _READABILITY.max_complexity_increase
    max_length_ratio: float = _READABILITY.max_length_ratio
    max_nesting_increase: int = _READABILITY.max_nesting_increase
    keep: frozenset[Kept] = _READABILITY.keep
    min_kill_rate: float = 0.0
    tolerance: float | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """Other demands for some files: of ``accept`` only the fields in ``given`` count."""

    paths: tuple[str, ...]
    accept: Accept
    given: frozenset[str]

    def applied_to(self, accept: Accept) -> Accept:
        """Return ``accept`` with the given fields replaced."""
        return replace(accept, **{name: getattr(self.accept, name) for name in self.given})


@dataclass(frozen=True, slots=True)
class Models:
    """Which backend plans, which ones rewrite, and which is asked where those are not sure."""

    planner: Backend = Backend.EMBEDDED
    optimizers: tuple[Backend, ...] = (Backend.EMBEDDED,)
    larger: Backend = Backend.EMBEDDED
    feedback: Refinement = field(default_factory=Refinement)


@dataclass(frozen=True, slots=True)
class Budget:
    """What one run may cost; ``tokens`` are those sent to models and those that come back."""

    time_s: float = 15 * 60.0
    candidates: int = 8
    usd: float = 0.50
    tokens: int = 2_000_000


@dataclass(frozen=True, slots=True)
class PullRequests:
    """How pull requests are opened.

    ``dashboard`` asks for the issue that lists what scans found.
    ``commit_prefix`` comes before titles and commit messages, such as ``perf:``; ``co_author`` is
    ``Name <address>`` for a ``Co-authored-by`` line, which there is none of by default.
    """

    open_at_most: int = 2
    draft: bool = True
    labels: tuple[str, ...] = ("performance",)
    schedule: Schedule = Schedule.WEEKLY
    group: Group = Group.FUNCTION
    dashboard: bool = False
    commit_prefix: str | None = None
    co_author: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """All of ``.perfbot.yml``; every field has a default that works."""

    workload: WorkloadSettings = field(default_factory=WorkloadSettings)
    paths: Paths = Paths()
    hotspots: Hotspots = Hotspots()
    accept: Accept = Accept()
    overrides: tuple[Override, ...] = ()
    models: Models = Models()
    budget: Budget = Budget()
    pull_requests: PullRequests = PullRequests()
    telemetry: Telemetry = Telemetry.LOCAL
    allow: frozenset[Capability] = frozenset()

    def accept_for(self, path: str) -> Accept:
        """Return the demands on a change of ``path``; of several overrides the last one wins."""
        accept = self.accept
        for override in self.overrides:
            if matches(path, override.paths):
                accept = override.applied_to(accept)
        return accept


def load(repository: Path, file: Path | None = None) -> Config:
    """Return the configuration in ``file``, else in the repository's own file, else the defaults.

    Raises ConfigError when the file cannot be read or is wrong.
    """
    path = file or repository / FILE_NAME
    if file is None and not os.path.lexists(path):
        return Config()
    name = str(file) if file else FILE_NAME
    if file is None and not path.resolve().is_relative_to(repository.resolve()):
        raise ConfigError(name, 1, "", "this is a link to a file outside the repository")
    if path.exists() and not path.is_file():  # opening a pipe would wait for ever
        raise ConfigError(name, 1, "", "this is not a regular file")
    try:
        with path.open("rb") as stream:
            return read(stream.read(_LARGEST_BYTES), name)
    except OSError as error:
        raise ConfigError(name, 1, "", f"cannot be read: {error.strerror}") from None


def read(content: bytes, file: str = FILE_NAME) -> Config:
    """Read the content of a ``.perfbot.yml``; ``file`` is its name in the ConfigError it may raise."""
    top = read_mapping(content, file)
    top.allow("version", *(field.name for field in fields(Config)))
    top.whole("version", 1, 1, 1)
    accept = _accept(top.section("accept"), Accept())
    return Config(
        workload=_workload(top.section("workload")),
        paths=_paths(top.section("paths")),
        hotspots=_hotspots(top.section("hotspots")),
        accept=accept,
        overrides=tuple(_override(section) for section in top.sections("overrides")),
        models=_models(top.section("models")),
        budget=_budget(top.section("budget")),
        pull_requests=_pull_requests(top.section("pull_requests")),
        telemetry=top.choice("telemetry", Telemetry.LOCAL),
        allow=top.choices("allow", Capability),
    )


def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _workload(section: Section) -> WorkloadSettings:
    section.allow(*_names(WorkloadSettings))
    return WorkloadSettings(
        python=section.text("python", None),
        install=section.text("install", None),
        tests=section.text("tests", None),
        benchmarks=section.text("benchmarks", None),
        commands=section.texts("commands", ()),
    )


def _paths(section: Section) -> Paths:
    section.allow(*_names(Paths))
    return Paths(section.texts("include", (_ALL_FILES,)), section.texts("exclude", ()))


def _hotspots(section: Section) -> Hotspots:
    section.allow(*_names(Hotspots))
    default = Hotspots()
    return Hotspots(
        at_most=section.whole("at_most", default.at_most, 1, 100),
        min_share=section.number("min_share", default.min_share, 0, 1),
    )


def _accept(section: Section, default: Accept) -> Accept:
    section.allow(*_names(Accept))
    return Accept(
        objective=section.choice("objective", default.objective),
        min_speedup=section.number("min_speedup", default.min_speedup, 1, 1000),
        confidence=section.number("confidence", default.confidence, 0.5, 0.9999),
        max_memory_ratio=section.number("max_memory_ratio", default.max_memory_ratio, 0.1, 1000),
        max_complexity_increase=section.whole(
            "max_complexity_increase", default.max_complexity_increase, 0, 1000
        ),
        max_length_ratio=section.number("max_length_ratio", default.max_length_ratio, 1, 1000),
        max_nesting_increase=section.whole(
            "max_nesting_increase", default.max_nesting_increase, 0, 1000
        ),
        keep=section.choices("keep", Kept) if "keep" in section.keys else default.keep,
        min_kill_rate=section.number("min_kill_rate", default.min_kill_rate, 0, 1),
        tolerance=section.optional_number("tolerance", default.tolerance, 0, 1),
    )


def _override(section: Section) -> Override:
    section.allow("paths", "accept")
    paths = section.texts("paths", ())
    if not paths:
        raise section.fail("paths", "expected at least one pattern, such as src/billing/**")
    accept = section.section("accept")
    return Override(paths, _accept(accept, Accept()), accept.keys)


def _models(section: Section) -> Models:
    section.allow("planner", "optimizer", "larger", "feedback", why_not=lambda _: _OPERATOR_ONLY)
    optimizers = tuple(_backend(each) for each in section.one_or_more("optimizer"))
    return Models(
        _backend(section.section("planner")),
        tuple(dict.fromkeys(optimizers)) or Models().optimizers,
        _backend(section.section("larger")),
        _feedback(section.section("feedback")),
    )


def _feedback(section: Section) -> Refinement:
    section.allow(*_names(Refinement))
    default = Refinement()
    return Refinement(
        rounds=section.whole("rounds", default.rounds, 1, 20),
        history=section.flag("history", default.history),
        samples=section.whole("samples", default.samples, 1, 20),
        temperature=section.number("temperature", default.temperature, 0, 2),
        queries=section.whole("queries", default.queries, 0, 20),
    )


def _backend(section: Section) -> Backend:
    section.allow("backend", why_not=lambda _: _OPERATOR_ONLY)
    return section.choice("backend", Backend.EMBEDDED)


def _budget(section: Section) -> Budget:
    section.allow("time", "candidates", "usd", "tokens")
    default = Budget()
    return Budget(
        time_s=section.duration_s("time", default.time_s, "10s", "24h"),
        candidates=section.whole("candidates", default.candidates, 1, 1000),
        usd=section.number("usd", default.usd, 0, 1000),
        tokens=section.whole("tokens", default.tokens, 0, 10**12),
    )


def _pull_requests(section: Section) -> PullRequests:
    section.allow(*_names(PullRequests))
    default = PullRequests()
    return PullRequests(
        open_at_most=section.whole("open_at_most", default.open_at_most, 0, 20),
        draft=section.flag("draft", default.draft),
        labels=section.texts("labels", default.labels),
        schedule=section.choice("schedule", default.schedule),
        group=section.choice("group", default.group),
        dashboard=section.flag("dashboard", default.dashboard),
        commit_prefix=_matching(section, "commit_prefix", _PREFIX, "a short text such as perf:"),
        co_author=_matching(section, "co_author", _PERSON, "a person such as Ada <ada@x.example>"),
    )


def _matching(section: Section, name: str, form: re.Pattern[str], wanted: str) -> str | None:
    text = section.text(name, None)
    if text is not None and (len(text) > _LONGEST_TEXT or not form.fullmatch(text)):
        raise section.fail(name, f"expected {wanted}, in one line")
    return text


@dataclass(frozen=True, slots=True)
class Operator:
    """What this machine's user has set up: folders by the XDG rules and the active environment.

    ``virtual_environment`` is never perfbot's own.
    """

    configuration: Path
    cache: Path
    state: Path
    virtual_environment: Path | None
    conda_environment: Path | None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Operator":
        """Read the process environment; nothing is created."""
        folders = platformdirs.PlatformDirs("perfbot", appauthor=False)
        active = _folder(environ, "VIRTUAL_ENV")
        own = active is not None and active.resolve() == Path(sys.prefix).resolve()
        return cls(
            configuration=folders.user_config_path,
            cache=folders.user_cache_path,
            state=folders.user_state_path,
            virtual_environment=None if own else active,
            conda_environment=_folder(environ, "CONDA_PREFIX"),
        )


def process_environment() -> dict[str, str]:
    """Return a copy of perfbot's own environment: where to look for an active Python and its tools."""
    return dict(os.environ)


def _folder(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None
