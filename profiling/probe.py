"""Proves what a sandbox holds by attacking it: what ``perfbot doctor`` says of the sandbox.

A secret file, sockets and a process with a secret in its environment are set up outside; then
``inside/attack.py`` runs in the sandbox and tries to reach them.
"""

import ctypes
import json
import os
import resource
import secrets
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from perfbot.profiling.inside import attack
from perfbot.profiling.sandbox import Command, Completed, Ending, Limits, Sandbox, SandboxError

_PROMISES: Final = {
    "connect_tcp": "no connection over TCP",
    "send_udp": "no packet over UDP",
    "connect_unix": "no connection to a Unix socket",
    "connect_abstract": "no connection to an abstract Unix socket",
    "connect_services": "no connection to services of this machine",
    "send_unix_packet": "no packet to a Unix socket",
    "read_shared_memory": "no reading of shared memory",
    "write_shared_memory": "no writing of shared memory",
    "read_secret_file": "no reading outside",
    "write_outside": "no writing outside",
    "change_mode_outside": "no change of modes outside",
    "read_other_environment": "no other process's environment",
    "read_own_environment": "nothing of perfbot's environment",
    "limit_other_process": "no limits for other processes",
    "signal_other_process": "no signal to other processes",
    "outlive": "nothing left running",
    "fork_beyond_limit": "no more processes than allowed",
}
_SECRET_NAME = "PERFBOT_PLANTED"  # noqa: S105
_SHARED = Path("/dev/shm")  # noqa: S108
_IPC_CREAT, _IPC_RMID = 0o1000, 0
# What listens on many machines and would hand out the machine, keys or the user's session.
_SERVICES = (
    "/run/docker.sock /var/run/docker.sock /run/containerd/containerd.sock /run/podman/podman.sock "
    "/run/crio/crio.sock /run/dbus/system_bus_socket /run/systemd/private /run/systemd/notify "
    "/run/systemd/journal/stdout /run/snapd.socket /run/libvirt/libvirt-sock /run/pcscd/pcscd.comm"
).split()
_SERVICES_OF_THE_USER = (
    "docker.sock podman/podman.sock bus systemd/private gnupg/S.gpg-agent keyring/ssh wayland-0"
).split()
_PROCESSES = 16
_HEARTBEAT_S = 0.15


@dataclass(frozen=True, slots=True)
class Finding:
    """One promise, whether it held when attacked, and what the attacker met."""

    name: str
    held: bool
    detail: str


@dataclass(frozen=True, slots=True)
class _Scene:
    """What was set up outside, to look at after the attack."""

    targets: attack.Targets
    udp: socket.socket
    packets: tuple[socket.socket, ...]


def probe(sandbox: Sandbox, environ: Mapping[str, str] | None = None) -> tuple[Finding, ...]:
    """Attack a sandbox and return one finding per promise.

    ``environ`` is the caller's environment, which tells where agents and services of the user listen
    (``SSH_AUTH_SOCK``, ``DOCKER_HOST``); they are connected to and told nothing.
    Raises ``SandboxError`` when the attacker could not be run or did not report.
    """
    with _scene(list(services(environ or {}))) as scene:
        report = _reported(_attack(sandbox, scene))
        breaches = _seen_from_outside(scene)
        forked = _attack(sandbox, scene, "fork")
    findings = [
        Finding(
            promise,
            name not in breaches and not _succeeded(name, report),
            breaches.get(name) or _told(report.get(name, "not reported"), name),
        )
        for name, promise in _PROMISES.items()
        if name != "fork_beyond_limit"
    ]
    return (*findings, _forking(forked))


def _succeeded(name: str, report: Mapping[str, str]) -> bool:
    """Go by the attacker's word where nothing can be seen from outside; silence proves nothing."""
    if name in _OBSERVED:
        return False
    return not report.get(name, "not reported").startswith("refused: ")


# Whatever the attacker says of these, they count only if they show outside.
_OBSERVED: Final = frozenset(
    "send_udp send_unix_packet write_shared_memory write_outside change_mode_outside "
    "limit_other_process signal_other_process outlive".split()
)


