"""Which paths a confined command reaches, and how bubblewrap is told so."""

import os
import stat
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

# Programs, libraries and what they need to know of the system; no accounts, no configuration, and
# of certificates only the public ones: private keys lie beside them, and root may read those.
SYSTEM: Final = tuple(
    map(
        Path,
        """
        /usr /bin /sbin /lib /lib32 /lib64 /libx32
        /etc/ld.so.cache /etc/ld.so.conf /etc/ld.so.conf.d /etc/alternatives
        /etc/localtime /etc/timezone /etc/ca-certificates /etc/ca-certificates.conf
        /etc/ssl/certs /etc/ssl/cert.pem /etc/ssl/openssl.cnf
        /etc/pki/ca-trust /etc/pki/tls/certs /etc/pki/tls/cert.pem /etc/pki/tls/openssl.cnf
        /etc/mime.types /etc/fonts /etc/os-release /etc/magic /etc/protocols /etc/services
        /sys/devices/system/cpu /sys/devices/system/node
        """.split(),
    )
)
# For a command that may use the network: how names are looked up.
NAMES: Final = tuple(
    map(
        Path,
        "/etc/resolv.conf /etc/hosts /etc/nsswitch.conf /etc/host.conf /etc/gai.conf".split(),
    )
)
DEVICES: Final = tuple(map(Path, "/dev/null /dev/zero /dev/full /dev/random /dev/urandom".split()))
# Harmless files of a /proc that is otherwise hidden at the Landlock level. The last is the command's
# own, not those of what it starts; valgrind does not start without it.
MACHINE: Final = (Path("/proc/cpuinfo"), Path("/proc/meminfo"), Path("/proc/self/maps"))


def existing(paths: Iterable[Path]) -> list[str]:
    """Return those that exist: no system has all of them."""
    return [str(path) for path in paths if path.exists()]


def problem(readable: Sequence[Path], writable: Sequence[Path]) -> str | None:
    """Say in one sentence why these paths cannot be granted, or return ``None``.

    Read-only inside writable is refused because Landlock can only add rights on the way down.
    """
    for path in (*readable, *writable):
        if not path.is_absolute():
            return f"{path} is not an absolute path"
        if not path.exists():
            return f"{path} does not exist"
    for path in map(Path.resolve, writable):
        if inner := _first_within(path, _never_writable()):
            return f"{path} cannot be made writable: it holds {inner}"
        if inner := _first_within(path, readable):
            return f"{inner} is to be read only but lies in {path}, which is to be writable"
    return None


def _first_within(folder: Path, paths: Iterable[Path]) -> Path | None:
    return next((path for path in paths if path.resolve().is_relative_to(folder)), None)


def _never_writable() -> tuple[Path, ...]:
    """What would give away the user or perfbot itself if a target could write there."""
    own = (Path.home(), Path(sys.prefix), Path(__file__).parent, Path(tempfile.gettempdir()))
    return (*SYSTEM, *own)


def give(folders: Iterable[Path], uid: int) -> None:
    """Make a user the owner of folders and all that is in them, without following links.

    Files with several names are left alone, as one of the names may lie elsewhere.
    """
    for folder in folders:
        fd = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            _give_one(fd, os.fstat(fd), uid)
            if stat.S_ISDIR(os.fstat(fd).st_mode):
                _give_contents(fd, uid)
        finally:
            os.close(fd)


def _give_one(fd: int, status: os.stat_result, uid: int) -> None:
    if status.st_uid != uid and (stat.S_ISDIR(status.st_mode) or status.st_nlink == 1):
        os.chown(fd, uid, uid)


def _give_contents(folder: int, uid: int) -> None:
    """Work on open folders: a name that is swapped for a link meanwhile leads nowhere."""
    with os.scandir(folder) as entries:
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                _give_folder(folder, entry.name, uid)
            elif status.st_uid != uid and status.st_nlink == 1:
                os.chown(entry.name, uid, uid, dir_fd=folder, follow_symlinks=False)


def _give_folder(parent: int, name: str, uid: int) -> None:
    try:
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    except OSError:
        return  # it was there a moment ago: somebody is playing with us
    try:
        _give_one(fd, os.fstat(fd), uid)
        _give_contents(fd, uid)
    finally:
        os.close(fd)


def bubblewrap_arguments(
    *,
    readable: Iterable[Path],
    writable: Iterable[Path],
    scratch: Path,
    network: bool,
    shared_memory: Sequence[str],
) -> list[str]:
    """Return bubblewrap's options for namespaces and mounts; see bwrap(1).

    ``shared_memory`` are the options that limit the size of /dev/shm, where this bubblewrap knows them.
    """
    arguments = "--unshare-ipc --unshare-pid --unshare-uts --unshare-cgroup-try".split()
    if not network:
        arguments.append("--unshare-net")
    arguments += "--die-with-parent --cap-drop ALL --clearenv --proc /proc --dev /dev".split()
    if os.geteuid() == 0:
        # A user namespace would leave the command root in the eyes of /proc/sys, which asks for no
        # capability: one write to core_pattern and it is out. It must become somebody else.
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_DAC_READ_SEARCH"):
            arguments += ["--cap-add", capability]
    else:
        arguments.append("--unshare-user")
    arguments += [*shared_memory, "--tmpfs", "/dev/shm"]  # noqa: S108
    arguments += ["--bind", f"{scratch}/tmp", "/tmp"]  # noqa: S108
    for path in (*SYSTEM, *(NAMES if network else ())):
        arguments += _system_mount(path)
    for path, option in _outer_first(readable, writable):
        for place in dict.fromkeys((path, path.resolve())):
            arguments += [option, str(place), str(place)]
    return [*arguments, "--remount-ro", "/dev", "--remount-ro", "/"]


def _system_mount(path: Path) -> list[str]:
    if path.is_symlink() and path.parent == Path("/"):
        return ["--symlink", str(path.readlink()), str(path)]
    return ["--ro-bind", str(path), str(path)] if path.exists() else []


def _outer_first(readable: Iterable[Path], writable: Iterable[Path]) -> list[tuple[Path, str]]:
    """Order mounts so that none hides one made before it."""
    mounts = [(path, "--ro-bind") for path in readable] + [(path, "--bind") for path in writable]
    return sorted(mounts, key=lambda mount: len(mount[0].parts))
