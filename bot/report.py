"""The report of a run, schema 1: what was found, what was proposed, what was proven, what it cost.

The same document is printed by ``--json`` and written as ``report.json``; its JSON Schema is
``docs/report.schema.json``. Field names, their order and the members of ``Verdict``, ``Why`` and
``Reason`` are a contract. Times are in seconds, shares and ratios are plain fractions; a speedup is
old/new (2.0 means half the time); memory, CPU and instruction ratios are new/old.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from typing import TypeVar

import msgspec

from perfbot.optimizer.strategies import Category
from perfbot.optimizer.verdict import Why
from perfbot.profiling.conditions import Conditions

SCHEMA = 1
_JSON = "json"
NO_REPORT = "this is no report of a run: {why}"
_LARGEST_BYTES = 16_000_000
_Read = TypeVar("_Read")
FOR_PEOPLE = {_JSON: False}  # metadata of a field that pages show and the document does not have


class Verdict(StrEnum):
    """How the judge decided."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    INCONCLUSIVE = "inconclusive"


class Reason(StrEnum):
    """Why nothing was proposed for a function; a closed list."""

    NATIVE = "native"
    NO_STRATEGY = "no-strategy"
    BELOW_SHARE = "below-share"
    NOT_EXERCISED = "not-exercised"
    IGNORED = "ignored"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class Repository:
    """Which code was looked at: its absolute path; ``commit`` is None where there is no Git history."""

    path: str
    commit: str | None
    dirty: bool


@dataclass(frozen=True, slots=True)
class Environment:
    """On what it ran; ``python`` is the target's, ``counters`` what counts instructions."""

    python: str
    cpu: str
    cores: int
    os: str
    sandbox: str
    counters: str | None


@dataclass(frozen=True, slots=True)
class Noise:
    """This machine's own interval of ratios when the same code is measured against itself."""

    low: float
    high: float
    pairs: int


@dataclass(frozen=True, slots=True)
class WorkloadSummary:
    """How the repository exercised itself, before any change.

    ``tests`` and ``benchmarks`` are how they were run, None where there are none; the counts are
    of tests.
    """

    tests: str | None
    benchmarks: str | None
    collected: int
    passed: int
    failed: int
    skipped: int
    flaky: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class HotspotRow:
    """What share of the workload's time one function has, and how much faster that could become."""

    function: str
    share: float
    self_share: float
    calls: int | None
    native_share: float
    ceiling: float | None


@dataclass(frozen=True, slots=True)
class StrategyRow:
    """One strategy of a result and why it helps here."""

    category: Category
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Speedup:
    """Old/new of the function, with its interval, and of the whole workload."""

    estimate: float
    low: float
    high: float
    confidence: float
    pairs: int
    workload_estimate: float | None
    workload_low: float | None


@dataclass(frozen=True, slots=True)
class BenchmarkRow:
    """One of the project's own benchmarks before and after; ``ratio`` is old/new."""

    name: str
    before_s: float
    after_s: float
    ratio: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Change:
    """A number before and after: cognitive complexity or lines."""

    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Growth:
    """The power of the input's size by which time grows, before and after; None where it is not known.

    Each error is half the width of the exponent's interval.
    """

    before: float | None
    after: float | None
    before_error: float | None
    after_error: float | None


@dataclass(frozen=True, slots=True)
class GateResult:
    """One check of the judge."""

    name: str
    passed: bool
    detail: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Survivor:
    """A seeded fault that nothing noticed: one line of the new version as it is and as it could be."""

    line: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class LoadRow:
    """A coroutine function with ``at_once`` calls at the same time, before and after.

    Calls per second, and the median and 99th percentile of the seconds until a call is done.
    """

    at_once: int
    calls_per_s: Change
    p50_s: Change
    p99_s: Change


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """A version of a model's that failed before the result, and why."""

    optimizer: str
    why: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one proposal; ``patch`` is the path of its patch file if it was accepted.

    ``kill_rate`` is the share of seeded faults that the evidence catches.
    ``remarks`` are sentences on what got worse for readers, and on what could not be measured;
    ``benchmark_file`` is the path of a benchmark that was written for a function that had none.
    ``rounds`` counts the replies with code that models gave, ``attempts`` are those that failed.
    """

    function: str
    verdict: Verdict
    why: Why
    detail: str
    strategies: tuple[StrategyRow, ...] = ()
    planner: str = "embedded"
    optimizer: str = "embedded"
    speedup: Speedup | None = None
    benchmarks: tuple[BenchmarkRow, ...] = ()
    instructions_ratio: float | None = None
    cpu_ratio: float | None = None
    memory_ratio: float | None = None
    complexity: Change | None = None
    size: Change | None = None
    kill_rate: float | None = None
    growth: Growth | None = None
    gates: tuple[GateResult, ...] = ()
    patch: str | None = None
    survivors: tuple[Survivor, ...] = field(default=(), metadata=FOR_PEOPLE)
    energy_ratio: float | None = field(default=None, metadata=FOR_PEOPLE)
    loads: tuple[LoadRow, ...] = field(default=(), metadata=FOR_PEOPLE)
    remarks: tuple[str, ...] = ()
    benchmark_file: str | None = None
    rounds: int = 0
    attempts: tuple[AttemptRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A hotspot for which nothing was proposed, and why."""

    function: str
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Cost:
    """What the run cost."""

    seconds: float
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """Everything about one run; ``perfbot`` is the version that made it."""

    perfbot: str
    repository: Repository
    environment: Environment
    noise: Noise | None
    workload: WorkloadSummary | None
    hotspots: tuple[HotspotRow, ...]
    results: tuple[Result, ...]
    unchanged: tuple[Unchanged, ...]
    cost: Cost

    @property
    def accepted(self) -> tuple[Result, ...]:
        """The results whose patch is proven."""
        return tuple(one for one in self.results if one.verdict is Verdict.ACCEPTED)


