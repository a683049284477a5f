"""What does confidence-driven switching save against always asking the large model?

    python benchmarks/routing.py --data DIR [--limit N] [--only RECORD]   measures, record by record
    python benchmarks/routing.py --write                                  writes routing.md

Tasks are ENAMEL's records whose expert version counts (pairs.py), each as a small repository. Per
record the catalogue and two scripted models (routing_models.py) are asked as perfbot asks them; each
version goes through the judge's gates but for the clock's, is scored for correctness on inputs that
the gates never saw, and its instructions are counted against the slow version's. Nothing here is a
time, so a busy machine may measure. Results are kept in build/routing/, one file per record, and a
second run goes on where the first ended. The policies then replay these results through the
product's own ``Switching``.
"""

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pair_repository
import routing_models
from pair_scoring import NotScored, Scorer
from pairs import FILES, request
from routing_models import LARGE_PRICE, SHARES, SMALL_PRICE, Scripted
from routing_policies import (
    GAIN,
    NOTHING,
    Record,
    Result,
    Version,
    learned,
    oracle,
    result,
    routed,
    stands,
    uninformed,
)

from perfbot.optimizer.authors import Authors
from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.catalogue import rules
from perfbot.optimizer.diagnosis import Stage, refused
from perfbot.optimizer.plan import Subject
from perfbot.optimizer.progress import Silence
from perfbot.optimizer.proposing import Catalogue, Tried
from perfbot.optimizer.routing import Rule
from perfbot.optimizer.search import search
from perfbot.optimizer.session import prepared
from perfbot.optimizer.spending import Spending
from perfbot.optimizer.verify import judge_without_clock
from perfbot.profiling import counters, instructions
from perfbot.profiling.capture import capture
from perfbot.profiling.environment import query
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.sandbox import strongest
from perfbot.profiling.source import SourceFile, read_source
from perfbot.profiling.tree import UnusableRepository
from perfbot.training.readers import READERS
from perfbot.training.readers.reading import Pair, Source

HERE = Path(__file__).parent
RESULTS = HERE.parent / "build" / "routing"
COUNTED = HERE / "pairs.json"  # which records count
TERMS = Terms()  # experts' names are short: readability is not what is compared here
SEARCH_S = 60.0
THRESHOLDS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
REPLIES = 8


# -- measuring -------------------------------------------------------------------------------------


@dataclass
class Bench:
    """One record's repository, ready to be asked about."""

    scorer: Scorer
    case: Case
    subject: Subject

    @property
    def source(self) -> SourceFile:
        return self.subject.source

    def judged(self, text: str, **more: float | None) -> Version:
        """Put a version before the gates, count its instructions, score it on hidden inputs."""
        function = self.subject.function
        changes = {function.path: self.source.encode(text)}
        verdict = judge_without_clock(self.case, changes, [function], TERMS)
        if verdict is not None:
            return Version(False, True, 1.0, f"{verdict.why}: {verdict.detail[:200]}", **more)
        errors = self.scorer.errors(text)
        return Version(True, not errors, self._gain(changes), "; ".join(errors[:1]), **more)

    def _gain(self, changes: Mapping[str, bytes]) -> float:
        case, reference = self.case, self.case.reference(self.subject.function)
        counter = counters.counter(case.target.sandbox.level)
        if counter is None:
            raise NotScored(counters.why_no_counter(case.target.sandbox.level))
        aim_s = instructions.aim_s(counter)
        made = instructions.rounds(reference, once=False, aim_s=aim_s)
        with case.lent(changes) as new:
            return 1 / instructions.ratio(counter, case.target, made, case.tree, new)

    def catalogue(self) -> Version:
        """Let the embedded optimizer search, and judge its best version."""
        proposers = [Catalogue(rules())]
        deadline_s = time.monotonic() + SEARCH_S
        found = search(self.case, self.subject, proposers, TERMS, deadline_s=deadline_s)
        if not found.candidates:
            return NOTHING
        return self.judged(found.candidates[0].content.decode())

    def asked(self, model: Scripted) -> Version:
        """Ask a model as perfbot asks it, with what speaks against its versions fed back."""
        authors = Authors(model, model, rules(), Spending(math.inf), REPLIES)
        dropped: list[Tried] = []
        known: dict[str, Version] = {self.source.text: NOTHING}
        last = NOTHING
        for proposal in authors.proposals(self.subject, self.source.text, dropped):
            last = known.get(proposal.text) or self.judged(proposal.text)
            last = replace(last, confidence=proposal.confidence)
            known[proposal.text] = last
            if not stands(last):
                why = refused(last.why or "it costs no less", Stage.REPLAY)
                dropped.append(Tried(proposal.suggestions, why, model.name))
        return replace(
            last,
            replies=len(model.used),
            tokens=sum(each.tokens_in + each.tokens_out for each in model.used),
            usd=sum(each.usd for each in model.used),
        )


