"""Counts the instructions of every example of the catalogue, before against after, beside its speedup.

    python benchmarks/instructions.py [--only NAME] [--longest-ms 60]

The margins of the second witness (docs/judging.md) come from this table: how much the instructions
done in a second change where a rewrite is honest. Counted by Cachegrind as perfbot does it, in forked
children of one warm process; the speedups are those of benchmarks/catalogue_examples.md, measured on
a quiet machine. Examples of which one round takes longer than ``--longest-ms`` are left out.
"""

import argparse
import copy
import gc
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "catalogue"))

from catalogue import all_examples, compare_s

from example import Example, load, resolve

COUNTING = (
    "valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null --vgdb=no".split()
)
COUNT = re.compile(r"^==(\d+)== I\s+refs:\s+([\d,]+)$", re.MULTILINE)
ROW = re.compile(r"^\| (.+?) +\| +([\d.]+)×", re.MULTILINE)


def chosen(only: str, longest_s: float) -> Iterator[Example]:
    for example in all_examples():
        named = only.lower() in example.strategy.lower()
        if named and compare_s(example, 1)[0] <= longest_s:
            yield example


def make_rounds(source: str, example: Example) -> None:
    """Warm up, then let forked children make no round, and the last one of them one."""
    module = load(source)
    function = resolve(module, example.function)
    rounds = [copy.deepcopy(list(eval(example.calls, module.__dict__))) for _ in range(3)]
    _pass(function, rounds[0])
    _pass(function, rounds[1])
    gc.collect()
    gc.freeze()
    for number in (0, 0, 0, 1):
        child = os.fork()
        if child == 0:
            _pass(function, rounds[2][: number * len(rounds[2])])
            os._exit(0)
        os.waitpid(child, 0)


def _pass(function: Callable[..., object], calls: list[tuple[object, ...]]) -> None:
    for arguments in calls:
        function(*arguments)


def count(strategy: str, after: bool) -> int:
    """Return the instructions of one round of an example's calls."""
    again = [
        sys.executable,
        __file__,
        "--only",
        strategy,
        "--count",
        "after" if after else "before",
    ]
    ended = subprocess.run(
        [*COUNTING, *again],
        env={"PYTHONHASHSEED": "0", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    told = [int(each.replace(",", "")) for _, each in COUNT.findall(ended.stderr)]
    _, one, other, full, _ = told  # the forking itself is what two without calls differ by
    return full - other - (other - one)


def main() -> None:
    parser = argparse.ArgumentParser(description="Counts instructions of the catalogue's examples.")
    parser.add_argument("--only", default="", help="part of the strategy's name")
    parser.add_argument("--longest-ms", type=float, default=60.0)
    parser.add_argument("--count", choices=("before", "after"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.count:
        (example,) = (each for each in all_examples() if each.strategy == options.only)
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
            make_rounds(example.after if options.count == "after" else example.before, example)
        return
    speedups = dict(ROW.findall((HERE / "catalogue_examples.md").read_text()))
    print(
        "| strategy | times as fast | instructions | instructions a second |\n|---|---:|---:|---:|"
    )
    for example in chosen(options.only, options.longest_ms / 1e3):
        ratio = count(example.strategy, True) / count(example.strategy, False)
        fast = float(speedups[example.strategy])
        print(
            f"| {example.strategy} | {fast:.2f}× | {ratio:.4f} | {fast * ratio:.2f}× |", flush=True
        )


if __name__ == "__main__":
    main()
