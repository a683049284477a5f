"""How much time a second run saves because its environment is there already.

    python benchmarks/environment_cache.py REPOSITORY [--runs 5]

Builds the environment of a repository in an empty cache, then asks for it again, once in the same
process and in new ones, and prints the seconds of each as JSON. Wants a quiet machine.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from perfbot.profiling import provision
from perfbot.profiling.install_policy import Policy
from perfbot.profiling.sandbox import strongest


def once_s(repository: Path, cache: Path) -> float:
    """Return how long it takes until there is an interpreter."""
    sandbox, environ = strongest(), dict(os.environ)
    started = time.perf_counter()
    provision.build(repository, cache, sandbox, None, None, Policy.of(environ), environ)
    return time.perf_counter() - started


def in_new_process_s(repository: Path, cache: Path) -> float:
    """Return the same, measured in a process of its own."""
    argv = [sys.executable, __file__, str(repository), "--cache", str(cache)]
    return float(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--cache", type=Path, help="measure one run with this cache, and no more")
    chosen = parser.parse_args()
    if chosen.cache:
        print(once_s(chosen.repository, chosen.cache))
        return
    with tempfile.TemporaryDirectory(prefix="perfbot-cache-") as folder:
        cache = Path(folder)
        first = in_new_process_s(chosen.repository, cache)
        later = [in_new_process_s(chosen.repository, cache) for _ in range(chosen.runs)]
    print(json.dumps({"first_s": round(first, 2), "later_s": [round(each, 2) for each in later]}))


if __name__ == "__main__":
    main()
