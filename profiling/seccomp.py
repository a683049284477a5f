"""The system calls that code in the sandbox may not make, compiled to a seccomp filter.

Landlock decides which files can be reached; it says nothing of sockets by path, of namespaces,
of other processes, or of files' modes. Those are closed here. Sources: seccomp(2), the kernel's
``Documentation/userspace-api/seccomp_filter.rst``, and its ``syscall_64.tbl`` / ``unistd.h`` for
the numbers.
"""

import errno
import platform
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

# Classic BPF, <linux/bpf_common.h>: load a 32-bit word, compare, return.
_LOAD, _EQUAL, _ABOVE, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x54, 0x06
_AT_LEAST = 0x35
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16  # offsets in struct seccomp_data
_X32_BIT = 0x40000000

_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_SOCK_KIND = 0xF  # the rest of the argument are flags
_SOCK_STREAM, _SOCK_SEQPACKET = 1, 5
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}
_FAKE_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
_OWNER_BY_IOCTL = (0x8901, 0x8902)  # FIOSETOWN, SIOCSPGRP
_OWNER_BY_FCNTL = (8, 15)  # F_SETOWN, F_SETOWN_EX
_PRIO_PROCESS, _IOPRIO_WHO_PROCESS = 0, 1
_O_TRUNC, _O_ACCMODE = 0x200, 0x3


class UnknownArchitectureError(Exception):
    """No system call numbers are known for this machine, so no filter can be made."""


@dataclass(frozen=True, slots=True)
class _Architecture:
    audit: int  # AUDIT_ARCH_*
    column: int  # where its number stands in the tables below


_ARCHITECTURES: Final = {
    "x86_64": _Architecture(0xC000003E, 0),
    "aarch64": _Architecture(0xC00000B7, 1),
    "arm64": _Architecture(0xC00000B7, 1),
}
_NONE = -1

# name: (number on x86-64, number on arm64)
_REFUSED: Final = {
    # other processes and their memory
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    # mounts and namespaces
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "unshare": (272, 97),
    "setns": (308, 268),
    # ways round the path checks, and kernel interfaces with a history of holes
    "open_by_handle_at": (304, 265),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "fanotify_init": (300, 262),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "modify_ldt": (154, _NONE),
    "iopl": (172, _NONE),
    "ioperm": (173, _NONE),
    # the machine itself
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "syslog": (103, 116),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    # memory that outlives its process or belongs to none, so that no limit counts it
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
}
# Answered with "no such call", which libraries take as a reason to fall back to an older way.
_UNKNOWN: Final = {
    "clone3": (435, 435),  # its flags lie in memory, where a filter cannot see them
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
}
# Landlock does not limit these. Where the sandbox runs as the user's own uid they would reach every
# file of that user, so they do nothing and say they did: copying files calls them all the time.
_MODES: Final = {
    "chmod": (90, _NONE),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, _NONE),
    "lchown": (94, _NONE),
    "fchownat": (260, 54),
    "utime": (132, _NONE),
    "utimes": (235, _NONE),
    "futimesat": (261, _NONE),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "setxattrat": (463, 463),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
}
_UTIMENSAT: Final = (280, 88)
_SOCKET: Final = (41, 198)
_SOCKETPAIR: Final = (53, 199)
_CLONE: Final = (56, 220)
_IOCTL: Final = (16, 29)
_SIGNALS: Final = (
    (62, 129),  # kill
    (200, 130),  # tkill
    (234, 131),  # tgkill
    (129, 138),  # rt_sigqueueinfo
    (297, 240),  # rt_tgsigqueueinfo
    (434, 434),  # pidfd_open
)
_FCNTL: Final = (72, 25)
_PRLIMIT: Final = (302, 261)
_SETPRIORITY: Final = (141, 140)
_IOPRIO_SET: Final = (251, 30)
_SCHEDULING: Final = (
    (144, 119),  # sched_setscheduler
    (142, 118),  # sched_setparam
    (314, 274),  # sched_setattr
    (203, 122),  # sched_setaffinity
)
_TRUNCATE: Final = (76, 45)
_OPEN: Final = (2, _NONE)
_OPENAT: Final = (257, 56)
_OPENAT2: Final = (437, 437)

_Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand


def compiled(
    *,
    network: bool = False,
    unix_sockets: bool = False,
    modes: bool = True,
    truncation: bool = True,
    newer_than: int = 0,
    unkillable: Sequence[int] = (),
    machine: str | None = None,
) -> bytes:
    """Return the filter as an array of ``struct sock_filter``, for prctl(2) or ``bwrap --seccomp``.

    ``network`` lets internet sockets through, ``unix_sockets`` those of the Unix family; without,
    there are socket pairs, but not for packets, as half of such a pair can send to any address.
    ``newer_than`` is a process number: of processes up to it, which are those that ran before, no
    limits, priorities and processors can be set, and of none by user. ``modes=False`` makes changes
    of files' modes, owners and times by path do nothing; ``truncation=False`` refuses what Landlock
    before version 3 does not control.
    ``unkillable`` are process numbers (or, negative, groups) that no signal may be sent to, for
    Landlock before version 6, which does not scope signals; "everybody" (-1) is then one of them,
    and so are all processes up to ``newer_than`` and their groups.
    ``machine`` is as in ``platform.machine()``.
    Raises ``UnknownArchitectureError`` on anything but x86-64 and arm64.
    """
    architecture = _ARCHITECTURES.get(machine or platform.machine())
    if architecture is None:
        raise UnknownArchitectureError(machine or platform.machine())
    rules = [
        *_families(network=network, unix_sockets=unix_sockets),
        *_everywhere(),
        *([] if modes else _without_modes()),
        *([] if truncation else _without_truncation()),
        *(_on_newer_ones(newer_than) if newer_than else []),
        *(_without_signals_to(unkillable, newer_than) if unkillable else []),
    ]
    code = _prologue(architecture)
    for numbers, block in rules:
        number = numbers[architecture.column]
        if number != _NONE:
            code += [(_EQUAL, 0, len(block), number), *block]
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


_Rule = tuple[tuple[int, int], Sequence[_Instruction]]


def _prologue(architecture: _Architecture) -> list[_Instruction]:
    """Refuse calls by another architecture's numbers, which would slip through the tables."""
    return [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, architecture.audit),
        _answer(errno.ENOSYS),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_ANY_BIT, 0, 1, _X32_BIT),
        _answer(errno.ENOSYS),
    ]


def _answer(error: int) -> _Instruction:
    return (_RETURN, 0, 0, _ERRNO | error)


def _argument(index: int) -> _Instruction:
    """Load the low half of an argument: both architectures are little-endian."""
    return (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * index)


def _only(index: int, allowed: Iterable[int]) -> list[_Instruction]:
    """Let a call through if its argument is one of these values."""
    block = [_argument(index)]
    for value in allowed:
        block += [(_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW)]
    return [*block, _answer(errno.EPERM)]


def _except(index: int, refused: Iterable[int]) -> list[_Instruction]:
    """Let a call through unless its argument is one of these values."""
    block = [_argument(index)]
    for value in refused:
        block += [(_EQUAL, 0, 1, value), _answer(errno.EPERM)]
    return [*block, (_RETURN, 0, 0, _ALLOW)]


def _families(*, network: bool, unix_sockets: bool) -> list[_Rule]:
    families = [_AF_INET, _AF_INET6] if network else []
    families += [_AF_UNIX] if unix_sockets else []
    return [(_SOCKET, _only(0, families)), (_SOCKETPAIR, _pairs(packets=unix_sockets))]


def _pairs(*, packets: bool) -> list[_Instruction]:
    if packets:
        return _only(0, [_AF_UNIX])
    return [
        _argument(0),
        (_EQUAL, 1, 0, _AF_UNIX),
        _answer(errno.EPERM),
        _argument(1),
        (_AND, 0, 0, _SOCK_KIND),
        (_EQUAL, 1, 0, _SOCK_STREAM),
        (_EQUAL, 0, 1, _SOCK_SEQPACKET),
        (_RETURN, 0, 0, _ALLOW),
        _answer(errno.EPERM),
    ]


