"""Confines one command, keeps watch over it, and leaves nothing of it running.

Run by perfbot's own interpreter, once per command: ``main(plan)`` in a process of its own, which
forks. The child gives up what it may do (limits, uid, Landlock, seccomp, or all of it
through bubblewrap) and becomes the command. The parent, *the keeper*, stays outside: it inherits
every orphan of the command (it is their subreaper), counts processes and memory, and kills all of
them when the command ends, a limit is passed, or perfbot goes away: the *lifeline* pipe, whose
other end perfbot holds, then closes by itself, whatever killed perfbot.

It is started for every measurement, so it imports only what starts fast (no json, no typing, no
signal), and perfbot hands it over compiled.
Sources: landlock(7), seccomp(2), capabilities(7), prctl(2).
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import struct
import sys
import time

TYPE_CHECKING = False  # typing's own would cost more time than everything else here
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypedDict

    class Plan(TypedDict):
        """What the keeper is told."""

        level: str  # "bubblewrap", "landlock" or "none"
        argv: list[str]  # of the command, or of bubblewrap with the command at its end
        cwd: str
        environment: dict[str, str]
        readable: list[str]  # Landlock only: files and folders
        writable: list[str]
        devices: list[str]
        filter: bytes  # seccomp, compiled; empty at level "none"
        uid: int  # to become; -1 to stay who we are
        network: bool
        results_fd: int
        status_fd: int
        lifeline_fd: int
        wall_s: float
        cpu_s: int
        memory_bytes: int
        processes: int
        file_bytes: int


TASKS_PER_PROCESS = 8  # threads count as tasks: room for the pools of numeric libraries
KEEPER = 0x7FFFFFF1  # stands for the keeper's process number in a filter; no process has this one
_POLL_S = 0.05
_GIVE_UP_KILLING_S = 10.0
_SIGKILL, _SIGPIPE, _SIGSTOP, _SIGXFSZ = 9, 13, 19, 25

_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_SET_SECCOMP = 1, 8, 22
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 36, 38, 47
_SECCOMP_MODE_FILTER, _PR_CAP_AMBIENT_RAISE = 2, 2
_CAP_DAC_READ_SEARCH = 2
_CAP_VERSION_3 = 0x20080522

_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_SCOPES = 0b11  # abstract Unix sockets, signals
_SCOPE_SIGNAL = 0b10
_TCP = 0b11  # bind, connect
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_MAKE_CHAR, _MAKE_BLOCK, _REFER = 1 << 6, 1 << 11, 1 << 13
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV


class SetupError(Exception):
    """The command could not be confined or started."""


def main(plan: Plan) -> None:
    """Run the plan, write one line to its status pipe, and exit; never returns.

    The line is ``ending returncode wall_s cpu_s``, or ``error`` and a reason when the command could
    not be started.
    """
    try:
        line = _keep(plan)
    except (OSError, SetupError) as error:
        line = f"error {error}"
    os.write(plan["status_fd"], line.encode(errors="surrogateescape"))
    os._exit(0)  # nothing to tidy up, and perfbot is waiting


# --- the keeper --------------------------------------------------------------------------------


def _keep(plan: Plan) -> str:
    for fd in (plan["status_fd"], plan["lifeline_fd"]):
        os.set_inheritable(fd, False)
    scoped = _become_keeper(plan["level"])
    complaint, complaints = os.pipe()
    report, reports = os.pipe()
    start_s = time.monotonic()
    child = os.fork()
    if child == 0:
        _command(plan, complaints, reports, countable=not scoped)
    for fd in (complaints, reports, plan["results_fd"]):
        os.close(fd)
    _let_go_of_standard_streams()
    ending, status = _watch(child, plan, start_s)
    wall_s = time.monotonic() - start_s
    _kill_everything(child, scoped=scoped)
    if reason := os.read(complaint, 4096):
        raise SetupError(reason.decode(errors="replace"))
    if plan["level"] == "bubblewrap" and ending == "exited":
        _check_that_bubblewrap_started_it(os.read(report, 65536))
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = usage.ru_utime + usage.ru_stime
    code = os.waitstatus_to_exitcode(status) if ending != "gone" else -_SIGKILL
    return f"{ending} {code} {wall_s!r} {cpu_s!r}"


def _become_keeper(level: str) -> bool:
    """Inherit orphans, and say whether a signal to "everybody" reaches our descendants only.

    In a Landlock domain whose signals are scoped, ``kill(-1)`` kills exactly the processes that we
    started, at once, so that no fork bomb outruns it. That is tried on perfbot with signal 0,
    because being wrong would kill everything that the user runs. Under a second domain, the first
    must allow renaming between folders; alone, it must not know of files, or mounts are refused.
    """
    if sys.platform != "linux":
        return False
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    if landlock_version() < 6:
        return False
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    files = _REFER if level == "landlock" else 0
    ruleset = _create_ruleset(struct.pack("=QQQ", files, 0, _SCOPE_SIGNAL))
    if files:
        _allow(ruleset, "/", files)
    _syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return not _may_signal(os.getppid())


def _may_signal(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return False
    except ProcessLookupError:
        return True  # nobody there to try it on, so do not rely on it
    return True


def _let_go_of_standard_streams() -> None:
    """Let perfbot see the end of the command's output when the command is gone."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)


