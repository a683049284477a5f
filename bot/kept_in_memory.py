"""Secrets of a process that must not be written to disk or read by others when something goes wrong.

A core dump holds all of a process's memory and environment; that of a Git process holds the token of
its job. Sources: core(5), prctl(2) under PR_SET_DUMPABLE, proc(5) under /proc/pid/environ.
"""

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4


def keep_in_memory() -> None:
    """Let neither this process nor what it starts leave a core dump.

    On Linux, processes of the same user can then not read this one's memory and environment either,
    root's aside. That alone ends with an exec, the limit does not.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