def _everywhere() -> list[_Rule]:
    new_namespace: list[_Instruction] = [
        _argument(0),
        (_ANY_BIT, 0, 1, _NEW_NAMESPACES),
        _answer(errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return [
        (_CLONE, new_namespace),
        (_IOCTL, _except(1, (*_FAKE_TERMINAL_INPUT, *_OWNER_BY_IOCTL))),
        *((numbers, [_answer(errno.EPERM)]) for numbers in _REFUSED.values()),
        *((numbers, [_answer(errno.ENOSYS)]) for numbers in _UNKNOWN.values()),
    ]


def _without_modes() -> list[_Rule]:
    """Pretend; but the times of an open file (no path given) may be set, as it was reachable."""
    pretend = (_RETURN, 0, 0, _ERRNO)
    low, high = _argument(1), (_LOAD, 0, 0, _ARGUMENTS_AT + 8 + 4)
    by_path: list[_Instruction] = [
        low,
        (_EQUAL, 0, 2, 0),
        high,
        (_EQUAL, 1, 0, 0),
        pretend,
        (_RETURN, 0, 0, _ALLOW),
    ]
    return [(_UTIMENSAT, by_path), *((numbers, [pretend]) for numbers in _MODES.values())]


def _without_truncation() -> list[_Rule]:
    """Refuse to empty files that were opened for reading only: Landlock 1 and 2 do not look."""
    return [
        (_TRUNCATE, [_answer(errno.EPERM)]),
        (_OPENAT2, [_answer(errno.ENOSYS)]),
        (_OPEN, _no_truncating_reader(1)),
        (_OPENAT, _no_truncating_reader(2)),
    ]


def _no_truncating_reader(flags: int) -> list[_Instruction]:
    return [
        _argument(flags),
        (_AND, 0, 0, _O_TRUNC | _O_ACCMODE),
        (_EQUAL, 0, 1, _O_TRUNC),
        _answer(errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _on_newer_ones(keeper: int) -> list[_Rule]:
    """Let a process set limits of its own, priorities and processors of itself and newer ones.

    Nothing but the user guards these, and the sandbox may run as the user's own uid: a limit on
    processor time would end what a signal cannot.
    """
    return [
        (_PRLIMIT, _own_limits()),
        (_SETPRIORITY, [*_must_be(0, _PRIO_PROCESS), *_newer(1, keeper)]),
        (_IOPRIO_SET, [*_must_be(0, _IOPRIO_WHO_PROCESS), *_newer(1, keeper)]),
        *((numbers, _newer(0, keeper)) for numbers in _SCHEDULING),
    ]


def _must_be(index: int, value: int) -> list[_Instruction]:
    return [_argument(index), (_EQUAL, 1, 0, value), _answer(errno.EPERM)]


def _newer(index: int, keeper: int) -> list[_Instruction]:
    """Let a call through for process 0, which is oneself, and for those that came after the keeper."""
    return [
        _argument(index),
        (_EQUAL, 1, 0, 0),
        (_ABOVE, 0, 1, keeper),
        (_RETURN, 0, 0, _ALLOW),
        _answer(errno.EPERM),
    ]


def _own_limits() -> list[_Instruction]:
    """Let prlimit(2) through for oneself, and where it sets nothing because the pointer is null."""
    return [
        _argument(0),
        (_EQUAL, 4, 0, 0),
        _argument(2),
        (_EQUAL, 0, 3, 0),
        (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * 2 + 4),
        (_EQUAL, 0, 1, 0),
        (_RETURN, 0, 0, _ALLOW),
        _answer(errno.EPERM),
    ]


def _without_signals_to(processes: Sequence[int], keeper: int) -> list[_Rule]:
    """Refuse these numbers, and all up to the keeper's with their groups: numbers are given in order.

    A number up to the keeper's can belong to a newer process only once the kernel has come to the
    highest and begun again.
    """
    refused = [number & 0xFFFFFFFF for number in (-1, *processes)]
    block = _except(0, refused)[:-1]
    block += [(_AT_LEAST, 0, 1, -keeper & 0xFFFFFFFF), _answer(errno.EPERM), *_newer(0, keeper)]
    return [
        (_FCNTL, _except(1, _OWNER_BY_FCNTL)),  # an owner is sent a signal when there is news
        *((numbers, block) for numbers in _SIGNALS),
    ]
