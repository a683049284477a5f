"""``Runs`` by perfbot's own command line in a child process, which is killed when it is told to stop.

One of the doors to ``subprocess``. The child has an environment of its own (``child_environment``), a
process group of its own, and a leash (``leashed``): it ends with the worker. One child at a time
measures on a machine, whoever started it; people go before scans. What a child writes is bounded and
read like any input.
"""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import msgspec

from perfbot.bot.exits import Exit
from perfbot.bot.git import Refused, applied
from perfbot.bot.jobs import JobStopped, Stopped
from perfbot.bot.report import (
    Report,
    ReportFileError,
    Repository,
    from_document,
    from_json,
    samples_from_json,
)
from perfbot.bot.runs import Checkout, Ended, Found, RunFailed, Survey, Tick, Wish
from perfbot.bot.triggers import Priority
from perfbot.bot.words import visible
from perfbot.optimizer.call_queue import CancelledError
from perfbot.optimizer.machine_queue import MachineQueue
from perfbot.profiling.install_policy import TRUST_VARIABLE, Trust

WAITING = "waiting until this machine measures nothing else"
OVER_TIME = "it was ended after {minutes} minutes"
KILLED = "its process was killed (signal {signal}); too little memory is the commonest reason"
UNREADABLE = "what it wrote cannot be read: {why}"
ODD_PATCH = "a patch of its own does not apply: {why}"
_PHASE = "  · "  # how Progress begins the line of a phase
_POLL_S = 0.1
_SAY_S = 20.0
_GRACE_S = 1.0  # of the two seconds in which a run has to end
_SLACK_S = 3600.0
_TIMES_BUDGET = 4  # each run of the unchanged tests may take as long as the budget
_LONGEST_LINE_BYTES = 4096
_KEPT_LINES = 100
_LARGEST_BYTES = 16_000_000
_MESSAGE_LINES = 5
_ENDINGS = {
    Exit.USAGE: Ended.CONFIGURATION,
    Exit.REPOSITORY: Ended.REPOSITORY,
    Exit.NO_SANDBOX: Ended.NO_SANDBOX,
}
_RAN = frozenset({Exit.DONE, Exit.REJECTED, Exit.INCONCLUSIVE})


class ChildRuns:
    """See ``Runs``.

    Args:
        queue: shared by all workers of the machine; has one slot.
        environ: what a child may know of the worker's environment.
    """

    def __init__(self, queue: MachineQueue, environ: Mapping[str, str]) -> None:
        self._queue = queue
        self._environ = environ

    def survey(self, checkout: Checkout, wish: Wish, stopped: Stopped, tick: Tick) -> Survey:
        """See ``Runs``."""
        with _folder(checkout) as folder:
            arguments = ["profile", *_common(checkout, wish, folder), "--survey"]
            said = self._run(checkout, wish, arguments, stopped, tick)
        with _reading():
            document = msgspec.json.decode(said, type=_Surveyed)
            report = _named(from_document(document.report), checkout)
        return Survey(report, report.hotspots, document.worth, report.unchanged)

    def optimize(self, checkout: Checkout, wish: Wish, stopped: Stopped, tick: Tick) -> Found:
        """See ``Runs``."""
        with _folder(checkout) as folder:
            written = folder / "report"
            options = ["--report", str(written), "--time-budget", f"{_time_s(checkout, wish)}s"]
            arguments = ["optimize", *_common(checkout, wish, folder), *options]
            if wish.hint:
                arguments.append(f"--hint={wish.hint}")
            self._run(checkout, wish, arguments, stopped, tick)
            with _reading():
                return _found(written, checkout)

    def verify(
        self, checkout: Checkout, patch: bytes, wish: Wish, stopped: Stopped, tick: Tick
    ) -> Found:
        """See ``Runs``."""
        with _folder(checkout) as folder:
            (folder / "patch").write_bytes(patch)
            options = ["--patch", str(folder / "patch"), "--json"]
            limit = ["--time-budget", f"{_time_s(checkout, wish)}s"]
            arguments = ["verify", *_common(checkout, wish, folder), *options, *limit]
            said = self._run(checkout, wish, arguments, stopped, tick)
        with _reading():
            return Found(_named(from_json(said), checkout))

    def _run(
        self,
        checkout: Checkout,
        wish: Wish,
        arguments: Sequence[str],
        stopped: Stopped,
        tick: Tick,
    ) -> bytes:
        """Run perfbot when it is this run's turn; return what it printed.

        Raises:
            RunFailed: it came to no result.
            JobStopped: it was told to end.
        """
        limit_s = _SLACK_S + _TIMES_BUDGET * _time_s(checkout, wish)
        tick(WAITING)
        try:
            with self._queue.turn(wish.priority, _Asking(stopped)):
                environ = {**self._environ, TRUST_VARIABLE: _trust(checkout)}
                return _ran(arguments, environ, limit_s, stopped, tick)
        except CancelledError:
            raise JobStopped from None


@dataclass(frozen=True, slots=True)
class _Surveyed:
    """What ``perfbot profile --survey`` prints."""

    report: dict[str, object]
    worth: tuple[str, ...]


class _Asking(threading.Event):
    """An event that is set as soon as somebody says stop."""

    def __init__(self, stopped: Stopped) -> None:
        super().__init__()
        self._stopped = stopped

    def is_set(self) -> bool:
        return self._stopped()

    def wait(self, timeout: float | None = None) -> bool:
        super().wait(timeout)
        return self._stopped()


@contextmanager
def _folder(checkout: Checkout) -> Iterator[Path]:
    """Lend a folder beside the checkout, which no judged code can reach, with its configuration."""
    with TemporaryDirectory(prefix="run-", dir=checkout.folder.parent) as name:
        folder = Path(name)
        (folder / "perfbot.yml").write_bytes(checkout.settings)
        yield folder


