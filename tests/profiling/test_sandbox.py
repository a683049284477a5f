"""What the sandbox promises, tried at every level that works on this machine."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from perfbot.profiling import reach, sandbox, seccomp
from perfbot.profiling.inside import confine, keeper
from perfbot.profiling.sandbox import (
    Command,
    Completed,
    Ending,
    Level,
    Limits,
    Sandbox,
    SandboxError,
)

PYTHON = str(Path(sys.executable).resolve())
HOME_OF_PYTHON = Path(sys.base_prefix).resolve()
MEBI = 1 << 20
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes owners and uids")


def sandbox_or_skip(level: Level) -> Sandbox:
    try:
        return sandbox.at(level)
    except SandboxError as error:
        pytest.skip(str(error))


@pytest.fixture(params=list(Level))
def box(request: pytest.FixtureRequest) -> Sandbox:
    return sandbox_or_skip(request.param)


@pytest.fixture(params=[Level.BUBBLEWRAP, Level.LANDLOCK])
def confined(request: pytest.FixtureRequest) -> Sandbox:
    return sandbox_or_skip(request.param)


def python(code: str, *arguments: str) -> Command:
    """Return a command that runs a Python program with nothing granted."""
    return Command(
        argv=(PYTHON, "-I", "-S", "-c", textwrap.dedent(code), *arguments),
        cwd=Path("/usr"),
        readable=(HOME_OF_PYTHON,),
        limits=Limits(wall_s=60),
    )


def limited(command: Command, **limits: int) -> Command:
    return replace(command, limits=replace(command.limits, **limits))


def output(completed: Completed) -> str:
    assert completed.returncode == 0, completed.stderr.decode()
    return completed.stdout.decode()


HEART = """
import os, sys, time

def beat(path):
    for _ in range(1000):
        with open(path, "a") as file:
            file.write(".")
        time.sleep(0.01)
