"""What the index knows of calls beside what jedi finds out, and what jedi takes for it.

    pip install jedi sqlparse
    python benchmarks/index_certainty.py [--package sqlparse] [--calls 150]

For calls drawn from an installed package: whether the index and jedi lead to a definition of the
package, and whether to the same. Prints one row for index.md.
"""

import argparse
import random
import sys
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

from perfbot.optimizer.project_index import Manner, ProjectIndex, Reference


def indexed(package: str) -> tuple[Path, ProjectIndex, list[Reference]]:
    """Index an installed package; return its folder, the index and all calls."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        sys.exit(f"{package} is not installed: pip install {package}")
    root = Path(spec.origin).parent.parent.resolve()
    paths = [path.relative_to(root).as_posix() for path in sorted((root / package).rglob("*.py"))]
    index = ProjectIndex.open(":memory:")
    index.update(root, paths)
    defined = {symbol.name for path in paths for symbol in index.symbols_of(path)}
    uses = [use for name in sorted(defined) for use in index.references(name)]
    return root, index, [use for use in uses if use.manner is Manner.CALL]


def main() -> None:
    import jedi

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", default="sqlparse")
    parser.add_argument("--calls", type=int, default=150)
    arguments = parser.parse_args()
    root, _, calls = indexed(arguments.package)
    drawn = random.Random(0).sample(calls, min(arguments.calls, len(calls)))
    project = jedi.Project(root / arguments.package)
    counts: Counter[str] = Counter()
    before_s = time.process_time()
    for use in drawn:
        text = (root / use.path).read_text()
        column = text.split("\n")[use.line - 1].find(f"{use.name}(")
        if column < 0:
            counts["not on its line"] += 1
            continue
        script = jedi.Script(text, path=root / use.path, project=project)
        found = [
            (each.module_path.relative_to(root).as_posix(), each.name)
            for each in script.goto(use.line, column + 1, follow_imports=True)
            if each.module_path and each.module_path.is_relative_to(root / arguments.package)
        ]
        own = (use.target.path, use.target.name) if use.target else None
        counts[_verdict(own, found[0] if found else None)] += 1
    spent_s = time.process_time() - before_s
    told = ", ".join(f"{what} {count}" for what, count in sorted(counts.items()))
    print(f"{arguments.package}: {told}; jedi took {spent_s / len(drawn) * 1000:.0f} ms CPU a call")


def _verdict(own: tuple[str, str] | None, jedis: tuple[str, str] | None) -> str:
    if own and jedis:
        return "the same" if own == jedis else "different"
    return "only the index" if own else "only jedi" if jedis else "neither"


if __name__ == "__main__":
    main()
