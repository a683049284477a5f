"""The one program that perfbot starts in a target's interpreter.

It reads a job (JSON) from standard input, puts the import roots of the copy under judgement first
on ``sys.path``, does the job and writes results (JSON lines) to the file descriptor named by
``PERFBOT_RESULTS_FD``. Its helpers are loaded as ``_perfbot_inside``, a name that no target has.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import json
import os
import sys

# Only the module that does the job is imported: each process pays for what it imports.
_MODULES = {
    "exercise": "exercise",
    "replay": "replay",
    "time": "clock",
    "memory": "weigh",
    "repeat": "repeat",
    "concurrency": "concurrency",
    "growth": "growth",
    "lines": "lines",
    "shrink": "shrink",
    "benchmarks": "benchmarks",
    "spell": "spell",
}


def _load_helpers() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    spec = importlib.machinery.ModuleSpec("_perfbot_inside", None, is_package=True)
    spec.submodule_search_locations = [here]
    sys.modules["_perfbot_inside"] = importlib.util.module_from_spec(spec)


def main() -> None:
    """Do the job that standard input describes."""
    job = json.load(sys.stdin)
    _load_helpers()
    from _perfbot_inside.results import Results

    # Before the target's roots stand on the path, where modules of the same names could hide ours.
    work = importlib.import_module(f"_perfbot_inside.{_MODULES[job['do']]}")
    results = Results(int(os.environ.pop("PERFBOT_RESULTS_FD")), job.pop("password"))
    tree = job["tree"]
    sys.path[:0] = [
        os.path.normpath(os.path.join(tree, entry))
        for entry in dict.fromkeys([*job["roots"], *job["path"]])
    ]
    sys.path.extend(job["overlay"])
    os.chdir(tree)
    work.run(job, results)
    results.send("done")


if __name__ == "__main__":
    main()