def measured(scorer: Scorer) -> Record:
    """Ask all three about one record.

    Raises:
        NotScored: the record cannot be used.
        UnusableRepository: neither can its repository.
    """
    pair = scorer.pair
    with tempfile.TemporaryDirectory(prefix="routing-") as name:
        pair_repository.write(scorer, Path(name))
        with prepared(request(Path(name), scorer), Silence()) as ready:
            bench = opened(scorer, ready.case)
            try:
                return Record(
                    pair.record,
                    bench.catalogue(),
                    bench.asked(routing_models.small(pair)),
                    bench.asked(routing_models.large(pair)),
                )
            except instructions.NotCountedError as error:
                raise NotScored(str(error)) from None


def opened(scorer: Scorer, case: Case) -> Bench:
    function = FunctionName("solution.py", scorer.pair.entry_point)
    recordings = capture(case.target, case.copy({}), case.workload, [function], wall_s=120)
    case.recordings.update(recordings)
    recording = recordings[function]
    source = read_source(case.tree.root / function.path)
    facts = dict(recording.facts)
    subject = Subject(function, source, facts, case.dependencies, recording.count)
    return Bench(scorer, case, subject)


def wanted(data: Path, only: Sequence[str]) -> Iterator[Pair]:
    """Yield the records that count, by the results of pairs.py."""
    rows = json.loads(COUNTED.read_text(encoding="utf-8"))["enamel"]["records"]
    counting = {row["record"] for row in rows if row["ran"] and not row["trouble"]}
    for pair in READERS[Source.ENAMEL](data / FILES[Source.ENAMEL]).pairs:
        if pair.record in counting and (not only or pair.record.split("/")[-1] in only):
            yield pair


def measure(data: Path, only: Sequence[str], limit: int | None) -> None:
    sandbox = strongest()
    interpreter = query(Path(sys.executable), sandbox)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for pair in list(wanted(data, only))[:limit]:
        path = RESULTS / f"{pair.record.replace('/', '-')}.json"
        if path.exists():
            continue
        try:
            record = measured(Scorer(sandbox, interpreter, pair))
        except (NotScored, UnusableRepository) as reason:
            print(f"{pair.record}: not usable: {reason}", flush=True)
            continue
        path.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")
        gains = [f"{each.worth:.2f}×" for each in (record.catalogue, record.small, record.large)]
        print(
            f"{pair.record}: catalogue {gains[0]}, small {gains[1]}, large {gains[2]}", flush=True
        )


def saved() -> list[Record]:
    found = []
    for path in sorted(RESULTS.glob("*.json")):
        kept = json.loads(path.read_text(encoding="utf-8"))
        versions = {name: Version(**kept[name]) for name in ("catalogue", "small", "large")}
        found.append(Record(kept["name"], **versions))
    return found


# -- the table -------------------------------------------------------------------------------------


def row(name: str, results: Sequence[Result], always: Sequence[Result]) -> str:
    usd = sum(each.usd for each in results)
    paid = sum(each.usd for each in always)
    improved = sum(each.worth >= GAIN for each in results)
    mean = statistics.geometric_mean(each.worth for each in results)
    cells = (
        name,
        f"{sum(each.small for each in results)}",
        f"{sum(each.large for each in results)}",
        f"{1000 * usd / len(results):.2f}",
        f"{usd / paid:.0%}",
        f"{improved} ({improved / len(results):.0%})",
        f"{mean:.2f}×",
        f"{sum(not each.right for each in results)}",
    )
    return f"| {' | '.join(cells)} |"


HEAD = (
    "| policy | small asked | large asked | $ per 1,000 functions | cost against always large | "
    "improved | mean gain | wrong |\n|---|---:|---:|---:|---:|---:|---:|---:|"
)


