"""A PostgreSQL server of the tests' own, on loopback, in a temporary folder."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


def _program(name: str) -> str | None:
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(debian[-1]) if debian else None)


@contextmanager
def postgres(password: str = "") -> Iterator[str]:
    """Yield the address of a new, empty database; skip the test where PostgreSQL is not installed.

    The address names no password; without one, everybody is let in.
    """
    initdb, server = _program("initdb"), _program("postgres")
    if not initdb or not server:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql-15)")
    user = _UNPRIVILEGED if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        if user:
            shutil.chown(folder, user)
        data = f"{folder}/data"
        let_in = ["-A", "trust"]
        if password:
            Path(folder, "password").write_text(password)
            let_in = ["-A", "scram-sha-256", "--pwfile", f"{folder}/password"]
        subprocess.run(
            [initdb, "-D", data, "-U", "perfbot", *let_in, "--no-sync"],
            check=True,
            capture_output=True,
            user=user,
            cwd=folder,
        )
        port = _free_port()
        argv = [server, "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder]
        with subprocess.Popen(
            [*argv, "-c", "max_connections=200"],
            user=user,
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            try:
                assert running.stderr
                for line in running.stderr:
                    if "ready to accept connections" in line:
                        break
                else:
                    pytest.fail("PostgreSQL did not start")
                yield f"postgresql://perfbot@127.0.0.1:{port}/postgres"
            finally:
                running.send_signal(signal.SIGINT)  # without waiting for its clients to leave
                running.communicate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