def _common(checkout: Checkout, wish: Wish, folder: Path) -> list[str]:
    functions = [f"--function={name}" for name in wish.functions]
    return [
        str(checkout.folder),
        f"--config={folder / 'perfbot.yml'}",
        f"--known-as={checkout.known_as}",
        *functions,
        *(["--scan"] if wish.priority >= Priority.CHANGE else []),
    ]


def _trust(checkout: Checkout) -> str:
    return Trust.FORK if checkout.stranger else Trust.OWN


def _time_s(checkout: Checkout, wish: Wish) -> int:
    most_s = checkout.config.budget.time_s
    wanted_s = most_s if wish.time_s is None else min(wish.time_s, most_s)
    return max(1, round(wanted_s))


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (OSError, ReportFileError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RunFailed(Ended.BUG, UNREADABLE.format(why=error)) from None


def _named(report: Report, checkout: Checkout) -> Report:
    """Let a report say which commit it is about instead of where that lay."""
    names = tuple(
        replace(each, patch=Path(each.patch).name if each.patch else None, benchmark_file=None)
        for each in report.results
    )
    here = Repository(checkout.known_as, checkout.commit, dirty=False)
    return replace(report, repository=here, results=names)


def _found(folder: Path, checkout: Checkout) -> Found:
    report = _named(from_json(_content(folder / "report.json")), checkout)
    names = [each.patch for each in report.accepted if each.patch]
    patches = {name: _content(folder / name) for name in names}
    samples = samples_from_json(_content(folder / "samples.json"))
    return Found(report, patches, samples, changes(checkout, list(patches.values())))


def changes(checkout: Checkout, patches: Sequence[bytes]) -> dict[str, tuple[bytes | None, bytes]]:
    """Return each file that patches change, which stand on each other, before and after all of them.

    Raises:
        RunFailed: one does not apply.
    """
    now: dict[str, bytes] = {}
    for patch in patches:
        done = applied(patch, lambda path: now.get(path) or original(checkout, path))
        if isinstance(done, Refused):
            raise RunFailed(Ended.BUG, ODD_PATCH.format(why=done.reason))
        now.update(done.contents)
    return {path: (original(checkout, path), content) for path, content in now.items()}


def original(checkout: Checkout, path: str) -> bytes | None:
    """Return a file of the checkout, None where there is no regular one."""
    root = checkout.folder.resolve()
    file = (root / path).resolve()
    return file.read_bytes() if file.is_relative_to(root) and file.is_file() else None


def _content(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(_LARGEST_BYTES + 1)


def _ran(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    limit_s: float,
    stopped: Stopped,
    tick: Tick,
) -> bytes:
    """Run perfbot in a child; return what it printed."""
    with _Child(arguments, environ) as child:
        ends_s = time.monotonic() + limit_s
        said, say_again_s = "", 0.0
        while (code := child.ended(_POLL_S)) is None:
            if stopped():
                raise JobStopped
            if time.monotonic() > ends_s:
                raise RunFailed(Ended.TIMED_OUT, OVER_TIME.format(minutes=round(limit_s / 60)))
            if child.phase and (child.phase != said or time.monotonic() > say_again_s):
                said, say_again_s = child.phase, time.monotonic() + _SAY_S
                tick(said)
    if code in _RAN:
        return child.printed()
    if stopped():
        raise JobStopped
    message = KILLED.format(signal=-code) if code < 0 else child.last_words()
    raise RunFailed(_ENDINGS.get(Exit(code), Ended.BUG) if code > 0 else Ended.BUG, message)


class _Child:
    """A process group; nothing of it is left when the block ends."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        self.phase = ""
        self._out = bytearray()
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "perfbot.bot.leashed", *arguments],
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )
        self._pidfd = os.pidfd_open(self._popen.pid)
        assert self._popen.stdout
        assert self._popen.stderr
        self._readers = [
            threading.Thread(target=self._keep_output, args=(self._popen.stdout,), daemon=True),
            threading.Thread(target=self._hear, args=(self._popen.stderr,), daemon=True),
        ]

    def __enter__(self) -> "_Child":
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.ended(0) is None:
            self._popen.send_signal(signal.SIGTERM)  # so that it tidies up
            self.ended(_GRACE_S)
        with suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        os.close(self._pidfd)
        for reader in self._readers:
            reader.join(_GRACE_S)
        for stream in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            if stream:
                stream.close()

    def ended(self, within_s: float) -> int | None:
        """Return the exit code, None where it still runs after so many seconds.

        It stays a zombie until the block ends: nobody else can have the number of its group.
        """
        if not select.select([self._pidfd], [], [], within_s)[0]:
            return None
        status = os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOWAIT)
        assert status
        return status.si_status if status.si_code == os.CLD_EXITED else -status.si_status

    def printed(self) -> bytes:
        """Return its standard output; one that is too long is no document any more."""
        return bytes(self._out)

    def last_words(self) -> str:
        """Return why it ended, as it told a person."""
        return "\n".join(list(self._lines)[-_MESSAGE_LINES:])

    def _keep_output(self, stream: IO[bytes]) -> None:
        while chunk := stream.read(1 << 16):
            if len(self._out) <= _LARGEST_BYTES:
                self._out += chunk

    def _hear(self, stream: IO[bytes]) -> None:
        while line := stream.readline(_LONGEST_LINE_BYTES):
            text = line.decode("utf-8", "replace").rstrip("\n")
            if text.startswith(_PHASE):
                self.phase = visible(text.removeprefix(_PHASE))
            elif text.strip():
                self._lines.append(visible(text).removeprefix("perfbot: "))