@dataclass(frozen=True, slots=True)
class Samples:
    """The raw measurements behind one result: seconds of each interleaved (old, new) pair.

    ``threshold`` is the speedup that had to be proven; ``sizes_before`` and ``sizes_after`` are the
    number of items and the seconds of one call, for growing inputs; ``conditions`` are
    those of the machine when measuring began.
    """

    pairs: tuple[tuple[float, float], ...]
    threshold: float
    sizes_before: tuple[tuple[int, float], ...] = ()
    sizes_after: tuple[tuple[int, float], ...] = ()
    conditions: Conditions | None = None


class ReportFileError(ValueError):
    """What should be a report of a run is none."""


def to_document(report: Report) -> dict[str, object]:
    """Return what the report's JSON document holds."""
    return {"schema": SCHEMA, **_fields(report)}


def to_json(report: Report) -> str:
    """Return the report as one JSON document that ends with a newline.

    Numbers that JSON does not have (infinite, not a number) become null, lone surrogates of file
    names become their escapes: what is returned can always be encoded and parsed.
    """
    return dumped(to_document(report))


def from_json(content: bytes) -> Report:
    """Read the document that ``to_json`` wrote, which anybody may have changed since.

    Raises:
        ReportFileError: it is larger than 16 MB or no report of schema 1.
    """
    return from_document(_decoded(content))


def from_document(document: object) -> Report:
    """Read what ``to_document`` gave, once it has been JSON; raises ReportFileError."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ReportFileError(NO_REPORT.format(why="it is none of schema 1"))
    return _converted(document, Report)


def samples_from_json(content: bytes) -> dict[str, Samples]:
    """Read what ``samples_to_json`` wrote, as ``from_json`` does."""
    document = _decoded(content)
    functions = document.get("functions") if isinstance(document, dict) else None
    return _converted(functions, dict[str, Samples])


def _decoded(content: bytes) -> object:
    if len(content) > _LARGEST_BYTES:
        raise ReportFileError(NO_REPORT.format(why=f"it has {len(content):,} bytes"))
    try:
        document: object = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ReportFileError(NO_REPORT.format(why=error)) from None
    return document


def _converted(document: object, kind: type[_Read]) -> _Read:
    """Return typed records; fields that this version does not know are passed over."""
    try:
        return msgspec.convert(_with_open_ends(document), kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise ReportFileError(NO_REPORT.format(why=error)) from None


def _with_open_ends(value: object) -> object:
    """Put infinity back where an interval has no upper end, which JSON cannot say."""
    if isinstance(value, dict):
        read = {name: _with_open_ends(each) for name, each in value.items()}
        return {**read, "high": math.inf} if read.get("high", 0) is None else read
    return [_with_open_ends(each) for each in value] if isinstance(value, list) else value


def samples_to_json(samples: Mapping[str, Samples]) -> str:
    """Return the raw measurements by function as one JSON document."""
    return dumped({"schema": SCHEMA, "functions": samples})


def dumped(document: object) -> str:
    """Return records, lists and numbers as one JSON document that can always be encoded."""
    return json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _fields(record: object) -> dict[str, object]:
    assert is_dataclass(record)
    shown = (each.name for each in fields(record) if each.metadata.get(_JSON, True))
    return {name: getattr(record, name) for name in shown}


def _plain(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return _plain(_fields(value)) if is_dataclass(value) else value