def _watch(child: int, plan: Plan, start_s: float) -> tuple[str, int]:
    """Wait until the command ends or has to be ended; return ``(ending, wait status)``."""
    poller = select.poll()
    poller.register(plan["lifeline_fd"], select.POLLIN)
    if sys.platform == "linux":
        poller.register(os.pidfd_open(child), select.POLLIN)
    deadline_s = start_s + plan["wall_s"]
    while True:
        remaining_s = max(0.0, min(_POLL_S, deadline_s - time.monotonic()))
        events = poller.poll(remaining_s * 1000)
        status = _reap(child)
        if status is not None:
            return "exited", status
        if any(fd == plan["lifeline_fd"] for fd, _event in events):
            return "gone", 0
        if time.monotonic() >= deadline_s:
            return "timed_out", _SIGKILL
        if (broken := _broken_limit(plan)) is not None:
            return broken, _SIGKILL


def _reap(child: int) -> int | None:
    """Bury the dead; return the command's own wait status if it is among them."""
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == child:
            return status
        if pid == 0:
            return None


def _broken_limit(plan: Plan) -> str | None:
    members: list[int] = []
    for pid in _descendants():
        members.append(pid)
        if len(members) > plan["processes"]:  # no need to see how many more a fork bomb has
            return "too_many_processes"
    if sum(map(_task_count, members)) > plan["processes"] * TASKS_PER_PROCESS:
        return "too_many_processes"
    if sum(map(_resident_bytes, members)) <= plan["memory_bytes"]:
        return None
    # Pages shared after a fork were counted once for each process: take a closer, slower look.
    precise_bytes = sum(map(_proportional_bytes, members))
    return "out_of_memory" if precise_bytes > plan["memory_bytes"] else None


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


# --- the command -------------------------------------------------------------------------------


def _command(plan: Plan, complaints: int, reports: int, *, countable: bool) -> None:
    """Become the command; never returns. ``countable``: let the kernel limit processes, too."""
    keeper = os.getppid()
    try:
        os.setsid()
        os.umask(0o022)
        _prefer_us_when_memory_runs_out()
        _limit(plan)
        if countable and sys.platform == "linux":
            _limit_processes(plan)
        argv, environment = plan["argv"], plan["environment"]
        if plan["level"] == "landlock":
            _confine(plan, keeper)
        elif sys.platform == "linux":
            _die_with(keeper)
        if plan["level"] == "bubblewrap":
            argv = _with_descriptors(plan, reports)
        else:
            os.chdir(plan["cwd"])
        _restore_signals()
        os.execvpe(argv[0], argv, environment)
    except (OSError, SetupError) as error:
        os.write(complaints, str(error).encode(errors="surrogateescape"))
    os._exit(127)


def _prefer_us_when_memory_runs_out() -> None:
    try:
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    except OSError:
        return  # no such file on this system: nothing is lost but a preference
    os.write(fd, b"500")
    os.close(fd)


def _limit(plan: Plan) -> None:
    wanted = {
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_CPU: (plan["cpu_s"], plan["cpu_s"] + 1),
        resource.RLIMIT_FSIZE: (plan["file_bytes"], plan["file_bytes"]),
    }
    if sys.platform == "linux":
        # Address space is much more than memory: threads' stacks, arenas, mapped libraries.
        address_bytes = 4 * plan["memory_bytes"]
        wanted[resource.RLIMIT_AS] = (address_bytes, address_bytes)
    for limit, (soft, hard) in wanted.items():
        _lower(limit, soft, hard)


def _limit_processes(plan: Plan) -> None:
    """Slow a fork bomb down that has to be killed one by one.

    Not done where all can be killed at once: the kernel's count is by user, over all containers of
    the machine, and what we see of it in a container may be too low.
    """
    own = os.getuid() if plan["uid"] < 0 else plan["uid"]
    tasks = _tasks_of(own) + TASKS_PER_PROCESS * plan["processes"]
    _lower(resource.RLIMIT_NPROC, tasks, tasks)


def _lower(limit: int, soft: int, hard: int) -> None:
    ceiling = resource.getrlimit(limit)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(limit, (soft, hard))


def _tasks_of(uid: int) -> int:
    """Count a user's tasks on the whole machine, as RLIMIT_NPROC does."""
    count = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.stat(f"/proc/{name}").st_uid == uid:
                    count += _task_count(int(name))
            except OSError:
                continue
    return count


