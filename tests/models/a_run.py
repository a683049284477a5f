"""One run as a session tells it to a journal, for the tests of all that keeps it.

Run as a script, it records such runs in a process of its own:
``a_run.py FOLDER REPOSITORY CALLS [LIMIT_BYTES]``; without an end where CALLS is 0.
"""

import itertools
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from perfbot.optimizer.journal import Call, Decision, Journal, Purpose, Trial
from perfbot.optimizer.models import Finish, Message, Reply, Role, Sampling, Usage
from perfbot.optimizer.recorded import Keep, Run
from perfbot.optimizer.recorder import Recorder
from perfbot.optimizer.redaction import Redaction
from perfbot.optimizer.strategies import Category, Strategy, Suggestion
from perfbot.optimizer.transcript import Store
from perfbot.optimizer.verdict import Accepted, Gate, Measured, Rejected, Why
from perfbot.profiling import measure
from perfbot.profiling.functions import FunctionName

NAME = FunctionName("shop.py", "missing")
SLOW = """\
def missing(wanted, stock):
    found = []
    for item in wanted:
        if item not in stock:
            found.append(item)
    return found
"""
FAST = """\
def missing(wanted, stock):
    known = set(stock)
    return [item for item in wanted if item not in known]
"""
WRONG = FAST.replace("not in known", "in known")
FILE = f"import json\n\n\nLIMIT = 3\n\n\n{SLOW}\n\ndef other():\n    return LIMIT\n"
FAST_FILE = FILE.replace(SLOW, FAST)
WRONG_FILE = FILE.replace(SLOW, WRONG)
SET = (Suggestion(Strategy(Category.DATA_STRUCTURE, "list membership to set"), "`stock` is long"),)
GATE = Gate("tests", True, "1 test as before", 0.5)


def run(name: str = "run-1", repository: str = "/home/a/shop", **more) -> Run:
    values = {
        "revision": "c0ffee",
        "dirty": False,
        "licence": "MIT",
        "perfbot": "0.1.0",
        "keeps": Keep.LOCAL,
        "settings": {"usd": "0.5"},
        "started_s": time.time(),
    }
    return Run(name, repository, **(values | more))


def call(text: str = "make it faster", reply: str = "[OPT/] code [/OPT]", **more) -> Call:
    messages = (Message(Role.SYSTEM, "You are brief."), Message(Role.USER, text))
    said = Reply(reply, Finish.STOP, Usage(10, 5, 0.25), 1.5, (-0.5, -1.5))
    values = {"purpose": Purpose.WRITE, "model": "tiny", "prompts": ("system@2", "function@1")}
    values |= {"messages": messages, "sampling": Sampling(stop=("x",)), "reply": said}
    return Call(NAME, **(values | more))


def failed_call(error: str) -> Call:
    return Call(NAME, Purpose.PLAN, "tiny", (), (), Sampling(), None, error)


def trial(text: str = FAST_FILE, why: str = "", ratio: float | None = 3.0) -> Trial:
    return Trial(NAME, "embedded", "tiny", SET, text, why, ratio)


def accepted() -> Accepted:
    pairs = tuple(measure.Pair(3e6, 1e6, True) for _ in range(8))
    interval = measure.Interval(3.0, 2.5, 3.5, 0.99, 8)
    comparison = measure.Comparison(measure.Decision.FASTER, interval, pairs)
    return Accepted((Measured(NAME, comparison, 1.1, 1.0),), (GATE,))


def rejected() -> Rejected:
    return Rejected(Why.RESULTS_DIFFER, "(['a'], []): ['a'], then []", (GATE,))


def decision(text: str = FAST_FILE, verdict: Accepted | Rejected | None = None) -> Decision:
    changes = {"shop.py": (FILE.encode(), text.encode())}
    return Decision(NAME, "embedded", "tiny", SET, changes, verdict or accepted())


def tell(journal: Journal) -> None:
    """Tell a whole search: a wrong version, then the right one."""
    journal.begun(NAME, FILE)
    journal.asked(call())
    journal.tried(trial(WRONG_FILE, "(['a'], []): ['a'], then []", None))
    journal.asked(call("make it faster, again", purpose=Purpose.REPAIR))
    journal.tried(trial())
    journal.decided(decision(WRONG_FILE, rejected()))
    journal.decided(decision())


def record(folder: Path, of: Run | None = None, redaction: Redaction | None = None) -> Recorder:
    """Record one search and close it."""
    recorder = Recorder(Store.open(folder, redaction or Redaction()), of or run())
    tell(recorder)
    recorder.close()
    return recorder


def main(arguments: Sequence[str]) -> None:
    folder, repository, count = Path(arguments[0]), arguments[1], int(arguments[2])
    if len(arguments) > 3:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(arguments[3]), resource.RLIM_INFINITY))
    recorder = Recorder(Store.open(folder), run(f"{repository}-run", repository))
    recorder.begun(NAME, FILE)
    print("begun", flush=True)
    for number in range(count) if count else itertools.count():
        recorder.asked(call(f"{repository} question {number} " + "x" * 500))
        if not count:
            time.sleep(0.001)
    recorder.close()
    print(recorder.trouble, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
