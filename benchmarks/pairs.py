"""Runs the embedded default on real slow/fast pairs and scores it by the PIE protocol.

    python benchmarks/pairs.py --data DIR [--source enamel] [--only TEXT] [--limit N] [--again]
    python benchmarks/pairs.py --data DIR --quick      where do rules fire at all? nothing is judged
    python benchmarks/pairs.py --data DIR --score      score again what perfbot made of the records
    python benchmarks/pairs.py --write                 the table from the results that are there

Each record becomes a small repository (pair_repository.py), perfbot optimizes it as it would
anybody's, and what it accepts is scored on other inputs (pair_scoring.py): *correct* on all of
them, *effectively optimized* when also at least 1.1× as fast at the largest size. Only records count
whose fast version is at least 1.5× as fast as the slow one. One record at a time, since it measures;
results are kept in build/pairs/, one file per record, and a second run goes on where the first
ended (``--again`` runs perfbot again, but keeps how fast the fast version is).
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pair_programs
import pair_repository
from pair_scoring import NotScored, Scorer

from perfbot.optimizer.catalogue import rules
from perfbot.optimizer.plan import Subject
from perfbot.optimizer.progress import Silence
from perfbot.optimizer.proposing import Catalogue
from perfbot.optimizer.readability import Limits
from perfbot.optimizer.search import search
from perfbot.optimizer.session import Judged, Outcome, Request, optimize, prepared
from perfbot.optimizer.verdict import Accepted
from perfbot.optimizer.verify import Terms
from perfbot.profiling.capture import capture
from perfbot.profiling.environment import Interpreter, query
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.sandbox import SandboxError, strongest
from perfbot.profiling.source import read_source
from perfbot.profiling.tree import UnusableRepository
from perfbot.training.readers import READERS
from perfbot.training.readers.files import read_samples
from perfbot.training.readers.reading import DataError, Pair, Source

HERE = Path(__file__).parent
RESULTS = HERE.parent / "build" / "pairs"
COUNTS_FROM = 1.5  # ratio of the data set's own fast version
EFFECTIVE = 1.1
EXPERT_PAIRS = 2
_ACTIVE = ("VIRTUAL_ENV", "CONDA_PREFIX")  # each repository gets the environment of its metadata
TERMS = Terms(readability=Limits())  # the defaults of .perfbot.yml
TIME_S = 120.0  # perfbot's budget per record
FILES = {
    Source.ENAMEL: "enamel_python.jsonl.gz",
    Source.PIE: "pie_python.jsonl.gz",
    Source.CODE_CONTESTS: "code_contests_python.jsonl.gz",
}
STATEMENTS = "codenet_statements.json.gz"  # of PIE's problems


@dataclass(frozen=True, slots=True)
class Proposal:
    """A verdict of perfbot's."""

    function: str
    verdict: str
    why: str
    detail: str
    strategies: list[str]
    low: float | None  # lower end of the claimed interval


@dataclass
class Result:
    """What came of one record; ``None`` where it did not come so far."""

    source: str
    record: str
    function: str
    trouble: str = ""  # why the record could not be used
    level: int | None = None
    expert: float | None = None
    proposals: list[Proposal] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    ran: bool = False
    changed: str = ""  # the file as perfbot left it, where it accepted something
    ours: float | None = None
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def counts(self) -> bool:
        """Whether there is something to be won, by the data set's own word."""
        return self.expert is not None and self.expert >= COUNTS_FROM

    @property
    def verdict(self) -> str:
        """The best verdict, ``no-proposal`` where there is none."""
        if self.changed:
            return "accepted"
        return self.proposals[0].verdict if self.proposals else "no-proposal"

    @property
    def effective(self) -> bool:
        """Whether it is effectively optimized: right, and 1.1 times as fast or more."""
        return not self.errors and self.ours is not None and self.ours >= EFFECTIVE

    @property
    def speedup(self) -> float:
        """The protocol's speedup: failures count as 1."""
        return max(1.0, self.ours) if self.effective and self.ours is not None else 1.0


def saved(path: Path) -> Result | None:
    """Return an earlier result."""
    if not path.is_file():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    kept["proposals"] = [Proposal(**each) for each in kept["proposals"]]
    return Result(**kept)


def save(path: Path, result: Result) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half")
    half.write_text(json.dumps(asdict(result), indent=1) + "\n", encoding="utf-8")
    half.replace(path)


