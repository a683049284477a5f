"""What this machine calls a difference where there is none: one version measured against itself (A/A)."""

import sys
from collections.abc import Sequence
from pathlib import Path

from perfbot.profiling.benchmark import BUDGET_S, CallBenchmark, choose_calls
from perfbot.profiling.capture import capture
from perfbot.profiling.environment import query
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.measure import Interval, interval
from perfbot.profiling.replay import reference
from perfbot.profiling.sandbox import Sandbox
from perfbot.profiling.target import Target
from perfbot.profiling.tree import Tree, export, with_changes
from perfbot.profiling.workload import Workload

PAIRS = 12
_CONFIDENCE = 0.99
_FUNCTION = FunctionName("sample.py", "sample")
_SAMPLE = """\
def sample(numbers):
    total = 0
    for number in numbers:
        if number % 3:
            total += number * number
    return total
"""
_EXERCISE = "from sample import sample\n\nsample(list(range(2000)))\n"


def against_itself(benchmark: CallBenchmark, tree: Tree, same: Tree) -> Interval:
    """Measure the same code in two places; return where the ratio of their times lies.

    Raises:
        MeasurementError: a timing process did not come to its end.
    """
    measure = benchmark.pair(tree, same)
    ratios: Sequence[float] = [measure(number % 2 == 0).ratio for number in range(PAIRS)]
    return interval(ratios, _CONFIDENCE)


def of_this_machine(sandbox: Sandbox, scratch: Path) -> Interval:
    """Measure a small function of our own in perfbot's own Python; ``scratch`` is an empty folder.

    Raises:
        MeasurementError: a timing process did not come to its end.
        NoInterpreter, SandboxError: nothing can be run at all.
    """
    project = scratch / "project"
    project.mkdir()
    (project / "sample.py").write_text(_SAMPLE)
    (project / "exercise.py").write_text(_EXERCISE)
    tree = export(project, scratch / "tree")
    target = Target(sandbox, query(Path(sys.executable), sandbox))
    workload = Workload(None, (), (("python", "exercise.py"),), ())
    run = with_changes(tree, {}, scratch / "run")
    recording = capture(target, run, workload, [_FUNCTION], wall_s=120)[_FUNCTION]
    known = reference(target, tree, recording)
    benchmark = CallBenchmark(target, known, choose_calls(known), BUDGET_S)
    return against_itself(benchmark, tree, with_changes(tree, {}, scratch / "same"))
