"""From published slow/fast pairs to proven ones: read, filter, reference, split, verify, measure.

    python -m perfbot.training.pairs --config recipes/pairs.toml

Reads every source of the configuration (``training/readers``), keeps what may be training data, brings
each slow version together with the fast one that D_ref names, drops near-duplicates and whatever the
evaluation sets hold, and runs both sides in the sandbox. ``out`` gets ``pairs.jsonl.gz`` (records.py),
``rejected.jsonl`` with the reason of every other record, and ``report.md`` with the counts. A second
run goes on where the first one ended: outcomes are kept for each problem in ``outcomes.jsonl``.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import msgspec

from perfbot.optimizer.normal_form import normal_form
from perfbot.profiling.sandbox import SandboxError, strongest
from perfbot.training import filters, records
from perfbot.training.data_stage import Kept, StageError, configured, key_of, say, table
from perfbot.training.duplicates import Evaluation, near_duplicates, split_of
from perfbot.training.execution import Bounds, Runner, runner
from perfbot.training.grouping import SHARES, group_of
from perfbot.training.readers import READERS
from perfbot.training.readers.files import read_statements, samples
from perfbot.training.readers.reading import DataError, Example, Pair, Source
from perfbot.training.records import (
    Language,
    Measured,
    Ratio,
    RecordsError,
    TrainingPair,
    named,
)
from perfbot.training.reference import referenced
from perfbot.training.verification import Reason, Rejected, Settings, counts, verified

PROGRESS = "{done}/{all} {problem} ({language}): {good} of {tried} verified"
NOTHING = "no source gave a pair; report.md in {out} says why"
NO_RECORD = "no record: {why}"
NOT_IN_SHARE = "not in the share that is used"
UNBOUNDED = 1e6  # a ratio without an upper end, which JSON cannot hold

_Outcomes = list[TrainingPair | Rejected]
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(_Outcomes)


class SourceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A data set: its format, where it lies, and how many problems of it are used (all, if 0).

    ``licence`` replaces the one of the records, which must be known for a record to be used.
    """

    kind: Source
    path: str
    licence: str = ""
    problems: int = 0


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The stage's configuration. Paths are relative to its file."""

    out: str
    sources: list[SourceConfig]
    evaluation: list[SourceConfig] = []
    statements: str = ""
    reference: bool = True
    seed: int = 0
    least_speedup: float = 1.1
    measured_s: float = 0.5
    rounds: int = 6
    most_inputs: int = 10
    cpu_s: int = 5
    trust: bool = False