"""


def beats(heart: Path) -> bool:
    """Say whether a process is still writing to this file."""
    before = heart.stat().st_size
    time.sleep(0.1)
    return heart.stat().st_size != before


def wait_for(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline_s, "it never came"
        time.sleep(0.01)


# --- what goes in and what comes out -----------------------------------------------------------


def test_all_streams_are_carried_at_once(box: Sandbox) -> None:
    """More than any pipe holds, in both directions: whoever waited for one would hang."""
    code = """
        import os, sys
        results = int(os.environ["PERFBOT_RESULTS_FD"])
        for _ in range(20):
            for fd in (2, results, 1):
                os.write(fd, b"x" * 65536)
        sys.stdout.write(str(len(sys.stdin.buffer.read())))
    """
    completed = box.run(replace(python(code), stdin=b"y" * 2 * MEBI))
    assert completed.returncode == 0
    assert completed.ending is Ending.EXITED
    assert completed.stdout == b"x" * 20 * 65536 + str(2 * MEBI).encode()
    assert completed.results == completed.stderr == b"x" * 20 * 65536


def test_input_that_is_not_read_does_no_harm(box: Sandbox) -> None:
    assert box.run(replace(python("pass"), stdin=b"y" * MEBI)).returncode == 0


def test_the_exit_status_is_reported(box: Sandbox) -> None:
    assert box.run(python("raise SystemExit(7)")).returncode == 7


def test_a_signal_is_a_negative_status(box: Sandbox) -> None:
    completed = box.run(python("import os, signal; os.kill(os.getpid(), signal.SIGTERM)"))
    assert completed.returncode == -signal.SIGTERM
    assert completed.ending is Ending.EXITED


def test_processor_time_includes_children(box: Sandbox) -> None:
    code = """
        import os, time
        if os.fork() == 0:
            while time.process_time() < 0.2: pass
            os._exit(0)
        os.wait()
    """
    assert box.run(python(code)).cpu_s > 0.2


def test_runs_do_not_disturb_each_other(box: Sandbox) -> None:
    with ThreadPoolExecutor(6) as pool:
        commands = [python(f"print({number})") for number in range(12)]
        said = [output(completed) for completed in pool.map(box.run, commands)]
    assert said == [f"{number}\n" for number in range(12)]


def test_ordinary_programs_work(box: Sandbox) -> None:
    """Threads, subprocesses, event loops, temporary files: what test-suites do."""
    code = """
        import asyncio, os, shutil, subprocess, sys, tempfile, threading
        asyncio.run(asyncio.sleep(0))
        thread = threading.Thread(target=print, args=("thread",)); thread.start(); thread.join()
        print(subprocess.run([sys.executable, "-I", "-S", "-c", "print('child')"],
                             capture_output=True, text=True, check=True).stdout.strip())
        with tempfile.TemporaryDirectory() as folder:
            one = os.path.join(folder, "one")
            with open(one, "w") as file: file.write("text")
            shutil.copy(one, one + "2")
            os.mkdir(os.path.join(folder, "inner"))
            os.rename(one, os.path.join(folder, "inner", "moved"))
            print(sorted(os.listdir(folder)))
    """
    assert output(box.run(python(code))) == "thread\nchild\n['inner', 'one2']\n"


# --- what a command starts with ----------------------------------------------------------------


def test_nothing_of_the_environment_is_inherited(box: Sandbox) -> None:
    code = """
        import os, json
        print(json.dumps(dict(os.environ)))
    """
    os.putenv("PERFBOT_PLANTED", "secret")  # what a process inherits, os.environ or not
    try:
        found = json.loads(
            output(box.run(replace(python(code), environment={"PYTHONHASHSEED": "0"})))
        )
    finally:
        os.unsetenv("PERFBOT_PLANTED")
    assert found["PYTHONHASHSEED"] == "0"
    assert found["LANG"] == "C.UTF-8"
    assert set(found) <= {
        *("PATH", "HOME", "TMPDIR", "LANG", "USER", "LOGNAME", "PWD", "LC_CTYPE"),
        *("PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PERFBOT_RESULTS_FD"),
    }


def test_home_and_temporary_folder_are_private_and_removed(box: Sandbox) -> None:
    code = """
        import os, tempfile
        open(os.path.expanduser("~/kept"), "w").close()
        print(os.environ["HOME"], tempfile.mkdtemp())
    """
    home, temporary = map(Path, output(box.run(python(code))).split())
    assert home.is_relative_to(tempfile.gettempdir())
    assert not home.exists()
    assert not temporary.exists()


def test_no_open_file_is_inherited(box: Sandbox, tmp_path: Path) -> None:
    code = """
        import os
        def is_open(fd):
            try: return bool(os.fstat(fd))
            except OSError: return False
        expected = {0, 1, 2, int(os.environ["PERFBOT_RESULTS_FD"])}
        print({fd for fd in range(1024) if is_open(fd)} - expected)
    """
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        assert output(box.run(python(code))) == "set()\n"


def test_a_signal_ignored_by_us_is_not_ignored_by_the_command(box: Sandbox) -> None:
    """Python ignores SIGPIPE; a child that inherited this would see errors instead of ending."""
    completed = box.run(replace(python(""), argv=("/bin/sh", "-c", "kill -PIPE $$")))
    assert completed.returncode == -signal.SIGPIPE


# --- limits ------------------------------------------------------------------------------------


def test_a_command_that_never_ends_is_ended(box: Sandbox) -> None:
    completed = box.run(limited(python("import time; time.sleep(60)"), wall_s=1))
    assert completed.ending is Ending.TIMED_OUT
    assert completed.returncode == -signal.SIGKILL


def test_processor_time_is_limited(box: Sandbox) -> None:
    assert box.run(limited(python("while True: pass"), cpu_s=1)).ending is Ending.TIMED_OUT


def test_memory_is_limited(box: Sandbox) -> None:
    code = """
        import time
        kept = []
        while True:
            kept.append(bytearray(b"x" * 8 * 1024 * 1024)); time.sleep(0.005)
    """
    completed = box.run(limited(python(code), memory_bytes=128 * MEBI))
    assert completed.ending is Ending.OUT_OF_MEMORY


def test_memory_is_limited_for_all_processes_together(box: Sandbox) -> None:
    code = """
        import os, time
        for _ in range(4):
            if os.fork() == 0:
                kept = bytearray(b"x" * 48 * 1024 * 1024); time.sleep(60)
        time.sleep(60)
    """
    completed = box.run(limited(python(code), memory_bytes=128 * MEBI))
    assert completed.ending is Ending.OUT_OF_MEMORY


def test_memory_shared_by_forked_processes_counts_once(box: Sandbox) -> None:
    code = """
        import os, time
        kept = bytearray(b"x" * 64 * 1024 * 1024)
        for _ in range(4):
            if os.fork() == 0:
                time.sleep(0.3); os._exit(0)
        for _ in range(4): os.wait()
    """
    completed = box.run(limited(python(code), memory_bytes=160 * MEBI))
    assert completed.ending is Ending.EXITED


def test_one_huge_allocation_fails_in_the_command(box: Sandbox) -> None:
    completed = box.run(limited(python("bytearray(1 << 40)"), memory_bytes=256 * MEBI))
    assert completed.ending is Ending.EXITED
    assert b"MemoryError" in completed.stderr


@pytest.mark.parametrize("stream", ["1", "2", "int(os.environ['PERFBOT_RESULTS_FD'])"])
def test_endless_output_is_ended_and_cut(box: Sandbox, stream: str) -> None:
    endless = python(f"import os\nwhile True: os.write({stream}, b'x' * 65536)")
    completed = box.run(limited(endless, output_bytes=MEBI, results_bytes=MEBI))
    assert completed.ending is Ending.TOO_MUCH_OUTPUT
    assert {len(completed.stdout), len(completed.stderr), len(completed.results)} == {0, MEBI}


def test_a_fork_bomb_is_ended(box: Sandbox) -> None:
    """By the keeper, or by the kernel before the keeper looks: then no fork succeeds any more."""
    completed = box.run(limited(python("import os\nwhile True: os.fork()"), processes=24))
    refused = completed.ending is Ending.EXITED and b"BlockingIOError" in completed.stderr
    assert refused or completed.ending is Ending.TOO_MANY_PROCESSES


def test_threads_are_limited(box: Sandbox) -> None:
    """By the kernel, so that the command gets an error, or by the keeper."""
    code = """
        import threading, time
        for _ in range(500):
            threading.Thread(target=time.sleep, args=(2,), daemon=True).start()
        time.sleep(2)
    """
    completed = box.run(limited(python(code), processes=8))
    refused = b"can't start new thread" in completed.stderr
    assert refused or completed.ending is Ending.TOO_MANY_PROCESSES


def test_the_size_of_a_file_is_limited(box: Sandbox) -> None:
    code = """
        import os
        with open(os.path.expanduser("~/big"), "wb", buffering=0) as file:
            for _ in range(3): file.write(b"x" * 1024 * 1024)
    """
    completed = box.run(limited(python(code), file_bytes=MEBI))
    assert b"File too large" in completed.stderr


# --- nothing is left running -------------------------------------------------------------------

DAEMON = (
    HEART
    + """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        beat(sys.argv[1])
    os._exit(0)
