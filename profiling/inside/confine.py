"""Gives up what a command may not do, and becomes that command.

Limits, uid, Landlock, seccomp; or all of it through bubblewrap. Runs in a process of its own,
started by perfbot's own interpreter (see ``keeper.py``, the other half), once for every
measurement: so it imports only what starts fast, and perfbot hands it over compiled.
Sources: landlock(7), seccomp(2), capabilities(7), prctl(2).
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
import sys

TYPE_CHECKING = False  # typing's own would cost more time than everything else here
if TYPE_CHECKING:
    from typing import TypedDict

    class Plan(TypedDict):
        """How to confine and start the command."""

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
        cpu_s: int
        memory_bytes: int
        tasks: int  # processes and threads together
        file_bytes: int


_CLOSED_FOLDER = (
    " (perfbot is root and runs it as user {uid}: put it where every user may enter, "
    "or give perfbot the capability CAP_DAC_READ_SEARCH)"
)
KEEPER = 0x7FFFFFF1  # stands for the keeper's process number in a filter; no process has this one
_SIGKILL, _SIGPIPE, _SIGXFSZ = 9, 13, 25

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


# --- before the fork ----------------------------------------------------------------------------


def become_keeper(level: str) -> bool:
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


# --- the command -------------------------------------------------------------------------------


def become_command(plan: Plan, complaints: int, reports: int, *, countable: bool) -> None:
    """Become the command, or write to ``complaints`` why not; never returns.

    ``reports`` is for bubblewrap's own reports; ``countable``: let the kernel limit processes, too.
    """
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
        dropped = isinstance(error, PermissionError) and plan["uid"] >= 0
        hint = _CLOSED_FOLDER.format(uid=plan["uid"]) if dropped else ""
        os.write(complaints, f"{error}{hint}".encode(errors="surrogateescape"))
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
    tasks = _tasks_of(own) + plan["tasks"]
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
                    count += os.stat(f"/proc/{name}/task").st_nlink - 2
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