@dataclass(slots=True)
class Line:
    """The pairs on their way through the line, and what was left at its side."""

    pairs: list[Pair] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def reject(self, found: Iterable[Rejected]) -> None:
        """Take records out; of several reasons the first one counts."""
        which: dict[str, Rejected] = {}
        for each in found:
            which.setdefault(each.record, each)
        for pair in self.pairs:
            if pair.record in which:
                self.rejected.append(which[pair.record])
                self.counts[pair.source][which[pair.record].reason.value] += 1
        self.pairs = [each for each in self.pairs if each.record not in which]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage; return 0, or 1 where nothing came of it."""
    try:
        return _run(*configured(Config, argv, __doc__ or ""))
    except (StageError, DataError, RecordsError, SandboxError, OSError) as error:
        say(f"pairs: {error}")
        return 1


def _run(config: Config, base: Path) -> int:
    out = base / config.out
    statements = read_statements(base / config.statements) if config.statements else {}
    kept = Kept.opened(out / "outcomes.jsonl")
    line = prepared(config, base, statements)
    outcomes: _Outcomes = [_as_judged(each, config) for each in line.pairs if each.judged]
    with runner(strongest(trust=config.trust), Bounds(cpu_s=config.cpu_s)) as programs:
        outcomes += verify(line.pairs, statements, config, kept, programs)
    return write(out, line, outcomes)


# -- before anything is run ------------------------------------------------------------------------


def prepared(config: Config, base: Path, statements: Mapping[str, str]) -> Line:
    """Read, filter, reference, and take out what is there twice or is the evaluation's.

    Raises:
        DataError: a source is not there.
    """
    line = Line()
    shown = samples(dict(statements))
    for source in config.sources:
        line.pairs += _read(source, base, line, shown)
    line.reject(_unfit(line.pairs))
    if config.reference:
        found = referenced(line.pairs)
        line.pairs = list(found.pairs)
        line.counts["D_ref"].update(
            {"cross-user": found.cross_user, "merged into another pair": found.merged}
        )
        line.reject(_equal(line.pairs))  # what is its author's last and best version already
    line.reject(_contaminated(line.pairs, config, base))
    names = near_duplicates(line.pairs)
    line.reject(Rejected(each, Reason.NEAR_DUPLICATE, like) for each, like in names.items())
    return line


def _read(
    source: SourceConfig, base: Path, line: Line, shown: Mapping[str, tuple[Example, ...]]
) -> Iterator[Pair]:
    reading = READERS[source.kind](base / source.path)
    counted = line.counts[source.kind]
    counted["records"] += len(reading.pairs) + len(reading.malformed)
    for malformed in reading.malformed:
        counted[NO_RECORD.format(why=malformed.reason)] += 1
    chosen = set(_share({each.problem for each in reading.pairs}, source.problems))
    taken = {each.record for each in line.pairs}
    for pair in reading.pairs:
        if pair.problem not in chosen:
            counted[NOT_IN_SHARE] += 1
            continue
        name = _unused(f"{pair.source}:{pair.record}", taken)
        yield replace(
            pair,
            record=name,
            licence=source.licence or pair.licence,
            examples=pair.examples or shown.get(pair.problem, ()),
        )


def _share(problems: set[str], most: int) -> list[str]:
    """Return so many problems, always the same ones, or all of them."""
    return sorted(problems, key=lambda each: key_of("share", each))[: most or None]


def _unused(name: str, taken: set[str]) -> str:
    names = (name if number == 1 else f"{name}#{number}" for number in count(1))
    found = next(each for each in names if each not in taken)
    taken.add(found)
    return found


def _unfit(pairs: Iterable[Pair]) -> Iterator[Rejected]:
    for pair in pairs:
        if not pair.licence:
            yield Rejected(pair.record, Reason.NO_LICENCE, pair.origin)
        for side, text in (("slow", pair.slow), ("fast", pair.fast)):
            if why := filters.why_not(text):
                yield Rejected(pair.record, Reason.FILTERED, f"{side}: {why}")
        yield from _equal([pair])


def _equal(pairs: Iterable[Pair]) -> Iterator[Rejected]:
    for pair in pairs:
        texts = (pair.slow, pair.fast)
        if pair.language is Language.PYTHON:
            texts = (normal_form(pair.slow), normal_form(pair.fast))
        if texts[0].split() == texts[1].split():
            yield Rejected(pair.record, Reason.EQUAL)


def _contaminated(pairs: Iterable[Pair], config: Config, base: Path) -> Iterator[Rejected]:
    if not config.evaluation:
        return
    evaluated = Evaluation.of(
        pair
        for source in config.evaluation
        for pair in READERS[source.kind](base / source.path).pairs
    )
    for pair in pairs:
        if like := evaluated.contaminates(pair):
            yield Rejected(pair.record, Reason.CONTAMINATED, like)


# -- in the sandbox --------------------------------------------------------------------------------


def verify(
    pairs: Sequence[Pair],
    statements: Mapping[str, str],
    config: Config,
    kept: Kept,
    programs: Runner,
) -> _Outcomes:
    """Verify what was not judged before, problem by problem; what an earlier run found is taken over."""
    by_problem: dict[tuple[str, str, Language], list[Pair]] = defaultdict(list)
    for pair in pairs:
        if pair.judged is None:
            by_problem[pair.problem, pair.driver, pair.language].append(pair)
    settings = Settings(
        least_speedup=config.least_speedup,
        measured_s=config.measured_s,
        rounds=config.rounds,
        most_inputs=config.most_inputs,
        seed=config.seed,
    )
    found: _Outcomes = []
    for done, ((problem, _, language), together) in enumerate(sorted(by_problem.items()), 1):
        statement = statements.get(problem, "")
        key = key_of(together, statement, settings, programs.bounds, programs.counter is None)
        if key not in kept.found:
            split = split_of(problem, config.seed, SHARES)
            outcomes = verified(programs, together, statement, settings, split)
            kept.add(key, _ENCODER.encode(outcomes))
        outcomes = _DECODER.decode(kept.found[key])
        good = sum(isinstance(each, TrainingPair) for each in outcomes)
        say(
            PROGRESS.format(
                done=done,
                all=len(by_problem),
                problem=problem,
                language=language,
                good=good,
                tried=len(outcomes),
            )
        )
        found += outcomes
    return found


def _as_judged(pair: Pair, config: Config) -> TrainingPair | Rejected:
    """Return a pair of perfbot's own, which its judge has proven and measured on recorded calls."""
    assert pair.judged is not None
    gain = pair.judged.gain
    if gain is None:
        return Rejected(pair.record, Reason.NOT_MEASURED)
    if gain.low < config.least_speedup:
        told = f"{gain.estimate:.2f}x, at least {gain.low:.2f}x"
        return Rejected(pair.record, Reason.NOT_FASTER, told)
    high = UNBOUNDED if gain.high is None else gain.high
    return TrainingPair(
        record=pair.record,
        problem=pair.problem,
        source=pair.source,
        language=pair.language,
        slow=pair.slow,
        fast=pair.fast,
        origin=pair.origin,
        licence=pair.licence,
        entry_point=pair.entry_point,
        strategies=tuple(
            named(each.strategy.category, each.strategy.name, each.why)
            for each in pair.judged.strategies
        ),
        measured=Measured(time=Ratio(gain.estimate, gain.low, high)),
        split=split_of(pair.problem, config.seed, SHARES),
        group=group_of(pair.slow, pair.language),
    )


