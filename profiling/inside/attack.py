"""A hostile little program: tries what the sandbox promises to prevent, and reports what worked.

``probe.py`` runs it confined. It reads where its targets are as JSON from standard input and
writes what it could do as JSON to the results pipe: ``{attempt: what came of it}``. What can be
seen from outside better than from within (a packet that arrives, a file that appears) is judged
there, so the attempts here only try.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import TypedDict

_BEATS_S = 0.02
_SHM_RDONLY = 0o10000
_F_SETSIG = 10


class Targets(TypedDict):
    """Where to attack; ``secret`` is what nobody in here should ever see."""

    secret: str
    file: str
    outside: str
    writable: str
    tcp: int
    udp: int
    unix: str
    abstract: str
    unix_packets: str
    abstract_packets: str
    sockets: list[str]
    shared_file: str
    shared_folder: str
    shared_key: int
    pid: int
    processes: int


def main() -> None:
    """Make every attempt and report it."""
    targets: Targets = json.load(sys.stdin)
    attempts = FORKING if sys.argv[1:] == ["fork"] else ATTEMPTS
    report = {attempt.__name__: _outcome(attempt, targets) for attempt in attempts}
    with open(int(os.environ["PERFBOT_RESULTS_FD"]), "w", encoding="utf-8") as results:
        json.dump(report, results)


def _outcome(attempt: Callable[[Targets], str], targets: Targets) -> str:
    try:
        return attempt(targets)
    except OSError as error:
        return f"refused: {error.strerror or error}"


def connect_tcp(targets: Targets) -> str:
    """Connect to a listener on this machine."""
    with socket.create_connection(("127.0.0.1", targets["tcp"]), timeout=1):
        return "connected"


def send_udp(targets: Targets) -> str:
    """Send a packet to a listener on this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"out", ("127.0.0.1", targets["udp"]))
    return "sent"


def connect_unix(targets: Targets) -> str:
    """Connect to a socket in the file system, as that of a container engine is."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(targets["unix"])
    return "connected"


def connect_abstract(targets: Targets) -> str:
    """Connect to a socket in the abstract namespace, which no file permission guards."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("\0" + targets["abstract"])
    return "connected"


def connect_services(targets: Targets) -> str:
    """Connect to what listens on this machine by path: a container engine, agents with keys."""
    met = f"refused: {len(targets['sockets'])} sockets of this machine tried"
    for path in targets["sockets"]:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(path)
            except OSError:
                continue
            return f"connected to {path}"
    return met


def send_unix_packet(targets: Targets) -> str:
    """Send a packet to a socket by path or name, from half of a socket pair where need be."""
    sent, refusals = False, []
    for address in (targets["unix_packets"], "\0" + targets["abstract_packets"]):
        for make in (_lone_socket, _half_of_a_pair):
            try:
                with make() as sender:
                    sender.sendto(b"out", address)
                    sent = True
            except OSError as error:
                refusals.append(error)
    return "sent" if sent else f"refused: {refusals[-1].strerror}"


def _lone_socket() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)


def _half_of_a_pair() -> socket.socket:
    kept, sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    kept.close()
    return sender


def read_shared_memory(targets: Targets) -> str:
    """Read what another process shares, as a file in /dev/shm and as a segment by its key."""
    if targets["secret"] in (_content(targets["shared_file"]) or ""):
        return "read from /dev/shm"
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    segment = libc.shmget(targets["shared_key"], 0, 0)
    place = libc.shmat(segment, None, _SHM_RDONLY) if segment >= 0 else None
    if place is None or place == ctypes.c_void_p(-1).value:
        return f"refused: {os.strerror(ctypes.get_errno())}"
    return "read" if targets["secret"].encode() in ctypes.string_at(place, 64) else "attached"


def write_shared_memory(targets: Targets) -> str:
    """Leave something in shared memory for others, or change what they have there."""
    for name, mode in ((targets["shared_file"], "a"), (targets["shared_folder"] + "/written", "w")):
        with open(name, mode, encoding="utf-8") as file:
            file.write("changed")
    return "written"


