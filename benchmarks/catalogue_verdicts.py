"""Puts every strategy's example before the judge and writes benchmarks/catalogue.md.

    python benchmarks/catalogue_verdicts.py [--only NAME] [--again]

Each example becomes a small repository: the code as people write it, and one test that makes the
example's calls. The strategy's rewrite then goes through all gates of ``perfbot verify``; a strategy
counts when its example is accepted at 1.10× or more. Verdicts are kept in build/catalogue/ and
reused unless ``--again`` is given, so that an interrupted run goes on where it was.
"""

import argparse
import importlib
import json
import pkgutil
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "catalogue"))

from perfbot.bot.findings import cpu_model
from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.catalogue import rules
from perfbot.optimizer.verdict import Accepted
from perfbot.optimizer.verify import judge
from perfbot.profiling.capture import capture
from perfbot.profiling.environment import query
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.sandbox import strongest
from perfbot.profiling.suite import baseline, run_suite
from perfbot.profiling.target import Target
from perfbot.profiling.tree import export, with_changes
from perfbot.profiling.workload import WorkloadSettings, discover

import examples
from example import Example

KEPT = ROOT / "build" / "catalogue"
TEST = """\
import copy

import sample


def test_the_calls_can_be_made():
    for arguments in eval({calls!r}, vars(sample)):
        function = sample
        for name in {names!r}:
            function = vars(function)[name] if isinstance(function, type) else getattr(function, name)
        while not callable(function) or isinstance(function, (staticmethod, classmethod)):
            function = getattr(function, "__func__", None) or function.fget
        function(*copy.deepcopy(arguments))
"""


def all_examples() -> Iterator[Example]:
    for module in pkgutil.iter_modules(examples.__path__):
        yield from importlib.import_module(f"examples.{module.name}").EXAMPLES


def verdict_of(example: Example, scratch: Path) -> dict[str, object]:
    """Return what the judge says of the example, as plain JSON."""
    repository = scratch / "repository"
    repository.mkdir(parents=True)
    (repository / "sample.py").write_text(example.before)
    test = TEST.format(calls=example.calls, names=example.function.split("."))
    (repository / "test_sample.py").write_text(test)
    case, function = _case(repository, scratch), FunctionName("sample.py", example.function)
    case.recordings.update(
        capture(
            case.target,
            with_changes(case.tree, {}, scratch / "c"),
            case.workload,
            [function],
            wall_s=120,
        )
    )
    changes = {"sample.py": example.after.encode()}
    verdict = judge(case, changes, [function], Terms(), deadline_s=time.monotonic() + 120)
    measured = [each.speedup for each in verdict.measured]
    return {
        "accepted": isinstance(verdict, Accepted),
        "why": "" if isinstance(verdict, Accepted) else f"{verdict.why}: {verdict.detail}",
        "estimate": measured[0].estimate if measured else None,
        "low": measured[0].low if measured else None,
        "high": measured[0].high if measured else None,
        "pairs": measured[0].pairs if measured else 0,
    }


def _case(repository: Path, scratch: Path) -> Case:
    sandbox = strongest()
    target = Target(sandbox, query(Path(sys.executable), sandbox))
    tree = export(repository, scratch / "base")
    workload = discover(tree, WorkloadSettings())
    runs = [
        run_suite(target, with_changes(tree, {}, scratch / name), workload, wall_s=120)
        for name in ("a", "b")
    ]
    names = frozenset(target.interpreter.import_names)
    return Case(target, tree, workload, baseline(*runs), scratch, dependencies=names)


def verdicts(only: str, again: bool) -> dict[str, dict[str, object]]:
    """Return the verdicts by strategy, from the kept files where they are there."""
    KEPT.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, object]] = {}
    for example in all_examples():
        if only.lower() not in example.strategy.lower():
            continue
        file = KEPT / (re.sub(r"\W+", "-", example.strategy) + ".json")
        if again or not file.exists():
            with tempfile.TemporaryDirectory(prefix="perfbot-") as folder:
                file.write_text(json.dumps(verdict_of(example, Path(folder))))
        found[example.strategy] = json.loads(file.read_text())
        print(example.strategy, found[example.strategy], flush=True)
    return found


def table(found: dict[str, dict[str, object]]) -> str:
    """Return the page for people."""
    strategies = {rule.strategy.name: rule.strategy for rule in rules()}
    accepted = sum(bool(each["accepted"]) for each in found.values())
    lines = [
        "# The catalogue before the judge",
        "",
        "Each strategy's example (`tests/catalogue/examples/`) as a small repository, its rewrite judged",
        f"like any patch: {accepted} of {len(found)} are accepted at 1.10× or more with 99 % confidence.",
        f"Measured on {cpu_model()}, Python {sys.version.split()[0]}, by",
        "`python benchmarks/catalogue_verdicts.py`.",
        "",
        "| category | strategy | speedup (99 % interval) | pairs | verdict |",
        "|---|---|---:|---:|---|",
    ]
    rows = sorted((strategies[name].category.value, name) for name in found if name in strategies)
    for category, name in rows:
        each = found[name]
        figure = (
            f"{each['estimate']:.2f}× ({each['low']:.2f}–{each['high']:.2f})"
            if each["pairs"]
            else "–"
        )
        said = "accepted" if each["accepted"] else str(each["why"]).replace("|", "\\|")[:200]
        lines.append(f"| {category} | {name} | {figure} | {each['pairs']} | {said} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Puts the catalogue's examples before the judge.")
    parser.add_argument("--only", default="", help="part of the strategy's name")
    parser.add_argument("--again", action="store_true", help="do not reuse kept verdicts")
    options = parser.parse_args()
    found = verdicts(options.only, options.again)
    if not options.only:
        (ROOT / "benchmarks" / "catalogue.md").write_text(table(found))
    return 0 if all(each["accepted"] for each in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