# -- what comes out --------------------------------------------------------------------------------


def write(out: Path, line: Line, outcomes: _Outcomes) -> int:
    """Write pairs, the rejected with their reasons, and the counts."""
    good = [each for each in outcomes if isinstance(each, TrainingPair)]
    bad = [*line.rejected, *(each for each in outcomes if isinstance(each, Rejected))]
    records.write(out / "pairs.jsonl.gz", good)
    lines = b"".join(_ENCODER.encode(each) + b"\n" for each in bad)
    (out / "rejected.jsonl").write_bytes(lines)
    (out / "report.md").write_text(report(line, outcomes), encoding="utf-8")
    if not good:
        raise StageError(NOTHING.format(out=out))
    say(f"{len(good)} pairs, {len(bad)} rejected: {out / 'report.md'}")
    return 0


def report(line: Line, outcomes: _Outcomes) -> str:
    """Return the counts as Markdown: what was read and left out before, and what verifying gave."""
    parts = [table(found, f"{source}, before running") for source, found in line.counts.items()]
    sources = sorted({_source(each) for each in outcomes})
    for source in sources:
        found = counts(each for each in outcomes if _source(each) == source)
        parts.append(table(found, f"{source}, verified"))
    good = [each for each in outcomes if isinstance(each, TrainingPair)]
    authors = Counter("cross-user" if each.cross_user else "same user" for each in good)
    parts.append(table(authors, "authors of a pair"))
    parts.append(table(Counter(each.split.value for each in good), "split"))
    parts.append(table(Counter(each.licence for each in good), "licence"))
    parts.append(table(Counter(each.group.value for each in good), "group"))
    return "\n\n".join(parts) + "\n"


def _source(outcome: TrainingPair | Rejected) -> str:
    return outcome.record.partition(":")[0]


if __name__ == "__main__":
    sys.exit(main())
