"""Processes in the target's interpreter: one job in, JSON lines out, everything through the sandbox."""

import json
import secrets
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from perfbot.profiling import messages
from perfbot.profiling.environment import Interpreter
from perfbot.profiling.messages import Message
from perfbot.profiling.sandbox import Command, Completed, Ending, Limits, Sandbox
from perfbot.profiling.tree import Tree

_INSIDE = Path(__file__).parent / "inside"
_TAIL_BYTES = 4000
FORGED = "something else than the harness wrote to the pipe of results"

# The same for every process: string hashes, and with them the order of sets, must not differ
# between the old and the new version; threads of numeric libraries would blur every measurement.
_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a process answered and how it ended."""

    completed: Completed
    messages: tuple[Message, ...]

    @property
    def finished(self) -> bool:
        """Whether the job was done to its end, by the process's own word and by its exit.

        The word is said once, as the last thing; a process that goes on after it, or that ends
        with a status other than 0, is not believed.
        """
        said = [number for number, each in enumerate(self.messages) if each.kind == "done"]
        if messages.FORGED in self.messages:
            return False
        exited = self.completed.ending is Ending.EXITED and self.completed.returncode == 0
        return exited and said == [len(self.messages) - 1]

    def contradicts(self, claimed_s: float) -> bool:
        """Say whether a time that the process claims for its work cannot be, by the keeper's clocks.

        It can take no longer than the process lived, and a process that used twice the processor
        time it claims, and two seconds, did something that it does not tell.
        """
        lived_s, used_s = self.completed.wall_s, self.completed.cpu_s
        return claimed_s > 1.05 * lived_s + 0.1 or used_s > 2 * claimed_s + 2

    def of_kind(self, kind: str) -> Iterator[Message]:
        """Yield the messages of one kind, in order."""
        return (message for message in self.messages if message.kind == kind)

    @property
    def trouble(self) -> str:
        """In words: how the process ended, with the tail of what it printed."""
        tail = (
            (self.completed.stderr or self.completed.stdout)[-_TAIL_BYTES:]
            .decode(errors="replace")
            .strip()
        )
        if messages.FORGED in self.messages:
            return FORGED
        how = self.completed.ending.value.replace("_", " ")
        if self.completed.ending is Ending.EXITED:
            how = _exit_in_words(self.completed.returncode)
        return f"{how}: {tail}" if tail else how


def _exit_in_words(returncode: int) -> str:
    if returncode >= 0:
        return f"ended with status {returncode}"
    known = signal.Signals(-returncode).name if -returncode in set(signal.Signals) else -returncode
    return f"was killed by {known}"


@dataclass(frozen=True, slots=True)
class Target:
    """Where the code under judgement runs: a sandbox, an interpreter, overlays after its packages."""

    sandbox: Sandbox
    interpreter: Interpreter
    overlay: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(
        self,
        job: Mapping[str, object],
        tree: Tree,
        *,
        limits: Limits,
        writable: bool = False,
        under: Sequence[str] = (),
        watched_by: Sequence[str] = (),
    ) -> Reply:
        """Do one job on a tree; ``writable`` lets the process write into the copy.

        ``under`` is a program that runs the interpreter inside the sandbox, ``watched_by`` one that
        starts the whole sandbox; both with their options.

        Raises:
            SandboxError: the process could not be started at all.
        """
        password = secrets.token_hex(16)
        described = {
            "password": password,
            "tree": str(tree.root),
            "roots": list(tree.roots),
            "path": [],
            "overlay": [str(folder) for folder in self.overlay],
            **job,
        }
        command = Command(
            argv=(*under, str(self.interpreter.executable), str(_INSIDE / "start.py")),
            cwd=tree.root,
            readable=(
                *self.interpreter.readable,
                *self.overlay,
                _INSIDE,
                *(() if writable else (tree.root,)),
            ),
            writable=(tree.root,) if writable else (),
            environment={**_ENVIRONMENT, **self.environment},
            stdin=json.dumps(described).encode(),
            limits=limits,
            watched_by=tuple(watched_by),
        )
        completed = self.sandbox.run(command)
        return Reply(completed, tuple(messages.read(completed.results, password)))