def table(records: Sequence[Record]) -> str:
    always = [result(each, small=False, large=True) for each in records]
    rows = [
        ("catalogue alone", [result(each, small=False, large=False) for each in records]),
        ("always small", [result(each, small=True, large=False) for each in records]),
        ("always large", always),
        ("always both", [result(each, small=True, large=True) for each in records]),
        ("**routed** (the default rule)", [routed(each, Rule()) for each in records]),
        ("routed, learned (leave one out)", [routed(each, learned(each, records)) for each in records]),
        ("routed, confidence says nothing", [routed(uninformed(each), Rule()) for each in records]),
        ("oracle", [oracle(each) for each in records]),
    ]  # fmt: skip
    return "\n".join([HEAD, *(row(name, found, always) for name, found in rows)])


def curve(records: Sequence[Record]) -> str:
    always = [result(each, small=False, large=True) for each in records]
    rows = [
        row(
            f"sure by {least:.0%}", [routed(each, Rule((), least, 0.0)) for each in records], always
        )
        for least in THRESHOLDS
    ]
    return "\n".join([HEAD, *rows])


TEXT = """# Confidence-driven switching against always asking the large model

Reproduce: `python benchmarks/routing.py --data DIR`, then `python benchmarks/routing.py --write`.

{count} of ENAMEL's records, each as a small repository with the slow version; the catalogue always
searches first. *Improved*: what was shipped is right on inputs that the gates never saw and executes
at least {gain}× fewer instructions; *mean gain*: the geometric mean of old over new instructions,
failures counted as 1×; *wrong*: shipped and not right. No figure is a time; the clock only ranks
the catalogue's steps while it searches. Readability is not judged here: experts' names are short.

{table}

## The threshold

How sure the rule must be, the same for every share of the workload's time. The product asks for
50 % and 40 % more for a function that has all the time.

{curve}

## What is real here, and what is not

- Real: the tasks and the experts' solutions, the catalogue's search, prompts and feedback and their
  lengths, the gates (reading, replay, tests), the counts of instructions, the scoring, and the
  switching: the product's own code decides over what was measured.
- Synthetic: both models. The large one knows the expert's solution; the small one knows it by the
  solution's length (up to {known}), else it answers with a seeded
  fault or the function as it is. Its stated confidence is drawn from {sure} where it knows
  and from {unsure} where it does not; in the row where it says nothing, from {always} in
  both cases. The shares of the workload's time are drawn from {shares}. Prices in US dollars per
  million tokens sent and received: {small} and {large}.
  `benchmarks/routing_models.py` has all of it.
- So the table shows what switching does with models like these, not what any model would do.
- Most wrong answers are found by the gates, after which the rule has little to guess: what the
  confidence adds shows against the row where it says nothing.
- The learned rule learns from the other records only ({learned}).
"""


def write() -> None:
    records = saved()
    if not records:
        sys.exit("nothing is measured yet: run with --data first")
    is_learned = learned(records[0], records).learned_from
    text = TEXT.format(
        count=len(records),
        gain=GAIN,
        table=table(records),
        curve=curve(records),
        known=", ".join(f"{lines:g} lines {chance:.0%}" for lines, chance in routing_models.KNOWN),
        sure=spread(routing_models.SURE),
        unsure=spread(routing_models.UNSURE),
        always=spread(routing_models.ALWAYS),
        shares=spread(SHARES),
        small=f"{SMALL_PRICE.sent} and {SMALL_PRICE.received}",
        large=f"{LARGE_PRICE.sent} and {LARGE_PRICE.received}",
        learned=f"{is_learned} at a time"
        if is_learned
        else "too few here: it is the computed rule",
    )
    (HERE / "routing.md").write_text(text, encoding="utf-8")


def spread(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.0%} to {ends[1]:.0%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the data sets")
    parser.add_argument("--only", action="append", default=[], help="a record's number")
    parser.add_argument("--limit", type=int, help="so many records at most")
    parser.add_argument("--write", action="store_true", help="write routing.md")
    options = parser.parse_args()
    if options.data is not None:
        measure(options.data, options.only, options.limit)
    if options.write:
        write()


if __name__ == "__main__":
    main()