os.wait()
while not os.path.exists(sys.argv[1]): time.sleep(0.01)
"""
)
LASTING = DAEMON + "time.sleep(60)"


def heart_in(folder: Path) -> Path:
    writable = folder / "writable"
    writable.mkdir()
    return writable / "heart"


def beating(code: str, heart: Path) -> Command:
    return replace(python(code, str(heart)), writable=(heart.parent,))


def test_a_daemon_does_not_outlive_its_command(box: Sandbox, tmp_path: Path) -> None:
    heart = heart_in(tmp_path)
    assert box.run(beating(DAEMON, heart)).returncode == 0
    assert not beats(heart)


def test_a_daemon_does_not_outlive_a_time_out(box: Sandbox, tmp_path: Path) -> None:
    heart = heart_in(tmp_path)
    assert box.run(limited(beating(LASTING, heart), wall_s=2)).ending is Ending.TIMED_OUT
    assert not beats(heart)


def test_an_interrupt_leaves_nothing_running(box: Sandbox, tmp_path: Path) -> None:
    heart = heart_in(tmp_path)

    def interrupt() -> None:
        wait_for(heart.exists)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        box.run(beating(LASTING, heart))
    thread.join()
    assert not beats(heart)


def test_nothing_is_left_when_perfbot_is_killed(box: Sandbox, tmp_path: Path) -> None:
    heart = heart_in(tmp_path)
    program = f"""
