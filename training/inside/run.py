"""Runs programs on inputs, each in a forked child, and tells what they print and cost.

    python run.py < job.json        inside the sandbox; results go to PERFBOT_RESULTS_FD

The job has ``runs``, each with ``program`` and ``stdin`` (paths) and ``native`` (an executable, not
Python), and their limits. One warm process makes all runs, so that the interpreter's start is in none
of them. With ``counting``, a child that does nothing comes before each run: under Cachegrind the two
counts' difference is the run's, whatever the parent did before, and no times are told, whose digits
would shift the counts.
Not covered: a program that lies about itself on purpose. It can do no harm outside of the sandbox.
"""

import io
import json
import os
import resource
import signal
import sys
import tempfile
import time
import types
from typing import Any

Run = dict[str, Any]  # what JSON holds


def main() -> None:
    """Make all runs of the job and tell of each in one line."""
    job: Run = json.load(sys.stdin)
    results = int(os.environ["PERFBOT_RESULTS_FD"])
    os.set_inheritable(results, False)
    with tempfile.TemporaryDirectory() as folder:
        for each in job["runs"]:
            told = made(each, job, folder, results)
            os.write(results, json.dumps(told).encode() + b"\n")


def made(run: Run, job: Run, folder: str, results: int) -> Run:
    """Make one run; tell its exit code (negative for a signal), output, seconds and bytes."""
    if job["counting"]:
        nothing = os.fork()
        if nothing == 0:
            os._exit(0)
        os.waitpid(nothing, 0)
    begin = time.perf_counter()
    child = os.fork()
    if child == 0:
        os.close(results)
        become(run, job, folder)
    _, status, usage = os.wait4(child, 0)
    wall_s = time.perf_counter() - begin
    code = os.waitstatus_to_exitcode(status)
    text, whole = printed(os.path.join(folder, "stdout"), job["output_bytes"])
    told = {"code": code, "whole": whole, "stdout": text}
    if job["counting"]:
        return told
    return told | {
        "said": last_line(os.path.join(folder, "stderr")) if code else "",
        "wall_s": wall_s,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "rss_bytes": usage.ru_maxrss * 1024,
    }


def printed(path: str, most: int) -> tuple[str, bool]:
    """Return what a run wrote, and whether that is all of it and text."""
    with open(path, "rb") as file:
        content = file.read(most + 1)
    try:
        return content[:most].decode(), len(content) <= most
    except UnicodeDecodeError:
        return "", False


def last_line(path: str) -> str:
    """Return the last line of what a run complained, shortened."""
    with open(path, "rb") as file:
        lines = file.read(1 << 20).decode(errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "")[:200]


def become(run: Run, job: Run, folder: str) -> None:
    """Turn this forked process into the program; never returns."""
    code = 1
    try:
        redirect(run["stdin"], folder)
        limit(job)
        if run["native"]:
            os.execv(run["program"], [run["program"]])
        code = executed(run["program"])
    except BaseException as error:  # ends here, and not in the parent's code
        os.write(2, f"{type(error).__name__}: {error}\n".encode(errors="replace"))
    finally:
        os._exit(code)


def redirect(stdin: str, folder: str) -> None:
    """Let file descriptors 0, 1 and 2 be the input and files for the output."""
    outputs = [os.path.join(folder, name) for name in ("stdout", "stderr")]
    writing = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    ways = [(stdin, os.O_RDONLY), *((each, writing) for each in outputs)]
    for number, (path, flags) in enumerate(ways):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)


def limit(job: Run) -> None:
    """Bound seconds and output; SIGALRM ends what ignores the first of them."""
    seconds = int(job["cpu_s"])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (job["output_bytes"] * 2, job["output_bytes"] * 2))
    signal.setitimer(signal.ITIMER_REAL, job["wall_s"])


def executed(path: str) -> int:
    """Execute a Python program as the interpreter would; return its exit code."""
    sys.stdin = io.TextIOWrapper(open(0, "rb", closefd=False), encoding="utf-8")
    sys.stdout = io.TextIOWrapper(open(1, "wb", closefd=False), encoding="utf-8")
    sys.stderr = io.TextIOWrapper(open(2, "wb", closefd=False), encoding="utf-8")
    sys.argv = [path]
    module = types.ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    with open(path, "rb") as file:
        source = file.read()
    code = 0
    try:
        exec(compile(source, path, "exec"), module.__dict__)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    sys.stdout.flush()
    return code


if __name__ == "__main__":
    main()
