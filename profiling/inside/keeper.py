"""Keeps watch over one command, and leaves nothing of it running.

Run by perfbot's own interpreter, once per command: ``main`` in a process of its own, which forks.
The child becomes the command (``confine.py``). The parent, *the keeper*, stays outside: it inherits
every orphan of the command (it is their subreaper), counts processes and memory, and kills all of
them when the command ends, a limit is passed, or perfbot goes away: the *lifeline* pipe, whose
other end perfbot holds, then closes by itself, whatever killed perfbot.
It imports only what starts fast: no json, no typing, no signal. Source: proc(5).
"""

from __future__ import annotations

import os
import resource
import select
import sys
import time

TYPE_CHECKING = False  # typing's own would cost more time than everything else here
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol, TypedDict

    class Task(TypedDict):
        """What to watch, and where to tell of it."""

        bubblewrapped: bool
        scratch: str  # perfbot's to remove, ours if perfbot is gone
        results_fd: int
        status_fd: int
        lifeline_fd: int
        wall_s: float
        memory_bytes: int
        processes: int
        tasks: int  # processes and threads together

    class Become(Protocol):
        """Turns the child into the command."""

        def __call__(self, complaints: int, reports: int, *, countable: bool) -> None:
            """See ``confine.become_command``."""


_POLL_S = 0.05
_IMPATIENT_POLL_S = 0.005
_GIVE_UP_KILLING_S = 10.0
_SIGKILL, _SIGSTOP = 9, 19


class SetupError(Exception):
    """The command could not be confined or started."""


def main(task: Task, scoped: bool, become_command: Become) -> None:
    """Run the command, write one line to the status pipe, and exit; never returns.

    The line is ``ending returncode wall_s cpu_s``, or ``error`` and a reason when the command could
    not be started. ``scoped``: a signal to "everybody" reaches our descendants only.
    ``become_command`` is called in the child as ``(complaints, reports, countable=...)``.
    """
    try:
        line = _keep(task, scoped, become_command)
    except (OSError, SetupError) as error:
        line = f"error {error}"
    try:
        os.write(task["status_fd"], line.encode(errors="surrogateescape"))
    except BrokenPipeError:  # perfbot, which holds the other end to the last, is gone
        _clear_away(task["scratch"])
    os._exit(0)  # nothing to tidy up, and perfbot is waiting


def _clear_away(folder: str) -> None:
    """Remove what perfbot would have removed had it lived."""
    import shutil  # slow to import, and hardly ever needed

    shutil.rmtree(folder, ignore_errors=True)


def _keep(task: Task, scoped: bool, become_command: Become) -> str:
    for fd in (task["status_fd"], task["lifeline_fd"]):
        os.set_inheritable(fd, False)
    complaint, complaints = os.pipe()
    report, reports = os.pipe()
    start_s = time.monotonic()
    child = os.fork()
    if child == 0:
        become_command(complaints, reports, countable=not scoped)
    for fd in (complaints, reports, task["results_fd"]):
        os.close(fd)
    _let_go_of_standard_streams()
    ending, status = _watch(child, task, start_s)
    wall_s = time.monotonic() - start_s
    _kill_everything(child, scoped=scoped)
    if reason := os.read(complaint, 4096):
        raise SetupError(reason.decode(errors="replace"))
    if task["bubblewrapped"] and ending == "exited":
        _check_that_bubblewrap_started_it(os.read(report, 65536))
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = usage.ru_utime + usage.ru_stime
    code = os.waitstatus_to_exitcode(status) if ending != "gone" else -_SIGKILL
    return f"{ending} {code} {wall_s!r} {cpu_s!r}"


