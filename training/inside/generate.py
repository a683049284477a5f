"""Makes inputs by the generators of a data set, inside the sandbox.

    python generate.py < job.json        the inputs are one line of JSON each, on PERFBOT_RESULTS_FD

A generator for functions gives arguments, which become a line of Python each; one for programs gives
the text that they read. Whatever a generator raises is told in place of its input.
"""

import json
import math
import os
import random
import string
import sys
from collections.abc import Iterator
from typing import Any

Job = dict[str, Any]  # what JSON holds
CASES = (8, 4, 4, 4)  # per level: ENAMEL's generators number their special cases so


def main() -> None:
    """Tell each input as ``{"stdin": …}`` or ``{"error": …}``."""
    job: Job = json.load(sys.stdin)
    results = int(os.environ["PERFBOT_RESULTS_FD"])
    for told in by_level(job) if job["sizes"] else by_source(job):
        with open(results, "ab", closefd=False) as file:
            file.write(json.dumps(told).encode() + b"\n")


def by_level(job: Job) -> Iterator[Job]:
    """Yield the calls of each level as one input: a line of Python for each tuple of arguments."""
    names = {"random": random, "string": string, "math": math, "__name__": "generator"}
    try:
        exec(job["names"], names)
        exec(job["sources"][0], names)
    except Exception as error:
        yield {"error": f"{type(error).__name__}: {error}"[:200]}
        return
    for level, size in enumerate(job["sizes"]):
        random.seed(f"{job['seed']}/{level}")
        try:
            calls = [arguments(names, size, level, each) for each in cases_of(level)]
        except Exception as error:
            yield {"error": f"{type(error).__name__}: {error}"[:200]}
        else:
            yield {"stdin": "".join(f"{each!r}\n" for each in calls)}


def arguments(names: Job, size: int, level: int, case: int) -> tuple[object, ...]:
    """Return what the generator makes for one call."""
    return tuple(names["generate_input"](size, level, case))


def cases_of(level: int) -> range:
    """Return the numbers of the cases at a level."""
    return range(CASES[min(level, len(CASES) - 1)])


def by_source(job: Job) -> Iterator[Job]:
    """Yield one input for each generator of its own."""
    for place, source in enumerate(job["sources"]):
        names: Job = {"__name__": "generator"}
        random.seed(f"{job['seed']}/{place}")
        try:
            exec(source, names)
            made = names["generate_input"]()
        except Exception as error:
            yield {"error": f"{type(error).__name__}: {error}"[:200]}
        else:
            yield {"stdin": made} if isinstance(made, str) else {"error": "gave no text"}


if __name__ == "__main__":
    main()
