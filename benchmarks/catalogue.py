"""Times every example of the catalogue, before against after, and prints the speedup.

    python benchmarks/catalogue.py [--only NAME] [--rounds 9]

Both versions run in one process by turns on fresh copies of the same arguments; the ratio is that
of the least disturbed samples, so that a busy machine does not matter. ``--only`` takes a part of
the strategy's name. Exits with 1 if a strategy stays below the speedup that it must show to count.
"""

import argparse
import copy
import importlib
import pkgutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "catalogue"))

import examples
from example import Example, load, resolve

NEEDED = 1.1  # times as fast, for a strategy to count
ENOUGH_S = (
    0.002  # one sample lasts at least this long, so that the clock and the loop do not matter
)


def all_examples() -> Iterator[Example]:
    for module in pkgutil.iter_modules(examples.__path__):
        yield from importlib.import_module(f"examples.{module.name}").EXAMPLES


def sample_s(function: Callable[..., object], calls: list[tuple[object, ...]], times: int) -> float:
    """Return the seconds of ``times`` rounds of the calls; copying the arguments is not counted."""
    total = 0
    for _ in range(times):
        fresh = copy.deepcopy(calls)
        start = time.perf_counter_ns()
        for arguments in fresh:
            function(*arguments)
        total += time.perf_counter_ns() - start
    return total / 1e9


def compare_s(example: Example, rounds: int) -> tuple[float, float]:
    """Return the least seconds of one pass over the calls, before and after."""
    before, after = load(example.before), load(example.after)
    calls = list(eval(example.calls, before.__dict__))
    old, new = resolve(before, example.function), resolve(after, example.function)
    sample_s(new, calls, 1)
    times = max(1, round(ENOUGH_S / max(sample_s(old, calls, 1), 1e-7)))
    pairs = [(sample_s(old, calls, times), sample_s(new, calls, times)) for _ in range(rounds)]
    olds, news = zip(*pairs, strict=True)
    return min(olds) / times, min(news) / times


def main() -> int:
    parser = argparse.ArgumentParser(description="Times the catalogue's examples.")
    parser.add_argument("--only", default="", help="part of the strategy's name")
    parser.add_argument("--rounds", type=int, default=9, help="pairs of samples per example")
    options = parser.parse_args()
    slow = 0
    for example in all_examples():
        if options.only.lower() not in example.strategy.lower():
            continue
        before_s, after_s = compare_s(example, options.rounds)
        ratio = before_s / after_s
        slow += ratio < NEEDED
        note = "" if ratio >= NEEDED else "   TOO SLOW"
        print(
            f"{ratio:9.2f}×  {before_s * 1e3:10.3f} ms → {after_s * 1e3:10.3f} ms"
            f"  {example.strategy}{note}",
            flush=True,
        )
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