def path_of(pair: Pair) -> Path:
    return RESULTS / pair.source / (pair.record.replace("/", "-").replace(":", "-") + ".json")


# -- perfbot on one record -------------------------------------------------------------------------


def request(folder: Path, scorer: Scorer) -> Request:
    """Return what somebody would ask who wants the record's function faster."""
    return Request(
        repository=folder,
        sandbox=scorer.sandbox,
        cache=RESULTS / "cache",
        environ={name: each for name, each in os.environ.items() if name not in _ACTIVE},
        terms=lambda _path: TERMS,
        functions=(FunctionName("solution.py", scorer.pair.entry_point),),
        time_s=TIME_S,
        python=Path(sys.executable),
    )


def with_perfbot(scorer: Scorer, result: Result) -> None:
    """Let perfbot optimize the record's repository and note what it did."""
    with tempfile.TemporaryDirectory(prefix="pair-") as name:
        folder = Path(name)
        pair_repository.write(scorer, folder)
        outcome = optimize(request(folder, scorer), Silence())
    result.ran = True
    result.proposals = [proposal(each) for each in outcome.judged]
    result.unchanged = [
        f"{each.function.qualname}: {each.reason}: {each.detail}" for each in outcome.unchanged
    ]
    result.changed = shipped(outcome)


def proposal(judged: Judged) -> Proposal:
    verdict = judged.verdict
    suggestions = judged.candidate.plan.suggestions if judged.candidate else ()
    return Proposal(
        str(judged.function.qualname),
        type(verdict).__name__.lower(),
        "faster" if isinstance(verdict, Accepted) else verdict.why.value,
        "" if isinstance(verdict, Accepted) else verdict.detail[:600],
        [each.strategy.name for each in suggestions],
        verdict.measured[-1].speedup.low if verdict.measured else None,
    )


def shipped(outcome: Outcome) -> str:
    """Return the changed file after the last accepted change; each stands on the ones before."""
    texts = [
        after.decode()
        for judged in outcome.judged
        if isinstance(judged.verdict, Accepted)
        for _, after in judged.changes.values()
    ]
    return texts[-1] if texts else ""


def score(scorer: Scorer, result: Result) -> None:
    """Score what perfbot accepted."""
    if not result.changed:
        return
    result.errors = scorer.errors(result.changed)
    speed = scorer.speed(scorer.pair.slow, result.changed)
    result.ours = speed.ratio if speed else None


def run(scorer: Scorer, earlier: Result | None, *, everything: bool) -> Result:
    """Do one record."""
    pair = scorer.pair
    result = Result(pair.source, pair.record, pair.entry_point or "main")
    begin = time.monotonic()
    try:
        if earlier is not None and (earlier.expert is not None or earlier.trouble):
            result.level, result.expert = earlier.level, earlier.expert
            result.trouble = earlier.trouble
        else:
            measure_expert(scorer, result)
        if not result.trouble and (result.counts or everything):
            with_perfbot(scorer, result)
            score(scorer, result)
    except NotScored as reason:
        result.trouble = str(reason)
    except UnusableRepository as reason:
        result.trouble = f"perfbot: {reason}"
    result.seconds = time.monotonic() - begin
    return result


def measure_expert(scorer: Scorer, result: Result) -> None:
    speed = scorer.speed(scorer.pair.slow, scorer.pair.fast, EXPERT_PAIRS)
    if speed is None:
        raise NotScored("the slow version comes to no end at any level")
    result.level, result.expert = speed.level, speed.ratio


# -- a quick look ----------------------------------------------------------------------------------


def quick(scorer: Scorer) -> str:
    """Say in a line which combination of rules promises most; one quick timing, nothing judged."""
    with tempfile.TemporaryDirectory(prefix="pair-") as name:
        pair_repository.write(scorer, Path(name))
        with prepared(request(Path(name), scorer), Silence()) as ready:
            case = ready.case
            function = FunctionName("solution.py", scorer.pair.entry_point or "main")
            found = capture(case.target, case.copy({}), case.workload, [function], wall_s=120)
            case.recordings.update(found)
            recording = found[function]
            subject = Subject(
                function,
                read_source(case.tree.root / function.path),
                dict(recording.facts),
                case.dependencies,
                recording.count,
            )
            tried = search(
                case, subject, [Catalogue(rules())], TERMS, deadline_s=time.monotonic() + TIME_S
            )
    if tried.candidates:
        best = tried.candidates[0]
        names = ", ".join(each.strategy.name for each in best.plan.suggestions)
        return f"{best.ratio:.2f}×  {names}"
    return f"{tried.tries} tries" + "".join(f"; {each.why[:160]}" for each in tried.dropped[:3])