def services(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the sockets of services and agents that are there on this machine."""
    named = [environ.get("SSH_AUTH_SOCK", "")]
    addresses = (environ.get("DOCKER_HOST", ""), environ.get("DBUS_SESSION_BUS_ADDRESS", ""))
    for address in addresses:
        kind, _, rest = address.partition("://" if "://" in address else ":path=")
        named += [rest.partition(",")[0]] if kind == "unix" else []
    folder = environ.get("XDG_RUNTIME_DIR", "")
    users = [f"{folder}/{name}" for name in _SERVICES_OF_THE_USER] if folder else []
    for path in dict.fromkeys((*filter(None, named), *users, *_SERVICES)):
        if Path(path).is_socket():
            yield path


def _told(outcome: str, name: str) -> str:
    vain = name in _OBSERVED and not outcome.startswith("refused: ")
    return f"{outcome}, but without effect" if vain else outcome


def _attack(sandbox: Sandbox, scene: _Scene, *arguments: str) -> Completed:
    interpreter = Path(sys.executable).resolve()
    script = Path(attack.__file__).resolve()
    return sandbox.run(
        Command(
            argv=(str(interpreter), "-I", "-S", str(script), *arguments),
            cwd=Path("/usr"),
            readable=(Path(sys.base_prefix).resolve(), script),
            writable=(Path(scene.targets["writable"]),),
            stdin=json.dumps(scene.targets).encode(),
            limits=Limits(wall_s=30, processes=_PROCESSES),
        )
    )


def _reported(completed: Completed) -> dict[str, str]:
    try:
        report = json.loads(completed.results)
    except ValueError as error:
        said = completed.stderr.decode(errors="replace").strip()
        raise SandboxError(f"the sandbox could not be probed: {completed.ending} {said}") from error
    return {str(name): str(outcome) for name, outcome in dict(report).items()}


def _forking(completed: Completed) -> Finding:
    promise = _PROMISES["fork_beyond_limit"]
    if completed.ending is Ending.TOO_MANY_PROCESSES:
        return Finding(promise, True, "refused: all were killed")
    outcome = _reported(completed)["fork_beyond_limit"]
    return Finding(promise, outcome.startswith("refused: "), outcome)


def _seen_from_outside(scene: _Scene) -> dict[str, str]:
    """Return what shows outside, by attempt."""
    checks: dict[str, tuple[Callable[[_Scene], bool], str]] = {
        "send_udp": (_datagram_arrived, "a packet arrived"),
        "send_unix_packet": (_packet_arrived, "a packet arrived"),
        "write_shared_memory": (_memory_changed, "what is shared has changed"),
        "write_outside": (_file_appeared, "the file is there"),
        "change_mode_outside": (_mode_changed, "the mode is another"),
        "limit_other_process": (_process_limited, "the process has other limits"),
        "signal_other_process": (_process_ended, "the process was ended"),
        "outlive": (_heart_beats, "the daemon is still writing"),
    }
    return {name: breach for name, (check, breach) in checks.items() if check(scene)}


def _datagram_arrived(scene: _Scene) -> bool:
    return _has_packet(scene.udp)


def _packet_arrived(scene: _Scene) -> bool:
    return any(map(_has_packet, scene.packets))


def _has_packet(listener: socket.socket) -> bool:
    try:
        return bool(listener.recv(16))
    except BlockingIOError:
        return False


def _memory_changed(scene: _Scene) -> bool:
    written = Path(scene.targets["shared_folder"]) / "written"
    return written.exists() or "changed" in Path(scene.targets["shared_file"]).read_text()


def _process_limited(scene: _Scene) -> bool:
    """Compare with ourselves, whose limits and priority the process was started with."""
    pid = scene.targets["pid"]
    return (
        os.getpriority(os.PRIO_PROCESS, pid) != os.getpriority(os.PRIO_PROCESS, 0)
        or os.sched_getscheduler(pid) != os.sched_getscheduler(0)
        or resource.prlimit(pid, resource.RLIMIT_NOFILE)
        != resource.getrlimit(resource.RLIMIT_NOFILE)
    )


def _file_appeared(scene: _Scene) -> bool:
    return (Path(scene.targets["outside"]) / "written").exists()


def _mode_changed(scene: _Scene) -> bool:
    return Path(scene.targets["file"]).stat().st_mode & 0o777 != 0o644


def _process_ended(scene: _Scene) -> bool:
    return (
        os.waitid(os.P_PID, scene.targets["pid"], os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    )


def _heart_beats(scene: _Scene) -> bool:
    heart = Path(scene.targets["writable"]) / "heartbeat"
    before = heart.stat().st_size if heart.exists() else 0
    time.sleep(_HEARTBEAT_S)
    return (heart.stat().st_size if heart.exists() else 0) != before


# --- what is set up outside --------------------------------------------------------------------


@contextmanager
def _scene(sockets: list[str]) -> Iterator[_Scene]:
    secret, name = secrets.token_hex(16), f"perfbot-{secrets.token_hex(8)}"
    with tempfile.TemporaryDirectory(prefix="perfbot-probe-") as made:
        folder = Path(made).resolve()
        file, outside, writable = _planted_files(folder, secret)
        with (
            closing(socket.create_server(("127.0.0.1", 0))) as tcp,
            _udp_listener() as udp,
            _unix_listener(str(folder / "socket")),
            _unix_listener("\0" + name),
            _packet_listener(str(folder / "packets")) as packets,
            _packet_listener(f"\0{name}-packets") as abstract_packets,
            _shared_folder(secret) as shared,
            _shared_segment(secret) as key,
            _secret_in_environment(secret),
            _bystander(secret) as pid,
        ):
            yield _Scene(
                {
                    "secret": secret,
                    "file": str(file),
                    "outside": str(outside),
                    "writable": str(writable),
                    "tcp": tcp.getsockname()[1],
                    "udp": udp.getsockname()[1],
                    "unix": str(folder / "socket"),
                    "abstract": name,
                    "unix_packets": str(folder / "packets"),
                    "abstract_packets": f"{name}-packets",
                    "sockets": sockets,
                    "shared_file": str(shared / "secret"),
                    "shared_folder": str(shared),
                    "shared_key": key,
                    "pid": pid,
                    "processes": _PROCESSES,
                },
                udp,
                (packets, abstract_packets),
            )


def _planted_files(folder: Path, secret: str) -> tuple[Path, Path, Path]:
    """Make them as open as file permissions allow, so that only the sandbox protects them."""
    folder.chmod(0o755)
    file, outside, writable = folder / "secret", folder / "outside", folder / "writable"
    file.write_text(secret)
    file.chmod(0o644)
    for made in (outside, writable):
        made.mkdir()
        made.chmod(0o777)
    return file, outside, writable


@contextmanager
def _udp_listener() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        yield listener


@contextmanager
def _unix_listener(address: str) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        if not address.startswith("\0"):
            Path(address).chmod(0o777)
        listener.listen()
        yield


@contextmanager
def _packet_listener(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        if not address.startswith("\0"):
            Path(address).chmod(0o777)
        listener.setblocking(False)
        yield listener


@contextmanager
def _shared_folder(secret: str) -> Iterator[Path]:
    """Share a file with everybody; where this system has no /dev/shm, elsewhere."""
    place = _SHARED if os.access(_SHARED, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="perfbot-probe-", dir=place) as name:
        folder = Path(name).resolve()
        folder.chmod(0o777)
        (folder / "secret").write_text(secret)
        (folder / "secret").chmod(0o666)
        yield folder


@contextmanager
def _shared_segment(secret: str) -> Iterator[int]:
    """Share memory by a key, as shmget(2) does; yield the key."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    key = secrets.randbits(30) + 1
    segment = libc.shmget(key, 4096, _IPC_CREAT | 0o666)
    place = libc.shmat(segment, None, 0) if segment >= 0 else None
    try:
        if place is not None and place != ctypes.c_void_p(-1).value:
            ctypes.memmove(place, secret.encode(), len(secret))
        yield key
    finally:
        if segment >= 0:
            libc.shmctl(segment, _IPC_RMID, None)
            libc.shmdt(ctypes.c_void_p(place))


@contextmanager
def _secret_in_environment(secret: str) -> Iterator[None]:
    """Put a secret where every process would inherit it that is started carelessly."""
    os.putenv(_SECRET_NAME, secret)
    try:
        yield
    finally:
        os.unsetenv(_SECRET_NAME)


@contextmanager
def _bystander(secret: str) -> Iterator[int]:
    """Start a process that has a secret in its environment, outside of any sandbox."""
    waiting = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"]
    pid = os.posix_spawn(sys.executable, waiting, {_SECRET_NAME: secret}, setpgroup=0)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
