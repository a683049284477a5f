"""What serves and what works leaves no memory behind, and shows none to its neighbours."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot_process import SECRET

NOBODY = 65534
GUARDED = "from perfbot.bot.kept_in_memory import keep_in_memory; keep_in_memory(); "
CHILD = GUARDED + "import subprocess, sys; print(subprocess.run(sys.argv[1:]).returncode)"


def test_a_child_that_crashes_leaves_no_core_dump(tmp_path: Path) -> None:
    shell = "ulimit -c; ulimit -Hc; kill -SEGV $$"
    argv = [sys.executable, "-c", CHILD, "sh", "-c", shell]
    unlimited = f"ulimit -c unlimited 2>/dev/null; exec {' '.join(map(repr, argv))}"
    ran = subprocess.run(["sh", "-c", unlimited], cwd=tmp_path, capture_output=True, text=True)
    assert ran.stdout.split() == ["0", "0", str(-signal.SIGSEGV)]
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def served(tmp_path: Path) -> Iterator[int]:
    """A web process that holds the webhook secret in its environment."""
    perfbot = Path(sys.executable).with_name("perfbot")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path),
        "PERFBOT_WEBHOOK_SECRET": SECRET,
    }
    argv = [str(perfbot), "serve", "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(argv, env=environ, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    assert "listening" in process.stderr.readline()
    yield process.pid
    process.terminate()
    process.wait()
    process.stderr.close()


def test_the_web_process_leaves_no_core_dump(served: int) -> None:
    limits = Path(f"/proc/{served}/limits").read_text()
    (line,) = (line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert line.split()[4:6] == ["0", "0"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user for a moment")
@pytest.mark.skipif(not shutil.which("python3", path="/usr/bin"), reason="no Python for everybody")
def test_the_same_user_cannot_read_a_guarded_process() -> None:
    """As one user throughout: guarded it is closed, and not guarded it would be open."""
    module = Path(__file__).parents[2] / "bot" / "kept_in_memory.py"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copy(module, folder / "kept.py")
        (folder / "kept.py").chmod(0o644)
        code = (
            "import os, sys, time; sys.path.insert(0, sys.argv[1]); import kept\n"
            "if sys.argv[2] == 'guarded': kept.keep_in_memory()\n"
            "ready, start = os.pipe()\n"
            "child = os.fork()\n"
            "if child == 0:\n"
            "    try: print(b'planted' in open(f'/proc/{os.getppid()}/environ', 'rb').read())\n"
            "    except PermissionError: print('closed')\n"
            "    sys.stdout.flush(); os._exit(0)\n"
            "os.wait()\n"
        )
        told = [
            subprocess.run(
                ["/usr/bin/python3", "-c", code, str(folder), how],
                env={"SECRET": "planted"},
                user=NOBODY,
                group=NOBODY,
                extra_groups=[],
                cwd="/",
                check=True,
                capture_output=True,
                text=True,
            ).stdout.strip()
            for how in ("guarded", "open")
        ]
    assert told == ["closed", "True"]