from pathlib import Path
from perfbot.profiling.sandbox import Command, Level, at
at(Level({str(box.level)!r})).run(Command(
    argv=({PYTHON!r}, "-I", "-S", "-c", {LASTING!r}, {str(heart)!r}),
    cwd=Path("/usr"), readable=(Path({str(HOME_OF_PYTHON)!r}),), writable=(Path({str(heart.parent)!r}),),
))
"""
    (temporary := tmp_path / "temporary").mkdir()
    for folder in (tmp_path, temporary):
        folder.chmod(0o755)
    environment = {"TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(sys.path)}
    perfbot = subprocess.Popen([sys.executable, "-c", program], env=environment)
    try:
        wait_for(heart.exists)
    finally:
        perfbot.kill()
        perfbot.wait()
    wait_for(lambda: not beats(heart))
    wait_for(lambda: list(temporary.iterdir()) == [])


@pytest.mark.parametrize("level", [Level.LANDLOCK, Level.NONE])
def test_a_command_does_not_outlive_its_keeper(level: Level, tmp_path: Path) -> None:
    """Say, when the kernel ran out of memory and chose the keeper."""
    box, heart = sandbox_or_skip(level), heart_in(tmp_path)
    code = f"{HEART}\nopen(sys.argv[1] + '.keeper', 'w').write(f'{{os.getppid()}}.')\nbeat(sys.argv[1])"
    note = heart.with_suffix(".keeper")

    def kill_keeper() -> None:
        wait_for(heart.exists)
        os.kill(int(note.read_text().rstrip(".")), signal.SIGKILL)

    thread = threading.Thread(target=kill_keeper)
    thread.start()
    with pytest.raises(SandboxError, match="keeper was killed"):
        box.run(beating(code, heart))
    thread.join()
    wait_for(lambda: not beats(heart))


# --- paths -------------------------------------------------------------------------------------


def test_granted_paths_can_be_used(box: Sandbox, tmp_path: Path) -> None:
    for name in ("readable", "writable"):
        (tmp_path / name).mkdir()
    (tmp_path / "readable" / "file").write_text("content")
    code = """
        import sys
        with open(sys.argv[1] + "/readable/file") as file: text = file.read()
        with open(sys.argv[1] + "/writable/file", "w") as file: file.write(text + "!")
    """
    command = replace(
        python(code, str(tmp_path)),
        cwd=tmp_path / "writable",
        readable=(HOME_OF_PYTHON, tmp_path / "readable"),
        writable=(tmp_path / "writable",),
    )
    output(box.run(command))
    assert (tmp_path / "writable" / "file").read_text() == "content!"


def test_a_folder_inside_a_readable_one_can_be_writable(confined: Sandbox, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    code = """
        import sys
        open(sys.argv[1] + "/inner/file", "w").close()
        try: open(sys.argv[1] + "/file", "w").close()
        except OSError: print("refused")
    """
    command = replace(
        python(code, str(tmp_path)), readable=(HOME_OF_PYTHON, tmp_path), writable=(inner,)
    )
    assert output(confined.run(command)) == "refused\n"
    assert (inner / "file").exists()
    assert not (tmp_path / "file").exists()


@needs_root
def test_what_is_granted_can_be_read_whatever_its_mode(confined: Sandbox, tmp_path: Path) -> None:
    """A command of root's becomes another user, who could not pass a folder of mode 700."""
    (tmp_path / "closed" / "inner").mkdir(parents=True)
    (tmp_path / "closed" / "inner" / "file").write_text("content")
    (tmp_path / "closed" / "inner" / "file").chmod(0o600)
    (tmp_path / "closed").chmod(0o700)
    inner = tmp_path / "closed" / "inner"
    command = replace(python("print(open('file').read())"), cwd=inner)
    assert output(confined.run(replace(command, readable=(HOME_OF_PYTHON, inner)))) == "content\n"


