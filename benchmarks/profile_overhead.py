"""Measures what the sampling profiler costs: profiled against plain runs, interleaved.

    python benchmarks/profile_overhead.py [--pairs 9] [--python PATH]... [--write]

Each pair is two fresh processes of the same interpreter, plain and profiled in alternating order;
the ratio is of their CPU times for the same work. The promise is at most 1.5 times the plain run.
``--write`` puts the table into benchmarks/profile_overhead.md.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
INSIDE = HERE.parent / "profiling" / "inside"
PROMISE = 1.5
WORKLOADS = {
    "function calls": """
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
def main():
    fib(29)
""",
    "loops": """
def main():
    x = 0
    for i in range(12_000_000):
        x += i & 3
""",
    "native calls": """
def main():
    numbers = [i * 7919 % 100_003 for i in range(20_000)]
    for _ in range(300):
        sorted(numbers)
        numbers.count(5)
""",
    "small callees": """
def contains(items, item):
    return item in items
def main():
    items = list(range(50))
    for i in range(700_000):
        contains(items, -1)
""",
    "generators and coroutines": """
import asyncio
def numbers(n):
    for i in range(n):
        yield i
async def add(n):
    await asyncio.sleep(0)
    return sum(numbers(n))
async def all_of_them():
    for _ in range(30_000):
        await add(100)
def main():
    asyncio.run(all_of_them())
""",
    "deep recursion": """
import sys
sys.setrecursionlimit(20_000)
def down(n):
    return 0 if n == 0 else 1 + down(n - 1)
def main():
    for _ in range(8_000):
        down(900)
""",
}
RUN = """
import sys, time
sys.path.insert(0, {inside!r})
from safe_points import SafePoints
from sampler import Sampler
names = {{}}
exec(compile({source!r}, {tree!r} + "/workload.py", "exec"), names)
sampler = Sampler({tree!r}, split_at=SafePoints().split)
begin = time.process_time()
if {profiled}:
    sampler.start()
names["main"]()
if {profiled}:
    sampler.stop()
print(time.process_time() - begin)
"""


def cpu_seconds(python: str, source: str, *, profiled: bool) -> float:
    script = RUN.format(inside=str(INSIDE), source=source, tree="/tree", profiled=profiled)
    run = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)
    return float(run.stdout)


def ratios(python: str, source: str, pairs: int) -> list[float]:
    found = []
    for pair in range(pairs):
        seconds = {
            profiled: cpu_seconds(python, source, profiled=profiled)
            for profiled in ((False, True) if pair % 2 else (True, False))
        }
        found.append(seconds[True] / seconds[False])
    return sorted(found)


def version(python: str) -> str:
    ask = "import platform; print(platform.python_version())"
    return subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout


def cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if platform.system() == "Linux" else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def table(pythons: list[str], pairs: int) -> tuple[str, float]:
    """Return the table and the highest median in it."""
    load = os.getloadavg()[0]
    rows = ["| Python | workload | median ratio | lowest | highest |", "|---|---|---|---|---|"]
    worst = 0.0
    for python in pythons:
        for name, source in WORKLOADS.items():
            found = ratios(python, source, pairs)
            median = statistics.median(found)
            worst = max(worst, median)
            spread = f"{median:.2f}× | {found[0]:.2f}× | {found[-1]:.2f}×"
            rows.append(f"| {version(python).strip()} | {name} | {spread} |")
            print(rows[-1], file=sys.stderr)
    busy = "other work was running" if max(load, os.getloadavg()[0]) > 1.5 else "quiet"
    machine = f"{cpu_model()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    return f"{machine}; {busy} at the time; {pairs} pairs each.\n\n" + "\n".join(rows), worst


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--python", action="append", default=[])
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    text, worst = table(options.python or [sys.executable], options.pairs)
    text += f"\n\nHighest median: {worst:.2f}×; promised: at most {PROMISE}×."
    print(text)
    if options.write:
        head = (
            "# What profiling costs\n\nCPU time of a profiled run over that of a plain run of the "
            "same work, in interleaved pairs of fresh processes.\nReproduce: `python "
            "benchmarks/profile_overhead.py --write` (`--python PATH` for other interpreters).\n\n"
        )
        (HERE / "profile_overhead.md").write_text(head + text + "\n", encoding="utf-8")
    return int(worst > PROMISE)


if __name__ == "__main__":
    raise SystemExit(main())
