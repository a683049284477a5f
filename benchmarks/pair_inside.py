"""What runs in a fresh, sandboxed process for ``benchmarks/pairs.py``: inputs, checks and timings.

    python -I pair_inside.py < job.json

The job names generator, checker and versions of a function as source text; the answer is one JSON
document on standard output. Inputs are made anew in each process from their seeds, so that no
version can leave anything behind for another. The standard library only.
"""

import contextlib
import copy
import io
import json
import math
import random
import signal
import statistics
import string
import sys
import time
import traceback

AT_MOST_ROUNDS = 200
CASES = (8, 4, 4, 4)  # per level: the generators' special cases are numbered so
PATIENCE = 60  # times the usual limit, for the old version before a new one is called wrong


class TimeUp(BaseException):
    """A call took longer than its limit."""


# -- inputs --------------------------------------------------------------------------------------


def arguments_of(job, level, case):
    """Return the arguments of one case, the same ones for the same seed of the job."""
    names = {
        "random": random,
        "string": string,
        "math": math,
        "__name__": "generator",
    }
    exec(job["names"], names)
    exec(job["generator"], names)
    random.seed(f"{job['seed']}/{level}/{case}")
    return list(names["generate_input"](job["sizes"][level], level, case))


def cases_of(job, level):
    return range(CASES[min(level, len(CASES) - 1)])


# -- calls ---------------------------------------------------------------------------------------


def loaded(source, name):
    """Return the function that a version's source defines."""
    names = {"__name__": "solution"}
    exec(compile(source, "solution.py", "exec"), names)
    return names[name]


@contextlib.contextmanager
def time_limit(limit_s):
    def on_alarm(_signal, _frame):
        raise TimeUp

    previous = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def called(function, arguments, limit_s):
    """Return how one call on fresh arguments ended, what it gave (or printed) and its seconds."""
    fresh, printed = copy.deepcopy(arguments), io.StringIO()
    begin = time.perf_counter()
    try:
        with time_limit(limit_s), contextlib.redirect_stdout(printed):
            result = function(*fresh)
    except TimeUp:
        return "timeout", None, limit_s
    except Exception as error:
        return "raised", f"{type(error).__name__}: {error}"[:200], time.perf_counter() - begin
    seconds = time.perf_counter() - begin
    said = printed.getvalue()
    return "returned", said if result is None and said else result, seconds


# -- jobs ----------------------------------------------------------------------------------------


def examples(job):
    """Run the slow version on the cases of the wanted levels; give inputs and outputs as literals."""
    function = loaded(job["source"], job["name"])
    found = []
    for level in job["levels"]:
        for case in cases_of(job, level):
            arguments = arguments_of(job, level, case)
            ending, result, seconds = called(function, arguments, job["limit_s"])
            found.append(
                {
                    "level": level,
                    "ending": ending,
                    "seconds": seconds,
                    "arguments": repr(arguments),
                    "result": repr(result),
                }
            )
    return found


def check(job):
    """Compare a version with the reference on all levels, by the checker, where the old one is right.

    Some slow versions of the data set are wrong themselves (a rounding that the expert's version does
    not do): whoever keeps what they do is as right as before. Before a version is called wrong, the
    old one therefore gets long to answer, where it is slow.
    """
    judged = {"__name__": "checker", "math": math}
    exec(job["names"], judged)
    exec(job["checker"], judged)
    new, old, reference = (loaded(job[key], job["name"]) for key in ("source", "old", "reference"))
    found = []
    for level in range(len(job["sizes"])):
        for case in cases_of(job, level):
            arguments = arguments_of(job, level, case)
            right = called(reference, arguments, job["limit_s"])
            verdict = judgement(job, judged["__check"], new, arguments, right, slack=2)
            slack = PATIENCE if verdict.startswith("wrong") else 1
            if verdict != "right" and verdict == judgement(
                job, judged["__check"], old, arguments, right, slack
            ):
                verdict = f"as before: {verdict}"
            found.append({"level": level, "case": case, "verdict": verdict})
            if verdict == "as before: timeout":
                return found  # larger inputs take longer still
    return found


def judgement(job, checker, function, arguments, right, slack=1):
    """Say in words whether a version gives what the checker takes for right."""
    ending, result, _ = called(function, arguments, slack * job["limit_s"])
    if right[0] != "returned":
        return f"the reference {right[0]}"
    if ending != "returned":
        return f"{ending} {result or ''}".strip()
    if checker(copy.deepcopy(arguments), right[1], result):
        return "right"
    return f"wrong: {shown(result)} instead of {shown(right[1])}"


def shown(value):
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:48]}…{text[-48:]}"


def timed(job):
    """Return, per case of one level, how it ended and the median seconds of a call."""
    function = loaded(job["source"], job["name"])
    found = []
    for case in cases_of(job, job["level"]):
        arguments = arguments_of(job, job["level"], case)
        ending, _, first_s = called(function, arguments, job["limit_s"])
        seconds = [first_s]
        spent = 0.0
        while ending != "timeout" and spent < job["budget_s"] and len(seconds) < AT_MOST_ROUNDS:
            seconds.append(called(function, arguments, job["limit_s"])[2])
            spent += seconds[-1]
        found.append({"ending": ending, "seconds": statistics.median(seconds[1:] or seconds)})
        if ending == "timeout":
            break
    return found


JOBS = {"examples": examples, "check": check, "timed": timed}


def main():
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    job = json.load(sys.stdin)
    try:
        answer = {"answer": JOBS[job["do"]](job)}
    except Exception:
        answer = {"trouble": traceback.format_exc(limit=-3)}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