def _with_descriptors(plan: Plan, reports: int) -> list[str]:
    """Hand bubblewrap the filter and a pipe to report on, as open files."""
    rules = os.memfd_create("filter", 0)
    os.write(rules, plan["filter"])
    os.lseek(rules, 0, os.SEEK_SET)
    os.set_inheritable(reports, True)
    program, *arguments = plan["argv"]
    return [program, "--seccomp", str(rules), "--json-status-fd", str(reports), *arguments]


def _confine(plan: Plan, keeper: int) -> None:
    """Landlock, uid, seccomp; files are opened while we still may, the filter comes last."""
    ruleset = _ruleset(plan)
    if plan["uid"] >= 0:
        _become(plan["uid"])
    _die_with(keeper)  # a change of uid clears it
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    rules = plan["filter"]
    for sign in (1, -1):  # the filter was made before the keeper had a number
        rules = rules.replace(struct.pack("=i", sign * KEEPER), struct.pack("=i", sign * keeper))
    _install(rules)


def _die_with(keeper: int) -> None:
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != keeper:
        raise SetupError("the keeper died")


def _become(uid: int) -> None:
    """Drop root, but for the right to pass folders like /root on the way to an interpreter.

    Which files can be read is Landlock's business; open_by_handle_at(2) is refused by the filter.
    """
    keep = 1 << _CAP_DAC_READ_SEARCH
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAP_VERSION_3, 0))
    data = ctypes.create_string_buffer(24)
    _checked(_libc.capget(header, data), "capget")
    permitted = struct.unpack("=6I", data.raw[:24])[1]
    _prctl(_PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    keep &= permitted
    data = ctypes.create_string_buffer(struct.pack("=6I", keep, keep, keep, 0, 0, 0))
    _checked(_libc.capset(header, data), "capset")
    if keep:
        _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_READ_SEARCH)


def _restore_signals() -> None:
    for signal in (_SIGPIPE, _SIGXFSZ):  # ignored by Python; an exec would hand that on
        _libc.signal(signal, None)


# --- Landlock and seccomp ----------------------------------------------------------------------

_libc = ctypes.CDLL(None, use_errno=True)
_libc.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
_libc.signal.restype = ctypes.c_void_p


def _checked(result: int, what: str) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
    return result


def _prctl(option: int, *arguments: int) -> None:
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    _checked(_libc.prctl(ctypes.c_int(option), *padded), f"prctl({option})")


def _syscall(number: int, *arguments: int | bytes | None) -> int:
    converted = [
        ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments
    ]
    return _checked(_libc.syscall(ctypes.c_long(number), *converted), f"system call {number}")


def landlock_version() -> int:
    """Return the kernel's Landlock ABI version, 0 where there is none or it is switched off."""
    if sys.platform != "linux":
        return 0
    try:
        return _syscall(_LANDLOCK_CREATE_RULESET, None, 0, 1)
    except OSError:
        return 0


def _create_ruleset(attributes: bytes) -> int:
    return _syscall(_LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)


def _handled_access(version: int) -> int:
    """Return every right on files that this version of Landlock knows."""
    bits = 13 if version < 2 else 14 if version < 3 else 15 if version < 5 else 16
    return (1 << bits) - 1


def _ruleset(plan: Plan) -> int:
    """Make the rules: nothing but the plan's paths, no TCP without network, nobody else's signals."""
    version = landlock_version()
    if version < 1:
        raise SetupError("this kernel has no Landlock")
    handled = _handled_access(version)
    attributes = struct.pack("=QQQ", handled, 0 if plan["network"] else _TCP, _SCOPES)
    ruleset = _create_ruleset(attributes[: 8 if version < 4 else 16 if version < 6 else 24])
    for paths, access in (
        (plan["readable"], _READ),
        (plan["writable"], ~(_MAKE_CHAR | _MAKE_BLOCK | _IOCTL_DEV)),
        (plan["devices"], _READ_FILE | _WRITE_FILE | _IOCTL_DEV),
    ):
        for path in paths:
            _allow(ruleset, path, access & handled)
    return ruleset


def _allow(ruleset: int, path: str, access: int) -> None:
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not os.path.isdir(path):
            access &= _ON_FILES
        _syscall(_LANDLOCK_ADD_RULE, ruleset, 1, struct.pack("=Qi", access, fd), 0)
    finally:
        os.close(fd)


def _install(rules: bytes) -> None:
    """Load a seccomp filter for this process and all it will start."""
    buffer = ctypes.create_string_buffer(rules, len(rules))
    program = ctypes.create_string_buffer(
        struct.pack("@HP", len(rules) // 8, ctypes.addressof(buffer))
    )
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))
