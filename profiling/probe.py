"""Proves what a sandbox holds by attacking it: what ``perfbot doctor`` says of the sandbox.

A secret file, sockets and a process with a secret in its environment are set up outside; then
``inside/attack.py`` runs in the sandbox and tries to reach them.
"""

import json
import os
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
    "read_secret_file": "no reading outside",
    "write_outside": "no writing outside",
    "change_mode_outside": "no change of modes outside",
    "read_other_environment": "no other process's environment",
    "read_own_environment": "nothing of perfbot's environment",
    "signal_other_process": "no signal to other processes",
    "outlive": "nothing left running",
    "fork_beyond_limit": "no more processes than allowed",
}
_SECRET_NAME = "PERFBOT_PLANTED"  # noqa: S105
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


def probe(sandbox: Sandbox) -> tuple[Finding, ...]:
    """Attack a sandbox and return one finding per promise.

    Raises ``SandboxError`` when the attacker could not be run or did not report.
    """
    with _scene() as scene:
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
    "send_udp write_outside change_mode_outside signal_other_process outlive".split()
)


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
        "send_udp": (_packet_arrived, "a packet arrived"),
        "write_outside": (_file_appeared, "the file is there"),
        "change_mode_outside": (_mode_changed, "the mode is another"),
        "signal_other_process": (_process_ended, "the process was ended"),
        "outlive": (_heart_beats, "the daemon is still writing"),
    }
    return {name: breach for name, (check, breach) in checks.items() if check(scene)}


def _packet_arrived(scene: _Scene) -> bool:
    try:
        return bool(scene.udp.recv(16))
    except BlockingIOError:
        return False


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
def _scene() -> Iterator[_Scene]:
    secret = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="perfbot-probe-") as name:
        folder = Path(name).resolve()
        file, outside, writable = _planted_files(folder, secret)
        abstract = f"perfbot-{secrets.token_hex(8)}"
        with (
            closing(socket.create_server(("127.0.0.1", 0))) as tcp,
            _udp_listener() as udp,
            _unix_listener(str(folder / "socket")),
            _unix_listener("\0" + abstract),
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
                    "abstract": abstract,
                    "pid": pid,
                    "processes": _PROCESSES,
                },
                udp,
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
    pid = os.posix_spawn(sys.executable, waiting, {_SECRET_NAME: secret})
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
