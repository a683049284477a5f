"""The only door to other people's code: every process of a target is started by ``Sandbox.run``.

Three levels. *bubblewrap*: own mount, process, network and IPC namespaces. *landlock*: Landlock
for files, seccomp for the rest, an unprivileged uid where perfbot is root; works in an ordinary
container. *none*: the user trusts the repository.

Covered at every level: an environment without anything of the caller's, a private HOME and TMPDIR
that are removed afterwards, limits on time, memory, processes, file size and output, and nothing
left running, whatever ends the run. Covered at the confined levels: no network, no reading or
writing outside the paths named by the command, no way to reach other processes.
Not covered: a hole in the kernel, the total size of files written, and what can be told from
timing. At the Landlock level names and sizes of files outside can be seen, though not their
content; there is no /proc, no /dev/shm (so no ``multiprocessing`` locks) and no Unix socket but
pairs for streams, and where perfbot is not root, changes of files' modes and times silently do nothing.
``inside/confine.py`` does the confining, ``inside/keeper.py`` the watching; they explain how.
"""

import errno
import marshal
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Protocol

from perfbot.profiling import reach, seccomp
from perfbot.profiling.inside import confine, keeper
from perfbot.profiling.streams import Conversation, Pipe, Pipes

_NO_SANDBOX = (
    "no safe sandbox works here ({reasons}). Install bubblewrap on a system that allows user "
    "namespaces, or use a Linux kernel (5.13 or newer) with Landlock; if you trust this "
    "repository's code as your own, pass --trust-repository"
)
_CANNOT_START = "the sandbox ({level}) could not start {program}: {reason}"
_MEBI, _GIBI = 1 << 20, 1 << 30
_PATH = "/usr/local/bin:/usr/bin:/bin"
_NOBODY = 65534
# Options of util-linux' setpriv(1). What may be read is for the mounts to say, not for file modes,
# just as it is for Landlock: see confine.py.
_BECOME_NOBODY = (
    f"--reuid {_NOBODY} --regid {_NOBODY} --clear-groups "
    "--inh-caps=-all,+dac_read_search --ambient-caps=+dac_read_search"
).split()
_KEEPER_SLACK_S = 30.0  # how much later than the command's own time limit the keeper must report
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_TASKS_PER_PROCESS = 8  # threads count as tasks: room for the pools of numeric libraries
# What the keeper's interpreter runs: its two modules, without a search for them or a name for them.
_LAUNCH = """
import marshal, sys
with open(int(sys.argv[1]), "rb") as file:
    confining, keeping, task, plan = marshal.load(file)
confine, keeper = {"__name__": "confine"}, {"__name__": "keeper"}
exec(confining, confine)
exec(keeping, keeper)
scoped = confine["become_keeper"](plan["level"])
keeper["main"](task, scoped, lambda *fds, **how: confine["become_command"](plan, *fds, **how))
"""


class SandboxError(Exception):
    """No safe sandbox is here, or it could not start a command; the message says what to do."""


class Level(StrEnum):
    """How strongly a command is confined."""

    BUBBLEWRAP = "bubblewrap"
    LANDLOCK = "landlock"
    NONE = "none"