def test_a_path_through_a_link_works_by_both_names(confined: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_text("content")
    (tmp_path / "link").symlink_to("real")
    code = "import sys; print([open(name + '/file').read() for name in sys.argv[1:]])"
    command = replace(
        python(code, str(tmp_path / "link"), str(tmp_path / "real")),
        readable=(HOME_OF_PYTHON, tmp_path / "link"),
    )
    assert output(confined.run(command)) == "['content', 'content']\n"


def test_what_is_readable_cannot_be_written_truncated_or_removed(
    confined: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("content")
    file.chmod(0o666)
    tmp_path.chmod(0o777)
    code = """
        import os, sys
        path = sys.argv[1]
        for attempt in (
            lambda: open(path, "w"), lambda: os.truncate(path, 0), lambda: os.unlink(path),
            lambda: os.open(path, os.O_RDONLY | os.O_TRUNC), lambda: os.rename(path, path + "2"),
            lambda: os.link(path, os.path.expanduser("~/x")),
        ):
            try: attempt()
            except OSError: continue
            print("it worked")
    """
    command = replace(python(code, str(file)), readable=(HOME_OF_PYTHON, tmp_path))
    assert output(confined.run(command)) == ""
    assert file.read_text() == "content"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"readable": (Path("/no/such/folder"),)}, "/no/such/folder does not exist"),
        ({"writable": (Path("relative"),)}, "relative is not an absolute path"),
        ({"cwd": Path("/no/such/folder")}, "/no/such/folder is not a folder"),
        ({"argv": ("no-such-program",)}, "no-such-program: there is no such program"),
        ({"argv": ()}, "an empty command: there is no such program"),
        ({"writable": (Path("/usr"),)}, "/usr cannot be made writable"),
        ({"writable": (Path(tempfile.gettempdir()),)}, "cannot be made writable"),
    ],
)
def test_what_cannot_be_granted_is_said(
    box: Sandbox, change: dict[str, object], reason: str
) -> None:
    with pytest.raises(SandboxError, match=reason):
        box.run(replace(python("pass"), **change))


def test_read_only_inside_writable_is_refused_everywhere(box: Sandbox, tmp_path: Path) -> None:
    """Landlock cannot take a right away further down, and a promise holds at every level."""
    inner = tmp_path / "inner"
    inner.mkdir()
    with pytest.raises(SandboxError, match="is to be read only but lies in"):
        box.run(replace(python("pass"), readable=(inner,), writable=(tmp_path,)))


