"""``perfbot init``: a configuration file that changes nothing yet and explains everything."""

import sys

from perfbot.bot.config import FILE_NAME
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.options import InitOptions

TEMPLATE = """\
# What perfbot does in this repository. Every key may be left out; the values shown are the defaults.
version: 1

# How the repository exercises itself. Without these lines perfbot finds out by itself.
# workload:
#   python: .venv/bin/python
#   install: pip install -e .[test]
#   tests: pytest -q
#   benchmarks: benchmarks/
#   commands: ["python -m shop.report data/big.csv"]

# Which files may be changed; ** crosses folders.
paths:
  include: ["**"]
  exclude: []

# At most so many functions are worked on; each must take this share of the workload's time.
hotspots:
  at_most: 5
  min_share: 0.02

# What a change has to prove: the lower end of its speedup's interval must reach min_speedup.
accept:
  objective: time               # or memory: the peak must shrink, and the time not grow
  min_speedup: 1.10
  confidence: 0.99
  max_memory_ratio: 1.10
  max_complexity_increase: 5    # of cognitive and of cyclomatic complexity
  max_length_ratio: 2.0         # lines of the function and its new helpers; ten more are always allowed
  max_nesting_increase: 2       # levels of blocks in each other
  # What a change of ours may not lose: comments whose code stays, docstrings, annotations, names
  # that say something, the style of the file.
  keep: [comments, docstrings, annotations, names, style]
  min_kill_rate: 0.0
  tolerance: null               # relative difference of floats that counts as equal; null: none

# Critical code may ask for more; the last match wins.
# overrides:
#   - paths: ["src/billing/**"]
#     accept: {min_speedup: 1.5, min_kill_rate: 0.9}

# Who plans and who rewrites: embedded, openai, vllm or transformers.
models:
  planner: {backend: embedded}
  optimizer: {backend: embedded}
  # How a model is led from one version to the next: rounds for one version, with the rounds before
  # them in sight or not, replies asked at once (several: at this temperature), queries to the index.
  feedback: {rounds: 3, history: true, samples: 1, temperature: 0.8, queries: 3}

# What one run may cost.
budget:
  time: 15m
  candidates: 8
  usd: 0.50                     # models with a price; 0: only models without one
  tokens: 2000000               # sent to models and back; 0: no model is asked

# How pull requests are opened; schedule: daily, weekly, monthly or never.
pull_requests:
  open_at_most: 2
  draft: true
  labels: [performance]
  schedule: weekly
  group: function                             # one function a pull request, or all of a file: file
  dashboard: false                            # an issue that lists what was found, with boxes to tick
  # commit_prefix: "perf:"                    # before titles and commit messages
  # co_author: "Ada <ada@shop.example>"       # for a Co-authored-by line

# What is kept of a run, on this machine only: local (its transcript), redacted (without source text)
# or none.
telemetry: local

# What a change may newly use, of: network, processes, file-reads, file-writes, threads,
# interpreter-settings, eval, frames, builtins, reflection, exit, exit-handlers, ctypes, environment,
# clock, input, dependency.
allow: []
"""


def run(options: InitOptions) -> Exit:
    """Write the file into the repository; raises RunError when there is one or it cannot be written."""
    path = options.repository / FILE_NAME
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(TEMPLATE)
    except FileExistsError:
        raise RunError(Exit.USAGE, f"{path} is there already; it was left as it is") from None
    except OSError as error:
        raise RunError(Exit.USAGE, f"{path} cannot be written: {error.strerror}") from error
    sys.stderr.write(f"Wrote {path}\n")
    return Exit.DONE
