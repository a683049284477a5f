"""The data line on a share of the real pairs: how many are proven, and why the others are not.

    python benchmarks/training_data.py --data DIR          runs the line, then writes the report
    python benchmarks/training_data.py --write             the report, from what is there

DIR holds the data sets (training/readers). The share is fixed below and always the same problems. The
line is pairs, degrade, annotate (by the catalogue) and balance; what it made is kept in
build/training_data/, and a second run goes on where the first one ended. Counted instructions are
the same whatever else the machine does; which input is measured is not quite, since inputs are ordered
by CPU time, and one that takes too long on a busy machine is passed over.
"""

import argparse
import json
import platform
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from perfbot.training import annotate, balance, degrade, pairs, records
from perfbot.training.readers.reading import Source
from perfbot.training.records import TrainingPair

HERE = Path(__file__).parent
BUILD = HERE.parent / "build" / "training_data"
REPORT = HERE / "training.md"
PICTURE = HERE / "training_balance.svg"
SHARE = {
    Source.ENAMEL: ("enamel_python.jsonl.gz", 10),
    Source.CODE_CONTESTS: ("code_contests_python.jsonl.gz", 3),
    Source.SUPERSONIC: ("codenet_cpp_pairs.jsonl.gz", 8),
    Source.PIE: ("pie_python.jsonl.gz", 16),
}
STATEMENTS = "codenet_statements.json.gz"
FUNCTIONS = 24
BALANCED = 20


def configure(data: Path) -> None:
    """Write the stages' configurations."""
    BUILD.mkdir(parents=True, exist_ok=True)
    settings = {
        "out": "pairs",
        "statements": str(data / STATEMENTS),
        "measured_s": 0.15,
        "cpu_s": 2,
        "most_inputs": 6,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    for source, (name, problems) in SHARE.items():
        lines += ["[[sources]]", f'kind = "{source}"', f"path = {json.dumps(str(data / name))}"]
        lines.append(f"problems = {problems}")
    (BUILD / "pairs.toml").write_text("\n".join(lines) + "\n")
    (BUILD / "degrade.toml").write_text(f'out = "degraded"\nfunctions = {FUNCTIONS}\n')
    (BUILD / "annotate.toml").write_text(
        'pairs = ["pairs/pairs.jsonl.gz", "degraded/degraded.jsonl.gz"]\nout = "annotated.jsonl.gz"\n'
    )
    (BUILD / "balance.toml").write_text(
        f'pairs = ["annotated.jsonl.gz"]\nout = "balanced.jsonl.gz"\nmost = {BALANCED}\n'
    )


def run_line() -> int:
    """Run stage after stage; return the first exit code that is not 0."""
    for stage in (pairs, degrade, annotate, balance):
        name = stage.__name__.rpartition(".")[2]
        if code := stage.main(["--config", str(BUILD / f"{name}.toml")]):
            return code
    return 0


# -- the report ------------------------------------------------------------------------------------


def ratios(found: list[TrainingPair]) -> str:
    """Return how much faster the proven pairs are, by source."""
    rows = [
        "| source | pairs | median instruction ratio | smallest | largest |",
        "|---|---|---|---|---|",
    ]
    by_source: dict[str, list[float]] = {}
    for pair in found:
        if pair.measured.instructions is not None:
            by_source.setdefault(pair.source, []).append(pair.measured.instructions.estimate)
    for source, values in sorted(by_source.items()):
        middle = statistics.median(values)
        rows.append(
            f"| {source} | {len(values)} | {middle:.2f}× | {min(values):.2f}× | {max(values):.2f}× |"
        )
    return "\n".join(rows)


def details(path: Path) -> Iterator[str]:
    """Yield what is told of each rejected record, without names and numbers."""
    for line in path.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        detail = told["detail"].partition("(")[2].partition(" (/")[0].rstrip(")")
        if told["reason"] == "a side crashes or takes too long":
            yield detail or told["detail"]


def report() -> str:
    """Return the page."""
    annotated = list(records.read(BUILD / "annotated.jsonl.gz"))
    real = [each for each in annotated if each.source != Source.DEGRADED]
    share = ", ".join(f"{count} problems of {source}" for source, (_, count) in SHARE.items())
    crashes = Counter(details(BUILD / "pairs" / "rejected.jsonl"))
    named = sum(bool(each.strategies) for each in real)
    parts = [
        "# Training: the data",
        "Reproduce: `python benchmarks/training_data.py --data DIR`, where DIR holds the data sets "
        "(see `training/readers/`).",
        f"CPython {platform.python_version()}, {platform.system()} {platform.machine()}. A share of the "
        f"sets, chosen by a hash of the problem: {share}. Both sides are run in the sandbox on published, "
        "generated and grown inputs; a pair is proven if both print what is right and the fast side "
        "takes 1.1 times fewer instructions or better. Of CodeContests, whose programs come without "
        "times, pairs are found by measuring.",
        "## Pairs: what survives verification, and why the rest does not",
        (BUILD / "pairs" / "report.md").read_text(encoding="utf-8").strip(),
        "Where a side crashed:",
        "\n".join(f"- {count} × {said}" for said, count in crashes.most_common()),
        ratios(annotated),
        "## Self-made pairs",
        f"{FUNCTIONS} functions of the standard library that stand by themselves and have an idiom that "
        "an inverse knows; slower means 1.05 times as many instructions or more.",
        (BUILD / "degraded" / "degraded.md").read_text(encoding="utf-8").strip(),
        "## Strategies and balance",
        f"Without a model: of {len(real)} real pairs, the catalogue's rules and the signs of the "
        f"differences name strategies for {named}; self-made pairs have theirs by construction.",
        (BUILD / "annotated.md").read_text(encoding="utf-8").strip(),
        (BUILD / "balance.md").read_text(encoding="utf-8").strip(),
        f"![shares before and after]({PICTURE.name})",
    ]
    return "\n\n".join(parts) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, help="the folder with the data sets")
    parser.add_argument("--write", action="store_true", help="only write the report")
    options = parser.parse_args()
    if not options.write:
        if options.data is None:
            parser.error("--data DIR is needed, the folder with the data sets")
        configure(options.data.resolve())
        if code := run_line():
            return code
    REPORT.write_text(report(), encoding="utf-8")
    PICTURE.write_text((BUILD / "balance.svg").read_text(encoding="utf-8"), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