# -- the table -------------------------------------------------------------------------------------


def table(results: Sequence[Result]) -> str:
    rows = ["| record | function | expert | verdict | ours | correct | strategies, or why not |"]
    rows.append("|---|---|---|---|---|---|---|")
    ordered = sorted(results, key=lambda each: -(each.expert or 0.0))
    rows.extend(row(each) for each in ordered if each.counts and not each.trouble)
    return "\n".join(rows)


def row(result: Result) -> str:
    ours = f"{result.ours:.2f}×" if result.ours is not None else ""
    correct = ("no" if result.errors else "yes") if result.changed else ""
    cells = (result.record, f"`{result.function}`", f"{result.expert:.2f}×", result.verdict)
    return f"| {' | '.join((*cells, ours, correct, why(result)))} |"


def why(result: Result) -> str:
    if result.errors:
        text = result.errors[0]
    elif result.changed:
        text = ", ".join(
            name
            for each in result.proposals
            if each.verdict == "accepted"
            for name in each.strategies
        )
    elif result.proposals:
        first = result.proposals[0]
        text = f"{first.why}: {first.detail} ({', '.join(first.strategies)})"
    else:
        text = "; ".join(result.unchanged) or "no hotspot was found"
    return text.replace("|", "\\|").replace("\n", " ")[:240]


def totals(results: Sequence[Result]) -> dict[str, float]:
    """Return the figures of the protocol over the records that count and could be run."""
    counted = [each for each in results if each.counts and not each.trouble and each.ran]
    count = len(counted)
    effective = sum(each.effective for each in counted)
    return {
        "records": len(results),
        "unusable": sum(bool(each.trouble) for each in results),
        "counted": count,
        "proposed": sum(bool(each.proposals) for each in counted),
        "accepted": sum(bool(each.changed) for each in counted),
        "incorrect_acceptances": sum(bool(each.errors) for each in counted),
        "share_correct": sum(not each.errors for each in counted) / max(count, 1),
        "share_effectively_optimized": effective / max(count, 1),
        "mean_speedup": statistics.fmean(each.speedup for each in counted) if counted else 1.0,
    }


def report(source: Source, results: Sequence[Result]) -> str:
    found = totals(results)
    unusable = [f"- {each.record}: {each.trouble}" for each in results if each.trouble]
    lines = [
        f"## {source.value}",
        "",
        f"{found['records']} records, of which {found['unusable']} could not be used; the fast "
        f"version is at least {COUNTS_FROM}× as fast in {found['counted']}, which count.",
        "",
        f"- effectively optimized (correct and at least {EFFECTIVE}×): "
        f"**{found['share_effectively_optimized']:.1%}**",
        f"- correct (what was not changed is): {found['share_correct']:.1%}",
        f"- mean speedup, failures counted as 1×: {found['mean_speedup']:.2f}×",
        f"- proposed {found['proposed']}, accepted {found['accepted']}, of these incorrect "
        f"{found['incorrect_acceptances']}",
        "",
        table(results),
    ]
    if unusable:
        lines += ["", "Not usable:", "", *unusable]
    return "\n".join(lines)