def read_secret_file(targets: Targets) -> str:
    """Read a file that was not granted."""
    with open(targets["file"], encoding="utf-8") as file:
        return "read" if targets["secret"] in file.read() else "something else was read"


def write_outside(targets: Targets) -> str:
    """Make a file in a folder that was not granted."""
    with open(os.path.join(targets["outside"], "written"), "w", encoding="utf-8") as file:
        file.write("here")
    return "written"


def change_mode_outside(targets: Targets) -> str:
    """Change the mode of a file that was not granted."""
    os.chmod(targets["file"], 0o640)
    return "changed"


def read_other_environment(targets: Targets) -> str:
    """Find the secret in the environment of any other process."""
    seen = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        content = _content(f"/proc/{name}/environ")
        seen += content is not None
        if targets["secret"] in (content or ""):
            return f"read of process {name}"
    return f"refused: not in the {seen} environments that can be read"


def read_own_environment(targets: Targets) -> str:
    """Find the secret in what was inherited, here or in the first process."""
    own = repr(dict(os.environ)) + (_content("/proc/1/environ") or "")
    return "read" if targets["secret"] in own else "refused: not there"


def signal_other_process(targets: Targets) -> str:
    """End a process that is not ours: by its number, by its group, as the owner of a socket."""
    refusals = []
    for attempt in (_kill, _kill_group, _kill_through_a_socket):
        try:
            attempt(targets["pid"])
        except OSError as error:
            refusals.append(error)
    return "sent" if len(refusals) < 3 else f"refused: {refusals[0].strerror}"


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)


def _kill_group(pid: int) -> None:
    os.killpg(pid, signal.SIGTERM)


def _kill_through_a_socket(pid: int) -> None:
    """Let the kernel send the signal that says there is something to read."""
    one, other = socket.socketpair()
    with one, other:
        fcntl.fcntl(one, fcntl.F_SETOWN, pid)
        fcntl.fcntl(one, _F_SETSIG, signal.SIGTERM)
        fcntl.fcntl(one, fcntl.F_SETFL, fcntl.fcntl(one, fcntl.F_GETFL) | os.O_ASYNC)
        other.send(b"x")


def limit_other_process(targets: Targets) -> str:
    """Make a process that is not ours slower, or let it hit a limit."""
    refusals = []
    for attempt in (_lower_its_limit, _lower_its_priority, _move_it):
        try:
            attempt(targets["pid"])
        except OSError as error:
            refusals.append(error)
    return "done" if len(refusals) < 3 else f"refused: {refusals[0].strerror}"


def _lower_its_limit(pid: int) -> None:
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, 3))


def _lower_its_priority(pid: int) -> None:
    os.setpriority(os.PRIO_PROCESS, pid, 19)


def _move_it(pid: int) -> None:
    os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))


def outlive(targets: Targets) -> str:
    """Leave a daemon behind that goes on writing to a granted file."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            _beat(os.path.join(targets["writable"], "heartbeat"))
        os._exit(0)
    os.wait()
    return "started"


def _beat(path: str) -> None:
    for _ in range(500):
        with open(path, "a", encoding="utf-8") as file:
            file.write(".")
        time.sleep(_BEATS_S)
    os._exit(0)


def fork_beyond_limit(targets: Targets) -> str:
    """Start many more processes than are allowed."""
    for _ in range(4 * targets["processes"]):
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
    time.sleep(2)
    return "forked"


def _content(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None


ATTEMPTS: tuple[Callable[[Targets], str], ...] = (
    connect_tcp,
    send_udp,
    connect_unix,
    connect_abstract,
    connect_services,
    send_unix_packet,
    read_shared_memory,
    write_shared_memory,
    read_secret_file,
    write_outside,
    change_mode_outside,
    read_other_environment,
    read_own_environment,
    limit_other_process,
    signal_other_process,
    outlive,
)
FORKING: tuple[Callable[[Targets], str], ...] = (fork_beyond_limit,)

if __name__ == "__main__":
    main()