class Ending(StrEnum):
    """Why a command ended; all but ``EXITED`` were ended by the sandbox."""

    EXITED = "exited"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    TOO_MANY_PROCESSES = "too_many_processes"
    TOO_MUCH_OUTPUT = "too_much_output"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one command may use.

    ``cpu_s`` and ``file_bytes`` hold for each process and file, ``memory_bytes`` (resident) and
    ``processes`` for all together, ``output_bytes`` for each of standard output and error.
    """

    wall_s: float = 600
    cpu_s: int = 600
    memory_bytes: int = 4 * _GIBI
    processes: int = 128
    file_bytes: int = 512 * _MEBI
    output_bytes: int = 32 * _MEBI
    results_bytes: int = 256 * _MEBI


@dataclass(frozen=True, slots=True)
class Command:
    """A command and the paths it needs: absolute, existing files or folders.

    Besides ``readable`` and ``writable`` it sees the system's programs and libraries and its own
    private HOME and TMPDIR. A folder named as writable is handed over: where perfbot is root, it
    and all in it change their owner. The command may write results to the open file whose number
    is in its environment as ``PERFBOT_RESULTS_FD``. ``network`` is for installing dependencies.
    ``watched_by`` is a trusted program, such as ``perf stat``, that starts the sandbox with all that
    is in it from outside; its output is appended to the command's standard error.
    """

    argv: tuple[str, ...]
    cwd: Path
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""
    limits: Limits = Limits()
    network: bool = False
    watched_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Completed:
    """What came of a command. Everything in it was written by the target: it is not to be trusted.

    ``returncode`` is negative for a signal's number. Streams are cut at their limits.
    ``cpu_s`` is user and system time of all its processes.
    """

    returncode: int
    stdout: bytes
    stderr: bytes
    results: bytes
    ending: Ending
    wall_s: float
    cpu_s: float


class Sandbox(Protocol):
    """Runs commands; may be used from several threads at once."""

    @property
    def level(self) -> Level:
        """How strongly commands are confined."""

    def run(self, command: Command) -> Completed:
        """Run a command to its end or limit; afterwards none of its processes is left.

        Raises ``SandboxError`` when it could not be confined or started, and ``OSError`` when the
        disk is full. An exception that arrives meanwhile, such as ``KeyboardInterrupt``, ends the command too.
        """


def strongest(*, trust: bool = False) -> Sandbox:
    """Return the strongest sandbox that works here, having tried it; with ``trust`` none at all.

    Raises ``SandboxError`` when neither bubblewrap nor Landlock works.
    """
    if trust:
        return ProcessSandbox(Level.NONE)
    reasons = []
    for level in (Level.BUBBLEWRAP, Level.LANDLOCK):
        if (reason := _why_not(level)) is None:
            return ProcessSandbox(level)
        reasons.append(f"{level}: {reason}")
    raise SandboxError(_NO_SANDBOX.format(reasons="; ".join(reasons)))


def at(level: Level) -> Sandbox:
    """Return the sandbox of one level; raises ``SandboxError`` where it does not work."""
    if (reason := _why_not(level)) is not None:
        raise SandboxError(f"the sandbox level {level} does not work here: {reason}")
    return ProcessSandbox(level)


@cache
def _why_not(level: Level) -> str | None:
    """Start a harmless command to learn whether a level works; return why it does not."""
    if level is Level.NONE:
        return None
    if level is Level.BUBBLEWRAP and _bubblewrap() is None:
        return "bubblewrap is not installed"
    if level is Level.LANDLOCK and not confine.landlock_version():
        return "this kernel has no Landlock, or it is switched off"
    program = shutil.which("true", path=_PATH)
    if program is None:
        return f"there is no program 'true' in {_PATH} to try it with"
    try:
        completed = ProcessSandbox(level).run(
            Command((program,), Path("/usr"), limits=Limits(wall_s=20))
        )
    except SandboxError as error:
        return str(error)
    return None if completed.returncode == 0 else f"'true' ended with {completed.returncode}"


@cache
def _bubblewrap() -> str | None:
    return shutil.which("bwrap", path=_PATH)


@cache
def _bubblewrap_version() -> tuple[int, ...]:
    told = subprocess.run([_bubblewrap() or "bwrap", "--version"], env={}, capture_output=True)
    numbers = told.stdout.decode(errors="replace").split()[-1:]
    return tuple(int(part) for number in numbers for part in number.split(".") if part.isdigit())


@dataclass(frozen=True, slots=True)
class ProcessSandbox:
    """The sandbox of one level; made by ``strongest``."""

    level: Level

    def run(self, command: Command) -> Completed:
        """See ``Sandbox.run``."""
        if trouble := reach.problem(command.readable, command.writable):
            raise self._refusal(command, trouble)
        if not command.cwd.is_dir():
            raise self._refusal(command, f"{command.cwd} is not a folder")
        if not _is_there(command):
            raise self._refusal(command, "there is no such program")
        try:
            with _scratch() as scratch:
                self._hand_over((*command.writable, scratch))
                return self._watched(command, scratch)
        except (OSError, seccomp.UnknownArchitectureError) as error:
            if isinstance(error, OSError) and error.errno in _NO_ROOM:
                raise  # says nothing of the sandbox: the folder for temporary files is full
            raise self._refusal(command, str(error)) from error

    def _refusal(self, command: Command, reason: str) -> SandboxError:
        program = command.argv[0] if command.argv else "an empty command"
        return SandboxError(_CANNOT_START.format(level=self.level, program=program, reason=reason))

    def _hand_over(self, folders: tuple[Path, ...]) -> None:
        if os.geteuid() == 0 and self.level is not Level.NONE:
            reach.give(folders, _NOBODY)

    def _watched(self, command: Command, scratch: Path) -> Completed:
        with ExitStack() as stack:
            pipes = Pipes(*(Pipe.opened(stack) for _ in range(3)))
            work = (self._task(command, scratch, pipes), self._plan(command, scratch, pipes))
            with _keeper(*work, pipes, command) as process:
                conversation = _conversation(process, pipes, command)
                conversation.hold()
        return self._completed(command, conversation)

    def _completed(self, command: Command, conversation: Conversation) -> Completed:
        report = bytes(conversation.status.content).decode(errors="replace")
        ending, _, rest = report.partition(" ")
        stderr = bytes(conversation.stderr.content)
        if ending in ("", "error"):
            reason = rest or "its keeper was killed"
            said = stderr.decode(errors="replace").strip()
            raise self._refusal(command, f"{reason} ({said})" if said else reason)
        code, wall_s, cpu_s = rest.split()
        returncode = int(code)
        if self.level is Level.BUBBLEWRAP and 128 < returncode <= 192:
            returncode = 128 - returncode  # bubblewrap reports signals as a shell does
        if returncode == -signal.SIGXCPU:  # RLIMIT_CPU
            ending = Ending.TIMED_OUT
        return Completed(
            returncode=returncode,
            stdout=bytes(conversation.stdout.content),
            stderr=stderr,
            results=bytes(conversation.results.content),
            ending=Ending.TOO_MUCH_OUTPUT if conversation.overflown else Ending(ending),
            wall_s=float(wall_s),
            cpu_s=float(cpu_s),
        )

    def _task(self, command: Command, scratch: Path, pipes: Pipes) -> "keeper.Task":
        limits = command.limits
        return {
            "bubblewrapped": self.level is Level.BUBBLEWRAP,
            "scratch": str(scratch),
            "results_fd": pipes.results.writer.fileno(),
            "status_fd": pipes.status.writer.fileno(),
            "lifeline_fd": pipes.lifeline.reader.fileno(),
            "wall_s": float(limits.wall_s),
            "memory_bytes": limits.memory_bytes,
            "processes": limits.processes,
            "tasks": limits.processes * _TASKS_PER_PROCESS,
        }

    def _plan(self, command: Command, scratch: Path, pipes: Pipes) -> "confine.Plan":
        environment = _environment(command, scratch, pipes.results.writer.fileno())
        argv = list(command.argv)
        if self.level is Level.BUBBLEWRAP:
            argv, environment = self._bubblewrapped(command, scratch, environment), {}
        landlocked = self.level is Level.LANDLOCK
        names = reach.NAMES if command.network else ()
        readable = (*reach.SYSTEM, *reach.MACHINE, *names, *command.readable)
        limits = command.limits
        return {
            "level": str(self.level),
            "argv": argv,
            "cwd": str(command.cwd),
            "environment": environment,
            "readable": reach.existing(readable) if landlocked else [],
            "writable": reach.existing((*command.writable, scratch)) if landlocked else [],
            "devices": reach.existing(reach.DEVICES) if landlocked else [],
            "filter": self._filter(command),
            "uid": _NOBODY if landlocked and os.geteuid() == 0 else -1,
            "network": command.network,
            "cpu_s": limits.cpu_s,
            "memory_bytes": limits.memory_bytes,
            "tasks": limits.processes * _TASKS_PER_PROCESS,
            "file_bytes": limits.file_bytes,
        }

    def _filter(self, command: Command) -> bytes:
        if self.level is Level.NONE:
            return b""
        if self.level is Level.BUBBLEWRAP:
            # Alone in its network namespace it may talk to itself: no abstract or internet socket
            # of the machine is there, and the mounts hide all others.
            return seccomp.compiled(network=True, unix_sockets=not command.network)
        version = confine.landlock_version()
        own = (confine.KEEPER, -confine.KEEPER, os.getpid(), -os.getpgid(0))
        return seccomp.compiled(
            network=command.network,
            modes=os.geteuid() == 0,
            truncation=version >= 3,
            newer_than=confine.KEEPER,
            unkillable=() if version >= 6 else own,
        )

    def _bubblewrapped(
        self, command: Command, scratch: Path, environment: Mapping[str, str]
    ) -> list[str]:
        size = ("--perms", "1777", "--size", str(max(command.limits.memory_bytes // 2, 1)))
        arguments = reach.bubblewrap_arguments(
            readable=command.readable,
            writable=(*command.writable, scratch),
            scratch=scratch,
            network=command.network,
            shared_memory=size if _bubblewrap_version() >= (0, 7) else (),
        )
        for name, value in environment.items():
            arguments += ["--setenv", name, value]
        arguments += ["--chdir", str(command.cwd), "--"]
        if os.geteuid() == 0:
            arguments += [shutil.which("setpriv", path=_PATH) or "setpriv", *_BECOME_NOBODY, "--"]
        return [_bubblewrap() or "bwrap", *arguments, *command.argv]


def _conversation(process: subprocess.Popen[bytes], pipes: Pipes, command: Command) -> Conversation:
    assert process.stdout is not None
    assert process.stderr is not None
    return Conversation(
        stdin=process.stdin,
        stdout=process.stdout,
        stderr=process.stderr,
        pipes=pipes,
        message=command.stdin,
        output_bytes=command.limits.output_bytes,
        results_bytes=command.limits.results_bytes,
        patience_s=command.limits.wall_s + _KEEPER_SLACK_S,
    )


def _is_there(command: Command) -> bool:
    """Look for the program outside; if it is merely out of sight inside, the start will tell."""
    program = command.argv[0] if command.argv else ""
    if "/" in program:
        return (command.cwd / program).is_file()
    return shutil.which(program, path=command.environment.get("PATH", _PATH)) is not None


@contextmanager
def _scratch() -> Iterator[Path]:
    """Make a private folder with a home and a folder for temporary files; remove it afterwards."""
    scratch = Path(tempfile.mkdtemp(prefix="perfbot-"))
    try:
        (scratch / "home").mkdir()
        (scratch / "tmp").mkdir()
        yield scratch.resolve()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _environment(command: Command, scratch: Path, results_fd: int) -> dict[str, str]:
    return {
        "PATH": _PATH,
        "HOME": str(scratch / "home"),
        "TMPDIR": str(scratch / "tmp"),
        "LANG": "C.UTF-8",
        "USER": "perfbot",
        "LOGNAME": "perfbot",
        "PYTHONDONTWRITEBYTECODE": "1",
        **command.environment,
        "PERFBOT_RESULTS_FD": str(results_fd),
    }


# --- starting the keeper ------------------------------------------------------------------------


@cache
def _compiled(module: ModuleType) -> CodeType:
    """Return a module of the keeper's compiled, which saves every start a few milliseconds."""
    source = Path(str(module.__file__))
    return compile(source.read_bytes(), str(source), "exec")