def write_report() -> None:
    """Write benchmarks/pairs.md and pairs.json from the results that are there."""
    cpus = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    texts, data = [], {}
    for source in Source:
        results = [saved(path) for path in sorted((RESULTS / source).glob("*.json"))]
        there = [each for each in results if each is not None]
        if there:
            texts.append(report(source, there))
            rows = [{**asdict(each), "changed": bool(each.changed)} for each in there]
            data[source.value] = {"totals": totals(there), "records": rows}
    head = (
        "# Real slow/fast pairs\n\nReproduce: `python benchmarks/pairs.py --data DIR --write`, where "
        "DIR holds the data sets (see `training/readers/`).\n"
        f"CPython {platform.python_version()}, {cpus}. The protocol is PIE's: a result that is wrong "
        "or not faster counts as 1×.\n\n"
    )
    (HERE / "pairs.md").write_text(head + "\n\n".join(texts) + "\n", encoding="utf-8")
    (HERE / "pairs.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


# -- the command -----------------------------------------------------------------------------------


def chosen(data: Path, source: Source, only: Sequence[str], limit: int | None) -> Iterator[Pair]:
    """Yield the wanted records and say on standard error which lines are none.

    Raises:
        DataError: the file is not there.
    """
    reading = READERS[source](data / FILES[source])
    for reason, count in reading.reasons.items():
        print(f"{source}: {count} lines left out: {reason}", file=sys.stderr)
    samples = read_samples(data / STATEMENTS) if source is Source.PIE else {}
    wanted = [pair for pair in reading.pairs if not only or pair.record.split("/")[-1] in only]
    for pair in wanted[:limit]:
        yield replace(pair, examples=samples.get(pair.problem, ())) if samples else pair


def show(result: Result) -> None:
    expert = f"{result.expert:.2f}×" if result.expert is not None else "?"
    ours = f"{result.ours:.2f}×" if result.ours is not None else ""
    line = f"{result.record:16} {result.function:28} expert {expert:>10}"
    if result.trouble:
        line += f"  unusable: {result.trouble[:150]}"
    elif result.ran:
        line += f"  {result.verdict} {ours} {why(result)}"
    print(f"{line}  [{result.seconds:.0f} s]", flush=True)


def one(scorer: Scorer, options: argparse.Namespace) -> None:
    path = path_of(scorer.pair)
    earlier = saved(path)
    if options.quick:
        try:
            found = quick(scorer)
        except (NotScored, UnusableRepository) as reason:
            found = f"unusable: {reason}"
        print(f"{scorer.pair.record:16} {scorer.pair.entry_point:28} {found}", flush=True)
        return
    if options.score:
        if earlier is not None and earlier.changed:
            score(scorer, earlier)
            save(path, earlier)
            show(earlier)
        return
    done = earlier is not None and (
        earlier.ran or earlier.trouble or not (earlier.counts or options.everything)
    )
    if options.experts or not done or options.again:
        result = (
            experts(scorer, earlier)
            if options.experts
            else run(scorer, earlier, everything=options.everything)
        )
        save(path, result)
        show(result)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the data sets")
    parser.add_argument("--source", type=Source, choices=list(FILES), default=Source.ENAMEL)
    parser.add_argument("--only", action="append", default=[], help="a record's name or number")
    parser.add_argument("--limit", type=int, help="so many records at most")
    parser.add_argument("--again", action="store_true", help="run perfbot again")
    parser.add_argument("--score", action="store_true", help="score again what perfbot made")
    parser.add_argument("--everything", action="store_true", help="also records that do not count")
    parser.add_argument("--experts", action="store_true", help="only measure the fast versions")
    parser.add_argument("--quick", action="store_true", help="only say where rules fire")
    parser.add_argument("--write", action="store_true", help="write pairs.md and pairs.json")
    return parser.parse_args()


def experts(scorer: Scorer, earlier: Result | None) -> Result:
    """Only measure how fast the data set's own fast version is, unless that is known."""
    if earlier is not None:
        return earlier
    result = Result(scorer.pair.source, scorer.pair.record, scorer.pair.entry_point or "main")
    begin = time.monotonic()
    try:
        measure_expert(scorer, result)
    except NotScored as reason:
        result.trouble = str(reason)
    result.seconds = time.monotonic() - begin
    return result


def unusable(pair: Pair, reason: str) -> None:
    result = Result(pair.source, pair.record, pair_programs.NAME, reason)
    save(path_of(pair), result)
    show(result)


def main() -> int:
    options = arguments()
    if options.data is not None:
        try:
            sandbox = strongest()
            interpreter: Interpreter = query(Path(sys.executable), sandbox)
            for pair in chosen(options.data, options.source, options.only, options.limit):
                try:
                    function = pair if pair.entry_point else pair_programs.as_function(pair)
                except NotScored as reason:
                    unusable(pair, str(reason))
                else:
                    one(Scorer(sandbox, interpreter, function), options)
        except (DataError, SandboxError) as error:
            print(error, file=sys.stderr)
            return 2
    if options.write:
        write_report()
    return 0


if __name__ == "__main__":
    sys.exit(main())