def _let_go_of_standard_streams() -> None:
    """Let perfbot see the end of the command's output when the command is gone."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)


def _watch(child: int, task: Task, start_s: float) -> tuple[str, int]:
    """Wait until the command ends or has to be ended; return ``(ending, wait status)``."""
    poller = select.poll()
    poller.register(task["lifeline_fd"], select.POLLIN)
    pause_s = _POLL_S if _notices_the_end(poller, child) else _IMPATIENT_POLL_S
    deadline_s = start_s + task["wall_s"]
    while True:
        remaining_s = max(0.0, min(pause_s, deadline_s - time.monotonic()))
        events = poller.poll(remaining_s * 1000)
        status = _reap(child)
        if status is not None:
            return "exited", status
        if any(fd == task["lifeline_fd"] for fd, _event in events):
            return "gone", 0
        if time.monotonic() >= deadline_s:
            return "timed_out", _SIGKILL
        if (broken := _broken_limit(task)) is not None:
            return broken, _SIGKILL


def _notices_the_end(poller: select.poll, child: int) -> bool:
    """Let the poller wake up when the command ends; say whether this system can do that."""
    if sys.platform != "linux":
        return False
    try:
        poller.register(os.pidfd_open(child), select.POLLIN)
    except OSError:
        return False
    return True


def _reap(child: int) -> int | None:
    """Bury the dead; return the command's own wait status if it is among them."""
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == child:
            return status
        if pid == 0:
            return None


def _broken_limit(task: Task) -> str | None:
    members: list[int] = []
    for pid in _descendants():
        members.append(pid)
        if len(members) > task["processes"]:  # no need to see how many more a fork bomb has
            return "too_many_processes"
    if sum(map(_task_count, members)) > task["tasks"]:
        return "too_many_processes"
    if sum(map(_resident_bytes, members)) <= task["memory_bytes"]:
        return None
    # Pages shared after a fork were counted once for each process: take a closer, slower look.
    precise_bytes = sum(map(_proportional_bytes, members))
    return "out_of_memory" if precise_bytes > task["memory_bytes"] else None


def _resident_bytes(pid: int) -> int:
    return int((_read(f"/proc/{pid}/statm") or "0 0").split()[1]) * resource.getpagesize()


def _proportional_bytes(pid: int) -> int:
    for line in (_read(f"/proc/{pid}/smaps_rollup") or "").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return _resident_bytes(pid)


def _task_count(pid: int) -> int:
    try:
        return os.stat(f"/proc/{pid}/task").st_nlink - 2
    except OSError:
        return 0


def _descendants() -> Iterator[int]:
    """Yield every living process that the keeper started, directly or not."""
    me = os.getpid()
    if _read(f"/proc/{me}/task/{me}/children") is None:
        yield from _descendants_by_parent(me)
        return
    found = [me]
    while found:
        pid = found.pop()
        try:
            tasks = os.listdir(f"/proc/{pid}/task")
        except OSError:
            continue
        for task in tasks:
            children = (_read(f"/proc/{pid}/task/{task}/children") or "").split()
            found.extend(map(int, children))
            yield from map(int, children)


def _descendants_by_parent(me: int) -> Iterator[int]:
    """The same on kernels without CONFIG_PROC_CHILDREN: by the parent of every process."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit() and (stat := _read(f"/proc/{name}/stat")):
            parent = int(stat[stat.rindex(")") + 2 :].split()[1])
            children.setdefault(parent, []).append(int(name))
    found = [me]
    while found:
        some = children.get(found.pop(), [])
        found.extend(some)
        yield from some


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None


def _kill_everything(child: int, *, scoped: bool) -> None:
    """Kill until no process is left: those whose parents die become our children."""
    give_up_s = time.monotonic() + _GIVE_UP_KILLING_S
    while time.monotonic() < give_up_s:
        _signal_everything(child, scoped=scoped)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.001)
    raise SetupError("some processes of the command could not be killed")


def _signal_everything(child: int, *, scoped: bool) -> None:
    if scoped:
        _kill(-1, _SIGKILL)
        return
    _kill(-child, _SIGKILL)  # its process group; also takes a bubblewrap's whole namespace along
    members = list(_descendants())
    for signal in (_SIGSTOP, _SIGKILL):  # what is stopped cannot fork while the others are killed
        for pid in members:
            _kill(pid, signal)


def _kill(pid: int, signal: int) -> None:
    try:
        os.kill(pid, signal)
    except (ProcessLookupError, PermissionError):
        return


def _check_that_bubblewrap_started_it(report: bytes) -> None:
    if b'"exit-code"' not in report:
        raise SetupError("bubblewrap could not start the command")
