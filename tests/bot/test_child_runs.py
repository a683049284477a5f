"""perfbot's own command line as a child: what it is told, what comes back, and that nothing is left."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from perfbot.bot import child_runs
from perfbot.bot.child_environment import child_environment
from perfbot.bot.child_runs import ChildRuns, changes
from perfbot.bot.config import Config
from perfbot.bot.forge import CommitSha
from perfbot.bot.jobs import JobStopped
from perfbot.bot.patch import unified_patch
from perfbot.bot.runs import Checkout, Ended, RunFailed, Wish
from perfbot.optimizer.machine_queue import MachineQueue
from perfbot.optimizer.progress import Phase

from bot_process import wait_for

HEAD = CommitSha("a" * 40)
SLOW = "import time\n\ndef test_it():\n    time.sleep(600)\n"


def checkout(folder: Path, files: dict[str, str], settings: bytes = b"") -> Checkout:
    for path, content in files.items():
        place = folder / "files" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    return Checkout(folder / "files", HEAD, Config(), False, settings, "github:7")


def runs_in(folder: Path) -> ChildRuns:
    return ChildRuns(MachineQueue(folder / "measuring", 1), child_environment(dict(os.environ)))


def children_in(folder: Path) -> list[int]:
    """The processes whose command line names the folder, and all that came of them."""
    running = {int(one.name): _facts(one) for one in Path("/proc").glob("[0-9]*")}
    named = [pid for pid, (line, _) in running.items() if str(folder).encode() in line]
    found = {pid for pid in named if pid != os.getpid()}
    while more := {pid for pid, (_, parent) in running.items() if parent in found} - found:
        found |= more
    return sorted(found)


def _facts(process: Path) -> tuple[bytes, int]:
    """Return the command line and the parent; a zombie has no command line."""
    try:
        line = (process / "cmdline").read_bytes()
        parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
    except OSError:
        return b"", 0
    return line, int(parent)


def alive(processes: list[int]) -> list[int]:
    return [each for each in processes if _facts(Path(f"/proc/{each}"))[0]]


def never() -> bool:
    return False


def quiet(_text: str) -> None:
    """Hear nothing."""


@pytest.mark.parametrize(
    ("settings", "functions", "files", "ended", "said"),
    [
        (b"version: 1\nbudgett: 1\n", (), {"a.py": "x = 1\n"}, Ended.CONFIGURATION, "budgett"),
        (b"", ("b.py::f",), {"a.py": "def f():\n    pass\n"}, Ended.CONFIGURATION, "no function"),
        (b"", (), {"README.md": "nothing"}, Ended.REPOSITORY, ""),
    ],
)
def test_an_exit_code_becomes_the_reason_with_what_was_said(
    tmp_path: Path,
    settings: bytes,
    functions: tuple[str, ...],
    files: dict[str, str],
    ended: Ended,
    said: str,
) -> None:
    code = checkout(tmp_path, files, settings)
    with pytest.raises(RunFailed) as raised:
        runs_in(tmp_path).optimize(code, Wish(functions), never, quiet)
    assert raised.value.ended is ended
    assert said in str(raised.value)
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("run-")] == []


def test_what_the_repository_says_of_its_limits_is_not_heard(tmp_path: Path) -> None:
    """The trusted configuration counts, not the file that lies in the checkout."""
    files = {".perfbot.yml": "version: 1\nbudgett: 1\n", "README.md": "nothing"}
    with pytest.raises(RunFailed) as raised:
        runs_in(tmp_path).optimize(checkout(tmp_path, files), Wish(), never, quiet)
    assert raised.value.ended is Ended.REPOSITORY


def begun(
    tmp_path: Path, stopped: Callable[[], bool]
) -> tuple[threading.Thread, list[object], list[int]]:
    """Begin a run that takes ten minutes; return its processes once its tests run in their sandbox."""
    code = checkout(tmp_path, {"tests/test_slow.py": SLOW, "slow.py": "x = 1\n"})
    ends: list[object] = []
    said: list[str] = []

    def work() -> None:
        try:
            ends.append(runs_in(tmp_path).survey(code, Wish(), stopped, said.append))
        except BaseException as error:
            ends.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    wait_for(lambda: ends or Phase.BASELINE in said, 200, lambda: str(said))
    assert not ends, ends
    processes = wait_for(lambda: len(found := children_in(tmp_path)) > 2 and found)
    return thread, ends, processes


def test_a_run_that_is_told_to_stop_leaves_nothing_running(tmp_path: Path) -> None:
    stop = threading.Event()
    thread, ends, processes = begun(tmp_path, stop.is_set)
    stop.set()
    thread.join(60)
    assert isinstance(ends[0], JobStopped)
    wait_for(lambda: not alive(processes))


def test_a_child_that_is_killed_is_no_bug_of_the_repository(tmp_path: Path) -> None:
    thread, ends, processes = begun(tmp_path, never)
    leashed = next(one for one in processes if b"leashed" in _facts(Path(f"/proc/{one}"))[0])
    os.kill(leashed, signal.SIGKILL)
    thread.join(60)
    wait_for(lambda: not alive(processes))
    assert isinstance(ends[0], RunFailed)
    assert ends[0].ended is Ended.BUG
    assert "too little memory" in str(ends[0])


def test_a_child_dies_with_whoever_started_it(tmp_path: Path) -> None:
    """The parent is killed, and nobody is left to end the child."""
    code = checkout(tmp_path, {"tests/test_slow.py": SLOW, "slow.py": "x = 1\n"})
    program = (
        "import subprocess, sys, time\n"
        f"argv = [sys.executable, '-P', '-m', 'perfbot.bot.leashed', 'profile', {str(code.folder)!r}]\n"
        "subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)

    def children() -> list[int]:
        return [one for one in children_in(code.folder) if one != parent.pid]

    processes = wait_for(lambda: len(found := children()) > 3 and found, 200)
    parent.kill()
    parent.wait()
    wait_for(lambda: not alive(processes))


def test_one_run_at_a_time_measures_and_one_that_waits_can_be_stopped(tmp_path: Path) -> None:
    stop = threading.Event()
    thread, *_ = begun(tmp_path, stop.is_set)
    said: list[str] = []
    ends_s = time.monotonic() + 1.0
    other = checkout(tmp_path / "other", {"README.md": "nothing"})
    with pytest.raises(JobStopped):
        runs_in(tmp_path).optimize(other, Wish(), lambda: time.monotonic() > ends_s, said.append)
    assert said == [child_runs.WAITING]
    stop.set()
    thread.join(60)


def test_patches_that_stand_on_each_other_give_each_file_before_and_after_all(
    tmp_path: Path,
) -> None:
    code = checkout(tmp_path, {"a.py": "one\ntwo\n"})
    first = unified_patch({"a.py": (b"one\ntwo\n", b"1\ntwo\n")})
    second = unified_patch({"a.py": (b"1\ntwo\n", b"1\n2\n")})
    assert changes(code, [first, second]) == {"a.py": (b"one\ntwo\n", b"1\n2\n")}


def test_a_patch_through_a_link_out_of_the_checkout_is_refused(tmp_path: Path) -> None:
    code = checkout(tmp_path, {"b.py": "x\n"})
    (tmp_path / "secret").write_text("one\n")
    (code.folder / "a.py").symlink_to(tmp_path / "secret")
    with pytest.raises(RunFailed):
        changes(code, [unified_patch({"a.py": (b"one\n", b"two\n")})])