@contextmanager
def _keeper(
    task: "keeper.Task", plan: "confine.Plan", pipes: Pipes, command: Command
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the keeper; on the way out, however that is, everything it started is dead."""
    with tempfile.TemporaryFile() as file:
        work = (_compiled(confine), _compiled(keeper), dict(task), dict(plan))
        file.write(marshal.dumps(work))
        file.seek(0)
        ends = [end.fileno() for end in pipes.inherited()]
        launch = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(file.fileno())]
        process = subprocess.Popen(
            [*command.watched_by, *launch],
            env={},
            cwd="/",
            stdin=subprocess.PIPE if command.stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[file.fileno(), *ends],
            start_new_session=True,  # a Ctrl-C at the terminal is for perfbot to handle
        )
    try:
        for end in pipes.inherited():
            end.close()
        yield process
    finally:
        pipes.lifeline.writer.close()
        _wait(process)


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_KEEPER_SLACK_S)
    except subprocess.TimeoutExpired:
        process.kill()
    finally:
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()


class ToolError(Exception):
    """A tool that perfbot itself brings could not be run or did not answer."""


def run_tool(
    argv: Sequence[str], stdin: bytes, timeout_s: float, *, accepted: Sequence[int] = (0,)
) -> bytes:
    """Run a trusted tool of perfbot's own with an empty environment and return its standard output.

    ``accepted`` are the exit statuses that are no errors.

    Raises:
        ToolError: it cannot be started, takes longer than ``timeout_s``, or exits with an error.
    """
    try:
        done = subprocess.run(
            list(argv), input=stdin, capture_output=True, timeout=timeout_s, env={}, check=False
        )
        if done.returncode not in accepted:
            done.check_returncode()
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()[-500:]
        raise ToolError(f"{argv[0]} exited with {error.returncode}: {said}") from error
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{argv[0]} gave no answer within {timeout_s:g} s") from error
    except OSError as error:
        raise ToolError(f"{argv[0]} cannot be started: {error}") from error
    return done.stdout