@needs_root
def test_handing_over_a_folder_touches_nothing_outside(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    outside.mkdir()
    (outside / "file").write_text("")
    (folder / "own").write_text("")
    (folder / "inner" / "link").symlink_to(outside)
    (folder / "inner" / "second name").hardlink_to(outside / "file")
    reach.give((folder,), 65534)
    owners = {path: path.stat().st_uid for path in (folder, folder / "own", folder / "inner")}
    assert set(owners.values()) == {65534}
    assert outside.stat().st_uid == (outside / "file").stat().st_uid == 0


# --- confinement -------------------------------------------------------------------------------

CALL = """
import ctypes, errno, json, sys
libc = ctypes.CDLL(None, use_errno=True)
def tried(number):
    ctypes.set_errno(0)
    libc.syscall(number, *[ctypes.c_long(-1)] * 5)
    return errno.errorcode.get(ctypes.get_errno(), "0")
print(json.dumps({name: tried(number) for name, number in json.loads(sys.argv[1]).items()}))
"""


def test_dangerous_system_calls_are_refused(confined: Sandbox) -> None:
    """The arguments are nonsense, so that "not permitted" can only come from the filter."""
    column = seccomp._ARCHITECTURES[os.uname().machine].column
    numbers = {
        name: pair[column]
        for name, pair in (seccomp._REFUSED | seccomp._UNKNOWN).items()
        if pair[column] >= 0
    }
    answers = json.loads(output(confined.run(python(CALL, json.dumps(numbers)))))
    assert {answers[name] for name in seccomp._REFUSED if name in answers} == {"EPERM"}
    assert {answers[name] for name in seccomp._UNKNOWN} == {"ENOSYS"}


def test_new_namespaces_are_refused(confined: Sandbox) -> None:
    code = """
        import ctypes, errno, platform, sys
        clone = {"x86_64": 56, "aarch64": 220}[platform.machine()]
        libc = ctypes.CDLL(None, use_errno=True)
        for flag in (0x10000000, 0x40000000, 0x00020000, 0x20000000):
            assert libc.syscall(clone, ctypes.c_long(flag | 17), None, None, None, None) == -1
            assert ctypes.get_errno() == errno.EPERM
    """
    output(confined.run(python(code)))


def test_the_network_is_there_when_asked_for(confined: Sandbox) -> None:
    """For installing dependencies: sockets, and the files by which names are looked up."""
    code = """
        import socket
        socket.socket(socket.AF_INET).close(); socket.socket(socket.AF_INET6).close()
        for family in (socket.AF_UNIX, socket.AF_NETLINK):
            try: socket.socket(family)
            except PermissionError: print("refused")
        open("/etc/hosts").close()
    """
    assert output(confined.run(replace(python(code), network=True))) == "refused\nrefused\n"


def test_accounts_and_configuration_of_the_system_are_out_of_sight(confined: Sandbox) -> None:
    code = """
        import os
        for path in ("/etc/passwd", "/etc/shadow", "/etc/hosts", "/root/.bashrc", "/dev/mem",
                     "/etc/ssl/private", "/var", "/home", "/run"):
            try: os.listdir(path) if os.path.isdir(path) else open(path).close()
            except OSError: continue
            print(path)
    """
    assert output(confined.run(python(code))) == ""


def test_settings_of_the_kernel_cannot_be_written(confined: Sandbox) -> None:
    """Under bubblewrap a root's process is still root to files: those must be mounted read-only."""
    code = """
        import os
        for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/irq", "/sys/kernel",
                     "/sys/devices/system/cpu/cpu0/uevent", "/proc/1/oom_score_adj", "/usr/x", "/x", "/dev/x"):
            try:
                os.open(path, os.O_WRONLY | os.O_CREAT)
            except OSError:
                continue
            print(path)
    """
    assert output(confined.run(python(code))) in ("", "/proc/1/oom_score_adj\n")


def test_locks_between_processes_work_under_bubblewrap(tmp_path: Path) -> None:
    """Its /dev/shm is its own, and of limited size."""
    code = """
        import multiprocessing, os
        print(multiprocessing.Lock().acquire())
        try:
            with open("/dev/shm/big", "wb") as file:
                for _ in range(200): file.write(b"x" * 1024 * 1024)
        except OSError as error:
            print(error.strerror)
    """
    box = sandbox_or_skip(Level.BUBBLEWRAP)
    if sandbox._bubblewrap_version() < (0, 7):
        pytest.skip("this bubblewrap cannot limit the size of a tmpfs")
    completed = box.run(limited(python(code), memory_bytes=64 * MEBI))
    assert output(completed) == "True\nNo space left on device\n"


def test_no_privilege_is_left(confined: Sandbox) -> None:
    """A set-uid program gives none, and all that is kept of root is passing closed folders."""
    code = """
        import ctypes, os, struct
        libc = ctypes.CDLL(None, use_errno=True)
        header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0), 8)
        data = ctypes.create_string_buffer(24)
        assert libc.capget(header, data) == 0
        print(libc.prctl(39, 0, 0, 0, 0), os.getuid() != 0, struct.unpack("=6I", data.raw)[0] & ~4)
    """
    assert output(confined.run(python(code))) == "1 True 0\n"


@pytest.fixture(params=[1, 2, 3, 4, 5])
def older_landlock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The Landlock level as on an older kernel, for perfbot and for the keeper."""
    box = sandbox_or_skip(Level.LANDLOCK)
    if confine.landlock_version() < request.param:
        pytest.skip(f"the kernel's Landlock is older than version {request.param}")
    older = f"\nlandlock_version = lambda: {request.param}\n"
    source = {keeper: Path(keeper.__file__).read_text()}
    source[confine] = Path(confine.__file__).read_text() + older
    monkeypatch.setattr(sandbox, "_compiled", lambda module: compile(source[module], "", "exec"))
    monkeypatch.setattr(confine, "landlock_version", lambda: request.param)
    return box


def test_older_kernels_keep_the_promises(older_landlock: Sandbox, tmp_path: Path) -> None:
    """No scoped signals there: other means must protect the keeper and end everything."""
    test_what_is_readable_cannot_be_written_truncated_or_removed(older_landlock, tmp_path)
    heart = heart_in(tmp_path)
    assert older_landlock.run(beating(DAEMON, heart)).returncode == 0
    assert not beats(heart)
    test_a_fork_bomb_is_ended(older_landlock)
    killing = """
        import os, signal
        for pid in (os.getppid(), -os.getppid(), -1):
            try: os.kill(pid, signal.SIGKILL)
            except PermissionError: print("refused")
    """
    assert output(older_landlock.run(python(killing))) == "refused\n" * 3


# --- choosing a level --------------------------------------------------------------------------


def test_trust_means_no_confinement() -> None:
    assert sandbox.strongest(trust=True).level is Level.NONE


def test_the_strongest_level_that_works_is_taken(confined: Sandbox) -> None:
    assert sandbox.strongest().level in (Level.BUBBLEWRAP, confined.level)


def test_without_a_safe_level_perfbot_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_why_not", lambda level: f"no {level} here")
    with pytest.raises(SandboxError, match=r"no landlock here.*--trust-repository"):
        sandbox.strongest()


@pytest.fixture
def _as_if_bubblewrap_failed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    sandbox._why_not.cache_clear()
    monkeypatch.setattr(sandbox, "_bubblewrap", lambda: "/bin/false")
    yield
    sandbox._why_not.cache_clear()


@pytest.mark.usefixtures("_as_if_bubblewrap_failed")
def test_a_bubblewrap_that_does_not_work_is_not_chosen() -> None:
    """As in a container that forbids namespaces, where it is installed but cannot start."""
    with pytest.raises(SandboxError, match="bubblewrap"):
        sandbox.at(Level.BUBBLEWRAP)


# --- the filter --------------------------------------------------------------------------------


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_a_filter_fits_the_kernel(machine: str) -> None:
    """At most 4096 instructions of eight bytes, and it ends by letting the rest through."""
    rules = seccomp.compiled(
        machine=machine, modes=False, truncation=False, newer_than=7, unkillable=(7,)
    )
    assert len(rules) % 8 == 0
    assert len(rules) // 8 <= 4096
    assert rules.endswith((0x7FFF0000).to_bytes(4, "little"))


def test_an_unknown_machine_has_no_filter() -> None:
    with pytest.raises(seccomp.UnknownArchitectureError):
        seccomp.compiled(machine="s390x")
